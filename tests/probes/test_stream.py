"""The stream against a real gRPC server on loopback."""

from __future__ import annotations

from functools import partial
from typing import NoReturn

import grpc
import grpc.aio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabricscope.settings import SettingsError, convert
from fabricscope.v1 import stream_pb2
from probes.message import SpoolError
from probes.outbox import DROPPED
from probes.session import CONNECTED, REFUSED
from probes.stream import ENOUGH, FAILURES, Backoff, StreamSettings
from tests.fixtures.fake_collector import FakeCollector
from tests.probes.conftest import LogLines
from tests.probes.desk import NOBODY, Desk
from tests.probes.made import at, event, sampled


async def test_what_the_spool_holds_arrives_in_order_and_goes_when_acknowledged(
    desk: Desk, collector: FakeCollector
) -> None:
    for second in range(3):
        desk.outbox.append_events([event(at(second))])
        desk.outbox.append_samples([sampled(at(second), second)])
    async with desk.streaming(collector.address):
        stream = await collector.stream()
        hello = await stream.welcome()
        assert (hello.host, hello.epoch) == ("n1", desk.spool.epoch)
        seen = [await stream.receive() for _ in range(7)]
        bodies = [message.WhichOneof("body") for message in seen]
        assert bodies == ["events", "series_set", "samples", "events", "samples", "events", "samples"]
        sequences = [message.sequence for message in seen if message.sequence]
        assert sequences == sorted(set(sequences))
        assert {message.sent_unix_nano for message in seen if message.sequence} == {at(0).wall}
        assert desk.tally.get(CONNECTED, collector.address) == 1
        await stream.ack(sequences[-1])
        await desk.emptied()
        desk.outbox.append_events([event(at(9))])
        assert (await stream.message()).sequence > sequences[-1]
    assert desk.tally.get(CONNECTED, collector.address) == 0


async def test_what_was_not_acknowledged_is_sent_again_and_its_sets_with_it(
    desk: Desk, collector: FakeCollector
) -> None:
    for second in range(3):
        desk.outbox.append_samples([sampled(at(second))])
    async with desk.streaming(collector.address):
        first = await collector.welcomed()
        sequences = [(await first.message()).sequence for _ in range(3)]
        await first.ack(sequences[0])
        first.end(grpc.StatusCode.UNAVAILABLE, "going away")
        again = await collector.welcomed()
        assert (await again.receive()).WhichOneof("body") == "series_set"
        assert [(await again.message()).sequence for _ in range(2)] == sequences[1:]


async def test_events_stay_until_they_are_durable_and_hold_up_no_samples(desk: Desk, collector: FakeCollector) -> None:
    desk.outbox.append_events([event(at(0))])
    desk.outbox.append_samples([sampled(at(0))])
    async with desk.streaming(collector.address):
        stream = await collector.welcomed()
        events, samples = await stream.message(), await stream.message()
        await stream.ack(samples.sequence, 0)
        stream.end()
        again = await collector.welcomed()
        assert (await again.message()).sequence == events.sequence
        await again.ack(events.sequence)
        await desk.emptied()


async def test_refused_messages_are_dropped_and_counted(desk: Desk, collector: FakeCollector) -> None:
    desk.outbox.append_events([event(at(0))] * 3)
    async with desk.streaming(collector.address):
        stream = await collector.welcomed()
        sequence = (await stream.message()).sequence
        await stream.ack(sequence, sequence, stream_pb2.Refusal(sequence=sequence, reason="REFUSAL_REASON_INVALID"))
        await desk.emptied()
    assert desk.tally.get(REFUSED, collector.address, "invalid") == 1
    assert desk.tally.get(DROPPED, "events", "refused") == 3


