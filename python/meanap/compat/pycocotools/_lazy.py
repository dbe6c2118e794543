"""Lazy attributes, created on first access."""

from __future__ import annotations

import copyreg
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar


class _Storage:
    """Base whose ``__dict__`` holds the attributes: reading it creates none."""


_DICT = vars(_Storage)["__dict__"]


def stored(instance: Any) -> dict[str, Any]:
    """The attributes that an object has so far."""
    own: dict[str, Any] = _DICT.__get__(instance) if isinstance(instance, _Storage) else vars(instance)
    return own


class Lazy(_Storage):
    """Creates the attributes in ``_lazy`` when they are read, and all of them when ``__dict__`` is.

    So ``vars()``, ``dir()``, ``other.__dict__.update(self.__dict__)`` and ``del`` behave as if all attributes
    existed from the start. Within the package ``stored`` reads without creating.
    """

    _lazy: ClassVar[tuple[str, ...]] = ()
    #: The attribute that holds what they are made of.
    _origin: ClassVar[str]

    def _make(self, name: str) -> None:
        """Puts the attribute, and perhaps others, into ``stored(self)`` if it is still to be created."""
        raise NotImplementedError

    def _make_all(self) -> dict[str, Any]:
        """Creates all attributes that do not exist yet."""
        own = stored(self)
        for name in self._lazy:
            if name not in own:
                self._make(name)
        own.pop(self._origin, None)
        return own

    __dict__ = property(
        lambda self: self._make_all(),
        lambda self, attributes: _DICT.__set__(self, attributes),
        lambda self: _DICT.__delete__(self),
    )

    if not TYPE_CHECKING:  # Subclasses declare what is made.

        def __getattr__(self, name: str) -> Any:
            if name in self._lazy:
                self._make(name)
                own = stored(self)
                if name in own:
                    return own[name]
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __delattr__(self, name: str) -> None:
        if name in self._lazy:
            self._make_all()
        super().__delattr__(name)

    def __getstate__(self) -> Any:
        slots = slots_of(self)
        return (stored(self), slots) if slots else stored(self)


def slots_of(instance: Lazy) -> dict[str, Any]:
    """What is in the slots that subclasses have added."""
    names = copyreg._slotnames(type(instance))  # type: ignore[attr-defined]
    return {name: getattr(instance, name) for name in names if hasattr(instance, name)}


def may_wait(instance: Lazy, names: Iterable[str]) -> bool:
    """Whether these attributes can be created on access: no subclass overrides attribute access."""
    cls = type(instance)
    if any(
        getattr(cls, name) is not getattr(Lazy, name) for name in ("__getattr__", "__getattribute__", "__delattr__")
    ):
        return False
    return not any(hasattr(cls, name) for name in names)
