"""Sessions against an imaginary call: what gRPC may do at any moment, at that moment."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import grpc
import grpc.aio
import pytest

from fabricscope.codec import PROTOCOL, encode_hint
from fabricscope.model import Hint, HintAction, HostIdentity, Now
from fabricscope.tally import Tally
from fabricscope.v1 import hints_pb2, stream_pb2
from probes import session as module
from probes.message import Message, MessageKind, SpoolError
from probes.session import CONNECTED, HINTS, REFUSED, SENT, SENT_BYTES, Session, SessionSettings, StreamLost
from tests.probes.conftest import LogLines
from tests.probes.made import at

IDENTITY = HostIdentity("n1", "boot", "epoch", {"pod": "7"}, "0.1.0")
HINT = Hint("planner", 1, 2, HintAction.WITHDRAW, "leaf1:spine2", ("10.0.0.0/8",), "down", 5, 6)
SET_A, SET_B = b"a" * 32, b"b" * 32


class Call:
    """A stream-stream call whose other end the test plays."""

    def __init__(self) -> None:
        self.written: asyncio.Queue[stream_pb2.StreamRequest] = asyncio.Queue()
        self.answers: asyncio.Queue[Any] = asyncio.Queue()
        self.write_error: Exception | None = None
        self.status = (grpc.StatusCode.OK, "")

    async def write(self, payload: bytes) -> None:
        if self.write_error is not None:
            raise self.write_error
        self.written.put_nowait(stream_pb2.StreamRequest.FromString(payload))

    async def read(self) -> Any:
        answer = await self.answers.get()
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def code(self) -> grpc.StatusCode:
        return self.status[0]

    async def details(self) -> str:
        return self.status[1]

    def answer(self, **body: Any) -> None:
        self.answers.put_nowait(stream_pb2.StreamResponse(**body))

    def ack(self, sequence: int, durable: int = 0, *refusals: stream_pb2.Refusal) -> None:
        self.answer(ack=stream_pb2.Ack(sequence=sequence, durable_sequence=durable, refusals=refusals))


class Box:
    """An outbox in memory."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.bell = asyncio.Event()
        self.acknowledged: asyncio.Queue[tuple[int, int, list[int]]] = asyncio.Queue()
        self.error: SpoolError | None = None

    def put(self, sequence: int, *series_sets: bytes) -> None:
        payload = stream_pb2.StreamRequest(samples={}).SerializeToString()
        self.messages.append(Message(sequence, MessageKind.SAMPLES, 1, series_sets, payload))
        self.bell.set()

    async def pending(self, after: int, max_bytes: int) -> list[Message]:
        assert max_bytes > 0
        self.bell.clear()
        if self.error:
            raise self.error
        return [message for message in self.messages if message.sequence > after][:64]

    async def declaration(self, identifier: bytes) -> bytes | None:
        return stream_pb2.StreamRequest(series_set={"id": identifier}).SerializeToString()

    async def acknowledge(self, sequence: int, durable_sequence: int, refused: Sequence[int]) -> None:
        self.acknowledged.put_nowait((sequence, durable_sequence, list(refused)))

    async def wait(self) -> None:
        await self.bell.wait()


class Desk:
    """A session with its parts, talking once entered."""

    def __init__(self, *, cautious: bool = False, **settings: Any) -> None:
        self.call, self.box, self.tally = Call(), Box(), Tally()
        self.hints: list[Hint] = []
        self.now = 0.0
        self.session = Session(
            "c:1",
            SessionSettings(**settings),
            self.box,
            self.tally,
            self.clock,
            self.hints.append,
            cautious=cautious,
        )

    def clock(self) -> Now:
        return at(self.now)

    async def __aenter__(self) -> Desk:
        self.talk = asyncio.create_task(self.session.converse(self.call, IDENTITY))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.talk.cancel()
        await asyncio.wait([self.talk])

    async def greeted(self) -> None:
        assert (await self.call.written.get()).WhichOneof("body") == "hello"
        self.call.answer(welcome=stream_pb2.Welcome(protocol=PROTOCOL))

    async def sent(self) -> stream_pb2.StreamRequest:
        return await self.call.written.get()

    async def lost(self) -> StreamLost:
        with pytest.raises(StreamLost) as caught:
            await self.talk
        return caught.value


