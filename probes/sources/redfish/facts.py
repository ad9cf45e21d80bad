"""What is known of a BMC's resources, as pure data. The sampler has a metric for each kind of fact."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from probes.sources.redfish.values import as_object, at, path, resource, text

HEALTH = {"OK": 0.0, "Warning": 1.0, "Critical": 2.0}
"""Health as numbers that grow with the harm."""


class Fact(NamedTuple):
    """One value. `what` names its metric, `labels` are that metric's, in order."""

    what: str
    labels: tuple[str, ...]
    value: int | float | None
    """None when the BMC says that there is something, and not what."""


class Place(NamedTuple):
    """Which resource a document is about."""

    resource: str
    name: str


def place(document: Any, link: str = "") -> Place:
    """The path and the name of a resource; `link` is where it was found, for those that do not say it themselves."""
    own = path(document) or path(link) or ""
    fallback = own.rpartition("/")[2]
    return Place(resource(own), text(at(document, "Name")) or text(at(document, "Id")) or fallback)


def owner(document: Any, link: str) -> str:
    """The path of the part that metrics of a resource of their own (`.../GPU_0/ProcessorMetrics`) are about."""
    own = place(document, link).resource
    above, _, last = own.rpartition("/")
    return above if last.endswith("Metrics") and above else own


def status(kind: str, where: Place, document: Any) -> Iterator[Fact]:
    """Health and state of a resource; what is absent has no health."""
    state = as_object(at(document, "Status"))
    labels = (where.resource, kind, where.name)
    if said := text(state.get("State")):
        yield Fact("enabled", labels, float(said == "Enabled"))
    health = state.get("Health") or state.get("HealthRollup")
    if said != "Absent" and isinstance(health, str) and health in HEALTH:
        yield Fact("health", labels, HEALTH[health])


def absent(document: Any) -> bool:
    """Whether the BMC knows of a place where nothing is, such as an empty bay: its readings mean nothing."""
    return bool(at(document, "Status", "State") == "Absent")
