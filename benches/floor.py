"""What each stage of each workload costs, beside the least that its work can cost: writes FLOOR.md.

    python benches/floor.py                       every workload
    python benches/floor.py val-bbox --rounds 9   some
    python benches/floor.py --instructions        count the instructions of the stages and compare with the baseline
    python benches/floor.py --instructions --update

Builds `benches/floor.rs`, which does the measuring, and runs it with one thread. Instructions are counted by
valgrind on a small data set, the same each time: the noise-free guard against slow-downs. They may differ a little
from compiler to compiler; more than a twentieth more than the baseline is a failure (exit code 1). Without names of
workloads those of whole commands of the installed package are counted too, start-up included.

A last table sets the first evaluation of a process, all threads, beside the second: what the first one pays for
pages of memory that have not been accessed before.
"""

import argparse
import collections
import contextlib
import gc
import itertools
import json
import mmap
import operator
import os
import re
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
BASELINE = HERE / "instructions.json"
ALLOWED = 1.05
# What start-up and the thread pool differ by from run to run, which the difference of two runs does not take out.
NOISE = 20_000

KINDS = {"val-bbox": "bbox", "detr-bbox": "bbox", "val-segm": "segm", "val-keypoints": "keypoints"}
STAGES = [
    "read ground truth",
    "read detections",
    "geometry of ground truth",
    "geometry of detections",
    "match",
    "curves",
]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=f"of {', '.join(KINDS)}")
    parser.add_argument("--rounds", type=int, default=5, help="how often each stage runs; the best counts (default 5)")
    parser.add_argument("--data", type=Path, default=HERE / "data", help="folder of the generated files")
    parser.add_argument("--instructions", action="store_true", help="count instructions and compare with the baseline")
    parser.add_argument("--update", action="store_true", help="make what was counted the baseline")
    options = parser.parse_args(arguments)
    for name in options.workloads:
        if name not in KINDS:
            parser.error(f"no workload {name!r}; there are {', '.join(KINDS)}")
    if options.instructions:
        return instructions(options)
    return floor(options)


