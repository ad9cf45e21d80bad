"""A snapshot as Prometheus text, exposition format 0.0.4.

Hosts of one shape share a `SeriesSet`, so everything after the host's labels in a line is worked out
once for each set and kept; a render only joins prefix, kept text and value.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import compress
from math import inf, isfinite, isnan
from typing import NamedTuple

from fabricscope.model import PREFIX, Kind, MetricSpec, Quality, Sampled, SeriesSet, Snapshot, Target

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

SERIES_QUALITY = MetricSpec(
    name=f"{PREFIX}series_quality",
    kind=Kind.GAUGE,
    help="1 for each series whose value is saturated, reset, stale or unreadable; stale and unreadable values are "
    "not shown themselves.",
    labels=("metric", "quality"),
)

_OK = bytes([Quality.OK])
_VALUED = bytes(quality for quality in Quality if quality.has_value)
_QUALITY_WORDS = {int(quality): quality.name.lower() for quality in Quality}


class Exposition(NamedTuple):
    """What one render gave."""

    families: list[bytes]
    """UTF-8 text of each family, in the order of their names."""
    series: int
    """Lines with a value in them."""
    conflicting: int
    """Samples left out because an earlier family has their name and another kind."""
    qualities_left_out: int
    """Lines of `SERIES_QUALITY` above the bound."""


class _Block(NamedTuple):
    """The series of one metric in a set: they stand next to each other in the set's columns."""

    spec: MetricSpec
    start: int
    """Column of the first series; counters come first, then gauges."""
    head: str
    """The line up to the target's labels."""
    tails: list[str]
    """The line from behind the target's labels up to the value, for each series."""
    labels: list[tuple[str, ...]]


@dataclass(slots=True)
class _Family:
    spec: MetricSpec
    chunks: list[str]


class Renderer:
    """Renders snapshots; keeps the text of the series sets that the last one had. One render at a time."""

    def __init__(self, max_qualities: int) -> None:
        self._max_qualities = max_qualities
        self._blocks: dict[tuple[SeriesSet, tuple[str, ...]], list[_Block]] = {}

    def render(self, snapshot: Snapshot) -> Exposition:
        """The snapshot's text. Values that are stale or unreadable are left out."""
        render = _Render(self._blocks, self._max_qualities)
        for target in snapshot:
            render.add(target)
        self._blocks = render.used
        return render.finish()


