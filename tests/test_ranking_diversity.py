"""Measures of judgements by subtopic: ndeval's numbers, their definitions, and every form of judgements."""

import json
import math
import random
from collections import namedtuple

import numpy as np
import pytest

from meanap.cli import main
from meanap.errors import InputError
from meanap.ranking import compare, evaluate, evaluate_diversity
from tests.running_sum import running_sum

MEASURES = {
    "alpha_ndcg@20": "alpha-nDCG@20",
    "alpha_ndcg@5": "alpha-nDCG@5",
    "alpha_dcg@10": "alpha-DCG@10",
    "err_ia@20": "ERR-IA@20",
    "nerr_ia@5": "nERR-IA@5",
    "p_ia@5": "P-IA@5",
    "strec@7": "strec@7",
    "map_ia": "MAP-IA",
    "nrbp": "NRBP",
    "nnrbp": "nNRBP",
}


def draw(seed, queries=6):
    """Rows of judgements, and a run with ties and documents that are not judged."""
    rng = random.Random(seed)
    rows, run = [], {}
    for n in range(queries):
        documents = [f"d{i:03}" for i in range(60)]
        for subtopic in range(rng.choice([1, 3, 6])):
            for document in rng.sample(documents, rng.choice([1, 25])):
                rows.append((f"q{n}", str(subtopic), document, rng.choice([0, 0, 1, 2, -2])))
        retrieved = rng.sample(documents, rng.choice([2, 30, 60]))
        run[f"q{n}"] = {document: rng.randint(0, 40) / 8 for document in retrieved}
    return rows, run


def naive(rows, run, query, alpha, beta, level=1):
    """The measures by their definitions, with lists and dictionaries."""
    about = {}
    for row_query, subtopic, document, grade in rows:
        if row_query == query and grade >= level:
            about.setdefault(document, set()).add(subtopic)
    subtopics = sorted({subtopic for some in about.values() for subtopic in some})
    count = len(subtopics)
    if not count:
        return dict.fromkeys(MEASURES, 0.0)
    ranked = sorted(run.get(query, {}), key=lambda d: (-run[query][d], d))

    def gains(documents):
        seen = dict.fromkeys(subtopics, 0)
        for document in documents:
            yield running_sum((1 - alpha) ** seen[s] for s in subtopics if s in about.get(document, ()))
            for s in about.get(document, ()):
                seen[s] += 1

    ideal = []
    rest = sorted(about, reverse=True)
    while rest:
        best = max(rest, key=lambda d: list(gains([*ideal, d]))[-1])
        ideal.append(best)
        rest.remove(best)

    def total(documents, discount, k=None):
        return running_sum(gain * discount(rank) for rank, gain in enumerate(list(gains(documents))[:k]))

    def dcg(rank):
        return 1 / math.log2(rank + 2)

    def err(rank):
        return 1 / (rank + 1)

    def most(discount, k):
        return count * running_sum((1 - alpha) ** rank * discount(rank) for rank in range(k))

    def average(subtopic):
        ranks = [rank for rank, d in enumerate(ranked, 1) if subtopic in about.get(d, ())]
        precisions = running_sum(n / rank for n, rank in enumerate(ranks, 1))
        return precisions / sum(subtopic in some for some in about.values())

    def persistence(rank):
        return beta**rank

    return {
        "alpha_ndcg@20": total(ranked, dcg, 20) / total(ideal, dcg, 20),
        "alpha_ndcg@5": total(ranked, dcg, 5) / total(ideal, dcg, 5),
        "alpha_dcg@10": total(ranked, dcg, 10) / most(dcg, 10),
        "err_ia@20": total(ranked, err, 20) / most(err, 20),
        "nerr_ia@5": total(ranked, err, 5) / total(ideal, err, 5),
        "p_ia@5": sum(len(about.get(d, ())) for d in ranked[:5]) / 5 / count,
        "strec@7": len({s for d in ranked[:7] for s in about.get(d, ())}) / count,
        "map_ia": running_sum(map(average, subtopics)) / count,
        "nrbp": total(ranked, persistence) * (1 - (1 - alpha) * beta) / count,
        "nnrbp": total(ranked, persistence) / total(ideal, persistence),
    }


def named(alpha, beta):
    """The measures with these parameters, where they take any."""
    names = {}
    for name in MEASURES:
        stem, _, k = name.partition("@")
        own = [f"alpha={alpha}"] if stem.startswith(("alpha", "err", "nerr", "nrbp", "nnrbp")) else []
        own += [f"beta={beta}"] if "nrbp" in stem else []
        names[name] = (f"{stem}({','.join(own)})" if own else stem) + (f"@{k}" if k else "")
    return names


