"""Whether what probes show can be believed, and what they cost."""

from __future__ import annotations

from grafana.dashboards.panels import Column, Query, Section, graph, listing
from grafana.dashboards.variables import FLEET


def section() -> Section:
    """What fails, lags, drops, and what it costs."""
    dropped = f"fabricscope_probe_spool_dropped_total{{{FLEET}}}"
    return Section(
        "Probes",
        [
            [
                listing(
                    "Which samplers fail or hang?",
                    "What they sample is not shown. `fabricscope samplers` on the host says why.",
                    ("cluster", "host", "sampler"),
                    Column(
                        "Failing",
                        f"topk(50, max by (cluster, host, sampler) (fabricscope_sampler_up{{{FLEET}}} == bool 0) == 1)",
                    ),
                ),
                graph(
                    "How slow is sampling?",
                    "The slowest host's last sample, by sampler; the deadline is 0.8 s by default.",
                    Query(f"max by (sampler) (fabricscope_sampler_last_duration_seconds{{{FLEET}}})", "{{sampler}}"),
                    unit="s",
                    warn_from=0.8,
                ),
                listing(
                    "Which versions run?",
                    "Probes by version and engine; `python` is the slower one, for hosts without the Rust engine.",
                    ("version", "engine"),
                    Column("Probes", f"count by (version, engine) (fabricscope_probe_info{{{FLEET}}})"),
                ),
            ],
            [
                graph(
                    "Is anything dropped from spools?",
                    "Samples, flows and events a second that no collector will get, by reason.",
                    Query(f"sum by (kind, reason) (rate({dropped}[$__rate_interval]))", "{{kind}} {{reason}}"),
                    unit="cps",
                ),
                graph(
                    "Do spools fill?",
                    "The fullest, and all together. They fill while no collector takes what they hold.",
                    Query(f"max(fabricscope_probe_spool_bytes{{{FLEET}}})", "fullest"),
                    Query(f"sum(fabricscope_probe_spool_bytes{{{FLEET}}})", "all"),
                    unit="bytes",
                ),
                graph(
                    "Do streams break?",
                    "Streams that ended, a second, by the status that they ended with.",
                    Query(
                        f"sum by (status) (rate(fabricscope_probe_stream_failures_total{{{FLEET}}}[$__rate_interval]))",
                        "{{status}}",
                    ),
                    unit="cps",
                ),
            ],
            [
                graph(
                    "Which values cannot be trusted?",
                    "Series that are not OK. Stale and unreadable ones are withdrawn; saturated ones are lower bounds.",
                    Query(f"count by (quality) (fabricscope_series_quality{{{FLEET}}})", "{{quality}}"),
                ),
                graph(
                    "Do probes keep up?",
                    "Ticks a second that samplers skipped.",
                    Query(
                        f"sum by (sampler) (rate(fabricscope_sampler_missed_ticks_total{{{FLEET}}}[$__rate_interval]))",
                        "{{sampler}}",
                    ),
                    unit="cps",
                ),
                graph(
                    "What do probes cost in memory?",
                    "Resident memory of a probe.",
                    Query(f"max(fabricscope_probe_resident_memory_bytes{{{FLEET}}})", "largest"),
                    Query(f"avg(fabricscope_probe_resident_memory_bytes{{{FLEET}}})", "average"),
                    unit="bytes",
                ),
                graph(
                    "What do probes cost in processor time?",
                    "Share of one core.",
                    Query(f"max(rate(fabricscope_probe_cpu_seconds_total{{{FLEET}}}[$__rate_interval]))", "busiest"),
                    Query(f"avg(rate(fabricscope_probe_cpu_seconds_total{{{FLEET}}}[$__rate_interval]))", "average"),
                    unit="percentunit",
                ),
            ],
        ],
    )
