"""Semantic segmentation: counts against one-line twins, measures against the formulas and packages of the field."""

import pickle
import warnings

import numpy as np
import pytest

from meanap.segmentation import SemanticSegmentation

from . import pixel_data

INTEGERS = ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", ">i4"]


def naive_confusion(target, prediction, classes, ignore):
    keep = target != ignore
    flat = target[keep].astype(np.int64) * classes + prediction[keep]
    return np.bincount(flat, minlength=classes**2).reshape(classes, classes)


def counted(*pairs, classes, **settings):
    metric = SemanticSegmentation(classes, **settings)
    for target, prediction in pairs:
        metric.update(prediction, target)
    return metric


def pairs_of(seed, count=4, classes=7, **settings):
    rng = np.random.default_rng(seed)
    return [pixel_data.pair(rng, 40 + 7 * i, 61, classes, **settings) for i in range(count)]


@pytest.mark.parametrize("dtype", INTEGERS)
def test_counts_of_every_integer_type(dtype):
    ignore = 100
    (target, prediction), *_ = pairs_of(1, ignore=ignore)
    metric = counted((target.astype(dtype), prediction.astype(dtype)), classes=7, ignore_index=ignore)
    expected = naive_confusion(target, prediction, 7, ignore)
    np.testing.assert_array_equal(metric.confusion_matrix, expected)
    mixed = counted((target.astype(dtype), prediction.astype("u1")), classes=7, ignore_index=ignore)
    np.testing.assert_array_equal(mixed.confusion_matrix, expected)


@pytest.mark.parametrize("ignore", [-100, -1, 65535, None])
def test_ignored_labels_that_are_no_bytes(ignore):
    (target, prediction), *_ = pairs_of(2, ignore=ignore)
    metric = counted((target, prediction), classes=7, ignore_index=ignore)
    np.testing.assert_array_equal(
        metric.confusion_matrix, naive_confusion(target, prediction, 7, 10**6 if ignore is None else ignore)
    )


def test_many_classes_and_large_maps():
    rng = np.random.default_rng(3)
    target, prediction = (rng.integers(0, 1000, (700, 500)) for _ in range(2))
    metric = counted((target, prediction), classes=1000)
    expected = naive_confusion(target, prediction, 1000, 255)
    np.testing.assert_array_equal(metric.confusion_matrix, expected)


def test_strided_and_boolean_maps():
    rng = np.random.default_rng(4)
    target, prediction = rng.random((2, 30, 50)) < 0.5
    expected = naive_confusion(target.T, prediction.T, 2, 255)
    np.testing.assert_array_equal(counted((target.T, prediction.T), classes=2).confusion_matrix, expected)


def test_batches_merging_and_pickling_change_nothing():
    rng = np.random.default_rng(5)
    batch = [pixel_data.pair(rng, 32, 48, 5) for _ in range(6)]
    one_by_one = counted(*batch, classes=5, boundary=True)
    targets, predictions = (np.stack(side) for side in zip(*batch, strict=True))
    whole = counted((targets, predictions), classes=5, boundary=True)
    first = counted((targets[:2], predictions[:2]), classes=5, boundary=True)
    rest = counted((targets[2:], predictions[2:]), classes=5, boundary=True)
    first.merge(pickle.loads(pickle.dumps(rest)))
    for metric in (whole, first):
        assert metric.compute().to_dict() == one_by_one.compute().to_dict()
        assert metric.images == 6
    with pytest.raises(ValueError, match="merge: the metrics have different settings"):
        first.merge(SemanticSegmentation(5))


def test_reduce_zero_label_as_mmsegmentation_reduces_it():
    (target, prediction), *_ = pairs_of(6, ignore=None)
    reduced = target.astype(np.uint8)
    reduced[reduced == 0] = 255
    reduced = reduced - 1
    reduced[reduced == 254] = 255
    prediction = np.minimum(prediction, 5)
    ours = counted((target, prediction), classes=6, reduce_zero_label=True)
    np.testing.assert_array_equal(ours.confusion_matrix, naive_confusion(reduced, prediction, 6, 255))


