"""What all metric objects have in common: ranks, merging, state, and bytes that are damaged."""

import copy
import json
import math
import pickle
import socket
import struct
import sys
import zlib

import numpy as np
import pytest
from metric_objects import BATCHES, CASES, fed, numbers
from process_group import Group

from meanap._arrays import kind_of, with_article
from meanap.metric import Metric

SHARDS = range(0, 17), range(17, BATCHES)
#: What comes after the first `sync`.
LATER = range(0, 12), range(17, 30)


def story(name, rank, sync):
    """What a rank does, and what each step gives."""
    metric = fed(name, SHARDS[rank], sync_on_compute=False)
    own = numbers(metric)
    sync(metric)
    once, length = numbers(metric), len(metric)
    sync(metric)
    sync(metric)
    assert numbers(metric) == once and len(metric) == length
    # A copy, and what comes back from bytes, shows the same and gathers no more than the own batches.
    for twin in (copy.deepcopy(metric), copy.copy(metric), pickle.loads(pickle.dumps(metric)), revived(metric)):
        assert numbers(twin) == once and len(twin) == length and repr(twin) == repr(metric)
        sync(twin)
        assert numbers(twin) == once and len(twin) == length
    for i in LATER[rank]:
        CASES[name].feed(metric, i)
    later = numbers(metric)
    sync(metric)
    return {"own": own, "once": once, "later": later, "twice": numbers(metric), "length": length}


def revived(metric):
    return type(metric).from_state(metric.state())


def check_story(name, answers):
    for rank, told in enumerate(answers):
        assert told["own"] == numbers(fed(name, SHARDS[rank]))
        assert told["later"] == numbers(fed(name, [*SHARDS[rank], *LATER[rank]]))
    # Where a sum of doubles decides, its order is that of the ranks.
    once = fed(name, SHARDS[0]).merge(fed(name, SHARDS[1]))
    assert len(once) == len(fed(name, range(BATCHES))) == answers[0]["length"]
    twice = fed(name, [*SHARDS[0], *LATER[0]]).merge(fed(name, [*SHARDS[1], *LATER[1]]))
    for told in answers:
        assert told["once"] == numbers(once) and told["twice"] == numbers(twice)


@pytest.mark.parametrize("name", CASES)
def test_syncing_again_and_going_on_after_it_counts_nothing_twice(name):
    group = Group(2)
    check_story(name, group.run(lambda rank: story(name, rank, lambda metric: metric.sync(group))))


@pytest.mark.parametrize("name", CASES)
def test_compute_gathers_by_itself(name, ranks):
    def work(rank):
        metric = fed(name, SHARDS[rank])
        told = [numbers(metric), numbers(metric)]
        metric.sync()
        before = ranks.gathered
        told.append(numbers(metric))
        # What `sync` has gathered is not gathered again.
        assert ranks.gathered == before
        for i in LATER[rank]:
            CASES[name].feed(metric, i)
        told.append(numbers(metric))
        alone = fed(name, SHARDS[rank], sync_on_compute=False)
        return told, numbers(alone)

    answers = ranks.run(work)
    sys.modules.pop("torch")
    once = numbers(fed(name, SHARDS[0]).merge(fed(name, SHARDS[1])))
    later = numbers(fed(name, [*SHARDS[0], *LATER[0]]).merge(fed(name, [*SHARDS[1], *LATER[1]])))
    for rank, (told, alone) in enumerate(answers):
        assert told == [once, once, once, later]
        assert alone == numbers(fed(name, SHARDS[rank]))


def test_a_result_and_a_batch_of_its_own(ranks):
    def work(rank):
        metric = fed("boxes", SHARDS[rank])
        result = metric.result()
        before = ranks.gathered
        step = metric(*one_batch(rank))
        assert ranks.gathered == before, "the numbers of a batch are those of this rank alone"
        return result.image_ids, result.ap, step

    answers = ranks.run(work)
    sys.modules.pop("torch")
    whole = fed("boxes", SHARDS[0]).merge(fed("boxes", SHARDS[1])).result()
    for rank, (images, ap, step) in enumerate(answers):
        assert (images, ap) == (whole.image_ids, whole.ap)
        metric = CASES["boxes"].make()
        metric.update(*one_batch(rank))
        assert step["map"] == metric.compute()["map"]


def one_batch(rank):
    boxes = np.array([[0.0, 0, 10 + rank, 10]])
    preds = [{"boxes": np.array([[0.0, 0, 10, 10]]), "labels": [1], "scores": [0.5]}]
    return preds, [{"boxes": boxes, "labels": [1]}]


@pytest.mark.parametrize("name", CASES)
def test_a_rank_without_batches(name):
    group = Group(3)
    shards = [range(0), range(5), range(0)]

    def work(rank):
        metric = fed(name, shards[rank])
        metric.sync(group)
        return numbers(metric), len(metric)

    alone = fed(name, range(5))
    assert group.run(work) == [(numbers(alone), len(alone))] * 3


