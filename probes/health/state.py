"""What outlives the probe: its active verdicts, which are also its sign of life, and long pasts. Pure.

Two documents, since one is small and written often and the other large and written rarely. What is read is hostile:
whatever does not fit its type and bounds is refused as a whole.
"""

from __future__ import annotations

from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct

from probes.health.evidence.long_pasts import MAX_PARTS, MAX_PASTS, GaugePast
from probes.health.judging.verdict import Verdict

VERSION = 1
MAX_VERDICTS = 1000
"""Active at one time; more are not raised, and counted."""

MAX_WITHHELD = 256
"""Things that are not judged although a check says yes; more are not told."""

_Text = Annotated[str, Meta(max_length=4096)]
_Key = Annotated[tuple[_Text, ...], Meta(max_length=32)]
_Time = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]
_Version = Annotated[int, Meta(ge=VERSION, le=VERSION)]


class Unjudged(Struct, frozen=True, forbid_unknown_fields=True):
    """A rule of which nothing can be told for some of its things."""

    rule: _Text
    things: int
    known: int
    """Things for which there is an answer."""


class Withheld(Struct, frozen=True, forbid_unknown_fields=True):
    """A thing of which a check says yes, and that is not judged since what the rule asks beside it is not so."""

    rule: _Text
    subject: Annotated[dict[_Text, _Text], Meta(max_length=32)]
    summary: _Text
    reason: _Text


class State(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The verdicts at one time."""

    version: _Version = VERSION
    written_unix_ns: _Time
    started_unix_ns: _Time
    rules: Annotated[int, Meta(ge=0)]
    """How many are in force."""
    verdicts: Annotated[tuple[Verdict, ...], Meta(max_length=MAX_VERDICTS)]
    unjudged: Annotated[tuple[Unjudged, ...], Meta(max_length=MAX_VERDICTS)] = ()
    samplers: Annotated[tuple[_Text, ...], Meta(max_length=1000)] = ()
    """Those that gave values."""
    examined: Annotated[dict[_Text, int], Meta(max_length=1000)] = {}
    """How many things of each sampler there were values of."""
    withheld: Annotated[tuple[Withheld, ...], Meta(max_length=MAX_WITHHELD)] = ()
    failures: Annotated[dict[_Text, _Text], Meta(max_length=1000)] = {}
    """Samplers that do not work at present, with the reason."""
    boot_id: _Text = ""
    """The id of the boot that it is of, which no other host has; empty when unknown."""
    ended_unix_ns: _Time | None = None
    """When the probe ended; None while it runs."""


class TrendPast(Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    """What a forecast knows of a thing: the time (unix ns) and mean of each part of its window."""

    rule: _Text
    key: _Key
    parts: Annotated[tuple[tuple[_Time, float], ...], Meta(max_length=MAX_PARTS)]


class Pasts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What has to be known for days."""

    version: _Version = VERSION
    written_unix_ns: _Time
    trends: Annotated[tuple[TrendPast, ...], Meta(max_length=MAX_PASTS)] = ()
    gauges: Annotated[tuple[GaugePast, ...], Meta(max_length=MAX_PASTS)] = ()


Document = TypeVar("Document", State, Pasts)


def decoded(content: bytes, kind: type[Document]) -> Document:
    """The document in `content`. Raises ValueError saying why it is none."""
    try:
        return msgspec.json.decode(content, type=kind, strict=True)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"not a state of this version ({VERSION}): {error}") from error


def encoded(document: State | Pasts) -> bytes:
    """The document as JSON."""
    return msgspec.json.encode(document) + b"\n"
