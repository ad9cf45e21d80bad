"""One probe's stream as a protocol machine: messages in, steps out. No socket, no clock, no store."""

from __future__ import annotations

from typing import NamedTuple

from collector.catalog import LimitError
from collector.state import Applied, State
from fabricscope.codec import (
    PROTOCOL,
    Refused,
    decode_batch,
    decode_events,
    decode_flows,
    decode_hello,
    decode_series_set,
)
from fabricscope.flow import Flow
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


class ToStore(NamedTuple):
    """What must be durable before its message is acknowledged."""

    sequence: int
    items: list[Event] | list[Flow]


class Step(NamedTuple):
    """What one message came to."""

    store: ToStore | None = None
    samples: int = 0
    late: int = 0
    repeated: int = 0
    refused: stream_pb2.Refusal | None = None


class Session:
    """What the collector knows of one open stream."""

    def __init__(self, state: State, identity: HostIdentity) -> None:
        self.identity = identity
        self._state = state
        self._sets: dict[bytes, SeriesSet | str] = {}
        """What was declared, by its id on this stream; the reason in the place of a set that was refused."""
        self._series = 0
        self._refusals: list[stream_pb2.Refusal] = []
        self._last = 0
        self._storing: set[int] = set()
        """Messages whose events or flows are not durable yet."""
        self._acknowledged = (0, 0)
        self.unacknowledged = 0
        """What an acknowledgement could tell: arrivals, and what was settled."""

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
        self.unacknowledged += 1
        if step.store is not None:
            self._storing.add(sequence)
        return step

    def stored(self, sequence: int) -> None:
        """What message `sequence` carries is settled: durable, or refused."""
        self._storing.discard(sequence)
        self.unacknowledged += 1

    def refuse(self, sequence: int, detail: str) -> None:
        """What message `sequence` carries will never be durable: the probe is told, and need not send it again."""
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
            return Step(store=ToStore(request.sequence, events) if events else None)
        if body == "flows":
            flows = decode_flows(request.flows)
            return Step(store=ToStore(request.sequence, flows) if flows else None)
        if body == "hello":
            raise Refused(stream_pb2.REFUSAL_REASON_INVALID, "a second hello on one stream")
        raise Refused(
            stream_pb2.REFUSAL_REASON_UNSUPPORTED, f"this collector does not take {body or 'unknown'} messages"
        )

    def _take_samples(self, request: stream_pb2.StreamRequest, now: Now) -> Step:
        # Everything is checked before anything is applied: a message is taken whole or not at all.
        batches = []
        for message in request.samples.batches:
            series_set = self._sets.get(message.series_set_id, "it is not declared on this stream")
            if isinstance(series_set, str):
                raise Refused(
                    stream_pb2.REFUSAL_REASON_UNKNOWN_SERIES_SET,
                    f"series set {message.series_set_id.hex()[:16]}: {series_set}",
                )
            batches.append(Sampled(series_set, decode_batch(message, series_set)))
        try:
            self._state.check_room(self.identity.host, [sampled.series_set for sampled in batches])
        except LimitError as error:
            raise Refused(stream_pb2.REFUSAL_REASON_INVALID, str(error)) from error
        samples = late = repeated = 0
        for sampled in batches:
            applied = self._state.apply(self.identity.host, sampled, request.sequence, request.sent_unix_nano, now)
            samples += len(sampled.series_set)
            late += applied is Applied.LATE
            repeated += applied is Applied.REPEATED
        return Step(samples=samples, late=late, repeated=repeated)

    def _declare(self, message: samples_pb2.SeriesSet) -> None:
        declared: SeriesSet | str
        try:
            declared = self._state.admit(self.identity.host, decode_series_set(message))
        except (Refused, LimitError) as error:
            declared = f"its declaration was refused: {error}"
        self._forget(message.id)
        self._sets[message.id[:64]] = declared
        self._series += _size(declared)
        while len(self._sets) > MAX_SETS_PER_STREAM or (self._series > MAX_SERIES_PER_STREAM and len(self._sets) > 1):
            # The oldest. A probe that still needs it is told so, by its batch being refused, and declares it again.
            self._forget(next(iter(self._sets)))

    def _forget(self, identifier: bytes) -> None:
        self._series -= _size(self._sets.pop(identifier, ""))


def _size(declared: SeriesSet | str) -> int:
    """Series of a declared set; a refused one costs none."""
    return 0 if isinstance(declared, str) else len(declared)


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
