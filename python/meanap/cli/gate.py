"""Gates: a number must reach a limit, or must not be significantly worse than a baseline's."""

from __future__ import annotations

import argparse
import codecs
import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from meanap._printable import shown
from meanap.cli import groups, numbers
from meanap.cli.errors import UsageError
from meanap.cli.output import plain
from meanap.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from meanap.cli.inputs import Inputs
    from meanap.detection import Result
    from meanap.protocol import Protocol, SummaryRow
    from meanap.statistics import Interval

#: The exit code of a failed gate: not 1 (invalid input) and not 2 (invalid command).
SHUT = 3
#: Digits of resampled numbers in the JSON: far finer than any interval, a third of the size.
_DIGITS = 7

#: A number, and / with a category or : with a slice.
_NUMBER = re.compile(r"([^/:]*)(?:([/:])(.*))?", re.DOTALL)

#: A row of the summary, a category or None, and a slice or None.
_Row: TypeAlias = "tuple[SummaryRow, Any, str | None]"


class Verdict(NamedTuple):
    """The result of one gate."""

    number: str
    passed: bool
    value: float
    low: float
    high: float
    text: str
    detail: dict[str, Any]

    def __str__(self) -> str:
        word = "PASS" if self.passed else "FAIL"
        return f"{word}  {self.number} {figure(self.value)} {span(self.low, self.high)}{self.text}"

    def as_json(self) -> dict[str, Any]:
        """Everything, with None where there is no number."""
        named = {"number": self.number, "passed": self.passed, "value": self.value, "low": self.low, "high": self.high}
        return {key: plain(value) for key, value in {**named, **self.detail}.items()}


def add_options(parser: argparse.ArgumentParser) -> None:
    """The gate's arguments."""
    gate = parser.add_argument_group(
        "gate", f"one line for each gate; the exit code is {SHUT} if one fails, 0 if all pass"
    )
    gate.add_argument(
        "--fail-under", type=_limits, action="extend", default=[], metavar="ap=0.40,ap50=0.6",
        help="fail if a number is below a limit; ap/NAME=0.3 is that of a category, ap:SLICE=0.3 that of a slice; "
        r"a comma within a name is written \,",
    )  # fmt: skip
    gate.add_argument(
        "--fail-if-worse-than", type=groups.path, metavar="BASELINE",
        help="fail if a number is significantly worse than that of BASELINE: the JSON of an earlier run, or a file "
        "of detections",
    )  # fmt: skip
    gate.add_argument(
        "--numbers", type=names, default=["ap"], metavar="ap,ap50", help="numbers to compare with BASELINE (default ap)"
    )
    gate.add_argument("--margin", type=numbers.fraction, default=0.0, metavar="0.005", help="tolerated drop (0)")
    gate.add_argument(
        "--intervals", action="store_true", help="write intervals of all numbers into the JSON, for a baseline"
    )
    groups.add_sampling(gate)


def asked(options: argparse.Namespace) -> bool:
    """Whether there is anything to do here."""
    return bool(options.fail_under or options.fail_if_worse_than or options.intervals)


def check(options: argparse.Namespace, rules: Protocol) -> None:
    """Rejects numbers that the summary does not have."""
    names = [*(name for name, _ in options.fail_under), *options.numbers]
    groups.check_numbers(names, rules)
    less = {row.name for row in rules.summary if row.kind == "miss_rate"}
    for name in names:
        if asked(options) and _NUMBER.match(name).group(1) in less:  # type: ignore[union-attr]
            raise UsageError(f"{name}: less is better; gates are for numbers of which more is")


def judge(options: argparse.Namespace, result: Result, files: Inputs) -> tuple[list[Verdict], dict[str, Any]]:
    """The verdicts, and the fields of the JSON. `files` evaluates a baseline's detections.

    Returns
    -------
    verdicts : list of Verdict
    fields : dict[str, Any]
        ``gate`` (the verdicts) and ``intervals`` (which make it a baseline).
    """
    wanted = [name for name, _ in options.fail_under] + options.numbers
    if options.intervals:
        wanted = [*result.to_dict(), *wanted]
    rows = {name: row_of(result, name) for name in dict.fromkeys(wanted)}
    found = _intervals(result, rows, options.confidence, options.resamples)
    fields = {
        "intervals": {
            "confidence": options.confidence,
            "images": digest(result.image_ids),
            "numbers": {
                name: {
                    **{key: plain(getattr(interval, key)) for key in ("value", "low", "high")},
                    "samples": [plain(round(x, _DIGITS)) for x in interval.samples.tolist()],
                }
                for name, interval in found.items()
            },
        }
    }
    verdicts = [_under(name, limit, found[name]) for name, limit in options.fail_under]
    if options.fail_if_worse_than is not None:
        compared = {name: rows[name] for name in options.numbers}
        baseline = _Baseline(options.fail_if_worse_than, result, files)
        baseline.resample(compared, options.confidence, options.resamples)
        verdicts += [
            _worse(name, found[name], baseline, options.confidence, options.margin) for name in options.numbers
        ]
    fields["gate"] = {
        "passed": all(verdict.passed for verdict in verdicts),
        "rules": [verdict.as_json() for verdict in verdicts],
    }
    return verdicts, fields


