"""Files of every format with random faults: numbers, or an error about the input, from every entry."""

import copy
import json
import math
import random
import shutil
import sys
import types
import warnings
from pathlib import Path

import pytest

import meanap
from meanap import generate
from tests.thorough import THOROUGH

STORED = Path(__file__).parent / "stored"
SEEDS = 300 if THOROUGH else 3
WORDS = ["", "x", "nan", "inf", "-1", "1e400", "9" * 30, "é", "1.5.2", "-", "0x1", '"', "\0", "<a>", "]"]
VALUES = [None, True, 0, -1, 1.5, math.nan, math.inf, 2**70, "x", "", [], {}, [1], [None], {"a": 1}, [[1, 2], [3]], "1"]


def stored(name):
    return json.loads((STORED / name).read_text())


def as_files(folder, truth, found):
    for name, value in (("truth.json", truth), ("found.json", found)):
        (folder / name).write_text(json.dumps(value))
    return folder / "truth.json", folder / "found.json"


def visdrone(folder):
    case = stored("visdrone.json")[0]
    for name, side in (("annotations", case["truth"]), ("results", case["found"])):
        (folder / name).mkdir(parents=True)
        for image, text in side.items():
            (folder / name / f"{image}.txt").write_text(text)
    return folder / "annotations", folder / "results"


def widerface(folder):
    pytest.importorskip("scipy")
    sys.path.insert(0, str(STORED))
    import ask_widerface

    images = stored("widerface.json")["images"]
    (folder / "tools").mkdir()
    ask_widerface.write_tools(folder / "tools", images)
    ask_widerface.write_results(folder / "results", images)
    return folder / "tools", folder / "results"


def kitti(folder):
    data = stored("kitti.json")
    for name in ("labels", "results"):
        (folder / name).mkdir()
        for image, lines in data[name].items():
            (folder / name / f"{image}.txt").write_text("\n".join(lines))
    return folder / "labels", folder / "results"


def activitynet(folder):
    data = stored("activitynet.json")
    return as_files(folder, data["truth"], data["results"])


def nuscenes(folder):
    data = stored("nuscenes.json")
    return as_files(folder, data["truth"], data["results"])


def youtubevis(folder):
    data = stored("youtubevis.json")
    return as_files(folder, data["truth"], data["results"])


def citypersons(folder):
    data = stored("pedestrians.json")["citypersons"]
    return as_files(folder, data["truth"], data["found"])


def crowdhuman(folder):
    paths = folder / "truth.odgt", folder / "found.odgt"
    data = stored("pedestrians.json")["crowdhuman"]
    for path, records in zip(paths, (data["truth"], data["found"]), strict=True):
        path.write_text("\n".join(map(json.dumps, records)))
    return paths


def fiftyone(folder):
    sides = {"ground_truth": [[0.1, 0.1, 0.5, 0.5]], "yolo": [[0.1, 0.1, 0.4, 0.5], [0.5, 0.5, 0.2, 0.2]]}

    def labels(boxes, **fields):
        one = [{"_cls": "Detection", "label": "cat", "bounding_box": box, **fields} for box in boxes]
        return {"_cls": "Detections", "detections": one}

    samples = [
        {
            "filepath": f"data/{number}.jpg",
            "metadata": {"_cls": "ImageMetadata", "width": 100, "height": 80},
            "ground_truth": labels(sides["ground_truth"]),
            "yolo": labels(sides["yolo"], confidence=0.5),
        }
        for number in range(4)
    ]
    return as_files(folder, {"samples": samples}, {"samples": samples})


def generated(format):
    def make(folder):
        return generate.write_format(folder, format, images=4, seed=3, per_image=4)

    make.__name__ = format
    return make


FORMATS = [
    *((make, "bbox", "coco") for make in map(generated, ("yolo", "voc", "openimages", "labelme", "cvat", "createml"))),
    (generated("kitti"), "bbox", "kitti"),
    (kitti, "box3d", "kitti"),
    (generated("dota"), "rotated", "dota"),
    (generated("openimages"), "bbox", "openimages"),
    (generated("jsonl"), "bbox", "coco"),
    (generated("csv"), "bbox", "coco"),
    (visdrone, "bbox", "visdrone"),
    (widerface, "bbox", "widerface"),
    (activitynet, "temporal", "activitynet"),
    (nuscenes, "centre-distance", "nuscenes"),
    (youtubevis, "segm", "youtubevis"),
    (citypersons, "bbox", "citypersons"),
    (crowdhuman, "bbox", "crowdhuman"),
    (fiftyone, "bbox", "coco"),
]


