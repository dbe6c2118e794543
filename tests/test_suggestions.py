"""Names that there are not: the message has the one that was meant. And tensors that hold nothing."""

import contextlib
import json

import numpy as np
import pytest

import meanap
from meanap import generate, ranking
from meanap.cli import main

TRUTH = generate.dataset(images=4, seed=1, categories=3)
FOUND = generate.detections(TRUTH, per_image=5, seed=1)


@pytest.fixture
def files(tmp_path):
    for name, content in (("truth.json", TRUTH), ("found.json", FOUND)):
        (tmp_path / name).write_text(json.dumps(content))
    return [str(tmp_path / name) for name in ("truth.json", "found.json")]


@pytest.mark.parametrize(
    ("option", "given", "meant"),
    [
        ("protocol", "COCO", "coco"),
        ("protocol", "pascal_voc", "voc2012"),
        ("protocol", "yolov8", "ultralytics"),
        ("protocol", "cityscape", "cityscapes"),
        ("similarity", "BBox", "bbox"),
        ("similarity", "mask", "segm"),
        ("similarity", "keypoint", "keypoints"),
        ("format", "yolov8", "yolo"),
        ("format", "COCO", "coco"),
        ("format", "pascal_voc", "voc"),
    ],
)
def test_choices(files, option, given, meant, capsys):
    with pytest.raises(meanap.InputError, match=f"{option}: expected .*, found {given!r}; did you mean {meant!r}\\?"):
        meanap.evaluate(*files, **{option: given})
    with contextlib.suppress(SystemExit):
        assert main(["eval", *files, f"--{option}", given]) == 2
    if given != "pascal_voc" or option == "protocol":
        assert f"did you mean {meant!r}?" in capsys.readouterr().err


def test_a_choice_like_no_other_has_no_suggestion(files):
    for option in ("protocol", "similarity", "format"):
        for given in ("zzz", 7, None if option == "similarity" else ()):
            with pytest.raises(meanap.InputError) as caught:
                meanap.evaluate(*files, **{option: given})
            assert "did you mean" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "meant"), [("AP", "ap"), ("map", "ap"), ("map_50", "ap50"), ("AP_small", "ap_small")]
)
def test_numbers_of_a_result(files, given, meant, capsys):
    result = meanap.evaluate(*files)
    with pytest.raises(KeyError, match=f"no number {given!r}; there are .*; did you mean {meant!r}"):
        result[given]
    with pytest.raises(AttributeError, match=f"has no attribute {given!r}; did you mean {meant!r}"):
        getattr(result, given)
    assert not hasattr(result, "_map") and not hasattr(result, "__arrow_c_stream__")
    if given.startswith("map"):
        assert main(["eval", *files, "--fail-under", f"{given}=0.1"]) == 2
        assert f"did you mean {meant!r}?" in capsys.readouterr().err


@pytest.mark.parametrize("format", ["coc", ("coco", "coc"), (None, "coc")])
def test_a_format_that_there_is_not_is_told_of_sources_in_memory_too(format):
    for entry in (meanap.evaluate, meanap.check):
        with pytest.raises(meanap.InputError, match="format: expected one of .*, found 'coc'; did you mean 'coco'[?]"):
            entry(TRUTH, FOUND, format=format)


OTHER_THINGS = {
    "list": lambda: [1, 2],
    "records": lambda: FOUND,
    "dictionary": lambda: TRUTH,
    "array": lambda: np.zeros(3),
    "frame": lambda: pytest.importorskip("pandas").DataFrame(FOUND),
    "bytes": lambda: b"bbox",
    "number": lambda: 0.5,
}


@pytest.mark.parametrize("kind", OTHER_THINGS)
def test_what_is_no_text_is_no_name_of_anything(kind, tmp_path):
    """As where two detections, or another tool's order of arguments, come before the options."""
    thing = OTHER_THINGS[kind]()
    for name, call in {
        "similarity": lambda: meanap.evaluate(TRUTH, FOUND, thing),
        "similarity ": lambda: meanap.check(TRUTH, FOUND, thing),
        "similarity  ": lambda: meanap.MeanAveragePrecision(thing),
        "protocol": lambda: meanap.evaluate(TRUTH, FOUND, "bbox", thing),
        "protocol ": lambda: meanap.MeanAveragePrecision(protocol=thing),
        "box_format": lambda: meanap.evaluate(TRUTH, FOUND, box_format=thing),
        "box_format ": lambda: meanap.GroundTruth([1], [1], [[0, 0, 1, 1]], box_format=thing),
        "on_error": lambda: meanap.evaluate(TRUTH, FOUND, on_error=thing),
        "on_error ": lambda: meanap.convert(TRUTH, tmp_path / "x.json", "coco", on_error=thing),
        "on_error  ": lambda: meanap.detection.nuscenes_score(TRUTH, FOUND, on_error=thing),
        "format": lambda: meanap.evaluate(TRUTH, FOUND, format=[thing, thing]),
        "to": lambda: meanap.convert(TRUTH, tmp_path / "x", thing),
    }.items():
        with pytest.raises(meanap.InputError, match=rf"^{name.strip()}: expected .*, found ") as caught:
            call()
        assert len(str(caught.value)) < 700
    with pytest.raises(TypeError, match="versus: expected a result of meanap.evaluate, found a "):
        meanap.evaluate(TRUTH, FOUND).report(tmp_path / "x.html", versus=thing, resamples=2)


