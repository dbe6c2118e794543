"""Threads that do not start, forks at any moment, Ctrl-C, too little memory: an answer or an ordinary exception."""

import os
import sys

import pytest
from thorough import some

from tests.processes import run_python, with_threads

linux = pytest.mark.skipif(sys.platform != "linux", reason="limits and forks as Linux has them")

EVALUATE = """
import sys, resource
import meanap, meanap.detection.evaluation, meanap.readers, meanap.detection.result
# What is imported on first use: another user may not be able to read it.
[listed.reader() for listed in meanap.readers.READERS], meanap.protocol.get("coco")
truth = {"images": [{"id": 1, "height": 9, "width": 9}], "categories": [{"id": 1, "name": "a"}],
         "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1.0, 1, 5, 5], "area": 25, "iscrowd": 0}]}
results = [{"image_id": 1, "category_id": 1, "bbox": [1.0, 1, 5, 5], "score": .5}] * 50_000
"""


@linux
@pytest.mark.parametrize("limited", [False, True])
@pytest.mark.parametrize("threads", ["", "0", "-3", "many", "7", "1000", "20000", "9" * 19, "9" * 40])
def test_threads_that_cannot_start_are_not_missed(limited, threads):
    """With any number of threads, and if none can be started, the numbers are the same."""
    code = (
        EVALUATE
        + """
if sys.argv[1] == "True":
    import os
    os.setuid(12345)
    resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
print(meanap.evaluate(truth, results).ap, max(int(l.split()[1]) for l in open("/proc/self/status") if "Threads" in l))
"""
    )
    if limited and os.getuid() != 0:
        pytest.skip("only root's processes can be limited here")
    status, said = run_python(code, limited, MEANAP_NUM_THREADS=threads)
    assert status == 0, said
    ap, running = said.split()
    assert float(ap) == pytest.approx(1)
    # With the main thread; and one that waited for the work may not have ended yet.
    assert int(running) <= max(256, os.cpu_count()) + 2
    if threads == "7" and not limited:
        assert int(running) in (8, 9)
    if limited:
        assert int(running) == 1


def test_the_number_of_threads_is_read_once(tmp_path):
    import meanap._core as core

    def running():
        core.objects_from_rows(rows)
        return len(os.listdir("/proc/self/task"))

    if not os.path.isdir("/proc/self/task"):
        pytest.skip("threads are counted as Linux lists them")
    import numpy as np

    rows = np.ones((10, 7))

    def twice():
        before = running()
        os.environ["MEANAP_NUM_THREADS"] = "9"
        return before, running()

    assert with_threads(3, twice) == (4, 4)


@linux
def test_a_child_forked_at_the_first_use_works():
    """A thread uses the extension for the first time while another forks: the child waits for nothing half made."""
    code = """
import os, sys, threading, time, signal
import numpy as np
import meanap._core as core
rows = np.ones((10, 7))
thread = threading.Thread(target=lambda: core.objects_from_rows(rows))
thread.start()
time.sleep(float(sys.argv[1]))
child = os.fork()
if child == 0:
    signal.alarm(20)
    core.objects_from_rows(rows)
    os._exit(0)
status = os.waitpid(child, 0)[1]
thread.join()
sys.exit(status != 0)
"""
    for moment in [0, 0, 0, 0, 0, 0, 0.0002, 0.0005, 0.001, 0.002]:
        status, said = run_python(code, moment, MEANAP_NUM_THREADS="8")
        assert status == 0, (moment, said)


@linux
def test_children_forked_while_all_is_in_use_work():
    code = """
import os, threading, signal
import numpy as np
from meanap import _core as core
import meanap
rows = np.random.default_rng(0).uniform(1, 90, (20_000, 7))
boxes = rows[:300, 1:5].copy()
def work():
    core.objects_from_rows(rows)
    core.mask_box_iou(boxes, boxes, np.zeros(300, np.uint8))
stop = False
def busy():
    while not stop:
        work()
threads = [threading.Thread(target=busy) for _ in range(2)]
for thread in threads: thread.start()
bad = 0
for _ in range(15):
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        work()
        grandchild = os.fork()
        if grandchild == 0:
            signal.alarm(30)
            work()
            os._exit(0)
        os._exit(os.waitpid(grandchild, 0)[1] != 0)
    bad += os.waitpid(child, 0)[1] != 0
stop = True
for thread in threads: thread.join()
print("bad", bad)
"""
    assert run_python(code, MEANAP_NUM_THREADS="4") == (0, "bad 0\n")


