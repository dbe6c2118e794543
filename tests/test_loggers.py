"""The recipes for loggers, run as the page has them: what the loggers have stored is what meanap computed."""

import os
import subprocess
import sys

import pytest

import meanap
from meanap import generate

PAGE = "docs/guides/loggers.md"


@pytest.fixture(scope="module")
def logged(repository, tmp_path_factory):
    """The folder in which the page has run, and the numbers."""
    folder = tmp_path_factory.mktemp("loggers")
    generate.write_files(folder, images=10, seed=1)
    paths = os.pathsep.join([str(repository), *sys.path])
    quiet = {"PYTHONPATH": paths, "WANDB_SILENT": "true", "WANDB_ERROR_REPORTING": "false"}
    command = [sys.executable, "-W", "ignore", "-m", "tests.run_page", str(repository / PAGE)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, env={**os.environ, **quiet})
    assert done.returncode == 0, done.stdout + done.stderr
    result = meanap.evaluate(folder / "instances.json", folder / "boxes.json")
    return folder, {f"val/{name}": value for name, value in result.to_dict().items()}


def test_tensorboard(logged):
    pytest.importorskip("torch", reason="pip install torch")
    module = "tensorboard.backend.event_processing.event_accumulator"
    events = pytest.importorskip(module, reason="pip install tensorboard")
    folder, numbers = logged
    stored = events.EventAccumulator(str(folder / "tensorboard"))
    stored.Reload()
    assert set(stored.Tags()["scalars"]) == set(numbers)
    for name, value in numbers.items():
        (event,) = stored.Scalars(name)
        assert event.step == 3 and event.value == pytest.approx(value, rel=1e-6)
    assert stored.Tags()["images"] == ["val/precision_recall"]


def test_weights_and_biases(logged):
    pytest.importorskip("wandb", reason="pip install wandb")
    folder, numbers = logged
    (run,) = (folder / "wandb_runs").glob("wandb/offline-run-*/run-*.wandb")
    stored = run.read_bytes()
    for name, value in numbers.items():
        assert name.encode() in stored and repr(value).encode() in stored
    assert b"best_ap" in stored and b"val/classes" in stored


def test_mlflow(logged, monkeypatch):
    mlflow = pytest.importorskip("mlflow", reason="pip install mlflow")
    folder, numbers = logged
    monkeypatch.chdir(folder)
    mlflow.set_tracking_uri("sqlite:///mlflow.db")
    (run,) = mlflow.search_runs(output_format="list")
    assert run.data.metrics == numbers
    table = mlflow.load_table("classes.json", [run.info.run_id])
    result = meanap.evaluate("instances.json", "boxes.json")
    assert table["ap"].tolist() == pytest.approx(result.per_class["ap"].tolist(), nan_ok=True)
