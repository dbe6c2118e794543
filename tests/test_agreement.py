"""Who matched whom is the same by curves, rows, images, error types, confusion, evalImgs, and by definition.

Scenes are small and nasty: equal scores, equal overlaps, detections that come twice, crowds, objects that are ignored,
several detections of an object, images with one side only.
"""

import contextlib
import functools
import io
import math

import numpy as np
import pytest
from thorough import some

import meanap
from meanap import coco, protocol

IOU = 0.5
SEEDS = range(12)


def nasty(seed, categories=3, images=4):
    """Targets and predictions for each image, boxes as x, y, width, height."""
    rng = np.random.default_rng(seed)

    def boxes(count):
        return np.concatenate([rng.integers(0, 4, (count, 2)) * 3, rng.integers(2, 5, (count, 2)) * 3], axis=1)

    targets, preds = [], []
    for _ in range(images):
        there = boxes(rng.integers(0, 7))
        crowd = rng.random(len(there)) < 0.15
        ignored = rng.random(len(there)) < 0.2
        targets.append(
            {
                "boxes": there.astype(float),
                "labels": rng.integers(1, categories + 1, len(there)),
                "iscrowd": crowd.astype(np.int64),
                "ignore": ignored.astype(np.int64),
            }
        )
        found = np.concatenate([boxes(rng.integers(0, 8)), np.repeat(there, rng.integers(0, 3, len(there)), axis=0)])
        found = found[rng.permutation(len(found))]
        preds.append(
            {
                "boxes": found.astype(float),
                "labels": rng.integers(1, categories + 1, len(found)),
                "scores": rng.integers(1, 6, len(found)) / 5,
            }
        )
    return targets, preds


def overlap(found, there, crowd, rules):
    """Intersection over union as the protocol measures it; of a crowd over the detection's own area."""
    more = 1.0 if rules.inclusive_boxes else 0.0
    (x, y, w, h), (a, b, c, d) = found, there
    width = min(x + w, a + c) - max(x, a) + more
    height = min(y + h, b + d) - max(y, b) + more
    if width <= 0 or height <= 0:
        return 0.0
    area, other = (w + more) * (h + more), (c + more) * (d + more)
    return width * height / (area if crowd and rules.match_crowds else area + other - width * height)


def greedy(values, ignored, crowd, order, first=False):
    """`evaluateImg` of the COCO API, written out: the ground truth of each detection, or None.

    With `first` as `compare_caltech` of CrowdDet: of equals the first, and only what is above the threshold.
    """
    matches, taken = [], set()
    by_ignored = sorted(range(len(ignored)), key=lambda g: ignored[g])
    for d in order:
        best, partner = IOU, None
        for g in by_ignored:
            if g in taken and not crowd[g]:
                continue
            if partner is not None and not ignored[partner] and ignored[g]:
                break
            if values[d][g] < best or (first and values[d][g] == best):
                continue
            best, partner = values[d][g], g
        matches.append(partner)
        if partner is not None:
            taken.add(partner)
    return matches


def argmax(values, ignored, crowd, order):
    """`VOCevaldet` of the PASCAL VOC development kit, written out."""
    matches, taken = [], set()
    for d in order:
        best = max(range(len(ignored)), key=lambda g: (values[d][g], -g), default=None)
        if best is None or values[d][best] < IOU or best in taken:
            matches.append(None)
            continue
        matches.append(best)
        if not ignored[best]:
            taken.add(best)
    return matches


def group_of(values, ignored, crowd, order, repeated):
    """`per_image_evaluation.py` of TensorFlow's API; further detections in a group that is found go into `repeated`."""
    matches, taken = [], set()
    singles = [g for g in range(len(ignored)) if not crowd[g]]
    groups = [g for g in range(len(ignored)) if crowd[g]]
    for place, d in enumerate(order):
        partner = None
        best = max(singles, key=lambda g: (values[d][g], -g), default=None)
        if best is not None and values[d][best] >= IOU and best not in taken:
            partner = best
            if not ignored[best]:
                taken.add(best)
        best = max(groups, key=lambda g: (values[d][g], -g), default=None)
        if partner is None and best is not None and values[d][best] >= IOU:
            partner = best
            if best in taken:
                repeated.add(place)
            if not ignored[best]:
                taken.add(best)
        matches.append(partner)
    return matches


