from __future__ import annotations

from probes.health.language.checks import Flaps, Forecast, Happened, Increase, Value
from probes.health.language.rule import NAME, Rule
from probes.health.language.vocabulary import SECOND, Limit, Source

OF = Source(metric="m")


def test_how_often_a_rule_asks_follows_from_its_window() -> None:
    def every(check: object, **more: str) -> float:
        return Rule(name="a", summary="s", by=("d",), check=check, **more).every_ns / SECOND  # type: ignore[arg-type]

    assert every(Value(of=OF, above=Limit(value=1))) == 0
    assert every(Value(of=Source(metric="m", over="max", window="1m"), above=Limit(value=1))) == 5
    assert every(Increase(of=(OF,), window="1h", above=Limit(value=1))) == 10
    assert every(Increase(of=(OF,), window="1s", above=Limit(value=1))) == 1
    assert every(Flaps(downs=(OF,), window="1h", above=Limit(value=1))) == 0
    assert every(Happened(events=("a.b",), window="1h")) == 0
    forecast = Forecast(of=OF, above=Limit(value=1), window="7d", minimum="1d", within="9d")
    assert every(forecast) == 604.8
    assert every(forecast, every="30s") == 30


def test_names() -> None:
    assert NAME.fullmatch("port-down")
    assert not NAME.fullmatch("Port-Down")
    assert not NAME.fullmatch("port--down")
