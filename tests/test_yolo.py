"""YOLO folders: boxes, polygons and poses in fractions, read as a naive reader reads them."""

import math
import random
from pathlib import Path

import numpy as np
import pytest

import meanap
from meanap import _core, generate, readers
from meanap.compat.pycocotools import mask
from meanap.readers import Options, Problems, _yaml
from meanap.writers._images import write_blank

KEYS = frozenset(("names", "path", "train", "val", "test", "kpt_shape"))


def naive_boxes(folder: Path, sizes: dict[str, tuple[int, int]], scored: bool) -> list[tuple]:
    """Image, class, x, y, width, height and score of each line, by the formula."""
    rows = []
    for path in sorted(folder.glob("*.txt")):
        height, width = sizes[path.stem]
        for line in path.read_text().splitlines():
            label, x, y, w, h, *score = map(float, line.split())
            box = ((x - w / 2) * width, (y - h / 2) * height, w * width, h * height)
            rows.append((path.stem, int(label), *box, *(score if scored else ())))
    return rows


def rows_of(side) -> list[tuple]:
    scores = [side.arrays["scores"].tolist()] if "scores" in side.arrays else []
    columns = zip(*side.arrays["boxes"].T.tolist(), *scores, strict=True)
    return [
        (image, label, *rest)
        for image, label, rest in zip(side.image_ids, side.category_ids.tolist(), columns, strict=True)
    ]


def collected(read, *arguments) -> list[str]:
    problems = Problems("collect")
    read(*arguments[:-1], arguments[-1], problems)
    return [f"{problem.code}: {problem.error()}" for problem in problems.found]


@pytest.fixture(scope="module")
def boxes(tmp_path_factory):
    return generate.write_format(tmp_path_factory.mktemp("yolo"), "yolo", images=30, seed=3)


def test_boxes_are_those_of_a_naive_reader_and_of_the_data_set_they_were_written_from(boxes):
    folder, predictions = boxes
    truth = readers.ground_truth(folder)
    found = readers.detections(predictions, None, None, truth)
    assert rows_of(truth) == naive_boxes(folder / "labels", truth.sizes, False)
    assert rows_of(found) == naive_boxes(predictions, truth.sizes, True)
    scenes = generate.dataset(30, 3, crowds=0)
    drawn = {f"{image['id']:012d}": (image["height"], image["width"]) for image in scenes["images"]}
    assert truth.sizes == drawn and sorted(drawn) == truth.images
    # Only where fractions stand close together are all bits of a pixel in them.
    by_place = sorted((f"{a['image_id']:012d}", *a["bbox"]) for a in scenes["annotations"])
    for (image, *box), (own, _, *other) in zip(
        by_place, sorted(rows_of(truth), key=lambda row: (row[0], *row[2:])), strict=True
    ):
        assert image == own and np.allclose(box, other, rtol=0, atol=2e-13)


def test_every_way_to_name_the_same_data_set_gives_the_same_result(boxes, tmp_path):
    folder, predictions = boxes
    whole = meanap.evaluate(folder / "data.yaml", predictions)
    coco = meanap.evaluate(
        generate.dataset(30, 3, crowds=0), generate.detections(generate.dataset(30, 3, crowds=0), per_image=20, seed=3)
    )
    assert 0 < whole["ap"] and whole["ap"] == pytest.approx(coco["ap"], abs=1e-9)
    assert [whole.scores.names[index] for index in range(3)] == [
        c["name"] for c in generate.dataset(30, 3)["categories"][:3]
    ]
    runs = tmp_path / "predict"
    (runs / "labels").mkdir(parents=True)
    for path in predictions.iterdir():
        (runs / "labels" / path.name).write_bytes(path.read_bytes())
    for truth, found in [(folder, runs), (folder / "labels", runs / "labels"), (str(folder), f"{predictions}/")]:
        assert dict(meanap.evaluate(truth, found)) == dict(whole)


