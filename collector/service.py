"""The gRPC service: reads streams, hands over, acknowledges. What messages mean is in session.py."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
from google.protobuf.message import DecodeError

from collector.server import GrpcSettings
from collector.session import EventsToStore, HelloRefused, Session, Step, greet
from collector.state import LimitError, State
from collector.store import RowsRefusedError, StoreError
from fabricscope import __version__, log
from fabricscope.clock import Clock
from fabricscope.codec import PROTOCOL, encode_hint
from fabricscope.model import Hint, HostIdentity, Kind, MetricSpec
from fabricscope.tally import Tally
from fabricscope.tls import names_of_peer
from fabricscope.v1 import stream_pb2, stream_pb2_grpc

MAX_EVENTS_WAITING = 64
"""Messages of events that a stream may have waiting for the store; with so many it is read no further."""

STREAMS = MetricSpec("fabricscope_collector_streams", Kind.GAUGE, "Streams of probes that are open.")
HELLOS_REFUSED = MetricSpec(
    "fabricscope_collector_hellos_refused_total", Kind.COUNTER, "Streams that were refused at their hello.", ("reason",)
)
MESSAGES = MetricSpec(
    "fabricscope_collector_messages_total", Kind.COUNTER, "Messages received from probes, by body.", ("body",)
)
REFUSED = MetricSpec(
    "fabricscope_collector_messages_refused_total", Kind.COUNTER, "Messages that were not taken.", ("reason",)
)
SAMPLES = MetricSpec("fabricscope_collector_samples_total", Kind.COUNTER, "Samples received from probes.")
LATE = MetricSpec(
    "fabricscope_collector_late_batches_total",
    Kind.COUNTER,
    "Batches that came out of a spool too old to be shown as current.",
)
REPEATED = MetricSpec(
    "fabricscope_collector_repeated_batches_total",
    Kind.COUNTER,
    "Batches that a probe sent again although they were taken.",
)
METRICS = (STREAMS, HELLOS_REFUSED, MESSAGES, REFUSED, SAMPLES, LATE, REPEATED)


SubmitEvents = Callable[[HostIdentity, EventsToStore], Awaitable[asyncio.Future[None]]]
"""Queues the events of one message, in order; the future is done when they are durable."""


class CollectorService(stream_pb2_grpc.CollectorServiceServicer):
    """The service of proto/fabricscope/v1/stream.proto."""

    def __init__(
        self, settings: GrpcSettings, state: State, submit_events: SubmitEvents, tally: Tally, clock: Clock
    ) -> None:
        self._settings = settings
        self._state = state
        self._submit_events = submit_events
        self._tally = tally
        self._clock = clock
        self._log = log.get("server")
        self._streams: dict[str, _Stream] = {}
        self._open = 0

    async def Stream(self, _: Any, context: Any) -> None:  # noqa: N802  the name is the wire's
        """One probe's stream, from its hello to its end."""
        if self._open >= self._settings.max_streams:
            self._tally.add(HELLOS_REFUSED, "streams")
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many streams (collector.grpc.max_streams)")
        self._open += 1
        self._tally.set(STREAMS, to=self._open)
        try:
            await self._serve(context)
        except* DecodeError:
            # There is no sequence to refuse it by. What came before it is as it was.
            self._tally.add(REFUSED, "malformed")
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "a message is not a StreamRequest of protobuf")
        finally:
            self._open -= 1
            self._tally.set(STREAMS, to=self._open)

    async def send_hint(self, host: str, hint: Hint) -> bool:
        """Send a hint down to a host's agent; False when no stream of it is open."""
        stream = self._streams.get(host)
        if stream is None:
            return False
        await stream.write(encode_hint(hint))
        return True

    async def _serve(self, context: Any) -> None:
        names = None if self._settings.tls is None else names_of_peer(context.auth_context())
        first = await context.read()
        if first is grpc.aio.EOF:
            return
        try:
            identity = greet(first, names)
            self._state.connect(identity, self._clock())
        except HelloRefused as refused:
            self._tally.add(HELLOS_REFUSED, refused.reason)
            self._log.warning("hello refused", peer=context.peer(), reason=refused.reason, detail=str(refused))
            await context.abort(grpc.StatusCode[refused.status], str(refused))
        except LimitError as error:
            self._tally.add(HELLOS_REFUSED, "limit")
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, str(error))
        stream = _Stream(self._settings, Session(self._state, identity), context)
        # A probe that comes again has given its old stream up, even where the network has not noticed.
        self._streams[identity.host] = stream
        self._log.info("probe connected", host=identity.host, version=identity.software_version, peer=context.peer())
        try:
            welcome = stream_pb2.Welcome(protocol=PROTOCOL, software_version=__version__)
            await stream.write(stream_pb2.StreamResponse(welcome=welcome))
            async with asyncio.TaskGroup() as tasks:
                await self._converse(stream, tasks)
        except* _StreamEndedError:
            pass
        finally:
            self._state.disconnect(identity.host)
            if self._streams.get(identity.host) is stream:
                del self._streams[identity.host]
            self._log.info("probe disconnected", host=identity.host)

    async def _converse(self, stream: _Stream, tasks: asyncio.TaskGroup) -> None:
        tasks.create_task(stream.acknowledge_in_time())
        while (request := await stream.context.read()) is not grpc.aio.EOF:
            self._tally.add(MESSAGES, request.WhichOneof("body") or "none")
            step = stream.session.receive(request, self._clock())
            self._count(step, stream)
            if step.store is not None:
                await stream.room.acquire()
                tasks.create_task(self._store(stream, step.store))
            await stream.acknowledge(at_least=self._settings.ack_messages)
        # Ends the tasks. What waits for the store is written all the same; the probe sends it again and it stays one.
        raise _StreamEndedError

    async def _store(self, stream: _Stream, events: EventsToStore) -> None:
        """Have events made durable, then acknowledge them.

        A task of its own, so that samples go on while the store is away; the events stay on the probe's disk.
        """
        try:
            await (await self._submit_events(stream.session.identity, events))
        except RowsRefusedError as error:
            stream.session.refuse(events.sequence, str(error))
        except StoreError as error:
            # The collector is stopping. The events are on the probe's disk, and go to the next one.
            self._log.info("events left with the probe", host=stream.session.identity.host, reason=str(error))
            return
        else:
            stream.session.stored(events.sequence)
        stream.room.release()
        await stream.acknowledge(at_least=1)

    def _count(self, step: Step, stream: _Stream) -> None:
        if step.samples:
            self._tally.add(SAMPLES, by=step.samples)
        if step.late:
            self._tally.add(LATE, by=step.late)
        if step.repeated:
            self._tally.add(REPEATED, by=step.repeated)
        if step.refused is not None:
            reason = stream_pb2.RefusalReason.Name(step.refused.reason).removeprefix("REFUSAL_REASON_").lower()
            self._tally.add(REFUSED, reason)
            self._log.warning(
                "message refused", host=stream.session.identity.host, reason=reason, detail=step.refused.detail
            )


class _StreamEndedError(Exception):
    """The probe closed its stream."""


class _Stream:
    """A session with its gRPC context: writes one at a time, acknowledges in time."""

    def __init__(self, settings: GrpcSettings, session: Session, context: Any) -> None:
        self.session = session
        self.context = context
        self._settings = settings
        self._writing = asyncio.Lock()
        self.room = asyncio.Semaphore(MAX_EVENTS_WAITING)
        """Places for messages of events that wait for the store."""

    async def write(self, response: stream_pb2.StreamResponse) -> None:
        async with self._writing:
            await self.context.write(response)

    async def acknowledge(self, at_least: int) -> None:
        """Acknowledge when `at_least` messages wait for it."""
        if self.session.unacknowledged >= at_least and (ack := self.session.take_ack()) is not None:
            await self.write(stream_pb2.StreamResponse(ack=ack))

    async def acknowledge_in_time(self) -> None:
        """Acknowledge what is settled, every so often."""
        while True:
            await asyncio.sleep(self._settings.ack_seconds)
            await self.acknowledge(at_least=1)