def kitti(values, ignored, crowd, order):
    """`compute_statistics` of KITTI's development kit for one detection more each time: what it adds."""
    matches, found_before, left_before = [], set(), set()
    regions = [g for g in range(len(ignored)) if crowd[g]]
    for count in range(1, len(order) + 1):
        left, holders = order[:count], {}
        for g in range(len(ignored)):
            near = [d for d in left if values[d][g] > IOU and not crowd[g]]
            if near:
                holders[g] = max(near, key=lambda d, g=g: values[d][g])
                left.remove(holders[g])
        added, over = set(holders) - found_before, set(left) - left_before
        if added:
            matches += added
        else:
            (d,) = over
            matches.append(next((g for g in regions if values[d][g] > IOU), None))
        found_before, left_before = set(holders), set(left)
    return matches


_MATCHERS = {
    "greedy": greedy,
    "greedy-first": functools.partial(greedy, first=True),
    "argmax": argmax,
    "kitti": kitti,
}


def by_definition(targets, preds, rules, by_category=True):
    """For each cell its detections, best first, as ``(score, partner, ignored)``, and whether each object is found.

    A partner is the place of the object in its cell; a cell has the objects of a category in their order, or, without
    categories, all of an image, category by category.
    """
    cells = {}
    for i, (target, pred) in enumerate(zip(targets, preds, strict=True)):
        known = sorted({*target["labels"].tolist(), *pred["labels"].tolist()}) if by_category else [None]
        for k in known:

            def of(side, k=k):
                rows = np.argsort(side["labels"], kind="stable") if k is None else np.flatnonzero(side["labels"] == k)
                return rows.tolist()

            there, found = of(target), of(pred)
            crowd = [bool(target["iscrowd"][g]) for g in there]
            ignored = [bool(target["ignore"][g]) or c for g, c in zip(there, crowd, strict=True)]
            if rules.matcher == "group-of-counted":
                ignored = [flag and not c for flag, c in zip(ignored, crowd, strict=True)]
            rematched = [c and rules.match_crowds for c in crowd]
            values = [
                [overlap(pred["boxes"][d], target["boxes"][g], c, rules) for g, c in zip(there, crowd, strict=True)]
                for d in found
            ]
            if rules.strict:
                values = [[value if value > IOU else 0.0 for value in row] for row in values]
            order = sorted(range(len(found)), key=lambda d: -pred["scores"][found[d]])
            repeated = set()
            if rules.matcher.startswith("group-of"):
                partners = group_of(values, ignored, rematched, order, repeated)
            else:
                partners = _MATCHERS[rules.matcher](values, ignored, rematched, order)
            rows = [
                (
                    float(pred["scores"][found[d]]),
                    partner,
                    place in repeated or (partner is not None and ignored[partner]),
                )
                for place, (d, partner) in enumerate(zip(order, partners, strict=True))
            ]
            matched = {partner for _, partner, beside in rows if partner is not None and not beside}
            cells[i, k] = rows, [None if beside else g in matched for g, beside in enumerate(ignored)]
    return cells


def by_error_table(result):
    """The same, by the result's error table."""
    pairs = result.errors(IOU).pairs
    categories = result.category_ids if result.protocol.by_category else [None]
    cells = {}
    place = []
    for image, category, state in zip(
        pairs["truth_image"].tolist(), pairs["truth_category"].tolist(), pairs["truth_state"].tolist(), strict=True
    ):
        cell = cells.setdefault((result.image_ids[image], categories[category]), ([], []))
        place.append(len(cell[1]))
        cell[1].append(None if state == "ignored" else state == "matched")
    for d in np.argsort(pairs["rank"], kind="stable").tolist():
        cell = cells.setdefault((result.image_ids[pairs["image"][d]], categories[pairs["category"][d]]), ([], []))
        error, partner = pairs["error"][d], pairs["partner"][d]
        matched = partner >= 0 and error in ("true_positive", "ignored")
        cell[0].append((float(pairs["score"][d]), place[partner] if matched else None, bool(error == "ignored")))
    return cells


def evaluated(targets, preds, preset, **changes):
    if protocol.get(preset).size in ("difficulty", "level"):
        targets = [{**target, "difficulty": np.ones(len(target["labels"]))} for target in targets]
    # The boxes of these scenes are smaller than any height that a protocol takes.
    return meanap.evaluate(targets, preds, protocol=preset, box_format="xywh", heights=None, **changes)


