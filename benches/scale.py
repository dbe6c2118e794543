"""How the cost of an evaluation over a cluster grows with the number of detections, and what a worker holds.

    python benches/scale.py                     # 10^5, 10^6, 10^7, and 10^8 by simulation
    python benches/scale.py --detections 1e5 1e6

Workers are processes that call the two functions of `meanap.distributed` as an engine would, one after another here, so
that the seconds are those of one core and each worker's peak memory is its own. The shards are drawn by the workers.
Up to `--real` detections everything is done; beyond, some of the shards are matched and their time is multiplied, and
the rows of the largest category are repeated with other image ids until they are as many as they would be. Where one
process can do it, `meanap.evaluate` has to give the same numbers.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

IMAGES = 1000  # of a shard
FOUND = 100  # detections of an image
TRUTHS = 7
CATEGORIES = 80
SHARD = IMAGES * FOUND


def columns(shard: int) -> dict[str, np.ndarray]:
    """The objects of a shard's images: detections that stand near objects or anywhere, categories with a long tail."""
    generator = np.random.default_rng([17, shard])
    tail = 1 / np.arange(1, CATEGORIES + 1)
    corner = generator.random((IMAGES, TRUTHS, 2)) * 500
    truth = np.concatenate([corner, corner + 10 + generator.random((IMAGES, TRUTHS, 2)) * 150], axis=2)
    category = generator.choice(CATEGORIES, size=(IMAGES, TRUTHS), p=tail / tail.sum())
    of = generator.integers(TRUTHS, size=(IMAGES, FOUND))
    near = generator.random((IMAGES, FOUND)) < 0.3
    rows = np.arange(IMAGES)[:, None]
    blur = np.where(near, 4, 200)[..., None]
    found = truth[rows, of] + generator.normal(size=(IMAGES, FOUND, 4)) * blur
    found = np.concatenate([np.minimum(found[..., :2], found[..., 2:]), np.maximum(found[..., :2], found[..., 2:])], 2)
    score = generator.beta(1, 4, size=(IMAGES, FOUND)) * 0.7 + near * generator.random((IMAGES, FOUND)) * 0.3
    image = shard * IMAGES + np.arange(IMAGES)
    boxes = np.concatenate([truth.reshape(-1, 4), found.reshape(-1, 4)])
    return {
        "image_id": np.concatenate([image.repeat(TRUTHS), image.repeat(FOUND)]),
        "category_id": np.concatenate([category.ravel(), category[rows, of].ravel()]),
        "score": np.concatenate([np.full(IMAGES * TRUTHS, np.nan), score.ravel()]),
        **{name: boxes[:, side] for side, name in enumerate(("x1", "y1", "x2", "y2"))},
    }


def table(shard: int) -> Any:
    import pyarrow as pa

    made = columns(shard)
    return pa.table({**made, "score": pa.array(made["score"], mask=np.isnan(made["score"]))})


def match(shards: list[int], folder: str | None) -> dict[str, float]:
    """A worker that matches shards and puts each category's rows apart."""
    from pyarrow import feather

    from meanap.distributed import Plan, match_batch

    plan, seconds, rows = Plan.of("bbox", "coco"), 0.0, 0
    before = peak()
    for shard in shards:
        objects = table(shard)
        start = time.process_time()
        matched = match_batch(objects, plan)
        seconds += time.process_time() - start
        rows += matched.num_rows
        if folder is not None:
            matched = matched.sort_by("category_id")
            categories, starts = np.unique(matched["category_id"].to_numpy(), return_index=True)
            ends = [*starts[1:].tolist(), matched.num_rows]
            for category, begin, end in zip(categories.tolist(), starts.tolist(), ends, strict=True):
                path = Path(folder) / str(category)
                path.mkdir(exist_ok=True)
                feather.write_feather(matched.slice(begin, end - begin), path / f"{shard}.arrow", "uncompressed")
    return {"seconds": seconds, "rows": rows, "memory": peak() - before}


