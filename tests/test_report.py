"""The report: its content, and hostile strings. `test_report_browser.py` opens it in a browser."""

import base64
import html
import html.parser
import json
import math
import re
import subprocess
import sys

import numpy as np
import pytest

import meanap
from meanap import _core, generate, report
from meanap._printable import printable
from meanap.checking import Known, checked
from meanap.cli import main
from meanap.detection.confusion import counts_by_score
from meanap.report.outline import outline
from meanap.report.views import POINT, TARGETS

HOSTILE = [
    "</script><script>pwned=1</script>",
    '"><img src=x onerror=pwned=1>',
    "</style></title><b>&amp;'`${pwned=1}",
    "a\u2028b\ud800c\x00<!--",
]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    made = generate.write_files(folder, images=40, seed=3)
    truth, boxes = made["bbox"]
    records = json.loads(boxes.read_text())
    (folder / "other.json").write_text(json.dumps([record for i, record in enumerate(records) if i % 4]))
    return folder, made


@pytest.fixture(scope="module")
def page(files):
    folder, made = files
    truth, boxes = made["bbox"]
    return report.write(folder / "report.html", truth, boxes, versus=folder / "other.json", resamples=20, worst=6)


class Reader(html.parser.HTMLParser):
    """What elements a page has, and what it says in each table."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.text, self.tables, self.cell = [], [], [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        if tag == "table":
            self.tables.append([])
        elif tag == "tr" and self.tables:
            self.tables[-1].append([])
        elif tag in ("td", "th") and self.tables:
            self.tables[-1][-1].append("")
            self.cell = True

    def handle_endtag(self, tag):
        self.cell = self.cell and tag not in ("td", "th")

    def handle_data(self, data):
        self.text.append(data)
        if self.cell:
            self.tables[-1][-1][-1] += data


def embedded(text):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)[1])


def test_the_file_is_complete_in_itself(page):
    text = page.read_text(encoding="utf-8")
    read = Reader(text)
    addresses = [value for name, value in read.attributes if name in ("src", "href", "action", "srcset")]
    assert addresses and all(address.startswith(("#", "data:")) for address in addresses)
    assert "@import" not in text and "url(" not in text
    assert set(re.findall(r"https?://[^\s\"'<]+", text)) == {"http://www.w3.org/2000/svg"}
    assert len(text) < 5_000_000


@pytest.mark.parametrize("entry", ["python", "command"])
def test_each_file_is_read_once(files, tmp_path, monkeypatch, entry):
    """By the evaluations, the check and the drawings."""
    folder, made = files
    truth, boxes = map(str, made["bbox"])
    other, target, read = str(folder / "other.json"), str(tmp_path / "report.html"), []
    for name in ("read_dataset", "read_results"):
        function = getattr(_core, name)

        def counting(path, *more, function=function):
            read.append(str(path))
            return function(path, *more)

        monkeypatch.setattr(_core, name, counting)
    if entry == "python":
        report.write(target, truth, boxes, versus=other, resamples=5)
    else:
        assert main(["report", truth, boxes, "--versus", other, "-o", target]) == 0
    assert sorted(read) == sorted([truth, boxes, other])


def test_the_numbers_are_the_results(files, page):
    folder, made = files
    result = meanap.evaluate(*made["bbox"])
    read = Reader(page.read_text(encoding="utf-8"))
    summary = {row[0]: row for row in read.tables[0][1:]}
    sure = result.interval(resamples=20)
    change = meanap.compare(meanap.evaluate(made["bbox"][0], folder / "other.json"), result, resamples=20)
    for name, label in (("ap", "AP"), ("ap50", "AP50"), ("ap_small", "AP small"), ("ar_100", "AR 100")):
        row, moved = sure.row(number=name), change.row(number=name)
        assert summary[label][1] == f"{row['value']:.3f}"
        assert summary[label][2] == f"[{row['low']:.3f}, {row['high']:.3f}]"
        assert summary[label][5] == f"{moved['difference']:+.3f}"
    classes = next(table for table in read.tables if table[0][0] == "class")
    assert len(classes) == 1 + len(result.category_ids)
    ordered = sorted(result.per_class, key=lambda row: -row["objects"])
    for row, cells in zip(ordered, classes[1:], strict=True):
        assert cells[0] == row["name"] and cells[6] == f"{row['objects']:,}"
        assert cells[1] == ("–" if math.isnan(row["ap"]) else f"{row['ap']:.3f}")
    errors = next(table for table in read.tables if table[0][0] == "error")
    assert [row[2] for row in errors[1:]] == [f"{x:.3f}" for x in result.errors(0.5).table["dap"]]


def test_the_curves_are_the_results(files, page):
    result = meanap.evaluate(*files[1]["bbox"])
    data = embedded(page.read_text(encoding="utf-8"))
    assert data["ious"] == [0.5, 0.75, 0.9] and data["first"] == 0
    grid, classes = data["grid"], [None, *result.category_ids]
    for iou, view in zip(data["ious"], data["views"], strict=True):
        assert np.isclose(np.mean(view["precision"][0]) / 1000, result.number(f"ap{iou * 100:.0f}") if iou < 0.9 else
                          np.nanmean(result.precision[8, :, :, 0, -1]), atol=5e-4)  # fmt: skip
        assert len(view["baseline"]) == len(view["counts"]) == len(classes)
        assert grid[view["step"]] == result.best_f1(iou).threshold
        for at in (0, 1, 9):
            whole = result.precision_recall(classes[at], iou)
            assert view["objects"][at] == whole.objects
            for i in range(0, len(grid), 7):
                said = whole.score >= grid[i]
                counts = [
                    column[said][-1] if said.any() else 0 for column in (whole.true_positives, whole.false_positives)
                ]
                assert [side[i] for side in view["counts"][at]] == counts
        for k, row in enumerate(result.best_f1(iou).per_class):
            expected = [None if math.isnan(row[name]) else round(1000 * row[name]) for name in ("f1", "threshold")]
            assert view["best"][k] == expected


@pytest.mark.parametrize("protocol", ["coco", "voc2012", "ultralytics"])
def test_the_counts_by_score_are_the_confusion_matrix_at_each_score(files, protocol):
    result = meanap.evaluate(*files[1]["bbox"], protocol=protocol)
    scores = np.array([0.0, 0.05, 0.3, 0.301, 0.7, 0.95])
    objects, changes = counts_by_score(result.scores.confusion_table(0.5), scores)
    truth, detected, last, count = changes.T
    for step, score in enumerate(scores):
        matrix = np.zeros((len(objects), len(objects)), dtype=np.int64)
        matrix[:, -1] = objects
        there = last >= step
        np.add.at(matrix, (truth[there], detected[there]), count[there])
        assert np.array_equal(matrix, result.confusion(0.5, float(score)).matrix)


def test_the_counts_of_errors_by_class_add_up(files):
    errors = meanap.evaluate(*files[1]["bbox"]).errors(0.5)
    assert {name: counts.sum() for name, counts in errors.counts_by_class.items()} == errors.counts
    rows = [(row["error"], row["category"]) for row in errors.rows]
    categories = errors.per_class["category"]
    for name in ("classification", "background", "missed"):
        assert errors.counts_by_class[name].tolist() == [rows.count((name, id)) for id in categories]


FATES = ("false_positive", "false_negative", "true_positive")


def fates(figure):
    """How many outlines of a drawing have each outcome."""
    return {fate: len(re.findall(rf'class="mark \w+ {fate}"', figure)) for fate in FATES}


def test_the_worst_images_are_drawn_with_their_fates(files, page):
    result = meanap.evaluate(*files[1]["bbox"])
    text = page.read_text(encoding="utf-8")
    worst = result.per_image(0.5, score=result.best_f1().threshold)
    text = text.partition('<section id="changed">')[0]
    figures = re.findall(r"<figure class=scene>.*?</figure>", text, re.DOTALL)
    assert len(figures) == 6
    for row, figure in zip(worst, figures, strict=False):
        told = (f"{row[f'{fate}s']:,} {fate.replace('_', ' ')}s" for fate in FATES)
        assert f"(id {row['image']}): {', '.join(told)}." in re.sub("<[^>]*>", "", figure)
        assert fates(figure) == {fate: row[f"{fate}s"] for fate in FATES}


def errors_by_class(truth, found, protocol, score):
    """Of each class the errors in each image, from an evaluation of this class alone."""
    counted = {}
    for category in truth["categories"]:
        objects = [record for record in truth["annotations"] if record["category_id"] == category["id"]]
        detections = [record for record in found if record["category_id"] == category["id"]]
        alone = {**truth, "annotations": objects, "categories": [category]}
        rows = meanap.evaluate(alone, detections, protocol=protocol).per_image(0.5, score=score)
        counted[category["id"]] = {row["image"]: row["false_positives"] + row["false_negatives"] for row in rows}
    return counted


def drawn_images(path):
    """The ids of the images with most errors of all classes, and of those that are drawn for single classes."""
    text = path.read_text(encoding="utf-8").partition('<section id="changed">')[0]
    figures = [figure.partition("</figure>")[0] for figure in text.split("<figure class=")[1:]]
    ids = [[], []]
    for figure in figures:
        if figure.startswith(("scene", '"scene')):
            ids[figure.startswith('"scene of-class" hidden>')].append(int(re.search(r"\(id (\d+)\)", figure)[1]))
    return ids


@pytest.mark.parametrize("protocol", ["coco", "ultralytics"])
def test_the_worst_image_of_each_class_is_drawn(files, tmp_path, protocol):
    truth, found = (json.loads(path.read_text()) for path in files[1]["bbox"])
    score = meanap.evaluate(truth, found, protocol=protocol).best_f1().threshold
    counted = errors_by_class(truth, found, protocol, score)
    worst = {id: max(errors.values()) for id, errors in counted.items() if any(errors.values())}
    for most in (0, 2, 20):
        path = report.write(tmp_path / f"{most}.html", truth, found, protocol=protocol, resamples=2, worst=most)
        first, others = drawn_images(path)
        assert len(first) == most and len(others) <= most and not set(first) & set(others)
        without = [id for id, errors in worst.items() if max([*map(counted[id].get, first), 0]) < errors]
        left = [id for id in without if max([*map(counted[id].get, others), 0]) < worst[id]]
        if most == 2:
            # That of the class with most errors in one image is among those for which there is room.
            assert len(others) == 2 and left and max(without, key=worst.__getitem__) not in left
        assert len(without) > 10 if most < 20 else without and left == []


def test_images_of_single_classes_are_few_and_hold_these_alone(tmp_path):
    truth = generate.dataset(images=150, seed=4)
    found = generate.detections(truth, seed=4)
    path = report.write(tmp_path / "r.html", truth, found, versus=found[::2], resamples=2)
    text = path.read_text(encoding="utf-8")
    first, others = drawn_images(path)
    assert 0 < len(others) < len(first) == 24 and len(text) < 5_000_000
    classes = [{mark[0] for mark in scene["marks"]} for scene in embedded(text)["scenes"]]
    assert max(map(len, classes[len(first) : len(first) + len(others)])) <= 3 < min(map(len, classes[: len(first)]))


@pytest.mark.parametrize("kind", ["segm", "keypoints"])
def test_masks_and_poses(files, tmp_path, kind):
    truth, found = files[1][kind]
    path = report.write(tmp_path / "report.html", truth, found, kind, resamples=5, worst=3)
    figures = re.findall(r"<figure class=scene>.*?</figure>", path.read_text(encoding="utf-8"), re.DOTALL)
    assert len(figures) == 3
    assert all('<path d="M' in figure for figure in figures) or kind == "keypoints"
    assert ("<circle" in "".join(figures)) == (kind == "keypoints")


@pytest.mark.parametrize("protocol", ["voc2012", "ultralytics", meanap.protocol.get("coco").replace(by_category=False)])
def test_other_protocols(files, tmp_path, protocol):
    path = report.write(tmp_path / "report.html", *files[1]["bbox"], protocol=protocol, resamples=5, worst=5)
    result = meanap.evaluate(*files[1]["bbox"], protocol=protocol)
    figures = re.findall(r"<figure class=scene>.*?</figure>", path.read_text(encoding="utf-8"), re.DOTALL)
    for row, figure in zip(result.per_image(0.5, score=result.best_f1().threshold), figures, strict=False):
        assert fates(figure) == {fate: row[f"{fate}s"] for fate in FATES}
    assert len(figures) == 5
    assert (
        Reader(path.read_text(encoding="utf-8")).tables[0][1][1] == f"{result.number(next(iter(result.to_dict()))):.3f}"
    )


def test_findings_and_likely_label_errors_are_shown(files, tmp_path):
    whole = Reader(report.write(tmp_path / "r.html", *files[1]["bbox"], resamples=2).read_text(encoding="utf-8"))
    expected = meanap.check(*files[1]["bbox"])
    findings = next(table for table in whole.tables if table[0][0] == "code")
    assert [row[:2] + row[3:4] for row in findings[1:]] == [
        [row["code"], row["level"], f"{row['count']:,}"] for row in expected
    ]
    likely = next(table for table in whole.tables if "labelled as" in table[0])
    assert [row[0] for row in likely[1:]] == [str(row["image"]) for row in expected.label_errors][:50]
    without = report.write(tmp_path / "n.html", *files[1]["bbox"], resamples=2, check=False)
    assert not any(table[0][0] == "code" for table in Reader(without.read_text(encoding="utf-8")).tables)


def test_lvis_judges_only_where_it_was_looked(shared_data, tmp_path):
    truth = json.loads((shared_data / "lvis100_gt.json").read_text())
    generator = np.random.default_rng(1)
    known = [category["id"] for category in truth["categories"]]
    found = [
        {
            "image_id": entry["image_id"],
            "category_id": int(generator.choice(known)) if i % 3 == 0 else entry["category_id"],
            "bbox": entry["bbox"] if i % 2 else [0.0, 0.0, 9.0, 9.0],
            "score": float(generator.random()),
        }
        for i, entry in enumerate(truth["annotations"])
    ]
    path = report.write(tmp_path / "r.html", truth, found, protocol="lvis", resamples=2, worst=8, score=0.3)
    result = meanap.evaluate(truth, found, protocol="lvis")
    figures = re.findall(r"<figure class=scene>.*?</figure>", path.read_text(encoding="utf-8"), re.DOTALL)
    for row, figure in zip(result.per_image(0.5, score=0.3), figures, strict=False):
        assert fates(figure) == {fate: row[f"{fate}s"] for fate in FATES}
    assert len(figures) == 8 and "ignored" in "".join(figures)


def hostile():
    truth = generate.dataset(images=6, seed=2, categories=len(HOSTILE))
    for category, name in zip(truth["categories"], HOSTILE, strict=True):
        category["name"] = name
    for image, name in zip(truth["images"], HOSTILE * 2, strict=False):
        image["file_name"] = name
    return truth, generate.detections(truth, per_image=30, seed=2)


def sections(text):
    return re.findall(r"<section id=\"(\w+)\">", text)


def test_files_that_fail_the_check_have_a_report_that_begins_with_the_findings(files, tmp_path, capsys):
    truth, found = files[1]["bbox"]
    data = json.loads(truth.read_text())
    data["annotations"][3]["bbox"] = [1, 2, 3]
    broken = tmp_path / "truth.json"
    broken.write_text(json.dumps(data))
    target = tmp_path / "r.html"
    with pytest.raises(meanap.InputError, match="record 3") as raised:
        report.write(target, broken, found, resamples=2)
    text = target.read_text(encoding="utf-8")
    assert sections(text) == ["findings"] and str(raised.value).split(": ")[-1].split(",")[0] in html.unescape(text)
    rows = next(table for table in Reader(text).tables if table[0][0] == "code")[1:]
    assert [row[0] for row in rows] == list(meanap.check(broken, found)["code"])
    target.unlink()
    assert main(["report", str(broken), str(found), "-o", str(target), "--resamples", "2"]) == 1
    printed = capsys.readouterr()
    assert printed.out == f"{target}\n" and printed.err.startswith(f'meanap: {broken}: record 3: "bbox" has 3 numbers')
    assert sections(target.read_text(encoding="utf-8")) == ["findings"]
    target.unlink()
    assert main(["report", str(broken), str(found), "-o", str(target), "--no-check"]) == 1
    assert capsys.readouterr().out == "" and not target.exists()
    # An error that does not keep from evaluating comes before the numbers, too.
    data["annotations"][3] = {**data["annotations"][4], "id": 0}
    broken.write_text(json.dumps(data))
    assert not meanap.check(broken, found).ok
    assert sections(report.write(target, broken, found, resamples=2).read_text(encoding="utf-8"))[0] == "findings"
    whole = report.write(target, truth, found, resamples=2).read_text(encoding="utf-8")
    assert sections(whole)[:2] == ["summary", "findings"]


def test_the_verdict_comes_first_with_what_has_moved(files, page):
    text = page.read_text(encoding="utf-8")
    header = text[text.index("<header>") : text.index("</header>")]
    result, other = meanap.evaluate(*files[1]["bbox"]), meanap.evaluate(files[1]["bbox"][0], files[0] / "other.json")
    change = meanap.compare(other, result, resamples=20)
    assert header.index("<strong>AP ") < header.index("<dl")
    moved = [html.unescape(line) for line in re.findall("<li>(.*?)</li>", header)]
    better = sorted(
        ((row["difference"], row["name"]) for row in change.per_class if row["low"] > 0), key=lambda pair: -pair[0]
    )
    line = next(line for line in moved if line.startswith("Classes that are significantly better"))
    assert f"({len(better):,} of " in line and f"{better[0][1]} {better[0][0]:+.3f}" in line
    losses, before = result.errors(0.5), other.errors(0.5)
    missed = losses["missed"] - before["missed"]
    assert f"missed {missed:+.3f}" in moved[-1]
    table = next(table for table in Reader(text).tables if table[0][0] == "error")
    rows = {row[0]: row for row in table[1:]}
    assert rows["missed"][2:] == [f"{losses['missed']:.3f}", f"{before['missed']:.3f}", f"{missed:+.3f}"]


def test_operating_points_have_those_of_the_baseline_beside_them(files, page, tmp_path):
    truth, found = files[1]["bbox"]
    before = meanap.evaluate(truth, files[0] / "other.json")
    text = page.read_text(encoding="utf-8")
    table = next(table for table in Reader(text).tables if table[0][0] == "target")
    assert table[0][7:] == [f"baseline {name}" for name in table[0][1:7]]
    targets = [{"score": before.best_f1(0.5).threshold}, *(chosen for _, chosen in TARGETS)]
    for cells, target in zip(table[1:], targets, strict=True):
        point = before.operating_point(**target)
        assert cells[7:] == ["–" if math.isnan(x) else f"{x:.3f}" for x in (getattr(point, name) for name in POINT)]
    assert f"(baseline {before.froc().mean:.3f})" in text
    assert f"(baseline {before.log_average_miss_rate().value:.3f})" in text
    # Of classes, and at other IoU thresholds.
    data = embedded(text)
    for iou, view in zip(data["ious"], data["views"], strict=True):
        for rows, target in zip(view["points"][1:], targets[1:], strict=True):
            of_each = before.operating_point(**target, iou=iou).per_class
            for row, own in zip(rows[1:], of_each, strict=True):
                assert row[6:] == [None if math.isnan(own[name]) else round(1000 * own[name]) for name in POINT]
    # A baseline without detections has none; without a baseline the table has no columns for one.
    report.write(tmp_path / "empty.html", truth, found, versus=[], resamples=2, worst=0)
    report.write(tmp_path / "alone.html", truth, found, resamples=2, worst=0)
    empty, alone = (
        next(t for t in Reader((tmp_path / name).read_text(encoding="utf-8")).tables if t[0][0] == "target")
        for name in ("empty.html", "alone.html")
    )
    assert all(cells[7:] == ["–"] * 6 for cells in empty[1:])
    assert all(len(cells) == 7 for cells in alone) and [row[:7] for row in empty] == alone


def test_images_that_changed_most_are_drawn_for_both(files, page):
    truth, found = files[1]["bbox"]
    before, after = meanap.evaluate(truth, files[0] / "other.json"), meanap.evaluate(truth, found)
    rows = [
        {row["image"]: row for row in result.per_image(0.5, score=result.best_f1().threshold)}
        for result in (before, after)
    ]
    errors = [{id: row["false_positives"] + row["false_negatives"] for id, row in side.items()} for side in rows]
    moved = sorted((abs(errors[1][id] - errors[0][id]) for id in rows[0]), reverse=True)
    section = page.read_text(encoding="utf-8").partition('<section id="changed">')[2].partition("</section>")[0]
    figures = re.findall(r"<figure class=scene>.*?</figure>", section, re.DOTALL)
    assert len(figures) == 12
    for number, (one, other) in enumerate(zip(figures[::2], figures[1::2], strict=True)):
        image = int(re.search(r"\(id (\d+)\)", one)[1])
        assert f"(id {image})" in other and abs(errors[1][image] - errors[0][image]) == moved[number]
        for figure, side in ((one, rows[0]), (other, rows[1])):
            assert fates(figure) == {fate: side[image][f"{fate}s"] for fate in FATES}


# Every input


def columns_of(truth, found, kind):
    """The data set as `meanap.GroundTruth` and `meanap.Detections`."""
    images = {image["id"]: (image["height"], image["width"]) for image in truth["images"]}
    categories = {category["id"]: category["name"] for category in truth["categories"]}
    sides = []
    for records in (truth["annotations"], found):
        shapes = {"segm": "masks", "keypoints": "keypoints"}.get(kind)
        fields = {} if kind == "segm" else {"boxes": [record["bbox"] for record in records], "box_format": "xywh"}
        if shapes == "masks":
            fields["masks"] = [as_run_lengths(record["segmentation"], images[record["image_id"]]) for record in records]
        elif shapes == "keypoints":
            fields["keypoints"] = np.reshape([record["keypoints"] for record in records], (len(records), -1, 3))
        sides.append(
            [[record["image_id"] for record in records], [record["category_id"] for record in records], fields]
        )
    (truth_images, truth_categories, objects), (found_images, found_categories, shapes) = sides
    return (
        meanap.GroundTruth(truth_images, truth_categories, **objects, images=images, categories=categories,
                           crowd=[record["iscrowd"] for record in truth["annotations"]]),
        meanap.Detections(found_images, found_categories, [record["score"] for record in found], **shapes),
    )  # fmt: skip


def as_run_lengths(shape, size):
    return meanap.mask.merge(meanap.mask.frPyObjects(shape, *size)) if isinstance(shape, list) else shape


def drawn(path):
    text = path.read_text(encoding="utf-8").partition('<section id="changed">')[0]
    figures = re.findall(r"<figure class=scene>.*?</figure>", text, re.DOTALL)
    return [(fates(figure), len(re.findall("<(?:rect|path|circle) ", figure))) for figure in figures]


@pytest.mark.parametrize("kind", ["bbox", "segm", "keypoints"])
def test_files_records_and_columns_are_drawn_alike(files, tmp_path, kind):
    truth, found = files[1][kind]
    data, records = json.loads(truth.read_text()), json.loads(found.read_text())
    if kind == "keypoints":
        records = [{**record, "bbox": [1.0, 1.0, 9.0, 9.0]} for record in records]
        found = tmp_path / "found.json"
        found.write_text(json.dumps(records))
    sources = {"files": (truth, found), "records": (data, records), "columns": columns_of(data, records, kind)}
    told = {}
    for name, source in sources.items():
        path = report.write(tmp_path / f"{name}.html", *source, kind, resamples=2, worst=4)
        told[name] = drawn(path)
    assert len(told["files"]) == 4 and sum(marks for _, marks in told["files"]) > 20
    assert told["files"] == told["records"]
    # Polygons of columns are run lengths, of which the outline has as many paths.
    assert [counts for counts, _ in told["columns"]] == [counts for counts, _ in told["files"]]


def test_lists_and_tables_have_a_report(files, tmp_path):
    polars = pytest.importorskip("polars")
    from native_data import per_image

    data, records = (json.loads(path.read_text()) for path in files[1]["bbox"])
    preds, targets = per_image(data, records)
    for item in (*preds, *targets):
        item["boxes"] = np.concatenate([item["boxes"][:, :2], item["boxes"][:, :2] + item["boxes"][:, 2:]], axis=1)
        item.pop("image_id", None)

    def frame(side):
        columns = ("image_id", "category_id", "score") if "score" in side[0] else ("image_id", "category_id")
        boxes = np.array([record["bbox"] for record in side], dtype=float)
        named = zip(("x1", "y1", "x2", "y2"), (*boxes.T[:2], *(boxes[:, :2] + boxes[:, 2:]).T), strict=True)
        return polars.DataFrame({name: [record[name] for record in side] for name in columns} | dict(named))

    tables = frame([record for record in data["annotations"] if not record["iscrowd"]]), frame(records)
    for name, source in (("lists", (targets, preds)), ("tables", tables)):
        path = report.write(tmp_path / f"{name}.html", *source, resamples=2, worst=3)
        result = meanap.evaluate(*source)
        assert f"<strong>AP {result.ap:.3f}</strong>" in path.read_text(encoding="utf-8")
        rows = result.per_image(0.5, score=result.best_f1().threshold)[:3]
        assert [counts for counts, _ in drawn(path)] == [{fate: row[f"{fate}s"] for fate in FATES} for row in rows]


def test_a_result_has_a_report(files, tmp_path):
    truth, found = files[1]["bbox"]
    result, other = meanap.evaluate(truth, found), meanap.evaluate(truth, files[0] / "other.json")
    whole = report.write(tmp_path / "a.html", truth, found, versus=files[0] / "other.json", resamples=5, worst=3)
    again = result.report(tmp_path / "b.html", versus=other, resamples=5, worst=3)
    assert again == tmp_path / "b.html" and again.read_bytes() == whole.read_bytes()
    third = report.write(tmp_path / "c.html", truth, result, versus=other, resamples=5, worst=3)
    assert third.read_bytes() == whole.read_bytes()
    # Without the data there are the numbers, and nothing is checked or drawn.
    alone = meanap.evaluate(json.loads(truth.read_text()), json.loads(found.read_text())).report(tmp_path / "d.html")
    text = alone.read_text(encoding="utf-8")
    assert f"<strong>AP {result.ap:.3f}</strong>" in text and drawn(alone) == [] and 'id="findings"' not in text
    given = meanap.evaluate(json.loads(truth.read_text()), json.loads(found.read_text()))
    given.report(tmp_path / "e.html", ground_truth=truth, detections=found, resamples=5, worst=3)
    assert drawn(tmp_path / "e.html") == drawn(whole)


def test_no_string_of_the_data_becomes_markup(tmp_path):
    truth, found = hostile()
    path = report.write(tmp_path / "report.html", truth, found, title=HOSTILE[0], resamples=5)
    text = path.read_text(encoding="utf-8")
    tame = json.loads(json.dumps(truth))
    for i, category in enumerate(tame["categories"]):
        category["name"] = str(i) * len(printable(category["name"]))
    for image in tame["images"]:
        image["file_name"] = "name"
    other = report.write(tmp_path / "tame.html", tame, found, title="title", resamples=5)
    assert Reader(text).tags == Reader(other.read_text(encoding="utf-8")).tags
    assert {name.encode("utf-8", "surrogatepass") for name in embedded(text)["classes"]} == {
        name.encode("utf-8", "surrogatepass") for name in HOSTILE
    }


def test_pictures_are_embedded_small(files, tmp_path):
    image_module = pytest.importorskip("PIL.Image", reason="the extra 'report' is not installed")
    truth = json.loads(files[1]["bbox"][0].read_text())
    found = json.loads(files[1]["bbox"][1].read_text())
    folder = tmp_path / "images"
    folder.mkdir()
    worst = meanap.evaluate(truth, found)
    order = [row["image"] for row in worst.per_image(0.5, score=worst.best_f1().threshold)][:4]
    images = {image["id"]: image for image in truth["images"]}
    first, second, third, fourth = (images[id] for id in order)
    first["file_name"] = "deep/down/first.png"
    image_module.new("RGBA", (first["width"] * 2, first["height"] * 2), (200, 10, 10, 255)).save(folder / "first.png")
    second["file_name"] = "second.jpg"
    (folder / "second.jpg").write_bytes(b"this is no picture")
    third["file_name"] = "../../outside.png"
    image_module.new("L", (9, 9)).save(tmp_path / "outside.png")
    fourth["file_name"] = "none.jpg"
    path = report.write(tmp_path / "r.html", truth, found, images=folder, worst=4, resamples=5)
    embedded_pictures = re.findall(r'<image href="data:image/jpeg;base64,([^"]+)"', path.read_text(encoding="utf-8"))
    assert len(embedded_pictures) == 1
    (tmp_path / "back.jpg").write_bytes(base64.b64decode(embedded_pictures[0]))
    with image_module.open(tmp_path / "back.jpg") as back:
        assert max(back.size) == 480 and back.getpixel((5, 5))[0] > 150


def test_without_pillow_the_extra_is_named(files, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "PIL", None)
    truth, boxes = files[1]["bbox"]
    with pytest.raises(ImportError, match=r"pip install 'meanap\[report\]'"):
        report.write(tmp_path / "r.html", truth, boxes, images=tmp_path, resamples=2)
    command = ["report", str(truth), str(boxes), "-o", str(tmp_path / "r.html"), "--images", str(tmp_path)]
    assert main([*command, "--resamples", "2"]) == 2
    assert "meanap[report]" in capsys.readouterr().err


def test_bad_input_is_said_and_nothing_is_written(files, tmp_path, capsys):
    truth, boxes = files[1]["bbox"]
    target = tmp_path / "r.html"
    with pytest.raises(TypeError, match="ground_truth"):
        report.write(target, 3, boxes)
    with pytest.raises(ValueError, match="worst"):
        report.write(target, truth, boxes, worst=-1)
    for arguments, code, told in (
        ([truth, tmp_path / "none.json"], 1, "none.json"),
        ([truth, boxes, "--images", tmp_path / "no"], 1, "no"),
        ([truth, boxes, "--protocol", "cocoa"], 2, "cocoa"),
        ([truth, boxes, "-o", tmp_path / "no" / "r.html"], 1, "no such folder"),
        ([truth, boxes, "--versus", tmp_path / "other.json"], 1, "other.json"),
    ):
        command = ["report", "-o", target, "--resamples", "2", *arguments]
        assert main([str(part) for part in command]) == code
        error = capsys.readouterr().err
        assert told in error and error.count("\n") == 1
    assert not target.exists()


def test_nothing_found_and_nothing_to_find(tmp_path):
    truth = {"images": [{"id": 1}], "annotations": [], "categories": [{"id": 1, "name": "a"}]}
    text = report.write(tmp_path / "r.html", truth, [], resamples=2).read_text(encoding="utf-8")
    assert "NaN" not in embedded(text) and "–" in text and "nan" not in "".join(Reader(text).text).split()
    truth = generate.dataset(images=3, seed=1)
    text = report.write(tmp_path / "r.html", truth, [], resamples=2).read_text(encoding="utf-8")
    assert len(re.findall(r'class="mark truth false_negative"', text)) > 0


def test_the_command_names_what_it_wrote(files, tmp_path, capsys):
    truth, boxes = files[1]["bbox"]
    out = tmp_path / "out.html"
    assert main(["report", str(truth), str(boxes), "-o", str(out), "--resamples", "2", "--title", "A <run>"]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    assert "<h1>A &lt;run&gt;</h1>" in out.read_text(encoding="utf-8")


@pytest.mark.parametrize("seed", range(4))
def test_an_outline_holds_what_the_mask_holds(seed):
    generator = np.random.default_rng(seed)
    mask = generator.random((17, 23)) < (0.2, 0.5, 0.9, 0.0)[seed]
    loops = [
        [tuple(map(int, point.split())) for point in loop.rstrip("Z").split("L")]
        for loop in outline(mask).split("M")[1:]
    ]
    # Crossing number of each pixel's middle, and the area by the shoelace: both must be the mask's.
    inside = np.zeros(mask.shape, dtype=int)
    area = 0
    for loop in loops:
        for (x0, y0), (x1, y1) in zip(loop, loop[1:] + loop[:1], strict=True):
            area += x0 * y1 - x1 * y0
            if x0 == x1:
                inside[min(y0, y1) : max(y0, y1), x0:] ^= 1
    assert np.array_equal(inside.astype(bool), mask) and abs(area) // 2 == mask.sum()


def test_a_run_as_a_process(files, tmp_path):
    truth, boxes = files[1]["bbox"]
    command = [sys.executable, "-m", "meanap", "report", str(truth), str(boxes), "--resamples", "2"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "report.html\n", "")


@pytest.mark.parametrize("versus", [False, True])
def test_boxes_are_matched_once_for_all_errors_and_once_for_all_confusions(files, tmp_path, monkeypatch, versus):
    from meanap.detection import matching

    folder, made = files
    asked, matched, errors, new_log = [], [], [], matching.new_log

    class Counted:
        def __init__(self, *args, **questions):
            self.questions, self.log = questions, new_log(*args, **questions)
            asked.append(questions)

        def declare(self, categories):
            self.log.declare(categories)

        def matched(self, *sides, known=None, least=None, **options):
            # What another table knows is not matched again.
            if known is None:
                matched.append(self.questions)
            if "errors" in self.questions:
                errors.append((self.questions["errors"], least is None))
            return self.log.matched(*sides, known=known, least=least, **options)

    monkeypatch.setattr(matching, "new_log", Counted)
    before = {"versus": folder / "other.json"} if versus else {}
    report.write(tmp_path / "report.html", *made["bbox"], resamples=2, **before)
    # An evaluation and one matching for the confusions at all IoU thresholds, of either side: the check takes both.
    found = [questions["without_categories"] for questions in matched if "without_categories" in questions]
    np.testing.assert_allclose(found, [[0.5, 0.75, 0.9]] * (1 + versus))
    assert len(matched) == 2 * (1 + versus)
    confusions = [round(questions["confusion"], 9) for questions in asked if "confusion" in questions]
    assert confusions == [0.5, 0.75, 0.9] * (1 + versus)
    # One error table at each IoU threshold, and two of confident detections for the check.
    assert [iou for (iou, *_), whole in errors if not whole] == [0.5, 0.5]
    np.testing.assert_allclose(
        sorted(iou for (iou, *_), whole in errors if whole), sorted([0.5, 0.75, 0.9] * (1 + versus))
    )


def test_confusions_of_several_thresholds_are_those_of_each_alone(files):
    ious = [0.1, 0.5, 0.75, 0.9]
    for kind, others in (("bbox", {}), ("segm", {"protocol": "lvis"}), ("bbox", {"max_detections": (1, 10)})):
        scores = meanap.evaluate(*files[1][kind], similarity=kind, **others).scores
        for iou, table in zip(ious, scores.confusion_tables(ious), strict=True):
            alone = scores.confusion_table(iou)
            assert alone.to_bytes() == table.to_bytes()
            for name, column in alone.pairs().items():
                np.testing.assert_array_equal(column, table.pairs()[name])


def test_a_check_of_files_judges_the_evaluation_that_is_there(files):
    truth, boxes = files[1]["bbox"]
    result = meanap.evaluate(truth, boxes)
    options = meanap.readers.Options("bbox")
    alone = meanap.check(truth, boxes, "bbox")
    others = meanap.evaluate(truth, boxes, thresholds=[0.5]), meanap.evaluate(truth, files[0] / "other.json")
    confused = Known(result, result.confusion(0.5, -math.inf))
    for known in (None, confused, *(Known(other, None) for other in (result, *others))):
        found = checked(truth, boxes, "bbox", options, None, ("degrees", False), known)
        assert found.as_dict() == alone.as_dict()
    assert len(alone.label_errors)
