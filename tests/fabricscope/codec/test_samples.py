"""Series sets and batches survive the wire; what does not fit is refused with the reason."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabricscope.codec import (
    Refused,
    decode_batch,
    decode_series_set,
    encode_samples,
    encode_series_set,
    series_set_id,
)
from fabricscope.model import Kind, MetricSpec, Quality, SampleBatch, Series, SeriesSet
from fabricscope.v1 import samples_pb2, stream_pb2
from tests.fabricscope.codec.strategies import batches, series_sets

BYTES = MetricSpec("fabricscope_test_bytes_total", Kind.COUNTER, "Bytes.", ("device",), "bytes", per_unit=8)
SPEED = MetricSpec("fabricscope_test_speed", Kind.GAUGE, "Speed.", ("device",))
COUNTERS = (Series(BYTES, ("eth0",)), Series(BYTES, ("eth1",)))
GAUGES = (Series(SPEED, ("eth0",)),)
SET = SeriesSet(series_set_id("test", COUNTERS, GAUGES), "test", COUNTERS, GAUGES)


def declared(series: Sequence[Series]) -> list[tuple[object, ...]]:
    """What the wire says of each series."""
    return [
        (s.spec.name, s.spec.kind, s.spec.help, s.spec.unit, s.spec.labels, s.spec.per_unit, s.labels) for s in series
    ]


@given(series_sets())
def test_a_set_survives_with_its_id(series_set: SeriesSet) -> None:
    message = stream_pb2.StreamRequest.FromString(encode_series_set(series_set).SerializeToString())
    decoded = decode_series_set(message.series_set)
    assert (decoded.id, decoded.sampler) == (series_set.id, series_set.sampler)
    assert declared(decoded.counters) == declared(series_set.counters)
    assert declared(decoded.gauges) == declared(series_set.gauges)


@given(series_sets().flatmap(lambda series_set: st.tuples(st.just(series_set), batches(series_set))))
def test_a_batch_survives(pair: tuple[SeriesSet, SampleBatch]) -> None:
    series_set, batch = pair
    message = stream_pb2.StreamRequest.FromString(encode_samples([batch]).SerializeToString())
    decoded = decode_batch(message.samples.batches[0], series_set)
    assert list(map(math.isnan, decoded.gauges)) == list(map(math.isnan, batch.gauges))
    assert [g for g in decoded.gauges if g == g] == [g for g in batch.gauges if g == g]
    assert decoded.counters == batch.counters
    assert (decoded.series_set_id, decoded.time_unix_ns, decoded.interval_ns, decoded.qualities) == (
        batch.series_set_id,
        batch.time_unix_ns,
        batch.interval_ns,
        batch.qualities,
    )


def test_the_id_of_a_set_is_the_same_everywhere_and_always() -> None:
    # Spools on disk hold such ids: a change means that every probe declares its sets anew.
    assert SET.id.hex() == "67679f38c641742e02f54f608a6e99d09af4e680960455232ced84399df4f9ca"


def test_the_id_follows_the_content() -> None:
    def identifier(sampler: str = "test", **changes: object) -> bytes:
        said = {"name": BYTES.name, "kind": BYTES.kind, "help": BYTES.help, "labels": BYTES.labels, "unit": BYTES.unit}
        spec = MetricSpec(**(said | {"per_unit": 8} | changes))  # type: ignore[arg-type]
        return series_set_id(sampler, (Series(spec, ("eth0",)), Series(spec, ("eth1",))), GAUGES)

    changed = [
        identifier("other"),
        identifier(name="other_total"),
        identifier(help="Other."),
        identifier(labels=("other",)),
        identifier(unit="other"),
        identifier(per_unit=1),
        series_set_id("test", COUNTERS[::-1], GAUGES),
        series_set_id("test", COUNTERS, ()),
    ]
    assert len({SET.id, *changed}) == len(changed) + 1
    assert identifier(source="other", bits=32, aliases=("other",)) == SET.id, "what the wire does not say"


def test_the_senders_id_is_only_a_name() -> None:
    message = encode_series_set(SET).series_set
    message.id = b"7"
    assert decode_series_set(message).id == SET.id


def test_metrics_of_both_kinds_may_stand_in_any_order() -> None:
    message = encode_series_set(SET).series_set
    message.metrics.reverse()
    assert decode_series_set(message).id == SET.id


def test_no_per_unit_means_one() -> None:
    message = encode_series_set(SET).series_set
    message.metrics[0].per_unit = 0
    assert decode_series_set(message).counters[0].spec.per_unit == 1


def _many(count: int) -> Callable[[samples_pb2.SeriesSet], None]:
    def spoil(message: samples_pb2.SeriesSet) -> None:
        for i in range(count):
            message.metrics[1].series.add(values=[str(i)])

    return spoil


def _metrics(message: samples_pb2.SeriesSet) -> None:
    for i in range(100_000):
        message.metrics.add(name=f"m{i}", kind=samples_pb2.METRIC_KIND_GAUGE)


def _kind(message: samples_pb2.SeriesSet) -> None:
    message.metrics[0].kind = 3  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda m: setattr(m, "sampler", ""), "sampler ''"),
        (lambda m: setattr(m, "sampler", "a b"), "sampler 'a b'"),
        (lambda m: setattr(m, "id", b""), "id of a series set of test has 0 octets; 1 to 64 are taken"),
        (lambda m: setattr(m, "id", b"x" * 65), "has 65 octets"),
        (lambda m: setattr(m.metrics[0], "name", "a-b"), "metric name 'a-b'"),
        (lambda m: setattr(m.metrics[0], "name", SPEED.name), f"metric {SPEED.name} stands twice"),
        (_kind, "is of the unknown kind 3"),
        (lambda m: m.metrics[0].ClearField("kind"), "is of the unknown kind 0"),
        (lambda m: setattr(m.metrics[1], "per_unit", 2), "is no counter and has per_unit 2"),
        (lambda m: setattr(m.metrics[0], "help", "h" * 4097), "help of .* is 4097"),
        (lambda m: setattr(m.metrics[0], "unit", "u" * 4097), "unit of .* is 4097"),
        (lambda m: m.metrics[0].label_names.append("__x"), "label name of .* '__x'"),
        (lambda m: m.metrics[0].label_names.append("host"), r"one of \['cluster', 'host'\]"),
        (lambda m: m.metrics[0].label_names.append("cluster"), r"one of \['cluster', 'host'\]"),
        (lambda m: m.metrics[0].label_names.append("device"), "label names of .* are repeated"),
        (lambda m: m.metrics[0].label_names.extend([f"l{i}" for i in range(32)]), "more than 32"),
        (lambda m: m.metrics[0].label_names.append("more"), "has 2 label names and a series with 1"),
        (lambda m: m.metrics[0].series[0].values.append("more"), "has 1 label names and a series with 2"),
        (lambda m: m.metrics[0].series.add(values=["eth0"]), "names a series twice"),
        (lambda m: m.metrics[0].series.add(values=["v" * 4097]), "label value is 4097"),
        (_many(99_998), "more than 100000 series"),
        (_metrics, "more than 100000 series or metrics"),
    ],
)
def test_refuses_a_set(spoil: Callable[[samples_pb2.SeriesSet], object], reason: str) -> None:
    message = encode_series_set(SET).series_set
    spoil(message)
    with pytest.raises(Refused, match=reason) as caught:
        decode_series_set(message)
    assert caught.value.reason == stream_pb2.REFUSAL_REASON_INVALID


def test_takes_as_many_series_as_the_bound() -> None:
    message = encode_series_set(SET).series_set
    _many(99_997)(message)
    assert len(decode_series_set(message)) == 100_000


BATCH = SampleBatch(SET.id, 1, 2, [1, 2], [0.5], bytes([Quality.OK, Quality.STALE, Quality.UNREADABLE]))


@pytest.mark.parametrize(
    ("spoil", "reason", "words"),
    [
        (lambda b: b.counters.append(3), stream_pb2.REFUSAL_REASON_COLUMN_LENGTH, "3 counters and 1 gauges"),
        (lambda b: b.counters.pop(), stream_pb2.REFUSAL_REASON_COLUMN_LENGTH, "names 2 and 1"),
        (lambda b: b.gauges.pop(), stream_pb2.REFUSAL_REASON_COLUMN_LENGTH, "2 counters and 0 gauges"),
        (
            lambda b: setattr(b, "qualities", b"\1\1"),
            stream_pb2.REFUSAL_REASON_COLUMN_LENGTH,
            "2 qualities for 3 series",
        ),
        (lambda b: setattr(b, "qualities", b"\1\1\0"), stream_pb2.REFUSAL_REASON_INVALID, "a quality outside"),
        (lambda b: setattr(b, "qualities", b"\1\1\6"), stream_pb2.REFUSAL_REASON_INVALID, r"outside \[1, 2, 3, 4, 5\]"),
        (lambda b: setattr(b, "time_unix_nano", 1 << 63), stream_pb2.REFUSAL_REASON_INVALID, "time of a batch of test"),
    ],
)
def test_refuses_a_batch(
    spoil: Callable[[samples_pb2.SampleBatch], object], reason: stream_pb2.RefusalReason, words: str
) -> None:
    message = encode_samples([BATCH]).samples.batches[0]
    assert decode_batch(message, SET) == BATCH
    spoil(message)
    with pytest.raises(Refused, match=words) as caught:
        decode_batch(message, SET)
    assert caught.value.reason == reason
