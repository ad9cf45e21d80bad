import math
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from exporters.exposition import SERIES_QUALITY, Exposition, Renderer
from fabricscope.model import Kind, MetricSpec, Quality, SampleBatch, Sampled, Series, SeriesSet, Target

HOST = (("cluster", "a"), ("host", "n1"))

BYTES = MetricSpec("fabricscope_test_bytes_total", Kind.COUNTER, "Bytes.", ("device",))
PAUSED = MetricSpec("fabricscope_test_pause_seconds_total", Kind.COUNTER, "Time.", ("device",), per_unit=1_000_000)
SPEED = MetricSpec("fabricscope_test_speed", Kind.GAUGE, "Speed.", ("device",))
UP = MetricSpec("fabricscope_test_up", Kind.GAUGE, "Up.")


def sampled(*rows: tuple[MetricSpec, tuple[str, ...], float, Quality]) -> Sampled:
    """A batch of the rows, which must come counters first and grouped."""
    columns = {kind: [row for row in rows if row[0].kind is kind] for kind in Kind}
    counters, gauges = columns[Kind.COUNTER], columns[Kind.GAUGE]
    series_set = SeriesSet(
        b"set",
        "test",
        tuple(Series(row[0], row[1]) for row in counters),
        tuple(Series(row[0], row[1]) for row in gauges),
    )
    qualities = bytes(row[3] for row in counters + gauges)
    if set(qualities) <= {Quality.OK}:
        qualities = b""
    batch = SampleBatch(b"set", 0, 0, [int(row[2]) for row in counters], [row[2] for row in gauges], qualities)
    return Sampled(series_set, batch)


def render(*targets: Target, max_qualities: int = 100) -> Exposition:
    return Renderer(max_qualities).render(targets)


def text_of(exposition: Exposition) -> str:
    return b"".join(exposition.families).decode()


def test_a_family_stands_together_sorted_by_name_with_target_labels_first() -> None:
    one = sampled((BYTES, ("eth0",), 1, Quality.OK), (BYTES, ("eth1",), 2, Quality.OK), (UP, (), 1.0, Quality.OK))
    exposition = render(Target(HOST, [one]), Target((("cluster", "a"), ("host", "n2")), [one]))
    assert text_of(exposition) == (
        "# HELP fabricscope_test_bytes_total Bytes.\n"
        "# TYPE fabricscope_test_bytes_total counter\n"
        'fabricscope_test_bytes_total{cluster="a",host="n1",device="eth0"} 1\n'
        'fabricscope_test_bytes_total{cluster="a",host="n1",device="eth1"} 2\n'
        'fabricscope_test_bytes_total{cluster="a",host="n2",device="eth0"} 1\n'
        'fabricscope_test_bytes_total{cluster="a",host="n2",device="eth1"} 2\n'
        "# HELP fabricscope_test_up Up.\n"
        "# TYPE fabricscope_test_up gauge\n"
        'fabricscope_test_up{cluster="a",host="n1"} 1.0\n'
        'fabricscope_test_up{cluster="a",host="n2"} 1.0\n'
    )
    assert exposition.series == 6


def test_without_labels_there_are_no_braces() -> None:
    assert text_of(render(Target((), [sampled((UP, (), 1.0, Quality.OK))]))).endswith("\nfabricscope_test_up 1.0\n")


@pytest.mark.parametrize(
    ("spec", "value", "shown"),
    [
        (BYTES, 2**64 - 1, "18446744073709551615"),
        (PAUSED, 1_234_567, "1.234567"),
        (PAUSED, 0, "0.0"),
        (SPEED, 0.1, "0.1"),
        (SPEED, math.nan, "NaN"),
        (SPEED, math.inf, "+Inf"),
        (SPEED, -math.inf, "-Inf"),
    ],
)
def test_values_as_the_format_writes_them(spec: MetricSpec, value: float, shown: str) -> None:
    text = text_of(render(Target((), [sampled((spec, ("x",), value, Quality.OK))])))
    assert text.splitlines()[-1] == f'{spec.name}{{device="x"}} {shown}'


def test_finite_values_beside_an_infinite_one_keep_their_text() -> None:
    rows = [(SPEED, (str(value),), value, Quality.OK) for value in (1e308, math.inf, 0.25)]
    text = text_of(render(Target((), [sampled(*rows)])))
    assert [line.rpartition(" ")[2] for line in text.splitlines()[2:]] == ["1e+308", "+Inf", "0.25"]


def test_values_that_are_none_are_left_out_and_their_quality_is_told() -> None:
    one = sampled(
        (BYTES, ("ok",), 1, Quality.OK),
        (BYTES, ("saturated",), 255, Quality.SATURATED),
        (BYTES, ("reset",), 3, Quality.RESET),
        (BYTES, ("stale",), 4, Quality.STALE),
        (UP, (), 0.0, Quality.UNREADABLE),
    )
    exposition = render(Target(HOST, [one]))
    text = text_of(exposition)
    shown = [line.split('device="')[1] for line in text.splitlines() if line.startswith(f"{BYTES.name}{{")]
    assert shown == ['ok"} 1', 'saturated"} 255', 'reset"} 3']
    assert UP.name not in text.replace(f'metric="{UP.name}"', "")
    told = [line for line in text.splitlines() if line.startswith(f"{SERIES_QUALITY.name}{{")]
    start = SERIES_QUALITY.name + '{cluster="a",host="n1",metric='
    assert told == [
        f'{start}"{BYTES.name}",quality="saturated",device="saturated"}} 1',
        f'{start}"{BYTES.name}",quality="reset",device="reset"}} 1',
        f'{start}"{BYTES.name}",quality="stale",device="stale"}} 1',
        f'{start}"{UP.name}",quality="unreadable"}} 1',
    ]
    assert exposition.series == 7


