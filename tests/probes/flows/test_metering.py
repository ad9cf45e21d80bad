from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from fabricscope.books import decode_books
from probes.flows import metering
from probes.flows.language.rule_files import Rules, load
from probes.flows.metering import MeterSettings, make_classifier, make_meter
from tests.probes.engine.conftest import needs_native

pytestmark = [needs_native]


def test_the_engine_takes_the_defaults_and_all_rules() -> None:
    rules = load()
    classifier = make_classifier(rules)
    assert len(classifier) == len(rules.rules)
    books = decode_books(make_meter(MeterSettings(), classifier).books())
    assert books.packets.packets == 0


def test_the_engine_is_told_in_its_own_units(monkeypatch: pytest.MonkeyPatch) -> None:
    told = []

    class FakeMeter:
        def __init__(self, settings: bytes) -> None:
            told.append(json.loads(settings))

        def set_rules(self, rules: Any) -> None:
            told.append(rules)

    monkeypatch.setattr(metering, "Meter", FakeMeter)
    rules = make_classifier(Rules())
    make_meter(MeterSettings(max_flows=5, idle_seconds=0.5, active_seconds=2, sampling=7, check_icrc_every=3), rules)
    assert told == [
        {
            "max_flows": 5,
            "max_connections": 1 << 15,
            "check_icrc_every": 3,
            "idle_ns": 500_000_000,
            "active_ns": 2_000_000_000,
            "sampling": 7,
        },
        rules,
    ]


@pytest.mark.parametrize("changes", [{"max_flows": 0}, {"idle_seconds": 0}, {"sampling": 0}, {"max_flow": 1}])
def test_what_the_engine_would_not_take_is_no_setting(changes: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(changes, MeterSettings)


def test_the_bounds_are_the_engines() -> None:
    rules = make_classifier(Rules())
    for least in ({"max_flows": 1, "max_connections": 1}, {"idle_seconds": 0.001, "active_seconds": 0.001}):
        make_meter(msgspec.convert(least, MeterSettings), rules)
