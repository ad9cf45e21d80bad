from __future__ import annotations

from fabricscope.model import MetricSpec, Series
from probes.health.evidence.operand import Bound, Operand, grown_together
from probes.health.evidence.track import Feed, Track
from probes.health.language.vocabulary import Limit, Source
from tests.probes.health.host import SECOND
from tests.probes.health.made import ERRORS, KIND, LEVEL, TIME, TOP

NOW = 100 * SECOND
WINDOW = 60 * SECOND


def track(spec: MetricSpec, labels: tuple[str, ...], value: float) -> Track:
    made = Track(Series(spec, labels), Feed("s"))
    made.feed.seen = NOW
    made.take(value, 1, NOW)  # type: ignore[arg-type]
    return made


def read(operand: Operand, *tracks: Track) -> Operand:
    for each in tracks:
        operand.add(each)
    return operand


def test_series_of_a_thing_are_found_by_the_labels_that_both_have() -> None:
    operand = read(
        Operand(Source(metric="test_top", labels={"limit": ("warn",)}), ("device", "lane")),
        track(TOP, ("eth0", "warn"), 70),
        track(TOP, ("eth1", "warn"), 80),
    )
    assert operand.read(("eth0", "1"), NOW) == 70
    assert operand.read(("eth1", "7"), NOW) == 80
    assert operand.read(("eth2", "1"), NOW) is None


def test_which_series_it_reads() -> None:
    labels: dict[str, tuple[str, ...]] = {"limit": ("warn", "alarm")}
    operand = Operand(Source(metric="test_top", labels=labels), ("device",), primary=True)
    assert operand.matches(TOP, ("eth0", "warn"))
    assert not operand.matches(TOP, ("eth0", "other"))
    assert not operand.matches(LEVEL, ("eth0",))
    assert not Operand(Source(metric="m"), ("device", "lane"), primary=True).matches(LEVEL, ("eth0",))
    assert not Operand(Source(metric="m"), ("device",), counts=WINDOW).matches(LEVEL, ("eth0",))
    assert not Operand(Source(metric="m", over="max", window="5m"), ("device",)).matches(TIME, ("eth0",))


def test_of_several_series_one_is_picked() -> None:
    operand = read(Operand(Source(metric="m"), ("device",)), track(TOP, ("d", "a"), 1), track(TOP, ("d", "b"), 3))
    assert operand.read(("d",), NOW) == 3
    assert operand.read(("d",), NOW, min) == 1


def test_counters_of_a_thing_are_added_up() -> None:
    operand = Operand(Source(metric="m", times=2.0), ("device",), counts=WINDOW)
    tracks = [track(ERRORS, ("d", "a"), 10), track(ERRORS, ("d", "b"), 10)]
    read(operand, *tracks)
    for each, value in zip(tracks, (11, 14), strict=True):
        each.take(value, 1, NOW)  # type: ignore[arg-type]
    grown = operand.grown(("d",), NOW)
    assert grown is not None
    assert (grown.by, grown.whole) == (10, False)
    assert grown_together([operand, operand], ("d",), NOW) == (20, False)
    assert grown_together([operand], ("none",), NOW) is None


def test_values_may_be_replaced() -> None:
    source = Source(metric="m", values={"4": 16e9, "no number": 1})
    operand = read(Operand(source, ("device",)), track(LEVEL, ("a",), 4), track(LEVEL, ("b",), 6))
    assert operand.read(("a",), NOW) == 16e9
    assert operand.read(("b",), NOW) is None


def test_a_limit_may_be_a_product_and_is_unknown_when_a_factor_is() -> None:
    limit = Limit(product=(Source(metric="a"), Source(metric="b")), times=0.5)
    bound = Bound(limit, ("device",))
    read(bound.factors[0], track(LEVEL, ("d",), 4))
    assert bound.read(("d",), NOW) is None
    read(bound.factors[1], track(TOP, ("d", "x"), 10))
    assert bound.read(("d",), NOW) == 20
    assert Bound(Limit(value=3), ("device",)).read(("d",), NOW) == 3


def test_series_that_are_gone_are_no_longer_read() -> None:
    operand = Operand(Source(metric="m"), ("device",))
    only = track(KIND, ("d", "x"), 1)
    assert operand.concerns(only) == operand.add(only) == ("d",)
    assert list(operand.things()) == [("d",)]
    operand.remove(only)
    operand.remove(only)
    assert operand.tracks(("d",)) == ()
