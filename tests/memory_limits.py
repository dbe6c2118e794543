"""Work in processes with less and less memory left."""

import sys
from pathlib import Path

import pytest
from processes import run_python

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits the address space")

CODE = """
import sys
sys.path.insert(0, {tests!r})
import contextlib, ctypes, io, os, pickle, resource, signal
import numpy as np
import meanap
{prepare}
def answer():
    with contextlib.redirect_stdout(io.StringIO()):
        return pickle.dumps({work})
expected = answer()
ctypes.CDLL(None).malloc_trim(0)
failed = []
for left in {left}:
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        try:
            used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (used + (left << 10),) * 2)
            status = 0 if answer() == expected else 3
        except MemoryError:
            status = 5
        except BaseException as error:
            os.write(2, f"{{left}} KiB left: {{type(error).__name__}}: {{error}}\\n".encode()[:1000])
            status = 4
        os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status not in (0, 5):
        failed.append((left, status))
if failed:
    sys.exit(f"KiB left and exit status: {{failed}}")
print(status)
"""


def run_with_limits(prepare, work, left, **environment):
    """Prepares data and does the work once without a limit, in a process of its own; then in children of that process,
    which have all in place, with so many KiB of addresses left: each gives the same, or a MemoryError, the last one the
    same.
    """
    code = CODE.format(tests=str(Path(__file__).parent), prepare=prepare, work=work, left=tuple(left))
    status, said = run_python(code, timeout=300, **environment)
    assert (status, said) == (0, "0\n"), said
