"""meanap in pycocotools' place, and everything as it was afterwards."""

import importlib
import inspect
import subprocess
import sys
import textwrap
import types
import warnings

import numpy as np
import pycocotools
import pycocotools._mask
import pycocotools.coco
import pycocotools.cocoeval
import pycocotools.mask
import pytest

import meanap
import meanap.compat
import meanap.compat._standin
import meanap.compat.pycocotools._mask
import meanap.compat.pycocotools.cocoeval

NAMES = ("pycocotools", "pycocotools.coco", "pycocotools.cocoeval", "pycocotools.mask", "pycocotools._mask")
# In dictionaries, where the stand-in does not look: these stay the reference's.
THEIRS = {name: sys.modules[name] for name in NAMES}
OURS = {
    "pycocotools": meanap.compat.pycocotools,
    "pycocotools.coco": sys.modules["meanap.compat.pycocotools.coco"],
    "pycocotools.cocoeval": meanap.compat.pycocotools.cocoeval,
    "pycocotools.mask": meanap.mask,
    "pycocotools._mask": meanap.compat.pycocotools._mask,
}

FRAMEWORK = """
import pycocotools.mask as maskUtils
from pycocotools import coco as module
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval, Params
from pycocotools.mask import encode, iou
from pycocotools._mask import toBbox
OTHER = 3

class Evaluator(COCOeval):
    def name(self):
        return "mine"

class Deeper(Evaluator):
    pass
"""


@pytest.fixture
def framework(tmp_path, monkeypatch):
    """A module that binds names of pycocotools when it is imported."""
    (tmp_path / "a_framework.py").write_text(FRAMEWORK)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "a_framework", raising=False)
    yield lambda: importlib.import_module("a_framework")
    sys.modules.pop("a_framework", None)


def bound(module):
    return {name: value for name, value in vars(module).items() if not name.startswith("__")}


def assert_ours(module):
    assert module.maskUtils is meanap.mask and module.module is OURS["pycocotools.coco"]
    assert module.COCO is meanap.COCO and module.COCOeval is meanap.COCOeval
    assert module.Params is meanap.Params
    assert module.encode is meanap.mask.encode and module.iou is meanap.mask.iou
    assert module.toBbox is meanap.compat.pycocotools._mask.toBbox and module.OTHER == 3


def test_imports_inside_the_block():
    with meanap.as_pycocotools():
        import pycocotools as package
        import pycocotools.mask as by_name
        from pycocotools import cocoeval, mask
        from pycocotools.coco import COCO

        assert package is meanap.compat.pycocotools and by_name is mask is meanap.mask
        assert COCO is meanap.COCO and cocoeval is meanap.compat.pycocotools.cocoeval
        assert {name: sys.modules[name] for name in NAMES} == OURS
    assert {name: sys.modules[name] for name in NAMES} == THEIRS


def test_what_was_bound_before(framework):
    module = framework()
    before = bound(module)
    assert before["COCO"] is THEIRS["pycocotools.coco"].COCO
    evaluator = module.Deeper()
    with meanap.as_pycocotools():
        assert_ours(module)
        assert module.Evaluator is before["Evaluator"]
        assert module.Evaluator.__bases__ == (meanap.COCOeval,)
        assert isinstance(evaluator, meanap.COCOeval) and evaluator.name() == "mine"
    assert bound(module) == before
    assert module.Evaluator.__bases__ == (THEIRS["pycocotools.cocoeval"].COCOeval,)


# What Cython leaves in a module and in the classes of a compiled one, and what `warnings` leaves in any.
CYTHON = {"__test__", "__reduce_cython__", "__setstate_cython__", "__pyx_capi__", "__setstate__", "__warningregistry__"}


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_there(name):
    with meanap.as_pycocotools():
        ours, theirs = sys.modules[name], THEIRS[name]
        assert ours is not theirs
        assert not set(dir(theirs)) - set(dir(ours)) - CYTHON
        for attribute, value in vars(theirs).items():
            if attribute in CYTHON or attribute == "__builtins__":
                continue
            own = getattr(ours, attribute)
            assert isinstance(own, type) == isinstance(value, type) and callable(own) == callable(value), attribute
            if isinstance(value, types.ModuleType) and value.__name__ not in NAMES:
                assert own is value
            elif isinstance(value, (str, int)) and attribute not in MODULE_NAMES:
                assert own == value, attribute
            elif isinstance(value, type):
                assert not set(dir(value)) - set(dir(own)) - CYTHON - {"__getattr__"}, attribute


