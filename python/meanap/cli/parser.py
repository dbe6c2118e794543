"""The parser of the command line: it says which command or option was meant where there is none of that name."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from meanap._keywords import did_you_mean, nearest

__all__ = ["Parser"]

#: What commands are called by other tools, or nearly.
_OTHER_COMMANDS = {
    **dict.fromkeys(("evaluate", "val", "coco", "map", "test", "score"), "eval"),
    **dict.fromkeys(("validate", "verify", "lint"), "check"),
    **dict.fromkeys(("diff", "gate"), "compare"),
    **dict.fromkeys(("html", "plot"), "report"),
    **dict.fromkeys(("info", "describe"), "stats"),
    **dict.fromkeys(("trec", "trec_eval", "retrieval"), "rank"),
    "help": "--help",
    "version": "--version",
}

#: The same of options, without what stands before their names.
_OTHER_OPTIONS = {
    **dict.fromkeys(("min", "gate", "threshold", "require"), "fail-under"),
    **dict.fromkeys(("baseline", "old"), "versus"),
    **dict.fromkeys(("task", "type"), "similarity"),
    **dict.fromkeys(("classes", "class-names", "labels"), "names"),
    **dict.fromkeys(("metric", "metrics", "measures"), "measure"),
    **dict.fromkeys(("preset", "style"), "protocol"),
}


class _Help(argparse.HelpFormatter):
    """Help whose examples keep their lines, and whose commands stand beside what they do."""

    def add_argument(self, action: argparse.Action) -> None:
        super().add_argument(action)
        if action.nargs == argparse.PARSER:
            # argparse does not count that commands are indented once more.
            self._action_max_length += 2

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return text if text.startswith("examples:") else super()._fill_text(text, width, indent)


class Parser(argparse.ArgumentParser):
    """argparse's, with the formatter of help and suggestions."""

    def __init__(self, prog: str, description: str | None = None, epilog: str | None = None, **more: Any) -> None:
        super().__init__(prog=prog, description=description, epilog=epilog, **{"formatter_class": _Help, **more})

    def refuse_command(self, given: str, known: Iterable[str]) -> NoReturn:
        """Ends the process for a command that there is not."""
        listed = ", ".join(known)
        self.error(f"no command {given!r}; expected one of {listed}{did_you_mean(given, known, _OTHER_COMMANDS)}")

    def refuse(self, rest: Sequence[str]) -> NoReturn:
        """Ends the process for arguments that the command does not have."""
        given, hint = rest[0].partition("=")[0].replace("_", "-").lower(), ""
        if given.startswith("--"):
            actions = self._option_string_actions.items()
            known = [name[2:] for name, action in actions if name[:2] == "--" and action.help != argparse.SUPPRESS]
            others = {other: name for other, name in _OTHER_OPTIONS.items() if name in known}
            meant = nearest(given[2:], known, others)
            hint = "" if meant is None else f"; did you mean --{meant}?"
        self.error(f"unrecognized arguments: {' '.join(rest)}{hint}")
