"""The spool's way to a collector: one gRPC stream, reconnected for as long as the probe lives."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Annotated, Any, NoReturn

import grpc
import grpc.aio
from msgspec import Meta

from fabricscope import log
from fabricscope.clock import Clock
from fabricscope.model import Hint, HostIdentity, Kind, MetricSpec
from fabricscope.settings import SettingsError
from fabricscope.tally import Tally
from fabricscope.tls import CredentialFiles
from fabricscope.v1 import stream_pb2
from probes import session
from probes.message import SpoolError
from probes.session import Outbox, Session, SessionSettings, StreamLost

METHOD = "/fabricscope.v1.CollectorService/Stream"

FAILURES = MetricSpec(
    "fabricscope_probe_stream_failures_total",
    Kind.COUNTER,
    "Streams that ended, by collector and by the status they ended with: gRPC's, or NO_ANSWER, NO_ACK and PROTOCOL "
    "for what the collector did, SPOOL when this probe's disk failed.",
    ("collector", "status"),
)
METRICS = (*session.METRICS, FAILURES)

_CHANNEL_OPTIONS = (
    # A cut cable sends no reset: only pings notice it.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.max_receive_message_length", 1 << 20),
    # When to try again is decided here, and not a second time below.
    ("grpc.enable_retries", 0),
    ("grpc.use_local_subchannel_pool", 1),
    # A proxy in the environment is for the web.
    ("grpc.enable_http_proxy", 0),
)


class StreamSettings(SessionSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the probe keeps in touch with its collectors."""

    backoff_seconds: Annotated[
        float,
        Meta(gt=0, le=60, description="The first pause, in seconds, after every collector has failed once."),
    ] = 0.5
    backoff_max_seconds: Annotated[
        float,
        Meta(gt=0, le=3600, description="The longest pause, in seconds; each is drawn at random up to its bound."),
    ] = 30.0


NOT_TAKEN = frozenset({grpc.StatusCode.RESOURCE_EXHAUSTED.name, grpc.StatusCode.INVALID_ARGUMENT.name})
"""What a stream ends with when a message is too large for the collector, or is none that it can read."""
ENOUGH = 3
"""Streams that one message may end so: then it is given up, for all behind it wait."""


