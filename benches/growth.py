"""How time and memory grow with threads, and with images, categories and detections: writes a table into FLOOR.md.

    python benches/growth.py                              every workload, at a quarter, a half and all of its images
    python benches/growth.py objects365-bbox --threads 1 2 4

Each row is a whole evaluation from two files to `stats`, each run a process of its own, the best of some. Bytes are
those of the peak beyond what Python and the packages held before, and are shared out over the detections without the
arrays that `accumulate` has to leave (`eval["precision"]` and `eval["scores"]`: 16 bytes for each threshold, recall
point, category, area range and limit, whatever there is to evaluate).
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from measure import forget_peak, peak_memory
from report import write_between_markers

HERE = Path(__file__).resolve().parent
# The images of the whole; the workloads have from 80 to 1,203 categories.
WORKLOADS = {"val-bbox": 5_000, "objects365-bbox": 80_000, "lvis-bbox": 5_000}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=f"of {', '.join(WORKLOADS)}")
    parser.add_argument("--threads", type=int, nargs="+", default=_threads(), help="how many to use")
    parser.add_argument("--parts", type=int, nargs="+", default=[4, 2, 1], help="how many times fewer images")
    parser.add_argument("--rounds", type=int, default=3, help="how often each runs; the best counts (default 3)")
    parser.add_argument("--data", type=Path, default=HERE / "data", help="folder of the generated files")
    parser.add_argument("--page", type=Path, default=HERE / "FLOOR.md", help="the page with the table")
    options = parser.parse_args(arguments)
    for name in options.workloads:
        if name not in WORKLOADS:
            parser.error(f"no workload {name!r}; there are {', '.join(WORKLOADS)}")
    if options.rounds < 1 or min(options.threads) < 1 or min(options.parts) < 1:
        parser.error("--rounds, --threads and --parts must be at least 1")
    rows = [measured(name, part, options) for name in options.workloads or WORKLOADS for part in options.parts]
    table = markdown(rows, options.threads)
    print(table, end="")
    write_between_markers(options.page, table, "growth")
    return 0


def _threads() -> list[int]:
    """One, two, four, up to all that there are."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return [threads for threads in (1, 2, 4, 8, 16, 32, 64) if threads <= count]


def measured(name: str, part: int, options) -> dict:
    """One row: the best run for each number of threads."""
    images = WORKLOADS[name] // part
    folder = options.data / (name if part == 1 else f"{name}-{images}")
    if not (folder / "made").exists():
        print(f"{folder.name}: making the files", file=sys.stderr)
        subprocess.run([sys.executable, HERE / "sizes.py", folder, name, str(images)], check=True)
        (folder / "made").touch()
    row: dict = {"name": name, "images": images, "seconds": {}}
    for _ in range(options.rounds):
        for threads in options.threads:
            environment = {**os.environ, "MEANAP_NUM_THREADS": str(threads)}
            command = [sys.executable, __file__, "--run", str(folder), name]
            done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
            run = json.loads(done.stdout)
            best = row["seconds"].get(threads, run["seconds"])
            row["seconds"][threads] = min(best, run["seconds"])
            row |= {key: run[key] for key in ("categories", "objects", "detections", "answer")}
            # Of all threads and rounds the greatest: what a user has to have.
            row["bytes"] = max(row.get("bytes", 0), run["bytes"])
    return row


def run(folder: Path, name: str) -> dict:
    """One evaluation, in this process."""
    from meanap import COCO, COCOeval

    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        before, start = forget_peak(), time.perf_counter()
        truth = COCO(str(folder / f"{name}.truth.json"))
        found = truth.loadRes(str(folder / f"{name}.detections.json"))
        evaluation = COCOeval(truth, found, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
        seconds, peak = time.perf_counter() - start, peak_memory()
    arrays = [evaluation.eval[key] for key in ("precision", "recall", "scores")]
    return {
        "seconds": seconds,
        "bytes": peak - before,
        "answer": sum(array.nbytes for array in arrays),
        "categories": len(truth.getCatIds()),
        "objects": len(truth.getAnnIds()),
        "detections": len(found.getAnnIds()),
    }


def markdown(rows: list[dict], threads: list[int]) -> str:
    """The table, a row for each size of each workload."""
    heads = ["workload", "images", "categories", "objects", "detections"]
    heads += [f"s, {count} thread{'s' * (count > 1)}" for count in threads]
    heads += ["times faster", "µs a detection", "MB", "of these the answer's arrays", "other bytes a detection"]
    lines = ["| " + " | ".join(heads) + " |", "|---|" + "---:|" * (len(heads) - 1)]
    for row in rows:
        seconds = [row["seconds"][count] for count in threads]
        cells = [f"`{row['name']}`", *(f"{row[key]:,}" for key in ("images", "categories", "objects", "detections"))]
        cells += [f"{value:.2f}" for value in seconds]
        cells += [f"{seconds[0] / seconds[-1]:.1f}", f"{seconds[-1] / row['detections'] * 1e6:.2f}"]
        others = (row["bytes"] - row["answer"]) / row["detections"]
        cells += [f"{row['bytes'] / 1e6:.0f}", f"{row['answer'] / 1e6:.0f}", f"{others:.0f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        print(json.dumps(run(Path(sys.argv[2]), sys.argv[3])))
    else:
        sys.exit(main())
