"""Panoptic quality: hand-worked cases, panopticapi's algorithm in our words, and the field's packages."""

import json
import pickle

import numpy as np
import pytest

import meanap
from meanap.compat.panopticapi import as_panopticapi, pq_compute
from meanap.segmentation import PanopticQuality, panoptic

from . import pixel_data
from .running_sum import running_sum

CATEGORIES = [
    {"id": 1, "name": "person", "isthing": 1},
    {"id": 3, "name": "car", "isthing": 1},
    {"id": 100, "name": "sky", "isthing": 0},
    {"id": 101, "name": "grass", "isthing": 0},
]


def oracle(images, categories):
    """panopticapi's algorithm with whole-map comparisons in place of its tables of pairs."""
    stats = {category["id"]: [0.0, 0, 0, 0] for category in categories}
    for truth, truths, prediction, predictions in images:
        found_t, found_p = set(), set()
        infos_t = {info["id"]: info for info in truths}
        infos_p = {info["id"]: info for info in predictions}
        area_p = {id: int((prediction == id).sum()) for id in infos_p}
        for t in sorted(infos_t):
            for p in sorted(infos_p):
                both = int(((truth == t) & (prediction == p)).sum())
                info = infos_t[t]
                if not both or info["iscrowd"] or info["category_id"] != infos_p[p]["category_id"]:
                    continue
                void = int(((truth == 0) & (prediction == p)).sum())
                iou = both / (area_p[p] + info["area"] - both - void)
                if iou > 0.5:
                    stats[info["category_id"]][0] += iou
                    stats[info["category_id"]][1] += 1
                    found_t.add(t)
                    found_p.add(p)
        crowds = {info["category_id"]: t for t, info in infos_t.items() if info["iscrowd"]}
        for t, info in infos_t.items():
            stats[info["category_id"]][3] += not info["iscrowd"] and t not in found_t
        for p, info in infos_p.items():
            if p in found_p:
                continue
            forgiven = (truth == 0) | (truth == crowds.get(info["category_id"], -1))
            if int((forgiven & (prediction == p)).sum()) / area_p[p] <= 0.5:
                stats[info["category_id"]][2] += 1
    per_class, groups = {}, {}
    for id, (iou, tp, fp, fn) in stats.items():
        total = tp + 0.5 * fp + 0.5 * fn
        per_class[id] = {
            "pq": iou / total if total else 0.0,
            "sq": iou / tp if tp else 0.0,
            "rq": tp / total if total else 0.0,
        }
    for name, wanted in (("All", (0, 1)), ("Things", (1,)), ("Stuff", (0,))):
        ids = [c["id"] for c in categories if c["isthing"] in wanted and sum(stats[c["id"]][1:])]
        groups[name] = {key: running_sum(per_class[id][key] for id in ids) / len(ids) for key in ("pq", "sq", "rq")}
        groups[name]["n"] = len(ids)
    return {**groups, "per_class": per_class}


def scene(rng, height=47, width=60):
    """A target with void and crowds, and a prediction that moved, merged and renamed its segments."""
    ids = rng.choice(2**24 - 1, 12, replace=False) + 1
    truth = pixel_data.label_map(rng, height, width, np.concatenate([[0], ids[:7]]), cell=11)
    prediction = np.where(rng.random((height, width)) < 0.9, np.roll(truth, 1, axis=1), np.roll(truth, 9, axis=0))
    renamed = {old: new for old, new in zip(ids[:7], ids[5:], strict=True)}
    prediction = np.vectorize(lambda id: renamed.get(id, rng.choice([0, ids[4]])))(prediction)
    kinds = {id: int(rng.choice([1, 3, 100, 101])) for id in ids}
    truths = [
        {
            "id": int(id),
            "category_id": kinds[id],
            "iscrowd": int(rng.random() < 0.2),
            "area": int((truth == id).sum()),
        }
        for id in np.unique(truth)
        if id
    ]
    back = {new: old for old, new in renamed.items()}
    predictions = [
        {
            "id": int(id),
            "category_id": kinds[back.get(id, id)] if rng.random() < 0.9 else int(rng.choice([1, 3, 100, 101])),
        }
        for id in np.unique(prediction)
        if id
    ]
    return truth, truths, prediction, predictions


def scenes(seed, count=12):
    rng = np.random.default_rng(seed)
    return [scene(rng) for _ in range(count)]


