"""What a probe costs on a host with 8 HCAs (392 counters), beside Debian's prometheus-node-exporter.

    python -m benchmarks.probe [--write]

Both read the same fake /sys. The probe samples at 1 Hz and streams to a collector; node_exporter, with
its infiniband and netclass collectors alone, is scraped at 1 Hz. The targets for the probe: resident
memory 60 MiB, 1 % of one core, 50 ms for the 99th percentile of one collection.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from benchmarks import machine
from benchmarks.processes import Measured, cpu_share, free_port, get, wait_for
from fabricscope.clock import system_clock
from fabricscope.codec import encode_samples
from probes.engine import IMPLEMENTATION
from probes.samplers.ethernet import EthernetSampler, EthernetSettings
from probes.samplers.infiniband import InfinibandSampler, InfinibandSettings
from probes.samplers.pcie import PcieSampler, PcieSettings
from probes.sampling.pipeline import Pipeline
from probes.sampling.sampler import Roots, Sampler
from tests.fixtures.infiniband import write_host

NODE_EXPORTER = "/usr/bin/prometheus-node-exporter"
TARGETS = {"probe_resident_mib": 60.0, "probe_cpu_share": 0.01, "collection_p99_ms": 50.0}


def collections(sysfs: Path, count: int) -> dict[str, float]:
    """Milliseconds of one collection: every sampler read, followed, packed and encoded. Ten a second."""
    roots = Roots(sys=str(sysfs))
    samplers: list[Sampler] = [
        EthernetSampler(EthernetSettings(), roots),
        InfinibandSampler(InfinibandSettings(), roots),
        PcieSampler(PcieSettings(), roots),
    ]
    pipelines = {sampler.name: Pipeline(sampler.name, 10**9) for sampler in samplers}
    taken = []
    readings = 0
    for _ in range(count):
        began = time.perf_counter()
        now = system_clock()
        batches = [pipelines[sampler.name].process(sampler.sample(now), now).sampled for sampler in samplers]
        encode_samples(sampled.batch for sampled in batches).SerializeToString()
        taken.append((time.perf_counter() - began) * 1000)
        readings = sum(len(sampled.series_set) for sampled in batches)
        time.sleep(0.1)
    cuts = statistics.quantiles(taken, n=100)
    return {
        "readings": readings,
        "collections": count,
        "collection_median_ms": statistics.median(taken),
        "collection_p99_ms": cuts[98],
        "collection_slowest_ms": max(taken),
    }


def daemons(sysfs: Path, folder: Path, seconds: int, python: str) -> dict[str, float]:
    """Memory and processor share of the running daemons, side by side; the probe is run by `python`."""
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
            "probe.roots.sys": sysfs,
            "probe.spool.path": folder / "spool.db",
            "probe.http.listen": f"127.0.0.1:{probe_port}",
            "probe.collectors": f"[127.0.0.1:{grpc_port}]",
            "probe.samplers.infiniband.interval_seconds": 1,
        },
        folder / "probe.log",
        python=python,
    )
    flags = ["--collector.disable-defaults", "--collector.infiniband", "--collector.netclass"]
    peer = Measured(
        [NODE_EXPORTER, f"--path.sysfs={sysfs}", f"--web.listen-address=127.0.0.1:{peer_port}", *flags],
        folder / "node_exporter.log",
    )
    peer_metrics = f"http://127.0.0.1:{peer_port}/metrics"
    try:
        wait_for(f"http://127.0.0.1:{http_port}/metrics", collector)
        wait_for(f"http://127.0.0.1:{probe_port}/metrics", probe)
        wait_for(peer_metrics, peer)
        time.sleep(10)  # settled: connected, every series set declared
        before, peer_before = probe.usage(), peer.usage()
        scrapes = []
        for _ in range(seconds):
            began = time.perf_counter()
            text = get(peer_metrics).decode()
            scrapes.append((time.perf_counter() - began) * 1000)
            time.sleep(1)
        after, peer_after = probe.usage(), peer.usage()
        arrived = get(f"http://127.0.0.1:{http_port}/metrics").decode()
    finally:
        for process in (probe, peer, collector):
            process.stop()
    return {
        "seconds": seconds,
        "probe_resident_mib": after.resident_mib,
        "probe_cpu_share": cpu_share(before, after),
        "series_at_the_collector": _infiniband_series(arrived, "fabricscope_infiniband_"),
        "node_exporter_resident_mib": peer_after.resident_mib,
        "node_exporter_cpu_share": cpu_share(peer_before, peer_after),
        "node_exporter_scrape_median_ms": statistics.median(scrapes),
        "node_exporter_scrape_p99_ms": statistics.quantiles(scrapes, n=100)[98],
        "node_exporter_series": _infiniband_series(text, "node_infiniband_"),
    }


def _infiniband_series(text: str, prefix: str) -> int:
    return sum(
        1
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith(prefix)
    )


def main() -> None:
    """Measure, print, and keep the result when asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60, help="length of the run (default: %(default)s)")
    parser.add_argument("--collections", type=int, default=300, help="collections timed (default: %(default)s)")
    parser.add_argument(
        "--python",
        default=sys.executable,
        help="interpreter that runs the probe, such as that of an environment with requirements/run.txt alone: "
        "development packages that grpc and structlog import when they are there cost some 4 MiB",
    )
    parser.add_argument("--write", action="store_true", help="keep the result in benchmarks/results/probe.json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_host(folder / "sys")
        figures: dict[str, Any] = {"engine": IMPLEMENTATION, **collections(folder / "sys", options.collections)}
        figures |= daemons(folder / "sys", folder, options.seconds, options.python)
    for key, value in {**machine.facts(), **figures}.items():
        print(f"{key:<38}{value:>16.3f}" if isinstance(value, float) else f"{key:<38}{value:>16}")
    for key, target in TARGETS.items():
        print(f"target {key} {target:g}: {'met' if figures[key] <= target else 'MISSED'}")
    if options.write:
        print(f"written to {machine.write('probe', figures).relative_to(machine.RESULTS.parent.parent)}")


if __name__ == "__main__":
    main()