def test_qualities_are_bounded_and_the_rest_is_counted() -> None:
    rows = [(BYTES, (str(index),), 1, Quality.SATURATED) for index in range(5)]
    exposition = render(Target(HOST, [sampled(*rows)]), max_qualities=3)
    assert text_of(exposition).count(f"{SERIES_QUALITY.name}{{") == 3
    assert exposition.qualities_left_out == 2


def test_of_two_kinds_under_one_name_the_first_stays_and_the_other_is_counted() -> None:
    gauge = MetricSpec(BYTES.name, Kind.GAUGE, "Other.", ("device",))
    first, second = sampled((BYTES, ("x",), 1, Quality.OK)), sampled((gauge, ("y",), 2.5, Quality.OK))
    exposition = render(Target(HOST, [first]), Target(HOST, [second]))
    assert exposition.conflicting == 1
    assert "2.5" not in text_of(exposition)
    assert exposition.series == 1


def test_two_specs_of_one_name_and_kind_are_one_family() -> None:
    twin = MetricSpec(BYTES.name, Kind.COUNTER, "Said differently by a newer probe.", ("device",))
    text = text_of(
        render(
            Target(HOST, [sampled((BYTES, ("x",), 1, Quality.OK))]),
            Target(HOST, [sampled((twin, ("y",), 2, Quality.OK))]),
        )
    )
    assert text.count("# HELP") == text.count("# TYPE") == 1
    assert text.count(f"{BYTES.name}{{") == 2


def test_no_sample_can_take_the_name_of_the_quality_family() -> None:
    forged = MetricSpec(SERIES_QUALITY.name, Kind.GAUGE, "Forged.", ("metric", "quality"))
    exposition = render(Target(HOST, [sampled((forged, ("a", "stale"), 1.0, Quality.OK))]))
    assert exposition.families == []
    assert exposition.conflicting == 1


def test_a_label_name_is_never_there_twice() -> None:
    greedy = MetricSpec(UP.name, Kind.GAUGE, "Greedy.", ("host", "metric"))
    text = text_of(render(Target(HOST, [sampled((greedy, ("mine", "m"), 1.0, Quality.SATURATED))])))
    assert f'{UP.name}{{cluster="a",host="n1",exported_host="mine",metric="m"}} 1.0' in text
    assert (
        f'{SERIES_QUALITY.name}{{cluster="a",host="n1",metric="{UP.name}",quality="saturated",'
        'exported_host="mine",exported_metric="m"} 1'
    ) in text


def test_one_set_serves_targets_with_and_without_labels() -> None:
    one = sampled((BYTES, ("x",), 1, Quality.OK))
    renderer = Renderer(10)
    for _ in range(2):  # the second time from what the first one kept
        lines = text_of(renderer.render([Target((), [one]), Target(HOST, [one])])).splitlines()
        assert lines[2:] == [
            f'{BYTES.name}{{device="x"}} 1',
            f'{BYTES.name}{{cluster="a",host="n1",device="x"}} 1',
        ]


def test_what_is_kept_is_bounded_by_the_last_snapshot() -> None:
    renderer = Renderer(10)
    for value in range(3):
        renderer.render([Target(HOST, [sampled((BYTES, (str(value),), value, Quality.OK))])])
    assert len(renderer._blocks) == 1
    renderer.render([])
    assert renderer._blocks == {}


def test_text_that_is_no_unicode_spoils_its_own_characters_only() -> None:
    one = sampled((BYTES, ("bad\udcff",), 1, Quality.OK), (BYTES, ("good",), 2, Quality.OK))
    text = text_of(render(Target(HOST, [one])))
    assert 'device="bad?"} 1' in text
    assert 'device="good"} 2' in text


label_values = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(label_values, label_values, st.integers(0, 2**64 - 1))
def test_any_label_value_comes_back_from_the_parser(host: str, device: str, value: int) -> None:
    exposition = render(Target((("host", host),), [sampled((BYTES, (device,), value, Quality.SATURATED))]))
    told, counted = text_string_to_metric_families(text_of(exposition))
    assert counted.samples[0].labels == {"host": host, "device": device}
    assert counted.samples[0].value == value
    assert told.samples[0].labels["device"] == device


@given(st.floats())
def test_any_gauge_comes_back_from_the_parser(value: float) -> None:
    text = text_of(render(Target((), [sampled((SPEED, ("x",), value, Quality.OK))])))
    (family,) = text_string_to_metric_families(text)
    read = family.samples[0].value
    assert read == value or (math.isnan(read) and math.isnan(value))


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_help_stays_on_its_line(text: str) -> None:
    spec = MetricSpec("fabricscope_test_up", Kind.GAUGE, text)
    lines = text_of(render(Target((), [sampled((spec, (), 1.0, Quality.OK))]))).split("\n")
    assert len(lines) == 4


@pytest.mark.needs_program("promtool", package="prometheus")
def test_promtool_has_nothing_to_say() -> None:
    one = sampled(
        (BYTES, ('a "quoted"\\\nvalue',), 2**64 - 1, Quality.SATURATED),
        (PAUSED, ("x",), 12, Quality.OK),
        (SPEED, ("x",), math.nan, Quality.OK),
        (UP, (), 1.0, Quality.STALE),
    )
    exposition = render(Target((), [one]), Target(HOST, [one]))
    done = subprocess.run(
        ["promtool", "check", "metrics"],
        input=b"".join(exposition.families),
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
