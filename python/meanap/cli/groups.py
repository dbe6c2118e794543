"""Option groups that commands share, and their validation before any file is read."""

from __future__ import annotations

import argparse
import dataclasses
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from meanap._keywords import did_you_mean
from meanap._similarity import ONLY_OF, SIMILARITIES, meant_similarity
from meanap.cli import numbers, output
from meanap.cli.errors import UsageError
from meanap.errors import InputError

if TYPE_CHECKING:
    from meanap.protocol import Protocol

Arguments: TypeAlias = "argparse._ActionsContainer"

#: The area ranges that the lines of COCO's summary are about.
_COCO_AREAS = {"keypoints": ("all", "medium", "large")}
#: How many lines of COCO's summary each have a limit of their own.
_COCO_LIMITS = 3


def path(text: str) -> Path:
    """A path, as argparse takes it: an empty text, as of a variable that is not set, is none."""
    if _words(text) == "-":
        raise argparse.ArgumentTypeError("expected the path of a file, found -: standard input is none")
    return Path(text)


def output_path(text: str) -> Path:
    """A path to be written to, ``-`` for standard output."""
    return Path(_words(text))


def _words(text: str) -> str:
    """A text that is a path or something else: it must not be empty."""
    if not text:
        raise argparse.ArgumentTypeError("expected a path, found an empty text")
    return text


def examples(*commands: str) -> str:
    """What stands at the end of a command's help."""
    return "\n  ".join(["examples:", *commands])


def _similarity(text: str) -> str:
    if text not in SIMILARITIES:
        raise argparse.ArgumentTypeError(
            f"expected one of {', '.join(SIMILARITIES)}; found {text}{meant_similarity(text)}"
        )
    return text


def add_similarity(parser: Arguments, default: str | None = "bbox") -> None:
    """The options `--similarity`, `--sigmas`, `--angle` and `--clockwise`."""
    otherwise = "what the records have" if default is None else default
    parser.add_argument(
        "--similarity", type=_similarity, choices=SIMILARITIES, default=default,
        help="what is compared: boxes, masks, masks with their boundaries, polygons as they are drawn, keypoints, "
        "rotated boxes, 3D boxes by their volumes, from above or by their centres, segments of time, or boxes by GIoU, "
        "DIoU or CIoU "
        f"(default: {otherwise})",
    )  # fmt: skip
    # What users of pycocotools type: its iouType.
    parser.add_argument(
        "--iou-type", dest="similarity", choices=SIMILARITIES, default=argparse.SUPPRESS, help=argparse.SUPPRESS
    )
    parser.add_argument(
        "--sigmas", type=numbers.sigmas, metavar="NAME|0.026,0.025,…",
        help="a set of keypoints, if they are not COCO's 17: crowdpose, halpe26, halpe136, wholebody, foot, face68, "
        "hand21 or ap10k; or the sigma of each",
    )  # fmt: skip
    add_angles(parser)


def add_angles(parser: Arguments) -> None:
    """The options `--angle` and `--clockwise`."""
    parser.add_argument(
        "--angle", choices=("degrees", "radians"),
        help="the unit of the angles of rotated boxes (default: as the protocol has them; coco: degrees)",
    )  # fmt: skip
    parser.add_argument(
        "--clockwise", action=argparse.BooleanOptionalAction,
        help="whether rotated boxes turn clockwise (default: as the protocol has them; coco: counter-clockwise)",
    )  # fmt: skip


def add_protocol(parser: argparse.ArgumentParser) -> None:
    """What is evaluated, and how: the protocol, its changes, and the categories."""
    add_sources(parser)
    group = parser.add_argument_group("protocol")
    group.add_argument(
        "--protocol", default="coco", metavar="NAME",
        help="coco (default; the numbers of pycocotools), lvis, torchmetrics, ultralytics, voc2007 or voc2012; "
        "openimages, openimages-challenge, visdrone, crowdhuman, citypersons, citypersons-small, citypersons-heavy, "
        "citypersons-all, widerface; of masks cityscapes, youtubevis; of segments of time activitynet, thumos; of "
        "keypoints crowdpose; of rotated boxes coco-rotated, dota, mmrotate or ultralytics-obb; kitti or kitti-r11; "
        "nuscenes",
    )  # fmt: skip
    add_similarity(group)
    group.add_argument(
        "--iou-thresholds", type=numbers.thresholds, metavar="0.5,0.75",
        help="thresholds of the similarity (coco: 0.50:0.05:0.95)",
    )  # fmt: skip
    group.add_argument(
        "--area-ranges", type=numbers.ranges, metavar="all:0:1e10,small:0:1024",
        help="names and bounds of the area ranges; one of them is all",
    )  # fmt: skip
    group.add_argument(
        "--max-dets", type=numbers.rising_counts, metavar="1,10,100",
        help="limits of the detections of a category in an image",
    )  # fmt: skip
    group.add_argument("--categories", type=numbers.words, metavar="NAME,ID,…", help="evaluate only these")
    group.add_argument("--no-cats", action="store_true", help="ignore categories: all objects are one class")


