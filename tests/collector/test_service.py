"""Streams on loopback: acknowledgements, refusals, hints."""

from __future__ import annotations

from typing import Any

import grpc
import grpc.aio
import pytest

from collector.service import HELLOS_REFUSED, MAX_STORING, REFUSED, SAMPLES, SUPERSEDED
from collector.state import StateSettings
from collector.store import RowsRefusedError, StoreUnavailableError
from collector.store.writer import LEFT
from fabricscope.clock import system_clock
from fabricscope.model import Hint, HintAction
from fabricscope.v1 import stream_pb2
from tests.collector.serving import refused, running, stream, welcomed
from tests.collector.wire import declaration, event, events, hello, identity, sampled, samples


async def acknowledged(call: Any, sequence: int = 0, durable: int = 0) -> stream_pb2.Ack:
    """The first acknowledgement that reaches both."""
    while True:
        ack: stream_pb2.Ack = (await call.read()).ack
        if ack.sequence >= sequence and ack.durable_sequence >= durable:
            return ack


async def test_samples_arrive_and_are_acknowledged() -> None:
    async with running() as it, stream(it.channel()) as call:
        await welcomed(call)
        batch = sampled(system_clock(), 42)
        await call.write(declaration(batch))
        await call.write(samples(1, batch))
        assert (await call.read()).ack.sequence == 1
        assert list(it.state.samples("n1", system_clock())[0].batch.counters) == [42, 42]
        assert it.tally.get(SAMPLES) == 4


async def test_events_are_acknowledged_when_durable_and_not_before() -> None:
    async with running() as it, stream(it.channel()) as call:
        await welcomed(call)
        await call.write(events(1, event(system_clock())))
        who, rows, durable = await it.store.submitted.get()
        assert (who.host, rows.sequence) == ("n1", 1)
        await call.write(events(2, event(system_clock())))
        _, _, second = await it.store.submitted.get()
        second.set_result(None)  # out of order: the first is not on disk, so neither is durable
        ack = await acknowledged(call, sequence=2)
        assert ack.durable_sequence == 0
        durable.set_result(None)
        assert (await acknowledged(call, durable=2)).sequence == 2


async def test_events_that_the_store_will_never_take_are_refused() -> None:
    async with running() as it, stream(it.channel()) as call:
        await welcomed(call)
        await call.write(events(1, event(system_clock())))
        (await it.store.submitted.get())[2].set_exception(RowsRefusedError("too odd"))
        ack = await acknowledged(call, durable=1)
        assert [(row.sequence, row.detail) for row in ack.refusals] == [(1, "too odd")]


async def test_a_bad_message_is_refused_and_the_stream_goes_on() -> None:
    async with running() as it, stream(it.channel()) as call:
        await welcomed(call)
        batch = sampled(system_clock())
        await call.write(declaration(batch))
        bad = samples(1, batch)
        bad.samples.batches[0].gauges.pop()
        await call.write(bad)
        ack = (await call.read()).ack
        assert ack.refusals[0].reason == stream_pb2.REFUSAL_REASON_COLUMN_LENGTH
        await call.write(samples(2, batch))
        assert (await call.read()).ack.sequence == 2
        assert it.tally.get(REFUSED, "column_length") == 1


async def test_a_store_that_is_away_holds_up_no_samples() -> None:
    async with running(ack_seconds=0.05) as it, stream(it.channel()) as call:
        await welcomed(call)
        for sequence in range(1, MAX_STORING + 7):
            await call.write(events(sequence, event(system_clock())))
        batch = sampled(system_clock(), 42)
        await call.write(declaration(batch))
        await call.write(samples(100, batch))
        assert (await acknowledged(call, sequence=100)).durable_sequence == 0
        assert list(it.state.samples("n1", system_clock())[0].batch.counters) == [42, 42]
        assert it.tally.get(LEFT, "event") == 6
        while it.store.behind:
            (await it.store.submitted.get())[2].set_result(None)
        # What it took is durable; what it left is asked for again, by a new stream.
        assert (await acknowledged(call, durable=MAX_STORING)).durable_sequence == MAX_STORING
        error = await refused(call)
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        assert "send again what it did not take" in (error.details() or "")


