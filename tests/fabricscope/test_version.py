"""`fabricscope version` names what runs."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

import fabricscope
from fabricscope import plugins
from fabricscope import version as module
from fabricscope.version import lines, version
from tests.fabricscope.conftest import Install


def test_prints_a_line_for_each_thing() -> None:
    result = CliRunner().invoke(version)
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.output.splitlines()] == [name for name, _ in lines()]


def test_names_this_version_and_the_engine_that_serves() -> None:
    found = dict(lines())
    assert found["fabricscope"] == fabricscope.__version__
    assert found["engine"] in {"rust", "python"}


def test_another_package_adds_a_line_and_a_broken_one_says_so(install: Install) -> None:
    install("acme", {plugins.ABOUT: {"acme": "acme:VERSION", "broken": "acme:X"}}, "VERSION = '7.1'")
    found = dict(lines())
    assert found["acme"] == "7.1"
    assert "does not load" in found["broken"]


def test_a_package_that_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PACKAGES", ("click", "a-package-that-is-not-there"))
    found = dict(lines())
    assert found["click"][0].isdigit()
    assert found["a-package-that-is-not-there"] == "not installed"
