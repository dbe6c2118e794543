"""What several test files share: where the real data lies, and ranks."""

import os
import sys
import types
from pathlib import Path

import pytest
from process_group import Group

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with real COCO and LVIS annotations; a test that needs it is skipped where it is absent.

    It lies beside the checkout (`../shared/data`), or where the variable `MEANAP_SHARED_DATA` says.
    """
    told = os.environ.get("MEANAP_SHARED_DATA")
    folder = Path(told) if told else REPOSITORY.parent / "shared" / "data"
    if not (folder / "coco100_gt.json").is_file():
        if told:
            pytest.fail(f"MEANAP_SHARED_DATA={told} has no coco100_gt.json")
        pytest.skip(f"no real COCO data in {folder} (set MEANAP_SHARED_DATA)")
    return folder


@pytest.fixture
def ranks(monkeypatch) -> Group:
    """``torch.distributed`` initialised with two ranks, which are threads."""
    group = Group(2)
    monkeypatch.setitem(sys.modules, "torch", types.SimpleNamespace(distributed=group.distributed()))
    return group


@pytest.fixture
def ray():
    """Ray's module, started."""
    ray = pytest.importorskip("ray", reason="a cluster engine: pip install 'meanap[ray]'")
    ray.init(num_cpus=2, include_dashboard=False, object_store_memory=100 << 20, logging_level="ERROR")
    try:
        ray.data.DataContext.get_current().enable_progress_bars = False
        yield ray
    finally:
        ray.shutdown()


@pytest.fixture
def spark(monkeypatch):
    """A session of Spark."""
    pyspark = pytest.importorskip("pyspark", reason="a cluster engine: pip install 'meanap[spark]'")
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    builder = pyspark.sql.SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    try:
        session = builder.config("spark.sql.shuffle.partitions", "3").getOrCreate()
    except Exception as problem:
        pytest.skip(f"no Java for Spark ({type(problem).__name__})")
    try:
        session.sparkContext.setLogLevel("OFF")
        yield session
    finally:
        session.stop()
