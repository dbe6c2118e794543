"""Takes the screenshots of the report in these pages: ``python docs/screenshots.py [FOLDER]``, by default docs/images.

The report is of generated data with a fixed seed, shown by Chromium: of Playwright, or the one that is installed.
Requires ``pip install 'meanap[report]' playwright``.
"""

import io
import shutil
import sys
import tempfile
from pathlib import Path

from meanap import generate, ranking, report

HERE = Path(__file__).parent
#: Width of the window; colours of an image, which keep its file small.
WIDTH, COLOURS = 1120, 64
#: Name, page, what is done in the page, the element from which on it is shown, and how much of it.
SCREENSHOTS = [
    ("report", "detection", None, "header", 760),
    ("report-images", "detection", None, "#images h2", 560),
    ("report-image", "detection", "document.querySelector('#changed .enlarge').click()", None, 620),
    ("report-ranking", "ranking", None, "header", 640),
]


def pages(folder):
    """The reports that are shown, by name."""
    truth, boxes = generate.write_files(folder, images=150, seed=7)["bbox"]
    old = generate.write_baseline(Path(folder) / "old.json", boxes)
    detection = report.write(Path(folder) / "report.html", truth, boxes, versus=old, worst=6, resamples=200)
    qrels, runs = generate.write_rankings(folder)
    first, second = (ranking.evaluate(qrels, run, ["map", "ndcg@10"]) for run in runs[:2])
    ranked = second.report(Path(folder) / "ranking.html", versus=first, names=("first.run", "second.run"))
    return {"detection": detection, "ranking": ranked}


def main(place=HERE / "images"):
    """Take and write them all, each for light and for dark pages.

    Raises
    ------
    RuntimeError
        There is no browser.
    """
    from PIL import Image
    from playwright.sync_api import Error, sync_playwright

    place = Path(place)
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        try:
            browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        except Error as error:
            raise RuntimeError(f"no Chromium: {error.message.splitlines()[0]}") from error
        files = pages(folder)
        for name, page, action, start, height in SCREENSHOTS:
            for suffix, scheme in (("", "light"), ("-dark", "dark")):
                tab = browser.new_page(viewport={"width": WIDTH, "height": height}, color_scheme=scheme)
                tab.goto(files[page].as_uri())
                tab.wait_for_selector("html[data-ready=true]")
                tab.add_style_tag(content="html{scroll-behavior:auto}")
                if action:
                    tab.evaluate(action)
                if start:
                    tab.evaluate("(start) => document.querySelector(start).scrollIntoView()", start)
                tab.wait_for_timeout(200)
                with Image.open(io.BytesIO(tab.screenshot())) as taken:
                    few = taken.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
                    few.save(place / f"{name}{suffix}.png", optimize=True)
                tab.close()
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:2])
