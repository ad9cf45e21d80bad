"""Real daemons for tests: started as an operator starts them, on free ports of loopback."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
from prometheus_client.parser import text_string_to_metric_families

PATIENCE_SECONDS = 30.0
"""Bounds every wait; nothing is measured with it."""

T = TypeVar("T")


def eventually(look: Callable[[], T], what: str) -> T:
    """What `look` gives once it is true; AssertionError when that takes too long."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            if seen := look():
                return seen
        except (httpx.HTTPError, OSError):
            pass
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.05)  # processes of their own: there is no virtual time to turn


def free_port() -> int:
    """A port of loopback that nobody has at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class Daemon:
    """One `fabricscope` process."""

    def __init__(self, command: str, settings: Mapping[str, Any], log: Path) -> None:
        self.config = log.with_suffix(".yaml")
        """What the command line leaves open; empty at first."""
        self.config.touch()
        self._arguments = [sys.executable, "-m", "fabricscope", command, f"--config={self.config}"]
        self._arguments += [f"--set={key}={value}" for key, value in settings.items()]
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process; its output goes to the log file, behind what is there."""
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(self._arguments, stdout=output, stderr=output)

    def kill(self) -> None:
        """SIGKILL: no chance to tidy up."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(timeout=10)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(timeout=20)

    @property
    def output(self) -> str:
        """Everything it has printed."""
        return self.log.read_text("utf-8", "replace") if self.log.exists() else ""


class Fabric:
    """A collector and its probes, with what they show."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.grpc_port, self.http_port = free_port(), free_port()
        self.daemons: list[Daemon] = []

    def collector(self, **settings: Any) -> Daemon:
        """A collector, started."""
        defaults = {
            "collector.data_dir": self.folder / "store",
            "collector.grpc.listen": f"127.0.0.1:{self.grpc_port}",
            "collector.http.listen": f"127.0.0.1:{self.http_port}",
        }
        return self._start("collector", {**defaults, **settings}, "collector")

    def probe(self, host: str, sys_root: Path, **settings: Any) -> Daemon:
        """A probe of a host with that /sys, started. Its /metrics is on `metrics_port`."""
        defaults = {
            "probe.host": host,
            "probe.roots.sys": sys_root,
            "probe.spool.path": self.folder / host / "spool.db",
            "probe.health.state": self.folder / host / "health.json",
            "probe.recorder.directory": self.folder / host,
            "probe.http.listen": f"127.0.0.1:{free_port()}",
            "probe.collectors": f"[127.0.0.1:{self.grpc_port}]",
            "probe.samplers.ethernet.enabled": "false",
            "probe.samplers.infiniband.interval_seconds": 0.2,
            "probe.stream.backoff_seconds": 0.1,
            "probe.stream.backoff_max_seconds": 0.5,
        }
        return self._start("probe", {**defaults, **settings}, host)

    def _start(self, command: str, settings: Mapping[str, Any], name: str) -> Daemon:
        daemon = Daemon(command, settings, self.folder / f"{name}.log")
        daemon.start()
        self.daemons.append(daemon)
        return daemon

    def get(self, path: str, **parameters: Any) -> Any:
        """The collector's answer, as JSON."""
        return httpx.get(f"http://127.0.0.1:{self.http_port}{path}", params=parameters).raise_for_status().json()

    def metrics(self, name: str, port: int = 0) -> dict[tuple[tuple[str, str], ...], float]:
        """The samples of a metric at the collector's /metrics, or at that of another port."""
        text = httpx.get(f"http://127.0.0.1:{port or self.http_port}/metrics").raise_for_status().text
        return {
            tuple(sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name
        }

    def events(self, kind: str) -> list[dict[str, Any]]:
        """The stored events of a kind, newest first."""
        rows: list[dict[str, Any]] = self.get("/api/v1/events", kind=kind, limit=1000)["events"]
        return rows


@contextmanager
def fabric(folder: Path) -> Iterator[Fabric]:
    """A fabric whose daemons are gone at the end; their output is printed, for pytest to show on failure."""
    made = Fabric(folder)
    try:
        yield made
    finally:
        for daemon in made.daemons:
            if daemon.process is not None and daemon.process.poll() is None:
                daemon.kill()
            print(daemon.output)
