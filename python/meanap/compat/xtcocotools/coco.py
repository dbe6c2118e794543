"""`COCO` of xtcocotools: pycocotools' with data in memory, selected keypoints, and results that may be empty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from meanap._files import read_json
from meanap.compat.pycocotools._lazy import stored
from meanap.compat.pycocotools.coco import COCO as _COCO
from meanap.compat.xtcocotools import mask as maskUtils

if TYPE_CHECKING:
    from meanap._types import CocoDataset, CocoResult, IdOrIds, PathLike

__all__ = ["COCO", "maskUtils"]


class COCO(_COCO):
    """A ground truth, or the results that `loadRes` made.

    Annotations without ``iscrowd`` get False.

    Parameters
    ----------
    annotation_file
        Path of a COCO JSON file.
    test_index
        Positions of the keypoints that are evaluated; None for all.
    ann_data
        In place of the file's content, a dictionary of the same layout.

    Attributes
    ----------
    anno_file
        The path, followed by that of the first results.

    Raises
    ------
    OSError
        if the file cannot be read.
    AssertionError
        if it is not a JSON object.
    """

    def __init__(
        self,
        annotation_file: PathLike | None = None,
        test_index: Sequence[int] | np.ndarray | None = None,
        ann_data: dict[str, Any] | CocoDataset | None = None,
    ) -> None:
        super().__init__()
        self.anno_file: list[Any] = [annotation_file]
        self.test_index = test_index
        given: Any = ann_data
        if given is None:
            if annotation_file is None:
                return
            given = read_json(annotation_file)
        if type(given) is not dict:
            raise AssertionError(f"annotation file format {type(given)} not supported")
        self.dataset = given
        self.createIndex()

    def createIndex(self) -> None:
        """Makes the indices from `dataset`, completes ``iscrowd``, and selects keypoints."""
        for annotation in self.dataset.get("annotations", ()):
            annotation.setdefault("iscrowd", False)
            if self.test_index is not None:
                points = np.array(annotation["keypoints"]).reshape(-1, 3)
                annotation["keypoints"] = points[self.test_index, :].reshape(-1).tolist()
        super().createIndex()

    def getAnnIds(
        self, imgIds: IdOrIds = (), catIds: IdOrIds = (), areaRng: Sequence[float] = (), iscrowd: bool | None = None
    ) -> list[Any]:
        """Ids of the annotations that pass all filters; the smallest area of a range belongs to it."""
        ids = super().getAnnIds(imgIds, catIds, (), iscrowd)
        if len(areaRng) == 0:
            return ids
        least, greatest = areaRng
        return [id for id in ids if least <= self.anns[id]["area"] < greatest]

    def loadRes(
        self,
        resFile: PathLike | Sequence[CocoResult | Mapping[str, object]] | np.ndarray,
        resData: list[dict[str, Any]] | None = None,
    ) -> COCO:
        """Results of this ground truth as a data set of their own; see `meanap.COCO.loadRes`.

        Parameters
        ----------
        resFile
            Path of a JSON file, a list of dicts (which get new fields), or an array `(N, 7)`. Without results the data
            set has the images of the ground truth.
        resData
            In place of the file's content, a list of dicts.

        Raises
        ------
        AssertionError
            if the results are no list, or of an image that the ground truth does not have.
        """
        if len(self.anno_file) == 1:
            self.anno_file.append(resFile)
        given: Any = resFile
        if not isinstance(given, (list, np.ndarray)):
            given = resData if resData is not None else read_json(given)
        results = COCO()
        if type(given) is list and not given:
            results.dataset = {"images": list(self.dataset["images"]), "annotations": []}
            _COCO.createIndex(results)
            return results
        found = super().loadRes(given)
        results = COCO.__new__(COCO)
        stored(results).update(stored(found))
        results.anno_file, results.test_index = [None], None
        return results
