"""`meanap semantic` and `meanap panoptic`."""

import json

import numpy as np
import pytest

from meanap.cli import main
from meanap.segmentation import SemanticSegmentation

from . import pixel_data
from .test_pixels_panoptic import CATEGORIES, counted, scenes, write


@pytest.fixture
def folders(tmp_path):
    """Two folders of label maps and the metric of the same arrays."""
    rng = np.random.default_rng(1)
    metric = SemanticSegmentation(["road", "sky", "tree"], boundary=True)
    for side in ("gt", "dt"):
        (tmp_path / side).mkdir()
    for i in range(3):
        target, prediction = pixel_data.pair(rng, 30, 40, 3)
        metric.update(prediction, target)
        pixel_data.write_png(tmp_path / "gt" / f"{i}_ids.png", target)
        pixel_data.write_png(tmp_path / "dt" / f"{i}.png", prediction)
    return tmp_path, metric


def run(*arguments):
    return main(list(map(str, arguments)))


def test_semantic(folders, capsys):
    folder, metric = folders
    sides = ["semantic", folder / "gt", folder / "dt", "--gt-suffix", "_ids.png"]
    out = folder / "out.json"
    assert run(*sides, "--classes", "road,sky,tree", "--boundary", "--json", out) == 0
    assert capsys.readouterr().out == f"{metric.compute()}\n"
    assert json.loads(out.read_text()) == metric.compute().to_dict()
    (folder / "names.txt").write_text("road\nsky\n\ntree\n")
    assert run(*sides, "--class-file", folder / "names.txt") == 0
    assert "tree" in capsys.readouterr().out
    assert run(*sides, "--classes", "3", "--ignore-index", "none") == 1
    assert "label 255; expected a class, 0 to 2" in capsys.readouterr().err


def test_semantic_that_cannot_be(folders, capsys):
    folder, _ = folders
    sides = ["semantic", folder / "gt", folder / "dt", "--gt-suffix", "_ids.png"]
    assert run(*sides, "--classes", "2") == 1
    error = capsys.readouterr().err
    assert error.startswith("meanap: ") and error.count("\n") == 1 and "0_ids.png: row " in error
    (folder / "dt" / "1.png").unlink()
    assert run(*sides, "--classes", "3") == 1
    assert "1.png: no such file" in capsys.readouterr().err
    assert run(*sides, "--classes", "3", "--lenient") == 0
    printed = capsys.readouterr().out
    assert "images 2, skipped 1" in printed and "skipped: " in printed
    assert run(*sides, "--classes", "3", "--ignore-index", "x") == 2
    with pytest.raises(SystemExit):
        run(*sides)


def test_panoptic(tmp_path, capsys):
    images = scenes(3, 4)
    gt, dt = write(tmp_path, images)
    result = counted(images).compute()
    out = tmp_path / "out.json"
    assert run("panoptic", gt, dt, "--json", out) == 0
    assert capsys.readouterr().out == f"{result}\n"
    assert json.loads(out.read_text()) == result.to_dict()
    assert run("panoptic", gt, dt, "--per-class", "--gt-folder", tmp_path / "gt") == 0
    assert all(category["name"] in capsys.readouterr().out for category in CATEGORIES[:1])
    (tmp_path / "dt" / "2.png").unlink()
    assert run("panoptic", gt, dt) == 1
    assert "2.png: no such file" in capsys.readouterr().err
    assert run("panoptic", gt, dt, "--lenient") == 0
    assert "images 3, skipped 1" in capsys.readouterr().out