def counted(images, **settings):
    metric = PanopticQuality(CATEGORIES, **settings)
    for truth, truths, prediction, predictions in images:
        metric.update(prediction, truth, predictions, truths)
    return metric


def write(folder, images):
    """COCO panoptic JSON files and their PNG folders."""
    for side, at in (("gt", 0), ("dt", 2)):
        (folder / side).mkdir()
        annotations = []
        for i, image in enumerate(images):
            annotations.append({"image_id": i, "file_name": f"{i}.png", "segments_info": image[at + 1]})
            pixel_data.write_png(
                folder / side / f"{i}.png", pixel_data.segment_colors(image[at]), pixel_data.RGB, row_filter=i % 5
            )
        content = {
            "images": [{"id": i, "file_name": f"{i}.jpg"} for i in range(len(images))],
            "annotations": annotations,
            "categories": CATEGORIES,
        }
        (folder / f"{side}.json").write_text(json.dumps(content))
    return folder / "gt.json", folder / "dt.json"


@pytest.mark.parametrize("seed", range(5))
def test_numbers_are_those_of_panopticapis_algorithm(seed):
    images = scenes(seed)
    result = counted(images).compute()
    assert result.true_positives.sum() > 0 and result.false_positives.sum() > 0
    assert as_panopticapi(result) == oracle(images, CATEGORIES)


@pytest.mark.parametrize("seed", range(3))
def test_files_give_the_same_and_print_the_table(tmp_path, capsys, seed):
    images = scenes(seed, 150 if seed == 0 else 5)
    results = pq_compute(*write(tmp_path, images))
    assert list(results) == ["All", "per_class", "Things", "Stuff"]
    assert results == as_panopticapi(counted(images).compute())
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "          |    PQ     SQ     RQ     N"
    assert printed[2].startswith("All       | ") and printed[2].endswith(f"{results['All']['n']:5d}")
    elsewhere = PanopticQuality(CATEGORIES)
    elsewhere.update_files(tmp_path / "dt.json", tmp_path / "gt.json", str(tmp_path / "dt"), tmp_path / "gt")
    assert as_panopticapi(elsewhere.compute()) == results


def test_records_together_or_one_by_one(tmp_path, monkeypatch):
    known = {category["id"] for category in CATEGORIES}
    images = [
        (truth, [segment for segment in listed if segment["category_id"] in known], *found)
        for truth, listed, *found in scenes(8)
    ]
    files = write(tmp_path, images)
    together, taken = panoptic.prepare_quickly, []
    monkeypatch.setattr(panoptic, "prepare_quickly", lambda *given: taken.append(together(*given)) or taken[-1])
    results = pq_compute(*files)
    assert len(taken) == 1 and len(taken[0][0]) == len(images)
    monkeypatch.setattr(panoptic, "prepare_quickly", lambda *given: None)
    assert pq_compute(*files) == results
    assert results["All"]["n"] > 0


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (2, 0, 3)])
def test_maps_without_a_pixel(shape):
    nothing = np.zeros(shape, int)
    metric = PanopticQuality(CATEGORIES)
    metric.update(nothing, nothing, *([[] for _ in nothing] if len(shape) == 3 else [] for _ in range(2)))
    metric.update(np.zeros((*shape, 2), int), np.zeros((*shape, 2), int))
    assert metric.images == 2 * (2 if len(shape) == 3 else 1)
    assert metric.compute().all["n"] == 0


@pytest.mark.parametrize("package", ["hotcoco", "panopticapi_lite"])
def test_rivals_give_the_same(tmp_path, package):
    if package == "hotcoco":
        theirs = pytest.importorskip("hotcoco.panoptic", reason="hotcoco is not installed").pq_compute
    else:
        module = pytest.importorskip("panopticapi.evaluation", reason="panopticapi is not installed")
        theirs = module.pq_compute
    gt, dt = map(str, write(tmp_path, scenes(21)))
    expected = theirs(gt, dt)
    results = pq_compute(gt, dt)
    for group in ("All", "Things", "Stuff"):
        for key in ("pq", "sq", "rq", "n"):
            assert results[group][key] == pytest.approx(expected[group][key], rel=1e-12)


