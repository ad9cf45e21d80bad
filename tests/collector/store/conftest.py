"""A store on disk. The engine is one per process and at one directory at a time: each test closes what it opens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.store import Store, StoreSettings


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An open, empty, embedded store."""
    opened = Store(StoreSettings(), tmp_path)
    opened.open()
    yield opened
    opened.close()
