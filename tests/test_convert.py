"""`meanap.convert` and `meanap.describe`: other formats hold the same objects, bit for bit where they can."""

import json
import sys

import numpy as np
import pytest

import meanap
from meanap import generate, readers
from meanap.cli import main
from meanap.conversion import TARGETS
from meanap.readers import Options


@pytest.fixture(scope="module")
def scenes():
    return generate.dataset(25, 5, crowds=0)


@pytest.fixture(scope="module")
def found(scenes):
    return generate.detections(scenes, per_image=15, seed=5)


def options_for(to: str, scenes) -> Options:
    sizes = {f"{image['id']:012d}": (image["height"], image["width"]) for image in scenes["images"]}
    return Options(sizes=sizes if to == "yolo" else None, image_records=True)


def by_place(side, names=None) -> list[tuple]:
    """Image, category and numbers of each object, whatever the ids are written as."""
    boxes = np.asarray(side.arrays["boxes"], dtype=float)
    if side.box_format == "xyxy":
        boxes = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    scores = side.arrays.get("scores", np.zeros(len(side))).tolist()
    labels = [names[id] if names else id for id in readers.sides.plain_ids(side.category_ids)]
    rows = zip(map(int, side.image_ids), labels, boxes.tolist(), scores, strict=True)
    return sorted((image, label, score, *box) for image, label, box, score in rows)


@pytest.mark.parametrize("to", TARGETS)
def test_other_formats_hold_the_same_objects(scenes, found, to, tmp_path):
    written = meanap.convert(scenes, tmp_path / "truth", to)
    results = meanap.convert(found, tmp_path / "found", to, ground_truth=scenes)
    options = options_for(to, scenes)
    truth = readers.ground_truth(written, options)
    side = readers.detections(results, options, None, truth)
    own = readers.ground_truth(scenes, Options(image_records=True))
    names = {category["id"]: category["name"] for category in scenes["categories"]}
    if to == "dota":
        # A name is one word there.
        names = {id: "-".join(name.split()) for id, name in names.items()}
    # Categories are called by their names in VOC and DOTA, and by their places in YOLO.
    called = {"yolo": truth.names, "voc": None, "dota": None}.get(to, names)
    exact = to in ("coco", "parquet")
    for before, after in ((own, truth), (readers.detections(found, options, None, own), side)):
        one, other = by_place(before, names), by_place(after, called)
        if exact:
            assert one == other
        else:
            assert [row[:3] for row in one] == [row[:3] for row in other]
            assert np.allclose([row[3:] for row in one], [row[3:] for row in other], rtol=0, atol=3e-13)
    everything = {"area_ranges": {"all": (0, float("inf"))}}
    expected = meanap.evaluate(scenes, found, **everything)["ap"]
    assert meanap.evaluate(truth, side, **everything)["ap"] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_numbers_keep_their_bits_wherever_the_format_can_hold_them(seed, tmp_path):
    rng = np.random.default_rng(seed)
    images = {
        f"img{number}": (int(height), int(width))
        for number, (height, width) in enumerate(rng.integers(1, 5000, (9, 2)))
    }
    ids = rng.choice(list(images), 300).tolist()
    sizes = np.array([images[id] for id in ids], dtype=float)[:, ::-1]
    corner = rng.random((300, 2)) * sizes * 0.7
    boxes = np.concatenate([corner, corner + rng.random((300, 2)) * sizes * 0.3], axis=1)
    boxes[::3] = np.round(boxes[::3]) + [0, 0, 1, 1]
    labels = rng.choice(["a cat", "dog", "<&>"], 300).tolist()
    truth = meanap.GroundTruth(ids, labels, boxes, images=images)
    found = meanap.Detections(ids, labels, rng.random(300), boxes)
    exact = {}
    for to in TARGETS:
        written = meanap.convert(truth, tmp_path / f"{to}-truth", to)
        results = meanap.convert(found, tmp_path / f"{to}-found", to, ground_truth=truth)
        read = readers.ground_truth(written, Options(sizes=images, image_records=True))
        side = readers.detections(results, Options(sizes=images, image_records=True), None, read)
        assert len(read) == len(side) == 300 and meanap.evaluate(read, side)["ap"] == 1
        order = np.lexsort(np.asarray(side.arrays["scores"])[None])
        mine = np.asarray(side.arrays["boxes"], dtype=float)[order]
        given = boxes[np.argsort(found.arrays["scores"])]
        if side.box_format == "xywh":
            given = np.concatenate([given[:, :2], given[:, 2:] - given[:, :2]], axis=1)
        assert np.asarray(side.arrays["scores"])[order].tolist() == sorted(found.arrays["scores"].tolist())
        exact[to] = (mine == given).all(axis=1).mean()
        assert np.allclose(mine, given, rtol=0, atol=2e-12)
    assert exact["coco"] == exact["voc"] == exact["parquet"] == 1
    # Two of a box's four numbers are differences of fractions.
    assert exact["yolo"] > 0.05


