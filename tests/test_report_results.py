"""The reports of semantic and panoptic segmentation and of ranked runs: their numbers, names and commands."""

import html
import math
import re

import numpy as np
import pytest
from test_report import HOSTILE, Reader

from meanap._printable import printable
from meanap.cli import main
from meanap.ranking import compare, evaluate
from meanap.segmentation import PanopticQuality, SemanticSegmentation

from . import pixel_data
from .ranking_data import draw, write_trec
from .test_pixels_panoptic import counted, scenes, write

NAMES = ["road", "sky", "tree", *HOSTILE]


def semantic(seed, classes=NAMES, boundary=True, unclassified=False):
    generator = np.random.default_rng(seed)
    metric = SemanticSegmentation(list(classes), boundary=boundary)
    target, prediction = pixel_data.pair(np.random.default_rng(5), 60, 80, len(classes))
    other = pixel_data.label_map(generator, 60, 80, range(len(classes)))
    prediction = np.where(generator.random(target.shape) < 0.3, other, prediction)
    if unclassified:
        prediction = np.where(generator.random(target.shape) < 0.1, 255, prediction)
    metric.update(prediction, target)
    return metric.compute()


def panoptic(seed):
    return counted(scenes(3, seed)).compute()


def ranking(seed, measures=("map", "ndcg@10")):
    """A run, and another one for the same queries."""
    qrels, run = draw(1, ties=20)
    generator = np.random.default_rng(seed)
    changed = {q: {d: s + generator.normal(0, 2) for d, s in found.items()} for q, found in run.items()}
    return evaluate(qrels, changed, list(measures))


MAKERS = {"semantic": semantic, "panoptic": panoptic, "ranking": ranking}


def read(path):
    text = path.read_text(encoding="utf-8")
    found = Reader(text)
    return text, found, [[[printable(cell, keep="\n\t") for cell in row] for row in table] for table in found.tables]


def shown(value, sign=""):
    return "–" if math.isnan(value) else f"{value:{sign}.3f}"


@pytest.mark.parametrize("versus", [False, True])
@pytest.mark.parametrize("kind", MAKERS)
def test_each_result_has_a_file_that_is_complete_in_itself(tmp_path, kind, versus):
    result, other = MAKERS[kind](1), MAKERS[kind](2)
    path = result.report(tmp_path / "r.html", versus=other if versus else None, names=("old <i>", "new & fine"))
    text, found, _ = read(path)
    addresses = [value for name, value in found.attributes if name in ("src", "href", "action", "srcset")]
    assert addresses and all(address.startswith(("#", "data:")) for address in addresses)
    assert set(re.findall(r"https?://[^\s\"'<]+", text)) <= {"http://www.w3.org/2000/svg"}
    assert "default-src 'none'" in text and len(text) < 5_000_000
    assert text.index("<p class=lead>") < text.index("<dl") < text.index("<table")
    header = text[text.index("<header") : text.index("</header>")]
    assert "<h1>new &amp; fine</h1>" in header and ("old &lt;i&gt;" in header) == versus
    assert (
        result.report(tmp_path / "t.html", title="A <title>").read_text(encoding="utf-8").count("A &lt;title&gt;") == 2
    )


def test_the_numbers_of_classes_and_their_confusions(tmp_path):
    result, other = semantic(1), semantic(2)
    text, _, tables = read(result.report(tmp_path / "r.html", versus=other))
    assert f"<strong>mean IoU {result.mean_iou:.3f}</strong>" in text
    moved = result.mean_iou - other.mean_iou
    assert f"{moved:+.3f}, {'higher' if moved > 0 else 'lower'}" in text
    summary = {row[0]: row[1:] for row in tables[0][1:]}
    assert summary["mean Dice"] == [shown(result.mean_dice), shown(other.mean_dice),
                                    shown(result.mean_dice - other.mean_dice, "+")]  # fmt: skip
    assert "mean boundary IoU" in summary
    classes = {row[0]: row for row in tables[1][1:]}
    for k, name in enumerate(NAMES):
        pixels = result.confusion_matrix[k].sum()
        row = classes[printable(name, keep="\n\t")]
        assert row[1:6] == [
            shown(getattr(result, key)[k]) for key in ("iou", "accuracy", "precision", "dice", "boundary_iou")
        ]
        assert row[6:] == [f"{pixels:,}", shown(other.iou[k]), shown(result.iou[k] - other.iou[k], "+")]
    shares = [row[1:] for row in tables[2][1:]]
    expected = np.rint(100 * result.confusion_matrix / result.confusion_matrix.sum(axis=1, keepdims=True)).astype(int)
    assert shares == [[str(value or "") for value in row] for row in expected.tolist()]
    first = tables[3][1]
    wrong = result.confusion_matrix * ~np.eye(len(NAMES), dtype=bool)
    assert first[2] == f"{wrong.max():,}" and first[3].endswith("%") and first[5][0] in "+-"
    # Pixels that are predicted as no class have a column.
    _, _, tables = read(semantic(1, unclassified=True, boundary=False).report(tmp_path / "u.html"))
    assert tables[2][0][-1] == "no class" and "mean boundary IoU" not in {row[0] for row in tables[0]}


