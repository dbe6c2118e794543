"""The report in Firefox: that what Chromium shows and does, Firefox does, too.

Both are optional: ``pip install marionette_driver``, and Debian's firefox-esr.
"""

import contextlib
import json
import math
import shutil
import socket
import subprocess
import time

import pytest
from browser_data import write_files, write_page
from test_report import Reader

import meanap

marionette = pytest.importorskip("marionette_driver.marionette", reason="marionette_driver is not installed")
keys = pytest.importorskip("marionette_driver.keys").Keys
BINARY = shutil.which("firefox-esr") or shutil.which("firefox")

#: Nothing is fetched: what is not a file goes to a proxy that is not there.
SETTINGS = {
    "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": 9,
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": 9,
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Ground truth, detections, and those of a baseline."""
    return write_files(tmp_path_factory.mktemp("firefox"))


@pytest.fixture(scope="module")
def page(files):
    return write_page(*files)


@pytest.fixture(scope="module")
def firefox(tmp_path_factory):
    if BINARY is None:
        pytest.skip("no Firefox")
    profile = tmp_path_factory.mktemp("profile")
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    settings = {"marionette.port": port, **SETTINGS}
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in settings.items()]
    (profile / "user.js").write_text("\n".join(lines))
    options = ["--headless", "--marionette", "--no-remote", "-remote-allow-system-access", "--profile", str(profile)]
    process = subprocess.Popen([BINARY, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    driver = marionette.Marionette("127.0.0.1", port=port)
    try:
        for _ in range(60):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port)).close()
                break
            time.sleep(1)
        driver.start_session()
        yield driver
    finally:
        process.terminate()
        process.wait()


def said(firefox):
    """What stands on the console."""
    with firefox.using_context("chrome"):
        messages = firefox.execute_script(
            "return Services.console.getMessageArray().map((m) => m.message || String(m))"
        )
    return [message for message in messages if "report.html" in message]


@pytest.fixture
def tab(firefox, page):
    """The report in a window of 1,200 pixels; silent on the console until the test ends."""
    firefox.set_window_rect(width=1200, height=900)
    firefox.navigate(page.as_uri())
    assert firefox.execute_script("return document.documentElement.dataset.ready") == "true"
    yield firefox
    assert said(firefox) == []


def find(tab, selector):
    return tab.find_element("css selector", selector)


def tables(tab):
    """The cells of all tables."""
    return tab.execute_script("""return [...document.querySelectorAll("table")].map((table) =>
        [...table.rows].map((row) => [...row.cells].map((cell) => cell.textContent)))""")


def choose(tab, id, label):
    """Chooses an item of a list."""
    tab.execute_script("""const [id, label] = arguments; const list = document.getElementById(id);
        list.value = [...list.options].find((option) => option.textContent === label).value;
        list.dispatchEvent(new Event("change", {bubbles: true}));""", [id, label])  # fmt: skip


def test_opens_offline_with_the_numbers_of_the_file(tab, page):
    assert tab.title == "boxes.json: evaluation"
    assert tab.execute_script("return performance.getEntriesByType('resource').length") == 0
    assert tab.execute_script("return document.querySelectorAll('.chart svg path.line').length") >= 5
    assert tables(tab) == Reader(page.read_text(encoding="utf-8")).tables


def test_one_choice_holds_on_the_whole_page_and_is_taken_back(tab, files, page):
    truth, boxes, _ = files
    result = meanap.evaluate(truth, boxes)
    choose(tab, "class", "car")
    choose(tab, "iou", "0.75")
    category = next(id for id, name in result.names.items() if name == "car")
    at = result.precision_recall(category, 0.75).at(result.best_f1(0.75).threshold)
    numbers = f"precision {at.precision:.3f}, recall {at.recall:.3f}, F1 {at.f1:.3f}"
    assert numbers in find(tab, "#counts").text
    label = find(tab, "#chart-pr svg").get_attribute("aria-label")
    assert label == "Precision over recall of car at IoU 0.75"
    find(tab, "#reset").click()
    assert tables(tab) == Reader(page.read_text(encoding="utf-8")).tables


def test_sorts(tab, files):
    find(tab, "#class-table thead th:nth-child(2) button").click()
    cells = tab.execute_script("""return [...document.querySelectorAll("#class-table tbody tr")]
        .map((row) => row.cells[1].textContent)""")
    truth, boxes, _ = files
    known = [value for value in meanap.evaluate(truth, boxes).per_class["ap"].tolist() if not math.isnan(value)]
    assert cells[: len(known)] == [f"{value:.3f}" for value in sorted(known, reverse=True)]
    assert set(cells[len(known) :]) <= {"–"}


def test_takes_the_keyboard(tab):
    slider = find(tab, "#score")
    before = int(slider.get_property("value"))
    slider.send_keys(keys.ARROW_RIGHT)
    assert int(slider.get_property("value")) == before + 1
    find(tab, "#chart-pr svg").send_keys(keys.HOME)
    assert find(tab, "#chart-pr .tip").text.startswith("recall 0.00")


@pytest.mark.parametrize("width", [1200, 500])
def test_nothing_is_wider_than_the_window(tab, width):
    tab.set_window_rect(width=width, height=900)
    inner, page = tab.execute_script("return [innerWidth, document.documentElement.scrollWidth]")
    assert page <= inner <= width
