"""Whether both engines say the same, field by field.

By design they may differ in which flows a flood leaves (that is a matter of a hash), and in the strength of a period,
which Rust computes with numbers of 32 bits, and so in its length.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from fabricscope.books import Books, decode_books
from fabricscope.flow import FlowRecord, decode_records
from probes.engine import twin
from tests.probes.engine.conftest import native

ROUNDED = {"period_ns": 1e-3, "period_strength": 2e-3}

Frame = tuple[int, int, bytes, int]
"""ns, link type, octets, octets on the wire."""


def fields(value: object, name: str = "") -> Iterator[tuple[str, object]]:
    """Every field that is no structure itself."""
    if isinstance(value, Struct):
        for field in value.__struct_fields__:
            yield from fields(getattr(value, field), f"{name}.{field}")
    else:
        yield name, value


def alike(name: str, one: object, other: object) -> bool:
    """Whether two values are the same, as far as they have to be."""
    tolerance = ROUNDED.get(name.rpartition(".")[2])
    if tolerance is not None and isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=tolerance, abs_tol=tolerance)
    return one == other


def differences(one: object, other: object, name: str) -> list[tuple[str, object, object]]:
    """What is not the same."""
    pairs = zip(fields(one, name), fields(other, name), strict=True)
    return [(field, a, b) for (field, a), (_, b) in pairs if not alike(field, a, b)]


def finished(meter: Any) -> tuple[list[FlowRecord], Books]:
    """Everything that a meter has to tell."""
    records = []
    done = False
    while not done:
        done = meter.finish()
        records += decode_records(meter.take())
    return records, decode_books(meter.books())


def compared(one: Any, other: Any) -> list[tuple[str, object, object]]:
    """In what the records and the books of two meters differ, which have seen the same."""
    (records, books), (other_records, other_books) = finished(one), finished(other)
    found = differences(books, other_books, "books")
    if len(records) != len(other_records):
        return [*found, ("records", len(records), len(other_records))]
    for number, pair in enumerate(zip(records, other_records, strict=True)):
        found += differences(*pair, f"record {number}")
    return found


def meters(rules: bytes | None = None, **settings: Any) -> tuple[Any, Any]:
    """One of Rust and one of Python."""
    made = []
    for engine in (native(), twin):
        meter = engine.Meter(json.dumps(settings).encode())
        if rules is not None:
            meter.set_rules(engine.Classifier(rules))
        made.append(meter)
    return made[0], made[1]


def metered(seen: Iterable[Frame], rules: bytes | None = None, **settings: Any) -> list[tuple[str, object, object]]:
    """In what both differ over some frames."""
    both = meters(rules, **settings)
    for time_ns, link, octets, wire in seen:
        for meter in both:
            meter.observe(time_ns, link, octets, wire)
    return compared(*both)


def read(path: str, rules: bytes | None = None, **settings: Any) -> list[tuple[str, object, object]]:
    """In what both differ over a capture file, what is wrong with it included."""
    both = meters(rules, **settings)
    ends: list[object] = []
    for meter, engine in zip(both, (native(), twin), strict=True):
        file = engine.CaptureFile(path)
        error = ""
        try:
            while meter.read(file, 1 << 20):
                pass
        except ValueError as wrong:
            error = str(wrong)
        ends.append((error, file.counts(), file.interfaces(), file.ended()))
        file.close()
    found: list[tuple[str, object, object]] = [] if ends[0] == ends[1] else [("file", ends[0], ends[1])]
    return found + compared(*both)
