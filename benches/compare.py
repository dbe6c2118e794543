"""The same work done by meanap and by every rival, side by side, with the answers compared.

    python benches/compare.py                         every workload, every tool that is installed
    python benches/compare.py val-bbox detr-bbox      some workloads
    python benches/compare.py --tools meanap,hotcoco --rounds 5

Each run is a process of its own; the tools take turns within a round, so that a slow minute of the machine is
shared by all. The reference's answer and time are measured once for each data set and stored beside it.

Exit code 1 if meanap fails or its answer differs from the reference's in a single bit, or if a rival's answer
differs by more than rounding: its time would be the time of other work (`--rivals-may-differ` lets that
pass). A rival that is not installed or cannot do the work is only noted.
"""

import argparse
import hashlib
import json
import statistics
import subprocess
import sys
from pathlib import Path

from report import Outcome, markdown, write_between_markers
from workloads import Workload, registry

HERE = Path(__file__).resolve().parent
ROUNDING = 1e-9


def main(arguments: list[str] | None = None) -> int:
    every = registry()
    options = _options(arguments, every)
    tables: dict[str, list[Outcome]] = {}
    for name in options.workloads or every:
        tables.setdefault(every[name].table, []).extend(compare(every[name], options))
    for name, of_table in tables.items():
        table = markdown(of_table)
        print(table)
        if options.page:
            write_between_markers(options.page, table, name)
    outcomes = [outcome for of_table in tables.values() for outcome in of_table]
    return 1 if any(_fails(outcome, options.rivals_may_differ) for outcome in outcomes) else 0


def _options(arguments, every):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=f"of {', '.join(every)}")
    parser.add_argument("--tools", type=lambda text: text.split(","), help="only these, separated by commas")
    parser.add_argument("--rounds", type=int, default=3, help="how often each tool runs (default 3)")
    parser.add_argument("--timeout", type=float, default=900, help="seconds until a run is given up")
    parser.add_argument("--data", type=Path, default=HERE / "data", help="folder of the generated files")
    parser.add_argument("--reference", action="store_true", help="run the reference again")
    parser.add_argument("--rivals-may-differ", action="store_true", help="let a rival's wrong answer pass")
    parser.add_argument("--page", type=Path, help="put the tables between the markers of this file")
    options = parser.parse_args(arguments)
    for name in options.workloads:
        if name not in every:
            parser.error(f"no workload {name!r}; there are {', '.join(every)}")
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    return options


def compare(workload: Workload, options) -> list[Outcome]:
    """Run one workload with every tool and judge the answers."""
    folder = options.data / workload.data
    if not (folder / "made").exists():
        print(f"{workload.data}: making the files", file=sys.stderr)
        folder.mkdir(parents=True, exist_ok=True)
        # In a process of its own: what it held must not count as memory of the runs that follow.
        code = "import sys; from workloads import registry; from pathlib import Path; "
        code += "registry()[sys.argv[1]].make(Path(sys.argv[2]))"
        subprocess.run([sys.executable, "-c", code, workload.name, str(folder)], check=True, cwd=HERE)
        (folder / "made").touch()
    tools = [tool for tool in workload.entrants if not options.tools or tool in options.tools]
    expected = _reference(workload, folder, options)
    runs = {tool: [] for tool in tools if tool != workload.reference}
    for round_number in range(options.rounds):
        for tool, found in runs.items():
            if found and "error" in found[-1]:
                continue
            found.append(_run(workload, tool, folder, options.timeout))
            _progress(f"{workload.name} {round_number + 1}/{options.rounds} {tool}", found[-1])
    if workload.reference in tools:
        runs[workload.reference] = [expected]
    return [_judged(workload, tool, runs[tool], expected) for tool in tools]


def _reference(workload, folder, options):
    """The reference's run on these files; stored, because it takes a hundred times as long as the rest."""
    kept = folder / "expected" / f"{workload.name}.json"
    digest = hashlib.sha256()
    for path in sorted(entry for entry in folder.iterdir() if entry.is_file()):
        digest.update(path.name.encode() + path.read_bytes())
    if kept.exists() and not options.reference:
        run = json.loads(kept.read_text())
        if run.get("files") == digest.hexdigest() and "beside_bytes" in run:
            return run
    run = _run(workload, workload.reference, folder, options.timeout)
    _progress(f"{workload.name} {workload.reference} (reference, once)", run)
    if "error" not in run:
        run["files"] = digest.hexdigest()
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(json.dumps(run))
    return run


def _run(workload, tool, folder, timeout):
    command = [sys.executable, str(HERE / "measure.py"), workload.name, tool, str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        return {"error": f"gave up after {timeout:.0f} s"}
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        return {"error": "not installed" if last.startswith("ModuleNotFoundError") else last}
    return json.loads(done.stdout)


def _judged(workload, tool, runs, expected):
    errors = [run["error"] for run in runs if "error" in run]
    if errors:
        return Outcome(workload.name, workload.about, tool, beside=workload.in_memory, error=errors[0])
    memory = "beside_bytes" if workload.in_memory else "peak_bytes"
    return Outcome(
        workload.name,
        workload.about,
        tool,
        seconds=statistics.median(run["seconds"] for run in runs),
        peak=statistics.median(run[memory] for run in runs if memory in run),
        beside=workload.in_memory,
        rounds=len(runs),
        digits=workload.digits,
        difference=max((difference(run["answer"], expected.get("answer")) for run in runs), key=_severity),
    )


def difference(answer: dict, expected: dict | None) -> str | float | None:
    """How an answer differs from the expected one: None if in no bit, a number if by that much, else a
    name."""
    if expected is None:
        return "no reference"
    worst = None
    for name in sorted(answer.keys() & expected.keys()):
        ours, theirs = answer[name], expected[name]
        if ours == theirs:
            continue
        if isinstance(ours, str) or isinstance(theirs, str) or len(ours) != len(theirs):
            worst = worst or name
            continue
        gaps = [abs(float.fromhex(a) - float.fromhex(b)) for a, b in zip(ours, theirs, strict=True) if a != b]
        gap = max((g if g == g else float("inf")) for g in gaps)
        worst = max(worst, gap) if isinstance(worst, float) else gap
    return worst


def _severity(found):
    return -1.0 if found is None else found if isinstance(found, float) else ROUNDING / 2


def _fails(outcome, rivals_may_differ):
    if outcome.tool == "meanap":
        return outcome.error is not None or outcome.difference is not None
    return not rivals_may_differ and isinstance(outcome.difference, float) and outcome.difference > ROUNDING


def _progress(what, run):
    told = run.get("error") or f"{run['seconds']:.2f} s, {run['peak_bytes'] / 1e6:.0f} MB"
    print(f"{what}: {told}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
