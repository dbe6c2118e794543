"""Scenes: images with people and things in them, annotated as COCO annotates."""

from typing import Any, Literal

import numpy as np

from meanap._keywords import suggesting
from meanap._settings import whole
from meanap.generate.vocabulary import STANCE, category_entries, frequencies

# COCO's commonest shapes (width, height), the likeliest first.
SHAPES = np.array([[640, 480], [640, 427], [480, 640], [427, 640], [500, 375], [640, 640], [612, 612]])
SHAPE_SHARES = np.array([0.30, 0.26, 0.12, 0.10, 0.12, 0.06, 0.04])

# Log of the square root of a box's area: 41% of the boxes are small (below 32 pixels squared) and 24% large
# (above 96 squared), which is how COCO's are spread.
SIZE_MEAN, SIZE_SPREAD = 3.73, 1.18


@suggesting()
def dataset(
    images: int = 100,
    seed: int = 0,
    *,
    kind: Literal["instances", "keypoints", "boxes"] = "instances",
    objects: float = 8.0,
    categories: int = 80,
    crowds: float = 0.01,
) -> dict[str, Any]:
    """Draw a data set in COCO's format.

    Parameters
    ----------
    images : int
        How many images.
    seed : int
        The same seed gives the same scenes.
    kind : {"instances", "keypoints", "boxes"}
        All objects with outlines, or only the persons, with outlines and poses (as COCO has it in two files), or all
        objects as boxes alone (as Objects365 has it).
    objects : float
        Mean number of objects an image, before `kind` picks among them; the total is exact.
    categories : int
        How many categories; the first one is "person" and is by far the commonest.
    crowds : float
        Share of the objects that are crowd regions.

    Returns
    -------
    dict
        With "info", "images", "annotations" and "categories". Boxes are x, y, width, height in pixels;
        outlines are one to three rings of 10 to 60 vertices; crowd regions are uncompressed RLE.

    >>> truth = dataset(images=2, seed=0, objects=3)
    >>> sorted(truth["annotations"][0])
    ['area', 'bbox', 'category_id', 'id', 'image_id', 'iscrowd', 'segmentation']
    """
    if kind not in ("instances", "keypoints", "boxes"):
        raise ValueError(f'kind is {kind!r}, expected "instances", "keypoints" or "boxes"')
    whole(images, "images")
    whole(categories, "categories", 1)
    if not objects >= 0 or not 0 <= crowds <= 1:
        raise ValueError("expected objects >= 0 and 0 <= crowds <= 1")
    rng = np.random.default_rng([whole(seed, "seed"), 0])
    sizes = SHAPES[rng.choice(len(SHAPES), size=images, p=SHAPE_SHARES)]
    image_ids = rng.choice(120 * images, size=images, replace=False) + 1
    image = np.repeat(np.arange(images), share(rng.gamma(1.2, size=images), round(images * objects)))
    category = _casts(rng, image, images, categories)
    crowd = rng.random(len(image)) < crowds
    boxes = random_boxes(rng, sizes[image])
    boxes[crowd] = _widened(boxes[crowd], sizes[image[crowd]])

    # COCO lists objects category by category and crowd regions last.
    order = np.lexsort((rng.random(len(image)), category, crowd))
    image, category, crowd, boxes = image[order], category[order], crowd[order], boxes[order]
    if kind == "boxes":
        annotations = _boxed(boxes, crowd)
    else:
        annotations = _outlined(rng, boxes, sizes[image], crowd)
    listed = category_entries(categories, joints=kind == "keypoints")
    numbers = np.array([entry["id"] for entry in listed])
    ids = np.sort(rng.choice(20 * len(image), size=len(image), replace=False)) + 1
    for annotation, of_image, of_category, number in zip(
        annotations, image_ids[image].tolist(), numbers[category].tolist(), ids.tolist(), strict=True
    ):
        annotation |= {"image_id": of_image, "category_id": of_category, "id": number}
    if kind == "keypoints":
        listed = listed[:1]
        annotations = [annotations[index] for index in np.flatnonzero(category == 0)]
        _pose(np.random.default_rng([seed, 1]), annotations)
    return {
        "info": {"description": f"meanap.generate, seed {seed}"},
        "images": [
            {"id": number, "width": width, "height": height, "file_name": f"{number:012d}.jpg"}
            for number, (width, height) in zip(image_ids.tolist(), sizes.tolist(), strict=True)
        ],
        "annotations": annotations,
        "categories": listed,
    }


