"""Plots: the drawn numbers are those of the result, on any axes, in dark and in light."""

import importlib.util
import math
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import meanap
from meanap import generate
from meanap._arrays import kind_of
from meanap.detection.confusion import Confusion

matplotlib = pytest.importorskip("matplotlib", reason="the extra 'plot' is not installed")
matplotlib.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")
plot = meanap.plot


@pytest.fixture(scope="module")
def data():
    truth = generate.dataset(images=40, seed=5, categories=12)
    return truth, generate.detections(truth, per_image=30, seed=5)


@pytest.fixture(scope="module")
def result(data):
    return meanap.evaluate(*data)


@pytest.fixture(scope="module")
def other(data):
    truth, found = data
    return meanap.evaluate(truth, [box for i, box in enumerate(found) if i % 3])


@pytest.fixture(autouse=True)
def no_figures_left():
    yield
    plt.close("all")


def texts(ax):
    ax.figure.canvas.draw()
    labels = [*ax.get_xticklabels(), *ax.get_yticklabels(), ax.title, ax.xaxis.label, ax.yaxis.label, *ax.texts]
    legend = ax.get_legend()
    return [text.get_text() for text in labels + (legend.get_texts() if legend else [])]


DRAWINGS = {
    "curve": lambda result, other, **ax: plot.precision_recall(result, **ax),
    "class": lambda result, other, **ax: plot.precision_recall(result, result.category_ids[0], **ax),
    "list": lambda result, other, **ax: plot.precision_recall(result, result.category_ids[:3], **ax),
    "each": lambda result, other, **ax: plot.precision_recall(result, "each", **ax),
    "thresholds": lambda result, other, **ax: plot.precision_recall(result, iou="each", **ax),
    "models": lambda result, other, **ax: plot.precision_recall({"a": result, "b": other}, **ax),
    "f1": lambda result, other, **ax: plot.f1(result, **ax),
    "froc": lambda result, other, **ax: plot.froc({"a": result, "b": other}, **ax),
    "errors": lambda result, other, **ax: plot.errors(result, **ax),
    "calibration": lambda result, other, **ax: plot.calibration(result, **ax),
    "confusion": lambda result, other, **ax: plot.confusion(result, **ax),
    "pairs": lambda result, other, **ax: plot.confusion(result, "pairs", **ax),
    "per_class": lambda result, other, **ax: plot.per_class(result, resamples=10, **ax),
    "comparison": lambda result, other, **ax: plot.comparison(meanap.compare(result, other, resamples=10), **ax),
    "comparison_of_classes": lambda result, other, **ax: plot.comparison(
        meanap.compare(result, other, resamples=10), per_class=True, **ax
    ),
}


@pytest.mark.parametrize("style", ["default", "dark_background"])
@pytest.mark.parametrize("name", DRAWINGS)
def test_draws_on_the_axes_given_in_colours_that_stand_out(result, other, name, style):
    with plt.style.context(style):
        _, ax = plt.subplots()
        assert DRAWINGS[name](result, other, ax=ax) is ax
        background = luminance(ax.get_facecolor())
        for line in [line for line in ax.lines if line.get_alpha() is None]:
            assert contrast(luminance(matplotlib.colors.to_rgb(line.get_color())), background) > 3
        ax.figure.canvas.draw()


@pytest.mark.parametrize("name", plot.__all__)
def test_what_a_plot_does_not_draw_is_told_with_what_it_does(result, name):
    draw = getattr(plot, name)
    for given in (5, None, {"a": 5}, np.zeros(3), meanap.MeanAveragePrecision(), result.per_class):
        with pytest.raises(TypeError, match=r"(result|found): expected what (meanap|Result)\..* returns, found "):
            draw(given)
    made = {
        "meanap.evaluate": result,
        "meanap.compare": meanap.compare(result, result, resamples=2),
        "Result.confusion": result.confusion(),
        "Result.errors": result.errors(),
    }
    for made_by, value in made.items():
        try:
            draw(value)
        except TypeError as error:
            assert f"found {kind_of(value)}" in str(error) and made_by not in str(error)


@pytest.mark.parametrize("name", DRAWINGS)
def test_makes_a_figure_and_survives_nothing_to_draw(name):
    empty = meanap.evaluate(
        {"images": [{"id": 1}], "annotations": [], "categories": [{"id": 1, "name": "a"}]},
        meanap.Detections([], [], [], np.zeros((0, 4))),
    )
    ax = DRAWINGS[name](empty, empty)
    ax.figure.canvas.draw()
    assert isinstance(ax, matplotlib.axes.Axes)