# One query, for which all documents are judged.
ONE_RANKING = """
import numpy as np
import meanap._core as core
plan = dict(divisor="relevant", ties="document-descending", score_dtype="float64", duplicates="error", gain="linear",
            relevance_level=1, graded_below_level=True, positive_scores_only=False, judged_only=False,
            compensated=False, recall_rounding="up")
plan = core.RankingPlan(["map", "ndcg"], **plan)
rng, count = np.random.default_rng(0), 10_000_000
scores = rng.random(count)
documents = rng.permutation(count)
qrels = core.Qrels.from_columns(documents * 0, np.arange(count), np.arange(count) % 3, "error")
run = core.Run.from_columns(documents * 0, documents, scores)
"""

# Detections of one category in 100,000 images, all of which matched.
MANY_DETECTIONS = """
import numpy as np
from meanap import _core
from meanap.detection.match_log import new_log
from meanap.protocol import get
protocol = get("coco").replace(thresholds=(0.5, 0.75), area_ranges={"all": (0.0, 1e10)})
log = new_log(protocol, "bbox", "xywh", None)
count, images = 10_000_000, 100_000
zeros = np.zeros(count, np.uint32)
image = np.repeat(np.arange(images, dtype=np.uint32), count // images)
log.extend({
    "image_ids": np.arange(images), "category_ids": [1], "image": image, "category": zeros,
    "rank": np.tile(np.arange(count // images, dtype=np.uint32), images),
    "score": np.random.default_rng(0).random(count), "matched": zeros == 0, "outside": zeros,
    "outcomes": np.ones((count, log.words), np.uint64),
    "truth_image": image, "truth_category": zeros, "truth_areas": zeros + 1,
})
matches = log.table()
"""

