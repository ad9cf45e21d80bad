"""Who uses RDMA on the host: queue pairs by process and state."""

from __future__ import annotations

from grafana.dashboards.panels import RED, Column, Query, Section, graph, listing
from grafana.dashboards.variables import HOST

_PREFIX = "fabricscope_queue_pairs"


def section() -> Section:
    """Processes with their queue pairs, states, and objects that pile up."""
    by_process = "max by (device, pid, process)"
    return Section(
        "Queue pairs",
        [
            [
                listing(
                    "Which process holds which queue pairs?",
                    "`Broken` ones are in an error state: the job waits for what never comes. Without a `pid` it is "
                    "part of the kernel.",
                    ("device", "process", "pid"),
                    Column("Open", f"topk(100, {by_process} ({_PREFIX}_process_open{{{HOST}}}))"),
                    Column(
                        "Broken",
                        f"topk(100, {by_process} ({_PREFIX}_process_broken{{{HOST}}}))",
                        colours={1: RED},
                    ),
                ),
                graph(
                    "In which states are queue pairs?",
                    "By device, all types together: `rts` works, `err` and `sqe` are broken.",
                    Query(
                        f"sum by (device, state) (max by (device, port, type, state) ({_PREFIX}_open{{{HOST}}}))",
                        "{{device}} {{state}}",
                    ),
                ),
                graph(
                    "How many RDMA objects are there?",
                    "By device and kind. Memory regions that only grow are a leak.",
                    Query(f"max by (device, resource) ({_PREFIX}_resources{{{HOST}}})", "{{device}} {{resource}}"),
                ),
            ]
        ],
    )
