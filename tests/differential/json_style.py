"""Writes the same JSON in many ways: a reader must not care how a file was laid out."""

from __future__ import annotations

import json
import random
from typing import Any

NOISE: tuple[Any, ...] = (
    None,
    True,
    'a string with "quotes", \\ and \u20ac',
    [],
    {},
    [{"id": 7, "image_id": [1, 2, {"bbox": []}]}],
    {"annotations": [{"id": 1}], "images": 5, "score": "1"},
    -1.5e-7,
    12345678901234567890123,
    "]}",
    "\U0001f600",
)


def dumps(value: Any, style: int | None) -> str:
    """`value` as JSON; with a `style`, laid out as that seed's whims have it (the meaning stays)."""
    if style is None:
        return json.dumps(value)
    return Writer(random.Random(style)).write(value)


class Writer:
    """One file's whims."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.space = rng.choice(["", " ", "\n  ", "\t", " \r\n"])
        self.ascii = rng.random() < 0.5
        self.shuffled = rng.random() < 0.5
        self.noisy = rng.choice([0.0, 0.0, 0.3])
        self.escaped = rng.choice([0.0, 0.0, 0.1])
        self.twice = rng.choice([0.0, 0.0, 0.1])
        self.numbers = rng.choice([0.0, 0.0, 0.5])

    def write(self, value: Any) -> str:
        """One value."""
        if isinstance(value, dict):
            return self.record(value)
        if isinstance(value, list):
            return "[" + f",{self.space}".join(self.write(v) for v in value) + "]"
        if isinstance(value, str):
            return self.string(value)
        if isinstance(value, bool) or value is None:
            return json.dumps(value)
        return self.number(value)

    def record(self, value: dict[str, Any]) -> str:
        """An object, perhaps in another order, with additional fields, or with one given twice."""
        rng = self.rng
        items = [(k, self.write(v)) for k, v in value.items()]
        if self.shuffled:
            rng.shuffle(items)
        if rng.random() < self.noisy:
            noise = (
                rng.choice(["info", "licenses", "segments", "attributes", ""]),
                json.dumps(rng.choice(NOISE)),
            )
            if noise[0] not in value:
                items.insert(rng.randint(0, len(items)), noise)
        if items and rng.random() < self.twice:
            # The last one counts.
            items.insert(0, (rng.choice(items)[0], json.dumps(rng.choice(NOISE))))
        inner = f"{self.space},{self.space}".join(f"{self.string(k)}{self.space}:{self.space}{v}" for k, v in items)
        return "{" + self.space + inner + self.space + "}"

    def string(self, value: str) -> str:
        """A string, perhaps with escapes that it does not need."""
        if value and self.rng.random() < self.escaped:
            i = self.rng.randrange(len(value))
            if ord(value[i]) < 0x10000:
                head, tail = (json.dumps(s, ensure_ascii=self.ascii)[1:-1] for s in (value[:i], value[i + 1 :]))
                return f'"{head}\\u{ord(value[i]):04X}{tail}"'
        return json.dumps(value, ensure_ascii=self.ascii)

    def number(self, value: int | float) -> str:
        """A number, perhaps spelt in another way that stands for the same value and type."""
        plain = json.dumps(value)
        if self.rng.random() >= self.numbers or isinstance(value, int) or value - value != 0:
            return plain
        spelt = self.rng.choice([f"{value:.17e}", f"{value:.25E}", plain + ("0" * 30 if "e" not in plain else "")])
        return spelt if repr(float(spelt)) == repr(value) else plain
