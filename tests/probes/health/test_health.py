from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fabricscope.codec import decode_events, encode_events
from fabricscope.model import Event, Quality, Severity
from probes.health import health as module
from probes.health.health import Health
from probes.health.language.checks import Flaps, Increase, Rate, Ratio
from probes.health.language.rule_files import shipped
from probes.health.state import Pasts, State, TrendPast, decoded, encoded
from tests.probes.health.host import DAY, Host, at, specs
from tests.probes.health.made import LEVEL, Row, batch, rule

HOT = {"kind": "value", "of": "test_level", "above": 5}


def levels(*values: float) -> list[Row]:
    return [(LEVEL, (str(number),), value) for number, value in enumerate(values)]


def test_the_worst_and_oldest_come_first() -> None:
    health = Health([rule(check={**HOT, "critical": 8})])
    health.observe([batch(at(0), levels(6, 1, 1))], [], at(0))
    health.observe([batch(at(1), levels(6, 7, 9))], [], at(1))
    assert [verdict.subject["device"] for verdict in health.verdicts(at(2))] == ["2", "0", "1"]


def test_verdicts_beyond_the_bound_are_not_raised_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_VERDICTS", 2)
    health = Health([rule(check=HOT)])
    events = health.observe([batch(at(0), levels(9, 9, 9, 9))], [], at(0))
    assert (len(events), health.suppressed, len(health.verdicts(at(0)))) == (2, 2, 2)
    assert health.told == {"raised": 2, "changed": 0, "cleared": 0}


def test_the_state_is_what_a_restart_goes_on_from() -> None:
    made = rule(check=HOT)
    health = Health([made])
    health.observe([batch(at(0), levels(9))], [], at(0))
    kept = decoded(encoded(health.state(at(5))), State)
    other = Health([made])
    other.restore(kept, None, at(100))
    (verdict,) = other.verdicts(at(100))
    assert (verdict.rule, verdict.since_unix_ns) == ("a-rule", at(0).wall)
    assert other.observe([batch(at(100), levels(9))], [], at(100)) == []


@pytest.mark.parametrize("subject", [{}, {"other": "x"}, {"device": "0", "lane": "1"}])
def test_a_verdict_that_no_longer_fits_its_rule_is_cleared(subject: dict[str, str]) -> None:
    import msgspec

    health = Health([rule(check=HOT)])
    health.observe([batch(at(0), levels(9))], [], at(0))
    state = health.state(at(0))
    odd = msgspec.structs.replace(state.verdicts[0], subject=subject)
    other = Health([rule(check=HOT)])
    other.restore(msgspec.structs.replace(state, verdicts=(odd,)), None, at(1))
    assert [event.kind for event in other.observe([], [], at(1))] == ["verdict.cleared"]
    assert other.observe([], [], at(2)) == []


def test_a_hold_down_from_the_future_is_none() -> None:
    import msgspec

    health = Health([rule(check=HOT, hold_down="1h")])
    health.observe([batch(at(0), levels(9))], [], at(0))
    state = health.state(at(0))
    ahead = msgspec.structs.replace(state.verdicts[0], clearing_since_unix_ns=at(400 * DAY).wall)
    other = Health([rule(check=HOT, hold_down="1h")])
    other.restore(msgspec.structs.replace(state, verdicts=(ahead,)), None, at(1))
    assert other.observe([batch(at(2), levels(1))], [], at(2)) == []
    assert len(other.observe([batch(at(3700), levels(1))], [], at(3700), everything=True)) == 1


def test_pasts_that_no_longer_fit_their_rule_are_left_out() -> None:
    times = {"window": "4d", "minimum": "1d", "within": "9d"}
    health = Health([rule(check={"kind": "forecast", "of": "test_level", "above": 5, **times})])
    parts = ((at(-60).wall, 1.0), (at(-30).wall, 1.0))
    odd = [TrendPast("no-rule", ("x",), parts), TrendPast("a-rule", (), parts), TrendPast("a-rule", ("x",), parts)]
    health.restore(None, decoded(encoded(Pasts(written_unix_ns=0, trends=tuple(odd))), Pasts), at(0))
    assert [(trend.rule, trend.key) for trend in health.pasts(at(0)).trends] == [("a-rule", ("x",))]


# --- whatever comes, nothing breaks

_SPECS = tuple(specs().values())


@st.composite
def _steps(draw: st.DrawFn) -> list[tuple[float, list[tuple[int, float, Quality]]]]:
    row = st.tuples(
        st.integers(0, len(_SPECS) - 1),
        st.one_of(st.sampled_from([0.0, 1.0, 1e9]), st.floats(0, 1e18)),
        st.sampled_from([Quality.OK, Quality.OK, Quality.RESET, Quality.STALE, Quality.UNREADABLE, Quality.SATURATED]),
    )
    return draw(st.lists(st.tuples(st.floats(0.1, 4000), st.lists(row, max_size=25)), max_size=8))


@settings(max_examples=60)
@given(_steps(), st.lists(st.sampled_from(["gpu.hung", "kernel.xid", "gpu.recovered", "x.y"]), max_size=5))
def test_any_readings_and_events_give_events_that_a_collector_takes(
    steps: list[tuple[float, list[tuple[int, float, Quality]]]], kinds: list[str]
) -> None:
    health = Health(shipped())
    second = 0.0
    for wait, rows in steps:
        second += wait
        unique = {number: (value, quality) for number, value, quality in rows}
        made: list[Row] = [
            (_SPECS[number], tuple("1" for _ in _SPECS[number].labels), value, quality)
            for number, (value, quality) in unique.items()
        ]
        events = [Event(1, 1, kind, Severity.CRITICAL, kind, {"gpu": "1", "address": "0000:01:00.0"}) for kind in kinds]
        told = health.observe([batch(at(second), made)], events, at(second), everything=bool(rows))
        decode_events(encode_events(told).events)
        encoded(health.state(at(second), health.unjudged(at(second))))
        encoded(health.pasts(at(second)))


COUNTING = tuple(each for each in shipped() if isinstance(each.check, Increase | Rate | Ratio | Flaps))


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(1, 200), st.booleans()), min_size=1, max_size=12), st.integers(0, 250))
def test_resets_never_raise_a_verdict_on_errors(resets: Sequence[tuple[int, bool]], start: int) -> None:
    """Counters that are cleared again and again, and never count anything in between."""
    host = Host(COUNTING, step=5)
    place = {"device": "d", "port": "1"}
    host.set("fabricscope_infiniband_port_info", 1, **place, link_layer="InfiniBand")
    host.set("fabricscope_infiniband_port_rate_bytes_per_second", 5e10, **place)
    host.set("fabricscope_ethernet_info", 1, device="d")
    names = [name for each in COUNTING for name in _counters(each.check) if set(specs()[name].labels) <= set(place)]
    assert len(set(names)) > 20

    def stand(value: int, quality: Quality) -> None:
        for name in names:
            spec = specs()[name]
            host.set(name, min(value, (1 << spec.bits) - 2), quality, **{label: place[label] for label in spec.labels})

    stand(start, Quality.OK)
    host.run(60)
    for value, is_low in resets:
        value = 0 if is_low else value
        stand(value, Quality.RESET)
        host.run(5)
        stand(value, Quality.OK)
        host.run(25)
    assert host.events == []


def _counters(check: object) -> list[str]:
    sources = [*getattr(check, "downs", ()), *getattr(check, "changes", ())]
    of = getattr(check, "of", ())
    sources += of if isinstance(of, tuple) else [of]
    return [source.metric for source in sources]