def draw(folder: str, categories: list[int], repeat: int) -> dict[str, Any]:
    """A worker that draws the curves of categories; with `repeat`, of so many times the images."""
    import pyarrow as pa
    from pyarrow import feather

    from meanap.distributed import Plan, accumulate_group

    plan, seconds, rows, curves = Plan.of("bbox", "coco"), 0.0, 0, []
    before = peak()
    for category in categories:
        group = pa.concat_tables(feather.read_table(path) for path in sorted((Path(folder) / str(category)).iterdir()))
        if repeat > 1:
            ids, most = group["image_id"], 1 << 40
            group = pa.concat_tables(
                group.set_column(0, "image_id", pa.array(ids.to_numpy() + i * most)) for i in range(repeat)
            )
        start = time.process_time()
        curves.append(accumulate_group(group, plan))
        seconds += time.process_time() - start
        rows += group.num_rows
    return {"seconds": seconds, "rows": rows, "memory": peak() - before, "curves": pa.concat_tables(curves)}


def peak() -> float:
    """Most memory so far, in MB."""
    status = Path("/proc/self/status")
    if status.exists():
        # What the system tells of a process also counts what its parent held.
        line = next(line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def alone(work: Any, *arguments: Any) -> Any:
    """The work of a worker in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


def whole(shards: int) -> float:
    """AP by one process."""
    import meanap

    parts = [columns(shard) for shard in range(shards)]
    made = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    boxes = np.stack([made[name] for name in ("x1", "y1", "x2", "y2")], axis=1)
    truth = np.isnan(made["score"])
    ids = made["image_id"], made["category_id"]
    return meanap.evaluate(
        meanap.GroundTruth(*(column[truth] for column in ids), boxes[truth]),
        meanap.Detections(*(column[~truth] for column in ids), made["score"][~truth], boxes[~truth]),
    ).ap


def measure(detections: int, real: int, checked: int) -> dict[str, Any]:
    from meanap.distributed import Plan, gathered

    shards = max(1, round(detections / SHARD))
    done = min(shards, max(1, real // SHARD))
    folder = tempfile.mkdtemp(prefix="meanap-scale-")
    try:
        matched = alone(match, list(range(done)), folder)
        sizes = {int(path.name): sum(f.stat().st_size for f in path.iterdir()) for path in Path(folder).iterdir()}
        largest = max(sizes, key=lambda category: sizes[category])
        if done == shards:
            drawn = alone(draw, folder, sorted(sizes), 1)
            result = gathered(drawn["curves"], Plan.of("bbox", "coco"))
            if detections <= checked:
                assert result.ap == whole(shards), "one process gives another number"
            seconds, memory = drawn["seconds"], alone(draw, folder, [largest], 1)["memory"]
        else:
            drawn = alone(draw, folder, [largest], round(shards / done))
            rows = matched["rows"] * shards / done
            seconds, memory = drawn["seconds"] * rows / drawn["rows"], drawn["memory"]
    finally:
        shutil.rmtree(folder)
    return {
        "detections": detections,
        "shards": shards,
        "how": "done" if done == shards else f"{done} shards done",
        "match": matched["seconds"] * shards / done,
        "match_memory": matched["memory"],
        "draw": seconds,
        "draw_memory": memory,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--detections", type=float, nargs="+", default=[1e5, 1e6, 1e7, 1e8])
    parser.add_argument("--real", type=float, default=1e7, help="up to here all is done, beyond it is simulated")
    parser.add_argument("--checked", type=float, default=1e6, help="up to here one process has to agree")
    options = parser.parse_args()
    print("| detections | shards | | match: core seconds | worker | draw: core seconds | worker, largest category |")
    print("|---:|---:|---|---:|---:|---:|---:|")
    for detections in options.detections:
        row = measure(int(detections), int(options.real), int(options.checked))
        print(
            f"| {row['detections']:,} | {row['shards']} | {row['how']} | {row['match']:.1f} "
            f"| {row['match_memory']:.0f} MB | {row['draw']:.1f} | {row['draw_memory']:.0f} MB |",
            flush=True,
        )


if __name__ == "__main__":
    main()
