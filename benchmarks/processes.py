"""Processes under measurement: what they cost, read from /proc."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """A port of loopback that nobody has at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def resident_mib() -> float:
    """Resident memory of this process."""
    return int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


@dataclass
class Usage:
    """What a process has used by a moment."""

    cpu_seconds: float
    resident_mib: float
    at: float
    proportional_mib: float = 0.0
    """As resident, with each page divided by how many processes share it."""


class Measured:
    """A process that is started for a measurement, optionally on one core."""

    def __init__(self, arguments: Sequence[str], log: Path, core: int | None = None) -> None:
        self.log = log
        self._arguments = arguments
        self._core = core
        self.start()

    @classmethod
    def fabricscope(
        cls,
        command: str,
        settings: Mapping[str, object],
        log: Path,
        core: int | None = None,
        python: str = sys.executable,
        module: str = "fabricscope",
        optimize: str = "",
    ) -> Measured:
        """One of our daemons, with its settings alone, run by the interpreter `python`; `optimize` is its option -O."""
        flags = [f"--set={key}={value}" for key, value in settings.items()]
        return cls(
            [python, *filter(None, [optimize]), "-m", module, command, "--config", "/dev/null", *flags], log, core
        )

    def start(self) -> None:
        """Start it, or start it again."""
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(self._arguments, stdout=output, stderr=output)
        if self._core is not None:
            os.sched_setaffinity(self.process.pid, {self._core})

    def usage(self) -> Usage:
        """Processor time, resident memory, and when."""
        return _usage(self.process.pid)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.process.kill()
        self.process.wait(timeout=30)

    def stop(self) -> None:
        """SIGTERM; SIGKILL when that does not help."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.kill()


class Family:
    """A process and the children that it has now, measured together."""

    def __init__(self, process: Measured) -> None:
        children = Path(f"/proc/{process.process.pid}/task/{process.process.pid}/children").read_text().split()
        threads = Path(f"/proc/{process.process.pid}/task").iterdir()
        children += [child for thread in threads for child in (thread / "children").read_text().split()]
        self.pids = [process.process.pid, *sorted({int(child) for child in children})]

    def usage(self) -> Usage:
        """What all of them have used."""
        each = [_usage(pid) for pid in self.pids]
        return Usage(
            sum(one.cpu_seconds for one in each),
            sum(one.resident_mib for one in each),
            each[0].at,
            sum(one.proportional_mib for one in each),
        )

    def child_resident_mib(self) -> float:
        """Resident memory of the children alone."""
        return sum(_usage(pid).resident_mib for pid in self.pids[1:])


def _usage(pid: int) -> Usage:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    sizes = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    resident, proportional = (int(sizes[key].split()[0]) / 1024 for key in ("Rss", "Pss"))
    return Usage((int(fields[11]) + int(fields[12])) / _TICKS, resident, time.monotonic(), proportional)


def cpu_share(before: Usage, after: Usage) -> float:
    """Share of one core between two moments."""
    return (after.cpu_seconds - before.cpu_seconds) / (after.at - before.at)


def get(url: str) -> bytes:
    """The body at a URL of loopback."""
    with urllib.request.urlopen(url, timeout=30) as response:  # noqa: S310  loopback, http
        body: bytes = response.read()
    return body


def wait_for(url: str, process: Measured, seconds: float = 60) -> None:
    """Wait until the URL answers. Raises RuntimeError with the process's output when it does not."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            get(url)
        except OSError:
            if time.monotonic() > deadline or process.process.poll() is not None:
                raise RuntimeError(f"{url} does not answer:\n{process.log.read_text()[-4000:]}") from None
            time.sleep(0.1)
        else:
            return