def test_a_split_is_a_folder_a_list_of_files_or_several(tmp_path):
    for split in ("train", "valid"):
        for kind in ("images", "labels"):
            (tmp_path / split / kind).mkdir(parents=True)
        write_blank(tmp_path / split / "images" / f"{split}.png", 10, 20)
        (tmp_path / split / "labels" / f"{split}.txt").write_text("0 .5 .5 .5 .5\n")
    (tmp_path / "val.txt").write_text("./valid/images/valid.png\n\n")
    document = tmp_path / "data.yaml"
    for written, images in [
        ("train: train/images\nval: ../valid/images", ["valid"]),
        ("train: train/images", ["train"]),
        ("val: val.txt", ["valid"]),
        ("val:\n- train/images\n- valid/images", ["train", "valid"]),
        ("path: /not/there\nval: [valid/images]", ["valid"]),
        (f"path: {tmp_path}\nval: valid/images", ["valid"]),
    ]:
        document.write_text(f"{written}\nnames: [cat]\n")
        truth = readers.ground_truth(document)
        assert (truth.images, truth.image_ids, truth.names) == (images, images, {0: "cat"}), written
        assert truth.sizes[images[0]] == (10, 20) and rows_of(truth)[0][2:] == (5.0, 2.5, 10.0, 5.0)
    document.write_text("names: [cat]\nval: nowhere\n")
    with pytest.raises(meanap.InputError, match="'nowhere' is not there"):
        readers.ground_truth(document)


def test_sizes_and_images_come_from_elsewhere(tmp_path):
    labels = tmp_path / "annotations"
    labels.mkdir()
    (labels / "a.txt").write_text("1 .5 .5 .5 .5\n")
    (labels / "classes.txt").write_text("cat\ndog\n\n")
    with pytest.raises(meanap.InputError, match=r"a\.txt: the size of its image is not known"):
        readers.ground_truth(labels)
    by_size = readers.ground_truth(labels, Options(sizes={"a": (10, 20), "b": (1, 1)}))
    (tmp_path / "photos").mkdir()
    write_blank(tmp_path / "photos" / "a.png", 10, 20)
    write_blank(tmp_path / "photos" / "empty.png", 3, 4)
    by_image = readers.ground_truth(labels, Options(images=tmp_path / "photos"))
    listed = readers.ground_truth(labels, Options(images=[tmp_path / "photos" / "a.png"]))
    mapped = readers.ground_truth(labels, Options(images={"a": tmp_path / "photos" / "a.png"}, names=["x", "y"]))
    assert (
        rows_of(by_size) == rows_of(by_image) == rows_of(listed) == rows_of(mapped) == [("a", 1, 5.0, 2.5, 10.0, 5.0)]
    )
    assert by_image.sizes == {"a": (10, 20), "empty": (3, 4)} and by_size.images == ["a"]
    assert by_size.names == {0: "cat", 1: "dog"} and mapped.names == {0: "x", 1: "y"}


def test_sizes_are_those_that_a_library_of_images_shows(tmp_path):
    image = pytest.importorskip("PIL.Image")
    labels = tmp_path / "labels"
    (tmp_path / "images").mkdir()
    labels.mkdir()
    (labels / "png-L.txt").write_text("")
    expected = {}
    for ending in ("bmp", "gif", "jpg", "png", "tif", "webp"):
        for mode in ("L", "RGB"):
            name = f"{ending}-{mode}"
            image.new(mode, (37, 23)).save(tmp_path / "images" / f"{name}.{ending}")
            expected[name] = (23, 37)
    image.new("RGB", (37, 23)).save(tmp_path / "images" / "lossless.webp", lossless=True)
    image.new("RGBA", (37, 23)).save(tmp_path / "images" / "alpha.webp", exif=image.Exif())
    expected |= {"lossless": (23, 37), "alpha": (23, 37)}
    for orientation in range(1, 9):
        exif = image.Exif()
        exif[274] = orientation
        path = tmp_path / "images" / f"turned{orientation}.JPG"
        image.new("RGB", (37, 23)).save(path, "jpeg", exif=exif, progressive=orientation % 2 == 0)
        shown = pytest.importorskip("PIL.ImageOps").exif_transpose(image.open(path))
        expected[path.stem] = shown.size[::-1]
    assert {(23, 37), (37, 23)} == set(expected.values())
    assert readers.ground_truth(labels).sizes == expected


