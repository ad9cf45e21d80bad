from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fabricscope.clock import system_clock
from probes.sources.nvml import replies
from probes.sources.nvml.process import ChildEnded, ChildProcess
from probes.sources.nvml.replies import Ask
from probes.sources.nvml.wire import OPENING, READY, packed
from tests.fixtures.nvml import fake
from tests.fixtures.nvml.bindings import GCC

Answers = Callable[[fake.Node], None]
ASKS = {0: Ask(calls=("temperature",)), 1: Ask(calls=("temperature",))}


def soon(seconds: float = 30) -> int:
    return system_clock().mono + int(seconds * 1e9)


@pytest.fixture
def child(library: Path, answers: Answers) -> Iterator[ChildProcess]:
    answers(fake.plain_node(2))
    started = ChildProcess(str(library), system_clock)
    yield started
    started.kill()
    assert started.gone(soon())


def greeted(child: ChildProcess) -> None:
    frame = child.receive(soon())
    assert frame is not None
    assert replies.hello(frame[0]).code == 0


@GCC
def test_a_request_and_its_answer(child: ChildProcess) -> None:
    greeted(child)
    child.send(replies.request(1, ASKS, [], events=False), soon())
    frame = child.receive(soon())
    assert frame is not None
    answers = replies.answers(ASKS, replies.reply(frame[0]), frame[1])
    assert answers[1].calls["temperature"] == (0, 34)
    assert child.place() == READY
    assert child.receive(soon(0)) is None


def test_a_path_that_is_none_is_an_error_and_not_a_wait_for_ever() -> None:
    with pytest.raises(OSError, match="null byte"):
        ChildProcess("\0", system_clock)


@GCC
def test_it_ends_by_itself_when_it_is_let_go(child: ChildProcess) -> None:
    greeted(child)
    child.release()
    assert child.gone(soon())


@GCC
def test_one_that_hangs_is_killed_and_says_where_it_was(child: ChildProcess, answers: Answers) -> None:
    greeted(child)
    answers(fake.plain_node(2).line("hang 1"))
    child.send(replies.request(1, ASKS, [], events=False), soon())
    while child.place() != 1:
        assert child.receive(soon(0.05)) is None
    assert not child.gone(soon(0))
    child.kill()
    assert child.gone(soon())
    assert child.place() == 1


@GCC
def test_one_that_was_ended_by_others_is_noticed(child: ChildProcess) -> None:
    greeted(child)
    os.kill(child.pid, signal.SIGKILL)
    with pytest.raises(ChildEnded):
        child.receive(soon())
    assert child.gone(soon())
    with pytest.raises(ChildEnded):
        child.send(replies.request(1, ASKS, [], events=False), soon())


@GCC
def test_one_that_takes_no_requests_does_not_hold_up_whoever_sends(child: ChildProcess, answers: Answers) -> None:
    greeted(child)
    answers(fake.plain_node(2).line("hang 0"))
    # The first reaches the child, and hangs; the pipe has room for 64 KiB more.
    child.send(replies.request(1, ASKS, [], events=False), soon())
    while child.place() != 0:
        assert child.receive(soon(0.05)) is None
    with pytest.raises(TimeoutError, match="takes no request"):
        child.send(packed(b" " * (1 << 20)), soon(0.05))


@GCC
def test_it_dies_with_its_parent_also_while_it_hangs(library: Path, answers: Answers, repository: Path) -> None:
    answers(fake.plain_node(2).line("hang init"))
    code = textwrap.dedent(
        """
        import sys
        from fabricscope.clock import system_clock
        from probes.sources.nvml.process import ChildProcess
        child = ChildProcess(sys.argv[1], system_clock)
        print(child.pid, flush=True)
        sys.stdin.read()
        """
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(library)],
        cwd=repository,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        ended = os.pidfd_open(pid)
        parent.kill()
    try:
        poll = select.poll()
        poll.register(ended, select.POLLIN)
        assert poll.poll(30_000), "the child outlived its parent"
    finally:
        os.close(ended)


def test_before_it_has_said_anything_it_is_opening(tmp_path: Path) -> None:
    child = ChildProcess(str(tmp_path / "no.so"), system_clock)
    assert child.place() == OPENING
    frame = child.receive(soon())
    assert frame is not None
    assert json.loads(frame[0])["code"] == -1
    assert child.gone(soon())
    child.kill()


def test_a_child_that_cannot_be_started_is_an_oserror(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    with pytest.raises(FileNotFoundError):
        ChildProcess("", system_clock)
