"""Pascal VOC folders: read as a naive reader reads them, scored as VOC's development kit scores them."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

import meanap
from meanap import generate, readers
from meanap.readers import Options, Problems


def naive_truth(folder: Path, images: list[str]) -> list[tuple]:
    rows = []
    for image in images:
        root = ElementTree.parse(folder / "Annotations" / f"{image}.xml").getroot()
        for element in root.iter("object"):
            box = [float(element.find("bndbox").find(name).text) for name in ("xmin", "ymin", "xmax", "ymax")]
            rows.append((image, element.find("name").text, bool(int(element.find("difficult").text)), *box))
    return rows


def naive_results(folder: Path) -> list[tuple]:
    rows = []
    for path in sorted(folder.glob("comp4_det_val_*.txt")):
        for line in path.read_text().splitlines():
            image, *numbers = line.split()
            rows.append((image, path.stem.removeprefix("comp4_det_val_"), *map(float, numbers)))
    return rows


def naive_ap(truth: list[tuple], results: list[tuple], category: str, eleven_points: bool) -> float:
    """VOCevaldet.m and VOCap.m."""
    objects: dict[str, list] = {}
    for image, name, difficult, *box in truth:
        if name == category:
            objects.setdefault(image, []).append([box, difficult, False])
    positives = sum(not difficult for rows in objects.values() for _, difficult, _ in rows)
    hits, misses = [], []
    for image, _, _, *box in sorted((row for row in results if row[1] == category), key=lambda row: -row[2]):
        best, found = 0.0, None
        for entry in objects.get(image, []):
            width = min(box[2], entry[0][2]) - max(box[0], entry[0][0]) + 1
            height = min(box[3], entry[0][3]) - max(box[1], entry[0][1]) + 1
            if width > 0 and height > 0:
                area = [(b[2] - b[0] + 1) * (b[3] - b[1] + 1) for b in (box, entry[0])]
                overlap = width * height / (sum(area) - width * height)
                if overlap > best:
                    best, found = overlap, entry
        hit = found is not None and best >= 0.5
        if hit and found[1]:
            continue
        hits.append(hit and not found[2])
        misses.append(not hits[-1])
        if hit:
            found[2] = True
    tp, fp = np.cumsum(hits), np.cumsum(misses)
    recall, precision = tp / positives, tp / (tp + fp)
    if eleven_points:
        points = np.arange(0.0, 1.1, 0.1)
        return float(np.mean([precision[recall >= t].max() if (recall >= t).any() else 0 for t in points]))
    recall, precision = np.concatenate([[0], recall, [1]]), np.concatenate([[0], precision, [0]])
    for at in range(len(precision) - 2, -1, -1):
        precision[at] = max(precision[at], precision[at + 1])
    steps = np.flatnonzero(recall[1:] != recall[:-1]) + 1
    return float(((recall[steps] - recall[steps - 1]) * precision[steps]).sum())


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder, results = generate.write_format(tmp_path_factory.mktemp("voc"), "voc", images=40, seed=4)
    for at, path in enumerate(sorted((folder / "Annotations").iterdir())):
        if at % 3 == 0:
            path.write_text(path.read_text().replace("<difficult>0<", "<difficult>1<", 1))
    return folder, results


def test_boxes_are_those_of_a_naive_reader(made):
    folder, results = made
    truth = readers.ground_truth(folder)
    found = readers.detections(results, None, None, truth)
    images = (folder / "ImageSets" / "Main" / "val.txt").read_text().split()
    assert truth.images == images
    columns = zip(truth.image_ids, truth.category_ids, truth.arrays["ignore"], truth.arrays["boxes"], strict=True)
    assert [(*head, *box.tolist()) for *head, box in columns] == naive_truth(folder, images)
    columns = zip(found.image_ids, found.category_ids, found.arrays["scores"], found.arrays["boxes"], strict=True)
    assert [(*head, *box.tolist()) for *head, box in columns] == naive_results(results)
    assert len(found) == 800 and any(truth.arrays["ignore"])


@pytest.mark.parametrize("protocol", ["voc2007", "voc2012"])
def test_ap_is_that_of_the_development_kit(made, protocol):
    folder, results = made
    result = meanap.evaluate(folder, results, protocol=protocol)
    images = (folder / "ImageSets" / "Main" / "val.txt").read_text().split()
    truth, found = naive_truth(folder, images), naive_results(results)
    categories = sorted({name for _, name, difficult, *_ in truth if not difficult})
    expected = {name: naive_ap(truth, found, name, protocol == "voc2007") for name in categories}
    rows = {row["category"]: row["ap"] for row in result.per_class if row["category"] in expected}
    assert rows == pytest.approx(expected, abs=1e-12) and len(rows) > 10
    assert result["ap"] == pytest.approx(np.mean(list(expected.values())), abs=1e-12)


def test_every_way_to_name_the_same_data_set_gives_the_same_result(made):
    folder, results = made
    expected = dict(meanap.evaluate(folder, results, protocol="voc2012"))
    for source in (folder / "ImageSets" / "Main" / "val.txt", str(folder / "Annotations")):
        assert dict(meanap.evaluate(source, results, protocol="voc2012")) == expected
    part = folder / "ImageSets" / "Main" / "person_val.txt"
    images = (folder / "ImageSets" / "Main" / "val.txt").read_text().split()[:3]
    part.write_text("".join(f"{image} -1\n" for image in images))
    assert readers.ground_truth(part).images == images
    one = next(path for path in results.iterdir() if path.stem.endswith("_person"))
    assert set(readers.detections(one).category_ids) == {"person"}


OBJECT = "<object><name>cat</name>{}</object>"
BOX = "<bndbox><xmin>{}</xmin><ymin>2</ymin><xmax>{}</xmax><ymax>4</ymax></bndbox>"


@pytest.mark.parametrize(
    ("inside", "told"),
    [
        ("", 'missing-field: PATH: object 1: "bndbox" is missing, expected xmin, ymin, xmax and ymax'),
        (BOX.format("x", 3), "malformed-box: PATH: object 1: \"xmin\" is 'x', expected a number"),
        (BOX.format("nan", 3), "malformed-box: PATH: object 1: \"xmin\" is 'nan', expected a number"),
        ("<bndbox><xmin>1</xmin></bndbox>", 'malformed-box: PATH: object 1: "ymin" is missing, expected a number'),
        (
            BOX.format(5, 3),
            'malformed-box: PATH: object 1: "box" is (5.0, 2.0, 3.0, 4.0), '
            "expected a second corner to the right of the first one and below",
        ),
    ],
)
def test_an_object_that_cannot_be_used_is_named(tmp_path, inside, told):
    path = tmp_path / "a.xml"
    good = OBJECT.format(BOX.format(1, 3))
    path.write_text(f"<annotation>{good}{OBJECT.format(inside)}{good}</annotation>")
    told = told.replace("PATH", str(path))
    with pytest.raises(meanap.InputError) as raised:
        readers.ground_truth(tmp_path)
    assert f"{raised.value.code}: {raised.value}" == told
    for mode in ("collect", "skip"):
        problems = Problems(mode)
        truth = readers.ground_truth(tmp_path, None, problems)
        assert [f"{problem.code}: {problem.error()}" for problem in problems.found] == [told]
        assert len(truth) == 2 and sum(problems.left_out.values()) == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the file is empty"),
        ("<annotation><object>", "not XML: no element found"),
        ("<!DOCTYPE a [<!ENTITY b 'cc'>]><annotation>&b;</annotation>", "entities are declared, which are not read"),
    ],
)
def test_a_file_that_is_no_xml_is_said_to_be_none(tmp_path, text, told):
    (tmp_path / "a.xml").write_text(text)
    with pytest.raises(meanap.InputError, match=told) as raised:
        readers.ground_truth(tmp_path, Options(format="voc"))
    assert raised.value.code == "broken-file" and raised.value.source == str(tmp_path / "a.xml")
    (tmp_path / "a.xml").write_bytes(text.encode("utf-16"))
    with pytest.raises(meanap.InputError, match="not XML|not read|empty"):
        readers.ground_truth(tmp_path, Options(format="voc"))


def test_files_in_utf_16_are_recognised(tmp_path):
    text = f"<annotation>{OBJECT.format(BOX.format(1, 3))}</annotation>"
    for declaration in ("", '<?xml version="1.0" encoding="UTF-16"?>'):
        (tmp_path / "a.xml").write_bytes(f"{declaration}{text}".encode("utf-16"))
        assert len(readers.ground_truth(tmp_path)) == 1


def test_faults_of_results_are_named(made, tmp_path):
    truth = readers.ground_truth(made[0])
    image = truth.images[0]
    path = tmp_path / "comp3_det_test_potted plant.txt"
    path.write_text(f"{image} .5 1 2 3 4\n{image} .5 1 2 3\nstranger .5 1 2 3 4\n{image} x 1 2 3 4\n")
    problems = Problems("collect")
    found = readers.detections(tmp_path, None, problems, truth)
    assert [f"{problem.code}: {problem.error()}" for problem in problems.found] == [
        f"wrong-length: {path}: line 2 has 5 columns, expected 6: image score xmin ymin xmax ymax",
        f'not-a-number: {path}: line 4: "score" is "x", expected a number',
        f"unknown-image: {path}: line 3: \"image\" is 'stranger', which is not in the ground truth",
    ]
    assert found.category_ids == ["potted plant"] and found.arrays["boxes"].tolist() == [[1, 2, 3, 4]]
    with pytest.raises(meanap.InputError, match="format 'voc' has boxes only"):
        meanap.evaluate(made[0], made[1], similarity="segm")
