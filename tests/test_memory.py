"""Where memory ends, every entry gives the right numbers or a MemoryError: never another error, never an abort."""

import pytest
from memory_limits import linux, run_with_limits
from thorough import some

#: Megabytes that are left for the work; each entry is tried with some of them, another one with others.
LEFT = (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)

DETECTION = """
from meanap import generate
truth = generate.dataset(images=400, seed=1, categories=20)
found = generate.detections(truth, per_image=100, seed=1)
"""
RESULT = DETECTION + "result = meanap.evaluate(truth, found)\n"
TABLES = (
    DETECTION
    + """
boxes = np.array([a["bbox"] for a in truth["annotations"]])
columns = dict(image_id=[a["image_id"] for a in truth["annotations"]],
               category_id=[a["category_id"] for a in truth["annotations"]], boxes=boxes)
found_columns = dict(image_id=[a["image_id"] for a in found], category_id=[a["category_id"] for a in found],
                     boxes=np.array([a["bbox"] for a in found]), score=[a["score"] for a in found])
"""
)
RANKING = """
import ranking_data
qrels, run = ranking_data.draw(3, queries=400, documents=400, answered=300)
more = {q: {**d, **{f"x{i}": -float(i) for i in range(200)}} for q, d in run.items()}
import meanap.ranking as ranking
measures = ["map", "ndcg@10", "p@5", "bpref"]
"""
PIXELS = """
import pixel_data
rng = np.random.default_rng(0)
pairs = [pixel_data.pair(rng, 500, 700, 19) for _ in range(6)]
targets, predictions = (np.stack([pair[i] for pair in pairs]).astype(np.uint8) for i in range(2))
from meanap import segmentation
"""
MASKS = """
from meanap.compat.pycocotools import mask
noise = np.asfortranarray(np.random.default_rng(0).integers(0, 2, (150, 150, 200), dtype=np.uint8))
many = mask.encode(noise)
polygons = [[float(x) for x in np.random.default_rng(i).uniform(0, 900, 4000)] for i in range(50)]
boxes = np.tile([10.0, 10.0, 500.0, 500.0], (3000, 1))
plain = [dict(size=[150, 150], counts=[int(n) for n in np.random.default_rng(i).multinomial(22500, [1 / 5000] * 5000)])
         for i in range(40)]
"""

MATCHES = """
from meanap import _core
from meanap.detection.match_log import new_log
from meanap import protocol
rules = protocol.get("coco").replace(area_ranges={"all": (0.0, 1e10)})
log = new_log(rules, "bbox", "xywh", None)
count, images = 200_000, 2000
zeros, image = np.zeros(count, np.uint32), np.repeat(np.arange(images, dtype=np.uint32), count // images)
rng = np.random.default_rng(0)
matched = rng.random(count) < 0.6
log.extend({
    "image_ids": np.arange(images), "category_ids": [1], "image": image, "category": zeros,
    "rank": np.tile(np.arange(count // images, dtype=np.uint32), images),
    "score": rng.random(count), "matched": matched, "outside": zeros,
    "outcomes": rng.integers(0, 1 << 10, (matched.sum(), log.words)).astype(np.uint64),
    "truth_image": image, "truth_category": zeros, "truth_areas": zeros + 1,
})
matches = log.table()
points, weights = np.linspace(0, 1, 101), rng.integers(0, 3, (40, images)).astype(np.uint32)
"""