def test_a_persistence_that_is_written_as_a_cut_off_is_refused():
    qrels, run = {"q": {"d": 1}}, {"q": {"d": 0.5}}
    with pytest.raises(meanap.InputError, match=r'measure "rbp.80": expected rbp\(p=0.80\), or rbp@80 for a cut-off'):
        ranking.evaluate(qrels, run, "rbp.80")
    assert ranking.evaluate(qrels, run, "rbp(p=0.80)").mean("rbp(p=0.8)") == pytest.approx(0.2)


def test_several_measures_in_one_text():
    with pytest.raises(meanap.InputError, match='measure "ndcg@5,map": several measures are a list of their names'):
        ranking.evaluate({"q": {"d": 1}}, {"q": {"d": 0.5}}, "ndcg@5,map")
    assert "rbp(p=0.8)@5" in ranking.evaluate({"q": {"d": 1}}, {"q": {"d": 0.5}}, "rbp(p=0.8)@5").measures


@pytest.mark.parametrize("measures", [5, [5], None, [["map"]], {"map", 5}])
def test_what_is_no_name_of_a_measure_is_refused_at_each_entry(measures):
    qrels, run = {"q": {"d": 1}}, {"q": {"d": 0.5}}
    result = ranking.evaluate(qrels, run, "map")
    entries = (
        lambda: ranking.evaluate(qrels, run, measures),
        lambda: ranking.evaluate_diversity({"q": {"a": {"d": 1}}}, run, measures),
        lambda: ranking.tie_range(qrels, run, measures),
        lambda: ranking.RelevanceEvaluator(qrels, measures),
        lambda: ranking.compare(result, result, [5] if measures is None else measures),
    )
    for entry in entries:
        with pytest.raises(TypeError, match="^measures: expected the name of a measure, .*, found "):
            entry()


def test_sources_of_rankings_that_are_none_say_what_they_are():
    qrels, run = {"q": {"d": 1}}, {"q": {"d": 0.5}}
    for sides in ((json.dumps(qrels), run), (qrels, json.dumps(run))):
        with pytest.raises(meanap.InputError, match="a text that is JSON itself; expected a path"):
            ranking.evaluate(*sides)
    frame = pytest.importorskip("pandas").DataFrame([])
    for name, sides in (("qrels", (frame, run)), ("run", (qrels, frame))):
        with pytest.raises(meanap.InputError, match=f"^{name}: has no columns, expected one for the query"):
            ranking.evaluate(*sides)
    with pytest.raises(TypeError, match="groups: expected a mapping of query to group, found an int"):
        ranking.evaluate(qrels, run).per_group(5)


def test_results_of_rankings_are_compared_elsewhere():
    result = ranking.evaluate({"q": {"d": 1}}, {"q": {"d": 0.5}}, "map")
    with pytest.raises(TypeError, match="baseline: .* found a RankingResult; meanap.ranking.compare takes"):
        meanap.compare(result, result)


def test_a_category_that_there_is_not_is_told_with_the_one_that_was_meant():
    result = meanap.evaluate(TRUTH, FOUND)
    for ask in (result.precision_recall, result.froc, lambda id: result.operating_point(precision=0.5, category=id)):
        with pytest.raises(KeyError, match="no category 'persn'; did you mean 'person'[?]"):
            ask("persn")
        with pytest.raises(KeyError, match="no category 99; there are 'person', 'car', 'chair', 1, 2, 3"):
            ask(99)


def test_one_number_may_be_compared_alone():
    result = meanap.evaluate(TRUTH, FOUND)
    for names in ("ap50", ["ap50"]):
        assert [row["number"] for row in meanap.compare(result, result, names, resamples=2)] == ["ap50"]


def test_nothing_is_called_none():
    with pytest.raises(TypeError, match="; found None$"):
        meanap.evaluate(None, FOUND)
    with pytest.raises(TypeError, match="qrels: is None, expected"):
        ranking.evaluate(None, {"q": {"d": 0.5}})


