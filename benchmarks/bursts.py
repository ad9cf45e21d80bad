"""What reading 200 counters every 10 ms costs, and what it shows of a burst of 30 ms that others do not.

    sudo python -m benchmarks.bursts [--write]

All of it happens in a network namespace of its own with 34 interfaces (204 counters) of 17 veth pairs, whose counters
are the kernel's. Three probes run one after another: without any sampler (what the rest of a probe costs), with the
sampler `bursts` reading /proc/net/dev, and with it reading 204 files below /sys/class/net. Then bursts are sent at a
known rate, and the peaks that the probe shows are compared with that rate; Debian's prometheus-node-exporter, scraped
at 1 Hz, is asked for the same. The targets: 3 % of one core, 2 ms for the 99th percentile of lateness in a second
(median of the seconds: these machines are shared), peaks within 5 %, no tick lost unreported.
"""

from __future__ import annotations

import argparse
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from benchmarks import machine
from benchmarks.processes import Measured, cpu_share, free_port, get, wait_for
from probes.engine import IMPLEMENTATION, StepRing

NAMESPACE = f"fabricscope-bench-{os.getpid()}"
NODE_EXPORTER = "/usr/bin/prometheus-node-exporter"
PAIRS = 17
COUNTERS = 2 * PAIRS * 6
TARGETS = {"cpu_share": 0.03, "lateness_p99_ms": 2.0, "peak_error_median": 0.05}

PAYLOAD = 8972
ON_WIRE = PAYLOAD + 8 + 20 + 14
"""Octets that an interface counts for a datagram of PAYLOAD: UDP, IP and Ethernet headers."""
RATE = 100e6
"""Octets a second within a burst."""
BURST_SECONDS = 0.03
PEER_METRIC = "node_network_transmit_bytes_total"
SCRAPE_SECONDS = 5
"""Between two looks at a probe's metrics while its cost is measured: to render them costs too."""


# --- the place


@contextmanager
def namespace() -> Iterator[None]:
    """A network namespace with veth pairs in it."""
    ip("netns", "add", NAMESPACE)
    try:
        inside("ip", "link", "set", "lo", "up")
        for pair in range(PAIRS):
            names = (f"rail{pair}", f"leaf{pair}")
            inside(
                "ip", "link", "add", names[0], "mtu", "9100", "type", "veth", "peer", "name", names[1], "mtu", "9100"
            )
            for name in names:
                inside("ip", "link", "set", name, "up")
        inside("ip", "address", "add", "192.0.2.1/24", "dev", "rail0")
        # Nobody answers: what is sent goes over the pair and ends there.
        inside("ip", "neighbour", "add", "192.0.2.2", "lladdr", "02:00:00:00:00:02", "dev", "rail0")
        yield
    finally:
        ip("netns", "del", NAMESPACE)


def ip(*arguments: str) -> None:
    """Run `ip`."""
    subprocess.run(["ip", *arguments], check=True)


def inside(*arguments: str) -> None:
    """Run a command in the namespace."""
    ip("netns", "exec", NAMESPACE, *arguments)


# --- what is measured in there


def probe(folder: Path, name: str, settings: dict[str, object]) -> tuple[Measured, str]:
    """A running probe with the sampler `bursts` alone, and where its metrics are."""
    port = free_port()
    known = subprocess.run(
        [sys.executable, "-m", "fabricscope", "samplers"], check=True, capture_output=True, text=True
    ).stdout.split("\n")
    off = {f"probe.samplers.{line.split()[0]}.enabled": "false" for line in known if line}
    process = Measured.fabricscope(
        "probe",
        {
            **off,
            "probe.host": "bench",
            "probe.http.listen": f"127.0.0.1:{port}",
            "probe.recorder.directory": folder / name,
            **settings,
        },
        folder / f"{name}.log",
    )
    url = f"http://127.0.0.1:{port}/metrics"
    wait_for(url, process)
    return process, url


def values(url: str, name: str, **labels: str) -> list[float]:
    """The values of a metric's series with these labels."""
    return [
        sample.value
        for family in text_string_to_metric_families(get(url).decode())
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]


