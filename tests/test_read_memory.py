"""Where memory ends while files are read, there are the right columns or a MemoryError, whatever stage fails."""

import json

import pytest
from memory_limits import linux, run_with_limits
from thorough import some

#: KiB that are left for the work.
LEFT = (0, 300, 700, 1500, 2500, 4000, 6000, 9000, 14000, 20000, 30000, 50000, 80000, 120000, 500000)
#: The same, for what takes longer.
FEWER = (0, 500, 1200, 3000, 6000, 14000, 40000, 500000)

COLUMNS = """
import hashlib
import meanap._core as core
def columns(file, side, images):
    assert file.fallback is None, file.fallback
    found = hashlib.sha256()
    for name, array in sorted(file.arrays().items()):
        found.update(name.encode() + np.ascontiguousarray(array).tobytes())
    for name in ("image_id", "bbox", "score", "segmentation", "keypoints"):
        found.update(repr(file.column(name)).encode())
    found.update(file.image_sizes().tobytes() + repr(file.sorted_image_ids()).encode())
    objects = file.objects(similarity, side, images)
    found.update(str(None if objects is None else (len(objects), objects.image_ids)).encode())
    return found.hexdigest()
def work():
    truth = core.read_dataset("truth.json")
    return columns(truth, "ground_truth", truth), columns(core.read_results("found.json"), "detections", truth)
"""


def of_boxes(number):
    return {"bbox": [number % 600 + 0.25, number % 400 + 0.1, 10.123456 + number, 20]}


def of_masks(number):
    return {"segmentation": {"size": [480, 640], "counts": "0" + "PPYg" * (number % 40) + "0"}}


def of_polygons(number):
    return {"segmentation": [[number % 500 + place * 1.5 for place in range(40)]], **of_boxes(number)}


def of_poses(number):
    return {"keypoints": [number % 600 + place * 0.5 for place in range(51)]}


KINDS = {
    "boxes": ("bbox", of_boxes, 30_000),
    "masks": ("segm", of_masks, 15_000),
    "polygons": ("segm", of_polygons, 6_000),
    "poses": ("keypoints", of_poses, 6_000),
}


