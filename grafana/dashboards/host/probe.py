"""The host's probe: whether it works, and what it costs."""

from __future__ import annotations

from grafana.dashboards.panels import Query, Section, graph
from grafana.dashboards.variables import HOST


def section() -> Section:
    """How sampling, stream and spool do."""
    sent = f"rate(fabricscope_probe_stream_messages_total{{{HOST}}}[$__rate_interval])"
    ended = f"rate(fabricscope_probe_stream_failures_total{{{HOST}}}[$__rate_interval])"
    return Section(
        "The probe",
        [
            [
                graph(
                    "How long does sampling take?",
                    "The last sample of each sampler; the deadline is 0.8 s by default.",
                    Query(f"max by (sampler) (fabricscope_sampler_last_duration_seconds{{{HOST}}})", "{{sampler}}"),
                    unit="s",
                    warn_from=0.8,
                ),
                graph(
                    "Do samples work?",
                    "Samples a second, by how they went, and ticks that were skipped.",
                    Query(
                        f"max by (sampler, result) (rate(fabricscope_sampler_runs_total{{{HOST}}}[$__rate_interval]))",
                        "{{sampler}} {{result}}",
                    ),
                    Query(
                        f"max by (sampler) (rate(fabricscope_sampler_missed_ticks_total{{{HOST}}}[$__rate_interval]))",
                        "{{sampler}} skipped",
                    ),
                    unit="cps",
                ),
                graph(
                    "How many values does each sampler give?",
                    "A step down means that something is no longer there.",
                    Query(f"max by (sampler) (fabricscope_sampler_readings{{{HOST}}})", "{{sampler}}"),
                ),
            ],
            [
                graph(
                    "Is the stream well?",
                    "Messages a second that were sent, and streams that ended, by collector.",
                    Query(
                        f"max by (collector) ({sent})",
                        "to {{collector}}",
                    ),
                    Query(
                        f"max by (collector, status) ({ended})",
                        "{{collector}} {{status}}",
                    ),
                    unit="cps",
                ),
                graph(
                    "What is in the spool, and what fell out?",
                    "Messages that no collector has yet, and what was given up since the spool was made.",
                    Query(f"max(fabricscope_probe_spool_messages{{{HOST}}})", "messages in it"),
                    Query(
                        f"max by (kind, reason) (fabricscope_probe_spool_dropped_total{{{HOST}}})",
                        "{{kind}} {{reason}}",
                    ),
                ),
                graph(
                    "What does the probe cost in memory?",
                    "Resident memory.",
                    Query(f"max(fabricscope_probe_resident_memory_bytes{{{HOST}}})", "resident"),
                    unit="bytes",
                ),
                graph(
                    "What does the probe cost in processor time?",
                    "Share of one core.",
                    Query(f"max(rate(fabricscope_probe_cpu_seconds_total{{{HOST}}}[$__rate_interval]))", "used"),
                    unit="percentunit",
                ),
            ],
        ],
    )
