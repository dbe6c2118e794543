"""Over a cluster: the two functions by themselves, and under real engines; the bits of one process."""

import itertools
import pickle

import numpy as np
import pytest

import meanap
from meanap import generate

pa = pytest.importorskip("pyarrow", reason="the contract is about Arrow tables")
from meanap import distributed  # noqa: E402
from meanap.distributed import Plan, accumulate_group, confusions, from_curves, match_batch, parts  # noqa: E402


@pytest.fixture(scope="module")
def data():
    truth = generate.dataset(50, 8, categories=6)
    found = generate.detections(truth, per_image=20, seed=8)
    for record in found:
        record["score"] = round(record["score"], 1)
    return truth, found


def as_table(truth, found, text=False):
    records = [*truth["annotations"], *found]
    order = np.random.default_rng(0).permutation(len(records))
    records = [records[i] for i in order]

    def ids(name, prefix):
        return [f"{prefix}{record[name]:09}" if text else record[name] for record in records]

    return pa.table(
        {
            "image_id": ids("image_id", "image "),
            "category_id": ids("category_id", "class "),
            "score": [record.get("score") for record in records],
            "bbox": pa.array([record["bbox"] for record in records], pa.list_(pa.float64())),
            "area": [record["area"] if "iscrowd" in record else None for record in records],
            "iscrowd": [record.get("iscrowd") for record in records],
            # Rows come in any order; the order of equal scores is given.
            "order": order,
        }
    )


def matched(table, plan, shards):
    """Match rows of shards, back to front."""
    shard = table["image_id"].to_numpy() % shards
    parts = [match_batch(table.filter(pa.array(shard == s)), plan) for s in range(shards)]
    return pa.concat_tables(parts[::-1])


def drawn(rows, plan):
    groups = [rows.filter(pa.compute.equal(rows["category_id"], id)) for id in rows["category_id"].unique()]
    return pa.concat_tables(accumulate_group(group, plan) for group in groups)


def same(ours, theirs):
    np.testing.assert_array_equal(list(ours.to_dict().values()), list(theirs.to_dict().values()))
    np.testing.assert_equal(ours.per_class.to_dict(), theirs.per_class.to_dict())
    for name in ("precision", "recall", "score_at_recall"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
    assert ours.to_json() == theirs.to_json() and repr(ours) == repr(theirs)


@pytest.mark.parametrize("shards", [1, 3, 50])
@pytest.mark.parametrize("protocol", ["coco", "voc2012", "ultralytics"])
def test_shards_and_groups_have_the_bits_of_one_process(data, shards, protocol):
    truth, found = data
    plan = pickle.loads(pickle.dumps(Plan.of("bbox", protocol)))
    names = {category["id"]: category["name"] for category in truth["categories"]}
    result = from_curves(drawn(matched(as_table(truth, found), plan, shards), plan), plan, names)
    same(result, meanap.evaluate(truth, found, protocol=protocol))
    assert result.scores.image_count == 50


def in_parts(rows, plan, size):
    """The curves of rankings cut into parts of about so many rows; and how many parts there are."""
    batches = [rows.slice(start, 97) for start in range(0, rows.num_rows, 97)]
    cuts = parts.cuts_of(pa.concat_tables(parts.sample_rows(batch, size) for batch in batches), size)
    placed = pa.concat_tables(parts.place_rows(batch, cuts) for batch in batches)
    assert placed.schema == parts.placed_schema(rows.schema)
    keys = sorted(set(zip(placed["category_id"].to_pylist(), placed["part"].to_pylist(), strict=True)))
    of = [
        placed.filter((pa.compute.field("category_id") == category) & (pa.compute.field("part") == part))
        for category, part in keys
    ]
    packed = pa.concat_tables(parts.pack_part(group, plan) for group in of)
    before = parts.before_parts(packed.select(parts.COUNTS))
    told = [parts.draw_parts(packed.slice(row, 1), plan, before) for row in range(packed.num_rows)]
    return parts.join_parts(pa.concat_tables(told[::-1]), plan), len(keys)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"max_detections": (2, 5, 7)},
        {"recall": (0.0, 0.1, 0.2, 0.5, 0.9, 1.0)},
        {"thresholds": tuple(np.linspace(0.3, 0.95, 70))},
        {"by_category": False, "area_ranges": {"all": (0.0, 1e10), "none": (-2.0, -1.0)}},
        {"protocol": "voc2007"},
    ],
)
@pytest.mark.parametrize("text", [False, True])
def test_parts_have_the_bits_of_the_whole(data, change, text):
    """Also where a score is that of many detections, so that cuts fall among them."""
    change = dict(change)
    plan = Plan.of("bbox", change.pop("protocol", "coco"), **change)
    rows = match_batch(as_table(*data, text=True), plan) if text else matched(as_table(*data), plan, 4)
    whole = accumulate_group(rows, plan).sort_by("category_id")
    for size in (10, 60):
        curves, count = in_parts(rows, plan, size)
        assert count > (2 if size == 10 else 1) * whole.num_rows
        curves = curves.sort_by("category_id")
        assert curves.schema == whole.schema
        images = [sum(table["images"].to_pylist()) for table in (curves, whole)]
        assert images[0] == images[1]
        for name in curves.column_names:
            assert name == "images" or curves[name].equals(whole[name]), name


