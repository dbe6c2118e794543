"""The metric object: batches, merging, ranks, bytes."""

import copy
import json
import math
import pickle
import struct

import numpy as np
import pytest
from native_data import per_image

import meanap
from meanap import MeanAveragePrecision, generate


@pytest.fixture(scope="module")
def batches():
    truth = generate.dataset(70, 5)
    # Few distinct scores: ties are what orders could show in.
    found = generate.detections(truth, per_image=30, seed=5)
    for record in found:
        record["score"] = round(record["score"], 1)
    return per_image(truth, found)


@pytest.fixture(scope="module")
def whole(batches):
    return filled(batches, range(70))


@pytest.fixture(scope="module")
def many():
    truth = generate.dataset(500, 20)
    return per_image(truth, generate.detections(truth, per_image=60, seed=20))


def filled(batches, images, step=16, **options):
    metric = MeanAveragePrecision(protocol="coco", box_format="xywh", **options)
    images = list(images)
    for start in range(0, len(images), step):
        part = images[start : start + step]
        metric.update([batches[0][i] for i in part], [batches[1][i] for i in part])
    return metric


def same(a, b):
    a, b = a.compute(), b.compute()
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)


def test_one_shot_evaluation_has_the_same_bits(batches, whole):
    result = meanap.evaluate(batches[1], batches[0], box_format="xywh")
    numbers = whole.compute()
    assert numbers["map"] == result.ap and numbers["mar_10"] == result["ar_10"]
    assert [numbers[f"map_{name}"] for name in ("50", "75", "small")] == [
        result[name] for name in ("ap50", "ap75", "ap_small")
    ]


@pytest.mark.parametrize("step", [1, 3, 70])
def test_batches_do_not_matter(batches, whole, step):
    same(filled(batches, range(70), step), whole)


def test_the_order_of_images_does_not_matter(batches, whole):
    order = np.random.default_rng(0).permutation(70)
    same(filled(batches, order, 7), whole)


def test_shards_merge_exactly_in_any_order(batches, whole):
    shards = [filled(batches, part) for part in (range(0, 5), range(5, 50), range(50, 70))]
    for order in ((0, 1, 2), (2, 0, 1), (1, 2, 0)):
        metric = filled(batches, [])
        for i in order:
            metric.merge(shards[i])
        same(metric, whole)


def test_an_image_that_two_ranks_saw_counts_once(batches, whole):
    a, b = filled(batches, range(0, 40)), filled(batches, [*range(35, 70), 0, 1])
    a.merge(b)
    same(a, whole)
    assert len(a) == 70
    twice = filled(batches, [*range(70), *range(30)])
    same(twice, whole)


def test_which_of_two_different_copies_counts_does_not_depend_on_the_order(batches):
    other = copy.deepcopy(batches)
    other[0][3]["scores"] = other[0][3]["scores"] / 2
    a, b = filled(batches, range(70)), filled(other, [3])
    c, d = filled(other, [3]), filled(batches, range(70))
    a.merge(b)
    c.merge(d)
    same(a, c)


def test_images_without_ids_are_numbered(batches):
    preds = batches[0]
    targets = [{name: value for name, value in target.items() if name != "image_id"} for target in batches[1]]
    parts = [filled((preds, targets), part) for part in (range(0, 30), range(30, 70))]
    parts[0].merge(parts[1])
    same(parts[0], filled((preds, targets), range(70)))
    with pytest.raises(ValueError, match="some have none"):
        parts[0].merge(filled(batches, range(3)))


def test_bytes_pickles_and_copies(whole):
    for twin in (
        MeanAveragePrecision.from_state(whole.state()),
        pickle.loads(pickle.dumps(whole)),
        copy.deepcopy(whole),
        copy.copy(whole),
    ):
        same(twin, whole)
        assert twin.state() == whole.state()
        twin.reset()
        assert len(twin) == 0 and math.isnan(twin.result().ap)
    assert len(whole) == 70


def test_damaged_bytes_are_an_error(whole):
    state = whole.state()
    generator = np.random.default_rng(1)
    for cut in [0, 5, 20, *generator.integers(len(state), size=30)]:
        with pytest.raises(ValueError, match="state"):
            MeanAveragePrecision.from_state(state[: int(cut)])
    for at in generator.integers(8, len(state), size=200):
        damaged = bytearray(state)
        damaged[at] ^= 255
        try:
            MeanAveragePrecision.from_state(bytes(damaged)).compute()
        except ValueError:
            pass