def row_of(result: Result, name: str) -> _Row:
    """A number's row, and its category or slice."""
    name, sign, of = _NUMBER.match(name).groups(default="")  # type: ignore[union-attr]
    row = result.scores.row(name)
    if not sign:
        return row, None, None
    if sign == ":":
        known = result.slices.results
        if of not in known:
            listed = f"there are {', '.join(map(shown, known))}" if known else "--slices makes some"
            raise UsageError(f"no slice {of!r}; {listed}")
        return row, None, of
    for id in result.category_ids:
        if str(id) == of or result.names.get(id) == of:
            return row, id, None
    raise UsageError(f"no category {of!r}")


def _intervals(result: Result, rows: dict[str, _Row], confidence: float, resamples: int) -> dict[str, Interval]:
    """An `Interval` for each name, those of the summary from one pass over the images."""
    from meanap.statistics import Interval

    found = {}
    for slice in dict.fromkeys(slice for _, _, slice in rows.values()):
        of = result if slice is None else result.slices.results[slice]
        whole = {name: row for name, (row, category, at) in rows.items() if category is None and at == slice}
        table = of.interval(list(whole.values()), confidence, resamples) if whole else ()
        for name, at in zip(whole, table, strict=True):
            samples = table.samples[at["number"]]  # type: ignore[union-attr]
            found[name] = Interval(name, at["value"], at["low"], at["high"], confidence, at["error"], samples)
    for name, (row, category, _) in rows.items():
        if category is not None:
            found[name] = result.interval(row, confidence, resamples, category=category)
    return found


def _under(name: str, limit: float, interval: Interval) -> Verdict:
    passed = interval.value >= limit
    text = f", {'at least' if passed else 'wanted at least'} {limit:g}"
    return Verdict(name, passed, interval.value, interval.low, interval.high, text, {"rule": "under", "limit": limit})


def _worse(name: str, interval: Interval, baseline: _Baseline, confidence: float, margin: float) -> Verdict:
    import numpy as np

    from meanap.statistics import verdict

    value, samples, paired = baseline.number(name, len(interval.samples))
    if paired and baseline.other is None:
        # As they were written, or rounding would look like a loss.
        lost = np.round(interval.samples, _DIGITS) - samples
    else:
        lost = interval.samples - (samples if paired else value)
    lost = lost[~np.isnan(lost)]
    difference = interval.value - value
    low = high = math.nan
    if len(lost):
        low, high = (float(x) for x in np.quantile(lost, [(1 - confidence) / 2, (1 + confidence) / 2]))
    gone = math.isnan(interval.value) and not math.isnan(value)
    passed = not (gone or high < -margin)
    judged = verdict(low, high, margin)
    if gone:
        judged = "worse"
    text = f", {difference:+.4f} {span(low, high, '+.4f')} against {baseline.path.name} ({figure(value)}): {judged}"
    if not paired:
        text += " (not paired: make the baseline with --intervals and as many --resamples)"
    detail = {"rule": "worse", "baseline": value, "difference": difference, "difference_low": low,
              "difference_high": high, "margin": margin, "paired": paired, "verdict": judged}  # fmt: skip
    return Verdict(name, passed, interval.value, interval.low, interval.high, text, detail)


