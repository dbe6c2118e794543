"""Inputs that other threads change while they are read: an answer or an ordinary exception; no crash, no panic.

With a global lock threads take turns where Python code runs; without one they run at any moment.
"""

import copy
import random
import sys
import threading
import time
from contextlib import redirect_stdout
from io import StringIO

import numpy as np
import pytest

import meanap
from meanap import mask, ranking
from tests.thorough import THOROUGH

#: How long each test changes its input.
SECONDS = 20 if THOROUGH else 0.3


def annotations(results, state):
    """Dictionaries of 20 images and 3 categories."""
    out = []
    for k in range(300):
        box = [float(side) for side in state.random(4) * 40 + 1]
        record = {"image_id": k % 20, "category_id": k % 3, "bbox": box}
        out.append({**record, **({"score": k / 300} if results else {"id": k + 1, "area": 90.0, "iscrowd": 0})})
    return out


def dataset(state):
    return {
        "images": [{"id": k, "width": 90, "height": 90} for k in range(20)],
        "categories": [{"id": k, "name": f"class {k}"} for k in range(3)],
        "annotations": annotations(False, state),
    }


def coco(state):
    return [dataset(state), annotations(True, state)]


def evaluate(given):
    return repr(dict(meanap.evaluate(*given)))


def drop_in(given):
    truth = meanap.COCO()
    truth.dataset = given[0]
    with redirect_stdout(StringIO()):
        truth.createIndex()
        evaluation = meanap.COCOeval(truth, truth.loadRes(given[1]), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation.eval["precision"].tobytes()


def batches(state):
    def image(found):
        boxes = (state.random((6, 4)) * 20).tolist()
        record = {"boxes": [[x, y, x + width + 1, y + height + 1] for x, y, width, height in boxes]}
        record["labels"] = [int(label) for label in state.integers(0, 3, 6)]
        return {**record, "scores": state.random(6).tolist()} if found else record

    return [[image(found) for _ in range(30)] for found in (True, False)]


def update(given):
    metric = meanap.MeanAveragePrecision()
    metric.update(*given)
    return repr(metric.compute())


def masks(state):
    polygons = [(state.random(8) * 40).tolist() for _ in range(30)]
    return [mask.encode(np.asfortranarray((state.random((30, 40, 20)) < 0.5).astype(np.uint8))), polygons]


def mask_functions(given):
    runs, polygons = given
    drawn = mask.frPyObjects(polygons, 30, 40)
    return [repr(mask.iou(runs, runs, [0] * len(runs))), repr(mask.area(drawn)), mask.merge(runs)["counts"]]


def queries(state):
    def side(numbers, kind):
        return {f"q{q}": {f"d{d}": kind(state.integers(0, 4)) for d in range(numbers)} for q in range(20)}

    return [side(25, int), side(40, float)]


def rank(given):
    return ranking.evaluate(*given, ["map", "ndcg", "P_5"]).values.tobytes()


def item_lists(state):
    return [[[int(item) for item in state.permutation(40)[:12]] for _ in range(60)] for _ in range(2)]


def mean_at_k(given):
    return meanap.mapk(*given, 10)


CASES = {
    "dictionaries": (coco, evaluate),
    "pycocotools": (coco, drop_in),
    "batches": (batches, update),
    "masks": (masks, mask_functions),
    "queries": (queries, rank),
    "lists": (item_lists, mean_at_k),
}


def containers(given):
    """All dictionaries and lists in it."""
    found = [given]
    for container in found:
        items = container.values() if isinstance(container, dict) else container
        found += [item for item in items if isinstance(item, dict | list)]
    return found[1:]


def change(container, choice):
    """Removes, adds or replaces an item, and mostly puts things back."""
    if isinstance(container, dict):
        keys = list(container)
        if not keys:
            return
        key = choice.choice(keys)
        value = container.pop(key, None)
        if choice.random() < 0.3:
            container[f"{key}*"] = value
            container.pop(f"{key}*", None)
        if value is not None:
            container[key] = value
    elif container:
        how = choice.randrange(4)
        if how == 0:
            container.append(container.pop())
        elif how == 1:
            kept = container[:]
            container.clear()
            container.extend(kept)
        elif how == 2:
            place = choice.randrange(len(container))
            container[place] = copy.deepcopy(container[place])
        else:
            container.reverse()


@pytest.mark.parametrize("name", CASES)
def test_inputs_that_other_threads_change(name):
    make, evaluated = CASES[name]
    shared, own = (make(np.random.default_rng(3)) for _ in range(2))
    expected = evaluated(own)
    changed = containers(shared)
    ends = time.monotonic() + SECONDS
    failures, answers = [], []
    choice = random.Random(5)

    def during(work):
        def repeated():
            while time.monotonic() < ends and not failures:
                try:
                    work()
                except BaseException as problem:  # noqa: BLE001 (panics are no `Exception`)
                    failures.append(problem)

        return threading.Thread(target=repeated)

    def read():
        try:
            evaluated(shared)
        except Exception as problem:
            assert str(problem) and not isinstance(problem, SystemError), repr(problem)
        answers.append(None)

    def alter():
        try:
            change(choice.choice(changed), choice)
        except (ValueError, LookupError, RuntimeError):
            pass  # The other thread that changes things was faster.

    def undisturbed():
        assert evaluated(own) == expected

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [during(work) for work in (read, read, alter, alter, undisturbed)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert not failures, failures
    assert answers


def test_threads_that_share_a_metric_wait_for_each_other():
    boxes, labels = np.array([[1.0, 1, 5, 5]] * 50), np.ones(50, dtype=int)
    preds = [{"boxes": boxes, "scores": np.linspace(0, 1, 50), "labels": labels}]
    target = [{"boxes": boxes, "labels": labels}]
    metric, errors = meanap.MeanAveragePrecision(), []

    def update():
        for _ in range(60):
            metric.update(preds, target)

    def read():
        for _ in range(10):
            metric.compute(), len(metric), metric.nbytes, metric.state(), copy.copy(metric)

    def run(work):
        try:
            work()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in (update, update, update, read, read)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors and len(metric) == 180
    # Copies and states have a lock of their own.
    for other in (copy.deepcopy(metric), meanap.MeanAveragePrecision.from_state(metric.state())):
        with metric._lock:
            thread = threading.Thread(target=other.update, args=(preds, target))
            thread.start()
            thread.join(60)
        assert not thread.is_alive() and len(other) == 181