def objects_of(cells):
    """Objects to be found."""
    return sum(found is not None for _, objects in cells.values() for found in objects)


def totals(cells):
    """True positives, false positives, false negatives."""
    rows = [row for found, _ in cells.values() for row in found if not row[2]]
    objects = [found for _, objects in cells.values() for found in objects]
    hits = sum(partner is not None for _, partner, _ in rows)
    return hits, len(rows) - hits, objects.count(False)


#: The pairs of a preset and a seed.
DRAWS = [(preset, seed) for preset in sorted(protocol.PRESETS) for seed in SEEDS]


@pytest.mark.parametrize(("preset", "seed"), some(DRAWS, every=3))
def test_all_say_the_same(preset, seed):
    targets, preds = nasty(seed)
    result = evaluated(targets, preds, preset)
    expected = by_definition(targets, preds, result.protocol)
    found = by_error_table(result)
    assert {cell: told for cell, told in found.items() if told != ([], [])} == {
        cell: told for cell, told in expected.items() if told != ([], [])
    }
    hits, wrong, missed = totals(expected)

    errors = result.errors(IOU)
    assert (errors.counts["false_positives"], errors.counts["false_negatives"]) == (wrong, missed)
    np.testing.assert_equal(errors.ap, result.number("ap50"))

    curves = [result.precision_recall(k, IOU) for k in result.category_ids]
    last = [(int(c.true_positives[-1]), int(c.false_positives[-1])) for c in curves if len(c.score)]
    assert (sum(c[0] for c in last), sum(c[1] for c in last)) == (hits, wrong)
    assert sum(c.objects for c in curves) == objects_of(expected)

    images = result.per_image(IOU, score=-math.inf)
    for row in images:
        here = {cell: told for cell, told in expected.items() if cell[0] == row["image"]}
        assert (row["true_positives"], row["false_positives"], row["false_negatives"]) == totals(here)

    matches = result.matches
    t = result.protocol.threshold_index(IOU)
    counted = ~matches.ignored[:, t]
    assert (int((counted & matches.matched[:, t]).sum()), int(counted.sum())) == (hits, hits + wrong)

    for score in (0.4, 0.8):
        above = {cell: ([row for row in rows if row[0] >= score], there) for cell, (rows, there) in expected.items()}
        table = result.per_image(IOU, score=score)
        assert (int(table["true_positives"].sum()), int(table["false_positives"].sum())) == totals(above)[:2]


@pytest.mark.parametrize(("preset", "seed"), some(DRAWS, every=3, first=1))
def test_a_confusion_is_the_matching_without_categories(preset, seed):
    targets, preds = nasty(seed)
    agnostic = evaluated(targets, preds, preset, by_category=False)
    cells = by_definition(targets, preds, agnostic.protocol, by_category=False)
    assert by_error_table(agnostic) == cells
    np.testing.assert_equal(agnostic.errors(IOU).ap, agnostic.number("ap50"))
    hits, wrong, missed = totals(cells)
    for result in (agnostic, evaluated(targets, preds, preset), evaluated(targets, preds, preset, average="micro")):
        confusion = result.confusion(IOU, -math.inf)
        assert confusion.true_positives + confusion.misclassified == hits
        assert (confusion.false_positives, confusion.false_negatives) == (wrong, missed)
    # The confusion of categories.
    expected = np.zeros_like(confusion.matrix)
    place = {k: n for n, k in enumerate(confusion.categories)}
    for i, (target, pred) in enumerate(zip(targets, preds, strict=True)):
        rows, objects = cells[i, None]
        there = np.sort(target["labels"]).tolist()
        found = pred["labels"][np.argsort(pred["labels"], kind="stable")]
        scores = pred["scores"][np.argsort(pred["labels"], kind="stable")]
        for label, (_, partner, beside) in zip(found[np.argsort(-scores, kind="stable")].tolist(), rows, strict=True):
            if not beside:
                expected[-1 if partner is None else place[there[partner]], place[label]] += 1
        for label, is_found in zip(there, objects, strict=True):
            expected[place[label], -1] += is_found is False
    np.testing.assert_array_equal(confusion.matrix, expected)