def test_an_image_without_objects_has_an_empty_file_or_none(tmp_path):
    for name in ("a", "b", "c"):
        (tmp_path / "images").mkdir(exist_ok=True)
        write_blank(tmp_path / "images" / f"{name}.png", 10, 10)
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.txt").write_text("0 .5 .5 1 1\n")
    (tmp_path / "labels" / "b.txt").write_text("\n")
    (tmp_path / "out").mkdir()
    for name, score in (("a", 0.5), ("b", 0.9), ("c", 0.8)):
        (tmp_path / "out" / f"{name}.txt").write_text(f"0 .5 .5 1 1 {score}\n")
    result = meanap.evaluate(tmp_path, tmp_path / "out")
    assert readers.ground_truth(tmp_path).images == ["a", "b", "c"]
    # Both detections in empty images are false positives above the true one.
    assert result["ap"] == pytest.approx(1 / 3)


def test_polygons_are_drawn_as_pycocotools_draws_them(tmp_path):
    folder, predictions = generate.write_format(tmp_path, "yolo-segm", images=10, seed=1)
    options = Options("segm")
    truth = readers.ground_truth(folder, options)
    found = readers.detections(predictions, options, None, truth)
    row = 0
    for path in sorted((folder / "labels").glob("*.txt")):
        height, width = truth.sizes[path.stem]
        for line in path.read_text().splitlines():
            points = np.array([float(word) for word in line.split()[1:]]).reshape(-1, 2) * [width, height]
            assert truth.arrays["masks"][row] == mask.frPyObjects([points.ravel().tolist()], height, width)[0]
            row += 1
    assert row == len(truth) > 50 and len(found) == 200
    assert meanap.evaluate(folder, predictions, similarity="segm")["ap"] > 0.05
    # Boxes of the same files are those around the corners.
    around = readers.ground_truth(folder).arrays["boxes"][0].tolist()
    first = next(path for path in sorted((folder / "labels").glob("*.txt")) if path.stat().st_size)
    points = np.array(first.read_text().split("\n")[0].split()[1:], dtype=float).reshape(-1, 2)
    size = np.array(truth.sizes[first.stem][::-1])
    assert around == [*(points.min(0) * size), *((points.max(0) - points.min(0)) * size)]


def test_poses_have_two_or_three_numbers_for_each_keypoint(tmp_path):
    folder, predictions = generate.write_format(tmp_path / "made", "yolo-pose", images=20, seed=2, per_image=4)
    truth = readers.ground_truth(folder, Options("keypoints"))
    scenes = generate.dataset(20, 2, kind="keypoints", crowds=0)
    result = meanap.evaluate(folder, predictions, similarity="keypoints")
    assert 0 < result["ap"] < 1
    flat = np.sort(truth.arrays["keypoints"].reshape(len(truth), -1), axis=0)
    drawn = np.sort(np.array([a["keypoints"] for a in scenes["annotations"]], dtype=float), axis=0)
    assert np.allclose(flat, drawn, rtol=0, atol=2e-13)
    assert len(readers.ground_truth(folder)) == len(truth)

    flat = tmp_path / "flat"
    flat.mkdir()
    (flat / "a.txt").write_text("0 .5 .5 1 1 .25 .5 0 0\n")
    for document in ("", "kpt_shape: [2, 2]\n"):
        (flat / "data.yaml").write_text(f"{document}names: [person]\n") if document else None
        read = readers.ground_truth(_labels(flat), Options("keypoints", sizes={"a": (10, 20)}))
        assert read.arrays["keypoints"].tolist() == [[[5.0, 5.0, 2.0], [0.0, 0.0, 0.0]]]


def _labels(folder: Path) -> Path:
    """The labels in a folder of their own, so that a data.yaml above them does not say where images are."""
    inner = folder / "labels"
    inner.mkdir(exist_ok=True)
    for path in folder.glob("*.txt"):
        (inner / path.name).write_bytes(path.read_bytes())
    return inner