# What takes many seconds or, of the first ones, for ever. `prepare` is not timed.
LONG = {
    "a data set in a pipe": (
        "import os; os.mkfifo(folder + '/pipe')",
        "from meanap.compat.pycocotools import COCO; COCO(folder + '/pipe')",
    ),
    "a check of a pipe": ("import os; os.mkfifo(folder + '/pipe')", "meanap.check(folder + '/pipe')"),
    "masks decoded": (
        """
from meanap.compat.pycocotools import mask
half = mask.frPyObjects([[0., 0, 29999, 0, 29999, 29999]], 30000, 30000)[0]["counts"]
many = [{"size": [30000, 30000], "counts": half}] * 3
""",
        "mask.decode(many)",
    ),
    "masks compared": (
        """
from meanap.compat.pycocotools import mask
import numpy as np
noise = np.asfortranarray(np.random.default_rng(0).integers(0, 2, (400, 400, 400), dtype=np.uint8))
many = mask.encode(noise)
""",
        "mask.iou(many, many, [0] * len(many))\nmask.iou(many, many, [0] * len(many))",
    ),
    "masks merged": (
        """
from meanap.compat.pycocotools import mask
import numpy as np
noise = np.asfortranarray(np.eye(2000, dtype=np.uint8)[:, :, None])
many = mask.encode(noise) * 40_000
""",
        "mask.merge(many)",
    ),
    "an evaluation of the pycocotools API": (
        """
import numpy as np
from meanap.compat.pycocotools import COCO, COCOeval
rng = np.random.default_rng(0)
boxes = np.c_[rng.uniform(0, 50, (100_000, 2)), rng.uniform(20, 50, (100_000, 2))]
image = np.arange(100_000) // 5000 + 1
truth = COCO()
truth.dataset = {
    "images": [{"id": i} for i in range(1, 21)],
    "categories": [{"id": 1, "name": "a"}],
    "annotations": [
        {"id": i + 1, "image_id": int(image[i]), "category_id": 1, "bbox": box, "area": 900.0, "iscrowd": 0}
        for i, box in enumerate(boxes.tolist())
    ],
}
truth.createIndex()
found = truth.loadRes(np.c_[image, boxes + 1.0, rng.random(100_000), np.ones(100_000)])
evaluation = COCOeval(truth, found, "bbox")
evaluation.params.maxDets = [1, 10, 5000]
""",
        "evaluation.evaluate()",
    ),
    "bootstrap resamples of queries": (
        "import numpy as np; from meanap import _core; values = np.random.default_rng(0).random(5000)",
        "_core.bootstrap_means(values, 2_000_000, 0)",
    ),
    "a randomisation test": (
        "import numpy as np; from meanap import _core; values = np.random.default_rng(0).random(5000)",
        "_core.randomisation_test(values, 2_000_000, 0)",
    ),
    "a ranking in dictionaries": (
        """
import meanap.ranking as ranking
scores = {f"d{i}": float(i) for i in range(3000)}
run = {f"q{i}": scores for i in range(40000)}
qrels = {query: {"d5": 1, "d2999": 2} for query in run}
""",
        "ranking.evaluate(qrels, run, ['map'])",
    ),
    "a ranking in columns": (
        """
import numpy as np
import meanap._core as core
import meanap.ranking as ranking
plan = dict(divisor="relevant", ties="document-descending", score_dtype="float64", duplicates="error", gain="linear",
            relevance_level=1, graded_below_level=True, positive_scores_only=False, judged_only=False,
            compensated=False, recall_rounding="up")
plan = core.RankingPlan(["map", "ndcg"], **plan)
queries, documents = np.repeat(np.arange(300), 20_000), np.tile(np.arange(20_000), 300)
qrels = core.Qrels.from_columns(queries, documents, documents % 3, "error")
run = core.Run.from_columns(queries, documents, np.random.default_rng(0).random(len(queries)).round(3))
numbers = np.tile(np.arange(300), 40)
""",
        "core.evaluate_run(qrels, run, numbers, numbers, plan)",
    ),
    "judgements and runs in text files": (
        """
import meanap._core as core
text = b"".join(b"q%d Q0 d%d 1 %d.5 tag\\n" % (i // 1000, i, i % 977) for i in range(2_000_000)) * 8
names = (["query"], ["document"], ["score"])
""",
        "core.Run.from_trec('run', text, names)",
    ),
    "judgements in dictionaries": (
        """
import meanap._core as core
grades = {f"d{i}": 1 for i in range(1000)}
qrels = {f"q{i}": grades for i in range(30_000)}
""",
        "core.Qrels.from_dict(qrels)",
    ),
    "average precision at k of lists": (
        """
import meanap
numbers = [list(range(i, i + 3000)) for i in range(20)] * 1500
""",
        "meanap.mapk(numbers, numbers[::-1], 3000)",
    ),
    "average precision at k of texts": (
        """
import meanap
texts = [[f"d{i}" for i in range(3000)]] * 4000
""",
        "meanap.mapk(texts, texts, 3000)",
    ),
    "average precision at k of arrays": (
        """
import numpy as np
import meanap
rows = np.tile(np.arange(3000), (20_000, 1))
""",
        "meanap.mapk(rows, rows, 3000)",
    ),
    "average precision of very many scores": (
        """
import numpy as np
import meanap.ranking as ranking
rng = np.random.default_rng(0)
truth, scores = rng.integers(0, 2, 20_000_000), rng.random(20_000_000)
""",
        "ranking.average_precision_score(truth, scores)\nranking.average_precision_score(truth, scores)",
    ),
    "judgements of one query with very many grades": (
        """
import numpy as np
import meanap._core as core
core.before_fork()
documents, grades = np.arange(20_000_000), np.random.default_rng(0).integers(0, 1 << 50, 20_000_000)
""",
        "core.Qrels.from_columns(documents * 0, documents, grades, 'error')",
    ),
    "one ranking of very many documents": (
        ONE_RANKING + "queries = np.zeros(1, np.int64)\n",
        "core.evaluate_run(qrels, run, queries, queries, plan)",
    ),
    "one ranking of very many documents with ties": (
        ONE_RANKING.replace("rng.random(count)", "rng.random(count).round(1)") + "queries = np.zeros(1, np.int64)\n",
        "core.evaluate_run(qrels, run, queries, queries, plan)",
    ),
    "one ranking of very many documents in tables": (
        """
import numpy as np
import pyarrow
import meanap.ranking as ranking
rng, count = np.random.default_rng(0), 10_000_000
qrels = pyarrow.table({"query": np.zeros(count, np.int64), "document": np.arange(count), "grade": np.arange(count) % 3})
documents, scores = rng.permutation(count), rng.random(count)
run = pyarrow.table({"query": np.zeros(count, np.int64), "document": documents, "score": scores})
""",
        "ranking.evaluate(qrels, run, ['map', 'ndcg'])",
    ),
    "one ranking of very many documents in dictionaries": (
        """
import numpy as np
import meanap.ranking as ranking
rng, count = np.random.default_rng(0), 4_000_000
run = {"q": dict(zip(range(count), rng.random(count).tolist()))}
qrels = {"q": dict(zip(range(count), [1, 0, 0, 2] * (count // 4)))}
""",
        "ranking.evaluate(qrels, run, ['map', 'ndcg'])",
    ),
    "average precision at k of one very long list": (
        "import numpy as np; items = np.random.default_rng(0).permutation(10_000_000).tolist()",
        "meanap.apk(items, items[::-1], len(items))",
    ),
    "a precision-recall curve of very many scores": (
        """
import numpy as np
import meanap.ranking as ranking
rng = np.random.default_rng(0)
truth, scores = rng.integers(0, 2, 10_000_000), rng.random(10_000_000)
""",
        "ranking.precision_recall_curve(truth, scores)",
    ),
    "average precision of very many scores with weights": (
        """
import numpy as np
import meanap.ranking as ranking
rng = np.random.default_rng(0)
truth, scores, weights = rng.integers(0, 2, 10_000_000), rng.random(10_000_000), rng.random(10_000_000)
""",
        "ranking.average_precision_score(truth, scores, sample_weight=weights)",
    ),
    "dense scores": (
        """
import numpy as np
import meanap._core as core
scores = np.random.default_rng(0).random((20_000, 2000))
labels = np.tile(np.arange(200), (20_000, 1))
""",
        "core.dense_average_precision(scores, labels, 100)",
    ),
    "a stream of tables": (
        """
import itertools
import pyarrow
import meanap
schema = pyarrow.schema([("image_id", pyarrow.int64())])
# pyarrow makes an error of its own of an interrupt in Python code that yields batches.
batches = itertools.repeat(pyarrow.record_batch([[1]], schema=schema), 10_000_000)
stream = pyarrow.RecordBatchReader.from_batches(schema, batches)
""",
        "meanap.evaluate(stream, stream)",
    ),
    "areas and boxes of masks": (
        """
from meanap.compat.pycocotools import mask
import numpy as np
noise = np.asfortranarray(np.random.default_rng(0).integers(0, 2, (2000, 2000, 1), dtype=np.uint8))
many = mask.encode(noise) * 2000
""",
        "mask.area(many)\nmask.toBbox(many)",
    ),
    "masks of polygons": (
        """
from meanap.compat.pycocotools import mask
import numpy as np
polygons = [np.random.default_rng(0).uniform(0, 3000, 4000).tolist()] * 2000
""",
        "mask.frPyObjects(polygons, 3000, 3000)",
    ),
    "pixel average precision": (
        """
import numpy as np
from meanap.segmentation import PixelAveragePrecision
rng = np.random.default_rng(0)
target, scores = rng.integers(0, 20, (16, 1000, 1000), dtype=np.uint8), rng.random((16, 20, 1000, 1000), np.float32)
metric = PixelAveragePrecision(20, exact=True)
""",
        "metric.update(scores, target)\nmetric.compute()",
    ),
    "label maps counted": (
        """
import numpy as np
maps = np.random.default_rng(0).integers(0, 100, (600, 1000, 1000), dtype=np.uint8)
from meanap.segmentation import SemanticSegmentation
""",
        "SemanticSegmentation(100).update(maps, maps[::-1])",
    ),
}


