"""Whether the collectors are well. Their own series belong to no cluster, so no variable selects them."""

from __future__ import annotations

from grafana.dashboards.panels import Column, Query, Section, graph, listing


def _per_second(metric: str, *by: str) -> str:
    return f"sum by ({', '.join(('instance', *by))}) (rate({metric}[$__rate_interval]))"


def section() -> Section:
    """What they take, refuse, store and cost."""
    own = "fabricscope_collector"
    return Section(
        "Collectors",
        [
            [
                listing(
                    "Are the collectors and their stores up?",
                    "Events wait on the probes' disks while a store is down.",
                    ("instance",),
                    Column("Streams open", f"max by (instance) ({own}_streams)"),
                    Column(
                        "Store",
                        f"max by (instance) ({own}_store_up)",
                        words={0: "down", 1: "up"},
                        colours={0: "red", 1: "green"},
                    ),
                    links_to_host=False,
                    empty="no collector is scraped",
                ),
                graph(
                    "Do they take what is sent?",
                    "Samples a second.",
                    Query(_per_second(f"{own}_samples_total"), "{{instance}}"),
                    unit="cps",
                ),
                graph(
                    "What do they refuse?",
                    "Streams at their hello, messages, and TLS handshakes, by reason; docs/runbooks/"
                    "FabricscopeProbesRefused.md says what each means.",
                    Query(_per_second(f"{own}_hellos_refused_total", "reason"), "{{instance}} hello {{reason}}"),
                    Query(_per_second(f"{own}_messages_refused_total", "reason"), "{{instance}} message {{reason}}"),
                    Query(_per_second(f"{own}_tls_handshakes_refused_total", "reason"), "{{instance}} TLS {{reason}}"),
                    unit="cps",
                ),
            ],
            [
                graph(
                    "Are events stored?",
                    "Events a second that were written, and those that the store will never take.",
                    Query(_per_second(f"{own}_store_rows_total"), "{{instance}} stored"),
                    Query(_per_second(f"{own}_store_rows_refused_total"), "{{instance}} refused"),
                    Query(_per_second(f"{own}_store_failures_total"), "{{instance}} failures"),
                    unit="cps",
                ),
                graph(
                    "Does the store fall behind?",
                    "Memory of the events that wait for it; at 64 MiB probes have to wait, too.",
                    Query(f"max by (instance) ({own}_store_queue_bytes)", "{{instance}}"),
                    unit="bytes",
                    warn_from=64 * 1024 * 1024,
                ),
                graph(
                    "Does anything arrive late or twice?",
                    "Batches a second that came out of a spool too late to be shown, or were sent again.",
                    Query(_per_second(f"{own}_late_batches_total"), "{{instance}} late"),
                    Query(_per_second(f"{own}_repeated_batches_total"), "{{instance}} repeated"),
                    unit="cps",
                ),
            ],
            [
                graph(
                    "What do they cost in memory?",
                    "Resident memory.",
                    Query(f"max by (instance) ({own}_resident_memory_bytes)", "{{instance}}"),
                    unit="bytes",
                ),
                graph(
                    "What do they cost in processor time?",
                    "Share of one core.",
                    Query(_per_second(f"{own}_cpu_seconds_total"), "{{instance}}"),
                    unit="percentunit",
                ),
                graph(
                    "Is /metrics fast enough?",
                    "Time to render one scrape, of probes and collectors that are among the slowest ten.",
                    Query(
                        "topk(10, rate(fabricscope_exporter_prometheus_render_seconds_total[$__rate_interval]) "
                        "/ (rate(fabricscope_exporter_prometheus_renders_total[$__rate_interval]) > 0))",
                        "{{job}} {{instance}}",
                    ),
                    unit="s",
                ),
                graph(
                    "How does HTTP answer?",
                    "Answers a second of probes and collectors, by status code.",
                    Query(
                        "sum by (job, code) (rate(fabricscope_http_responses_total[$__rate_interval]))",
                        "{{job}} {{code}}",
                    ),
                    unit="reqps",
                ),
            ],
        ],
    )
