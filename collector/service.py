"""The gRPC service: reads streams, hands over, acknowledges. What messages mean is in session.py."""

from __future__ import annotations

import asyncio
from typing import Any, NoReturn, Protocol

import grpc
import grpc.aio
from google.protobuf.message import DecodeError

from collector.catalog import LimitError
from collector.server import GrpcSettings
from collector.session import HelloRefused, Session, Step, ToStore, greet
from collector.state import State
from collector.store import RowsRefusedError, StoreError
from collector.store.writer import LEFT
from fabricscope import __version__, log
from fabricscope.clock import Clock
from fabricscope.codec import PROTOCOL, encode_hint
from fabricscope.flow import Flow
from fabricscope.model import Hint, HostIdentity, Kind, MetricSpec
from fabricscope.tally import Tally
from fabricscope.tls import names_of_peer
from fabricscope.v1 import stream_pb2, stream_pb2_grpc

HELLO_SECONDS = 10.0
"""What a client has to say who it is."""
MAX_STORING = 64
"""Messages of events or flows that a stream may have waiting for the store; more are left with the probe."""

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
SUPERSEDED = MetricSpec(
    "fabricscope_collector_streams_superseded_total",
    Kind.COUNTER,
    "Streams ended because another one of the same host was opened. Many: two probes have one name.",
)
METRICS = (STREAMS, SUPERSEDED, HELLOS_REFUSED, MESSAGES, REFUSED, SAMPLES, LATE, REPEATED)


class Sink(Protocol):
    """Where events and flows become durable."""

    @property
    def behind(self) -> bool:
        """Whether it is no time to offer again what there was no room for."""
        ...

    def offer(self, identity: HostIdentity, given: ToStore) -> asyncio.Future[None] | None:
        """Queue what one message carries, in order; None when there is no room for it, which is counted.

        The future is done when they are durable. It fails with RowsRefusedError when they never will be,
        and with another StoreError when the collector stops before.
        """
        ...


class CollectorService(stream_pb2_grpc.CollectorServiceServicer):
    """The service of proto/fabricscope/v1/stream.proto."""

    def __init__(self, settings: GrpcSettings, state: State, sink: Sink, tally: Tally, clock: Clock) -> None:
        self._settings = settings
        self._state = state
        self._sink = sink
        self._tally = tally
        self._clock = clock
        self._log = log.get("server")
        self._patience = log.Patience()
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
        try:
            async with asyncio.timeout(HELLO_SECONDS):
                first = await context.read()
        except TimeoutError:
            self._tally.add(HELLOS_REFUSED, "no_hello")
            await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, f"no hello within {HELLO_SECONDS:g} s")
        if first is grpc.aio.EOF:
            return
        try:
            identity = self._admit(first, names)
        except HelloRefused as refused:
            self._tally.add(HELLOS_REFUSED, refused.reason)
            if self._patience.allows(f"hello {context.peer().rpartition(':')[0]} {refused.reason}", self._clock()):
                self._log.warning("hello refused", peer=context.peer(), reason=refused.reason, detail=str(refused))
            await context.abort(grpc.StatusCode[refused.status], str(refused))
        stream = _Stream(self._settings, Session(self._state, identity), context)
        former, self._streams[identity.host] = self._streams.get(identity.host), stream
        if former is not None:
            # A probe that comes again has given its old stream up, even where the network has not noticed. If
            # there are two probes of one name they now take turns, which the counter and the log show.
            self._tally.add(SUPERSEDED)
            if self._patience.allows(f"superseded {identity.host}", self._clock()):
                addresses = {"former": former.context.peer(), "by": context.peer()}
                self._log.warning("stream superseded", host=identity.host, **addresses)
            former.end(grpc.StatusCode.ABORTED, f"another stream of {identity.host} was opened by {context.peer()}")
        self._log.info("probe connected", host=identity.host, version=identity.software_version, peer=context.peer())
        ending: _StreamEndedError | None = None
        try:
            welcome = stream_pb2.Welcome(protocol=PROTOCOL, software_version=__version__)
            await stream.write(stream_pb2.StreamResponse(welcome=welcome))
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(stream.acknowledge_in_time(self._sink))
                tasks.create_task(stream.until_ended())
                await self._converse(stream, tasks)
        except* _StreamEndedError as group:
            ending = next(error for error in group.exceptions if isinstance(error, _StreamEndedError))
        finally:
            self._state.disconnect(identity.host)
            if self._streams.get(identity.host) is stream:
                del self._streams[identity.host]
            self._log.info("probe disconnected", host=identity.host)
        if ending is not None and ending.status is not None:
            await context.abort(ending.status, str(ending))

    def _admit(self, first: stream_pb2.StreamRequest, names: set[str] | None) -> HostIdentity:
        """Who opens the stream, known to the state from now on. Raises HelloRefused."""
        identity = greet(first, names)
        try:
            self._state.connect(identity, self._clock())
        except LimitError as error:
            raise HelloRefused("RESOURCE_EXHAUSTED", "limit", str(error)) from error
        return identity

    async def _converse(self, stream: _Stream, tasks: asyncio.TaskGroup) -> None:
        while (request := await stream.context.read()) is not grpc.aio.EOF and not stream.ended:
            self._tally.add(MESSAGES, request.WhichOneof("body") or "none")
            step = stream.session.receive(request, self._clock())
            self._count(step, stream)
            if step.store is not None:
                self._store(stream, step.store, tasks)
            await stream.acknowledge(at_least=self._settings.ack_messages)
        # Ends the tasks. What waits for the store is written all the same; the probe sends it again and it stays one.
        raise _StreamEndedError(None, "the probe closed the stream")

    def _store(self, stream: _Stream, given: ToStore, tasks: asyncio.TaskGroup) -> None:
        """Have events or flows made durable without holding up what follows them.

        Too many are left with the probe, which keeps them and sends them again on its next stream.
        """
        waiting = None
        if stream.waiting < MAX_STORING and not stream.left:
            waiting = self._sink.offer(stream.session.identity, given)
        else:
            self._tally.add(LEFT, "flow" if isinstance(given.items[0], Flow) else "event", by=len(given.items))
        if waiting is None:
            stream.left = True
        else:
            stream.waiting += 1
            tasks.create_task(self._settle(stream, given.sequence, waiting))

    async def _settle(self, stream: _Stream, sequence: int, waiting: asyncio.Future[None]) -> None:
        try:
            await waiting
        except RowsRefusedError as error:
            stream.session.refuse(sequence, str(error))
        except StoreError as error:
            # The collector is stopping. They are on the probe's disk, and go to the next one.
            self._log.info("events or flows left with the probe", host=stream.session.identity.host, reason=str(error))
            return
        else:
            stream.session.stored(sequence)
        stream.waiting -= 1
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
            host = stream.session.identity.host
            if self._patience.allows(f"message {host} {reason}", self._clock()):
                self._log.warning("message refused", host=host, reason=reason, detail=step.refused.detail)


