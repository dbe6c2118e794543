"""The names of the installed packages under which meanap stands: what a program imports from them is there."""

import importlib
import importlib.util
import inspect
import pkgutil

import pytest

#: Each package, or module of one, and where meanap has its names.
PACKAGES = {
    "faster_coco_eval": "meanap.compat.faster_coco_eval",
    "lvis": "meanap.compat.lvis",
    "panopticapi": "meanap.compat.panopticapi",
    "pycocotools": "meanap.compat.pycocotools",
    "pytrec_eval": "meanap.compat.pytrec_eval",
    "torchmetrics.detection.mean_ap": "meanap.compat.torchmetrics",
    "xtcocotools": "meanap.compat.xtcocotools",
}
#: What is left out, as docs/compat.md says: modules, names and members by the first part of their path.
LEFT_OUT = {
    # Compiled modules, and functions for development.
    "faster_coco_eval.faster_eval_api_cpp",
    "faster_coco_eval.mask_api_new_cpp",
    # Drawing, and lvis's loops over cells.
    "lvis.colormap",
    "lvis.vis.LVISVis",
    "lvis.vis.colormap",
    "lvis.eval.LVISEval.compute_iou",
    "lvis.eval.LVISEval.evaluate_img",
    # A program that merges two predictions, on the command line.
    "panopticapi.combine_semantic_and_instance_predictions",
    # Steps of `pq_compute`, a process for each core.
    "panopticapi.evaluation.pq_compute_single_core",
    "panopticapi.evaluation.pq_compute_multi_core",
    # A stream that swallows what is printed.
    "xtcocotools.cocoeval.NullWriter",
}
#: Written so in the package itself.
MISSPELLED = {"serlf": "self"}


def is_left_out(path):
    return any(path == name or path.startswith(f"{name}.") for name in LEFT_OUT)


def modules_of(package):
    root = importlib.import_module(package)
    names = [package]
    if hasattr(root, "__path__"):
        names += [found.name for found in pkgutil.walk_packages(root.__path__, f"{package}.")]
    return [name for name in names if not is_left_out(name) and "._" not in name]


def parameters(function):
    try:
        found = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    return [MISSPELLED.get(p.name, p.name) for p in found if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]


def assert_called_alike(ours, theirs, path):
    own, other = parameters(ours), parameters(theirs)
    if own is None or other is None:
        return
    assert own[: len(other)] == other, path
    for parameter in list(inspect.signature(ours).parameters.values())[len(other) :]:
        assert parameter.default is not parameter.empty or parameter.kind in (
            parameter.VAR_KEYWORD,
            parameter.VAR_POSITIONAL,
        ), path


@pytest.mark.parametrize("package", PACKAGES)
def test_what_a_program_imports_is_there_and_called_alike(package):
    """Public functions, classes and their members, of all modules; private ones, and imports of other packages, not."""
    pytest.importorskip(package.partition(".")[0], reason=f"pip install {package}")
    try:
        names = modules_of(package)
        theirs_of = {name: importlib.import_module(name) for name in names}
    except (ImportError, ValueError) as error:
        pytest.skip(f"{package} cannot be imported here: {error}")
    checked = 0
    for name, theirs in theirs_of.items():
        ours = importlib.import_module(PACKAGES[package] + name[len(package) :])
        for attribute, value in vars(theirs).items():
            home = getattr(value, "__module__", None) or ""
            if attribute.startswith("_") or not home.startswith(package) or not callable(value):
                continue
            path = f"{home}.{attribute}"
            if is_left_out(path):
                continue
            own = getattr(ours, attribute, None)
            assert own is not None, f"{name}.{attribute}"
            checked += 1
            if not isinstance(value, type):
                assert_called_alike(own, value, path)
                continue
            assert isinstance(own, type), path
            for member in dir(value):
                if member != "__init__" and member.startswith("_") or is_left_out(f"{path}.{member}"):
                    continue
                assert hasattr(own, member), f"{path}.{member}"
                if inspect.isroutine(getattr(value, member)):
                    assert_called_alike(getattr(own, member), getattr(value, member), f"{path}.{member}")
    assert checked


def test_the_pycocotools_api_is_meanap_coco_too():
    import meanap.coco
    from meanap.compat import pycocotools

    for name in meanap.coco.__all__:
        assert getattr(meanap.coco, name) is getattr(pycocotools, name) is getattr(meanap, name), name