def test_counts_and_colours_are_those_of_panopticapi():
    """`PQStat` and the functions that other programs import."""
    theirs_of = pytest.importorskip("panopticapi.evaluation", reason="panopticapi is not installed")
    from panopticapi import utils as theirs

    from meanap.compat.panopticapi import evaluation as ours_of
    from meanap.compat.panopticapi import utils as ours

    categories = {id: {"id": id, "isthing": id % 2, "color": [10 * id, 250, 3]} for id in (1, 2, 3, 4)}
    averages, drawn = [], []
    for counts_of, functions in ((theirs_of, theirs), (ours_of, ours)):
        rng = np.random.default_rng(3)
        total = counts_of.PQStat()
        for _ in range(5):
            part = counts_of.PQStat()
            for id in (1, 2, 3):
                part[id].tp, part[id].fp, part[id].fn = map(int, rng.integers(0, 4, 3))
                part[id].iou = float(rng.random()) * part[id].tp
            total += part
        averages.append([total.pq_average(categories, isthing) for isthing in (None, True, False)])
        np.random.seed(5)
        generator = functions.IdGenerator(categories)
        drawn.append([generator.get_id_and_color(id) for id in (1, 1, 1, 2, 3, 3)] + [generator.get_id(1)])
    assert averages[0] == averages[1] and drawn[0] == drawn[1]
    rng = np.random.default_rng(4)
    for dtype in (np.uint8, np.int32, np.uint32, np.int64):
        pixels = rng.integers(0, 256, (4, 5, 3)).astype(dtype)
        ids = ours.rgb2id(pixels)
        np.testing.assert_array_equal(ids, theirs.rgb2id(pixels), strict=True)
        np.testing.assert_array_equal(ours.id2rgb(ids), theirs.id2rgb(ids), strict=True)
    assert ours.id2rgb(70000) == theirs.id2rgb(70000) and ours.rgb2id([3, 4, 5]) == theirs.rgb2id([3, 4, 5])


def test_category_and_instance_maps_are_those_of_torchmetrics():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    detection = pytest.importorskip("torchmetrics.detection", reason="torchmetrics is not installed")
    rng = np.random.default_rng(31)
    things, stuff = {1, 3}, {100, 101}

    def pairs(labels):
        category = pixel_data.label_map(rng, 40, 50, labels, cell=10)
        return np.stack([category, pixel_data.label_map(rng, 40, 50, range(3), cell=13)], axis=-1)

    target = np.stack([pairs([1, 3, 100, 101, 7]) for _ in range(6)])
    prediction = np.where(rng.random((6, 40, 50, 1)) < 0.8, target, np.stack([pairs([1, 3, 100]) for _ in range(6)]))
    prediction[..., 0][prediction[..., 0] == 7] = 1
    theirs = detection.PanopticQuality(things, stuff, return_sq_and_rq=True, return_per_class=True)
    theirs.update(torch.from_numpy(prediction), torch.from_numpy(target))
    ours = PanopticQuality(things=[1, 3], stuff=[100, 101])
    ours.update(prediction, target)
    result = ours.compute()
    expected = theirs.compute().numpy().T
    for name, row in zip(("pq", "sq", "rq"), expected, strict=True):
        np.testing.assert_allclose(getattr(result, name), row, rtol=1e-6)
    one_by_one = PanopticQuality(things=[1, 3], stuff=[100, 101])
    for t, p in zip(target, prediction, strict=True):
        one_by_one.update(p, t)
    np.testing.assert_array_equal(one_by_one.compute().pq, result.pq)


# Hand-calculated cases


def case(truth, truths, prediction, predictions):
    """One row of pixels; segments are (id, category) or, in the target, (id, category, iscrowd)."""
    metric = PanopticQuality(CATEGORIES)
    metric.update(
        np.array([prediction]),
        np.array([truth]),
        [{"id": id, "category_id": c} for id, c in predictions],
        [{"id": id, "category_id": c, "iscrowd": sum(crowd)} for id, c, *crowd in truths],
    )
    result = metric.compute()
    counts = (result.true_positives, result.false_positives, result.false_negatives)
    return [int(each.sum()) for each in counts], float(metric._iou.sum())


def test_void_is_taken_out_of_the_union():
    assert case([1, 1, 0, 0], [(1, 1)], [5, 5, 5, 5], [(5, 1)]) == ([1, 0, 0], 1.0)


def test_a_prediction_mostly_on_void_is_no_false_positive():
    assert case([0, 0, 0, 2], [(2, 3)], [5, 5, 5, 5], [(5, 1)]) == ([0, 0, 1], 0.0)
    # Exactly half is not mostly.
    assert case([0, 0, 2, 2], [(2, 3)], [5, 5, 5, 5], [(5, 1)]) == ([0, 1, 1], 0.0)


