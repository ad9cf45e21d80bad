"""Field values as readings: which fields make which series of one GPU, and which of them this GPU has.

The same thing has other fields in other generations (NVLink replays: one field a link until Ampere, one field with the
link as scope since), so a column names its sources in order. The first answer shows which of them there are; the rest
are left out of the call, and asked for again once a minute. A counter stays with its source as long as there is that
source: another one counts something else, and the difference would look like traffic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import compress, count
from operator import ne
from typing import NamedTuple

from fabricscope.model import MetricSpec, Quality, Reading
from probes.sources.nvml import codes, values
from probes.sources.nvml.replies import Plan, Values

ASK_AGAIN_NS = 60_000_000_000
"""How long a field that is not supported is left out."""

Convert = Callable[[int | float], int | float | None]
"""None for a number that says nothing."""


class Source(NamedTuple):
    """A field, its scope (such as the link's number), and how its value becomes the metric's unit."""

    field: int
    scope: int = 0
    convert: Convert | None = None
    """None for a counter."""
    factor: int = 1
    """Of a counter: from its count to the metric's unit."""
    minus_one: bool = False
    """Whether -1 is a number here, not a sentinel."""
    wide: bool = False
    """Whether a value of 32 bits is of no use, since the counter would go round between samples."""


class Column(NamedTuple):
    """One series and where its value may come from, best first."""

    spec: MetricSpec
    labels: tuple[str, ...]
    sources: tuple[Source, ...]


class _Entry(NamedTuple):
    column: int
    rank: int
    """How many sources of the column are better."""
    source: Source


class FieldColumns:
    """The columns of one GPU that are read together."""

    def __init__(self, key: str, columns: Sequence[Column]) -> None:
        """`key` names the plan; it is the child's for this GPU."""
        self._key = key
        self._columns = tuple(columns)
        self._had: dict[int, Source] = {}
        """Columns that have had a value since they were last found unsupported, and from where."""
        self._unreadable = [Reading(column.spec, column.labels, None, Quality.UNREADABLE) for column in columns]
        self._asked_all_ns: int | None = None
        self._settled = False
        self._entries: list[_Entry] = []
        self._rows: list[tuple[int, Source, MetricSpec, tuple[str, ...], int]] = []
        """The entries taken apart: column, source, its spec and labels, and the factor, 0 for what is no counter."""
        self._descriptors: list[int] = []
        self._bits: list[int] = []
        """What was answered last, entry by entry, while settled."""
        self._found: list[Reading | None] = []
        """The readings that this made."""
        self.plan = Plan(key, ())

    def prepare(self, now_ns: int) -> Plan:
        """The plan for the next sample, with everything in it when it is time to ask for everything."""
        if self._asked_all_ns is None or (now_ns - self._asked_all_ns >= ASK_AGAIN_NS and self._settled):
            self._asked_all_ns = now_ns
            self._use(
                [
                    _Entry(index, rank, source)
                    for index, column in enumerate(self._columns)
                    for rank, source in enumerate(column.sources)
                ],
                settled=False,
            )
        return self.plan

    def ask_everything(self) -> None:
        """Something changed, such as a link's state: ask for everything at the next sample."""
        self._asked_all_ns = None

    def readings(self, answer: Values) -> list[Reading]:
        """The readings of an answer to `plan`. That of a value which is as it was is the same one again."""
        if answer.code:
            return self.unreadable()
        if not self._settled:
            return self._choose(answer)
        if len(answer.bits) != len(self._rows):
            raise ValueError(f"{len(answer.bits)} values for a plan of {len(self._rows)}")
        if answer.descriptors == self._descriptors:
            moved: Iterable[int] = compress(count(), map(ne, answer.bits, self._bits))
        else:
            moved = range(len(self._rows))
        new, ok, had, found = tuple.__new__, Quality.OK, self._had, self._found
        for place in moved:
            index, source, spec, labels, factor = self._rows[place]
            descriptor, bits = answer.descriptors[place], answer.bits[place]
            if descriptor == values.COUNTER and factor and bits < values.BLANK_FROM and index in had:
                # What nearly every value is, without the general case's calls: thousands a second pass here.
                found[place] = new(Reading, (spec, labels, bits * factor, ok))
                continue
            value = _value(source, descriptor, bits)
            if value is not None:
                had[index] = source
                found[place] = Reading(spec, labels, value)
            else:
                failed = values.code(descriptor) not in codes.UNSUPPORTED and index in had
                found[place] = self._unreadable[index] if failed else None
        self._descriptors, self._bits = answer.descriptors, answer.bits
        return list(filter(None, found))

    def unreadable(self) -> list[Reading]:
        """The series that have had a value, without one."""
        return [self._unreadable[index] for index in sorted(self._had)]

    def _choose(self, answer: Values) -> list[Reading]:
        """As `readings`, for a plan with every source in it; settles which are asked for from now on."""
        chosen: dict[int, _Entry] = {}
        found: dict[int, Reading] = {}
        kept: set[int] = set()
        """Counters whose source fails for now."""
        answered = zip(self._entries, answer.descriptors, answer.bits, strict=True)
        for entry, descriptor, bits in sorted(answered, key=lambda row: -1 if self._in_use(row[0]) else row[0].rank):
            index, _, source = entry
            if index in found or index in kept:
                continue
            value = _value(source, descriptor, bits)
            if value is not None:
                chosen[index] = entry
                found[index] = Reading(self._columns[index].spec, self._columns[index].labels, value)
            elif values.code(descriptor) not in (codes.SUCCESS, *codes.UNSUPPORTED):
                # It failed now and may work the next time.
                chosen.setdefault(index, entry)
                if self._in_use(entry):
                    kept.add(index)
        rows = found | {index: self._unreadable[index] for index in chosen.keys() & self._had.keys() - found.keys()}
        self._had = {index: chosen[index].source for index in rows}
        self._use(list(chosen.values()), settled=True)
        return [rows[entry.column] for entry in self._entries if entry.column in rows]

    def _in_use(self, entry: _Entry) -> bool:
        """Whether this is where a counter's value came from the last time."""
        return entry.source.convert is None and self._had.get(entry.column) == entry.source

    def _use(self, entries: list[_Entry], *, settled: bool) -> None:
        # By field, so that the request can name a field once, and that readings keep one order.
        self._entries = sorted(entries, key=lambda entry: entry[2][:2])
        # Only what is settled is read by rows.
        taken = self._entries if settled else []
        self._rows = [
            (index, source, *self._columns[index][:2], source.factor if source.convert is None else 0)
            for index, _, source in taken
        ]
        self._settled = settled
        self._descriptors, self._bits, self._found = [], [], [None] * len(self._rows)
        self.plan = Plan(self._key, tuple(source[:2] for _, _, source in self._entries))


def _value(source: Source, descriptor: int, bits: int) -> int | float | None:
    if values.code(descriptor):
        return None
    value = values.number(descriptor, bits, minus_one=source.minus_one)
    if value is None or (source.wide and values.narrow(descriptor)):
        return None
    return value * source.factor if source.convert is None else source.convert(value)
