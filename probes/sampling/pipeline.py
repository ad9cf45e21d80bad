"""One sampler's readings on their way out: quality, then columns, then events. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple, cast

from fabricscope.assemble import Assembler
from fabricscope.codec import decode_events, decode_series_set, encode_events, encode_series_set
from fabricscope.model import Event, Now, Quality, Reading, Sampled
from probes.links.transitions import Transitions
from probes.sampling.quality import CounterTracks

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


class Pipeline:
    """Keeps, for one sampler, what has to be remembered from one sample to the next."""

    def __init__(self, sampler: str, interval_ns: int) -> None:
        self._sampler = sampler
        self._tracks = CounterTracks()
        self._transitions = Transitions()
        self._last: list[Reading] = []
        self._checked = b""
        self.change_interval(interval_ns)

    def change_interval(self, interval_ns: int) -> None:
        """Batches are `interval_ns` apart from now on; what is known of counters and links stays."""
        self._assembler = Assembler(self._sampler, interval_ns)

    def process(self, rows: Iterable[Reading | Event], now: Now) -> Processed:
        """The batch and the events of what a sampler gave at `now`.

        Raises ValueError, saying what is wrong, for readings that no collector would take: it would refuse
        the whole message, with the other samplers' batches in it.
        """
        taken = list(islice(rows, MAX_READINGS + 1))
        if len(taken) > MAX_READINGS:
            raise ValueError(f"more than {MAX_READINGS} readings in one sample; limit what the sampler reports")
        # Nearly always there are readings alone, which is found out faster so.
        told = [row for row in taken if isinstance(row, Event)] if Event in set(map(type, taken)) else []
        raw = [row for row in taken if isinstance(row, Reading)] if told else cast("list[Reading]", taken)
        followed = self._tracks.apply(raw, now)
        sampled = self._assembler.assemble(followed, now)
        self._check(sampled)
        self._last = followed
        events = told + self._transitions.observe(followed, now)
        if events:
            decode_events(encode_events(events).events)
        return Processed(sampled, events, len(raw), self._tracks.resets, self._tracks.wraps)

    def stale(self, now: Now) -> Sampled | None:
        """The last batch again, every value marked as not read this time; None before the first."""
        if not self._last:
            return None
        return self._assembler.assemble([_stale(row) for row in self._last], now)

    def _check(self, sampled: Sampled) -> None:
        """Look at a new series set as a collector will. Raises ValueError (codec.Refused is one)."""
        identifier = sampled.series_set.id
        if identifier == self._checked:
            return
        declaration = encode_series_set(sampled.series_set)
        if (size := declaration.ByteSize()) > MAX_DECLARATION_BYTES:
            raise ValueError(
                f"its {len(sampled.series_set)} series take {size} bytes to name, over {MAX_DECLARATION_BYTES}; "
                "limit what the sampler reports"
            )
        decode_series_set(declaration.series_set)
        self._checked = identifier


def _stale(row: Reading) -> Reading:
    return row if row.value is None else row._replace(quality=Quality.STALE)


def fits(event: Event) -> bool:
    """Whether a collector takes the event."""
    try:
        decode_events(encode_events([event]).events)
    except (TypeError, ValueError):
        return False
    return True
