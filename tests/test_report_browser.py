"""The report in a real browser: Chromium, driven by Playwright.

Both are optional: ``pip install playwright``, and Chromium as Debian's package or as Playwright installs it.
"""

import json
import math
import re
import shutil
import subprocess
import sys

import pytest
from browser_data import write_files, write_page
from test_report import HOSTILE, Reader, drawn_images, embedded, errors_by_class, hostile

import meanap
from meanap import generate, report
from meanap.report.views import POINT
from tests.test_report_results import MAKERS

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Ground truth, detections, and those of a baseline."""
    return write_files(tmp_path_factory.mktemp("browser"))


@pytest.fixture(scope="module")
def page(files):
    return write_page(*files)


@pytest.fixture(scope="module")
def chromium():
    with playwright.sync_playwright() as driver:
        try:
            browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        except playwright.Error as error:
            pytest.skip(f"no Chromium: {error.message.splitlines()[0]}")
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium):
    """What opens a file: offline, in a window of some size, and silent on the console until the test ends."""
    contexts, said = [], []

    def open_file(path, width=1200, height=900, media="screen", scheme="light"):
        context = chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, offline=True, is_mobile=width < 600
        )
        contexts.append(context)
        tab = context.new_page()
        tab.emulate_media(media=media)
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.goto(path.as_uri())
        assert tab.evaluate("document.documentElement.dataset.ready") == "true"
        return tab

    yield open_file
    for context in contexts:
        context.close()
    assert said == []


def column(tab, table, index):
    """The text of a column's visible cells."""
    script = """([table, index]) => [...document.querySelectorAll(table + " tbody tr")].filter((row) => !row.hidden)
                .map((row) => row.cells[index].textContent)"""
    return tab.evaluate(script, [table, index])


def test_opens_offline_without_a_word_on_the_console(opened, page):
    tab = opened(page)
    assert tab.title() == "boxes.json: evaluation"
    assert tab.locator(".chart svg path.line").count() >= 5
    assert tab.evaluate("performance.getEntriesByType('resource').length") == 0


def test_sorts(opened, page):
    tab = opened(page)
    heads = tab.locator("#class-table thead th")

    def numbers():
        return [float(cell) if cell != "–" else None for cell in column(tab, "#class-table", 1)]

    given = numbers()
    heads.nth(1).locator("button").click()
    down = sorted((x for x in given if x is not None), reverse=True) + [None] * given.count(None)
    assert numbers() == down and heads.nth(1).get_attribute("aria-sort") == "descending"
    heads.nth(1).locator("button").click()
    up = sorted(x for x in given if x is not None) + [None] * given.count(None)
    assert numbers() == up and heads.nth(1).get_attribute("aria-sort") == "ascending"
    heads.nth(0).locator("button").click()
    names = column(tab, "#class-table", 0)
    assert names == sorted(names) and heads.nth(1).get_attribute("aria-sort") is None
    heads.nth(6).locator("button").click()
    counts = [int(cell.replace(",", "")) for cell in column(tab, "#class-table", 6)]
    assert counts == sorted(counts, reverse=True)


@pytest.mark.parametrize(
    ("wanted", "condition"),
    [
        ("CA", lambda row: "ca" in row["name"]),
        ("AP < 0.4", lambda row: row["ap"] < 0.4),
        ("objects>=20, AP50 > 0.75", lambda row: row["objects"] >= 20 and row["ap50"] > 0.75),
        ("significant = better", lambda row: row["better"]),
        ("zzz", lambda row: False),
    ],
)
def test_filters_by_any_column(opened, files, page, wanted, condition):
    tab, (truth, boxes, other) = opened(page), files
    result = meanap.evaluate(truth, boxes)
    change = meanap.compare(meanap.evaluate(truth, other), result, resamples=20).per_class
    better = dict(zip(change["name"], change["better"].tolist(), strict=True))
    names = {row["name"] for row in result.per_class if condition({**row, "better": better.get(row["name"], False)})}
    frame = tab.locator(".table", has=tab.locator("#class-table"))
    frame.locator("input").fill(wanted)
    assert set(column(tab, "#class-table", 0)) == names and frame.locator(".more").is_hidden()
    assert frame.locator("[role=status]").text_content() == f"{len(names)} of 80 rows"


