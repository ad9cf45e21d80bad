"""Plug-ins are found without being imported, and a broken one is told apart from the rest."""

from __future__ import annotations

import sys

import pytest

from fabricscope import plugins
from tests.fabricscope.conftest import Install


def test_finds_what_another_package_adds_without_importing_it(install: Install) -> None:
    install("acme", {plugins.SAMPLERS: {"acme": "acme:Sampler"}}, "class Sampler: pass")
    assert "acme" in plugins.found(plugins.SAMPLERS)
    assert "acme" not in sys.modules


def test_names_come_sorted(install: Install) -> None:
    install("acme", {plugins.SAMPLERS: {"zeta": "acme:Z", "alpha": "acme:A"}}, "A = Z = 1")
    names = list(plugins.found(plugins.SAMPLERS))
    assert names == sorted(names)


def test_loads_the_thing_itself(install: Install) -> None:
    install("acme", {plugins.SAMPLERS: {"acme": "acme:ANSWER"}}, "ANSWER = 42")
    assert plugins.load(plugins.found(plugins.SAMPLERS)["acme"]) == 42


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("raise RuntimeError('no such board')", "no such board"),
        ("import a_module_that_is_not_there", "a_module_that_is_not_there"),
        ("def", "invalid syntax"),
        ("raise SystemExit('bye')", "bye"),
        ("", "has no attribute 'Sampler'"),
    ],
)
def test_a_broken_plug_in_is_reported_with_its_package_and_stops_nobody(
    install: Install, source: str, reason: str
) -> None:
    install("acme", {"fabricscope.tests": {"broken": "acme:Sampler", "fine": "json:dumps"}}, source)
    loaded = dict(plugins.loaded("fabricscope.tests"))
    assert callable(loaded["fine"])
    error = loaded["broken"]
    assert isinstance(error, plugins.PluginError)
    assert str(error).startswith("test 'broken' of acme does not load: ")
    assert reason in str(error)


def test_a_group_without_members_is_empty() -> None:
    assert plugins.found("fabricscope.nothing") == {}