@pytest.mark.parametrize(("alpha", "beta"), [(0.5, 0.5), (0.3, 0.8), (0.9, 0.5)])
@pytest.mark.parametrize("seed", range(8))
def test_definitions(seed, alpha, beta):
    rows, run = draw(seed)
    names = named(alpha, beta)
    result = evaluate_diversity(rows, run, list(names.values()), missing="zero")
    assert len(result) == len({row[0] for row in rows})
    for place, query in enumerate(result.queries):
        expected = naive(rows, run, query, alpha, beta)
        for column, name in enumerate(names):
            assert result.values[place, column] == pytest.approx(expected[name], rel=1e-12, abs=1e-15), (query, name)


@pytest.mark.parametrize(("alpha", "beta"), [(0.5, 0.5), (0.3, 0.8)])
@pytest.mark.parametrize("seed", range(8))
def test_the_numbers_of_ndeval(seed, alpha, beta):
    pyndeval = pytest.importorskip("pyndeval", reason="pip install pyndeval")
    rows, run = draw(seed)
    answers = [(query, document, score) for query, side in run.items() for document, score in side.items()]
    expected = pyndeval.ndeval(rows, answers, list(MEASURES.values()), alpha=alpha, beta=beta)
    names = named(alpha, beta)
    found = evaluate_diversity(rows, run, list(names.values()))
    relevant = {query for query, _, _, grade in rows if grade >= 1}
    for query in relevant:
        row = found.values[found.queries.index(query)]
        for value, theirs in zip(row, MEASURES.values(), strict=True):
            assert value == pytest.approx(expected[query][theirs], rel=1e-12, abs=1e-15), (query, theirs)


IR_MEASURES = ["alpha_nDCG@20", "alpha_nDCG(alpha=0.3)@5", "alpha_DCG@10", "ERR_IA@20", "nERR_IA@5", "StRecall@7",
               "NRBP", "nNRBP(alpha=0.3,beta=0.7)", "AP_IA", "P_IA@5"]  # fmt: skip


@pytest.mark.parametrize("name", IR_MEASURES)
def test_the_numbers_of_ir_measures(name):
    pytest.importorskip("pyndeval", reason="pip install pyndeval")
    ir_measures = pytest.importorskip("ir_measures", reason="pip install ir-measures")
    rows, run = draw(3)
    qrels = [ir_measures.Qrel(query, document, grade, subtopic) for query, subtopic, document, grade in rows]
    answers = [ir_measures.ScoredDoc(query, d, score) for query, side in run.items() for d, score in side.items()]
    theirs = {m.query_id: m.value for m in ir_measures.iter_calc([ir_measures.parse_measure(name)], qrels, answers)}
    # The records of ir_measures are taken as they are, under its names.
    ours = evaluate_diversity(qrels, answers, name)
    for query in {query for query, _, _, grade in rows if grade >= 1}:
        (value,) = ours.to_dict()[query].values()
        assert value == pytest.approx(theirs[query], rel=1e-12, abs=1e-15), query


def forms(rows, tmp_path):
    """The judgements in every form."""
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    path = tmp_path / "qrels"
    path.write_text("# query subtopic document grade\n" + "".join(" ".join(map(str, row)) + "\n" for row in rows))
    nested = {}
    for query, subtopic, document, grade in rows:
        nested.setdefault(query, {}).setdefault(subtopic, {})[document] = grade
    columns = dict(zip(("qid", "iteration", "docno", "relevance"), zip(*rows, strict=True), strict=True))
    named_row = namedtuple("Row", "query_id doc_id relevance iteration")
    yield "file", path
    yield "nested", nested
    yield "pandas", pandas.DataFrame(columns)
    yield "polars", polars.DataFrame(columns, strict=False)
    yield "lazy", polars.DataFrame(columns, strict=False).lazy()
    yield "arrow", polars.DataFrame(columns, strict=False).to_arrow()
    yield "records", [dict(zip(("query", "subtopic", "document", "rel"), row, strict=True)) for row in rows]
    yield "named tuples", [named_row(query, document, grade, subtopic) for query, subtopic, document, grade in rows]
    yield "iterator", iter(rows)


