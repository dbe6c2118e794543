"""Slices and regions to ignore on a cluster: the bits of one process."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

pa = pytest.importorskip("pyarrow")

import meanap  # noqa: E402
from meanap import distributed, generate  # noqa: E402
from meanap.distributed import Plan, accumulate_group, from_curves, match_batch, table_of  # noqa: E402
from meanap.distributed.rows import images_of_rows, rows_of_images  # noqa: E402
from meanap.distributed.slices import ClusterSlices  # noqa: E402


@pytest.fixture(scope="module")
def data():
    truth = generate.dataset(40, 3, crowds=0)
    found = list(generate.detections(truth, per_image=20, seed=3))
    for at, image in enumerate(truth["images"]):
        image["weather"] = ("rain", "sun")[at % 2]
        if at % 3 == 0:
            width, height = image["width"], image["height"]
            image["unlabelled"] = [[0, 0, width / 2, 0, width / 2, height, 0, height]]
    return truth, found


@pytest.fixture(scope="module")
def regions(data):
    return {image["id"]: image["unlabelled"] for image in data[0]["images"] if "unlabelled" in image}


def same(result, expected):
    assert dict(result) == dict(expected)
    np.testing.assert_array_equal(result.precision, expected.precision)
    np.testing.assert_equal(result.slices.to_dict(), expected.slices.to_dict())
    for name, part in expected.slices.results.items():
        np.testing.assert_array_equal(result.slices.results[name].precision, part.precision)


def several(data):
    """Slices of each form that needs no field of a file, and one without images."""
    ids = [image["id"] for image in data[0]["images"]]
    table = pa.table({"image_id": ids, "hour": [at % 24 for at in range(len(ids))]})
    return {"odd": ids[1::2], "none": []}, table, "objects", {"objects": {"few": (0, 6), "many": (6, None)}}


def in_shards(data, plan, slices):
    """The steps of an engine, in this process."""
    table = table_of(*data, plan)
    plan = pickle.loads(pickle.dumps(plan))
    ids = table["image_id"].unique()
    rows = [match_batch(rows_of_images(table, part), plan) for part in (ids[:9], ids[9:25], ids[25:])]
    area = plan.protocol.area_index("all")
    wanted = ClusterSlices(plan, slices)
    parts = wanted.images_of(
        pa.concat_tables(images_of_rows(part, area) for part in (rows[0][:7], rows[0][7:], *rows[1:]))
    )
    whole = pa.concat_tables(rows)
    drawn = {name: accumulate_group(rows_of_images(whole, images), plan) for name, images in parts.items()}
    names = {category["id"]: category["name"] for category in data[0]["categories"]}
    result = from_curves(accumulate_group(whole, plan), plan, names, drawn)
    return pickle.loads(pickle.dumps(result))


@pytest.mark.parametrize("form", range(4))
def test_slices_of_shards_have_the_bits_of_one_process(data, form):
    slices = several(data)[form]
    same(in_shards(data, Plan.of("bbox", "coco"), slices), meanap.evaluate(*data, slices=slices))


def test_regions_of_shards_have_the_bits_of_one_process(data, regions):
    expected = meanap.evaluate(*data, ignore_regions="unlabelled", slices="objects")
    assert expected.ap > meanap.evaluate(*data).ap
    same(in_shards(data, Plan.of("bbox", "coco", ignore_regions=regions), "objects"), expected)


def test_what_a_cluster_does_not_know_is_refused(data):
    plan = Plan.of("bbox", "coco")
    with pytest.raises(meanap.InputError, match="slices: no image has a field 'weather'"):
        in_shards(data, plan, "weather")
    with pytest.raises(meanap.InputError, match="slices: 'night': no image 7"):
        in_shards(data, plan, {"night": [7]})
    result = from_curves(accumulate_group(match_batch(table_of(*data, plan), plan), plan), plan)
    with pytest.raises(RuntimeError, match="keep_matches=True.* brings them here; slices="):
        result.sliced({"night": [7]})


def with_column(table, regions):
    """The table with the regions of each image in one of its rows."""
    seen, column = set(), []
    for id in table["image_id"].to_pylist():
        column.append(None if id in seen else regions.get(id))
        seen.add(id)
    return table.append_column("unlabelled", pa.array(column, pa.list_(pa.list_(pa.float64()))))


def result_of(data):
    return meanap.evaluate(*data, ignore_regions="unlabelled")


def test_regions_in_a_column_have_the_bits_of_those_by_image(data, regions):
    plan = Plan.of("bbox", "coco", ignore_regions="unlabelled")
    table = with_column(table_of(*data, plan), regions)
    names = {category["id"]: category["name"] for category in data[0]["categories"]}
    rows = match_batch(table, plan)
    same(from_curves(accumulate_group(rows, plan), plan, names), result_of(data))
    with pytest.raises(meanap.InputError, match="dataset: ignore_regions: there is no column 'unlabelled'"):
        match_batch(table.drop_columns(["unlabelled"]), plan)


def every_way(of_table, data, regions, engine):
    """Both sides read here, and both with the engine; curves and match rows."""
    plan = Plan.of("bbox", "coco", score_range=None)
    dataset = of_table(table_of(*data, plan))
    options = {"detections": data[1], "engine": engine, "shards": 2}
    for slices in ("weather", several(data)[0]):
        expected = meanap.evaluate(*data, slices=slices, ignore_regions="unlabelled")
        for more in ({}, {"keep_matches": True}):
            result = distributed.evaluate(data[0], slices=slices, ignore_regions="unlabelled", **options, **more)
            same(result, expected)
        if slices != "weather":
            names = {category["id"]: category["name"] for category in data[0]["categories"]}
            keywords = {"categories": names, "ignore_regions": regions, "rows_per_part": 300}
            same(distributed.evaluate(dataset, slices=slices, **keywords), expected)
    confusion = distributed.confusion(data[0], score=0.3, ignore_regions="unlabelled", **options)
    np.testing.assert_array_equal(confusion.matrix, expected.confusion(score=0.3).matrix)
    with_regions = of_table(with_column(table_of(*data, plan), regions))
    for more in ({}, {"keep_matches": True}):
        result = distributed.evaluate(with_regions, ignore_regions="unlabelled", categories=names, **more)
        same(result, result_of(data))
    with pytest.raises(meanap.InputError, match="the data set has no column 'unlabelled'"):
        distributed.evaluate(dataset, ignore_regions="unlabelled")
    few = dict(list(regions.items())[:3])
    with pytest.warns(UserWarning, match="ignore_regions: 1 images have no rows, the first is 'elsewhere'"):
        distributed.evaluate(dataset, ignore_regions={**few, "elsewhere": []})
    texts = {str(id): polygons for id, polygons in few.items()}
    with pytest.raises(meanap.InputError, match="ignore_regions: no image '\\d+', and none of the others, has rows"):
        distributed.confusion(dataset, score=0.3, ignore_regions=texts)
    with pytest.raises(meanap.InputError, match="ignore_regions: no image has a field 'blind'"):
        distributed.evaluate(data[0], ignore_regions="blind", **options)


def test_ray(data, regions, ray):
    every_way(ray.data.from_arrow, data, regions, "ray")


def test_spark(data, regions, spark):
    every_way(spark.createDataFrame, data, regions, "spark")
