"""A BMC as a sampler: a walk through its resources each minute, and events when a part's health changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar

from msgspec import Meta

from fabricscope.model import Event, Kind, MetricSpec, Now, Quality, Reading, Severity
from probes.samplers.redfish import metrics
from probes.sampling.sampler import Roots, SamplerSettings
from probes.sources.redfish.client import Account, Bmc, unusable
from probes.sources.redfish.facts import Fact
from probes.sources.redfish.walk import MAX_FACTS, Bounds, Walked

_HEALTH = ("OK", "warning", "critical")
_SEVERITY = (Severity.INFO, Severity.WARNING, Severity.CRITICAL)


class RedfishSettings(SamplerSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the `redfish` sampler. It does nothing until `url` is set."""

    interval_seconds: Annotated[float, Meta(ge=1, le=3600, description="Time between two samples, in seconds.")] = 60.0
    deadline_seconds: Annotated[
        float,
        Meta(
            ge=1,
            le=3600,
            description="A sample that takes longer, in seconds, is reported as hung and its values are stale. A walk "
            "through a slow BMC ends before that, with what it has.",
        ),
    ] = 50.0
    url: Annotated[
        str, Meta(max_length=256, description="The host's own BMC, as https://HOST or https://HOST:PORT.")
    ] = ""
    username: Annotated[str, Meta(max_length=128, description="A user of the BMC; ReadOnly is enough.")] = ""
    password_file: Annotated[
        str,
        Meta(
            max_length=4096,
            description="File with the password in its first line. One that others than its owner and group may read "
            "is refused.",
        ),
    ] = ""
    session: Annotated[
        bool, Meta(description="Log in to a session; otherwise send the password with each request (basic).")
    ] = True
    verify: Annotated[bool, Meta(description="Check the BMC's certificate. Without, anyone may play the BMC.")] = True
    ca_file: Annotated[
        str,
        Meta(
            max_length=4096,
            description="The authority that signed the BMC's certificate, or a self-signed certificate itself, as PEM; "
            "empty for the system's authorities.",
        ),
    ] = ""
    timeout_seconds: Annotated[
        float, Meta(ge=0.1, le=600, description="Longest wait for the BMC's next octets, in seconds.")
    ] = 10.0
    max_body_bytes: Annotated[
        int,
        Meta(
            ge=4096,
            le=64 << 20,
            description="Longest answer that is read, in octets; all answers of a walk together may have six times "
            "that. 18 NVLink ports with their metrics in one answer have some 60,000.",
        ),
    ] = 1 << 20
    max_resources: Annotated[
        int, Meta(ge=1, le=20_000, description="Documents to ask for at most in a walk; the others are left out.")
    ] = 1000
    network_adapters: Annotated[
        bool, Meta(description="Read network adapters and their ports, too. The kernel knows more of them.")
    ] = False
    exclude: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=256)], ...],
        Meta(
            max_length=64,
            description="Resources not to follow, as paths without /redfish/v1/ (`Chassis/*/Sensors`); `*` and `?` "
            "stand for any letters.",
        ),
    ] = ()


