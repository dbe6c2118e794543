"""Random data, with and without a fault, in each form through each entry: one answer."""

import collections
import csv
import json
import warnings

import numpy as np
import pytest
from thorough import some

import meanap
from meanap import generate
from meanap.cli import main

FAULTS = {
    "none": {},
    "a box that is NaN": {"bbox": [float("nan"), 1, 2, 3]},
    "a negative size": {"bbox": [1, 1, -2, 3]},
    "a score that is NaN": {"score": float("nan")},
    "an image of its own": {"image_id": 10**7},
}


def made(seed, fault):
    """A data set and results, with one fault in one of these; some have ids of images that are text."""
    generator = np.random.default_rng(seed)
    truth = generate.dataset(int(generator.integers(2, 9)), seed, categories=int(generator.integers(1, 5)), crowds=0.1)
    found = generate.detections(truth, per_image=int(generator.integers(1, 8)), seed=seed)
    kept = ("id", "image_id", "category_id", "bbox", "area", "iscrowd", "score")
    found = [{k: r[k] for k in kept if k in r} for r in found]
    if found:
        found[int(generator.integers(len(found)))].update(FAULTS[fault])
    truth = {**truth, "annotations": [{k: a[k] for k in kept if k in a} for a in truth["annotations"]]}
    if seed % 2:
        for image in truth["images"]:
            image["id"] = f"image {image['id']}"
        for record in (*truth["annotations"], *found):
            record["image_id"] = f"image {record['image_id']}"
    return truth, found


def by_image(truth, records):
    ids = [image["id"] for image in truth["images"]]
    return {
        id: [r for r in records if r["image_id"] == id]
        for id in dict.fromkeys([*ids, *(r["image_id"] for r in records)])
    }


def item(id, records):
    fields = {"scores": "score"} if records and "score" in records[0] else {"area": "area", "iscrowd": "iscrowd"}
    image = {"image_id": id, "boxes": np.array([r["bbox"] for r in records], dtype=float).reshape(-1, 4)}
    image["labels"] = [r["category_id"] for r in records]
    return image | {name: [r[field] for r in records] for name, field in fields.items()}


