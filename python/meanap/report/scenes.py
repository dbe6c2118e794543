"""The images with most mistakes: what is there, what was said, and the picture if there is one."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from meanap import _core
from meanap.report.outline import outline, path_of_polygons

__all__ = ["scenes"]

#: Longest side of an embedded picture, in pixels, and how it is compressed.
_SIDE, _QUALITY = 480, 70
#: Objects drawn in one image: beyond that nothing can be seen.
_MOST = 150


def scenes(
    ground_truth: Mapping[str, Any],
    detections: Any,
    similarity: str,
    rows: list[dict[str, Any]],
    score: float,
    iou: float,
    folder: Path | None,
    federated: bool = False,
) -> list[dict[str, Any]]:
    """What to draw for each of `rows` (image ids and counts): size, picture, objects and detections with their fate.

    Fates are those of COCO's matching at `iou` of the detections of at least `score`: an object is ``found``,
    ``missed`` or ``crowd``; a detection ``right``, ``wrong`` or ``ignored``. With `federated` (LVIS) detections are
    judged only where their category was looked for.
    """
    if not rows:
        return []
    if folder is not None:
        pillow()
        if not folder.is_dir():
            raise NotADirectoryError(20, "there is no such folder of images", str(folder))
    wanted = {row["image"] for row in rows}
    truth = _of_images(ground_truth, wanted)
    said = [record for record in _records_of(detections, wanted) if record["score"] >= score]
    images = {image["id"]: image for image in truth["images"]}
    if federated:
        there = {(entry["image_id"], entry["category_id"]) for entry in truth["annotations"]}
        there |= {(id, category) for id, image in images.items() for category in image.get("neg_category_ids", ())}
        said = [record for record in said if (record["image_id"], record["category_id"]) in there]
    matched = _matched(truth, said, similarity, iou)
    return [
        {
            **row,
            "name": str(images[row["image"]].get("file_name", "")),
            **_size(images[row["image"]], matched[row["image"]]),
            "picture": None if folder is None else _picture(folder, images[row["image"]].get("file_name")),
            "marks": matched[row["image"]][:_MOST],
            "left_out": max(0, len(matched[row["image"]]) - _MOST),
        }
        for row in rows
    ]


def _of_images(ground_truth: Mapping[str, Any], wanted: set[Any]) -> dict[str, Any]:
    return {
        "images": [image for image in ground_truth["images"] if image["id"] in wanted],
        "annotations": [dict(entry) for entry in ground_truth["annotations"] if entry["image_id"] in wanted],
        "categories": list(ground_truth.get("categories", ())),
    }


def _records_of(detections: Any, wanted: set[Any]) -> list[dict[str, Any]]:
    if isinstance(detections, (str, os.PathLike)):
        dataset = _core.read_results(detections)
        columns = {name: dataset.column(name) for name in ("image_id", "category_id", "score", "bbox")}
        simple = dataset.first_fields() <= set(columns) and all(column is not None for column in columns.values())
        if dataset.fallback is None and simple:
            rows = [i for i, id in enumerate(columns["image_id"] or ()) if id in wanted]
            return [{name: column[i] for name, column in columns.items() if column} for i in rows]
        detections = dataset.load()
    if isinstance(detections, Mapping):
        detections = detections.get("annotations", ())
    return [dict(record) for record in detections if record["image_id"] in wanted]


def _matched(truth: dict[str, Any], said: list[dict[str, Any]], similarity: str, iou: float) -> dict[Any, list[Any]]:
    """The marks of each image, by COCO's own matching of these few images."""
    import contextlib

    from meanap.coco import COCO, COCOeval

    names = {category["id"]: str(category.get("name", category["id"])) for category in truth["categories"]}
    skeletons = {category["id"]: category.get("skeleton") or [] for category in truth["categories"]}
    sizes = {image["id"]: (image.get("height"), image.get("width")) for image in truth["images"]}
    # Ids of our own: a ground truth of id 0 could not be matched.
    for number, entry in enumerate(truth["annotations"], 1):
        entry["id"] = number
        entry.setdefault("iscrowd", 0)
        entry.setdefault("area", 0.0)
        if similarity == "keypoints" and "num_keypoints" not in entry:
            entry["num_keypoints"] = sum(v > 0 for v in entry.get("keypoints", ())[2::3])
    # Where not every object of a category is labelled, one that matches none is no mistake.
    partly = {(image["id"], c) for image in truth["images"] for c in image.get("not_exhaustive_category_ids", ())}
    marks: dict[Any, list[Any]] = {image["id"]: [] for image in truth["images"]}
    found, fates = set(), {}
    if said:
        with contextlib.redirect_stdout(io.StringIO()):
            ours = COCO(truth)
            evaluator = COCOeval(ours, ours.loadRes(said), similarity)
            evaluator.params.iouThrs = np.array([iou])
            evaluator.params.areaRng = [[0, 1e10]]
            evaluator.params.areaRngLbl = ["all"]
            evaluator.evaluate()
        for cell in evaluator.evalImgs:
            if cell is None:
                continue
            found |= {int(id) for id, match in zip(cell["gtIds"], cell["gtMatches"][0], strict=True) if match}
            unsure = (cell["image_id"], cell["category_id"]) in partly
            for id, match, ignored in zip(cell["dtIds"], cell["dtMatches"][0], cell["dtIgnore"][0], strict=True):
                fates[int(id)] = "ignored" if ignored or (unsure and not match) else "right" if match else "wrong"
    for entry in truth["annotations"]:
        fate = "crowd" if entry["iscrowd"] else "found" if entry["id"] in found else "missed"
        marks[entry["image_id"]].append(
            {"kind": "truth", "fate": fate, "name": names.get(entry["category_id"], str(entry["category_id"])),
             **_geometry(entry, similarity, sizes.get(entry["image_id"]), skeletons.get(entry["category_id"]))}
        )  # fmt: skip
    for number, record in enumerate(said, 1):
        marks[record["image_id"]].append(
            {"kind": "said", "fate": fates.get(number, "ignored"), "score": float(record["score"]),
             "name": names.get(record["category_id"], str(record["category_id"])),
             **_geometry(record, similarity, sizes.get(record["image_id"]), skeletons.get(record["category_id"]))}
        )  # fmt: skip
    rank = {"missed": 0, "wrong": 1, "right": 2, "found": 3, "crowd": 4, "ignored": 5}
    for several in marks.values():
        several.sort(key=lambda mark: (rank[mark["fate"]], -mark.get("score", 0.0)))
    return marks


