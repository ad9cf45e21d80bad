from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from fabricscope.clock import system_clock
from fabricscope.codec import decode_flows
from fabricscope.settings import SettingsError
from fabricscope.v1 import stream_pb2
from probes.flows.sending import AT_ONCE, NotSentError, Sender
from probes.settings import ProbeSettings
from probes.stream import StreamSettings
from tests.fixtures.fake_collector import FakeCollector
from tests.fixtures.flows import flow


def sender(folder: Path, *collectors: str) -> Sender:
    stream = StreamSettings(backoff_seconds=0.05, backoff_max_seconds=0.1)
    return Sender(ProbeSettings(host="n1", collectors=collectors, stream=stream), folder, system_clock)


async def test_a_collector_gets_all_flows(tmp_path: Path) -> None:
    async with FakeCollector() as collector:
        tested = sender(tmp_path, collector.address)
        tested.add([flow(label=f"app{number}") for number in range(AT_ONCE + 1)])
        sending = asyncio.create_task(asyncio.to_thread(tested.send, 20))
        conversation = await collector.welcomed()
        sizes = []
        for _ in range(2):
            message = await conversation.message()
            sizes.append(len(decode_flows(message.flows)))
            await conversation.ack(message.sequence)
        await sending
    assert sizes == [AT_ONCE, 1]


async def test_flows_that_are_refused_are_told(tmp_path: Path) -> None:
    async with FakeCollector() as collector:
        tested = sender(tmp_path, collector.address)
        tested.add([flow()])
        sending = asyncio.create_task(asyncio.to_thread(tested.send, 20))
        conversation = await collector.welcomed()
        message = await conversation.message()
        refusal = stream_pb2.Refusal(sequence=message.sequence, reason="REFUSAL_REASON_INVALID")
        await conversation.ack(message.sequence, None, refusal)
        with pytest.raises(NotSentError, match="0 messages of up to 200 flows were not taken, 1 were refused"):
            await sending


def test_nobody_takes_them(tmp_path: Path) -> None:
    tested = sender(tmp_path, "127.0.0.1:1")
    tested.add([flow()])
    with pytest.raises(NotSentError, match=r"127\.0\.0\.1:1: 1 messages"):
        tested.send(0.3)


def test_nothing_is_sent_to_nobody(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"probe\.collectors names nobody"):
        sender(tmp_path)


def test_nothing_to_send_needs_no_collector(tmp_path: Path) -> None:
    sender(tmp_path, "127.0.0.1:1").send(0.1)
