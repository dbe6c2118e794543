"""Registers meanap under the names of other packages, for frameworks that import them by name.

meanap's modules go into `sys.modules` under the other package's names. What a framework has bound already
(`from pycocotools.coco import COCO` at the top of a module, a subclass of `COCOeval`) is bound again: module
attributes that are that package's own modules, classes and functions are replaced by meanap's of the same name,
and so are the bases of subclasses. Names bound elsewhere (in a closure, an instance, a default argument) are
out of reach.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Literal, TypeAlias

PackageName: TypeAlias = Literal["faster_coco_eval", "lvis", "panopticapi", "pycocotools", "pytrec_eval", "xtcocotools"]

# The modules of each package.
_MODULES: dict[PackageName, tuple[str, ...]] = {
    "faster_coco_eval": (
        *("", ".version", ".core", ".core.coco", ".core.cocoeval", ".core.faster_eval_api", ".core.mask"),
        *(".utils", ".utils.pytorch", ".utils.pytorch.coco_eval"),
    ),
    "lvis": ("", ".eval", ".lvis", ".results", ".vis"),
    "panopticapi": ("", ".evaluation", ".utils"),
    "pycocotools": ("", ".coco", ".cocoeval", ".mask", "._mask"),
    "pytrec_eval": ("",),
    "xtcocotools": ("", ".coco", ".cocoeval", ".mask", "._mask", ".version"),
}


def init_as(package: PackageName) -> None:
    """Registers the module of this name in `meanap.compat` as the package itself, permanently.

    It makes no difference whether the package is installed, or was imported before::

        import meanap.compat

        meanap.compat.init_as("lvis")

        from lvis import LVISEval

    Raises
    ------
    ValueError
        There is no such module.
    """
    _stand_in(package)


@contextmanager
def standing_in(package: PackageName) -> Iterator[None]:
    """As `init_as`, for the length of a `with` block; afterwards, also after an exception, everything is as it was.

    Raises
    ------
    ValueError
        There is no such module.

    Examples
    --------
    >>> import meanap.compat
    >>> with meanap.compat.standing_in("xtcocotools"):
    ...     from xtcocotools.cocoeval import COCOeval
    >>> COCOeval.__module__
    'meanap.compat.xtcocotools.cocoeval'
    """
    undo = _stand_in(package)
    try:
        yield
    finally:
        undo()


def init_as_pycocotools() -> None:
    """Registers meanap as pycocotools permanently, before or after a framework has imported pycocotools.

    After these lines `pycocotools.coco.COCO` is `meanap.COCO`, and so on, for the whole process::

        import meanap

        meanap.init_as_pycocotools()

    It makes no difference whether pycocotools is installed. To hold on to pycocotools' own classes as well
    (for a comparison, say) keep them in something other than a module's own names, which are rebound.
    """
    init_as("pycocotools")


@contextmanager
def as_pycocotools() -> Iterator[None]:
    """Puts meanap in pycocotools' place for the length of a `with` block.

    Afterwards, also after an exception, everything that was replaced is as it was. What a module that was
    first imported inside the block has bound is its own, and stays.

    >>> import meanap
    >>> with meanap.as_pycocotools():
    ...     from pycocotools import mask
    >>> mask is meanap.mask
    True
    """
    with standing_in("pycocotools"):
        yield


def init_as_faster_coco_eval() -> None:
    """Registers `meanap.compat.faster_coco_eval` as faster_coco_eval permanently.

    As `init_as_pycocotools` does for pycocotools, before or after a framework has imported faster_coco_eval, and
    whether or not that is installed::

        import meanap

        meanap.init_as_faster_coco_eval()
    """
    init_as("faster_coco_eval")


@contextmanager
def as_faster_coco_eval() -> Iterator[None]:
    """Puts `meanap.compat.faster_coco_eval` in faster_coco_eval's place for the length of a `with` block.

    Afterwards, also after an exception, everything that was replaced is as it was; see `as_pycocotools`.

    >>> import meanap
    >>> with meanap.as_faster_coco_eval():
    ...     from faster_coco_eval import COCOeval_faster
    >>> COCOeval_faster.__module__
    'meanap.compat.faster_coco_eval.core.faster_eval_api'
    """
    with standing_in("faster_coco_eval"):
        yield


def _stand_in(package: PackageName) -> Callable[[], None]:
    """Replaces all there is to replace and returns what undoes it."""
    if package not in _MODULES:
        raise ValueError(f"package: expected one of {', '.join(map(repr, _MODULES))}, found {package!r}")
    ours = {f"{package}{name}": importlib.import_module(f"meanap.compat.{package}{name}") for name in _MODULES[package]}
    theirs = {name: sys.modules[name] for name in ours if name in sys.modules and sys.modules[name] is not ours[name]}
    undone: list[Callable[[], None]] = []
    before = set(sys.modules)

    def undo() -> None:
        # What was first imported from our package under the other one's name belongs to our package.
        for name in [name for name in sys.modules if name.startswith(f"{package}.") and name not in before]:
            if name not in ours:
                del sys.modules[name]
        while undone:
            undone.pop()()

    try:
        twins = _twins(theirs, ours)
        for name, module in ours.items():
            undone.append(_put(sys.modules, name, module))
        for namespace in _namespaces(theirs):
            for name, value in list(namespace.items()):
                twin = twins.get(id(value))
                if twin is not None:
                    undone.append(_put(namespace, name, twin))
        for theirs_class, our_class in _classes(theirs, ours):
            undone.extend(_rebase(theirs_class, our_class))
    except BaseException:
        undo()
        raise
    return undo


def _twins(theirs: dict[str, ModuleType], ours: dict[str, ModuleType]) -> dict[int, Any]:
    """Our object for the `id` of each of the other package's own modules, classes and functions."""
    twins = {}
    for name, module in theirs.items():
        twins[id(module)] = ours[name]
        for attribute, value in vars(module).items():
            twin = vars(ours[name]).get(attribute)
            home = getattr(value, "__module__", None)
            if twin is not None and callable(value) and isinstance(home, str) and home in ours:
                twins[id(value)] = twin
    return twins


