"""What a flow meter is told, and a meter with rules in force."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from fabricscope.clock import NANOSECONDS
from probes.engine import Classifier, Meter
from probes.flows.language import normal_form
from probes.flows.language.rule_files import Rules

MIN_KEPT = 4 << 20
"""Less than that would be no two segments of packets."""


class MeterSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How flows are followed."""

    max_flows: Annotated[
        int,
        Meta(
            ge=1,
            le=1 << 24,
            description="Flows followed at once by one worker. When too many begin, one of N of them is followed, and "
            "its record says so; those that go on are kept.",
        ),
    ] = 1 << 18
    max_connections: Annotated[
        int,
        Meta(ge=1, le=1 << 24, description="Queue pair connections followed at once by one worker; when full the one "
             "that was silent longest is told, and makes room."),
    ] = 1 << 15  # fmt: skip
    check_icrc_every: Annotated[
        int,
        Meta(
            ge=0,
            le=1_000_000_000,
            description="One of how many RDMA packets has its invariant CRC checked, which needs whole packets; 0 for "
            "none.",
        ),
    ] = 0
    idle_seconds: Annotated[
        float, Meta(ge=0.001, le=86400, description="A flow without a packet for that long has ended.")
    ] = 30.0
    active_seconds: Annotated[
        float, Meta(ge=0.001, le=864000, description="A flow that goes on is told that often.")
    ] = 15.0
    sampling: Annotated[
        int, Meta(ge=1, le=1_000_000, description="One of how many packets the mirror sends; records say it.")
    ] = 1
    keep_bytes: Annotated[
        int,
        Meta(
            ge=0,
            le=64 << 30,
            description="Memory in which one worker keeps the last packets, so that those of flows can be saved whose "
            "policy says `keep`; 0 for none, otherwise 4 MiB at least. It has to hold all packets of the time until a "
            "flow's record is told.",
        ),
    ] = 0


def make_meter(settings: MeterSettings, rules: Classifier) -> Meter:
    """A meter that looks for these rules."""
    told = {
        "max_flows": settings.max_flows,
        "max_connections": settings.max_connections,
        "check_icrc_every": settings.check_icrc_every,
        "idle_ns": int(settings.idle_seconds * NANOSECONDS),
        "active_ns": int(settings.active_seconds * NANOSECONDS),
        "sampling": settings.sampling,
    }
    if settings.keep_bytes:
        told["keep_octets"] = max(settings.keep_bytes, MIN_KEPT)
    meter = Meter(msgspec.json.encode(told))
    meter.set_rules(rules)
    return meter


def make_classifier(rules: Rules) -> Classifier:
    """The rules as the engine asks them."""
    return Classifier(normal_form.as_json(rules.rules))
