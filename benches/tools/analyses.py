"""Analyses with each tool, from files.

Answers that tools define in the same way are compared: whether files are valid, the AP whose errors are counted, the
interval of AP, the AP of two detectors. The gain of correcting an error is not: hotcoco and tidecv each depart from the
definition, tidecv in ways that `tests/test_errors.py` shows.
"""

from pathlib import Path

RESAMPLES = 1000
#: Fewer for comparisons: the other tool evaluates again on each of them.
COMPARED = 100
#: Tools add in different orders.
DIGITS = 6


def make(folder: Path, images: int = 500):
    """Ground truth and the detections of two detectors, the second with other scores."""
    import json

    import numpy as np

    from sizes import write_files

    truth, found = write_files(folder, "val-bbox", images=images)
    truth.rename(folder / "truth.json")
    found = found.rename(folder / "first.json")
    records = json.loads(found.read_bytes())
    noise = np.random.default_rng(0).normal(0.0, 0.05, len(records))
    for record, more in zip(records, noise.tolist(), strict=True):
        record["score"] = min(max(record["score"] + more, 0.0), 1.0)
    (folder / "second.json").write_text(json.dumps(records))


def _rounded(name, values):
    return {name: [round(float(value), DIGITS) for value in values]}


def _paths(folder):
    return [str(folder / name) for name in ("truth.json", "first.json", "second.json")]


def _check_meanap(folder):
    from meanap import check

    truth, found, _ = _paths(folder)

    def work():
        findings = check(truth, found)
        return lambda: {"valid": [float(findings.ok)]}

    return work


def _check_hotcoco(folder):
    from hotcoco import COCO

    truth, found, _ = _paths(folder)

    def work():
        ground_truth = COCO(truth)
        report = ground_truth.healthcheck(ground_truth.load_res(found))
        return lambda: {"valid": [float(not report["errors"])]}

    return work


def _errors_meanap(folder):
    from meanap import evaluate

    truth, found, _ = _paths(folder)

    def work():
        errors = evaluate(truth, found).errors()
        errors.to_dict()
        return lambda: _rounded("ap", [errors.ap])

    return work


def _errors_tidecv(folder):
    from tidecv import TIDE, datasets

    truth, found, _ = _paths(folder)

    def work():
        tide = TIDE()
        tide.evaluate(datasets.COCO(truth), datasets.COCOResult(found), mode=TIDE.BOX)
        tide.get_main_errors()
        tide.get_special_errors()
        return dict

    return work


def _errors_hotcoco(folder):
    from hotcoco import COCO, COCOeval

    truth, found, _ = _paths(folder)

    def work():
        ground_truth = COCO(truth)
        evaluator = COCOeval(ground_truth, ground_truth.load_res(found), "bbox")
        evaluator.evaluate()
        errors = evaluator.tide_errors()
        return lambda: _rounded("ap", [errors["ap_base"]])

    return work


def _intervals_meanap(folder):
    from meanap import evaluate

    truth, found, _ = _paths(folder)

    def work():
        interval = evaluate(truth, found).interval("ap", resamples=RESAMPLES)
        return lambda: _rounded("interval", [interval.low, interval.high])

    return work


def _intervals_numpy(folder):
    """A bootstrap of the matched detections in NumPy; what matched is read from an evaluation."""
    import numpy as np

    from meanap import evaluate

    truth, found, _ = _paths(folder)

    def work():
        result = evaluate(truth, found)
        columns = result.scores.table.columns(0)
        images, points = len(result.image_ids), np.linspace(0.0, 1.0, 101)
        classes = []
        for k in range(len(result.category_ids)):
            rows = np.flatnonzero(columns["category"] == k)
            rows = rows[np.argsort(-columns["score"][rows], kind="stable")]
            matched, counted = columns["matched"][rows], ~columns["ignored"][rows]
            of_class = columns["truth_wanted"] & (columns["truth_category"] == k)
            classes.append((columns["image"][rows], matched & counted, ~matched & counted,
                            columns["truth_image"][of_class]))  # fmt: skip
        generator = np.random.default_rng(0)
        means = []
        for _ in range(RESAMPLES):
            weights = np.bincount(generator.integers(images, size=images), minlength=images)
            values = []
            for image, right, wrong, objects in classes:
                positives = weights[objects].sum()
                if positives == 0:
                    continue
                weight = weights[image][:, None]
                tp, fp = np.cumsum(right * weight, axis=0), np.cumsum(wrong * weight, axis=0)
                precision = tp / (fp + tp + np.finfo(np.float64).eps)
                precision = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
                for t in range(right.shape[1]):
                    at = np.searchsorted(tp[:, t] / positives, points)
                    values.append(precision[at[at < len(image)], t].sum() / len(points))
            means.append(np.mean(values))
        low, high = np.quantile(means, [0.025, 0.975])
        return lambda: _rounded("interval", [low, high])

    return work


def _compare_meanap(folder):
    from meanap import compare, evaluate

    truth, *both = _paths(folder)

    def work():
        baseline, candidate = (evaluate(truth, found) for found in both)
        row = compare(baseline, candidate, resamples=COMPARED).row(number="ap")
        return lambda: _rounded("ap", [row["baseline"], row["candidate"]])

    return work


def _compare_hotcoco(folder):
    from hotcoco import COCO, COCOeval, compare

    truth, *both = _paths(folder)

    def work():
        evaluators = []
        for found in both:
            ground_truth = COCO(truth)
            evaluator = COCOeval(ground_truth, ground_truth.load_res(found), "bbox")
            evaluator.evaluate()
            evaluators.append(evaluator)
        found = compare(*evaluators, n_bootstrap=COMPARED)
        return lambda: _rounded("ap", [found["metrics_a"]["AP"], found["metrics_b"]["AP"]])

    return work


CHECK = {"meanap": _check_meanap, "hotcoco": _check_hotcoco}
ERRORS = {"meanap": _errors_meanap, "hotcoco": _errors_hotcoco, "tidecv": _errors_tidecv}
INTERVALS = {"meanap": _intervals_meanap, "numpy": _intervals_numpy}
COMPARE = {"meanap": _compare_meanap, "hotcoco": _compare_hotcoco}
