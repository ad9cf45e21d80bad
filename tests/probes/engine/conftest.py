"""Both engines, for the one suite over them."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from probes.engine import twin


def native() -> Any:
    return importlib.import_module("probes.engine._native")


needs_native = pytest.mark.needs_program("cargo", package="cargo")
"""Where cargo is, the extension has to be there too."""


@pytest.fixture(params=[pytest.param("native", marks=needs_native), "twin"])
def engine(request: pytest.FixtureRequest) -> Any:
    """The module with the classes: the Rust engine, then its plain-Python twin."""
    return native() if request.param == "native" else twin
