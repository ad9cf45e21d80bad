"""What follows from what a flow is."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Annotated, Literal, NamedTuple

from msgspec import Meta, Struct

from fabricscope.settings import EXPECTED
from probes.flows.language.behaviour import Conditions, Label
from probes.flows.language.conditions import Condition, parse
from probes.flows.language.rule import Data, Port, Word

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Networks = Annotated[
    tuple[Annotated[str, Meta(max_length=50, extra={EXPECTED: "a network such as 10.0.0.0/8"})], ...],
    Meta(max_length=100),
]
Priority = Literal["low", "normal", "high"]
Severity = Literal["info", "warning", "critical"]


class When(Data, frozen=True, kw_only=True, dict=True):
    """All that is given must hold."""

    label: tuple[Label, ...] | None = None
    rule: tuple[Label, ...] | None = None
    behaviour: tuple[Label, ...] | None = None
    confidence: Annotated[float, Meta(ge=0, le=1)] = 0.0
    hosts: Networks = ()
    """Either end is in one of these."""
    source: Networks = ()
    destination: Networks = ()
    ports: tuple[Port, ...] = ()
    vlan: tuple[Port, ...] = ()
    features: Conditions = ()

    @cached_property
    def conditions(self) -> tuple[Condition, ...]:
        """`features`, parsed. Raises ValueError."""
        return tuple(map(parse, self.features))

    @cached_property
    def networks(self) -> tuple[tuple[Network, ...], ...]:
        """Of either end, the source and the destination. Raises ValueError."""
        return tuple(tuple(map(network, each)) for each in (self.hosts, self.source, self.destination))

    @cached_property
    def ranges(self) -> tuple[tuple[range, ...], tuple[range, ...]]:
        """Ports and VLANs. Raises ValueError."""
        return tuple(map(span, self.ports)), tuple(map(span, self.vlan))


class Then(Data, frozen=True, kw_only=True):
    """What is done. Nothing is changed where nothing is given."""

    label: Word | None = None
    priority: Priority | None = None
    event: Severity | None = None
    sampling: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    keep: bool | None = None
    export: bool | None = None


class Policy(Data, frozen=True, kw_only=True, rename={"goes_on": "continue"}):
    """Conditions and consequences."""

    name: Word
    summary: str = ""
    when: When = When()
    then: Then
    goes_on: bool = False
    """Whether the policies after it are asked too."""
    enabled: bool = True


class Asked(NamedTuple):
    """What policies look at."""

    label: str
    rule: str
    confidence: float
    behaviour: str
    source: bytes
    destination: bytes
    ports: tuple[int, int]
    vlan: int
    features: Mapping[str, float]


class Outcome(Struct, kw_only=True):
    """What all policies together say of a flow."""

    policies: list[str] = []
    label: str = ""
    priority: Priority = "normal"
    event: Severity | None = None
    sampling: int = 1
    keep: bool = False
    export: bool = True


def apply(policies: Iterable[Policy], asked: Asked) -> Outcome:
    """Carry out the first policy that fits, and the next ones while they say `continue`."""
    outcome = Outcome()
    said: set[str] = set()
    for policy in policies:
        if not _fits(policy.when, asked):
            continue
        outcome.policies.append(policy.name)
        for key in policy.then.__struct_fields__:
            value = getattr(policy.then, key)
            # What an earlier policy said stands.
            if value is not None and key not in said:
                said.add(key)
                setattr(outcome, key, value)
        if not policy.goes_on:
            break
    return outcome


def network(text: str) -> Network:
    """A network in CIDR notation. Raises ValueError."""
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no network: {error}; expected one such as 10.0.0.0/8") from error


def span(text: str) -> range:
    """Numbers of a port, a VLAN or a range of them. Raises ValueError."""
    first, _, last = text.partition("-")
    low, high = int(first), int(last or first)
    if low > high or high > 65535:
        raise ValueError(f"{text!r}: ranges go from the lower number to the higher, at most 65535")
    return range(low, high + 1)


def _fits(when: When, asked: Asked) -> bool:
    for wanted, found in ((when.label, asked.label), (when.rule, asked.rule), (when.behaviour, asked.behaviour)):
        if wanted is not None and found not in wanted:
            return False
    if asked.confidence < when.confidence:
        return False
    either, source, destination = when.networks
    ends = (asked.source, asked.destination)
    for networks, addresses in ((either, ends), (source, ends[:1]), (destination, ends[1:])):
        if networks and not any(_inside(address, networks) for address in addresses):
            return False
    ports, vlans = when.ranges
    if ports and not any(port in each for each in ports for port in asked.ports):
        return False
    if vlans and not any(asked.vlan in each for each in vlans):
        return False
    found_features = asked.features
    return all(
        (value := found_features.get(condition.feature)) is not None and condition.holds(value)
        for condition in when.conditions
    )


def _inside(address: bytes, networks: Sequence[Network]) -> bool:
    if len(address) not in {4, 16}:
        return False
    host = ipaddress.ip_address(address)
    return any(host in each for each in networks)