def places(value, at=()):
    """The path of each value within a JSON document."""
    yield at
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from places(value[key], (*at, key))


def test_settings_that_make_no_sense_are_an_error():
    """Whatever stands in the place of a setting, and texts that are no settings: a ValueError, or a metric."""
    state = MeanAveragePrecision(["bbox", "segm"], errors=0.5, confusion=0.5).state()
    begin = state.index(b"{")
    end = begin + struct.unpack_from("<Q", state, begin - 8)[0]

    def restored(text):
        bytes_ = state[: begin - 8] + struct.pack("<Q", len(text)) + text + state[end:]
        try:
            return MeanAveragePrecision.from_state(bytes_)
        except ValueError as error:
            assert "state" in str(error)
            return None

    settings = json.loads(state[begin:end])
    assert restored(state[begin:end]).state() == state
    for text in (b"", b"null", b"[]", b"{}", b"[" * 100_000, b"1" * 5000, b"\xff"):
        assert restored(text) is None
    refused = 0
    for place in places(settings):
        for value in (None, True, -1, 1.5, 1e400, 10**30, "x", [], {}, [[1]], {"a": 1}):
            changed = [json.loads(json.dumps(settings))]
            inner, key = changed, 0
            for step in place:
                inner, key = inner[key], step
            inner[key] = value
            refused += restored(json.dumps(changed[0]).encode()) is None
    assert refused > 1000


def test_metrics_of_other_settings_do_not_merge(whole):
    with pytest.raises(ValueError, match="settings"):
        whole.merge(MeanAveragePrecision(protocol="voc2012", box_format="xywh"))


def test_calling_gives_the_batch_and_keeps_it(batches):
    metric = filled(batches, [])
    first = metric([batches[0][0]], [batches[1][0]])
    assert first["map"] == filled(batches, [0]).compute()["map"]
    metric([batches[0][1]], [batches[1][1]])
    same(metric, filled(batches, [0, 1]))


def test_it_answers_to_what_loops_say_to_torchmetrics(batches):
    preds, targets = batches
    metric = MeanAveragePrecision(box_format="xywh").to("cuda:0", non_blocking=True).cpu()
    metric.update(preds=preds, target=targets)
    other = MeanAveragePrecision(box_format="xywh")
    assert other(preds, target=targets)["map"] == metric.compute()["map"] == other.compute()["map"] > 0
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'target'"):
        metric.update(preds)


def test_class_metrics_and_micro(batches):
    metric = filled(batches, range(70), class_metrics=True, average="micro")
    numbers = metric.compute()
    per_class = meanap.evaluate(batches[1], batches[0], box_format="xywh").per_class
    np.testing.assert_array_equal(numbers["map_per_class"], np.nan_to_num(per_class["ap"], nan=-1))
    agnostic = copy.deepcopy(batches)
    for side in agnostic:
        for image in side:
            image["labels"] = np.zeros_like(image["labels"])
    # Equal scores stand in another order when classes are dropped beforehand.
    assert numbers["map"] == pytest.approx(filled(agnostic, range(70)).compute()["map"], abs=0.01)


BAD = [
    ("preds", "boxes", lambda b: b.__setitem__((1, 0), math.nan), r'preds\[1\]\["boxes"\]: row 1 is \(NaN'),
    ("preds", "boxes", lambda b: b.__setitem__((2, 2), -1), r'preds\[1\]\["boxes"\]: row 2 .* negative size'),
    ("targets", "boxes", lambda b: b.__setitem__((0, 3), math.inf), r'target\[1\]\["boxes"\]: row 0 .* infinite'),
    ("preds", "scores", lambda s: s.__setitem__(2, 1.5), r'preds\[1\]\["scores"\]: row 2 is 1.5, expected 0 to 1'),
    ("preds", "scores", lambda s: s.__setitem__(0, math.nan), r'preds\[1\]\["scores"\]: row 0 is NaN'),
    ("targets", "iscrowd", lambda c: c.__setitem__(0, 3), r'target\[1\]\["iscrowd"\]: row 0 is 3'),
]


@pytest.mark.parametrize("side, name, spoil, message", BAD, ids=[f"{b[0]}-{b[1]}-{i}" for i, b in enumerate(BAD)])
def test_bad_numbers(batches, side, name, spoil, message):
    preds, targets = copy.deepcopy(([batches[0][0], batches[0][1]], [batches[1][0], batches[1][1]]))
    spoil({"preds": preds, "targets": targets}[side][1][name])
    metric = filled(batches, [])
    with pytest.raises(ValueError, match=message):
        metric.update(preds, targets)
    assert len(metric) == 0 and len(metric.compute()["classes"]) == 0