FAULTS = {
    "0 .5 .5 .1": "wrong-length: PATH: line 2 has 4 numbers, expected 5: class x_center y_center width height",
    "0 .5 .5 .1 .1 .9": "wrong-length: PATH: line 2 has 6 numbers, expected 5: class x_center y_center width height",
    "cat .5 .5 .1 .1": 'malformed-id: PATH: line 2: "class" is "cat", expected the index of a class, from 0',
    "0 .5 x .1 .1": 'not-a-number: PATH: line 2: "number 2" is "x", expected a number',
    "0 320 .5 .1 .1": 'not-a-fraction: PATH: line 2: "x_center" is 320, expected a fraction of the image, from 0 to 1',
    "0 .5 .5 .1 -.01": 'malformed-box: PATH: line 2: "height" is -0.01, expected a fraction of the image, from 0 to 1',
    "9 .5 .5 .1 .1": 'unknown-category: PATH: line 2: "class" is 9, expected one of the 2 classes that have names',
}  # fmt: skip


@pytest.mark.parametrize("line", FAULTS)
def test_a_line_that_cannot_be_used_is_named(tmp_path, line):
    path = tmp_path / "labels" / "a.txt"
    path.parent.mkdir()
    path.write_text(f"1 .5 .5 .1 .1\n{line}\n\n0 .5 .5 .2 .2\n")
    told = FAULTS[line].replace("PATH", str(path))
    options = Options(names=["cat", "dog"], sizes={"a": (10, 10)})
    assert collected(readers.ground_truth, path.parent, options) == [told]
    with pytest.raises(meanap.InputError) as raised:
        readers.ground_truth(path.parent, options)
    error = raised.value
    assert f"{error.code}: {error}" == told
    assert (error.source, error.record, error.unit) == (str(path), 2, "line")
    problems = Problems("skip")
    truth = readers.ground_truth(path.parent, options, problems)
    assert truth.category_ids.tolist() == [1, 0] and sum(problems.left_out.values()) == 1


def test_faults_of_detections_are_named(boxes, tmp_path):
    folder, _ = boxes
    truth = readers.ground_truth(folder)
    (tmp_path / "stranger.txt").write_text("0 .5 .5 .1 .1 .5\n")
    (tmp_path / f"{truth.images[0]}.txt").write_text("0 .5 .5 .1 .1\n0 .5 .5 .1 .1 1.5\n99 .5 .5 .1 .1 1\n")

    def read(source, options, problems):
        return readers.detections(source, options, problems, truth)

    first = tmp_path / f"{truth.images[0]}.txt"
    assert collected(read, tmp_path, None) == [
        f"unknown-image: {tmp_path / 'stranger.txt'}: there is no such image in the ground truth",
        f"wrong-length: {first}: line 1 has 5 numbers, expected 6: class x_center y_center width height confidence",
        f'bad-score: {first}: line 2: "confidence" is 1.5, expected a number from 0 to 1',
        f'unknown-category: {first}: line 3: "class" is 99, expected one of the 80 classes that have names',
    ]


def test_a_confidence_behind_the_class_is_read_by_name_and_noticed(boxes, tmp_path):
    folder, predictions = boxes
    truth = readers.ground_truth(folder)
    for path in predictions.iterdir():
        lines = [line.split() for line in path.read_text().splitlines()]
        (tmp_path / path.name).write_text("".join(f"{' '.join([a, f, b, c, d, e])}\n" for a, b, c, d, e, f in lines))
    last = readers.detections(predictions, None, None, truth)
    second = readers.detections(tmp_path, Options(format="darknet"), None, truth)
    assert rows_of(second) == rows_of(last)
    with pytest.warns(UserWarning, match="format='darknet' reads the confidence behind the class"):
        readers.detections(tmp_path, None, None, truth)
    assert collected(lambda *a: readers.detections(*a, truth), predictions, None) == []


def test_oriented_boxes_are_evaluated_upright_with_a_warning(tmp_path):
    (tmp_path / "a.txt").write_text("0 .1 .2 .3 .1 .4 .3 .2 .4\n")
    with pytest.warns(UserWarning, match="oriented boxes.*similarity='rotated' compares them"):
        truth = readers.ground_truth(tmp_path, Options(sizes={"a": (10, 10)}))
    assert np.allclose(truth.arrays["boxes"], [[1, 1, 3, 3]])
    truth = readers.ground_truth(tmp_path, Options("rotated", sizes={"a": (10, 10)}))
    assert np.allclose(truth.arrays["boxes"], [[1, 2, 3, 1, 4, 3, 2, 4]])