def share(weights: np.ndarray, total: float, limit: float = np.inf) -> np.ndarray:
    """Whole numbers with sum `total` in proportion to `weights`, none above `limit`: `(n,) intp`."""
    if len(weights) == 0 or weights.sum() == 0:
        return np.zeros(len(weights), np.intp)
    total = min(total, limit * len(weights))
    low, high = 0.0, (total + 1) / weights[weights > 0].min()
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (low, middle) if np.minimum(limit, middle * weights).sum() > total else (middle, high)
    ends = np.cumsum(np.minimum(limit, high * weights))
    return np.diff(np.minimum(np.floor(ends + 1e-6), total), prepend=0).astype(np.intp)


def random_boxes(rng: np.random.Generator, sizes: np.ndarray) -> np.ndarray:
    """A box somewhere in each image, `(n, 4) float64` x, y, width, height, with COCO's spread of sizes."""
    root = np.exp(rng.normal(SIZE_MEAN, SIZE_SPREAD, len(sizes)))
    aspect = np.exp(rng.normal(0, 0.45, len(sizes)))
    extent = np.clip(np.stack([root * aspect, root / aspect], 1), 4, 0.97 * sizes)
    corner = rng.random((len(sizes), 2)) * (sizes - extent)
    return np.concatenate([corner, extent], 1)


def _casts(rng: np.random.Generator, image: np.ndarray, images: int, count: int) -> np.ndarray:
    """A category for each object; an image has a cast of a few categories, so that objects come in groups."""
    cast = rng.choice(count, size=(images, 6), p=frequencies(count))
    categories: np.ndarray = cast[image, (6 * rng.random(len(image)) ** 2.5).astype(np.int64)]
    return categories


