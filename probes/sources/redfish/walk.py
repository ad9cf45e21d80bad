"""Which resources of a BMC are read: from the service root down the links that `_STEPS` names, and no others.

A link is followed once, so a tree that goes in circles ends; how many, how deep and how long is bounded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import islice
from typing import Any, NamedTuple, Protocol

from probes.sources.redfish import parts, sensors
from probes.sources.redfish.facts import Fact, absent, place, status
from probes.sources.redfish.values import ROOT, at, objects, path, resource, text

MAX_DEPTH = 12
"""Links from the service root to a port's metrics are 8."""
MAX_FACTS = 9_000
"""A baseboard of 8 GPUs with 18 links each has some 5,000."""
MAX_WAITING = 16_384
"""Links that wait to be followed."""


class BmcError(OSError):
    """A resource that cannot be had; says which and why."""


class Absent(BmcError):
    """There is no such resource."""


class Refused(BmcError):
    """The BMC does not let this user in."""


class Expired(BmcError):
    """There is no time or no room left for this walk."""


class Source(Protocol):
    """Where documents come from."""

    def get(self, link: str, levels: int) -> Any:
        """The decoded document at `link`, with what is linked from it in its place down to `levels` if that can be.

        Raises BmcError.
        """
        ...


class Bounds(NamedTuple):
    """How far a walk goes."""

    max_resources: int
    """Documents that are asked for."""
    exclude: tuple[str, ...] = ()
    """Patterns of resources that are not followed, without /redfish/v1/."""
    network_adapters: bool = False


@dataclass
class Walked:
    """What a walk found."""

    facts: dict[str, list[Fact]] = field(default_factory=dict)
    """By the resource that they are from."""
    failed: dict[str, str] = field(default_factory=dict)
    """Resources that could not be read, and why."""
    requests: int = 0
    left_out: int = 0
    """Links that were not followed, and facts that were not taken, for want of room or time."""
    count: int = 0
    """Facts that were taken."""


class _Step(NamedTuple):
    """A resource to look at: a link, or a document that stands where the link would be."""

    kind: str
    value: Any
    owner: str
    """The name of the part that it belongs to."""
    depth: int


class _Next(NamedTuple):
    """A link in a document: the keys that lead to it, the kind of what is there."""

    keys: tuple[str, ...]
    kind: str


def _link(keys: str, kind: str) -> _Next:
    return _Next(tuple(keys.split(".")), kind)


_STEPS: dict[str, tuple[_Next, ...]] = {
    "root": (_link("Chassis", "chassis*"), _link("Systems", "system*")),
    "chassis": (_link("Sensors", "sensor*"),),
    "thermal_subsystem": (_link("Fans", "fan*"), _link("LeakDetection", "leak_detection")),
    "leak_detection": (_link("LeakDetectors", "leak_detector*"),),
    "power_subsystem": (_link("PowerSupplies", "power_supply*"),),
    "power_supply": (_link("Metrics", "power_supply_metrics"),),
    "system": (_link("Processors", "processor*"),),
    "processor": (
        _link("Metrics", "processor_metrics"),
        _link("EnvironmentMetrics", "environment"),
        _link("Ports", "port*"),
    ),
    "port": (_link("Metrics", "port_metrics"),),
    "network_adapter": (_link("Ports", "port*"),),
}
"""Links that are always followed, by the kind of resource that they are in. A star stands for a collection of it."""

_CHOICES = (
    (_link("ThermalSubsystem", "thermal_subsystem"), _link("Thermal", "thermal")),
    (_link("PowerSubsystem", "power_subsystem"), _link("Power", "power")),
    (_link("Sensors", ""), _link("EnvironmentMetrics", "environment")),
)
_NOTHING = _link("", "")
"""Links in a chassis of which the first that is there is followed: the others tell the same again."""

_LEVELS = {"power_supply*": 2, "port*": 2}
"""How much of a collection is worth having in one document; 1 for others."""

