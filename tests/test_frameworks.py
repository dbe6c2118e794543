"""How frameworks use pycocotools, reimplemented from their behaviour: the same with meanap."""

import contextlib
import copy
import io
import pickle
import sys
from collections import defaultdict

import numpy as np
import pytest

from tests.differential.both import same
from tests.differential.scenes import scene
from tests.differential.tools import Tool, meanap

IOU_TYPES = ("bbox", "segm", "keypoints")


def aliased() -> Tool:
    """The names as a framework gets them when it imports `pycocotools` while meanap stands in for it."""
    import meanap as package

    with package.as_pycocotools():
        import pycocotools.mask as mask_utils
        from pycocotools import _mask
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval, Params

        assert COCO is package.COCO and COCOeval is package.COCOeval
        assert _mask.iou is mask_utils.iou
        return Tool("alias", COCO, COCOeval, Params, mask_utils)


def agree(flow):
    """The flow gives the same with pycocotools, with meanap, and with meanap under pycocotools' name."""
    expected = same(flow)
    same(lambda tool: flow(aliased() if tool.name == "meanap" else tool))
    assert not isinstance(expected, Exception), expected
    return expected


def data(iou_type, seed=7, images=6):
    """A data set of several images and a detector's results."""
    import random

    cases = [scene(random.Random(f"{seed} {i}"), iou_type) for i in range(images)]
    dataset = {
        "images": [],
        "annotations": [],
        "categories": [{"id": i, "name": f"class {i}"} for i in (1, 2, 3)],
    }
    results = []
    for n, case in enumerate(cases):
        ids = {image["id"]: 100 * (n + 1) + image["id"] for image in case.dataset["images"]}
        dataset["images"] += [{**image, "id": ids[image["id"]]} for image in case.dataset["images"]]
        for record in case.dataset["annotations"]:
            number = len(dataset["annotations"]) + 1
            category = 1 + record["category_id"] % 3
            changed = {"id": number, "image_id": ids[record["image_id"]], "category_id": category}
            dataset["annotations"].append({**record, **changed})
        for record in case.results:
            results.append(
                {**record, "image_id": ids[record["image_id"]], "category_id": 1 + record["category_id"] % 3}
            )
    return dataset, results


def ground_truth(tool, dataset):
    """A COCO of a data set in memory, as torchvision makes it from a data set of another kind."""
    coco = tool.COCO()
    coco.dataset = copy.deepcopy(dataset)
    coco.createIndex()
    return coco


