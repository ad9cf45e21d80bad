"""One sampler's readings on their way out: quality, then columns, then events. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

from fabricscope.assemble import lay_out
from fabricscope.codec import decode_events, decode_series_set, encode_events, encode_series_set
from fabricscope.flow import Flow
from fabricscope.model import Event, Now, Quality, Reading, SampleBatch, Sampled, SeriesSet
from probes.engine import Follower
from probes.engine.follow import Followed
from probes.links.transitions import Transitions
from probes.sampling.sampler import Row

MAX_READINGS = 50_000
"""Of one sample of one sampler: more is a mistake, and would not fit a message."""
MAX_DECLARATION_BYTES = 2 << 20
"""A series set must fit a message that every collector takes."""


class Processed(NamedTuple):
    """What one sample came to."""

    sampled: Sampled
    events: list[Event]
    """Those that the sampler told of, then those that follow from what changed."""
    readings: int
    """Values that were read."""
    resets: int
    """Device counters that started anew."""
    wraps: int
    """Device counters that went round."""
    flows: list[Flow]
    """Flow records that the sampler gave."""


class Pipeline:
    """Keeps, for one sampler, what has to be remembered from one sample to the next."""

    def __init__(self, sampler: str, interval_ns: int) -> None:
        self._sampler = sampler
        self._interval_ns = interval_ns
        self._follower = Follower()
        self._transitions = Transitions()
        self._series_set = SeriesSet(b"", sampler, (), ())
        self._last: Sampled | None = None
        self._unknown: list[int] = []
        """Columns of the last batch that never had a value."""

    def change_interval(self, interval_ns: int) -> None:
        """Batches are `interval_ns` apart from now on; what is known of counters and links stays."""
        self._interval_ns = interval_ns

    def process(self, rows: Iterable[Row], now: Now) -> Processed:
        """The batch and the events of what a sampler gave at `now`.

        Raises ValueError, saying what is wrong, for readings that no collector would take: it would refuse
        the whole message, with the other samplers' batches in it.
        """
        taken = rows if isinstance(rows, list) else list(islice(rows, MAX_READINGS + 1))
        if len(taken) > MAX_READINGS:
            raise ValueError(f"more than {MAX_READINGS} readings in one sample; limit what the sampler reports")
        told: list[Event] = []
        flows: list[Flow] = []
        # Nearly always there are the readings of the last sample alone, and nothing is looked at twice.
        followed = self._follower.follow(taken, now.mono)
        if followed is None:
            told = [row for row in taken if isinstance(row, Event)]
            flows = [row for row in taken if isinstance(row, Flow)]
            raw = [row for row in taken if isinstance(row, Reading)]
            followed = self._follower.follow(raw, now.mono) or self._begin(raw, now)
        counters, gauges, qualities, self._unknown, resets, wraps = followed
        batch = SampleBatch(self._series_set.id, now.wall, self._interval_ns, counters, gauges, qualities)
        sampled = self._last = Sampled(self._series_set, batch)
        events = told + self._transitions.observe(sampled, now)
        if events:
            decode_events(encode_events(events).events)
        return Processed(sampled, events, len(taken) - len(told) - len(flows), resets, wraps, flows)

    def stale(self, now: Now) -> Sampled | None:
        """The last batch again, every value marked as not read this time; None before the first."""
        if self._last is None or not len(self._last.series_set):
            return None
        series_set, last = self._last
        qualities = bytearray([Quality.STALE]) * len(series_set)
        for column in self._unknown:
            qualities[column] = last.qualities[column]
        batch = replace(last, time_unix_ns=now.wall, interval_ns=self._interval_ns, qualities=bytes(qualities))
        return Sampled(series_set, batch)

    def _begin(self, readings: list[Reading], now: Now) -> Followed:
        """Follow readings of other series than the last sample's, or in another order."""
        series_set, order = lay_out(self._sampler, readings)
        if series_set.id != self._series_set.id:
            _check(series_set)
        self._follower.begin(readings, order, now.mono)
        if series_set.id != self._series_set.id:
            self._series_set = series_set
        followed = self._follower.follow(readings, now.mono)
        if followed is None:
            raise ValueError("labels that are not equal to themselves")
        return followed


def _check(series_set: SeriesSet) -> None:
    """Look at a series set as a collector will. Raises ValueError (codec.Refused is one)."""
    declaration = encode_series_set(series_set)
    if (size := declaration.ByteSize()) > MAX_DECLARATION_BYTES:
        raise ValueError(
            f"its {len(series_set)} series take {size} bytes to name, over {MAX_DECLARATION_BYTES}; "
            "limit what the sampler reports"
        )
    decode_series_set(declaration.series_set)


def fits(event: Event) -> bool:
    """Whether a collector takes the event."""
    try:
        decode_events(encode_events([event]).events)
    except (TypeError, ValueError):
        return False
    return True
