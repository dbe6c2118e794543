"""Plain technical English, without coined words, in the pages, docstrings, comments, messages and help texts.

`BANNED` has a pattern for each word, and the terms to use in its place. Code (in backticks, blocks and doctests) is not
checked. `TREES` are the folders and modules whose docstrings, comments and messages are covered.
"""

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest

from meanap.cli import main

ROOT = Path(__file__).parent.parent

PAGES = (
    *("README.md", "ARCHITECTURE.md", "benches/FLOOR.md", "fuzz/README.md"),
    *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")),
)

TREES = ("benches", "fuzz", "python/meanap", "src")

COMMANDS = (
    "eval",
    "check",
    "compare",
    "report",
    "convert",
    "stats",
    "semantic",
    "panoptic",
    "rank",
    "demo",
    "generate",
    "completion",
)

BANNED = {
    r"faces?|doors?|roads?|rooms?|houses?": "API, input, path, module",
    r"invented|mistak(?:e|es|en)|repaired": "false positive, error, misclassified, corrected",
    r"taken for|what was said|as said": "predicted, misclassified",
    r"score from|from score|which score to act on|wish(?:es)?": "score threshold, target",
    r"(?:beyond|by|left to) chance|luck": "significant",
    r"draws of (?:images|queries)": "bootstrap resamples",
    r"what there is|may take its place": "baseline, candidate",
    r"let pass": "tolerated drop",
    r"the part of the": "the fraction of the",
    r"apart": "partitioned by image, distinguish, separate",
    r"how sure|who(?:ever)? believes|believ(?:e|es|ed|ing)": "confidence interval, use, rely on",
    r"is a name": "ids are only labels",
    r"watch(?:es|ed|ers?|ing)?": "progress, cancellation",
    r"lanes?": "SIMD",
    r"the usual": "the fast path, common",
    r"kept": "stored, decoded eagerly",
    r"marks": "fields, bit masks, points",
    r"patience": "buffer size",
    r"t(?:old|ells?|elling)": "report, show, derive",
    r"somebody|someone|anybody|nobody|whoever": "the user, the caller, a program",
    r"looks? at|looked at": "read, access, examine",
    r"touch(?:es|ed)?": "access, overlap",
    r"ask(?:s|ed) (?:for|of|about)|is asked|are asked": "requested, required, read",
    r"forg(?:et|ets|otten|iven)": "discard, reset, ignored",
    r"habits?|business|riddles?": "behaviour, convention",
    r"pictures?": "plot, image",
    r"anew": "again",
    r"sp(?:eak|eaks|oken)": "support, has the interface",
    r"by hand": "in Python, manually",
}  # fmt: skip

#: What may stand although a pattern finds it, as it stands in the text.
ALLOWED = (
    r"pictures\.py",
    r"Hugging Face",
    r"WIDER FACE",
    r"quotation marks",
    r"pages touched|touch a page",
    r"≠ marks",
    r"</?(?:picture|source)[^>]*>",
)


def without_code(text: str) -> str:
    """The text with its code, links and permitted phrases taken out, and as many lines as before."""

    def lines(found):
        return "\n" * found[0].count("\n")

    text = re.sub(r"^```.*?^```$", lines, text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"``.*?``|`[^`\n]*`", lines, text, flags=re.DOTALL)
    text = re.sub(r"^\s*(?:>>>|\.\.\.) .*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"\]\([^)]*\)|https?://\S+", lines, text)
    for phrase in ALLOWED:
        text = re.sub(phrase, " ", text)
    return text


def banned(text: str, place: str) -> list[str]:
    """Each banned word of a text, with its line and the terms to use."""
    found = []
    text = without_code(text)
    for pattern, instead in BANNED.items():
        for match in re.finditer(rf"\b(?:{pattern})\b", text, re.IGNORECASE):
            line = text.count("\n", 0, match.start()) + 1
            found.append(f"{place}:{line}: {match[0]!r}; use: {instead}")
    return found


def prose_of_python(text: str) -> str:
    """Docstrings, comments and messages (strings of several words), each on its line; all other lines empty."""
    lines = [""] * (text.count("\n") + 2)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value.strip():
            # Strings that are written on several lines and joined are counted from the first one.
            for at, line in enumerate(node.value.split("\n"), node.lineno):
                lines[min(at, len(lines) - 1)] += line + " "
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            lines[token.start[0]] += token.string
    return "\n".join(lines[1:])


def prose_of_rust(text: str) -> str:
    """Comments and messages (strings of several words), each on its line; all other lines empty."""
    lines = []
    for line in text.split("\n"):
        code, _, comment = re.sub(r"(^|\s)//+!?", r"\1\0", line, count=1).partition("\0")
        messages = [found for found in re.findall(r'"((?:[^"\\]|\\.)*)"', code) if " " in found]
        lines.append(" ".join([*messages, comment]))
    return "\n".join(lines)


@pytest.mark.parametrize("page", PAGES)
def test_pages_use_the_fields_terms(repository, page):
    assert banned((repository / page).read_text(encoding="utf-8"), page) == []


@pytest.mark.parametrize("tree", TREES)
def test_docstrings_comments_and_messages_use_the_fields_terms(repository, tree):
    found = []
    root = repository / tree
    files = (
        [root] if root.is_file() else sorted(path for path in root.rglob("*") if path.suffix in (".py", ".pyi", ".rs"))
    )
    assert files
    for path in files:
        prose = prose_of_rust if path.suffix == ".rs" else prose_of_python
        found += banned(prose(path.read_text(encoding="utf-8")), path.relative_to(repository).as_posix())
    assert found == []


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_texts_use_the_fields_terms(command, capsys):
    with pytest.raises(SystemExit):
        main([command, "--help"] if command else ["--help"])
    text = capsys.readouterr().out
    assert len(text) > 100
    assert banned(text, f"meanap {command} --help") == []


def test_every_command_is_covered(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    commands = re.findall(r"^    (\w+)  ", capsys.readouterr().out, re.MULTILINE)
    assert sorted(commands) == sorted(COMMANDS)


def test_a_banned_word_is_found_with_its_line_and_code_is_not():
    text = "Plain text.\n\nNobody tells `kept` apart.\n```python\nkept = 1\n```\nThe door."
    assert [problem.split(";")[0] for problem in banned(text, "page")] == [
        "page:7: 'door'",
        "page:3: 'apart'",
        "page:3: 'tells'",
        "page:3: 'Nobody'",
    ]
    python = prose_of_python('"""A doc."""\nx = "key"  # why\nf"a message {x}"\n')
    assert [line.strip() for line in python.split("\n")[:3]] == ["A doc.", "# why", "a message"]
    rust = prose_of_rust('//! A doc.\nlet x = f("key"); // why\nfail("a message", x);\n')
    assert [line.strip() for line in rust.split("\n")[:3]] == ["A doc.", "why", "a message"]
