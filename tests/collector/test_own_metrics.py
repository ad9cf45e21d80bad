"""What the collector says of itself and of its hosts."""

from __future__ import annotations

import inspect
import re

from collector import handshakes, own_metrics, service, session
from collector.own_metrics import HOST_CONNECTED, HOST_INFO, HOST_SEEN, HOST_SERIES, HOST_UP, METRICS, OwnMetrics
from collector.state import State, StateSettings
from fabricscope.model import Kind, MetricSpec, Sampled
from fabricscope.tally import Tally
from fabricscope.v1 import stream_pb2
from tests.collector.wire import at, identity, sampled


def reasons(tally: Tally, spec: MetricSpec) -> set[str]:
    return {reading.labels[0] for reading in tally.readings() if reading.spec is spec}


def test_counters_whose_labels_are_known_begin_at_0() -> None:
    tally = Tally()
    OwnMetrics(tally, "1.2.3")
    there = {reading.spec: reading.value for reading in tally.readings() if reading.spec.kind is Kind.COUNTER}
    assert {spec for spec in METRICS if spec.kind is Kind.COUNTER and not spec.labels} <= set(there)
    assert set(there.values()) == {0}


def test_the_reasons_are_those_that_the_code_gives() -> None:
    tally = Tally()
    OwnMetrics(tally, "1.2.3")
    sources = inspect.getsource(session) + inspect.getsource(service)
    hellos = re.findall(r'HelloRefused\(\s*"\w+",\s*"(\w+)"', sources)
    hellos += re.findall(r'HELLOS_REFUSED, "(\w+)"', inspect.getsource(service))
    assert reasons(tally, service.HELLOS_REFUSED) == set(hellos)
    messages = {name.removeprefix("REFUSAL_REASON_").lower() for name in stream_pb2.RefusalReason.keys()[1:]}
    messages |= set(re.findall(r'REFUSED, "(\w+)"', inspect.getsource(service))) - set(hellos)
    assert reasons(tally, service.REFUSED) == messages
    assert {"expired", "other"} <= reasons(tally, handshakes.REFUSED)


def test_a_tally_that_lives_on_over_a_reload_keeps_its_counts() -> None:
    tally = Tally()
    OwnMetrics(tally, "1.2.3")
    tally.add(service.LATE, by=7)
    tally.add(service.REFUSED, "invalid", by=3)
    OwnMetrics(tally, "1.2.4")
    assert (tally.get(service.LATE), tally.get(service.REFUSED, "invalid")) == (7, 3)


def test_hosts_are_told_by_name_and_leave_when_they_are_forgotten() -> None:
    tally, state = Tally(), State(StateSettings(forget_after_seconds=60))
    own = OwnMetrics(tally, "1.2.3")
    state.connect(identity("n1", cluster="blue"), at(0))
    batch = sampled(at(1))
    state.apply("n1", Sampled(state.admit("n1", batch.series_set), batch.batch), 1, batch.batch.time_unix_ns, at(1))
    own.observe(state.hosts(at(1)))
    name = ("blue", "n1")
    assert [tally.get(spec, *name) for spec in (HOST_UP, HOST_CONNECTED, HOST_SERIES)] == [1, 1, 4]
    assert tally.get(HOST_SEEN, *name) == at(1).wall / 1e9
    assert tally.get(HOST_INFO, *name, "0.1.0", "boot") == 1

    state.disconnect("n1")
    own.observe(state.hosts(at(30)))
    assert [tally.get(spec, *name) for spec in (HOST_UP, HOST_CONNECTED)] == [0, 0]
    assert HOST_UP in {reading.spec for reading in tally.readings()}, "silent is 0, not absent"

    state.sweep(at(62))
    own.observe(state.hosts(at(62)))
    assert not {reading.spec for reading in tally.readings()} & set(own_metrics._PER_HOST)


def test_everything_shown_is_in_the_table() -> None:
    tally = Tally()
    own = OwnMetrics(tally, "1.2.3")
    own.observe([])
    assert {reading.spec for reading in tally.readings()} <= set(METRICS)
