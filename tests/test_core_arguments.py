"""Every function and method of the extension with arguments that make no sense: an exception or an answer, never a
panic, an abort or an endless loop."""

import sys
from pathlib import Path

import pytest
from thorough import some

from tests.processes import run_python

CALLS = Path(__file__).with_name("core_calls.py").read_text()


@pytest.mark.skipif(sys.platform == "win32", reason="alarms as POSIX has them")
@pytest.mark.parametrize("seed", some(range(6), every=6))
def test_no_argument_makes_the_extension_panic(seed):
    status, said = run_python(CALLS, seed, 2000, timeout=300)
    assert status == 0, said[-3000:]
