"""How long a link that goes down takes to be an event at the collector.

    python -m benchmarks.links [--downs 200] [--write]

In a network namespace of its own (as root) a real collector and a real probe run on loopback, with a pair of
interfaces whose far end is switched off again and again. The time from the system call that switches it off to the
collector's receipt of `ethernet.down` is taken from the event's `received` in the collector's API: one clock, since
both are on one machine. Beside it, in the same run, Debian's node_exporter is scraped as Prometheus would, every
15 s by its default, to see when a scrape shows the same.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import random
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from benchmarks import machine
from benchmarks.processes import Measured, free_port, get, wait_for

NODE_EXPORTER = "/usr/bin/prometheus-node-exporter"
TARGETS = {"event_p99_ms": 20.0}
SCRAPE_SECONDS = 15
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1
_INSIDE = "FABRICSCOPE_BENCHMARK_NAMESPACE"


def switch(device: str, *, on: bool) -> int:
    """Switch an interface on or off; when that was asked for (ns since 1970)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sH14x", device.encode(), 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(control, _SIOCGIFFLAGS, request))[1]
        wanted = flags | _IFF_UP if on else flags & ~_IFF_UP
        asked = time.time_ns()
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH14x", device.encode(), wanted))
    return asked


def measure(folder: Path, downs: int, python: str) -> dict[str, Any]:
    """The latencies, in a namespace made for this."""
    for command in ("link set lo up", "link add near type veth peer name far", "link set near up", "link set far up"):
        subprocess.run(["ip", *command.split()], check=True)
    grpc_port, http_port, probe_port, peer_port = free_port(), free_port(), free_port(), free_port()
    collector = Measured.fabricscope(
        "collector",
        {
            "collector.data_dir": folder / "store",
            "collector.grpc.listen": f"127.0.0.1:{grpc_port}",
            "collector.http.listen": f"127.0.0.1:{http_port}",
        },
        folder / "collector.log",
    )
    probe = Measured.fabricscope(
        "probe",
        {
            "probe.host": "bench",
            "probe.spool.path": folder / "spool.db",
            "probe.health.state": folder / "health.json",
            "probe.recorder.directory": folder,
            "probe.http.listen": f"127.0.0.1:{probe_port}",
            "probe.collectors": f"[127.0.0.1:{grpc_port}]",
            "probe.samplers.ethernet.include": "[near]",
        },
        folder / "probe.log",
        python=python,
    )
    peer = Measured([NODE_EXPORTER, f"--web.listen-address=127.0.0.1:{peer_port}"], folder / "node_exporter.log")
    api = f"http://127.0.0.1:{http_port}/api/v1/events?kind=ethernet.down&limit=1000"
    peer_metrics = f"http://127.0.0.1:{peer_port}/metrics"
    try:
        for url, process in ((f"http://127.0.0.1:{http_port}/metrics", collector), (peer_metrics, peer)):
            wait_for(url, process)
        wait_for(f"http://127.0.0.1:{probe_port}/metrics", probe)
        time.sleep(5)  # connected, with a first sample to compare with
        asked = []
        for _ in range(downs):
            asked.append(switch("far", on=False))
            time.sleep(random.uniform(0.3, 0.6))  # noqa: S311  so that it falls anywhere between two ticks
            switch("far", on=True)
            time.sleep(random.uniform(0.3, 0.6))  # noqa: S311
        seen = _seen_by_scrapes(peer_metrics)
        time.sleep(3)
        events = json.loads(get(api))["events"]
    finally:
        for process in (probe, peer, collector):
            process.stop()
    received = sorted(_nanoseconds(event["received"]) for event in events)
    latencies = sorted((_match(moment, received) - moment) / 1e6 for moment in asked)
    return {
        "downs": downs,
        "events": len(events),
        "event_median_ms": statistics.median(latencies),
        "event_p99_ms": statistics.quantiles(latencies, n=100, method="inclusive")[98],
        "event_slowest_ms": latencies[-1],
        "node_exporter_scrape_seconds": SCRAPE_SECONDS,
        "node_exporter_seen_median_ms": statistics.median(seen),
    }


def _seen_by_scrapes(url: str, rounds: int = 3) -> list[float]:
    """Milliseconds from a link going down to the first scrape that shows it, for scrapes at a steady interval."""
    taken = []
    due = time.monotonic()
    for _ in range(rounds):
        switch("far", on=True)
        time.sleep(max(0.0, due - time.monotonic()) + random.uniform(0.5, SCRAPE_SECONDS - 0.5))  # noqa: S311
        went = switch("far", on=False)
        due += SCRAPE_SECONDS
        time.sleep(max(0.0, due - time.monotonic()))
        while _carrier(url):
            due += SCRAPE_SECONDS
            time.sleep(max(0.0, due - time.monotonic()))
        taken.append((time.time_ns() - went) / 1e6)
    return taken


def _carrier(url: str) -> bool:
    for family in text_string_to_metric_families(get(url).decode()):
        for sample in family.samples:
            if sample.name == "node_network_carrier" and sample.labels["device"] == "near":
                return sample.value == 1
    raise RuntimeError("node_exporter shows no carrier of the interface `near`")


def _match(asked: int, received: list[int]) -> int:
    """The receipt of the event that followed; they are further apart than any latency."""
    for moment in received:
        if moment >= asked:
            return moment
    raise RuntimeError("a link that went down has no event at the collector")


def _nanoseconds(text: str) -> int:
    """Nanoseconds since 1970 of a time as the API writes it."""
    seconds, _, fraction = text.rstrip("Z").partition(".")
    whole = int(datetime.fromisoformat(f"{seconds}+00:00").timestamp())
    return whole * 10**9 + int(fraction.ljust(9, "0")[:9] or 0)


def main() -> None:
    """Measure, print, and keep the result when asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--downs", type=int, default=200, help="times that the link goes down (default: %(default)s)")
    parser.add_argument("--python", default=sys.executable, help="interpreter that runs the probe")
    parser.add_argument("--write", action="store_true", help="keep the result in benchmarks/results/links.json")
    options = parser.parse_args()
    if os.environ.get(_INSIDE) is None:
        # node_exporter reads /sys, which shows the namespace that it was mounted in.
        remount = 'mount -t sysfs sysfs /sys && exec "$@"'
        inner = [sys.executable, "-m", "benchmarks.links", *sys.argv[1:]]
        command = ["unshare", "--net", "--mount", "sh", "-c", remount, "sh", *inner]
        sys.exit(subprocess.run(command, env={**os.environ, _INSIDE: "1"}, check=False).returncode)
    with tempfile.TemporaryDirectory() as name:
        figures = measure(Path(name), options.downs, options.python)
    for key, value in {**machine.facts(), **figures}.items():
        print(f"{key:<38}{value:>16.3f}" if isinstance(value, float) else f"{key:<38}{value:>16}")
    for key, target in TARGETS.items():
        print(f"target {key} {target:g}: {'met' if figures[key] <= target else 'MISSED'}")
    if options.write:
        print(f"written to {machine.write('links', figures).relative_to(machine.RESULTS.parent.parent)}")


if __name__ == "__main__":
    main()
