"""Which images a report draws: those with most errors, of all classes and of each, and those that changed most."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from meanap.detection.derived import worst_of_classes
from meanap.report.records import records
from meanap.report.scenes import Scenes
from meanap.report.settings import ReportInputs, Settings
from meanap.report.views import Choices

if TYPE_CHECKING:
    from meanap.detection import Result
    from meanap.detection.errors import Errors
    from meanap.table import Table

__all__ = ["Images"]

#: Images that are drawn for two results, and those for single classes.
_CHANGED, _OF_CLASSES = 8, 16


class Images:
    """The images that are drawn: those with most errors, and those that changed most between two results.

    Those with most errors of single classes are among them, or come after those with most errors of all.
    """

    def __init__(self) -> None:
        self.worst: list[dict[str, Any]] = []
        self.changed: tuple[list[dict[str, Any]], list[dict[str, Any]]] = ([], [])
        self._scenes: list[Scenes] = []
        #: The scenes whose fates are not known at each IoU threshold.
        self._unknown: set[int] = set()

    @classmethod
    def of(
        cls,
        result: Result,
        versus: Result | None,
        inputs: ReportInputs,
        settings: Settings,
        choices: Choices,
        order: Table,
    ) -> Images:
        """The images to draw; none without inputs. `order` has the counts of all images, most errors first."""
        images = cls()
        if not inputs.are_there:
            return images
        images.worst = [row for row, _ in zip(order, range(settings.worst), strict=False)]
        images.worst += _of_classes(result, choices, order, min(settings.worst, _OF_CLASSES), images.worst)
        if versus is not None and inputs.versus is not None:
            before = versus.per_image(choices.iou, score=choices.versus_score)
            images.changed = _changed(before, order, min(settings.worst, _CHANGED))
        wanted = {row["image"] for row in (*images.worst, *images.changed[1])}
        if wanted:
            part = records(result, inputs.ground_truth, inputs.detections, inputs.reading, wanted)
            images._scenes.append(Scenes(result, part))
        if images.changed[0] and versus is not None:
            wanted = {row["image"] for row in images.changed[0]}
            part = records(versus, inputs.ground_truth, inputs.versus, inputs.reading, wanted, part)
            images._scenes.append(Scenes(versus, part))
        return images

    def add(self, place: int, iou: float, errors: Errors | None) -> None:
        """Take the fates of objects and detections from the error table of the result (0) or of the baseline (1)."""
        if errors is None:
            self._unknown.add(place)
        elif place < len(self._scenes):
            self._scenes[place].add(iou, errors)

    def drawn(self, choices: Choices, folder: Path | None) -> dict[str, Any]:
        """What is drawn of them."""
        fields: dict[str, Any] = {"scenes": [], "changed": []}
        if self._scenes and 0 not in self._unknown:
            fields["scenes"] = self._scenes[0].draw(self.worst, choices.score, choices, folder)
            if len(self._scenes) > 1 and 1 not in self._unknown:
                scores = choices.versus_scores[choices.first], choices.score
                drawn = (
                    scenes.draw(rows, score, choices, folder)
                    for scenes, rows, score in zip(self._scenes[::-1], self.changed, scores, strict=True)
                )
                fields["changed"] = list(zip(*drawn, strict=True))
        return fields


def _of_classes(
    result: Result, choices: Choices, order: Table, most: int, there: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The rows of the images with most errors of a class that are not there yet, the classes with most of them first.

    Their ``classes`` are the positions of those that they are drawn for.
    """
    worst = worst_of_classes(result.scores, choices.iou, choices.score, order["image"])
    known = {row["image"] for row in there}
    chosen: dict[Any, set[int]] = {}
    for k, (errors, id) in sorted(enumerate(worst), key=lambda pair: -pair[1][0]):
        if errors and id not in known and (id in chosen or len(chosen) < most):
            chosen.setdefault(id, set()).add(k)
    return [{**row, "classes": chosen[row["image"]]} for row in order if row["image"] in chosen]


def _changed(before: Table, after: Table, most: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows of the images whose errors differ most between two results, from tables of all images."""
    first, second = ({row["image"]: row for row in table} for table in (before, after))

    def errors(row: dict[str, Any]) -> int:
        count: int = row["false_positives"] + row["false_negatives"]
        return count

    moved = [(id, abs(errors(row) - errors(first[id]))) for id, row in second.items() if id in first]
    chosen = [id for id, difference in sorted(moved, key=lambda pair: -pair[1])[:most] if difference]
    return [first[id] for id in chosen], [second[id] for id in chosen]
