"""A made-up host: series that a script sets, sampled through the real pipeline, judged in virtual time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from fabricscope import plugins
from fabricscope.model import Event, MetricSpec, Now, Quality, Reading, Sampled, Severity, Watch
from probes import own_metrics
from probes.health.health import Health
from probes.health.language.rule import Rule
from probes.health.language.rule_files import shipped
from probes.sampling.pipeline import Pipeline

SECOND = 1_000_000_000
MINUTE = 60
HOUR = 3600
DAY = 86400
START = 1_700_000_000
"""Unix time of second 0."""


def at(seconds: float) -> Now:
    """A moment of the script; the host was up for a day before it."""
    return Now(int((START + seconds) * SECOND), int((DAY + seconds) * SECOND))


@cache
def specs() -> Mapping[str, MetricSpec]:
    """Every metric of every installed sampler, and the probe's own, by name."""
    tables = [own_metrics.METRICS]
    tables += [found.metrics for _, found in plugins.loaded(plugins.SAMPLERS) if not isinstance(found, Exception)]
    return {spec.name: spec for table in tables for spec in table}


def rules(*names: str) -> tuple[Rule, ...]:
    """Shipped rules by name."""
    by_name = {rule.name: rule for rule in shipped()}
    return tuple(by_name[name] for name in names)


class Host:
    """Holds series and time. `run` lets time pass and gives the events that it brought."""

    def __init__(self, asked: Sequence[Rule], *, step: float = 1.0, sampler: str = "test") -> None:
        self.rules = tuple(asked)
        self.health = Health(self.rules)
        self.step = step
        self.seconds = 0.0
        self.events: list[Event] = []
        """All that was ever told."""
        self.batches: list[tuple[Now, Sampled]] = []
        """What was sampled of late, for those who record it."""
        self._sampler = sampler
        self._pipeline = Pipeline(sampler, int(step * SECOND))
        self._values: dict[tuple[MetricSpec, tuple[str, ...]], Reading] = {}
        self._waiting: list[Event] = []

    def set(self, name: str, value: float | None, quality: Quality = Quality.OK, /, **labels: str) -> None:
        """From the next sample on a series has this raw value; labels that are not given are empty."""
        spec = specs()[name]
        assert set(labels) <= set(spec.labels), (name, labels)
        key = tuple(labels.get(label, "") for label in spec.labels)
        kept = value if value is None or spec.kind.value == "gauge" else int(value)
        quality = Quality.UNREADABLE if value is None else quality
        self._values[spec, key] = Reading(spec, key, kept, quality)

    def add(self, name: str, by: float, /, **labels: str) -> None:
        """A counter has counted more."""
        spec = specs()[name]
        key = tuple(labels.get(label, "") for label in spec.labels)
        self.set(name, (self._values[spec, key].value or 0) + by, **labels)

    def take_out(self, name: str, /, **labels: str) -> None:
        """A series is no longer there."""
        spec = specs()[name]
        del self._values[spec, tuple(labels.get(label, "") for label in spec.labels)]

    def tell(
        self, kind: str, severity: Severity, subject: Mapping[str, str], attributes: Mapping[str, str] | None = None
    ) -> None:
        """Something happens by the next sample."""
        now = at(self.seconds)
        text = f"{kind} of {' '.join(subject.values())}"
        self._waiting.append(Event(now.wall, now.mono, kind, severity, text, dict(subject), dict(attributes or {})))

    def run(self, seconds: float) -> list[Event]:
        """Let time pass."""
        told = []
        end = self.seconds + seconds
        while self.seconds < end:
            self.seconds += self.step
            told += self.sample()
        return told

    def sample(self) -> list[Event]:
        """Take one sample now."""
        now = at(self.seconds)
        sampled = self._pipeline.process(self._values.values(), now).sampled
        self.batches = [*self.batches[-1000:], (now, sampled)]
        events, self._waiting = self._waiting, []
        told = self.health.observe([sampled], events, now)
        self.events += told
        return told

    def hang(self, seconds: float) -> list[Event]:
        """The sampler hangs for so long: its last values come again, stale."""
        told = []
        end = self.seconds + seconds
        while self.seconds < end:
            self.seconds += self.step
            now = at(self.seconds)
            if (sampled := self._pipeline.stale(now)) is not None:
                told += self.health.observe([sampled], [], now)
        self.events += told
        return told

    def restart(self, away: float = 0.0) -> list[Event]:
        """The probe ends and another one begins, `away` seconds later, with what it had kept."""
        now = at(self.seconds)
        state, pasts = self.health.state(now), self.health.pasts(now)
        self.seconds += away
        self.health = Health(self.rules)
        self.health.restore(state, pasts, at(self.seconds))
        self._pipeline = Pipeline(self._sampler, int(self.step * SECOND))
        return self.run(self.step)

    def active(self) -> list[tuple[str, str]]:
        """Rule and severity of every active verdict."""
        return [(verdict.rule, verdict.severity) for verdict in self.health.verdicts(at(self.seconds))]


def told(events: Sequence[Event]) -> list[tuple[str, str]]:
    """The last word of each verdict event's kind, and its rule."""
    return [(event.kind.removeprefix("verdict."), event.attributes["rule"]) for event in events]


def produced_kinds() -> Iterator[str]:
    """Kinds of events that follow from watched metrics."""
    for spec in specs().values():
        if spec.watch is None:
            continue
        words = {Watch.UP_DOWN: ("up", "down"), Watch.CHANGE: ("changed",), Watch.FLAPS: ("flapped",)}[spec.watch]
        yield from (f"{spec.link}.{word}" for word in (*words, "added", "removed"))