def luminance(colour):
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def contrast(a, b):
    return (max(a, b) + 0.05) / (min(a, b) + 0.05)


@pytest.mark.parametrize("name", DRAWINGS)
def test_papers_get_a_column_small_letters_and_no_title(result, other, name):
    ax, screen = DRAWINGS[name](result, other, style="paper"), DRAWINGS[name](result, other)
    width, height = ax.figure.get_size_inches()
    assert math.isclose(width, 3.35) and ax.get_title() == ""
    assert math.isclose(height / width, np.divide(*screen.figure.get_size_inches()[::-1]))
    assert ax.xaxis.label.get_fontsize() == 8 < screen.xaxis.label.get_fontsize()
    assert plt.rcParams["font.size"] == plt.rcParamsDefault["font.size"]
    ax = DRAWINGS[name](result, other, size=(4, 3))
    assert list(ax.figure.get_size_inches()) == [4, 3]


def test_other_styles_are_refused(result):
    with pytest.raises(ValueError, match="style: expected 'screen' or 'paper', found 'poster'"):
        plot.f1(result, style="poster")


def test_few_lines_have_their_labels_beside_them(result, other):
    ax = plot.f1(result)
    ax.figure.canvas.draw()
    labels = {text.get_text(): text for text in ax.texts if text.get_text() in ("precision", "recall", "F1")}
    assert len(labels) == 3 and ax.get_legend() is None
    boxes = [text.get_window_extent() for text in labels.values()]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    for line in ax.lines:
        if line.get_label() in labels:
            text = labels[line.get_label()]
            assert text.get_color() == line.get_color()
            box = text.get_window_extent()
            x, y = ax.transData.transform(np.column_stack(line.get_data())).T
            near = np.abs(x - (box.x0 + box.x1) / 2) < box.width / 2 + 2
            # Its own line is the nearest, and is not struck through.
            gap = np.maximum(box.y0 - y[near], y[near] - box.y1)
            assert gap.min() > -0.35 * box.height and gap.min() < 1.5 * box.height
    # Lines that lie on each other have a legend.
    ax = plot.precision_recall({"a": result, "b": result})
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [f"{n}: AP {result.ap50:.3f}" for n in "ab"]


def test_models_are_called_by_their_files(tmp_path, result, other):
    paths = generate.write_files(tmp_path, images=10, seed=2)["bbox"]
    old = generate.write_baseline(tmp_path / "old.json", paths[1])
    found = meanap.compare(meanap.evaluate(paths[0], old), meanap.evaluate(*paths), ["ap"], resamples=5)
    assert found.names == ("old.json", "boxes.json")
    assert "boxes.json against old.json" in texts(plot.comparison(found))
    assert meanap.compare(result, other, ["ap"], resamples=5).names == ("baseline", "candidate")


def test_the_mean_height_of_the_curve_is_the_ap(result):
    line = plot.precision_recall(result).lines[0]
    assert math.isclose(line.get_ydata().mean(), result.ap50, rel_tol=1e-12)
    assert f"all classes: AP {result.ap50:.3f}" in texts(line.axes)
    at75 = plot.precision_recall(result, iou=0.75).lines[0]
    assert math.isclose(at75.get_ydata().mean(), result.ap75, rel_tol=1e-12)


def test_each_threshold_and_each_class_has_its_line(result):
    ax = plot.precision_recall(result, iou="each")
    assert len(ax.lines) == 10
    heights = [line.get_ydata().mean() for line in ax.lines]
    assert math.isclose(np.mean(heights), result.ap, rel_tol=1e-12)
    ax = plot.precision_recall(result, "each")
    there = [row for row in result.per_class if not math.isnan(row["ap50"])]
    assert len(ax.lines) == len(there) + 1
    # Classes of few objects have their line, but are not named.
    worth = [row for row in there if row["objects"] >= 10]
    assert 6 <= len(worth) < len(there)
    assert f"{max(worth, key=lambda row: row['ap50'])['name']}: AP" in " ".join(texts(ax))


def test_a_class_by_id_and_by_name_ends_at_its_recall(result):
    id = result.category_ids[0]
    first = plot.precision_recall(result, id).lines[1]
    assert np.array_equal(first.get_ydata(), plot.precision_recall(result, result.names[id]).lines[1].get_ydata())
    assert first.get_xdata()[-1] == result.precision_recall(id).recall[-1] and first.get_ydata()[-1] == 0


