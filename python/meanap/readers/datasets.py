"""HuggingFace's `datasets.Dataset`, by its Arrow table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from meanap._arrays import kind_of
from meanap.errors import InputError, InputTypeError
from meanap.readers._nested import is_category
from meanap.readers._problems import Problems
from meanap.readers._reader import Options, Role
from meanap.readers.sides import GroundTruth
from meanap.readers.tables import Tables

__all__ = ["Datasets"]

#: Features whose values are large, and not needed.
_MEDIA = ("Audio", "Image", "Nifti", "Pdf", "Video")


class Datasets(Tables):
    """A row for each image, with its objects in a column ``objects`` or in lists, or a row for each object.

    Names of the categories are those of the feature `ClassLabel`.
    """

    name = "datasets"

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether it has features and can be read as Arrow, or is several of such."""
        several = isinstance(source, dict) and bool(source) and all(map(_is_dataset, source.values()))
        return several or _is_dataset(source)

    def table(self, source: Any, place: Role, options: Options) -> Any:
        """The rows as a table of pyarrow, in the order of the data set."""
        if isinstance(source, Mapping):
            raise InputTypeError(f"several data sets, expected one of {', '.join(map(repr, source))}", place)
        if not hasattr(source, "__len__"):
            raise InputTypeError(f"{kind_of(source)} is read only once, expected a datasets.Dataset", place)
        names = [name for name in source.column_names if type(source.features[name]).__name__ not in _MEDIA]
        if not names:
            raise InputError("a data set without other columns than images", place)
        return source.select_columns(names).with_format("arrow")[:]

    def ground_truth(self, source: Any, options: Options, problems: Problems) -> GroundTruth:
        """The objects of all images."""
        truth = super().ground_truth(source, options, problems)
        names = _class_names(source.features)
        if names is not None:
            truth.names = dict(enumerate(names))
            truth.categories = list(truth.names)
        return truth


def _is_dataset(value: Any) -> bool:
    return all(hasattr(value, name) for name in ("features", "with_format", "column_names", "select_columns"))


def _class_names(feature: Any, name: str = "") -> list[str] | None:
    """The names of the first feature of categories that has them."""
    if is_category(name) and isinstance(getattr(feature, "names", None), list):
        return list(feature.names)
    within = feature.items() if isinstance(feature, Mapping) else [(name, getattr(feature, "feature", None))]
    found = (_class_names(part, key) for key, part in within if part is not None)
    return next((names for names in found if names is not None), None)
