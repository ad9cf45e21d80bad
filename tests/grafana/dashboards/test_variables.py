"""What can be chosen at the top of a page."""

from __future__ import annotations

import json
from typing import Any

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from grafana.dashboards import variables


def model(variable: Any) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(json.dumps(variable.build(), cls=JSONEncoder))
    return made


def test_all_clusters_are_those_without_a_name_too() -> None:
    made = model(variables.cluster(several=True))
    assert made["includeAll"] is True
    assert made["multi"] is True
    assert made["allValue"] == ".*"


def test_a_host_page_is_of_one_cluster_and_one_job() -> None:
    for variable in (variables.cluster(several=False), variables.host(), variables.job()):
        assert model(variable)["includeAll"] is False


def test_silent_hosts_can_be_chosen() -> None:
    assert "fabricscope_host_up" in model(variables.host())["query"]["query"]


def test_values_follow_the_time_range() -> None:
    assert model(variables.host())["refresh"] == 2
