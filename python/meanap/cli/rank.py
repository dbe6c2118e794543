"""`meanap rank`: measures of runs against relevance judgements."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

from meanap._printable import on_one_line
from meanap.cli import groups, inputs, output, terminal
from meanap.cli.errors import UsageError
from meanap.errors import InputError

if TYPE_CHECKING:
    from meanap.ranking import RankingResult
    from meanap.table import Table

#: A row of the comparison with the baseline, by measure and by the name of the run.
Found: TypeAlias = "dict[str, dict[str, dict[str, Any]]]"


#: The conventions of measures by subtopic.
_BY_SUBTOPIC = ("relevance_level", "ties", "missing", "judged_only")
#: The measure of two runs, and the persistence.
_OVERLAP = re.compile(r"rbo(?:\(p=(.*)\))?")
#: Runs of a report: a baseline and a candidate.
_REPORTED = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.description = (
        "Measure runs against relevance judgements: files of TREC, TSV or CSV with a header that names the "
        "columns as BEIR's has it, JSON, JSON lines, or Parquet (text also in gzip). With several runs, the first is "
        "the baseline: each of the others is compared with it (candidate minus baseline) by a paired randomisation "
        "test with Holm's correction. With measures of diversity (alpha_ndcg@20, err_ia@20, strec@20, ...) the "
        "judgements are lines of TREC's diversity tasks: query, subtopic, document, grade. With -m rbo or "
        "-m 'rbo(p=0.95)' a run is in the place of the judgements: the others are measured by their rank-biased "
        "overlap with it."
    )
    parser.add_argument("qrels", type=groups.path, metavar="QRELS")
    parser.add_argument("runs", type=groups.path, metavar="RUN", nargs="+")
    parser.add_argument(
        "-m", "--measure", action="append", metavar="NAME", help="such as map, ndcg@10, P_5 (default map); repeatable"
    )
    parser.add_argument("--protocol", help="a tool's conventions (default trec_eval)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a single convention, such as ties=expected"
    )
    parser.add_argument(
        "--column",
        action="append",
        default=[],
        metavar="WHAT=NAME",
        help="the name of a column: --column query=uid; WHAT is query, document, grade, score or rank, and of "
        "NAME,NAME the first that is there counts; repeatable",
    )
    parser.add_argument("--format", choices=("trec", "csv", "json", "parquet"), help="what the files are")
    parser.add_argument("--per-query", action="store_true", help="a row for each query")
    groups.add_report(parser)
    groups.add_output(parser, "means and values of all queries")
    parser.epilog = groups.examples(
        "meanap rank judged.qrels first.run -m map -m ndcg@10",
        "meanap rank judged.qrels first.run second.run --output-format csv",
        "meanap rank judged.qrels first.run second.run --report report.html",
        "meanap rank diversity.qrels first.run -m alpha_ndcg@20 -m strec@20",
        "meanap rank first.run second.run -m rbo",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Measure, print, and write the requested output."""
    from meanap.ranking import compare
    from meanap.ranking.plan import are_by_subtopic, names_of

    names = inputs.names_of(options.runs)
    if len(set(names)) != len(names):
        raise UsageError("a run is named twice")
    if options.report is not None and len(names) > _REPORTED:
        raise UsageError(f"--report: expected a run, or a baseline and a run; found {len(names)} runs")
    groups.check_report(options)
    measures = options.measure or ["map"]
    of_overlap = any(map(_OVERLAP.fullmatch, measures))
    try:
        if of_overlap:
            measure = _overlaps
        else:
            measures = names_of(measures)
            measure = _measured_by_subtopic if are_by_subtopic(measures) else _measured
    except InputError as error:
        raise UsageError(str(error)) from error
    results = measure(options, measures, names)
    found: Found = {}
    baseline, *others = names
    if options.report is not None:
        versus = results[baseline] if others else None
        results[names[-1]].report(options.report, versus=versus, names=(baseline, names[-1]))
    if others and not of_overlap:
        for row in compare(results[baseline], {name: results[name] for name in others}):
            found.setdefault(row["number"], {})[row["run"]] = row
    table = _table(results, found, options.per_query)
    output.emit(
        options,
        table,
        table=lambda: _rows(results, found, options.per_query),
        lines=_notes(results, _OF_RUNS if of_overlap else _OF_JUDGEMENTS),
        value=lambda: _as_json(results, found),
        indent=1,
    )


