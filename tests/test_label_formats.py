"""DOTA, KITTI, Open Images, LabelMe, CVAT and CreateML: read as naive readers read what the package generates."""

import csv
import json
import math
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

import meanap
from meanap import generate, readers
from meanap.compat.pycocotools import mask
from meanap.generate.formats import FORMATS
from meanap.readers import READERS, Options, Problems
from meanap.writers import WRITERS

# Naive readers: image, label, x1, y1, x2, y2, and a flag or a score.


def dota(folder: Path, sizes) -> list[tuple]:
    rows = []
    for path in sorted((folder / "labelTxt").iterdir()):
        for line in path.read_text().splitlines()[2:]:
            *corners, label, difficult = line.split()
            x, y = [list(map(float, corners[axis::2])) for axis in (0, 1)]
            rows.append((path.stem, label, min(x), min(y), max(x), max(y), difficult == "1"))
    return rows


def dota_results(folder: Path, sizes) -> list[tuple]:
    rows = []
    for path in sorted(folder.glob("Task1_*.txt")):
        for line in path.read_text().splitlines():
            image, score, *corners = line.split()
            x, y = [list(map(float, corners[axis::2])) for axis in (0, 1)]
            rows.append((image, path.stem[6:], min(x), min(y), max(x), max(y), float(score)))
    return rows


def kitti(folder: Path, sizes) -> list[tuple]:
    inner = folder if not (folder / "label_2").is_dir() else folder / "label_2"
    rows = []
    for path in sorted(inner.glob("*.txt")):
        for line in path.read_text().splitlines():
            words = line.split()
            last = float(words[15]) if len(words) == 16 else False
            rows.append((path.stem, words[0], *map(float, words[4:8]), last))
    return rows


def openimages(path: Path, sizes) -> list[tuple]:
    rows = []
    for row in csv.DictReader(path.open()):
        height, width = sizes[row["ImageID"]]
        box = (
            float(row["XMin"]) * width,
            float(row["YMin"]) * height,
            float(row["XMax"]) * width,
            float(row["YMax"]) * height,
        )
        rows.append(
            (row["ImageID"], row["LabelName"], *box, float(row["Score"]) if "Score" in row else row["IsGroupOf"] == "1")
        )
    return rows


def labelme(folder: Path, sizes) -> list[tuple]:
    rows = []
    for path in sorted(folder.glob("*.json")):
        for shape in json.loads(path.read_text())["shapes"]:
            rows.append((path.stem, shape["label"], *map(float, np.ravel(shape["points"])), False))
    return rows


def cvat(path: Path, sizes) -> list[tuple]:
    rows = []
    for image in ElementTree.parse(path).getroot().iter("image"):
        for box in image.iter("box"):
            sides = (float(box.get(name)) for name in ("xtl", "ytl", "xbr", "ybr"))
            rows.append((Path(image.get("name")).stem, box.get("label"), *sides, False))
    return rows


def createml(path: Path, sizes) -> list[tuple]:
    rows = []
    for image in json.loads(path.read_text()):
        for annotation in image["annotations"]:
            x, y, w, h = (annotation["coordinates"][name] for name in ("x", "y", "width", "height"))
            rows.append(
                (Path(image["image"]).stem, annotation["label"], x - w / 2, y - h / 2, x + w / 2, y + h / 2, False)
            )
    return rows


NAIVE = {
    "dota": (dota, dota_results),
    "kitti": (kitti, kitti),
    "openimages": (openimages, openimages),
    "labelme": (labelme, None),
    "cvat": (cvat, None),
    "createml": (createml, None),
}


def rows_of(side, flag: str) -> list[tuple]:
    boxes = np.asarray(side.arrays["boxes"]).tolist()
    last = side.arrays.get("scores", side.arrays.get(flag, np.zeros(len(side), dtype=bool))).tolist()
    columns = zip(side.image_ids, side.category_ids, boxes, last, strict=True)
    return [(image, label, *box, value) for image, label, box, value in columns]


