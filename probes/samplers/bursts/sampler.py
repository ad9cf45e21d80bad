"""The `bursts` sampler: counters that move with traffic, read every 10 ms by the engine, folded into seconds.

A scrape sees the mean of its interval; a queue overflows within milliseconds. So the engine's thread reads the
counters, and this takes its windows of a second: highest rate, 99th percentile, time near the line rate, bursts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, ClassVar

from msgspec import Meta

from fabricscope.model import Event, MetricSpec, Now, Reading
from probes.engine import StepRing
from probes.engine.fold import Window
from probes.engine.steps import FrozenSteps, StepChannel
from probes.samplers.bursts import metrics, readers
from probes.samplers.bursts.plan import DriverStatistics, Group, Plan, Planned, Planner
from probes.samplers.bursts.readers import GroupReader
from probes.samplers.bursts.tracks import Track
from probes.sampling.patterns import Patterns
from probes.sampling.sampler import Roots, SamplerSettings
from probes.sources.ethtool import Ethtool

_MILLISECOND = 1_000_000
_SLOW_PERIOD_NS = 100 * _MILLISECOND
"""How often driver statistics are asked for: one answer can take a driver milliseconds."""
_FILES, _STATISTICS = "files", "statistics"


class BurstsSettings(SamplerSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the `bursts` sampler."""

    enabled: Annotated[
        bool, Meta(description="Whether this sampler runs. At 10 ms, 200 counters cost some 3 % of one core.")
    ] = False
    period_milliseconds: Annotated[
        int, Meta(ge=1, le=1000, description="Time between two readings of a counter, in milliseconds.")
    ] = 10
    include: Annotated[
        Patterns,
        Meta(
            description="Interfaces to read beside those with hardware behind them, by name; `*` and `?` are wildcards."
        ),
    ] = ()
    exclude: Annotated[
        Patterns, Meta(description="Interfaces and RDMA devices never to read, by name; stronger than `include`.")
    ] = ()
    max_counters: Annotated[
        int, Meta(ge=1, le=4096, description="Counters to read at most; those of RDMA ports come first.")
    ] = 512
    driver_statistics: Annotated[
        bool,
        Meta(description="Read pauses and discards of mlx5, bnxt_en and ice from driver statistics, every 100 ms."),
    ] = True
    ring_bytes: Annotated[
        int,
        Meta(
            ge=1 << 16,
            le=1 << 30,
            description="Memory for the last readings at full resolution, which the recorder keeps when something "
            "happens, in bytes. 200 counters take some 10 to 60 kB a second.",
        ),
    ] = 8 << 20
    rediscover_seconds: Annotated[
        float,
        Meta(ge=1, le=3600, description="Time after which devices and line rates are looked for again, in seconds."),
    ] = 15.0


