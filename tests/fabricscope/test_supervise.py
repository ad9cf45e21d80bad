"""Daemons run one after the other, and none outlives the rest. The daemons here are a few lines each."""

from __future__ import annotations

import asyncio
import io
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fabricscope import supervise as module
from fabricscope.supervise import DaemonError, supervise

PREAMBLE = """
import signal, sys
from fabricscope.systemd import Notifier
def say(text): print(text, flush=True)
def ready(): Notifier.from_environment().ready()
def end(*_): say('bye'); sys.exit(0)
signal.signal(signal.SIGTERM, end)
"""


def daemon(source: str) -> list[str]:
    return [sys.executable, "-c", PREAMBLE + source]


SERVES = daemon("say('hello'); ready(); signal.pause()")
NEVER_READY = daemon("say('hello'); signal.pause()")
IGNORES = daemon("signal.signal(signal.SIGTERM, signal.SIG_IGN); say('hello'); ready()\nwhile True: signal.pause()")


def nothing() -> None:
    pass


def interrupt() -> None:
    """What Ctrl-C does to this process, once the loop is back."""
    os.kill(os.getpid(), signal.SIGINT)


def await_end(pid: int) -> None:
    """Return when the process has ended; fail when it does not."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        # A pidfd can be read from when its process has ended.
        assert select.select([descriptor], [], [], 60)[0], f"process {pid} goes on"
    finally:
        os.close(descriptor)


async def run(*daemons: list[str], announce: Callable[[], None] = nothing, **limits: float) -> list[str]:
    """Names are a, b, ... ; the lines that came out, whether it ended well or not."""
    output = io.StringIO()
    try:
        await supervise(dict(zip("abc", daemons, strict=False)), announce, output, **limits)
    except DaemonError as error:
        return [*output.getvalue().splitlines(), f"{error.exit_code}: {error}"]
    return output.getvalue().splitlines()


async def test_all_are_ready_before_it_is_announced_and_end_in_reverse_order() -> None:
    lines = await run(SERVES, SERVES, announce=interrupt)
    assert lines == ["a         | hello", "b         | hello", "b         | bye", "a         | bye"]


async def test_sigterm_ends_it_too() -> None:
    assert (await run(SERVES, announce=lambda: os.kill(os.getpid(), signal.SIGTERM)))[-1] == "a         | bye"


async def test_signals_mean_what_they_did_before_when_it_is_over() -> None:
    before = signal.getsignal(signal.SIGTERM)
    await run(SERVES, announce=interrupt)
    assert signal.getsignal(signal.SIGTERM) == before


async def test_one_that_ends_before_it_is_ready_stops_the_others() -> None:
    lines = await run(SERVES, daemon("say('port in use'); sys.exit(3)"))
    assert lines == [
        "a         | hello",
        "b         | port in use",
        "a         | bye",
        "3: the b ended with exit code 3; its last lines above say why",
    ]


async def test_one_that_ends_later_stops_the_others() -> None:
    dies = daemon("ready(); sys.exit(4)")
    lines = await run(SERVES, dies)
    assert lines[-1] == "4: the b ended with exit code 4; its last lines above say why"
    assert "a         | bye" in lines


async def test_one_that_ends_as_if_all_were_well_is_a_failure_still() -> None:
    assert (await run(daemon("ready()")))[-1].startswith("1: the a ended with exit code 0")


async def test_one_that_is_killed_is_named_with_the_signal() -> None:
    dies = daemon("import os; ready(); os.kill(os.getpid(), signal.SIGKILL)")
    assert (await run(dies))[-1] == (
        "137: the a was ended by SIGKILL; killed from outside, perhaps for want of memory (`dmesg` tells)"
    )


async def test_one_that_never_gets_ready_is_given_up() -> None:
    lines = await run(NEVER_READY, SERVES, ready_seconds=1.0)
    assert lines[-1] == "1: the a is not ready after 1 s; its lines above say why"
    assert not any(line.startswith("b ") for line in lines)


async def test_one_that_does_not_end_is_killed_with_all_that_it_started() -> None:
    starts = daemon(
        "import subprocess; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen(['sleep', '600']); say(str(child.pid)); ready()\nwhile True: signal.pause()"
    )
    lines = await run(starts, announce=interrupt, stop_seconds=0.2)
    await_end(int(lines[0].rpartition(" ")[2]))


async def test_a_second_signal_does_not_wait() -> None:
    def interrupt_twice() -> None:
        interrupt()
        asyncio.get_running_loop().call_later(0.1, interrupt)

    assert await run(IGNORES, announce=interrupt_twice, stop_seconds=600) == ["a         | hello"]


async def test_a_signal_while_one_starts_ends_it() -> None:
    asyncio.get_running_loop().call_later(0.3, interrupt)
    lines = await run(NEVER_READY, SERVES, ready_seconds=600)
    assert not any(line.startswith("b ") for line in lines)


async def test_output_is_bounded_line_by_line_and_bytes_do_not_break_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_LINE_BYTES", 1000)
    prints = daemon(r"sys.stdout.buffer.write(b'x' * 2500 + b'\n\xff\nlast'); sys.stdout.flush(); ready(); end()")
    lines = await run(prints)
    assert max(len(line) for line in lines) <= 12 + 2000
    assert "a         | \N{REPLACEMENT CHARACTER}" in lines
    assert "a         | lastbye" in lines


@pytest.mark.needs_program("setpriv", package="util-linux")
def test_daemons_end_even_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    script = (
        "import asyncio, sys\nfrom fabricscope.supervise import supervise\n"
        f"asyncio.run(supervise({{'a': {SERVES!r}}}, lambda: print('up', flush=True), sys.stderr))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as supervisor:
        assert supervisor.stdout is not None
        assert supervisor.stderr is not None
        assert supervisor.stdout.readline() == "up\n"
        children = Path(f"/proc/{supervisor.pid}/task/{supervisor.pid}/children").read_text().split()
        assert len(children) == 1
        supervisor.kill()
        await_end(int(children[0]))