@pytest.fixture(scope="module", params=NAIVE)
def made(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    truth, found = generate.write_format(folder, request.param, images=12, seed=6)
    images = folder / "images" if request.param == "openimages" else None
    return request.param, truth, found, Options(images=images)


def test_objects_are_those_of_a_naive_reader(made):
    format, path, results, options = made
    truth = readers.ground_truth(path, options)
    flag = "ignore" if format == "dota" else "iscrowd"
    naive, naive_results = NAIVE[format]
    assert rows_of(truth, flag) == naive(path, truth.sizes) and len(truth) > 50
    found = readers.detections(results, options, None, truth)
    assert len(found) == 240
    if naive_results is not None:
        assert rows_of(found, flag) == naive_results(results, truth.sizes)


def test_the_result_is_that_of_the_data_set_they_were_written_from(made):
    format, path, results, options = made
    scenes = generate.dataset(12, 6, crowds=0)
    expected = meanap.evaluate(
        scenes, generate.detections(scenes, per_image=20, seed=6), area_ranges={"all": (0, math.inf)}
    )
    result = meanap.evaluate(
        readers.ground_truth(path, options),
        readers.detections(results, options, None, readers.ground_truth(path, options)),
        area_ranges={"all": (0, math.inf)},
    )
    assert result["ap"] == pytest.approx(expected["ap"], abs=1e-9)


def test_each_format_is_recognised_as_itself_alone(made):
    format, path, results, _ = made
    for source, role in ((path, "ground_truth"), (results, "detections")):
        known = [reader.name for reader in READERS if reader.sniff(source, role)]
        own = "coco" if source == results and NAIVE[format][1] is None else format
        assert known[0] == own and set(known) <= {own, "coco"}, (source, known)
        # What the registry says of a format at a glance keeps nothing from its reader.
        of_readers = [listed.name for listed in READERS if listed.reader().sniff(source, role)]
        assert [name for name in of_readers if name != "table"] == known


def test_every_format_that_is_generated_has_a_reader_and_a_writer():
    names = {format.partition("-")[0] for format in FORMATS}
    # Records on lines or as rows, and the other order of YOLO's columns, are written for tests alone.
    assert names - {"jsonl", "csv", "npy", "darknet"} == set(WRITERS)
    assert names <= {reader.name for reader in READERS}


@pytest.mark.parametrize("name", ["coco", "jsonl", "csv", "parquet", "npy", "darknet"])
def test_records_and_tables_that_are_generated_are_those_of_the_data_set(name, tmp_path):
    if name == "parquet":
        pytest.importorskip("pyarrow")
    scenes = generate.dataset(12, 6, crowds=0)
    sides = generate.write_format(tmp_path / name, name, images=12, seed=6)
    darknet = name == "darknet"
    # Boxes in fractions say no areas of polygons.
    areas = {"area_ranges": {"all": (0, math.inf)}} if darknet else {}
    expected = meanap.evaluate(scenes, generate.detections(scenes, per_image=20, seed=6), **areas)
    result = meanap.evaluate(*sides, format=("yolo", "darknet") if darknet else None, **areas)
    assert result["ap"] == pytest.approx(expected["ap"], abs=1e-9)
    assert darknet or result.to_dict() == expected.to_dict()


def problems_of(source, format: str, similarity="bbox", detections=False) -> list[str]:
    problems = Problems("collect")
    read = readers.detections if detections else readers.ground_truth
    read(source, Options(similarity, format=format, sizes={"a": (10, 10)}), problems)
    return [f"{problem.code}: {problem.error()}".replace(str(source), "PATH") for problem in problems.found]


def test_faults_of_dota_are_named(tmp_path):
    (tmp_path / "a.txt").write_text(
        "gsd:1\n1 2 3 2 3 4 1 4 ship 0\n1 2 3 2 3 4 1 4\nx 2 3 2 3 4 1 4 ship\n1 2 3 2 3 4 1 4 ship\n"
    )
    assert problems_of(tmp_path, "dota") == [
        "wrong-length: PATH/a.txt: line 3 has 8 columns, expected 9: x1 y1 x2 y2 x3 y3 x4 y4 class",
        'not-a-number: PATH/a.txt: line 4: "x1" is "x", expected a number',
    ]
    truth = readers.ground_truth(tmp_path, Options("segm", format="dota", sizes={"a": (10, 10)}), Problems("collect"))
    assert truth.arrays["masks"][1] == mask.frPyObjects([[1, 2, 3, 2, 3, 4, 1, 4]], 10, 10)[0]
    with pytest.raises(meanap.InputError, match="the size of image 'a' is not known"):
        readers.ground_truth(tmp_path, Options("segm", format="dota"), Problems("collect"))


def test_results_of_dotas_second_task_have_two_corners(tmp_path):
    (tmp_path / "Task2_ship.txt").write_text("P0001 0.5 1 2 3 4\n")
    found = readers.detections(tmp_path)
    assert rows_of(found, "") == [("P0001", "ship", 1.0, 2.0, 3.0, 4.0, 0.5)]


def test_regions_of_kitti_that_do_not_count_are_crowds_of_each_class(tmp_path):
    solid = "-1 -1 -1 -1000 -1000 -1000 -10"
    (tmp_path / "a.txt").write_text(
        f"Car 0 0 0 0 0 10 10 {solid}\nDontCare -1 -1 -10 20 20 40 40 {solid}\nCyclist 0 0 0 50 50 60 60 {solid}\n"
    )
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.txt").write_text(
        f"Car 0 0 0 22 22 30 30 {solid} .9\nCar 0 0 0 0 0 10 10 {solid} .8\nCyclist 0 0 0 21 21 30 30 {solid} .9\n"
        f"Cyclist 0 0 0 50 50 60 60 {solid} .8\n"
    )
    truth = readers.ground_truth(tmp_path)
    assert len(truth) == 4 and truth.arrays["iscrowd"].tolist() == [False, False, True, True]
    assert meanap.evaluate(tmp_path, tmp_path / "out")["ap"] == pytest.approx(1)
    (tmp_path / "a.txt").write_text("Car 0 0 0 1 2 3\n")
    assert problems_of(tmp_path, "kitti")[0].startswith(
        "wrong-length: PATH/a.txt: line 1 has 7 columns, expected 15: type"
    )


