"""What is derived from the match table, against counting in plain Python and against evaluating again."""

import math
import pickle
from copy import deepcopy

import numpy as np
import pytest
from native_data import per_image
from processes import run_python

import meanap
from meanap import MeanAveragePrecision, generate
from meanap.detection import match_inputs
from meanap.statistics import percentiles


@pytest.fixture(scope="module")
def data():
    truth = generate.dataset(40, 21, categories=5)
    found = generate.detections(truth, per_image=20, seed=21)
    # Distinct scores within an image and category, so that an image drawn twice has one order.
    for k, record in enumerate(found):
        record["score"] = round(record["score"], 3) * 0.9 + k * 1e-6
    return truth, found


@pytest.fixture(scope="module")
def result(data):
    return meanap.evaluate(*data)


def drawn(data, weights):
    """The data set in which each image occurs as often as its weight says."""
    truth, found = data
    images, annotations, detections = [], [], []
    for image, weight in zip(sorted(truth["images"], key=lambda image: image["id"]), weights, strict=True):
        for copy in range(weight):
            id = image["id"] * 100 + copy
            images.append({**image, "id": id})
            for annotation in truth["annotations"]:
                if annotation["image_id"] == image["id"]:
                    annotations.append({**annotation, "image_id": id, "id": len(annotations) + 1})
            detections += [{**d, "image_id": id} for d in found if d["image_id"] == image["id"]]
    return {**truth, "images": images, "annotations": annotations}, detections


@pytest.mark.parametrize(
    "changes",
    [{}, {"max_detections": (1, 3)}, {"by_category": False}, {"max_per_image": 4}, {"average": "micro"}],
    ids=str,
)
def test_a_table_matched_at_once_is_that_of_gathered_rows(data, changes, monkeypatch):
    """Of images and categories whose ids are in any order, some of them without objects."""
    truth, found = data
    truth = {
        **truth,
        "images": [{**truth["images"][0], "id": -5}, *truth["images"][::-1]],
        "categories": [*truth["categories"][::-1], {"id": 77, "name": "none"}],
    }
    at_once = meanap.evaluate(truth, found, **changes)
    gathering = match_inputs.of_columns
    monkeypatch.setattr(match_inputs, "of_columns", lambda *given: gathering(*given)._replace(match_at_once=None))
    gathered = meanap.evaluate(truth, found, **changes)
    tables = [
        [scores.table, scores.confusion_table(0.5), scores.error_table(0.5, 0.1, "all")]
        for scores in (at_once.scores, gathered.scores)
    ]
    for one, other in zip(*tables, strict=True):
        assert (one.image_ids, one.category_ids) == (other.image_ids, other.category_ids)
        assert one.to_bytes() == other.to_bytes()
        for area in range(len(at_once.protocol.area_ranges) if one is tables[0][0] else 1):
            for name, column in one.columns(area).items():
                np.testing.assert_array_equal(column, other.columns(area)[name])


@pytest.mark.parametrize("protocol", ["coco", "voc2012", "ultralytics"])
def test_resampling_is_evaluating_what_was_drawn(data, protocol):
    generator = np.random.default_rng(2)
    whole = meanap.evaluate(*data, protocol=protocol)
    weights = np.array([np.bincount(generator.integers(40, size=40), minlength=40) for _ in range(3)], dtype=np.uint32)
    rows = [whole.protocol.summary[0], whole.protocol.summary[-1]]
    for row in rows:
        _, area, limit = whole.scores.places(row)
        (samples,) = whole.scores.resampler([row])(weights)
        for sample, weight in zip(samples, weights, strict=True):
            again = meanap.evaluate(*drawn(data, weight), protocol=protocol)
            values = again.precision.mean(axis=1) if row.kind == "precision" else again.recall
            # Two copies of an image stand one after the other, detection by detection: a block within which precision
            # rises is read at its end.
            np.testing.assert_allclose(sample, values[..., area, limit], atol=0.02)
            assert np.nanmean(np.abs(sample - values[..., area, limit])) < 2e-3


