"""Events as rows."""

from __future__ import annotations

from collections.abc import Iterable

from fabricscope.codec.bounds import EVENT_KIND, MAX_EVENTS, bounded, bounded_map, checked, invalid, point_in_time
from fabricscope.model import Event, Severity
from fabricscope.v1 import events_pb2, stream_pb2


def encode_events(events: Iterable[Event]) -> stream_pb2.StreamRequest:
    """One message with the events, in their order."""
    return stream_pb2.StreamRequest(
        events=events_pb2.Events(
            events=[
                events_pb2.Event(
                    time_unix_nano=event.time_unix_ns,
                    monotonic_nano=event.monotonic_ns,
                    kind=event.kind,
                    severity=events_pb2.Severity.Name(event.severity),
                    subject=event.subject,
                    message=event.message,
                    attributes=event.attributes,
                )
                for event in events
            ]
        )
    )


def decode_events(message: events_pb2.Events) -> list[Event]:
    """The events, in their order. Raises Refused when one is out of bounds: none is taken then."""
    if len(message.events) > MAX_EVENTS:
        raise invalid(f"{len(message.events)} events in one message; at most {MAX_EVENTS} are taken")
    return [_decode_event(event) for event in message.events]


def _decode_event(event: events_pb2.Event) -> Event:
    kind = checked(EVENT_KIND, event.kind, "event kind")
    try:
        severity = Severity(event.severity)
    except ValueError:
        raise invalid(f"event {kind} has the unknown severity {event.severity}") from None
    return Event(
        time_unix_ns=point_in_time(event.time_unix_nano, f"time of {kind}"),
        monotonic_ns=point_in_time(event.monotonic_nano, f"monotonic time of {kind}"),
        kind=kind,
        severity=severity,
        message=bounded(event.message, f"message of {kind}"),
        subject=bounded_map(event.subject, f"subject of {kind}"),
        attributes=bounded_map(event.attributes, f"attributes of {kind}"),
    )