@pytest.mark.parametrize(
    "side, name, value, message",
    [
        ("preds", "scores", np.zeros(2), r'preds\[0\]: "scores" has 2 rows, "labels" has'),
        ("preds", "boxes", np.zeros((3, 5)), r'preds\[0\]\["boxes"\]: expected shape \(N, 4\), found \(3, 5\)'),
        ("preds", "labels", np.array([0.5]), r'preds\[0\]\["labels"\]: row 0: 0.5 is no id'),
        ("preds", "boxes", "boxes", r'preds\[0\]\["boxes"\]: expected numbers'),
        ("targets", "boxes", None, r'target\[0\]: "boxes" is missing'),
        ("targets", "labels", None, r'target\[0\]: "labels" is missing'),
        ("targets", "image_id", 1.5, r"image_id.* is no id"),
    ],
)
def test_bad_shapes(batches, side, name, value, message):
    preds, targets = copy.deepcopy(([batches[0][0]], [batches[1][0]]))
    {"preds": preds, "targets": targets}[side][0][name] = value
    metric = filled(batches, [])
    with pytest.raises(ValueError, match=message):
        metric.update(preds, targets)
    assert len(metric) == 0


def test_lists_of_different_lengths(batches):
    with pytest.raises(ValueError, match="preds has 2 images, target has 1"):
        filled(batches, []).update(batches[0][:2], batches[1][:1])
    with pytest.raises(TypeError, match="found a dict"):
        filled(batches, []).update(batches[0][0], batches[1][0])


def test_empty_images_and_odd_empties():
    metric = MeanAveragePrecision()
    empty = {"boxes": np.zeros(0), "scores": [], "labels": []}
    metric.update([empty, empty], [empty, {"boxes": [[0, 0, 9.5, 9]], "labels": [2]}])
    numbers = metric.compute()
    assert numbers["map"] == 0 and numbers["classes"].tolist() == [2]


def test_between_batches_it_stays_small(batches):
    metric = filled(batches, range(70))
    rows = sum(len(image["labels"]) for image in batches[0])
    assert metric.nbytes < 100 * rows


class TestSmallBatches:
    """Whatever is read between them, the numbers are those of one large batch."""

    @pytest.mark.parametrize("options", [{}, {"class_metrics": True}, {"confusion": 0.5}])
    @pytest.mark.parametrize("read", ["images", "nbytes", "state", None])
    def test_reading_between_them_changes_nothing(self, many, options, read):
        whole = filled(many, range(500), 500, **options)
        parts = MeanAveragePrecision(protocol="coco", box_format="xywh", **options)
        for start in range(0, 500, 7):
            parts.update(many[0][start : start + 7], many[1][start : start + 7])
            if start % 70 == 0 and read is not None:
                value = len(parts) if read == "images" else getattr(parts, read)
                assert value if read != "state" else value()
        assert len(parts) == 500
        same(parts, whole)

    def test_an_error_is_of_its_own_batch_and_leaves_the_others(self, batches):
        metric = filled(batches, range(20), 1)
        with pytest.raises(meanap.InputError, match=r"preds\[0\].*scores"):
            metric.update([{**batches[0][20], "scores": [2.0] * 30}], [batches[1][20]])
        with pytest.raises(ValueError, match="some images have an id and some have none"):
            metric.update([{k: v for k, v in batches[0][20].items() if k != "image_id"}], [without_id(batches[1][20])])
        same(metric, filled(batches, range(20)))

    def test_columns_that_only_some_batches_have(self, batches):
        """Annotation ids, and images without objects before and behind them."""
        empty = {"boxes": np.zeros((0, 4)), "labels": [], "scores": []}
        metric, expected = (MeanAveragePrecision(box_format="xywh") for _ in range(2))
        with_ids = [without_id(batches[side][3]) for side in (0, 1)]
        with_ids = [{**item, "ids": np.arange(len(item["labels"]))} for item in with_ids]
        plain = [without_id(batches[side][4]) for side in (0, 1)]
        for preds, target in ((empty, empty), with_ids, plain, (empty, empty), plain, with_ids):
            metric.update([preds], [target])
            expected.update([preds], [target])
            assert len(expected)
        same(metric, expected)

    def test_copies_merge_and_pickles_of_them(self, batches):
        whole = filled(batches, range(70))
        first, second = filled(batches, range(30), 1), filled(batches, range(30, 70), 1)
        same(pickle.loads(pickle.dumps(copy.deepcopy(first))).merge(second), whole)
        same(second.merge(first), whole)
        first.reset()
        assert len(first) == 0 and len(second) == 70


