from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.nvml import bindings, fake

Answers = Callable[[fake.Node], None]


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bindings.built(tmp_path_factory)


@pytest.fixture
def answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Answers:
    """Sets what the library answers, again and again."""
    path = tmp_path / "answers"
    monkeypatch.setenv(fake.VARIABLE, str(path))
    return lambda node: node.write(path)


@pytest.fixture
def nvml(library: Path) -> Iterator[Any]:
    with bindings.bound(library) as module:
        yield module