def _measured(options: argparse.Namespace, measures: list[str], names: list[str]) -> dict[str, RankingResult]:
    """The result of each run."""
    from meanap.ranking import readers
    from meanap.ranking.conventions import resolve
    from meanap.ranking.evaluation import check_grades, measured
    from meanap.ranking.plan import check_measures

    # Before any file is read: errors in these options are not errors in a file.
    settings: Any = dict(map(_setting, options.set))
    try:
        conventions = resolve(options.protocol, settings)
        check_measures(measures, conventions)
        reading = readers.Options(dict(map(_column, options.column)), options.format, conventions.duplicates)
    except (InputError, TypeError) as error:  # TypeError: an unknown keyword
        raise UsageError(str(error)) from error
    results = {}
    try:
        with inputs.about(options.qrels):
            qrels = readers.qrels(options.qrels, reading)
            check_grades(qrels, conventions)
        for name, path in zip(names, options.runs, strict=True):
            with inputs.about(path):
                results[name] = measured(qrels, readers.run(path, reading), measures, conventions)
    except InputError as error:
        readers.check_order(options.qrels, options.runs[0], error, readers.qrels, readers.run, reading)
        raise
    return results


def _measured_by_subtopic(
    options: argparse.Namespace, measures: list[str], names: list[str]
) -> dict[str, RankingResult]:
    """The result of each run against judgements by subtopic."""
    from meanap.ranking import readers
    from meanap.ranking.diversity import diversity_conventions, measured_diversity
    from meanap.ranking.readers.subtopics import JudgedSubtopics, read_subtopics

    if options.protocol is not None:
        raise UsageError("--protocol: measures by subtopic have the conventions of ndeval")
    settings: Any = dict(map(_setting, options.set))
    for name in settings:
        if name not in _BY_SUBTOPIC:
            raise UsageError(f"--set {name}: measures by subtopic have {', '.join(_BY_SUBTOPIC)}")
    try:
        conventions = diversity_conventions(**settings)
        reading = readers.Options(dict(map(_column, options.column)), options.format)
    except InputError as error:
        raise UsageError(str(error)) from error

    def read_qrels(source: Any, reading: readers.Options) -> JudgedSubtopics:
        return read_subtopics(source, {})

    results = {}
    try:
        with inputs.about(options.qrels):
            judged = read_qrels(options.qrels, reading)
        for name, path in zip(names, options.runs, strict=True):
            with inputs.about(path):
                results[name] = measured_diversity(judged, readers.run(path, reading), measures, conventions)
    except InputError as error:
        readers.check_order(options.qrels, options.runs[0], error, read_qrels, readers.run, reading)
        raise
    return results


def _overlaps(options: argparse.Namespace, measures: list[str], names: list[str]) -> dict[str, RankingResult]:
    """The overlap of each run with the one in the place of the judgements."""
    from meanap.ranking import rbo

    measure = next(filter(_OVERLAP.fullmatch, measures))
    if len(measures) > 1:
        raise UsageError(f"-m {measure}: rank-biased overlap needs no judgements and is measured alone")
    for option, given in (("--protocol", options.protocol), ("--report", options.report), ("--set", options.set)):
        if given:
            raise UsageError(f"{option}: not of rank-biased overlap")
    persistence = _OVERLAP.fullmatch(measure).group(1)  # type: ignore[union-attr]
    columns = dict(map(_column, options.column))
    try:
        p = 0.9 if persistence is None else float(persistence)
    except ValueError:
        p = math.nan
    if not 0 < p < 1:
        raise UsageError(f"-m {measure}: expected p between 0 and 1, as rbo(p=0.9)")
    results = {}
    for name, path in zip(names, options.runs, strict=True):
        results[name] = rbo(options.qrels, path, p, columns=columns, format=options.format)
    return results


