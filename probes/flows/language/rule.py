"""A DPI rule as its file says it, every short spelling written out (`spelling`)."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from fabricscope.settings import EXPECTED

MAX_NAME = 60
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
TRANSPORT = re.compile(r"tcp|udp|sctp|dccp|rdma|ip/[0-9]{1,3}|ether/0x[0-9a-fA-F]{1,4}")
MAX_OCTETS = 2048
"""That the engine looks at, of each side."""
MAX_PACKETS = 16

Word = Annotated[
    str,
    Meta(
        pattern=f"^(?:{NAME.pattern})$",
        max_length=MAX_NAME,
        extra={EXPECTED: f"lower-case words with dashes between, at most {MAX_NAME} characters"},
    ),
]
Transport = Annotated[
    str,
    Meta(
        pattern=f"^(?:{TRANSPORT.pattern})$",
        extra={EXPECTED: "tcp, udp, sctp, dccp, rdma, ip/N or ether/0xN"},
        max_length=20,
    ),
]
Port = Annotated[
    str, Meta(pattern=r"^[0-9]{1,5}(-[0-9]{1,5})?$", extra={EXPECTED: "a port or a range such as 6800-7300"})
]
Confidence = Annotated[float, Meta(ge=0.3, le=0.99)]
Text = Annotated[str, Meta(min_length=1, max_length=500)]
Line = Annotated[str, Meta(min_length=1, max_length=2000)]


class Data(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a rule: an unknown key in it is an error."""


class Test(Data, frozen=True, kw_only=True):
    """What must be so of one message."""

    match: Annotated[tuple[Line, ...], Meta(max_length=32)] = ()
    """Patterns, of which one must match."""
    check: Annotated[tuple[Line, ...], Meta(max_length=16)] = ()
    """Expressions, all of which must hold."""
    within: Annotated[int, Meta(ge=4, le=MAX_OCTETS)] | None = None
    message: Literal["first", "any", "every"] = "first"

    def __post_init__(self) -> None:
        """Check that it asks something."""
        if not self.match and not self.check:
            raise ValueError("a test has a `match`, a `check` or both")


Tests = Annotated[tuple[Test, ...], Meta(max_length=8)]


class Group(Data, frozen=True, kw_only=True):
    """Tests of sides that must hold at once."""

    client: Tests = ()
    server: Tests = ()
    either: Tests = ()
    both: Tests = ()

    def tests(self) -> list[tuple[str, Test]]:
        """Each with the side that it is about."""
        return [(side, test) for side in ("client", "server", "either", "both") for test in getattr(self, side)]


class Alternative(Group, frozen=True, kw_only=True):
    """One way in which a rule matches. What is not set is as the rule has it."""

    name: Annotated[str, Meta(max_length=60)] = ""
    confidence: Confidence | None = None
    packets: Annotated[int, Meta(ge=1, le=MAX_PACKETS)] | None = None
    ports_required: bool | None = None
    not_: Annotated[tuple[Group, ...], Meta(max_length=8)] = field(default=(), name="not")


class Payload(Data, frozen=True, kw_only=True):
    """Of one packet, in one of two notations."""

    text: Annotated[str, Meta(max_length=20_000)] | None = None
    hex: Annotated[str, Meta(max_length=200_000)] | None = None

    def __post_init__(self) -> None:
        """Check that it is one of them."""
        if (self.text is None) == (self.hex is None):
            raise ValueError("a payload is a text or `{hex: ...}`")


class Case(Data, frozen=True, kw_only=True):
    """An example: what a flow with these payloads must come out as."""

    name: Text
    transport: Transport | None = None
    ports: tuple[Annotated[int, Meta(ge=0, le=65535)], Annotated[int, Meta(ge=0, le=65535)]] = (49152, 49153)
    client: Annotated[tuple[Payload, ...], Meta(max_length=32)] = ()
    server: Annotated[tuple[Payload, ...], Meta(max_length=32)] = ()
    begins: Literal["client", "server"] = "client"
    expect: Word | None = None
    """A label, `none` or `not`; the rule's label when it is not set."""
    fields: dict[str, str] = {}


class Rule(Group, frozen=True, kw_only=True):
    """A DPI rule."""

    name: Word
    summary: Text
    label: Word
    transport: Annotated[tuple[Transport, ...], Meta(max_length=16)] = ()
    ports: Annotated[tuple[Port, ...], Meta(max_length=64)] = ()
    ports_required: bool = False
    any: Annotated[tuple[Alternative, ...], Meta(max_length=32)] = ()
    not_: Annotated[tuple[Group, ...], Meta(max_length=8)] = field(default=(), name="not")
    packets: Annotated[int, Meta(ge=1, le=MAX_PACKETS)] = 1
    listen: Annotated[int, Meta(ge=0, le=MAX_PACKETS)] | None = None
    confidence: Confidence
    refines: Annotated[tuple[Word, ...], Meta(max_length=16)] = ()
    extract: Annotated[str, Meta(pattern="^[a-z0-9_-]{1,40}$", extra={EXPECTED: "an extractor's name"})] | None = None
    fields: Annotated[
        dict[str, Annotated[tuple[Line, ...], Meta(min_length=1, max_length=64)]], Meta(max_length=16)
    ] = {}
    cases: Annotated[tuple[Case, ...], Meta(max_length=100)] = ()
    enabled: bool = True

    def alternatives(self) -> tuple[Alternative, ...]:
        """Those of `any`; one that asks nothing more where there is none."""
        return self.any or (Alternative(),)
