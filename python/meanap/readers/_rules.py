"""All problems of an input by their codes: the level, what is wrong, and what to do.

`Problem`, `meanap.check` and the page of the documentation take their words from here.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

__all__ = ["RULES", "Level", "Rule", "markdown"]

#: Errors make a score incorrect or impossible, warnings are likely errors in the data, notes are information.
Level: TypeAlias = Literal["error", "warning", "note"]


class Rule(NamedTuple):
    """What one code means."""

    #: What it is about: one of the groups of the documentation.
    about: str
    level: Level
    what: str
    remedy: str


#: By code, in the order of the documentation.
RULES: dict[str, Rule] = {
    "broken-file": Rule(
        "files", "error",
        "a file cannot be read",
        "Give the file itself; one that a download or a job has left in half is to be written again.",
    ),
    "broken-line": Rule(
        "files", "error",
        "lines are no JSON",
        "Write one object on each line; was the file cut off?",
    ),
    "wrong-kind-of-file": Rule(
        "files", "error",
        "a file holds something else than was expected",
        "Give the file that other tools are given.",
    ),
    "swapped-sides": Rule(
        "files", "error",
        "ground truth and detections are swapped",
        "Give the ground truth first.",
    ),
    "no-annotations": Rule(
        "files", "error",
        'there is no array "annotations"',
        "Give a COCO data set.",
    ),
    "no-images": Rule(
        "files", "error",
        'there is no array "images", so nothing can be checked against it',
        'Add "images".',
    ),
    "no-categories": Rule(
        "files", "error",
        'there is no array "categories", so nothing can be checked against it',
        'Add "categories".',
    ),
    "no-objects": Rule(
        "files", "error",
        "there are no objects, so there is nothing to find",
        "Is this the file?",
    ),
    "no-detections": Rule(
        "files", "error",
        "there are no detections",
        "Is this the file?",
    ),
    "malformed-record": Rule(
        "records", "error",
        "records are no objects",
        "Write objects.",
    ),
    "missing-field": Rule(
        "records", "error",
        "records lack a field that is needed",
        "Give each record the field.",
    ),
    "ambiguous-field": Rule(
        "records", "error",
        "fields or columns may be understood in two ways",
        "Say which it is by the option that the message names.",
    ),
    "malformed-difficulty": Rule(
        "records", "error",
        '"difficulty" is no level',
        "Write 1 (easy), 2 (moderate), 3 (hard), or 4 for what counts at none.",
    ),
    "wrong-length": Rule(
        "label files", "error",
        "lines have another number of columns than the format",
        "Detections end with a confidence (Ultralytics: `save_conf=True`), annotations have none.",
    ),
    "not-a-number": Rule(
        "label files", "error",
        "there is something else in place of a number",
        "Write finite numbers.",
    ),
    "not-a-fraction": Rule(
        "label files", "error",
        "coordinates are no fractions of the image",
        "Divide by the width and the height of the image.",
    ),
    "wrong-geometry": Rule(
        "label files", "error",
        "labels are of another task: boxes in place of polygons, for example",
        "Evaluate boxes, or give the labels of the task.",
    ),
    "oriented-boxes": Rule(
        "label files", "warning",
        "all lines have four corners; the upright boxes around them are evaluated",
        "`similarity=\"rotated\"` compares them as rotated boxes.",
    ),
    "other-shape": Rule(
        "label files", "warning",
        "shapes are neither boxes nor polygons, and are left out",
        "Nothing to do, if they are not to be found.",
    ),
    "confidence-elsewhere": Rule(
        "label files", "warning",
        "boxes leave their images as they are read, and would not if the confidence stood elsewhere",
        "Give the format that is named.",
    ),
    "unreadable-image": Rule(
        "label files", "error",
        "the header of an image does not show its size",
        "`sizes=` gives the height and width of each image.",
    ),
    "no-split": Rule(
        "label files", "error",
        "the images that a `data.yaml` names are not there",
        "Give the folder of labels itself.",
    ),
    "malformed-id": Rule(
        "ids", "error",
        "ids are neither whole numbers nor strings",
        "Use the ids of the ground truth.",
    ),
    "float-id": Rule(
        "ids", "note",
        "ids are written with a decimal point: other tools may not take them for whole numbers",
        "Write whole numbers.",
    ),
    "text-id": Rule(
        "ids", "note",
        "annotation ids are texts: `meanap.evaluate` takes them, pycocotools and `meanap eval` do not",
        "Number the annotations from 1.",
    ),
    "zero-id": Rule(
        "ids", "error",
        "an annotation has the id 0: pycocotools, and tools like it, never count it as found",
        "Number the annotations from 1.",
    ),
    "duplicate-id": Rule(
        "ids", "error",
        "annotation ids are there more than once: for pycocotools the last annotation stands for all of them",
        "Renumber the annotations from 1.",
    ),
    "duplicate-image-id": Rule(
        "ids", "error",
        "image ids are there more than once: of COCO's images the last one stands for all, items and rows of images "
        "cannot be used",
        "Give each one an id of its own; make one item of all objects of an image, and remove copies.",
    ),
    "duplicate-category-id": Rule(
        "ids", "error",
        "category ids are there more than once: their objects cannot be distinguished",
        "Give each one an id of its own.",
    ),
    "duplicate-category-name": Rule(
        "ids", "warning",
        "categories share a name",
        "Are they one? Then merge them.",
    ),
    "unknown-image": Rule(
        "ids", "error",
        "records name images that the ground truth does not declare",
        'Add the images to "images", or remove the records.',
    ),
    "unknown-category": Rule(
        "ids", "error",
        "records name categories that the ground truth does not declare",
        'Add the categories to "categories", or remove the records.',
    ),
    "ambiguous-name": Rule(
        "ids", "error",
        "names stand for several images or categories of the ground truth",
        "Give the ids of the ground truth, or names of files with their folders.",
    ),
    "named-ids": Rule(
        "ids", "note",
        "names of files or categories, or numbers as texts, stand for ids: `meanap.evaluate` looks them up, "
        "pycocotools does not",
        "Write the ids of the ground truth.",
    ),
    "image-offset": Rule(
        "ids", "error",
        "image ids are counted otherwise than those of the ground truth",
        "Write the ids of the ground truth.",
    ),
    "category-offset": Rule(
        "ids", "error",
        "category ids are counted otherwise than those of the ground truth",
        "Write the ids of the ground truth.",
    ),
    "category-permutation": Rule(
        "ids", "error",
        "categories stand for one another: detections of each lie on objects of another",
        "Look up which id the detector's outputs have in the ground truth: the order of its classes is another.",
    ),
    "malformed-box": Rule(
        "boxes", "error",
        "boxes are not four finite numbers with a size of at least 0",
        "Write [x, y, width, height].",
    ),
    "empty-box": Rule(
        "boxes", "warning",
        "boxes have no width or no height, so that they overlap nothing",
        "Remove them; or, if the second corner was written for the size, subtract the first.",
    ),
    "box-outside-image": Rule(
        "boxes", "warning",
        "boxes reach beyond their image by more than a pixel",
        "Clip them; if there are many, are they those of a resized image, or of another?",
    ),
    "xyxy-boxes": Rule(
        "boxes", "error",
        "boxes read like two corners (x1, y1, x2, y2); expected x, y, width, height",
        "Write [x1, y1, x2 - x1, y2 - y1].",
    ),
    "normalised-boxes": Rule(
        "boxes", "error",
        "all boxes lie between 0 and 1: shares of the image, not pixels",
        "Multiply x and width by the image's width, y and height by its height.",
    ),
    "box-frame": Rule(
        "boxes", "error",
        "boxes are in another format, or of images of another size",
        "Write x, y, width and height in pixels of the image.",
    ),
    "broken-mask": Rule(
        "masks", "error",
        "masks cannot be decoded",
        "Write polygons of at least three corners, or run lengths that cover the image.",
    ),
    "mask-size": Rule(
        "masks", "error",
        "masks are not of their image's size",
        "Write height and width of the image, in this order, as the size.",
    ),
    "mask-off-box": Rule(
        "masks", "warning",
        "masks and boxes disagree: an edge is off by more than two pixels and a tenth of the box",
        "Make the boxes from the masks, or find out which of them is correct.",
    ),
    "masks-missing": Rule(
        "masks", "warning",
        'results lack "segmentation": their boxes are compared as masks',
        "Give the detector's masks, or compare boxes.",
    ),
    "image-without-size": Rule(
        "masks", "note",
        "images have no height and width; masks cannot be rasterised, and boxes not checked against them",
        "Add them.",
    ),
    "malformed-area": Rule(
        "masks", "error",
        '"area" is no finite number of at least 0',
        "Write the area in pixels.",
    ),
    "area-off": Rule(
        "masks", "warning",
        'the "area" disagrees with the mask or the box, so objects are in the wrong area range',
        "Make the areas from the masks, or where there are none from the boxes.",
    ),
    "malformed-keypoints": Rule(
        "keypoints", "error",
        '"keypoints" are not three finite numbers for each point',
        "Write [x1, y1, v1, x2, y2, v2, …], the visibility 0, 1 or 2.",
    ),
    "keypoint-count": Rule(
        "keypoints", "error",
        "poses have another number of keypoints than others, or than there are sigmas",
        "Write all points of each pose, those without a label as 0, 0, 0; or give other sigmas.",
    ),
    "keypoint-sigmas": Rule(
        "keypoints", "warning",
        "poses have another number of keypoints than COCO has sigmas",
        "Give sigmas: `--sigmas`, or `sigmas=` in Python.",
    ),
    "malformed-num-keypoints": Rule(
        "keypoints", "error",
        '"num_keypoints" is no number',
        "Write how many of the points are labelled (visibility above 0).",
    ),
    "num-keypoints-missing": Rule(
        "keypoints", "error",
        'objects with keypoints have no "num_keypoints": pycocotools stops at them',
        "Write how many of the points are labelled (visibility above 0).",
    ),
    "num-keypoints-off": Rule(
        "keypoints", "warning",
        '"num_keypoints" disagrees with the points that are labelled',
        "Count the points with a visibility above 0.",
    ),
    "crowd-flag": Rule(
        "crowds", "error",
        '"iscrowd" is not 0 or 1; a text is true, "0" too, and makes the object a crowd that need not be found',
        "Write the number 0 or 1.",
    ),
    "everything-is-crowd": Rule(
        "crowds", "error",
        'all objects are crowds ("iscrowd" is true of each), so there is nothing to find and no AP',
        'Write "iscrowd": 0 for single objects.',
    ),
    "bad-score": Rule(
        "scores", "error",
        "scores are no numbers: such detections are ranked last",
        "See where the NaN comes from.",
    ),
    "score-range": Rule(
        "scores", "warning",
        "scores are not between 0 and 1",
        "Only their order counts for AP; thresholds and calibration want shares of 1.",
    ),
    "constant-scores": Rule(
        "scores", "error",
        "all scores are the same: their order, and so AP, is arbitrary",
        "Write the detector's confidence; without one, use precision and recall instead of AP.",
    ),
    "rounded-scores": Rule(
        "scores", "warning",
        "scores are rounded to few decimals, and the order of equal ones is arbitrary",
        "Write more digits; `Result.ties` gives the range over all orders.",
    ),
    "cut-scores": Rule(
        "scores", "note",
        "detections with low scores were cut off, which lowers AP",
        "For AP keep detections down to about 0.001.",
    ),
    "duplicate-object": Rule(
        "coverage", "warning",
        "objects are there twice: same image, category and box; one of each pair cannot be found",
        "Remove the copies.",
    ),
    "duplicate-detection": Rule(
        "coverage", "warning",
        "detections are there twice: same image, category, box and score; each copy is a false positive",
        "Did several workers evaluate the same images? Keep one of each.",
    ),
    "copied-ground-truth": Rule(
        "coverage", "error",
        "detections have exactly the boxes of objects: the ground truth was copied, or has leaked",
        "Give the detector's own output.",
    ),
    "too-many-detections": Rule(
        "coverage", "note",
        "detections beyond the 100 best of a category in an image; COCO ignores them",
        "Nothing to do, or give other `max_detections`.",
    ),
    "category-without-objects": Rule(
        "coverage", "note",
        "categories have no object to be found; they have no AP and are left out of the mean",
        "No action is needed if that is correct; in a subset of a data set it is common.",
    ),
    "never-predicted": Rule(
        "coverage", "warning",
        "categories have objects and not a single detection; their AP is 0",
        "Does the detector know them, under these ids?",
    ),
    "image-without-detections": Rule(
        "coverage", "warning",
        "images with objects have no detection",
        "Did the detector see all images? A job that was cut short leaves some out.",
    ),
    "label-errors": Rule(
        "labels", "note",
        "confident detections disagree with the ground truth",
        "Review them in this order: the ground truth is likely incorrect.",
    ),
}  # fmt: skip


def markdown() -> str:
    """The table of the documentation."""
    lines = ["| about | code | level | what is wrong | what to do |", "|---|---|---|---|---|"]
    for code, rule in RULES.items():
        lines.append(f"| {rule.about} | `{code}` | {rule.level} | {rule.what} | {rule.remedy} |")
    return "\n".join(lines) + "\n"
