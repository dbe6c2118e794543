"""Cityscapes' instances: AP of its scripts by every entry, and the files that they read."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

import meanap
from meanap import _rle, readers
from meanap.cli import main
from meanap.errors import InputError

sys.path.insert(0, str(Path(__file__).parent / "stored"))
import ask_cityscapes  # noqa: E402

STORED = json.loads((Path(__file__).parent / "stored" / "cityscapes.json").read_text())


def check(result):
    expected = STORED["numbers"]
    assert [result.ap, result.ap50] == pytest.approx([expected["ap"], expected["ap50"]], abs=1e-14)
    of_classes = {row["name"]: [row["ap"], row["ap50"]] for row in result.per_class if not np.isnan(row["ap"])}
    assert of_classes.keys() == STORED["classes"].keys()
    for name, values in of_classes.items():
        assert values == pytest.approx(STORED["classes"][name], abs=1e-14)


@pytest.fixture
def folders(tmp_path):
    return ask_cityscapes.write(tmp_path, STORED["images"])


def test_the_numbers_of_the_scripts(folders):
    result = meanap.evaluate(*folders, "segm", "cityscapes")
    check(result)
    assert result.names[33] == "bicycle" and STORED["classes"]["bicycle"] == [0.0, 0.0]
    interval = result.interval("ap", resamples=30)
    assert interval.low <= interval.value <= interval.high


def test_regions_to_ignore_have_void_pixels_groups_and_small_objects(folders):
    truth = readers.ground_truth(folders[0], readers.Options(similarity="segm"))
    first = ask_cityscapes.unpacked(STORED["images"][0]["labels"], np.uint16)
    image = STORED["images"][0]["image"]
    rows = [row for row, id in enumerate(truth.image_ids) if id == image]
    for category in (24, 26):
        (region,) = (
            truth.arrays["masks"][row]
            for row in rows
            if truth.category_ids[row] == category and truth.arrays["iscrowd"][row]
        )
        small = [
            id
            for id, count in zip(*np.unique(first, return_counts=True), strict=True)
            if id // 1000 == category and count < 100
        ]
        assert np.array_equal(_rle.decode(region), np.isin(first, [4, category, *small]))


def test_other_entries(folders, tmp_path, capsys):
    options = readers.Options(similarity="segm")
    truth = readers.ground_truth(folders[0], options)
    found = readers.detections(folders[1], options, truth=truth)
    data, records = readers.dataset_of(truth), readers.records_of(found)
    check(meanap.evaluate(truth, found, "segm", "cityscapes"))
    for side in (data["annotations"], records):
        for record in side:
            counts = record["segmentation"]["counts"]
            record["segmentation"]["counts"] = counts.decode() if isinstance(counts, bytes) else counts
    check(meanap.evaluate(data, records, "segm", "cityscapes"))
    paths = tmp_path / "truth.json", tmp_path / "found.json"
    for path, value in zip(paths, (data, records), strict=True):
        path.write_text(json.dumps(value))
    check(meanap.evaluate(*paths, "segm", "cityscapes"))
    asked = [*map(str, folders), "--protocol", "cityscapes", "--similarity", "segm"]
    assert main(["eval", *asked, "--json", str(tmp_path / "out.json")]) == 0
    stats = json.loads((tmp_path / "out.json").read_text())["stats"]
    assert stats["ap"] == pytest.approx(STORED["numbers"]["ap"], abs=1e-14)
    assert main(["report", *asked, "-o", str(tmp_path / "report.html")]) == 0
    assert main(["check", *map(str, folders), "--similarity", "segm"]) in (0, 1)
    assert "cityscapes" not in capsys.readouterr().err
    metric = meanap.MeanAveragePrecision("segm", protocol="cityscapes")
    for image in truth.images:
        own = np.array(truth.image_ids) == image
        rows = np.array(found.image_ids) == image

        def masks(side, rows):
            return np.array([_rle.decode(side.arrays["masks"][row]) for row in np.flatnonzero(rows)], dtype=bool)

        preds = {"masks": masks(found, rows), "labels": np.array(found.category_ids)[rows]}
        target = {"masks": masks(truth, own), "labels": np.array(truth.category_ids)[own]}
        metric.update(
            [{**preds, "scores": np.asarray(found.arrays["scores"])[rows]}],
            [{**target, "iscrowd": truth.arrays["iscrowd"][own]}],
        )
    assert metric.result().ap == pytest.approx(STORED["numbers"]["ap"], abs=1e-14)


def test_pixels_of_a_small_group_count_once(tmp_path):
    """DIFFERENCE: in the scripts they count twice, as those of a group and of a small object."""
    labels, masks = np.full(ask_cityscapes.SHAPE, 7, dtype=np.uint16), np.zeros((2, *ask_cityscapes.SHAPE), dtype=bool)
    labels[:20, :20], labels[40:45, 40:50] = 26001, 26
    masks[0, :20, :20] = masks[1, 40:50, 40:48] = True
    found = [[26, score, ask_cityscapes.packed(mask)] for score, mask in zip((0.5, 0.9), masks, strict=True)]
    image = {"image": "zurich_000000_000019", "labels": ask_cityscapes.packed(labels), "detections": found}
    result = meanap.evaluate(*ask_cityscapes.write(tmp_path, [image]), "segm", "cityscapes")
    # Half of the second mask is in the group, which is not more than half: a false positive, before the first one.
    assert result.precision_recall(26, 0.5).false_positives.tolist() == [1, 1]
    assert result.ap50 == pytest.approx(0.25)


def test_points_stand_at_scores():
    boxes = np.array([[0.0, 0, 10, 10], [20, 0, 30, 10]])
    truth = [{"boxes": boxes, "labels": [1, 1]}]
    found = [{"boxes": np.concatenate([boxes, boxes + 50]), "labels": [1] * 4, "scores": [0.9, 0.5, 0.5, 0.1]}]
    result = meanap.evaluate(truth, found, recall="cityscapes", thresholds=[0.5])
    # From (0, 1) to (1/2, 1), and to (1, 2/3).
    assert result.ap == pytest.approx(0.5 + 0.5 * (1 + 2 / 3) / 2)


@pytest.mark.parametrize(
    "line", ["masks/a.png 24", "/masks/a.png 24 0.5", "masks/a.png car 0.5", "masks/a.png 24 high"]
)
def test_lines_that_cannot_be_used(folders, line):
    path = sorted(folders[1].glob("*.txt"))[0]
    path.write_text(line + "\n" + path.read_text())
    with pytest.raises(
        InputError, match="line 1 is .*, expected the relative path of a mask, a class and a confidence"
    ):
        meanap.evaluate(*folders, "segm", "cityscapes", format="cityscapes")
    with pytest.warns(UserWarning, match="1"):
        check(meanap.evaluate(*folders, "segm", "cityscapes", format="cityscapes", on_error="skip"))


def test_sources_that_cannot_be_used(folders):
    with pytest.raises(InputError, match="has masks only, expected similarity 'segm', found 'bbox'"):
        meanap.evaluate(*folders, protocol="cityscapes")
    path = sorted(folders[1].glob("*.txt"))[0]
    shutil.copy(path, folders[1] / "munich_000000_000019.txt")
    with pytest.raises(InputError, match="there is no such image in the ground truth"):
        meanap.evaluate(*folders, "segm", "cityscapes")


@pytest.mark.parametrize(("pixels", "crowd"), [(100, False), (99, True)])
def test_an_object_has_a_hundred_pixels(tmp_path, pixels, crowd):
    labels = np.full(ask_cityscapes.SHAPE, 7, dtype=np.uint16)  # road, which is no void
    labels.reshape(-1)[:pixels] = 26000
    image = {"image": "zurich_000000_000000", "labels": ask_cityscapes.packed(labels), "detections": []}
    truth = readers.ground_truth(ask_cityscapes.write(tmp_path, [image])[0], readers.Options(similarity="segm"))
    counts = {True: 0, False: 0}
    for mask, flag, category in zip(truth.arrays["masks"], truth.arrays["iscrowd"], truth.category_ids, strict=True):
        if category == 26:
            counts[bool(flag)] += int(_rle.area(mask))
    assert counts[crowd] == pixels