@pytest.mark.parametrize("ignore", [255, 3])
def test_measures_are_those_of_mmsegmentation(ignore):
    """The formulas of its `IoUMetric`: areas of the pixels that are not ignored, over all images."""
    pairs = pairs_of(7, ignore=255)
    areas = np.zeros((3, 9))
    for target, prediction in pairs:
        # Two more classes: one that nothing has, one that is only predicted.
        prediction[0, :5] = 8
        if ignore == 3:
            target[target == 255] = 3
        keep = target != ignore
        t, p = target[keep], prediction[keep]
        areas += [np.bincount(side, minlength=9) for side in (t[t == p], t, p)]
    both, target, prediction = areas
    with np.errstate(invalid="ignore", divide="ignore"):
        iou, accuracy = both / (target + prediction - both), both / target
        precision, dice = both / prediction, 2 * both / (target + prediction)
    result = counted(*pairs, classes=9, ignore_index=ignore).compute()
    for name, expected in dict(iou=iou, accuracy=accuracy, precision=precision, dice=dice).items():
        np.testing.assert_array_equal(getattr(result, name), expected)
    assert result.pixel_accuracy == both.sum() / target.sum()
    assert result.mean_iou == np.nanmean(iou)
    assert result.mean_accuracy == np.nanmean(accuracy)
    assert result.mean_dice == np.nanmean(dice)
    expected = np.nansum(target / target.sum() * iou)
    assert result.frequency_weighted_iou == pytest.approx(expected, rel=1e-15)
    np.testing.assert_array_equal(result.recall, accuracy)
    np.testing.assert_array_equal(result.f1, dice)


def test_a_prediction_of_the_ignored_label_is_a_miss():
    """As in mmsegmentation: the pixel counts in the target's area, in no prediction's."""
    result = counted((np.array([[0, 0, 1]]), np.array([[0, 255, 1]])), classes=2).compute()
    assert result.iou.tolist() == [0.5, 1.0]
    assert result.unclassified.tolist() == [1, 0]
    assert result.pixel_accuracy == 2 / 3


def test_measures_are_those_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    pairs = pairs_of(8, ignore=None)
    target, prediction = (np.concatenate([side.ravel() for side in sides]) for sides in zip(*pairs, strict=True))
    result = counted(*pairs, classes=7).compute()
    np.testing.assert_array_equal(
        result.confusion_matrix, metrics.confusion_matrix(target, prediction, labels=range(7))
    )
    options = dict(average=None, labels=list(range(7)))
    for ours, theirs in [
        (result.iou, metrics.jaccard_score),
        (result.f1, metrics.f1_score),
        (result.precision, metrics.precision_score),
        (result.recall, metrics.recall_score),
    ]:
        np.testing.assert_allclose(ours, theirs(target, prediction, **options), rtol=1e-15)
    assert result.pixel_accuracy == metrics.accuracy_score(target, prediction)


def test_measures_are_those_of_torchmetrics():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    classification = pytest.importorskip("torchmetrics.classification", reason="torchmetrics is not installed")
    segmentation = pytest.importorskip("torchmetrics.segmentation", reason="torchmetrics is not installed")
    pairs = pairs_of(9)
    jaccard = classification.MulticlassJaccardIndex(7, average="none", ignore_index=255)
    matrix = classification.MulticlassConfusionMatrix(7, ignore_index=255)
    for target, prediction in pairs:
        for theirs in (jaccard, matrix):
            theirs.update(torch.from_numpy(prediction), torch.from_numpy(target))
    result = counted(*pairs, classes=7).compute()
    np.testing.assert_array_equal(result.confusion_matrix, matrix.compute().numpy())
    np.testing.assert_allclose(result.iou, jaccard.compute().numpy(), rtol=1e-6)
    # MeanIoU averages over images: one at a time it must be the same.
    for target, prediction in pairs_of(10, ignore=None):
        theirs = segmentation.MeanIoU(7, input_format="index")
        theirs.update(torch.from_numpy(prediction)[None], torch.from_numpy(target)[None])
        ours = counted((target, prediction), classes=7).compute()
        assert ours.mean_iou == pytest.approx(float(theirs.compute()), rel=1e-6)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (2, 0, 3)])
def test_maps_without_a_pixel(shape):
    metric = SemanticSegmentation(3)
    metric.update(np.zeros(shape, int), np.zeros(shape, int))
    assert metric.images == (2 if len(shape) == 3 else 1)
    assert metric.compute().confusion_matrix.sum() == 0


def test_nothing_counted_is_nan_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for metric in (
            SemanticSegmentation(2),
            counted((np.full((3, 3), 255), np.zeros((3, 3), int)), classes=2),
            counted((np.zeros((0, 4, 4), int), np.zeros((0, 4, 4), int)), classes=2),
        ):
            result = metric.compute()
            assert np.isnan([result.mean_iou, result.pixel_accuracy, result.frequency_weighted_iou]).all()
            assert result.to_dict()["mean_iou"] is None
            assert "mean" in str(result)