def test_weights_of_one_are_the_evaluation_itself(result):
    ones = np.ones((1, 40), dtype=np.uint32)
    for row in result.protocol.summary:
        _, area, limit = result.scores.places(row)
        (sample,) = result.scores.resampler([row])(ones)
        values = result.precision.mean(axis=1) if row.kind == "precision" else result.recall
        np.testing.assert_allclose(sample[0], values[..., area, limit], atol=1e-14)


def test_many_resamples_of_many_categories_are_each_resample_by_itself():
    truth = generate.dataset(50, 3, categories=19)
    result = meanap.evaluate(truth, generate.detections(truth, per_image=20, seed=3))
    weights = np.random.default_rng(0).integers(0, 3, (70, 50)).astype(np.uint32)
    weights[::35] = 1
    for row in result.protocol.summary:
        _, area, limit = result.scores.places(row)
        resample = result.scores.resampler([row])
        (samples,) = resample(weights)
        for sample, weight in zip(samples, weights, strict=True):
            np.testing.assert_array_equal(sample, resample(weight[None])[0][0])
        values = result.precision.mean(axis=1) if row.kind == "precision" else result.recall
        for sample in samples[::35]:
            # The protocol's arrays have -1 where there is nothing to find.
            expected = np.where(values[..., area, limit] < 0, np.nan, values[..., area, limit])
            np.testing.assert_allclose(sample, expected, atol=1e-14)


def test_weights_of_other_images_and_large_ones_are_errors(result):
    resample = result.scores.resampler([result.protocol.summary[0]])
    with pytest.raises(ValueError, match=r"^weights: expected shape \(B, 40\), found \(2, 39\)$"):
        resample(np.ones((2, 39), dtype=np.uint32))
    with pytest.raises(ValueError, match="^weights: expected numbers of at most 255, found 256$"):
        resample(np.full((1, 40), 256, dtype=np.uint32))


def test_no_resamples_are_no_numbers(result):
    for row in result.protocol.summary:
        (samples,) = result.scores.resampler([row])(np.ones((0, 40), dtype=np.uint32))
        assert samples.shape == (0, len(result.protocol.thresholds), len(result.category_ids))


def test_an_interval_holds_the_number_and_does_not_depend_on_chunks(result, monkeypatch):
    interval = result.interval("ap", resamples=300)
    assert interval.low < interval.value == result.ap < interval.high
    assert interval.error == pytest.approx(np.std(interval.samples))
    monkeypatch.setattr("meanap.statistics._CHUNK", 7)
    np.testing.assert_array_equal(result.interval("ap", resamples=300).samples, interval.samples)
    assert result.interval("ap", 0.5, 300).high < interval.high
    steps = []
    result.interval("ap", resamples=20, progress=lambda done, total: steps.append((done, total)))
    assert steps[-1] == (20, 20)
    with pytest.raises(ValueError, match="confidence"):
        result.interval("ap", confidence=95)


def test_comparison(data, result):
    same = meanap.compare(result, result, ["ap", "ap50"], resamples=50)
    assert same["difference"].tolist() == [0, 0] and same["p"].tolist() == [1, 1]
    truth, found = data
    generator = np.random.default_rng(0)
    worse = meanap.evaluate(truth, [d for d in found if generator.random() < 0.7])
    judged = meanap.compare(result, worse, resamples=200)
    row = judged.row(number="ap")
    assert row["difference"] == worse.ap - result.ap < 0 and row["high"] < 0 and row["p"] < 0.02
    assert len(judged.per_class) == 5
    with pytest.raises(ValueError, match="other images"):
        meanap.compare(result, meanap.evaluate({**truth, "images": truth["images"][:1], "annotations": []}, []))


