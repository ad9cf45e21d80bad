"""Blocks of steps, in the Rust engine and its plain-Python twin."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.engine import blocks
from probes.engine.blocks import MAX_CHANNELS, MAX_VALUES, BlockBuilder, decode_block
from tests.probes.engine.conftest import native, needs_native

U64 = (1 << 64) - 1

values = st.one_of(st.none(), st.integers(0, 300), st.integers(0, U64))
readings = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 1 << 40), st.tuples(values, values, values)), max_size=40
)


def built(steps: list[tuple[int, int, tuple[int | None, ...]]]) -> tuple[bytes, list[blocks.Row]]:
    """A block of groups of 3 and 1 channels with these readings, and what is to come out again."""
    block, rows, time = BlockBuilder([3, 1], 1_000), [], 1_000
    for group, elapsed, row in steps:
        time += elapsed
        kept = list(row)[: 1 if group else 3]
        block.add(group, time, kept)
        rows.append((time, group, kept))
    return bytes(block.octets), rows


@given(readings)
def test_what_goes_in_comes_out(steps: list[tuple[int, int, tuple[int | None, ...]]]) -> None:
    block, rows = built(steps)
    assert decode_block(block) == rows


@needs_native
@given(readings)
def test_rust_reads_the_same(steps: list[tuple[int, int, tuple[int | None, ...]]]) -> None:
    block, rows = built(steps)
    assert native().decode_block(block) == rows


hostile = st.one_of(
    st.binary(max_size=60),
    st.builds(lambda rest: b"\x01" + rest, st.binary(max_size=60)),
    st.builds(lambda rest: b"\x01\x02\x03\x01\x05" + rest, st.binary(max_size=60)),
    st.builds(
        lambda steps, place, octet: _changed(built(steps)[0], place, octet),
        readings,
        st.integers(0, 200),
        st.integers(0, 255),
    ),
)


def _changed(block: bytes, place: int, octet: int) -> bytes:
    place %= len(block)
    return block[:place] + bytes([octet]) + block[place + 1 :]


@needs_native
@given(hostile)
def test_any_bytes_give_the_same_rows_or_a_value_error_in_both(block: bytes) -> None:
    def outcome(decode: Any) -> object:
        try:
            return decode(block)
        except ValueError as error:
            return str(error)

    expected = outcome(decode_block)
    assert outcome(native().decode_block) == expected
    if isinstance(expected, list):
        assert all(0 <= time <= U64 and len(row) in range(MAX_CHANNELS + 1) for time, _, row in expected)


@pytest.mark.parametrize(
    ("block", "complaint"),
    [
        (b"", "not a block"),
        (b"\x02\x01\x01\x00", "another version"),
        (b"\x01\x01", "cut off"),
        (b"\x01\x81\x20" + b"\x00" * 4097 + b"\x00", "too many groups"),
        (b"\x01\x02\xff\x1f\x02\x00", "too many channels"),
        (b"\x01\x01\x01\x00\x01\x00", "no group"),
        (b"\x01\x01\x01\x00\x00\x00\x05", "out of bounds"),
        (b"\x01\x01\x01\x00\x00\x00\x00\x00", "repeats"),
        (b"\x01\x01\x01\x00\x00\x00\x02\x09\x00\x00\x00\x01", "repeats"),
        (b"\x01\x01\x00" + b"\xff" * 9 + b"\x01" + b"\x00\x01", "time out of bounds"),
        (b"\x01\x01\x01\x00\x00\x00\x02" + b"\xff" * 9 + b"\x02", "number out of bounds"),
        (b"\x01\x01\x01\x00\x00\x00\x02" + b"\xff" * 9 + b"\x01\x00\x00\x03", "value out of bounds"),
    ],
)
def test_what_is_no_block_is_refused(engine: Any, block: bytes, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        engine.decode_block(block)


def test_a_small_block_cannot_be_blown_up(engine: Any) -> None:
    # 4,096 channels without a value each time: as dear as a block can make it.
    head = b"\x01\x01\x80\x20\x00"
    record = b"\x00\x00" + b"\x01" * 4096
    engine.decode_block(head + record * (MAX_VALUES // 4096))
    with pytest.raises(ValueError, match="too many values"):
        engine.decode_block(head + record * (MAX_VALUES // 4096 + 1))
    # A reading of a group without channels takes two octets.
    with pytest.raises(ValueError, match="too many values"):
        engine.decode_block(b"\x01\x01\x00\x00" + b"\x00\x00" * (MAX_VALUES + 1))


def test_idle_channels_cost_next_to_nothing() -> None:
    block = BlockBuilder([100], 0)
    for tick in range(100):
        block.add(0, tick * 10_000_000, [1 << 40] * 100)
    assert len(block.octets) < 100 * 8 + 99 * 8


def test_a_block_is_full_after_a_second_or_when_it_is_large() -> None:
    block = BlockBuilder([1], 5)
    block.add(0, 5, [1])
    assert not block.is_full(5 + blocks.BLOCK_NS - 1)
    assert block.is_full(5 + blocks.BLOCK_NS)
    block.octets += bytes(blocks.BLOCK_OCTETS)
    assert block.is_full(6)
