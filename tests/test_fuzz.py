"""Many nasty cases through meanap and pycocotools, and whether the harness would notice a difference."""

import json
import os

import numpy as np
import pytest
from thorough import THOROUGH, some

from tests.differential.case import Case, literal
from tests.differential.compare import differences, unequal
from tests.differential.features import FEATURES, make_case
from tests.differential.flow import run
from tests.differential.fuzz import Tally, run_many
from tests.differential.json_style import dumps
from tests.differential.shrink import as_test, shrink
from tests.differential.tools import Tool, meanap, reference

COUNT = int(os.environ.get("MEANAP_FUZZ_COUNT", "3000" if THOROUGH else "500"))
SEED = int(os.environ.get("MEANAP_FUZZ_SEED", "1"))


def test_many_cases():
    """`MEANAP_FUZZ_COUNT` cases from the seed `MEANAP_FUZZ_SEED` on: nothing that shows differs."""
    tally = Tally()
    for part in run_many(range(SEED, SEED + COUNT), jobs=os.cpu_count() or 1):
        tally.add(part)
    assert tally.cases == COUNT
    assert not tally.failures, f"{tally}\n" + "\n".join(
        f"seed {seed}: {problems[0]}" for seed, problems in sorted(tally.failures.items())[:10]
    )
    if COUNT >= 1500:
        assert len(tally.features) == len(FEATURES)
        assert tally.accepted > COUNT / 2


@pytest.mark.parametrize("name", FEATURES)
def test_each_feature(name):
    """Each feature has cases of its own, so that a failure says its name."""
    for seed in some(range(6), every=6):
        case = make_case(seed, (name,))
        assert not differences(case, meanap(), reference()), literal(case)


def altered(**methods) -> Tool:
    """The reference with some of the evaluator's methods replaced."""
    true = reference()
    return Tool("altered", true.COCO, type("Altered", (true.COCOeval,), methods), true.Params, true.mask)


def noticed(tool: Tool, seeds: int = 40, **wanted) -> int:
    """In how many cases the harness sees that the tool is not the reference."""
    return sum(bool(differences(make_case(seed, **wanted), tool, reference())) for seed in range(seeds))


def one_ulp(self, image, category):
    ious = reference().COCOeval.computeIoU(self, image, category)
    return ious if len(ious) == 0 else np.nextafter(ious, 2)


def ids_as_flags(self, image, category, area, most):
    cell = reference().COCOeval.evaluateImg(self, image, category, area, most)
    if cell is not None:
        cell["gtMatches"] = (cell["gtMatches"] != 0).astype(float)
    return cell


def strings_for_text(self):
    reference().COCOeval.summarize(self)
    print()


def lenient(self):
    try:
        reference().COCOeval.evaluate(self)
    except KeyError:
        pass


def unmarked(self):
    reference().COCOeval.evaluate(self)
    for cell in self._gts.values():
        for annotation in cell:
            annotation.pop("_ignore", None)


def marked_late(self):
    reference().COCOeval.evaluate(self)
    for cell in self._gts.values():
        for annotation in cell:
            annotation["ignore"] = annotation.pop("ignore")


def test_the_harness_notices():
    """The reference's equal passes; a tool that errs in a last bit, a type, a text does not."""
    assert noticed(reference()) == 0
    assert noticed(altered(computeIoU=one_ulp), only=("many ties",)) > 20
    assert noticed(altered(evaluateImg=ids_as_flags)) > 10
    assert noticed(altered(summarize=strings_for_text)) > 10
    assert noticed(altered(evaluate=lenient), only=("fields missing",)) > 3
    assert noticed(altered(evaluate=unmarked)) > 10
    assert noticed(altered(evaluate=marked_late)) > 10


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (1, 1.0),
        (0.0, -0.0),
        (np.float32(1), np.float64(1)),
        (True, 1),
        ([1], (1,)),
        ({1: 0}, {1.0: 0}),
        (np.zeros(2), np.zeros((2, 1))),
        (np.zeros(2), -np.zeros(2)),
        (np.zeros(2), np.zeros(2, dtype=int)),
        ([], np.zeros(0)),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        (np.array([1.0, np.nan]), np.array([1.0, 2.0])),
        (float("nan"), 1.0),
    ],
)
def test_unequal(ours, theirs):
    """Types, signs of zero, shapes, dtypes and order of keys all count."""
    assert list(unequal(ours, theirs, "x"))
    assert list(unequal(theirs, ours, "x"))


@pytest.mark.parametrize("value", [float("nan"), np.array([np.nan, 1.0]), {(1, np.int64(2)): [None, b"b"]}])
def test_equal(value):
    """NaN equals NaN, whatever holds it."""
    assert not list(unequal(value, value.copy() if hasattr(value, "copy") else value, "x"))


def test_a_case_can_be_pasted():
    """`literal` gives source that makes the same case."""
    scope = {"np": np, "nan": float("nan"), "inf": float("inf"), "Case": Case}
    for seed in range(100):
        case = make_case(seed)
        again = eval(literal(case), scope)
        assert not list(unequal(vars(again), vars(case), "case")), seed


def test_a_case_is_its_seed():
    """The same seed makes the same case."""
    for seed in range(50):
        assert literal(make_case(seed)) == literal(make_case(seed))


def test_shrinking():
    """Of a large failing case the part that fails is left."""
    case = make_case(5, ("annotation ids from zero", "many images without objects"), road="dicts")
    assert len(case.dataset["images"]) > 10

    def fails(c):
        seen = run(c, reference())[-1]
        return seen.error is None and any(a["id"] == 0 for a in seen.seen["gt annotations"][0])

    small = shrink(case, fails)
    assert fails(small)
    assert len(small.dataset["annotations"]) == 1
    assert not small.steps and not small.results[1:]
    assert "def test_seed_5():" in as_test(small, ["x: 1, expected 2"])


def test_styles_of_json():
    """However the writer lays a file out, Python's reader reads the same from it, noise aside."""
    record = {"id": 3, "bbox": [1 / 7, -0.0, 1e300, 5e-324], "name": '\u00e9\\"'}
    value = {"annotations": [record] * 9}
    spellings = set()
    for style in range(60):
        text = dumps(value, style)
        spellings.add(text)
        read = json.loads(text)
        assert [{name: r[name] for name in record} for r in read["annotations"]] == value["annotations"]
    assert len(spellings) > 50