def test_quality_is_split_into_segmentation_and_recognition(tmp_path):
    result, other = panoptic(1), panoptic(2)
    text, _, tables = read(result.report(tmp_path / "r.html", versus=other))
    assert f"<strong>PQ {result.all['pq']:.3f}</strong>" in text
    assert f"{result.all['sq'] - other.all['sq']:+.3f}, recognition" in text
    for group, row in zip(("all", "things", "stuff"), tables[0][1:], strict=True):
        means, before = getattr(result, group), getattr(other, group)
        assert row[:5] == [group, *(shown(means[part]) for part in ("pq", "sq", "rq")), str(means["n"])]
        assert row[5:7] == [shown(before["pq"]), shown(means["pq"] - before["pq"], "+")]
    rows = {row[0]: row for row in tables[1][1:]}
    for k, row in enumerate(result.per_category):
        counts = [f"{row[name]:,}" for name in ("true_positives", "false_positives", "false_negatives")]
        kind = "thing" if result.is_thing[k] else "stuff"
        assert rows[row["name"]][1:8] == [kind, *(shown(row[part]) for part in ("pq", "sq", "rq")), *counts]
        assert rows[row["name"]][8:] == [shown(other.pq[k]), shown(row["pq"] - other.pq[k], "+")]


def test_queries_are_those_that_decide_the_difference(tmp_path):
    result, other = ranking(1), ranking(2)
    text, _, tables = read(result.report(tmp_path / "r.html", versus=other, resamples=500))
    sure, change = result.interval(resamples=500), compare(other, result, resamples=500)
    for row, interval, moved in zip(tables[0][1:], sure, change, strict=True):
        assert row[:3] == [
            interval["number"],
            shown(interval["value"]),
            f"[{interval['low']:.3f}, {interval['high']:.3f}]",
        ]
        assert row[4:6] == [shown(moved["baseline"]), shown(moved["difference"], "+")]
        assert row[6].startswith(f"[{moved['low']:+.3f}, {moved['high']:+.3f}]") and row[7] == (
            "<0.001" if moved["p"] < 0.001 else shown(moved["p"])
        )
    for measure, table in zip(result.measures, tables[1:], strict=True):
        differences = dict(zip(result.queries, (result[measure] - other[measure]).tolist(), strict=True))
        assert [row[0] for row in table[1:]] == sorted(differences, key=lambda query: -abs(differences[query]))
        assert all(row[3] == shown(differences[row[0]], "+") for row in table[1:])
        higher = sum(value > 0 for value in differences.values())
        assert f"{measure}: higher for {higher:,} queries" in html.unescape(text)
    # In another order of queries, and without a baseline.
    reordered = other.ordered(list(range(len(other)))[::-1])
    again = result.report(tmp_path / "again.html", versus=reordered, resamples=500)
    assert again.read_text(encoding="utf-8") == text
    _, _, tables = read(result.report(tmp_path / "alone.html", resamples=500))
    values = [float(row[1]) for row in tables[1][1:]]
    assert values == sorted(values) and len(tables[0][0]) == 4


@pytest.mark.parametrize("kind", MAKERS)
def test_no_string_of_the_data_becomes_markup(tmp_path, kind):
    if kind == "semantic":
        results = [semantic(1, names) for names in (NAMES, [str(i) for i in range(len(NAMES))])]
    elif kind == "panoptic":
        results = []
        for names in (HOSTILE, "abcd"):
            metric = PanopticQuality([{"id": i, "name": name, "isthing": 1} for i, name in enumerate(names)])
            metric.update([[7]], [[8]], [{"id": 7, "category_id": 0}], [{"id": 8, "category_id": 0}])
            results.append(metric.compute())
    else:
        tables = [{name: {"a": 1.0 + i} for i, name in enumerate(names)} for names in (HOSTILE, "abcd")]
        results = [evaluate({q: {"a": 1} for q in table}, table, ["map"]) for table in tables]
    tags = [
        read(result.report(tmp_path / "r.html", title=title, names=("b", title)))[1].tags
        for result, title in zip(results, (HOSTILE[0], "title"), strict=True)
    ]
    assert tags[0] == tags[1]


