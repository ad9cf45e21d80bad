"""Starts programs, a few at a time, and ends those that take too long or say too much.

A program that was killed and does not die hangs in a driver: it is remembered, and nothing more is started until it is
gone.
"""

from __future__ import annotations

import os
import selectors
import shutil
import signal
import subprocess
from collections import deque
from collections.abc import Mapping, Sequence
from typing import IO, NamedTuple

from fabricscope.clock import NANOSECONDS, Clock, system_clock
from probes.sources.sysfs import printable

SYSTEM_PATHS = "/usr/sbin:/usr/bin:/sbin:/bin"
"""Where programs are looked for beside PATH: Debian keeps these where users who are not root do not look."""
MAX_ERROR_BYTES = 4096
"""What is kept of what a program complains of; the rest is read and dropped."""
MAX_ERROR_TEXT = 300
_NICENESS = 10
_LOOK_SECONDS = 0.05
"""How often is looked whether a program that closed its output has ended."""
_DYING_SECONDS = 1.0
_CHUNK = 65536
_LINE = 160


class Stuck(OSError):
    """A program that was killed is still there."""


class Command(NamedTuple):
    """A program to run, without a shell."""

    words: tuple[str, ...]
    timeout_seconds: float
    max_bytes: int
    """Of its output; a program that writes more is ended."""


class Outcome(NamedTuple):
    """What became of a command."""

    output: str
    """What it wrote, octets that are not ASCII as U+FFFD; as far as it came when there is a failure."""
    failure: str = ""
    """What went wrong, for people; empty when it ended with 0."""
    started: bool = True
    elapsed_ns: int = 0


