"""Panels come out as Grafana's model wants them."""

from __future__ import annotations

import json
from typing import Any

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from grafana.dashboards import panels, variables
from grafana.dashboards.panels import Column, Query, Section


def model(built: Dashboard) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(json.dumps(built.build(), cls=JSONEncoder))
    return made


def page(*lines: list[panels.Panel]) -> list[dict[str, Any]]:
    made = panels.arrange("uid", "Title", "Why.", [variables.datasource()], [Section("Row", lines)])
    shown: list[dict[str, Any]] = model(made)["panels"]
    return shown


def test_panels_of_a_line_share_its_width_and_lines_follow_one_another() -> None:
    def number(title: str) -> panels.Panel:
        return panels.number(title, "Why.", "up")

    _, *shown = page([number(str(i)) for i in range(5)], [number("below")])
    assert sum(panel["gridPos"]["w"] for panel in shown[:5]) == panels.COLUMNS
    assert [panel["gridPos"]["y"] for panel in shown] == [1] * 5 + [1 + panels.ROW_OF_STATS]


def test_a_number_that_counts_what_is_bad_is_red_from_one_on() -> None:
    _, shown = page([panels.number("Bad", "Why.", "up", bad=True)])
    assert shown["fieldConfig"]["defaults"]["thresholds"]["steps"] == [
        {"color": "green", "value": None},
        {"color": "red", "value": 1},
    ]


def test_what_is_less_bad_has_another_colour() -> None:
    _, shown = page([panels.number("Bad", "Why.", "up", bad=True, colour=panels.ORANGE)])
    assert shown["fieldConfig"]["defaults"]["thresholds"]["steps"][1] == {"color": "orange", "value": 1}


def test_a_state_is_red_at_zero_and_reads_as_a_word() -> None:
    _, shown = page([panels.number("State", "Why.", "up", words={0: "down", 1: "up"})])
    defaults = shown["fieldConfig"]["defaults"]
    assert defaults["thresholds"]["steps"][0]["color"] == "red"
    assert defaults["mappings"][0]["options"]["0"]["text"] == "down"


def test_a_graph_starts_at_zero_unless_one_direction_is_below() -> None:
    _, plain, mirrored = page(
        [panels.graph("a", "Why.", Query("up", "x")), panels.graph("b", "Why.", Query("up", "x"), mirrored=True)]
    )
    assert plain["fieldConfig"]["defaults"]["min"] == 0
    assert "min" not in mirrored["fieldConfig"]["defaults"]
    assert plain["targets"][0]["range"] is True


def test_a_table_of_several_queries_merges_them_and_names_their_values() -> None:
    _, shown = page([panels.listing("t", "Why.", ("host",), Column("First", "a"), Column("Second", "b", unit="s"))])
    merge, keep, order = shown["transformations"]
    assert merge["id"] == "merge"
    assert keep["options"]["include"]["names"] == ["host", "Value #A", "Value #B"]
    assert order["options"]["renameByName"] == {"Value #A": "First", "Value #B": "Second"}
    assert {target["format"] for target in shown["targets"]} == {"table"}


def test_a_table_of_one_query_has_its_value_under_grafanas_plain_name() -> None:
    _, shown = page([panels.listing("t", "Why.", ("sampler",), Column("First", "a"))])
    assert [row["id"] for row in shown["transformations"]] == ["filterFieldsByName", "organize"]
    assert shown["transformations"][1]["options"]["renameByName"] == {"Value": "First"}


def test_a_table_may_have_the_lowest_of_a_column_on_top() -> None:
    columns = Column("State", "up"), Column("Speed", "b")
    _, worst_last, worst_first = page(
        [
            panels.listing("a", "Why.", ("gpu",), *columns),
            panels.listing("b", "Why.", (), *columns, lowest_first="State"),
        ]
    )
    assert worst_last["options"]["sortBy"] == [{"displayName": "Speed", "desc": True}]
    assert worst_first["options"]["sortBy"] == [{"displayName": "State", "desc": False}]


def test_what_goes_over_powers_of_ten_is_drawn_so_and_limits_are_dashed() -> None:
    queries = Query("up", "x"), Query("max", "x low alarm")
    _, shown = page([panels.graph("a", "Why.", *queries, logarithmic=True, dashed="low alarm")])
    assert shown["fieldConfig"]["defaults"]["custom"]["scaleDistribution"] == {"type": "log", "log": 10}
    assert "min" not in shown["fieldConfig"]["defaults"]
    (override,) = shown["fieldConfig"]["overrides"]
    assert override["matcher"] == {"id": "byRegexp", "options": "/low alarm/"}
    assert override["properties"] == [{"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [8, 8]}}]


def test_the_address_of_a_host_page_carries_the_variables() -> None:
    assert panels.host_url("a", "n 1") == (
        "/d/fabricscope-host?var-datasource=${datasource}&var-job=${job}&var-cluster=a&var-host=n%201"
        "&${__url_time_range}"
    )