# Scores


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_scores_count_as_their_argmax(dtype):
    rng = np.random.default_rng(11)
    scores = rng.standard_normal((3, 6, 90, 110)).astype(dtype)
    scores[:, 3] = scores[:, 1]
    target = rng.integers(0, 6, (3, 90, 110))
    expected = counted((target, scores.argmax(axis=1)), classes=6)
    np.testing.assert_array_equal(counted((target, scores), classes=6).confusion_matrix, expected.confusion_matrix)
    single = counted(*zip(target, scores, strict=True), classes=6)
    np.testing.assert_array_equal(single.confusion_matrix, expected.confusion_matrix)


def test_scores_that_cannot_be_used():
    target = np.zeros((4, 5), int)
    scores = np.zeros((2, 4, 5))
    with pytest.raises(ValueError, match=r"expected scores of shape \(1, 3, 4, 5\), found \(1, 2, 4, 5\)"):
        counted((target, scores), classes=3)
    scores[1, 2, 3] = np.nan
    with pytest.raises(ValueError, match="image 0: prediction: row 2, column 3: the score of class 1 is NaN"):
        counted((target, scores), classes=2)
    with pytest.raises(TypeError, match="preds: expected an array of integers, found float64"):
        counted((target, target.astype(float)), classes=2)


# Boundaries


def naive_boundary(mask, distance):
    """A mask minus its erosion, the image's edge being background: by shifting it everywhere within the distance."""
    h, w = mask.shape
    padded = np.pad(mask, distance)
    eroded = np.ones_like(mask)
    for dy in range(2 * distance + 1):
        for dx in range(2 * distance + 1):
            eroded &= padded[dy : dy + h, dx : dx + w]
    return mask & ~eroded


@pytest.mark.parametrize("ratio", [0.02, 0.05, 3.0])
def test_boundary_iou_is_that_of_one_mask_after_the_other(ratio):
    pairs = pairs_of(12, classes=4)
    areas = np.zeros((2, 4))
    for target, prediction in pairs:
        distance = max(1, round(ratio * np.hypot(*target.shape)))
        prediction = np.where(target == 255, 255, prediction)
        for k in range(4):
            t, p = (naive_boundary(side == k, min(distance, 70)) for side in (target, prediction))
            areas[:, k] += (t & p).sum(), (t | p).sum()
    result = counted(*pairs, classes=4, boundary=ratio).compute()
    np.testing.assert_array_equal(result.boundary_iou, areas[0] / areas[1])
    assert result.mean_boundary_iou == np.mean(areas[0] / areas[1])


def test_boundaries_are_counted_only_if_asked_for():
    assert SemanticSegmentation(2).compute().boundary_iou is None
    assert SemanticSegmentation(2, boundary=True).boundary == 0.02
    with pytest.raises(ValueError, match="boundary"):
        SemanticSegmentation(2, boundary=-1)


# Bad input


def test_the_first_bad_pixel_is_named():
    good = np.zeros((2, 4, 5), int)
    bad = good.copy()
    bad[1, 2, 3] = 7
    expected = "row 2, column 3: label 7; expected a class, 0 to 1, or 255 "
    with pytest.raises(ValueError, match="image 1: target: " + expected):
        counted((bad, good), classes=2)
    with pytest.raises(ValueError, match="image 1: prediction: " + expected):
        counted((good, bad), classes=2)
    bad[1, 2, 3] = -2
    with pytest.raises(ValueError, match="label -2; expected a class, 1 to 2, or 9 "):
        counted((bad, good), classes=2, ignore_index=9, reduce_zero_label=True)
    with pytest.raises(ValueError, match=r"target has shape \(2, 4, 5\), prediction \(4, 5\)"):
        counted((good, good[0]), classes=2)
    with pytest.raises(ValueError, match=r"target: expected label maps .*, found \(5,\)"):
        counted((good[0, 0], good[0, 0]), classes=2)
    with pytest.raises(TypeError, match="target: expected an array of integers, found float64"):
        counted((good.astype(float), good), classes=2)
    for classes in (0, 5000, []):
        with pytest.raises(ValueError, match="classes: expected 1 to 4096"):
            SemanticSegmentation(classes)
    for classes in (2.5, "road", None, True):
        with pytest.raises(TypeError, match="classes: expected their number or a sequence of names, found"):
            SemanticSegmentation(classes)
    with pytest.raises(TypeError, match="ignore_index: expected an integer, found 1.5"):
        SemanticSegmentation(2, ignore_index=1.5)
    with pytest.raises(ValueError, match="target: expected label maps or files, found an empty list"):
        counted(([], []), classes=2)
    with pytest.raises(TypeError, match="merge: expected a SemanticSegmentation, found an int"):
        SemanticSegmentation(2).merge(3)


