"""Runs many cases through meanap and pycocotools and compares all that can be seen.

python -m tests.differential.fuzz --count 20000 --seed 1 --jobs 2
python -m tests.differential.fuzz --count 500 --feature "strange scores" --road file
python -m tests.differential.fuzz --count 1 --seed 4711        # the case of one seed, made small and printed
"""

from __future__ import annotations

import argparse
import collections
import concurrent.futures
import concurrent.futures.process
import logging
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from .case import ROADS, Case
from .compare import compare, differences
from .features import FEATURES, make_case
from .flow import run
from .shrink import as_test, shrink
from .tools import Tool, meanap, reference

CHUNK = 25
PATIENCE = 300
"""Seconds that a chunk of cases may take before it counts as a hang."""


@dataclass
class Tally:
    """What a run came to: how many cases, how many of them the reference did to the end, how many by road and
    feature, and the failures (seed -> what differed)."""

    cases: int = 0
    accepted: int = 0
    roads: collections.Counter[str] = field(default_factory=collections.Counter)
    features: collections.Counter[str] = field(default_factory=collections.Counter)
    failures: dict[int, list[str]] = field(default_factory=dict)

    def add(self, other: Tally) -> None:
        """Takes in another tally."""
        self.cases += other.cases
        self.accepted += other.accepted
        self.roads += other.roads
        self.features += other.features
        self.failures |= other.failures

    def __str__(self) -> str:
        roads = ", ".join(f"{name} {self.roads[name]}" for name in ROADS)
        rare = sorted((self.features[name], name) for name in FEATURES)[:1]
        drawn = sum(1 for name in FEATURES if self.features[name])
        least = f", each at least {rare[0][0]} times" if drawn == len(FEATURES) else ""
        return (
            f"{self.cases} cases ({self.accepted} of which the reference does to the end), "
            f"{len(self.failures)} differ; roads: {roads}; "
            f"{drawn} of {len(FEATURES)} features drawn{least}"
        )


def run_seeds(
    seeds: range,
    only: tuple[str, ...] = (),
    road: str | None = None,
    marks: str | None = None,
    against: str = "meanap",
) -> Tally:
    """Compares the cases of `seeds`.

    The seed in work stands in a file in the folder `marks`, in case it takes the process down.
    """
    logging.getLogger("meanap").setLevel(logging.ERROR)
    ours, theirs = tool(against), reference()
    tally = Tally()
    mark = Path(marks) / str(os.getpid()) if marks else None
    for seed in seeds:
        if mark:
            mark.write_text(str(seed))
        case = make_case(seed, only, road)
        tally.cases += 1
        tally.roads[case.road] += 1
        tally.features.update(case.features)
        expected = run(case, theirs)
        tally.accepted += expected[-1].error is None
        problems = list(islice(compare(run(case, ours), expected, ours, case.road), 8))
        if problems:
            tally.failures[seed] = problems
    if mark:
        mark.unlink()
    return tally


def tool(name: str) -> Tool:
    """The implementation of a name."""
    return {"meanap": meanap, "pycocotools": reference}[name]()


def run_many(
    seeds: range, jobs: int, only: tuple[str, ...] = (), road: str | None = None, against: str = "meanap"
) -> Iterator[Tally]:
    """Tallies of chunks of `seeds`, run in `jobs` processes.

    Raises RuntimeError, naming the seeds in work, if a process dies or hangs.
    """
    chunks = [seeds[i : i + CHUNK] for i in range(0, len(seeds), CHUNK)]
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="meanap-fuzz-") as marks:
        pool = concurrent.futures.ProcessPoolExecutor(jobs, mp_context=context)
        try:
            futures = [pool.submit(run_seeds, chunk, only, road, marks, against) for chunk in chunks]
            waiting = set(futures)
            while waiting:
                done, waiting = concurrent.futures.wait(
                    waiting, timeout=PATIENCE, return_when=concurrent.futures.FIRST_COMPLETED
                )
                if not done:
                    raise TimeoutError
                for future in done:
                    yield future.result()
        except (concurrent.futures.process.BrokenProcessPool, TimeoutError) as error:
            in_work = sorted(path.read_text() for path in Path(marks).iterdir())
            for process in list((pool._processes or {}).values()):
                process.terminate()
            verb = "hangs in" if isinstance(error, TimeoutError) else "was killed in"
            raise RuntimeError(f"a process {verb} one of the seeds {', '.join(in_work)}") from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def signature(problem: str) -> str:
    """What kind of failure it is: the place without numbers, so that shrinking keeps to one failure."""
    return "".join(c for c in problem.split(":")[0].split("[")[0] if not c.isdigit()) + (
        problem.split(":")[1].split()[0] if ":" in problem and problem.split(":")[1].split() else ""
    )


def report(seed: int, only: tuple[str, ...], road: str | None, against: str) -> str:
    """The failing case of a seed, made small, as a test."""
    ours, theirs = tool(against), reference()
    case = make_case(seed, only, road)
    kind = signature(differences(case, ours, theirs)[0])

    def fails(smaller: Case) -> bool:
        problems = differences(smaller, ours, theirs)
        return bool(problems) and signature(problems[0]) == kind

    small = shrink(case, fails)
    return as_test(small, differences(small, ours, theirs))


def main(arguments: list[str] | None = None) -> int:
    """The command; 1 if anything differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.differential.fuzz", description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=1000, help="how many cases")
    parser.add_argument("--seed", type=int, default=1, help="the first seed; the others follow")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many processes")
    parser.add_argument("--feature", action="append", default=[], choices=sorted(FEATURES), help="every case has it")
    parser.add_argument("--road", choices=ROADS, help="every case takes it")
    parser.add_argument("--against", choices=["meanap", "pycocotools"], default="meanap", help="what is compared")
    parser.add_argument("--show", type=int, default=3, help="how many failures are made small and printed")
    parser.add_argument("--features", action="store_true", help="print how often each feature was drawn")
    options = parser.parse_args(arguments)
    logging.getLogger("meanap").setLevel(logging.ERROR)
    only = tuple(options.feature)
    seeds = range(options.seed, options.seed + options.count)
    started, tally = time.monotonic(), Tally()
    if options.jobs == 1 or options.count <= CHUNK:
        tallies: Iterator[Tally] = iter([run_seeds(seeds, only, options.road, None, options.against)])
    else:
        tallies = run_many(seeds, options.jobs, only, options.road, options.against)
    for part in tallies:
        tally.add(part)
        for seed, problems in sorted(part.failures.items()):
            print(f"seed {seed}: {problems[0]}", flush=True)
    for seed in sorted(tally.failures)[: options.show]:
        print("\n" + report(seed, only, options.road, options.against))
    if options.features:
        for name in FEATURES:
            print(f"{tally.features[name]:7} {name}")
    print(f"{tally} ({time.monotonic() - started:.0f} s)")
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
