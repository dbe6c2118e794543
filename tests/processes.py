"""Work in a process of its own."""

import os
import pickle
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path


def with_threads(threads, work):
    """What `work()` gives in a process that uses so many threads: the number is read once in each process."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder, "answer")
        with warnings.catch_warnings():
            # A child of a process with threads; what it must not do is what is tested elsewhere.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            status = 1
            try:
                os.environ["MEANAP_NUM_THREADS"] = str(threads)
                answer.write_bytes(pickle.dumps(work()))
                status = 0
            except BaseException as error:  # noqa: BLE001 (it is reported to the parent)
                answer.write_bytes(pickle.dumps(repr(error)))
            finally:
                os._exit(status)
        status = os.waitpid(child, 0)[1]
        found = pickle.loads(answer.read_bytes())
        assert status == 0, found
        return found


def run_python(code, *arguments, timeout=120, **environment):
    """A program in a Python of its own: exit status, and what it printed on both streams."""
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "RUST_BACKTRACE": "0", **environment},
    )
    return ran.returncode, ran.stdout + ran.stderr
