from __future__ import annotations

import msgspec
import pytest

from probes.health.language.checks import KINDS, Flaps, Forecast, Value
from probes.health.language.vocabulary import Limit, Source


def test_every_kind_is_known_by_its_name() -> None:
    assert {kind.kind for kind in KINDS.values()} == set(KINDS)
    assert len(KINDS) == 9


@pytest.mark.parametrize(
    ("kind", "document", "complaint"),
    [
        ("value", {"of": {"metric": "m"}}, "either `above` or `below`"),
        ("value", {"of": {"metric": "m"}, "above": {"value": 1}, "below": {"value": 1}}, "either `above` or `below`"),
        ("flaps", {"window": "5m", "above": {"value": 1}}, "`downs` or in `changes`"),
        (
            "forecast",
            {"of": {"metric": "m"}, "above": {"value": 1}, "window": "1d", "minimum": "2d", "within": "1d"},
            "no evidence could ever do",
        ),
        ("forecast", {"of": {"metric": "m"}, "window": "1d", "minimum": "1d", "within": "1d"}, "either `above` or"),
        ("ratio", {"of": [{"metric": "m"}], "per": [{"metric": "m"}], "window": "5m", "minimum": 0}, "> 0.0"),
    ],
)
def test_what_makes_no_sense_is_refused(kind: str, document: object, complaint: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=complaint):
        msgspec.convert({"kind": kind, **dict(document)}, KINDS[kind])  # type: ignore[call-overload]


def test_the_limit_is_the_one_that_is_given() -> None:
    of = Source(metric="m")
    assert Value(of=of, below=Limit(value=3)).limit == Limit(value=3)
    times = {"window": "2d", "minimum": "1d", "within": "1d"}
    assert Forecast(of=of, above=Limit(value=4), **times).limit == Limit(value=4)  # type: ignore[arg-type]
    assert Flaps(downs=(of,), window="5m", above=Limit(value=2)).critical is None
