from __future__ import annotations

import msgspec
import pytest

from probes.health.language.vocabulary import SECOND, Condition, Limit, Source, duration_ns


@pytest.mark.parametrize(
    ("text", "seconds"), [("0s", 0), ("500ms", 0.5), ("1.5m", 90), ("15m", 900), ("2h", 7200), ("7d", 604800)]
)
def test_times(text: str, seconds: float) -> None:
    assert duration_ns(text) == seconds * SECOND


@pytest.mark.parametrize("text", ["", "5", "5 m", "m5", "-1s", "1w", "1e9s", "1s1s"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="expected one such as 30s"):
        duration_ns(text)


@pytest.mark.parametrize(
    ("kind", "document", "complaint"),
    [
        (Source, {"metric": "m", "over": "max"}, "give a `window`"),
        (Source, {"metric": "m", "window": "5m"}, "leave `window` out"),
        (Limit, {}, "either a number or a `product`"),
        (Limit, {"value": 1, "product": [{"metric": "m"}]}, "either a number or a `product`"),
        (Condition, {}, "either a `metric` or a list `any`"),
        (Condition, {"any": [{"metric": "m"}], "above": 1}, "belongs into its conditions"),
        (Condition, {"metric": "m", "over": "max"}, "give a `window`"),
    ],
)
def test_what_makes_no_sense_is_refused(kind: type[msgspec.Struct], document: object, complaint: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=complaint):
        msgspec.convert(document, kind)
