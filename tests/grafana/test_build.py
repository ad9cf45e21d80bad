"""The JSON is what the code makes, and a model that Grafana can lay out."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from grafana import dashboards
from grafana.build import render
from grafana.dashboards.panels import COLUMNS
from tests.grafana import shipped

BUILT_IN = {"__all", "__range", "__rate_interval", "__url_time_range", "__data"}

each = pytest.mark.parametrize("path", shipped.DASHBOARDS, ids=lambda path: path.stem)


def test_the_committed_json_is_what_the_code_makes() -> None:
    assert {path.stem for path in shipped.DASHBOARDS} == set(dashboards.ALL)
    for path in shipped.DASHBOARDS:
        made = render(dashboards.ALL[path.stem]())
        assert path.read_text("utf-8") == made, "run `make generate` and commit what it writes"


def test_json_has_no_number_that_json_lacks() -> None:
    for path in shipped.DASHBOARDS:
        json.loads(path.read_text("utf-8"), parse_constant=pytest.fail)


@each
def test_panels_have_ids_of_their_own(path: Path) -> None:
    ids = [panel["id"] for panel in shipped.dashboard(path)["panels"]]
    assert len(set(ids)) == len(ids)
    assert all(ids)


@each
def test_panels_stay_on_the_page_and_off_one_another(path: Path) -> None:
    places = [panel["gridPos"] for panel in shipped.dashboard(path)["panels"]]
    for place in places:
        assert 0 <= place["x"] < place["x"] + place["w"] <= COLUMNS
        assert place["h"] > 0
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        apart = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or apart, f"{one} and {other} overlap"


@each
def test_every_panel_asks_a_question_and_says_what_the_answer_means(path: Path) -> None:
    titles = [panel["title"] for panel in shipped.panels(shipped.dashboard(path))]
    assert len(set(titles)) == len(titles)
    for panel in shipped.panels(shipped.dashboard(path)):
        assert panel["description"].endswith("."), panel["title"]
        assert panel["targets"], panel["title"]
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
        if panel["type"] in {"stat", "timeseries"}:
            assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]


@each
def test_the_data_source_is_the_variable_everywhere(path: Path) -> None:
    document = shipped.dashboard(path)
    parts = [*shipped.panels(document)]
    parts += [target for panel in parts for target in panel["targets"]]
    parts += [variable for variable in document["templating"]["list"] if variable["type"] == "query"]
    for part in parts:
        assert part["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


@each
def test_every_variable_that_is_used_is_there_and_the_other_way_round(path: Path) -> None:
    document = shipped.dashboard(path)
    there = {variable["name"] for variable in document["templating"]["list"]}
    used = {found[0] or found[1] for found in re.findall(r"\$(?:\{(\w+)[^}]*\}|(\w+))", path.read_text("utf-8"))}
    assert used - BUILT_IN == there


@each
def test_links_lead_to_dashboards_and_variables_that_exist(path: Path) -> None:
    known: dict[str, dict[str, Any]] = {}
    for other in shipped.DASHBOARDS:
        document = shipped.dashboard(other)
        known[document["uid"]] = document
    links = re.findall(r'"url": "/d/([\w-]+)([^"]*)"', path.read_text("utf-8"))
    assert links
    for uid, query in links:
        there = {variable["name"] for variable in known[uid]["templating"]["list"]}
        assert set(re.findall(r"var-(\w+)=", query)) <= there


def test_a_table_of_hosts_leads_to_the_host_page() -> None:
    fleet = shipped.dashboard(shipped.GRAFANA / "json" / "fleet.json")
    host = shipped.dashboard(shipped.GRAFANA / "json" / "host.json")
    with_host = [
        panel for panel in shipped.panels(fleet) if panel["type"] == "table" and "host" in str(panel["transformations"])
    ]
    assert len(with_host) >= 8
    for panel in with_host:
        (override,) = [row for row in panel["fieldConfig"]["overrides"] if row["matcher"]["options"] == "host"]
        (link,) = override["properties"][0]["value"]
        assert link["url"].startswith(f"/d/{host['uid']}?")
        assert "var-host=${__data.fields.host}" in link["url"]
