from __future__ import annotations

from probes.message import MessageKind


def test_samples_are_given_up_first_and_events_last() -> None:
    assert sorted(MessageKind) == [MessageKind.SAMPLES, MessageKind.FLOWS, MessageKind.EVENTS]
