"""How the cost of an evaluation over a cluster grows with the number of detections, and what a worker holds.

    python benches/scale.py                     # 10^5, 10^6, 10^7, and 10^8 by simulation
    python benches/scale.py --detections 1e5 1e6

Workers are processes that call the functions of `meanap.distributed` as an engine would, one after another here, so
that the seconds are those of one core and each worker's peak memory is its own. The shards are drawn by the workers.
Up to `--real` detections everything is done; beyond, some of the shards are matched and their time is multiplied,
rankings are cut into as many parts as they would be, and of some of these the rows are repeated with other image ids
until they are as many as they would be. Where one process can do it, `meanap.evaluate` has to give the same numbers.
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


def match(shards: list[int], folder: str) -> dict[str, float]:
    """A worker that matches shards."""
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
        feather.write_feather(matched, Path(folder) / f"{shard}.rows", "uncompressed")
    return {"seconds": seconds, "rows": rows, "memory": peak() - before}


def sample(folder: str, size: int) -> Any:
    """Where rankings are to be cut into parts of about so many rows."""
    import pyarrow as pa
    from pyarrow import feather

    from meanap.distributed import parts

    files = sorted(Path(folder).glob("*.rows"))
    return parts.cuts_of(pa.concat_tables(parts.sample_rows(feather.read_table(path), size) for path in files), size)


def place(folder: str, cuts: Any) -> dict[str, float]:
    """A worker that separates the rows of each part, as an engine's shuffle does."""
    from pyarrow import feather

    from meanap.distributed import parts

    seconds, before = 0.0, peak()
    for path in sorted(Path(folder).glob("*.rows")):
        rows = feather.read_table(path, memory_map=False)
        start = time.process_time()
        placed = parts.place_rows(rows, cuts)
        seconds += time.process_time() - start
        placed = placed.sort_by([("category_id", "ascending"), ("part", "ascending")])
        key = placed["category_id"].to_numpy() * 10**6 + placed["part"].to_numpy()
        groups, starts = np.unique(key, return_index=True)
        ends = [*starts[1:].tolist(), placed.num_rows]
        for group, begin, end in zip(groups.tolist(), starts.tolist(), ends, strict=True):
            of_group = Path(folder) / str(group)
            of_group.mkdir(exist_ok=True)
            feather.write_feather(placed.slice(begin, end - begin), of_group / path.stem, "uncompressed")
        path.unlink()
    return {"seconds": seconds, "memory": peak() - before}


def draw(folder: str, groups: list[str], repeat: int) -> dict[str, Any]:
    """A worker that packs and draws parts; with `repeat`, of so many times the images."""
    import pyarrow as pa
    from pyarrow import feather

    from meanap.distributed import Plan, parts

    plan, seconds, rows, told = Plan.of("bbox", "coco"), 0.0, 0, []
    before = peak()
    for group in groups:
        files = sorted((Path(folder) / group).iterdir())
        part = pa.concat_tables(feather.read_table(path, memory_map=False) for path in files)
        if repeat > 1:
            ids, most = part["image_id"], 1 << 40
            part = pa.concat_tables(
                part.set_column(0, "image_id", pa.array(ids.to_numpy() + i * most)) for i in range(repeat)
            )
        part = part.combine_chunks()
        start = time.process_time()
        packed = parts.pack_part(part, plan)
        seconds += time.process_time() - start
        rows += part.num_rows
        feather.write_feather(packed, Path(folder) / f"{group}.packed", "uncompressed")
        told.append(packed.select(parts.COUNTS))
    standing = parts.before_parts(pa.concat_tables(told))
    for group in groups:
        packed = feather.read_table(Path(folder) / f"{group}.packed", memory_map=False)
        start = time.process_time()
        drawn = parts.draw_parts(packed, plan, standing)
        seconds += time.process_time() - start
        feather.write_feather(drawn, Path(folder) / f"{group}.drawn", "uncompressed")
    return {"seconds": seconds, "rows": rows, "memory": peak() - before}


def join(folder: str) -> dict[str, Any]:
    """The work of the driver: curves from parts, numbers from curves."""
    import pyarrow as pa
    from pyarrow import feather

    from meanap.distributed import Plan, from_curves, parts

    before, start, plan = peak(), time.process_time(), Plan.of("bbox", "coco")
    drawn = pa.concat_tables(feather.read_table(path, memory_map=False) for path in Path(folder).glob("*.drawn"))
    ap = from_curves(parts.join_parts(drawn, plan), plan).ap
    return {"seconds": time.process_time() - start, "memory": peak() - before, "ap": ap}


def peak() -> float:
    """Most memory so far, in MB."""
    status = Path("/proc/self/status")
    if status.exists():
        # What the system reports of a process also counts what its parent held.
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


def measure(detections: int, real: int, checked: int, rows_per_part: int) -> dict[str, Any]:
    shards = max(1, round(detections / SHARD))
    done = min(shards, max(1, real // SHARD))
    repeat = round(shards / done)
    folder = tempfile.mkdtemp(prefix="meanap-scale-")
    try:
        matched = alone(match, list(range(done)), folder)
        cuts = alone(sample, folder, rows_per_part // repeat)
        placed = alone(place, folder, cuts)
        groups = sorted(path.name for path in Path(folder).iterdir())
        # Of a simulation, as many parts as the shards that were done would have.
        drawn = alone(draw, folder, groups[::repeat], repeat)
        joined = alone(join, folder)
        if repeat == 1 and detections <= checked:
            assert joined["ap"] == whole(shards), "one process gives another number"
    finally:
        shutil.rmtree(folder)
    rows = matched["rows"] * repeat
    return {
        "detections": detections,
        "shards": shards,
        "parts": len(groups),
        "how": "done" if repeat == 1 else f"{done} shards done",
        "match": matched["seconds"] * repeat,
        "match_memory": matched["memory"],
        "draw": placed["seconds"] * repeat + drawn["seconds"] * rows / drawn["rows"],
        "draw_memory": max(placed["memory"], drawn["memory"]),
        "join_memory": joined["memory"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--detections", type=float, nargs="+", default=[1e5, 1e6, 1e7, 1e8])
    parser.add_argument("--real", type=float, default=1e7, help="up to here all is done, beyond it is simulated")
    parser.add_argument("--checked", type=float, default=1e6, help="up to here one process has to agree")
    parser.add_argument("--rows-per-part", type=int, default=200_000, help="match rows that a worker draws at a time")
    options = parser.parse_args()
    names = "detections", "shards", "parts", "", "match: core seconds", "worker", "draw: core seconds", "worker", "join"
    print("| " + " | ".join(names) + " |\n|---:|---:|---:|---|---:|---:|---:|---:|---:|")
    for detections in options.detections:
        row = measure(int(detections), int(options.real), int(options.checked), options.rows_per_part)
        print(
            f"| {row['detections']:,} | {row['shards']} | {row['parts']} | {row['how']} | {row['match']:.2f} "
            f"| {row['match_memory']:.0f} MB | {row['draw']:.2f} | {row['draw_memory']:.0f} MB "
            f"| {row['join_memory']:.0f} MB |",
            flush=True,
        )


if __name__ == "__main__":
    main()
