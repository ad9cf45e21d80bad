"""The normal form of rules, as `probes/flows/language/normal_form.py` writes it.

Everything that may be left out in YAML stands here, names are resolved, and expressions are trees.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

U16 = Annotated[int, Meta(ge=0, le=0xFFFF)]


class CheckForm(Struct, frozen=True, forbid_unknown_fields=True):
    """An expression."""

    text: str
    """As somebody wrote it, for the evidence."""
    tree: Any


class TestForm(Struct, frozen=True, forbid_unknown_fields=True):
    """What has to hold of a side."""

    side: Literal["client", "server", "either", "both"]
    patterns: list[str]
    """One must match; none stands for anything."""
    within: Annotated[int, Meta(ge=0)] | None
    checks: list[CheckForm]
    message: Literal["first", "any", "every"]


class AlternativeForm(Struct, frozen=True, forbid_unknown_fields=True, rename={"refused": "not"}):
    """One way in which a rule matches."""

    name: str
    confidence: float
    packets: U16
    ports_required: bool
    tests: list[TestForm]
    refused: list[list[TestForm]]


class RuleForm(Struct, frozen=True, forbid_unknown_fields=True):
    """A rule."""

    name: str
    label: str
    transports: list[str]
    """`tcp`, `udp`, `sctp`, `dccp`, `rdma`, `ip/N`, `ether/N`, the numbers decimal."""
    ports: list[tuple[U16, U16]]
    """First and last."""
    refines: list[str]
    """Names of rules."""
    extract: str | None
    fields: list[tuple[str, list[str]]]
    """Name and patterns."""
    listen: U16
    """Packets to look at after the match."""
    alternatives: list[AlternativeForm]


class Document(Struct, frozen=True, forbid_unknown_fields=True):
    """All rules in force."""

    version: int
    rules: list[RuleForm]
