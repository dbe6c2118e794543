"""Semantic and panoptic segmentation, and boundaries, with each tool that has them."""

import json
import os
import struct
import zlib
from functools import partial
from pathlib import Path

from tools import coco

CLASSES, IGNORE = 19, 255


def smooth(rng, height, width, cell):
    """Noise that is even over `cell` pixels: bilinear between random corners."""
    import numpy as np

    corners = rng.standard_normal((height // cell + 2, width // cell + 2))
    (y, fy), (x, fx) = ((np.arange(n) // cell, np.arange(n) % cell / cell) for n in (height, width))
    upper, lower = (corners[y + i][:, x] * (1 - fx) + corners[y + i][:, x + 1] * fx for i in (0, 1))
    return upper * (1 - fy[:, None]) + lower * fy[:, None]


def draw(rng, height, width, rows, columns, labels):
    """A map of curved regions and one whose edges lie elsewhere by some pixels."""
    import numpy as np

    coarse = rng.choice(labels, (rows, columns))
    dy, dx = (smooth(rng, height, width, 64) * 20 + smooth(rng, height, width, 12) * 2 for _ in range(2))
    y, x = np.mgrid[0:height, 0:width]

    def moved(by_y, by_x):
        at_y = np.clip(y + dy + by_y, 0, height - 1) / height * rows
        return coarse[at_y.astype(int), (np.clip(x + dx + by_x, 0, width - 1) / width * columns).astype(int)]

    return moved(0, 0), moved(smooth(rng, height, width, 40) * 4, smooth(rng, height, width, 40) * 4)


# Confusion of label maps in memory


def make_label_maps(folder: Path):
    """Fifty pairs of the size of Cityscapes: more than caches hold, read ten times."""
    import numpy as np

    rng = np.random.default_rng(0)
    pairs = [draw(rng, 1024, 2048, 8, 14, [*range(CLASSES), IGNORE]) for _ in range(50)]
    target, prediction = (np.stack(side).astype(np.uint8) for side in zip(*pairs, strict=True))
    prediction[prediction == IGNORE] = 0
    np.save(folder / "target.npy", target)
    np.save(folder / "prediction.npy", prediction)


def label_maps(tool, folder):
    """500 pairs in memory, one after the other, to a confusion matrix."""
    import numpy as np

    target, prediction = (np.load(folder / f"{side}.npy") for side in ("target", "prediction"))
    pairs = [(target[i % len(target)], prediction[i % len(target)]) for i in range(500)]
    return tool(pairs)


def _meanap_labels(pairs):
    from meanap.segmentation import SemanticSegmentation

    def work():
        metric = SemanticSegmentation(CLASSES, IGNORE)
        for target, prediction in pairs:
            metric.update(prediction, target)
        result = metric.compute()
        return lambda: {"confusion": result.confusion_matrix, "miou": [result.mean_iou]}

    return work


def _hotcoco_labels(pairs):
    from hotcoco.semantic import SemanticEval

    def work():
        metric = SemanticEval(CLASSES, ignore_index=IGNORE)
        for target, prediction in pairs:
            metric.update(target, prediction)
        confusion = metric.confusion()
        return lambda: {"confusion": confusion}

    return work


def _vernier_labels(pairs):
    from vernier.semantic import Dataset, Evaluator, Predictions

    def work():
        truth = Dataset.from_arrays({i: target for i, (target, _) in enumerate(pairs)}, CLASSES, IGNORE)
        found = Predictions.from_arrays({i: prediction for i, (_, prediction) in enumerate(pairs)})
        summary = Evaluator().evaluate(truth, found, num_threads=os.cpu_count())
        return lambda: {"miou": [summary.miou]}

    return work


def _numpy_labels(pairs):
    import numpy as np

    def work():
        confusion = np.zeros(CLASSES**2, dtype=np.int64)
        for target, prediction in pairs:
            keep = target != IGNORE
            flat = target[keep].astype(np.int64) * CLASSES + prediction[keep]
            confusion += np.bincount(flat, minlength=CLASSES**2)
        confusion = confusion.reshape(CLASSES, CLASSES)
        hits = confusion.diagonal()
        iou = hits / (confusion.sum(axis=0) + confusion.sum(axis=1) - hits)
        return lambda: {"confusion": confusion, "miou": [iou.mean()]}

    return work


def _memory(pairs):
    """Not a tool: how long it takes to read all pixels once, which bounds them all."""
    import numpy as np

    def work():
        for pair in pairs:
            for pixels in pair:
                pixels.reshape(-1).view(np.int64).sum()
        return dict

    return work


# Panoptic quality from files


def make_panoptic(folder: Path):
    """200 images of the size of COCO's, each side as JSON and PNG files."""
    import numpy as np

    rng = np.random.default_rng(0)
    categories = [{"id": k, "name": f"category {k}", "isthing": int(k < 81)} for k in range(1, 134)]
    sides = {"truth": [], "found": []}
    for side in sides:
        (folder / side).mkdir(exist_ok=True)
    for image in range(200):
        ids = rng.choice(2**24 - 1, 24, replace=False) + 1
        category = dict(zip(ids.tolist(), rng.integers(1, 134, len(ids)).tolist(), strict=True))
        maps = draw(rng, 480, 640, 5, 7, [*ids, 0])
        for (side, records), pixels in zip(sides.items(), maps, strict=True):
            present, areas = np.unique(pixels, return_counts=True)
            segments = [
                {"id": id, "category_id": category[id], "area": area, "iscrowd": 0}
                for id, area in zip(present.tolist(), areas.tolist(), strict=True)
                if id
            ]
            name = f"{image}.png"
            records.append({"image_id": image, "file_name": name, "segments_info": segments})
            (folder / side / name).write_bytes(_png(pixels))
    images = [{"id": image, "file_name": f"{image}.jpg", "height": 480, "width": 640} for image in range(200)]
    for side, records in sides.items():
        content = {"images": images, "annotations": records, "categories": categories}
        (folder / f"{side}.json").write_text(json.dumps(content))


def _png(ids):
    """Segment ids as an RGB image."""
    import numpy as np

    height, width = ids.shape
    colors = np.stack([ids, ids >> 8, ids >> 16], axis=-1).astype(np.uint8).reshape(height, -1).astype(np.int16)
    # Each line less the line above, the pixel before, or the nearest of three: what encoders choose from, by the least
    # sum of what is left, and what decoders have to undo.
    above = np.pad(colors, ((1, 0), (0, 0)))[:-1]
    left, corner = (np.pad(each, ((0, 0), (3, 0)))[:, :-3] for each in (colors, above))
    near = np.abs(left + above - corner - np.stack([left, above, corner])).argmin(axis=0)
    expected = np.stack([above, left, np.choose(near, [left, above, corner])])
    rests = (colors - expected).astype(np.uint8)
    best = np.abs(rests.view(np.int8).astype(np.int32)).sum(axis=2).argmin(axis=0)
    filters = np.array([2, 1, 4], np.uint8)[best]
    lines = np.concatenate([filters[:, None], rests[best, np.arange(height)]], axis=1)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes())), (b"IEND", b""))
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


def panoptic(module, folder):
    """Both JSON files and their PNG files, by the name that panopticapi gave it."""
    import importlib

    compute = importlib.import_module(module).pq_compute

    def work():
        results = compute(str(folder / "truth.json"), str(folder / "found.json"))
        groups = ("All", "Things", "Stuff")
        return lambda: {
            # Tools share images out over processes, and add in another order.
            "quality": [round(results[group][key], 12) for group in groups for key in ("pq", "sq", "rq", "n")]
        }

    return work


# Boundary IoU of instances, from files


def boundaries(evaluate, folder):
    """The masks of `val-segm-boxes` against their ground truth, compared by their boundaries too."""
    name = "val-segm-boxes"
    work = evaluate(str(folder / f"{name}.truth.json"), str(folder / f"{name}.detections.json"), "boundary")

    def timed():
        lay_out = work()

        def answer():
            import numpy as np

            # The reference here rounds its precision otherwise in the last bit.
            return {"stats": np.round(np.asarray(lay_out()["stats"], dtype=float)[:12], 12)}

        return answer

    return timed


LABEL_TOOLS = {
    "meanap": _meanap_labels,
    "hotcoco": _hotcoco_labels,
    "vernier": _vernier_labels,
    "memory": _memory,
    "numpy": _numpy_labels,
}
PANOPTIC_TOOLS = {
    "meanap": "meanap.compat.panopticapi",
    "panopticapi": "panopticapi.evaluation",
    "hotcoco": "hotcoco.panoptic",
}
BOUNDARY_TOOLS = {name: coco.TOOLS[name] for name in ("meanap", "ultrafast-pycocotools", "vernier", "faster-coco-eval")}

label_entrants = {name: partial(label_maps, tool) for name, tool in LABEL_TOOLS.items()}
panoptic_entrants = {name: partial(panoptic, module) for name, module in PANOPTIC_TOOLS.items()}
boundary_entrants = {name: partial(boundaries, evaluate) for name, evaluate in BOUNDARY_TOOLS.items()}
