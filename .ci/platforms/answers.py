"""Answers of the whole package on data that is the same everywhere, as text that compares bit by bit.

    python .ci/platforms/answers.py answers.json
    python .ci/platforms/answers.py --compare here.json there.json

Each number is written as its bits, each array as dtype, shape and digest, so that files of two machines are equal if
and only if the answers are. Needs meanap and NumPy alone.
"""

import argparse
import hashlib
import io
import json
import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np

import meanap
from meanap import cli, generate, mask, protocol, ranking
from meanap.segmentation import SemanticSegmentation

#: Kind of similarity, ground truth, detections.
SIDES = (
    ("bbox", "instances.json", "boxes.json"),
    ("segm", "instances.json", "masks.json"),
    ("keypoints", "persons.json", "poses.json"),
)


def bits(value):
    """A value without the machine's byte order or rounding of text."""
    if isinstance(value, bool | str | bytes | None.__class__):
        return repr(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value).hex()
    if isinstance(value, np.ndarray):
        if value.dtype == object:
            return [bits(item) for item in value.ravel()]
        little = np.ascontiguousarray(value.astype(value.dtype.newbyteorder("<")))
        digest = hashlib.sha256(little.tobytes()).hexdigest()[:16]
        return f"{value.dtype.name} {value.shape} {digest}"
    if isinstance(value, dict):
        return {str(key): bits(item) for key, item in value.items()}
    return [bits(item) for item in value]


def answers() -> dict:
    """Each answer by its name."""
    out = {}
    with tempfile.TemporaryDirectory() as where:
        folder = Path(where)
        with redirect_stdout(io.StringIO()):
            generate.write_files(folder, images=60, seed=5)
        for path in sorted(folder.glob("*.json")):
            out[f"file {path.name}"] = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        for kind, truth_name, name in SIDES:
            files = [str(folder / truth_name), str(folder / name)]
            truth, found = (json.loads(Path(path).read_text(encoding="utf-8")) for path in files)
            drop_in(out, kind, *files)
            for preset in protocol.PRESETS:
                try:
                    result = meanap.evaluate(*files, similarity=kind, protocol=preset)
                except (ValueError, TypeError) as problem:
                    out[f"{kind} {preset}"] = f"{type(problem).__name__}: {problem}".replace(str(folder), "")
                    continue
                out[f"{kind} {preset}"] = bits(dict(result))
                result = meanap.evaluate(truth, found, similarity=kind, protocol=preset)
                out[f"{kind} {preset} from dictionaries"] = bits(dict(result))
            result = meanap.evaluate(*files, similarity=kind)
            interval = result.interval("ap", resamples=50, seed=3)
            out[f"{kind} interval"] = bits([interval.value, interval.low, interval.high, interval.samples])
            out[f"{kind} classes"] = bits({name: result.per_class[name] for name in ("ap", "ap50", "ar", "objects")})
            out[f"{kind} text"] = str(result)
        shell(out, folder)
    masks(out)
    rankings(out)
    pixels(out)
    return out


def drop_in(out: dict, kind: str, truth_file: str, found_file: str) -> None:
    """The API of pycocotools."""
    with redirect_stdout(io.StringIO()) as text:
        truth = meanap.COCO(truth_file)
        evaluation = meanap.COCOeval(truth, truth.loadRes(found_file), kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    lines = [line for line in text.getvalue().splitlines() if "t=" not in line and "s)" not in line]
    out[f"{kind} printed"] = lines
    out[f"{kind} stats"] = bits(list(evaluation.stats))
    out[f"{kind} curves"] = {name: bits(evaluation.eval[name]) for name in ("precision", "recall", "scores")}
    # NumPy chooses its exponential by the processor, and the reference has the same bits on the same one.
    ious = [np.asarray(value) for _, value in sorted(evaluation.ious.items())]
    ious = [np.round(value, 12) for value in ious] if kind == "keypoints" else ious
    out[f"{kind} ious"] = hashlib.sha256(repr([bits(value) for value in ious]).encode()).hexdigest()


def shell(out: dict, folder: Path) -> None:
    """The command line."""
    for command in ("check", "stats"):
        arguments = [
            command,
            str(folder / "instances.json"),
            *([str(folder / "boxes.json")] if command == "check" else []),
        ]
        with redirect_stdout(io.StringIO()) as text:
            code = cli.main(arguments)
        out[f"meanap {command}"] = [code, text.getvalue().replace(str(folder), "")]


def masks(out: dict) -> None:
    """Run lengths."""
    state = np.random.RandomState(7)
    images = (state.rand(37, 53, 12) < state.rand(12)).astype(np.uint8)
    encoded = mask.encode(np.asfortranarray(images))
    out["mask encode"] = [item["counts"].decode() for item in encoded]
    out["mask decode"] = bits(mask.decode(encoded))
    out["mask area"] = bits(mask.area(encoded))
    out["mask boxes"] = bits(mask.toBbox(encoded))
    out["mask iou"] = bits(mask.iou(encoded, encoded, [k % 2 for k in range(12)]))
    out["mask merge"] = mask.merge(encoded)["counts"].decode()
    polygons = (state.rand(40, 10) * 60 - 5).tolist()
    out["mask polygons"] = [mask.frPyObjects([polygon], 37, 53)[0]["counts"].decode() for polygon in polygons]
    boxes = state.rand(30, 4) * 20
    out["box iou"] = bits(mask.iou(boxes, boxes[::-1].copy(), [0] * 30))


def rankings(out: dict) -> None:
    """Measures over ranked lists."""
    state = np.random.RandomState(11)
    judged = {
        f"q{q}": {f"d{d}": int(state.randint(0, 4, dtype=np.int64)) for d in state.permutation(60)[:25]}
        for q in range(20)
    }
    run = {query: {f"d{d}": float(state.randint(0, 40, dtype=np.int64)) / 7 for d in range(60)} for query in judged}
    for measure in ("map", "ndcg", "recip_rank", "bpref", "P_5", "ndcg_cut_10", "Rprec"):
        out[f"ranking {measure}"] = bits(ranking.evaluate(judged, run, measure).values)
    lists = [[int(item) for item in state.permutation(50)[:12]] for _ in range(30)]
    out["mapk"] = bits(meanap.mapk(lists, lists[::-1], 10))


def pixels(out: dict) -> None:
    """Semantic and panoptic segmentation."""
    state = np.random.RandomState(13)
    truth, found = (state.randint(0, 5, (40, 50), dtype=np.int64) for _ in range(2))
    metric = SemanticSegmentation(5)
    metric.update(found, truth)
    out["semantic"] = bits(vars(metric.compute()))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--compare", action="store_true", help="compare two files")
    options = parser.parse_args()
    if not options.compare:
        options.files[0].write_text(json.dumps(answers(), indent=1), encoding="utf-8")
        return 0
    here, there = (json.loads(path.read_text(encoding="utf-8")) for path in options.files)
    different = [name for name in sorted({*here, *there}) if here.get(name) != there.get(name)]
    for name in different:
        print(f"{name}:\n  here  {str(here.get(name))[:400]}\n  there {str(there.get(name))[:400]}")
    print(f"{len(here) - len(different)} of {len(here)} answers are equal to the last bit")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