#: What prepares the data, and an expression for the numbers.
ENTRIES = {
    "files": (
        DETECTION + "import json; json.dump(truth, open('gt.json', 'w')); json.dump(found, open('dt.json', 'w'))",
        "meanap.evaluate('gt.json', 'dt.json').to_dict()",
    ),
    "dictionaries": (DETECTION, "meanap.evaluate(truth, found).to_dict()"),
    "masks of dictionaries": (
        DETECTION + "found = generate.detections(truth, 'segm', per_image=30, seed=1)",
        "meanap.evaluate(truth, found, 'segm').to_dict()",
    ),
    "boundaries of dictionaries": (
        DETECTION + "found = generate.detections(truth, 'segm', per_image=10, seed=1)",
        "meanap.evaluate(truth, found, 'boundary').to_dict()",
    ),
    "keypoints of dictionaries": (
        "from meanap import generate\ntruth = generate.dataset(images=400, seed=1, kind='keypoints')\n"
        "found = generate.detections(truth, 'keypoints', per_image=40, seed=1)",
        "meanap.evaluate(truth, found, 'keypoints').to_dict()",
    ),
    "arrays": (
        DETECTION + "import native_data; preds, targets = native_data.per_image(truth, found)",
        "meanap.evaluate(targets, preds, box_format='xywh').to_dict()",
    ),
    "a metric object and its state": (
        DETECTION
        + """
import native_data
preds, targets = native_data.per_image(truth, found)
def work():
    metric = meanap.MeanAveragePrecision(box_format='xywh')
    for i in range(0, len(preds), 50):
        metric.update(preds[i:i + 50], targets[i:i + 50])
    other = meanap.MeanAveragePrecision.from_state(metric.state())
    other.merge(metric)
    return other.compute()
""",
        "work()",
    ),
    "tables of pandas": (
        TABLES
        + """
import pandas, pyarrow
pyarrow.set_cpu_count(1)  # Where a thread of its own finds no memory, Python waits for it for ever.
gt, dt = (pandas.DataFrame({k: list(v) for k, v in c.items()}) for c in (columns, found_columns))
""",
        "meanap.evaluate(gt, dt, box_format='xywh').to_dict()",
    ),
    "tables of pyarrow": (
        TABLES
        + """
import pyarrow
gt, dt = (pyarrow.table({k: v.tolist() if k == "boxes" else v for k, v in c.items()}) for c in (columns, found_columns))
""",
        "meanap.evaluate(gt, dt, box_format='xywh').to_dict()",
    ),
    "the pycocotools API": (
        DETECTION
        + """
from meanap.compat.pycocotools import COCO, COCOeval
def work():
    gt = COCO()
    gt.dataset = truth
    gt.createIndex()
    evaluation = COCOeval(gt, gt.loadRes(found), "bbox")
    evaluation.evaluate(); evaluation.accumulate(); evaluation.summarize()
    return evaluation.stats, len([e["dtMatches"] for e in evaluation.evalImgs if e])
""",
        "work()",
    ),
    "errors": (RESULT, "result.errors().to_dict()"),
    "confusion": (RESULT, "result.confusion().matrix"),
    "per image": (RESULT, "[list(map(str, row.items())) for row in result.per_image()]"),
    "curves": (RESULT, "[result.precision_recall(c).precision for c in result.category_ids[:3]]"),
    "operating points": (RESULT, "str(result.operating_point(precision=0.5))"),
    "ties": (RESULT, "str(result.ties(orders=3))"),
    "localisation recall precision": (RESULT, "str(result.lrp())"),
    "bootstrap of images": (RESULT, "str(result.interval('ap', resamples=200))"),
    "a table of results": (RESULT, "str(result.per_class)"),
    "judgements and runs in dictionaries": (RANKING, "ranking.evaluate(qrels, more, measures).means"),
    "judgements and runs with ties": (
        RANKING + "more = {q: {k: v // 50 for k, v in d.items()} for q, d in more.items()}",
        "ranking.evaluate(qrels, more, measures).means",
    ),
    "judgements and runs in files": (
        RANKING + "[ranking_data.write_trec(n, t, run=n == 'run') for n, t in (('qrels', qrels), ('run', more))]",
        "ranking.evaluate('qrels', 'run', measures).means",
    ),
    "judgements and runs in tables": (
        RANKING
        + """
import pandas
names = [("query_id", "doc_id", v) for v in ("relevance", "score")]
tables = [pandas.DataFrame(dict(zip(n, ranking_data.columns(t)))) for n, t in zip(names, (qrels, more))]
""",
        "ranking.evaluate(*tables, measures).means",
    ),
    "intervals of a ranking": (
        RANKING + "made = ranking.evaluate(qrels, more, measures)",
        "str(made.interval('map', resamples=300_000))",
    ),
    "mapk of integers": (
        "lists = [np.random.default_rng(i).permutation(3000).tolist() for i in range(300)]",
        "meanap.mapk(lists, lists[::-1], 2000)",
    ),
    "mapk of texts": (
        "lists = [list(map(str, np.random.default_rng(i).permutation(3000))) for i in range(50)]",
        "meanap.mapk(lists, lists[::-1], 2000)",
    ),
    "mapk of arrays": (
        "rows = np.random.default_rng(0).permuted(np.tile(np.arange(3000), (300, 1)), axis=1)",
        "meanap.mapk(rows, rows[::-1], 2000)",
    ),
    "average precision of a class": (
        "import meanap.ranking as ranking\nrng = np.random.default_rng(0); n = 1_500_000\n"
        "t, s = rng.integers(0, 2, n), rng.random(n)",
        "ranking.average_precision_score(t, s)",
    ),
    "average precision of classes": (
        "import meanap.ranking as ranking\nrng = np.random.default_rng(0); n = 30_000\n"
        "t, s = rng.integers(0, 2, (n, 30)), rng.random((n, 30))",
        "ranking.average_precision_score(t, s, average=None)",
    ),
    "a precision-recall curve": (
        "import meanap.ranking as ranking\nrng = np.random.default_rng(0); n = 500_000\n"
        "t, s = rng.integers(0, 2, n), rng.random(n)",
        "ranking.precision_recall_curve(t, s)",
    ),
    "semantic segmentation": (
        PIXELS + "def work():\n    m = segmentation.SemanticSegmentation(19, boundary=True)\n"
        "    m.update(predictions, targets)\n    return m.compute()",
        "str(work())",
    ),
    "semantic segmentation of files": (
        PIXELS
        + """
for i in range(6):
    pixel_data.write_png(f"t{i}.png", targets[i]); pixel_data.write_png(f"p{i}.png", predictions[i])
names = [[f"{side}{i}.png" for i in range(6)] for side in "pt"]
def work():
    results = []
    for strict in (True, False):
        m = segmentation.SemanticSegmentation(19, strict=strict)
        m.update(*names)
        results.append(m.compute())
    return results
""",
        "str(work())",
    ),
    "panoptic segmentation": (
        PIXELS
        + """
def work():
    strict = (True, False)
    metrics = [segmentation.PanopticQuality(things=range(5), stuff=range(5, 19), strict=one) for one in strict]
    for target, prediction in zip(targets, predictions):
        pair = [np.stack([np.minimum(labels, 18), labels // 3], -1).astype(np.int64) for labels in (prediction, target)]
        for m in metrics:
            m.update(*pair)
    return [m.compute() for m in metrics]
""",
        "str(work())",
    ),
    "pixel average precision": (
        PIXELS
        + """
scores = np.random.default_rng(1).random((3, 19, 500, 700), np.float32)
def work(exact):
    m = segmentation.PixelAveragePrecision(19, exact=exact)
    m.update(scores, targets[:3])
    return m.compute()
""",
        "str((work(False), work(True)))",
    ),
    "average precision of regions": (
        PIXELS
        + """
def work():
    results = []
    for connectivity in (None, 8):
        m = segmentation.RegionAveragePrecision(19, connectivity=connectivity, max_regions=10_000)
        m.update(predictions[:2], targets[:2])
        results.append(m.compute())
    return results
""",
        "str(work())",
    ),
    "rotated boxes": (
        """
import dataclasses
from meanap import protocol
rng = np.random.default_rng(0)
uniform = rng.uniform
boxes = [np.c_[uniform(50, 90, (300, 2)), uniform(5, 30, (300, 2)), uniform(-90, 90, 300)] for _ in range(4)]
truth = [dict(boxes=one, labels=np.zeros(300, np.int64)) for one in boxes]
found = [dict(boxes=one + 1.0, labels=np.zeros(300, np.int64), scores=rng.random(300)) for one in boxes]
rules = [protocol.get("coco", "rotated").replace(rotated_iou=name) for name in ("exact", "polyiou", "probiou")]
""",
        "[meanap.evaluate(truth, found, 'rotated', protocol=one).to_dict() for one in rules]",
    ),
    "images that fail": (
        """
from meanap import segmentation
names = [f"{i}.png" for i in range(20_000)]
def work():
    m = segmentation.SemanticSegmentation(19, strict=False)
    m.update(names, names)
    return str(m.failed) if hasattr(m, "failed") else len(m)
""",
        "work()",
    ),
    "resamples and parts of a table of matches": (
        MATCHES,
        "[(*map(pickle.dumps, matches.resampler(0, 100, how).resample(_core.ImageWeights(weights))),"
        " *map(pickle.dumps, matches.accumulate(recall=how, areas=[0], max_detections=[1, 100])))"
        " for how in (points, 'exact', 'trapezium')]"
        " + [pickle.dumps(matches.part_counts([1, 100])), pickle.dumps(matches.pooled().to_bytes())]",
    ),
    "average precision with weights": (
        "import meanap.ranking as ranking\nrng = np.random.default_rng(0); n = 300_000\n"
        "t, s, w = rng.integers(0, 2, n), rng.random(n).round(3), rng.random(n)",
        "ranking.average_precision_score(t, s, sample_weight=w)",
    ),
    "masks encoded": (MASKS, "mask.encode(noise)"),
    "masks decoded": (MASKS, "mask.decode(many)"),
    "masks compared": (MASKS, "mask.iou(many, many, [0] * len(many))"),
    "masks merged": (MASKS, "mask.merge(many)"),
    "areas and boxes of masks": (MASKS, "(mask.area(many), mask.toBbox(many))"),
    "polygons": (MASKS, "mask.frPyObjects(polygons, 900, 900)"),
    "a polygon far away": (MASKS, "mask.frPyObjects([[0.0, 0.0, 3e6, 5.0, 3e6, 9.0]], 4, 1 << 22)"),
    "boxes as masks": (MASKS, "mask.frPyObjects(boxes, 900, 900)"),
    "plain run lengths": (MASKS, "mask.frPyObjects(plain, 150, 150)"),
}


@linux
@pytest.mark.parametrize("name", some(ENTRIES, every=4))
def test_numbers_are_right_or_there_is_a_memory_error(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    left = some(LEFT, every=8, first=list(ENTRIES).index(name) // 4)
    run_with_limits(*ENTRIES[name], [megabytes << 10 for megabytes in left])