def test_every_form_of_judgements(tmp_path):
    rows, run = draw(11)
    names = list(MEASURES)
    expected = evaluate_diversity(rows, run, names)
    for name, source in forms(rows, tmp_path):
        found = evaluate_diversity(source, run, names)
        assert found.queries == expected.queries, name
        np.testing.assert_array_equal(found.values, expected.values, err_msg=name)
    others = [dict(zip(("user", "topic", "item", "stars"), row, strict=True)) for row in rows]
    columns = {"query": "user", "subtopic": "topic", "document": "item", "grade": "stars"}
    np.testing.assert_array_equal(evaluate_diversity(others, run, names, columns={**columns}).values, expected.values)
    lists = {}
    for query, subtopic, document, grade in rows:
        if grade >= 1:
            lists.setdefault(query, {}).setdefault(subtopic, []).append(document)
    assert evaluate_diversity(lists, run, names).to_dict() == {
        query: row for query, row in expected.to_dict().items() if query in lists
    }


def test_every_form_of_answers(tmp_path):
    rows, run = draw(12)
    expected = evaluate_diversity(rows, run, list(MEASURES))
    path = tmp_path / "run"
    path.write_text(
        "".join(f"{query} Q0 {d} 0 {score} tag\n" for query, side in run.items() for d, score in side.items())
    )
    columns = [(query, d, score) for query, side in run.items() for d, score in side.items()]
    for answers in (path, columns, tuple(map(list, zip(*columns, strict=True)))):
        np.testing.assert_array_equal(evaluate_diversity(rows, answers, list(MEASURES)).values, expected.values)


def test_integer_ids_go_as_numbers():
    rows, run = draw(13)
    as_numbers = [(query, subtopic, int(document[1:]), grade) for query, subtopic, document, grade in rows]
    answers = {query: {int(d[1:]): score for d, score in side.items()} for query, side in run.items()}
    found = evaluate_diversity(as_numbers, answers, list(MEASURES))
    np.testing.assert_array_equal(found.values, evaluate_diversity(rows, run, list(MEASURES)).values)


def test_level_ties_missing_queries_and_judged_documents():
    rows, run = draw(14)
    for level in (1, 2):
        found = evaluate_diversity(rows, run, ["strec@7", "map_ia"], relevance_level=level)
        assert found.conventions.relevance_level == level
        for query, row in found.to_dict().items():
            expected = naive(rows, run, query, 0.5, 0.5, level)
            assert row["map_ia"] == pytest.approx(expected["map_ia"], rel=1e-12)
    tied = {query: dict.fromkeys(side, 1.0) for query, side in run.items()}
    down = evaluate_diversity(rows, tied, "alpha_ndcg@5", ties="document-descending")
    ranked = {query: {d: float(n) for n, d in enumerate(sorted(side))} for query, side in tied.items()}
    np.testing.assert_array_equal(down.values, evaluate_diversity(rows, ranked, "alpha_ndcg@5").values)
    judged = {(query, document) for query, _, document, _ in rows}
    kept = {query: {d: s for d, s in side.items() if (query, d) in judged} for query, side in run.items()}
    only = evaluate_diversity(rows, run, "alpha_ndcg@5", judged_only=True)
    np.testing.assert_array_equal(only.values, evaluate_diversity(rows, kept, "alpha_ndcg@5").values)
    less = {query: side for query, side in run.items() if query != "q0"}
    assert len(evaluate_diversity(rows, less, "nrbp")) == 5
    zero = evaluate_diversity(rows, less, "nrbp", missing="zero")
    assert len(zero) == 6 and zero.to_dict()["q0"] == {"nrbp": 0.0} and zero.unanswered == ["q0"]


def test_results_compare_and_group_as_others():
    rows, run = draw(15, queries=12)
    first = evaluate_diversity(rows, run, ["alpha_ndcg@10", "strec@10"])
    second = evaluate_diversity(rows, {q: dict.fromkeys(side, 1.0) for q, side in run.items()}, ["alpha_ndcg@10"])
    assert len(compare(second, first, "alpha_ndcg@10")) == 1
    groups = {query: int(query[1:]) % 2 for query in first.queries}
    assert len(first.per_group(groups)) == 2 and set(first.macro(groups)) == {"alpha_ndcg@10", "strec@10"}
    assert first.interval("alpha-nDCG@10").low <= first.mean("alpha_ndcg@10")


