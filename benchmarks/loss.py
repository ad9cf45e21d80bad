"""What is lost: kill -9 of probe and collector under load, and a connection cut for a minute.

    python -m benchmarks.loss [--write]

Part one. A real probe samples a fake /sys ten times a second, where the rate of a port changes without
end: every change is an event with a number of its own. Behind it 100 simulated probes keep the
collector busy. Twenty times the probe and the collector are killed, at random moments. In the end
every event that the probe wrote down (its log) must be in the store, once.

Part two. The connection is cut (nothing arrives, nothing is closed) for a minute while the spool is too
small for what is sampled. Every message has a number, so that what never arrives can be counted: it
must equal what the probe says it dropped.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import re
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import grpc
import grpc.aio

from benchmarks import machine
from benchmarks.ingest import Load
from benchmarks.processes import Measured, free_port, get, wait_for
from fabricscope.v1 import stream_pb2, stream_pb2_grpc
from tests.fixtures.infiniband import write_hca, write_host

KILLS = 20
CUT_SECONDS = 60
_CHANGED = re.compile(r'event=infiniband\.changed.* message="([^"]+)"')


class MovingHost:
    """A fake /sys whose first port changes its rate ten times a second, to a number never used before."""

    def __init__(self, sys: Path, more: int = 0) -> None:
        """8 HCAs, and `more` of them."""
        write_host(sys)
        for number in range(more):
            write_hca(sys, f"mlx5_{8 + number}", bus_address=f"0001:{number:02x}:00.0")
        self._rate = sys / "class" / "infiniband" / "mlx5_0" / "ports" / "1" / "rate"
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._move)
        self._thread.start()

    def _move(self) -> None:
        number = 1
        while not self._stop.wait(0.1):
            number += 1
            # In place and in one write: a reader sees the old text or the new.
            self._rate.write_text(f"{number:06d} Gb/sec (4X NDR)\n")

    def stop(self) -> None:
        """Let it stand."""
        self._stop.set()
        self._thread.join()


def probe_settings(folder: Path, collector_port: int) -> dict[str, object]:
    """A probe that samples as often as it may."""
    return {
        "probe.host": "bench",
        "probe.roots.sys": folder / "sys",
        "probe.spool.path": folder / "spool.db",
        "probe.health.state": folder / "health.json",
        "probe.recorder.directory": folder,
        "probe.http.listen": f"127.0.0.1:{free_port()}",
        "probe.collectors": f"[127.0.0.1:{collector_port}]",
        "probe.samplers.infiniband.interval_seconds": 0.1,
        "probe.samplers.infiniband.deadline_seconds": 5,
        "probe.samplers.ethernet.enabled": "false",
        "probe.stream.backoff_seconds": 0.1,
        "probe.stream.backoff_max_seconds": 1,
    }


def kills(folder: Path, count: int) -> dict[str, Any]:
    """Part one."""
    grpc_port, http_port = free_port(), free_port()
    settings: dict[str, object] = {
        "collector.data_dir": folder / "store",
        "collector.grpc.listen": f"127.0.0.1:{grpc_port}",
        "collector.http.listen": f"127.0.0.1:{http_port}",
    }
    host = MovingHost(folder / "sys")
    collector = Measured.fabricscope("collector", settings, folder / "collector.log")
    probe = Measured.fabricscope("probe", probe_settings(folder, grpc_port), folder / "probe.log")
    background = threading.Thread(target=_background, args=(f"127.0.0.1:{grpc_port}", stop := threading.Event()))
    try:
        wait_for(f"http://127.0.0.1:{http_port}/metrics", collector)
        background.start()
        moments = random.Random(7)  # noqa: S311  the same run every time
        for number in range(count):
            time.sleep(moments.uniform(0.5, 3.0))
            victims = [(probe,), (collector,), (probe, collector)][number % 3]
            for victim in victims:
                victim.kill()
            time.sleep(moments.uniform(0.0, 1.0))
            for victim in victims:
                victim.start()
        time.sleep(5)
        host.stop()
        time.sleep(1)
        written = _written(folder / "probe.log")
        stored = _stored(http_port, written)
    finally:
        stop.set()
        host.stop()
        for process in (probe, collector):
            process.stop()
        background.join()
    return {
        "kills": count,
        "events_written": len(written),
        "events_stored": len(stored),
        "events_lost": len(written - set(stored)),
        "events_duplicated": sum(seen - 1 for seen in stored.values()),
    }


def _written(log: Path) -> set[str]:
    """The events that the probe said it had: their text has both rates, so no two are alike."""
    written = set(_CHANGED.findall(log.read_text("utf-8", "replace")))
    if not written:
        raise RuntimeError(f"the probe logged no event, so this measures nothing: see {log}")
    return written


def _stored(http_port: int, wanted: set[str]) -> Counter[str]:
    """The events in the store, how often each; waits until the wanted are there, or a minute."""
    deadline = time.monotonic() + 60
    while True:
        stored: Counter[str] = Counter()
        url = f"http://127.0.0.1:{http_port}/api/v1/events?host=bench&kind=infiniband.changed&limit=1000"
        after = ""
        while True:
            try:
                page = json.loads(get(url + after))
            except OSError:
                break
            stored.update(row["message"] for row in page["events"])
            if page["after"] is None:
                break
            after = f"&after={page['after']}"
        if wanted <= set(stored) or time.monotonic() > deadline:
            return stored
        time.sleep(0.5)


def _background(address: str, stop: threading.Event) -> None:
    """100 simulated probes at 1 Hz, again and again: their streams die with the collector."""

    async def send() -> None:
        while not stop.is_set():
            try:
                await Load(address, 100).run(5, 1.0)
            except* (grpc.aio.AioRpcError, asyncio.InvalidStateError, grpc.aio.UsageError):
                await asyncio.sleep(0.2)

    asyncio.run(send())


class Recorder(stream_pb2_grpc.CollectorServiceServicer):
    """A collector that writes down which messages it got, and acknowledges them at once."""

    def __init__(self) -> None:
        self.sequences: set[int] = set()

    async def Stream(self, _: Any, context: Any) -> None:  # noqa: N802  the name is the wire's
        """One stream of the probe."""
        await context.read()
        await context.write(stream_pb2.StreamResponse(welcome=stream_pb2.Welcome(protocol=1)))
        while (request := await context.read()) is not grpc.aio.EOF:
            if request.sequence:
                self.sequences.add(request.sequence)
                await context.write(
                    stream_pb2.StreamResponse(
                        ack=stream_pb2.Ack(sequence=request.sequence, durable_sequence=request.sequence)
                    )
                )


class Wire:
    """A TCP relay that can fall silent without closing anything: a cut cable.

    What is under way is held, as TCP would send it again; nothing is taken out of the middle of a stream.
    """

    def __init__(self, port: int, target: int) -> None:
        self._port = port
        self._target = target
        self.whole = asyncio.Event()
        self.whole.set()

    async def __aenter__(self) -> Wire:
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        try:
            await asyncio.gather(self._pipe(reader, back), self._pipe(there, writer))
        finally:
            back.close()
            writer.close()

    async def _pipe(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await source.read(65536):
                await self.whole.wait()
                sink.write(data)
                await sink.drain()
        sink.close()


async def cut(folder: Path, seconds: float) -> dict[str, Any]:
    """Part two."""
    port = free_port()
    recorder = Recorder()
    server = grpc.aio.server()
    stream_pb2_grpc.add_CollectorServiceServicer_to_server(recorder, server)  # type: ignore[no-untyped-call]
    target = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    host = MovingHost(folder / "sys", more=32)
    settings = probe_settings(folder, port) | {"probe.spool.max_bytes": 1 << 20}
    try:
        async with Wire(port, target) as wire:
            probe = Measured.fabricscope("probe", settings, folder / "probe.log")
            await asyncio.sleep(10)
            wire.whole.clear()
            await asyncio.sleep(seconds)
            wire.whole.set()
            await asyncio.sleep(20)
            host.stop()
            await asyncio.sleep(5)
            address = settings["probe.http.listen"]
            text = (await asyncio.to_thread(get, f"http://{address}/metrics")).decode()
            await asyncio.to_thread(probe.stop)
    finally:
        host.stop()
        await server.stop(1)
    # A spool's first life does not begin at 1.
    numbered = max(recorder.sequences) - min(recorder.sequences) + 1
    dropped = re.findall(r'spool_dropped_messages_total\{.*kind="(\w+)".* (\d+)', text)
    return {
        "cut_seconds": seconds,
        "messages_numbered": numbered,
        "messages_arrived": len(recorder.sequences),
        "messages_missing": numbered - len(recorder.sequences),
        "messages_said_dropped": sum(int(count) for _, count in dropped),
        "events_said_dropped": sum(int(count) for kind, count in dropped if kind == "events"),
    }


def main() -> None:
    """Measure, print, and keep the result when asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=KILLS, help="times something is killed (default: %(default)s)")
    parser.add_argument("--cut", type=float, default=CUT_SECONDS, help="seconds of the cut (default: %(default)s)")
    parser.add_argument("--write", action="store_true", help="keep the result in benchmarks/results/loss.json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        figures = kills(Path(one), options.kills) | asyncio.run(cut(Path(two), options.cut))
    for name, value in {**machine.facts(), **figures}.items():
        print(f"{name:<38}{value:>16}")
    kept = figures["events_lost"] == figures["events_duplicated"] == figures["events_said_dropped"] == 0
    honest = figures["messages_missing"] == figures["messages_said_dropped"] > 0
    print(f"events lost 0, duplicated 0: {'met' if kept else 'MISSED'}")
    print(f"dropped equals its counter: {'met' if honest else 'MISSED'}")
    if options.write:
        print(f"written to {machine.write('loss', figures).relative_to(machine.RESULTS.parent.parent)}")


if __name__ == "__main__":
    main()