async def test_a_new_stream_of_a_host_ends_its_former_one() -> None:
    async with running() as it, stream(it.channel()) as former:
        await welcomed(former, identity(epoch="old"))
        async with stream(it.channel()) as call:
            await welcomed(call, identity(epoch="new"))
            error = await refused(former)
            assert error.code() is grpc.StatusCode.ABORTED
            assert it.tally.get(SUPERSEDED) == 1
            batch = sampled(system_clock(), 7)
            await call.write(declaration(batch))
            await call.write(samples(1, batch))
            await acknowledged(call, sequence=1)
            assert list(it.state.samples("n1", system_clock())[0].batch.counters) == [7, 7]


async def test_a_host_too_many_is_told_why() -> None:
    async with running() as it:
        it.state.settings = StateSettings(max_hosts=1)
        async with stream(it.channel()) as call:
            await welcomed(call, identity("n1"))
            async with stream(it.channel()) as other:
                await other.write(hello(identity("n2")))
                error = await refused(other)
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "collector.state.max_hosts" in (error.details() or "")
        assert it.tally.get(HELLOS_REFUSED, "limit") == 1


async def test_a_client_that_says_nothing_loses_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.service.HELLO_SECONDS", 0.05)
    async with running() as it, stream(it.channel()) as call:
        error = await refused(call)
        assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert it.tally.get(HELLOS_REFUSED, "no_hello") == 1


async def test_octets_that_are_no_message_end_the_stream_with_a_reason() -> None:
    async with running() as it, it.channel() as channel:
        call: Any = channel.stream_stream("/fabricscope.v1.CollectorService/Stream", None, None)()
        await call.write(hello(identity()).SerializeToString())
        await call.read()
        await call.write(b"\xff\xff\xff")
        error = await refused(call)
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert it.tally.get(REFUSED, "malformed") == 1


async def test_a_store_that_stops_leaves_the_events_with_the_probe() -> None:
    async with running() as it, stream(it.channel()) as call:
        await welcomed(call)
        await call.write(events(1, event(system_clock())))
        (await it.store.submitted.get())[2].set_exception(StoreUnavailableError("the collector is stopping"))
        batch = sampled(system_clock())
        await call.write(declaration(batch))
        await call.write(samples(2, batch))
        assert (await acknowledged(call, sequence=2)).durable_sequence == 0


async def test_another_protocol_version_is_told_so() -> None:
    async with running() as it, stream(it.channel()) as call:
        request = hello(identity())
        request.hello.protocol = 7
        await call.write(request)
        error = await refused(call)
        assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert "speaks protocol 7" in (error.details() or "")
        assert it.tally.get(HELLOS_REFUSED, "protocol") == 1


async def test_more_streams_than_allowed_are_refused() -> None:
    async with running(max_streams=1) as it, stream(it.channel()) as first:
        await welcomed(first)
        async with stream(it.channel()) as second:
            error = await refused(second)
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_a_probe_that_leaves_is_disconnected_but_keeps_its_values_until_stale() -> None:
    async with running() as it:
        async with stream(it.channel()) as call:
            await welcomed(call)
            batch = sampled(system_clock())
            await call.write(declaration(batch))
            await call.write(samples(1, batch))
            await call.read()
            await call.done_writing()
            assert await call.read() is grpc.aio.EOF
        (status,) = it.state.hosts(system_clock())
        assert not status.connected
        assert it.state.samples("n1", system_clock())


async def test_hints_go_down_the_same_stream() -> None:
    hint = Hint("spine1", 1, 1, HintAction.WITHDRAW, "leaf1:spine1", ("10.0.0.0/24",), "link down", 5, 10)
    async with running() as it, stream(it.channel()) as call:
        assert not await it.service.send_hint("n1", hint)
        await welcomed(call)
        assert await it.service.send_hint("n1", hint)
        assert (await call.read()).hint.prefixes == ["10.0.0.0/24"]