class _Render:
    """One render in the making."""

    def __init__(self, known: dict[tuple[SeriesSet, tuple[str, ...]], list[_Block]], max_qualities: int) -> None:
        self._known = known
        self.used: dict[tuple[SeriesSet, tuple[str, ...]], list[_Block]] = {}
        # First of all and for nobody else, whatever a sample calls itself.
        self._qualities = _Family(SERIES_QUALITY, [])
        self._families: dict[str, _Family] = {SERIES_QUALITY.name: self._qualities}
        self._max_qualities = max_qualities
        self._series = 0
        self._conflicting = 0
        self._qualities_left_out = 0

    def add(self, target: Target) -> None:
        names = tuple(name for name, _ in target.labels)
        target_text = _labels_text(names, [value for _, value in target.labels])
        for sample in target.samples:
            key = (sample.series_set, names)
            blocks = self.used.get(key) or self._known.get(key) or _blocks_of(sample.series_set, names)
            self.used[key] = blocks
            self._add_sample(sample, blocks, target_text)
            if sample.batch.qualities.translate(None, _OK):
                self._add_qualities(target, sample, blocks)

    def _add_sample(self, sample: Sampled, blocks: list[_Block], target_text: str) -> None:
        batch = sample.batch
        qualities = batch.qualities
        values: list[int | float] = [*batch.counters, *batch.gauges]
        for spec, start, head, tails, _ in blocks:  # the hot loop: as many lines as the fleet has series
            family = self._families.get(spec.name)
            if family is None:
                family = self._families[spec.name] = _Family(spec, [])
            elif family.spec.kind is not spec.kind or family is self._qualities:
                self._conflicting += len(tails)
                continue
            stop = start + len(tails)
            texts: Iterable[int | float | str] = _values_text(spec, values[start:stop])
            if qualities and qualities[start:stop].translate(None, _VALUED):
                kept = [quality in _VALUED for quality in qualities[start:stop]]
                tails, texts = list(compress(tails, kept)), compress(texts, kept)
            prefix = head + target_text
            family.chunks.append("".join([f"{prefix}{tail}{text}\n" for tail, text in zip(tails, texts, strict=True)]))
            self._series += len(tails)

    def _add_qualities(self, target: Target, sample: Sampled, blocks: list[_Block]) -> None:
        """Say of each series that is not OK what is the matter with it."""
        names = [name for name, _ in target.labels] + list(SERIES_QUALITY.labels)
        qualities = sample.batch.qualities
        for spec, start, _, tails, labels in blocks:
            for row, quality in enumerate(qualities[start : start + len(tails)]):
                if quality == Quality.OK:
                    continue
                if len(self._qualities.chunks) >= self._max_qualities:
                    self._qualities_left_out += 1
                    continue
                values = [value for _, value in target.labels] + [spec.name, _QUALITY_WORDS[quality], *labels[row]]
                text = _labels_text(_distinct([*names, *spec.labels]), values)
                self._qualities.chunks.append(f"{SERIES_QUALITY.name}{{{text}}} 1\n")

    def finish(self) -> Exposition:
        families = [
            f"{_header(family.spec)}{''.join(family.chunks)}".encode(errors="replace")
            for _, family in sorted(self._families.items())
            if any(family.chunks)
        ]
        series = self._series + len(self._qualities.chunks)
        return Exposition(families, series, self._conflicting, self._qualities_left_out)


def _blocks_of(series_set: SeriesSet, target_names: tuple[str, ...]) -> list[_Block]:
    blocks: list[_Block] = []
    for column, (spec, labels) in enumerate((*series_set.counters, *series_set.gauges)):
        if not blocks or blocks[-1].spec is not spec:
            braces = "{" if spec.labels or target_names else ""
            blocks.append(_Block(spec, column, spec.name + braces, [], []))
        names = _distinct([*target_names, *spec.labels])[len(target_names) :]
        text = _labels_text(names, labels)
        comma = "," if text and target_names else ""
        end = "} " if text or target_names else " "
        blocks[-1].tails.append(f"{comma}{text}{end}")
        blocks[-1].labels.append(labels)
    return blocks


def _distinct(names: Sequence[str]) -> list[str]:
    """`names`, those that repeat an earlier one prefixed as Prometheus does it: one name twice fails a whole scrape."""
    distinct: list[str] = []
    for name in names:
        while name in distinct:
            name = f"exported_{name}"
        distinct.append(name)
    return distinct


def _labels_text(names: Sequence[str], values: Sequence[str]) -> str:
    return ",".join([f'{name}="{escape_label(value)}"' for name, value in zip(names, values, strict=True)])


def escape_label(value: str) -> str:
    r"""A label value as it stands between the quotes: backslash, quote and line feed escaped."""
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _header(spec: MetricSpec) -> str:
    text = spec.help.replace("\\", r"\\").replace("\n", r"\n")
    return f"# HELP {spec.name} {text}\n# TYPE {spec.name} {spec.kind.value}\n"


def _values_text(spec: MetricSpec, values: list[int | float]) -> Iterable[int | float | str]:
    """Values whose `str` is what the format wants: u64 in full, floats so that they read back the same."""
    if spec.kind is Kind.COUNTER:
        return values if spec.per_unit == 1 else [value / spec.per_unit for value in values]
    # A sum is finite only when each value is; one that overflows takes the slow way to the same text.
    return values if isfinite(sum(values)) else [_float_text(value) for value in values]


def _float_text(value: float) -> str:
    if isfinite(value):
        return str(value)
    if isnan(value):
        return "NaN"
    return "+Inf" if value == inf else "-Inf"