async def test_says_hello_first_and_nothing_else_before_the_welcome() -> None:
    async with Desk() as desk:
        desk.box.put(1)
        hello = await desk.sent()
        assert hello.sequence == 0
        assert (hello.hello.host, hello.hello.protocol, dict(hello.hello.labels)) == ("n1", PROTOCOL, {"pod": "7"})
        for _ in range(10):
            await asyncio.sleep(0)
        assert desk.call.written.empty()
        assert desk.tally.get(CONNECTED, "c:1") == 0
        desk.call.answer(welcome=stream_pb2.Welcome(protocol=PROTOCOL))
        assert (await desk.sent()).sequence == 1
        assert desk.tally.get(CONNECTED, "c:1") == 1
    assert desk.tally.get(CONNECTED, "c:1") == 0


async def test_messages_get_their_sequence_and_the_time_of_sending() -> None:
    async with Desk() as desk:
        await desk.greeted()
        desk.now = 5
        desk.box.put(3)
        first = await desk.sent()
        desk.now = 6
        desk.box.put(8)
        second = await desk.sent()
        assert [(message.sequence, message.sent_unix_nano) for message in (first, second)] == [
            (3, at(5).wall),
            (8, at(6).wall),
        ]
        assert first.WhichOneof("body") == "samples"
        await asyncio.sleep(0)
        assert desk.tally.get(SENT, "c:1") == 2
        assert desk.tally.get(SENT_BYTES, "c:1") > 0


async def test_each_set_is_declared_once_before_its_first_use() -> None:
    async with Desk() as desk:
        desk.box.put(1, SET_A)
        desk.box.put(2, SET_A, SET_B)
        desk.box.put(3, SET_B)
        await desk.greeted()
        seen = [await desk.sent() for _ in range(5)]
        assert [message.series_set.id or message.sequence for message in seen] == [SET_A, 1, SET_B, 2, 3]


async def test_sets_are_declared_again_when_there_were_very_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_DECLARED", 1)
    async with Desk() as desk:
        for sequence, identifier in enumerate((SET_A, SET_B, SET_A), 1):
            desk.box.put(sequence, identifier)
        await desk.greeted()
        seen = [await desk.sent() for _ in range(6)]
        assert [message.series_set.id or message.sequence for message in seen] == [SET_A, 1, SET_B, 2, SET_A, 3]


async def test_and_when_the_collector_has_forgotten_them() -> None:
    async with Desk() as desk:
        desk.box.put(1, SET_A)
        await desk.greeted()
        assert [(await desk.sent()).sequence for _ in range(2)] == [0, 1]
        desk.call.ack(1, 1, stream_pb2.Refusal(sequence=1, reason="REFUSAL_REASON_UNKNOWN_SERIES_SET"))
        assert await desk.box.acknowledged.get() == (1, 1, [1])
        desk.box.put(2, SET_A)
        assert [(await desk.sent()).series_set.id, (await desk.sent()).sequence] == [SET_A, 2]


async def test_acknowledgements_reach_the_spool() -> None:
    async with Desk() as desk:
        for sequence in (1, 2, 3):
            desk.box.put(sequence)
        await desk.greeted()
        for _ in range(3):
            await desk.sent()
        assert not desk.session.progressed
        desk.call.ack(2, 1)
        assert await desk.box.acknowledged.get() == (2, 1, [])
        await asyncio.sleep(0)
        assert desk.session.progressed


async def test_a_cautious_one_waits_for_its_first_acknowledgement() -> None:
    async with Desk(cautious=True) as desk:
        for sequence in (1, 2, 3):
            desk.box.put(sequence)
        await desk.greeted()
        assert (await desk.sent()).sequence == 1
        for _ in range(10):
            await asyncio.sleep(0)
        assert desk.call.written.empty()
        desk.call.ack(1)
        assert [(await desk.sent()).sequence for _ in range(2)] == [2, 3]
        assert desk.session.oldest == 2


