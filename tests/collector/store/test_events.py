from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.store import EventFilter, Store, StoredEvent
from collector.store.paging import MAX_PAGE
from fabricscope.model import Severity
from tests.collector.store.rows import SECOND, START, row


def found(store: Store, **wanted: object) -> list[tuple[str, int, int]]:
    page = store.events(EventFilter(**wanted), None, 100)  # type: ignore[arg-type]
    return [(stored.origin.host, stored.origin.sequence, stored.origin.position) for stored in page.events]


def test_what_is_stored_comes_back_whole(store: Store) -> None:
    stored = row(
        7,
        3,
        time_unix_ns=START + 123_456_789,
        monotonic_ns=(1 << 63) - 1,
        message="tab\tnewline\nquote' backslash\\ {x:String} é",
        subject={"device": "mlx5_0", "port": "1"},
        attributes={},
        received=START + 1,
    )
    store.insert([stored])
    assert store.events(EventFilter(), None, 10).events == [stored]


def test_a_resend_changes_nothing(store: Store) -> None:
    message = [row(1, 0), row(1, 1)]
    store.insert(message)
    later = START + 60 * SECOND
    store.insert([stored._replace(origin=stored.origin._replace(received_unix_ns=later)) for stored in message])
    store.insert([row(2)])
    assert found(store) == [("node1", 2, 0), ("node1", 1, 1), ("node1", 1, 0)]


def test_an_event_is_named_by_host_epoch_sequence_and_position(store: Store) -> None:
    rows = [row(1, 0), row(1, 1), row(2, 0), row(1, 0, host="node2"), row(1, 0, epoch="epoch-b")]
    store.insert([stored._replace(event=rows[0].event) for stored in rows])
    assert len(store.events(EventFilter(), None, 10).events) == len(rows)


def test_filters(store: Store) -> None:
    store.insert(
        [
            row(1),
            row(2, kind="ethernetish.down", severity=Severity.INFO, cluster="test"),
            row(3, host="node2", kind="ethernet", severity=Severity.CRITICAL, message="Carrier LOST: ÄÖ"),
            row(4, kind="pcie.changed", subject={"device": ""}),
            row(5, kind="host.stale", subject={}),
        ]
    )
    assert found(store, kind="ethernet") == [("node2", 3, 0), ("node1", 1, 0)]
    assert found(store, kind="ethernet.down") == [("node1", 1, 0)]
    assert found(store, host="node2") == [("node2", 3, 0)]
    assert found(store, cluster="test") == [("node1", 2, 0)]
    assert found(store, min_severity=Severity.WARNING, since_unix_ns=START, until_unix_ns=START + 4 * SECOND) == [
        ("node2", 3, 0),
        ("node1", 1, 0),
    ]
    assert found(store, since_unix_ns=START + 5 * SECOND) == [("node1", 5, 0)]
    assert found(store, text="carrier lost: äö") == [("node2", 3, 0)]
    assert found(store, text="%") == []
    assert found(store, subject=(("device", "eth2"),)) == [("node1", 2, 0)]
    assert found(store, subject=(("device", ""),)) == [("node1", 4, 0)], "a subject without the key is another thing"
    assert found(store, subject=(("device", "eth1"), ("port", "1"))) == []


def test_pages_hold_every_event_once_newest_first(store: Store) -> None:
    rows = [row(sequence, position, time_unix_ns=START) for sequence in range(1, 5) for position in range(3)]
    rows += [row(9, host="node2"), row(8, epoch="epoch-b", time_unix_ns=START + 100 * SECOND)]
    store.insert(rows)
    seen: list[StoredEvent] = []
    page = store.events(EventFilter(), None, 5)
    while page.after is not None:
        assert len(page.events) == 5
        seen += page.events
        page = store.events(EventFilter(), page.after, 5)
    seen += page.events
    assert len(seen) == len(rows)
    assert set(map(repr, seen)) == set(map(repr, rows))
    assert [stored.event.time_unix_ns for stored in seen] == sorted((r.event.time_unix_ns for r in rows), reverse=True)


def test_a_page_that_holds_exactly_all_is_the_last(store: Store) -> None:
    store.insert([row(1), row(2)])
    assert store.events(EventFilter(), None, 2).after is None


@pytest.mark.parametrize("limit", [0, -1, MAX_PAGE + 1])
def test_pages_are_bounded(store: Store, limit: int) -> None:
    with pytest.raises(ValueError, match="outside 1 to"):
        store.events(EventFilter(), None, limit)


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_TEXT, _TEXT)
def test_values_are_values_whatever_they_hold(store: Store, key: str, value: str) -> None:
    stored = row(epoch=value, subject={key: value}, message=f"{key}{value}.", attributes={value: key})
    store.insert([stored])
    wanted = EventFilter(subject=((key, value),), text=f"{value}.")
    assert stored in [seen._replace(origin=stored.origin) for seen in store.events(wanted, None, 1000).events]
