"""One stream to one collector, from hello to its end. Nothing here opens a connection."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Annotated, Any, NoReturn, Protocol

import grpc
import grpc.aio
from msgspec import Meta, Struct

from fabricscope import log
from fabricscope.clock import NANOSECONDS, Clock
from fabricscope.codec import PROTOCOL, Refused, decode_hint, encode_hello
from fabricscope.model import Hint, HostIdentity, Kind, MetricSpec
from fabricscope.tally import Tally
from fabricscope.v1 import hints_pb2, stream_pb2
from probes.message import Message

CONNECTED = MetricSpec(
    "fabricscope_probe_stream_connected", Kind.GAUGE, "1 while a collector has welcomed this probe.", ("collector",)
)
SENT = MetricSpec(
    "fabricscope_probe_stream_messages_total", Kind.COUNTER, "Messages sent to a collector.", ("collector",)
)
SENT_BYTES = MetricSpec(
    "fabricscope_probe_stream_bytes_total",
    Kind.COUNTER,
    "Bytes of messages, and of the names of their series, sent to a collector.",
    ("collector",),
    "bytes",
)
REFUSED = MetricSpec(
    "fabricscope_probe_stream_refused_total",
    Kind.COUNTER,
    "Messages that a collector did not take, by its reason.",
    ("collector", "reason"),
)
HINTS = MetricSpec(
    "fabricscope_probe_hints_received_total", Kind.COUNTER, "Recovery hints received from a collector.", ("collector",)
)
METRICS = (CONNECTED, SENT, SENT_BYTES, REFUSED, HINTS)

_READ_BYTES = 256 << 10
"""What is taken from the spool at once."""
_MAX_DECLARED = 512
"""Series sets remembered as declared: when hosts change shape that often, they are declared anew."""
_STATUS_SECONDS = 0.1
"""How long the collector's status may lag behind the failure to write."""


class SessionSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long a collector is waited for, and how much is sent ahead."""

    connect_timeout_seconds: Annotated[
        float,
        Meta(gt=0, le=300, description="A collector that has not welcomed the probe after this time is given up."),
    ] = 10.0
    ack_timeout_seconds: Annotated[
        float,
        Meta(gt=0, le=600, description="A collector that acknowledges nothing for this time, in seconds, is given up."),
    ] = 30.0
    window_messages: Annotated[
        int, Meta(ge=1, le=100_000, description="Messages sent ahead of their acknowledgement.")
    ] = 512


class Outbox(Protocol):
    """The spool as a session uses it. Reading raises SpoolError when the disk fails."""

    async def pending(self, after: int, max_bytes: int) -> list[Message]:
        """The next messages after a sequence."""
        ...

    async def declaration(self, identifier: bytes) -> bytes | None:
        """The declaration of a series set."""
        ...

    async def acknowledge(self, sequence: int, durable_sequence: int, refused: Sequence[int]) -> None:
        """Forget samples up to `sequence`, flows and events up to `durable_sequence`, and those `refused`."""
        ...

    async def wait(self) -> None:
        """Return when a message was appended since `pending` was last asked."""
        ...


class StreamLost(Exception):
    """The stream is of no more use; the reason is for the log, the status for the counter."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Session:
    """What a probe knows of one stream."""

    def __init__(
        self,
        address: str,
        settings: SessionSettings,
        outbox: Outbox,
        tally: Tally,
        clock: Clock,
        on_hint: Callable[[Hint], None],
        *,
        cautious: bool = False,
    ) -> None:
        """`address` is the collector's, for metrics and the log.

        When `cautious` one message is sent, and the next when it was acknowledged: the window opens then.
        """
        self.welcomed = False
        self.progressed = False
        """Whether the collector acknowledged anything: then the next failure is a new one."""
        self._address = address
        self._settings = settings
        self._outbox = outbox
        self._tally = tally
        self._clock = clock
        self._on_hint = on_hint
        self._log = log.get("stream")
        self._sent = 0
        self._in_flight: deque[int] = deque()
        self._window = 1 if cautious else settings.window_messages
        self._room = asyncio.Event()
        self._declared: set[bytes] = set()
        self._complaints: set[str] = set()
        self._heard = 0

    @property
    def oldest(self) -> int | None:
        """The sequence of the first message that was sent and not acknowledged."""
        return self._in_flight[0] if self._in_flight else None

    async def converse(self, call: Any, identity: HostIdentity) -> NoReturn:
        """Talk on a stream-stream call of octets and StreamResponses until it is lost.

        Raises StreamLost, or SpoolError when the messages cannot be read.
        """
        await self._greet(call, identity)
        self._tally.set(CONNECTED, self._address, to=1)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._send(call))
                tasks.create_task(self._receive(call))
                # In the body, since only there Python 3.11 tells its own cancelling of this task from others'.
                await self._watch()
        except ExceptionGroup as group:
            # A group that fails while it is cancelled raises only what failed.
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise asyncio.CancelledError from None
            # All end with the first that fails; what the others say follows from that.
            raise group.exceptions[0] from None
        finally:
            self._tally.set(CONNECTED, self._address, to=0)

    async def _greet(self, call: Any, identity: HostIdentity) -> None:
        patience = self._settings.connect_timeout_seconds
        try:
            async with asyncio.timeout(patience):
                await self._write(call, encode_hello(identity).SerializeToString())
                response = await self._read(call)
        except TimeoutError as error:
            raise StreamLost("NO_ANSWER", f"no welcome within {patience:g} s; is a collector there?") from error
        if response.WhichOneof("body") != "welcome" or response.welcome.protocol != PROTOCOL:
            spoken = response.welcome.protocol or "something else"
            raise StreamLost(
                "PROTOCOL",
                f"the collector speaks protocol {spoken}, this probe {PROTOCOL}: update the older of the two",
            )
        self.welcomed = True
        self._log.info("connected", collector=self._address, version=response.welcome.software_version[:100])

    async def _send(self, call: Any) -> None:
        while True:
            messages = await self._outbox.pending(self._sent, _READ_BYTES)
            for message in messages:
                while len(self._in_flight) >= self._window:
                    self._room.clear()
                    await self._room.wait()
                # Its declarations are part of it: when they end the stream, it did.
                self._in_flight.append(message.sequence)
                self._sent = message.sequence
                await self._declare(call, message.series_sets)
                # Fields of a protobuf message may stand anywhere: the envelope is put behind the stored body.
                envelope = stream_pb2.StreamRequest(sequence=message.sequence, sent_unix_nano=self._clock().wall)
                await self._write(call, message.payload + envelope.SerializeToString())
                self._tally.add(SENT, self._address)
            if not messages:
                await self._outbox.wait()

    async def _declare(self, call: Any, series_sets: Sequence[bytes]) -> None:
        for identifier in series_sets:
            if identifier in self._declared:
                continue
            if (declaration := await self._outbox.declaration(identifier)) is not None:
                await self._write(call, declaration)
            if len(self._declared) >= _MAX_DECLARED:
                self._declared.clear()
            self._declared.add(identifier)

    async def _receive(self, call: Any) -> None:
        while True:
            response = await self._read(call)
            body = response.WhichOneof("body")
            if body == "ack":
                await self._acknowledge(response.ack)
            elif body == "hint":
                self._take_hint(response.hint)

    async def _acknowledge(self, ack: stream_pb2.Ack) -> None:
        refused = [refusal.sequence for refusal in ack.refusals]
        beyond = max(ack.sequence, ack.durable_sequence, *refused)
        if beyond > self._sent:
            raise StreamLost("PROTOCOL", f"acknowledged {beyond}, which was never sent (last: {self._sent})")
        for refusal in ack.refusals:
            self._note_refusal(refusal)
        await self._outbox.acknowledge(ack.sequence, ack.durable_sequence, refused)
        while self._in_flight and self._in_flight[0] <= ack.sequence:
            self._in_flight.popleft()
        self._window = self._settings.window_messages
        self._room.set()
        self._heard = self._clock().mono
        self.progressed = True

    def _note_refusal(self, refusal: stream_pb2.Refusal) -> None:
        known = refusal.reason in stream_pb2.RefusalReason.values()
        name = stream_pb2.RefusalReason.Name(refusal.reason) if known else "unknown"
        reason = name.removeprefix("REFUSAL_REASON_").lower()
        self._tally.add(REFUSED, self._address, reason)
        if refusal.reason == stream_pb2.REFUSAL_REASON_UNKNOWN_SERIES_SET:
            # It has forgotten them: the next messages bring them again.
            self._declared.clear()
        if reason not in self._complaints:
            self._complaints.add(reason)
            self._log.warning(
                "message refused; more for this reason are only counted until the stream ends",
                collector=self._address,
                reason=reason,
                detail=refusal.detail[:500],
            )

    def _take_hint(self, message: hints_pb2.Hint) -> None:
        try:
            hint = decode_hint(message)
        except Refused as refused:
            self._log.warning("hint refused", collector=self._address, reason=refused.detail)
            return
        self._tally.add(HINTS, self._address)
        self._on_hint(hint)

    async def _watch(self) -> NoReturn:
        """End the stream when messages are under way and no acknowledgement comes."""
        seconds = self._settings.ack_timeout_seconds
        self._heard = self._clock().mono
        while True:
            await asyncio.sleep(seconds / 4)
            now = self._clock().mono
            if not self._in_flight:
                self._heard = now
            elif now - self._heard > seconds * NANOSECONDS:
                raise StreamLost("NO_ACK", f"{len(self._in_flight)} messages unacknowledged for {seconds:g} s")

    async def _write(self, call: Any, payload: bytes) -> None:
        try:
            await call.write(payload)
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            raise await _lost(call) from None
        self._tally.add(SENT_BYTES, self._address, by=len(payload))

    async def _read(self, call: Any) -> stream_pb2.StreamResponse:
        try:
            response = await call.read()
        except grpc.aio.AioRpcError:
            raise await _lost(call) from None
        if response is grpc.aio.EOF:
            raise await _lost(call)
        if not isinstance(response, stream_pb2.StreamResponse):
            # gRPC gives None for octets that are no such message.
            raise StreamLost("PROTOCOL", "the collector sent something that is no message of this protocol")
        return response


async def _lost(call: Any) -> StreamLost:
    """What the status says that a stream ended with."""
    if await call.code() is grpc.StatusCode.INTERNAL:
        # When the collector ends the stream while something is being written, gRPC first makes up this status,
        # and puts the true one in its place when that arrives.
        await asyncio.sleep(_STATUS_SECONDS)
    code = await call.code()
    return StreamLost(code.name, await call.details() or "the collector closed the stream")
