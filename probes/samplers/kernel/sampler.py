"""Events from the kernel's log, within milliseconds of the line (`Waking`).

The log is read from its end, so that a restart of the probe repeats nothing. What the drivers said before the probe was
up can be read too (`boot_seconds`), at that price.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar

from msgspec import Meta

from fabricscope.model import Event, MetricSpec, Now, Reading
from probes.samplers.kernel import metrics
from probes.samplers.kernel.lines import Classifier, Finding, kinds
from probes.samplers.kernel.repeats import Repeats
from probes.samplers.kernel.rules import RULES
from probes.sampling.sampler import Roots, SamplerSettings
from probes.sources.kmsg import KernelLog, KernelLogError, LogClock, Record

MAX_NUMBERED = 512
"""Pairs of device and error number with a series of their own."""
MAX_JOINED = 400
"""Characters of an attribute that several lines add to."""

_KERNEL = 0
"""The facility of the kernel's own lines."""

_Key = tuple[str, str, str, str]
"""Kind, address, device and error number."""


class KernelSettings(SamplerSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the `kernel` sampler. It is woken by each line; the interval only says how often its counters go."""

    boot_seconds: Annotated[
        int,
        Meta(
            ge=0,
            le=86400,
            description="A probe that starts within this time after the host's boot, in seconds, also reads what was "
            "logged before it; a later one only what comes. Each restart or reload within that time tells the same "
            "events again, and counts them again. 0: never.",
        ),
    ] = 0
    written_lines: Annotated[
        bool,
        Meta(
            description="Whether lines that programs write to /dev/kmsg count as well, as for a drill. They may claim "
            "anything."
        ),
    ] = False
    events_per_minute: Annotated[
        int,
        Meta(
            ge=1,
            le=1000,
            description="Events of one kind, device and error number in a minute; more are counted, and told of in "
            "one event.",
        ),
    ] = 20
    max_records: Annotated[
        int, Meta(ge=100, le=100_000, description="Records of the log that are read in one sample, at most.")
    ] = 2000


class KernelSampler:
    """Reads the kernel's log and tells what it says of the fabric."""

    name: ClassVar[str] = "kernel"
    Settings: ClassVar[type[SamplerSettings]] = KernelSettings
    metrics: ClassVar[Sequence[MetricSpec]] = metrics.ALL

    def __init__(self, settings: KernelSettings, roots: Roots, log: KernelLog | None = None) -> None:
        """`log` is what tests read instead of `<dev>/kmsg`."""
        self._settings = settings
        self._log = log or KernelLog(roots.devfs("kmsg"))
        self._clock = LogClock()
        self._classifier = Classifier(RULES)
        self._started = False
        self._caught_up = False
        """Whether the last read left nothing behind."""
        self._repeats: Repeats[_Key, Finding] = Repeats(settings.events_per_minute)
        self._records = self._lost = self._malformed = self._suppressed = 0
        self._events: Counter[tuple[str, str]] = Counter()
        self._numbers: dict[MetricSpec, Counter[tuple[str, str]]] = {metrics.XIDS: Counter(), metrics.SXIDS: Counter()}
        self._left_out: set[tuple[str, str]] = set()
        self._readings: list[Reading] = []
        for kind, severity in kinds(RULES):
            self._events[kind, severity.name.lower()] = 0

    def unavailable(self) -> str | None:
        """Why the log cannot be read, and what that takes; None when it can."""
        try:
            self._log.check()
        except KernelLogError as error:
            return str(error)
        return None

    def wake_descriptor(self) -> int | None:
        """The log's descriptor; None while a flood is read in portions, one each tick."""
        return self._log.descriptor if self._caught_up else None

    def sample(self, now: Now) -> list[Reading | Event]:
        """The counters, and an event for each line that says something. Raises OSError when the log cannot be read."""
        from_boot = not self._started and now.mono < self._settings.boot_seconds * 1_000_000_000
        if self._log.begin(from_boot=from_boot):
            self._started, self._caught_up = True, False
        batch = self._log.read(self._settings.max_records)
        events: list[Event] = []
        if batch.records or batch.lost or batch.malformed or not self._readings:
            if batch.records and batch.caught_up and self._caught_up:
                self._clock.observe(batch.records[-1], now)
            self._records += len(batch.records)
            self._lost += batch.lost
            self._malformed += batch.malformed
            events += self._tell(self._findings(batch.records), now)
            self._readings = list(self._counters())
        self._caught_up = batch.caught_up
        if len(self._repeats):
            events += self._repeated(now)
        return [*self._readings, *events]

    def close(self) -> None:
        """Close the log; the next sample opens it at its end."""
        self._log.close()
        self._caught_up = False

    def _findings(self, records: Sequence[Record]) -> list[tuple[Finding, Record]]:
        """What the lines say, each that only adds to another one put together with it."""
        said: list[tuple[Finding, Record]] = []
        for record in records:
            if record.facility != _KERNEL and not self._settings.written_lines:
                continue
            finding = self._classifier.classify(record.text, record.properties.get("DEVICE", ""))
            if finding is None:
                continue
            if finding.joins:
                _join(finding, said)
            else:
                said.append((finding, record))
        return said

    def _tell(self, said: Sequence[tuple[Finding, Record]], now: Now) -> Iterator[Event]:
        for finding, record in said:
            self._count(finding)
            if self._repeats.admit(_key(finding), finding, now.mono):
                wall, mono = self._clock.time_of(record, now)
                yield Event(
                    time_unix_ns=wall,
                    monotonic_ns=mono,
                    kind=finding.kind,
                    severity=finding.severity,
                    message=finding.message,
                    subject=finding.subject,
                    attributes=finding.attributes,
                )
            else:
                self._suppressed += 1

    def _repeated(self, now: Now) -> Iterator[Event]:
        """An event for each kind and device of which too much was said in the minute that has ended."""
        for (kind, *_), last, times in self._repeats.ended(now.mono):
            yield Event(
                time_unix_ns=now.wall,
                monotonic_ns=now.mono,
                kind="kernel.repeated",
                severity=last.severity,
                message=f"{times} more like it within a minute: {last.message}",
                subject=last.subject,
                attributes=last.attributes | {"kind": kind, "repeats": str(times)},
            )

    def _count(self, finding: Finding) -> None:
        self._events[finding.kind, finding.severity.name.lower()] += 1
        spec = {"kernel.xid": metrics.XIDS, "kernel.sxid": metrics.SXIDS}.get(finding.kind)
        if spec is None:
            return
        counts = self._numbers[spec]
        series = (finding.subject.get("address", ""), finding.attributes.get("number", ""))
        if series in counts or sum(map(len, self._numbers.values())) < MAX_NUMBERED:
            counts[series] += 1
        elif len(self._left_out) < MAX_NUMBERED:
            self._left_out.add(series)

    def _counters(self) -> Iterator[Reading]:
        for labels, count in self._events.items():
            yield Reading(metrics.EVENTS, labels, count)
        for spec, counts in self._numbers.items():
            for labels, count in counts.items():
                yield Reading(spec, labels, count)
        yield Reading(metrics.RECORDS, (), self._records)
        yield Reading(metrics.LOST, (), self._lost)
        yield Reading(metrics.MALFORMED, (), self._malformed)
        yield Reading(metrics.SUPPRESSED, (), self._suppressed)
        yield Reading(metrics.LEFT_OUT, (), float(len(self._left_out)))


def _key(finding: Finding) -> _Key:
    subject, attributes = finding.subject, finding.attributes
    return finding.kind, subject.get("address", ""), subject.get("device", ""), attributes.get("number", "")


def _join(more: Finding, said: Sequence[tuple[Finding, Record]]) -> None:
    """Add what a line says to the last finding of its kind and device; nothing when that went out before."""
    for finding, _ in reversed(said):
        if finding.kind != more.kind:
            continue
        of_both = finding.subject.keys() & more.subject.keys()
        if any(finding.subject[name] != more.subject[name] for name in of_both):
            continue
        finding.subject.update(more.subject)
        for name, value in more.attributes.items():
            if name == "errors" and name in finding.attributes:
                finding.attributes[name] = f"{finding.attributes[name]}, {value}"[:MAX_JOINED]
            else:
                finding.attributes.setdefault(name, value)
        return
