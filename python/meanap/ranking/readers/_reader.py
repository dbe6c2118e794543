"""What a reader is: a format of judgements and runs that can be recognised and read."""

from __future__ import annotations

import abc
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from meanap import _core
from meanap._arrays import shown
from meanap.errors import InputError, InputTypeError

if TYPE_CHECKING:
    from meanap._types import DuplicateRule

__all__ = ["FIELDS", "Options", "Reader", "Role", "Run", "is_path", "name_of", "names_of"]

#: What columns hold.
FIELDS = ("query", "document", "grade", "score", "rank")
#: Which side of an evaluation is read.
Role: TypeAlias = Literal["qrels", "run"]


@dataclass(frozen=True)
class Options:
    """How judgements and runs are read.

    Parameters
    ----------
    columns
        The user's names of the columns ``query``, ``document``, ``grade``, ``score`` and ``rank``: a name, several of
        which the first that is there counts, or None where there is no such column.
    format
        The name of the reader of files, whatever they look like.
    duplicates
        What a document gives that is judged twice for a query.

    Raises
    ------
    InputError
        A column is called by another name.
    """

    columns: Mapping[Any, str | Sequence[str] | None] = field(default_factory=dict)
    format: str | None = None
    duplicates: DuplicateRule = "error"

    def __post_init__(self) -> None:
        if not isinstance(self.columns, Mapping):
            expected = "a mapping from what a column holds to its name"
            raise InputTypeError(f"columns: expected {expected}, found {shown(self.columns)}")
        for name in self.columns:
            if name not in FIELDS:
                raise InputError(
                    f"columns: no column is called {name!r}, expected some of {', '.join(map(repr, FIELDS))}"
                )


@dataclass(frozen=True)
class Run:
    """A run as the core holds it.

    Attributes
    ----------
    core
        The lists that have documents.
    without
        Queries whose list is empty.
    source
        What it is called in errors.
    """

    core: _core.Run
    without: tuple[Any, ...] = ()
    source: str = "run"

    @property
    def query_ids(self) -> list[Any]:
        """The queries: those with documents first."""
        return [*self.core.query_ids, *self.without]


class Reader(abc.ABC):
    """A format: how it is recognised, and how it is read.

    Attributes
    ----------
    name : str
        What ``format=`` calls it.
    """

    name: str = ""

    @abc.abstractmethod
    def sniff(self, source: Any, options: Options) -> bool:
        """Whether this reader reads the source; without reading more than the beginning of a file."""

    @abc.abstractmethod
    def qrels(self, source: Any, options: Options) -> _core.Qrels:
        """The judgements."""

    @abc.abstractmethod
    def run(self, source: Any, options: Options) -> Run | dict[Any, Any]:
        """The answers; a dictionary of dictionaries stays one."""


def names_of(given: Any) -> list[Any]:
    """The user's names of a column, of which the first that is there counts: one, several, or none."""
    if given is None:
        return []
    return list(given) if isinstance(given, (list, tuple)) else [given]


def is_path(source: Any) -> bool:
    """Whether it names a file."""
    return isinstance(source, (str, os.PathLike))


def name_of(source: Any, role: Role) -> str:
    """What a source is called in errors: the file, or the argument."""
    return os.fsdecode(source) if is_path(source) else role