def test_a_bad_pair_leaves_no_trace():
    good, bad = np.zeros((3, 4, 5), int), np.zeros((3, 4, 5), int)
    bad[1, 3, 4] = 9
    strict = SemanticSegmentation(2)
    with pytest.raises(ValueError):
        strict.update(bad, good)
    assert strict.confusion_matrix.sum() == 0 and strict.images == 0
    lenient = SemanticSegmentation(2, strict=False)
    lenient.update(bad, good)
    lenient.update(good[0, :2], good[0])
    lenient.update(good[0], good[0])
    assert lenient.confusion_matrix.tolist() == [[60, 0], [0, 0]]
    assert lenient.images == 3
    first, second = lenient.skipped
    assert first.startswith("image 1: prediction: row 3, column 4: label 9")
    assert second.startswith("image 3: target has shape (4, 5), prediction (2, 5)")
    assert "skipped 2" in str(lenient.compute())


# Files


def test_png_files_hold_what_was_written(tmp_path):
    from meanap.segmentation import read_labels, read_segment_ids

    rng = np.random.default_rng(13)
    for color in (pixel_data.GREY, pixel_data.PALETTE):
        for depth in (1, 2, 4, 8, 16):
            if color == pixel_data.PALETTE and depth == 16:
                continue
            for row_filter in range(5):
                for shape in ((1, 1), (5, 7), (16, 33)):
                    pixels = rng.integers(0, 2**depth, shape)
                    pixel_data.write_png(tmp_path / "x.png", pixels, color, depth, row_filter)
                    found = read_labels(tmp_path / "x.png")
                    assert found.dtype == (np.uint16 if depth == 16 else np.uint8)
                    np.testing.assert_array_equal(found, pixels)
    ids = rng.integers(0, 2**24, (9, 11))
    pixel_data.write_png(tmp_path / "x.png", pixel_data.segment_colors(ids), pixel_data.RGB, 8, 1)
    np.testing.assert_array_equal(read_segment_ids(tmp_path / "x.png"), ids)


def test_png_files_read_as_pillow_reads_them(tmp_path):
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    from meanap.segmentation import read_labels

    rng = np.random.default_rng(14)
    labels = pixel_data.label_map(rng, 60, 90, range(19)).astype(np.uint8)
    picture = image.fromarray(labels)
    picture.save(tmp_path / "grey.png")
    picture.putpalette(rng.integers(0, 256, 768).astype(np.uint8).tolist())
    picture.save(tmp_path / "palette.png", optimize=True)
    for name in ("grey.png", "palette.png"):
        np.testing.assert_array_equal(read_labels(tmp_path / name), np.asarray(image.open(tmp_path / name)))


@pytest.fixture
def folders(tmp_path):
    """Two folders of five pairs, one of them deeper, and the pairs."""
    rng = np.random.default_rng(15)
    pairs = [pixel_data.pair(rng, 30 + i, 40, 4) for i in range(5)]
    for i, (target, prediction) in enumerate(pairs):
        place = "deep/" if i == 4 else ""
        for side, pixels in (("gt", target), ("dt", prediction)):
            (tmp_path / side / place).mkdir(parents=True, exist_ok=True)
            color = pixel_data.PALETTE if side == "dt" else pixel_data.GREY
            pixel_data.write_png(tmp_path / side / place / f"{i}_{side}.png", pixels, color)
    return tmp_path / "gt", tmp_path / "dt", pairs


def test_files_count_as_arrays(folders):
    gt, dt, pairs = folders
    expected = counted(*pairs, classes=4, boundary=True).compute().to_dict()
    suffixes = dict(target_suffix="_gt.png", preds_suffix="_dt.png")
    metric = SemanticSegmentation(4, boundary=True)
    metric.update(dt, gt, **suffixes)
    assert metric.compute().to_dict() == expected
    files = sorted(gt.rglob("*.png")), sorted(dt.rglob("*.png"))
    assert counted(files, classes=4, boundary=True).compute().to_dict() == expected
    each = zip(*(map(str, side) for side in files), strict=True)
    assert counted(*each, classes=4, boundary=True).compute().to_dict() == expected


