"""No module of the package reads or writes an underscore name of an object that is not its own."""

import ast
from pathlib import Path

import pytest

import meanap

PACKAGE = Path(meanap.__file__).parent
MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))

#: Where it cannot be otherwise, and why.
ALLOWED = {
    # The list of a class's slots that Python's own `copyreg` keeps; it has no other name.
    "compat/pycocotools/_lazy.py": {"copyreg._slotnames"},
    # A subclass of COCO has pycocotools' public names and no others, so what both classes share is hidden from it.
    "compat/pycocotools/cocoeval.py": {"coco._evaluation_objects"},
}
#: The type of parsers and their groups, which `argparse` calls so.
TYPES = {"argparse._ActionsContainer"}
#: Public methods of named tuples, which begin with an underscore only so that fields cannot be called so.
NAMED_TUPLE = {"_replace", "_asdict", "_fields", "_make"}


def is_private(name):
    return name.startswith("_") and not name.startswith("__") and name not in NAMED_TUPLE


def defined(tree):
    """The underscore names that a module makes: functions, methods, fields, and what is set on `self`."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            if ast.unparse(node.value) in ("self", "cls"):
                yield node.attr


def foreign(source):
    """``(line, text)`` of each underscore name of an object that belongs to another module.

    A module may use its own classes' names on any object, as `merge` does on the `other` that it is given, and the
    names that a base class gives to ``self``.
    """
    tree = ast.parse(source)
    own = set(defined(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr) and node.attr not in own:
            if ast.unparse(node.value) not in ("self", "cls", "super()"):
                yield node.lineno, ast.unparse(node)


@pytest.mark.parametrize("module", MODULES)
def test_no_underscore_name_of_another_modules_object(module):
    source = (PACKAGE / module).read_text(encoding="utf-8")
    allowed = ALLOWED.get(module, set())
    found = [(line, text) for line, text in foreign(source) if text not in TYPES]
    assert [f"{module}:{line}: {text}" for line, text in found if text not in allowed] == []
    assert allowed <= {text for _, text in found}, "an exception that is needed no more"


def test_a_foreign_name_would_be_seen():
    assert list(foreign("def f(result):\n    return result._matches")) == [(2, "result._matches")]
    assert list(foreign("result._given_names = {}")) == [(1, "result._given_names")]
    assert list(foreign("import copy\ncopy._copy_dispatch")) == [(2, "copy._copy_dispatch")]
    assert not list(foreign("class A:\n    def m(self, other):\n        self._rows = other._rows"))
    assert not list(foreign("class A(B):\n    def m(self):\n        return self._rows + super()._rows"))
    assert not list(foreign("row._replace(a=1), row.__class__"))