def test_ties_bound_every_order():
    generator = np.random.default_rng(1)
    boxes = np.array([[20 * i, 0, 20 * i + 10, 10] for i in range(30)], dtype=float)
    hits = generator.random(30) < 0.6
    scores = generator.integers(1, 4, size=30) / 4
    values = []
    for seed in range(30):
        order = np.random.default_rng(seed).permutation(30)
        # Each detection in an image of its own; the order of images is what breaks ties.
        targets, preds = [], []
        for place, k in enumerate(order):
            objects = boxes[k : k + 1] if hits[k] else boxes[:0]
            targets.append({"boxes": objects, "labels": [0] * len(objects), "image_id": place})
            preds.append({"boxes": boxes[k : k + 1], "scores": scores[k : k + 1], "labels": [0]})
        result = meanap.evaluate(targets, preds, thresholds=0.5)
        values.append(result.ap)
        ties = result.ties(orders=2000)
    assert ties.least <= min(values) and max(values) <= ties.greatest
    assert ties.least < ties.expected < ties.greatest
    apart = [{**image, "scores": image["scores"] + place / 1000} for place, image in enumerate(preds)]
    apart = meanap.evaluate(targets, apart, thresholds=0.5)
    assert apart.ties() == type(ties)(apart.ap, apart.ap, apart.ap)
    assert ties.expected == pytest.approx(np.mean(values), abs=0.03)


def test_curves_and_operating_points(result):
    curve = result.precision_recall(1, iou=0.5)
    assert (np.diff(curve.score) < 0).all() and (np.diff(curve.recall) >= 0).all()
    matches = result.matches
    mine = (matches.category_id == 1) & ~matches.ignored[:, 0]
    at = curve.score[10]
    above = mine & (matches.score >= at)
    assert curve.true_positives[10] == (above & matches.matched[:, 0]).sum()
    assert curve.precision[10] == (above & matches.matched[:, 0]).sum() / above.sum()
    assert curve.objects == (matches.truth_wanted & (matches.truth_category_id == 1)).sum()
    best = result.best_f1()
    everything = result.precision_recall(None)
    assert best.f1 == np.nanmax(everything.f_measure())
    row = best.per_class.row(category=1)
    assert row["f1"] == np.nanmax(curve.f_measure())
    point = result.operating_point(precision=0.8, category=1)
    assert point.precision >= 0.8 and point.recall == curve.recall[curve.precision >= 0.8].max()
    point = result.operating_point(recall=0.5)
    assert point.recall >= 0.5
    assert math.isnan(result.operating_point(recall=1.0).threshold)


def test_images_and_calibration(data, result):
    table = result.per_image(iou=0.5, score=0.3)
    assert (np.diff(table["false_positives"] + table["false_negatives"]) <= 0).all()
    assert table["objects"].sum() == result.per_class["objects"].sum()
    row = table.row(image=data[0]["images"][0]["id"])
    assert row["false_negatives"] == row["objects"] - row["true_positives"]
    assert row["detections"] == row["true_positives"] + row["false_positives"]
    calibration = result.calibration(bins=5)
    assert 0 < calibration.error < 1
    assert calibration.bins["detections"].sum() == (~result.matches.ignored[:, 0]).sum()


def test_confusion_by_hand():
    boxes = [[0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10]]
    truth = [{"boxes": boxes, "labels": ["cat", "dog", "dog"]}]
    preds = [
        {
            "boxes": [boxes[0], boxes[1], [80, 0, 90, 10], boxes[2]],
            "scores": [0.9, 0.8, 0.7, 0.2],
            "labels": ["cat", "cat", "dog", "dog"],
        }
    ]
    confusion = meanap.evaluate(truth, preds).confusion(iou=0.5)
    assert confusion.names == ["cat", "dog", "background"]
    assert confusion.matrix.tolist() == [[1, 0, 0], [1, 1, 0], [0, 1, 0]]
    assert (confusion.true_positives, confusion.misclassified) == (2, 1)
    assert (confusion.false_negatives, confusion.false_positives) == (0, 1)
    later = meanap.evaluate(truth, preds).confusion(iou=0.5, score=0.5)
    assert later.matrix.tolist() == [[1, 0, 0], [1, 0, 1], [0, 1, 0]]
    assert later.pairs()["truth"] == ["dog", "dog", "background"]
    assert "1 misclassified" in repr(later) and "<table>" in later._repr_html_()


