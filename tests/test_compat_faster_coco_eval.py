"""`meanap.compat.faster_coco_eval` beside faster-coco-eval itself: numbers, printed lines, and the shape of results."""

import copy
import importlib
import json
import pickle
import random
import sys

import numpy as np
import pytest

import meanap
from meanap import generate
from meanap.compat import faster_coco_eval as ours
from tests.differential.scenes import scene
from tests.processes import run_python

theirs = pytest.importorskip("faster_coco_eval", reason="pip install faster-coco-eval==1.8.0")

PACKAGES = {"ours": ours, "theirs": theirs}
KINDS = ["bbox", "segm", "keypoints"]


def evaluated(package, truth, found, iou_type, change=None, **options):
    """An evaluator that has run, and what it printed."""
    printed = []
    coco = package.COCO(copy.deepcopy(truth))
    results = coco.loadRes(copy.deepcopy(found))
    evaluator = package.COCOeval_faster(coco, results, iou_type, print_function=printed.append, **options)
    if change:
        change(evaluator.params)
    evaluator.run()
    return evaluator, [line for line in printed if "(A" in line]


def assert_same(truth, found, iou_type, change=None, **options):
    (own, own_lines), (other, other_lines) = (
        evaluated(package, truth, found, iou_type, change, **options) for package in PACKAGES.values()
    )
    for name in ("precision", "recall", "scores"):
        assert own.eval[name].tobytes() == other.eval[name].tobytes(), name
    assert dict(own.eval["matched"]) == other.eval["matched"]
    assert own.eval["counts"] == other.eval["counts"]
    assert own.eval["evaluations_size"] == other.eval["evaluations_size"]
    assert own_lines == other_lines and own_lines
    numbers, expected = own.stats_as_dict, other.stats_as_dict
    assert list(numbers) == list(expected)
    if own.matched:
        # faster-coco-eval adds the similarities in the order of a hash table.
        assert numbers.pop("mIoU") == pytest.approx(expected.pop("mIoU"), rel=1e-13)
    assert numbers == expected
    np.testing.assert_array_equal(own.stats, other.stats)
    np.testing.assert_allclose(own.all_stats, other.all_stats, rtol=1e-13)
    for pair, similarities in other.ious.items():
        np.testing.assert_array_equal(np.asarray(own.ious[pair]), np.asarray(similarities))
    return own, other


def drawn(seed, iou_type):
    case = scene(random.Random(seed), iou_type)
    return case.dataset, case.results


@pytest.mark.parametrize("iou_type", KINDS)
@pytest.mark.parametrize("seed", range(12))
def test_numbers_and_lines(seed, iou_type):
    assert_same(*drawn(seed, iou_type), iou_type)


def test_a_larger_set_with_crowds():
    truth = generate.dataset(images=25, seed=3)
    own, _ = assert_same(truth, generate.detections(truth, per_image=30, seed=3), "bbox", extra_calc=True)
    assert any(annotation["iscrowd"] for annotation in own.cocoGt.anns.values())


@pytest.mark.parametrize("limits", [[300], [1, 10], [2, 5, 7, 11], [10, 1, 500]])
def test_the_first_number_is_of_the_largest_limit(limits):
    truth = generate.dataset(images=8, seed=4)

    def change(params):
        params.maxDets = list(limits)

    own, _ = assert_same(truth, generate.detections(truth, per_image=20, seed=4), "bbox", change)
    assert own.stats[0] > 0 and f"AR_{max(limits)}" in own.stats_as_dict


@pytest.mark.parametrize("use_cats", [0, 1])
@pytest.mark.parametrize("seed", range(4))
def test_other_parameters(seed, use_cats):
    truth, found = drawn(seed, "bbox")

    def change(params):
        params.useCats = use_cats
        params.iouThrs = np.array([0.3, 0.5, 0.75])
        params.recThrs = np.linspace(0, 1, 11)
        params.imgIds = params.imgIds[:2]

    assert_same(truth, found, "bbox", change, ranges={"tiny": [0, 300], "rest": [300, 1e10]})


def test_boundaries():
    for seed in range(6):
        assert_same(*drawn(seed, "segm"), "boundary", boundary_dilation_ratio=0.01 * (1 + seed))


@pytest.mark.parametrize("use_area", [True, False])
def test_own_sigmas_and_the_size_of_poses(use_area):
    sigmas = np.linspace(0.02, 0.1, 17).tolist()
    for seed in range(4):
        assert_same(*drawn(seed, "keypoints"), "keypoints", kpt_oks_sigmas=sigmas, use_area=use_area)