def test_long_tables_are_short_at_first_and_nothing_scrolls_in_a_scroll(opened, page):
    tab = opened(page)
    frame = tab.locator(".table", has=tab.locator("#class-table"))
    shown = """() => [...document.querySelectorAll("#class-table tbody tr")].filter((row) => row.offsetHeight).length"""
    assert tab.evaluate(shown) == 24
    frame.locator(".more").focus()
    tab.keyboard.press("Enter")
    assert tab.evaluate(shown) == 80 and frame.locator(".more").is_hidden()
    # Focus is where the rows are.
    assert tab.evaluate("document.activeElement.querySelector('#class-table') !== null")
    inner = """[...document.querySelectorAll("main *")].filter((e) => e.scrollHeight > e.clientHeight + 1 &&
        ["auto", "scroll"].includes(getComputedStyle(e).overflowY) && e.clientHeight).length"""
    assert tab.evaluate(inner) == 0


def test_heads_have_one_baseline_and_bars_leave_the_digits_free(opened, page):
    tab = opened(page)
    bottoms = tab.evaluate("""[...document.querySelectorAll("#class-table thead button")].map((button) => {
        const range = document.createRange(); range.selectNodeContents(button);
        return Math.max(...[...range.getClientRects()].map((r) => r.bottom)); })""")
    assert len(bottoms) > 10 and max(bottoms) - min(bottoms) < 1
    free = tab.evaluate("""[...document.querySelectorAll("td.bar")].filter((cell) => cell.offsetWidth).map((cell) => {
        const range = document.createRange(); range.selectNodeContents(cell);
        const [box, digits] = [cell.getBoundingClientRect(), range.getBoundingClientRect()];
        const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
        return digits.left - (box.left + 0.3 * rem + (box.width - 4.2 * rem)); })""")
    assert len(free) > 20 and min(free) > 0


def test_hovers_and_takes_the_keyboard(opened, page):
    tab = opened(page)
    chart, tip = tab.locator("#chart-pr svg"), tab.locator("#chart-pr .tip")
    chart.scroll_into_view_if_needed()
    chart.hover()
    told = tip.text_content()
    assert re.match(r"recall 0\.[45]\d: boxes.json: precision 0\.\d{3}; other.json: precision 0\.\d{3}", told), told
    chart.focus()
    tab.keyboard.press("Home")
    assert tip.text_content().startswith("recall 0.00")
    tab.keyboard.press("ArrowRight")
    tab.keyboard.press("ArrowRight")
    assert tip.text_content().startswith("recall 0.02")
    data = embedded(page.read_text(encoding="utf-8"))
    at = data["ious"].index(0.5)
    assert f"precision {data['views'][at]['precision'][0][2] / 1000:.3f}" in tip.text_content()


def test_a_name_shows_its_curve_and_toggles_hide_marks(opened, page):
    tab = opened(page)
    tab.locator('[data-class="1"]').first.click()
    assert tab.locator("#chart-pr svg").get_attribute("aria-label") == "Precision over recall of car at IoU 0.5"
    seen = """() => [...document.querySelectorAll(".mark.false_positive")]
              .filter((mark) => getComputedStyle(mark).display != "none").length"""
    assert tab.evaluate(seen) > 0
    tab.evaluate("document.querySelector('[data-fate=false_positive]').click()")
    assert tab.evaluate(seen) == 0


def told(tab, selector):
    """The cells of a table as text, the rows in the order in which they stand."""
    return tab.evaluate("""(selector) => [...document.querySelector(selector).rows]
        .map((row) => [...row.cells].map((cell) => cell.textContent))""", selector)  # fmt: skip


