"""Template variables, and the selectors that queries put them into."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models.dashboard import VariableOption, VariableRefresh, VariableSort

DATASOURCE = common.DataSourceRef(type_val="prometheus", uid="${datasource}")

FLEET = 'job="$job", cluster=~"$cluster"'
"""Selects what hosts report, once: a host may be scraped at its probe and at the collector."""
HOST = 'job="$job", cluster="$cluster", host="$host"'


def datasource() -> builders.DatasourceVariable:
    """Which Prometheus, or what speaks its language."""
    return builders.DatasourceVariable("datasource").label("Data source").type("prometheus")


def job() -> builders.QueryVariable:
    """Which scrape job's view of the hosts: the collector's or the probes'."""
    return _query("job", "Scraped as", "label_values(fabricscope_sampler_up, job)")


def cluster(*, several: bool) -> builders.QueryVariable:
    """One cluster, or several of them."""
    variable = _query(
        "cluster", "Cluster", 'label_values({__name__=~"fabricscope_host_up|fabricscope_sampler_up"}, cluster)'
    )
    if not several:
        return variable
    everything = VariableOption(text="All", value="$__all")
    return variable.multi(multi=True).include_all(include_all=True).all_value(".*").current(everything)


def host() -> builders.QueryVariable:
    """One host of the cluster, silent ones included."""
    known = '{__name__=~"fabricscope_host_up|fabricscope_sampler_up", cluster="$cluster"}'
    return _query("host", "Host", f"label_values({known}, host)")


def _query(name: str, label: str, query: str) -> builders.QueryVariable:
    return (
        builders.QueryVariable(name)
        .label(label)
        .datasource(DATASOURCE)
        .query({"query": query, "refId": name, "qryType": 1})
        .definition(query)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
    )
