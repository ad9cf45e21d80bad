"""Runs daemons as child processes, as systemd would: one after the other, until a signal or an end."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TextIO

READY_SECONDS = 60.0
STOP_SECONDS = 15.0
OUTPUT_SECONDS = 1.0
"""How long a daemon's last lines are waited for once it has ended."""
MAX_LINE_BYTES = 64 * 1024
"""A daemon's line that is longer is shown in pieces."""


class DaemonError(Exception):
    """A daemon ended by itself or did not become ready; all are stopped. `exit_code` is as a shell has it."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Child:
    """One daemon: its process, whether it is ready, and its output with its name in front.

    It says that it is ready as it would to systemd, which holds whatever its listeners ask of a client.
    """

    def __init__(self, name: str, command: Sequence[str], runtime_dir: Path, output: TextIO) -> None:
        self.name = name
        self.ready = asyncio.Event()
        self._command = command
        self._address = str(runtime_dir / f"{name}.sock")
        self._output = output

    async def run(self, tasks: asyncio.TaskGroup) -> asyncio.Task[int]:
        """Start the process in `tasks`; the task given back ends with it and has its exit code.

        Raises OSError when there is no such program.
        """
        self._notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._notices.bind(self._address)
        asyncio.get_running_loop().add_reader(self._notices, self._receive)
        self._process = await asyncio.create_subprocess_exec(
            *_ended_with_this_process(),
            *self._command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "NOTIFY_SOCKET": self._address, "PYTHONUNBUFFERED": "1"},
            # Ctrl-C goes to the whole foreground group, but the daemons are to end one after the other.
            start_new_session=True,
        )
        self._showing = tasks.create_task(self._show())
        return tasks.create_task(self._process.wait())

    def terminate(self) -> None:
        """Ask the process to end."""
        with suppress(ProcessLookupError):
            self._process.terminate()

    def kill(self) -> None:
        """End the process and all that it started."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    async def close(self) -> None:
        """Show the last lines and give back what was opened."""
        await asyncio.wait([self._showing], timeout=OUTPUT_SECONDS)
        self._showing.cancel()
        asyncio.get_running_loop().remove_reader(self._notices)
        self._notices.close()

    def _receive(self) -> None:
        with suppress(BlockingIOError):
            if b"READY=1" in self._notices.recv(4096).split(b"\n"):
                self.ready.set()

    async def _show(self) -> None:
        output = self._process.stdout
        rest = b""
        while output is not None and (chunk := await output.read(MAX_LINE_BYTES)):
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) >= MAX_LINE_BYTES:
                lines, rest = [*lines, rest], b""
            self._write(lines)
        self._write([rest] if rest else [])

    def _write(self, lines: Sequence[bytes]) -> None:
        for line in lines:
            self._output.write(f"{self.name:<9} | {line.decode(errors='replace')}\n")
        self._output.flush()


def _ended_with_this_process() -> list[str]:
    """What makes the kernel end a command when this process is killed; nothing where it is not installed."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []


async def supervise(
    commands: Mapping[str, Sequence[str]],
    announce: Callable[[], None],
    output: TextIO,
    *,
    ready_seconds: float = READY_SECONDS,
    stop_seconds: float = STOP_SECONDS,
) -> None:
    """Run daemons, each started when the one before is ready, until SIGINT or SIGTERM.

    `announce` is called when all are ready. They are stopped in reverse order, each within
    `stop_seconds`; a second signal kills them. Raises DaemonError when one ends by itself, or is not ready
    within `ready_seconds`; the others are stopped then too.
    """
    stop = asyncio.Event()
    running: dict[asyncio.Task[int], Child] = {}
    failure: DaemonError | None = None

    def interrupt() -> None:
        if stop.is_set():
            for child in running.values():
                child.kill()
        stop.set()

    with tempfile.TemporaryDirectory(prefix="fabricscope-") as runtime_dir, _on_signals(interrupt):
        async with asyncio.TaskGroup() as tasks:
            stopped = tasks.create_task(stop.wait())
            try:
                for name, command in commands.items():
                    child = Child(name, command, Path(runtime_dir), output)
                    running[await child.run(tasks)] = child
                    ready = tasks.create_task(child.ready.wait())
                    await asyncio.wait([ready, stopped, *running], timeout=ready_seconds, return_when="FIRST_COMPLETED")
                    ready.cancel()
                    if stop.is_set() or any(task.done() for task in running):
                        break
                    if not child.ready.is_set():
                        failure = DaemonError(
                            f"the {name} is not ready after {ready_seconds:g} s; its lines above say why"
                        )
                        break
                else:
                    announce()
                    await asyncio.wait([stopped, *running], return_when="FIRST_COMPLETED")
                for task, child in running.items():
                    if task.done() and not stop.is_set():
                        failure = _ended(child.name, task.result())
            finally:
                stopped.cancel()
                for task, child in reversed(running.items()):
                    child.terminate()
                    await asyncio.wait([task], timeout=stop_seconds)
                    child.kill()
                    await child.close()
    if failure:
        raise failure


def _ended(name: str, code: int) -> DaemonError:
    how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
    why = "its last lines above say why"
    if code == -signal.SIGKILL:  # which leaves no time for last lines
        why = "killed from outside, perhaps for want of memory (`dmesg` tells)"
    return DaemonError(f"the {name} {how}; {why}", 128 - code if code < 0 else code or 1)


@contextmanager
def _on_signals(act: Callable[[], None]) -> Iterator[None]:
    """Call `act` at SIGINT and SIGTERM."""
    loop = asyncio.get_running_loop()
    with ExitStack() as cleanup:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, act)
            cleanup.callback(loop.remove_signal_handler, number)
        yield