def choose(tab, name=None, iou=None, score=None):
    """Makes the choices of the page, and returns the score threshold."""
    if name is not None:
        tab.locator("#class").select_option(label=name)
    if iou is not None:
        tab.locator("#iou").select_option(label=f"{iou:g}")
    if score is not None:
        tab.evaluate("""(score) => { const data = JSON.parse(document.getElementById("data").textContent);
            const slider = document.getElementById("score"); slider.value = data.grid.findIndex((s) => s >= score);
            slider.dispatchEvent(new Event("input")); }""", score)  # fmt: skip
    return tab.evaluate("""JSON.parse(document.getElementById("data").textContent).grid[
        document.getElementById("score").value]""")


def shown_fates(tab, section):
    """How many marks of each fate are seen in each image of a section."""
    return tab.evaluate("""(section) => {
        const shown = (mark) => getComputedStyle(mark).display !== "none";
        const fates = ["false_positive", "false_negative", "true_positive"];
        const figures = [...document.querySelectorAll(`#${section} figure`)].filter((figure) => figure.offsetWidth);
        const count = (figure, fate) => [...figure.querySelectorAll(`.mark.${fate}`)].filter(shown).length;
        return figures.map((figure) => fates.map((fate) => count(figure, fate))); }""", section)  # fmt: skip


def test_what_the_script_shows_at_first_is_what_the_file_holds(opened, page):
    """Also after choices that are taken back, so that all numbers are rounded alike."""
    tab, tables = opened(page), Reader(page.read_text(encoding="utf-8")).tables
    there = "[...document.querySelectorAll('table')].map((t, i) => { t.dataset.i = i; return t.id; })"
    assert len(tab.evaluate(there)) == len(tables) > 6
    for changed in (False, True):
        if changed:
            choose(tab, "car", 0.75, 0.6)
            tab.locator("#reset").click()
        for i, rows in enumerate(tables):
            assert told(tab, f"[data-i='{i}']") == rows