@pytest.mark.parametrize("code", [grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.INVALID_ARGUMENT])
async def test_a_message_that_ends_every_stream_is_given_up_and_no_other(
    desk: Desk, collector: FakeCollector, log_lines: LogLines, code: grpc.StatusCode
) -> None:
    for second in range(3):
        desk.outbox.append_events([event(at(second))] * (second + 1))
    first, poison, last = (message.sequence for message in await desk.outbox.pending(0, 1 << 20))
    async with desk.streaming(collector.address, NOBODY):
        stream = await collector.welcomed()
        # Which one it was cannot be told: all were under way.
        assert [(await stream.message()).sequence for _ in range(3)] == [first, poison, last]
        stream.end(code, "too large")
        stream = await collector.welcomed()
        assert (await stream.message()).sequence == first
        await stream.ack(first)
        assert (await stream.message()).sequence == poison
        stream.end(code, "too large")
        for _ in range(ENOUGH):
            stream = await collector.welcomed()
            assert (await stream.message()).sequence == poison
            stream.end(code, "too large")
        stream = await collector.welcomed()
        assert (await stream.message()).sequence == last
        await stream.ack(last)
        await desk.emptied()
    assert desk.tally.get(DROPPED, "events", "refused") == 2
    assert desk.tally.get(REFUSED, collector.address, code.name.lower()) == 1
    (line,) = (line for line in log_lines if line["log_level"] == "error")
    assert (line["sequence"], line["reason"]) == (poison, "too large")


async def test_a_message_that_ends_streams_in_another_way_is_not_given_up(desk: Desk, collector: FakeCollector) -> None:
    desk.outbox.append_events([event(at(0))])
    async with desk.streaming(collector.address):
        for code in [grpc.StatusCode.UNAVAILABLE] * (ENOUGH + 1) + [grpc.StatusCode.RESOURCE_EXHAUSTED] * (ENOUGH - 1):
            stream = await collector.welcomed()
            await stream.message()
            stream.end(code, "going away")
        stream = await collector.welcomed()
        assert (await stream.message()).WhichOneof("body") == "events"


