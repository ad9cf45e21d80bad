"""Which engine `probes.engine` gives."""

from __future__ import annotations

import importlib
import sys

import pytest

from probes import engine
from probes.engine import twin


@pytest.fixture
def reloaded(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Lets a test load the package again; it is put back as it was."""
    for name in [name for name in sys.modules if name == "probes.engine" or name.startswith("probes.engine.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("probes.engine", raising=False)
    return monkeypatch


def test_without_the_extension_the_twin_serves(reloaded: pytest.MonkeyPatch) -> None:
    reloaded.setitem(sys.modules, "probes.engine._native", None)
    found = importlib.import_module("probes.engine")
    assert found.IMPLEMENTATION == "python"
    assert found.CounterFiles.__module__ == "probes.engine.counters"
    assert found.FastReader.__module__ == "probes.engine.fast"


def test_the_implementation_is_named_truly() -> None:
    expected = "python" if engine.CounterFiles is twin.CounterFiles else "rust"
    assert expected == engine.IMPLEMENTATION