def _widened(boxes: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Crowd regions are wide: at least a fifth of the image across."""
    extent = np.clip(boxes[:, 2:] * 2.0, 0.2 * sizes, 0.97 * sizes)
    return np.concatenate([np.minimum(boxes[:, :2], sizes - extent), extent], 1)


def _boxed(boxes: np.ndarray, crowd: np.ndarray) -> list[dict[str, Any]]:
    """Annotations with box and area."""
    rounded = np.round(boxes, 2)
    areas = np.round(rounded[:, 2] * rounded[:, 3], 4).tolist()
    flags = crowd.astype(np.int64).tolist()
    rows = zip(rounded.tolist(), areas, flags, strict=True)
    return [{"area": area, "iscrowd": flag, "bbox": box} for box, area, flag in rows]


def _outlined(
    rng: np.random.Generator, boxes: np.ndarray, sizes: np.ndarray, crowd: np.ndarray
) -> list[dict[str, Any]]:
    """Annotations with segmentation, area and box: polygons for things, RLE for crowds."""
    ring_count = np.where(crowd, 0, rng.choice([1, 2, 3], size=len(boxes), p=[0.86, 0.11, 0.03])).astype(np.intp)
    owner = np.repeat(np.arange(len(boxes)), ring_count)
    first = np.cumsum(ring_count) - ring_count
    pieces = _pieces(boxes[owner], np.arange(len(owner)) - first[owner], ring_count[owner])
    points, starts = _blobs(rng, pieces)
    # Rounded as annotation tools write them; a vertex may then lie on the image's edge but not beyond it.
    points = np.clip(np.round(points, 2), 0, np.repeat(sizes[owner], np.diff(starts), axis=0))
    areas = _ring_areas(points, starts)
    flat, starts, first = points.reshape(-1).tolist(), (2 * starts).tolist(), first.tolist()
    annotations = []
    for index, rings in enumerate(ring_count.tolist()):
        if rings == 0:
            annotations.append(_crowd(rng, boxes[index], *sizes[index].tolist()))
            continue
        own = range(first[index], first[index] + rings)
        segmentation = [flat[starts[ring] : starts[ring + 1]] for ring in own]
        xs = [x for ring in segmentation for x in ring[::2]]
        ys = [y for ring in segmentation for y in ring[1::2]]
        box = [min(xs), min(ys), round(max(xs) - min(xs), 2), round(max(ys) - min(ys), 2)]
        # Not sum(), which compensates for rounding from Python 3.12 on: the same data on each Python.
        area = 0.0
        for ring in own:
            area += areas[ring]
        annotations.append({"segmentation": segmentation, "area": area, "iscrowd": 0, "bbox": box})
    return annotations


def _pieces(boxes: np.ndarray, part: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """The piece of its object's box that a ring fills: side by side with a gap, as behind a post."""
    along = (boxes[:, 3] > boxes[:, 2]).astype(np.int64)
    rows = np.arange(len(boxes))
    pieces: np.ndarray = boxes.copy()
    step = boxes[rows, 2 + along] / parts
    pieces[rows, along] += part * step
    pieces[rows, 2 + along] = step * np.where(parts > 1, 0.88, 1.0)
    return pieces


def _blobs(rng: np.random.Generator, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A smooth closed outline that fills each box: points `(V, 2) float64` and starts `(n + 1,) int64`."""
    root = np.sqrt(boxes[:, 2] * boxes[:, 3])
    vertices = np.clip((8 + root / 5) * np.exp(rng.normal(0, 0.3, len(boxes))), 10, 60).astype(np.intp)
    starts = np.concatenate([[0], np.cumsum(vertices)])
    ring = np.repeat(np.arange(len(boxes)), vertices)
    step = np.arange(starts[-1]) - starts[ring] + 0.5 * rng.random(starts[-1])
    angle = step * (2 * np.pi / vertices[ring])
    radius = np.ones(starts[-1])
    for order in range(2, 6):
        height, phase = rng.normal(0, 0.3 / order, len(boxes)), rng.random(len(boxes)) * 2 * np.pi
        radius += height[ring] * np.cos(order * angle + phase[ring])
    points = np.stack([np.cos(angle), np.sin(angle)], 1) * np.maximum(radius, 0.25)[:, None]
    if len(boxes):
        low = np.minimum.reduceat(points, starts[:-1])
        span = np.maximum.reduceat(points, starts[:-1]) - low
        points = boxes[ring, :2] + (points - low[ring]) / span[ring] * boxes[ring, 2:]
    return points, starts


def _ring_areas(points: np.ndarray, starts: np.ndarray) -> list[float]:
    """The area that each ring encloses, by the shoelace formula."""
    if len(points) == 0:
        return []
    following = np.arange(1, len(points) + 1)
    following[starts[1:] - 1] = starts[:-1]
    x, y = points.T
    areas: list[float] = (np.abs(np.add.reduceat(x * y[following] - x[following] * y, starts[:-1])) / 2).tolist()
    return areas


def _crowd(rng: np.random.Generator, box: np.ndarray, width: int, height: int) -> dict[str, Any]:
    """A crowd region: many heads over each other, as uncompressed RLE."""
    heads = rng.integers(6, 16)
    centres = box[:2] + box[2:] * (0.12 + 0.76 * rng.random((heads, 2)))
    radii = box[2:] * (0.05 + 0.09 * rng.random((heads, 2))) + 1
    column, row = np.arange(width)[:, None], np.arange(height)[None, :]
    # Indexed (x, y), so that C order is the column-major order that RLE counts in.
    mask = np.zeros((width, height), bool)
    for (x, y), (across, down) in zip(centres, radii, strict=True):
        mask |= ((column - x) / across) ** 2 + ((row - y) / down) ** 2 <= 1
    edges = np.flatnonzero(np.diff(mask.reshape(-1), prepend=False)).tolist()
    counts = np.diff([0, *edges, width * height]).tolist()
    xs, ys = np.flatnonzero(mask.any(1)).tolist(), np.flatnonzero(mask.any(0)).tolist()
    return {
        "segmentation": {"counts": counts, "size": [height, width]},
        "area": int(mask.sum()),
        "iscrowd": 1,
        "bbox": [xs[0], ys[0], xs[-1] - xs[0] + 1, ys[-1] - ys[0] + 1] if xs else [0, 0, 0, 0],
    }


def _pose(rng: np.random.Generator, persons: list[dict[str, Any]]) -> None:
    """Give persons `keypoints` and `num_keypoints`; small ones and crowds mostly get none, as in COCO."""
    boxes = np.array([person["bbox"] for person in persons], float).reshape(-1, 4)
    crowd = np.array([person["iscrowd"] for person in persons], bool)
    shape = (len(persons), len(STANCE))
    stance = np.clip(STANCE + rng.normal(0, 0.04, (*shape, 2)), 0, 1)
    places = np.round(boxes[:, None, :2] + stance * boxes[:, None, 2:])
    chance = np.clip(np.sqrt(boxes[:, 2] * boxes[:, 3]) / 70, 0.04, 0.95)
    annotated = ~crowd & (rng.random(len(persons)) < chance)
    # Visibility differs between persons; a tenth of the joints is occluded but labelled.
    seen = (rng.random(shape) < rng.beta(3, 1.2, (len(persons), 1))) & annotated[:, None]
    visibility = np.where(seen, np.where(rng.random(shape) < 0.12, 1, 2), 0)
    joints = np.concatenate([places * seen[..., None], visibility[..., None]], 2).astype(np.int64)
    for person, own, labelled in zip(persons, joints, seen.sum(1).tolist(), strict=True):
        person |= {"keypoints": own.reshape(-1).tolist(), "num_keypoints": labelled}
