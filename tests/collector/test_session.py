"""A probe's stream as a script: messages in, steps and acknowledgements out."""

from __future__ import annotations

import pytest

from collector.session import HelloRefused, Session, greet
from collector.state import State, StateSettings
from fabricscope.codec import encode_flows
from fabricscope.model import Event
from fabricscope.v1 import samples_pb2, stream_pb2
from tests.collector.wire import at, declaration, event, events, hello, identity, sampled, samples
from tests.fixtures.flows import flow


@pytest.fixture
def state() -> State:
    state = State(StateSettings())
    state.connect(identity(), at(0))
    return state


@pytest.fixture
def session(state: State) -> Session:
    return Session(state, identity())


def acked(session: Session) -> int | None:
    ack = session.take_ack()
    return None if ack is None else ack.sequence


def both(session: Session) -> tuple[int, int] | None:
    ack = session.take_ack()
    return None if ack is None else (ack.sequence, ack.durable_sequence)


def test_samples_are_applied_and_acknowledged(session: Session, state: State) -> None:
    batch = sampled(at(1), 7)
    assert session.receive(declaration(batch), at(1)).refused is None
    assert session.receive(samples(1, batch), at(1)).samples == 4
    assert session.unacknowledged == 1
    assert acked(session) == 1
    assert session.take_ack() is None
    assert list(state.samples("n1", at(1))[0].batch.counters) == [7, 7]


def test_events_are_acknowledged_when_durable_and_hold_up_no_samples(session: Session) -> None:
    batch = sampled(at(1))
    session.receive(declaration(batch), at(1))
    session.receive(samples(1, batch), at(1))
    step = session.receive(events(2, event(at(1)), event(at(1), "ethernet.up")), at(1))
    assert step.store is not None
    assert (step.store.sequence, [row.kind for row in step.store.items if isinstance(row, Event)]) == (
        2,
        ["ethernet.down", "ethernet.up"],
    )
    session.receive(samples(3, batch), at(1))
    assert both(session) == (3, 1)
    assert both(session) is None
    session.receive(events(4, event(at(1))), at(1))
    session.stored(4)
    assert both(session) == (4, 1)
    session.stored(2)
    assert both(session) == (4, 4)


def test_events_that_the_store_refuses_are_refused_to_the_probe(session: Session) -> None:
    session.receive(events(5, event(at(1))), at(1))
    session.refuse(5, "too odd")
    ack = session.take_ack()
    assert ack is not None
    assert [(row.sequence, row.detail) for row in ack.refusals] == [(5, "too odd")]


def test_sequences_may_have_gaps_but_not_go_back(session: Session) -> None:
    batch = sampled(at(1))
    session.receive(declaration(batch), at(1))
    session.receive(samples(10, batch), at(1))
    session.receive(samples(40, batch), at(1))
    step = session.receive(samples(40, batch), at(1))
    assert step.refused is not None
    assert "does not follow 40" in step.refused.detail
    assert acked(session) == 40


def test_a_wrong_column_length_is_refused_and_loses_nothing_else(session: Session, state: State) -> None:
    good, bad = sampled(at(1), 3), sampled(at(1), 4)
    session.receive(declaration(good), at(1))
    session.receive(samples(1, good), at(1))
    request = samples(2, bad)
    request.samples.batches[0].counters.append(99)
    step = session.receive(request, at(2))
    assert step.refused is not None
    assert step.refused.reason == stream_pb2.REFUSAL_REASON_COLUMN_LENGTH
    assert "3 counters" in step.refused.detail
    assert list(state.samples("n1", at(2))[0].batch.counters) == [3, 3]
    session.receive(samples(3, sampled(at(3), 5)), at(3))
    ack = session.take_ack()
    assert ack is not None
    assert (ack.sequence, [refusal.sequence for refusal in ack.refusals]) == (3, [2])


def test_a_message_with_one_bad_batch_is_refused_whole(session: Session, state: State) -> None:
    batch = sampled(at(1), 3)
    session.receive(declaration(batch), at(1))
    request = samples(1, batch, batch)
    request.samples.batches[1].qualities = b"\x09" * 4
    assert session.receive(request, at(1)).refused is not None
    assert state.samples("n1", at(1)) == []


