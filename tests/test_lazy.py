"""Lazy attributes: every way to read them gives what pycocotools has there."""

import contextlib
import copy
import functools
import io
import json
import pickle
from collections import defaultdict

import pytest

from meanap.compat.pycocotools._lazy import stored
from tests.differential.compare import unequal
from tests.differential.small import found, truth
from tests.differential.tools import meanap, reference

ATTRIBUTES = ("dataset", "anns", "cats", "imgs", "imgToAnns", "catToImgs")
DATASET = truth(
    [10, 10, 20, 20], {"bbox": [30, 30, 5, 5], "iscrowd": 1}, {"bbox": [50, 9, 9, 9], "image_id": 2}, images=3
)
RESULTS = found([11, 10, 20, 20], [30, 30, 5, 5], {"bbox": [50, 9, 9, 9], "image_id": 2})


def from_file(tool, folder, base=None):
    path = folder / "truth.json"
    path.write_text(json.dumps(DATASET))
    return (base or tool.COCO)(str(path))


def by_hand(tool, folder, base=None):
    coco = (base or tool.COCO)()
    coco.dataset = copy.deepcopy(DATASET)
    coco.createIndex()
    return coco


def results_of_file(tool, folder, base=None):
    path = folder / "results.json"
    path.write_text(json.dumps(RESULTS))
    return from_file(tool, folder, base).loadRes(str(path))


def results_of_list(tool, folder, base=None):
    return from_file(tool, folder, base).loadRes(copy.deepcopy(RESULTS))


MADE = {make.__name__: make for make in (from_file, by_hand, results_of_file, results_of_list)}


def state(instance):
    return {name: value for name, value in instance.__dict__.items()}


class Wrapper:
    """Takes over what another object holds."""

    def __init__(self, wrapped):
        self.__dict__.update(wrapped.__dict__)


class Sharing:
    def __init__(self, wrapped):
        self.__dict__ = wrapped.__dict__


def assigned_first(coco):
    coco.anns = {1: "mine"}
    return [coco.anns, list(coco.imgs), coco.__dict__]


def deleted_first(coco):
    del coco.anns
    return [hasattr(coco, "anns"), list(coco.__dict__), list(coco.imgs)]


def deleted_twice(coco):
    del coco.imgs
    try:
        del coco.imgs
    except AttributeError:
        return list(vars(coco))
    return None


def updated(coco):
    coco.__dict__.update(imgs={5: {"id": 5}}, more=1)
    return [coco.getImgIds(), coco.__dict__]


def replaced(coco):
    coco.__dict__ = {"imgs": {5: {"id": 5}}}
    return [coco.getImgIds(), hasattr(coco, "anns"), vars(coco)]


def indexed_anew(coco):
    coco.dataset = {}
    coco.createIndex()
    return sorted(vars(coco).items(), key=str)


def all_assigned(coco):
    for name in ATTRIBUTES:
        setattr(coco, name, {})
    return sorted(vars(coco).items(), key=str)


def emptied(coco):
    coco.__dict__.clear()
    return [hasattr(coco, name) for name in ATTRIBUTES]


LOOKS = {
    "vars": vars,
    "state": state,
    "dir": lambda coco: [name for name in dir(coco) if not name.startswith("_")],
    "hasattr": lambda coco: [hasattr(coco, name) for name in (*ATTRIBUTES, "nonsense")],
    "wrapper": lambda coco: vars(Wrapper(coco)),
    "wrapper's methods": lambda coco: type(coco).getAnnIds(Wrapper(coco), imgIds=[1]),
    "sharing": lambda coco: [vars(Sharing(coco)), coco.getImgIds()],
    "copy": lambda coco: vars(copy.copy(coco)),
    "deepcopy": lambda coco: vars(copy.deepcopy(coco)),
    "pickle": lambda coco: vars(pickle.loads(pickle.dumps(coco))),
    "getattr": lambda coco: [getattr(coco, name) for name in ATTRIBUTES],
    "assigned first": assigned_first,
    "deleted first": deleted_first,
    "deleted twice": deleted_twice,
    "updated": updated,
    "replaced": replaced,
    "emptied": emptied,
    "indexed anew": indexed_anew,
    "all assigned": all_assigned,
}