class _StreamEndedError(Exception):
    """The stream is over; a status when it is this side that ends it."""

    def __init__(self, status: grpc.StatusCode | None, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class _Stream:
    """A session with its gRPC context: writes one at a time, acknowledges in time."""

    def __init__(self, settings: GrpcSettings, session: Session, context: Any) -> None:
        self.session = session
        self.context = context
        self.waiting = 0
        """Messages of events or flows that wait for the store."""
        self.left = False
        """Whether something was left with the probe, to be sent again."""
        self._quiet = True
        """Whether nothing was acknowledged since this was last looked at."""
        self._settings = settings
        self._writing = asyncio.Lock()
        self._end = asyncio.Event()
        self._ending = _StreamEndedError(None, "")

    @property
    def ended(self) -> bool:
        """Whether nothing more is taken from this stream."""
        return self._end.is_set()

    def end(self, status: grpc.StatusCode, reason: str) -> None:
        """Take nothing more, from now on."""
        self._ending = _StreamEndedError(status, reason)
        self._end.set()

    async def until_ended(self) -> NoReturn:
        """Raise when the stream was ended."""
        await self._end.wait()
        raise self._ending

    async def write(self, response: stream_pb2.StreamResponse) -> None:
        async with self._writing:
            await self.context.write(response)

    async def acknowledge(self, at_least: int) -> None:
        """Acknowledge when there is that much to tell."""
        if self.session.unacknowledged >= at_least and (ack := self.session.take_ack()) is not None:
            self._quiet = False
            await self.write(stream_pb2.StreamResponse(ack=ack))

    async def acknowledge_in_time(self, sink: Sink) -> None:
        """Acknowledge what there is, every so often; have what was left sent again when there is room."""
        while True:
            await asyncio.sleep(self._settings.ack_seconds)
            await self.acknowledge(at_least=1)
            quiet, self._quiet = self._quiet, True
            # Not right after an acknowledgement: a client that has not read it yet would see the end alone.
            if self.left and not self.waiting and not sink.behind and quiet:
                self.end(grpc.StatusCode.UNAVAILABLE, "the store is back: send again what it did not take")