def test_an_undeclared_set_is_refused(session: Session) -> None:
    step = session.receive(samples(1, sampled(at(1))), at(1))
    assert step.refused is not None
    assert step.refused.reason == stream_pb2.REFUSAL_REASON_UNKNOWN_SERIES_SET


def test_a_refused_declaration_refuses_its_batches_with_the_reason(session: Session) -> None:
    batch = sampled(at(1))
    request = declaration(batch)
    request.series_set.metrics[0].name = "no spaces please"
    session.receive(request, at(1))
    step = session.receive(samples(1, batch), at(1))
    assert step.refused is not None
    assert "no spaces please" in step.refused.detail


def test_flows_are_acknowledged_when_durable(session: Session) -> None:
    request = encode_flows([flow(), flow(label="")])
    request.sequence = 1
    step = session.receive(request, at(1))
    assert step.store is not None
    assert step.store.items == [flow(), flow(label="")]
    assert both(session) == (1, 0)
    session.stored(1)
    assert both(session) == (1, 1)


def test_a_flow_out_of_bounds_is_refused_with_the_reason(session: Session) -> None:
    request = encode_flows([flow()])
    request.sequence = 1
    request.flows.flows[0].key.source = b"abc"
    step = session.receive(request, at(1))
    assert step.refused is not None
    assert "3 octets" in step.refused.detail


@pytest.mark.parametrize("request_", [hello(identity()), stream_pb2.StreamRequest()])
def test_a_second_hello_and_an_empty_message_are_refused(session: Session, request_: stream_pb2.StreamRequest) -> None:
    request_.sequence = 1
    assert session.receive(request_, at(1)).refused is not None


def test_a_message_without_a_sequence_is_refused_and_not_acknowledged(session: Session) -> None:
    request = stream_pb2.StreamRequest(samples=samples_pb2.Samples())
    assert session.receive(request, at(1)).refused is not None
    assert acked(session) is None


def test_a_flood_of_declarations_is_bounded(session: Session) -> None:
    for number in range(3000):
        request = declaration(sampled(at(1), devices=("a",)))
        request.series_set.id = number.to_bytes(4, "big")
        session.receive(request, at(1))
    batch = sampled(at(1), devices=("a",))
    session.receive(declaration(batch), at(1))
    assert session.receive(samples(1, batch), at(1)).samples == 2


def test_hello_gives_the_identity() -> None:
    assert greet(hello(identity("n1", cluster="a")), None) == identity("n1", cluster="a")
    assert greet(hello(identity("n1")), {"n1", "n1.example"}).host == "n1"


@pytest.mark.parametrize(
    ("change", "names", "status", "reason", "words"),
    [
        ({"protocol": 2}, None, "FAILED_PRECONDITION", "protocol", "speaks protocol 2"),
        ({"host": "../etc"}, None, "INVALID_ARGUMENT", "host_name", "host name"),
        ({"host": ""}, None, "INVALID_ARGUMENT", "host_name", "host name"),
        ({}, {"n2"}, "PERMISSION_DENIED", "identity", "'n1'"),
        ({}, set(), "PERMISSION_DENIED", "identity", "certificate is for"),
    ],
)
def test_a_hello_that_is_not_taken(
    change: dict[str, int | str], names: set[str] | None, status: str, reason: str, words: str
) -> None:
    request = hello(identity("n1"))
    for field, value in change.items():
        setattr(request.hello, field, value)
    with pytest.raises(HelloRefused, match=words) as caught:
        greet(request, names)
    assert (caught.value.status, caught.value.reason) == (status, reason)


def test_something_else_than_a_hello_comes_first() -> None:
    with pytest.raises(HelloRefused, match="first message"):
        greet(samples(1, sampled(at(1))), None)


@pytest.mark.parametrize("bound", ["MAX_SETS_PER_STREAM", "MAX_SERIES_PER_STREAM"])
def test_sets_that_become_too_many_are_forgotten_and_can_be_declared_again(
    session: Session, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    monkeypatch.setattr("collector.session." + bound, 1)
    first, second = sampled(at(1)), sampled(at(1), devices=("c",))
    session.receive(declaration(first), at(1))
    session.receive(declaration(second), at(1))
    refused = session.receive(samples(1, first), at(1)).refused
    assert refused is not None
    assert refused.reason == stream_pb2.REFUSAL_REASON_UNKNOWN_SERIES_SET
    session.receive(declaration(first), at(1))
    assert session.receive(samples(2, first), at(1)).samples == 4
