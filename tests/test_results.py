"""Every object that an answer comes as: it can be pickled and copied, and its tables are tables for other libraries."""

import copy
import math
import pickle
from collections.abc import Mapping

import numpy as np
import pytest

import meanap
from meanap import generate, ranking, segmentation
from meanap.table import Table

#: Ids and names that are awkward somewhere: a separator, ends of lines, a terminal's escape, tags, directions, length,
#: nothing at all, and the same for two.
NASTY = [
    "\x1f",
    "a\x1fb",
    "two\nlines\r\n",
    "\x1b[31mred\x1b[0m\x07",
    "</script><script>alert(1)</script>",
    "\u202eright to left\u2066",
    "x" * 10_000,
    "",
    " ",
    "None",
    "-1",
    "ünï\u0000cödé",
]


def scene(ids, names):
    """Ground truth and detections in memory, with some classes confused and some objects missed."""
    truth = generate.dataset(12, 5, kind="boxes", categories=len(ids), objects=6)
    found = generate.detections(truth, per_image=15, seed=5)
    known = [category["id"] for category in truth["categories"]]
    of = dict(zip(known, ids, strict=False))
    for record in (*truth["annotations"], *found):
        record["category_id"] = of[record["category_id"]]
    truth["categories"] = [{"id": of[id], "name": name} for id, name in zip(known, names, strict=False)]
    return truth, found


def columns(truth, found, image=str):
    """The same as `GroundTruth` and `Detections`, whose ids may be texts."""
    names = {category["id"]: category["name"] for category in truth["categories"]}
    boxes = [np.array([r["bbox"] for r in side], dtype=float).reshape(-1, 4) for side in (truth["annotations"], found)]
    ids = [[image(r["image_id"]) for r in side] for side in (truth["annotations"], found)]
    kinds = [[r["category_id"] for r in side] for side in (truth["annotations"], found)]
    known = {"categories": names, "images": sorted(set(ids[0]) | set(ids[1]))}
    gt = meanap.GroundTruth(ids[0], kinds[0], boxes[0], box_format="xywh", **known)
    return gt, meanap.Detections(ids[1], kinds[1], [r["score"] for r in found], boxes[1], box_format="xywh")


@pytest.fixture(scope="module")
def data():
    return scene([3, 1, 7], ["cat", "dog", "ox"])


@pytest.fixture(scope="module")
def answers(data, tmp_path_factory):
    """One of each public object that holds an answer."""
    result = meanap.evaluate(*data)
    few = {"resamples": 20}
    made = {
        "Result": result,
        "MatchScores": result.scores,
        "Curves": result.scores.curves,
        "Table": result.per_class,
        "Intervals": result.interval(["ap"], **few),
        "detection.Interval": result.interval("ap", **few),
        "detection.Comparison": meanap.compare(result, result, ["ap"], **few),
        "Difference": meanap.explain_difference(*data, "coco", "voc2012"),
        "Errors": result.errors(),
        "LRP": result.lrp(),
        "Confusion": result.confusion(),
        "Curve": result.precision_recall(),
        "OperatingPoint": result.operating_point(recall=0.3, **few),
        "Froc": result.froc(),
        "MissRate": result.log_average_miss_rate(),
        "Calibration": result.calibration(),
        "Ties": result.ties(),
        "MatchTable": result.matches,
        "Findings": meanap.check(*data),
        "GroundTruth": columns(*data)[0],
        "Detections": columns(*data)[1],
        "Protocol": meanap.protocol.get("coco"),
        "SummaryRow": meanap.protocol.get("coco").summary[0],
    }
    box = {"translation": [9, 2, 1], "size": [2, 4, 1], "rotation": [1, 0, 0, 0], "velocity": [0, 1]}
    box |= {"detection_name": "car", "attribute_name": "vehicle.moving"}
    found = {"results": {"s": [{**box, "detection_score": 0.5}]}}
    made["NuScenesScore"] = meanap.detection.nuscenes_score({"s": [box]}, found)
    labels = np.array([[0, 0, 1, 1]])
    scores = np.array([[[0.9, 0.6, 0.4, 0.2]], [[0.1, 0.4, 0.6, 0.8]]])
    for name, batch in (
        ("SemanticSegmentation", (labels, labels)),
        ("RegionAveragePrecision", (labels, labels)),
        ("PixelAveragePrecision", (scores, labels)),
    ):
        metric = getattr(segmentation, name)(2)
        metric.update(*batch)
        answer = metric.compute()
        made[type(answer).__name__] = answer
    panoptic = segmentation.PanopticQuality(things=[1])
    panoptic.update(labels, labels, *([[{"id": 1, "category_id": 1}]] * 2))
    made["PanopticResult"] = panoptic.compute()
    qrels = {f"q{i}": {"a": 1, "b": 1, "c": 0} for i in range(4)}
    runs = [{q: {"a": 0.9, "c": 0.5, "b": 0.5} for q in qrels}, {q: {"c": 0.9, "a": 0.5} for q in qrels}]
    first, second = (ranking.evaluate(qrels, run) for run in runs)
    made |= {
        "RankingResult": first,
        "ranking.Interval": first.interval("map", resamples=20),
        "ranking.Intervals": first.interval(resamples=20),
        "ranking.Comparison": ranking.compare(first, {"b": second}),
        "ranking.Difference": ranking.explain_difference(qrels, runs[0], "trec_eval", "torchmetrics", "map@2"),
        "TieRange": ranking.tie_range(qrels, runs[0], "map"),
        "Conventions": ranking.get("trec_eval"),
        "PrecisionRecallCurve": ranking.precision_recall_curve([0, 1, 1], [0.1, 0.5, 0.4]),
    }
    return made


