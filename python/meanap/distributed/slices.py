"""Slices of the images whose objects are on a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from meanap.detection.image_fields import KnownFields
from meanap.detection.result import Result
from meanap.detection.slices import images_of_slices, wanted_slices

if TYPE_CHECKING:
    from meanap.distributed.contract import Plan
    from meanap.readers import GroundTruth

__all__ = ["ClusterSlices"]


class ClusterSlices:
    """The slices that an evaluation on a cluster is to have.

    Parameters
    ----------
    plan
        The settings of the evaluation.
    slices
        As for `meanap.evaluate`.

    Raises
    ------
    InputError
        They cannot be used.
    """

    def __init__(self, plan: Plan, slices: Any) -> None:
        self._wanted = wanted_slices(slices)
        #: Takes the fields of the images that the slices name.
        self.fields: KnownFields = KnownFields(plan.protocol, self._wanted.names)

    @property
    def are_wanted(self) -> bool:
        """Whether there are any."""
        return bool(self._wanted.parts)

    @property
    def values(self) -> dict[str, dict[Any, Any]]:
        """The fields that have been taken: values by image id."""
        return self.fields.values

    def take(self, truth: GroundTruth) -> None:
        """Take the fields of a ground truth that was read on the driver."""
        if self.fields.needed:
            self.fields.take(truth.image_fields, truth.sizes)

    def images_of(self, counts: pa.Table) -> dict[str, pa.Array]:
        """The images of each slice, of images with their numbers of objects, which may come in parts."""
        total = counts.group_by("image_id").aggregate([("objects", "sum")]).sort_by("image_id")
        images = _Images(total["image_id"].to_pylist(), total["objects_sum"].to_pylist(), self.values)
        found = images_of_slices(self._wanted, images, self.fields.names)
        ids = total["image_id"].combine_chunks()
        return {name: ids.filter(pa.array(counted)) for name, counted in found.items()}

    def of_matches(self, result: Result) -> Result:
        """A result that has the match rows, with these slices."""
        if not self.are_wanted:
            return result
        return Result(result.scores, images_of_slices(self._wanted, result.scores, self.fields.names))


class _Images:
    """The images of a cluster, as slices are made of them."""

    def __init__(self, ids: list[Any], objects: list[int], fields: dict[str, dict[Any, Any]]) -> None:
        self.image_ids = ids
        self.image_fields = fields
        self._objects = objects

    def objects_of_images(self) -> list[int]:
        """How many objects are to be found in each image."""
        return self._objects
