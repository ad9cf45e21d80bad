"""What a probe costs on a whole GPU node, beside node_exporter on the same tree.

    python -m benchmarks.probe [--write] [--seconds 60]

The node of tests/fixtures/full_node.py: 8 GPUs with 18 NVLinks each (the fake NVML, whose byte counters move), 8 HCAs,
16 optics, 8 drives and their PCIe trees. The probe runs as its unit runs it (without docstrings, PYTHONOPTIMIZE=2),
each sampler at its own default interval, and streams to a collector; with `--all-at-1hz` all that moves (InfiniBand,
Ethernet, RoCE, NVLink, GPUs, PCIe) is sampled each second. Debian's node_exporter is scraped at 1 Hz with its
infiniband, netclass and hwmon collectors, the ones that read this tree. Memory is that of the probe and of its NVML
child: resident sizes added up, and proportional ones, in which a page that both share counts once.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from benchmarks import machine
from benchmarks.processes import Family, Measured, cpu_share, free_port, get, wait_for
from probes.engine import IMPLEMENTATION
from tests.fixtures import full_node
from tests.fixtures.nvml import fake

NODE_EXPORTER = "/usr/bin/prometheus-node-exporter"
TARGETS = {"probe_proportional_mib": 60.0, "probe_cpu_share": 0.01}
SETTLED_SECONDS = 130
"""Until the probe is connected, every series set declared, modules read, idle samplers slowed, and health has become
calm: for its first two minutes it looks at everything every 5 seconds."""
EACH_SECOND = ("infiniband", "ethernet", "roce", "nvlink", "gpu", "pcie")


def measure(folder: Path, seconds: int, python: str, *, fast: bool) -> dict[str, Any]:
    """Memory and processor share of probe and peer, side by side."""
    full_node.write(folder / "sys")
    library = fake.build(folder)
    answers = folder / "nvml.txt"
    fake.nvlink4_node(rate=1 << 20).write(answers)
    os.environ[fake.VARIABLE] = str(answers)
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
    settings: dict[str, object] = {
        "probe.host": "bench",
        "probe.roots.sys": folder / "sys",
        "probe.spool.path": folder / "state" / "spool.db",
        "probe.health.state": folder / "state" / "health.json",
        "probe.recorder.directory": folder / "state",
        "probe.http.listen": f"127.0.0.1:{probe_port}",
        "probe.collectors": f"[127.0.0.1:{grpc_port}]",
        "probe.samplers.gpu.nvml_library": library,
        "probe.samplers.nvlink.nvml_library": library,
        "probe.samplers.bursts.enabled": "false",
    }
    if fast:
        settings |= {f"probe.samplers.{name}.interval_seconds": 1 for name in EACH_SECOND}
    (folder / "state").mkdir()
    probe = Measured.fabricscope(
        "probe", settings, folder / "probe.log", python=python, module="benchmarks.full_node_probe", optimize="-OO"
    )
    flags = ["--collector.disable-defaults", *(f"--collector.{name}" for name in ("infiniband", "netclass", "hwmon"))]
    peer = Measured(
        [NODE_EXPORTER, f"--path.sysfs={folder / 'sys'}", f"--web.listen-address=127.0.0.1:{peer_port}", *flags],
        folder / "node_exporter.log",
    )
    peer_metrics = f"http://127.0.0.1:{peer_port}/metrics"
    try:
        wait_for(f"http://127.0.0.1:{http_port}/metrics", collector)
        wait_for(f"http://127.0.0.1:{probe_port}/metrics", probe)
        wait_for(peer_metrics, peer)
        time.sleep(SETTLED_SECONDS)
        family = Family(probe)
        before, peer_before = family.usage(), peer.usage()
        scrapes = []
        for _ in range(seconds):
            began = time.perf_counter()
            text = get(peer_metrics).decode()
            scrapes.append((time.perf_counter() - began) * 1000)
            time.sleep(1)
        after, peer_after, child_resident = family.usage(), peer.usage(), family.child_resident_mib()
        arrived = get(f"http://127.0.0.1:{http_port}/metrics").decode()
        own = get(f"http://127.0.0.1:{probe_port}/metrics").decode()
    finally:
        for process in (probe, peer, collector):
            process.stop()
    return {
        "engine": IMPLEMENTATION,
        "seconds": seconds,
        "all_at_1hz": fast,
        "series_at_the_collector": _series(arrived, "fabricscope_"),
        "probe_resident_mib": after.resident_mib,
        "probe_proportional_mib": after.proportional_mib,
        "probe_cpu_share": cpu_share(before, after),
        "child_resident_mib": child_resident,
        **_samplers(own),
        "node_exporter_series": _series(text, "node_"),
        "node_exporter_resident_mib": peer_after.resident_mib,
        "node_exporter_cpu_share": cpu_share(peer_before, peer_after),
        "node_exporter_scrape_median_ms": statistics.median(scrapes),
    }


def _series(text: str, prefix: str) -> int:
    families = text_string_to_metric_families(text)
    return sum(sample.name.startswith(prefix) for family in families for sample in family.samples)


def _samplers(text: str) -> dict[str, float]:
    """Of each sampler that gave something: readings, and milliseconds of processor time a sample on average."""
    wanted = ("fabricscope_sampler_readings", "fabricscope_sampler_cpu_seconds_total", "fabricscope_sampler_runs_total")
    found: dict[tuple[str, str], float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name in wanted and sample.labels.get("result", "ok") == "ok":
                found[sample.name, sample.labels["sampler"]] = sample.value
    figures: dict[str, float] = {}
    for (name, sampler), readings in sorted(found.items()):
        if name == wanted[0] and readings:
            figures[f"{sampler}_readings"] = int(readings)
            figures[f"{sampler}_sample_cpu_ms"] = 1000 * found[wanted[1], sampler] / found[wanted[2], sampler]
    return figures


def main() -> None:
    """Measure, print, and keep the result when asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60, help="length of the run (default: %(default)s)")
    parser.add_argument("--all-at-1hz", action="store_true", help="sample all that moves each second")
    parser.add_argument(
        "--python",
        default=sys.executable,
        help="interpreter that runs the probe, such as that of an environment with requirements/run.txt alone: "
        "development packages that grpc and structlog import when they are there cost some 4 MiB",
    )
    parser.add_argument("--write", action="store_true", help="keep the result in benchmarks/results")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        figures = measure(Path(name), options.seconds, options.python, fast=options.all_at_1hz)
    for key, value in {**machine.facts(), **figures}.items():
        print(f"{key:<38}{value:>16.3f}" if isinstance(value, float) else f"{key:<38}{value:>16}")
    for key, target in TARGETS.items():
        print(f"target {key} {target:g}: {'met' if figures[key] <= target else 'MISSED'}")
    if options.write:
        name = "probe_all_at_1hz" if options.all_at_1hz else "probe"
        print(f"written to {machine.write(name, figures).relative_to(machine.RESULTS.parent.parent)}")


if __name__ == "__main__":
    main()
