"""Objects that hold data: `meanap.GroundTruth`, `meanap.Detections`, what a reader has made, and `COCO` objects."""

from __future__ import annotations

from typing import Any

from meanap import _core
from meanap.readers._problems import Problems
from meanap.readers._reader import Holder, Options, Reader, Role, Truth
from meanap.readers.coco import Coco
from meanap.readers.sides import Detections, GroundTruth

__all__ = ["CocoObjects", "OwnObjects"]


class OwnObjects(Reader):
    """`meanap.GroundTruth`, `meanap.Detections` and columns of the core, as they are."""

    name = "columns"

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether it is one of these."""
        return isinstance(source, GroundTruth if role == "ground_truth" else (Detections, _core.Objects))

    def ground_truth(self, source: Any, options: Options, problems: Problems) -> GroundTruth:
        """The ground truth itself."""
        del options, problems
        truth: GroundTruth = source
        return truth

    def detections(
        self, source: Any, options: Options, problems: Problems, truth: Truth | None
    ) -> Detections | _core.Objects:
        """The detections themselves."""
        del options, problems, truth
        found: Detections | _core.Objects = source
        return found


class CocoObjects(Holder):
    """A `COCO` object: its `dataset`, also that of `loadRes`."""

    name = "coco-object"

    def sniff(self, source: Any, role: Role) -> bool:
        """Whether it has what such objects have."""
        return not isinstance(source, type) and all(
            hasattr(source, name) for name in ("dataset", "getAnnIds", "loadRes")
        )

    def held(self, source: Any, role: Role, problems: Problems) -> tuple[Reader, Any]:
        """Its data set."""
        return Coco(), source.dataset
