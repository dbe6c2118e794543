"""Threads that do not start, forks at any moment, Ctrl-C, too little memory: an answer or an ordinary exception."""

import os
import sys

import pytest

from tests.processes import run_python, with_threads

linux = pytest.mark.skipif(sys.platform != "linux", reason="limits and forks as Linux has them")

EVALUATE = """
import sys, resource
import meanap, meanap.detection.evaluation, meanap.detection.inputs, meanap.detection.result
truth = {"images": [{"id": 1, "height": 9, "width": 9}], "categories": [{"id": 1, "name": "a"}],
         "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1.0, 1, 5, 5], "area": 25, "iscrowd": 0}]}
results = [{"image_id": 1, "category_id": 1, "bbox": [1.0, 1, 5, 5], "score": .5}] * 50_000
"""


@linux
@pytest.mark.parametrize("limited", [False, True])
@pytest.mark.parametrize("threads", ["", "0", "-3", "many", "7", "1000", "20000", "9" * 19, "9" * 40])
def test_threads_that_cannot_start_are_not_missed(limited, threads):
    """However many threads are asked for, and where none can be started, the numbers are the same."""
    code = (
        EVALUATE
        + """
if sys.argv[1] == "True":
    import os
    os.setuid(12345)
    resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
print(meanap.evaluate(truth, results).ap, max(int(l.split()[1]) for l in open("/proc/self/status") if "Threads" in l))
"""
    )
    if limited and os.getuid() != 0:
        pytest.skip("only root's processes can be limited here")
    status, said = run_python(code, limited, MEANAP_NUM_THREADS=threads)
    assert status == 0, said
    ap, running = said.split()
    assert float(ap) == pytest.approx(1)
    assert int(running) <= max(256, os.cpu_count()) + 1
    if threads == "7" and not limited:
        assert int(running) == 8
    if limited:
        assert int(running) == 1


def test_the_number_of_threads_is_read_once(tmp_path):
    import meanap._core as core

    def running():
        core.objects_from_rows(rows)
        return len(os.listdir("/proc/self/task"))

    if not os.path.isdir("/proc/self/task"):
        pytest.skip("threads are counted as Linux lists them")
    import numpy as np

    rows = np.ones((10, 7))

    def twice():
        before = running()
        os.environ["MEANAP_NUM_THREADS"] = "9"
        return before, running()

    assert with_threads(3, twice) == (4, 4)


@linux
def test_a_child_forked_at_the_first_use_works():
    """A thread uses the extension for the first time while another forks: the child waits for nothing half made."""
    code = """
import os, sys, threading, time, signal
import numpy as np
import meanap._core as core
rows = np.ones((10, 7))
thread = threading.Thread(target=lambda: core.objects_from_rows(rows))
thread.start()
time.sleep(float(sys.argv[1]))
child = os.fork()
if child == 0:
    signal.alarm(20)
    core.objects_from_rows(rows)
    os._exit(0)
status = os.waitpid(child, 0)[1]
thread.join()
sys.exit(status != 0)
"""
    for moment in [0, 0, 0, 0, 0, 0, 0.0002, 0.0005, 0.001, 0.002]:
        status, said = run_python(code, moment, MEANAP_NUM_THREADS="8")
        assert status == 0, (moment, said)


@linux
def test_children_forked_while_all_is_in_use_work():
    code = """
import os, threading, signal
import numpy as np
from meanap import _core as core
import meanap
rows = np.random.default_rng(0).uniform(1, 90, (20_000, 7))
boxes = rows[:300, 1:5].copy()
def work():
    core.objects_from_rows(rows)
    core.mask_box_iou(boxes, boxes, np.zeros(300, np.uint8))
stop = False
def busy():
    while not stop:
        work()
threads = [threading.Thread(target=busy) for _ in range(2)]
for thread in threads: thread.start()
bad = 0
for _ in range(15):
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        work()
        grandchild = os.fork()
        if grandchild == 0:
            signal.alarm(30)
            work()
            os._exit(0)
        os._exit(os.waitpid(grandchild, 0)[1] != 0)
    bad += os.waitpid(child, 0)[1] != 0
stop = True
for thread in threads: thread.join()
print("bad", bad)
"""
    assert run_python(code, MEANAP_NUM_THREADS="4") == (0, "bad 0\n")