def test_ranks_with_other_settings_are_refused():
    group = Group(2)
    make = [
        lambda: CASES["labels"].make(),
        lambda: CASES["labels and boundaries"].make(),
    ]
    with pytest.raises(ValueError, match="merge: the metrics have different settings: boundary, classes"):
        group.run(lambda rank: make[rank]().sync(group))


@pytest.mark.parametrize("name", CASES)
def test_alone_nothing_happens(name):
    metric = fed(name, range(3))
    before = metric.state()
    metric.sync()
    assert metric.state() == before and len(metric) == len(fed(name, range(3)))
    assert CASES[name].make() and len(CASES[name].make()) == 0
    metric.sync(Alone())
    assert numbers(metric) == numbers(revived(metric)) == numbers(fed(name, range(3)))
    metric.reset()
    assert len(metric) == 0 and numbers(metric) == numbers(CASES[name].make())


class Alone:
    def all_gather(self, state):
        return [state]


@pytest.mark.parametrize("name", CASES)
def test_merging(name):
    whole = fed(name, range(6))
    first, rest = fed(name, range(2)), fed(name, range(2, 6))
    assert first.merge(rest) is first
    assert numbers(first) == numbers(fed(name, range(2)).merge(*(fed(name, [i]) for i in range(2, 6))))
    assert len(first) == len(whole)
    # What was gathered from others is not merged: it is not state of the metric that is merged.
    group = Group(2)
    synced = group.run(lambda rank: gathered(name, rank, group))[0]
    assert len(synced) > len(fed(name, SHARDS[0]))
    assert numbers(CASES[name].make().merge(synced)) == numbers(fed(name, SHARDS[0]))
    other = next(case for key, case in CASES.items() if case.make is not CASES[name].make and key != name)
    for wrong in (3, None, next(c.make() for c in CASES.values() if type(c.make()) is not type(whole))):
        with pytest.raises(TypeError, match=f"merge: expected {kind_of(whole)}, found {kind_of(wrong)}"):
            whole.merge(wrong)
    assert other is not None


def gathered(name, rank, group):
    metric = fed(name, SHARDS[rank])
    metric.sync(group)
    return metric


@pytest.mark.parametrize("name", CASES)
def test_state_is_the_metric(name):
    metric = fed(name, range(5))
    twin = revived(metric)
    assert twin.state() == metric.state() and numbers(twin) == numbers(metric)
    for each in (metric, twin):
        CASES[name].feed(each, 7)
    assert numbers(twin) == numbers(metric)

    class Derived(type(metric)):
        pass

    assert numbers(Derived.from_state(metric.state())) == numbers(metric)
    assert type(metric).from_state(bytearray(metric.state())).state() == metric.state()
    for options in ({"sync_on_compute": False}, {"sync_on_compute": True}):
        assert revived(CASES[name].make(**options)).sync_on_compute is options["sync_on_compute"]


@pytest.mark.parametrize("name", CASES)
def test_the_state_of_another_metric_or_version_says_so(name):
    kind = type(CASES[name].make())
    for other in CASES:
        if type(CASES[other].make()) is not kind:
            wanted = f"state: of {kind_of(CASES[other].make())}, expected that of {with_article(kind.__name__)}"
            with pytest.raises(ValueError, match=wanted):
                kind.from_state(fed(other, range(2)).state())
    state = fed(name, range(2)).state()
    with pytest.raises(ValueError, match="state: of another version of meanap"):
        kind.from_state(state.replace(b"MEANAP2", b"MEANAP1", 1))
    for wrong in (b"", b"MEAN", b"{}", pickle.dumps(3)):
        with pytest.raises(ValueError, match=f"state: not the state of {with_article(kind.__name__)}"):
            kind.from_state(wrong)
    for wrong in (None, "text", 3):
        with pytest.raises(TypeError, match="state: expected bytes"):
            kind.from_state(wrong)


def sealed(state):
    """Bytes with the checksum that belongs to them: what is behind it has to look for itself."""
    return state[:8] + zlib.crc32(state[12:]).to_bytes(4, "little") + state[12:]


def mutations(state, rng, count):
    """Truncations, flipped bits, other bytes, pieces taken out, doubled and swapped."""
    for _ in range(count):
        kind = int(rng.integers(7))
        i, j = sorted(rng.integers(0, len(state), 2).tolist())
        if kind == 0:
            yield state[:i]
        elif kind == 1:
            yield state[:i] + bytes([state[i] ^ 1 << int(rng.integers(8))]) + state[i + 1 :]
        elif kind == 2:
            yield state[:i] + rng.bytes(min(j - i, 16)) + state[min(j, i + 16) :]
        elif kind == 3:
            yield state[:i] + state[j:]
        elif kind == 4:
            yield state[:j] + state[i:]
        elif kind == 5:
            number = struct.pack("<Q", (0, 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1)[rng.integers(6)])
            yield state[:i] + number + state[i + 8 :]
        else:
            yield state[: 8 + i % 5] + rng.bytes(int(rng.integers(1, 200)))