async def test_a_declaration_that_ends_the_stream_is_blamed_on_its_message() -> None:
    async with Desk() as desk:
        await desk.greeted()
        await asyncio.sleep(0)
        desk.call.write_error = asyncio.InvalidStateError()
        desk.call.status = (grpc.StatusCode.RESOURCE_EXHAUSTED, "too large")
        desk.box.put(1, SET_A)
        assert (await desk.lost()).status == "RESOURCE_EXHAUSTED"
        assert desk.session.oldest == 1


async def test_what_was_never_sent_cannot_be_refused() -> None:
    async with Desk() as desk:
        desk.box.put(1)
        await desk.greeted()
        await desk.sent()
        desk.call.ack(1, 0, stream_pb2.Refusal(sequence=2, reason="REFUSAL_REASON_INVALID"))
        assert str(await desk.lost()) == "acknowledged 2, which was never sent (last: 1)"


async def test_no_more_than_the_window_is_under_way() -> None:
    async with Desk(window_messages=2) as desk:
        for sequence in range(1, 6):
            desk.box.put(sequence)
        await desk.greeted()
        assert [(await desk.sent()).sequence for _ in range(2)] == [1, 2]
        for _ in range(10):
            await asyncio.sleep(0)
        assert desk.call.written.empty()
        desk.call.ack(1)
        assert (await desk.sent()).sequence == 3
        desk.call.ack(3)
        assert [(await desk.sent()).sequence for _ in range(2)] == [4, 5]


async def test_refusals_are_counted_by_reason_and_said_once(log_lines: LogLines) -> None:
    async with Desk() as desk:
        for sequence in (1, 2, 3):
            desk.box.put(sequence)
        await desk.greeted()
        for _ in range(3):
            await desk.sent()
        invalid = [stream_pb2.Refusal(sequence=n, reason="REFUSAL_REASON_INVALID", detail="bad") for n in (1, 2)]
        newer = stream_pb2.Refusal(sequence=3)
        newer.reason = 99  # type: ignore[assignment]  # of a collector that is newer than this probe
        desk.call.ack(3, 3, *invalid, newer)
        assert await desk.box.acknowledged.get() == (3, 3, [1, 2, 3])
    assert desk.tally.get(REFUSED, "c:1", "invalid") == 2
    assert desk.tally.get(REFUSED, "c:1", "unknown") == 1
    said = [line for line in log_lines if line["event"].startswith("message refused")]
    assert [(line["reason"], line["detail"]) for line in said] == [("invalid", "bad"), ("unknown", "")]


async def test_hints_are_handed_on_and_counted_and_bad_ones_refused(log_lines: LogLines) -> None:
    async with Desk() as desk:
        await desk.greeted()
        desk.call.answer(hint=hints_pb2.Hint(origin="stranger"))
        desk.call.answers.put_nowait(encode_hint(HINT))
        desk.call.answers.put_nowait(grpc.aio.EOF)
        await desk.lost()
    assert desk.hints == [HINT]
    assert desk.tally.get(HINTS, "c:1") == 1
    assert "unknown action 0" in next(line["reason"] for line in log_lines if line["event"] == "hint refused")


# --- ends


@pytest.mark.parametrize(("sequence", "durable"), [(2, 0), (0, 2)])
async def test_an_acknowledgement_of_what_was_never_sent_ends_the_stream(sequence: int, durable: int) -> None:
    async with Desk() as desk:
        desk.box.put(1)
        await desk.greeted()
        await desk.sent()
        desk.call.ack(sequence, durable)
        lost = await desk.lost()
        assert (lost.status, str(lost)) == ("PROTOCOL", "acknowledged 2, which was never sent (last: 1)")
    assert desk.box.acknowledged.empty()


@pytest.mark.parametrize(
    "answer",
    [stream_pb2.StreamResponse(welcome={"protocol": 9}), stream_pb2.StreamResponse(ack={"sequence": 1})],
)
async def test_a_collector_of_another_version_is_named(answer: stream_pb2.StreamResponse) -> None:
    async with Desk() as desk:
        desk.call.answers.put_nowait(answer)
        lost = await desk.lost()
        assert lost.status == "PROTOCOL"
        assert f"the collector speaks protocol {answer.welcome.protocol or 'something else'}, this probe 1" in str(lost)