def options_of(folder):
    """The images, where the format needs their sizes."""
    return {"images": folder / "images"} if (folder / "annotations.csv").exists() else {}


def named(case):
    make, similarity, protocol = case
    return f"{make.__name__}-{similarity}-{protocol}"


def in_text(text, rng):
    """A text with another word, a line more or less, or its beginning alone."""
    lines, how = text.split("\n"), rng.random()
    at = rng.randrange(len(lines))
    if how < 0.6:
        sign = next((sign for sign in (",", " ", ">", "<") if sign in lines[at]), " ")
        words = lines[at].split(sign)
        words[rng.randrange(len(words))] = rng.choice(WORDS)
        lines[at] = sign.join(words)
    elif how < 0.75:
        del lines[at]
    elif how < 0.85:
        lines.insert(at, rng.choice(WORDS))
    else:
        return text[: rng.randrange(len(text) + 1)]
    return "\n".join(lines)


def places(value, path=()):
    yield path
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    else:
        return
    for key, item in (*items[:6], *items[-2:]):
        yield from places(item, (*path, key))


def in_json(value, rng):
    """JSON with another value, or one less."""
    *within, last = rng.choice(list(places(value))) or (None,)
    if last is None:
        return rng.choice(VALUES)
    holder = value = copy.deepcopy(value)
    for key in within:
        holder = holder[key]
    if rng.random() < 0.3:
        del holder[last]
    else:
        holder[last] = rng.choice(VALUES)
    return value


def spoil(path, rng):
    """Changes a file."""
    data = path.read_bytes()
    how = rng.random()
    if how < 0.1:
        path.unlink()
    elif how < 0.25 and data:
        changed = bytearray(data)
        for _ in range(3):
            changed[rng.randrange(len(changed))] = rng.randrange(256)
        path.write_bytes(changed)
    elif path.suffix == ".json" and how < 0.7:
        path.write_text(json.dumps(in_json(json.loads(data), rng)))
    elif path.suffix in (".txt", ".csv", ".xml", ".json", ".odgt", ".jsonl", ".yaml"):
        path.write_text(in_text(data.decode(), rng), encoding="utf-8", newline="")
    else:
        path.write_bytes(data[: rng.randrange(len(data) + 1)])


@pytest.mark.parametrize("case", FORMATS, ids=named)
def test_faults_are_errors_about_the_input(case, tmp_path):
    make, *asked = case
    similarity = asked[0]
    (tmp_path / "sound").mkdir()
    sides = make(tmp_path / "sound")
    assert meanap.evaluate(*sides, *asked, **options_of(tmp_path / "sound"))
    refused = taken = 0
    for seed in range(SEEDS):
        rng, folder = random.Random(seed), tmp_path / "spoilt"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(tmp_path / "sound", folder)
        spoil(rng.choice(sorted(path for path in folder.rglob("*") if path.is_file())), rng)
        paths = [folder / Path(side).relative_to(tmp_path / "sound") for side in sides]
        format = rng.choice([None, make.__name__]) if make.__name__ not in ("fiftyone", "citypersons") else None
        more = options_of(folder)
        for call in (
            lambda paths=paths, format=format, more=more: meanap.evaluate(*paths, *asked, format=format, **more),
            lambda paths=paths, more=more: meanap.evaluate(*paths, *asked, on_error="skip", **more),
            lambda paths=paths, more=more: meanap.check(*paths, similarity, **more),
            lambda paths=paths, more=more: meanap.describe(paths[0], **more) if similarity == "bbox" else None,
        ):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    call()
                taken += 1
            except (meanap.InputError, OSError):
                refused += 1
            except Exception as error:
                error.add_note(f"seed {seed}") if hasattr(error, "add_note") else None
                raise
    assert refused and taken


def test_a_category_that_is_not_declared_is_an_error_of_describe(tmp_path):
    truth, _ = citypersons(tmp_path)
    content = json.loads(Path(truth).read_text())
    content["annotations"][0]["category_id"] = "x"
    Path(truth).write_text(json.dumps(content))
    with pytest.raises(meanap.InputError, match="category_ids: row 0 is 'x', which is not among those declared"):
        meanap.describe(truth)


@pytest.mark.parametrize("content", [{}, {"gt_list": 3}, {"gt_list": [], "event_list": [[["a"]]], "file_list": [None]}])
def test_what_matlab_has_not_written_for_wider_face_is_told(content, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.io", types.SimpleNamespace(loadmat=lambda path: content))
    with pytest.raises(meanap.InputError, match="not the files of WIDER FACE's tools [(].*Error: "):
        meanap.describe(tmp_path, format="widerface")