@pytest.mark.parametrize("row_filter", range(5))
def test_every_kind_of_file_is_counted_row_by_row_as_arrays_are(tmp_path, row_filter):
    rng = np.random.default_rng(16)
    kinds = [(pixel_data.GREY, 8), (pixel_data.PALETTE, 8), (pixel_data.GREY, 16), (pixel_data.GREY, 4)]
    # The noise is longer, deflated, than what is inflated at a time.
    noise = rng.integers(0, 12, (2, 330, 700))
    for pair in (pixel_data.pair(rng, 70, 101, 12, ignore=15), noise, noise[:, :1, :1]):
        expected = counted(pair, classes=12, ignore_index=15).compute().to_dict()
        for side, pixels in enumerate(pair):
            for i, (color, depth) in enumerate(kinds):
                pixel_data.write_png(tmp_path / f"{side}_{i}.png", pixels, color, depth, row_filter)
        for one, other in ((0, 0), (0, 1), (1, 2), (2, 0), (3, 1)):
            files = tmp_path / f"0_{one}.png", tmp_path / f"1_{other}.png"
            assert counted(files, classes=12, ignore_index=15).compute().to_dict() == expected


def test_bad_files_are_named_or_skipped(folders):
    gt, dt, pairs = folders
    suffixes = dict(target_suffix="_gt.png", preds_suffix="_dt.png")
    (dt / "0_dt.png").unlink()
    (dt / "1_dt.png").write_bytes(b"not an image")
    pixel_data.write_png(dt / "2_dt.png", np.zeros((32, 40, 3)), pixel_data.RGB)
    wrong = pairs[3][1].copy()
    wrong[7, 8] = 77
    pixel_data.write_png(dt / "3_dt.png", wrong)
    lenient = SemanticSegmentation(4, strict=False)
    lenient.update(dt, gt, **suffixes)
    assert lenient.images == 1
    np.testing.assert_array_equal(lenient.confusion_matrix, counted(pairs[4], classes=4).confusion_matrix)
    messages = [
        "0_dt.png: no such file",
        "1_dt.png: not a PNG image: ",
        "2_dt.png: a colour image; expected labels",
        "3_dt.png: row 7, column 8: label 77; expected a class, 0 to 3, or 255",
    ]
    assert len(lenient.skipped) == 4
    for message, found in zip(messages, lenient.skipped, strict=True):
        assert f"{dt}/{message}" in found
    with pytest.raises(FileNotFoundError, match="0_dt.png: no such file"):
        counted((gt / "0_gt.png", dt / "0_dt.png"), classes=4)
    for i in (1, 2, 3):
        with pytest.raises(ValueError, match=f"{i}_dt.png: "):
            counted((gt / f"{i}_gt.png", dt / f"{i}_dt.png"), classes=4)
    with pytest.raises(ValueError, match=r"4_dt.png: 34 x 40 pixels .*0_gt.png has 30 x 40"):
        counted((gt / "0_gt.png", dt / "deep" / "4_dt.png"), classes=4)
    with pytest.raises(FileNotFoundError, match="no file ends in '.tif'"):
        SemanticSegmentation(4).update(dt, gt, target_suffix=".tif")
    with pytest.raises(TypeError, match="paths on both sides"):
        SemanticSegmentation(4).update(pairs[0][1], gt)


@pytest.mark.parametrize("keep", [0, 7, 8, 20, 33, 40, 60, 0.9])
def test_truncated_and_damaged_files(folders, keep):
    gt, dt, _ = folders
    whole = (dt / "0_dt.png").read_bytes()
    keep = int(len(whole) * keep) if isinstance(keep, float) else keep
    (dt / "0_dt.png").write_bytes(whole[:keep])
    with pytest.raises(ValueError, match="0_dt.png: not a PNG image: "):
        counted((gt / "0_gt.png", dt / "0_dt.png"), classes=4)
    damaged = bytearray(whole)
    damaged[min(keep, len(whole) - 20)] ^= 0x55
    (dt / "0_dt.png").write_bytes(damaged)
    with pytest.raises(ValueError, match="0_(dt|gt).png: "):
        counted((gt / "0_gt.png", dt / "0_dt.png"), classes=4)


def test_a_file_that_lies_about_its_size(tmp_path):
    pixel_data.write_png(tmp_path / "x.png", np.zeros((1, 1)))
    body = bytearray((tmp_path / "x.png").read_bytes())
    body[16:24] = b"\x7f\xff\xff\xff" * 2
    import struct
    import zlib

    body[29:33] = struct.pack(">I", zlib.crc32(bytes(body[12:29])))
    (tmp_path / "x.png").write_bytes(body)
    with pytest.raises(ValueError, match="x.png: .*(too many|limit)"):
        counted((tmp_path / "x.png", tmp_path / "x.png"), classes=2)
    with pytest.raises(IsADirectoryError):
        counted(([tmp_path], [tmp_path]), classes=2)