def add_slices(parser: argparse.ArgumentParser) -> None:
    """The options `--slices` and `--ignore-regions`."""
    group = parser.add_argument_group("images", "numbers of some of the images, and regions that are not labelled")
    group.add_argument(
        "--slices", type=numbers.words, action="extend", metavar="FIELD,…|FILE.json",
        help="fields of the images, a slice for each value (four of many numbers or dates); objects is the number of "
        "objects in an image, image_area its height times its width; or a JSON object with the ids, ranges or "
        "values of named slices",
    )  # fmt: skip
    group.add_argument(
        "--ignore-regions", metavar="FIELD",
        help="a field of the images with a list of polygons, in which a detection that matches nothing does not count",
    )  # fmt: skip


def slices_of(options: argparse.Namespace) -> Any:
    """What `--slices` says, as `meanap.evaluate` takes it.

    Raises
    ------
    UsageError
        A file stands beside something else.
    """
    words = getattr(options, "slices", None)
    if words is None or not any(word.endswith(".json") for word in words):
        return words
    if len(words) > 1:
        raise UsageError(f"--slices: expected fields, or one file; found {', '.join(words)}")
    from meanap._files import read_json

    return read_json(Path(words[0]))


def add_sources(parser: argparse.ArgumentParser, *, lenient: bool = True) -> None:
    """How sources are read: `--format`, `--box-format`, `--names`, `--images`, and `--lenient` if so."""
    group = parser.add_argument_group("input")
    group.add_argument(
        "--format", type=numbers.words, metavar="NAME[,NAME]",
        help="the format, or that of the ground truth and that of the detections (default: recognised)",
    )  # fmt: skip
    group.add_argument(
        "--box-format", choices=("xyxy", "xywh", "cxcywh"), default="xyxy",
        help="boxes of tables and lists whose names of columns do not say it: two corners (default), a corner and the "
        "size, or the centre and the size",
    )  # fmt: skip
    group.add_argument(
        "--names", type=_words, metavar="FILE|NAME,…",
        help="names of the categories: data.yaml, JSON, or text with one on each line; or those of ids 0, 1, …",
    )  # fmt: skip
    group.add_argument(
        "--images", type=path, metavar="DIR",
        help="folder of the images, for formats that need their sizes, and for a report to draw on (requires Pillow)",
    )  # fmt: skip
    if lenient:
        add_lenient(group, "records that cannot be used, and say how many")


def add_lenient(parser: Arguments, what: str) -> None:
    """The option `--lenient`."""
    parser.add_argument("--lenient", action="store_true", help=f"leave out {what}")


def add_output(parser: Arguments, what: str = "the numbers", silent: str = "do not print tables") -> None:
    """The options `--output-format`, `--json` and `--quiet`."""
    parser.add_argument(
        "--output-format", choices=output.FORMATS,
        help="write the table in this format to standard output, all else to standard error",
    )  # fmt: skip
    parser.add_argument("--json", type=_words, metavar="OUT", help=f'write {what} as JSON; "-" is standard output')
    add_quiet(parser, silent)


def add_quiet(parser: Arguments, silent: str) -> None:
    """The option `--quiet`."""
    parser.add_argument("--quiet", action="store_true", help=silent)


def add_report(parser: Arguments, baseline: str = "") -> None:
    """The option `--report`, and `--versus` with this name for its argument."""
    parser.add_argument("--report", type=path, metavar="OUT", help="also write an HTML report to this file")
    if baseline:
        parser.add_argument(
            "--versus", type=path, metavar=baseline,
            help="of a baseline, for the report: differences are candidate minus baseline",
        )  # fmt: skip


def check_report(options: argparse.Namespace) -> None:
    """Checks `--report` before anything is read.

    Raises
    ------
    UsageError
        There is a baseline, and no report.
    FileNotFoundError
        The folder to write to is not there.
    """
    if options.report is None and getattr(options, "versus", None) is not None:
        raise UsageError("--versus is for the report: add --report OUT")
    if options.report is not None:
        from meanap.report.settings import check_target

        check_target(options.report)


def add_progress(parser: Arguments) -> None:
    """The option `--progress`."""
    parser.add_argument(
        "--progress", action=argparse.BooleanOptionalAction,
        help="report on standard error how far work of more than a second is (default: on a terminal)",
    )  # fmt: skip


def add_sampling(parser: Arguments, resamples: int = 1000) -> None:
    """How intervals are made: `--confidence` and `--resamples`."""
    parser.add_argument("--confidence", type=numbers.inside, default=0.95, metavar="0.95", help="of intervals (0.95)")
    parser.add_argument(
        "--resamples", type=numbers.count, default=resamples, metavar="N",
        help=f"bootstrap resamples of the images (default {resamples})",
    )  # fmt: skip