_PARSERS: dict[str, Callable[[Any, str, str], Iterable[Fact]]] = {
    "chassis": lambda document, link, _: status("chassis", place(document, link), document),
    "system": lambda document, link, _: status("system", place(document, link), document),
    "network_adapter": lambda document, link, _: status("network_adapter", place(document, link), document),
    "sensor": lambda document, link, _: sensors.sensor(document, link),
    "thermal": lambda document, link, _: sensors.thermal(document, link),
    "power": lambda document, link, _: sensors.power(document, link),
    "environment": sensors.environment,
    "fan": lambda document, link, _: sensors.fan(document, link),
    "leak_detector": lambda document, link, _: parts.leak_detector(document, link),
    "power_supply": lambda document, link, _: parts.power_supply(document, link),
    "power_supply_metrics": parts.power_supply_metrics,
    "processor": lambda document, link, _: parts.processor(document, link),
    "processor_metrics": parts.processor_metrics,
    "port": lambda document, link, _: parts.port(document, link),
    "port_metrics": lambda document, link, _: parts.port_metrics(document, link),
}


def walk(source: Source, bounds: Bounds) -> Walked:
    """Everything that is read of a BMC. Raises BmcError when its root cannot be read, or it does not let us in."""
    walked = Walked()
    steps = deque([_Step("root", ROOT, "", 0)])
    seen: set[str] = set()
    while steps:
        step = steps.popleft()
        link = path(step.value) or _page(step.value) or ""
        if _excluded(link, bounds) or (link and link in seen):
            continue
        seen.add(link)
        document = step.value if _stands_here(step.value) else _asked(source, step, link, walked, bounds)
        if document is None:
            continue
        if parser := _PARSERS.get(step.kind):
            _take(walked, link or f"{step.kind} of {step.owner}", parser(document, link, step.owner))
        if step.depth < MAX_DEPTH:
            for further in _followed(step, document, link, bounds):
                if len(steps) < MAX_WAITING:
                    steps.append(further)
                else:
                    walked.left_out += 1
    return walked


def _stands_here(value: Any) -> bool:
    """Whether a resource itself stands where a link to it could."""
    return isinstance(value, dict) and any(key in value for key in ("Id", "Name", "Members"))


def _asked(source: Source, step: _Step, link: str, walked: Walked, bounds: Bounds) -> Any:
    """The document at a step's link; None when it cannot be had, which is noted, or leads nowhere."""
    if not link:
        return None
    if walked.requests >= bounds.max_resources:
        walked.left_out += 1
        return None
    walked.requests += 1
    try:
        return source.get(link, _LEVELS.get(step.kind, 1) if step.kind.endswith("*") else 0)
    except Refused:
        raise
    except BmcError as error:
        if step.kind == "root":
            raise
        if isinstance(error, Expired):
            walked.left_out += 1
        if not isinstance(error, Absent):
            walked.failed[link] = str(error)
    return None


def _take(walked: Walked, link: str, facts: Iterable[Fact]) -> None:
    room = MAX_FACTS - walked.count
    taken = list(islice(facts, room + 1))
    walked.left_out += len(taken) > room
    taken = taken[:room]
    walked.count += len(taken)
    if taken:
        walked.facts.setdefault(link, []).extend(taken)


def _followed(step: _Step, document: Any, link: str, bounds: Bounds) -> Iterator[_Step]:
    """The steps that follow from a document."""
    kind, depth = step.kind, step.depth + 1
    if kind.endswith("*"):
        for member in objects(at(document, "Members")):
            yield _Step(kind.removesuffix("*"), member, step.owner, depth)
        if (page := at(document, "Members@odata.nextLink")) is not None:
            yield _Step(kind, page, step.owner, depth)
        return
    if kind == "processor" and absent(document):
        return
    owner = (text(at(document, "Id")) if kind == "processor" else "") or place(document, link).name
    following = list(_STEPS.get(kind, ()))
    if kind == "chassis":
        following += [next((one for one in choice if at(document, *one.keys)), _NOTHING) for choice in _CHOICES]
        if bounds.network_adapters:
            following.append(_link("NetworkAdapters", "network_adapter*"))
    for one in following:
        if one.kind and (value := at(document, *one.keys)) is not None:
            yield _Step(one.kind, value, owner, depth)


def _page(value: Any) -> str | None:
    """The next part of a collection that comes in parts: a path with the number of members to skip."""
    if not isinstance(value, str):
        return None
    before, separator, skip = value.partition("?$skip=")
    start = path(before)
    return (
        f"{start}?$skip={skip}"
        if start and separator and skip.isascii() and skip.isdecimal() and len(skip) < 8
        else None
    )


def _excluded(link: str, bounds: Bounds) -> bool:
    return bool(link) and any(fnmatchcase(resource(link), pattern) for pattern in bounds.exclude)