@linux
@pytest.mark.parametrize("what", some(LONG, every=5))
def test_control_c_stops_long_work_within_a_second(tmp_path, what):
    prepare, work = LONG[what]
    code = f"""
import sys, time, signal, threading, os
import meanap
folder = sys.argv[1]
{prepare}
at = []
def interrupt():
    time.sleep(0.3)
    at.append((time.monotonic(), time.process_time()))
    os.kill(os.getpid(), signal.SIGINT)
thread = threading.Thread(target=interrupt)
thread.start()
done = False
try:
{chr(10).join("    " + line for line in work.splitlines())}
    done = True
    thread.join()
except KeyboardInterrupt:
    if not done:
        print("stopped after", time.monotonic() - at[0][0], time.process_time() - at[0][1])
if done:
    print("too quick to be stopped")
"""
    status, said = run_python(code, tmp_path)
    assert status == 0, said
    if said.startswith("stopped"):
        # A second, and what a busy machine adds: there processor time is measured.
        elapsed, busy = map(float, said.split()[-2:])
        assert elapsed < 2 or (busy < 2 and elapsed < 10), said
    else:
        assert "too quick" in said, said


# What is made of the match table of very many detections.
ANALYSES = [
    "matches.accumulate(recall=points, areas=[0], max_detections=[100])",
    "matches.accumulate(recall='exact', areas=[0], max_detections=[100])",
    "matches.ranking(None, 0, 100)",
    "ranking.counts(0)",
    "ranking.points(0, [('precision', 0.5)])",
    "matches.ties(area=0, limit=100, recall=points, orders=2, seed=0)",
    "matches.resampler(0, 100, points)",
    "resampler.resample(_core.ImageWeights(weights))",
    "ranking.operator(0)",
    "operator.points(weights, 'precision', 0.5)",
    "matches.pooled()",
    "matches.part_counts([100])",
    "matches.draw_part(0, points, [100], [count], [0] * 2, [0] * 2, [0])",
    "log.table()",
    "_core.Matches.from_bytes(state)",
]