def quiet(call, *args):
    """What a call prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        call(*args)
    return printed.getvalue()


def outcome(ev):
    """All that a framework reads from an evaluator."""
    text = quiet(ev.summarize)
    return [
        ev.stats,
        text,
        {k: ev.eval[k] for k in ("precision", "recall", "scores", "counts")},
        ev.evalImgs,
        ev.ious,
    ]


# --- DETR, RT-DETR, torchvision's references -------------------------------------------------------


class DetrEvaluator:
    """Evaluates each batch with `evaluateImg` as it comes, and merges the cells of all ranks at the end."""

    def __init__(self, tool, gt, iou_type):
        self.tool = tool
        self.gt = copy.deepcopy(gt)
        self.ev = tool.COCOeval(self.gt, iouType=iou_type)
        self.images, self.cells = [], []

    def update(self, images, results):
        with contextlib.redirect_stdout(io.StringIO()):
            dt = self.tool.COCO.loadRes(self.gt, results) if results else self.tool.COCO()
        ev = self.ev
        ev.cocoDt = dt
        ev.params.imgIds = list(images)
        self.images.append(np.array(images))
        self.cells.append(self.evaluate_by_hand(ev))

    @staticmethod
    def evaluate_by_hand(ev):
        p = ev.params
        p.imgIds = list(np.unique(p.imgIds))
        if p.useCats:
            p.catIds = list(np.unique(p.catIds))
        p.maxDets = sorted(p.maxDets)
        ev.params = p
        ev._prepare()
        categories = p.catIds if p.useCats else [-1]
        compute = {"segm": ev.computeIoU, "bbox": ev.computeIoU, "keypoints": ev.computeOks}[p.iouType]
        ev.ious = {(image, category): compute(image, category) for image in p.imgIds for category in categories}
        cells = [
            ev.evaluateImg(image, category, area, p.maxDets[-1])
            for category in categories
            for area in p.areaRng
            for image in p.imgIds
        ]
        ev._paramsEval = copy.deepcopy(ev.params)
        return np.asarray(cells).reshape(len(categories), len(p.areaRng), len(p.imgIds))

    def merged(self, others=()):
        everyone = [self, *others]
        images = np.concatenate([np.concatenate(e.images) for e in everyone])
        cells = np.concatenate([np.concatenate(e.cells, axis=2) for e in everyone], axis=2)
        images, order = np.unique(images, return_index=True)
        self.ev.evalImgs = list(cells[..., order].flatten())
        self.ev.params.imgIds = list(images)
        self.ev._paramsEval = copy.deepcopy(self.ev.params)
        self.ev.accumulate()
        return self.ev


@pytest.mark.parametrize("iou_type", IOU_TYPES)
def test_detr_batches_over_ranks(iou_type):
    dataset, results = data(iou_type)
    ids = [image["id"] for image in dataset["images"]]

    def flow(tool):
        gt = ground_truth(tool, dataset)
        ranks = [DetrEvaluator(tool, gt, iou_type) for _ in range(2)]
        for start in range(0, len(ids), 3):
            batch = ids[start : start + 3]
            ranks[start // 3 % 2].update(batch, copy.deepcopy([r for r in results if r["image_id"] in batch]))
        # A sampler that pads gives the first image to both ranks.
        ranks[1].update(ids[:1], copy.deepcopy([r for r in results if r["image_id"] == ids[0]]))
        ev = ranks[0].merged(ranks[1:])
        return [quiet(ev.summarize), ev.stats, ev.eval["precision"], ev.eval["recall"], ev.evalImgs]

    stats = agree(flow)[1]
    assert 0 < stats[0] < 1


def test_detr_a_batch_without_results():
    dataset, results = data("bbox")
    ids = [image["id"] for image in dataset["images"]]

    def flow(tool):
        evaluator = DetrEvaluator(tool, ground_truth(tool, dataset), "bbox")
        evaluator.update(ids[:2], [])
        evaluator.update(ids[2:], copy.deepcopy([r for r in results if r["image_id"] in ids[2:]]))
        ev = evaluator.merged()
        return [quiet(ev.summarize), ev.stats]

    agree(flow)


# --- torchmetrics ----------------------------------------------------------------------------------


@pytest.mark.parametrize("average", ["macro", "micro"])
def test_torchmetrics(average):
    """Data sets assembled without sizes; both geometries on one set of dicts; values of `ious` read."""
    dataset, results = data("segm")

    def make(tool, records, score):
        annotations = []
        for i, record in enumerate(records, start=1):
            rle = record["segmentation"]
            if not isinstance(rle, dict) or isinstance(rle["counts"], list):
                bitmap = np.zeros((64, 97), dtype=bool)
                bitmap[i % 40 : i % 40 + 9, i % 50 : i % 50 + 20] = True
                rle = tool.mask.encode(np.asfortranarray(bitmap))
            area = float(tool.mask.area(rle))
            box = tool.mask.toBbox(rle).tolist()
            annotation = {
                "id": i,
                "image_id": record["image_id"],
                "area": box[2] * box[3],
                "area_bbox": box[2] * box[3],
                "area_segm": area,
                "category_id": 0 if average == "micro" else record["category_id"],
                "iscrowd": record.get("iscrowd", 0),
                "bbox": box,
                "segmentation": rle,
            }
            if score:
                annotation["score"] = record["score"]
            annotations.append(annotation)
        classes = sorted({a["category_id"] for a in annotations})
        coco = tool.COCO()
        coco.dataset = {
            "images": [{"id": i} for i in sorted({a["image_id"] for a in annotations})],
            "annotations": annotations,
            "categories": [{"id": c, "name": str(c)} for c in classes],
        }
        coco.createIndex()
        return coco

    def flow(tool):
        gt, dt = make(tool, dataset["annotations"], False), make(tool, results, True)
        found = []
        for iou_type in ("bbox", "segm"):
            for coco in (gt, dt):
                for annotation in coco.dataset["annotations"]:
                    annotation["area"] = annotation[f"area_{iou_type}"]
                if iou_type == "segm":
                    for image in coco.dataset["images"]:
                        image["height"], image["width"] = 64, 97
            ev = tool.COCOeval(gt, dt, iouType=iou_type)
            ev.params.iouThrs = np.array([0.5, 0.6, 0.75], dtype=np.float64)
            ev.params.recThrs = np.linspace(0, 1, 21).tolist()
            ev.params.maxDets = [1, 10, 100]
            ev.evaluate()
            ev.accumulate()
            found += [quiet(ev.summarize), ev.stats, ev.ious, ev.eval["precision"], ev.eval["recall"]]
            for category in sorted({a["category_id"] for a in gt.dataset["annotations"]}):
                ev.params.catIds = [category]
                ev.evaluate()
                ev.accumulate()
                found += [quiet(ev.summarize), ev.stats]
        return found

    agree(flow)


# --- detectron2 ------------------------------------------------------------------------------------


def test_detectron2_maximum_of_its_own():
    """A subclass whose `summarize` uses other limits than 100."""
    dataset, results = data("bbox")

    def flow(tool):
        class MaxDets(tool.COCOeval):
            def summarize(self):
                s = self.eval["precision"][:, :, :, 0, -1]
                self.stats = np.array([np.mean(s[s > -1]), *np.max(self.eval["recall"], axis=(0, 1, 2))])
                return self.stats

        gt = ground_truth(tool, dataset)
        ev = MaxDets(gt, gt.loadRes(copy.deepcopy(results)), "bbox")
        ev.params.maxDets = [1, 3, 256]
        ev.params.imgIds = [image["id"] for image in dataset["images"]][1:5]
        ev.evaluate()
        ev.accumulate()
        return [ev.summarize(), ev._gts[ev.params.imgIds[0], 1] == [], sum(map(bool, ev._dts.values())), ev.ious]

    agree(flow)


def test_detectron2_an_evaluator_that_replaces_both_halves():
    """`evaluate` and `accumulate` overridden: it computes from `_gts`, `_dts` and `ious` on its own."""
    dataset, results = data("bbox")

    def flow(tool):
        class Fast(tool.COCOeval):
            def evaluate(self):
                p = self.params
                p.imgIds, p.catIds, p.maxDets = (
                    list(np.unique(p.imgIds)),
                    list(np.unique(p.catIds)),
                    sorted(p.maxDets),
                )
                self._prepare()
                self.ious = {(i, c): self.computeIoU(i, c) for i in p.imgIds for c in p.catIds}
                self.counted = [
                    (
                        len(self._gts[i, c]),
                        [d["score"] for d in self._dts[i, c]],
                        [g["ignore"] for g in self._gts[i, c]],
                    )
                    for c in p.catIds
                    for i in p.imgIds
                ]
                self._paramsEval = copy.deepcopy(self.params)

            def accumulate(self, p=None):
                self.eval = {"params": self.params, "counts": [len(self.counted)]}

        gt = ground_truth(tool, dataset)
        ev = Fast(gt, gt.loadRes(copy.deepcopy(results)), "bbox")
        ev.evaluate()
        ev.accumulate()
        return [ev.counted, ev.ious, ev.eval["counts"]]

    agree(flow)


def test_detectron2_rotated_boxes():
    """`computeIoU` overridden with a similarity of its own, on boxes of five numbers."""
    dataset, results = data("bbox")

    def flow(tool):
        class Rotated(tool.COCOeval):
            def computeIoU(self, image, category):
                gt, dt = self._gts[image, category], self._dts[image, category]
                if not gt and not dt:
                    return []
                order = np.argsort([-d["score"] for d in dt], kind="mergesort")
                dt = [dt[i] for i in order][: self.params.maxDets[-1]]
                assert self.params.iouType == "bbox"
                boxes = [[np.array([o["bbox"][:4] for o in side], dtype=float).reshape(-1, 4)] for side in (dt, gt)]
                apart = np.abs(boxes[0][0][:, None] - boxes[1][0][None]).sum(axis=2)
                return 1 / (1 + apart / 20)

        gt_records = copy.deepcopy(dataset)
        for record in gt_records["annotations"]:
            record["bbox"] = [*record["bbox"], 30.0]
        gt = ground_truth(tool, gt_records)
        dt = gt.loadRes([{**r, "bbox": [*r["bbox"], 25.0]} for r in copy.deepcopy(results)])
        ev = Rotated(gt, dt, "bbox")
        ev.evaluate()
        ev.accumulate()
        return outcome(ev)

    agree(flow)


def test_detectron2_sigmas_of_its_own():
    dataset, results = data("keypoints")

    def flow(tool):
        gt = ground_truth(tool, dataset)
        ev = tool.COCOeval(gt, gt.loadRes(copy.deepcopy(results)), "keypoints")
        ev.params.kpt_oks_sigmas = np.array([0.025 + i / 200 for i in range(17)])
        ev.evaluate()
        ev.accumulate()
        return outcome(ev)

    agree(flow)


# --- mmdetection, SAHI -----------------------------------------------------------------------------


def test_mmdetection_a_subclass_with_names_of_its_own():
    """A COCO subclass with its own constructor and snake-case methods; class-free proposals."""
    dataset, results = data("bbox")

    def flow(tool):
        class Named(tool.COCO):
            def __init__(self, annotation_file=None):
                super().__init__(annotation_file=annotation_file)
                self.img_ann_map = self.imgToAnns
                self.cat_img_map = self.catToImgs

            def get_ann_ids(self, img_ids=(), cat_ids=(), area_rng=(), iscrowd=None):
                return self.getAnnIds(list(img_ids), list(cat_ids), list(area_rng), iscrowd)

        coco = Named()
        coco.dataset = copy.deepcopy(dataset)
        coco.createIndex()
        dt = coco.loadRes(copy.deepcopy(results))
        found = [coco.get_ann_ids([dataset["images"][0]["id"]]), type(dt).__name__, coco.img_ann_map == {}]
        for use_cats in (1, 0):
            ev = tool.COCOeval(coco, dt, "bbox")
            ev.params.useCats = use_cats
            ev.params.maxDets = [100, 300, 1000]
            ev.params.iouThrs = np.array([0.5, 0.7])
            ev.params.imgIds = [image["id"] for image in dataset["images"]]
            ev.evaluate()
            ev.accumulate()
            found += [quiet(ev.summarize), ev.stats, ev.eval["recall"]]
        return found

    agree(flow)


@pytest.mark.parametrize("when", ["before", "evaluated", "accumulated"])
@pytest.mark.parametrize("looked", [False, True])
def test_mmdetection_pickles_the_evaluator(when, looked):
    """An evaluator sent to another process carries on there."""
    dataset, results = data("bbox")

    def flow(tool):
        gt = ground_truth(tool, dataset)
        ev = tool.COCOeval(gt, gt.loadRes(copy.deepcopy(results)), "bbox")
        steps = [ev.evaluate, ev.accumulate]
        done = {"before": 0, "evaluated": 1, "accumulated": 2}[when]
        for call in steps[:done]:
            call()
        if looked:
            assert ev.evalImgs is not None and ev.ious is not None
        ev = pickle.loads(pickle.dumps(ev))
        for name in ("evaluate", "accumulate")[done:]:
            getattr(ev, name)()
        return outcome(ev)

    if not hasattr(meanap().COCOeval, "evaluate"):
        pytest.skip("nothing to pickle")
    same(flow)


def test_mmdetection_writes_the_cells():
    """Cells computed elsewhere are assigned, with `_paramsEval`, and accumulated."""
    dataset, results = data("bbox")

    def flow(tool):
        gt = ground_truth(tool, dataset)
        dt = gt.loadRes(copy.deepcopy(results))
        worker = tool.COCOeval(gt, dt, "bbox")
        worker.evaluate()
        cells = pickle.loads(pickle.dumps(worker.evalImgs))
        ev = tool.COCOeval(gt, dt, "bbox")
        ev.params.imgIds, ev.params.catIds = worker.params.imgIds, worker.params.catIds
        ev.evalImgs = cells
        ev._paramsEval = copy.deepcopy(ev.params)
        ev.accumulate()
        return [quiet(ev.summarize), ev.stats, ev.eval["precision"]]

    agree(flow)


def test_sahi():
    """One limit, own area ranges, annotations filtered in place and assigned, copies sent to a pool."""
    dataset, results = data("bbox")

    def flow(tool):
        gt = ground_truth(tool, dataset)
        dt = gt.loadRes(copy.deepcopy(results))
        gt, dt = (pickle.loads(pickle.dumps(coco)) for coco in (gt, dt))
        found = []
        for category in (1, 2):
            for annotation in gt.dataset["annotations"]:
                annotation["area"] = annotation["bbox"][2] * annotation["bbox"][3]
            dt.dataset["annotations"] = [a for a in dt.dataset["annotations"] if a["category_id"] != category + 1]
            dt.createIndex()
            ev = tool.COCOeval(gt, dt, "bbox")
            ev.params.maxDets = [500]
            ev.params.areaRng = [[0, 1e10], [0, 300], [300, 3000], [3000, 1e10]]
            ev.params.iouThrs = np.array([0.5])
            ev.params.catIds = [category]
            ev.evaluate()
            ev.accumulate()
            found += [ev.eval["precision"], ev.eval["recall"], ev.params.catIds]
        for annotation in gt.dataset["annotations"][::2]:
            gt.dataset["annotations"].remove(annotation)
        gt.createIndex()
        ev = tool.COCOeval(gt, dt, "bbox")
        ev.evaluate()
        ev.accumulate()
        return [*found, outcome(ev)]

    agree(flow)


# --- TensorFlow object detection, SAM, YOLOX -------------------------------------------------------


def test_tensorflow_string_image_ids():
    """Both classes wrapped by subclasses, images named by strings, a limit edited in place."""
    dataset, results = data("bbox")

    def flow(tool):
        class Wrapper(tool.COCO):
            def __init__(self, dataset, detection_type="bbox"):
                tool.COCO.__init__(self)
                self.detection_type = detection_type
                self.dataset = dataset
                self.createIndex()

            def LoadAnnotations(self, annotations):
                made = tool.COCO()
                made.dataset["images"] = list(self.dataset["images"])
                made.dataset["categories"] = copy.deepcopy(self.dataset["categories"])
                for i, annotation in enumerate(annotations):
                    box = annotation["bbox"]
                    annotation.update(area=box[2] * box[3], id=i + 1, iscrowd=0)
                made.dataset["annotations"] = annotations
                made.createIndex()
                return made

        class EvalWrapper(tool.COCOeval):
            def __init__(self, groundtruth=None, detections=None, agnostic=False):
                tool.COCOeval.__init__(self, groundtruth, detections, iouType="bbox")
                if agnostic:
                    self.params.useCats = 0
                self.params.maxDets[2] = 50

            def ComputeMetrics(self):
                self.evaluate()
                self.accumulate()
                return outcome(self)

        named = copy.deepcopy(dataset)
        for image in named["images"]:
            image["id"] = f"image-{image['id']}.jpg"
        for annotation in named["annotations"]:
            annotation["image_id"] = f"image-{annotation['image_id']}.jpg"
        gt = Wrapper(named)
        dt = gt.LoadAnnotations([{**r, "image_id": f"image-{r['image_id']}.jpg"} for r in copy.deepcopy(results)])
        return [EvalWrapper(gt, dt).ComputeMetrics(), EvalWrapper(gt, dt, agnostic=True).ComputeMetrics()]

    agree(flow)


def test_sam_overrides_the_hooks():
    """`_prepare`, `computeIoU` and `evaluateImg` overridden; the cells get a field more."""
    dataset, results = data("segm")

    def flow(tool):
        class Strict(tool.COCOeval):
            def _prepare(self):
                super()._prepare()
                kept = defaultdict(list)
                for key, records in self._dts.items():
                    kept[key] = [r for r in records if r["score"] > 0.2]
                self._dts = kept

            def computeIoU(self, image, category):
                ious = super().computeIoU(image, category)
                return ious if len(ious) == 0 else np.minimum(ious, 0.8)

            def evaluateImg(self, image, category, area, most):
                cell = super().evaluateImg(image, category, area, most)
                if cell is not None:
                    cell["num_gt"] = len(cell["gtIds"])
                return cell

        gt = ground_truth(tool, dataset)
        ev = Strict(gt, gt.loadRes(copy.deepcopy(results)), "segm")
        ev.evaluate()
        ev.accumulate()
        return outcome(ev)

    agree(flow)


def test_yolox_captures_the_summary(tmp_path):
    """Results through a file; the table is caught from `sys.stdout` and put into a log."""
    import json

    dataset, results = data("bbox")
    for name, value in (("gt", dataset), ("dt", results)):
        (tmp_path / f"{name}.json").write_text(json.dumps(value))

    def flow(tool):
        gt = tool.COCO(str(tmp_path / "gt.json"))
        dt = gt.loadRes(str(tmp_path / "dt.json"))
        ev = tool.COCOeval(gt, dt, "bbox")
        ev.evaluate()
        ev.accumulate()
        log = io.StringIO()
        with contextlib.redirect_stdout(log):
            ev.summarize()
        per_class = []
        for k, _ in enumerate(gt.getCatIds()):
            precision = ev.eval["precision"][:, :, k, 0, -1]
            precision = precision[precision > -1]
            per_class.append(np.mean(precision) if precision.size else float("nan"))
        return [log.getvalue(), per_class, ev.stats[0], ev.stats[1]]

    text = agree(flow)[0]
    assert " Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all" in text


# --- the names -------------------------------------------------------------------------------------


def test_the_alias_undoes_itself():
    """`as_pycocotools` leaves `sys.modules` as it was, even if its body raises."""
    import meanap as package

    before = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "pycocotools"}
    with pytest.raises(ZeroDivisionError), package.as_pycocotools():
        assert sys.modules["pycocotools.coco"].COCO is package.COCO
        raise ZeroDivisionError
    after = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "pycocotools"}
    assert after == before