async def test_octets_that_are_no_message_end_the_stream() -> None:
    async with Desk() as desk:
        await desk.greeted()
        desk.call.answers.put_nowait(None)  # what gRPC makes of them
        assert (await desk.lost()).status == "PROTOCOL"


async def test_a_collector_that_does_not_answer_is_given_up() -> None:
    async with Desk(connect_timeout_seconds=1e-6) as desk:
        lost = await desk.lost()
        assert (lost.status, str(lost)) == ("NO_ANSWER", "no welcome within 1e-06 s; is a collector there?")


async def test_so_is_one_that_acknowledges_nothing() -> None:
    async with Desk(ack_timeout_seconds=1e-6) as desk:
        desk.box.put(1)
        await desk.greeted()
        await desk.sent()
        desk.now = 1
        lost = await desk.lost()
        assert (lost.status, str(lost)) == ("NO_ACK", "1 messages unacknowledged for 1e-06 s")


async def test_but_not_one_that_has_nothing_to_acknowledge() -> None:
    async with Desk(ack_timeout_seconds=1e-6) as desk:
        await desk.greeted()
        for desk.now in range(100):
            await asyncio.sleep(0)
        assert not desk.talk.done()


@pytest.mark.parametrize("greeted", [False, True])
async def test_the_status_that_the_collector_ended_with_is_told(greeted: bool) -> None:
    async with Desk() as desk:
        if greeted:
            await desk.greeted()
        desk.call.status = (grpc.StatusCode.PERMISSION_DENIED, "the certificate is not for n1")
        desk.call.answers.put_nowait(grpc.aio.EOF)
        lost = await desk.lost()
        assert (lost.status, str(lost)) == ("PERMISSION_DENIED", "the certificate is not for n1")


async def test_so_it_is_when_the_stream_ended_while_something_was_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_STATUS_SECONDS", 0)
    async with Desk() as desk:
        await desk.greeted()
        await asyncio.sleep(0)
        desk.call.write_error = asyncio.InvalidStateError("RPC already finished.")
        desk.call.status = (grpc.StatusCode.UNAVAILABLE, "going away")
        desk.box.put(1)
        lost = await desk.lost()
        assert (lost.status, str(lost)) == ("UNAVAILABLE", "going away")


async def test_a_status_that_grpc_made_up_gives_way_to_the_true_one(monkeypatch: pytest.MonkeyPatch) -> None:
    class Late(Call):
        asked = 0

        async def code(self) -> grpc.StatusCode:
            self.asked += 1
            return grpc.StatusCode.INTERNAL if self.asked == 1 else grpc.StatusCode.RESOURCE_EXHAUSTED

        async def details(self) -> str:
            return "too many streams"

    monkeypatch.setattr(module, "_STATUS_SECONDS", 0)
    desk = Desk()
    desk.call = Late()
    async with desk:
        desk.call.write_error = asyncio.InvalidStateError("RPC already finished.")
        lost = await desk.lost()
        assert (lost.status, str(lost)) == ("RESOURCE_EXHAUSTED", "too many streams")


async def test_a_spool_that_cannot_be_read_ends_the_stream() -> None:
    async with Desk() as desk:
        desk.box.error = SpoolError("disk I/O error")
        await desk.greeted()
        with pytest.raises(SpoolError, match="disk I/O error"):
            await desk.talk


async def test_cancelling_ends_it_even_when_the_collector_ends_the_stream_at_that_moment() -> None:
    async with Desk() as desk:
        await desk.greeted()
        desk.box.put(1)
        await desk.sent()
        desk.call.answers.put_nowait(grpc.aio.EOF)
        desk.talk.cancel()
        await asyncio.wait([desk.talk])
        assert desk.talk.cancelled()


async def test_cancelling_leaves_nothing_behind() -> None:
    async with Desk() as desk:
        await desk.greeted()
        desk.box.put(1)
        await desk.sent()
        before = asyncio.all_tasks()
        desk.talk.cancel()
        await asyncio.wait([desk.talk])
        assert desk.talk.cancelled()
        assert len(asyncio.all_tasks()) == len(before) - 3