@pytest.mark.parametrize("preset", sorted(protocol.PRESETS))
@pytest.mark.parametrize("limit", [1, 2])
def test_with_one_category_confusion_and_errors_count_alike(preset, limit):
    for seed in SEEDS:
        targets, preds = nasty(seed, categories=1)
        changes = {"max_detections": (limit,), "max_per_image": None}
        result = evaluated(targets, preds, preset, **changes)
        errors, confusion = result.errors(IOU), result.confusion(IOU, -math.inf)
        assert confusion.false_positives == errors.counts["false_positives"]
        assert confusion.false_negatives == errors.counts["false_negatives"]
        assert confusion.true_positives == int(result.per_image(IOU, score=-math.inf)["true_positives"].sum())
        assert confusion.misclassified == 0


def as_coco(targets, preds, first):
    """COCO dictionaries with annotation ids from `first` on."""
    annotations, results = [], []
    for i, (target, pred) in enumerate(zip(targets, preds, strict=True)):
        for box, label, crowd in zip(target["boxes"], target["labels"], target["iscrowd"], strict=True):
            annotations.append(
                {"id": first + len(annotations), "image_id": i, "category_id": int(label), "bbox": box.tolist(),
                 "area": float(box[2] * box[3]), "iscrowd": int(crowd)}
            )  # fmt: skip
        for box, label, score in zip(pred["boxes"], pred["labels"], pred["scores"], strict=True):
            results.append(
                {"image_id": i, "category_id": int(label), "bbox": box.tolist(), "score": float(score)}
            )  # fmt: skip
    images = [{"id": i, "width": 40, "height": 40} for i in range(len(targets))]
    categories = [{"id": k, "name": str(k)} for k in (1, 2, 3)]
    return {"images": images, "categories": categories, "annotations": annotations}, results


def cells_of_eval_imgs(module, truth, results):
    """The cells of ``COCOeval.evalImgs`` at 0.5 of all areas, with ids of partners in place of positions."""
    with contextlib.redirect_stdout(io.StringIO()):
        ground_truth = module.COCO()
        ground_truth.dataset = truth
        ground_truth.createIndex()
        evaluation = module.COCOeval(ground_truth, ground_truth.loadRes(results), "bbox")
        evaluation.evaluate()
    cells = {}
    for entry in evaluation.evalImgs:
        if entry is None or entry["aRng"] != evaluation.params.areaRng[0]:
            continue
        columns = (entry["dtScores"], entry["dtMatches"][0].tolist(), entry["dtIgnore"][0].tolist())
        rows = [(float(score), id, bool(beside)) for score, id, beside in zip(*columns, strict=True)]
        cells[entry["image_id"], entry["category_id"]] = rows
    return cells


@pytest.mark.filterwarnings("ignore:ground truth. .* have id 0")
@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("seed", SEEDS)
def test_eval_imgs_tell_the_same_partners(seed, first):
    import types

    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    truth, results = as_coco(*nasty(seed), first)
    if not results:
        return
    reference = cells_of_eval_imgs(types.SimpleNamespace(COCO=COCO, COCOeval=COCOeval), truth, results)
    assert cells_of_eval_imgs(coco, truth, results) == reference
    result = meanap.evaluate(truth, results, zero_id_unmatched=True)
    ids = {}
    for entry in truth["annotations"]:
        ids.setdefault((entry["image_id"], entry["category_id"]), []).append(entry["id"])
    found = {
        cell: [(score, 0 if partner is None else ids[cell][partner], beside) for score, partner, beside in rows]
        for cell, (rows, _) in by_error_table(result).items()
    }
    assert {cell: rows for cell, rows in found.items() if rows} == {
        cell: rows for cell, rows in reference.items() if rows
    }
    confusion = result.confusion(IOU, -math.inf)
    agnostic = totals(by_error_table(meanap.evaluate(truth, results, zero_id_unmatched=True, by_category=False)))
    assert (confusion.true_positives + confusion.misclassified, confusion.false_positives) == agnostic[:2]
    assert confusion.false_negatives == agnostic[2]