def test_missing_fields():
    for iou_type, lacking in (("bbox", ("iscrowd",)), ("keypoints", ("iscrowd", "num_keypoints"))):
        truth, found = drawn(5, iou_type)
        for annotation in truth["annotations"]:
            for name in lacking:
                annotation.pop(name)
        assert_same(truth, found, iou_type)


def crowded(seed):
    truth, found = drawn(seed, "keypoints")
    rng = random.Random(seed)
    for image in truth["images"]:
        image["crowdIndex"] = rng.choice([0.05, 0.5, 0.9])
    return truth, found


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("use_area", [True, False])
def test_crowdpose(seed, use_area):
    truth, found = crowded(seed)
    runs = [evaluated(each, truth, found, "keypoints_crowd", use_area=use_area) for each in PACKAGES.values()]
    (own, own_lines), (other, other_lines) = runs
    assert own_lines == other_lines
    assert own.stats_as_dict == other.stats_as_dict


def federated(seed):
    """Images that list their labelled categories, as LVIS has them."""
    truth = generate.dataset(images=12, seed=seed)
    found = generate.detections(truth, per_image=25, seed=seed)
    rng = random.Random(seed)
    ids = [category["id"] for category in truth["categories"]]
    for category in truth["categories"]:
        category["frequency"] = rng.choice("rcf")
    for image in truth["images"]:
        image["neg_category_ids"] = rng.sample(ids, len(ids) // 3)
        image["not_exhaustive_category_ids"] = rng.sample(ids, len(ids) // 3)
    return truth, found


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("limits", [[300], [1, 10, 100]])
def test_lvis_style(seed, limits):
    def change(params):
        params.maxDets = list(limits)

    own, _ = assert_same(*federated(seed), "bbox", change, lvis_style=True)
    assert own.stats_as_dict["APf"] > 0


def test_extended_metrics_and_flags():
    truth = generate.dataset(images=10, seed=8)
    found = generate.detections(truth, per_image=12, seed=8)
    own, other = assert_same(truth, found, "bbox", extra_calc=True)
    assert own.extended_metrics == other.extended_metrics
    for side in ("cocoGt", "cocoDt"):
        for id, annotation in getattr(other, side).anns.items():
            flags = {name: annotation.get(name) for name in ("tp", "fp", "fn", "iou")}
            assert {name: getattr(own, side).anns[id].get(name) for name in flags} == flags
    assert own.cocoGt.to_dict(separate_fn=True)["categories"] == other.cocoGt.to_dict(separate_fn=True)["categories"]


def test_matches_of_batches_that_were_gathered():
    """What D-FINE and DEIM do: matches per batch, reshaped, concatenated over ranks and assigned back."""
    truth = generate.dataset(images=9, seed=2)
    found = generate.detections(truth, per_image=15, seed=2)
    stats = {}
    for name, package in PACKAGES.items():
        coco = package.COCO(copy.deepcopy(truth))
        evaluator = package.COCOeval_faster(coco, iouType="bbox", print_function=print, separate_eval=True)
        ids, cells = [], []
        for first in (6, 0, 3):
            batch = sorted(image["id"] for image in truth["images"][first : first + 3])
            evaluator.cocoDt = package.COCO.loadRes(coco, [dict(d) for d in found if d["image_id"] in batch])
            evaluator.params.imgIds = list(batch)
            evaluator.evaluate()
            p = evaluator.params
            cells.append(np.array(evaluator._evalImgs_cpp).reshape(len(p.catIds), len(p.areaRng), len(p.imgIds)))
            ids += batch
        merged, order = np.unique(ids, return_index=True)
        evaluator._evalImgs_cpp = np.concatenate(cells, axis=2)[..., order].ravel().tolist()
        evaluator.params.imgIds = merged.tolist()
        evaluator._paramsEval = copy.deepcopy(evaluator.params)
        evaluator.accumulate()
        evaluator.summarize()
        stats[name] = evaluator.stats_as_dict
    assert stats["ours"] == stats["theirs"]
    assert stats["ours"] == evaluated(ours, truth, found, "bbox")[0].stats_as_dict


@pytest.mark.parametrize("kind", KINDS)
def test_without_results(kind):
    assert_same(drawn(3, kind)[0], [], kind)


def test_files_stay_columns(tmp_path):
    """From files the evaluation makes no dictionaries, with the numbers of the dictionaries."""
    truth = generate.dataset(images=6, seed=6)
    found = generate.detections(truth, per_image=15, seed=6)
    for name, content in (("gt", truth), ("dt", found)):
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    coco = ours.COCO(tmp_path / "gt.json")
    results = coco.loadRes(str(tmp_path / "dt.json"))
    evaluator = ours.COCOeval_faster(coco, results, "bbox")
    evaluator.run()
    for side in (coco, results):
        assert isinstance(side, ours.COCO) and not side._source.touched
    assert evaluator.stats_as_dict == evaluated(theirs, truth, found, "bbox")[0].stats_as_dict


def test_data_sets():
    truth, found = drawn(7, "bbox")
    cocos = [each.COCO(copy.deepcopy(truth)) for each in PACKAGES.values()]
    images, categories = ([record["id"] for record in truth[name]] for name in ("images", "categories"))
    for call in (
        lambda coco: coco.getAnnIds(),
        lambda coco: coco.getAnnIds(imgIds=images[::-1], catIds=categories[0]),
        lambda coco: coco.get_ann_ids(img_ids=images[0], iscrowd=False),
        lambda coco: coco.getAnnIds(areaRng=[100, 5000]),
        lambda coco: coco.get_cat_ids(cat_names=[truth["categories"][0]["name"]]),
        lambda coco: coco.getCatIds(supNms="thing", catIds=categories),
        lambda coco: coco.get_img_ids(cat_ids=categories[:1]),
        lambda coco: coco.load_anns(coco.get_ann_ids()),
        lambda coco: coco.loadImgs(np.int64(images[0])),
        lambda coco: coco.loadCats(),
        lambda coco: coco.to_dict(),
        lambda coco: dict(coco),
        lambda coco: coco.loadRes(copy.deepcopy(found), min_score=0.5).to_dict(),
        lambda coco: coco.loadRes(np.array([[images[0], 1, 2, 3, 4, 0.5, categories[0]]])).dataset["annotations"],
        lambda coco: repr(coco),
    ):
        own, other = (call(coco) for coco in cocos)
        assert own == other
    for ids in ("1", [True], 1.5):
        for coco in cocos:
            with pytest.raises(TypeError):
                coco.loadAnns(ids)


def test_a_pickled_evaluation():
    own, _ = evaluated(ours, *drawn(1, "bbox"), "bbox")
    for twin in (pickle.loads(pickle.dumps(own.eval)), copy.deepcopy(own.eval)):
        assert dict(twin["matched"]) == dict(own.eval["matched"])


def test_masks():
    rng = np.random.default_rng(1)
    for shape in ((5, 7), (40, 30), (3, 9), (9, 2)):
        pixels = (rng.random(shape) > 0.3).astype(np.uint8)
        pixels[: shape[0] // 2] = 1
        own, other = ours.mask.encode(pixels), theirs.mask.encode(pixels)
        assert own == other
        for ratio in (0.02, 0.1, 0.5):
            assert ours.mask.rleToBoundary(own, ratio) == theirs.mask.rleToBoundary(other, ratio)
    polygons = [[1, 1, 6.5, 1, 6.5, 4.2, 1, 4]]
    assert ours.mask.segmToRle(polygons, 9, 6) == theirs.mask.segmToRle(polygons, 9, 6)

    assert ours.mask.rleToBoundaryCV(own) == ours.mask.rleToBoundary(own)
    assert ours.mask.frPyObjects(objs=polygons, h=6, w=9) == theirs.mask.frPyObjects(objs=polygons, h=6, w=9)
    box = [[1.0, 2.0, 3.0, 4.0]]
    assert ours.mask.iou(dt=box, gt=box, iscrowd=[0]) == theirs.mask.iou(dt=box, gt=box, iscrowd=[0])


@pytest.mark.parametrize("use_area", [True, False])
@pytest.mark.parametrize("kind", [*KINDS, "boundary"])
def test_the_base_class(kind, use_area):
    """`core.cocoeval.COCOeval`: similarities and the summary of curves, and nothing that matches."""
    truth, found = drawn(3, "segm" if kind == "boundary" else kind)
    for image in truth["images"]:
        image.setdefault("height", 100), image.setdefault("width", 100)
    of_package = []
    for package in PACKAGES.values():
        base = importlib.import_module(f"{package.__name__}.core.cocoeval").COCOeval
        assert issubclass(package.COCOeval_faster, base)
        coco = package.COCO(copy.deepcopy(truth))
        results = coco.loadRes(copy.deepcopy(found))
        done = package.COCOeval_faster(coco, results, kind)
        done.run()
        printed = []
        evaluator = base(coco, results, kind, print_function=printed.append, use_area=use_area)
        for method in (evaluator.evaluate, evaluator.accumulate):
            with pytest.raises(DeprecationWarning, match="COCOeval_faster"):
                method()
        evaluator._prepare()
        similarity = evaluator.computeOks if kind == "keypoints" else evaluator.computeIoU
        pairs = [(image, category) for image in evaluator.params.imgIds for category in evaluator.params.catIds]
        similarities = [np.asarray(similarity(*pair)) for pair in pairs]
        evaluator.eval = done.eval
        evaluator.summarize()
        limit = evaluator.params.maxDets[0]
        lines = [evaluator._summarize(ap, iou, "medium", limit) for ap in (0, 1) for iou in (None, 0.75)]
        lines.append(evaluator._summarize(1, maxDets=limit, catIds=[0]))
        of_package.append((similarities, printed, evaluator.all_stats.tolist(), evaluator.stats.tolist(), lines))
    own, other = of_package
    for mine, expected in zip(own[0], other[0], strict=True):
        np.testing.assert_array_equal(mine.reshape(-1), expected.reshape(-1))
    assert own[1:] == other[1:] and own[1]


def test_a_row_that_is_not_there():
    truth, found = drawn(3, "bbox")
    evaluator, _ = evaluated(ours, truth, found, "bbox")
    with pytest.raises(ValueError, match=r"maxDets: expected one of \[1, 10, 100\], found 7"):
        evaluator._summarize(maxDets=7)
    with pytest.raises(ValueError, match="areaRng: expected one of .*found 'tiny'"):
        evaluator._summarize(areaRng="tiny")


def test_the_packages_own_classes_stay_what_they_are_meanwhile():
    """A program that holds on to faster-coco-eval's evaluator compares with it while meanap stands in."""
    truth, found = drawn(5, "bbox")
    kept = [theirs.COCO, theirs.COCOeval_faster]
    before = kept[1].__mro__
    with meanap.as_faster_coco_eval():
        assert kept[1].__mro__ == before
        coco = kept[0](copy.deepcopy(truth))
        evaluator = kept[1](coco, coco.loadRes(copy.deepcopy(found)), "bbox")
        evaluator.run()
    own, _ = evaluated(ours, truth, found, "bbox")
    assert own.stats_as_dict == evaluator.stats_as_dict


@pytest.mark.parametrize("package", PACKAGES)
def test_functions_of_the_evaluator_of_batches(package):
    torch = pytest.importorskip("torch", reason="pip install torch")
    pytest.importorskip("torchvision", reason="pip install torchvision")
    module = importlib.import_module(f"{PACKAGES[package].__name__}.utils.pytorch.coco_eval")
    boxes = torch.tensor([[1.0, 2.0, 5.5, 9.0], [0.1, 0.2, 0.4, 0.9]])
    assert module.convert_to_xywh(boxes)[0].tolist() == [1.0, 2.0, 4.5, 7.0]
    assert boxes[0].tolist() == [1.0, 2.0, 5.5, 9.0]
    assert module.all_gather({"a": 1}) == module.all_gather({"a": 1}, world_size=1) == [{"a": 1}]
    parts = [np.arange(12).reshape(2, 2, 3), np.arange(100, 108).reshape(2, 2, 2)]
    ids, matches = module.merge([4, 2, 9, 2, 1], parts)
    assert ids == [1, 2, 4, 9] and matches == [101, 1, 0, 2, 103, 4, 3, 5, 105, 7, 6, 8, 107, 10, 9, 11]


def test_under_its_name():
    before = theirs.COCOeval_faster
    with meanap.as_faster_coco_eval():
        import faster_coco_eval
        from faster_coco_eval.core.faster_eval_api import COCOeval
        from faster_coco_eval.utils.pytorch import FasterCocoEvaluator

        assert faster_coco_eval is ours and issubclass(COCOeval, ours.COCOeval_faster)
        assert FasterCocoEvaluator.__module__.startswith("meanap.")
    import faster_coco_eval

    assert faster_coco_eval.COCOeval_faster is before


@pytest.mark.parametrize("lvis_style", [False, True])
@pytest.mark.parametrize("kind", ["bbox", "segm"])
def test_the_evaluator_of_batches(kind, lvis_style):
    """What RT-DETR v2 does, with tensors, a batch without predictions, and an image that comes twice."""
    torch = pytest.importorskip("torch", reason="pip install torch")
    pytest.importorskip("torchvision", reason="pip install torchvision")
    from faster_coco_eval.utils.pytorch import FasterCocoEvaluator

    from meanap.compat.faster_coco_eval.utils.pytorch import FasterCocoEvaluator as Ours
    from tests.test_compat_torchvision import data

    truth, predictions = data(kind)
    for category in truth["categories"]:
        category["frequency"] = "rcf"[category["id"] % 3]
    for image in truth["images"]:
        image["neg_category_ids"] = [category["id"] for category in truth["categories"][::2]]
        image["not_exhaustive_category_ids"] = [category["id"] for category in truth["categories"][1::2]]
    tensors = {
        image: {name: torch.tensor(values) for name, values in prediction.items()}
        for image, prediction in predictions.items()
    }
    ids = list(tensors)
    numbers = []
    for make, package in ((Ours, ours), (FasterCocoEvaluator, theirs)):
        evaluator = make(package.COCO(copy.deepcopy(truth)), [kind], lvis_style=lvis_style)
        evaluator.coco_eval[kind].params.maxDets = [300] if lvis_style else [1, 10, 100]
        for batch in (ids[:1], ids[4:], ids[1:4], ids[2:3]):
            evaluator.update({image: tensors[image] for image in batch})
        evaluator.synchronize_between_processes()
        evaluator.accumulate()
        evaluator.summarize()
        numbers.append(evaluator.stats_as_dict[kind])
    assert numbers[0] == numbers[1] and numbers[0]["AP_all"] > 0


@pytest.mark.parametrize("use_categories", [False, True])
def test_its_plots_show_our_evaluation(use_categories):
    from faster_coco_eval.extra import Curves as Theirs

    truth = generate.dataset(images=12, seed=4)
    found = generate.detections(truth, per_image=9, seed=4)
    curves = []
    with meanap.as_faster_coco_eval():
        from faster_coco_eval.extra import Curves

        assert Curves is Theirs
    from meanap.compat.faster_coco_eval.extra import Curves, PreviewResults

    assert PreviewResults.__mro__[1].__module__.startswith("meanap.") and Curves is not Theirs
    for make, package in ((Curves, ours), (Theirs, theirs)):
        coco = package.COCO(copy.deepcopy(truth))
        plots = make(coco, coco.loadRes(copy.deepcopy(found)), iouType="bbox", iou_tresh=0.5, useCats=use_categories)
        curves.append(plots.build_curve("category_id"))
    assert len(curves[0]) == len(curves[1]) > 0
    for own, other in zip(*curves, strict=True):
        assert own.keys() == other.keys()
        for name, value in other.items():
            np.testing.assert_array_equal(own[name], value, err_msg=name)


def test_plots_that_are_first_imported_under_its_name_are_its_own_again_afterwards():
    status, printed = run_python("""
import meanap, sys
with meanap.as_faster_coco_eval():
    from faster_coco_eval.extra import Curves
    assert Curves.__mro__[1].__init__.__globals__["COCOeval_faster"].__module__.startswith("meanap.")
assert not [name for name in sys.modules if name.startswith("faster_coco_eval")]
from faster_coco_eval.extra import Curves as Theirs
assert Theirs.__mro__[1].__init__.__globals__["COCOeval_faster"].__module__.startswith("faster_coco_eval")
""")
    assert status == 0, printed


def test_its_data_set_of_images(tmp_path):
    pytest.importorskip("torchvision", reason="pip install torchvision")
    image = pytest.importorskip("PIL.Image", reason="pip install pillow")
    truth = generate.dataset(images=3, seed=4)
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    for record in truth["images"]:
        image.new("RGB", (record["width"], record["height"])).save(tmp_path / record["file_name"])
    before = sys.modules.get("pycocotools")
    from meanap.compat.faster_coco_eval.utils.pytorch import FasterCocoDetection

    own = FasterCocoDetection(tmp_path, tmp_path / "truth.json", transform=lambda image: image.size)
    assert isinstance(own.coco, ours.COCO) and sys.modules.get("pycocotools") is before
    assert own.ids == sorted(record["id"] for record in truth["images"])
    for record in truth["images"]:
        size, annotations = own[own.ids.index(record["id"])]
        assert size == (record["width"], record["height"])
        assert [a["id"] for a in annotations] == [
            a["id"] for a in truth["annotations"] if a["image_id"] == record["id"]
        ]
