"""One tool, one workload, one process: prints a line of JSON with seconds, peak memory and the answer.

    python benches/measure.py WORKLOAD TOOL FOLDER

The clock runs from before the files are opened until `stats` is there. Importing the tool is measured separately;
so is nothing else: input that is given in memory is built before the clock starts, the answer is laid out
after it stops.
"""

import contextlib
import hashlib
import json
import os
import sys
import time
from pathlib import Path

from workloads import registry

# Arrays longer than this are compared by digest; shorter ones keep their numbers, to show by how much they
# differ.
LISTED = 1000

# Seconds after which the threads of OpenBLAS have gone to sleep, which turn in a loop once NumPy is imported: on two
# cores they take one of those that the tool would use.
SETTLED = 0.3


def measure(workload: str, tool: str, folder: Path) -> dict:
    """Run the work once and report on it."""
    entrant = registry()[workload].entrants[tool]
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        begin = time.perf_counter()
        work = entrant(folder)
        ready = time.perf_counter()
        time.sleep(SETTLED)
        before = forget_peak()
        start = time.perf_counter()
        lay_out = work()
        end = time.perf_counter()
        peak = peak_memory()
        answer = lay_out()
    return {
        "prepare_seconds": ready - begin,
        "seconds": end - start,
        "peak_bytes": peak,
        "beside_bytes": peak - before,
        "answer": {name: canonical(value) for name, value in answer.items()},
    }


def forget_peak() -> int:
    """What this process holds now, in bytes; from here on the peak is that of the work (on Linux)."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    return peak_memory()


def peak_memory() -> int:
    """The most memory that this process has held, in bytes."""
    with contextlib.suppress(OSError):
        # Not ru_maxrss first: on Linux it can include what the parent held when it started this process.
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def canonical(values) -> list[str] | str:
    """Numbers such that equal bits give equal text: hexadecimal floats, or a digest of a long array."""
    import numpy as np

    array = np.ascontiguousarray(values, dtype=np.float64)
    if array.size <= LISTED:
        return [float(number).hex() for number in array.reshape(-1)]
    return f"sha256:{array.shape}:{hashlib.sha256(array.tobytes()).hexdigest()}"


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], sys.argv[2], Path(sys.argv[3]))))
