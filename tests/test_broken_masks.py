"""Masks that cannot be read are the same for `evaluate` and `check`; and files in folders of label maps."""

import json
import unicodedata

import numpy as np
import pytest

import meanap
from meanap.segmentation import SemanticSegmentation

HEIGHT, WIDTH = 40, 50
TRUTH = {
    "images": [{"id": 1, "height": HEIGHT, "width": WIDTH}],
    "categories": [{"id": 1, "name": "cat"}],
    "annotations": [
        {
            "id": 1,
            "image_id": 1,
            "category_id": 1,
            "segmentation": [[1, 1, 9, 1, 9, 9]],
            "bbox": [1, 1, 8, 8],
            "area": 30,
            "iscrowd": 0,
        }
    ],
}
FOUND = [{"image_id": 1, "category_id": 1, "segmentation": [[1, 1, 9, 1, 9, 9]], "score": 0.5}]
BROKEN = {
    "nothing": {},
    "no polygons": [],
    "an empty polygon": [[]],
    "fractions of pixels": {"size": [HEIGHT, WIDTH], "counts": [0.5, HEIGHT * WIDTH - 0.5]},
    "numbers with a point": {"size": [HEIGHT, WIDTH], "counts": [1.0, HEIGHT * WIDTH - 1.0]},
    "a size with a point": {"size": [float(HEIGHT), float(WIDTH)], "counts": [HEIGHT * WIDTH]},
    "too few pixels": {"size": [HEIGHT, WIDTH], "counts": [5]},
    "far away": [[0, 0, 1e300, 0, 1e300, 1e300]],
    "not a number": [[0, 0, float("nan"), 0, 9, 9]],
}


def with_mask(side, mask):
    if side == "detections":
        return TRUTH, [{**FOUND[0], "segmentation": mask}]
    return {**TRUTH, "annotations": [{**TRUTH["annotations"][0], "segmentation": mask}]}, FOUND


@pytest.mark.parametrize("similarity", ["segm", "boundary", "polygon"])
@pytest.mark.parametrize("side", ["ground_truth", "detections"])
@pytest.mark.parametrize("mask", BROKEN)
def test_a_broken_mask_is_one_at_every_entry(mask, side, similarity, tmp_path):
    truth, found = with_mask(side, BROKEN[mask])
    with pytest.raises(meanap.InputError, match=f'{side}: record 0: "segmentation"') as caught:
        meanap.evaluate(truth, found, similarity)
    assert caught.value.code == "broken-mask" and len(str(caught.value)) < 300
    paths = [tmp_path / "truth.json", tmp_path / "found.json"]
    for path, content in zip(paths, (truth, found), strict=True):
        path.write_text(json.dumps(content))
    with pytest.raises(meanap.InputError) as of_files:
        meanap.evaluate(*paths, similarity)
    assert str(of_files.value) == str(caught.value)
    for sources in ((truth, found), paths):
        findings = [f for f in meanap.check(*sources, similarity) if f["code"] == "broken-mask"]
        assert [f["level"] for f in findings] == ["error"]
    with pytest.warns(UserWarning, match="1 left out"):
        assert meanap.evaluate(truth, found, similarity, on_error="skip")["ap"] != 1


def test_an_empty_segmentation_of_a_data_set_of_boxes_is_none():
    truth = {**TRUTH, "annotations": [{**TRUTH["annotations"][0], "segmentation": []}]}
    boxes = [{"image_id": 1, "category_id": 1, "bbox": [1, 1, 8, 8], "score": 0.5}]
    assert "broken-mask" not in [f["code"] for f in meanap.check(truth, boxes, "bbox")]
    assert meanap.evaluate(truth, boxes).ap50 > 0.99


def test_folders_of_label_maps_hold_the_same_files_on_any_system(tmp_path):
    image = pytest.importorskip("PIL.Image")
    rng = np.random.default_rng(0)
    maps = {"x": rng.integers(0, 2, (9, 8)), "é": rng.integers(0, 2, (9, 8))}
    names = {"x": ("x.PNG", "x.png"), "é": ("é.png", unicodedata.normalize("NFD", "é.png"))}
    expected = SemanticSegmentation(2)
    for folder in ("truth/a", "found/a", "truth/a/.ipynb_checkpoints"):
        (tmp_path / folder).mkdir(parents=True)
    for key, labels in maps.items():
        expected.update(1 - labels, labels)
        for folder, name, drawn in zip(("truth", "found"), names[key], (labels, 1 - labels), strict=True):
            image.fromarray(drawn.astype(np.uint8)).save(tmp_path / folder / "a" / name, "PNG")
    (tmp_path / "truth" / "a" / "._x.png").write_bytes(b"\x00\x05\x16\x07")
    (tmp_path / "truth" / "a" / ".ipynb_checkpoints" / "x-checkpoint.png").write_bytes(b"")
    metric = SemanticSegmentation(2)
    metric.update(tmp_path / "found", tmp_path / "truth")
    assert (metric.compute().confusion_matrix == expected.compute().confusion_matrix).all()
    (tmp_path / "truth" / "a" / "x.png").write_bytes((tmp_path / "found" / "a" / "x.png").read_bytes())
    with pytest.raises(meanap.InputError, match="have the same name"):
        metric.update(tmp_path / "found", tmp_path / "truth")


@pytest.mark.parametrize("similarity", ["segm", "boundary", "polygon"])
def test_a_polygon_far_away_names_its_object(similarity, tmp_path):
    folder = tmp_path / "labelme"
    folder.mkdir()
    far, near = [[0, 0], [1e300, 0], [1e300, 1e300]], [[1, 1], [9, 1], [9, 9]]
    shapes = [{"label": "cat", "points": points, "shape_type": "polygon"} for points in (near, far)]
    (folder / "a.json").write_text(json.dumps({"shapes": shapes, "imageHeight": HEIGHT, "imageWidth": WIDTH}))
    points = [";".join(f"{x},{y}" for x, y in points) for points in (near, far)]
    shapes = "".join(f'<polygon label="cat" points="{text}"/>' for text in points)
    image = f'<image id="0" name="a.jpg" width="{WIDTH}" height="{HEIGHT}">{shapes}</image>'
    (tmp_path / "cvat.xml").write_text(f"<annotations>{image}</annotations>")
    found = [{"file_name": "a.jpg", "category": "cat", "segmentation": [[1, 1, 9, 1, 9, 9]], "score": 0.5}]
    for truth, place in ((folder, "a.json"), (tmp_path / "cvat.xml", "cvat.xml")):
        with pytest.raises(meanap.InputError, match=f'{place}: object 1: "points"') as caught:
            meanap.evaluate(truth, found, similarity)
        assert caught.value.code == "broken-mask" and len(str(caught.value)) < 400
        with pytest.warns(UserWarning, match="1 left out"):
            assert meanap.evaluate(truth, found, similarity, on_error="skip").ap50 > 0.99
