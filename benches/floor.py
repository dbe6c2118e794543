"""What each stage of each workload costs, beside the least that its work can cost: writes FLOOR.md.

    python benches/floor.py                       every workload
    python benches/floor.py val-bbox --rounds 9   some
    python benches/floor.py --instructions        count the instructions of the stages and compare with the baseline
    python benches/floor.py --instructions --update

Builds `benches/floor.rs`, which does the measuring, and runs it with one thread. Instructions are counted by
valgrind on a small data set, the same each time: the noise-free guard against slow-downs. They may differ a little
from compiler to compiler; more than a twentieth more than the baseline is a failure (exit code 1).
"""

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
BASELINE = HERE / "instructions.json"
ALLOWED = 1.05
# What allocation and start-up differ by from run to run, which the difference of two runs does not take out.
NOISE = 200_000

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
    parser.add_argument("--data", type=Path, default=HERE / "data", help="where the files are made and kept")
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
    command = ["cargo", "build", "--release", "--no-default-features", "--bench", "floor", "--message-format=json"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    made = [json.loads(line) for line in done.stdout.splitlines()]
    return Path(next(m["executable"] for m in made if m.get("executable") and m["target"]["name"] == "floor"))


def files(name: str, folder: Path, images: int | None = None) -> list[str]:
    """The two files of a workload, made if they are not there; with `images`, a small one of its kind."""
    from meanap import generate

    if not (folder / "made").exists():
        folder.mkdir(parents=True, exist_ok=True)
        generate.write_workload(folder, name, **({} if images is None else {"images": images}))
        (folder / "made").touch()
    return [str(folder / f"{name}.truth.json"), str(folder / f"{name}.detections.json"), KINDS[name]]


def floor(options) -> int:
    program, lines = build(), []
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
    page = HERE / "FLOOR.md"
    text = page.read_text()
    start, end = "<!-- floor:start -->", "<!-- floor:end -->"
    head, rest = text.split(start)
    page.write_text(head + start + "\n" + "\n".join(lines) + "\n" + end + rest.split(end)[1])
    print("\n".join(lines))
    return 0


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
    if options.update:
        kept = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
        BASELINE.write_text(json.dumps({**kept, **found}, indent=1) + "\n")
    return compare(found, json.loads(BASELINE.read_text()))


def count(program: Path, given: list[str], stage: str) -> int:
    """Instructions of a run in which that stage runs twice, by one thread."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", str(program), *given, "--only", stage]
    environment = {**os.environ, "MEANAP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, stderr=subprocess.PIPE, text=True, check=True)
    return int(re.search(r"Collected : (\d+)", done.stderr).group(1))


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
    sys.exit(main())