def shown(value, depth=3):
    """All that an object says of itself, for comparison."""
    if isinstance(value, Table):
        return [shown(list(column), 0) for column in value.columns.values()]
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, (list, tuple, dict, str, int, float, type(None))):
        return repr(value)
    told = {"repr": repr(value)} if type(value).__repr__ is not object.__repr__ else {}
    for name in dir(value):
        if not name.startswith("_") and depth and not callable(part := getattr(value, name)):
            told[name] = shown(part, depth - 1)
    return told


NAMES = [
    *("MatchScores", "Curves"),
    *("Result", "Table", "Intervals", "detection.Interval", "detection.Comparison", "Difference", "Errors", "LRP"),
    *("Confusion", "Curve", "OperatingPoint", "Froc", "MissRate", "Calibration", "Ties", "MatchTable"),
    *("NuScenesScore", "Findings"),
    *("GroundTruth", "Detections", "Protocol", "SummaryRow", "SemanticResult", "RegionResult", "PixelPrecisionResult"),
    *("PanopticResult", "RankingResult", "ranking.Interval", "ranking.Intervals", "ranking.Comparison"),
    *("ranking.Difference", "TieRange"),
    *("Conventions", "PrecisionRecallCurve"),
]


def test_each_public_class_is_here(answers):
    from meanap import protocol, statistics
    from meanap.detection import confusion, derived, errors, explain, matches, operating, scores

    public = set()
    for module in (
        *(meanap, meanap.detection, protocol, segmentation, ranking),
        *(confusion, derived, errors, explain, matches, operating, scores, statistics),
    ):
        for name in module.__all__:
            value = getattr(module, name)
            if isinstance(value, type) and not hasattr(value, "update") and value.__module__.startswith("meanap"):
                public.add(value)
    # The drop-in's classes, what makes an answer and is none, and what only helps others.
    public -= {meanap.COCO, meanap.COCOeval, meanap.Params, meanap.InputError, explain.Factor}
    public -= {ranking.RelevanceEvaluator, scores.Scores}
    covered = {type(answer) for answer in answers.values()}
    assert {cls.__qualname__ for cls in public - covered} == set()
    assert set(NAMES) == set(answers)


@pytest.mark.parametrize("name", NAMES)
def test_it_can_be_pickled_and_copied(answers, name):
    answer = answers[name]
    told = shown(answer)
    for twin in (
        *(pickle.loads(pickle.dumps(answer, protocol)) for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)),
        copy.copy(answer),
        copy.deepcopy(answer),
        pickle.loads(pickle.dumps(copy.deepcopy(answer))),
    ):
        assert type(twin) is type(answer) and shown(twin) == told