def test_what_cannot_be_used(tmp_path):
    rows, run = draw(16)
    nested = {"q": {"s": {"d": 1}}}
    answers = {"q": {"d": 1.0}}
    with pytest.raises(InputError, match="map is no measure of subtopics: meanap.ranking.evaluate has it"):
        evaluate_diversity(rows, run, ["map"])
    with pytest.raises(InputError, match="alpha_ndcg@5 needs judgements by subtopic: meanap.ranking.evaluate_div"):
        evaluate({"q": {"d": 1}}, answers, "alpha_ndcg@5")
    with pytest.raises(InputError, match="ties is 'expected', expected one of 'document-ascending'"):
        evaluate_diversity(nested, answers, ties="expected")
    with pytest.raises(
        InputError, match="qrels: record 1 has document 'd' of query 'q' and subtopic 's' a second time"
    ):
        evaluate_diversity([("q", "s", "d", 1), ("q", "s", "d", 0)], answers)
    with pytest.raises(InputError, match=r'qrels: record 1: "grade" is 1.5, expected a whole number'):
        evaluate_diversity([("q", "s", "d", 1), ("q", "t", "d", 1.5)], answers)
    with pytest.raises(TypeError, match=r"qrels: record 0 is a tuple, expected a judgement \(query, subtopic"):
        evaluate_diversity([("q", "d", 1)], answers)
    with pytest.raises(
        InputError, match=r"qrels: has the columns query, document, grade, expected one for the subtopic"
    ):
        evaluate_diversity([{"query": "q", "document": "d", "grade": 1}], answers)
    with pytest.raises(TypeError, match=r"qrels\['q'\]: is an int, expected a dictionary of documents by subtopic"):
        evaluate_diversity({"q": 1}, answers)
    with pytest.raises(TypeError, match="qrels: is an int, expected a dict of dicts"):
        evaluate_diversity(3, answers)
    with pytest.raises(
        TypeError, match="qrels: has ids of several types for query 'q', expected text or whole numbers"
    ):
        evaluate_diversity([("q", "s", "d", 1), ("q", "s", 3, 1)], answers)
    with pytest.raises(InputError, match="no column is called 'topics'"):
        evaluate_diversity(nested, answers, columns={"topics": "t"})
    path = tmp_path / "qrels"
    path.write_text("q s d 1\nq s d\n")
    with pytest.raises(InputError, match="qrels: line 2 has 3 fields, expected 4"):
        evaluate_diversity(path, answers)
    path.write_text("q s d x\n")
    with pytest.raises(InputError, match="qrels: line 1: \"grade\" is 'x', expected a whole number"):
        evaluate_diversity(path, answers)
    with pytest.raises(ValueError, match='"score" is NaN, expected a number'):
        evaluate_diversity(nested, {"q": {"d": math.nan}})


def test_nothing_is_relevant():
    found = evaluate_diversity({"q": {"s": {"d": 0}}}, {"q": {"d": 1.0}}, list(MEASURES))
    assert found.empty == ["q"] and not found.values.any()
    assert evaluate_diversity({"q": {"s": {"d": 1}}}, {"q": {}}, list(MEASURES), missing="zero").values.sum() == 0


@pytest.mark.parametrize("seed", range(4))
def test_a_level_of_each_measure(seed):
    rows, run = draw(seed)
    names = list(MEASURES)
    # The same measures, each with its own level.
    levelled = [name.replace("@", "(rel=2)@") if "@" in name else f"{name}(rel=2)" for name in names]
    found = evaluate_diversity(rows, run, [*names, *levelled], missing="zero")
    for column, level in ((0, 1), (len(names), 2)):
        alone = evaluate_diversity(rows, run, names, relevance_level=level, missing="zero")
        np.testing.assert_array_equal(found.values[:, column : column + len(names)], alone.values)
        for place, query in enumerate(found.queries):
            expected = naive(rows, run, query, 0.5, 0.5, level)
            for i, name in enumerate(names):
                assert found.values[place, column + i] == pytest.approx(expected[name], rel=1e-12, abs=1e-15), name
    assert found.empty == [q for q in found.queries if not any(row[0] == q and row[3] >= 1 for row in rows)]


