"""Hosts and their latest values, in virtual time."""

from __future__ import annotations

import pytest

from collector.catalog import LimitError
from collector.state import Applied, HostState, State, StateSettings
from fabricscope.codec import series_set_id
from fabricscope.model import Kind, MetricSpec, Sampled, Series, SeriesSet
from tests.collector.wire import at, identity, sampled


def connected(settings: StateSettings | None = None, *hosts: str) -> State:
    state = State(settings or StateSettings())
    for host in hosts or ("n1",):
        state.connect(identity(host), at(0))
    return state


def apply(
    state: State, batch: Sampled, sequence: int, now: float, host: str = "n1", sent: int | None = None
) -> Applied:
    known = state.admit(host, batch.series_set)
    wall = batch.batch.time_unix_ns if sent is None else sent
    return state.apply(host, Sampled(known, batch.batch), sequence, wall, at(now))


def values(state: State, now: float) -> dict[str, list[int]]:
    return {dict(target.labels)["host"]: list(target.samples[0].batch.counters) for target in state.snapshot(at(now))}


def test_the_latest_batch_is_shown_with_cluster_and_host() -> None:
    state = State(StateSettings())
    state.connect(identity("n1", cluster="alpha"), at(0))
    apply(state, sampled(at(1), 10), 1, 1)
    apply(state, sampled(at(2), 20), 2, 2)
    (target,) = state.snapshot(at(2))
    assert target.labels == (("cluster", "alpha"), ("host", "n1"))
    assert list(target.samples[0].batch.counters) == [20, 20]


def test_a_silent_host_turns_stale_by_name_and_its_values_leave() -> None:
    state = connected()
    apply(state, sampled(at(1)), 1, 1)
    assert values(state, 16) == {"n1": [1, 1]}
    assert state.sweep(at(16)) == []
    ((who, event),) = state.sweep(at(16.5))
    assert (who.host, event.kind) == ("n1", "host.stale")
    assert values(state, 16.5) == {}
    assert state.samples("n1", at(16.5)) == []
    (status,) = state.hosts(at(16.5))
    assert (status.state, status.connected) == (HostState.STALE, True)
    apply(state, sampled(at(20)), 2, 20)
    assert [event.kind for _, event in state.sweep(at(20))] == ["host.live"]
    assert values(state, 20) == {"n1": [1, 1]}


def test_a_slow_samplers_values_hold_for_three_intervals() -> None:
    state = connected()
    slow = sampled(at(1), sampler="optics", interval=60)
    apply(state, slow, 1, 1)
    for second in range(2, 200):
        apply(state, sampled(at(second), sampler="fast"), second, second)
        assert any(row.series_set.sampler == "optics" for row in state.samples("n1", at(second))) is (second <= 181)


def test_one_sampler_that_stops_leaves_alone() -> None:
    state = connected()
    apply(state, sampled(at(1), sampler="hung"), 1, 1)
    for second in range(1, 40):
        apply(state, sampled(at(second), sampler="alive"), second, second)
    assert [row.series_set.sampler for row in state.samples("n1", at(40))] == ["alive"]
    assert {row.name: row.fresh for row in state.hosts(at(40))[0].samplers} == {"alive": True, "hung": False}


def test_what_comes_out_of_a_spool_late_is_history() -> None:
    state = connected()
    assert apply(state, sampled(at(1), 5), 1, 100, sent=at(100).wall) is Applied.LATE
    assert values(state, 100) == {}
    assert apply(state, sampled(at(99), 7), 2, 100, sent=at(100).wall) is Applied.CURRENT
    assert values(state, 100) == {"n1": [7, 7]}


def test_a_resent_message_does_not_turn_values_back() -> None:
    state = connected()
    apply(state, sampled(at(1), 1), 1, 1)
    apply(state, sampled(at(2), 2), 2, 2)
    assert apply(state, sampled(at(1), 1), 1, 3) is Applied.REPEATED
    assert values(state, 3) == {"n1": [2, 2]}


def test_a_new_epoch_counts_from_one_again() -> None:
    state = connected()
    apply(state, sampled(at(1), 1), 100, 1)
    state.connect(identity("n1", epoch="e2"), at(2))
    assert apply(state, sampled(at(2), 2), 1, 2) is Applied.CURRENT