def test_what_comes_back_answers_questions(data):
    difference = pickle.loads(pickle.dumps(meanap.explain_difference(*data, "coco", {"ties": "least"})))
    assert difference.ties().to_dict() == meanap.explain_difference(*data, "coco", {"ties": "least"}).ties().to_dict()
    result = pickle.loads(pickle.dumps(meanap.evaluate(*data)))
    assert meanap.compare(result, meanap.evaluate(*data), resamples=10)["difference"].tolist() == [0.0] * len(result)


def test_the_result_of_curves_that_workers_drew(data):
    pa = pytest.importorskip("pyarrow")
    from meanap.distributed import Plan, accumulate_group, from_curves, match_batch

    boxes = {"image_id": [1, 1, 2], "category_id": [7, 8, 7], "score": [None, 0.9, None]}
    table = pa.table(boxes | {"x1": [0.0, 0, 5], "y1": [0.0, 0, 5], "x2": [10.0, 10, 9], "y2": [10.0, 9, 9]})
    plan = Plan.of("bbox", "coco")
    result = from_curves(accumulate_group(match_batch(table, plan), plan), plan, {7: "cat", 8: "dog"})
    for twin in (pickle.loads(pickle.dumps(result)), copy.copy(result), copy.deepcopy(result)):
        assert type(twin) is type(result) and repr(twin) == repr(result) and twin.to_json() == result.to_json()
        assert twin.per_class.to_dict().keys() == result.per_class.to_dict().keys() and twin.names == result.names
        assert np.array_equal(twin.precision, result.precision, equal_nan=True)
        with pytest.raises(RuntimeError, match="keep_matches=True"):
            twin.interval("ap")
    assert pickle.loads(pickle.dumps(plan)) == plan


# Tables


def tables(truth, found, checked=None):
    """Every table that a result, and what comes of it, gives."""
    result = meanap.evaluate(truth, found)
    few = {"resamples": 10}
    compared, sure = meanap.compare(result, result, **few), result.interval(**few)
    errors, best, missed = result.errors(), result.best_f1(), result.log_average_miss_rate()
    listed = {
        "per_class": result.per_class,
        "summary": result.summary,
        "per_image": result.per_image(),
        "intervals": sure,
        "intervals.per_class": sure.per_class,
        "comparison": compared,
        "comparison.per_class": compared.per_class,
        "difference": meanap.explain_difference(truth, found, "coco", "voc2012"),
        "difference.ties": meanap.explain_difference(truth, found, "coco", "voc2012").ties(),
        "no difference": meanap.explain_difference(truth, found, "coco", "coco"),
        "errors": errors.table,
        "errors.per_class": errors.per_class,
        "errors.rows": errors.rows,
        "lrp.per_class": result.lrp().per_class,
        "confusion.pairs": result.confusion().pairs(),
        "curve": result.precision_recall().table(),
        "point.intervals": result.operating_point(recall=0.3, **few).intervals,
        "points": result.operating_point(recall=0.3).per_class,
        "best.per_class": best.per_class,
        "miss rate": missed.points,
        "miss rate.per_class": missed.per_class,
        "calibration": result.calibration().bins,
        "matches": result.matches,
    }
    if checked is not None:
        listed |= {"findings": checked, "label errors": checked.label_errors}
    return listed


def by_polars(table):
    return pytest.importorskip("polars").DataFrame(table).to_dict(as_series=False)


def by_pyarrow(table):
    return pytest.importorskip("pyarrow").table(table).to_pydict()


def by_duckdb(table):
    module = pytest.importorskip("duckdb")
    source = table  # noqa: F841, found by its name
    relation = module.sql("select * from source")
    return dict(zip(relation.columns, map(list, zip(*relation.fetchall(), strict=True)), strict=False))


def by_pandas(table):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(table if isinstance(table, Table) else table.to_dict())
    return {name: frame[name].tolist() for name in frame.columns}


LIBRARIES = [by_polars, by_pyarrow, by_duckdb, by_pandas]


def same(found, expected):
    """Whether a cell is what the table has, or its text where kinds are mixed."""
    if found is None or (isinstance(found, float) and math.isnan(found)):
        return expected is None or (isinstance(expected, float) and math.isnan(expected))
    if isinstance(expected, (list, np.ndarray)):
        return np.allclose(found, expected)
    if isinstance(expected, str):
        return found == expected.encode("utf-8", "replace").decode()
    return found == expected or found == str(expected)


