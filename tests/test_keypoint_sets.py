"""Sets of keypoints by name and by number: sigmas and limbs are MMPose's, numbers pycocotools'."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

import meanap
from meanap import _types, protocol, report
from meanap.cli import main
from meanap.protocol.keypoints import KEYPOINT_SETS, drawn_limbs, keypoint_set

STORED = json.loads((Path(__file__).parent / "stored" / "keypoint_sets.json").read_text())
COUNTS = {name: len(one.sigmas) for name, one in KEYPOINT_SETS.items()}


def poses(count: int, seed: int = 1, images: int = 15) -> tuple[dict, list]:
    """Objects of so many keypoints, some without a label, and detections near them."""
    random = np.random.default_rng(seed)
    annotations, results = [], []
    for image in range(1, images + 1):
        for _ in range(random.integers(1, 5)):
            left, top, width, height = *random.uniform(0, 300, 2), *random.uniform(20, 150, 2)
            points = random.uniform(0, 1, (count, 2)) * [width, height] + [left, top]
            flags = random.integers(0, 3, count) if len(annotations) % 7 else np.zeros(count, dtype=int)
            common = {"image_id": image, "category_id": 1}
            box = [left, top, width, height]
            pose = np.column_stack([np.round(points, 2), flags]).ravel().tolist()
            labelled = {"keypoints": pose, "num_keypoints": int((flags > 0).sum())}
            record = {"id": len(annotations) + 1, **common, "bbox": box, "area": width * height, "iscrowd": 0}
            annotations.append({**record, **labelled})
            for _ in range(random.integers(0, 3)):
                moved = points + random.normal(0, 1, (count, 2)) * random.uniform(0.2, 8)
                pose = np.column_stack([np.round(moved, 2), np.full(count, 2)]).ravel().tolist()
                results.append({**common, "keypoints": pose, "score": float(random.uniform())})
    truth = {
        "images": [{"id": id, "width": 640, "height": 480} for id in range(1, images + 1)],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "object"}],
    }
    return truth, results


def written(folder: Path, truth: dict, results: list) -> list[str]:
    paths = [str(folder / "truth.json"), str(folder / "found.json")]
    for path, content in zip(paths, (truth, results), strict=True):
        Path(path).write_text(json.dumps(content))
    return paths


@pytest.mark.parametrize("name", STORED)
def test_sigmas_and_limbs_are_those_of_mmpose(name):
    one = KEYPOINT_SETS[name]
    assert one.sigmas == pytest.approx(STORED[name]["sigmas"], abs=1e-15)
    for package in STORED[name].keys() - {"sigmas", "skeleton"}:
        assert [*one.sigmas] == STORED[name][package], package
    # MMPose draws no faces.
    if name != "face68":
        assert sorted(map(sorted, one.skeleton)) == STORED[name]["skeleton"]


def test_limbs_are_between_keypoints_of_the_set():
    for name, (sigmas, skeleton) in KEYPOINT_SETS.items():
        assert all(0 <= end < len(sigmas) for limb in skeleton for end in limb), name
        assert len({tuple(sorted(limb)) for limb in skeleton}) == len(skeleton), name


def test_parts_of_the_whole_body_are_sets_of_their_own():
    whole, parts = KEYPOINT_SETS["wholebody"].sigmas, ("coco", "foot", "face68", "hand21", "hand21")
    assert sum((KEYPOINT_SETS[part].sigmas for part in parts), ()) == whole


def test_a_set_is_found_by_the_number_of_its_keypoints():
    for count in {*COUNTS.values()}:
        first = next(name for name in KEYPOINT_SETS if COUNTS[name] == count)
        assert keypoint_set(count) is KEYPOINT_SETS[first]
    assert keypoint_set(17) is KEYPOINT_SETS["coco"]
    assert {*get_args(_types.KeypointSetName)} == {*KEYPOINT_SETS}


@pytest.mark.parametrize("name", KEYPOINT_SETS)
def test_numbers_are_those_of_pycocotools_with_these_sigmas(name, tmp_path):
    pycocotools = pytest.importorskip("pycocotools.coco")
    cocoeval = pytest.importorskip("pycocotools.cocoeval")
    truth, results = poses(COUNTS[name])
    paths = written(tmp_path, truth, results)
    gt = pycocotools.COCO(paths[0])
    ev = cocoeval.COCOeval(gt, gt.loadRes(paths[1]), "keypoints")
    ev.params.kpt_oks_sigmas = np.array(KEYPOINT_SETS[name].sigmas)
    ev.evaluate()
    ev.accumulate()
    ev.summarize()
    assert 0 < ev.stats[0] < 1
    explicit = protocol.get("coco", "keypoints").replace(sigmas=KEYPOINT_SETS[name].sigmas)
    ways = [name, KEYPOINT_SETS[name].sigmas, *([COUNTS[name]] if name != "ap10k" else [])]
    for sides in ((truth, results), paths):
        for sigmas in ways:
            result = meanap.evaluate(*sides, "keypoints", sigmas=sigmas)
            assert result.protocol == explicit
            found = [result[row.name] for row in result.protocol.summary]
            assert [-1 if np.isnan(value) else value for value in found] == ev.stats.tolist()


def test_every_entry_takes_the_name_of_a_set(tmp_path, capsys):
    truth, results = poses(14)
    paths = written(tmp_path, truth, results)
    expected = meanap.evaluate(truth, results, "keypoints", sigmas="crowdpose").ap
    metric = meanap.MeanAveragePrecision("keypoints", sigmas="crowdpose")
    for image in truth["images"]:
        sides = []
        for records in (results, truth["annotations"]):
            own = [record for record in records if record["image_id"] == image["id"]]
            item = {
                "keypoints": np.array([record["keypoints"] for record in own]).reshape(-1, 14, 3),
                "labels": np.ones(len(own), dtype=int),
            }
            if records is results:
                item["scores"] = np.array([record["score"] for record in own])
            else:
                item["area"] = np.array([record["area"] for record in own])
                item["boxes"] = np.array([record["bbox"] for record in own]).reshape(-1, 4) @ np.array(
                    [[1, 0, 1, 0], [0, 1, 0, 1], [0, 0, 1, 0], [0, 0, 0, 1]]
                )
            sides.append(item)
        metric.update([sides[0]], [sides[1]])
    assert metric.compute()["map"] == pytest.approx(expected, abs=1e-12)
    explained = meanap.explain_difference(truth, results, {"sigmas": [0.05] * 14}, {"sigmas": "crowdpose"}, "keypoints")
    assert [row["fields"] for row in explained] == ["sigmas"]
    for sigmas in ("crowdpose", "14"):
        for command in (
            ["eval", *paths, "--similarity", "keypoints", "--json", str(tmp_path / "out.json")],
            ["check", *paths, "--similarity", "keypoints"],
            ["compare", *paths, paths[1], "--similarity", "keypoints", "--resamples", "5"],
            ["report", *paths, "--similarity", "keypoints", "--out", str(tmp_path / "page.html")],
        ):
            code = main([*command, "--sigmas", sigmas])
            assert code == 0, (command, capsys.readouterr())
        assert json.loads((tmp_path / "out.json").read_text())["stats"]["AP"] == expected


def test_a_name_that_is_no_set_is_an_error_that_lists_them(capsys):
    truth, results = poses(5)
    for sigmas in ("body25", 5, True):
        with pytest.raises(meanap.InputError, match="sigmas: expected"):
            meanap.evaluate(truth, results, "keypoints", sigmas=sigmas)
    for text in ("body25", "5"):
        with pytest.raises(SystemExit):
            main(["eval", "a.json", "b.json", "--similarity", "keypoints", "--sigmas", text])
        assert "crowdpose" in capsys.readouterr().err


def test_check_names_the_set_that_poses_may_be_of():
    for name in ("crowdpose", "wholebody", "hand21"):
        truth, results = poses(COUNTS[name])
        remedy = meanap.check(truth, results, "keypoints").row(code="keypoint-sigmas")["remedy"]
        assert f"`--sigmas {name}`" in remedy
        assert "keypoint-sigmas" not in meanap.check(truth, results, "keypoints", sigmas=name).codes


def test_a_report_draws_the_limbs_of_a_set_where_the_categories_have_none(tmp_path):
    truth, results = poses(14, images=3)
    rules = protocol.get("coco", "keypoints").replace(sigmas="crowdpose")
    pages = []
    for skeleton in ([], [[1, 2]]):
        named = {**truth, "categories": [{"id": 1, "name": "object", "skeleton": skeleton}]}
        path = report.write(tmp_path / "page.html", named, results, "keypoints", rules, resamples=2)
        pages.append(path.read_text())
    joints = np.array(truth["annotations"][1]["keypoints"]).reshape(-1, 3)
    limbs = [limb for limb in KEYPOINT_SETS["crowdpose"].skeleton if joints[list(limb), 2].all()]
    assert len(limbs) > 2
    for a, b in limbs:
        path = f"M{joints[a, 0]:.1f} {joints[a, 1]:.1f}L{joints[b, 0]:.1f} {joints[b, 1]:.1f}"
        assert path in pages[0] and (path in pages[1]) == ((a, b) == (0, 1))


def test_a_report_draws_all_parts_of_the_whole_body(tmp_path):
    truth, found = poses(133, images=3)
    body = [[a + 1, b + 1] for a, b in KEYPOINT_SETS["coco"].skeleton]
    names = [f"keypoint {number}" for number in range(17)]
    truth["categories"] = [{"id": 1, "name": "person", "keypoints": names, "skeleton": body}]
    split = {**truth, "annotations": [in_parts(record) for record in truth["annotations"]]}
    limbs = drawn_limbs(133)
    face = [(a + 23, b + 23) for a, b in KEYPOINT_SETS["face68"].skeleton]
    assert {*face, *KEYPOINT_SETS["wholebody"].skeleton} == set(limbs) and len(set(limbs)) == len(limbs)
    sides = [(truth, found), (split, [in_parts(record) for record in found])]
    for given in (*sides, written(tmp_path, *sides[0]), written(tmp_path, *sides[1])):
        path = report.write(tmp_path / "a.html", *given, "keypoints", sigmas="wholebody", resamples=2, check=False)
        page = path.read_text(encoding="utf-8")
        seen = 0
        for record in truth["annotations"]:
            joints = np.array(record["keypoints"]).reshape(-1, 3)
            for a, b in limbs:
                if joints[[a, b], 2].all():
                    assert f"M{joints[a, 0]:.1f} {joints[a, 1]:.1f}L{joints[b, 0]:.1f} {joints[b, 1]:.1f}" in page
                    seen += max(a, b) > 22
        assert seen > 100


def test_a_report_takes_sigmas(tmp_path):
    truth, found = poses(26)
    for sigmas in ("halpe26", 26, KEYPOINT_SETS["halpe26"].sigmas):
        path = report.write(tmp_path / "a.html", truth, found, "keypoints", sigmas=sigmas, resamples=5, check=False)
        ap = meanap.evaluate(truth, found, "keypoints", sigmas=sigmas).ap
        assert f'data-v="{ap:.6g}"' in path.read_text(encoding="utf-8")
    with pytest.raises(meanap.InputError, match="sigmas"):
        report.write(tmp_path / "a.html", truth, found, sigmas="halpe26", check=False)


#: The fields of COCO-WholeBody and how many keypoints they have.
BODY = {"keypoints": 17, "foot_kpts": 6, "face_kpts": 68, "lefthand_kpts": 21, "righthand_kpts": 21}


def in_parts(record: dict) -> dict:
    """A record of 133 keypoints as COCO-WholeBody has it."""
    ends = np.cumsum([3 * count for count in BODY.values()])[:-1]
    parts = dict(zip(BODY, (part.tolist() for part in np.split(np.array(record["keypoints"]), ends)), strict=True))
    if "num_keypoints" in record:
        parts["num_keypoints"] = sum(flag > 0 for flag in parts["keypoints"][2::3])
    return {**record, **parts}


def test_parts_of_the_whole_body_in_fields_of_their_own_are_joined(tmp_path, capsys):
    truth, found = poses(133)
    split = {**truth, "annotations": [in_parts(record) for record in truth["annotations"]]}
    given = [{**in_parts(record), "wholebody_score": record["score"], "score": 0.5} for record in found]

    def numbers(*sides, **options):
        result = meanap.evaluate(*sides, "keypoints", sigmas="wholebody", **options)
        # The area of a detection is that of its body alone.
        return {name: value for name, value in result.items() if not name.endswith(("medium", "large"))}

    expected = numbers(truth, found)
    paths = written(tmp_path, split, given)
    for sides in ((split, given), paths, (paths[0], given), (split, paths[1]), (split, found), (truth, given)):
        assert numbers(*sides) == expected
    assert numbers(*paths, memory_limit="1 MB") == expected
    out = str(tmp_path / "out.json")
    options = ["--similarity", "keypoints", "--sigmas", "wholebody"]
    assert main(["eval", *paths, *options, "--json", out]) == 0
    assert json.loads(Path(out).read_text())["stats"]["AP"] == expected["ap"]
    assert main(["report", *paths, *options, "-o", str(tmp_path / "page.html"), "--resamples", "3"]) == 0
    codes = meanap.check(*paths, "keypoints", sigmas="wholebody").codes
    assert codes == meanap.check(*written(tmp_path, truth, found), "keypoints", sigmas="wholebody").codes
    # Without these sigmas the body alone is compared.
    body = {**truth, "annotations": [{**r, "keypoints": r["keypoints"][:51]} for r in split["annotations"]]}
    alone = [{**record, "keypoints": record["keypoints"][:51]} for record in given]
    assert dict(meanap.evaluate(split, given, "keypoints")) == dict(meanap.evaluate(body, alone, "keypoints"))


def test_numbers_of_parts_are_those_of_xtcocotools_evaluator():
    from meanap.compat.xtcocotools.coco import COCO
    from meanap.compat.xtcocotools.cocoeval import COCOeval

    truth, found = poses(133)
    split = {**truth, "annotations": [in_parts(record) for record in truth["annotations"]]}
    dataset = COCO()
    dataset.dataset = split
    dataset.createIndex()
    results = dataset.loadRes([{**in_parts(r), "wholebody_score": r["score"]} for r in found])
    sigmas = np.array(KEYPOINT_SETS["wholebody"].sigmas)
    evaluation = COCOeval(dataset, results, "keypoints_wholebody", sigmas=sigmas, use_area=True)
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    ours = meanap.evaluate(split, [in_parts(r) for r in found], "keypoints", sigmas="wholebody")
    assert list(ours.values()) == list(evaluation.stats)


def test_areas_of_joined_poses_do_not_depend_on_shards(tmp_path):
    truth, found = poses(133)
    split = {**truth, "annotations": [in_parts(record) for record in truth["annotations"]]}
    paths = written(tmp_path, split, [in_parts(record) for record in found])
    whole, shards = (
        meanap.evaluate(*paths, "keypoints", sigmas="wholebody", memory_limit=limit) for limit in (None, "1 MB")
    )
    assert dict(whole) == dict(shards)