def quiet(call, *arguments):
    with contextlib.redirect_stdout(io.StringIO()):
        return call(*arguments)


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("make", MADE)
def test_looks(make, look, tmp_path):
    ours, theirs = (quiet(LOOKS[look], quiet(MADE[make], tool, tmp_path)) for tool in (meanap(), reference()))
    assert not list(unequal(ours, theirs, look))


@pytest.mark.parametrize("make", MADE)
def test_the_same_dictionaries_everywhere(make, tmp_path):
    coco = MADE[make](meanap(), tmp_path)
    shallow, wrapper = copy.copy(coco), Wrapper(coco)
    for name in ATTRIBUTES:
        assert getattr(shallow, name) is getattr(wrapper, name) is getattr(coco, name)
    for annotation in coco.dataset["annotations"]:
        assert coco.anns[annotation["id"]] is annotation
        assert any(each is annotation for each in coco.imgToAnns[annotation["image_id"]])


def test_copies_make_nothing(tmp_path):
    for coco in (from_file(meanap(), tmp_path), results_of_file(meanap(), tmp_path)):
        for copied in (copy.deepcopy(coco), copy.copy(coco)):
            assert not set(ATTRIBUTES) & set(stored(coco)) and not set(ATTRIBUTES) & set(stored(copied))


# Subclasses, whose methods may look at any time


def names_seen(base):
    class Seen(base):
        """Records the attributes when the index is made: before and after, and in the constructor."""

        def createIndex(self):
            self.before = [
                sorted(set(ATTRIBUTES) & set(vars(self))),
                len(self.imgs),
                len(self.anns),
                list(self.dataset),
            ]
            super().createIndex()
            self.after = [list(self.imgs), list(self.anns), list(self.cats), dict(self.imgToAnns), dict(self.catToImgs)]

    return Seen


def own_index(base):
    class Own(base):
        """Makes the indices itself, of images that it chooses."""

        def createIndex(self):
            self.kept = list(self.imgs) + list(self.imgToAnns) + list(self.catToImgs) + list(self.cats)
            self.imgs = {image["id"]: image for image in self.dataset["images"][:2]}
            self.imgToAnns = defaultdict(list)
            for annotation in self.dataset["annotations"]:
                self.anns[annotation["id"]] = annotation
                self.imgToAnns[annotation["image_id"]].append(annotation)

    return Own


def index_after(base):
    class After(base):
        def createIndex(self):
            super().createIndex()
            self.anns = {id: annotation for id, annotation in self.anns.items() if not annotation["iscrowd"]}

    return After


def index_not_made(base):
    class Not(base):
        def createIndex(self):
            pass

    return Not


def delegating(base):
    class Delegating(base):
        def __getattr__(self, name):
            if name == "nonsense":
                return 5
            raise AttributeError(name)

    return Delegating


def watching(base):
    class Watching(base):
        def __getattribute__(self, name):
            return list(super().__getattribute__(name)) if name == "imgs" else super().__getattribute__(name)

    return Watching


def class_attributes(base):
    class Declared(base):
        anns: dict = {}  # noqa: RUF012
        imgs = None

    return Declared


def own_constructor(base):
    class Constructed(base):
        def __init__(self, annotation_file=None):
            self.early = 1
            super().__init__(annotation_file)
            self.count = len(self.imgs)

    return Constructed


def cached(base):
    class Cached(base):
        @functools.cached_property
        def names(self):
            return [category["name"] for category in self.cats.values()]

    return Cached


def own_state(base):
    class Stateful(base):
        def __getstate__(self):
            return {"kept": self.__dict__["imgs"]}

        def __setstate__(self, state):
            self.__dict__.update(state, loaded=True)

    return Stateful


SUBCLASSES = (
    names_seen, own_index, index_after, index_not_made, delegating, watching, class_attributes, own_constructor, cached,
    own_state,
)  # fmt: skip


