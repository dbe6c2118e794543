"""`meanap eval`: COCO evaluation of a file of detections."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meanap._files import read_json
from meanap._similarity import NAMES
from meanap.cli import gate, inputs, numbers, output, tables
from meanap.cli.errors import UsageError, about, as_input

if TYPE_CHECKING:
    from meanap.cli.inputs import Commands
    from meanap.compat.pycocotools import COCO, COCOeval
    from meanap.detection import Result


def add_parser(commands: Commands) -> None:
    """Add this command's arguments."""
    parser = commands.add_parser(
        "eval",
        help="evaluate detections against ground truth",
        description="Evaluate detections (COCO results format) against ground truth (COCO format) and print "
        "the summary that pycocotools prints, with the same numbers.",
    )
    parser.add_argument("ground_truth", type=Path, metavar="GROUND_TRUTH")
    parser.add_argument("detections", type=Path, metavar="DETECTIONS")
    parser.add_argument("--iou-type", choices=NAMES, default="bbox", help="default: bbox")
    output.add_json(parser)
    parser.add_argument("--per-class", action="store_true", help="a table with a row for each category")
    parser.add_argument("--max-dets", type=numbers.rising_counts, metavar="1,10,100", help="limits of detections")
    parser.add_argument("--iou-thresholds", type=numbers.thresholds, metavar="0.5,0.75", help="default: 0.50:0.05:0.95")
    parser.add_argument(
        "--area-ranges",
        type=_ranges,
        metavar="all:0:1e10,small:0:1024",
        help="names and bounds of the area ranges; the summary shows all, small, medium and large",
    )
    parser.add_argument("--categories", metavar="NAME,ID,...", help="evaluate only these")
    parser.add_argument("--no-cats", action="store_true", help="ignore categories: all objects are one class")
    parser.add_argument("--quiet", action="store_true", help="do not print tables")
    inputs.add_sigmas(parser)
    gate.add_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Evaluate, print, write, judge."""
    _check(options)
    paths = options.ground_truth, options.detections
    with inputs.explained(options, options.detections, all_fields=True), as_input(*paths):
        evaluator = evaluate(options)
    verdicts: list[gate.Verdict] = []
    told: dict[str, Any] = {}
    with output.tables(options, options.quiet):
        evaluator.summarize()
        classes = tables.per_class(evaluator) if options.per_class else None
        if classes is not None:
            print()
            print(tables.table(classes))
    if gate.asked(options):
        verdicts, told = gate.judge(options, *_resampled(options, evaluator))
    if options.json:
        output.write_json(options.json, {**tables.as_json(evaluator, classes), **told}, indent=2)
    # --quiet suppresses tables only: gates print their lines.
    with output.tables(options):
        for verdict in verdicts:
            print(verdict)
    return 0 if all(verdict.passed for verdict in verdicts) else gate.SHUT


def _resampled(options: argparse.Namespace, evaluator: COCOeval) -> tuple[Result, Callable[[Path], Result]]:
    """The same evaluation as a result that can be resampled, and the function that gives that of other detections."""
    import dataclasses

    import meanap
    from meanap.detection.scores import MatchScores

    params = evaluator.params
    changes: dict[str, Any] = {
        "thresholds": [float(threshold) for threshold in params.iouThrs],
        "max_detections": tuple(int(cap) for cap in params.maxDets),
        "area_ranges": {
            name: (float(low), float(high)) for name, (low, high) in zip(params.areaRngLbl, params.areaRng, strict=True)
        },
        "by_category": bool(params.useCats),
    }
    if options.sigmas is not None:
        changes["sigmas"] = options.sigmas
    chosen = list(params.catIds) if options.categories is not None and params.useCats else None

    def evaluated(path: Path) -> Result:
        with inputs.explained(options, path):
            result = meanap.evaluate(options.ground_truth, path, options.iou_type, **changes)
        if chosen is None:
            return result
        rows = tuple(dataclasses.replace(row, group="chosen") for row in result.protocol.summary)
        rules = result.protocol.replace(summary=rows)
        groups = {"chosen": chosen}
        scores = MatchScores(result.scores.table, rules, result.similarity, names=result.names, groups=groups)
        return meanap.Result(scores)

    return evaluated(options.detections), evaluated


def evaluate(options: argparse.Namespace) -> COCOeval:
    """The evaluator after `accumulate`, for parsed arguments."""
    from meanap import COCO, COCOeval

    with about(options.ground_truth), as_input(options.ground_truth):
        ground_truth = COCO(options.ground_truth)
    with about(options.detections), as_input(options.detections):
        detections = _results(ground_truth, options.detections)
    evaluator = COCOeval(ground_truth, detections, options.iou_type)
    params = evaluator.params
    if options.max_dets is not None:
        params.maxDets = options.max_dets
    if options.iou_thresholds is not None:
        import numpy as np

        params.iouThrs = np.array(options.iou_thresholds)
    if options.sigmas is not None:
        import numpy as np

        params.kpt_oks_sigmas = np.array(options.sigmas)
    if options.area_ranges is not None:
        params.areaRngLbl = [label for label, _, _ in options.area_ranges]
        params.areaRng = [[low, high] for _, low, high in options.area_ranges]
    if options.categories is not None:
        params.catIds = _category_ids(ground_truth, options)
    if options.no_cats:
        params.useCats = 0
    evaluator.evaluate()
    evaluator.accumulate()
    return evaluator


def _results(ground_truth: COCO, path: Path) -> COCO:
    try:
        return ground_truth.loadRes(str(path))
    except AssertionError:
        # A whole data set with a score in each annotation, as labelling tools export predictions.
        found = read_json(path)
        if not isinstance(found, dict) or not isinstance(found.get("annotations"), list):
            raise
        return ground_truth.loadRes(found["annotations"])


def _check(options: argparse.Namespace) -> None:
    if gate.asked(options):
        from meanap.detection.evaluation import settled

        try:
            settled("coco", options.iou_type, {})
        except ValueError as error:
            raise UsageError(f"--fail-under, --fail-if-worse-than, --intervals: {error}") from error
    inputs.check_sigmas(options)
    if options.max_dets is not None and options.iou_type != "keypoints" and len(options.max_dets) < 3:
        raise UsageError("--max-dets: the summary of boxes and masks has three caps; give three numbers")
    if options.area_ranges is not None:
        names = ["all", "medium", "large"] if options.iou_type == "keypoints" else tables.AREAS
        missing = [name for name in names if name not in [label for label, _, _ in options.area_ranges]]
        if missing:
            raise UsageError(f"--area-ranges: the summary has a row for {', '.join(missing)}; give it too")


def _category_ids(ground_truth: COCO, options: argparse.Namespace) -> list[Any]:
    listed = ground_truth.loadCats(ground_truth.getCatIds()) or []
    known = {str(category["id"]): category["id"] for category in listed}
    known |= {category["name"]: category["id"] for category in listed if "name" in category}
    wanted = [name.strip() for name in options.categories.split(",")]
    for name in wanted:
        if name not in known:
            raise UsageError(f"--categories: no category {name!r} in {options.ground_truth}")
    return [known[name] for name in wanted]


def _ranges(text: str) -> list[tuple[str, float, float]]:
    ranges = []
    for part in text.split(","):
        try:
            label, low, high = part.split(":")
            ranges.append((label, float(low), float(high)))
        except ValueError:
            raise argparse.ArgumentTypeError(f"{part!r}: expected NAME:LOW:HIGH, as small:0:1024") from None
        if not ranges[-1][1] <= ranges[-1][2]:
            raise argparse.ArgumentTypeError(f"{part!r}: expected a least and a greatest area")
    return ranges