def test_detections_of_a_coco_file_are_found_by_the_names_of_images_and_classes(boxes, tmp_path):
    folder, predictions = boxes
    scenes = generate.dataset(30, 3, crowds=0)
    ids = {category["id"]: at for at, category in enumerate(scenes["categories"])}
    assert any(id != at for id, at in ids.items())
    expected = meanap.evaluate(folder, predictions)["ap"]
    assert meanap.evaluate(scenes, predictions)["ap"] == pytest.approx(expected, abs=1e-9)
    generate.write_dataset(tmp_path / "truth.json", scenes)
    assert meanap.evaluate(tmp_path / "truth.json", predictions)["ap"] == pytest.approx(expected, abs=1e-9)
    for image in scenes["images"]:
        image["file_name"] = f"folder/photo-{image['id']}.jpg"
    for path in predictions.iterdir():
        (tmp_path / "labels").mkdir(exist_ok=True)
        (tmp_path / "labels" / f"photo-{int(path.stem)}.txt").write_bytes(path.read_bytes())
    (tmp_path / "labels" / "classes.txt").write_text("".join(f"{c['name']}\n" for c in scenes["categories"]))
    generate.write_dataset(tmp_path / "truth.json", scenes)
    assert meanap.evaluate(tmp_path / "truth.json", tmp_path / "labels")["ap"] == pytest.approx(expected, abs=1e-9)


def test_results_as_json_have_the_numbers_that_files_are_called(boxes, tmp_path):
    """Ultralytics' ``save_json=True``: the image id is the number in the name of the file."""
    folder, predictions = boxes
    truth = readers.ground_truth(folder)
    rows = rows_of(readers.detections(predictions, None, None, truth))
    found = [{"image_id": int(i), "category_id": c, "bbox": box, "score": s} for i, c, *box, s in rows]
    expected = dict(meanap.evaluate(folder, predictions))
    generate.write_dataset(tmp_path / "found.json", found)
    array = np.array([(d["image_id"], *d["bbox"], d["score"], d["category_id"]) for d in found])
    for source in (found, tmp_path / "found.json", array):
        assert dict(meanap.evaluate(folder, source)) == expected
    found[3]["image_id"] = 10**9
    with pytest.raises(meanap.InputError, match="image_id.* is 1000000000, which is not in the ground truth"):
        meanap.evaluate(folder, found)


def test_what_is_no_yolo_folder_is_not_recognised(tmp_path):
    reader = readers.reader_of(tmp_path, "ground_truth", "yolo")
    for text in (
        "imagesource:GoogleEarth\n1 2 3 4 5 6 7 8 plane 0\n",
        "Car 0 0 0 1 2 3 4\n",
        "000012 0.9 10 20 30 40\n",
    ):
        (tmp_path / "a.txt").write_text(text)
        assert not reader.sniff(tmp_path, "ground_truth"), text
    (tmp_path / "a.txt").write_text("\n7 .5 .5 .1 .1\n")
    assert reader.sniff(tmp_path, "ground_truth") and not reader.sniff(tmp_path / "a.txt", "ground_truth")
    assert not reader.sniff(tmp_path / "nowhere", "ground_truth") and not reader.sniff("a\0b", "ground_truth")


