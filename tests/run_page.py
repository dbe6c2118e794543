"""Runs a page from top to bottom: ``python -m tests.run_page [--write] PAGE``, in the current folder.

Python blocks run in one process and share their variables. In blocks of the language ``sh`` the lines that begin with
``meanap`` run; a comment ``# exit code 3`` states an exit code other than 0. A block of the language ``text`` is what
the block above it prints, to the letter. A comment ``<!-- needs: torch java -->`` above a block names modules and
programs without which the block is skipped. With ``--write`` blocks of text get what is printed.
"""

import contextlib
import importlib.util
import io
import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

LANGUAGES = ("python", "sh", "text", "")


class Block(NamedTuple):
    """A block of code: its language, text, the line where it begins, and what it needs."""

    language: str
    body: str
    line: int
    needs: tuple[str, ...] = ()


def blocks(text):
    """The blocks of a page, in order."""
    pattern = r"(?:^<!-- needs: ([^>]*) -->\n)?^```([^\n]*)\n(.*?)^```$"
    return [
        Block(found[2], found[3], text.count("\n", 0, found.start(2)) + 2, tuple((found[1] or "").split()))
        for found in re.finditer(pattern, text, re.MULTILINE | re.DOTALL)
    ]


def is_there(name):
    """Whether a module can be imported, or a program be run."""
    return importlib.util.find_spec(name) is not None or shutil.which(name) is not None


def run(path, write=False):
    """Runs the page's blocks; raises `AssertionError` where one prints something else than the page says."""
    from meanap.cli import main

    variables = {"__name__": "__main__"}
    text = Path(path).read_text(encoding="utf-8")
    printed = None
    for block in blocks(text):
        place = f"{path}:{block.line}"
        assert block.language in LANGUAGES, f"{place}: language {block.language!r}"
        if block.language == "text":
            if write and printed is not None:
                text = text.replace(f"```text\n{block.body}```", f"```text\n{printed}```", 1)
            elif printed is not None:
                assert printed == block.body, f"{place}: expected\n{block.body}\nprinted\n{printed}"
            continue
        if not all(map(is_there, block.needs)):
            printed = None
            continue
        with contextlib.redirect_stdout(io.StringIO()) as out:
            if block.language == "python":
                exec(compile("\n" * (block.line - 1) + block.body, str(path), "exec"), variables)
            elif block.language == "sh":
                for line in block.body.replace("\\\n", " ").splitlines():
                    if line.startswith("meanap "):
                        stated = re.search(r"# exit code (\d+)", line)
                        code = main(shlex.split(line, comments=True)[1:])
                        assert code == int(stated[1] if stated else 0), f"{place}: {line}: exit code {code}"
        printed = out.getvalue()
    if write:
        Path(path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    run(sys.argv[-1], "--write" in sys.argv)
