"""The ring of steps, in the Rust engine and its plain-Python twin."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.engine.blocks import BLOCK_NS, MAX_CHANNELS, decode_block
from probes.engine.ring import StepRing
from tests.probes.engine.conftest import native, needs_native


def rows(ring: Any) -> list[tuple[int, int, int, list[int | None]]]:
    return [(layout, *row) for layout, _, _, block in ring.freeze() for row in decode_block(block)]


def test_keeps_what_was_read_in_blocks_of_a_second(engine: Any) -> None:
    ring = engine.StepRing(1 << 20)
    ring.begin(7, [2, 1])
    expected = []
    for tick in range(250):
        mono = tick * 10_000_000
        ring.record(7, 0, mono, [tick, None])
        ring.record(7, 1, mono + 50, [1 << 40])
        expected += [(7, mono, 0, [tick, None]), (7, mono + 50, 1, [1 << 40])]
    frozen = ring.freeze()
    assert [(layout, start, end) for layout, start, end, _ in frozen] == [
        (7, 0, 990_000_050),
        (7, BLOCK_NS, 1_990_000_050),
        (7, 2 * BLOCK_NS, 2_490_000_050),
    ]
    assert rows(ring) == expected
    assert ring.octets() == sum(len(block) + 64 for *_, block in frozen)


def test_the_oldest_goes_first_and_is_counted(engine: Any) -> None:
    ring = engine.StepRing(1_000)
    ring.begin(1, [1])
    for second in range(100):
        ring.record(1, 0, second * BLOCK_NS, [second])
        assert ring.octets() <= 1_000
    kept = [row[0] or 0 for *_, row in rows(ring)]
    assert kept == list(range(100 - len(kept), 100))
    assert ring.dropped() == 100 - len(kept) > 0
    assert ring.oldest() == kept[0] * BLOCK_NS


def test_what_was_frozen_does_not_change(engine: Any) -> None:
    ring = engine.StepRing(1 << 20)
    ring.begin(1, [1])
    ring.record(1, 0, 10, [1])
    ((_, start, end, block),) = ring.freeze()
    ring.record(1, 0, 20, [2])
    assert (start, end, decode_block(block)) == (10, 10, [(10, 0, [1])])
    assert len(rows(ring)) == 2


def test_several_readers_share_it_and_what_ended_stays(engine: Any) -> None:
    ring = engine.StepRing(1 << 20)
    ring.begin(1, [1])
    ring.begin(2, [1])
    ring.record(1, 0, 10, [1])
    ring.record(2, 0, 5, [2])
    ring.end(1)
    ring.end(1)
    with pytest.raises(ValueError, match="no such layout"):
        ring.record(1, 0, 20, [1])
    ring.record(2, 0, 15, [3])
    assert rows(ring) == [(1, 10, 0, [1]), (2, 5, 0, [2]), (2, 15, 0, [3])]


def test_a_time_that_falls_begins_a_block(engine: Any) -> None:
    ring = engine.StepRing(1 << 20)
    ring.begin(1, [1])
    ring.record(1, 0, 10, [1])
    ring.record(1, 0, 5, [2])
    assert rows(ring) == [(1, 10, 0, [1]), (1, 5, 0, [2])]


def test_what_does_not_fit_is_refused(engine: Any) -> None:
    ring = engine.StepRing(1 << 20)
    for sizes in ([MAX_CHANNELS + 1], [0] * (MAX_CHANNELS + 1), [MAX_CHANNELS, 1]):
        with pytest.raises(ValueError, match="4096"):
            ring.begin(1, sizes)
    ring.begin(1, [2])
    for group, values in ((0, [1]), (1, []), (0, [1, 2, 3])):
        with pytest.raises(ValueError, match="no such layout or group"):
            ring.record(1, group, 0, values)
    assert rows(ring) == []


@needs_native
@given(
    st.lists(
        st.tuples(
            st.integers(0, 1),
            st.integers(0, 400_000_000),
            st.lists(st.one_of(st.none(), st.integers(0, 1 << 20)), min_size=2, max_size=2),
        ),
        max_size=60,
    )
)
def test_both_keep_the_same_octets(steps: list[tuple[int, int, list[int | None]]]) -> None:
    rings = [native().StepRing(600), StepRing(600)]
    for ring in rings:
        ring.begin(3, [2, 2])
        mono = 0
        for group, elapsed, values in steps:
            mono += elapsed
            ring.record(3, group, mono, values)
    ours, theirs = rings
    assert ours.freeze() == theirs.freeze()
    assert (ours.octets(), ours.oldest(), ours.dropped()) == (theirs.octets(), theirs.oldest(), theirs.dropped())
