"""The parent's end of one child process: started, spoken to without blocking, killed, and reaped.

A thread starts the child and waits for its end. The kernel ties the child's life to that thread (PR_SET_PDEATHSIG), and
a child that the kernel holds in a driver call can be reaped no sooner than that call returns.
"""

from __future__ import annotations

import importlib.util
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from fabricscope.clock import Clock
from probes.sources.nvml.wire import OPENING, Frames

_CODE = "import sys; sys.path[:0] = sys.argv[6:]; from probes.sources.nvml.child import main; main(sys.argv[1:6])"
_CHUNK = 1 << 16
"""As much as a pipe holds."""
_NS_PER_MS = 1_000_000


class ChildEnded(Exception):
    """The child is gone, or as good as gone: its end of a pipe is closed."""


class Child(Protocol):
    """What client.py needs of a child process."""

    def send(self, octets: bytes, until_ns: int) -> None:
        """Write all of it by `until_ns` of the monotonic clock. Raises TimeoutError, ChildEnded."""
        ...

    def receive(self, until_ns: int) -> tuple[bytes, bytes] | None:
        """The next frame; None when there is none by `until_ns`. Raises ChildEnded, WireError."""
        ...

    def place(self) -> int:
        """Index of the GPU in which it is, or wire.READY, or wire.OPENING."""
        ...

    def kill(self) -> None:
        """End it now, as far as the kernel lets it."""
        ...

    def release(self) -> None:
        """Let it end by itself: it has nothing more to answer."""
        ...

    def gone(self, until_ns: int) -> bool:
        """Whether it has ended and was reaped, by `until_ns`."""
        ...


class ChildProcess:
    """A running child. Raises OSError when it cannot be started."""

    def __init__(self, library: str, clock: Clock, skip: Sequence[int] = ()) -> None:
        """`library` is the path of libnvidia-ml.so.1; empty for the one that the loader finds.

        `skip` are NVML's indices of GPUs that are not to be opened before they are asked about.
        """
        self._clock = clock
        self._frames = Frames()
        self._progress = os.memfd_create("nvml-progress", os.MFD_CLOEXEC)
        os.pwrite(self._progress, bytes((OPENING,)), 0)
        self._replies, replies = os.pipe2(os.O_CLOEXEC)
        self._requests = -1
        self._process: subprocess.Popen[bytes] | None = None
        self._trouble: OSError | None = None
        self._started, self._ended = threading.Event(), threading.Event()
        threading.Thread(target=self._live, args=(library, replies, skip), name="nvml-child", daemon=True).start()
        self._started.wait()
        os.close(replies)
        self._check_started()
        os.set_blocking(self._replies, False)

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid if self._process is not None else 0

    def send(self, octets: bytes, until_ns: int) -> None:
        """Write all of it by `until_ns` of the monotonic clock. Raises TimeoutError, ChildEnded."""
        view = memoryview(octets)
        while view:
            try:
                view = view[os.write(self._requests, view) :]
            except BlockingIOError:
                if not self._ready(self._requests, select.POLLOUT, until_ns):
                    raise TimeoutError("the NVML child process takes no request") from None
            except OSError as error:
                raise ChildEnded(str(error)) from error

    def receive(self, until_ns: int) -> tuple[bytes, bytes] | None:
        """The next frame; None when there is none by `until_ns`. Raises ChildEnded, WireError."""
        while (frame := self._frames.take()) is None:
            try:
                octets = os.read(self._replies, _CHUNK)
            except BlockingIOError:
                if not self._ready(self._replies, select.POLLIN, until_ns):
                    return None
            else:
                if not octets:
                    raise ChildEnded("it closed its end of the pipe")
                self._frames.feed(octets)
        return frame

    def place(self) -> int:
        """Index of the GPU in which it is, or wire.READY, or wire.OPENING."""
        return (os.pread(self._progress, 1, 0) or bytes((OPENING,)))[0]

    def kill(self) -> None:
        """Send SIGKILL. The process is not waited for: the kernel may hold it in a driver call."""
        if self._process is not None and not self._ended.is_set():
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGKILL)
        self._close()

    def release(self) -> None:
        """Close the pipes: a child that is not in a call of NVML ends at once."""
        self._close()

    def gone(self, until_ns: int) -> bool:
        """Whether it has ended and was reaped, by `until_ns`."""
        return self._ended.wait(max(0, until_ns - self._clock().mono) / 1e9)

    def _live(self, library: str, replies: int, skip: Sequence[int]) -> None:
        """The child's own thread here: start it, and wait until it is gone."""
        numbers = [library, str(replies), str(self._progress), str(os.getpid()), ",".join(map(str, skip))]
        try:
            self._process = subprocess.Popen(  # noqa: S603  the interpreter that runs this, and this package
                [sys.executable, "-I", "-S", "-c", _CODE, *numbers, *_search_path()],
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(replies, self._progress),
                cwd="/",
            )
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            # A ValueError is for a NUL in the path of the library.
            self._trouble = error if isinstance(error, OSError) else OSError(str(error))
            self._started.set()
            return
        if self._process.stdin is not None:
            # An own descriptor: that of the Popen is closed whenever Python collects it.
            self._requests = os.dup(self._process.stdin.fileno())
            os.set_blocking(self._requests, False)
            self._process.stdin.close()
        self._started.set()
        self._process.wait()
        self._ended.set()

    def _check_started(self) -> None:
        if self._trouble is not None:
            self._close()
            raise self._trouble

    def _ready(self, descriptor: int, what: int, until_ns: int) -> bool:
        """Wait until the descriptor can be used, or it is `until_ns`."""
        poll = select.poll()
        poll.register(descriptor, what)
        left = until_ns - self._clock().mono
        return left > 0 and bool(poll.poll(-(-left // _NS_PER_MS)))

    def _close(self) -> None:
        # The progress file stays open as long as this object: it says where a killed child was.
        for descriptor in (self._requests, self._replies):
            if descriptor >= 0:
                os.close(descriptor)
        self._requests = self._replies = -1

    def __del__(self) -> None:
        if self._progress >= 0:
            os.close(self._progress)
            self._progress = -1


def _search_path() -> list[str]:
    """Where the child finds this package and pynvml, which are not in the interpreter's own path under -S."""
    package = Path(__file__).resolve().parents[3]
    found = importlib.util.find_spec("pynvml")
    binding = Path(found.origin).parent if found is not None and found.origin else package
    return list(dict.fromkeys((str(package), str(binding))))
