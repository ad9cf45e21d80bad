"""A daemon's own cost, measured on this very process."""

from __future__ import annotations

import ctypes
import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from fabricscope import process
from fabricscope.model import Kind
from fabricscope.process import ProcessMetrics, specs
from fabricscope.tally import Tally

RESIDENT, CPU, DESCRIPTORS = specs("test")


def test_the_same_objects_each_time_since_a_tally_outlives_a_reload() -> None:
    tally = Tally()
    for _ in range(2):
        ProcessMetrics("test", tally).observe()
    assert len(tally.readings()) == 3
    assert specs("test") is specs("test")


def test_names_carry_the_daemon() -> None:
    assert [spec.name for spec in specs("probe")] == [
        "fabricscope_probe_resident_memory_bytes",
        "fabricscope_probe_cpu_seconds_total",
        "fabricscope_probe_open_fds",
    ]
    assert [spec.kind for spec in specs("probe")] == [Kind.GAUGE, Kind.COUNTER, Kind.GAUGE]


def test_sees_memory_time_and_descriptors() -> None:
    tally = Tally()
    metrics = ProcessMetrics("test", tally)
    metrics.observe()
    assert tally.get(RESIDENT) >= 1 << 20
    assert tally.get(RESIDENT) % os.sysconf("SC_PAGE_SIZE") == 0
    assert tally.get(CPU) > 0
    before = tally.get(DESCRIPTORS)
    with Path("/dev/null").open():
        metrics.observe()
        assert tally.get(DESCRIPTORS) == before + 1
    metrics.observe()
    assert tally.get(DESCRIPTORS) == before


def test_what_can_no_longer_be_read_is_gone_not_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    tally = Tally()
    metrics = ProcessMetrics("test", tally)
    metrics.observe()

    def refuse(*_: object) -> str:
        raise OSError("too many open files")

    monkeypatch.setattr(Path, "read_text", refuse)
    metrics.observe()
    assert [row.spec for row in tally.readings()] == [CPU]


@pytest.fixture
def collector_as_before() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


@pytest.mark.usefixtures("collector_as_before")
def test_what_starting_left_is_no_longer_searched_for_garbage() -> None:
    before = gc.get_freeze_count()
    process.settle()
    assert gc.get_freeze_count() > before
    assert gc.isenabled()
    assert gc.get_threshold()[0] > 700


@pytest.mark.usefixtures("collector_as_before")
def test_another_libc_has_no_heaps_to_share(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []

    class Other:
        def __getattr__(self, name: str) -> object:
            called.append(name)
            raise AttributeError(name)

    monkeypatch.setattr(ctypes, "CDLL", lambda _: Other())
    process.share_one_heap()
    process.settle()
    assert called == ["mallopt", "malloc_trim"]