def test_links_between_folders_are_followed_once(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.txt").write_text("0 .5 .5 1 1\n")
        try:
            (tmp_path / name / "up").symlink_to(tmp_path, target_is_directory=True)
        except OSError:
            pytest.skip("no links here")
    truth = readers.ground_truth(tmp_path, Options(sizes={"a": (1, 1), "b": (2, 2)}))
    assert truth.images == ["a", "b"]


def test_lines_of_random_numbers_are_read_as_python_reads_them(tmp_path):
    random.seed(5)
    lines = []
    for _ in range(3000):
        width, height = random.random(), random.random() * 10.0 ** -random.randrange(12)
        x, y = random.random(), random.choice([random.random(), round(random.random(), 3), 1, 0.1, 1e-7])
        form = random.choice(["{!r}", "{:.6g}", "{:.18f}", "{:e}", "{:.3f}"])
        numbers = [form.format(float(number)) for number in (x, y, width, height)]
        lines.append(f"{random.randrange(90)} {' '.join(numbers)}")
    (tmp_path / "a.txt").write_text("\n".join(lines))
    truth = readers.ground_truth(tmp_path, Options(sizes={"a": (333, 777)}))
    assert rows_of(truth) == naive_boxes(tmp_path, {"a": (333, 777)}, False)
    assert all(math.isfinite(number) for row in rows_of(truth) for number in row[2:])


def test_damaged_headers_and_lines_are_read_or_named(tmp_path):
    image = pytest.importorskip("PIL.Image")
    rng = random.Random(8)
    exif = image.Exif()
    exif[274] = 6
    whole = []
    for ending in ("bmp", "gif", "jpg", "png", "tif", "webp"):
        path = tmp_path / f"whole.{ending}"
        image.new("RGB", (37, 23)).save(path, **({"exif": exif} if ending == "jpg" else {}))
        whole.append(path.read_bytes())
    paths = []
    for number in range(3000):
        data = bytearray(rng.choice(whole)[: rng.choice([10, 30, 200, 5000])])
        for _ in range(rng.randrange(4)):
            data[rng.randrange(len(data))] = rng.choice([0, 1, 127, 128, 255, rng.randrange(256)])
        paths.append(tmp_path / f"{number}.png")
        paths[-1].write_bytes(data)
    sizes, faults = _core.image_sizes(paths)
    without = {
        file for file, code, error in faults if code == "unreadable-image" and isinstance(error, meanap.InputError)
    }
    assert without == set(np.flatnonzero(sizes[:, 0] == 0)) and 100 < len(without) < 2900
    assert ((sizes > 0).all(axis=1) | (sizes == 0).all(axis=1)).all()

    words = [
        b"0",
        b"1",
        b"0.5",
        b".1",
        b"1e-3",
        b"-0",
        b"nan",
        b"1e999",
        b"\xff",
        b"x",
        b"1.",
        b"\xe2\x82\xac",
        b"7" * 400,
    ]
    lines = [
        b" ".join(rng.choices(words, [9, 9, 30, 30, 9, 3, 1, 1, 1, 1, 3, 1, 1], k=rng.randrange(1, 14)))
        for _ in range(4000)
    ]
    path = tmp_path / "lines.txt"
    path.write_bytes(b"\n".join(lines))
    for similarity, keypoints in (("bbox", None), ("segm", None), ("keypoints", (2, 3)), ("keypoints", (2**63, 3))):
        for confidence in (None, "last", "second"):
            found = _core.read_yolo([path], np.array([[480, 640]]), similarity, confidence, keypoints)
            named = [error.record for _, _, error in found["faults"]]
            assert sorted([*named, *found["line"].tolist()]) == list(range(1, 4001))
            assert len(found["boxes"]) == len(found["class"]) == len(found["line"]) and found["left_out"] == len(named)
            assert np.isfinite(found["boxes"]).all() and np.isfinite(found["points"]).all()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("names: [a, 'b, c', \"d\"]  # three", ["a", "b, c", "d"]),
        ("names:\n  0: a\n  1: 'it''s'\n  # no\n  2: \"x: #1\"\n", {"0": "a", "1": "it's", "2": "x: #1"}),
        ("names: {0: a b, 1: 'c, d', \"2\": e}", {"0": "a b", "1": "c, d", "2": "e"}),
        ("names: ['a',\n  'b', # e\n'c']\nval: x", ["a", "b", "c"]),
        ("names:\n- a\n- b c\nval: x", ["a", "b c"]),
        ("download: |\n  names: no\nnames: yes\nroboflow:\n  names: no\n", "yes"),
        ("names:\nval: x", None),
    ],
)
def test_the_names_of_a_data_yaml(text, expected):
    assert _yaml.parse(text, KEYS, "data.yaml")["names"] == expected


@pytest.mark.parametrize(
    "text",
    [
        "names: [a, [b]]",
        "names: {a}",
        "names:\n  0:\n    x: 1",
        "names: [a",
        "names: *x",
        "names: [a,,b]",
        "names: 'a",
        "names: a\nnames: b",
    ],
)
def test_a_data_yaml_that_is_not_understood_is_an_error_with_its_line(text):
    with pytest.raises(meanap.InputError, match=r'data\.yaml: line \d: "names"'):
        _yaml.parse(text, KEYS, "data.yaml")