def test_a_part_is_no_larger_than_it_should_be():
    generator = np.random.default_rng(3)
    for scores in (np.ones(5000), generator.random(5000), generator.random(5000).round(2)):
        rows = pa.table({"category_id": np.zeros(5000, int), "score": scores, "image_id": generator.permutation(5000)})
        cuts = parts.cuts_of(parts.sample_rows(rows, 500), 500)
        placed = parts.place_rows(rows, cuts)
        sizes = np.bincount(placed["part"].to_numpy())
        assert sizes.max() < 1000 and sizes.sum() == 5000 and len(sizes) > 6
        # Parts follow one another in the ranking.
        order = np.lexsort((rows["image_id"], -scores))
        assert (np.diff(placed["part"].to_numpy()[order]) >= 0).all()


def test_confusion_matrices_add_up(data):
    plan = Plan.of("bbox", "coco")
    table = as_table(*data)
    shard = table["image_id"].to_numpy() % 3
    names = {category["id"]: category["name"] for category in data[0]["categories"]}
    for iou, score in ((0.5, -np.inf), (0.7, 0.4)):
        counts = pa.concat_tables(
            confusions.confuse_batch(table.filter(pa.array(shard == s)), plan, iou, score) for s in range(3)
        )
        ours = confusions.summed(counts, plan, iou, score, names)
        whole = meanap.evaluate(*data).confusion(iou, score)
        np.testing.assert_array_equal(ours.matrix, whole.matrix)
        assert (ours.names, ours.categories, repr(ours)) == (whole.names, whole.categories, repr(whole))
    assert confusions.confuse_batch(table.slice(0, 0), plan, 0.5, 0.0).num_rows == 0


@pytest.mark.parametrize("change", [{"average": "micro"}, {"by_category": False}])
def test_one_ranking_of_all_categories(data, change):
    plan = Plan.of("bbox", "coco", **change)
    rows = matched(as_table(*data), plan, 4)
    result = from_curves(accumulate_group(rows, plan), plan)
    whole = meanap.evaluate(*data, **change)
    np.testing.assert_array_equal(list(result.to_dict().values()), list(whole.to_dict().values()))


def test_masks_and_keypoints():
    for kind in ("segm", "keypoints"):
        truth = generate.dataset(12, 2, kind="keypoints" if kind == "keypoints" else "instances")
        found = generate.detections(truth, kind=kind, per_image=6, seed=2)
        records = [*truth["annotations"], *found]
        columns = {
            "image_id": [r["image_id"] for r in records],
            "category_id": [r["category_id"] for r in records],
            "score": [r.get("score") for r in records],
            "area": [r["area"] if "iscrowd" in r else None for r in records],
            "iscrowd": [r.get("iscrowd") for r in records],
        }
        if kind == "segm":
            sizes = {image["id"]: (image["height"], image["width"]) for image in truth["images"]}
            coco = meanap.COCO()
            coco.imgs = {image["id"]: image for image in truth["images"]}
            runs = [coco.annToRLE({**r, "image_id": r["image_id"]}) for r in records]
            assert all(tuple(run["size"]) == sizes[r["image_id"]] for run, r in zip(runs, records, strict=True))
            columns["segmentation"] = [
                {"size": [int(x) for x in run["size"]], "counts": run["counts"].decode()}
                if isinstance(run["counts"], bytes)
                else run
                for run in runs
            ]
        else:
            columns["keypoints"] = [[float(x) for x in r["keypoints"]] for r in records]
            columns["bbox"] = [[float(x) for x in r["bbox"]] if "iscrowd" in r else None for r in records]
        plan = Plan.of(kind, "coco")
        result = from_curves(drawn(matched(pa.table(columns), plan, 3), plan), plan)
        same_numbers = meanap.evaluate(truth, found, kind).to_dict()
        np.testing.assert_array_equal(list(result.to_dict().values()), list(same_numbers.values()))


