from __future__ import annotations

import struct

import pytest

from fabricscope.model import Kind, MetricSpec, Quality, Reading
from probes.sources.nvml.columns import ASK_AGAIN_NS, Column, FieldColumns, Source
from probes.sources.nvml.replies import Values
from tests.fixtures.nvml.fake import UINT, ULONG_LONG

COUNT = MetricSpec("fabricscope_t_replays_total", Kind.COUNTER, "", ("gpu", "link"))
STATE = MetricSpec("fabricscope_t_up", Kind.GAUGE, "", ("gpu", "link"))
WIDE = MetricSpec("fabricscope_t_bytes_total", Kind.COUNTER, "", ("gpu",))
START = 10**9


class Library:
    """Answers plans from a table of (field, scope): a counter, or ("code", n), or an unsigned int as ("uint", n)."""

    def __init__(self, table: dict[tuple[int, int], int | tuple[str, int]]) -> None:
        self.table = table

    def __call__(self, plan: tuple[tuple[int, int], ...]) -> Values:
        descriptors, bits = [], []
        for pair in plan:
            value = self.table.get(pair, ("code", 3))
            word, number = value if isinstance(value, tuple) else ("ull", value)
            kind = UINT if word == "uint" else ULONG_LONG
            descriptors.append(kind | (number if word == "code" else 0) << 32)
            bits.append(0 if word == "code" else number)
        return Values(0, descriptors, bits)


def columns(*extra: Column) -> FieldColumns:
    rows = [Column(COUNT, ("0", str(link)), (Source(161, link), Source(46 + link, factor=1024))) for link in range(2)]
    return FieldColumns("t", [*rows, *extra])


def read(reader: FieldColumns, library: Library, now: int = START) -> list[Reading]:
    return reader.readings(library(reader.prepare(now).pairs))


def test_the_first_source_that_works_is_kept_and_the_rest_is_not_asked_for() -> None:
    library = Library({(161, 0): 7, (161, 1): ("code", 3), (46, 0): 1, (47, 0): 2})
    reader = columns()
    first = read(reader, library)
    assert {row.labels: row.value for row in first} == {("0", "0"): 7, ("0", "1"): 2048}
    assert set(reader.plan.pairs) == {(161, 0), (47, 0)}
    assert read(reader, library) == first


def test_what_no_source_has_is_not_there_rather_than_zero() -> None:
    library = Library({(161, 0): 7})
    reader = columns()
    assert [row.labels for row in read(reader, library)] == [("0", "0")]
    assert [row.labels for row in read(reader, library)] == [("0", "0")]


def test_what_is_not_supported_is_asked_for_again_after_a_minute() -> None:
    library = Library({(161, 0): 7})
    reader = columns()
    read(reader, library)
    library.table[161, 1] = 9
    assert len(read(reader, library, START + ASK_AGAIN_NS - 1)) == 1
    assert len(read(reader, library, START + ASK_AGAIN_NS)) == 2


def test_a_value_that_stands_is_the_same_reading_again() -> None:
    library = Library({(161, 0): 7, (161, 1): 8})
    reader = columns()
    read(reader, library)
    before = read(reader, library)
    library.table[161, 1] = 9
    after = read(reader, library)
    assert after[0] is before[0]
    assert (before[1].value, after[1].value) == (8, 9)
    library.table[161, 1] = ("code", 999)
    library.table[161, 0] = 6
    assert [row.value for row in read(reader, library)] == [6, None]
    assert [row.value for row in read(reader, library)] == [6, None]


def test_or_at_once_when_something_changed() -> None:
    library = Library({(161, 0): 7})
    reader = columns()
    read(reader, library)
    library.table[161, 1] = 9
    reader.ask_everything()
    assert len(read(reader, library)) == 2


@pytest.mark.parametrize("code", [19, 27, 999])
def test_what_fails_and_was_there_is_unreadable(code: int) -> None:
    library = Library({(161, 0): 7, (161, 1): 8})
    reader = columns()
    read(reader, library)
    library.table[161, 1] = ("code", code)
    for now in (START, START + ASK_AGAIN_NS):
        rows = read(reader, library, now)
        assert [(row.value, row.quality) for row in rows] == [(7, Quality.OK), (None, Quality.UNREADABLE)]
    library.table[161, 1] = 9
    assert [row.value for row in read(reader, library)] == [7, 9]


