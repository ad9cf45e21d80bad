from __future__ import annotations

from probes.health.health import Health
from probes.health.state import Pasts, decoded, encoded
from tests.probes.health.host import HOUR, at
from tests.probes.health.made import KIND, LEVEL, Row, batch, rule

FELL = rule(
    check={
        "kind": "value",
        "of": "test_level",
        "below": {"product": {"metric": "test_level", "over": "max", "window": "1d"}},
    }
)


def take(health: Health, second: float, value: float | None) -> int:
    rows: list[Row] = [(KIND, ("z", "x"), 1.0)]
    if value is not None:
        rows.append((LEVEL, ("a",), value))
    return len(health.observe([batch(at(second), rows)], [], at(second)))


def test_a_long_past_outlives_the_probe() -> None:
    health = Health([FELL])
    take(health, 0, 9.0)
    pasts = decoded(encoded(health.pasts(at(10))), Pasts)
    (past,) = pasts.gauges
    assert (past.metric, past.labels) == ("test_level", ("a",))
    other = Health([FELL])
    other.restore(None, pasts, at(HOUR))
    assert take(other, HOUR, 5.0) == 1


def test_a_long_past_is_forgotten_when_its_window_is_over() -> None:
    health = Health([FELL])
    take(health, 0, 9.0)
    other = Health([FELL])
    other.restore(None, health.pasts(at(10)), at(25 * HOUR))
    assert take(other, 25 * HOUR, 5.0) == 0


def test_a_series_that_comes_back_has_its_past() -> None:
    health = Health([FELL])
    take(health, 0, 9.0)
    take(health, 1, None)
    assert len(health.pasts(at(1)).gauges) == 1
    assert take(health, 2, 5.0) == 1


def test_short_windows_are_not_kept() -> None:
    short = rule(check={"kind": "value", "of": {"metric": "test_level", "over": "max", "window": "5m"}, "above": 1})
    health = Health([short])
    take(health, 0, 9.0)
    assert health.pasts(at(0)).gauges == ()
