"""What the probe's tests see of its log, and what they stream from and to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest
import structlog

from tests.fixtures.fake_collector import FakeCollector
from tests.probes.desk import Desk

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


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    made = Desk(tmp_path)
    yield made
    await made.outbox.close()


@pytest.fixture
async def collector() -> AsyncIterator[FakeCollector]:
    async with FakeCollector() as made:
        yield made