def test_what_fails_at_first_and_works_later_is_there_then() -> None:
    library = Library({(161, 0): 7, (161, 1): ("code", 999)})
    reader = columns()
    assert len(read(reader, library)) == 1
    library.table[161, 1] = 8
    assert [row.value for row in read(reader, library)] == [7, 8]
    library.table[161, 1] = ("code", 999)
    assert [row.value for row in read(reader, library)] == [7, None]


def test_what_is_no_longer_supported_goes_away() -> None:
    library = Library({(161, 0): 7, (161, 1): 8})
    reader = columns()
    read(reader, library)
    library.table[161, 1] = ("code", 3)
    assert [row.labels for row in read(reader, library)] == [("0", "0")]


def test_a_sentinel_is_unreadable_where_there_was_a_value_and_another_source_is_better() -> None:
    library = Library({(161, 0): 7, (161, 1): 9223372036854775794, (47, 0): 2})
    reader = columns()
    assert [row.value for row in read(reader, library)] == [2048, 7]
    library.table[161, 0] = 9223372036854775794
    assert [row.value for row in read(reader, library)] == [2048, None]


def test_a_counter_stays_with_its_source_while_that_fails_and_when_a_better_one_appears() -> None:
    library = Library({(161, 0): 7, (46, 0): 1})
    reader = columns()
    read(reader, library)
    library.table[161, 0] = ("code", 999)
    assert [row.value for row in read(reader, library, START + ASK_AGAIN_NS)] == [None]
    library.table[161, 0] = 8
    assert [row.value for row in read(reader, library)] == [8]
    # Only a source that is gone is replaced, and stays replaced.
    library.table[161, 0] = ("code", 3)
    assert [row.value for row in read(reader, library, START + 2 * ASK_AGAIN_NS)] == [1024]
    library.table[161, 0] = 9
    assert [row.value for row in read(reader, library, START + 3 * ASK_AGAIN_NS)] == [1024]


def test_gauges_are_converted() -> None:
    up = Column(STATE, ("0", "0"), (Source(165, 0, lambda value: float(value == 1)),))
    library = Library({(165, 0): ("uint", 1)})
    reader = columns(up)
    (row,) = read(reader, library)
    assert (row.value, type(row.value)) == (1.0, float)
    library.table[165, 0] = ("uint", 0)
    assert [row.value for row in read(reader, library)] == [0.0]


def test_a_narrow_counter_is_no_use_where_a_wide_one_is_needed() -> None:
    wide = Column(WIDE, ("0",), (Source(197, wide=True),))
    library = Library({(197, 0): ("uint", 3020371496)})
    reader = columns(wide)
    assert read(reader, library) == []
    library.table[197, 0] = 3020371496
    reader.ask_everything()
    assert [row.value for row in read(reader, library)] == [3020371496]


def test_a_call_that_fails_as_a_whole_leaves_what_was_there_unreadable() -> None:
    library = Library({(161, 0): 7})
    reader = columns()
    assert reader.readings(Values(999, [], [])) == []
    read(reader, library)
    rows = reader.readings(Values(999, [], []))
    assert [(row.labels, row.quality) for row in rows] == [(("0", "0"), Quality.UNREADABLE)]


def test_the_order_of_the_readings_does_not_change_when_everything_is_asked_for() -> None:
    library = Library({(161, 0): 7, (47, 0): 2})
    reader = columns()
    first = [row.labels for row in read(reader, library)]
    assert [row.labels for row in read(reader, library)] == first
    assert [row.labels for row in read(reader, library, START + ASK_AGAIN_NS)] == first


def test_labels_are_the_same_object_each_time() -> None:
    library = Library({(161, 0): 7})
    reader = columns()
    first, second, third = (read(reader, library)[0] for _ in range(3))
    assert first.labels is second.labels is third.labels


def test_octets_of_another_length_are_refused() -> None:
    reader = columns()
    read(reader, Library({(161, 0): 7}))
    with pytest.raises(ValueError, match="2 values for a plan of 1"):
        reader.readings(Values(0, [3, 3], [1, 2]))


def test_the_layout_of_an_entry_is_not_what_is_tested_here() -> None:
    # values.py has it; this pins that both speak of the same words.
    assert struct.calcsize("=IIqqIIQ") == 40