def test_tensors_without_data_are_named():
    """As on torch's device "meta", and what is left on it in a training loop."""
    torch = pytest.importorskip("torch", reason="torch's tensors")
    truth = {"boxes": torch.zeros((1, 4)), "labels": torch.ones(1, dtype=torch.int64)}
    found = {**truth, "scores": torch.ones(1)}
    for name in found:
        away = {**found, name: found[name].to("meta")}
        message = rf'\[0\]\["{name}"\]: a Tensor cannot be read as an array'
        for call in (
            lambda away=away: meanap.MeanAveragePrecision().update([away], [truth]),
            lambda away=away: meanap.evaluate([truth], [away]),
        ):
            with pytest.raises(meanap.InputError, match=message):
                call()
        assert not meanap.check([truth], [away]).ok
    one = torch.ones((), device="meta")
    with pytest.raises(meanap.InputError, match='record 0: "score" is tensor'):
        meanap.evaluate(TRUTH, [{**FOUND[0], "score": one}])
    with pytest.raises(TypeError, match=r"run\['q'\]\['d'\]: \"score\" is tensor"):
        ranking.evaluate({"q": {"d": 1}}, {"q": {"d": one}})


class Away:
    """A tensor of a device from which nothing is copied without a call of its own."""

    is_cuda = True

    def __init__(self, array):
        self._array = np.asarray(array)
        self.shape, self.dtype, self.ndim = self._array.shape, self._array.dtype, self._array.ndim

    def __len__(self):
        return len(self._array)

    def __getitem__(self, key):
        return Away(self._array[key])

    def __array__(self, *arguments, **options):
        raise TypeError("can't convert cuda:0 device type tensor to numpy")

    def __dlpack_device__(self):
        return 2, 0

    def __dlpack__(self, **options):
        raise BufferError("a CUDA tensor cannot be exported to the CPU")


class Copied(Away):
    def cpu(self):
        return self._array


def test_tensors_of_an_accelerator_are_copied_or_named():
    boxes = np.array([[0.0, 0, 10, 10], [5, 5, 20, 20]])
    truth, found = {"boxes": boxes, "labels": [0, 1]}, {"boxes": boxes, "scores": [0.9, 0.8], "labels": [0, 1]}
    expected = meanap.evaluate([truth], [found]).ap

    def made(kind, item):
        return {name: kind(values) for name, values in item.items()}

    assert meanap.evaluate([made(Copied, truth)], [made(Copied, found)]).ap == expected
    metric = meanap.MeanAveragePrecision()
    metric.update([made(Copied, found)], [made(Copied, truth)])
    assert metric.compute()["map"] == expected
    ids, numbers = Copied([1, 1]), made(Copied, found)
    side = meanap.Detections(ids, numbers["labels"], numbers["scores"], numbers["boxes"])
    assert meanap.evaluate(meanap.GroundTruth(ids, numbers["labels"], numbers["boxes"]), side).ap == expected
    rows = Copied([[d["image_id"], *d["bbox"], d["score"], d["category_id"]] for d in FOUND])
    assert meanap.evaluate(TRUTH, rows).ap == pytest.approx(meanap.evaluate(TRUTH, FOUND).ap)
    with pytest.raises(meanap.InputError, match="an Away cannot be read as an array"):
        meanap.evaluate([truth], [made(Away, found)])
    with pytest.raises(meanap.InputError, match="an Away cannot be read as an array"):
        metric.update([made(Away, found)], [truth])


def test_conventions_names_and_forms_of_boxes_are_found_in_any_case():
    from meanap import ranking

    with pytest.raises(TypeError, match="unknown convention 'Gian'; did you mean 'gain'[?]"):
        ranking.Conventions().replace(Gian="linear")
    with pytest.raises(TypeError, match=r"unknown convention 'xyz' \(known: "):
        ranking.Conventions().replace(xyz=1)
    truth = {
        "images": [{"id": 1, "height": 9, "width": 9}],
        "categories": [{"id": 1, "name": "Zebra crossing"}, {"id": 2, "name": "bus"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 5, 5], "area": 25, "iscrowd": 0}],
    }
    found = [
        {"image_id": 1, "category": name, "bbox": [1, 1, 5, 5], "score": 0.5} for name in ("bus", "ZEBRA-CROSSING")
    ]
    with pytest.raises(meanap.InputError, match="did you mean 'Zebra crossing'[?]"):
        meanap.evaluate(truth, found)
    boxes = [{"boxes": [[1, 1, 5, 5]], "labels": [1], "scores": [0.5]}]
    with pytest.raises(meanap.InputError, match="found 'COCO'; did you mean 'xywh'[?]"):
        meanap.evaluate(boxes, boxes, box_format="COCO")
    with pytest.raises(meanap.InputError, match="found 'yxyx'$"):
        meanap.evaluate(boxes, boxes, box_format="yxyx")
