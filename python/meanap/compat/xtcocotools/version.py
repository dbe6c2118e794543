"""The version of xtcocotools whose API this is."""

__all__ = ["short_version"]

short_version = "1.14.3"