@pytest.mark.parametrize("name", ["alpha_nDCG(rel=2)@5", "NRBP(rel=2,alpha=0.3)", "AP_IA(rel=2)", "StRecall(rel=2)@7"])
def test_levels_of_ir_measures(name):
    pytest.importorskip("pyndeval", reason="pip install pyndeval")
    ir_measures = pytest.importorskip("ir_measures", reason="pip install ir-measures")
    rows, run = draw(5)
    qrels = [ir_measures.Qrel(query, document, grade, subtopic) for query, subtopic, document, grade in rows]
    answers = [ir_measures.ScoredDoc(query, d, score) for query, side in run.items() for d, score in side.items()]
    theirs = {m.query_id: m.value for m in ir_measures.iter_calc([ir_measures.parse_measure(name)], qrels, answers)}
    ours = evaluate_diversity(qrels, answers, name).to_dict()
    for query in {query for query, _, _, grade in rows if grade >= 2}:
        (value,) = ours[query].values()
        assert value == pytest.approx(theirs[query], rel=1e-12, abs=1e-15), query


@pytest.fixture
def files(tmp_path):
    rows, run = draw(6, queries=12)
    (tmp_path / "judged.qrels").write_text("".join(" ".join(map(str, row)) + "\n" for row in rows))
    for name, sign in (("first.run", 1), ("second.run", -1)):
        lines = [f"{query} Q0 {d} 0 {sign * score} tag\n" for query, side in run.items() for d, score in side.items()]
        (tmp_path / name).write_text("".join(lines))
    return tmp_path


def test_on_the_command_line_the_measures_say_that_judgements_are_by_subtopic(files, capsys):
    paths = [str(files / name) for name in ("judged.qrels", "first.run", "second.run")]
    names = ["alpha_ndcg@10", "strec(rel=2)@5"]
    report, written = files / "report.html", files / "out.json"
    options = ["--report", str(report), "--json", str(written)]
    assert main(["rank", *paths, *(f"-m{name}" for name in names), *options]) == 0
    found = json.loads(written.read_text())
    capsys.readouterr()
    for name in ("first.run", "second.run"):
        expected = evaluate_diversity(files / "judged.qrels", files / name, names)
        assert found[name]["means"] == expected.means
        assert found[name]["queries"] == expected.to_dict()
    assert found["second.run"]["differences"].keys() == set(names)
    assert "alpha_ndcg@10" in report.read_text()
    level = ["--set", "relevance_level=2", "--set", "missing=zero", "--output-format", "csv"]
    main(["rank", *paths[:2], "-m", "strec@5", *level])
    expected = evaluate_diversity(paths[0], paths[1], "strec@5", relevance_level=2, missing="zero").mean("strec@5")
    assert repr(expected) in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (["-m", "map", "-m", "strec@5"], "strec@5 needs judgements by subtopic and map does not"),
        (["-m", "strec@5", "--protocol", "ranx"], "--protocol: measures by subtopic have the conventions of ndeval"),
        (["-m", "strec@5", "--set", "gain=linear"], "--set gain: measures by subtopic have relevance_level, ties"),
        (["-m", "strec@5", "--set", "ties=expected"], "ties is 'expected', expected one of"),
        (["-m", "strec@5", "--column", "topic=x"], "no column is called 'topic'"),
    ],
)
def test_options_that_measures_by_subtopic_do_not_have(files, capsys, options, part):
    assert main(["rank", str(files / "judged.qrels"), str(files / "first.run"), *options]) == 2
    assert part in capsys.readouterr().err


def test_files_of_every_encoding(tmp_path):
    text, run = "q\u00e9 s d\u00e9 1\nq\u00e9 t d 1\n", {"q\u00e9": {"d\u00e9": 1.0}}
    path = tmp_path / "qrels"
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        path.write_bytes(text.encode(encoding))
        assert evaluate_diversity(path, run, "strec@1").mean("strec@1") == 0.5
    path.write_bytes(text.encode("latin-1"))
    with pytest.warns(UserWarning, match="qrels: line 1: byte 0xe9 is not UTF-8"):
        assert evaluate_diversity(path, run, "strec@1").mean("strec@1") == 0.5


@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_id_that_is_missing_is_named(place):
    row = ["q", "s", "d", 1]
    row[place] = None
    field = ("query", "subtopic", "document")[place]
    with pytest.raises(InputError, match=f'^qrels: record 0: "{field}" is missing, expected an id'):
        evaluate_diversity([tuple(row)], {"q": {"d": 1.0}})


def test_a_grade_of_more_than_64_bits_is_named():
    with pytest.raises(InputError, match=r'"grade" is 1180591620717411303424, expected a whole number up to 2\^53'):
        evaluate_diversity({"q": {"s": {"d": 2**70}}}, {"q": {"d": 1.0}})
