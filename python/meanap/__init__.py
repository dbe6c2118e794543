"""Every mean average precision from one Rust core."""

from meanap._core import __version__

__all__ = ["__version__"]