@pytest.mark.parametrize(("name", "iou", "score"), [(None, 0.75, None), ("person", None, 0.5), ("car", 0.9, 0.1)])
def test_one_choice_holds_in_all_tables_and_images(opened, files, page, name, iou, score):
    tab, (truth, boxes, other) = opened(page), files
    result, baseline = (meanap.evaluate(truth, found) for found in (boxes, other))
    threshold = choose(tab, name, iou, score)
    iou = iou or 0.5
    assert threshold == (result.best_f1(iou).threshold if score is None else pytest.approx(score, abs=0.01))
    category = None if name is None else next(id for id, known in result.names.items() if known == name)
    at = result.precision_recall(category, iou).at(threshold)
    numbers = f"precision {at.precision:.3f}, recall {at.recall:.3f}, F1 {at.f1:.3f}"
    assert numbers in tab.locator("#counts").text_content()
    assert numbers in tab.locator("#chart-f1 .tip").text_content()
    # Operating points.
    rows = told(tab, "#operation-table")[1:]
    for side, columns in ((result, slice(1, 7)), (baseline, slice(7, 13))):
        for row, target in zip(rows, (None, {"precision": 0.5}), strict=False):
            point = side.best_f1(iou) if target is None else side.operating_point(**target, iou=iou)
            of = point if category is None else point.per_class.row(category=category)
            values = [of[key] if isinstance(of, dict) else getattr(of, key) for key in POINT]
            assert row[columns] == ["–" if math.isnan(value) else f"{value:.3f}" for value in values]
    # Classes.
    best = {row["name"]: row for row in result.best_f1(iou).per_class}
    for row in told(tab, "#class-table")[1:]:
        id = next(id for id, known in result.names.items() if known == row[0])
        one = result.precision_recall(id, iou).at(threshold)
        values = (one.precision, one.recall, best[row[0]]["f1"], best[row[0]]["threshold"])
        assert row[8:12] == ["–" if math.isnan(value) else f"{value:.3f}" for value in values]
    # Errors.
    errors = result.errors(iou)
    losses = errors.to_dict() if category is None else errors.per_class.row(category=category)
    for row in told(tab, "#error-table")[1:]:
        error = row[0].replace(" ", "_")
        assert row[2] == f"{losses[error]:.3f}"
        count = (
            errors.counts[error]
            if category is None
            else errors.counts_by_class[error][result.category_ids.index(category)]
        )
        assert row[1] == f"{count:,}"
    # Confusions.
    confusion = result.confusion(iou, threshold)
    counts = tab.locator("#confusion-counts").text_content()
    assert counts.startswith(
        f"{confusion.true_positives:,} true positives, {confusion.misclassified:,} objects misclass"
    )
    assert counts.endswith(
        f"{confusion.false_negatives:,} false negatives, {confusion.false_positives:,} false positives"
    )
    least = threshold if score is not None else baseline.best_f1(iou).threshold
    before = {
        (row["truth"], row["detected"]): row["count"] for row in baseline.confusion(iou, least).pairs(background=False)
    }
    after = {(row["truth"], row["detected"]): row for row in confusion.pairs(background=False)}
    expected = []
    for pair in dict.fromkeys([*after, *before]):
        if name not in (None, *pair):
            continue
        count, fraction = (after[pair][key] if pair in after else 0 for key in ("count", "fraction"))
        old = before.get(pair, 0)
        expected.append([*pair, f"{count:,}", f"{fraction:.1%}", f"{old:,}", f"{count - old:+,}"])
    shown = told(tab, "#pair-table")[1:]
    assert sorted(shown) == sorted(expected) if len(expected) <= 100 else len(shown) == 100
    # Images: of a class only its objects and detections.
    per_image = {row["image"]: row for row in result.per_image(iou, score=threshold)}
    captions = tab.evaluate("""[...document.querySelectorAll("#images figure")].filter((f) => f.offsetWidth)
        .map((figure) => figure.querySelector("figcaption span").textContent)""")
    seen = shown_fates(tab, "images")
    assert len(captions) == len(seen) > 0
    for caption, counts in zip(captions, seen, strict=True):
        words = [f"{count:,} {fate}" for count, fate in zip(counts, FATES_NAMED, strict=True)]
        assert f": {', '.join(words)}." in caption
        if category is None:
            row = per_image[int(re.search(r"id (\d+)", caption)[1])]
            assert counts == [row[fate.replace(" ", "_")] for fate in FATES_NAMED]
    # The baseline has the same score threshold, or its own best one.
    if category is None:
        before = {row["image"]: row for row in baseline.per_image(iou, score=least)}
        ids = tab.evaluate("""[...document.querySelectorAll("#changed figcaption")]
            .map((caption) => +caption.textContent.match(/id (\\d+)/)[1])""")
        for i, (id, counts) in enumerate(zip(ids, shown_fates(tab, "changed"), strict=True)):
            row = (per_image if i % 2 else before)[id]
            assert counts == [row[fate.replace(" ", "_")] for fate in FATES_NAMED]


FATES_NAMED = ("false positives", "false negatives", "true positives")


def test_the_slider_hides_what_is_below_it_and_takes_the_keyboard(opened, page):
    tab = opened(page)
    tab.locator("#score").focus()
    tab.keyboard.press("End")
    assert all(hits == wrong == 0 for wrong, _, hits in shown_fates(tab, "images"))
    tab.keyboard.press("Home")
    least = shown_fates(tab, "images")
    tab.keyboard.press("PageUp")
    for low, high in zip(least, shown_fates(tab, "images"), strict=True):
        assert high[0] <= low[0] and high[1] >= low[1] and high[2] <= low[2]
    assert tab.locator("#score").get_attribute("aria-valuetext").startswith("score at least 0.1")
    tab.locator("#reset").click()
    assert tab.locator("#reset").is_hidden()


def ids_of_images(tab):
    """The ids of the images with most errors that are seen, in the order in which they stand."""
    return tab.evaluate("""[...document.querySelectorAll("#images figure")].filter((figure) => figure.offsetWidth)
        .map((figure) => +figure.textContent.match(/id (\\d+)\\)/)[1])""")


