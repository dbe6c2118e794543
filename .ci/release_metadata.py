"""Checks that Cargo.toml, Cargo.lock, CITATION.cff and CHANGELOG.md name the same version, and prints its changes.

python .ci/release_metadata.py               check
python .ci/release_metadata.py --tag v0.2.0  check that the tag names that version, too, and that nothing is unreleased
python .ci/release_metadata.py --notes       print the section of the changelog
"""

import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def found(name: str, pattern: str) -> str:
    match = re.search(pattern, (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    if match is None:
        sys.exit(f"{name}: nothing like {pattern!r}")
    return match[1]


def sections() -> dict[str, tuple[str, str]]:
    """Date and text of each version in the changelog."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    parts = re.findall(r"^## (\S+)(?: - (\S+))?\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return {name: (date, body.strip()) for name, date, body in parts}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tag", help="the tag of a release")
    parser.add_argument("--notes", action="store_true", help="print the section of the changelog")
    options = parser.parse_args()
    version = found("Cargo.toml", r'^\[package\].*?^version = "([^"]+)"')
    changes = sections()
    date, notes = changes.get(version, ("", ""))
    problems = [
        f"{place} has {other}, expected {expected}"
        for place, other, expected in (
            ("Cargo.lock", found("Cargo.lock", r'^name = "meanap"\nversion = "([^"]+)"'), version),
            ("CITATION.cff: version", found("CITATION.cff", r"^version: (\S+)"), version),
            ("CITATION.cff: date-released", found("CITATION.cff", r"^date-released: (\S+)"), date),
            ("the tag", options.tag or f"v{version}", f"v{version}"),
        )
        if other != expected
    ]
    if not notes:
        problems.append(f"CHANGELOG.md has no section {version}")
    if options.tag and changes.get("Unreleased", ("", ""))[1]:
        problems.append("CHANGELOG.md has unreleased changes")
    if problems:
        sys.exit("\n".join(problems))
    print(notes if options.notes else f"version {version} of {date}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
