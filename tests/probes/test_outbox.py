from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from fabricscope.codec import decode_flows
from fabricscope.model import Now
from fabricscope.settings import SettingsError
from fabricscope.tally import Tally
from fabricscope.v1 import stream_pb2
from probes import outbox as module
from probes.message import MessageKind, SpoolError
from probes.outbox import BYTES, DROPPED, DROPPED_MESSAGES, MAX_WAITING, MESSAGES, RETRY_NS, SpoolOutbox
from probes.spool import Spool, SpoolSettings
from tests.fixtures.flows import flow
from tests.probes.conftest import LogLines
from tests.probes.made import at, event, sampled


class Desk:
    """An outbox with its parts."""

    def __init__(self, folder: Path) -> None:
        self.tally = Tally()
        self.spool = Spool(SpoolSettings(path=str(folder / "spool.db")), 0)
        self.outbox = SpoolOutbox(lambda: self.spool, lambda: at(0), self.tally)

    async def messages(self) -> list[stream_pb2.StreamRequest]:
        """Everything that was appended so far."""
        found = await self.outbox.pending(0, 1 << 24)
        await asyncio.sleep(0)  # what follows from an append is told the loop before what follows from the look
        return [stream_pb2.StreamRequest.FromString(message.payload) for message in found]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    made = Desk(tmp_path)
    yield made
    await made.outbox.close()


async def test_the_batches_of_a_tick_are_one_message_with_their_sets(desk: Desk) -> None:
    batches = [sampled(at(0), 7, sampler="one"), sampled(at(0), 8, sampler="two")]
    desk.outbox.append_samples(batches)
    (message,) = await desk.messages()
    assert [list(batch.counters) for batch in message.samples.batches] == [[7, 7], [8, 8]]
    (spooled,) = await desk.outbox.pending(0, 1 << 20)
    assert (spooled.kind, spooled.items) == (MessageKind.SAMPLES, 4)
    assert spooled.series_sets == tuple(batch.series_set.id for batch in batches)
    for identifier in spooled.series_sets:
        declaration = await desk.outbox.declaration(identifier)
        assert stream_pb2.StreamRequest.FromString(declaration or b"").series_set.id == identifier


