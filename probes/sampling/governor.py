"""Watches what observing costs, and slows what is too expensive. Pure: it is told, and says what to change.

A source that takes long to read, eats processor time or makes the kernel log a line whenever it is read disturbs the
host that it is to watch. It is sampled less often then, in steps of two, down to MAX_SLOWDOWN; and again as before
when it has become cheap. A sampler that finds nothing on this host is only looked in on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, NamedTuple

from msgspec import Meta, Struct

from fabricscope.model import Event, Now, Severity

MAX_SLOWDOWN = 64
IDLE_SLOWDOWN = 16
"""For a sampler that gives nothing: what is plugged in later is still found within that many intervals."""

_PATIENCE = 5
"""Samples in a row that ask for another pace before it changes, so that one slow read changes nothing."""
_LOGGED = 3
"""How many of the last _PATIENCE samples must have coincided with kernel log lines to be taken for their cause."""
_ACQUITTED_NS = 3600 * 1_000_000_000
"""How long a sampler is not suspected again of making the kernel log."""
_LOGS = "the kernel logs a line whenever it is read"
_DENSER = 10
"""Times as many lines in a given time must come during a sample as before it: a kernel that talks anyhow is not asked
to talk by those who read."""
_SMOOTHING = 0.3
"""Weight of the newest sample in the running cost."""


class GovernorSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much a sampler may cost before it is sampled less often."""

    enabled: Annotated[bool, Meta(description="Whether expensive samplers are slowed.")] = True
    max_cpu_share: Annotated[
        float, Meta(gt=0, le=1, description="Share of one core that a sampler's own thread may use.")
    ] = 0.01
    max_busy_share: Annotated[
        float,
        Meta(
            gt=0, le=1, description="Share of its interval that a sample may take: drivers hold locks while they read."
        ),
    ] = 0.25
    log_lines: Annotated[
        bool,
        Meta(description="Whether a sampler is slowed when the kernel logs something each time that it reads."),
    ] = True


class Cost(NamedTuple):
    """What one sample took."""

    duration_ns: int
    cpu_ns: int
    readings: int
    log_lines: int
    """Lines that the kernel logged meanwhile."""
    lines_before: int = 0
    """Lines that it logged between the sample before and this one."""


class Pace(NamedTuple):
    """A sampler's new pace."""

    sampler: str
    slowdown: int
    """Its interval is to be so many times the configured one."""
    event: Event | None
    """None when there is nothing to tell: an idle sampler disturbs nobody."""


@dataclass
class _Record:
    interval_ns: int
    cpu: float = 0.0
    busy: float = 0.0
    """Running means, in ns a sample."""
    samples: int = 0
    seen: int = 0
    """When the last one was told of (monotonic ns)."""
    idle: int = 0
    """Samples in a row that gave nothing."""
    logged: list[bool] = field(default_factory=list)
    """Of the last samples, whether the kernel logged something meanwhile."""
    slowdown: int = 1
    wish: int = 1
    wishes: int = 0
    reason: str = ""


