"""One probe's stream as a protocol machine: messages in, steps out. No socket, no clock, no store."""

from __future__ import annotations

from typing import NamedTuple

from collector.state import Applied, LimitError, State
from fabricscope.codec import PROTOCOL, Refused, decode_batch, decode_events, decode_hello, decode_series_set
from fabricscope.model import Event, HostIdentity, Now, Sampled, SeriesSet
from fabricscope.v1 import samples_pb2, stream_pb2

MAX_SETS_PER_STREAM = 1024
MAX_SERIES_PER_STREAM = 200_000


class HelloRefused(Exception):
    """The stream cannot go on; `status` is the gRPC status name for the probe."""

    def __init__(self, status: str, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.reason = reason
        """A word for the counter: not_hello, protocol, host_name, identity, limit."""


class EventsToStore(NamedTuple):
    """Events that must be durable before their message is acknowledged."""

    sequence: int
    events: list[Event]


class Step(NamedTuple):
    """What one message came to."""

    store: EventsToStore | None = None
    samples: int = 0
    late: int = 0
    repeated: int = 0
    refused: stream_pb2.Refusal | None = None


class Session:
    """What the collector knows of one open stream."""

    def __init__(self, state: State, identity: HostIdentity) -> None:
        self.identity = identity
        self._state = state
        self._sets: dict[bytes, SeriesSet] = {}
        self._refused_sets: dict[bytes, str] = {}
        self._series = 0
        self._refusals: list[stream_pb2.Refusal] = []
        self._last = 0
        self._storing: set[int] = set()
        """Messages whose events are not durable yet."""
        self._acknowledged = (0, 0)
        self.unacknowledged = 0
        """Messages that are settled and not yet acknowledged."""

    def receive(self, request: stream_pb2.StreamRequest, now: Now) -> Step:
        """Take one message after the Hello. A message that is not taken is refused and costs nothing else."""
        body = request.WhichOneof("body")
        if body == "series_set":
            self._declare(request.series_set)
            return Step()
        sequence = request.sequence
        try:
            step = self._take(body, request, now)
        except Refused as refused:
            refusal = stream_pb2.Refusal(sequence=sequence, reason=refused.reason, detail=refused.detail[:500])
            if sequence > self._last:
                self._refusals.append(refusal)
                self._last = sequence
                self.unacknowledged += 1
            return Step(refused=refusal)
        self._last = sequence
        if step.store is None:
            self.unacknowledged += 1
        else:
            self._storing.add(sequence)
        return step

    def stored(self, sequence: int) -> None:
        """The events of message `sequence` are settled: durable, or refused."""
        self._storing.discard(sequence)
        self.unacknowledged += 1

    def refuse(self, sequence: int, detail: str) -> None:
        """The events of message `sequence` will never be durable: the probe is told, and need not send them again."""
        self._refusals.append(
            stream_pb2.Refusal(sequence=sequence, reason=stream_pb2.REFUSAL_REASON_INVALID, detail=detail[:500])
        )
        self.stored(sequence)

    def take_ack(self) -> stream_pb2.Ack | None:
        """The acknowledgement that is due, if there is one."""
        durable = min(self._storing) - 1 if self._storing else self._last
        if (self._last, durable) == self._acknowledged:
            return None
        self._acknowledged = (self._last, durable)
        ack = stream_pb2.Ack(sequence=self._last, durable_sequence=durable, refusals=self._refusals)
        self._refusals = []
        self.unacknowledged = 0
        return ack

    def _take(self, body: str | None, request: stream_pb2.StreamRequest, now: Now) -> Step:
        if request.sequence <= self._last:
            detail = f"sequence {request.sequence} does not follow {self._last}"
            raise Refused(stream_pb2.REFUSAL_REASON_INVALID, detail)
        if body == "samples":
            return self._take_samples(request, now)
        if body == "events":
            events = decode_events(request.events)
            return Step(store=EventsToStore(request.sequence, events) if events else None)
        if body == "hello":
            raise Refused(stream_pb2.REFUSAL_REASON_INVALID, "a second hello on one stream")
        raise Refused(
            stream_pb2.REFUSAL_REASON_UNSUPPORTED, f"this collector does not take {body or 'unknown'} messages"
        )

    def _take_samples(self, request: stream_pb2.StreamRequest, now: Now) -> Step:
        # Everything is checked before anything is applied: a message is taken whole or not at all.
        batches = []
        for message in request.samples.batches:
            series_set = self._sets.get(message.series_set_id)
            if series_set is None:
                why = self._refused_sets.get(message.series_set_id, "it was not declared on this stream")
                raise Refused(
                    stream_pb2.REFUSAL_REASON_UNKNOWN_SERIES_SET,
                    f"series set {message.series_set_id.hex()[:16]}: {why}",
                )
            batches.append(Sampled(series_set, decode_batch(message, series_set)))
        samples = late = repeated = 0
        for sampled in batches:
            applied = self._state.apply(self.identity.host, sampled, request.sequence, request.sent_unix_nano, now)
            samples += len(sampled.series_set)
            late += applied is Applied.LATE
            repeated += applied is Applied.REPEATED
        return Step(samples=samples, late=late, repeated=repeated)

    def _declare(self, message: samples_pb2.SeriesSet) -> None:
        identifier = message.id[:64]
        if len(self._sets) + len(self._refused_sets) >= MAX_SETS_PER_STREAM or self._series > MAX_SERIES_PER_STREAM:
            # The probe learns it by REFUSAL_REASON_UNKNOWN_SERIES_SET, and declares what it needs again.
            self._sets.clear()
            self._refused_sets.clear()
            self._series = 0
        try:
            series_set = self._state.admit(self.identity.host, decode_series_set(message))
            self._sets[identifier] = series_set
            self._series += len(series_set)
            self._refused_sets.pop(identifier, None)
        except (Refused, LimitError) as error:
            self._sets.pop(identifier, None)
            self._refused_sets[identifier] = f"its declaration was refused: {error}"


def greet(request: stream_pb2.StreamRequest, names: set[str] | None) -> HostIdentity:
    """Who opens a stream. `names` are those of its certificate, None on plain text.

    Raises HelloRefused when the first message is no Hello that this collector takes.
    """
    if request.WhichOneof("body") != "hello":
        raise HelloRefused("INVALID_ARGUMENT", "not_hello", "the first message of a stream must be a hello")
    hello = request.hello
    if hello.protocol != PROTOCOL:
        raise HelloRefused(
            "FAILED_PRECONDITION",
            "protocol",
            f"the probe speaks protocol {hello.protocol}, this collector {PROTOCOL}: update the older of the two",
        )
    try:
        identity = decode_hello(hello)
    except Refused as refused:
        raise HelloRefused("INVALID_ARGUMENT", "host_name", refused.detail) from refused
    if names is not None and identity.host not in names:
        raise HelloRefused(
            "PERMISSION_DENIED",
            "identity",
            f"the probe calls itself {identity.host!r}, its certificate is for {sorted(names)}: "
            "set probe.host to that name, or issue a certificate for this host",
        )
    return identity