class BurstsSampler:
    """Takes what the engine's readers folded, and sees to it that they read what there is."""

    name: ClassVar[str] = "bursts"
    Settings: ClassVar[type[SamplerSettings]] = BurstsSettings
    metrics: ClassVar[Sequence[MetricSpec]] = metrics.METRICS

    def __init__(self, settings: BurstsSettings, roots: Roots, ethtool: DriverStatistics | None = None) -> None:
        self._settings = settings
        self._own_ethtool = Ethtool() if ethtool is None else None
        names = ethtool or self._own_ethtool or _NoStatistics()
        self._planner = Planner(
            roots,
            settings.include,
            settings.exclude,
            settings.max_counters,
            names if settings.driver_statistics else _NoStatistics(),
        )
        self._periods = {_FILES: settings.period_milliseconds * _MILLISECOND, _STATISTICS: _SLOW_PERIOD_NS}
        self._ring = StepRing(settings.ring_bytes)
        self._readers: dict[str, GroupReader] = {}
        self._hung: list[tuple[Group, GroupReader]] = []
        """What hangs in a reader that was given up, until it returns."""
        self._plan = Plan((), 0, {})
        self._replan_at = 0
        self._tracks: dict[Planned, Track] = {}
        self._totals: defaultdict[tuple[MetricSpec, tuple[str, ...]], int] = defaultdict(int)
        self._windows: dict[str, Window] = {}
        """The last window of each reader."""
        self._layouts: Mapping[int, Sequence[StepChannel]] = {}
        """Replaced, never changed: `freeze` looks at it from another thread."""
        self._next_layout = 0

    def unavailable(self) -> str | None:
        """Why there is nothing to sample; None when there is something."""
        if self._planner.plan().groups:
            return None
        return "no interface with hardware behind it and no RDMA port; name other interfaces in `include`"

    def sample(self, now: Now) -> Iterator[Reading | Event]:
        """What the last whole second brought, and how reading it went."""
        if now.mono >= self._replan_at:
            self._replan_at = now.mono + int(self._settings.rediscover_seconds * 1e9)
            self._plan = self._planner.plan()
            self._arrange(now)
        events = [*self._returned(now), *self._take(now)]
        yield from events
        for track in self._tracks.values():
            yield from track.readings()
        yield from self._own(now)

    def freeze(self) -> FrozenSteps:
        """The steps of the last minutes. May be called from any thread."""
        blocks, layouts = self._ring.freeze(), self._layouts
        # A layout whose last block went while we looked is not known any more.
        return FrozenSteps([block for block in blocks if block[0] in layouts], layouts)

    def close(self) -> None:
        """End the readers."""
        for reader in self._readers.values():
            reader.close()
        self._readers = {}
        self._replan_at = 0
        if self._own_ethtool is not None:
            self._own_ethtool.close()

    # --- what is read

    def _arrange(self, now: Now) -> None:
        """Let a reader read each kind of group; those that go on unchanged are left alone."""
        hung = {(group.device, group.source) for group, _ in self._hung}
        groups = [group for group in self._plan.groups if (group.device, group.source) not in hung]
        known, self._tracks = self._tracks, {}
        for planned in (planned for group in groups for planned in group.channels):
            self._tracks[planned] = known.get(planned) or Track(*planned[:3])
        for name in (_FILES, _STATISTICS):
            wanted = tuple(group for group in groups if group.is_slow == (name == _STATISTICS))
            reader = self._readers.get(name)
            if reader is not None and reader.groups != wanted:
                reader.close()
                del self._readers[name]
            if wanted and name not in self._readers:
                self._readers[name] = self._started(wanted, self._periods[name], now)
            if name in self._readers:
                self._readers[name].set_line_rates(self._plan.line_rates, self._tracks)
            else:
                self._windows.pop(name, None)

    def _started(self, groups: Sequence[Group], period_ns: int, now: Now) -> GroupReader:
        layout, self._next_layout = self._next_layout, self._next_layout + 1
        kept = {block[0] for block in self._ring.freeze()}
        known = {key: channels for key, channels in self._layouts.items() if key in kept}
        # Known before the first block of it can be.
        self._layouts = {**known, layout: readers.step_channels(groups)}
        return GroupReader(groups, period_ns, self._ring, layout, now)

    # --- what came of it

    def _take(self, now: Now) -> Iterator[Event]:
        for name, reader in list(self._readers.items()):
            taken, changes = reader.take(self._tracks, now)
            self._count(name, reader, taken)
            yield from (readers.changed(reader, change, now) for change in changes)
            group = reader.stalled(now)
            if group is not None:
                # Its thread cannot be helped: another one reads the rest.
                self._hung.append((group, reader))
                yield readers.stalled(group, now)
            if group is not None or not reader.alive():
                del self._readers[name]
                reader.close()
                self._arrange(now)

    def _returned(self, now: Now) -> Iterator[Event]:
        for group, reader in [each for each in self._hung if not each[1].alive()]:
            self._hung.remove((group, reader))
            self._replan_at = 0
            yield readers.resumed(group, now)

    def _count(self, name: str, reader: GroupReader, taken: Sequence[Window]) -> None:
        for window in taken:
            self._windows[name] = window
            self._totals[metrics.TICKS, (name,)] += window.ticks
            self._totals[metrics.MISSED, (name,)] += window.missed
            self._totals[metrics.LOST, (name,)] += window.dropped
            first = 0
            for group, cost in zip(reader.groups, window.groups, strict=True):
                channels = window.channels[first : first + len(group.channels)]
                first += len(group.channels)
                labels = (group.device, group.source)
                self._totals[metrics.READ_SECONDS, labels] += cost.total_ns
                self._totals[metrics.READ_ERRORS, labels] += sum(channel.errors for channel in channels)

    def _own(self, now: Now) -> Iterator[Reading]:
        yield Reading(metrics.COUNTERS, (), float(len(self._tracks)))
        yield Reading(metrics.LEFT_OUT, (), float(self._plan.left_out))
        yield Reading(metrics.STALLED, (), float(len(self._hung)))
        for (device, port), rate in self._plan.line_rates.items():
            yield Reading(metrics.LINE_RATE, (device, port), rate)
        for reader in self._readers.values():
            yield from reader.periods()
        for (spec, labels), total in self._totals.items():
            yield Reading(spec, labels, total)
        for name, window in self._windows.items():
            yield Reading(metrics.LATE_MAX, (name,), window.late_max_ns / 1e9)
            yield Reading(metrics.LATE_P99, (name,), window.late_p99_ns / 1e9)
        yield Reading(metrics.RING_BYTES, (), float(self._ring.octets()))
        oldest = self._ring.oldest()
        yield Reading(metrics.RING_SECONDS, (), 0.0 if oldest is None else max(now.mono - oldest, 0) / 1e9)


class _NoStatistics:
    def names(self, device: str) -> Sequence[str]:
        """None."""
        return ()