@linux
def test_control_c_stops_analyses_of_very_many_detections():
    code = (
        MANY_DETECTIONS
        + f"""
import os, signal, threading, time
points, weights = np.linspace(0, 1, 101), np.ones((16, images), np.uint32)
resampler, ranking, state = matches.resampler(0, 100, points), matches.ranking(0, 0, 100), matches.to_bytes()
operator = ranking.operator(0)
for work in {ANALYSES!r}:
    at = []
    def interrupt():
        time.sleep(0.1)
        at.append(time.process_time())
        os.kill(os.getpid(), signal.SIGINT)
    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        eval(compile(work, "work", "eval"))
        thread.join()
        time.sleep(1)
    except KeyboardInterrupt:
        print(time.process_time() - at[0], work)
"""
    )
    status, said = run_python(code, timeout=600)
    assert status == 0, said
    took = dict(reversed(line.split(" ", 1)) for line in said.splitlines())
    assert list(took) == ANALYSES, said
    assert max(map(float, took.values())) < 2, said


MEMORY = {
    "rows": (
        "rows = np.ones((600_000, 7)); core.objects_from_rows(np.ones((10, 7)))",
        20,
        "core.objects_from_rows(rows)",
    ),
    "mask": (
        """
from meanap.compat.pycocotools import mask
m = {"size": [40000, 40000], "counts": mask.frPyObjects([[0., 0, 39999, 0, 39999, 39999]], 40000, 40000)[0]["counts"]}
""",
        100,
        "mask.decode(m)",
    ),
    "similarities of boxes": (
        "boxes = np.ones((20_000, 4))",
        200,
        "core.mask_box_iou(boxes, boxes, np.zeros(20_000, np.uint8))",
    ),
    "average precision": (
        "n = 5_000_000; t, s = np.ones(n, np.int64), np.random.default_rng(0).random(n)",
        30,
        "core.average_precision(t, s)",
    ),
    "a hole in a file": (
        """
with open(folder + "/x.json", "wb") as f: f.write(b'{"images": ['); f.truncate(3 << 30)
""",
        300,
        "meanap.evaluate(folder + '/x.json', folder + '/x.json')",
    ),
    "a long string": (
        """
with open(folder + "/x.json", "wb") as f:
    f.write(b'{"info": "' + b"x" * (200 << 20) + b'", "images": [], "annotations": [], "categories": []}')
""",
        100,
        "meanap.evaluate(folder + '/x.json', folder + '/x.json')",
    ),
    "curves of many categories": (
        """
g = dict(images=[dict(id=1)], categories=[dict(id=i, name=str(i)) for i in range(1, 13205)],
         annotations=[dict(id=1, image_id=1, category_id=1, bbox=[0, 0, 5, 5], area=25, iscrowd=0)])
c = meanap.COCO(); c.dataset = g; c.createIndex()
e = meanap.COCOeval(c, c.loadRes([dict(image_id=1, category_id=1, bbox=[0, 0, 5, 5], score=0.5)]), "bbox"); e.evaluate()
""",
        500,
        "e.accumulate()",
    ),
}


@linux
@pytest.mark.parametrize("what", MEMORY)
def test_memory_that_cannot_be_had_is_a_memory_error(tmp_path, what):
    prepare, extra, work = MEMORY[what]
    code = f"""
import sys, resource, contextlib, io
import numpy as np
import meanap, meanap.ranking
import meanap._core as core
import meanap.detection.evaluation, meanap.readers, meanap.detection.result, meanap.compat.pycocotools
folder = sys.argv[1]
{prepare}
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + ({extra} << 20),) * 2)
try:
    with contextlib.redirect_stdout(io.StringIO()):
        {work}
except MemoryError as error:
    sys.stdout.write("MemoryError")
except Exception as error:
    sys.stdout.write(type(error).__name__ + ": " + str(error)[:200])
"""
    status, said = run_python(code, tmp_path)
    assert status == 0, said
    # The hole is zeros, which are no JSON: that may be seen first.
    assert said == "MemoryError" or (what == "a hole in a file" and said.startswith("InputError")), said