def write(folder, fields, count):
    """A data set and results of so many records, with ids that need doubles and codes that need a hash table."""
    of_both = [
        {"image_id": number // 7 * 5, "category_id": number % 90 * 1000, **fields(number)} for number in range(count)
    ]
    annotations = [
        {"id": number * 3 + 1, "area": number + 0.5, "iscrowd": 0, "num_keypoints": 17, "bbox": [1, 2, 3, 4], **record}
        for number, record in enumerate(of_both)
    ]
    results = [{"score": number / count, **record} for number, record in enumerate(of_both)]
    images = [{"id": id, "height": 480, "width": 640} for id in sorted({record["image_id"] for record in of_both})]
    truth = {"images": images, "categories": [{"id": 1}], "annotations": annotations}
    (folder / "truth.json").write_text(json.dumps(truth))
    (folder / "found.json").write_text(json.dumps(results))


@linux
@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("kind", KINDS)
def test_columns_are_right_or_there_is_a_memory_error(tmp_path, monkeypatch, kind, threads):
    similarity, fields, count = KINDS[kind]
    monkeypatch.chdir(tmp_path)
    write(tmp_path, fields, count)
    prepare = f"similarity = {similarity!r}{COLUMNS}"
    left = some(LEFT, every=6, first=list(KINDS).index(kind))
    run_with_limits(prepare, "work()", left, MEANAP_NUM_THREADS=str(threads))


BOXES = """
from meanap import generate
truth = generate.dataset(images=500, seed=1, categories=20)
found = generate.detections(truth, per_image=30, seed=1)
import json; texts = [json.dumps(truth), json.dumps(found)]
def work(*names, **options):
    result = meanap.evaluate(*names, **options)
    return str(result.to_dict())
"""
FORMAT = """
from meanap import generate
from meanap.readers import Options
truth, found = generate.write_format("files", {name!r}, images={images}, seed=6)
options = {options}
"""
EVALUATE = "str(meanap.evaluate(truth, found, **options).to_dict())"
PIXELS = """
import json, pixel_data
from pathlib import Path
rng = np.random.default_rng(0)
images, annotations = [], {"target": [], "prediction": []}
for side in annotations:
    Path(side).mkdir()
for image in range(6):
    images.append({"id": image, "height": 300, "width": 400})
    for side, labels in zip(annotations, pixel_data.pair(rng, 300, 400, 19, ignore=None)):
        pixel_data.write_png(f"{side}/{image}.png", pixel_data.segment_colors(labels + 1), pixel_data.RGB)
        pixel_data.write_png(f"{side}/{image}.grey.png", labels)
        segments = [{"id": int(id) + 1, "category_id": int(id), "iscrowd": 0, "area": int((labels == id).sum())}
                    for id in np.unique(labels)]
        annotations[side].append({"image_id": image, "file_name": f"{image}.png", "segments_info": segments})
categories = [{"id": id, "name": str(id), "isthing": id % 2} for id in range(19)]
for side, of_side in annotations.items():
    content = {"images": images, "categories": categories, "annotations": of_side}
    Path(f"{side}.json").write_text(json.dumps(content))
from meanap import segmentation
"""

#: What writes the files, and an expression for what is read of them.
ENTRIES = {
    "gzip": (
        BOXES + "import gzip\nfor name, text in zip(('a.json.gz', 'b.json.gz'), texts):\n"
        "    gzip.open(name, 'wt', compresslevel=1).write(text)",
        "work('a.json.gz', 'b.json.gz')",
    ),
    "UTF-16": (
        BOXES + "for name, text in zip('ab', texts):\n    open(name + '.json', 'w', encoding='utf-16').write(text)",
        "work('a.json', 'b.json')",
    ),
    "UTF-8 behind a mark": (
        BOXES + "for name, text in zip('ab', texts):\n    open(name + '.json', 'w', encoding='utf-8-sig').write(text)",
        "work('a.json', 'b.json')",
    ),
    "JSON lines": (
        BOXES + "open('a.json', 'w').write(texts[0])\n"
        "open('b.jsonl', 'w').write(''.join(json.dumps(record) + chr(10) for record in found))",
        "work('a.json', 'b.jsonl')",
    ),
    "a file that Python reads": (
        BOXES + "truth['images'][0]['id'] = truth['images'][0]['id'] + 0.0\n"
        "json.dump(truth, open('a.json', 'w')); open('b.json', 'w').write(texts[1])",
        "work('a.json', 'b.json')",
    ),
    "the pycocotools API": (
        BOXES
        + """
for name, text in zip("ab", texts):
    open(name + ".json", "w").write(text)
from meanap.compat.pycocotools import COCO
def work():
    truth = COCO("a.json")
    found = truth.loadRes("b.json")
    return len(truth.anns), sum(found.anns[1]["bbox"]), len(found.imgToAnns)
""",
        "work()",
    ),
    "bins": (
        BOXES
        + """
import meanap._core as core, tempfile
for name, text in zip("ab", texts):
    open(name + ".json", "w").write(text)
def work(name, kind):
    with tempfile.TemporaryDirectory() as folder:
        file = core.partition_file(name, kind, folder + "/bins", 7, 100_000)
        parts = [file.read(bin, bin + 1) for bin in range(7)]
        return [len(part) for part in parts], file.records(0, 7).sum(), [str(part.column("bbox")) for part in parts]
""",
        "(work('a.json', 'dataset'), work('b.json', 'results'))",
    ),
    "bins of ids that are texts": (
        BOXES
        + """
import meanap._core as core, tempfile
for record in found:
    record["image_id"] = str(record["image_id"]) + "x" * 300
json.dump(found, open("b.json", "w"))
def work():
    with tempfile.TemporaryDirectory() as folder:
        file = core.partition_file("b.json", "results", folder + "/bins", 7, 100_000)
        return [file.records(bin, bin + 1).tolist() for bin in range(7)]
""",
        "work()",
    ),
    "a long YOLO file": (
        """
import meanap._core as core
lines = [f"{i % 80} 0.5 0.5 {i % 97 / 100:.4f} 0.25 0.{i % 1000:03}" for i in range(60_000)] + ["x 1"] * 200
open("a.txt", "w").write(chr(10).join(lines))
polygons = [f"{i % 80} " + " ".join(f"0.{(i + place) % 1000:03}" for place in range(20)) for i in range(20_000)]
open("b.txt", "w").write(chr(10).join(polygons))
def work(name, *options):
    found = core.read_yolo([name], np.array([[480, 640]]), *options)
    return [(key, str(len(value)) if key == "faults" else np.asarray(value).tobytes()) for key, value in found.items()]
""",
        "(work('a.txt', 'bbox', 'last'), work('b.txt', 'segm'))",
    ),
    "a long file of words and numbers": (
        """
import meanap._core as core
open("a.txt", "w").write(chr(10).join(f"word{i // 3} {i}.5 x {i % 7}" for i in range(60_000)))
columns = [("a", True), ("b", False), ("c", True), ("d", False)]
def work():
    found = core.read_label_table(["a.txt"], columns)
    return found["texts"], [found[name].tobytes() for name in ("file", "line", "words", "numbers")]
""",
        "work()",
    ),
    "headers of images": (
        """
import meanap._core as core, pixel_data
pixel_data.write_png("a.png", np.zeros((3, 5)))
def work():
    sizes, faults = core.image_sizes(["a.png", "none.png"] * 1000)
    return sizes.tobytes(), [(file, code, str(error)) for file, code, error in faults]
""",
        "work()",
    ),
    "a COCO panoptic folder": (
        PIXELS
        + """
def work():
    metric = segmentation.PanopticQuality.of_file("target.json")
    metric.update_files("prediction.json", "target.json")
    return str(metric.compute().to_dict())
""",
        "work()",
    ),
    "a folder of label maps": (
        PIXELS
        + """
def work():
    metric = segmentation.SemanticSegmentation(19)
    metric.update("prediction", "target", preds_suffix=".grey.png", target_suffix=".grey.png")
    return str(metric.compute().to_dict())
""",
        "work()",
    ),
    **{
        name: (FORMAT.format(name=name, images=images, options=options), EVALUATE)
        for name, images, options in [
            ("yolo", 100, {}),
            ("yolo-pose", 50, {"similarity": "keypoints"}),
            ("yolo-segm", 50, {"similarity": "segm"}),
            ("voc", 50, {}),
            ("dota", 50, {}),
            ("kitti", 100, {}),
            ("openimages", 50, {"images": "files/images"}),
            ("labelme", 50, {}),
            ("cvat", 50, {}),
            ("createml", 50, {}),
        ]
    },
}


@linux
@pytest.mark.parametrize("name", some(ENTRIES, every=2))
def test_what_is_read_is_right_or_there_is_a_memory_error(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    left = LEFT if name.startswith("a long") else FEWER
    run_with_limits(*ENTRIES[name], some(left, every=5, first=list(ENTRIES).index(name)))
