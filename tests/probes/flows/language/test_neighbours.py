from __future__ import annotations

from collections.abc import Sequence
from time import process_time

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from fabricscope.flow import FlowRecord, Way
from probes.flows.language import features, neighbours
from tests.probes.flows.language.made import SECOND, record, way
from tests.probes.flows.language.made import features as shape

Span = tuple[int, int]


def test_who_sends_to_how_many_at_one_time() -> None:
    records = [
        record("10.0.0.1", "10.0.0.2", 1, start=0, end=2),
        record("10.0.0.1", "10.0.0.3", 1, start=1, end=3),
        record("10.0.0.1", "10.0.0.4", 1, start=5, end=6),
        record("10.0.0.9", "10.0.0.2", 1, start=1, end=1),
        record("10.0.0.1", "10.0.0.2", 2, start=2, end=2),
    ]
    found = neighbours.of(records)
    assert [each["peers_of_source"] for each in found] == [2, 2, 1, 1, 2]
    assert [each["peers_of_destination"] for each in found] == [2, 1, 1, 2, 1]
    assert [each["ports_of_pair"] for each in found] == [2, 1, 1, 1, 2]
    assert found[0].keys() <= features.NAMES


_spans = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 6)).map(lambda two: (two[0], sum(two))), max_size=6)


@given(st.lists(_spans, max_size=6), _spans)
def test_things_are_counted_as_one_by_one(things: list[Sequence[Span]], asked: list[Span]) -> None:
    slowly = [
        sum(any(begin <= end and start <= last for begin, last in spans) for spans in things) for start, end in asked
    ]
    assert neighbours.distinct(things, asked) == slowly


def test_senders_within_ten_milliseconds() -> None:
    def sender(last: int, bins: list[int], width: int = neighbours.SLOT_NS, reverse: Way | None = None) -> FlowRecord:
        features = shape(bin_ns=width, bins=bins)
        return record(f"10.0.0.{last}", "10.0.1.1", shape=features, reverse=reverse)

    # The last one receives.
    records = [
        sender(1, [5, 5, 0, 0]),
        sender(2, [0, 5]),
        sender(3, [0, 0, 5]),
        sender(4, [5], 2 * neighbours.SLOT_NS),
        sender(5, [5], reverse=way(1, 100, 50)),
    ]
    found = neighbours.of(records)
    assert [each.get("sources_at_once") for each in found] == [2, 2, 1, None, None]


def test_flows_without_a_series_count_with_their_first_and_last_packet() -> None:
    def sender(last: int, first_ns: int, last_ns: int) -> FlowRecord:
        forward = structs.replace(way(2, 200, 100), first_ns=first_ns, last_ns=last_ns)
        return record(f"10.0.0.{last}", "10.0.1.1", forward=forward)

    records = [sender(1, 0, SECOND), sender(2, 5, 5), sender(3, SECOND // 2, SECOND + 5)]
    assert [each["sources_at_once"] for each in neighbours.of(records)] == [2, 2, 2]


def test_attempts_are_counted_over_a_minute() -> None:
    syn, data = way(1, 60), way(5, 500, 200)
    tries = [record("10.0.0.1", f"10.0.1.{n}", 22, start=n, end=n, forward=syn) for n in range(100)]
    refused = record("10.0.0.1", "10.0.2.1", 22, start=50, end=50, forward=syn, reverse=syn)
    talk = record("10.0.0.1", "10.0.2.2", 22, start=50, end=50, forward=data, reverse=data)
    other_port = record("10.0.0.1", "10.0.2.3", 23, start=50, end=50, forward=syn)
    silent = record("10.0.0.1", "10.0.2.4", 22, start=50, end=50, reverse=syn)
    found = neighbours.of([*tries, refused, talk, other_port, silent])
    assert [found[0]["tried_hosts"], found[50]["tried_hosts"]] == [62, 101]
    assert found[100]["tried_hosts"] == 101
    assert found[102]["tried_hosts"] == 1
    assert "tried_hosts" not in found[101].keys() | found[103].keys()
    assert found[0]["tried_ports"] == 1


def test_only_what_can_matter_is_looked_at_again() -> None:
    later = [record("10.0.0.1", "10.0.0.2", start=100, end=101)]
    same_host, long_ago = record("10.0.0.3", "10.0.0.1", start=90), record("10.0.0.1", "10.0.0.3", start=1, end=39)
    others = record("10.0.0.8", "10.0.0.9", start=100, end=100)
    same_host = structs.replace(same_host, end_ns=95 * SECOND)
    assert neighbours.relevant([same_host, long_ago, others], later) == [same_host]
    assert neighbours.relevant([same_host], []) == []


def test_it_does_not_take_the_square_of_time() -> None:
    def seconds(count: int) -> float:
        records = [record("10.0.0.1", "10.0.0.2", n % 65536, start=n % 97, end=n % 97 + 1) for n in range(count)]
        begin = process_time()
        neighbours.of(records)
        return process_time() - begin

    # One pair of hosts, and four times as much: 16 times as long if each were compared with each.
    assert seconds(16_000) < 8 * max(seconds(4000), 0.01)