async def test_large_batches_have_messages_of_their_own(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_MESSAGE_BYTES", 400)
    desk.outbox.append_samples([sampled(at(0), value, sampler=f"s{value}") for value in range(5)])
    assert [len(message.samples.batches) for message in await desk.messages()] == [2, 2, 1]


async def test_events_are_one_message_unless_they_are_large(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.outbox.append_events([event(at(0))] * 3)
    (message,) = await desk.messages()
    assert len(message.events.events) == 3
    monkeypatch.setattr(module, "MAX_MESSAGE_BYTES", message.ByteSize() - 1)
    events = [event(at(0), f"test.down{number}") for number in range(5)]
    desk.outbox.append_events(events)
    large = [[row.kind for row in message.events.events] for message in (await desk.messages())[1:]]
    assert large == [["test.down0", "test.down1"], ["test.down2"], ["test.down3", "test.down4"]]


async def test_one_event_is_a_message_however_large(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_MESSAGE_BYTES", 1)
    desk.outbox.append_events([event(at(0))] * 2)
    assert [len(message.events.events) for message in await desk.messages()] == [1, 1]


async def test_flows_are_one_message_unless_they_are_large(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    flows = [flow(), flow(label=""), flow(behaviour="")]
    desk.outbox.append_flows(flows)
    (message,) = await desk.messages()
    assert decode_flows(message.flows) == flows
    monkeypatch.setattr(module, "MAX_MESSAGE_BYTES", 300)
    desk.outbox.append_flows(flows)
    assert [len(message.flows.flows) for message in await desk.messages()] == [3, 1, 1, 1]
    desk.outbox.append_flows([])
    assert len(await desk.messages()) == 4


async def test_nothing_to_append_is_no_message(desk: Desk) -> None:
    desk.outbox.append_events([])
    desk.outbox.append_samples([])
    assert await desk.messages() == []


async def test_the_bell_rings_for_what_was_appended_since_the_last_look(desk: Desk) -> None:
    waiting = asyncio.create_task(desk.outbox.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    desk.outbox.append_events([event(at(0))])
    await waiting
    await desk.outbox.wait()
    await desk.messages()
    assert not desk.outbox._bell.is_set()


async def test_what_is_appended_during_a_look_rings_again(desk: Desk) -> None:
    looking = asyncio.create_task(desk.outbox.pending(0, 1 << 20))
    await asyncio.sleep(0)
    desk.outbox.append_events([event(at(0))])
    assert await looking == []
    await desk.outbox.wait()
    assert len(await desk.messages()) == 1


async def test_what_is_kept_and_dropped_is_told(desk: Desk) -> None:
    desk.outbox.append_samples([sampled(at(0))])
    (message,) = await desk.outbox.pending(0, 1 << 20)
    await asyncio.sleep(0)
    assert desk.tally.get(MESSAGES) == 1
    assert desk.tally.get(BYTES) == desk.spool.bytes > 0
    await desk.outbox.acknowledge(message.sequence, 0, [message.sequence])
    assert desk.tally.get(MESSAGES) == 0
    assert desk.tally.get(DROPPED, "samples", "refused") == 2
    assert desk.tally.get(DROPPED_MESSAGES, "samples", "refused") == 1


async def test_what_the_disk_refuses_is_counted_and_the_next_is_tried(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, log_lines: LogLines
) -> None:
    def full(*_: Any) -> None:
        raise SpoolError("database or disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(desk.spool, "append", full)
        broken.setattr(desk.spool, "acknowledge", full)
        desk.outbox.append_events([event(at(0))] * 3)
        desk.outbox.append_samples([sampled(at(0))])
        await desk.messages()
        await desk.outbox.acknowledge(0, 0, [])
    assert desk.tally.get(DROPPED, "events", "disk") == 3
    assert desk.tally.get(DROPPED, "samples", "disk") == 2
    assert desk.tally.get(DROPPED_MESSAGES, "events", "disk") == 1
    desk.outbox.append_events([event(at(0))])
    assert len(await desk.messages()) == 1
    assert [(line["log_level"], line["event"]) for line in log_lines] == [
        ("error", "the spool cannot be written, messages are lost until it can"),
        ("info", "the spool can be written again"),
    ]
    assert log_lines[0]["reason"] == "database or disk is full"


async def test_a_disk_that_hangs_does_not_fill_the_memory(desk: Desk) -> None:
    let_go = threading.Event()
    desk.outbox._thread.submit(let_go.wait)
    for _ in range(MAX_WAITING + 10):
        desk.outbox.append_events([event(at(0))])
    assert desk.tally.get(DROPPED, "events", "disk") == 10
    let_go.set()
    assert len(await desk.outbox.pending(0, 1 << 20)) == MAX_WAITING
    assert desk.tally.get(DROPPED, "events", "disk") == 10


async def test_samples_leave_half_of_the_places_to_events(desk: Desk) -> None:
    let_go = threading.Event()
    desk.outbox._thread.submit(let_go.wait)
    for _ in range(MAX_WAITING):
        desk.outbox.append_samples([sampled(at(0))])
    for _ in range(MAX_WAITING // 2):
        desk.outbox.append_events([event(at(0))])
    assert desk.tally.get(DROPPED_MESSAGES, "samples", "disk") == MAX_WAITING // 2
    assert desk.tally.get(DROPPED, "events", "disk") == 0
    let_go.set()
    kinds = [message.kind for message in await desk.outbox.pending(0, 1 << 20)]
    assert kinds == [MessageKind.SAMPLES] * (MAX_WAITING // 2) + [MessageKind.EVENTS] * (MAX_WAITING // 2)


async def test_a_message_is_no_larger_than_it_was_reckoned(desk: Desk) -> None:
    values = sampled(at(0), (1 << 64) - 1, devices=[f"device{number}" for number in range(1000)])
    desk.outbox.append_samples([values] * 60)
    sizes = [message.ByteSize() for message in await desk.messages()]
    assert len(sizes) > 1
    assert max(sizes) <= module.MAX_MESSAGE_BYTES


class Shut:
    """A disk that will not have the spool until it is told to, at a time that the test sets."""

    def __init__(self, folder: Path, error: Exception) -> None:
        self.settings = SpoolSettings(path=str(folder / "spool.db"))
        self.error: Exception | None = error
        self.tries = 0
        self.mono = 0

    def __call__(self) -> Spool:
        self.tries += 1
        if self.error is not None:
            raise self.error
        return Spool(self.settings, self.mono)

    def outbox(self, tally: Tally) -> SpoolOutbox:
        return SpoolOutbox(self, lambda: Now(self.mono, self.mono), tally)


async def settled(outbox: SpoolOutbox) -> None:
    """What was appended has been tried."""
    with suppress(SpoolError):
        await outbox.pending(0, 1)
    await asyncio.sleep(0)


async def test_a_spool_that_the_disk_will_not_have_costs_what_was_to_be_kept_and_is_tried_again(
    tmp_path: Path, log_lines: LogLines
) -> None:
    tally, shut = Tally(), Shut(tmp_path, SpoolError("no space"))
    outbox = shut.outbox(tally)
    epoch = asyncio.create_task(outbox.epoch())
    for _ in range(2):
        outbox.append_events([event(at(0))])
        await settled(outbox)
    assert (tally.get(DROPPED, "events", "disk"), shut.tries) == (2, 1)
    shut.mono, shut.error = RETRY_NS, SettingsError("locked")
    outbox.append_samples([sampled(at(0))])
    await settled(outbox)
    assert (tally.get(DROPPED, "samples", "disk"), shut.tries) == (2, 2)
    assert not epoch.done()
    shut.mono, shut.error = 2 * RETRY_NS, None
    outbox.append_events([event(at(0))])
    assert len(await epoch) == 32
    assert len(await outbox.pending(0, 1)) == 1
    assert tally.get(MESSAGES) == 1
    assert [(line["event"], line.get("reason")) for line in log_lines] == [
        ("the spool cannot be written, messages are lost until it can", "no space"),
        ("the spool can be written again", None),
    ]
    await outbox.close()


async def test_a_spool_that_never_came_can_be_closed(tmp_path: Path) -> None:
    shut = Shut(tmp_path, SpoolError("no space"))
    outbox = shut.outbox(Tally())
    await outbox.close()
    assert shut.tries == 1


def test_a_spool_at_a_wrong_place_is_an_error_of_the_settings(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="name another path"):
        Shut(tmp_path, SettingsError("name another path")).outbox(Tally())


async def test_closing_waits_for_what_is_being_written(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.outbox.append_events([event(at(0))])
    await desk.outbox.close()
    again = Spool(SpoolSettings(path=str(tmp_path / "spool.db")), 0)
    assert again.messages == 1
    again.close()