def forms(truth, found, folder):
    """Both sides in all forms."""
    (folder / "truth.json").write_text(json.dumps(truth))
    (folder / "found.json").write_text(json.dumps(found))
    (folder / "found.jsonl").write_text("".join(json.dumps(record) + "\n" for record in found))
    names = ("image_id", "category_id", "score")
    with open(folder / "found.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*names, "x", "y", "w", "h"])
        writer.writerows([*(r[name] for name in names), *map(float, r["bbox"])] for r in found)
    groups = by_image(truth, found)
    truths = {
        "dictionary": truth,
        "file": folder / "truth.json",
        "lists": [item(id, records) for id, records in by_image(truth, truth["annotations"]).items()],
        "groups": by_image(truth, truth["annotations"]),
    }
    founds = {
        "records": found,
        "file": folder / "found.json",
        "lines": folder / "found.jsonl",
        "csv": folder / "found.csv",
        "lists": [{**item(id, r), "scores": [x["score"] for x in r]} for id, r in groups.items()],
        "arrays": {id: np.array([[*x["bbox"], x["score"], x["category_id"]] for x in r]) for id, r in groups.items()},
        "groups": groups,
        "columns": {name: [r[name] for r in found] for name in (*names, "bbox")},
    }
    pairs = [("dictionary", b) for b in founds] + [(a, b) for a in truths for b in ("records", "lists", "arrays")]
    return {(a, b): (truths[a], founds[b]) for a, b in pairs}


def answer(entry, truth, found):
    try:
        if entry == "check":
            return sorted(
                row["code"] for row in meanap.check(truth, found, box_format="xywh") if row["level"] == "error"
            )
        numbers = meanap.evaluate(truth, found, box_format="xywh", on_error=entry).values()
        return np.nan_to_num(list(numbers), nan=-1).round(9).tolist()
    except meanap.InputError as error:
        return error.code


#: Each fault with one seed first, then with the other.
CASES = [(fault, (place + turn) % 2) for place, fault in enumerate(FAULTS) for turn in range(2)]


@pytest.mark.parametrize(("fault", "seed"), some(CASES, every=2))
def test_one_input_has_one_answer(fault, seed, tmp_path):
    truth, found = made(seed, fault)
    for entry in ("raise", "skip", "check"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answers = {names: answer(entry, *sides) for names, sides in forms(truth, found, tmp_path).items()}
        first = next(iter(answers.values()))
        assert {names: given for names, given in answers.items() if given != first} == {}, (entry, first)
        if entry != "skip":
            assert (fault == "none") == (first == [] if entry == "check" else isinstance(first, list))


#: What may be wrong with a record, one after another in the order in which fields are read.
WRONG = [
    {"image_id": None},
    {"image_id": 10**7},
    {"category_id": 10**7},
    {"score": "high"},
    {"bbox": [1, 1, -2, 3]},
    {"bbox": [1, float("nan"), 2, 3]},
]


def raised(*sides, **options):
    with pytest.raises(meanap.InputError) as caught:
        meanap.evaluate(*sides, box_format="xywh", **options)
    return str(caught.value), caught.value.code, caught.value.record, caught.value.field


def warned(*sides, **options):
    with pytest.warns(UserWarning, match="left out") as told:
        meanap.evaluate(*sides, box_format="xywh", on_error="skip", **options)
    return [str(one.message) for one in told if "left out" in str(one.message)]


SIDES_AND_FAULTS = [(side, wrong) for side in ("ground truth", "detections", "both") for wrong in range(len(WRONG))]


@pytest.mark.parametrize(("side", "earlier"), some(SIDES_AND_FAULTS, every=4))
def test_the_first_of_several_faults_is_that_of_the_first_record(tmp_path, capsys, side, earlier):
    """Whichever field is read first, and in whichever shard a record is; what is left out is told in that order."""
    truth = generate.dataset(30, 4, categories=3)
    truth["annotations"] = [{k: v for k, v in a.items() if k != "segmentation"} for a in truth["annotations"]]
    found = generate.detections(truth, per_image=10, seed=4)
    of_side = {"ground truth": truth["annotations"], "detections": found}
    wrong = [fault for fault in WRONG if side == "detections" or "score" not in fault]
    earlier %= len(wrong)
    for at, fault in enumerate([wrong[earlier], *wrong]):
        for name, records in of_side.items():
            if side in (name, "both") and (name == "detections" or "score" not in fault):
                records[7 + 9 * at].update(fault)
    files = tmp_path / "truth.json", tmp_path / "found.json"
    (tmp_path / "found.jsonl").write_text("".join(json.dumps(record) + "\n" for record in found))
    for path, value in zip(files, (truth, found), strict=True):
        path.write_text(json.dumps(value))
    answers, told = [], []
    for sides in ((truth, found), files, (files[0], tmp_path / "found.jsonl")):
        for limit in (None, 10**9, 4000) if sides[0] is not truth else (None,):
            answers.append(raised(*sides, memory_limit=limit))
            told.append(warned(*sides, memory_limit=limit))
    place = "detections" if side == "detections" else "ground_truth"
    assert answers[0][2] == 7 and answers[0][0].startswith(f"{place}: record 7: ")
    assert answers == [answers[0]] * len(answers) and told == [told[0]] * len(told)
    assert answers[0][0] in told[0][0]
    assert main(["eval", *map(str, files)]) and answers[0][0].partition(": ")[2] in capsys.readouterr().err


def test_the_first_of_several_faults_of_lists_is_that_of_the_first_item_of_the_ground_truth():
    truth, found = made(0, "none")
    truths, founds = ([item(id, r) for id, r in by_image(truth, r).items()] for r in (truth["annotations"], found))
    truths[1]["labels"][0] = None
    truths[-1]["boxes"][0, 2] = -1
    for image in founds:
        image["scores"] = [float("nan")] * len(image["labels"])
    mappings = [{item["image_id"]: item for item in items} for items in (truths, founds)]
    error = raised(truths, founds)
    assert error[0].startswith("ground_truth[1]") and error[1:3] == ("missing-field", 0)
    for sides in ((truths, founds[::-1]), mappings):
        assert raised(*sides) == error
    assert error[0] in warned(truths, founds)[0]


#: Options of an evaluation, given the images and categories of the data set.
OPTIONS = {
    "none": lambda images, categories: {},
    "fields": lambda images, categories: {"slices": ["weather", "objects"]},
    "ranges": lambda images, categories: {"slices": {"light": {"dark": (0, 50), "bright": (50, None)}}},
    "images of slices": lambda images, categories: {"slices": {"few": images[:1], "others": images[1:]}},
    "images": lambda images, categories: {"image_ids": images[::2], "slices": ["weather"]},
    "categories": lambda images, categories: {"categories": categories[:1], "average": "micro"},
    "one class": lambda images, categories: {"by_category": False, "protocol": "voc2012"},
    "limits": lambda images, categories: {"max_detections": (1, 2), "area_ranges": {"all": (0, 1e10), "few": (0, 99)}},
    "regions": lambda images, categories: {"ignore_regions": {images[0]: [[0, 0, 500, 0, 500, 300, 0, 300]]}},
    "a field of regions": lambda images, categories: {"ignore_regions": "unlabelled", "thresholds": [0.3, 0.5]},
    "left out": lambda images, categories: {"on_error": "skip", "protocol": "ultralytics"},
    "labelled categories": lambda images, categories: {"protocol": "lvis", "categories": categories},
    "fractions": lambda images, categories: {"size": "fraction", "area_ranges": {"all": (0, 1), "few": (0, 0.01)}},
}


def items_of_images(truth, records, with_fields):
    """A dictionary of each image with its records, and with its fields if they are asked for."""
    groups = by_image(truth, records)
    return [
        {
            "image_id": image["id"],
            **{name: value for name, value in image.items() if name != "id" and with_fields},
            "annotations": [{name: r[name] for name in r if name != "image_id"} for r in groups[image["id"]]],
        }
        for image in truth["images"]
    ]


def with_image_fields(truth):
    categories = [category["id"] for category in truth["categories"]]
    for number, image in enumerate(truth["images"]):
        image |= {"neg_category_ids": categories[number % 3 :], "not_exhaustive_category_ids": categories[: number % 2]}
        image |= {
            "weather": ("rain", "sun")[number % 2],
            "light": 30.0 * number,
            "unlabelled": [[0, 0, 300, 0, 0, 300]],
        }
        image.pop("file_name", None)
    return truth


def in_every_form(truth, found, folder):
    """Both sides in forms that say all that is known of the images; by the memory that they may take, if any."""
    groups = items_of_images(truth, truth["annotations"], True), items_of_images(truth, found, False)
    paths = [folder / name for name in ("truth.json", "found.json", "truth.jsonl", "found.jsonl")]
    for path, value in zip(paths, (truth, found, *groups), strict=True):
        lines = "".join(json.dumps(line) + "\n" for line in value) if path.suffix == ".jsonl" else json.dumps(value)
        path.write_text(lines)
    fields = {image["id"]: {**image, "image_size": [image["height"], image["width"]]} for image in truth["images"]}
    lists = [
        {**item(id, records), **{name: value for name, value in fields[id].items() if name not in ("id", "license")}}
        for id, records in by_image(truth, truth["annotations"]).items()
    ]
    preds = [{**item(id, r), "scores": [x["score"] for x in r]} for id, r in by_image(truth, found).items()]
    columns = {name: [record[name] for record in found] for name in ("image_id", "category_id", "score", "bbox")}
    return {
        "dictionary, list": (truth, found, None),
        "files": (*paths[:2], None),
        "groups": (*groups, None),
        "lines": (*paths[2:], None),
        "lists": (lists, preds, None),
        "dictionary, columns": (truth, columns, None),
        "shards": (*paths[:2], 2000),
        "shards of lines": (*paths[2:], 2000),
    }


def all_answers(result):
    """The numbers of a result, its tables, and the same of its slices."""
    names = ["objects", "detections", "true_positives", "false_positives", "false_negatives"]
    return {
        "numbers": repr(list(result.values())),
        "confusion": result.confusion().matrix.tolist(),
        "errors": str(result.errors()),
        "images": sorted((str(row["image"]), *(row[name] for name in names)) for row in result.per_image()),
        "threshold": repr(result.operating_point(precision=0.3)),
        "interval": repr(result.interval("ap", resamples=10)),
        "slices": {name: repr(list(part.values())) for name, part in result.slices.results.items()},
    }


@pytest.mark.parametrize("option", OPTIONS)
def test_options_have_one_answer_in_each_form(option, tmp_path):
    seed = list(OPTIONS).index(option)
    truth, found = made(seed, "none")
    truth = with_image_fields(truth)
    used = {r["category_id"] for r in (*truth["annotations"], *found)}
    truth["categories"] = [{"id": c["id"], "name": str(c["id"])} for c in truth["categories"] if c["id"] in used]
    options = OPTIONS[option](*([record["id"] for record in truth[name]] for name in ("images", "categories")))
    answers = {}
    for name, (a, b, limit) in in_every_form(truth, found, tmp_path).items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answers[name] = all_answers(meanap.evaluate(a, b, box_format="xywh", memory_limit=limit, **options))
    first = answers["dictionary, list"]
    for name, answer in answers.items():
        assert {part: given for part, given in answer.items() if given != first[part]} == {}, name


def test_options_that_cannot_be_used_have_one_error_in_each_form(tmp_path):
    truth, found = made(0, "none")
    truth["categories"] = [{"id": category["id"]} for category in truth["categories"]]
    forms = in_every_form(with_image_fields(truth), found, tmp_path)
    for option in ({"format": "x"}, {"by_category": "x"}, {"area_ranges": [(0, 1)]}, {"protocol": "kitti"}):
        errors = {}
        for name, (a, b, limit) in forms.items():
            with pytest.raises(meanap.InputError) as caught:
                meanap.evaluate(a, b, box_format="xywh", memory_limit=limit, **option)
            errors[str(caught.value).replace("ground_truth[0]", "ground_truth")] = name
        assert len(errors) == 1, errors


def test_a_metric_object_says_that_it_has_no_use_for_labelled_categories(tmp_path):
    truth, found = made(0, "none")
    lists, preds, _ = in_every_form(with_image_fields(truth), found, tmp_path)["lists"]
    with pytest.raises(meanap.InputError, match=r'target: record 0: "neg_category_ids" is there'):
        meanap.MeanAveragePrecision(protocol="lvis", box_format="xywh").update(preds, lists)
    metric = meanap.MeanAveragePrecision(protocol="lvis", box_format="xywh", federated=False)
    metric.update(preds, lists)
    numbers = meanap.evaluate(truth, found, protocol="lvis", federated=False)
    np.testing.assert_array_equal(list(metric.result().values())[:3], list(numbers.values())[:3])


def test_each_entry_says_that_no_detection_overlaps(tmp_path, monkeypatch, capsys):
    pa = pytest.importorskip("pyarrow")
    from meanap import distributed

    class Here:
        """An engine whose only worker is this process."""

        __name__ = "here"
        is_dataset = staticmethod(lambda source: isinstance(source, pa.Table))
        of_table = staticmethod(lambda table: table)
        union = staticmethod(lambda first, second: first)
        of_shards = staticmethod(lambda table, work, shards: work(table))

        @staticmethod
        def curves(table, plan, shards, rows_per_part, images_of):
            return distributed.accumulate_group(distributed.match_batch(table, plan), plan), None

    monkeypatch.setattr(distributed, "_engine", lambda dataset, name: Here())
    truth = generate.dataset(20, 4, categories=3)
    found = generate.detections(truth, per_image=10, seed=4)
    for record in found:
        record["bbox"] = [record["bbox"][0] + 50_000, *record["bbox"][1:]]
    files = tmp_path / "truth.json", tmp_path / "found.json"
    for path, value in zip(files, (truth, found), strict=True):
        path.write_text(json.dumps(value))
    plan = distributed.Plan.of("bbox", "coco")
    table = distributed.table_of(truth, found, plan)
    entries = {
        "dictionaries": lambda: meanap.evaluate(truth, found),
        "files": lambda: meanap.evaluate(*files),
        "shards": lambda: meanap.evaluate(*files, memory_limit="1 MB"),
        "opened": lambda: meanap.evaluate(meanap.readers.ground_truth(files[0]), meanap.readers.detections(files[1])),
        "a function": lambda: meanap.evaluate(truth, found, lambda a, b: np.zeros((len(a), len(b)))),
        "curves of a cluster": lambda: distributed.evaluate(table, engine="ray"),
        "matches of a cluster": lambda: distributed.evaluate(table, engine="ray", keep_matches=True),
    }
    for name, entry in entries.items():
        with pytest.warns(UserWarning, match="^no detection overlaps an object of its category enough") as told:
            entry()
        assert len(told) == 1 and told[0].filename == __file__, name
    main(["eval", *map(str, files)])
    assert "warning: no detection overlaps an object" in capsys.readouterr().err


BOX = {"boxes": [[0, 0, 9, 9]], "labels": [1]}
FOUND = {**BOX, "scores": [0.9]}
MASK = {"masks": np.ones((1, 8, 8), dtype=bool), "labels": [1]}
POSE = {"keypoints": np.ones((1, 17, 3)), "boxes": [[0, 0, 9, 9]], "labels": [1]}


def of_images(truth, found, similarity, folder):
    """The AP of lists with an item for each image through each entry, or what is wrong with them."""
    from meanap._json import plain

    def updated(images):
        metric = meanap.MeanAveragePrecision(similarity)
        for part in images:
            metric.update(found[part], truth[part])
        return metric.result().ap

    def written(name, text):
        (folder / name).write_text(text)
        return folder / name

    def files(ending, text):
        return [written(f"{name}.{ending}", text(side)) for name, side in (("truth", truth), ("found", found))]

    def in_columns():
        pytest.importorskip("pyarrow")
        from meanap.distributed import Plan, accumulate_group, from_curves, match_batch, table_of

        plan = Plan.of(similarity, "coco")
        rows = match_batch(table_of(truth, found, plan), plan)
        return from_curves(accumulate_group(rows, plan), plan).ap

    lines = lambda side: "".join(json.dumps(plain(item)) + "\n" for item in side)  # noqa: E731
    entries = {
        "lists": lambda: meanap.evaluate(truth, found, similarity).ap,
        "tuples": lambda: meanap.evaluate(tuple(truth), tuple(found), similarity).ap,
        "deques": lambda: meanap.evaluate(collections.deque(truth), collections.deque(found), similarity).ap,
        "mappings": lambda: meanap.evaluate(dict(enumerate(truth)), dict(enumerate(found)), similarity).ap,
        "columns": in_columns,
        "a batch": lambda: updated([slice(None)]),
        "an image at a time": lambda: updated([slice(row, row + 1) for row in range(len(truth))]),
        "JSON": lambda: meanap.evaluate(*files("json", lambda side: json.dumps(plain(side))), similarity).ap,
        "JSON lines": lambda: meanap.evaluate(*files("jsonl", lines), similarity).ap,
    }
    answers = {}
    for name, entry in entries.items():
        try:
            answers[name] = entry()
        except meanap.InputError as error:
            answers[name] = str(error)
    return answers


NOTHING = [None, [], (), np.zeros((0, 6)), {"boxes": [[]], "labels": [], "scores": []}]


@pytest.mark.parametrize("nothing", NOTHING, ids=str)
@pytest.mark.parametrize("place", ["first", "second", "all"])
@pytest.mark.parametrize(("kind", "item"), [("bbox", BOX), ("segm", MASK), ("keypoints", POSE)])
def test_images_in_which_nothing_is_found(tmp_path, kind, item, place, nothing):
    """None, or an empty list or array: the same through each entry."""
    found = {**item, "scores": [0.9]}
    if isinstance(nothing, dict) and kind != "bbox":
        pytest.skip("it has boxes")
    sides = {"first": [nothing, found], "second": [found, nothing], "all": [nothing, nothing]}
    answers = of_images([item, item], sides[place], kind, tmp_path)
    expected = 0.0 if place == "all" else answers["lists"]
    assert set(answers.values()) == {expected} and isinstance(expected, float), answers
    assert place == "all" or 0.5 < expected < 0.51


@pytest.mark.parametrize("nothing", [[], (), np.zeros(0), {"boxes": [], "labels": []}], ids=str)
def test_images_without_objects(tmp_path, nothing):
    for truth, expected in (([nothing, BOX], 0.5), ([BOX, nothing], 1.0)):
        (answer,) = set(of_images(truth, [FOUND, FOUND], "bbox", tmp_path).values())
        assert answer == pytest.approx(expected)


@pytest.mark.parametrize(
    ("truth", "found", "message"),
    [
        ([BOX, BOX], [FOUND, {}], '"labels" is missing'),
        ([BOX, BOX], [{}, FOUND], '"labels" is missing'),
        ([BOX, {}], [FOUND, FOUND], '"labels" is missing'),
        ([BOX, None], [FOUND, FOUND], ": is None, expected objects, or an empty list where there are none"),
        ([None], [FOUND], ": is None, expected objects, or an empty list where there are none"),
        ([BOX], [{**FOUND, "scores": None}], '"scores" is missing'),
        ([BOX], [{**FOUND, "boxes": None}], '"boxes" is missing'),
        ([BOX], [{**FOUND, "labels": None}], '"labels" is missing'),
        ([BOX], [{**FOUND, "boxes": [[]]}], ": row 0 is [], expected 4 numbers (x1, y1, x2, y2)"),
    ],
)
def test_dictionaries_that_lack_what_is_needed(tmp_path, truth, found, message):
    for name, answer in of_images(truth, found, "bbox", tmp_path).items():
        assert isinstance(answer, str) and answer.endswith(message), (name, answer)


@pytest.mark.parametrize(
    "more",
    [
        {"iscrowd": [1]},
        {"ignore": [1]},
        {"area": [5000.0]},
        {"image_size": [30, 40]},
        {"masks": np.ones((1, 9, 9), dtype=bool)},
        {"iscrowd": None, "area": None, "image_id": None, "masks": None},
    ],
    ids=lambda more: "+".join(more),
)
def test_fields_that_only_some_images_have(tmp_path, more):
    for truth in ([{**BOX, **more}, BOX], [BOX, {**BOX, **more}], [{**BOX, **more}, {"boxes": [], "labels": []}]):
        answers = of_images(truth, [FOUND, FOUND], "bbox", tmp_path)
        assert len(set(map(repr, answers.values()))) == 1 and isinstance(answers["lists"], float), answers


def test_areas_that_are_not_given_are_measured_where_lists_are_written_as_coco(tmp_path):
    truth = [{**BOX, "area": np.array([0.0]), "weather": np.str_("rain"), "image_size": np.array([30, 40])}, BOX]
    meanap.convert(truth, tmp_path / "truth.json", "coco")
    written = json.loads((tmp_path / "truth.json").read_text())
    assert [annotation["area"] for annotation in written["annotations"]] == [81, 81]
    assert written["images"][0] == {"id": 0, "height": 30, "width": 40, "image_size": [30, 40], "weather": "rain"}
    assert written["images"][1] == {"id": 1}


@pytest.mark.parametrize(
    ("shape", "message"),
    [((1, 1, 8, 8), "(N, H, W), found (1, 1, 8, 8)"), ((8, 8), "found (8, 8)"), ((1, 4, 8), "4 x 8 pixels, others of")],
)
def test_masks_of_another_shape(tmp_path, shape, message):
    answers = of_images([MASK], [{**MASK, "masks": np.ones(shape, dtype=bool), "scores": [0.5]}], "segm", tmp_path)
    for name in ("lists", "mappings", "columns", "a batch"):
        assert message in answers[name], (name, answers[name])