def check_tables(listed, library):
    for name, table in listed.items():
        told = table.to_dict()
        found = library(table)
        if len(table):
            assert list(found) == list(told), name
        for column, cells in found.items():
            assert len(cells) == len(told[column]), (name, column)
            assert all(map(same, cells, told[column])), (name, column, cells, told[column])


@pytest.mark.parametrize("library", LIBRARIES)
def test_other_libraries_take_each_table(data, library):
    check_tables(tables(*data, checked=meanap.check(*data)), library)


@pytest.mark.parametrize("library", LIBRARIES)
def test_other_libraries_take_empty_tables(library):
    empty = [{"boxes": [], "labels": []}]
    found = [{"boxes": [], "labels": [], "scores": []}]
    result = meanap.evaluate(empty, found)
    listed = {"per_class": result.per_class, "matches": result.matches, "errors.rows": result.errors().rows}
    check_tables(listed, library)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("ids", [NASTY, [1, "1", "a"], [2**62, -5, 0]], ids=["nasty", "mixed", "large"])
def test_ids_and_names_of_any_kind(ids, library):
    names = [None if i % 3 == 2 else "the same" for i in range(len(ids))]
    check_tables(tables(*columns(*scene(ids, names))), library)


def test_columns_of_objects():
    pa = pytest.importorskip("pyarrow")
    table = Table(
        {
            "whole": [1, None, -3],
            "real": [0.5, None, 2],
            "flag": [True, None, False],
            "text": ["a", None, "\ud800"],
            "mixed": [1, "1", None],
            "large": [2**70, 1, None],
            "truth": [True, 1, 0],
            "box": [[1, 2.5], (3, 4), np.array([5, 6])],
            "uneven": [[1], [2, 3], None],
            "lists": [[1], [2, 3], [4]],
            "words": [["a"], ["b"], ["c"]],
            "nothing": [None, None, None],
            "objects": np.array(["x", None, 3], dtype=object),
        }
    )
    read = pa.table(table)
    assert read.to_pydict() == {
        "whole": [1, None, -3],
        "real": [0.5, None, 2.0],
        "flag": [True, None, False],
        "text": ["a", None, "?"],
        "mixed": ["1", "1", None],
        "large": [str(2**70), "1", None],
        "truth": ["True", "1", "0"],
        "box": [[1.0, 2.5], [3.0, 4.0], [5.0, 6.0]],
        "uneven": ["[1]", "[2, 3]", None],
        "lists": ["[1]", "[2, 3]", "[4]"],
        "words": ["['a']", "['b']", "['c']"],
        "nothing": [None, None, None],
        "objects": ["x", None, "3"],
    }
    assert [str(read.schema.field(name).type) for name in ("whole", "real", "flag")] == ["int64", "double", "bool"]
    assert read["whole"].null_count == 1 and len(pa.table(Table({}))) == 0


# Ids and names that are awkward somewhere


@pytest.mark.parametrize("kind", ["ids", "names"])
def test_results_keep_awkward_ids_and_names(kind):
    ids = NASTY if kind == "ids" else [*range(len(NASTY))]
    names = NASTY if kind == "names" else [f"n{i}" for i in range(len(NASTY))]
    truth, found = columns(*scene(ids, names))
    plain = meanap.evaluate(*columns(*scene([*range(len(NASTY))], [f"n{i}" for i in range(len(NASTY))])))
    result = meanap.evaluate(truth, found)
    assert set(result.per_class["category"]) == set(ids) and set(result.per_class["name"]) == set(names)
    assert result.ap == pytest.approx(plain.ap, abs=1e-12)
    assert result.errors().to_dict() == pytest.approx(plain.errors().to_dict(), nan_ok=True)
    matrix, expected = result.confusion(), plain.confusion()
    order = sorted(range(len(ids)), key=lambda i: (isinstance(ids[i], str), ids[i]))
    assert (matrix.matrix[:-1, :-1] == expected.matrix[:-1, :-1][np.ix_(order, order)]).all()
    for row in plain.per_class:
        assert result.number("ap", ids[row["category"]]) == pytest.approx(row["ap"], nan_ok=True)
    assert pickle.loads(pickle.dumps(result)).per_class.to_dict()["name"] == result.per_class.to_dict()["name"]
    repr(result.per_class), result.per_class._repr_html_(), result.to_json(), result.to_dict(per_class=True)


