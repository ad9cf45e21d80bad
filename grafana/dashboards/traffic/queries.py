"""PromQL over what the `flows` sampler says."""

from __future__ import annotations

from grafana.dashboards.variables import FLEET

WHERE = ("cluster", "host", "observer")
"""The labels of one observer: a mirror port of a host."""
QUEUE_PAIR = ("source", "source_qp", "destination", "destination_qp")
LARGEST = 20
"""Lines of a graph and rows of a table at most."""


def rate(metric: str, *by: str, where: str = "") -> str:
    """Per second, added up by these labels."""
    selector = f"fabricscope_flows_{metric}_total{{{FLEET}{where}}}"
    return f"sum by ({', '.join(by)}) (rate({selector}[$__rate_interval]))"


def largest(expr: str) -> str:
    """The largest of them."""
    return f"topk({LARGEST}, {expr})"


def lately(metric: str, *by: str) -> str:
    """How many in the time that is shown."""
    return f"sum by ({', '.join(by)}) (increase(fabricscope_flows_{metric}_total{{{FLEET}}}[$__range]))"
