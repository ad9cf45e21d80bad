from __future__ import annotations

from fabricscope.model import Kind
from probes.flows import metrics
from probes.flows.totals import rdma_counts
from tests.fixtures.flows import flow, rdma


def test_each_name_stands_once_and_says_what_it_is() -> None:
    names = [spec.name for spec in metrics.METRICS]
    assert len(set(names)) == len(names)
    for spec in metrics.METRICS:
        assert spec.name.startswith("fabricscope_flows_")
        assert spec.name.endswith("_total") == (spec.kind is Kind.COUNTER), spec.name
        assert spec.labels[0] == "observer"
        assert spec.help.endswith("."), spec.name


def test_connections_have_a_column_for_each_metric() -> None:
    assert len(rdma_counts(flow(rdma=rdma(), tcp=None).record)) == len(metrics.RDMA)