BURSTS: dict[str, object] = {"probe.samplers.bursts.enabled": "true", "probe.samplers.bursts.include": "[rail*, leaf*]"}


def reader_seconds(process: Measured) -> float:
    """Processor time of the engine's thread in a process."""
    ticks = 0
    for task in Path(f"/proc/{process.process.pid}/task").iterdir():
        name, _, rest = (task / "stat").read_text().partition("(")[2].rpartition(")")
        if name == "fast-reader":
            ticks += sum(map(int, rest.split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def cost(folder: Path, name: str, settings: dict[str, object], seconds: int) -> dict[str, float]:
    """Processor share of a probe, and how its ticks went."""
    process, url = probe(folder, name, settings)
    figures: dict[str, float] = {}
    try:
        time.sleep(5)
        late = []
        before, reader_before = process.usage(), reader_seconds(process)
        for _ in range(seconds // SCRAPE_SECONDS):
            time.sleep(SCRAPE_SECONDS)
            late += values(url, "fabricscope_bursts_lateness_p99_seconds")
        after = process.usage()
        figures["cpu_share"] = cpu_share(before, after)
        figures["reader_cpu_share"] = (reader_seconds(process) - reader_before) / (after.at - before.at)
        figures["resident_mib"] = after.resident_mib
        if late:
            figures["counters"] = values(url, "fabricscope_bursts_counters")[0]
            figures["lateness_p99_ms"] = statistics.median(late) * 1000
            figures["lateness_p99_worst_second_ms"] = max(late) * 1000
            ticks = values(url, "fabricscope_bursts_ticks_total")[0]
            figures["ticks"] = ticks
            figures["ticks_missed"] = values(url, "fabricscope_bursts_missed_ticks_total")[0]
            figures["read_microseconds_per_tick"] = (
                sum(values(url, "fabricscope_bursts_read_seconds_total")) / ticks * 1e6
            )
            figures["ring_bytes"] = values(url, "fabricscope_bursts_ring_bytes")[0]
    finally:
        process.stop()
    return figures


def send_burst(to: socket.socket) -> bool:
    """Send at RATE for BURST_SECONDS: a datagram each time that it is due, none to catch up.

    Whether the sender was never held up for more than a millisecond, so that the rate was what it was to be.
    """
    datagram = bytes(PAYLOAD)
    step = ON_WIRE / RATE
    steady = True
    began = due = time.perf_counter()
    while due < began + BURST_SECONDS:
        now = time.perf_counter()
        if now >= due:
            to.send(datagram)
            steady = steady and now - due < 0.001
            due = max(due, now - step) + step
    return steady


def seen(url: str, peer_url: str) -> tuple[float, float]:
    """The peak that the probe shows after a burst that ended now, and the rate over a second by the peer's counter."""
    labels = {"device": "rail0", "direction": "transmit"}
    began = time.monotonic()
    peak = 0.0
    peer = 0.0
    # A window's end, the next sample and its delivery: some two seconds. It stays for one.
    while (elapsed := time.monotonic() - began) < 3:
        peak = max([peak, *values(url, "fabricscope_bursts_peak_bytes_per_second", **labels)])
        if elapsed >= 1 and not peer:
            peer = values(peer_url, PEER_METRIC, device="rail0")[0]
        time.sleep(0.2)
    return peak, peer


def bursts(folder: Path, count: int) -> dict[str, float]:
    """How far the shown peaks are from the rate of each burst, and what one sample a second makes of it."""
    process, url = probe(folder, "burst-probe", BURSTS)
    peer_port = free_port()
    peer = Measured(
        [
            *(NODE_EXPORTER, f"--web.listen-address=127.0.0.1:{peer_port}"),
            *("--collector.disable-defaults", "--collector.netdev"),
        ],
        folder / "node_exporter.log",
    )
    peer_url = f"http://127.0.0.1:{peer_port}/metrics"
    errors: list[float] = []
    by_peer: list[float] = []
    held_up = 0
    try:
        wait_for(peer_url, peer)
        time.sleep(5)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.connect(("192.0.2.2", 9))
            send_burst(sender)  # warm
            time.sleep(3)
            while len(errors) < count and held_up < 2 * count:
                time.sleep(random.random())  # noqa: S311  bursts are to fall anywhere in a window
                before = values(peer_url, PEER_METRIC, device="rail0")[0]
                steady = send_burst(sender)
                peak, after = seen(url, peer_url)
                if not steady:
                    held_up += 1
                    continue
                errors.append(peak / RATE - 1)
                by_peer.append(after - before)
    finally:
        process.stop()
        peer.stop()
    return {
        "bursts": len(errors),
        "bursts_whose_sender_was_held_up": held_up,
        "burst_seconds": BURST_SECONDS,
        "burst_bytes_per_second": RATE,
        "peak_error_median": statistics.median(map(abs, errors)),
        "peak_error_worst": max(errors, key=abs),
        "peaks_within_5_percent": sum(abs(error) <= 0.05 for error in errors) / len(errors),
        "node_exporter_1hz_median_bytes_per_second": statistics.median(by_peer),
        "node_exporter_1hz_share_of_peak": statistics.median(by_peer) / RATE,
    }


def ring_octets(seconds: int = 20) -> dict[str, float]:
    """Memory of 200 counters in the ring for 5 minutes, from some seconds of idle and of busy ones."""
    figures = {}
    chance = random.Random(1)  # noqa: S311  traffic
    for name in ("idle", "busy"):
        ring = StepRing(1 << 30)
        ring.begin(0, [10] * 20)
        standing = [chance.randrange(1 << 44) for _ in range(200)]
        for tick in range(seconds * 100):
            if name == "busy":
                # Half are bytes at up to 400 Gbit/s, half packets.
                most = (500_000_000, 60_000)
                standing = [value + chance.randrange(most[place % 2]) for place, value in enumerate(standing)]
            for group in range(20):
                ring.record(0, group, tick * 10_000_000 + group * 30_000, standing[group * 10 : group * 10 + 10])
        figures[f"ring_mib_200_counters_5_minutes_{name}"] = ring.octets() / seconds * 300 / (1 << 20)
    return figures


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Everything, in the namespace."""
    figures: dict[str, Any] = {"engine": IMPLEMENTATION, "interfaces": 2 * PAIRS}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "proc").mkdir()
        without = cost(folder, "without", {}, options.seconds)
        table = cost(folder, "table", BURSTS, options.seconds)
        files = cost(folder, "files", {**BURSTS, "probe.roots.proc": folder / "proc"}, options.seconds)
        figures["cpu_share_of_a_probe_without"] = without["cpu_share"]
        figures |= table
        figures["cpu_share"] = table["cpu_share"] - without["cpu_share"]
        figures |= {f"files_{key}": value for key, value in files.items()}
        figures["files_cpu_share"] = files["cpu_share"] - without["cpu_share"]
        figures |= bursts(folder, options.bursts)
    return figures | ring_octets()


def main() -> None:
    """Measure, print, and keep the result when asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=30, help="length of each of three runs (default: %(default)s)")
    parser.add_argument("--bursts", type=int, default=20, help="bursts that are sent (default: %(default)s)")
    parser.add_argument("--write", action="store_true", help="keep the result in benchmarks/results/bursts.json")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not options.inside:
        if os.geteuid() != 0:
            parser.error("network namespaces are root's: run it with sudo")
        with namespace():
            command = ["ip", "netns", "exec", NAMESPACE, sys.executable, "-m", "benchmarks.bursts", "--inside"]
            sys.exit(subprocess.run([*command, *sys.argv[1:]], check=False).returncode)
    figures = measure(options)
    for key, value in {**machine.facts(), **figures}.items():
        print(f"{key:<45}{value:>16.4g}" if isinstance(value, float) else f"{key:<45}{value:>16}")
    for key, target in TARGETS.items():
        print(f"target {key} {target:g}: {'met' if figures[key] <= target else 'MISSED'}")
    if options.write:
        print(f"written to {machine.write('bursts', figures).relative_to(machine.RESULTS.parent.parent)}")


if __name__ == "__main__":
    main()
