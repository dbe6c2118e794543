"""Changes one constant after the other in a copy of the tree and sees that a test fails.

    python tests/mutate_constants.py                  all constants of the Python code
    python tests/mutate_constants.py --rust           those of the Rust code, too; each is built, which takes a while
    python tests/mutate_constants.py --only voc --list

A mutation that no test notices is printed as SURVIVED, one whose text is no longer in its file as STALE; both make the
command fail. Each mutation is one step: to the next number, or from one comparison to the adjacent one.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONSTANTS = "tests/test_constants.py"

# Seconds and bytes that building or testing may take; what takes more has failed.
LONGEST = 3600
MEMORY = 8 << 30


@dataclass(frozen=True)
class Mutation:
    """One change of one file, and what has to fail by it.

    Attributes
    ----------
    file
        Below the root; Python files below ``python/meanap``, Rust files below ``src``.
    old, new
        A text that stands once in the file, and what it becomes.
    tests
        What pytest is given; or ``cargo:FILTER`` for unit tests of Rust.
    """

    file: str
    old: str
    new: str
    tests: str = CONSTANTS

    def is_stale(self, root: Path = ROOT) -> bool:
        """Whether its text is not in the file exactly once."""
        return (root / self.file).read_text(encoding="utf-8").count(self.old) != 1

    def __str__(self) -> str:
        return f"{self.file}: {self.old.strip()}  ->  {self.new.strip()}"


def of(file: str, *changes: tuple[str, str], tests: str = CONSTANTS) -> list[Mutation]:
    return [Mutation(file, old, new, tests) for old, new in changes]


PYTHON = [
    *of(
        "python/meanap/protocol/coco.py",
        ("np.linspace(0.5, 0.95, 10)", "np.linspace(0.5, 0.95, 11)"),
        ("np.linspace(0.5, 0.95, 10).tolist()", "np.arange(0.5, 1.0, 0.05).tolist()"),
        ("np.linspace(0.0, 1.0, 101)", "np.linspace(0.0, 1.0, 102)"),
        ('"all": (0.0, 1e5**2)', '"all": (0.0, 1e5**2 - 1)'),
        ('"small": (0.0, 32.0**2)', '"small": (0.0, 32.0**2 - 1)'),
        ('"medium": (32.0**2, 96.0**2)', '"medium": (32.0**2 + 1, 96.0**2)'),
        ('"medium": (32.0**2, 96.0**2)', '"medium": (32.0**2, 96.0**2 - 1)'),
        ('"large": (96.0**2, 1e5**2)', '"large": (96.0**2 + 1, 1e5**2)'),
        ("max_detections=(20,)", "max_detections=(21,)"),
        ("max_detections=(1, 10, 100)", "max_detections=(1, 10, 101)"),
        ("in (1, 10, 100)", "in (1, 10, 99)"),
        ('("50", 0.5, "all")', '("50", 0.55, "all")'),
        ('("75", 0.75, "all")', '("75", 0.7, "all")'),
        ('"ap75", threshold=0.75', '"ap75", threshold=0.7'),
        ('"ap50", threshold=0.5)', '"ap50", threshold=0.55)'),
    ),
    *of(
        "python/meanap/protocol/keypoints.py",
        ("0.26, 0.25, 0.25, 0.35", "0.26, 0.25, 0.26, 0.35"),
        ("0.87, 0.87, 0.89, 0.89])", "0.87, 0.87, 0.89, 0.9])"),
        ("0.89, 0.89, 0.79, 0.79])", "0.89, 0.89, 0.79, 0.8])"),
        tests=f"{CONSTANTS} tests/test_crowdpose.py",
    ),
    *of(
        "python/meanap/compat/pycocotools/params.py",
        ("np.linspace(0.5, 0.95, 10)", "np.linspace(0.5, 0.95, 11)"),
        ("np.linspace(0.0, 1.0, 101)", "np.linspace(0.0, 1.0, 100)"),
        ("maxDets=[1, 10, 100]", "maxDets=[1, 10, 101]"),
        ("maxDets=[20]", "maxDets=[21]"),
        ("0.79, 0.79, 0.72", "0.79, 0.78, 0.72"),
        ("[0, 32**2]", "[0, 33**2]"),
        ("[32**2, 96**2]", "[32**2, 95**2]"),
        ("[96**2, 1e5**2]", "[96**2, 1e5]"),
        ("self.dilationRatio = 0.02", "self.dilationRatio = 0.03"),
    ),
    *of(
        "python/meanap/_summary.py",
        ('"AP", True, None, "all", 100', '"AP", True, None, "all", 101'),
        ('"AP50", True, 0.5,', '"AP50", True, 0.55,'),
        ('"AP75", True, 0.75,', '"AP75", True, 0.8,'),
        ('("50", 0.5, "all")', '("50", 0.55, "all")'),
        ('("75", 0.75, "all")', '("75", 0.7, "all")'),
        ("threshold, area, 20, fixed", "threshold, area, 21, fixed"),
    ),
    *of(
        "python/meanap/compat/pycocotools/_cells.py",
        ("min([t, 1 - 1e-10])", "min([t, 1 - 1e-9])"),
        ("min([t, 1 - 1e-10])", "min([t, 1 - 1e-11])"),
        ("np.spacing(1)) / 2", "1e-9) / 2"),
    ),
    *of(
        "python/meanap/compat/pycocotools/cocoeval.py",
        ("min([t, 1 - 1e-10])", "min([t, 1 - 1e-9])"),
        ("min([t, 1 - 1e-10])", "min([t, 1 - 1e-11])"),
    ),
    *of(
        "python/meanap/protocol/lvis.py",
        ("max_per_image=300", "max_per_image=301"),
        ("max_per_image=300", "max_per_image=299"),
        ("max_detections=(NO_LIMIT,)", "max_detections=(100,)"),
    ),
    *of(
        "python/meanap/protocol/ultralytics.py",
        ("max_detections=(300,)", "max_detections=(310,)"),
        ("max_per_image=300", "max_per_image=310"),
        ("max_per_image=300", "max_per_image=299"),
        ("linspace(0.5, 0.95, 10)", "linspace(0.5, 0.95, 9)"),
        ('recall="trapezium"', 'recall="exact"'),
    ),
    *of(
        "python/meanap/protocol/torchmetrics.py",
        ("thresholds=linspace(0.5, 0.95, 10)", "thresholds=linspace(0.5, 0.95, 11)"),
        ("recall=linspace(0.0, 1.0, 101)", "recall=linspace(0.0, 1.0, 100)"),
        ("i < steps // 2", "i <= steps"),
        ("steps - 1 - i", "steps - i"),
    ),
    *of(
        "python/meanap/protocol/voc.py",
        ("NO_LIMIT = 2**31 - 1", "NO_LIMIT = 1000"),
        ("np.arange(0.0, 1.1, 0.1)", "np.arange(0.0, 1.0, 0.1)"),
        ("thresholds=(0.5,)", "thresholds=(0.55,)"),
        ('inclusive_boxes=similarity == "bbox"', "inclusive_boxes=True"),
        ('inclusive_boxes=similarity == "bbox"', "inclusive_boxes=False"),
    ),
    *of(
        "python/meanap/detection/match_log.py",
        ("1 - 1e-10", "1 - 1e-9"),
        ("1 - 1e-10", "1 - 1e-11"),
        ("1 - 1e-10", "1"),
    ),
    *of(
        "python/meanap/detection/evaluation.py",
        ("(0.0, 1.0),\n    format", "(0.1, 1.0),\n    format"),
        ("(0.0, 1.0),\n    format", "(0.0, 1.1),\n    format"),
        ("(0.0, 1.0),\n    format", "(0.0, 0.9),\n    format"),
    ),
    *of("python/meanap/detection/federated.py", ("count[image] > limit", "count[image] >= limit")),
    *of(
        "python/meanap/detection/derived.py",
        ("np.linspace(0.0, 1.0, bins + 1)", "np.linspace(0.0, 1.1, bins + 1)"),
        ("np.linspace(0.0, 1.0, bins + 1)", "np.linspace(0.1, 1.0, bins + 1)"),
        ('score, side="right") - 1, 0, bins - 1', 'score, side="left") - 1, 0, bins - 1'),
        ('score, side="right") - 1, 0, bins - 1', 'score, side="right") - 1, 0, bins - 2'),
    ),
    *of(
        "python/meanap/detection/errors.py",
        ("BACKGROUND = 0.1", "BACKGROUND = 0.11"),
        ("BACKGROUND = 0.1", "BACKGROUND = 0.09"),
    ),
    *of(
        "python/meanap/detection/operating.py",
        ("(0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)", "(0.125, 0.25, 0.5, 1.0, 2.0, 4.0)"),
        ("(0.125, 0.25,", "(0.1, 0.25,"),
        ("np.linspace(0.0, 1.0, 101)", "np.linspace(0.0, 1.0, 100)"),
    ),
    *of(
        "python/meanap/detection/miss_rates.py",
        ("range(-8, 1)", "range(-8, 2)"),
        ("range(-8, 1)", "range(-7, 1)"),
        ("step / 4", "step / 5"),
        ('"dollar": 1e-10', '"dollar": 1e-9'),
        ("0.0178", "0.0177"),
        ('"crowdhuman": 0.0', '"crowdhuman": 1e-10'),
        ('"citypersons": 0.0', '"citypersons": 1e-10'),
        tests=f"{CONSTANTS} tests/test_pedestrians.py",
    ),
    *of(
        "python/meanap/statistics.py",
        ("(samples <= 0, samples >= 0)", "(samples < 0, samples >= 0)"),
        ("(samples <= 0, samples >= 0)", "(samples <= 0, samples > 0)"),
        ("(np.count_nonzero(side) + 1) / (len(samples) + 1)", "np.count_nonzero(side) / (len(samples) + 1)"),
        ("(np.count_nonzero(side) + 1) / (len(samples) + 1)", "(np.count_nonzero(side) + 1) / len(samples)"),
        ("present, (1 - confidence) / 2", "present, (1 - confidence) / 3"),
        ("present, (1 + confidence) / 2", "present, 1 - (1 - confidence) / 3"),
    ),
    *of(
        "python/meanap/detection/scores.py",
        ("present = values > -1", "present = values > 0"),
    ),
    *of("python/meanap/plot/_curves.py", ("z = 1.96", "z = 1.97"), ("z = 1.96", "z = 1.95")),
    *of(
        "python/meanap/segmentation/semantic.py",
        ("DILATION_RATIO = 0.02", "DILATION_RATIO = 0.021"),
        ("ignore_index: int | None = 255", "ignore_index: int | None = 254"),
    ),
    *of(
        "python/meanap/segmentation/regions.py",
        ("np.linspace(0.5, 0.95, 10)", "np.linspace(0.5, 0.95, 11)"),
        ("max_regions: int = 100", "max_regions: int = 101"),
        ("0 < every.min() and every.max() <= 1", "0 <= every.min() and every.max() <= 1"),
        ("0 < every.min() and every.max() <= 1", "0 < every.min() and every.max() < 1"),
    ),
    *of(
        "python/meanap/segmentation/panoptic.py",
        ("0.5 * false_positives", "0.6 * false_positives"),
        ("0.5 * false_negatives", "0.4 * false_negatives"),
        tests=f"{CONSTANTS} tests/test_pixels_panoptic.py",
    ),
    *of(
        "python/meanap/compat/sklearn/_classification.py",
        ("np.linspace(0.0, 1.0, 101) if", "np.linspace(0.0, 1.0, 102) if"),
        ("np.linspace(0.0, 1.0, 11).round(1)", "np.linspace(0.0, 1.0, 11)"),
        ("np.linspace(0.0, 1.0, 11).round(1)", "np.linspace(0.0, 1.0, 12).round(1)"),
        ('points, side="left"', 'points, side="right"'),
    ),
    *of(
        "python/meanap/checking/detections.py",
        ("_ENOUGH = 20", "_ENOUGH = 21"),
        ("_ENOUGH = 20", "_ENOUGH = 19"),
        ("2 * tied > len(scores)", "2 * tied >= len(scores)"),
        ("(1, 2, 3)", "(1, 2)"),
        ("< 1e-6", "< 1e-4"),
        ("< 1e-6", "< 1e-8"),
        ("low >= 0.05", "low > 0.05"),
        ("low >= 0.05", "low >= 0.04"),
        ("high <= 1:", "high <= 2:"),
        ("counts > 100", "counts > 101"),
        ("counts[over] - 100", "counts[over] - 99"),
        ("5 * len(silent) >= len(held)", "5 * len(silent) > len(held)"),
        ("5 * len(silent) >= len(held)", "10 * len(silent) >= len(held)"),
        ("max(3, 0.1 *", "max(2, 0.1 *"),
        ("max(3, 0.1 *", "max(4, 0.1 *"),
        ("max(3, 0.1 *", "max(3, 0.05 *"),
        ("pairs >= 5", "pairs > 5"),
        ("pairs >= 5", "pairs >= 4"),
    ),
    *of(
        "python/meanap/checking/shapes.py",
        ("_PIXEL = 1.0", "_PIXEL = 0.9"),
        ("_PIXEL = 1.0", "_PIXEL = 1.1"),
        ("_ENOUGH = 4", "_ENOUGH = 5"),
        ("_ENOUGH = 4", "_ENOUGH = 3"),
        ("beyond > _PIXEL", "beyond >= _PIXEL"),
        ("of_good.max() <= 1.0", "of_good.max() < 1.0"),
        ("4 * np.count_nonzero(out)", "5 * np.count_nonzero(out)"),
        ("4 * np.count_nonzero(out)", "3 * np.count_nonzero(out)"),
    ),
    *of(
        "python/meanap/checking/ground_truth.py",
        ("np.maximum(2.0, 0.1 *", "np.maximum(1.9, 0.1 *"),
        ("np.maximum(2.0, 0.1 *", "np.maximum(2.1, 0.1 *"),
        ("np.maximum(2.0, 0.1 *", "np.maximum(2.0, 0.11 *"),
        ("np.maximum(2.0, 0.1 *", "np.maximum(2.0, 0.09 *"),
        ("* 1.02", "* 1.03"),
        ("* 1.02", "* 1.01"),
        ("np.maximum(0.25 * pixels, 32.0)", "np.maximum(0.26 * pixels, 32.0)"),
        ("np.maximum(0.25 * pixels, 32.0)", "np.maximum(0.24 * pixels, 32.0)"),
        ("np.maximum(0.25 * pixels, 32.0)", "np.maximum(0.25 * pixels, 33.0)"),
        ("np.maximum(0.25 * pixels, 32.0)", "np.maximum(0.25 * pixels, 31.0)"),
        ("areas < 0.01 * whole", "areas < 0.02 * whole"),
        ("areas < 0.01 * whole", "areas <= 0.01 * whole"),
        ("areas > most", "areas >= most"),
    ),
    *of("python/meanap/checking/labels.py", ("_TRUST = 0.9", "_TRUST = 0.91"), ("_TRUST = 0.9", "_TRUST = 0.88")),
    *of(
        "python/meanap/readers/kitti.py",
        ("(0, 0.15, 40)", "(0, 0.16, 40)"),
        ("(0, 0.15, 40)", "(0, 0.15, 41)"),
        ("(1, 0.3, 25)", "(1, 0.31, 25)"),
        ("(2, 0.5, 25)", "(2, 0.5, 26)"),
        tests="tests/test_kitti.py",
    ),
    *of(
        "python/meanap/protocol/kitti.py",
        ('"Car": 0.7', '"Car": 0.69'),
        ('"Cyclist": 0.5', '"Cyclist": 0.51'),
        tests="tests/test_kitti.py",
    ),
    *of(
        "python/meanap/protocol/crowdpose.py",
        ("(0.2, 0.8)", "(0.1, 0.8)"),
        ("(0.8, _INFINITE)", "(0.9, _INFINITE)"),
        tests="tests/test_crowdpose.py",
    ),
    *of(
        "python/meanap/protocol/pedestrians.py",
        ("heights=(50.0, _ANY)", "heights=(51.0, _ANY)"),
        ("visibility=(0.65, _ANY)", "visibility=(0.66, _ANY)"),
        tests="tests/test_pedestrians.py",
    ),
    *of(
        "python/meanap/protocol/visdrone.py", ("(1, 10, 100, 500)", "(1, 10, 100, 501)"), tests="tests/test_visdrone.py"
    ),
    *of("python/meanap/readers/_pixel_regions.py", ("_MOST = 0.5", "_MOST = 0.51"), tests="tests/test_visdrone.py"),
    *of("python/meanap/readers/cityscapes.py", ("_LEAST = 100", "_LEAST = 101"), tests="tests/test_cityscapes.py"),
    *of(
        "python/meanap/protocol/youtubevis.py", ("(0.0, 128.0**2)", "(0.0, 129.0**2)"), tests="tests/test_youtubevis.py"
    ),
    *of(
        "python/meanap/detection/nuscenes.py",
        ("_WEIGHT = 5", "_WEIGHT = 6"),
        ("_FIRST = 11", "_FIRST = 12"),
        tests="tests/test_nuscenes.py",
    ),
    *of(
        "python/meanap/readers/nuscenes.py", ('"bicycle"), 40.0)', '"bicycle"), 41.0)'), tests="tests/test_nuscenes.py"
    ),
    *of(
        "python/meanap/detection/jaccard.py",
        ("step in range(10)", "step in range(9)"),
        tests="tests/test_pedestrians.py",
    ),
    *of("python/meanap/detection/regions.py", ("LEAST = 0.5", "LEAST = 0.51"), tests="tests/test_ignore_regions.py"),
]

RUST = [
    *of(
        "src/similarity/pixel.rs",
        ("dx.max(gx) + 1.0", "dx.max(gx) + 0.9"),
        ("dy.max(gy) + 1.0", "dy.max(gy) + 0.9"),
        ("(dw + 1.0)", "(dw + 1.1)"),
        ("(gh + 1.0)", "(gh + 1.1)"),
        ("width <= 0.0 || height", "width < -1.0 || height"),
        tests="cargo:similarity::pixel",
    ),
    *of(
        "src/similarity/boundary.rs",
        ("DILATION_RATIO: f64 = 0.02", "DILATION_RATIO: f64 = 0.021"),
        tests="cargo:similarity::boundary",
    ),
    *of(
        "src/similarity/keypoint.rs",
        ("self.area.get(g) + f64::EPSILON", "self.area.get(g) + 1e-9"),
        ("x + w * 2.0", "x + w * 2.1"),
        ("y + h * 2.0", "y + h * 1.9"),
    ),
    *of(
        "src/curve/area.rs",
        ("STEPS: usize = 100", "STEPS: usize = 99"),
        ("y / 2.0", "y / 1.0"),
        tests="cargo:curve",
    ),
    *of(
        "src/curve/envelope.rs",
        ("true_positives + f64::EPSILON", "true_positives + 1e-9"),
        tests="cargo:curve",
    ),
    *of(
        "src/analysis/lrp.rs",
        ("Some(1.0 - pair.similarity", "Some(1.1 - pair.similarity"),
        ("(1.0 - threshold)", "(1.1 - threshold)"),
        ("if lrp < best.lrp", "if lrp <= best.lrp"),
        tests="cargo:analysis::lrp",
    ),
    *of(
        "src/pixels/panoptic.rs",
        ("iou > 0.5", "iou >= 0.5"),
        ("as f64 <= 0.5", "as f64 < 0.5"),
        ("VOID: u32 = 0", "VOID: u32 = 1"),
        tests="cargo:pixels::panoptic",
    ),
    *of(
        "src/pixels/histogram.rs",
        ("FINENESS: u32 = 6", "FINENESS: u32 = 5"),
        ("score < 0.5 { score }", "score < 0.4 { score }"),
        tests="cargo:pixels::histogram",
    ),
    *of(
        "src/ranking/statistics.rs",
        ("EXACT: usize = 16", "EXACT: usize = 3"),
        ("1e-12 * values", "1e-2 * values"),
        ("(far as f64 + 1.0)", "(far as f64)"),
        ("/ (n - 1.0)", "/ n"),
        ("1.0 / 12.0", "1.0 / 13.0"),
        ("1.0 / 360.0", "1.0 / 350.0"),
        ("1.0 / 1260.0", "1.0 / 1250.0"),
        ("x < 15.0", "x < 2.0"),
    ),
    *of(
        "src/ranking/measure/registry.rs",
        ("RankBiasedPrecision(0.9)", "RankBiasedPrecision(0.8)"),
    ),
    *of(
        "src/ranking/measure/parse.rs",
        ("(1..=1000)", "(1..=1001)"),
        ("(1..=1000)", "(2..=1000)"),
    ),
    *of(
        "src/ranking/measure/parse.rs",
        ("p > 0.0 && p < 1.0", "p >= 0.0 && p < 1.0"),
        ("p > 0.0 && p < 1.0", "p > 0.0 && p <= 1.0"),
        tests="cargo:ranking::measure",
    ),
    *of(
        "src/ranking/score.rs",
        ("INFERRED_EPSILON: f64 = 0.00001", "INFERRED_EPSILON: f64 = 0.0001"),
        tests="cargo:ranking::score",
    ),
    *of(
        "src/ranking/qrels.rs",
        ("GREATEST_GRADE: i64 = 1 << 53", "GREATEST_GRADE: i64 = 1 << 54"),
        tests="cargo:ranking::qrels",
    ),
    *of(
        "src/rle/polygon.rs",
        ("large = 5.0 * place + 0.5", "large = 5.0 * place + 0.4"),
        ("large = 5.0 * place + 0.5", "large = 4.0 * place + 0.5"),
        ("large < 2147483648.0", "large < 2147483649.0"),
        ("large > -2147483649.0", "large > -2147483650.0"),
        ("NEAR: i32 = 1 << 22", "NEAR: i32 = 1 << 30"),
        tests="cargo:rle::polygon",
    ),
    *of(
        "src/rle/codec.rs",
        ("FIRST: u8 = 48", "FIRST: u8 = 49"),
        ("MORE: u8 = 0x20", "MORE: u8 = 0x40"),
        ("GROUP: u8 = 0x1f", "GROUP: u8 = 0x0f"),
        ("ROUND_TRIP: u32 = 1 << 29", "ROUND_TRIP: u32 = 1 << 30"),
        ("end < 1 << 31", "end < 1 << 32"),
        tests="cargo:rle",
    ),
    *of(
        "src/matching/table.rs",
        ("MOST_AREA_RANGES: usize = 31", "MOST_AREA_RANGES: usize = 30"),
    ),
    *of(
        "src/ranking/trec_eval.rs",
        ("30, 100, 200, 500, 1000]", "30, 100, 200, 500, 999]"),
        ('("success", Ranks(&[1, 5, 10]))', '("success", Ranks(&[1, 5, 11]))'),
        tests="cargo:ranking::trec_eval",
    ),
]


def _limit() -> None:
    # A loop that a mutation makes endless may fill all memory.
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))


class Copy:
    """A copy of the tree in which one file at a time is another."""

    def __init__(self, root: Path) -> None:
        self.root = root
        ignore = shutil.ignore_patterns("__pycache__", ".pytest_cache", "data")
        for name in ("python", "tests", "src", "benches"):
            shutil.copytree(ROOT / name, root / name, ignore=ignore)
        for name in ("Cargo.toml", "Cargo.lock", "pyproject.toml", "README.md"):
            shutil.copy2(ROOT / name, root / name)
        self.environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(root / "python"), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
            "PYTHONDONTWRITEBYTECODE": "1",
            # Built once to be run for a second.
            "CARGO_PROFILE_TEST_OPT_LEVEL": "0",
            "CARGO_PROFILE_TEST_DEBUG": "0",
            "CARGO_TARGET_DIR": os.environ.get("CARGO_TARGET_DIR", str(root / "target")),
        }

    def passes(self, mutation: Mutation) -> bool:
        """Whether its tests pass in the tree as it is now."""
        if mutation.tests.startswith("cargo:"):
            return self._run("cargo", "test", "--quiet", "--no-default-features", "--lib", mutation.tests[6:])
        if mutation.file.startswith("src/"):
            if not self._run("cargo", "build", "--quiet", "--profile", "quick"):
                return False
            built = Path(self.environment["CARGO_TARGET_DIR"], "quick", "libmeanap.so")
            module = f"_core{sysconfig.get_config_var('EXT_SUFFIX')}"
            shutil.copy2(built, self.root / "python" / "meanap" / module)
        return self._run(sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *mutation.tests.split())

    def _run(self, *command: str) -> bool:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen(
            command, cwd=self.root, env=self.environment, start_new_session=True, preexec_fn=_limit, **quiet
        )
        try:
            return process.wait(LONGEST) == 0
        except subprocess.TimeoutExpired:
            return False
        finally:
            # A test that a mutation keeps busy outlives the program that started it.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def outcome(self, mutation: Mutation) -> str:
        if mutation.is_stale(self.root):
            return "STALE"
        path = self.root / mutation.file
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace(mutation.old, mutation.new), encoding="utf-8")
        try:
            return "SURVIVED" if self.passes(mutation) else "caught"
        finally:
            path.write_text(text, encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rust", action="store_true", help="mutate the Rust code, too")
    parser.add_argument("--only", default="", help="mutations whose file or text has this in it")
    parser.add_argument("--list", action="store_true", help="print the mutations, and change nothing")
    arguments = parser.parse_args()
    chosen = [m for m in PYTHON + (RUST if arguments.rust else []) if arguments.only in str(m)]
    if arguments.list:
        print("\n".join(map(str, chosen)))
        return 0
    counts = {"caught": 0, "SURVIVED": 0, "STALE": 0}
    with tempfile.TemporaryDirectory() as folder:
        copy = Copy(Path(folder) / "meanap")
        for tests, mutation in {m.tests: m for m in chosen if not m.file.startswith("src/")}.items():
            if not copy.passes(mutation):
                print(f"{tests} fails without any change")
                return 2
        for mutation in chosen:
            outcome = copy.outcome(mutation)
            counts[outcome] += 1
            print(f"{outcome:8}  {mutation}", flush=True)
    print(", ".join(f"{count} {outcome}" for outcome, count in counts.items()))
    return int(counts["SURVIVED"] + counts["STALE"] > 0)


if __name__ == "__main__":
    sys.exit(main())