def test_ids_of_text_and_dictionaries(data):
    plan = Plan.of("bbox", "coco")
    table = as_table(*data, text=True)
    coded = table.set_column(1, "category_id", table["category_id"].dictionary_encode())
    rows = [match_batch(one, plan) for one in (table, coded)]
    assert rows[0].equals(rows[1]) and rows[0].schema.field("image_id").type == pa.string()
    assert from_curves(drawn(rows[0], plan), plan).ap == meanap.evaluate(*data).ap


def whole(result, expected):
    """The methods that need only match rows return what those of `expected` return."""
    assert type(result) is type(expected) and result.image_ids == expected.image_ids
    assert result.to_dict() == expected.to_dict() and repr(result.per_class) == repr(expected.per_class)
    for name in ("ap", "ar"):
        found, wanted = (r.interval(name, resamples=20, seed=3) for r in (result, expected))
        np.testing.assert_array_equal(found.samples, wanted.samples)
    assert repr(result.per_image()) == repr(expected.per_image())
    assert repr(result.best_f1().per_class) == repr(expected.best_f1().per_class)
    assert result.matches.to_dict()["rank"].tolist() == expected.matches.to_dict()["rank"].tolist()
    with pytest.raises(RuntimeError, match="meanap.distributed.confusion"):
        result.confusion()
    with pytest.raises(RuntimeError, match="errors and lrp: not in a distributed result"):
        result.errors()


@pytest.mark.parametrize("protocol", ["coco", "voc2012", "ultralytics"])
def test_match_rows_brought_together_answer_everything(data, protocol):
    plan = Plan.of("bbox", protocol)
    names = {category["id"]: category["name"] for category in data[0]["categories"]}
    result = distributed.from_matches(matched(as_table(*data), plan, 3), plan, {**names, 99: "none"})
    assert result.category_ids[-1] == 99 and result.per_class["objects"][-1] == 0
    expected = meanap.evaluate(*data, protocol=protocol)
    whole(distributed.from_matches(matched(as_table(*data), plan, 3), plan, names), expected)
    nothing = distributed.from_matches(match_batch(as_table(*data).slice(0, 0), plan), plan)
    assert len(nothing.image_ids) == 0 and np.isnan(nothing.ap)


def test_what_is_not_there_says_so(data):
    plan = Plan.of("bbox", "coco")
    table = as_table(*data)
    assert match_batch(table.slice(0, 0), plan).num_rows == 0
    assert accumulate_group(match_batch(table.slice(0, 0), plan), plan).num_rows == 0
    result = from_curves(drawn(matched(table, plan, 2), plan), plan)
    with pytest.raises(RuntimeError, match="meanap.distributed.confusion"):
        result.confusion()
    for ask in (lambda: result.interval("ap"), lambda: len(result.matches), lambda: result.per_image()):
        with pytest.raises(RuntimeError, match=r"match table.*meanap.distributed.evaluate\(..., keep_matches=True\)"):
            ask()
    for ask in (result.errors, result.lrp):
        with pytest.raises(RuntimeError, match="call meanap.evaluate on the images"):
            ask()
    with pytest.raises(ValueError, match="score"):
        match_batch(table.drop_columns(["score"]), plan)
    spoilt = table.set_column(2, "score", pa.array(np.full(table.num_rows, 7.0)))
    with pytest.raises(ValueError, match=r"row 0 is 7, expected 0 to 1"):
        match_batch(spoilt, plan)
    with pytest.raises(ValueError, match="labelled categories"):
        Plan.of("bbox", "lvis")
    with pytest.raises(ValueError, match="engine"):
        distributed.evaluate(table)


def test_miss_rates_need_match_rows(data):
    plan = Plan.of("bbox", "crowdhuman")
    rows = matched(as_table(*data), plan, 3)
    expected = meanap.evaluate(*data, protocol="crowdhuman")
    assert distributed.from_matches(rows, plan)["mr"] == expected["mr"]
    with pytest.raises(meanap.InputError, match="'crowdhuman' has miss rates, which need match rows"):
        from_curves(accumulate_group(rows, plan), plan)
    plan = Plan.of("bbox", "coco")
    result = from_curves(accumulate_group(matched(as_table(*data), plan, 3), plan), plan)
    with pytest.raises(RuntimeError, match="needs the match table"):
        result.number(meanap.protocol.SummaryRow("mr", "miss_rate"))


