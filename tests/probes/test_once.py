from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from fabricscope import plugins
from fabricscope.model import Kind, MetricSpec, Now, Quality, Reading
from fabricscope.settings import SettingsError
from probes import once
from probes.once import OnceResult, available, sample_once, show_json, show_table
from tests.fixtures.samplers import FakeSampler, FakeSettings, Maker, install
from tests.probes.made import BYTES, NARROW, UP, at, readings

WORDS = MetricSpec("fabricscope_test_data_bytes_total", Kind.COUNTER, "Data.", ("device",), "bytes", scale=4)
WAIT = MetricSpec("fabricscope_test_wait_seconds_total", Kind.COUNTER, "Wait.", ("device",), "seconds", per_unit=10**6)
POWER = MetricSpec("fabricscope_test_power", Kind.GAUGE, "Power.", ("device",))
BIG = (1 << 63) + 1

Install = Callable[..., None]


def clock() -> Now:
    return at(0)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Install:
    def made(**things: Any) -> None:
        plays = {name: FakeSampler(thing) for name, thing in things.items() if not isinstance(thing, Maker | Exception)}
        install(monkeypatch, plugins.SAMPLERS, {**things, **plays})

    return made


def everything(_: Now) -> Iterable[Reading]:
    return [
        Reading(WORDS, ("a",), 250),
        Reading(BYTES, ("a",), BIG),
        Reading(WAIT, ("a",), 1_500_000),
        Reading(NARROW, ("a",), 65_535),
        Reading(NARROW, ("b",), None, Quality.UNREADABLE),
        Reading(UP, ("b",), 1),
        Reading(POWER, ("a",), math.inf),
    ]


def fails(_: Now) -> Iterable[Reading]:
    raise OSError("no bus")


def test_samples_what_is_enabled_and_says_why_the_rest_failed(installed: Install) -> None:
    installed(one=everything, off=everything, broken=fails, wont_load=ImportError("no module"), odd=Maker(OSError("x")))
    result = sample_once({"probe": {"samplers": {"off": {"enabled": False}}}}, [], clock)
    assert set(result.sampled) == {"one"}
    assert result.failures["broken"] == "OSError: no bus"
    assert result.failures["odd"] == "OSError: x"
    assert "no module" in result.failures["wont_load"]


def test_samples_what_is_named_only(installed: Install) -> None:
    installed(one=everything, two=everything)
    assert set(sample_once({}, ["two"], clock).sampled) == {"two"}


def test_a_sampler_that_is_not_installed_names_the_nearest(installed: Install) -> None:
    installed(ethernet=everything)
    with pytest.raises(SettingsError, match="'ehternet' is not a known sampler; did you mean 'ethernet'"):
        sample_once({}, ["ehternet"], clock)


def test_one_that_hangs_holds_nobody_up(installed: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    let_go = threading.Event()
    others = threading.Event()

    def hangs(_: Now) -> Iterable[Reading]:
        let_go.wait()
        return []

    def works(now: Now) -> Iterable[Reading]:
        others.set()
        return everything(now)

    monkeypatch.setattr(once, "DEADLINE_NS", 500_000_000)
    installed(stuck=hangs, well=works)
    result = sample_once({}, [], clock)
    assert others.is_set()
    assert result.failures["stuck"] == "no answer within its deadline of 0.5 s"
    let_go.set()


def test_json_has_exact_integers_and_null_for_what_is_unknown(installed: Install) -> None:
    installed(test=everything)
    shown = json.loads(json.dumps(show_json(sample_once({}, [], clock)), allow_nan=False))
    rows = {
        (row["metric"].removeprefix("fabricscope_test_"), row["labels"]["device"]): row for row in shown["readings"]
    }
    assert rows["data_bytes_total", "a"] == {
        "sampler": "test",
        "metric": "fabricscope_test_data_bytes_total",
        "labels": {"device": "a"},
        "value": 1000,
        "unit": "bytes",
        "quality": "ok",
    }
    assert rows["bytes_total", "a"]["value"] == BIG
    assert rows["wait_seconds_total", "a"]["value"] == 1.5
    assert (rows["errors_total", "a"]["value"], rows["errors_total", "a"]["quality"]) == (65_535, "saturated")
    assert (rows["errors_total", "b"]["value"], rows["errors_total", "b"]["quality"]) == (None, "unreadable")
    assert rows["power", "a"]["value"] is None
    assert shown["failures"] == {}


def test_the_table_has_a_block_for_each_sampler(installed: Install) -> None:
    installed(test=everything, empty=lambda _: [], broken=fails)
    lines = show_table(sample_once({}, [], clock)).splitlines()
    words = [line.split() for line in lines]
    assert ["test:", "7", "readings"] in words
    assert ["empty:", "0", "readings", "(fabricscope", "samplers", "says", "why)"] in words
    assert ["device=a", "fabricscope_test_data_bytes_total", "1,000"] in words
    assert ["device=a", "fabricscope_test_wait_seconds_total", "1.5"] in words
    assert ["device=a", "fabricscope_test_errors_total", "65,535", "[saturated]"] in words
    assert ["device=b", "fabricscope_test_errors_total", "unreadable"] in words
    assert lines[-1] == "broken: failed: OSError: no bus"


def test_nothing_to_show_is_an_empty_table() -> None:
    assert show_table(OnceResult({}, {}, {})) == ""


# --- available


class Absent(FakeSampler):
    metrics = (BYTES, UP)

    def unavailable(self) -> str | None:
        return "no such hardware"


class ShySettings(FakeSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    enabled: bool = False


class Odd(FakeSampler):
    def unavailable(self) -> str | None:
        raise RuntimeError("its own bug")


def test_what_has_nothing_to_sample_fails_only_where_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    fakes = {"absent": Absent(lambda _: []), "barred": Absent(fails), "some": Absent(everything), "odd": Odd(fails)}
    install(monkeypatch, plugins.SAMPLERS, fakes)
    result = sample_once({}, [], clock)
    assert result.unavailable == {"absent": "no such hardware", "barred": "no such hardware"}
    assert result.failures == {"odd": "OSError: no bus"}
    assert set(result.sampled) == {"some"}
    assert "absent: unavailable: no such hardware" in show_table(result).splitlines()
    assert show_json(result)["unavailable"] == result.unavailable
    named = sample_once({}, ["absent"], clock)
    assert (named.failures, named.unavailable) == ({"absent": "no such hardware"}, {})


def test_says_what_is_available_and_why_the_rest_is_not(installed: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    fakes = {"absent": Absent(lambda _: readings()), "odd": Odd(lambda _: []), "off": FakeSampler(lambda _: [])}
    fakes["well"] = FakeSampler(lambda _: [])
    shy = Maker(FakeSampler(lambda _: []))
    shy.Settings = ShySettings
    install(monkeypatch, plugins.SAMPLERS, {**fakes, "shy": shy, "wont_load": ImportError("no module")})
    document = {"probe": {"samplers": {"off": {"enabled": False}, "well": {"interval_seconds": 30}}}}
    rows = {row.name: row for row in available(document)}
    assert {name for name, row in rows.items() if row.available} == {"well"}
    assert rows["well"].detail == "every 30 s"
    assert (rows["absent"].detail, rows["absent"].metrics) == ("no such hardware", 2)
    assert rows["odd"].detail == "RuntimeError: its own bug"
    assert rows["off"].detail == "switched off in the configuration"
    assert "no module" in rows["wont_load"].detail
    assert rows["shy"].detail == "off by default; probe.samplers.shy.enabled: true switches it on"
    assert all(fake.closed == 1 for fake in fakes.values())