def test_confusion_of_a_metric_is_that_of_one_call(data):
    preds, targets = per_image(*data)
    whole = meanap.evaluate(targets, preds, box_format="xywh").confusion(0.5, score=0.3)
    counted = sum(int((1 - t["iscrowd"]).sum()) for t in targets)
    assert whole.matrix[:-1].sum() == counted
    parts = [MeanAveragePrecision(box_format="xywh", confusion=0.5) for _ in range(2)]
    for i, (p, t) in enumerate(zip(preds, targets, strict=True)):
        parts[i % 2].update([p], [t])
    parts[1].update([preds[0]], [targets[0]])
    parts[0].merge(parts[1])
    np.testing.assert_array_equal(parts[0].result().confusion(0.5, score=0.3).matrix, whole.matrix)
    with pytest.raises(ValueError, match="recorded matches at IoU 0.5"):
        parts[0].result().confusion(0.75)
    with pytest.raises(ValueError, match="make the metric with"):
        MeanAveragePrecision().result().confusion()


def tables():
    yield "pandas", lambda columns: pytest.importorskip("pandas").DataFrame(columns)
    yield "polars", lambda columns: pytest.importorskip("polars").DataFrame(columns)
    yield "pyarrow", lambda columns: pytest.importorskip("pyarrow").table(columns)

    def duckdb(columns):
        return pytest.importorskip("duckdb").from_arrow(pytest.importorskip("pyarrow").table(columns))

    yield "duckdb", duckdb


@pytest.mark.parametrize("name, make", list(tables()), ids=[name for name, _ in tables()])
def test_tables(data, result, name, make):
    truth, found = data

    def columns(records):
        boxes = np.array([record["bbox"] for record in records])
        names = ("x", "y", "width", "height")
        return {
            "image_id": np.array([r["image_id"] for r in records]),
            "category_id": np.array([r["category_id"] for r in records]),
            **{column: boxes[:, i] for i, column in enumerate(names)},
        }

    gt = make(
        {
            **columns(truth["annotations"]),
            "area": np.array([a["area"] for a in truth["annotations"]]),
            "iscrowd": np.array([a["iscrowd"] for a in truth["annotations"]]),
        }
    )
    dt = make({**columns(found), "score": np.array([d["score"] for d in found])})
    assert meanap.evaluate(gt, dt).to_dict() == result.to_dict()
    if name == "pandas":
        return  # its columns hold one number a row
    whole = {"image_id": columns(found)["image_id"], "category_id": columns(found)["category_id"]}
    whole = {**whole, "bbox": [d["bbox"] for d in found], "score": [d["score"] for d in found]}
    assert meanap.evaluate(gt, make(whole)).to_dict() == result.to_dict()
    with pytest.raises(ValueError, match="a table needs a column 'score'; there are 'image_id', 'category_id'"):
        meanap.evaluate(gt, make({key: column for key, column in whole.items() if key != "score"}))
    with pytest.raises(ValueError, match="a table needs boxes"):
        meanap.evaluate(gt, make({key: column for key, column in whole.items() if key != "bbox"}))
    with pytest.raises(ValueError, match='detections: row 3: "score" is null'):
        meanap.evaluate(gt, make({**whole, "score": [*whole["score"][:3], None, *whole["score"][4:]]}))


def test_tables_in_a_notebook_are_compact_and_escaped(data, result):
    many = meanap.Table({"name": [f"<{i}>" for i in range(1203)], "value": np.arange(1203) / 7})
    shown = many._repr_html_()
    assert shown.count("<tr>") == 22 and "… 1,183 more rows" in shown
    assert "&lt;3&gt;" in shown and '<td style="text-align:right">0.429</td>' in shown
    worse = meanap.evaluate(data[0], data[1][::3])
    told = meanap.compare(result, worse, ["ap", "ap50"], resamples=50)._repr_html_()
    assert told.count("▼ candidate is worse") == 2 and "[-0." in told
    assert "better" not in meanap.compare(result, result, ["ap"], resamples=5)._repr_html_()
    confusion = result.confusion(0.5, 0.3)
    assert confusion._repr_html_().count("<tr>") == len(confusion.names) + 1


