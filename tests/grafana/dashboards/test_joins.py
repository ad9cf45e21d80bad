"""A value keeps its thing whether or not anything is known of it."""

from __future__ import annotations

from grafana.dashboards.host.joins import described
from tests.grafana import shipped


def test_a_thing_of_which_nothing_is_known_stays() -> None:
    expr = described("a", ["gpu", "link"], "b_info", ["name"])
    assert expr.startswith(
        "max by (gpu, link) (a) * on (gpu, link) group_left (name) max by (gpu, link, name) (b_info{"
    )
    assert expr.endswith("or on (gpu, link) max by (gpu, link) (a)")
    read = shipped.selectors(shipped.substitute(expr, shipped.SAMPLE_VALUES))
    assert [selector.metric for selector in read] == ["a", "b_info", "a"]
