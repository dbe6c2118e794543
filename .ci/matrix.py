"""Builds the package for each Python and runs its tests with the oldest and the newest NumPy.

    python .ci/matrix.py                          every supported Python of this machine
    python .ci/matrix.py --python python3.12 --numpy newest --suite smoke
    python .ci/matrix.py --wheel dist/*.whl       a wheel that is built already

Pythons come from PATH and from pyenv. The oldest one with the oldest NumPy and the newest one with the newest NumPy run
the whole suite, the others a smoke test. Each gets an environment below `target/matrix`, which the next run uses again.
A reference package that has no wheel for a Python is left out; the tests that need it are skipped.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "target" / "matrix"
SUPPORTED = [(3, minor) for minor in range(10, 15)]
# The oldest NumPy that has wheels for a version of Python; `dependencies` in pyproject.toml has the oldest of all.
OLDEST_NUMPY = {(3, 10): "1.24.*", (3, 11): "1.24.*", (3, 12): "1.26.*", (3, 13): "2.1.*", (3, 14): "2.3.*"}
SMOKE = ["test_plain_install", "test_coco", "test_mask", "test_native_arrays", "test_ranking_lists", "test_arrow"]
SUITE = "whole smoke".split()
PROFILE = ["--config-settings", "build-args=--profile quick"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", help="one interpreter instead of all")
    parser.add_argument("--numpy", default="newest", help="with --python: oldest, newest or a version (default newest)")
    parser.add_argument("--suite", default="whole", choices=SUITE, help="with --python (default whole)")
    parser.add_argument("--wheel", type=Path, help="test this wheel instead of building one for each Python")
    parser.add_argument("--workers", default="auto", help="processes of pytest (default auto)")
    options = parser.parse_args()
    if options.python:
        runs = [(options.python, options.numpy, options.suite)]
    else:
        found = interpreters()
        if not found:
            parser.error("no supported Python in PATH or pyenv")
        versions = sorted(found)
        runs = [(found[versions[0]], "oldest", "whole")]
        runs += [(found[version], "newest", "smoke") for version in versions[1:-1]]
        runs += [(found[versions[-1]], "newest", "whole")]
        missing = [".".join(map(str, version)) for version in SUPPORTED if version not in found]
        print("not on this machine:", ", ".join(missing) or "none", flush=True)
    results = [run(python, numpy, suite, options) for python, numpy, suite in runs]
    print()
    for line, _ in results:
        print(line)
    failed = sum(not good for _, good in results)
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


def interpreters() -> dict[tuple[int, int], str]:
    """An interpreter for each supported version."""
    folders = [Path(entry) for entry in os.environ.get("PATH", "").split(os.pathsep) if entry]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    if pyenv.is_dir():
        folders += [path / "bin" for path in sorted(pyenv.iterdir(), reverse=True)]
    found = {}
    for version in SUPPORTED:
        name = f"python{version[0]}.{version[1]}"
        for path in (folder / name for folder in folders):
            if version not in found and path.is_file() and asked_version(path) == version:
                found[version] = str(path)
    return found


def asked_version(python: Path | str) -> tuple[int, int] | None:
    """The version of an interpreter, None where it does not start (shims of pyenv) or cannot create environments."""
    code = "import sys, venv, ensurepip; print(*sys.version_info[:2])"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True)
    return tuple(map(int, done.stdout.split())) if done.returncode == 0 else None


def requirements() -> list[str]:
    """The test extra of pyproject.toml."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return re.findall(r'"([^"]+)"', re.search(r"^test = \[(.*?)^\]", text, re.MULTILINE | re.DOTALL)[1])


def run(python: str, numpy: str, suite: str, options: argparse.Namespace) -> tuple[str, bool]:
    """One row of the final table, and whether the tests passed."""
    began = time.monotonic()
    version = asked_version(python)
    if version is None:
        return f"{python}: does not start", False
    name = f"{version[0]}.{version[1]}"
    print(f"\n== Python {name}, NumPy {numpy}, {suite}", flush=True)
    folder = WORK / f"{name}-{numpy}-{suite}"
    interpreter = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not interpreter.exists():
        subprocess.run([python, "-m", "venv", str(folder)], check=True)
    pip = [str(interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    wheel = options.wheel or build(interpreter, name)
    required = {"oldest": f"numpy=={OLDEST_NUMPY[version]}", "newest": "numpy"}.get(numpy, f"numpy=={numpy}")
    upgrade = ["--upgrade"] if numpy == "newest" else []
    subprocess.run([*pip, "--force-reinstall", "--no-deps", str(wheel)], check=True)
    subprocess.run([*pip, *upgrade, required, "pytest>=8", "pytest-xdist>=3.5"], check=True)
    for package in requirements():
        # Wheels only: this is no test of how other packages compile.
        if subprocess.run([*pip, "--only-binary", ":all:", required, package]).returncode:
            print(f"left out: {package}", flush=True)
    files = [f"tests/{name}.py" for name in SMOKE] if suite == "smoke" else []
    tests = [str(interpreter), "-m", "pytest", "-q", "-n", options.workers, "--dist", "worksteal", *files]
    # The installed package is tested, not the folder of its sources.
    done = subprocess.run(tests, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    print(done.stdout[-8000:], flush=True)
    has = "import numpy; print(numpy.__version__)"
    exact = subprocess.run([interpreter, "-c", has], capture_output=True, text=True).stdout.strip()
    tail = (done.stdout.strip().splitlines() or [""])[-1].strip("= ")
    return (
        f"Python {name}, NumPy {exact}, {suite}: {tail} ({time.monotonic() - began:.0f} s in all)",
        done.returncode == 0,
    )


def build(interpreter: Path, name: str) -> Path:
    """The wheel of the quick profile for an interpreter."""
    folder = WORK / f"wheel-{name}"
    shutil.rmtree(folder, ignore_errors=True)
    command = [
        str(interpreter),
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        *PROFILE,
        "--wheel-dir",
        str(folder),
        ".",
    ]
    subprocess.run(command, cwd=ROOT, check=True)
    return next(folder.glob("*.whl"))


if __name__ == "__main__":
    sys.exit(main())