def test_a_class_shows_the_images_with_most_of_its_errors_first(opened, files, page):
    tab, (truth, found) = opened(page), (json.loads(path.read_text()) for path in files[:2])
    counted = errors_by_class(truth, found, "coco", meanap.evaluate(truth, found).best_f1().threshold)
    there, own = drawn_images(page)
    names = {category["id"]: category["name"] for category in truth["categories"]}
    assert ids_of_images(tab) == there and own
    alone = 0
    for id in sorted(counted, key=lambda id: -max(counted[id].values()))[:8]:
        choose(tab, names[id])
        shown, errors = ids_of_images(tab), counted[id]
        assert [errors[image] for image in shown] == sorted((errors[image] for image in shown), reverse=True)
        assert max(errors[image] for image in shown) == max(errors.values())
        alone += shown[0] in own
        said = tab.locator("#images .shown").text_content()
        assert said == f"{names[id]} is drawn in {len(shown)} of the {len(there + own)} images"
    assert alone
    # The order stays while the slider moves, and all of it returns.
    order = ids_of_images(tab)
    tab.locator("#score").focus()
    tab.keyboard.press("Home")
    assert [image for image in ids_of_images(tab) if image in order] == order
    # In the window of an image, too: the order changes when it closes, and the arrow keys follow it.
    tab.locator("#images .enlarge:visible").first.click()
    dialog = tab.locator("dialog")
    assert f"(id {order[0]})" in dialog.locator("figcaption").text_content()
    dialog.locator("button", has_text="›").click()
    assert f"(id {ids_of_images(tab)[0]})" not in dialog.locator("figcaption").text_content()
    dialog.locator("#reset").click()
    tab.keyboard.press("Escape")
    assert ids_of_images(tab) == there and tab.locator("#images .shown").text_content() == ""


def test_an_image_is_enlarged_and_returns_with_the_focus(opened, page):
    tab = opened(page)
    order = "[...document.querySelectorAll('main figure.scene figcaption')].map((c) => c.textContent)"
    given = tab.evaluate(order)
    button, dialog = tab.locator("#images .enlarge").nth(1), tab.locator("dialog")
    focused = "document.activeElement.textContent"
    named = button.text_content()
    width = tab.locator("#images svg").nth(1).bounding_box()["width"]
    button.focus()
    tab.keyboard.press("Enter")
    assert dialog.is_visible() and dialog.locator("figure").count() == 1
    assert tab.evaluate("document.activeElement.closest('dialog') !== null")
    assert dialog.locator("svg").bounding_box()["width"] > 1.5 * width
    # The choice is there, too.
    before = dialog.locator(".counts").text_content()
    dialog.locator("#score").focus()
    tab.keyboard.press("End")
    assert dialog.locator(".counts").text_content() != before
    dialog.locator("button", has_text="Close").focus()
    first = dialog.locator("figcaption").text_content()
    tab.keyboard.press("ArrowRight")
    assert dialog.locator("figcaption").text_content() != first
    tab.keyboard.press("ArrowLeft")
    assert dialog.locator("figcaption").text_content() == first
    tab.keyboard.press("Escape")
    assert dialog.is_hidden() and tab.evaluate(focused) == named
    tab.locator("#reset").click()
    assert tab.evaluate(order) == given
    # A click on the drawing; both images of a pair.
    tab.locator("#changed svg").first.click()
    assert dialog.locator("figure").count() == 2
    dialog.locator("button", has_text="Close").click()
    assert dialog.is_hidden() and tab.evaluate(order) == given
    assert tab.evaluate("document.activeElement.closest('#changed') !== null")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_and_the_phone_does_not_scroll_sideways(opened, page, scheme):
    tab = opened(page, 390, 844, scheme=scheme)
    width, wide = tab.evaluate("[document.documentElement.clientWidth, document.documentElement.scrollWidth]")
    assert wide <= width == 390
    contrast = tab.evaluate("""() => {
        const parse = (c) => c.match(/[\\d.]+/g).slice(0, 3).map((v) => v / 255)
          .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        const light = (c) => { const [r, g, b] = parse(c); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
        const back = light(getComputedStyle(document.body).backgroundColor);
        return ["body", "h1", "nav a", ".note", "thead th", ".link", ".worse", "caption"].map((s) => {
          const ink = light(getComputedStyle(document.querySelector(s)).color);
          return (Math.max(ink, back) + 0.05) / (Math.min(ink, back) + 0.05); }); }""")
    assert min(contrast) > 4.5, contrast
    back = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (back == "rgb(255, 255, 255)") == (scheme == "light")


