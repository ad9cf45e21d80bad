"""The stub says what the Rust engine has, and the twin has the same."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

from probes.engine import twin
from tests.probes.engine.conftest import native, needs_native

STUB = Path(twin.__file__).with_name("_native.pyi")


def parameters(function: object) -> list[str]:
    assert callable(function)
    return [each for each in inspect.signature(function).parameters if each != "self"]


def stubbed(kind: type[ast.ClassDef | ast.FunctionDef]) -> dict[str, ast.ClassDef | ast.FunctionDef]:
    return {node.name: node for node in ast.parse(STUB.read_text()).body if isinstance(node, kind)}


def test_the_twin_gives_what_it_lists() -> None:
    assert set(twin.__all__) == set(stubbed(ast.ClassDef)) | set(stubbed(ast.FunctionDef))
    assert all(hasattr(twin, name) for name in twin.__all__)


@needs_native
def test_the_stub_says_what_the_module_has() -> None:
    found = {name for name in vars(native()) if not name.startswith("__")}
    assert found == set(stubbed(ast.ClassDef)) | set(stubbed(ast.FunctionDef))


@needs_native
@pytest.mark.parametrize("name", stubbed(ast.FunctionDef))
def test_functions_take_the_same(name: str) -> None:
    node = stubbed(ast.FunctionDef)[name]
    assert isinstance(node, ast.FunctionDef)
    expected = [argument.arg for argument in node.args.args]
    assert parameters(getattr(native(), name)) == parameters(getattr(twin, name)) == expected


@needs_native
@pytest.mark.parametrize("name", stubbed(ast.ClassDef))
def test_classes_have_the_same_methods(name: str) -> None:
    node, built, same = stubbed(ast.ClassDef)[name], getattr(native(), name), getattr(twin, name)
    methods = {item.name: item for item in node.body if isinstance(item, ast.FunctionDef)}
    public = {name for name in methods if not name.startswith("_")}
    for each in (built, same):
        assert public == {key for key, value in vars(each).items() if callable(value) and not key.startswith("_")}
    for method, item in methods.items():
        static = any(ast.unparse(decorator) == "staticmethod" for decorator in item.decorator_list)
        expected = [argument.arg for argument in item.args.args + item.args.kwonlyargs][0 if static else 1 :]
        for each in (built, same):
            assert parameters(each if method == "__new__" else getattr(each, method)) == expected, method