class Stream:
    """Sends what the spool holds to the first collector that takes it."""

    def __init__(
        self,
        settings: StreamSettings,
        collectors: Sequence[str],
        outbox: Outbox,
        credentials: CredentialFiles | None,
        tally: Tally,
        clock: Clock,
        on_hint: Callable[[Hint], None],
    ) -> None:
        """`credentials` are for mTLS; None is plain text."""
        self._settings = settings
        self._collectors = collectors
        self._outbox = outbox
        self._credentials = credentials
        self._tally = tally
        self._clock = clock
        self._on_hint = on_hint
        self._log = log.get("stream")
        # A collector that is away for an hour fails in the same way thousands of times.
        self._patience = log.Patience()
        self._suspect: tuple[int | None, int] = (None, 0)
        """The message that may be what ends the streams, and how many it has ended."""
        for address in collectors:
            tally.set(session.CONNECTED, address, to=0)

    async def run(self, identity: HostIdentity) -> NoReturn:
        """Keep a stream open until cancelled; `identity` is who says hello on it."""
        backoff = Backoff(self._settings.backoff_seconds, self._settings.backoff_max_seconds)
        index = failed = 0
        while True:
            if await self._connect(self._collectors[index], identity):
                backoff.reset()
                failed = 0
            failed += 1
            index = (index + 1) % len(self._collectors)
            # The other collectors are tried at once; only when every one has failed is there a pause.
            if failed >= len(self._collectors):
                failed = 0
                await asyncio.sleep(backoff.pause())

    async def _connect(self, address: str, identity: HostIdentity) -> bool:
        """One stream to one collector, until it is lost; whether the next may follow at once."""
        _, ended = self._suspect
        # Of many messages under way nobody could say which one it was.
        talk = Session(
            address, self._settings, self._outbox, self._tally, self._clock, self._on_hint, cautious=ended > 0
        )
        try:
            async with self._channel(address) as channel:
                call: Any = channel.stream_stream(
                    METHOD, request_serializer=None, response_deserializer=stream_pb2.StreamResponse.FromString
                )()
                try:
                    await talk.converse(call, identity)
                finally:
                    call.cancel()
        except StreamLost as lost:
            hint = "" if talk.welcomed else _hint(lost, tls=self._credentials is not None)
            complaint = f"{address} {lost.status} {hint}"
            if talk.welcomed:
                # The log said "connected" last: what ended that is news.
                self._patience.forget(complaint)
            self._failed(address, lost.status, f"{lost}; {hint}" if hint else str(lost), complaint)
            await self._blame(talk, address, lost)
            if lost.status == grpc.StatusCode.ABORTED.name:
                # Another probe says this host's name. Two that come back at once would put each other out for ever.
                return False
        except SpoolError as error:
            self._failed(address, "SPOOL", f"the spool cannot be read: {error}", f"{address} SPOOL")
        return talk.progressed

    async def _blame(self, talk: Session, address: str, lost: StreamLost) -> None:
        """Give up the message that ends every stream on which it is sent, and would for ever."""
        if talk.progressed:
            self._suspect = (None, 0)
        # A collector that is merely away says nothing of the message.
        if talk.progressed or talk.oldest is None or lost.status not in NOT_TAKEN:
            return
        sequence, ended = self._suspect
        ended = ended + 1 if sequence == talk.oldest else 1
        self._suspect = (talk.oldest, ended)
        if ended < ENOUGH:
            return
        self._suspect = (None, 0)
        self._tally.add(session.REFUSED, address, lost.status.lower())
        self._log.error(
            "a message that the collector cannot take is given up; is its grpc.max_message_bytes too low?",
            collector=address,
            sequence=talk.oldest,
            status=lost.status,
            reason=str(lost),
        )
        await self._outbox.acknowledge(0, 0, [talk.oldest])

    def _failed(self, address: str, status: str, reason: str, complaint: str) -> None:
        self._tally.add(FAILURES, address, status)
        if self._patience.allows(complaint, self._clock()):
            self._log.warning("stream ended", collector=address, status=status, reason=reason)

    def _channel(self, address: str) -> grpc.aio.Channel:
        if self._credentials is None:
            return grpc.aio.insecure_channel(address, options=_CHANNEL_OPTIONS)
        try:
            # A renewed certificate is used from the next connection on.
            self._credentials.refresh()
        except SettingsError as error:
            self._log.error("certificate files are unusable, the old ones stay in use", reason=str(error))
        files = self._credentials.current
        credentials = grpc.ssl_channel_credentials(files.roots, files.key, files.chain)
        return grpc.aio.secure_channel(address, credentials, options=_CHANNEL_OPTIONS)


class Backoff:
    """Growing pauses with jitter, so that a thousand probes do not return in step."""

    def __init__(self, first: float, longest: float, draw: Callable[[float, float], float] = random.uniform) -> None:
        """Bounds in seconds; `draw` picks a number between two."""
        self._first = min(first, longest)
        self._longest = longest
        self._bound = self._first
        self._draw = draw

    def pause(self) -> float:
        """The next pause in seconds: at random between a tenth of the bound and the bound, which doubles."""
        bound = self._bound
        self._bound = min(bound * 2, self._longest)
        return self._draw(bound / 10, bound)

    def reset(self) -> None:
        """Start again from the first bound."""
        self._bound = self._first


def _hint(lost: StreamLost, *, tls: bool) -> str:
    """What an operator can do about a collector that never welcomed the probe."""
    if lost.status != grpc.StatusCode.UNAVAILABLE.name:
        return ""
    text = str(lost)
    if "Connection refused" in text:
        return "no collector listens there"
    if "Hostname Verification" in text:
        return "the collector's certificate is not for this name: use one that it carries, or reissue it"
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return "the collector's certificate is expired, or of an authority that probe.tls.ca_file does not hold"
    if tls:
        return (
            "if the collector is up, it may have refused this probe's certificate (expired, or of an authority "
            "that it does not know): its log and its metrics say which"
        )
    return "is the collector up, and does it expect TLS?"