class RedfishSampler:
    """Walks through one BMC."""

    name: ClassVar[str] = "redfish"
    Settings: ClassVar[type[SamplerSettings]] = RedfishSettings
    metrics: ClassVar[Sequence[MetricSpec]] = (
        *metrics.BY_FACT.values(),
        *(metrics.RESOURCES, metrics.FAILED, metrics.LEFT_OUT),
    )

    def __init__(self, settings: RedfishSettings, _roots: Roots, bmc: Bmc | None = None) -> None:
        self._settings = settings
        self._account = Account(
            url=settings.url,
            username=settings.username,
            password_file=settings.password_file,
            session=settings.session,
            ca_file=settings.ca_file,
            verify=settings.verify,
            timeout_seconds=settings.timeout_seconds,
            max_body_bytes=settings.max_body_bytes,
        )
        self._bounds = Bounds(settings.max_resources, settings.exclude, settings.network_adapters)
        self._bmc = bmc or Bmc(self._account)
        self._known: dict[str, list[Fact]] = {}
        """What the last walks found, by resource."""
        self._conditions: dict[tuple[str, tuple[str, ...]], float] = {}
        """Health, state and leaks as they were last seen."""

    def unavailable(self) -> str | None:
        """Why there is nothing to sample, or None. Nothing is sent for it."""
        if not self._settings.url:
            return "no BMC is configured: set `url`, `username` and `password_file`"
        return unusable(self._account)

    def sample(self, now: Now) -> Iterator[Reading | Event]:
        """All values of a walk, and events of parts whose health changed. Raises OSError when the BMC gives none."""
        if not self._settings.url:
            return
        walked = self._bmc.visit(self._bounds, int(self._settings.deadline_seconds * 0.9 * 1_000_000_000))
        if not walked.facts and walked.failed:
            raise OSError(next(iter(walked.failed.values())))
        lost = self._lost(walked)
        seen: set[tuple[str, tuple[str, ...]]] = set()
        for facts, readable in ((walked.facts, True), (lost, False)):
            for fact in (fact for group in facts.values() for fact in group):
                # A BMC that tells one thing twice is believed the first time.
                if fact[:2] not in seen:
                    seen.add(fact[:2])
                    yield _reading(fact, readable)
                    if readable:
                        yield from self._change(fact, now)
        self._known = lost | walked.facts
        self._conditions = {key: value for key, value in self._conditions.items() if key in seen}
        yield Reading(metrics.RESOURCES, (), float(walked.requests))
        yield Reading(metrics.FAILED, (), float(len(walked.failed)))
        yield Reading(metrics.LEFT_OUT, (), float(walked.left_out))

    def close(self) -> None:
        """Log out."""
        self._bmc.close()

    def _lost(self, walked: Walked) -> dict[str, list[Fact]]:
        """What was known of resources that could not be read this time, or are below one."""
        lost, room = {}, MAX_FACTS
        for link, facts in self._known.items():
            if link in walked.facts or not any(f"{link}/".startswith(f"{failed}/") for failed in walked.failed):
                continue
            room -= len(facts)
            if room < 0:
                break
            lost[link] = facts
        return lost

    def _change(self, fact: Fact, now: Now) -> Iterator[Event]:
        """The event of a part that is not as it was; none at the first sight of it."""
        if fact.what not in ("health", "enabled", "leak") or fact.value is None:
            return
        key, value = (fact.what, fact.labels), float(fact.value)
        before = self._conditions.get(key)
        self._conditions[key] = value
        if before is None or before == value:
            return
        subject = dict(zip(metrics.BY_FACT[fact.what].labels, fact.labels, strict=True))
        attributes: dict[str, str] = {}
        if fact.what == "health":
            word, severity = _HEALTH[int(value)], _SEVERITY[int(value)]
            attributes = {"before": _HEALTH[int(before)], "after": word}
            text = f"is {word}, was {_HEALTH[int(before)]}"
        elif fact.what == "leak":
            severity = Severity.CRITICAL if value else Severity.INFO
            text = "sees a leak" if value else "no longer sees a leak"
        else:
            severity = Severity.INFO if value else Severity.WARNING
            text = "is enabled" if value else "is absent, switched off or on standby"
        yield Event(
            time_unix_ns=now.wall,
            monotonic_ns=now.mono,
            kind={"health": "redfish.health", "leak": "redfish.leak", "enabled": "redfish.state"}[fact.what],
            severity=severity,
            message=f"{subject.get('kind', 'leak_detector').replace('_', ' ')} {subject['name']} {text}",
            subject=subject,
            attributes=attributes,
        )


def _reading(fact: Fact, readable: bool) -> Reading:
    spec, labels = metrics.BY_FACT[fact.what], tuple(fact.labels)
    if not readable or fact.value is None:
        return Reading(spec, labels, None, Quality.UNREADABLE)
    return Reading(spec, labels, int(fact.value) if spec.kind is Kind.COUNTER else float(fact.value))