def test_images_without_rows_count_as_in_one_process(data):
    truth, found = data
    ids = [image["id"] for image in truth["images"]]
    empty = set(ids[::3])
    truth = {**truth, "annotations": [a for a in truth["annotations"] if a["image_id"] not in empty]}
    # Misplaced ones, so that false positives per image decide.
    found = [{**d, "bbox": [d["image_id"] % 7, *d["bbox"][1:]]} for d in found if d["image_id"] not in empty]
    names = {category["id"]: category["name"] for category in truth["categories"]}
    for protocol in ("coco", "crowdhuman"):
        plan = Plan.of("bbox", protocol)
        table = distributed.table_of(truth, found, plan)
        rows = match_batch(table, plan)
        expected = meanap.evaluate(truth, found, protocol=protocol)
        result = distributed.from_matches(rows, plan, names, image_ids=ids[::-1])
        assert result.to_json() == expected.to_json() and result.image_ids == expected.image_ids
        fewer = distributed.from_matches(rows, plan, names)
        rates = [repr(of.log_average_miss_rate()) for of in (expected, result, fewer)]
        assert rates[0] == rates[1] != rates[2]
        assert repr(result.froc(1)) == repr(expected.froc(1)) and repr(result.per_image()) == repr(expected.per_image())
        # None has rows.
        nothing = distributed.from_matches(rows.slice(0, 0), plan, names, image_ids=ids)
        assert nothing.to_json() == meanap.evaluate({**truth, "annotations": []}, [], protocol=protocol).to_json()
        for others in (ids[2:], map(str, ids)):
            with pytest.raises(meanap.InputError, match=r"image_ids: \d+, of which there are rows, is not among them"):
                distributed.from_matches(rows, plan, names, image_ids=others)
    plan = Plan.of("bbox", "coco")
    curves = drawn(match_batch(table, plan), plan)
    whole = meanap.evaluate(truth, found)
    for made, drawn_of in ((from_curves, curves), (distributed.from_matches, match_batch(table, plan))):
        for listed in (ids, [*ids, *map(float, ids)]):
            assert made(drawn_of, plan, names, image_ids=listed).to_json() == whole.to_json()
        with pytest.raises(meanap.InputError, match="None is no id"):
            made(drawn_of, plan, names, image_ids=[*ids, None])


def test_batches_are_cut_between_images():
    from meanap.distributed.spark import whole_images

    ids = pa.table({"image_id": [1, 1, 2, 3, 3, 3, 3, 4, 5]})
    for size, rows in itertools.product((1, 2, 9), (1, 3, 100)):
        parts = list(whole_images(ids.to_batches(max_chunksize=size), rows))
        assert pa.concat_tables(parts).equals(ids)
        seen = [set(part["image_id"].to_pylist()) for part in parts]
        assert sum(map(len, seen)) == 5


def test_ray(data, ray):
    table = as_table(*data)
    dataset = ray.data.from_arrow([table.slice(start, 400) for start in range(0, table.num_rows, 400)])
    names = {category["id"]: category["name"] for category in data[0]["categories"]}
    same(distributed.evaluate(dataset, categories=names, shards=3), meanap.evaluate(*data))
    same(distributed.evaluate(dataset, categories=names, shards=2, rows_per_part=100), meanap.evaluate(*data))
    kept = distributed.evaluate(dataset, categories=names, keep_matches=True)
    whole(kept, meanap.evaluate(*data))
    confusion = distributed.confusion(dataset, categories=names, shards=2, score=0.3)
    np.testing.assert_array_equal(confusion.matrix, meanap.evaluate(*data).confusion(score=0.3).matrix)


def test_spark(data, spark):
    frame = spark.createDataFrame(as_table(*data))
    names = {category["id"]: category["name"] for category in data[0]["categories"]}
    same(distributed.evaluate(frame, categories=names), meanap.evaluate(*data))
    same(distributed.evaluate(frame, categories=names, rows_per_part=100), meanap.evaluate(*data))
    kept = distributed.evaluate(frame, categories=names, keep_matches=True)
    whole(kept, meanap.evaluate(*data))
    confusion = distributed.confusion(frame, categories=names, score=0.3)
    np.testing.assert_array_equal(confusion.matrix, meanap.evaluate(*data).confusion(score=0.3).matrix)
    micro = distributed.evaluate(frame, average="micro")
    assert micro.ap == meanap.evaluate(*data, average="micro").ap
