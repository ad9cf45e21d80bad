from __future__ import annotations

import pytest

from fabricscope.model import Quality
from probes.health.evidence import evidence
from probes.health.evidence.evidence import Evidence
from probes.health.evidence.operand import Key, Operand
from probes.health.language.vocabulary import Source
from tests.probes.health.host import SECOND, at
from tests.probes.health.made import ERRORS, KIND, LEVEL, Row, batch


class Watcher:
    """An operand, and what it was woken for."""

    def __init__(self, metric: str, *, counts: int = 0, of_values: bool = True) -> None:
        self.woken: list[Key | None] = []
        source = Source(metric=metric)
        self.operand = Operand(
            source, ("device",), primary=True, counts=counts, wake=self.woken.append, of_values=of_values
        )

    def take(self) -> list[Key | None]:
        woken = self.woken[:]
        self.woken.clear()
        return woken


def take(tested: Evidence, second: float, *rows: Row, sampler: str = "made") -> None:
    now = at(second)
    tested.take(batch(now, rows, sampler), now.mono)


def test_only_changes_wake() -> None:
    watcher = Watcher("test_level")
    tested = Evidence([watcher.operand])
    take(tested, 0, (LEVEL, ("a",), 1.0), (LEVEL, ("b",), 1.0), (KIND, ("a", "x"), 1.0))
    assert watcher.take() == [("a",), ("b",)]
    take(tested, 1, (LEVEL, ("a",), 1.0), (LEVEL, ("b",), 1.0), (KIND, ("a", "x"), 1.0))
    assert watcher.take() == []
    take(tested, 2, (LEVEL, ("a",), 1.0), (LEVEL, ("b",), 2.0), (KIND, ("a", "x"), 1.0))
    assert watcher.take() == [("b",)]
    take(tested, 3, (LEVEL, ("a",), 1.0, Quality.STALE), (LEVEL, ("b",), 2.0), (KIND, ("a", "x"), 1.0))
    assert watcher.take() == [("a",)]
    assert set(tested.tracks) == {("test_level", ("a",)), ("test_level", ("b",))}


def test_series_come_and_go_and_the_others_stay_as_they_were() -> None:
    watcher = Watcher("test_level")
    tested = Evidence([watcher.operand])
    take(tested, 0, (LEVEL, ("a",), 1.0))
    kept = tested.tracks["test_level", ("a",)]
    watcher.take()
    take(tested, 1, (LEVEL, ("a",), 1.0), (LEVEL, ("b",), 5.0))
    assert watcher.take() == [("b",)]
    assert [key for _, key, _ in tested.added] == [("b",)]
    take(tested, 2, (LEVEL, ("b",), 5.0))
    assert watcher.take() == [("a",)]
    assert [track for _, _, track in tested.removed] == [kept]
    assert watcher.operand.tracks(("a",)) == ()


def test_busy_counters_wait_for_one_another_and_lose_nothing() -> None:
    watcher = Watcher("test_errors_total", counts=60 * SECOND)
    tested = Evidence([watcher.operand])
    for second in range(12):
        take(tested, second, (ERRORS, ("a", "x"), second * 10))
    assert len(watcher.take()) < 6
    tested.settle(at(12).mono)
    grown = watcher.operand.grown(("a",), at(12).mono)
    assert grown is not None
    assert grown.by == 110


def test_a_reset_is_followed_up_at_once() -> None:
    watcher = Watcher("test_errors_total", counts=60 * SECOND)
    tested = Evidence([watcher.operand])
    take(tested, 0, (ERRORS, ("a", "x"), 10))
    take(tested, 1, (ERRORS, ("a", "x"), 12))
    take(tested, 2, (ERRORS, ("a", "x"), 5000, Quality.RESET))
    take(tested, 3, (ERRORS, ("a", "x"), 5003))
    tested.settle(at(3).mono)
    grown = watcher.operand.grown(("a",), at(3).mono)
    assert grown is not None
    assert grown.by == 3


def test_a_prefix_stands_for_many_and_quality_alone_may_count() -> None:
    watcher = Watcher("test_*", of_values=False)
    tested = Evidence([watcher.operand])
    take(tested, 0, (LEVEL, ("a",), 1.0), (ERRORS, ("a", "x"), 10))
    watcher.take()
    take(tested, 10, (LEVEL, ("a",), 2.0), (ERRORS, ("a", "x"), 20))
    assert watcher.take() == []
    take(tested, 20, (LEVEL, ("a",), 2.0), (ERRORS, ("a", "x"), 20, Quality.SATURATED))
    assert watcher.take() == [("a",)]


def test_a_sampler_that_only_repeats_itself_is_not_heard() -> None:
    tested = Evidence([Watcher("test_level").operand])
    take(tested, 0, (LEVEL, ("a",), 1.0, Quality.STALE))
    assert tested.samplers == set()
    take(tested, 1, (LEVEL, ("a",), 1.0))
    assert tested.samplers == {"made"}


def test_series_beyond_the_bound_are_left_out_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "MAX_TRACKS", 2)
    tested = Evidence([Watcher("test_level").operand])
    take(tested, 0, *((LEVEL, (name,), 1.0) for name in "abcd"))
    assert (len(tested.tracks), tested.left_out) == (2, 2)


def test_a_series_that_two_samplers_have_is_followed_from_one() -> None:
    watcher = Watcher("test_level")
    tested = Evidence([watcher.operand])
    take(tested, 0, (LEVEL, ("a",), 1.0))
    take(tested, 0, (LEVEL, ("a",), 9.0), sampler="other")
    assert watcher.operand.read(("a",), at(0).mono) == 1.0