def test_what_cannot_be_drawn_is_said(result, other):
    with pytest.raises(ValueError, match="not two of these"):
        plot.precision_recall({"a": result, "b": other}, "each")
    with pytest.raises(ValueError, match="not two of these"):
        plot.precision_recall(result, "each", iou=[0.5, 0.75])
    with pytest.raises(ValueError, match="thresholds that were evaluated"):
        plot.precision_recall(result, iou=0.42)
    with pytest.raises(KeyError, match="unicorn"):
        plot.precision_recall(result, "unicorn")
    with pytest.raises(ValueError, match="at least one"):
        plot.precision_recall({})
    with pytest.raises(ValueError, match="classes"):
        plot.confusion(result, classes=0)


def test_the_best_f1_is_marked(result):
    ax = plot.f1(result)
    best = result.best_f1()
    marked = next(line for line in ax.lines if line.get_marker() == "o")
    assert (marked.get_xdata()[0], marked.get_ydata()[0]) == (best.threshold, best.f1)


def test_calibration_bars_are_the_bins(result):
    ax = plot.calibration(result, bins=5)
    bins = result.calibration(bins=5).bins
    heights = [bar.get_height() for bar in ax.patches]
    assert heights == [row["precision"] for row in bins if row["detections"]]


def test_bars_of_errors_are_what_they_cost(result):
    ax = plot.errors(result, iou=0.75)
    found = result.errors(0.75)
    assert [bar.get_width() for bar in ax.patches] == list(found.table["dap"])
    assert f"Errors at IoU 0.75: AP {result.ap75:.3f}" in texts(ax)
    assert [text.get_text() for text in ax.get_yticklabels()][:2] == ["classification", "localisation"]


@pytest.mark.parametrize("style", ["default", "dark_background"])
def test_the_steps_lead_from_one_number_to_the_other(data, style):
    found = meanap.explain_difference(*data, "coco", "voc2012")
    with plt.style.context(style):
        ax = plot.difference(found)
        bars = ax.patches
        assert [bars[0].get_width(), bars[1].get_width()] == [found.baseline, found.candidate]
        assert np.allclose([bar.get_width() for bar in bars[2:]], found["change"], atol=1e-12)
        assert np.allclose([bar.get_x() + bar.get_width() for bar in bars[2:]], found["value"])
        shown = texts(ax)
        assert f"From coco to voc2012: {found.difference:+.4f}" in shown
        assert [f"{row['change']:+.4f}" for row in found] == [
            text for text in shown if re.match(r"[+-]\d\.\d{4}$", text)
        ]
    same = meanap.explain_difference(*data, "coco", "coco")
    plot.difference(same).figure.canvas.draw()


def test_froc_marks_the_rates_of_its_mean(result):
    ax = plot.froc(result)
    marks = next(line for line in ax.lines if line.get_marker() == "o")
    found = result.froc()
    assert list(marks.get_ydata()) == [found.at(rate) for rate in (0.125, 0.25, 0.5, 1, 2, 4, 8)]
    assert f"all classes: mean {found.mean:.3f}" in texts(ax)


def big_confusion(classes=1203, seed=3):
    generator = np.random.default_rng(seed)
    matrix = generator.integers(0, 9, (classes + 1, classes + 1)) * (generator.random((classes + 1,) * 2) < 0.001)
    matrix[700, 41], matrix[12, 13] = 99, 88
    names = [f"class {i}" for i in range(classes)] + ["background"]
    return Confusion(matrix, list(range(classes)), names, 0.5, 0.3)


def test_of_many_classes_the_largest_confusions_come_first_and_nothing_is_lost():
    found = big_confusion()
    ax = plot.confusion(found, classes=10)
    labels = [text.get_text() for text in ax.get_yticklabels()]
    assert labels[:4] == ["class 700", "class 41", "class 12", "class 13"]
    assert labels[-2:] == ["1,193 others", "background"] and len(labels) == 12
    assert sum(int(text.get_text()) for text in ax.texts) == found.matrix.sum()
    ax = plot.confusion(found, "pairs", pairs=2)
    assert [bar.get_width() for bar in ax.patches] == [99, 88]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["class 700 as class 41", "class 12 as class 13"]


def test_few_classes_are_all_shown_in_their_order(result):
    found = result.confusion(0.5, 0.3)
    ax = plot.confusion(found)
    assert [text.get_text() for text in ax.get_xticklabels()] == found.names
    shown = {(t.get_position()[1], t.get_position()[0]): int(t.get_text()) for t in ax.texts}
    assert shown == {(i, j): found.matrix[i, j] for i, j in zip(*np.nonzero(found.matrix), strict=True)}


