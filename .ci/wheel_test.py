"""Installs a wheel into a new environment without a compiler and tests what a user sees first.

    python .ci/wheel_test.py            the wheel in dist/ that fits this interpreter
    python .ci/wheel_test.py --folder target/wheels --abi3

Checked: the size of the wheel, `meanap demo`, an evaluation with its number, the time of the import.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LARGEST = 3_300_000

CODE = """
import numpy as np
import meanap

truth = [{"boxes": np.array([[10, 10, 50, 60], [70, 20, 90, 50]]), "labels": np.array([0, 1])}]
found = [{**truth[0], "scores": np.array([0.9, 0.6])}]
assert round(meanap.evaluate(truth, found).ap, 12) == 1
try:
    meanap.evaluate([{"boxes": [[1, 2, 3]], "labels": [0]}], found)
except meanap.InputError as problem:
    print(problem)
else:
    raise AssertionError("a box of three numbers was accepted")
print(meanap.__version__, "with NumPy", np.__version__, meanap._core.__file__)
"""

IMPORT = """
import time
import numpy
began = time.perf_counter()
import meanap
meanap.evaluate
print(round(1000 * (time.perf_counter() - began)))
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("dist"), help="where wheels are (default dist)")
    parser.add_argument("--abi3", action="store_true", help="the wheel for all versions, not the one for this version")
    parser.add_argument("--images", default="500", help="images of the demo (default 500)")
    options = parser.parse_args()
    folder = options.folder.resolve()
    for wheel in sorted(folder.glob("meanap-*.whl")):
        size = wheel.stat().st_size
        print(f"{wheel.name}: {size / 1e6:.2f} MB")
        if size > LARGEST:
            sys.exit(f"{wheel.name}: {size} bytes, expected at most {LARGEST}")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as where:
        subprocess.run([sys.executable, "-m", "venv", where], check=True)
        programs = Path(where) / ("Scripts" if os.name == "nt" else "bin")
        python = str(programs / "python")
        began = time.monotonic()
        # NumPy comes from the index; meanap from the folder alone, and never from source.
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--only-binary", ":all:", "numpy"], check=True)
        install = [python, "-m", "pip", "install", "--quiet", "--no-index", "--find-links", str(folder), "--pre"]
        install += [str(path) for path in folder.glob("meanap-*-abi3-*.whl")] if options.abi3 else ["meanap"]
        subprocess.run(install, check=True)
        print(f"installed in {time.monotonic() - began:.1f} s")
        # No compiler, no source tree, no other program.
        bare = {**os.environ, "PATH": str(programs), "PYTHONDONTWRITEBYTECODE": "1"}
        began = time.monotonic()
        demo = [str(programs / "meanap"), "demo", "--images", options.images]
        subprocess.run(demo, cwd=where, env=bare, check=True)
        print(f"meanap demo: {time.monotonic() - began:.1f} s")
        subprocess.run([python, "-c", CODE], cwd=where, env=bare, check=True)
        times = [
            int(subprocess.run([python, "-c", IMPORT], cwd=where, env=bare, check=True, stdout=subprocess.PIPE).stdout)
            for _ in range(5)
        ]
        print(f"import: {min(times)} ms beside NumPy's")
    return 0


if __name__ == "__main__":
    sys.exit(main())
