"""Panels with a row for each thing come out as Grafana's models of them want it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import statetimeline, statushistory

from grafana.dashboards import bands
from grafana.dashboards.panels import BLUE, GREEN, ORANGE, RED, Panel, Query
from tests.grafana import shipped


def model(panel: Panel) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(json.dumps(panel.build(), cls=JSONEncoder))
    return made


def test_a_heat_map_has_a_row_a_series_and_is_redder_the_more_there_is() -> None:
    queries = Query("sum by (device) (up)", "{{device}}"), Query("max(up)", "all")
    shown = model(bands.heat("Errors", "Why.", *queries, unit="cps"))
    assert shown["type"] == "status-history"
    assert shown["fieldConfig"]["defaults"]["color"]["mode"] == "continuous-YlRd"
    assert shown["fieldConfig"]["defaults"]["min"] == 0
    assert "max" not in shown["fieldConfig"]["defaults"]
    assert [target["legendFormat"] for target in shown["targets"]] == ["{{device}}", "all"]
    assert len({target["refId"] for target in shown["targets"]}) == 2


def test_a_heat_map_may_say_what_red_is() -> None:
    shown = model(bands.heat("Paused", "Why.", Query("up", "x"), highest=0.5))
    assert shown["fieldConfig"]["defaults"]["max"] == 0.5


def test_a_timeline_is_red_while_a_thing_is_down() -> None:
    shown = model(bands.timeline("Up", "Why.", Query("up", "x"), words={0: "down", 1: "up"}))
    assert shown["type"] == "state-timeline"
    assert shown["fieldConfig"]["defaults"]["color"]["mode"] == "thresholds"
    assert steps(shown) == [(None, RED), (1, GREEN)]
    assert shown["fieldConfig"]["defaults"]["mappings"][0]["options"]["0"]["text"] == "down"


def test_a_timeline_may_have_more_states() -> None:
    colours: dict[float, str] = {1: BLUE, 2: ORANGE, 3: RED}
    shown = model(bands.timeline("Verdicts", "Why.", Query("v", "x"), words={1: "info"}, colours=colours))
    assert steps(shown) == [(None, BLUE), (2, ORANGE), (3, RED)]


def steps(shown: dict[str, Any]) -> list[tuple[float | None, str]]:
    return [(step["value"], step["color"]) for step in shown["fieldConfig"]["defaults"]["thresholds"]["steps"]]


@pytest.mark.parametrize(
    ("kind", "options"), [("state-timeline", statetimeline.Options), ("status-history", statushistory.Options)]
)
def test_options_are_those_that_the_panel_has(kind: str, options: Any) -> None:
    """The model keeps the names that it knows: what it drops, Grafana would not know either."""
    found = [
        panel
        for path in shipped.DASHBOARDS
        for panel in shipped.panels(shipped.dashboard(path))
        if panel["type"] == kind
    ]
    assert found
    for panel in found:
        known = json.loads(json.dumps(options.from_json(panel["options"]), cls=JSONEncoder))
        assert known == panel["options"], panel["title"]
        assert panel["options"]["perPage"] == bands.ROWS
        assert panel["options"]["showValue"] == "never"
