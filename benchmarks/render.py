"""Time to render /metrics for many hosts, beside prometheus-client's renderer over the same values.

    python -m benchmarks.render [--write]

The target is 0.15 s for 100,000 series. What is timed is the text; compression is shown apart, since
both would do the same.
"""

from __future__ import annotations

import argparse
import gzip
import random
import statistics
import time
from collections.abc import Callable, Iterable
from itertools import groupby
from typing import TypeVar

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from benchmarks import machine
from exporters.exposition import Renderer
from fabricscope.model import Kind, MetricSpec, SampleBatch, Sampled, Series, SeriesSet, Snapshot, Target

TARGET_SECONDS = 0.15
HOSTS = 200
DEVICES = 10
METRICS = 50

T = TypeVar("T")


def snapshot(hosts: int) -> Snapshot:
    """Hosts of one shape with 500 series each, half of them counters, with values of usual sizes."""
    labels = [(f"mlx5_{device}", "1") for device in range(DEVICES)]
    columns: dict[Kind, list[Series]] = {Kind.COUNTER: [], Kind.GAUGE: []}
    for number in range(METRICS):
        kind = Kind.GAUGE if number % 2 else Kind.COUNTER
        ending = "_total" if kind is Kind.COUNTER else ""
        spec = MetricSpec(f"fabricscope_infiniband_port_{number:02}{ending}", kind, "A figure.", ("device", "port"))
        columns[kind] += [Series(spec, values) for values in labels]
    shared = SeriesSet(b"shape", "infiniband", tuple(columns[Kind.COUNTER]), tuple(columns[Kind.GAUGE]))
    values = random.Random(1)  # noqa: S311  the same values in every run
    return [
        Target(
            (("cluster", "train-a"), ("host", f"gpu-node-{host:05}")),
            [
                Sampled(
                    shared,
                    SampleBatch(
                        shared.id,
                        0,
                        0,
                        [values.getrandbits(50) for _ in shared.counters],
                        [values.random() * 100 for _ in shared.gauges],
                    ),
                )
            ],
        )
        for host in range(hosts)
    ]


class SnapshotCollector(Collector):
    """The snapshot as a prometheus-client collector would give it."""

    def __init__(self, shown: Snapshot) -> None:
        self._shown = shown

    def collect(self) -> Iterable[Metric]:
        """Every family with the samples of all hosts."""
        families: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
        for target in self._shown:
            names = [name for name, _ in target.labels]
            values = [value for _, value in target.labels]
            for series_set, batch in target.samples:
                columns = ((series_set.counters, batch.counters), (series_set.gauges, batch.gauges))
                for series, numbers in columns:
                    rows = zip(series, numbers, strict=True)
                    for spec, group in groupby(rows, key=lambda row: row[0].spec):
                        family = families.get(spec.name)
                        if family is None:
                            make = CounterMetricFamily if spec.kind is Kind.COUNTER else GaugeMetricFamily
                            family = families[spec.name] = make(spec.name, spec.help, labels=[*names, *spec.labels])
                        for (_, labels), number in group:
                            family.add_metric([*values, *labels], number)
        return families.values()


class Prepared(Collector):
    """Families that were collected before: what is left for prometheus-client is the text alone."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[Metric]:
        """The families as they are."""
        return self._families


def registry_of(collector: Collector) -> CollectorRegistry:
    """A registry with one collector, whose names are not asked for at registration."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    return registry


def timed(action: Callable[[], T]) -> tuple[float, T]:
    """Seconds that the action took, and what it gave."""
    start = time.perf_counter()
    result = action()
    return time.perf_counter() - start, result


def series_in(text: bytes) -> set[tuple[bytes, ...]]:
    """Name and labels of every line, in an order of their own: prometheus-client sorts labels by name."""
    lines = (line.rpartition(b"} ")[0] for line in text.splitlines() if not line.startswith(b"#"))
    return {tuple(sorted(line.replace(b"{", b",").split(b","))) for line in lines}


def measure(hosts: int, runs: int) -> dict[str, float | int]:
    """Medians over the runs, in seconds; the two renderers take turns."""
    shown = snapshot(hosts)
    collecting = registry_of(SnapshotCollector(shown))
    prepared = registry_of(Prepared(SnapshotCollector(shown).collect()))
    first, _ = timed(lambda: Renderer(10_000).render(shown))
    renderer = Renderer(10_000)
    ours, theirs, theirs_text_alone = [], [], []
    text = reference = b""
    for _ in range(runs):
        seconds, text = timed(lambda: b"".join(renderer.render(shown).families))
        ours.append(seconds)
        seconds, reference = timed(lambda: generate_latest(collecting))
        theirs.append(seconds)
        seconds, _ = timed(lambda: generate_latest(prepared))
        theirs_text_alone.append(seconds)
    if series_in(text) != series_in(reference):
        raise RuntimeError("the two renderers show different series: this measures nothing")
    zipping, zipped = timed(lambda: gzip.compress(text, compresslevel=1))
    return {
        "series": len(series_in(text)),
        "runs": runs,
        "fabricscope_first_render_seconds": first,
        "fabricscope_seconds": statistics.median(ours),
        "fabricscope_slowest_seconds": max(ours),
        "prometheus_client_seconds": statistics.median(theirs),
        "prometheus_client_text_alone_seconds": statistics.median(theirs_text_alone),
        "ratio": statistics.median(theirs) / statistics.median(ours),
        "text_bytes": len(text),
        "gzip_seconds": zipping,
        "gzip_bytes": len(zipped),
    }


def main() -> None:
    """Measure, print, and keep the result when asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, default=HOSTS, help="hosts of 500 series each (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=9, help="renders of which the median counts (default: %(default)s)")
    parser.add_argument("--write", action="store_true", help="keep the result in benchmarks/results/render.json")
    options = parser.parse_args()
    figures = measure(options.hosts, options.runs)
    for name, value in {**machine.facts(), **figures}.items():
        print(f"{name:<38}{value:>16.4f}" if isinstance(value, float) else f"{name:<38}{value:>16}")
    allowed = TARGET_SECONDS * figures["series"] / 100_000
    met = "met" if figures["fabricscope_seconds"] <= allowed else "MISSED"
    print(f"target {allowed:.3f} s: {met}")
    if options.write:
        print(f"written to {machine.write('render', figures).relative_to(machine.RESULTS.parent.parent)}")


if __name__ == "__main__":
    main()