def test_faults_of_open_images_are_named(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(
        "ImageID,LabelName,XMin,XMax,YMin,YMax\na,cat,0,x,0,1\na,cat,0,7,0,1\na,cat,.5,.2,0,1\nb,cat,0,1,0,1\na,cat,0,1,0,1\n"
    )
    assert problems_of(path, "openimages") == [
        "not-a-fraction: PATH: line 2: \"XMax\" is 'x', expected a fraction of the image, from 0 to 1",
        "not-a-fraction: PATH: line 3: \"XMax\" is '7', expected a fraction of the image, from 0 to 1",
        'malformed-box: PATH: line 4: "XMax" and YMax are 0.2 and 1.0, expected at least 0.5 and 0.0',
        "image-without-size: PATH: line 5: \"ImageID\" is 'b', whose size is not known: images= (--images) names the "
        "folder of the images",
    ]
    with pytest.raises(meanap.InputError, match='"Score" is missing, expected the columns ImageID'):
        readers.detections(path)
    path.write_text("ImageID,LabelName,XMin,XMax,YMin,YMax,IsGroupOf\na,cat,0,1,0,1,1\na,cat,0,1,0,.5,0\n")
    assert readers.ground_truth(path, Options(sizes={"a": (10, 20)})).arrays["iscrowd"].tolist() == [True, False]


def test_shapes_of_labelme_are_rectangles_and_polygons(tmp_path):
    shapes = [
        {"label": "cat", "shape_type": "rectangle", "points": [[5, 6], [1, 2]]},
        {"label": "cat", "shape_type": "rectangle", "points": [[1, 2], [5, 2], [5, 6], [1, 6]]},
        {"label": "dog", "points": [[1, 1], [9, 1], [5, 8]]},
        {"label": "dog", "shape_type": "circle", "points": [[1, 1], [9, 1]]},
        {"label": "dog", "shape_type": "polygon", "points": [[1, 1], [9, 1]]},
        {"label": "dog", "shape_type": "polygon", "points": [[1, 1], [9]]},
        {"shape_type": "polygon", "points": []},
    ]
    (tmp_path / "a.json").write_text(json.dumps({"shapes": shapes, "imageHeight": 10, "imageWidth": 12}))
    (tmp_path / "b.json").write_text("[]")
    told = problems_of(tmp_path, "labelme")
    assert [line.replace("PATH/", "") for line in told] == [
        "other-shape: a.json: shape 3 is a circle of 2 points, which is left out",
        'broken-mask: a.json: object 4: "points" has 2 points, expected 3 or more',
        'malformed-box: a.json: object 5: "points" is [[1, 1], [9]], expected a list of points [x, y]',
        'missing-field: a.json: object 6: "label" is missing, expected the name of a class',
        'wrong-kind-of-file: b.json: "shapes": expected a list, found nothing',
    ]
    boxes = readers.ground_truth(tmp_path, Options(), Problems("collect"))
    assert boxes.arrays["boxes"].tolist() == [[1, 2, 5, 6], [1, 2, 5, 6], [1, 1, 9, 8]] and boxes.sizes == {
        "a": (10, 12)
    }
    masks = readers.ground_truth(tmp_path, Options("segm"), Problems("collect")).arrays["masks"]
    rings = [[1, 2, 5, 2, 5, 6, 1, 6], [1, 2, 5, 2, 5, 6, 1, 6], [1, 1, 9, 1, 5, 8]]
    assert masks == [mask.frPyObjects([ring], 10, 12)[0] for ring in rings]


def test_shapes_of_cvat_are_boxes_and_polygons(tmp_path):
    path = tmp_path / "annotations.xml"
    box = '<box label="cat" xtl="1" ytl="2" xbr="5" ybr="4"{}/>'
    path.write_text(
        '<annotations><image id="0" name="x/a.jpg" width="12" height="10">'
        f"{box.format('')}{box.format(chr(32) + 'rotation=' + chr(34) + '90.0' + chr(34))}"
        '<polygon label="dog" points="1,1;9,1;5,8"/><points label="dog" points="1,1"/><tag label="dog"/>'
        '<polygon label="dog" points="1,1;9;5,8"/><box xtl="1" ytl="2" xbr="5" ybr="4"/>'
        '<box label="cat" xtl="1" ytl="2" xbr="5"/>'
        "</image></annotations>"
    )
    assert problems_of(path, "cvat") == [
        "other-shape: PATH: object 3 is a points, which is left out",
        "broken-mask: PATH: object 5: \"points\" is '1,1;9;5,8', expected x1,y1;x2,y2;...",
        'missing-field: PATH: object 6: "label" is missing, expected the name of a class',
        'malformed-box: PATH: object 7: "ybr" is missing, expected a number',
    ]
    truth = readers.ground_truth(path, Options(), Problems("collect"))
    assert np.allclose(truth.arrays["boxes"], [[1, 2, 5, 4], [2, 1, 4, 5], [1, 1, 9, 8]])
    assert truth.images == ["a"] and truth.sizes == {"a": (10, 12)}
    masks = readers.ground_truth(path, Options("segm"), Problems("collect")).arrays["masks"]
    assert masks[0] == mask.frPyObjects([[1, 2, 5, 2, 5, 4, 1, 4]], 10, 12)[0] and len(masks) == 3
    path.write_text("<annotations><track/></annotations>")
    with pytest.raises(meanap.InputError, match="expected <annotations> with images .*, found tracks of a video"):
        readers.ground_truth(path)


def test_faults_of_createml_are_named(tmp_path):
    path = tmp_path / "a.json"
    good = {"label": "cat", "coordinates": {"x": 5, "y": 5, "width": 2, "height": 4}}
    bad = [{"label": 1}, {"label": "cat"}, {"label": "cat", "coordinates": {"x": 1, "y": "z"}}]
    path.write_text(json.dumps([{"image": "a.jpg", "annotations": [good, *bad]}, {"image": "b.jpg"}]))
    assert problems_of(path, "createml") == [
        'missing-field: PATH: object 1: "label" is missing, expected the name of a class',
        'malformed-box: PATH: object 2: "coordinates" is None, expected x, y, width and height',
        "malformed-box: PATH: object 3: \"y\" is 'z', expected a number",
        'missing-field: PATH: record 1: "image" or "annotations" is missing',
    ]
    truth = readers.ground_truth(path, None, Problems("collect"))
    assert rows_of(truth, "iscrowd") == [("a", "cat", 4.0, 3.0, 6.0, 7.0, False)]


FOLDERS = ("yolo", "voc", "dota", "kitti", "openimages")


@pytest.mark.parametrize("results", FOLDERS)
@pytest.mark.parametrize("truth", [*FOLDERS, "coco"])
def test_the_two_sides_may_be_of_different_formats(truth, results, tmp_path):
    """Classes are found by their names, images by those of their files. KITTI and DOTA write names without spaces."""
    scenes = generate.dataset(12, 6, crowds=0, categories=2)
    for category, name in zip(scenes["categories"], ("person", "car"), strict=True):
        category["name"] = name
    found = generate.detections(scenes, per_image=10, seed=6)
    sizes = {f"{image['id']:012d}": (image["height"], image["width"]) for image in scenes["images"]}
    side = readers.ground_truth(scenes, Options(image_records=True))
    records = readers.detections(found, Options(image_records=True), None, side)
    module, writer = WRITERS[truth], WRITERS[results]
    if truth == "coco":
        path = module.ground_truth(tmp_path / "truth.json", side)
    else:
        path = module.ground_truth(tmp_path / "truth", side)
    predictions = writer.detections(tmp_path / "found", records, side)
    options = Options(sizes=sizes, names=["person", "car"] if results == "yolo" else None)
    read = readers.ground_truth(path, options)
    everything = {"area_ranges": {"all": (0, math.inf)}}
    result = meanap.evaluate(read, readers.detections(predictions, options, None, read), **everything)
    assert result["ap"] == pytest.approx(meanap.evaluate(scenes, found, **everything)["ap"], abs=1e-9)


@pytest.mark.parametrize("format", ["yolo", "voc", "dota", "kitti", "labelme"])
def test_a_folder_without_files_of_the_format_is_no_ground_truth(format, tmp_path):
    (tmp_path / "notes.md").write_text("nothing")
    with pytest.raises(meanap.InputError, match=r"there are no (label|\.txt|\.xml|\.json) files"):
        readers.ground_truth(tmp_path, Options(format=format))
    if format != "labelme" and format != "dota":
        assert len(readers.detections(tmp_path, Options(format=format))) == 0
