"""`meanap.compat.lvis` beside lvis 0.5.3: numbers, matches, printed lines."""

import copy
import logging
import random

import numpy as np
import pytest

import meanap.compat
from meanap import generate
from meanap.compat import lvis as ours

theirs = pytest.importorskip("lvis", reason="pip install lvis==0.5.3")
logging.getLogger("lvis").setLevel(logging.ERROR)
PACKAGES = (ours, theirs)


@pytest.fixture(autouse=True)
def older_numpy(monkeypatch):
    # lvis 0.5.3 is older than NumPy 1.24.
    monkeypatch.setattr(np, "float", float, raising=False)


def made(package, dataset):
    """A ground truth in memory, which lvis itself takes from files only."""
    truth = package.LVIS.__new__(package.LVIS)
    truth.logger = logging.getLogger("lvis")
    truth.dataset = copy.deepcopy(dataset)
    truth._create_index()
    return truth


def data(seed, kind="bbox", per_image=25):
    truth = generate.dataset(images=10, seed=seed)
    found = generate.detections(truth, kind=kind, per_image=per_image, seed=seed)
    rng = random.Random(seed)
    ids = [category["id"] for category in truth["categories"]]
    for category in truth["categories"]:
        category["frequency"] = rng.choice("rcf")
    for image in truth["images"]:
        image["neg_category_ids"] = rng.sample(ids, len(ids) // 3)
        image["not_exhaustive_category_ids"] = rng.sample(ids, len(ids) // 3)
    for annotation in truth["annotations"]:
        if rng.random() < 0.1:
            annotation["ignore"] = 1
    return truth, found


def evaluated(package, truth, found, kind, change=None, max_dets=300):
    coco = made(package, truth)
    results = package.LVISResults(coco, copy.deepcopy(found), max_dets=max_dets)
    evaluator = package.LVISEval(coco, results, kind)
    if change:
        change(evaluator.params)
    evaluator.run()
    return evaluator


def assert_same(*arguments, capsys=None, **options):
    own, other = (evaluated(package, *arguments, **options) for package in PACKAGES)
    for name in ("precision", "recall"):
        assert own.eval[name].tobytes() == other.eval[name].tobytes(), name
    assert own.eval["counts"] == other.eval["counts"]
    assert own.results == other.results and list(own.results) == list(other.results)
    assert own.freq_groups == other.freq_groups
    for category, areas in other.eval["dt_pointers"].items():
        for area, expected in areas.items():
            pointers = own.eval["dt_pointers"][category][area]
            assert set(pointers) == set(expected)
            for name, values in expected.items():
                np.testing.assert_array_equal(pointers[name], values)
    cells = own.eval_imgs
    assert len(cells) == len(other.eval_imgs)
    for cell, expected in zip(cells, other.eval_imgs, strict=True):
        assert (cell is None) == (expected is None)
        if expected is not None:
            assert set(cell) == set(expected)
            for name, value in expected.items():
                np.testing.assert_array_equal(np.asarray(cell[name]), np.asarray(value), name)
    for pair, similarities in other.ious.items():
        np.testing.assert_array_equal(np.asarray(own.ious[pair]), np.asarray(similarities))
    if capsys is not None:
        capsys.readouterr()
        own.print_results()
        lines = capsys.readouterr().out
        other.print_results()
        assert lines == capsys.readouterr().out and lines.count("\n") == 13
    return own


@pytest.mark.parametrize("kind", ["bbox", "segm"])
@pytest.mark.parametrize("seed", range(4))
def test_numbers_and_lines(seed, kind, capsys):
    own = assert_same(*data(seed, kind), kind, capsys=capsys)
    assert own.results["AP"] > 0


@pytest.mark.parametrize("limit", [5, 0, -1])
def test_a_limit_on_the_detections_of_an_image(limit):
    truth, found = data(5)
    if limit == 0:
        for package in PACKAGES:
            with pytest.raises(IndexError):
                evaluated(package, truth, found, "bbox", max_dets=0)
        return
    assert_same(truth, found, "bbox", max_dets=limit)


def test_without_categories():
    """DIFFERENCE: lvis looks everything up under a category that is not there, and has no summary then."""
    truth, found = data(6)

    def change(params):
        params.use_cats = 0

    with pytest.raises(IndexError):
        evaluated(theirs, truth, found, "bbox", change)
    results = evaluated(ours, truth, found, "bbox", change).results
    assert 0 < results["AP"] < results["AP50"] and results["APr"] == -1


def test_fewer_images_and_other_grids():
    truth, found = data(6)

    def fewer(params):
        params.cat_ids = params.cat_ids[::2]
        params.img_ids = params.img_ids[3:]
        params.iou_thrs = np.array([0.3, 0.5, 0.75])
        params.rec_thrs = np.linspace(0, 1, 11)

    assert_same(truth, found, "bbox", fewer)


def test_real_images(shared_data):
    own, other = (package.LVIS(str(shared_data / "lvis100_gt.json")) for package in PACKAGES)
    categories, images = own.get_cat_ids(), own.get_img_ids()
    assert (categories, images) == (other.get_cat_ids(), other.get_img_ids())
    for ids in (
        lambda lvis: lvis.get_ann_ids(),
        lambda lvis: lvis.get_ann_ids(images[:9]),
        lambda lvis: lvis.get_ann_ids(images, categories[::3], [100, 5000]),
    ):
        assert ids(own) == ids(other)
    annotation = own.load_anns(own.get_ann_ids(images[:1]))[0]
    np.testing.assert_array_equal(own.ann_to_mask(annotation), other.ann_to_mask(annotation))
    rng = random.Random(1)
    found = [
        {
            "image_id": truth["image_id"],
            "category_id": truth["category_id"] if rng.random() < 0.8 else rng.choice(categories),
            "bbox": [value * rng.uniform(0.9, 1.1) for value in truth["bbox"]],
            "score": rng.random(),
        }
        for truth in own.dataset["annotations"]
    ]
    assert assert_same(own.dataset, found, "bbox").results["AP"] > 0


def test_what_cannot_be_used(tmp_path):
    truth, found = data(7)
    lvis = ours.LVIS(truth)
    for call, error in (
        (lambda: ours.LVISEval(lvis, found, "keypoints"), ValueError),
        (lambda: ours.LVISEval(3, found), TypeError),
        (lambda: ours.LVISEval(lvis, 3), TypeError),
        (lambda: ours.LVISResults(lvis, {}), AssertionError),
        (lambda: ours.LVISResults(lvis, [{**found[0], "image_id": -5}]), AssertionError),
        (lambda: ours.LVIS(tmp_path / "none.json"), FileNotFoundError),
        (lambda: ours.LVISVis(lvis), NotImplementedError),
        (lambda: ours.LVISEval(lvis, copy.deepcopy(found), "bbox").accumulate(), RuntimeError),
        (lambda: ours.LVISEval(lvis, copy.deepcopy(found), "bbox").summarize(), RuntimeError),
    ):
        with pytest.raises(error):
            call()


def test_the_modules_of_lvis():
    with meanap.compat.standing_in("lvis"):
        from lvis.eval import LVISEval, Params
        from lvis.lvis import LVIS
        from lvis.results import LVISResults
        from lvis.vis import LVISVis
    classes = (LVIS, LVISEval, LVISResults, LVISVis, Params)
    assert classes == (ours.LVIS, ours.LVISEval, ours.LVISResults, ours.LVISVis, ours.Params)
    from lvis.eval import LVISEval

    assert LVISEval is theirs.LVISEval
