"""Long pasts of gauges, kept over restarts and for series that come and go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Annotated

from msgspec import Meta, Struct

from fabricscope.model import Now
from probes.health.evidence.evidence import Evidence
from probes.health.evidence.track import Track
from probes.health.language.vocabulary import SECOND

LONG = 3600 * SECOND
"""A window of at least this length is worth keeping."""
MAX_PASTS = 4096
MAX_PARTS = 256

_Text = Annotated[str, Meta(max_length=4096)]
_Key = Annotated[tuple[_Text, ...], Meta(max_length=32)]
_Time = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]

_Place = tuple[str, tuple[str, ...], int]


class GaugePast(Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    """A gauge's extremes over a long window: the time (unix ns), minimum and maximum of each part of it."""

    metric: _Text
    labels: _Key
    window: _Time
    parts: Annotated[tuple[tuple[_Time, float, float], ...], Meta(max_length=MAX_PARTS)]


class LongPasts:
    """Pasts of series that are not there at present."""

    def __init__(self) -> None:
        self._waiting: dict[_Place, GaugePast] = {}

    def follow(self, evidence: Evidence, now: Now) -> None:
        """Give the series that appeared their pasts back, and keep those of the series that are gone."""
        for track in {id(track): track for _, _, track in evidence.removed}.values():
            for past in _pasts(track, now):
                if len(self._waiting) < MAX_PASTS:
                    self._waiting[past.metric, past.labels, past.window] = past
        for track in {id(track): track for _, _, track in evidence.added}.values():
            spec, labels = track.series
            for window, gauged in track.gauged.items():
                place = spec.name, labels, window
                if place in self._waiting:
                    past = self._waiting.pop(place)
                    gauged.restore(
                        (wall - now.wall + now.mono, low, high)
                        for wall, low, high in past.parts
                        if now.wall - window <= wall <= now.wall
                    )

    def saved(self, tracks: Iterable[Track], now: Now) -> list[GaugePast]:
        """Every long past, of series that are there and of those that are not."""
        present = (past for track in tracks for past in _pasts(track, now))
        return list(islice((*present, *self._waiting.values()), MAX_PASTS))

    def restore(self, saved: Iterable[GaugePast]) -> None:
        """Wait for the series of these pasts to appear."""
        self._waiting |= {(past.metric, past.labels, past.window): past for past in saved}


def _pasts(track: Track, now: Now) -> Iterator[GaugePast]:
    spec, labels = track.series
    for window, gauged in track.gauged.items():
        if window >= LONG and len(gauged):
            parts = tuple((max(at - now.mono + now.wall, 0), low, high) for at, low, high in gauged.saved())
            yield GaugePast(spec.name, labels, window, parts)