@pytest.mark.parametrize("kind", MAKERS)
def test_what_cannot_be_compared_is_reported_and_nothing_is_written(tmp_path, kind):
    result, target = MAKERS[kind](1), tmp_path / "r.html"
    with pytest.raises(TypeError, match=f"versus: expected a {type(result).__name__}, found a dict"):
        result.report(target, versus={})
    others = {
        "semantic": lambda: semantic(2, ["a", "b"]),
        "panoptic": lambda: PanopticQuality(things=[99]).compute(),
        "ranking": lambda: evaluate({"q": {"a": 1}}, {"q": {"a": 1.0}}, ["map", "ndcg@10"]),
    }
    with pytest.raises(ValueError, match="other (classes|categories|queries)"):
        result.report(target, versus=others[kind]())
    with pytest.raises(FileNotFoundError, match="no such folder"):
        result.report(tmp_path / "no" / "r.html")
    assert not target.exists()


def test_nothing_counted_has_a_report(tmp_path):
    for result in (
        SemanticSegmentation(2).compute(),
        PanopticQuality(things=[1]).compute(),
        evaluate({}, {}, ["map"]),
    ):
        text, found, _ = read(result.report(tmp_path / "r.html"))
        assert "–" in text and "nan" not in "".join(found.text).lower().split()


# Commands


def run(*arguments):
    return main(list(map(str, arguments)))


def test_commands_write_the_same_files(tmp_path, capsys):
    generator = np.random.default_rng(1)
    metrics = [SemanticSegmentation(["road", "sky", "tree"]) for _ in "ab"]
    for side in ("gt", "new", "old"):
        (tmp_path / side).mkdir()
    for i in range(2):
        target, first = pixel_data.pair(generator, 30, 40, 3)
        second = np.where(generator.random(target.shape) < 0.2, 0, first)
        for side, pixels in (("gt", target), ("new", first), ("old", second)):
            pixel_data.write_png(tmp_path / side / f"{i}.png", pixels)
        for metric, prediction in zip(metrics, (first, second), strict=True):
            metric.update(prediction, target)
    out, expected = tmp_path / "out.html", tmp_path / "expected.html"
    sides = ["semantic", tmp_path / "gt", tmp_path / "new", "--classes", "road,sky,tree"]
    assert run(*sides, "--report", out, "--versus", tmp_path / "old") == 0
    new, old = (metric.compute() for metric in metrics)
    new.report(expected, versus=old, names=("old", "new"))
    assert out.read_bytes() == expected.read_bytes() and capsys.readouterr().out == f"{new}\n"
    assert run(*sides, "--versus", tmp_path / "old") == 2
    assert "--versus is for the report: add --report OUT" in capsys.readouterr().err
    assert run(*sides, "--report", tmp_path / "no" / "r.html") == 1
    assert "no such folder" in capsys.readouterr().err
    (tmp_path / "panoptic").mkdir()
    truth, found = write(tmp_path / "panoptic", scenes(3, 4))
    assert run("panoptic", truth, found, "--report", out) == 0
    counted(scenes(3, 4)).compute().report(expected, names=("baseline", found.name))
    assert out.read_bytes() == expected.read_bytes()


def test_the_report_of_runs_is_of_the_second_against_the_first(tmp_path, capsys):
    qrels, found = draw(1, ties=20)
    changed = {q: {d: s * 2 % 7 for d, s in scores.items()} for q, scores in found.items()}
    judged = write_trec(tmp_path / "judged", qrels, run=False)
    runs = [write_trec(tmp_path / name, table, run=True) for name, table in (("old", found), ("new", changed))]
    out, expected = tmp_path / "out.html", tmp_path / "expected.html"
    assert run("rank", judged, *runs, "--report", out) == 0
    old, new = (evaluate(judged, path) for path in runs)
    new.report(expected, versus=old, names=("old", "new"))
    assert out.read_bytes() == expected.read_bytes()
    assert run("rank", judged, runs[1], "--report", out) == 0
    new.report(expected, names=("baseline", "new"))
    assert out.read_text() == expected.read_text()
    third = write_trec(tmp_path / "third", found, run=True)
    assert run("rank", judged, *runs, third, "--report", out) == 2
    assert "--report: expected a run, or a baseline and a run; found 3 runs" in capsys.readouterr().err