@pytest.mark.parametrize("name", NAMES[1:])
def test_a_star_imports_every_name(name):
    before, after = {}, {}
    exec(f"from {name} import *", before)
    with meanap.as_pycocotools():
        exec(f"from {name} import *", after)
    assert not set(before) - set(after)


MODULE_NAMES = {"__name__", "__doc__", "__file__", "__package__", "__cached__"}


def parameters(function):
    return [(p.name, p.kind, p.default is p.empty) for p in inspect.signature(function).parameters.values()]


@pytest.mark.parametrize("name", NAMES)
def test_every_function_is_called_in_the_same_way(name):
    """Names, kinds and order of parameters, and which of them may be left out."""
    for attribute, value in vars(THEIRS[name]).items():
        own = getattr(OURS[name], attribute, None)
        if isinstance(value, type) and value.__module__ == name and name != "pycocotools._mask":
            for method, function in vars(value).items():
                if inspect.isfunction(function):
                    assert parameters(getattr(own, method)) == parameters(function), (attribute, method)
        elif inspect.isroutine(value) and attribute not in CYTHON:
            assert parameters(own) == parameters(value), attribute


def arrays_of_masks(module):
    made = []
    for sizes in ((2, 3, 1), (2.9, 3, 4), (0, 3, 1), (np.int64(2), 2, 2), (-1, 2, 3), ("a", 1, 1), (None, 1, 1)):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                pixels = np.asarray(module.Masks(*sizes))
            made.append((pixels.shape, pixels.dtype, pixels.flags.f_contiguous))
        except (TypeError, OverflowError) as error:
            made.append(type(error))
    return made


def test_memory_for_masks():
    # What the reference's array holds is memory that is free again.
    assert arrays_of_masks(meanap.compat.pycocotools._mask) == arrays_of_masks(THEIRS["pycocotools._mask"])
    assert not np.asarray(meanap.compat.pycocotools._mask.Masks(2, 3, 4)).any()


def test_names_of_this_very_module():
    with meanap.as_pycocotools():
        assert pycocotools is meanap.compat.pycocotools
    assert pycocotools is THEIRS["pycocotools"]


def test_the_reference_itself_is_left_alone():
    before = {name: dict(vars(module)) for name, module in THEIRS.items()}
    with meanap.as_pycocotools():
        assert THEIRS["pycocotools.coco"].maskUtils is THEIRS["pycocotools.mask"]
    for name, module in THEIRS.items():
        assert vars(module) == before[name]


def test_nested_and_with_an_exception(framework):
    module = framework()
    before = bound(module)
    with pytest.raises(ZeroDivisionError), meanap.as_pycocotools():
        with meanap.as_pycocotools():
            assert_ours(module)
        assert_ours(module)
        assert sys.modules["pycocotools.coco"] is OURS["pycocotools.coco"]
        1 / 0  # noqa: B018
    assert bound(module) == before
    assert {name: sys.modules[name] for name in NAMES} == THEIRS


def test_what_other_code_binds_meanwhile_stays(framework):
    module = framework()
    with meanap.as_pycocotools():
        module.COCO = "somebody's own"
    assert module.COCO == "somebody's own"
    assert module.COCOeval is THEIRS["pycocotools.cocoeval"].COCOeval


def test_a_failure_half_way_is_undone(framework, monkeypatch):
    import meanap.compat._standin as standin

    module = framework()
    before = bound(module)

    def fail(*_):
        raise RuntimeError("half way")

    monkeypatch.setattr(standin, "_rebase", fail)
    with pytest.raises(RuntimeError, match="half way"), meanap.as_pycocotools():
        pass
    assert bound(module) == before
    assert {name: sys.modules[name] for name in NAMES} == THEIRS