def test_the_classes_with_most_objects_are_shown_best_first_and_the_rest_counted(result):
    ax = plot.per_class(result, resamples=0, classes=4)
    rows = [row for row in result.per_class if not math.isnan(row["ap"])]
    most = sorted(rows, key=lambda row: -row["objects"])[:4]
    labels = [text.get_text() for text in ax.get_yticklabels()]
    ranked = [row["name"] for row in sorted(most, key=lambda row: -row["ap"])]
    assert labels == [*ranked, f"({len(rows) - 4} with fewer objects)"]


def test_intervals_are_those_of_the_single_numbers(result):
    several = result.interval(["ap", "ar_10", "ap_small"], resamples=40, seed=3)
    for name in several["number"]:
        alone = result.interval(name, resamples=40, seed=3)
        row = several.row(number=name)
        assert [row[key] for key in ("value", "low", "high", "error")] == [
            getattr(alone, key) for key in ("value", "low", "high", "error")
        ]
        assert np.array_equal(several.samples[name], alone.samples, equal_nan=True)
    id = result.category_ids[2]
    alone = result.interval("ap", resamples=40, seed=3, category=id)
    assert several.per_class.row(category=id)["low"] == alone.low
    with pytest.raises(ValueError, match="confidence"):
        result.interval(confidence=1.5)
    with pytest.raises(ValueError, match="names"):
        result.interval([])


def test_a_comparison_distinguishes_significant_differences(result, other):
    found = meanap.compare(result, other, ["ap", "ap50"], resamples=50)
    ax = plot.comparison(found, names=("old", "new"))
    points = [line for line in ax.lines if line.get_marker() == "o"]
    assert [point.get_xdata()[0] for point in points] == list(found["difference"])
    assert "new against old" in texts(ax)
    same = meanap.compare(result, result, ["ap"], resamples=10)
    point = next(line for line in plot.comparison(same).lines if line.get_marker() == "o")
    assert point.get_markerfacecolor() != point.get_color()


@pytest.mark.filterwarnings("ignore:Glyph:UserWarning")  # matplotlib's own font has no Chinese
def test_names_are_not_read_as_anything_else():
    hostile = {1: "$x^2", 2: "<script>", 3: "a\nb" * 30, 4: "猫 $\\frac$"}
    truth = meanap.GroundTruth([1, 1, 1, 1], [1, 2, 3, 4], np.tile([0, 0, 9, 9], (4, 1)), categories=hostile)
    found = meanap.Detections([1, 1, 1, 1], [1, 3, 2, 4], [0.9, 0.8, 0.7, 0.6], np.tile([0, 0, 9, 9], (4, 1)))
    result = meanap.evaluate(truth, found)
    for name in DRAWINGS:
        DRAWINGS[name](result, result).figure.canvas.draw()


def test_without_matplotlib_the_extra_is_named():
    program = """
import sys
sys.modules["matplotlib"] = None
sys.modules["matplotlib.pyplot"] = None
import meanap.plot
from meanap import generate
truth = generate.dataset(images=3, seed=1)
result = meanap.evaluate(truth, generate.detections(truth, seed=1))
try:
    meanap.plot.f1(result)
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout == "meanap.plot needs matplotlib: pip install 'meanap[plot]'\n", done.stderr


def test_importing_plot_imports_no_matplotlib():
    program = "import sys, meanap.plot; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout == "False\n", done.stderr


def test_the_pages_pictures_are_what_the_script_draws(repository, tmp_path):
    spec = importlib.util.spec_from_file_location("pictures", repository / "docs" / "pictures.py")
    pictures = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(pictures)
    pictures.main(tmp_path)
    kept = sorted((repository / "docs" / "images").glob("*.svg"))
    made = sorted((tmp_path / "images").glob("*.svg"))
    assert (repository / "docs" / "gallery.md").read_text() == (tmp_path / "gallery.md").read_text()
    assert [path.name for path in kept] == [path.name for path in made] and len(made) >= 16

    def words(path):
        # Where each mark lies may depend on matplotlib's version; what is written may not.
        text = ["".join(node.itertext()) for node in ET.parse(path).iter("{http://www.w3.org/2000/svg}text")]
        return sorted(word.replace("\N{MINUS SIGN}", "-") for word in text)

    for old, new in zip(kept, made, strict=True):
        assert words(old) == words(new) and len(words(new)) > 5, old.name
    pages = [repository / "README.md", *(repository / "docs").rglob("*.md")]
    used = {name for page in pages for name in re.findall(r"images/([\w-]+\.svg)", page.read_text(encoding="utf-8"))}
    assert used == {path.name for path in kept}