def test_polygons_and_poses_go_to_yolo_and_back(tmp_path):
    scenes = generate.dataset(10, 7, crowds=0)
    scenes["annotations"] = [a for a in scenes["annotations"] if len(a["segmentation"]) == 1]
    sizes = {f"{image['id']:012d}": (image["height"], image["width"]) for image in scenes["images"]}
    written = meanap.convert(scenes, tmp_path / "segm", "yolo", similarity="segm")
    masks = readers.ground_truth(written, Options("segm", sizes=sizes)).arrays["masks"]
    own = readers.ground_truth(scenes, Options("segm")).arrays["masks"]
    # A corner within rounding of the middle of a pixel may go to either side.
    drawn = [sorted(meanap.mask.area(shapes).tolist()) for shapes in (masks, own)]
    assert np.allclose(*drawn, rtol=0, atol=4) and len(masks) == len(own) > 20
    persons = generate.dataset(10, 7, kind="keypoints", crowds=0)
    written = meanap.convert(persons, tmp_path / "pose", "yolo", similarity="keypoints")
    poses = readers.ground_truth(written, Options("keypoints", sizes=sizes)).arrays["keypoints"]
    drawn = np.array([a["keypoints"] for a in persons["annotations"]], dtype=float).reshape(-1, 17, 3)
    assert np.allclose(np.sort(poses, axis=0), np.sort(drawn, axis=0), rtol=0, atol=3e-13)
    crowds = generate.dataset(10, 7, crowds=0.5)
    written = meanap.convert(crowds, tmp_path / "crowds", "yolo", similarity="segm")
    assert len(readers.ground_truth(written, Options("segm", sizes=sizes))) == sum(
        not a["iscrowd"] for a in crowds["annotations"]
    )


@pytest.mark.parametrize("form", ["list", "file", "lines"])
def test_polygons_of_detections_go_to_yolo_and_back(form, tmp_path):
    scenes = generate.dataset(10, 7, crowds=0)
    names = [{k: image[k] for k in ("id", "height", "width")} for image in scenes["images"]]
    scenes = {**scenes, "images": names}
    shapes = [a for a in scenes["annotations"] if len(a["segmentation"]) == 1]
    found = [
        {k: a[k] for k in ("image_id", "category_id", "segmentation")} | {"score": 0.25 + row / 1000}
        for row, a in enumerate(shapes)
    ]
    source = found
    if form != "list":
        source = tmp_path / "found.json"
        source.write_text(json.dumps(found) if form == "file" else "\n".join(map(json.dumps, found)))
    written = meanap.convert(source, tmp_path / "segm", "yolo", similarity="segm", ground_truth=scenes)
    sizes = {str(image["id"]): (image["height"], image["width"]) for image in names}
    truth = meanap.readers.GroundTruth([], [], np.zeros((0, 4)), images=sizes)
    again = readers.detections(written, Options("segm", sizes=sizes), truth=truth)
    drawn = [meanap.mask.area(meanap.mask.merge(meanap.mask.frPyObjects(a["segmentation"], *sizes[str(a["image_id"])])))
             for a in shapes]  # fmt: skip
    assert sorted(again.arrays["scores"]) == [record["score"] for record in found]
    assert np.allclose(sorted(meanap.mask.area(again.arrays["masks"])), sorted(drawn), rtol=0, atol=4)
    runs = [{**found[0], "segmentation": {"size": list(sizes[str(found[0]["image_id"])]), "counts": [307200]}}]
    with pytest.raises(meanap.InputError, match='detections: record 0: "segmentation" holds run lengths'):
        meanap.convert(runs, tmp_path / "x", "yolo", similarity="segm", ground_truth=scenes)


@pytest.mark.parametrize("library", ["pyarrow", "polars"])
def test_a_parquet_file_stays_as_it_is_until_the_new_one_is_written(library, tmp_path, monkeypatch, scenes):
    module = pytest.importorskip(library)
    if library == "polars":
        monkeypatch.setitem(sys.modules, "pyarrow", None)
    path = meanap.convert(scenes, tmp_path / "truth.parquet", "parquet")
    before = path.read_bytes()
    assert before[:4] == before[-4:] == b"PAR1"

    def fail(self, file=None, *_):
        (file if hasattr(file, "write") else self).write(b"PAR1")
        raise OSError(28, "No space left on device")

    if library == "polars":
        monkeypatch.setattr(module.DataFrame, "write_parquet", fail)
    else:
        monkeypatch.setattr(pytest.importorskip("pyarrow.parquet"), "write_table", lambda table, file: fail(None, file))
    with pytest.raises(OSError, match="truth.parquet"):
        meanap.convert(scenes, path, "parquet")
    assert path.read_bytes() == before and [file.name for file in tmp_path.iterdir()] == ["truth.parquet"]


def test_a_coco_data_set_is_written_as_it_is(tmp_path):
    scenes = generate.dataset(6, 2, crowds=0.3)
    written = meanap.convert(scenes, tmp_path / "truth.json", "coco")
    assert json.loads(written.read_text()) == {**scenes, "images": scenes["images"]}


