"""Events survive the wire; one that will not do keeps its whole message out."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabricscope.codec import Refused, decode_events, encode_events
from fabricscope.model import Event, Severity
from fabricscope.v1 import events_pb2, stream_pb2
from tests.fabricscope.codec.strategies import events

DOWN = Event(1, 2, "ethernet.down", Severity.WARNING, "eth0 is down", {"device": "eth0"}, {"why": "test"})


@given(st.lists(events, max_size=3))
def test_round_trip(rows: list[Event]) -> None:
    message = stream_pb2.StreamRequest.FromString(encode_events(rows).SerializeToString())
    assert decode_events(message.events) == rows


def _severity(event: events_pb2.Event) -> None:
    event.severity = 7  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda event: event.ClearField("kind"), "event kind ''"),
        (lambda event: setattr(event, "kind", "Link Down"), "event kind 'Link Down'"),
        (lambda event: event.ClearField("severity"), "ethernet.down has the unknown severity 0"),
        (_severity, "unknown severity 7"),
        (lambda event: setattr(event, "time_unix_nano", 1 << 63), "time of ethernet.down is 9223372036854775808"),
        (lambda event: setattr(event, "monotonic_nano", 1 << 63), "monotonic time of ethernet.down"),
        (lambda event: setattr(event, "message", "m" * 4097), "message of ethernet.down is 4097"),
        (lambda event: event.subject.update({"k" * 4097: ""}), "subject of ethernet.down is 4097"),
        (lambda event: event.attributes.update({str(i): "" for i in range(32)}), "attributes of .* has 33 entries"),
    ],
)
def test_refuses(spoil: Callable[[events_pb2.Event], object], reason: str) -> None:
    message = encode_events([DOWN, DOWN]).events
    spoil(message.events[1])
    with pytest.raises(Refused, match=reason) as caught:
        decode_events(message)
    assert caught.value.reason == stream_pb2.REFUSAL_REASON_INVALID


def test_a_message_has_room_for_ten_thousand() -> None:
    message = encode_events([DOWN] * 10_000).events
    assert len(decode_events(message)) == 10_000
    message.events.add()
    with pytest.raises(Refused, match="10001 events in one message; at most 10000 are taken"):
        decode_events(message)