@pytest.mark.parametrize("preset", ["coco", "voc2012"])
def test_batches_ranks_and_bytes_change_nothing(preset):
    targets, preds = nasty(3, images=8)
    for i, target in enumerate(targets):
        target["image_id"] = f"image\x1f{i}"
        target["labels"] = [f"c\x1f{k}" for k in target["labels"]]
        preds[i]["labels"] = [f"c\x1f{k}" for k in preds[i]["labels"]]
    whole = evaluated(targets, preds, preset)
    kept = {"protocol": preset, "box_format": "xywh", "confusion": IOU, "errors": IOU}
    ranks = [meanap.MeanAveragePrecision(**kept) for _ in range(3)]
    for i, (target, pred) in enumerate(zip(targets, preds, strict=True)):
        ranks[i % 3].update([pred], [target])
    # An image that two ranks saw counts once.
    ranks[0].update([preds[1]], [targets[1]])
    for other in ranks[:0:-1]:
        ranks[0].merge(meanap.MeanAveragePrecision.from_state(other.state()))
    result = meanap.MeanAveragePrecision.from_state(ranks[0].state()).result()
    np.testing.assert_array_equal(result.confusion(IOU, -math.inf).matrix, whole.confusion(IOU, -math.inf).matrix)
    assert result.confusion(IOU, -math.inf).categories == whole.confusion(IOU, -math.inf).categories
    assert result.confusion(IOU, -math.inf).categories == [f"c\x1f{k}" for k in (1, 2, 3)]
    assert result.errors(IOU).counts == whole.errors(IOU).counts
    assert result.errors(IOU).to_dict() == whole.errors(IOU).to_dict()
    assert by_error_table(result) == by_error_table(whole)
    assert result.errors(IOU).rows.to_dict()["truth"] == whole.errors(IOU).rows.to_dict()["truth"]


def test_no_bytes_of_pairs_are_more_than_a_value_error():
    targets, preds = nasty(3)
    matches = evaluated(targets, preds, "coco").scores.error_table(IOU, 0.1, "all")
    data = matches.to_bytes()
    rng = np.random.default_rng(0)
    survived = 0
    for _ in range(400):
        damaged = bytearray(data)
        for at in rng.integers(0, len(data), rng.integers(1, 4)):
            damaged[at] = rng.integers(0, 256)
        damaged = bytes(damaged[: rng.integers(0, len(data))]) if rng.random() < 0.2 else bytes(damaged)
        with contextlib.suppress(ValueError, MemoryError):
            read = type(matches).from_bytes(damaged)
            read.pairs()
            read.corrected(False).positives()
            read.lrp(IOU, True)
            survived += 1
    assert 0 < survived < 400
    again = type(matches).from_bytes(data)
    assert all(np.array_equal(a, b, equal_nan=b.dtype.kind == "f") for a, b in
               zip(again.pairs().values(), matches.pairs().values(), strict=True))  # fmt: skip


def test_other_tables_have_no_pairs():
    matches = evaluated(*nasty(3), "coco").scores.table
    for ask in (matches.pairs, lambda: matches.corrected(False), lambda: matches.lrp(IOU, False)):
        with pytest.raises(ValueError, match="not those of a confusion or error table"):
            ask()


def test_pairs_of_some_images_are_those_of_all_that_lie_there():
    result = evaluated(*nasty(3), "coco")
    matches = result.scores.error_table(IOU, 0.1, "all")
    whole, wanted = matches.pairs(), [0, len(result.image_ids) - 1]
    part = matches.pairs(wanted)
    rows, truths = np.isin(whole["image"], wanted), np.isin(whole["truth_image"], wanted)
    assert 0 < rows.sum() < len(rows) and 0 < truths.sum() < len(truths)
    for name, column in part.items():
        every = whole[name][truths if name.startswith("truth_") else rows]
        if name == "partner":
            # Rows of objects are counted among those that are there.
            every = np.where(every < 0, -1, (np.cumsum(truths) - 1)[every])
        assert np.array_equal(column, every, equal_nan=column.dtype.kind == "f"), name
    assert not any(len(column) for column in matches.pairs([]).values())
    with pytest.raises(ValueError, match="there is no position"):
        matches.pairs([len(result.image_ids)])


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_all_categories_are_ranked_together_without_a_table_of_them(limit):
    table = evaluated(*nasty(3), "coco").scores.table
    pooled, groups = table.pooled(), table.groups
    for area in range(4):
        ours, theirs = table.ranking(None, area, limit), pooled.ranking(0, area, limit * groups)
        for t in (0, 5, 9):
            for ask in (lambda ranking, t=t: ranking.counts(t)[:3], lambda ranking, t=t: ranking.alarms(t)[:1]):
                assert all(np.array_equal(a, b) for a, b in zip(ask(ours), ask(theirs), strict=True))
            rules = [
                ("score", 0.5),
                ("precision", 0.5),
                ("recall", 0.2),
                ("false_positives", 1.0),
                ("false_alarms", 0.5),
            ]
            points = ours.points(t, rules)
            assert np.array_equal(points, theirs.points(t, rules), equal_nan=True)
            once = np.ones((1, len(table.image_ids)), np.uint32)
            of_samples = [ours.operator(t).points(once, *rule)[0] for rule in rules]
            assert np.array_equal(points, of_samples, equal_nan=True)