def test_a_crowd_is_no_false_negative_and_covers_its_category_only():
    crowd = [(1, 1, 1)]
    assert case([1, 1, 1, 0], crowd, [5, 5, 5, 0], [(5, 1)]) == ([0, 0, 0], 0.0)
    assert case([1, 1, 1, 0], crowd, [5, 5, 5, 0], [(5, 3)]) == ([0, 1, 0], 0.0)
    # Void and crowd together make up more than half.
    truth, truths = [1, 0, 2, 1, 0, 2, 2], [(1, 1, 1), (2, 3)]
    assert case(truth, truths, [5] * 7, [(5, 1)]) == ([0, 0, 1], 0.0)


def test_only_the_last_crowd_of_a_category_covers():
    truth = [1, 1, 1, 2]
    assert case(truth, [(1, 1, 1), (2, 1, 1)], [5] * 4, [(5, 1)]) == ([0, 1, 0], 0.0)
    assert case(truth, [(2, 1, 1), (1, 1, 1)], [5] * 4, [(5, 1)]) == ([0, 0, 0], 0.0)


def test_an_overlap_of_one_half_is_no_match():
    assert case([1, 1, 2, 2], [(1, 1), (2, 3)], [5, 6, 6, 6], [(5, 1), (6, 3)]) == ([1, 1, 1], 2 / 3)


def test_unlisted_target_ids_are_not_void():
    assert case([9, 9, 9, 9], [], [5, 5, 5, 5], [(5, 1)]) == ([0, 1, 0], 0.0)


def test_the_stated_area_is_used():
    metric = PanopticQuality(CATEGORIES)
    ids = np.full((2, 2), 1)
    metric.update(ids, ids, [{"id": 1, "category_id": 1}], [{"id": 1, "category_id": 1, "area": 6}])
    assert metric.compute().pq[0] == 4 / 6


def test_groups_without_a_category_are_nan():
    metric = PanopticQuality(CATEGORIES)
    ids = np.ones((2, 2), int)
    metric.update(ids, ids, [{"id": 1, "category_id": 1}], [{"id": 1, "category_id": 1}])
    result = metric.compute()
    assert result.all == {"pq": 1.0, "sq": 1.0, "rq": 1.0, "n": 1}
    assert np.isnan(result.stuff["pq"]) and result.stuff["n"] == 0
    assert np.isnan(result.pq).tolist() == [False, True, True, True]
    assert result.to_dict()["stuff"] == {"pq": None, "sq": None, "rq": None, "n": 0}
    assert json.dumps(result.to_dict())
    assert "person" in result.per_category_table()


# Properties


def test_merging_batching_and_pickling_change_nothing():
    images = scenes(41)
    whole = counted(images)
    first, second = counted(images[:5]), counted(images[5:])
    first.merge(pickle.loads(pickle.dumps(second)))
    batch = PanopticQuality(CATEGORIES)
    truth, truths, prediction, predictions = zip(*images, strict=True)
    batch.update(np.stack(prediction), np.stack(truth), predictions, truths)
    assert batch.compute().to_dict() == whole.compute().to_dict()
    np.testing.assert_allclose(first.compute().pq, whole.compute().pq, rtol=1e-14)
    assert first.images == batch.images == 12
    with pytest.raises(ValueError, match="merge: the metrics have different settings: categories"):
        first.merge(PanopticQuality(things=[1]))


def test_ids_may_be_relabelled():
    rng = np.random.default_rng(42)
    for truth, truths, prediction, predictions in scenes(42, 4):
        expected = counted([(truth, truths, prediction, predictions)]).compute().to_dict()
        ids = np.unique(np.concatenate([truth, prediction]))
        new = dict(zip(ids.tolist(), [0, *(rng.choice(2**32 - 2, len(ids) - 1, replace=False) + 1)], strict=True))
        rename = np.vectorize(lambda id, new=new: new[id], otypes=[np.uint32])
        renamed = [[{**info, "id": int(new[info["id"]])} for info in side] for side in (truths, predictions)]
        found = counted([(rename(truth), renamed[0], rename(prediction), renamed[1])]).compute().to_dict()
        assert found == expected


# Bad input