def build() -> Path:
    """The benchmark's program."""
    command = ["cargo", "build", "--profile", "wheel", "--no-default-features", "--bench", "floor"]
    done = subprocess.run([*command, "--message-format=json"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    made = [json.loads(line) for line in done.stdout.splitlines()]
    return Path(next(m["executable"] for m in made if m.get("executable") and m["target"]["name"] == "floor"))


def files(name: str, folder: Path, images: int | None = None) -> list[str]:
    """The two files of a workload, made if they are not there; with `images`, a small one of its kind."""
    from sizes import write_files

    if not (folder / "made").exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_files(folder, name, images=images)
        (folder / "made").touch()
    return [str(folder / f"{name}.truth.json"), str(folder / f"{name}.detections.json"), KINDS[name]]


def floor(options) -> int:
    program, lines, firsts = build(), [], []
    for name in options.workloads or KINDS:
        given = files(name, options.data / name)
        done = subprocess.run(
            [str(program), *given, "--rounds", str(options.rounds)],
            env={**os.environ, "MEANAP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        lines += section(name, [line.split("\t") for line in done.stdout.splitlines()])
        if name == "val-bbox":
            lines += section(f"{name}-dicts", dictionaries(given[0], given[1], options.rounds))
        firsts.append(first_and_second(name, given, options.rounds))
    heading = "| workload | first, ms | second, ms | pages touched, first | second | µs to touch a page |"
    lines += ["", "### The first evaluation of a process", "", heading, "|---|---:|---:|---:|---:|---:|", *firsts]
    page = HERE / "FLOOR.md"
    text = page.read_text()
    start, end = "<!-- floor:start -->", "<!-- floor:end -->"
    head, rest = text.split(start)
    page.write_text(head + start + "\n" + "\n".join(lines) + "\n" + end + rest.split(end)[1])
    print("\n".join(lines))
    return 0


def first_and_second(name: str, given: list[str], rounds: int) -> str:
    """A row: two evaluations of a process that begins, medians over some processes."""
    runs = []
    environment = {key: value for key, value in os.environ.items() if key != "MEANAP_NUM_THREADS"}
    for _ in range(rounds):
        command = [sys.executable, __file__, "--twice", *given]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
        runs.append(json.loads(done.stdout))
    first, second, pages, again, touch = (statistics.median(figures) for figures in zip(*runs, strict=True))
    return f"| {name} | {first:.1f} | {second:.1f} | {pages:,.0f} | {again:,.0f} | {touch:.1f} |"


def twice(truth: str, found: str, kind: str) -> list[float]:
    """Milliseconds of two evaluations in this process, pages that each accesses first, microseconds to touch a page."""
    from meanap import COCO, COCOeval

    def pages() -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

    times, touched = [], []
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        for _ in range(2):
            before, start = pages(), time.perf_counter()
            ground_truth = COCO(truth)
            evaluation = COCOeval(ground_truth, ground_truth.loadRes(found), kind)
            evaluation.evaluate()
            evaluation.accumulate()
            evaluation.summarize()
            times.append((time.perf_counter() - start) * 1e3)
            touched.append(pages() - before)
            del ground_truth, evaluation
    count = 4096
    fresh = mmap.mmap(-1, count * mmap.PAGESIZE)
    start = time.perf_counter()
    for place in range(0, len(fresh), mmap.PAGESIZE):
        fresh[place] = 1
    spent = time.perf_counter() - start
    start = time.perf_counter()
    for place in range(0, len(fresh), mmap.PAGESIZE):
        fresh[place] = 1
    # Without what the loop takes.
    spent -= time.perf_counter() - start
    return [*times, *touched, spent / count * 1e6]


def dictionaries(truth: str, found: str, rounds: int) -> list[list[str]]:
    """The stages that a list of dictionaries has in the place of reading detections: processor time, best of `rounds`.

    The floor is what Python's own loops in C take to make as many objects and to put them into as many dictionaries, or
    to look up as many values.
    """
    os.environ["MEANAP_NUM_THREADS"] = "1"
    from meanap import COCO, COCOeval

    text = Path(found).read_bytes()
    wanted = operator.itemgetter("image_id", "category_id", "score", "area", "id", "iscrowd", "bbox")
    times: list[list[float]] = []
    for _ in range(rounds):
        ground_truth, results = COCO(truth), json.loads(text)
        loaded, detections = _timed(ground_truth.loadRes, results)
        evaluated, _ = _timed(COCOeval(ground_truth, detections, "bbox").evaluate)
        results = json.loads(text)
        given, _ = _timed(_give_fields, results, *_corners(results))
        looked_up, _ = _timed(_run_through, map(wanted, results))
        times.append([loaded, given, evaluated, looked_up])
        del results, detections
    loaded, given, evaluated, looked_up = (str(min(of_stage)) for of_stage in zip(*times, strict=True))
    work = f"{text.count(b'image_id')} dictionaries"
    return [
        ["loadRes", work, loaded, given, "make the lists and numbers, put them into the dictionaries"],
        ["evaluate", work, evaluated, looked_up, "look up the values of the dictionaries; nothing is matched"],
    ]


def _timed(work, *arguments):
    """Processor time of `work(*arguments)` in milliseconds, the collector at rest, and what it gave."""
    gc.collect()
    gc.disable()
    start = time.process_time()
    made = work(*arguments)
    spent = (time.process_time() - start) * 1e3
    gc.enable()
    return spent, made


def _run_through(items):
    collections.deque(items, maxlen=0)


def _corners(results):
    """The numbers of all rings, x and y by turns, and the areas: arithmetic that is not timed."""
    import numpy as np

    boxes = np.array([result["bbox"] for result in results])
    (x, y, width, height), far = boxes.T, boxes[:, :2] + boxes[:, 2:]
    return [column.tolist() for column in (x, y, *far.T, width * height)]


def _give_fields(results, x1, y1, x2, y2, areas):
    rings = map(list, zip(x1, y1, x1, y2, x2, y2, x2, y1, strict=True))
    fields = {
        "segmentation": map(list, zip(rings)),
        "area": areas,
        "id": range(1, len(results) + 1),
        "iscrowd": itertools.repeat(0),
    }
    for name, values in fields.items():
        _run_through(map(dict.__setitem__, results, itertools.repeat(name), values))


def section(name: str, figures: list[list[str]]) -> list[str]:
    """The table of one workload."""
    heading = "| stage | work | ms | floor, ms | times | the floor is to … |"
    lines, total = ["", f"### {name}", "", heading, "|---|---|---:|---:|---:|---|"], 0.0
    for stage, work, ours, least, what in figures:
        total += float(ours)
        known = least != "NaN"
        times = f"{float(ours) / float(least):.1f}" if known and float(least) > 0 else ""
        least = f"{float(least):.1f}" if known else ""
        lines.append(f"| {stage} | {work} | {float(ours):.1f} | {least} | {times} | {what} |")
    return [*lines, f"| all | | {total:.1f} | | | |"]


def instructions(options) -> int:
    program = build()
    found = {}
    for name in options.workloads or KINDS:
        given = files(name, options.data / "small" / name, images=200)
        base = count(program, given, "none")
        for stage in STAGES:
            found[f"{name}: {stage}"] = count(program, given, stage) - base
    if not options.workloads:
        for name, command in commands(options.data / "small").items():
            # Once before, so that Python has compiled all modules.
            subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
            found[f"command: {name}"] = counted(command)
    if options.update:
        kept = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
        BASELINE.write_text(json.dumps({**kept, **found}, indent=1) + "\n")
    return compare(found, json.loads(BASELINE.read_text()))


def count(program: Path, given: list[str], stage: str) -> int:
    """Instructions of a run in which that stage runs twice."""
    return counted([str(program), *given, "--only", stage])


def counted(command: list[str]) -> int:
    """Instructions of a command, by one thread."""
    valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    environment = {
        **os.environ,
        "MEANAP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        # A set of strings has another order in each process, and with it another number of steps.
        "PYTHONHASHSEED": "0",
        # Where memory is used again, it depends on the allocator what is copied and filled: with one instruction for
        # many bytes, of which valgrind counts each.
        "GLIBC_TUNABLES": "glibc.cpu.x86_rep_movsb_threshold=1000000000:glibc.cpu.x86_rep_stosb_threshold=1000000000",
    }
    done = subprocess.run(
        [*valgrind, *command], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True
    )
    return int(re.search(r"Collected : (\d+)", done.stderr).group(1))


def commands(folder: Path) -> dict[str, list[str]]:
    """Commands of the package on small files: what users wait for beside an evaluation."""
    truth, found, _ = files("val-bbox", folder / "val-bbox", images=200)
    qrels, run = ranking_files(folder)
    meanap = [sys.executable, "-m", "meanap"]
    return {
        "eval": [*meanap, "eval", truth, found],
        "check": [*meanap, "check", truth, found],
        "compare": [*meanap, "compare", truth, found, found],
        "report": [*meanap, "report", truth, found, "-o", str(folder / "report.html")],
        "rank": [*meanap, "rank", qrels, run],
        "metric object": [sys.executable, "-c", METRIC_OBJECT],
    }


#: 100 images with 20 detections each, one at a time.
METRIC_OBJECT = """
import numpy as np
from meanap import MeanAveragePrecision
metric, random = MeanAveragePrecision(), np.random.default_rng(0)
for _ in range(100):
    corners = random.uniform(0, 100, (20, 2))
    boxes = np.concatenate([corners, corners + random.uniform(20, 50, (20, 2))], axis=1)
    labels = random.integers(1, 5, 20)
    found = {"boxes": boxes + random.normal(0, 2, boxes.shape), "labels": labels, "scores": random.random(20)}
    metric.update([found], [{"boxes": boxes[:8], "labels": labels[:8]}])
metric.compute()
"""


def ranking_files(folder: Path) -> tuple[str, str]:
    """Judgements and a run of 50 queries, 200 documents each."""
    qrels, run = folder / "qrels.txt", folder / "run.txt"
    pairs = [(query, document) for query in range(50) for document in range(200)]
    qrels.write_text("".join(f"q{q} 0 d{d} {(7 * d + q) % 5 // 3}\n" for q, d in pairs))
    run.write_text("".join(f"q{q} Q0 d{d} {d + 1} {1 / (1 + 31 * d % 200)} tag\n" for q, d in pairs))
    return str(qrels), str(run)


def compare(found: dict[str, int], baseline: dict[str, int]) -> int:
    """Prints what was counted beside the baseline; 1 if a stage has become slower."""
    worse = 0
    for name, instructions in found.items():
        before = baseline.get(name)
        ratio = instructions / before if before else float("nan")
        worse += before is not None and instructions > max(before, 0) * ALLOWED + NOISE
        print(f"{name:45} {instructions:14,} {ratio:8.3f}")
    return 1 if worse else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--twice"]:
        print(json.dumps(twice(*sys.argv[2:])))
    else:
        sys.exit(main())