@pytest.mark.parametrize("changes", [{}, {"by_category": False}, {"average": "micro"}, {"protocol": "voc2012"}])
def test_a_pickled_result_has_the_same_numbers(data, changes):
    truth, found = data
    result = meanap.evaluate(truth, found, **changes)
    told = pickle.loads(pickle.dumps(result))
    np.testing.assert_equal(told.to_dict(), result.to_dict())
    np.testing.assert_equal(told.precision, result.precision)
    assert (told.image_ids, told.category_ids, told.names) == (result.image_ids, result.category_ids, result.names)
    assert told.interval("ap", resamples=20) == result.interval("ap", resamples=20)
    for name, column in result.scores.table.columns(0).items():
        np.testing.assert_array_equal(told.scores.table.columns(0)[name], column)
    for lost in (told.confusion, told.errors, told.lrp):
        with pytest.raises(ValueError, match="a pickled result has lost it"):
            lost()
    assert deepcopy(result).confusion() is not None
    with pytest.raises(ValueError, match="state"):
        type(result.scores.table).from_bytes(b"no table")


@pytest.mark.parametrize("library", ["polars", "pyarrow", "pandas", "duckdb"])
def test_matches_as_a_table_of_any_library(result, library):
    module = pytest.importorskip(library)
    pyarrow = pytest.importorskip("pyarrow")
    matches = result.matches
    if library == "polars":
        columns = module.DataFrame(matches).to_dict(as_series=False)
    elif library == "pyarrow":
        columns = module.table(matches).to_pydict()
    elif library == "pandas":
        if not hasattr(module.DataFrame, "from_arrow"):
            pytest.skip("pandas reads tables of Arrow from version 3 on")
        columns = {name: column.tolist() for name, column in module.DataFrame.from_arrow(matches).items()}
    else:
        columns = module.from_arrow(pyarrow.table(matches)).fetchnumpy()
        columns = {name: column.tolist() for name, column in columns.items()}
    expected = {name: column.tolist() for name, column in matches.to_dict().items()}
    assert columns == expected and len(columns["score"]) == len(matches) and "matched_50" in columns


@pytest.mark.parametrize("confidence", [0.0001, 0.5, 0.9, 0.95, 0.999])
def test_bounds_are_numpys_quantiles_bit_by_bit(confidence):
    generator = np.random.default_rng(int(confidence * 1000))
    for count in [1, 2, 3, *generator.integers(4, 2000, 200).tolist()]:
        samples = generator.random(count) * 10.0 ** generator.integers(-3, 4)
        samples[1:][generator.random(count - 1) < 0.1] = np.nan
        wanted = np.quantile(samples[~np.isnan(samples)], [(1 - confidence) / 2, (1 + confidence) / 2])
        assert percentiles(samples, confidence) == tuple(wanted)


def test_a_result_without_what_matches_again_has_the_same_numbers(data):
    truth, found = data
    result, whole = meanap.evaluate(truth, found), meanap.evaluate(truth, found)
    result.scores.release()
    assert dict(result) == dict(whole)
    assert meanap.compare(result, whole, resamples=20).to_dict() == meanap.compare(whole, whole, resamples=20).to_dict()
    for analysis in (result.confusion, result.errors, result.jaccard_index):
        with pytest.raises(ValueError, match="keep what it needs|memory_limit"):
            analysis()


def test_commands_import_no_masked_arrays(tmp_path):
    generate.write_files(tmp_path, images=4, seed=1)
    truth, found = (str(tmp_path / name) for name in ("instances.json", "boxes.json"))
    for command in (["check", truth, found], ["compare", truth, found, found, "--resamples", "10"]):
        # NumPy below 2.0 imports them itself.
        code = (
            "import sys, numpy; before = 'numpy.ma' in sys.modules; from meanap.cli import main; "
            f"main({command!r}); print('numpy.ma' in sys.modules and not before)"
        )
        status, printed = run_python(code)
        assert (status, printed.splitlines()[-1]) == (0, "False")