def test_text_ids_become_numbers_that_every_tool_takes(tmp_path):
    truth = meanap.GroundTruth(
        ["b", "a"], ["dog", "cat"], [[1, 2, 3, 5], [0, 0, 1, 1]], images={"a": (9, 9), "b": (8, 7)}, crowd=[0, 1]
    )
    data = json.loads(meanap.convert(truth, tmp_path / "truth.json", "coco").read_text())
    assert [(image["id"], image["height"]) for image in data["images"]] == [(1, 9), (2, 8)]
    assert data["categories"] == [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]
    assert [(a["image_id"], a["category_id"], a["bbox"], a["area"], a["iscrowd"]) for a in data["annotations"]] == [
        (2, 2, [1, 2, 2, 3], 6, 0), (1, 1, [0, 0, 1, 1], 1, 1)
    ]  # fmt: skip
    named = meanap.GroundTruth(["0007"], ["dog"], [[1, 2, 3, 5]], images={"0007": (9, 9)})
    assert json.loads(meanap.convert(named, tmp_path / "named.json", "coco").read_text())["images"][0]["id"] == 7
    pycocotools = pytest.importorskip("pycocotools.coco")
    assert len(pycocotools.COCO(str(tmp_path / "truth.json")).anns) == 2


def test_what_a_format_cannot_hold_is_an_error(scenes, tmp_path):
    for arguments, told in [
        (("kitti", {}), "to: expected one of 'coco', 'yolo', 'voc', 'dota', 'parquet', found 'kitti'"),
        (("dota", {"similarity": "segm"}), "similarity: 'dota' holds boxes only, found 'segm'"),
        (("voc", {"similarity": "segm"}), "similarity: 'voc' holds boxes only, found 'segm'"),
    ]:
        with pytest.raises(meanap.InputError, match=told):
            meanap.convert(scenes, tmp_path / "x", arguments[0], **arguments[1])
    boxes = meanap.GroundTruth([1], [1], [[0, 0, 1, 1]])
    with pytest.raises(meanap.InputError, match="the size of image 1 is not known, which this format needs"):
        meanap.convert(boxes, tmp_path / "x", "yolo")
    runs = {
        **scenes,
        "annotations": [{**scenes["annotations"][0], "segmentation": {"size": [480, 640], "counts": [307200]}}],
    }
    with pytest.raises(meanap.InputError, match='record 0: "segmentation" holds run lengths, expected polygons'):
        meanap.convert(runs, tmp_path / "x", "yolo", similarity="segm")


def test_a_description_counts_objects_by_category_and_size():
    scenes = generate.dataset(40, 9, crowds=0.1)
    table = meanap.describe(scenes)
    annotations = scenes["annotations"]
    names = {category["id"]: category["name"] for category in scenes["categories"]}
    used = {annotation["image_id"] for annotation in annotations}
    assert table.title == f"40 images, {40 - len(used)} without objects"
    for row in table:
        own = [
            a for a in annotations
            if row["category"] in ("all", names[a["category_id"]])
        ]  # fmt: skip
        areas = [a["area"] for a in own]
        expected = {
            "images": len({a["image_id"] for a in own}),
            "objects": len(own),
            "crowds": sum(a["iscrowd"] for a in own),
            "small": sum(area < 1024 for area in areas),
            "medium": sum(1024 <= area < 9216 for area in areas),
            "large": sum(area >= 9216 for area in areas),
        }
        assert {name: row[name] for name in expected} == expected
        if own:
            assert row["width"] == np.median([a["bbox"][2] for a in own])
    assert len(table) == 1 + len(scenes["categories"])
    empty = meanap.describe({"images": [], "annotations": [], "categories": []})
    assert len(empty) == 1 and empty[0]["objects"] == 0 and np.isnan(empty[0]["width"])


def test_the_commands_convert_and_count(scenes, found, tmp_path, capsys):
    generate.write_dataset(tmp_path / "truth.json", scenes)
    (tmp_path / "found.json").write_text(json.dumps(found))
    assert main(["convert", str(tmp_path / "truth.json"), str(tmp_path / "voc"), "--to", "voc"]) == 0
    out = tmp_path / "results"
    arguments = [
        "convert",
        str(tmp_path / "found.json"),
        str(out),
        "--to",
        "voc",
        "--ground-truth",
        str(tmp_path / "truth.json"),
    ]
    assert main(arguments) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'voc'}\n{out}\n"
    assert main(["eval", str(tmp_path / "voc"), str(out), "--protocol", "voc2012", "--quiet"]) == 0
    capsys.readouterr()
    assert main(["stats", str(tmp_path / "voc"), "--json", "-"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert value["rows"][0]["objects"] == len(scenes["annotations"]) and value["title"].startswith("25 images")
    assert main(["convert", str(tmp_path / "nothing"), str(out), "--to", "coco"]) == 1
    assert "nothing" in capsys.readouterr().err
