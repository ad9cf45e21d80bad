"""What a collector takes in: 1,000 simulated probes of 500 series, first at 1 Hz, then as fast as it will.

    python -m benchmarks.ingest [--write]

The collector is pinned to one core and the simulated probes to the other, so its figures are per core.
Each probe is a connection of its own with a real stream: hello, series set, batches, acknowledgements.
The targets are 1,000,000 samples a second on one core, sustained.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import grpc
import grpc.aio

from benchmarks import machine
from benchmarks.processes import Measured, cpu_share, free_port, get, wait_for
from benchmarks.render import snapshot
from fabricscope.codec import encode_hello, encode_samples, encode_series_set, series_set_id
from fabricscope.model import HostIdentity, SampleBatch, SeriesSet
from fabricscope.v1 import stream_pb2

METHOD = "/fabricscope.v1.CollectorService/Stream"
TARGET = 1_000_000
WINDOW = 64
"""Messages that a probe at full speed has under way."""


class Load:
    """Simulated probes: their payloads are made before, so that the load costs little to send."""

    def __init__(self, address: str, probes: int) -> None:
        self._address = address
        self._probes = probes
        shape = snapshot(1)[0].samples[0]
        counters, gauges = shape.series_set.counters, shape.series_set.gauges
        self._set = SeriesSet(series_set_id("infiniband", counters, gauges), "infiniband", counters, gauges)
        self._batch = shape.batch
        self.samples_per_message = len(self._set)
        self.acknowledged = 0
        self._acknowledged = [0] * probes

    def _payload(self) -> bytes:
        batch = SampleBatch(self._set.id, time.time_ns(), 10**9, self._batch.counters, self._batch.gauges)
        return encode_samples([batch]).SerializeToString()

    async def run(self, seconds: float, rate: float | None) -> float:
        """Send for a time, each probe `rate` messages a second or as many as are acknowledged; samples a second.

        Counted are acknowledged samples in the middle of the run, when every stream is up.
        """
        self._acknowledged = [0] * self._probes
        start = asyncio.Event()
        stop = asyncio.Event()
        ready = asyncio.Semaphore(0)
        async with asyncio.TaskGroup() as tasks:
            for number in range(self._probes):
                tasks.create_task(self._probe(number, rate, ready, start, stop))
            for _ in range(self._probes):
                await ready.acquire()
            start.set()
            await asyncio.sleep(seconds * 0.2)
            first, began = sum(self._acknowledged), time.monotonic()
            await asyncio.sleep(seconds * 0.8)
            last, ended = sum(self._acknowledged), time.monotonic()
            stop.set()
        return (last - first) * self.samples_per_message / (ended - began)

    async def _probe(
        self, number: int, rate: float | None, ready: asyncio.Semaphore, start: asyncio.Event, stop: asyncio.Event
    ) -> None:
        identity = HostIdentity(f"gpu-node-{number:05}", "boot", f"epoch-{time.monotonic_ns()}", {}, "load")
        options = [("grpc.use_local_subchannel_pool", 1)]
        async with grpc.aio.insecure_channel(self._address, options=options) as channel:
            call: Any = channel.stream_stream(METHOD, None, stream_pb2.StreamResponse.FromString)()
            await call.write(encode_hello(identity).SerializeToString())
            await call.read()
            await call.write(encode_series_set(self._set).SerializeToString())
            ready.release()
            await start.wait()
            reading = asyncio.ensure_future(self._read(call, number))
            sequence = 0
            payload = self._payload()
            # Probes do not start in the same millisecond, either.
            pause = 1 / rate if rate else 0.0
            await asyncio.sleep(pause * number / self._probes)
            due = time.monotonic()
            while not stop.is_set():
                if rate is None and sequence - self._acknowledged[number] >= WINDOW:
                    await asyncio.sleep(0.002)
                    continue
                sequence += 1
                envelope = stream_pb2.StreamRequest(sequence=sequence, sent_unix_nano=time.time_ns())
                if rate is not None:
                    payload = self._payload()
                await call.write(payload + envelope.SerializeToString())
                if rate is not None:
                    due += pause
                    await asyncio.sleep(max(0.0, due - time.monotonic()))
            reading.cancel()
            call.cancel()

    async def _read(self, call: Any, number: int) -> None:
        # A collector that is killed ends the stream; the writing side raises for both.
        with contextlib.suppress(grpc.aio.AioRpcError):
            while (response := await call.read()) is not grpc.aio.EOF:
                if response.HasField("ack"):
                    self._acknowledged[number] = response.ack.sequence


def measure(probes: int, seconds: float) -> dict[str, Any]:
    """Steady at 1 Hz, then at full speed with fewer streams; memory and the time of a scrape of everything."""
    with tempfile.TemporaryDirectory() as folder:
        everywhere = os.sched_getaffinity(0)
        grpc_port, http_port = free_port(), free_port()
        settings = {
            "collector.data_dir": f"{folder}/store",
            "collector.grpc.listen": f"127.0.0.1:{grpc_port}",
            "collector.http.listen": f"127.0.0.1:{http_port}",
            "collector.log.level": "warning",
        }
        collector = Measured.fabricscope("collector", settings, Path(folder, "log"), core=min(everywhere))
        metrics = f"http://127.0.0.1:{http_port}/metrics"
        try:
            wait_for(metrics, collector)
            os.sched_setaffinity(0, {max(everywhere)})
            empty = collector.usage()
            load = Load(f"127.0.0.1:{grpc_port}", probes)

            async def steady() -> tuple[float, float, float, list[float], int]:
                running = asyncio.ensure_future(load.run(seconds, 1.0))
                await asyncio.sleep(seconds * 0.5)
                before = collector.usage()
                await asyncio.sleep(seconds * 0.25)
                after = collector.usage()
                scrapes = []
                lines = 0
                for _ in range(3):
                    began = time.monotonic()
                    lines = (await asyncio.to_thread(get, metrics)).count(b"\nfabricscope_")
                    scrapes.append(time.monotonic() - began)
                return await running, cpu_share(before, after), after.resident_mib, scrapes, lines

            rate, share, resident, scrapes, lines = asyncio.run(steady())
            full = Load(f"127.0.0.1:{grpc_port}", 64)
            runs = []
            for _ in range(3):
                before = collector.usage()
                samples = asyncio.run(full.run(seconds / 2, None))
                runs.append((samples, cpu_share(before, collector.usage())))
        finally:
            collector.stop()
            os.sched_setaffinity(0, everywhere)
    samples, busy = sorted(runs)[1]
    return {
        "probes": probes,
        "series_per_probe": load.samples_per_message,
        "steady_samples_per_second": rate,
        "steady_cpu_share_of_one_core": share,
        "steady_resident_mib": resident,
        "empty_resident_mib": empty.resident_mib,
        "scraped_series": lines,
        "scrape_seconds_median": statistics.median(scrapes),
        "full_speed_samples_per_second": samples,
        "full_speed_cpu_share_of_one_core": busy,
        "full_speed_samples_per_cpu_second": samples / busy,
    }


def main() -> None:
    """Measure, print, and keep the result when asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--probes", type=int, default=1000, help="simulated probes (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=40, help="length of the steady run (default: %(default)s)")
    parser.add_argument("--write", action="store_true", help="keep the result in benchmarks/results/ingest.json")
    options = parser.parse_args()
    figures = measure(options.probes, options.seconds)
    for name, value in {**machine.facts(), **figures}.items():
        print(f"{name:<38}{value:>16.2f}" if isinstance(value, float) else f"{name:<38}{value:>16}")
    met = "met" if figures["full_speed_samples_per_second"] >= TARGET else "MISSED"
    print(f"target {TARGET:,} samples a second on one core: {met}")
    if options.write:
        print(f"written to {machine.write('ingest', figures).relative_to(machine.RESULTS.parent.parent)}")


if __name__ == "__main__":
    main()