def _column(text: str) -> tuple[str, list[str] | None]:
    """`query=uid,user` as a pair; nothing after the sign says that there is no such column."""
    what, equals, names = text.partition("=")
    if not equals:
        raise UsageError(f"--column {text}: expected WHAT=NAME")
    return what, names.split(",") if names else None


def _setting(text: str) -> tuple[str, Any]:
    """`ties=expected` as a pair; numbers and booleans as such."""
    name, equals, value = text.partition("=")
    name = name.replace("-", "_")
    if not equals:
        raise UsageError(f"--set {text}: expected NAME=VALUE")
    plain: Any = {"true": True, "false": False}.get(value.lower(), value)
    if name == "relevance_level":
        if not value.isdigit():
            raise UsageError(f"--set {text}: expected a whole number")
        plain = int(value)
    return name, plain


def _table(results: dict[str, RankingResult], found: Found, per_query: bool) -> str:
    """A row for each run, with its differences from the baseline and their p-values below it."""
    measures = next(iter(results.values())).measures
    lines = [["run", "queries", *measures]]
    for name, result in results.items():
        lines.append([on_one_line(name), str(len(result)), *(f"{value:.4f}" for value in result.means.values())])
        if name in next(iter(found.values()), {}):
            pairs = [found[measure][name] for measure in measures]
            lines.append(["", "", *(f"{pair['difference']:+.4f}" for pair in pairs)])
            lines.append(["", "", *(_p_value(pair["corrected"]) for pair in pairs)])
        if per_query:
            for query, values in zip(result.queries, result.values.tolist(), strict=True):
                lines.append([f"  {on_one_line(query)}", "", *(f"{value:.4f}" for value in values)])
    return terminal.columns(lines)


def _rows(results: dict[str, RankingResult], found: Found, per_query: bool) -> Table:
    """A row for each run, or each run and query; of several runs each measure has its difference and p-value."""
    from meanap.table import Table

    measures = next(iter(results.values())).measures
    if per_query:
        pairs = [(name, result, i) for name, result in results.items() for i in range(len(result))]
        columns: dict[str, list[Any]] = {
            "run": [name for name, _, _ in pairs],
            "query": [result.queries[i] for _, result, i in pairs],
        }
        columns |= {measure: [float(result[measure][i]) for _, result, i in pairs] for measure in measures}
        return Table(columns)
    columns = {"run": list(results), "queries": [len(result) for result in results.values()]}
    for measure in measures:
        columns[measure] = [float(result.means[measure]) for result in results.values()]
        if found:
            rows = [found[measure].get(name, {}) for name in results]
            columns[f"{measure} difference"] = [row.get("difference") for row in rows]
            columns[f"{measure} p"] = [row.get("corrected") for row in rows]
    return Table(columns)


#: What is said of queries that one side alone has.
_OF_JUDGEMENTS = {"unanswered": "judged but not in the run", "unjudged": "in the run but not judged"}
_OF_RUNS = {"unanswered": "in the first run alone", "unjudged": "not in the first run"}


def _notes(results: dict[str, RankingResult], explanations: dict[str, str]) -> Iterator[str]:
    """A line for each run whose queries are not those of the judgements, or of the first run."""
    for name, result in results.items():
        for what, explained in explanations.items():
            if count := len(getattr(result, what)):
                yield f"{on_one_line(name)}: {count} queries are {explained}"


def _p_value(p: float) -> str:
    return f"p={p:.4f}" if p >= 0.0001 else "p<0.0001"


def _as_json(results: dict[str, RankingResult], found: Found) -> dict[str, Any]:
    """The fields of the JSON."""
    return {
        name: {
            "means": result.means,
            "queries": {str(query): values for query, values in result.to_dict().items()},
            "differences": {measure: pairs[name]["difference"] for measure, pairs in found.items() if name in pairs},
            "p_values": {measure: pairs[name]["corrected"] for measure, pairs in found.items() if name in pairs},
        }
        for name, result in results.items()
    }