def _geometry(record: dict[str, Any], similarity: str, size: Any, skeleton: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"box": None, "path": None, "joints": None}
    if similarity == "segm" and record.get("segmentation") is not None:
        told["path"] = _path(record["segmentation"], size)
    if similarity == "keypoints" and record.get("keypoints"):
        joints = np.asarray(record["keypoints"], dtype=np.float64).reshape(-1, 3)
        there = joints[:, 2] > 0
        told["joints"] = [[round(x, 1), round(y, 1)] for x, y in joints[there, :2].tolist()]
        told["path"] = "".join(
            f"M{joints[a - 1, 0]:.1f} {joints[a - 1, 1]:.1f}L{joints[b - 1, 0]:.1f} {joints[b - 1, 1]:.1f}"
            for a, b in skeleton or ()
            if there[a - 1] and there[b - 1]
        )
    if record.get("bbox") is not None and len(record["bbox"]) == 4 and similarity != "segm":
        told["box"] = [round(float(x), 1) for x in record["bbox"]]
    return told


def _path(shape: Any, size: Any) -> str:
    from meanap.coco import mask

    if isinstance(shape, list):
        return path_of_polygons(shape)
    if isinstance(shape.get("counts"), list):
        shape = mask.frPyObjects(shape, *(size or shape["size"]))
    return outline(mask.decode(shape))


def _size(image: Mapping[str, Any], marks: list[dict[str, Any]]) -> dict[str, Any]:
    """Width and height as declared, or as the boxes need."""
    width, height = image.get("width"), image.get("height")
    if not width or not height:
        boxes = np.array([mark["box"] for mark in marks if mark["box"]], dtype=np.float64).reshape(-1, 4)
        ends = boxes[:, :2] + boxes[:, 2:]
        width, height = (float(x) for x in ends.max(axis=0)) if len(ends) else (640.0, 480.0)
    return {"width": float(width), "height": float(height)}


def pillow() -> Any:
    """The library that reads pictures.

    Raises
    ------
    ImportError
        It is not there.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError("a report with images needs Pillow: pip install 'meanap[report]'") from error
    return Image


def _picture(folder: Path, name: Any) -> str | None:
    """The picture, made small, as a data URL; None if it is not in the folder or cannot be read."""
    if not isinstance(name, str) or not name:
        return None
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
        # COCO's folders are flat, whatever the name says.
        path = folder / Path(name).name
        if not path.is_file():
            return None
    image_module = pillow()
    try:
        with image_module.open(path) as opened:
            opened.draft("RGB", (_SIDE, _SIDE))
            # Boxes are those of the picture as it lies in the file: it is not turned as its camera says.
            small = opened.convert("RGB")
            small.thumbnail((_SIDE, _SIDE))
            written = io.BytesIO()
            small.save(written, "JPEG", quality=_QUALITY, optimize=True)
    except (OSError, ValueError, SyntaxError, image_module.DecompressionBombError):
        return None
    return "data:image/jpeg;base64," + base64.b64encode(written.getvalue()).decode("ascii")