def test_plots_of_awkward_names():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    from meanap import plot

    truth, found = columns(*scene([*range(len(NASTY))], NASTY))
    result = meanap.evaluate(truth, found)
    compared = meanap.compare(result, result, ["ap"], resamples=10)
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # glyphs that the font lacks
        for draw in (
            lambda: plot.confusion(result),
            lambda: plot.per_class(result),
            lambda: plot.comparison(compared, per_class=True),
            lambda: plot.precision_recall(result, category=NASTY[0]) if hasattr(plot, "precision_recall") else None,
        ):
            axes = draw()
            if axes is not None:
                axes.figure.canvas.draw()
            pyplot.close("all")


def test_a_report_of_awkward_names(tmp_path):
    from meanap import report

    truth, found = scene([*range(1, 1 + len(NASTY))], [*NASTY[:-2], None, NASTY[3]])
    truth["images"][0]["file_name"] = NASTY[4]
    path = report.write(tmp_path / "report.html", truth, found, resamples=10, worst=4, title=NASTY[4])
    page = path.read_text(encoding="utf-8")
    assert page.count("<script") == 2 and "alert(1)</script>" not in page
    for name in NASTY:
        assert len(name) < 5 or "<script>" not in name or name not in page


#: What steers a terminal, or turns the text about.
STEERING = set("\x00\x07\x1b\x1f\x7f\x9b\u202e\u2066\u2028")


def test_what_is_printed_steers_no_terminal():
    truth, found = columns(*scene([*range(len(NASTY))], NASTY))
    result = meanap.evaluate(truth, found)
    labels = np.arange(len(NASTY))[None]
    semantic, regions = (
        kind(NASTY) for kind in (segmentation.SemanticSegmentation, segmentation.RegionAveragePrecision)
    )
    pixels = segmentation.PixelAveragePrecision(NASTY)
    pixels.update(np.full((len(NASTY), *labels.shape), 0.5), labels)
    panoptic = segmentation.PanopticQuality([{"id": i, "isthing": 1, "name": name} for i, name in enumerate(NASTY)])
    for metric in (semantic, regions):
        metric.update(labels, labels)
    nasty = meanap.protocol.get("coco").replace(name=NASTY[3])
    for printed in (
        *(table for table in tables(truth, found).values() if isinstance(table, Table)),
        *(result, result.errors(), result.confusion(), result.lrp(), result.best_f1(), truth, found),
        *(semantic, regions, pixels, panoptic, semantic.compute(), regions.compute(), pixels.compute()),
        *(panoptic.compute(), panoptic.compute().per_category_table()),
        meanap.explain_difference(truth, found, nasty, "voc2012"),
        meanap.evaluate(truth, found, protocol=nasty),
    ):
        for text in (str(printed), repr(printed), getattr(printed, "_repr_html_", str)()):
            assert not STEERING & set(text), printed
    lines = repr(result.per_class).splitlines()
    assert len(lines) == 1 + len(NASTY) and max(map(len, lines)) < 300


def test_a_result_is_a_mapping_of_the_summary(answers):
    result, summary = answers["Result"], [row.name for row in answers["Result"].protocol.summary]
    assert isinstance(result, Mapping)
    assert list(result) == list(result.keys()) == result._ipython_key_completions_() == summary
    assert dict(result.items()) == dict(result) == result.to_dict()
    assert list(result.values()) == [result.number(name) for name in summary]
    assert result.get("ap") == result["ap"] == result.ap and result.get("apple") is None
    assert result.get("apple", -1.0) == -1.0 and "apple" not in result and "ap" in result
    assert {*summary, "ap50", "ar"} <= set(dir(result))
    # Numbers do not make two results the same.
    assert result == result and result != dict(result) and len({result, result}) == 1
    with pytest.raises(KeyError, match="no number 'apple'; there are ap, "):
        result["apple"]
    with pytest.raises(AttributeError, match="'Result' object has no attribute 'apple'"):
        _ = result.apple