class Governor:
    """Follows every sampler's cost.

    Samplers that are due together are read at the same time, and a line that one of them makes the kernel log falls
    into the samples of all. So one at a time is suspected: it is slowed, and when lines come all the same while it is
    not read, it was not the one.
    """

    def __init__(self, settings: GovernorSettings, intervals: Mapping[str, int]) -> None:
        """`intervals` are the configured ones by sampler, in nanoseconds."""
        self._settings = settings
        self._records = {name: _Record(interval) for name, interval in intervals.items()}
        self._suspect = ""
        """The sampler that is taken to make the kernel log."""
        self._acquitted: dict[str, int] = {}
        """Until when others are not suspected, since it was not they (monotonic ns)."""

    def slowdown(self, sampler: str) -> int:
        """What the sampler's interval is multiplied by at the moment."""
        return self._records[sampler].slowdown if sampler in self._records else 1

    def observe(self, sampler: str, cost: Cost, now: Now) -> Pace | None:
        """Take note of one sample; the new pace when it should change."""
        record = self._records.get(sampler)
        if record is None or not self._settings.enabled:
            return None
        self._note(record, cost, now)
        logs = self._makes_log(sampler, record, now.mono)
        wish, reason = self._wish(record, logs=logs)
        record.wishes = record.wishes + 1 if wish == record.wish else 1
        record.wish = wish
        if wish == record.slowdown or record.wishes < _PATIENCE:
            return None
        # One step at a time on the way back: what was slowed for a reason may still have it.
        slower = wish > record.slowdown
        before, record.slowdown = record.slowdown, wish if slower else max(wish, record.slowdown // 2)
        if logs:
            self._suspect = sampler
            # What was seen before may have been its doing.
            for other in self._records.values():
                other.logged.clear()
        record.wishes = 0
        record.logged.clear()
        told = reason or record.reason
        record.reason = told if record.slowdown > 1 else ""
        return Pace(sampler, record.slowdown, _event(sampler, before, record, told, now) if told else None)

    def _note(self, record: _Record, cost: Cost, now: Now) -> None:
        weight = _SMOOTHING if record.samples else 1.0
        record.samples += 1
        record.cpu += weight * (cost.cpu_ns - record.cpu)
        record.busy += weight * (cost.duration_ns - record.busy)
        record.idle = 0 if cost.readings else record.idle + 1
        between = max(now.mono - record.seen - cost.duration_ns, 0)
        dense = cost.log_lines * between > _DENSER * cost.lines_before * cost.duration_ns
        record.logged = [*record.logged[1 - _PATIENCE :], dense and cost.log_lines >= cost.lines_before]
        record.seen = now.mono

    def _makes_log(self, sampler: str, record: _Record, mono: int) -> bool:
        """Whether the sampler is the one to slow, since the kernel logs while it is read."""
        logs = self._settings.log_lines and sum(record.logged) >= _LOGGED
        if sampler == self._suspect and not logs and len(record.logged) == _PATIENCE:
            self._suspect = ""
            self._acquitted[sampler] = mono + _ACQUITTED_NS
        return logs and self._suspect in ("", sampler) and self._acquitted.get(sampler, 0) <= mono

    def _wish(self, record: _Record, *, logs: bool) -> tuple[int, str]:
        """The slowdown that the sampler's cost asks for, and why."""
        settings, interval = self._settings, record.interval_ns
        if logs:
            return min(record.slowdown * 4, MAX_SLOWDOWN), _LOGS
        if record.idle >= _PATIENCE:
            return IDLE_SLOWDOWN, ""
        cpu = record.cpu / (interval * settings.max_cpu_share)
        busy = record.busy / (interval * settings.max_busy_share)
        share = max(cpu, busy)
        # To go back there must be room: a cost at the limit would change the pace again and again.
        if record.slowdown / 2 < share <= record.slowdown and record.slowdown > 1 and not record.idle:
            return record.slowdown, record.reason
        slowdown = 1
        while slowdown < share and slowdown < MAX_SLOWDOWN:
            slowdown *= 2
        if slowdown == 1:
            return 1, ""
        if cpu >= busy:
            return slowdown, f"a sample uses {record.cpu / 1e6:.1f} ms of processor time"
        return slowdown, f"a sample takes {record.busy / 1e6:.1f} ms"


def _event(sampler: str, before: int, record: _Record, reason: str, now: Now) -> Event:
    slower = record.slowdown > before
    seconds = record.interval_ns * record.slowdown / 1e9
    text = f"sampled every {seconds:g} s, since {reason}" if slower else f"sampled every {seconds:g} s again"
    return Event(
        time_unix_ns=now.wall,
        monotonic_ns=now.mono,
        kind="sampler.slowed" if slower else "sampler.restored",
        severity=Severity.WARNING if slower else Severity.INFO,
        message=f"sampler {sampler} is {text}",
        subject={"sampler": sampler},
        attributes={"reason": reason, "slowdown": str(record.slowdown), "before": str(before)},
    )