def without_id(item):
    return {name: value for name, value in item.items() if name != "image_id"}


def test_only_what_matched_has_outcomes():
    """A detection that overlaps an object which a better one took is a false positive like any other."""
    boxes = np.tile([0.0, 0, 10, 10], (50, 1))
    boxes[20:, 2] = np.linspace(10, 20, 30)
    preds = [{"boxes": boxes, "scores": np.linspace(0.9, 0.1, 50), "labels": np.zeros(50, dtype=int)}]
    metric = MeanAveragePrecision()
    metric.update(preds, [{"boxes": boxes[:1], "labels": [0]}])
    (log,) = metric._logs.values()
    assert log.columns()["matched"].tolist() == [True] + [False] * 49
    assert len(log.columns()["outcomes"]) == 1


def test_columns_make_the_same_table_however_they_are_cut(batches):
    from meanap.detection.match_log import new_log
    from meanap.protocol._changes import with_changes

    rules = with_changes("coco", "bbox", {})
    logs = []
    for start in range(0, 70, 9):
        logs.append(new_log(rules, "bbox", "xywh", None))
        logs[-1].update(*(side[start : start + 9] for side in batches))
    whole = new_log(rules, "bbox", "xywh", None)
    for log in reversed(logs):
        whole.extend(log.columns())
    whole.extend(logs[0].columns())  # seen twice, counted once
    apart = logs[0].empty()
    for log in logs:
        apart.merge(log)
    ours, theirs = whole.table(), apart.table()
    assert ours.image_ids == theirs.image_ids
    for name, column in theirs.columns(0).items():
        np.testing.assert_array_equal(ours.columns(0)[name], column)
    columns = logs[0].columns()
    for spoilt in ({"outcomes": columns["outcomes"][1:]}, {"image": columns["image"] + 1000}):
        with pytest.raises(ValueError, match="rows"):
            whole.extend({**columns, **spoilt})


def crowded(images, seed):
    """A large batch."""
    generator = np.random.default_rng(seed)
    preds, targets = [], []
    for _ in range(images):
        corner = generator.random((300, 2)) * 200
        boxes = np.concatenate([corner, corner + 10 + generator.random((300, 2)) * 40], axis=1)
        labels = generator.integers(0, 3, 300)
        preds.append({"boxes": boxes + generator.normal(0, 2, (300, 4)) / 9, "labels": labels})
        preds[-1]["scores"] = generator.random(300)
        targets.append({"boxes": boxes[::3], "labels": labels[::3]})
    return preds, targets


@pytest.mark.parametrize("options", [{}, {"average": "micro", "class_metrics": True, "confusion": 0.5}], ids=str)
def test_progress_of_a_large_update(options):
    batch = crowded(300, 0)
    told = []
    metric = MeanAveragePrecision(**options)
    metric.update(*batch, progress=lambda done, total: told.append((done, total)))
    total = 90_000 * len(metric._logs)
    assert told[-1] == (total, total) and {whole for _, whole in told} == {total}
    assert told == sorted(told) and (not options or len(told) >= 3)
    plain = MeanAveragePrecision(**options)
    plain.update(*batch)
    assert plain.state() == metric.state()
    small = crowded(1, 1)
    told.clear()
    metric.update(*small, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (300 * len(metric._logs),) * 2


@pytest.mark.parametrize("options", [{}, {"confusion": 0.5}], ids=str)
@pytest.mark.parametrize("at", [0.0, 1.0])
def test_nothing_is_added_where_who_watches_stops_an_update(options, at):
    class Enough(Exception):
        pass

    def enough(done, total):
        if done >= at * total:
            raise Enough

    metric = MeanAveragePrecision(**options)
    with pytest.raises(Enough):
        metric.update(*crowded(30, 2), progress=enough)
    assert len(metric) == 0 and metric.compute()["classes"].size == 0


def test_a_line_shows_the_progress_of_an_update(monkeypatch, capsys):
    metric = MeanAveragePrecision(confusion=0.5)
    batch = crowded(5, 3)
    metric.update(*batch, progress=True)
    assert capsys.readouterr().err == ""  # too short to be reported
    monkeypatch.setattr("meanap._progress._SILENT", -1.0)
    metric.update(*batch, progress=True)
    told = capsys.readouterr().err
    assert told.startswith("\rmatching: ") and told.endswith("\rmatching: 100%, 0 s to go \n")