def found(name: str) -> str | None:
    """The path of an executable program by its name or path; None when there is none."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:{SYSTEM_PATHS}")


class _Running:
    """A program that was started."""

    def __init__(self, index: int, command: Command, process: subprocess.Popen[bytes], now: int) -> None:
        self.index = index
        self.command = command
        self.process = process
        self.began = now
        self.output = bytearray()
        self.error = bytearray()
        self.open: set[IO[bytes]] = set()
        self.failure = ""
        self.killed_at: int | None = None

    @property
    def timeout_ns(self) -> int:
        return int(self.command.timeout_seconds * NANOSECONDS)

    def kill(self, why: str, now: int) -> None:
        """End it and what it started."""
        self.failure = self.failure or why
        self.killed_at = now
        if self.process.returncode is None:
            _kill_group(self.process.pid)


class Runner:
    """Runs commands, at most `parallel` at a time, within the time that `allow` gave.

    `environment` is added to the little that programs get (PATH, and LC_ALL=C for English messages).
    """

    def __init__(
        self, parallel: int, *, environment: Mapping[str, str] | None = None, clock: Clock = system_clock
    ) -> None:
        self._parallel = parallel
        self._environment = {"PATH": SYSTEM_PATHS, "LC_ALL": "C", **(environment or {})}
        self._clock = clock
        self._until = 0
        self._stuck: list[subprocess.Popen[bytes]] = []
        self.starts = 0
        """Programs started since the beginning."""
        self.cpu_us = 0
        """Processor time of those that ended, in microseconds."""
        self.busy_ns = 0
        """Time spent in `run`."""

    def allow(self, seconds: float) -> None:
        """From now on, all calls of `run` together may take this time; what is not done then is not done."""
        self._until = self._clock().mono + int(seconds * NANOSECONDS)

    def run(self, commands: Sequence[Command]) -> list[Outcome]:
        """The outcome of each command, in their order. Raises Stuck while an earlier program does not die."""
        self._look_for_stuck()
        began = self._clock().mono
        outcomes: dict[int, Outcome] = {}
        waiting = deque(enumerate(commands))
        running: list[_Running] = []
        with selectors.DefaultSelector() as selector:
            try:
                while waiting or running:
                    self._start_some(waiting, running, outcomes, selector)
                    self._read(selector, running)
                    running = [one for one in running if not self._ended(one, outcomes, selector)]
            finally:
                for one in running:
                    one.kill("", self._clock().mono)
                    self._close(one, selector)
                    self._bury(one.process)
        self.busy_ns += self._clock().mono - began
        return [outcomes[index] for index in range(len(commands))]

    def close(self) -> None:
        """Do nothing: no program outlives `run`, but for those that cannot be killed."""

    def _look_for_stuck(self) -> None:
        self._stuck = [process for process in self._stuck if not self._reap(process)]
        if self._stuck:
            name, pid = printable(str(self._stuck[0].args)), self._stuck[0].pid
            raise Stuck(f"process {pid} was killed and does not die, so nothing more is started: {name}")

    def _start_some(
        self,
        waiting: deque[tuple[int, Command]],
        running: list[_Running],
        outcomes: dict[int, Outcome],
        selector: selectors.BaseSelector,
    ) -> None:
        while waiting and len(running) < self._parallel:
            index, command = waiting.popleft()
            now = self._clock().mono
            if now >= self._until or self._stuck:
                why = "a program hangs" if self._stuck else "the time for this sample is used up"
                outcomes[index] = Outcome("", f"not started: {why}", started=False)
                continue
            try:
                process = subprocess.Popen(  # noqa: S603  no shell, and the program is named in the settings
                    command.words,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    env=self._environment,
                    cwd="/",
                    bufsize=0,
                    start_new_session=True,
                )
            except (OSError, ValueError) as error:
                outcomes[index] = Outcome("", f"cannot be started: {error}")
                continue
            self.starts += 1
            _be_nice(process.pid)
            one = _Running(index, command, process, now)
            for stream in (process.stdout, process.stderr):
                if stream is not None:
                    os.set_blocking(stream.fileno(), False)
                    selector.register(stream, selectors.EVENT_READ, one)
                    one.open.add(stream)
            running.append(one)

    def _read(self, selector: selectors.BaseSelector, running: Sequence[_Running]) -> None:
        """Take what the programs wrote, or wait a moment for it."""
        if not running:
            return
        for key, _ in selector.select(_LOOK_SECONDS):
            one: _Running = key.data
            stream = key.fileobj
            if isinstance(stream, int):
                continue
            content = _read_some(stream.fileno())
            if content == b"":
                selector.unregister(stream)
                one.open = {other for other in one.open if other is not stream}
            elif stream is one.process.stdout:
                one.output += content or b""
                if len(one.output) > one.command.max_bytes and one.killed_at is None:
                    one.kill(f"wrote more than {one.command.max_bytes} octets and was ended", self._clock().mono)
            else:
                one.error += (content or b"")[: MAX_ERROR_BYTES - len(one.error)]

    def _ended(self, one: _Running, outcomes: dict[int, Outcome], selector: selectors.BaseSelector) -> bool:
        """Whether the program is done with; its outcome is written down then."""
        now = self._clock().mono
        if one.killed_at is None:
            if now - one.began > one.timeout_ns:
                one.kill(f"took longer than {one.command.timeout_seconds:g} s and was ended", now)
            elif now > self._until:
                one.kill("ended: the time for this sample is used up", now)
        if not self._reap(one.process):
            if one.killed_at is None or now - one.killed_at < _DYING_SECONDS * NANOSECONDS:
                return False
            self._stuck.append(one.process)
            one.failure += f"; process {one.process.pid} does not die"
        elif one.open and one.killed_at is None:
            return False  # what it wrote last is still to be read
        self._close(one, selector)
        outcomes[one.index] = _outcome(one, now - one.began)
        return True

    def _reap(self, process: subprocess.Popen[bytes]) -> bool:
        """Whether a program has ended. What it left behind is ended too, and its processor time is noted."""
        if process.returncode is not None:
            return True
        try:
            # Its number, and so that of its group, is nobody else's until it is waited for.
            if os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                return False
            _kill_group(process.pid)
            _, status, usage = os.wait4(process.pid, 0)
        except ChildProcessError:
            process.returncode = -1  # somebody else took its status
            return True
        process.returncode = os.waitstatus_to_exitcode(status)
        self.cpu_us += int((usage.ru_utime + usage.ru_stime) * 1e6)
        return True

    def _bury(self, process: subprocess.Popen[bytes]) -> None:
        if not self._reap(process):
            self._stuck.append(process)

    def _close(self, one: _Running, selector: selectors.BaseSelector) -> None:
        for stream in one.open:
            selector.unregister(stream)
        for pipe in (one.process.stdout, one.process.stderr):
            if pipe is not None:
                pipe.close()


def _read_some(descriptor: int) -> bytes | None:
    """What can be read at once; empty at the end, None when there is nothing yet."""
    try:
        return os.read(descriptor, _CHUNK)
    except BlockingIOError:
        return None
    except OSError:
        return b""


def _be_nice(pid: int) -> None:
    """Let other work go first, where that is allowed."""
    try:
        os.setpriority(os.PRIO_PROCESS, pid, _NICENESS)
    except OSError:
        return


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except OSError:
        return


def _outcome(one: _Running, elapsed_ns: int) -> Outcome:
    output = bytes(one.output[: one.command.max_bytes]).decode("ascii", "replace")
    failure, code, said = one.failure, one.process.returncode or 0, _last_lines(bytes(one.error))
    if not failure and code:
        failure = f"ended with {code}" if code > 0 else f"was ended by signal {-code}"
    if code > 0 and not said:
        said = _last_lines(bytes(one.output[-_LINE:]))  # some complain where their output goes
    if failure and said:
        failure += f": {said}"
    return Outcome(output, failure, elapsed_ns=elapsed_ns)


def _last_lines(error: bytes) -> str:
    """What a program complained of, on one line."""
    lines = [line.strip() for line in error.decode("ascii", "replace").splitlines()]
    return printable("; ".join(line for line in lines if line)[-MAX_ERROR_TEXT:], MAX_ERROR_TEXT)