def test_json_and_map_that_disagree():
    ids = np.array([[1, 1], [1, 4]])
    truths = [{"id": 1, "category_id": 1}]

    def fails(error, match, prediction=ids, predictions=({"id": 1, "category_id": 1},)):
        with pytest.raises(error, match=match):
            PanopticQuality(CATEGORIES).update(prediction, ids, list(predictions), truths)

    fails(KeyError, "image 0: prediction: row 1, column 1: segment 4 is not in segments_info")
    both = [{"id": 1, "category_id": 1}, {"id": 5, "category_id": 3}]
    fails(KeyError, "prediction: segment 5 is in segments_info, but no pixel has it", np.ones((2, 2), int), both)
    fails(KeyError, "segments_info.0.: category_id 9 is not among", predictions=[{"id": 1, "category_id": 9}])
    fails(KeyError, "segments_info.0.: there is no 'id'", predictions=[{"category_id": 9}])
    fails(ValueError, "id: expected a whole number", predictions=[{"id": -1, "category_id": 1}])
    fails(ValueError, "row 0, column 1: -3 is no segment id", np.array([[1, -3], [1, 1]]))
    fails(ValueError, "target has shape", np.ones((3, 2), int))
    fails(TypeError, "expected an array of integers", np.ones((2, 2)))
    with pytest.raises(TypeError, match="on both sides, or on neither"):
        PanopticQuality(CATEGORIES).update(ids, ids, truths)
    with pytest.raises(ValueError, match=r"expected shape \(H, W, 2\)"):
        PanopticQuality(CATEGORIES).update(ids, ids)
    for categories in ([], [CATEGORIES[0]] * 2):
        with pytest.raises(ValueError, match="categories: expected at least one"):
            PanopticQuality(categories)


def test_bad_files_are_named_or_skipped(tmp_path):
    images = scenes(51, 6)
    gt, dt = write(tmp_path, images)
    expected = counted(images[5:]).compute()
    (tmp_path / "dt" / "0.png").unlink()
    (tmp_path / "dt" / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    pixel_data.write_png(tmp_path / "dt" / "2.png", np.zeros((3, 3, 3)), pixel_data.RGB)
    colors = pixel_data.segment_colors(images[3][2])
    colors[4, 5] = 255
    pixel_data.write_png(tmp_path / "dt" / "3.png", colors, pixel_data.RGB)
    content = json.loads(dt.read_text())
    del content["annotations"][4]
    dt.write_text(json.dumps(content))
    lenient = PanopticQuality(CATEGORIES, strict=False)
    lenient.update_files(dt, gt)
    assert lenient.images == 1
    assert lenient.compute().all == expected.all
    messages = sorted(lenient.skipped, key=lambda message: "no prediction" in message)
    wanted = ["0.png: no such file", "1.png: not a PNG", "2.png: 3 x 3 pixels", "3.png: prediction: row 4, column 5: "]
    wanted.append("dt.json: no prediction for image 4")
    for message, found in zip(wanted, messages, strict=True):
        assert f"{tmp_path}/" in found and message in found
    strict = PanopticQuality(CATEGORIES)
    with pytest.raises((FileNotFoundError, KeyError)):
        strict.update_files(dt, gt)
    assert strict.images == 0 and not strict._counts.any()


def test_json_that_is_not_what_it_should_be(tmp_path):
    gt, dt = write(tmp_path, scenes(52, 1))
    for text, message in (("{", "not JSON"), ("[]", "expected a JSON object"), ("[" * 100000, "not JSON")):
        dt.write_text(text)
        with pytest.raises(ValueError, match=f"dt.json: {message}"):
            pq_compute(gt, dt)
    dt.write_text('{"annotations": [{"image_id": 0, "file_name": "0.png"}]}')
    with pytest.raises(KeyError, match="dt.json: annotations.0.: there is no 'segments_info'"):
        pq_compute(gt, dt)
    with pytest.raises(FileNotFoundError):
        pq_compute(gt, tmp_path / "nothing.json")


def test_an_unknown_category_of_predicted_pairs_is_an_error():
    """As of predicted segments; the target's are void."""
    target = np.array([[[1, 0], [1, 0], [7, 3]]])
    preds = np.array([[[1, 0], [1, 0], [8, 1]]])
    with pytest.raises(meanap.InputError, match="image 0: preds: category 8 is not among the categories"):
        PanopticQuality(things=[1]).update(preds, target)
    lenient = PanopticQuality(things=[1], strict=False)
    lenient.update(preds, target)
    assert lenient.images == 0 and "category 8" in lenient.skipped[0]
    known = PanopticQuality(things=[1])
    known.update(np.where(preds == 8, 1, preds), target)
    assert known.images == 1
