"""What the probe's tests see of its log."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

import pytest
import structlog

LogLines = list[MutableMapping[str, Any]]


@pytest.fixture
def log_lines() -> Iterator[LogLines]:
    """Every line that is logged, as it comes: `event`, `log_level` and the rest."""
    with structlog.testing.capture_logs() as lines:
        yield lines


@pytest.fixture(autouse=True)
def log_as_before() -> Iterator[None]:
    """A daemon that a test runs sets up the process's log, on a stream that ends with the test."""
    yield
    structlog.reset_defaults()