def test_labels_of_an_image_do_not_cover_each_other(opened, page):
    tab = opened(page)
    boxes = tab.evaluate("""[...document.querySelectorAll(".scene svg")].map((svg) => [...svg.querySelectorAll("text")]
        .map((label) => label.getBoundingClientRect()).map((box) => [box.left, box.top, box.right, box.bottom]))""")
    assert sum(map(len, boxes)) > 20
    for labels in boxes:
        for i, (left, top, right, bottom) in enumerate(labels):
            for other in labels[:i]:
                across = min(right, other[2]) - max(left, other[0])
                down = min(bottom, other[3]) - max(top, other[1])
                # The box of a font is higher than its letters.
                assert across <= 1 or down <= 0.35 * (bottom - top)


def test_everything_is_named_for_those_who_do_not_see_it(opened, page):
    tab = opened(page)
    nameless = tab.evaluate("""() => {
        const named = (e) => e.getAttribute("aria-label") || e.getAttribute("aria-labelledby") ||
          e.textContent.trim() || (e.labels && e.labels.length);
        const bad = [...document.querySelectorAll("button, select, input, a, svg[role=img]")].filter((e) => !named(e));
        const tables = [...document.querySelectorAll("table")].filter((t) => !t.caption);
        return [...bad, ...tables].map((e) => e.outerHTML.slice(0, 80)); }""")
    assert nameless == []
    assert tab.locator("h1").count() == 1
    assert tab.evaluate("""[...document.querySelectorAll("[aria-labelledby]")]
                           .every((e) => document.getElementById(e.getAttribute("aria-labelledby")))""")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(opened, page, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    found = axe.Axe().run(opened(page, scheme=scheme)).response["violations"]
    assert [(one["id"], one["impact"], [node["html"][:90] for node in one["nodes"][:3]]) for one in found] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", sorted(MAKERS))
def test_reports_of_other_results_are_read_by_everyone(opened, tmp_path, kind, scheme):
    path = MAKERS[kind](1).report(tmp_path / "r.html", versus=MAKERS[kind](2))
    tab = opened(path, 390, 844, scheme=scheme)
    assert tab.evaluate("document.documentElement.scrollWidth") == 390
    back = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (back == "rgb(255, 255, 255)") == (scheme == "light")
    assert tab.evaluate("typeof pwned") == "undefined"
    tab.locator("table.sortable").last.locator("thead button").last.click()
    numbers = """[...document.querySelectorAll("table.sortable:last-of-type")].at(-1).tBodies[0].rows"""
    keys = tab.evaluate(
        f"[...{numbers}].map((row) => row.cells[row.cells.length - 1].dataset.v).filter(Boolean).map(Number)"
    )
    assert keys == sorted(keys, reverse=True)
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    found = axe.Axe().run(tab).response["violations"]
    assert [(one["id"], [node["html"][:90] for node in one["nodes"][:3]]) for one in found] == []


def test_a_notebook_shows_the_report_in_its_frame(opened, files, chromium, tmp_path):
    truth, boxes, _ = files
    shown = meanap.evaluate(truth, boxes).show(height=600, resamples=5, worst=3)
    page = tmp_path / "notebook.html"
    script = "document.documentElement.dataset.ready = true"
    page.write_text(f"<!doctype html><title>n</title>{shown._repr_html_()}<script>{script}</script>", encoding="utf-8")
    tab = opened(page)
    frame = tab.frames[1]
    frame.wait_for_selector("html[data-ready=true]")
    assert frame.locator(".chart path.line").count() >= 4 and frame.locator("figure.scene:visible").count() == 3
    frame.locator(".enlarge").first.click()
    assert frame.locator("dialog").is_visible()
    assert tab.locator("iframe").bounding_box()["height"] == 600


def test_of_very_many_classes_there_is_less_of_each_and_the_page_says_so(opened, tmp_path):
    truth = generate.dataset(images=12, seed=2)
    truth["categories"] += [{"id": 1000 + i, "name": f"more {i}"} for i in range(150)]
    found = generate.detections(truth, per_image=20, seed=2)
    path = report.write(tmp_path / "many.html", truth, found, versus=found[::2], resamples=2, worst=3)
    tab, result = opened(path), meanap.evaluate(truth, found)
    assert len(result.category_ids) > 200 and tab.locator("#iou option").count() == 1
    threshold = choose(tab, "person")
    scopes = [tab.locator(f"#{section} .scope").first.text_content() for section in ("operation", "errors")]
    assert scopes == ["All classes together, IoU 0.5.", "person, IoU 0.5."]
    category = next(id for id, name in result.names.items() if name == "person")
    assert (
        f"recall {result.precision_recall(category).at(threshold).recall:.3f}" in tab.locator("#counts").text_content()
    )
    assert tab.locator("#chart-cal .tip").text_content().startswith("all classes together")
    choose(tab, "more 3")
    assert tab.locator("#chart-pr .tip").text_content() == "more 3: nothing to find"
    assert tab.locator("#images .shown").text_content() == "more 3 is drawn in none of the 6 images"
    assert shown_fates(tab, "images") == []


def test_prints_all_of_it_without_controls(opened, page):
    tab = opened(page, 760, 1000, media="print", scheme="dark")
    shown = "(selector) => getComputedStyle(document.querySelector(selector)).display"
    assert [tab.evaluate(shown, selector) for selector in (".top", ".controls", ".tip")] == ["none"] * 3
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    cut = (
        """[...document.querySelectorAll("main tbody tr")].filter((row) => getComputedStyle(row).display === "none")"""
    )
    assert tab.evaluate(f"{cut}.length") == 0
    assert tab.evaluate("document.documentElement.scrollWidth") <= 760
    pdf = tab.pdf(print_background=True, page_ranges="1")
    assert pdf.startswith(b"%PDF") and len(pdf) > 10_000


def test_hostile_names_do_nothing(opened, tmp_path):
    truth, found = hostile()
    tab = opened(report.write(tmp_path / "hostile.html", truth, found, title=HOSTILE[1], resamples=5))
    assert tab.evaluate("typeof pwned") == "undefined"
    assert tab.evaluate("[document.scripts.length, document.images.length]") == [2, 0]
    for index in range(len(HOSTILE)):
        tab.locator(f'[data-class="{index}"]').first.click()
    tab.evaluate("document.getElementById('class-table').tHead.querySelector('button').click()")
    assert tab.evaluate("typeof pwned") == "undefined"


def test_the_pages_screenshots_are_what_the_script_takes(chromium, repository, tmp_path):
    image_module = pytest.importorskip("PIL.Image", reason="the extra 'report' is not installed")
    code = "import sys; from docs import screenshots; screenshots.main(sys.argv[1])"
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=repository, check=True, timeout=300)
    taken = sorted(path.name for path in tmp_path.iterdir())
    shown = set(
        re.findall(r"images/(report[\w-]*\.png)", (repository / "docs" / "report.md").read_text(encoding="utf-8"))
    )
    assert set(taken) == shown and len(taken) == 8
    for name in taken:
        with image_module.open(tmp_path / name) as new, image_module.open(repository / "docs" / "images" / name) as old:
            # Fonts differ between machines; the page does not.
            assert new.size == old.size and len(new.convert("RGB").getcolors(256)) > 8
        assert (repository / "docs" / "images" / name).stat().st_size < 100_000
