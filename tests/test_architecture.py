"""ARCHITECTURE.md is true: the files that it names exist, and its ways to add something work."""

import inspect
import json
import re
import sys
import types

import metric_objects
import numpy as np
import pytest

import meanap
from meanap import cli, generate, protocol, readers
from meanap._counts import counts_of
from meanap.cli import groups, main, output
from meanap.metric import Metric
from meanap.readers._registry import ListedFormat

SECTIONS = ("similarity", "matcher", "protocol", "format", "metric object", "plot", "command")


@pytest.fixture(scope="module")
def page(repository):
    return (repository / "ARCHITECTURE.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def data():
    truth = generate.dataset(images=12, seed=3, categories=4)
    return truth, generate.detections(truth, per_image=8, seed=3)


def section(page: str, name: str) -> str:
    return re.search(rf"^## Add a {name}\n(.*?)(?=^## )", page, re.MULTILINE | re.DOTALL)[1]


def listing(page: str, folder: str) -> list[str]:
    """The entries below a folder in the list of modules."""
    lines = re.search(rf"^{re.escape(folder)}\n((?:  .*\n)+)", page, re.MULTILINE)[1]
    return [line.split()[0] for line in lines.splitlines()]


def test_every_path_in_the_text_exists(repository, page):
    paths = set(re.findall(r"`((?:src|python|tests|docs|benches|fuzz)/[\w./-]*|coco/\w+\.py)`", page))
    assert len(paths) > 30
    missing = [path for path in paths if not any((repository / root / path).exists() for root in ("", "python/meanap"))]
    assert missing == []


def test_the_list_of_modules_is_complete(repository, page):
    rust = {path.name + ("/" if path.is_dir() else "") for path in (repository / "src").iterdir()} - {"lib.rs"}
    assert set(listing(page, "src/")) == rust
    package = repository / "python" / "meanap"
    folders = {path.parent.name + "/" for path in package.glob("*/__init__.py")}
    assert {name for name in listing(page, "python/meanap/") if name.endswith("/")} == folders


def test_the_list_of_modules_is_in_the_order_of_their_imports(repository, page):
    declared = re.findall(
        r"^(?:pub )?mod (\w+);", (repository / "src/lib.rs").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert [re.sub(r"\.rs$|/$", "", name) for name in listing(page, "src/")] == declared


def test_a_term_has_one_meaning(page):
    rows = re.search(r"^## Glossary\n(.*?)(?=^## )", page, re.MULTILINE | re.DOTALL)[1]
    terms = [term for row in re.findall(r"^\| ([^|]+) \|", rows, re.MULTILINE) for term in row.split(", ")]
    assert len(terms) > 20 and len(set(terms)) == len(terms)


@pytest.mark.parametrize("name", SECTIONS)
def test_each_extension_has_a_section_that_names_files(page, name):
    assert re.search(r"`[\w/]+\.(rs|py)`", section(page, name))


def test_a_command_is_a_module_and_a_line(monkeypatch, capsys):
    toy = types.ModuleType("meanap.cli.toy")

    def add_arguments(parser):
        groups.add_output(parser)
        parser.set_defaults(run=lambda options: output.emit(options, "a table", lines=["a line"], value=lambda: [1]))

    toy.add_arguments = add_arguments
    monkeypatch.setitem(sys.modules, "meanap.cli.toy", toy)
    monkeypatch.setitem(cli.COMMANDS, "toy", ("toy", "a toy command"))
    assert main(["toy", "--json", "-"]) == 0
    assert capsys.readouterr() == ("[\n  1\n]\n", "a table\na line\n")
    assert main(["toy", "--quiet"]) == 0
    assert capsys.readouterr().out == "a line\n"
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "a toy command" in capsys.readouterr().out


def toy_protocol(similarity="bbox"):
    return protocol.get("coco", similarity).replace(name="toy", thresholds=(0.25,))


def test_a_protocol_is_a_line_in_presets(data, tmp_path, monkeypatch):
    monkeypatch.setitem(protocol.PRESETS, "toy", toy_protocol)
    expected = meanap.evaluate(*data, thresholds=(0.25,)).ap
    result = meanap.evaluate(*data, protocol="toy")
    assert result.ap == expected > 0 and result.protocol.name == "toy"
    assert meanap.explain_difference(*data, "toy", "coco").baseline == expected
    metric = meanap.MeanAveragePrecision(protocol="toy", box_format="xywh")
    assert metric.protocols["bbox"] == toy_protocol()
    # The command line takes it by name, too.
    (tmp_path / "truth.json").write_text(json.dumps(data[0]))
    (tmp_path / "found.json").write_text(json.dumps(data[1]))
    files = [str(tmp_path / name) for name in ("truth.json", "found.json", "found.json")]
    assert main(["compare", *files, "--protocol", "toy", "--resamples", "10"]) == 0


def test_a_format_is_a_reader_that_returns_columns(data, monkeypatch):
    """A toy format: lines of `image category x y width height [score]`."""
    truth, found = data

    def line(record, *score):
        return " ".join(map(repr, (record["image_id"], record["category_id"], *record["bbox"], *score)))

    class Lines(list):
        """Lines in the toy format."""

    def columns(lines):
        rows = np.array([line.split() for line in lines], dtype=float)
        ids = rows[:, :2].astype(int)
        return ids[:, 0], ids[:, 1], *((rows[:, 6],) if rows.shape[1] == 7 else ()), rows[:, 2:6]

    class OfLines(readers.Reader):
        name = "lines"

        def sniff(self, source, role):
            return isinstance(source, Lines)

        def ground_truth(self, source, options, problems):
            return meanap.GroundTruth(*columns(source), box_format="xywh")

        def detections(self, source, options, problems, truth):
            return meanap.Detections(*columns(source), box_format="xywh")

    toy = types.ModuleType("meanap.readers.toy")
    toy.OfLines = OfLines
    monkeypatch.setitem(sys.modules, "meanap.readers.toy", toy)
    monkeypatch.setattr(readers, "READERS", (ListedFormat("lines", "toy:OfLines", ("sequence",)), *readers.READERS))
    toy = Lines(map(line, truth["annotations"])), Lines(line(d, d["score"]) for d in found)
    plain = {**truth, "annotations": [{**a, "iscrowd": 0} for a in truth["annotations"]]}
    assert meanap.evaluate(*toy).ap50 == meanap.evaluate(plain, found).ap50 > 0
    assert meanap.explain_difference(*toy, "coco", "voc2012").baseline == meanap.evaluate(*toy).ap


class Counting(Metric):
    """A toy metric object: how many labels agree."""

    def __init__(self, classes=2, *, sync_on_compute=True):
        self.classes, self.sync_on_compute, self.counts = classes, sync_on_compute, np.zeros(2, int)

    def update(self, preds, target):
        self._synced = None
        self.counts = self.counts + [np.sum(np.equal(preds, target)), len(target)]

    def compute(self):
        agreed, total = self._of_all_ranks().counts
        return agreed / total

    def _settings(self):
        return {"classes": self.classes}

    @classmethod
    def _made_with(cls, settings, options):
        return cls(**settings, **options)

    def _clear(self):
        self.counts = np.zeros(2, int)

    def _add(self, other):
        self.counts = self.counts + other.counts

    def _dump(self):
        return [self.counts.tobytes()]

    def _load(self, parts):
        self.counts = np.frombuffer(parts[0], int)

    def __len__(self):
        return int(self._visible().counts[1])


def test_a_metric_object_is_a_subclass_and_the_rest_follows():
    first, second = Counting(), Counting()
    first.update([1, 0], [1, 1])
    second.update([1], [1])
    assert first.merge(Counting.from_state(second.state())) is first
    assert first.compute() == 2 / 3 and len(first) == 3
    first.reset()
    assert len(first) == 0
    with pytest.raises(ValueError, match="classes"):
        first.merge(Counting(3))


@pytest.mark.parametrize("name", metric_objects.CASES)
def test_update_takes_predictions_then_target(name):
    parameters = inspect.signature(metric_objects.CASES[name].make().update).parameters
    assert list(parameters)[:2] == ["preds", "target"]


def test_every_metric_object_of_the_package_is_on_the_list():
    import meanap.segmentation  # noqa: F401 so that all subclasses exist

    def below(base):
        return {base, *(name for child in base.__subclasses__() for name in below(child))}

    public = {
        kind.__name__
        for kind in below(Metric)
        if kind.__module__.startswith("meanap.") and not inspect.isabstract(kind)
    }
    listed = {type(case.make()).__name__ for case in metric_objects.CASES.values()}
    assert public == listed


def test_a_plot_is_a_function_on_axes(data):
    matplotlib = pytest.importorskip("matplotlib", reason="the extra 'plot' is not installed")
    matplotlib.use("Agg")
    from meanap.plot import _canvas

    def recall(result, ax=None):
        """A toy plot."""
        ax, colours = _canvas.axes(ax, (4, 3))
        curve = result.precision_recall()
        ax.plot(curve.score, curve.recall, **colours.line(0))
        return ax

    ax = recall(meanap.evaluate(*data))
    assert recall(meanap.evaluate(*data), ax=ax) is ax and len(ax.lines) == 2
    matplotlib.pyplot.close(ax.figure)


def test_every_plot_has_a_drawing_in_the_tests(repository):
    """The names of `meanap.plot` and those drawn by tests/test_plot.py are the same."""
    drawings = (repository / "tests" / "test_plot.py").read_text(encoding="utf-8")
    names = re.search(r"__all__ = \[(.*?)\]", (repository / "python/meanap/plot/__init__.py").read_text(), re.DOTALL)[1]
    for name in re.findall(r'"(\w+)"', names):
        assert f"plot.{name}(" in drawings, name


def test_a_dialect_is_a_module_of_compat_with_a_line_in_the_docs(repository):
    """Each package whose API is offered is listed in docs/compat.md, and no module below imports one."""
    package = repository / "python" / "meanap"
    table = (repository / "docs" / "compat.md").read_text(encoding="utf-8")
    modules = {path.stem for path in (package / "compat").iterdir() if not path.name.startswith("_")}
    assert modules >= {"pycocotools", "faster_coco_eval", "panopticapi", "pytrec_eval", "sklearn"}
    for module in modules:
        assert f"| `meanap.compat.{module}`" in table, module
    # Entries, and names that are looked up when they are accessed.
    allowed = {"__init__.py", "coco.py", "ranking/__init__.py"}
    for path in package.rglob("*.py"):
        name = path.relative_to(package).as_posix()
        if name not in allowed and name.split("/")[0] not in ("compat", "cli"):
            assert "meanap.compat" not in path.read_text(encoding="utf-8"), name


def test_codes_are_counted_in_one_place_that_takes_every_integer(repository):
    """Where addresses have 32 bits, NumPy's own function takes no codes of 64."""
    used = [path.name for path in (repository / "python").rglob("*.py") if "np.bincount" in path.read_text("utf-8")]
    assert used == ["_counts.py"]
    for kind in (np.int8, np.uint32, np.int64, np.uint64):
        codes = np.array([1, 1, 3], kind)
        assert counts_of(codes, length=6).tolist() == [0, 2, 0, 1, 0, 0]
        assert counts_of(codes, np.array([0.5, 1.0, 2.0])).tolist() == [0.0, 1.5, 0.0, 2.0]
        assert counts_of(codes[:0]).tolist() == []
