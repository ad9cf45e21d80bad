"""`fabricscope collector`."""

from __future__ import annotations

import click

from fabricscope.cli import Document, config_options


@click.command()
@config_options("collector")
def collector(document: Document) -> None:
    """Run the collector: receive from probes, keep events, serve /metrics, the API and the page.

    SIGHUP reads the configuration again; SIGTERM and Ctrl-C end it.
    """
    from collector.handshakes import ask_core_to_log

    # Before grpc is imported; a collector that gets TLS by a reload counts refused handshakes from its next start.
    if isinstance(grpc := (document.read().get("collector") or {}).get("grpc"), dict) and grpc.get("tls"):
        ask_core_to_log()
    from collector.daemon import Collector
    from collector.settings import CollectorSettings
    from fabricscope import daemon, log
    from fabricscope.clock import system_clock
    from fabricscope.settings import section

    def build(previous: Collector | None) -> Collector:
        return Collector(section(document.read(), "collector", CollectorSettings), system_clock, previous)

    log.configure(section(document.read(), "collector", CollectorSettings).log)
    daemon.run(build, system_clock)