class _Baseline:
    """Numbers of an earlier run, or the result of other detections."""

    def __init__(self, path: Path, result: Result, files: Inputs) -> None:
        from meanap._files import read_json

        self.path = path
        self.numbers: dict[str, tuple[float, np.ndarray | None]] = {}
        self.other: Result | None = None
        if _is_list(path):
            self.other = files.evaluate(path)
            return
        content = read_json(path)
        if isinstance(content, list) or (isinstance(content, dict) and "annotations" in content):
            self.other = files.evaluate(path, content)
            return
        try:
            self._read(content, result)
        except InputError:
            raise
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
            raise InputError("expected the JSON of `meanap eval --json`, or detections", str(path)) from error

    def _read(self, content: Any, result: Result) -> None:
        """Takes the numbers of an earlier run.

        Raises
        ------
        ValueError
            It is of other images, or was made with other options.
        AttributeError, KeyError, TypeError
            It is not what an earlier run has written.
        """
        import numpy as np

        path = self.path
        kept = content.get("intervals", {})
        known = content.get("params", {})
        if "images" in kept and kept["images"] != digest(result.image_ids):
            raise InputError("it is of other images", str(path))
        if "images" in known and known["images"] != len(result.image_ids):
            raise InputError(f"it is of {known['images']} images, this run of {len(result.image_ids)}", str(path))
        self._same(content.get("similarity"), result.similarity, "--similarity")
        self._same(content.get("protocol"), result.protocol.name, "--protocol")
        self._same(known.get("iou_thresholds"), list(result.protocol.thresholds), "--iou-thresholds")
        self._same(known.get("max_detections"), list(result.protocol.max_detections), "--max-dets")
        self._same(known.get("area_ranges"), ranges_of(result.protocol), "--area-ranges")
        chosen = categories_of(result)
        if "categories" in known and sorted(map(str, known["categories"])) != sorted(map(str, chosen)):
            raise InputError("it was made with another --categories", str(path))
        self._same(known.get("use_categories"), result.protocol.by_category, "--no-cats")
        for name, value in content.get("stats", content).items():
            if value is None or isinstance(value, (int, float)):
                self.numbers[spelt(name)] = (math.nan if value is None else float(value), None)
        for row in content.get("per_class") or ():
            for name in ("AP", "AP50", "AP75", "AR"):
                for category in (row["name"], row["id"]):
                    value = math.nan if row[name] is None else row[name]
                    self.numbers[f"{name.lower()}/{category}"] = (value, None)
        for name, interval in kept.get("numbers", {}).items():
            samples = np.array([math.nan if x is None else x for x in interval["samples"]], dtype=np.float64)
            value = math.nan if interval["value"] is None else interval["value"]
            if samples.ndim != 1 or not isinstance(value, (int, float)):
                raise TypeError(name)
            self.numbers[name] = (value, samples)

    def _same(self, there: Any, here: Any, option: str) -> None:
        if there is not None and there != here:
            raise InputError(f"it was made with another {option}: {there} instead of {here}", str(self.path))

    def resample(self, rows: dict[str, _Row], confidence: float, resamples: int) -> None:
        """Takes the numbers of other detections, from the same resampled images."""
        if self.other is not None:
            for name, interval in _intervals(self.other, rows, confidence, resamples).items():
                self.numbers[name] = interval.value, interval.samples

    def number(self, name: str, resamples: int) -> tuple[float, Any, bool]:
        """Its value, its samples, and whether those go with as many of ours."""
        if name not in self.numbers:
            raise InputError(f"there is no {name} in it", str(self.path))
        value, samples = self.numbers[name]
        # The images that a resample draws depend on its place and on the number of images alone.
        return value, samples, samples is not None and len(samples) == resamples


def _is_list(path: Path) -> bool:
    """Whether a file begins as a JSON list, uncompressed: nothing else of it is read."""
    with open(path, "rb") as file:
        return file.read(64).removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"[")


def categories_of(result: Result) -> list[Any]:
    """The evaluated categories, also where they are not separated: then -1 stands for all."""
    separate = result.protocol.by_category
    return [plain(id) for id in result.scores.table.category_ids if separate or id != -1]


def ranges_of(rules: Protocol) -> dict[str, list[float | None]]:
    """The area ranges; None for a bound that is infinite."""
    return {name: [plain(bound) for bound in bounds] for name, bounds in rules.area_ranges.items()}


def digest(ids: Iterable[Any]) -> str:
    """The images, in short: the same for the same ids in the same order."""
    import hashlib
    import json

    return hashlib.sha256(json.dumps([str(id) for id in ids]).encode()).hexdigest()[:16]


def spelt(name: str) -> str:
    """A number's name as results have it, however pycocotools' table or a person writes it."""
    name, sign, of = _NUMBER.match(name.strip()).groups(default="")  # type: ignore[union-attr]
    name = name.lower().replace("@", "_")
    sizes = {"s": "small", "m": "medium", "l": "large"}
    if len(name) == 3 and name[:2] in ("ap", "ar") and name[2] in sizes:
        name = f"{name[:2]}_{sizes[name[2]]}"
    return f"{name}{sign}{of}"


def figure(value: float, form: str = ".4f") -> str:
    """A number, or a dash."""
    return "–" if math.isnan(value) else format(value, form)


def span(low: float, high: float, form: str = ".4f") -> str:
    """An interval in brackets."""
    return f"[{figure(low, form)}, {figure(high, form)}]"


def _limits(text: str) -> list[tuple[str, float]]:
    limits = []
    for rule in numbers.parts(text):
        name, _, number = rule.rpartition("=")
        try:
            limit = float(number)
        except ValueError:
            limit = math.nan
        if not name.strip() or not 0 <= limit <= 1:
            expected = "a name, =, and a number from 0 to 1, as ap=0.4"
            hint = r"; a comma within a name is written \," if "," in text else ""
            raise argparse.ArgumentTypeError(f"{rule!r}: expected {expected}{hint}")
        limits.append((spelt(name), limit))
    return limits


def names(text: str) -> list[str]:
    """Names of numbers, between commas."""
    found = [spelt(name) for name in numbers.parts(text) if name.strip()]
    if not found:
        raise argparse.ArgumentTypeError("expected names of numbers, as ap,ap50")
    return found
