"""Every result as a notebook shows it."""

import html.parser
import inspect
import math
import re

import numpy as np
import pytest

import meanap
from meanap import generate, ranking, segmentation
from meanap.detection.operating import Curve
from meanap.table import Table, html_table

HOSTILE = "<script>pwned=1</script>"


class Reader(html.parser.HTMLParser):
    """The cells of a table with the side to which they are aligned, row by row; and every tag."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.rows, self.caption, self._into = [], [], "", None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            side = dict(attributes)["style"].removeprefix("text-align:")
            self.rows[-1].append([side, "", dict(attributes).get("colspan")])
        self._into = tag

    def handle_data(self, data):
        if self._into in ("td", "th"):
            self.rows[-1][-1][1] += data
        elif self._into == "caption":
            self.caption += data


def results():
    """One of each kind of result, by name."""
    truth = generate.dataset(images=30, seed=5, categories=4)
    truth["categories"][0]["name"] = HOSTILE
    found = generate.detections(truth, per_image=15, seed=5)
    result = meanap.evaluate(truth, found)
    other = meanap.evaluate(truth, found[::2])
    labels = np.random.default_rng(0).integers(0, 2, (2, 20, 30))
    semantic = segmentation.SemanticSegmentation([HOSTILE, "sky"])
    semantic.update(labels[0], labels[1])
    panoptic = segmentation.PanopticQuality([{"id": 1, "name": HOSTILE, "isthing": 1}])
    panoptic.update([[7]], [[8]], [{"id": 7, "category_id": 1}], [{"id": 8, "category_id": 1}])
    scores = np.random.default_rng(0).random((2, 20, 30))
    regions, pixels = (
        segmentation.RegionAveragePrecision([HOSTILE, "sky"]),
        segmentation.PixelAveragePrecision([HOSTILE, "sky"]),
    )
    regions.update(scores, labels[0])
    pixels.update(scores, labels[0])
    qrels = {HOSTILE: {"a": 1}, "q2": {"b": 1}, "q3": {"a": 1}}
    runs = [{q: {"a": 2.0, "b": weight} for q in qrels} for weight in (1.0, 3.0)]
    ranked = [ranking.evaluate(qrels, run, ["map", "ndcg@10"]) for run in runs]
    return {
        "result": result,
        "summary": result.summary,
        "per_class": result.per_class,
        "per_image": result.per_image(),
        "curve": result.precision_recall(),
        "best_f1": result.best_f1(),
        "operating_point": result.operating_point(precision=0.5, resamples=20),
        "froc": result.froc(),
        "miss_rate": result.log_average_miss_rate(),
        "calibration": result.calibration(),
        "confusion": result.confusion(),
        "errors": result.errors(),
        "lrp": result.lrp(),
        "ties": result.ties(orders=5),
        "interval": result.interval("ap", resamples=20),
        "intervals": result.interval(resamples=20),
        "comparison": meanap.compare(other, result, resamples=20),
        "difference": meanap.explain_difference(truth, found, "coco", "voc2012"),
        "findings": meanap.check(truth, found),
        "semantic": semantic.compute(),
        "panoptic": panoptic.compute(),
        "regions": regions.compute(),
        "pixels": pixels.compute(),
        "ranking": ranked[0],
        "ranking comparison": ranking.compare(ranked[0], ranked[1], resamples=20),
        "several runs": ranking.compare(None, {HOSTILE: ranked[0], "b": ranked[1]}, resamples=20),
        "ranking interval": ranked[0].interval("map", resamples=20),
        "tie range": ranking.tie_range(qrels, runs[0]),
        "per query": ranked[0].per_query,
    }


@pytest.fixture(scope="module")
def made():
    return results()


NAMES = (
    "result", "summary", "per_class", "per_image", "curve", "best_f1", "operating_point", "froc", "miss_rate",
    "calibration", "confusion", "errors", "lrp", "ties", "interval", "intervals", "comparison", "difference",
    "findings",
    "semantic", "panoptic", "regions", "pixels", "ranking", "ranking comparison", "several runs", "ranking interval",
    "tie range", "per query",
)  # fmt: skip


def is_number(text):
    return re.fullmatch(r"\[?[-+]?(\d[\d,.]*|nan|inf)(, [-+]?[\d.]+\])?", text) is not None


@pytest.mark.parametrize("name", NAMES)
def test_columns_of_numbers_are_right_aligned_under_their_heads_and_text_is_escaped(made, name):
    text = made[name]._repr_html_()
    found = Reader(text)
    assert found.tags[0] == "table" and "script" not in found.tags and len(text) < 40_000
    head, *rows = found.rows
    rows = [row for row in rows if row[0][2] is None]
    assert rows and len(rows) <= 20 and all(len(row) == len(head) for row in rows)
    for i, (side, _, _) in enumerate(head):
        cells = [row[i][1] for row in rows if row[i][1]]
        numeric = bool(cells) and all(map(is_number, cells))
        assert {row[i][0] for row in rows} == {side} == {"right" if numeric else "left"}, (head[i], cells)


def test_the_numbers_are_those_of_the_results(made):
    def table(name):
        return {row[0][1]: [cell[1] for cell in row[1:]] for row in Reader(made[name]._repr_html_()).rows[1:]}

    result = made["result"]
    assert table("result")["ap"] == [f"{result.ap:.3f}"]
    point = made["operating_point"]
    assert (
        table("operating_point")["recall"][0] == f"{point.recall:.3f}" and len(table("operating_point")["recall"]) == 3
    )
    assert len(table("best_f1")["f1"]) == 1
    curve = made["curve"]
    assert table("curve")["0.500"][:2] == [f"{curve.at(0.5).precision:.3f}", f"{curve.at(0.5).recall:.3f}"]
    assert table("froc")["1.000"] == [f"{made['froc'].at(1.0):.3f}"]
    assert table("lrp")["lrp"] == [f"{made['lrp'].lrp:.3f}"]
    assert table("semantic")["sky"][0] == f"{made['semantic'].iou[1]:.3f}"
    assert table("panoptic")["all"][:3] == ["1.000"] * 3
    assert table("regions")["sky"] == [f"{made['regions'].ap[1]:.3f}"]
    assert table("pixels")["sky"][0] == f"{made['pixels'].ap[1]:.3f}"
    assert table("ranking")["map"] == [f"{made['ranking'].mean('map'):.3f}"]
    assert table("tie range")["map"] == [f"{result.mean('map'):.3f}" for result in made["tie range"]]
    assert f"{made['difference'].difference:+.4f}" in Reader(made["difference"]._repr_html_()).caption


def test_every_public_result_with_a_table_has_a_form():
    """What a public function returns, and has a table, is shown as one."""
    known = {type(value) for value in results().values()}
    for module in (meanap.detection, ranking, segmentation):
        for name in module.__all__:
            kind = getattr(module, name)
            if not inspect.isclass(kind):
                continue
            members = inspect.getmembers(kind)
            tables = any("Table" in str(inspect.signature(getter.fget).return_annotation)
                         for _, getter in members if isinstance(getter, property))  # fmt: skip
            if tables or issubclass(kind, Table):
                assert hasattr(kind, "_repr_html_"), kind
                assert kind in known or issubclass(kind, Table), kind


def test_a_curve_without_detections_and_empty_tables_have_a_form():
    empty = Curve(np.zeros(0), np.zeros(0, np.uint32), np.zeros(0, np.uint32), 0)
    assert "nan" in empty._repr_html_()
    assert Reader(html_table(["a", "b"], [])).rows == [[["left", "a", None], ["left", "b", None]]]
    assert math.isnan(empty.at(0.5).precision)


def test_show_is_the_report_in_a_frame_that_cannot_reach_the_notebook(made, tmp_path):
    for name, options in (
        ("result", {"resamples": 5}),
        ("semantic", {}),
        ("panoptic", {}),
        ("ranking", {"resamples": 5}),
    ):
        value = made[name]
        shown = value.show(versus=value, height=500, **options)
        assert shown.html == value.report(tmp_path / "r.html", versus=value, **options).read_text(encoding="utf-8")
        frame = shown._repr_html_()
        attributes = {}
        parser = html.parser.HTMLParser()
        parser.handle_starttag = lambda tag, listed, found=attributes: found.update({tag: dict(listed)})
        parser.feed(frame)
        assert list(attributes) == ["iframe"] and attributes["iframe"]["srcdoc"] == shown.html
        assert attributes["iframe"]["sandbox"] == "allow-scripts" and "height:500px" in attributes["iframe"]["style"]
        assert f"{len(shown.html):,}" in repr(shown)