@pytest.mark.parametrize("checksum", [False, True], ids=["as they are", "with a checksum that fits"])
@pytest.mark.parametrize("name", CASES)
def test_damaged_bytes_raise_value_error_alone(name, checksum):
    metric = fed(name, range(3))
    kind, state, rng = type(metric), metric.state(), np.random.default_rng(1)
    refused = 0
    for damaged in mutations(state, rng, 600):
        if checksum:
            damaged = sealed(damaged)
        try:
            read = kind.from_state(damaged)
        except ValueError:
            refused += 1
            continue
        if not checksum:
            assert damaged == state
        # What was read has to be of use: no number that it gives is another kind of error.
        try:
            read.compute(), len(read), repr(read), read.state()
        except ValueError:
            pass
    assert refused > (200 if checksum else 550)


#: What no setting can be, or not where it comes to stand.
ODD = (None, -1, 0, 2**31, 2**63, 2**70, 1e308, math.nan, math.inf, "x", "", [], {}, [None], [[]], True, ["a"] * 50)


def places(value, place=()):
    """Where each part of a JSON value stands."""
    yield place
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*place, key))


@pytest.mark.parametrize("name", CASES)
def test_settings_that_cannot_be_raise_value_error_alone(name):
    metric = fed(name, range(2))
    state, rng = metric.state(), np.random.default_rng(2)
    end = 20 + int.from_bytes(state[12:20], "little")
    head = json.loads(state[20:end])
    jobs = [(place, odd) for place in places(head) if place for odd in ODD]
    for k in rng.permutation(len(jobs))[:400]:
        place, odd = jobs[k]
        changed = copy.deepcopy(head)
        part = changed
        for key in place[:-1]:
            part = part[key]
        part[place[-1]] = odd
        written = json.dumps(changed).encode()
        damaged = sealed(state[:12] + len(written).to_bytes(8, "little") + written + state[end:])
        try:
            read = type(metric).from_state(damaged)
            read.compute(), len(read), repr(read), read.state()
        except ValueError:
            pass


def test_damaged_state_in_a_pickle():
    held = pickle.dumps(fed("boxes", range(2)))
    with pytest.raises(ValueError, match="state: the bytes are damaged"):
        pickle.loads(held[:-60] + bytes([held[-60] ^ 1]) + held[-59:])


def test_each_metric_of_the_package_is_here():
    import meanap.detection
    import meanap.ranking
    import meanap.segmentation

    public = {
        value
        for module in (meanap.detection, meanap.ranking, meanap.segmentation)
        for value in vars(module).values()
        if isinstance(value, type) and hasattr(value, "update") and hasattr(value, "compute")
    }
    assert public == {type(case.make()) for case in CASES.values()}
    for kind in public:
        assert issubclass(kind, Metric)
        for name in ("update", "compute", "reset", "merge", "sync", "state", "from_state", "__len__", "__repr__"):
            assert callable(getattr(kind, name)) and getattr(kind, name).__qualname__ != f"object.{name}", (kind, name)


def _rank(rank, port, queue):
    import torch.distributed as dist

    dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    try:
        told = {name: story(name, rank, lambda metric: metric.sync()) for name in CASES}
        own = dist.new_group([0])
        for name in CASES:
            told[name]["by itself"] = numbers(fed(name, SHARDS[rank]))
            metric = fed(name, SHARDS[rank], sync_on_compute=False)
            # A group of one rank, or one that this rank is not in, has no other ranks.
            metric.sync(own)
            assert numbers(metric) == told[name]["own"]
        queue.put((rank, told))
        dist.barrier()
    except BaseException as error:
        queue.put((rank, repr(error)))
        raise
    finally:
        dist.destroy_process_group()


def test_two_processes():
    torch = pytest.importorskip("torch")
    if not torch.distributed.is_available():
        pytest.skip("torch without torch.distributed")
    context = torch.multiprocessing.get_context("spawn")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    queue = context.SimpleQueue()
    ranks = [context.Process(target=_rank, args=(rank, port, queue)) for rank in range(2)]
    for process in ranks:
        process.start()
    answers = dict(queue.get() for _ in ranks)
    for process in ranks:
        process.join(timeout=60)
    for name in CASES:
        told = [answers[rank][name] for rank in range(2)]
        check_story(name, told)
        assert told[0]["by itself"] == told[1]["by itself"] == told[0]["once"]