async def test_a_collector_that_refuses_the_hello_so_costs_no_message(desk: Desk, collector: FakeCollector) -> None:
    desk.outbox.append_events([event(at(0))])
    async with desk.streaming(collector.address):
        for _ in range(ENOUGH + 1):
            (await collector.stream()).end(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many streams")
        assert (await (await collector.welcomed()).message()).WhichOneof("body") == "events"


async def test_the_next_collector_is_taken_when_one_is_gone(desk: Desk) -> None:
    desk.outbox.append_events([event(at(0))])
    async with (
        FakeCollector() as first,
        FakeCollector() as second,
        desk.streaming(NOBODY, first.address, second.address),
    ):
        stream = await first.welcomed()
        sequence = (await stream.message()).sequence
        await first._server.stop(grace=None)
        stream = await second.welcomed()
        assert (await stream.message()).sequence == sequence
        await stream.ack(sequence)
        await desk.emptied()
    assert desk.tally.get(FAILURES, NOBODY, "UNAVAILABLE") == 1
    assert desk.tally.get(CONNECTED, NOBODY) == 0


async def test_a_collector_that_comes_back_on_its_address_is_found(desk: Desk) -> None:
    async with FakeCollector() as first:
        port = int(first.address.rpartition(":")[2])
        async with desk.streaming(first.address):
            await first.welcomed()
            await first._server.stop(grace=None)
            await desk.counted(first.address, "UNAVAILABLE", least=2)
            async with FakeCollector(port) as again:
                await again.welcomed()


@pytest.mark.parametrize(
    ("code", "details"),
    [
        (grpc.StatusCode.PERMISSION_DENIED, "the probe calls itself 'n1', its certificate is for ['n2']"),
        (grpc.StatusCode.FAILED_PRECONDITION, "the probe speaks protocol 1, this collector 2"),
    ],
)
@pytest.mark.parametrize("read", [False, True])
async def test_why_a_hello_was_refused_reaches_the_log(
    desk: Desk, collector: FakeCollector, log_lines: LogLines, code: grpc.StatusCode, details: str, read: bool
) -> None:
    async with desk.streaming(collector.address):
        stream = await collector.stream()
        if read:
            await stream.receive()
        stream.end(code, details)
        await desk.counted(collector.address, code.name)
    line = next(line for line in log_lines if line["event"] == "stream ended")
    assert (line["collector"], line["status"], line["reason"]) == (collector.address, code.name, details)


async def test_a_collector_of_another_version_is_named(
    desk: Desk, collector: FakeCollector, log_lines: LogLines
) -> None:
    async with desk.streaming(collector.address):
        await (await collector.stream()).welcome(protocol=2)
        await desk.counted(collector.address, "PROTOCOL")
    assert log_lines[0]["reason"] == "the collector speaks protocol 2, this probe 1: update the older of the two"


async def test_what_is_no_collector_is_told(desk: Desk) -> None:
    server = grpc.aio.server()
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    async with desk.streaming(address):
        await desk.counted(address, "UNIMPLEMENTED")
    await server.stop(grace=None)


async def test_a_flood_of_the_same_failure_is_said_once(desk: Desk, log_lines: LogLines) -> None:
    async with desk.streaming(NOBODY):
        await desk.counted(NOBODY, "UNAVAILABLE", least=5)
    assert [line["status"] for line in log_lines] == ["UNAVAILABLE"]
    assert "no collector listens there" in log_lines[0]["reason"]


async def test_losing_a_collector_is_said_each_time(desk: Desk, collector: FakeCollector, log_lines: LogLines) -> None:
    async with desk.streaming(collector.address):
        for _ in range(3):
            stream = await collector.welcomed()
            stream.end(grpc.StatusCode.UNAVAILABLE, "the collector is stopping")
        await desk.counted(collector.address, "UNAVAILABLE", least=3)
    said = [line["event"] for line in log_lines if line["event"] in ("connected", "stream ended")]
    assert said == ["connected", "stream ended"] * 3


async def test_a_probe_that_was_put_out_by_its_namesake_gives_way(
    desk: Desk, collector: FakeCollector, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    def none_at_all(_: float, bound: float) -> float:
        pauses.append(bound)
        return 0.0

    monkeypatch.setattr("probes.stream.Backoff", partial(Backoff, draw=none_at_all))
    async with desk.streaming(collector.address, backoff_max_seconds=1.0):
        for sequence in range(4):
            desk.outbox.append_events([event(at(sequence))])
            stream = await collector.welcomed()
            message = await stream.message()
            await stream.ack(message.sequence)
            stream.end(grpc.StatusCode.ABORTED, "another stream of n1 was opened")
        await desk.counted(collector.address, "ABORTED", least=4)
    assert pauses[:4] == [1e-3, 2e-3, 4e-3, 8e-3], "the pauses grow although messages were taken"


async def test_a_proxy_in_the_environment_is_not_for_the_probe(
    desk: Desk, collector: FakeCollector, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "grpc_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    async with desk.streaming(collector.address):
        await collector.welcomed()


async def test_a_spool_that_fails_ends_the_stream_and_is_tried_again(
    desk: Desk, collector: FakeCollector, monkeypatch: pytest.MonkeyPatch, log_lines: LogLines
) -> None:
    desk.outbox.append_events([event(at(0))])
    await desk.outbox.pending(0, 1)
    works = desk.spool.pending

    def fails(*_: object) -> NoReturn:
        monkeypatch.setattr(desk.spool, "pending", works)
        raise SpoolError("disk I/O error")

    monkeypatch.setattr(desk.spool, "pending", fails)
    async with desk.streaming(collector.address):
        await collector.welcomed()
        stream = await collector.welcomed()
        assert (await stream.message()).WhichOneof("body") == "events"
    (line,) = (line for line in log_lines if line["event"] == "stream ended")
    assert (line["status"], line["reason"]) == ("SPOOL", "the spool cannot be read: disk I/O error")


# --- backoff and settings


def test_pauses_double_up_to_their_longest_and_start_anew() -> None:
    backoff = Backoff(0.5, 3, draw=lambda _, high: high)
    assert [backoff.pause() for _ in range(5)] == [0.5, 1, 2, 3, 3]
    backoff.reset()
    assert backoff.pause() == 0.5


def test_the_first_pause_is_no_longer_than_the_longest() -> None:
    assert Backoff(60, 2, draw=lambda _, high: high).pause() == 2


@given(st.floats(0.001, 60), st.floats(0.001, 3600), st.integers(1, 50))
def test_every_pause_is_drawn_from_its_bounds(first: float, longest: float, many: int) -> None:
    backoff = Backoff(first, longest)
    for pause in (backoff.pause() for _ in range(many)):
        assert min(first, longest) / 10 <= pause <= longest


def test_probes_do_not_return_in_step() -> None:
    assert len({Backoff(1, 30).pause() for _ in range(100)}) > 90


@pytest.mark.parametrize("key", ["backoff_seconds", "connect_timeout_seconds", "ack_timeout_seconds"])
def test_settings_have_bounds(key: str) -> None:
    with pytest.raises(SettingsError, match=rf"stream.{key}: 0 does not fit"):
        convert({key: 0}, StreamSettings, "stream")
