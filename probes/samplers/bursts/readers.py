"""A reader of the engine with what it reads: one for files, one for what takes a driver long."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from fabricscope.model import Event, Now, Reading, Severity
from probes.engine import FastReader, StepRing, windows
from probes.engine.fold import Window
from probes.engine.steps import StepChannel
from probes.samplers.bursts import metrics
from probes.samplers.bursts.counters import Unit
from probes.samplers.bursts.pace import Change, Pace
from probes.samplers.bursts.plan import Group, Planned
from probes.samplers.bursts.tracks import Track

STALL_NS = 3_000_000_000
"""A reading that takes longer hangs."""
BURST_RATIO, CALM_RATIO = 0.9, 0.5
"""Of the line rate: where a burst of bytes begins, and below which it ends."""

Tracks = dict[Planned, Track]


class GroupReader:
    """Reads some groups until it is closed."""

    def __init__(self, groups: Sequence[Group], period_ns: int, ring: StepRing, layout: int, now: Now) -> None:
        self.groups = tuple(groups)
        self._period = period_ns
        self._pace = Pace([group.least_multiple(period_ns) for group in groups], period_ns)
        channels = [[planned.where for planned in group.channels] for group in groups]
        self._reader = FastReader(channels, period_ns, ring, layout, now.mono)
        for group, multiple in enumerate(self._pace.multiples):
            self._reader.set_multiple(group, multiple)
        self._planned = [planned for group in groups for planned in group.channels]
        self._levels: list[tuple[int, int]] = [(0, 0)] * len(self._planned)
        self._last = now.mono

    def set_line_rates(self, rates: Mapping[tuple[str, str], float], tracks: Tracks) -> None:
        """Measure bursts of bytes by these rates from now on; all others by whether they move."""
        for channel, planned in enumerate(self._planned):
            levels = _levels(planned, rates)
            if levels != self._levels[channel]:
                self._reader.set_levels(channel, *levels)
                self._levels[channel] = levels
            tracks[planned].has_level = levels[0] > 0

    def take(self, tracks: Tracks, now: Now) -> tuple[list[Window], list[Change]]:
        """The windows since the last call, which the tracks get; and what was changed because reading was slow."""
        taken = windows(self._reader.take())
        changes: list[Change] = []
        for window in taken:
            changes += self._pace.observe(window.groups)
        for change in changes:
            self._reader.set_multiple(change.group, change.multiple)
        if taken:
            self._last = now.mono
            for channel, planned in enumerate(self._planned):
                tracks[planned].take([(window.end_ns, window.channels[channel]) for window in taken])
        elif now.mono - self._last > STALL_NS:
            for planned in self._planned:
                tracks[planned].fail()
        return taken, changes

    def stalled(self, now: Now) -> Group | None:
        """The group whose reading hangs."""
        reading = self._reader.reading()
        if reading is None or now.mono - reading[1] < STALL_NS:
            return None
        return self.groups[reading[0]]

    def periods(self) -> Iterator[Reading]:
        """How often each group is read."""
        for group, multiple in zip(self.groups, self._pace.multiples, strict=True):
            seconds = self._period * multiple / 1e9
            for device in dict.fromkeys(planned.device for planned in group.channels):
                yield Reading(metrics.PERIOD, (device, group.source), seconds)

    def period_seconds(self, change: Change) -> float:
        """The period that a change gives a group."""
        return self._period * change.multiple / 1e9

    def alive(self) -> bool:
        """Whether its thread is there: also after `close`, while a reading hangs."""
        return self._reader.alive()

    def close(self) -> bool:
        """End it. False when it does not end because a reading hangs."""
        return self._reader.close()


def step_channels(groups: Sequence[Group]) -> list[StepChannel]:
    """What the steps of these groups are, for a ring's layout."""
    return [
        StepChannel(group, *planned[:2], planned.counter.name, planned.counter.unit.value, planned.counter.scale)
        for group, known in enumerate(groups)
        for planned in known.channels
    ]


def changed(reader: GroupReader, change: Change, now: Now) -> Event:
    """The event of reading a group less or more often."""
    group = reader.groups[change.group]
    period, took = reader.period_seconds(change), change.read_ns / 1e9
    what = f"{group.source} counters of {'all devices' if group.device == '*' else group.device}"
    if change.slower:
        kind, severity = "bursts.slowed", Severity.WARNING
        text = f"reading the {what} takes {took * 1e3:.3g} ms, so they are read every {period * 1e3:g} ms only"
    else:
        kind, severity = "bursts.restored", Severity.INFO
        text = f"reading the {what} is fast again, so they are read every {period * 1e3:g} ms"
    attributes = {"read_seconds": f"{took:.9g}", "period_seconds": f"{period:g}"}
    return _event(kind, severity, text, group, now, attributes)


def stalled(group: Group, now: Now) -> Event:
    """The event of a reading that hangs."""
    what = f"reading the {group.source} counters of {group.device} hangs; the others are read without them"
    return _event("bursts.stalled", Severity.WARNING, what, group, now, {})


def resumed(group: Group, now: Now) -> Event:
    """The event of a reading that hung and returned."""
    what = f"reading the {group.source} counters of {group.device} works again"
    return _event("bursts.resumed", Severity.INFO, what, group, now, {})


def _event(kind: str, severity: Severity, text: str, group: Group, now: Now, attributes: dict[str, str]) -> Event:
    subject = {"device": group.device, "source": group.source}
    return Event(now.wall, now.mono, kind, severity, text, subject, attributes)


def _levels(planned: Planned, rates: Mapping[tuple[str, str], float]) -> tuple[int, int]:
    """Where bursts of a channel begin and end, in its own counts a second; 0 when none are counted."""
    counter = planned.counter
    if counter.unit is Unit.BYTES:
        rate = rates.get((planned.device, planned.port), 0.0) / counter.scale
        return int(rate * BURST_RATIO), int(rate * CALM_RATIO)
    # A count in a step is more than one a second; none is less.
    return (0, 0) if counter.unit is Unit.PACKETS else (1, 1)