def shows_progress(options: argparse.Namespace) -> bool:
    """Whether progress is shown."""
    return bool(sys.stderr.isatty() if options.progress is None else options.progress)


def check_similarity(options: argparse.Namespace) -> None:
    """Rejects options that the similarity does not use."""
    if options.sigmas is not None and options.similarity not in (None, ONLY_OF["sigmas"]):
        raise UsageError(f"--sigmas: only --similarity {ONLY_OF['sigmas']} uses it, found {options.similarity}")
    for name in ("angle", "clockwise"):
        if getattr(options, name) is not None and options.similarity not in (None, ONLY_OF[name]):
            raise UsageError(f"--{name}: only --similarity {ONLY_OF[name]} uses it, found {options.similarity}")


def protocol_of(options: argparse.Namespace) -> Protocol:
    """The protocol that the options of `add_protocol` describe.

    Raises
    ------
    UsageError
        They contradict each other.
    """
    from meanap import protocol

    check_similarity(options)
    try:
        rules = protocol.get(options.protocol, options.similarity)
    except InputError as error:
        raise UsageError(f"--{error}") from error
    changes: list[tuple[str, dict[str, Any]]] = []
    if options.iou_thresholds is not None:
        changes.append(("--iou-thresholds", {"thresholds": tuple(options.iou_thresholds)}))
    if options.area_ranges is not None:
        changes.append(("--area-ranges", {"area_ranges": dict(options.area_ranges)}))
    if options.max_dets is not None:
        changes.append(("--max-dets", {"max_detections": tuple(options.max_dets)}))
    if options.sigmas is not None:
        changes.append(("--sigmas", {"sigmas": options.sigmas}))
    for name in ("angle", "clockwise"):
        if getattr(options, name) is not None:
            changes.append((f"--{name}", {name: getattr(options, name)}))
    if options.no_cats:
        # DIFFERENCE: the reference looks keypoints up under a category that is not there, and matches none.
        changes.append(("--no-cats", {"by_category": False}))
    for option, change in changes:
        try:
            rules = rules.replace(**change)
        except InputError as error:
            raise UsageError(f"{option}: {error}") from error
    if options.similarity == ONLY_OF["sigmas"] and rules.sigmas is None:
        raise UsageError(f"--sigmas: {options.protocol} has none, give one for each keypoint")
    if "all" not in rules.area_ranges:
        raise UsageError("--area-ranges: the numbers of categories are of the range all; give it too")
    return _as_pycocotools(rules, options.similarity) if options.protocol == "coco" else rules


def _as_pycocotools(rules: Protocol, similarity: str) -> Protocol:
    """COCO's numbers as pycocotools has them, where there are other limits and where an object has id 0.

    An object with id 0 is unmatched. Numbers are under the third limit, AP under 100 detections and all numbers of
    keypoints under 20, where these are among the limits.
    """
    limits = rules.max_detections
    common, first = (limits[_COCO_LIMITS - 1] if len(limits) > _COCO_LIMITS else limits[-1]), 100
    if similarity == "keypoints":
        common, first = limits[-1], 20
    first = first if first in limits else common
    if {common, first} != {limits[-1]}:
        firsts = {row.name for row in rules.summary} if similarity == "keypoints" else {"ap"}
        rows = [
            dataclasses.replace(row, limit=row.limit or (first if row.name in firsts else common))
            for row in rules.summary
        ]
        rules = rules.replace(summary=tuple(rows))
    return rules.replace(zero_id_unmatched=True)


def check_text(options: argparse.Namespace, rules: Protocol) -> None:
    """Rejects limits and area ranges that pycocotools' text has no lines for.

    Raises
    ------
    UsageError
        The text of the protocol coco has lines for others.
    """
    if options.protocol != "coco":
        return
    if options.similarity != "keypoints" and len(rules.max_detections) < _COCO_LIMITS:
        raise UsageError("--max-dets: the summary of boxes and masks has three limits; give three numbers")
    needed = _COCO_AREAS.get(options.similarity, ("all", "small", "medium", "large"))
    if missing := [name for name in needed if name not in rules.area_ranges]:
        raise UsageError(f"--area-ranges: the summary has a row for {', '.join(missing)}; give it too")


def check_numbers(names: list[str], rules: Protocol) -> None:
    """Rejects names of numbers that the summary does not have.

    Those of a category are ``ap/NAME``, those of a slice ``ap:SLICE``.
    """
    from meanap.detection.scores import NUMBERS

    known = list(dict.fromkeys([*(row.name for row in rules.summary), *NUMBERS]))
    for name in names:
        if re.split("[/:]", name, maxsplit=1)[0] not in known:
            hint = did_you_mean(re.split("[/:]", name, maxsplit=1)[0], known)
            raise UsageError(f"no number {name!r}; there are {', '.join(known)}{hint}")
