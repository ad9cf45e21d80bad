from __future__ import annotations

from pathlib import Path

import pytest

from probes.sources.nvml import shared
from probes.sources.nvml.client import Client
from tests.fixtures.nvml import fake
from tests.fixtures.nvml.stub import Clock, Stub


def test_one_client_for_all_that_read_the_same_library() -> None:
    first, second, other = (
        shared.acquire("a.so", Clock()),
        shared.acquire("a.so", Clock()),
        shared.acquire("b.so", Clock()),
    )
    try:
        assert first is second
        assert first is not other
    finally:
        for library in ("a.so", "a.so", "b.so"):
            shared.release(library)
    again = shared.acquire("a.so", Clock())
    shared.release("a.so")
    assert again is not first


def test_the_child_ends_with_its_last_user(monkeypatch: pytest.MonkeyPatch) -> None:
    stub = Stub(fake.plain_node(1))
    monkeypatch.setattr(shared, "ChildProcess", lambda _library, _clock, skip: stub.start(skip))
    client: Client = shared.acquire("c.so", stub.clock)
    shared.acquire("c.so", stub.clock)
    client.gpus(stub.clock.mono)
    seen = []
    for _ in range(3):
        shared.release("c.so")
        seen.append(stub.children[0].released)
    assert seen == [False, True, True]


def test_why_there_is_no_driver(tmp_path: Path) -> None:
    version, control = tmp_path / "version", tmp_path / "nvidiactl"
    assert "there is neither" in (shared.driver_missing(version, control) or "")
    version.touch()
    assert "PrivateDevices=no" in (shared.driver_missing(version, control) or "")
    control.touch()
    assert shared.driver_missing(version, control) is None
