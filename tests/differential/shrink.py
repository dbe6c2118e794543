"""Makes a failing case small: takes away whatever the failure does not need."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .case import Case, literal


def shrink(case: Case, fails: Callable[[Case], bool], tries: int = 600) -> Case:
    """The smallest case found for which `fails` still holds, after at most `tries` of them."""
    progress = True
    while progress and tries > 0:
        progress = False
        for smaller in _smaller(case):
            tries -= 1
            if tries <= 0:
                break
            if fails(smaller):
                case, progress = smaller, True
                break
    return case


def _smaller(case: Case) -> Iterator[Case]:
    if case.road not in ("dicts",):
        yield _with(case, lambda c: setattr(c, "road", "dicts"))
    if case.style is not None:
        yield _with(case, lambda c: setattr(c, "style", None))
    if case.watch:
        yield _with(case, lambda c: setattr(c, "watch", ""))
    if case.hooks:
        yield _with(case, lambda c: setattr(c, "hooks", ()))
    yield from _without_halves(case, lambda c: c.steps)
    for table in ("annotations", "images", "categories"):
        if isinstance(case.dataset.get(table), list):
            yield from _without_halves(case, lambda c, t=table: c.dataset[t])
    if isinstance(case.results, list):
        yield from _without_halves(case, lambda c: c.results)
    elif isinstance(case.results, dict):
        for table in list(case.results):
            yield from _without_halves(case, lambda c, t=table: c.results[t])
    for key in [k for k in case.dataset if k not in ("annotations", "images", "categories")]:
        yield _with(case, lambda c, k=key: c.dataset.pop(k))
    yield from _without_fields(case, lambda c: c.dataset.get("annotations", []))
    if isinstance(case.results, list):
        yield from _without_fields(case, lambda c: c.results)


def _with(case: Case, change: Callable[[Case], object]) -> Case:
    changed = case.copy()
    change(changed)
    return changed


def _without_halves(case: Case, of: Callable[[Case], list]) -> Iterator[Case]:
    count = len(of(case))
    size = max(count // 2, min(count, 1))
    while size >= 1:
        for start in range(0, count, size):

            def drop(c: Case, start: int = start, size: int = size) -> None:
                del of(c)[start : start + size]

            yield _with(case, drop)
        size //= 2


def _without_fields(case: Case, of: Callable[[Case], list]) -> Iterator[Case]:
    for index, record in enumerate(of(case)):
        if not isinstance(record, dict):
            continue
        for name in record:

            def drop(c: Case, index: int = index, name: str = name) -> None:
                del of(c)[index][name]

            yield _with(case, drop)


def as_test(case: Case, problems: list[str]) -> str:
    """The case as a test that can be pasted into `tests/test_found.py`."""
    source = literal(case).replace("\n", "\n    ")
    said = "\n".join(f"    # {p}" for p in problems[:3])
    body = f"{said}\n    case = {source}\n    assert not differences(case, meanap(), reference())\n"
    return f"def test_seed_{case.seed}():\n{body}"
