"""The nouns agree with the wire and with one another."""

from __future__ import annotations

import pytest

from fabricscope.model import (
    HintAction,
    Kind,
    MetricSpec,
    Now,
    Quality,
    Reading,
    SampleBatch,
    Series,
    SeriesSet,
    Severity,
)
from fabricscope.v1 import events_pb2, hints_pb2, samples_pb2

SPEC = MetricSpec("fabricscope_test", Kind.GAUGE, "Test.", ("device",))


@pytest.mark.parametrize(
    ("noun", "wire"),
    [(Quality, samples_pb2.Quality), (Severity, events_pb2.Severity), (HintAction, hints_pb2.HintAction)],
)
def test_the_numbers_are_those_of_the_wire(noun: type[Quality | Severity | HintAction], wire: object) -> None:
    prefix = {Quality: "QUALITY_", Severity: "SEVERITY_", HintAction: "HINT_ACTION_"}[noun]
    on_the_wire = dict(wire.items())  # type: ignore[attr-defined]
    del on_the_wire[f"{prefix}UNSPECIFIED"]
    assert {f"{prefix}{member.name}": int(member) for member in noun} == on_the_wire


def test_stale_and_unreadable_are_no_current_numbers() -> None:
    assert [quality.name for quality in Quality if not quality.has_value] == ["STALE", "UNREADABLE"]


def test_a_reading_knows_its_series() -> None:
    assert Reading(SPEC, ("eth0",), 1).series == Series(SPEC, ("eth0",))


def test_specs_and_sets_are_compared_by_identity() -> None:
    twin = MetricSpec("fabricscope_test", Kind.GAUGE, "Test.", ("device",))
    assert twin != SPEC
    assert SeriesSet(b"", "test", (), ()) != SeriesSet(b"", "test", (), ())


def test_a_set_is_as_long_as_its_columns() -> None:
    rows = (Series(SPEC, ("a",)), Series(SPEC, ("b",)))
    assert len(SeriesSet(b"", "test", rows[:1], rows)) == 3


def test_a_batch_without_qualities_is_all_right() -> None:
    assert SampleBatch(b"", 1, 2, [], []).qualities == b""


def test_now_has_both_clocks() -> None:
    assert Now(wall=1, mono=2) == (1, 2)
