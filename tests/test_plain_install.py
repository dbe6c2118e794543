"""The package without optional dependencies: it can be inspected, and errors name what is missing."""

import re
import subprocess
import sys
from pathlib import Path

import meanap

BLOCKED = (
    *("ray", "pyspark", "pyarrow", "matplotlib", "PIL", "torch", "torchmetrics", "pandas", "polars", "duckdb"),
    *("pycocotools", "scipy", "sklearn", "tensorflow", "torchvision", "tqdm"),
)

BLOCK = f"""
import sys
from pathlib import Path

import meanap

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {BLOCKED!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocked())
"""


def plain(code):
    done = subprocess.run([sys.executable, "-c", BLOCK + code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_can_be_looked_at():
    told = plain("""
import inspect, pydoc
import meanap

for name in dir(meanap):
    assert hasattr(meanap, name) or name in ("distributed", "plot"), name
members = dict(inspect.getmembers(meanap))
assert set(meanap.__all__) <= set(members)
assert not hasattr(meanap, "distributed") and getattr(meanap, "distributed", None) is None
assert not hasattr(meanap, "no_such_name")
text = pydoc.render_doc(meanap)
assert "MeanAveragePrecision" in text and "explain_difference" in text
pydoc.render_doc(meanap.MeanAveragePrecision), pydoc.render_doc(meanap.evaluate)
help(meanap)
print("done")
""")
    assert told.endswith("done\n")


def test_what_is_missing_is_said():
    plain("""
import importlib
import meanap

for name, needed in (("distributed", "pyarrow"), ("plot", "matplotlib")):
    for ask in (lambda: importlib.import_module(f"meanap.{name}"), lambda: getattr(meanap, name)):
        try:
            module = ask()
        except (ImportError, AttributeError) as problem:
            assert needed in str(problem), problem
        else:
            # It is needed only once something is drawn.
            assert name == "plot", module
""")


def test_every_public_module_is_imported_or_says_what_it_needs():
    plain("""
import importlib, pkgutil
import meanap

missing = {}
for module in pkgutil.walk_packages(meanap.__path__, "meanap.", onerror=lambda name: None):
    if module.name.endswith("__main__"):
        continue
    try:
        importlib.import_module(module.name)
    except ImportError as problem:
        assert "pip install" in str(problem) or module.name.startswith("meanap.distributed"), (module.name, problem)
        missing[module.name] = problem
compat = ("faster_coco_eval.extra", "faster_coco_eval.utils.pytorch.coco_dataset", "mmengine", "torchmetrics")
needy = ("meanap.distributed", *(f"meanap.compat.{name}" for name in compat))
assert all(name.startswith(needy) for name in missing), missing
""")


def test_it_works():
    plain("""
import meanap

truth = [{"boxes": [[0, 0, 10, 10]], "labels": [1]}]
found = [{"boxes": [[0, 0, 10, 10]], "labels": [1], "scores": [0.9]}]
assert meanap.evaluate(truth, found).ap > 0.99
metric = meanap.MeanAveragePrecision()
metric.update(found, truth)
metric.sync()
assert metric.compute()["map"] > 0.99
""")


def test_packages_that_type_checkers_see_are_there_at_runtime():
    source = (Path(meanap.__file__)).read_text(encoding="utf-8")
    declared = set(re.findall(r"^    from meanap import (\w+) as \1$", source, re.MULTILINE))
    assert declared == set(meanap._PACKAGES)
    plain("import meanap; meanap.checking.Findings; meanap.ranking.evaluate")


def test_commands_say_in_one_line_what_to_install():
    told = plain("""
import tempfile
from pathlib import Path

from meanap import COCO, generate
from meanap.cli import main

sys.stderr = sys.stdout
folder = Path(tempfile.mkdtemp())
truth, found = generate.write_format(folder, "coco", images=2)
parquet = folder / "x.parquet"
parquet.write_bytes(b"PAR1" + bytes(50) + b"PAR1")
for arguments in (
    ["eval", parquet, found],
    ["check", parquet, found],
    ["stats", parquet],
    ["convert", truth, folder / "y.parquet", "--to", "parquet"],
    ["generate", folder / "z", "--format", "parquet"],
    ["rank", parquet, parquet],
):
    assert main([str(argument) for argument in arguments]) == 1, arguments
coco = COCO(truth)
try:
    coco.showAnns([{"segmentation": [[0, 0, 9, 0, 9, 9]]}])
except ImportError as problem:
    assert str(problem) == "COCO.showAnns needs matplotlib: pip install 'meanap[plot]'"
else:
    raise AssertionError
print("done")
""")
    assert told.endswith("done\n")
    lines = [line for line in told.splitlines() if line.startswith("meanap: ")]
    assert len(lines) == 6 and all(line.endswith("pip install pyarrow") for line in lines) and "Traceback" not in told