def _classes(theirs: dict[str, ModuleType], ours: dict[str, ModuleType]) -> Iterator[tuple[type, type]]:
    for name, module in theirs.items():
        for attribute, value in vars(module).items():
            twin = vars(ours[name]).get(attribute)
            if isinstance(value, type) and isinstance(twin, type) and value.__module__ == name:
                yield value, twin


def _namespaces(theirs: dict[str, ModuleType]) -> Iterator[dict[str, Any]]:
    """The names of all imported modules except those of the other package and meanap."""
    for name, module in list(sys.modules.items()):
        if name in theirs or name.partition(".")[0] == "meanap":
            continue
        try:
            # Not `vars`: a module that is to be imported when first used must not be imported by this look.
            namespace = object.__getattribute__(module, "__dict__")
        except AttributeError:
            continue
        if isinstance(namespace, dict):
            yield namespace


def _put(names: dict[str, Any], name: str, value: Any) -> Callable[[], None]:
    """Binds a name and returns what binds it as before, unless other code has bound it since."""
    there = name in names
    before = names.get(name)
    names[name] = value

    def undo() -> None:
        if names.get(name) is not value:
            return
        if there:
            names[name] = before
        else:
            del names[name]

    return undo


def _rebase(base: type, twin: type) -> Iterator[Callable[[], None]]:
    """Gives the direct subclasses of `base` the base `twin`, and yields what undoes it."""
    subclass: type
    for subclass in base.__subclasses__():
        if subclass.__module__.partition(".")[0] == base.__module__.partition(".")[0]:
            # The other package's own: who holds on to it needs it as it is.
            continue
        before = subclass.__bases__
        after = tuple(twin if each is base else each for each in before)
        try:
            subclass.__bases__ = after
        except TypeError:
            # A layout or an order of bases that Python cannot change: the subclass keeps what it had.
            continue

        def undo(subclass: type = subclass, before: tuple[type, ...] = before, after: tuple[type, ...] = after) -> None:
            if subclass.__bases__ == after:
                subclass.__bases__ = before

        yield undo
