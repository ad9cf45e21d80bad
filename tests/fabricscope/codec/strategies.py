"""Nouns that may be sent, and messages that anybody may send."""

from __future__ import annotations

from typing import Any, TypeVar

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st

from fabricscope.codec import series_set_id
from fabricscope.model import (
    Event,
    Hint,
    HintAction,
    HostIdentity,
    Kind,
    MetricSpec,
    Quality,
    SampleBatch,
    Series,
    SeriesSet,
    Severity,
)

U64 = st.integers(0, (1 << 64) - 1)
TIMES = st.integers(0, (1 << 63) - 1)

# Text without surrogates: what a protobuf string can hold.
texts = st.text(st.characters(codec="utf-8"), max_size=20)
label_names = st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True).filter(lambda name: name not in ("cluster", "host"))
text_maps = st.dictionaries(texts, texts, max_size=4)


@st.composite
def columns(draw: st.DrawFn) -> tuple[tuple[Series, ...], tuple[Series, ...]]:
    """Counter series, then gauge series, grouped by metric."""
    names = draw(st.lists(st.from_regex(r"[a-zA-Z_:][a-zA-Z0-9_:]{0,9}", fullmatch=True), unique=True, max_size=5))
    found: dict[Kind, list[Series]] = {Kind.COUNTER: [], Kind.GAUGE: []}
    for name in names:
        kind = draw(st.sampled_from(Kind))
        labels = tuple(draw(st.lists(label_names, unique=True, max_size=3)))
        per_unit = draw(st.integers(1, (1 << 64) - 1)) if kind is Kind.COUNTER else 1
        spec = MetricSpec(name, kind, draw(texts), labels, draw(texts), per_unit=per_unit)
        values = st.tuples(*[texts] * len(labels))
        found[kind] += [Series(spec, row) for row in draw(st.lists(values, unique=True, min_size=1, max_size=4))]
    return tuple(found[Kind.COUNTER]), tuple(found[Kind.GAUGE])


@st.composite
def series_sets(draw: st.DrawFn) -> SeriesSet:
    """Sets as an assembler makes them."""
    sampler = draw(label_names)
    counters, gauges = draw(columns())
    return SeriesSet(series_set_id(sampler, counters, gauges), sampler, counters, gauges)


@st.composite
def batches(draw: st.DrawFn, series_set: SeriesSet) -> SampleBatch:
    """Batches that fit a set."""
    qualities = st.lists(st.sampled_from(Quality), min_size=len(series_set), max_size=len(series_set)).map(bytes)
    width = len(series_set.counters)
    return SampleBatch(
        series_set_id=series_set.id,
        time_unix_ns=draw(TIMES),
        interval_ns=draw(U64),
        counters=draw(st.lists(U64, min_size=width, max_size=width)),
        gauges=draw(st.lists(st.floats(), min_size=len(series_set.gauges), max_size=len(series_set.gauges))),
        qualities=draw(st.one_of(st.just(b""), qualities)),
    )


identities = st.builds(
    HostIdentity,
    host=st.from_regex(r"[a-zA-Z0-9]([a-zA-Z0-9._-]{0,20}[a-zA-Z0-9])?", fullmatch=True),
    boot_id=texts,
    epoch=st.text(st.characters(codec="utf-8"), min_size=1, max_size=20),
    labels=st.dictionaries(label_names, texts, max_size=4),
    software_version=texts,
)

events = st.builds(
    Event,
    time_unix_ns=TIMES,
    monotonic_ns=TIMES,
    kind=st.from_regex(r"[a-z0-9_]{1,8}(\.[a-z0-9_]{1,8}){0,3}", fullmatch=True),
    severity=st.sampled_from(Severity),
    message=texts,
    subject=text_maps,
    attributes=text_maps,
)

hints = st.builds(
    Hint,
    origin=texts,
    epoch=U64,
    sequence=U64,
    action=st.sampled_from(HintAction),
    link=texts,
    prefixes=st.lists(texts, max_size=4).map(tuple),
    reason=texts,
    since_unix_ns=TIMES,
    lease_ns=U64,
)


# --- anything that parses

_TEXTS = st.one_of(
    texts,
    st.sampled_from(["a", "a.b", "node7", "host", "cluster", "__name__", "fabricscope_x_total", "x" * 254, "é" * 4097]),
)
_SCALARS: dict[int, st.SearchStrategy[Any]] = {
    FieldDescriptor.CPPTYPE_UINT64: U64,
    FieldDescriptor.CPPTYPE_UINT32: st.integers(0, (1 << 32) - 1),
    FieldDescriptor.CPPTYPE_DOUBLE: st.floats(),
    FieldDescriptor.CPPTYPE_ENUM: st.one_of(st.integers(0, 6), st.integers(-(1 << 31), (1 << 31) - 1)),
}

AnyMessage = TypeVar("AnyMessage", bound=Message)


def anything(kind: type[AnyMessage]) -> st.SearchStrategy[AnyMessage]:
    """Messages of a kind with any field set to any value that its type takes."""
    return _messages(kind.DESCRIPTOR)


def _messages(descriptor: Any) -> st.SearchStrategy[Any]:
    fields = {field.name: _values(field) for field in descriptor.fields}
    kind = GetMessageClass(descriptor)
    return st.fixed_dictionaries({}, optional=fields).map(lambda values: kind(**values))


def _values(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return st.dictionaries(_TEXTS, _TEXTS, max_size=3)
    if field.message_type is not None:
        one = _messages(field.message_type)
    elif field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        one = st.binary(max_size=70) if field.type == FieldDescriptor.TYPE_BYTES else _TEXTS
    else:
        one = _SCALARS[field.cpp_type]
    return st.lists(one, max_size=3) if field.is_repeated else one