def as_table(pa, targets, preds, only=None):
    """One Arrow table of both sides: ``score`` is null for objects, which may be ``difficult``."""
    rows = []
    for i, (target, pred) in enumerate(zip(targets, preds, strict=True)):
        if only is not None and i not in only:
            continue
        for label, box, flag in zip(target["labels"], target["boxes"], target["ignore"], strict=True):
            rows.append((i, int(label), box.tolist(), int(flag), None, 1.0))
        for label, box, score in zip(pred["labels"], pred["boxes"], pred["scores"], strict=True):
            rows.append((i, int(label), box.tolist(), None, float(score), 1.0))
    names = ("image_id", "category_id", "boxes", "difficult", "score", "difficulty")
    return pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))


@pytest.mark.parametrize("preset", [name for name in sorted(protocol.PRESETS) if not protocol.get(name).federated])
def test_shards_of_a_cluster_say_the_same(preset):
    pa = pytest.importorskip("pyarrow")
    from meanap.distributed.confusions import confuse_batch, summed
    from meanap.distributed.contract import Plan

    targets, preds = nasty(5, images=6)
    for target in targets:
        target["ignore"] |= target["iscrowd"]
        target["iscrowd"][:] = 0
    whole = evaluated(targets, preds, preset).confusion(IOU, 0.4)
    plan = Plan.of("bbox", preset, box_format="xywh", heights=None)
    shards = [confuse_batch(as_table(pa, targets, preds, only), plan, IOU, 0.4) for only in ({0, 3}, {1, 2, 4}, {5})]
    confusion = summed(pa.concat_tables(shards), plan, IOU, 0.4, [1, 2, 3])
    np.testing.assert_array_equal(confusion.matrix, whole.matrix)


def lists_of_labelled(not_exhaustive):
    """One image in which category 1 was looked for, and a detection of it that matches nothing."""
    labelled = {"neg_category_ids": [], "not_exhaustive_category_ids": not_exhaustive}
    image = {"id": 1, "width": 100, "height": 100, **labelled}
    box = [0.0, 0.0, 10.0, 10.0]
    truth = {
        "images": [image],
        "categories": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": box, "area": 100.0, "iscrowd": 0}],
    }
    found = [
        {"image_id": 1, "category_id": k, "bbox": at, "score": score}
        for k, at, score in ((1, box, 0.9), (1, [50.0, 50.0, 9.0, 9.0], 0.8), (2, box, 0.7))
    ]
    return truth, found


@pytest.mark.parametrize("not_exhaustive, wrong", [([], 1), ([1], 0)])
def test_what_was_not_labelled_is_no_false_positive_anywhere(not_exhaustive, wrong):
    result = meanap.evaluate(*lists_of_labelled(not_exhaustive), protocol="lvis")
    errors, confusion = result.errors(IOU), result.confusion(IOU, -math.inf)
    row = result.per_image(IOU, score=-math.inf)[0]
    assert errors.counts["false_positives"] == confusion.false_positives == row["false_positives"] == wrong
    assert int(result.precision_recall(1, IOU).false_positives[-1]) == wrong
    assert confusion.true_positives == row["true_positives"] == 1 and confusion.misclassified == 0


def test_an_object_beyond_all_areas_is_ignored_everywhere():
    truth, found = lists_of_labelled([])
    truth["annotations"][0]["area"] = 2e10
    result = meanap.evaluate(truth, found[1:2])
    row = result.per_image(IOU, score=-math.inf)[0]
    assert result.errors(IOU).counts["false_negatives"] == result.confusion(IOU, -math.inf).false_negatives == 0
    assert (row["objects"], row["false_negatives"], row["false_positives"]) == (0, 0, 1)
    assert result.confusion(IOU, -math.inf).false_positives == 1