def run(script, *options):
    """Runs a script in a fresh interpreter."""
    code = textwrap.dedent(script)
    done = subprocess.run([sys.executable, *options, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


HIDE = """
import sys, importlib.abc
class Hide(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] == "pycocotools":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Hide())
"""


def test_for_good_where_pycocotools_is_not_installed():
    run(
        HIDE
        + textwrap.dedent("""
        import meanap
        with meanap.as_pycocotools():
            from pycocotools.coco import COCO
            assert COCO is meanap.COCO
        assert not [name for name in sys.modules if name.startswith("pycocotools")]
        try:
            import pycocotools
        except ModuleNotFoundError:
            pass
        else:
            raise SystemExit("still there")
        meanap.init_as_pycocotools()
        meanap.init_as_pycocotools()
        import pycocotools.mask as m
        from pycocotools import mask, coco, cocoeval, _mask
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval, Params
        assert COCO is meanap.COCO and COCOeval is meanap.COCOeval and m is mask is meanap.mask
        assert Params is meanap.Params
    """)
    )


def test_for_good_before_and_after_a_framework():
    run("""
        from pycocotools.coco import COCO
        import pycocotools.mask as mask
        theirs = [COCO]
        import meanap
        meanap.init_as_pycocotools()
        assert COCO is meanap.COCO and mask is meanap.mask and theirs[0] is not COCO
        from pycocotools.cocoeval import COCOeval
        assert COCOeval is meanap.COCOeval
    """)


def test_a_module_that_waits_to_be_imported_keeps_waiting():
    run("""
        import importlib.util, sys
        import pycocotools.coco
        spec = importlib.util.find_spec("colorsys")
        spec.loader = importlib.util.LazyLoader(spec.loader)
        lazy = importlib.util.module_from_spec(spec)
        sys.modules["colorsys"] = lazy
        spec.loader.exec_module(lazy)
        import meanap
        meanap.init_as_pycocotools()
        assert "rgb_to_hsv" not in object.__getattribute__(lazy, "__dict__")
    """)


def test_public_names():
    assert set(meanap.__all__) <= set(dir(meanap))
    for name in meanap.__all__:
        assert getattr(meanap, name) is not None
    with pytest.raises(AttributeError, match="nonsense"):
        meanap.nonsense  # noqa: B018


def test_importing_meanap_imports_little():
    out = run("""
        import sys
        import meanap
        heavy = ("meanap.compat.pycocotools", "urllib.request", "matplotlib", "pycocotools")
        print([name for name in heavy if name in sys.modules])
    """)
    assert out.strip() == "[]"


PACKAGES = ("faster_coco_eval", "lvis", "panopticapi", "pycocotools", "pytrec_eval", "xtcocotools")


def test_every_package_with_modules_that_can_be_replaced_is_tested():
    assert set(PACKAGES) == set(meanap.compat._standin._MODULES)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_that_can_be_replaced(package):
    """Its modules are there in the block and as they were, or absent, after it."""
    run(f"""
        import importlib, sys
        import meanap.compat

        def modules():
            return {{name: module for name, module in sys.modules.items() if name.split(".")[0] == {package!r}}}

        before = modules()
        with meanap.compat.standing_in({package!r}):
            inside = modules()
            assert inside and all(module.__name__.startswith("meanap.compat.") for module in inside.values())
            assert importlib.import_module({package!r}) is inside[{package!r}]
        assert modules() == before
        meanap.compat.init_as({package!r})
        assert modules() == inside
    """)


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """A folder with a package of every name, whose modules have the names of ours, and programs that import them.

    It stands for the installed packages, so that this is tested for all of them everywhere.
    """
    folder = tmp_path_factory.mktemp("programs")
    for package in PACKAGES:
        modules = meanap.compat._standin._MODULES[package]
        imports, subclasses = [], []
        for suffix in modules:
            ours = importlib.import_module(f"meanap.compat.{package}{suffix}")
            lines = []
            for name in getattr(ours, "__all__", ()):
                value = vars(ours).get(name)
                home = str(getattr(value, "__module__", "")).removeprefix("meanap.compat.")
                if home.partition(".")[0] != package or not callable(value):
                    continue
                label = f"{package}{suffix.replace('.', '_')}_{name}"
                imports.append(f"from {package}{suffix} import {name} as {label}")
                if home != package + suffix and home.removeprefix(package) in modules:
                    lines.append(f"from {home} import {value.__name__} as {name}")
                elif isinstance(value, type):
                    lines.append(f"class {name}:\n    pass")
                    if not suffix.endswith("._mask"):  # Of a compiled class no one derives.
                        subclasses.append(f"class Own_{label}({label}):\n    pass")
                else:
                    lines.append(f"def {name}():\n    pass")
            path = folder.joinpath(package, *suffix.split("."))
            has_submodules = any(other.startswith(f"{suffix}.") for other in modules)
            path = path / "__init__.py" if has_submodules or not suffix else path.with_suffix(".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("\n".join(lines) + "\n")
        for program in ("first", "late"):
            (folder / f"{program}_{package}.py").write_text("\n".join([*imports, *subclasses]) + "\n")
    return folder


SNAPSHOTS = """
import contextlib, importlib, sys, types
sys.path.insert(0, {folder!r})
import meanap, meanap.compat
PACKAGES = {packages!r}

def looks(package):
    "Modules, names that a program has bound, and bases of its classes."
    modules = {{name: m for name, m in sys.modules.items() if name.partition(".")[0] == package}}
    bound = {{name: value for name, value in vars(first[package]).items() if name.startswith((package, "Own_"))}}
    bases = {{name: value.__bases__ for name, value in bound.items() if name.startswith("Own_")}}
    return modules, bound, bases

def are_ours(package, program):
    found = [value.__module__ for name, value in vars(program).items() if name.startswith(package)]
    assert found and all(home.startswith(f"meanap.compat.{{package}}") for home in found), found
    for name, value in vars(program).items():
        if name.startswith("Own_"):
            assert all(base.__module__.startswith("meanap.compat.") for base in value.__bases__), (name, value.__mro__)

first = {{package: importlib.import_module(f"first_{{package}}") for package in PACKAGES}}
before = {{package: looks(package) for package in PACKAGES}}
assert all(m.__file__.startswith({folder!r}) for modules, _, _ in before.values() for m in modules.values())
"""


def test_all_of_them_undo_themselves_nested_and_after_exceptions(programs):
    """With programs that imported the package before, and others that import it inside the block or afterwards."""
    run(
        textwrap.dedent(SNAPSHOTS).format(folder=str(programs), packages=PACKAGES)
        + textwrap.dedent("""
        for package in PACKAGES:
            with contextlib.suppress(ZeroDivisionError), meanap.compat.standing_in(package):
                with contextlib.suppress(KeyError), meanap.compat.standing_in(package):
                    are_ours(package, first[package])
                    raise KeyError
                are_ours(package, first[package])
                late = importlib.import_module(f"late_{package}")
                are_ours(package, late)
                1 / 0
            assert {other: looks(other) for other in PACKAGES} == before, package
            are_ours(package, late)
            del sys.modules[f"late_{package}"]
            late = importlib.import_module(f"late_{package}")
            assert all(not value.__module__.startswith("meanap") for name, value in vars(late).items()
                       if name.startswith(package))
        for order in (PACKAGES, PACKAGES[::-1]):
            with contextlib.suppress(ZeroDivisionError), contextlib.ExitStack() as stack:
                for package in order:
                    stack.enter_context(meanap.compat.standing_in(package))
                for package in PACKAGES:
                    are_ours(package, first[package])
                1 / 0
            assert {package: looks(package) for package in PACKAGES} == before
        with meanap.as_pycocotools(), meanap.as_faster_coco_eval():
            are_ours("pycocotools", first["pycocotools"])
            are_ours("faster_coco_eval", first["faster_coco_eval"])
        assert {package: looks(package) for package in PACKAGES} == before
    """)
    )


@pytest.mark.parametrize("package", PACKAGES)
def test_for_good_a_block_inside_changes_nothing(programs, package):
    run(
        textwrap.dedent(SNAPSHOTS).format(folder=str(programs), packages=PACKAGES)
        + textwrap.dedent(f"""
        meanap.compat.init_as({package!r})
        are_ours({package!r}, first[{package!r}])
        are_ours({package!r}, importlib.import_module("late_{package}"))
        after = looks({package!r})
        with contextlib.suppress(ZeroDivisionError), meanap.compat.standing_in({package!r}):
            1 / 0
        assert looks({package!r}) == after
        assert all(looks(other) == before[other] for other in PACKAGES if other != {package!r})
    """)
    )


def test_a_package_that_cannot_be_replaced():
    import meanap.compat

    with pytest.raises(ValueError, match="'lvis'.*found 'numpy'"):
        meanap.compat.init_as("numpy")
