"""What the `ib_fabric` sampler can be told."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from probes.sampling.sampler import SamplerSettings

MAX_PORTS = 1_400
"""What one sample has room for: 26 readings a port, of 20,000 (probes/sampling/pipeline.py)."""

_Program = Annotated[str, Meta(min_length=1, max_length=255)]


class IbFabricSettings(SamplerSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the `ib_fabric` sampler. One host of a subnet runs it: each that does asks every switch."""

    enabled: Annotated[
        bool,
        Meta(description="Whether this sampler runs. Switch it on at one host of each InfiniBand subnet, not at all."),
    ] = False
    interval_seconds: Annotated[
        float, Meta(ge=10, le=3600, description="Time between two readings of all counters, in seconds.")
    ] = 60.0
    deadline_seconds: Annotated[
        float,
        Meta(
            ge=5,
            le=3600,
            description="A sample that takes longer, in seconds, is reported as hung. Nine tenths of it are spent on "
            "asking; switches that are left over come first in the next sample.",
        ),
    ] = 50.0
    discovery_seconds: Annotated[
        float,
        Meta(
            ge=10,
            le=86400,
            description="Time between two looks at how the subnet is cabled, in seconds. It is looked at earlier when "
            "a link went down by its counter, or a switch stopped answering.",
        ),
    ] = 300.0
    discovery_timeout_seconds: Annotated[
        float, Meta(ge=1, le=3600, description="Time for one run of ibnetdiscover, in seconds; then it is ended.")
    ] = 30.0
    query_timeout_seconds: Annotated[
        float, Meta(ge=1, le=600, description="Time for one run of perfquery, in seconds; then it is ended.")
    ] = 10.0
    parallel: Annotated[int, Meta(ge=1, le=32, description="How many programs run at once.")] = 4
    ibnetdiscover: Annotated[_Program, Meta(description="Name or path of ibnetdiscover.")] = "ibnetdiscover"
    perfquery: Annotated[_Program, Meta(description="Name or path of perfquery.")] = "perfquery"
    ca: Annotated[
        str,
        Meta(
            max_length=63,
            pattern=r"^([A-Za-z0-9_][A-Za-z0-9_.\-]*)?$",
            description="Adapter to ask through, such as mlx5_0; empty for the first that has an active port.",
        ),
    ] = ""
    ca_port: Annotated[
        int, Meta(ge=0, le=254, description="Port of the adapter to ask through; 0 for the first that is active.")
    ] = 0
    hosts: Annotated[
        bool,
        Meta(
            description="Report the ports of adapters too, not only those of switches. It costs one or two starts of "
            "perfquery for each adapter port, and the probe of a host reads its own ports in any case."
        ),
    ] = False
    max_switches: Annotated[
        int, Meta(ge=1, le=MAX_PORTS, description="Switches to report at most, in order of GUID.")
    ] = 256
    max_ports: Annotated[
        int,
        Meta(
            ge=1,
            le=MAX_PORTS,
            description="Ports to report at most, those with a link first. Each has up to 26 series. A subnet with "
            "more is shared by several hosts: see `parts`.",
        ),
    ] = MAX_PORTS
    parts: Annotated[
        int,
        Meta(ge=1, le=64, description="How many hosts share the switches of a large subnet; 1 when this one has all."),
    ] = 1
    part: Annotated[
        int, Meta(ge=1, le=64, description="Which part of the switches is this host's, from 1 to `parts`.")
    ] = 1
    remember_seconds: Annotated[
        float,
        Meta(ge=60, le=30 * 86400, description="How long a link that is gone is reported as down, in seconds."),
    ] = 86400.0

    def __post_init__(self) -> None:
        if self.part > self.parts:
            raise ValueError(f"part is {self.part} of {self.parts} parts: it goes from 1 to `parts`")