@pytest.mark.parametrize("make", [from_file, by_hand])
@pytest.mark.parametrize("subclass", SUBCLASSES)
def test_subclasses(subclass, make, tmp_path):
    def flow(tool):
        coco = make(tool, tmp_path, subclass(tool.COCO))
        extra = getattr(coco, "nonsense", None), getattr(coco, "names", None)
        again = copy.deepcopy(coco)
        with_results = None
        if isinstance(coco.imgs, dict) and coco.imgs:
            results = coco.loadRes(copy.deepcopy([r for r in RESULTS if r["image_id"] in coco.imgs]))
            with_results = type(results).__name__, vars(results)
        # In alphabetical order: attributes that a subclass adds may come before or after those that are made late.
        added = [dict(sorted(vars(each).items())) for each in (coco, again)]
        return extra, {name: getattr(coco, name) for name in ATTRIBUTES}, added, with_results

    ours, theirs = (quiet(flow, tool) for tool in (meanap(), reference()))
    assert not list(unequal(ours, theirs, subclass.__name__))


def test_slots_of_a_subclass(tmp_path):
    """They are copied with the rest, of data sets and of evaluators."""

    def flow(tool):
        class Slots(tool.COCO):
            __slots__ = ("extra",)

        class SlotsEvaluator(tool.COCOeval):
            __slots__ = ("extra",)

        coco = from_file(tool, tmp_path, Slots)
        coco.extra = [5]
        seen = [copied(coco).extra for copied in (copy.copy, copy.deepcopy)]
        evaluator = SlotsEvaluator(coco, coco.loadRes(copy.deepcopy(RESULTS)), "bbox")
        evaluator.extra = [6]
        evaluator.evaluate()
        return seen + [copied(evaluator).extra for copied in (copy.copy, copy.deepcopy)]

    assert quiet(flow, meanap()) == quiet(flow, reference()) == [[5], [5], [6], [6]]


# The evaluator


def evaluated(tool, folder):
    gt = from_file(tool, folder)
    evaluator = tool.COCOeval(gt, gt.loadRes(copy.deepcopy(RESULTS)), "bbox")
    evaluator.evaluate()
    return evaluator


def without(evaluator, name):
    delattr(evaluator, name)
    return [hasattr(evaluator, name), sorted(vars(evaluator))]


EVALUATOR = {
    "vars": lambda ev: sorted(vars(ev)),
    "wrapper": lambda ev: [getattr(Wrapper(ev), name) for name in ("evalImgs", "ious", "_gts", "_dts")],
    "copy": lambda ev: [getattr(copy.copy(ev), name) for name in ("evalImgs", "ious", "_gts", "_dts")],
    "pickle": lambda ev: [getattr(pickle.loads(pickle.dumps(ev)), name) for name in ("evalImgs", "_gts")],
    "without evalImgs": lambda ev: without(ev, "evalImgs"),
    "without _gts": lambda ev: [without(ev, "_gts"), ev._dts],
}


@pytest.mark.parametrize("look", EVALUATOR)
def test_evaluator(look, tmp_path):
    ours, theirs = (quiet(EVALUATOR[look], quiet(evaluated, tool, tmp_path)) for tool in (meanap(), reference()))
    assert not list(unequal(ours, theirs, look))


def test_evaluator_that_delegates(tmp_path):
    def flow(tool):
        class Delegating(tool.COCOeval):
            def __getattr__(self, name):
                raise AttributeError(name)

        gt = from_file(tool, tmp_path)
        evaluator = Delegating(gt, gt.loadRes(copy.deepcopy(RESULTS)), "bbox")
        evaluator.evaluate()
        evaluator.accumulate()
        return evaluator.evalImgs, evaluator.ious, evaluator.eval["precision"]

    ours, theirs = (quiet(flow, tool) for tool in (meanap(), reference()))
    assert not list(unequal(ours, theirs, "delegating"))


def test_evaluator_copied_into_another(tmp_path):
    """The curves of an evaluator that took over another's attributes."""

    def flow(tool):
        evaluator = evaluated(tool, tmp_path)
        twin = tool.COCOeval()
        twin.__dict__.update(evaluator.__dict__)
        twin.accumulate()
        return twin.eval["precision"], twin.eval["recall"], twin.eval["scores"]

    ours, theirs = (quiet(flow, tool) for tool in (meanap(), reference()))
    assert not list(unequal(ours, theirs, "taken over"))