@pytest.mark.parametrize("jump", [-7200, 7200])
def test_a_probes_clock_that_jumps_hides_and_freezes_nothing(jump: float) -> None:
    state = connected()
    apply(state, sampled(at(1), 1), 1, 1)
    later = at(2, wall=2 + jump)
    assert apply(state, sampled(later, 2), 2, 2, sent=later.wall) is Applied.CURRENT
    assert values(state, 2) == {"n1": [2, 2]}


def test_hosts_of_one_shape_share_one_set() -> None:
    state = connected(None, "n1", "n2")
    first = state.admit("n1", sampled(at(1)).series_set)
    assert state.admit("n2", sampled(at(2)).series_set) is first


def test_sets_of_other_shapes_share_specs() -> None:
    state = connected()
    one = state.admit("n1", sampled(at(1), devices=("a",)).series_set)
    other = sampled(at(1), devices=("a", "b"))
    rebuilt = MetricSpec("fabricscope_test_bytes_total", Kind.COUNTER, "Other words.", ("device",), "bytes")
    series = tuple(Series(rebuilt, row.labels) for row in other.series_set.counters)
    two = state.admit("n1", SeriesSet(series_set_id("x", series, ()), "x", series, ()))
    assert two.counters[0].spec is one.counters[0].spec


def test_a_metric_of_another_kind_is_refused_by_name() -> None:
    state = connected()
    apply(state, sampled(at(1)), 1, 1)
    gauge = MetricSpec("fabricscope_test_bytes_total", Kind.GAUGE, "Bytes.", ("device",))
    series = (Series(gauge, ("a",)),)
    with pytest.raises(LimitError, match="fabricscope_test_bytes_total is declared as a gauge"):
        state.admit("n1", SeriesSet(series_set_id("x", (), series), "x", (), series))


def test_bounds_are_enforced_and_named() -> None:
    state = connected(StateSettings(max_hosts=1, max_series_per_host=4, max_metrics=2))
    with pytest.raises(LimitError, match="max_hosts"):
        state.connect(identity("n2"), at(0))
    apply(state, sampled(at(1)), 1, 1)
    with pytest.raises(LimitError, match="max_series_per_host"):
        state.admit("n1", sampled(at(1), sampler="more").series_set)
    series = (Series(MetricSpec("fabricscope_third", Kind.GAUGE, "Third."), ()),)
    with pytest.raises(LimitError, match="max_metrics"):
        state.admit("n1", SeriesSet(series_set_id("test", (), series), "test", (), series))


def test_a_host_that_is_long_gone_is_forgotten_unless_connected() -> None:
    state = connected(StateSettings(forget_after_seconds=60))
    state.sweep(at(100))
    assert len(state.hosts(at(100))) == 1
    state.disconnect("n1")
    state.sweep(at(101))
    assert state.hosts(at(101)) == []
    assert state.host("n1", at(101)) is None


def test_a_host_of_slow_samplers_is_judged_by_the_fastest_and_withdrawn_whole() -> None:
    state = connected()
    slow = sampled(at(0), sampler="slow", interval=60)
    fast = sampled(at(0), sampler="fast", interval=30)
    apply(state, slow, 1, 0)
    apply(state, fast, 1, 0)
    assert state.sweep(at(60)) == []
    assert len(state.samples("n1", at(90))) == 2
    assert [event.kind for _, event in state.sweep(at(91))] == ["host.stale"]
    assert state.snapshot(at(91)) == []


def test_series_that_were_declared_together_are_bounded_when_they_are_sent() -> None:
    state = connected(StateSettings(max_series_per_host=6))
    sets = [sampled(at(1), sampler=f"s{number}").series_set for number in range(3)]
    for series_set in sets:
        state.admit("n1", series_set)
    state.check_room("n1", sets[:1])
    with pytest.raises(LimitError, match="max_series_per_host"):
        state.check_room("n1", sets)


def test_a_sampler_that_was_switched_off_is_forgotten_in_the_end() -> None:
    state = connected()
    apply(state, sampled(at(1), sampler="off"), 1, 1)
    for second in range(1, 400, 3):
        apply(state, sampled(at(second), sampler="on"), second, second)
        state.sweep(at(second))
    assert [row.name for row in state.hosts(at(400))[0].samplers] == ["on"]
