"""Ranking: dictionaries, integer arrays, lists, dense scores, a binary classifier."""

from tools import ranking
from tools.ranking import rounded, workload


def _dicts_meanap(folder):
    from meanap.ranking import RelevanceEvaluator

    qrels, run = ranking.dictionaries()
    return lambda: _mean(RelevanceEvaluator(qrels, ["map"]).measure(run).mean("map"))


def _dicts_pytrec_eval(folder):
    import numpy as np
    import pytrec_eval

    qrels, run = ranking.dictionaries()

    def work():
        found = pytrec_eval.RelevanceEvaluator(qrels, {"map"}).evaluate(run)
        return _mean(np.mean([values["map"] for values in found.values()]))

    return work


def _dicts_ranx(folder):
    import ranx

    qrels, run = ranking.dictionaries()
    few = {query: {"a": 1} for query in ("x", "y")}
    ranx.evaluate(ranx.Qrels(few), ranx.Run(few), "map")  # compiles

    return lambda: _mean(ranx.evaluate(ranx.Qrels(qrels), ranx.Run(run), "map"))


def _arrays_meanap(folder):
    from meanap.ranking import RelevanceEvaluator

    qrels, run = ranking.arrays()
    return lambda: _mean(RelevanceEvaluator(qrels, ["map"]).measure(run).mean("map"))


def _lists_meanap(folder):
    import meanap

    actual, predicted = ranking.lists()
    meanap.mapk([[1]], [[1]])  # imports
    return lambda: _mean(meanap.mapk(actual, predicted, 10))


def _lists_plain(folder):
    actual, predicted = ranking.lists()

    def work():
        total = 0.0
        for relevant, ranked in zip(actual, predicted, strict=True):
            wanted, hits, score = set(relevant), 0, 0.0
            for rank, item in enumerate(ranked[:10], start=1):
                if item in wanted:
                    # It counts once.
                    wanted.discard(item)
                    hits += 1
                    score += hits / rank
            total += score / min(len(relevant), 10)
        return _mean(total / len(actual))

    return work


def _lists_ml_metrics(folder):
    import ml_metrics

    actual, predicted = ranking.lists()
    return lambda: _mean(ml_metrics.mapk(actual, predicted, 10))


def _lists_ranx(folder):
    import numpy as np
    from ranx.metrics import average_precision

    actual, predicted = ranking.lists()
    average_precision(np.ones((2, 1, 2)), np.ones((2, 1, 2)), 10)  # compiles

    def work():
        # It takes arrays of (id, grade) and of (id, score), best first.
        qrels = np.ones((len(actual), len(actual[0]), 2))
        qrels[:, :, 0] = actual
        run = np.empty((len(predicted), len(predicted[0]), 2))
        run[:, :, 0] = predicted
        run[:, :, 1] = np.arange(len(predicted[0]), 0, -1)
        return _mean(np.mean(average_precision(qrels, run, 10)))

    return work


def _dense_meanap(folder):
    from meanap.ranking import AveragePrecisionAtK

    labels, scores = ranking.dense()

    def work():
        metric = AveragePrecisionAtK(10)
        metric.update(scores, labels)
        return _mean(metric.compute())

    return work


def _dense_tensorflow(folder):
    import tensorflow as tf

    labels, scores = ranking.dense()
    tf.compat.v1.disable_eager_execution()
    inputs = [tf.compat.v1.placeholder(kind, [None, array.shape[1]])
              for kind, array in ((tf.int64, labels), (tf.float32, scores))]  # fmt: skip
    value, update = tf.compat.v1.metrics.average_precision_at_k(*inputs, 10)
    session = tf.compat.v1.Session()
    session.run(tf.compat.v1.local_variables_initializer())

    def work():
        session.run(update, dict(zip(inputs, (labels, scores), strict=True)))
        return _mean(session.run(value))

    return work


def _binary_meanap(folder):
    from meanap.ranking import average_precision_score

    truth, scores = ranking.binary()
    return lambda: _mean(average_precision_score(truth, scores))


def _binary_scikit_learn(folder):
    from sklearn.metrics import average_precision_score

    truth, scores = ranking.binary()
    return lambda: _mean(average_precision_score(truth, scores))


def _mean(value):
    return lambda: rounded(value)


_DICTS = {"meanap": _dicts_meanap, "pytrec_eval": _dicts_pytrec_eval, "ranx": _dicts_ranx}
_LISTS = {
    "meanap": _lists_meanap,
    "plain Python": _lists_plain,
    "ranx": _lists_ranx,
    "ml_metrics": _lists_ml_metrics,
}

WORKLOADS = [
    workload("rank-dicts", "MAP of 10,000 queries x 1,000 documents, from dicts", _DICTS, "pytrec_eval"),
    workload(
        "rank-arrays",
        "the same from integer arrays (pytrec_eval: from dicts)",
        {"meanap": _arrays_meanap, "pytrec_eval": _dicts_pytrec_eval},
        "pytrec_eval",
    ),
    workload("rank-lists", "MAP@10 of 1,000,000 users x 100 items, from lists", _LISTS, "plain Python"),
    workload(
        "rank-dense",
        "AP@10 of 100,000 x 1,000 dense scores",
        {"meanap": _dense_meanap, "tensorflow": _dense_tensorflow},
        "tensorflow",
    ),
    workload(
        "rank-binary",
        "average precision of 10,000,000 scores",
        {"meanap": _binary_meanap, "scikit-learn": _binary_scikit_learn},
        "scikit-learn",
    ),
]
