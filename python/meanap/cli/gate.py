"""Gates: a number must reach a limit, or must not be significantly worse than a baseline's."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING, Any, NamedTuple

from meanap._printable import on_one_line
from meanap.cli import groups, numbers
from meanap.cli.baseline import Baseline, Row, digest, intervals_of, parts_of, spelt
from meanap.cli.errors import UsageError

if TYPE_CHECKING:
    from meanap.cli.inputs import Inputs
    from meanap.detection import Result
    from meanap.protocol import Protocol
    from meanap.statistics import Interval

#: The exit code of a failed gate: not 1 (invalid input) and not 2 (invalid command).
SHUT = 3
#: Digits of resampled numbers in the JSON: far finer than any interval, a third of the size.
_DIGITS = 7


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
        """The fields of the JSON."""
        named = {"number": self.number, "passed": self.passed, "value": self.value, "low": self.low, "high": self.high}
        return {**named, **self.detail}


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
        "--fail-over", type=_limits, action="extend", default=[], metavar="mr=0.5",
        help="fail if a number of which less is better, a miss rate, is above a limit",
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
    return bool(options.fail_under or options.fail_over or options.fail_if_worse_than or options.intervals)


def check(options: argparse.Namespace, rules: Protocol) -> None:
    """Rejects numbers that the summary does not have."""
    limits = (("--fail-under", options.fail_under, False), ("--fail-over", options.fail_over, True))
    groups.check_numbers([*(name for _, rows, _ in limits for name, _ in rows), *options.numbers], rules)
    less = {row.name for row in rules.summary if row.kind == "miss_rate"}
    for option, given, of_less in limits:
        for name, _ in given:
            if (parts_of(name)[0] in less) != of_less:
                better, other = ("more", "--fail-under") if of_less else ("less", "--fail-over")
                raise UsageError(f"{option}: {better} of {name} is better; {other} takes it")


def judge(options: argparse.Namespace, result: Result, files: Inputs) -> tuple[list[Verdict], dict[str, Any]]:
    """The verdicts, and the fields of the JSON. `files` evaluates a baseline's detections.

    Returns
    -------
    verdicts : list of Verdict
    fields : dict[str, Any]
        ``gate`` (the verdicts) and ``intervals`` (which make it a baseline).
    """
    limits = options.fail_under + options.fail_over
    wanted = [name for name, _ in limits] + options.numbers
    if options.intervals:
        wanted = [*result.to_dict(), *wanted]
    rows = {name: row_of(result, name) for name in dict.fromkeys(wanted)}
    found = intervals_of(result, rows, options.confidence, options.resamples)
    fields = {
        "intervals": {
            "confidence": options.confidence,
            "images": digest(result.image_ids),
            "numbers": {
                name: {
                    **{key: getattr(interval, key) for key in ("value", "low", "high")},
                    "samples": [round(x, _DIGITS) for x in interval.samples.tolist()],
                }
                for name, interval in found.items()
            },
        }
    }
    verdicts = [_limited(name, limit, found[name], _of_less(rows[name])) for name, limit in limits]
    if options.fail_if_worse_than is not None:
        compared = {name: rows[name] for name in options.numbers}
        baseline = Baseline(options.fail_if_worse_than, result, files)
        baseline.resample(compared, options.confidence, options.resamples)
        verdicts += [
            _worse(name, found[name], baseline, options.confidence, options.margin, _of_less(rows[name]))
            for name in options.numbers
        ]
    fields["gate"] = {
        "passed": all(verdict.passed for verdict in verdicts),
        "rules": [verdict.as_json() for verdict in verdicts],
    }
    return verdicts, fields


def row_of(result: Result, name: str) -> Row:
    """A number's row, and its category or slice."""
    name, sign, of = parts_of(name)
    row = result.scores.row(name)
    if not sign:
        return row, None, None
    if sign == ":":
        known = result.slices.results
        if of not in known:
            listed = f"there are {', '.join(map(on_one_line, known))}" if known else "--slices makes some"
            raise UsageError(f"no slice {of!r}; {listed}")
        return row, None, of
    for id in result.category_ids:
        if str(id) == of or result.names.get(id) == of:
            return row, id, None
    raise UsageError(f"no category {of!r}")


def _of_less(row: Row) -> bool:
    """Whether less of a number is better."""
    return row[0].kind == "miss_rate"


def _limited(name: str, limit: float, interval: Interval, of_less: bool) -> Verdict:
    passed = interval.value <= limit if of_less else interval.value >= limit
    text = f", {'' if passed else 'wanted '}{'at most' if of_less else 'at least'} {limit:g}"
    detail = {"rule": "over" if of_less else "under", "limit": limit}
    return Verdict(name, passed, interval.value, interval.low, interval.high, text, detail)


def _worse(
    name: str, interval: Interval, baseline: Baseline, confidence: float, margin: float, of_less: bool
) -> Verdict:
    import numpy as np

    from meanap.statistics import percentiles, verdict

    value, samples, paired = baseline.number(name, len(interval.samples))
    if paired and baseline.other is None:
        # As they were written, or rounding would look like a loss.
        lost = np.round(interval.samples, _DIGITS) - samples
    else:
        lost = interval.samples - (samples if paired else value)
    difference = interval.value - value
    low, high = percentiles(lost, confidence)
    gone = math.isnan(interval.value) and not math.isnan(value)
    judged = verdict(-high, -low, margin) if of_less else verdict(low, high, margin)
    passed = not gone and judged != "worse"
    if gone:
        judged = "worse"
    text = f", {difference:+.4f} {span(low, high, '+.4f')} against {baseline.path.name} ({figure(value)}): {judged}"
    if not paired:
        text += " (not paired: make the baseline with --intervals and as many --resamples)"
    detail = {"rule": "worse", "baseline": value, "difference": difference, "difference_low": low,
              "difference_high": high, "margin": margin, "paired": paired, "verdict": judged}  # fmt: skip
    return Verdict(name, passed, interval.value, interval.low, interval.high, text, detail)


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
