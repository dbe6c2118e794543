"""`meanap stats`: what a data set holds."""

from __future__ import annotations

import argparse

from meanap.cli import groups, inputs, output, terminal


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.description = "Count the images and objects of a data set of any format, by category and by size."
    parser.add_argument("source", type=groups.path, metavar="IN")
    groups.add_sources(parser)
    groups.add_output(parser)
    parser.epilog = groups.examples(
        "meanap stats instances.json",
        "meanap stats yolo --output-format latex",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Count, print, write."""
    from meanap.conversion import describe

    table = describe(options.source, on_error=inputs.on_error(options), **inputs.settings(options))
    text = "\n".join([table.title, terminal.columns(table.cells())])
    output.emit(options, text, table=lambda: table, value=lambda: {"title": table.title, "rows": table})
