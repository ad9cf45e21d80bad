from __future__ import annotations

import os
import select
import signal
import sys
from pathlib import Path

import pytest

from fabricscope.model import Now
from probes.sources.ib_tools import runner
from probes.sources.ib_tools.runner import MAX_ERROR_TEXT, Command, Outcome, Runner, Stuck


def shell(script: str, timeout: float = 60.0, most: int = 1_000_000) -> Command:
    return Command(("/bin/sh", "-c", script), timeout, most)


def made(parallel: int = 4) -> Runner:
    tools = Runner(parallel)
    tools.allow(100)
    return tools


def ran(script: str, timeout: float = 60.0, most: int = 1_000_000) -> Outcome:
    (outcome,) = made().run([shell(script, timeout, most)])
    return outcome


class Hurrying:
    """A clock on which a second passes each time that somebody looks."""

    def __init__(self) -> None:
        self.seconds = 0

    def __call__(self) -> Now:
        self.seconds += 1
        return Now(self.seconds * 10**9, self.seconds * 10**9)


def ends(pid: int) -> bool:
    """Whether a process ends soon: it was killed, which takes a moment."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    readable, _, _ = select.select([descriptor], [], [], 30)
    os.close(descriptor)
    return bool(readable)


def test_what_a_program_writes() -> None:
    outcome = ran("echo one; echo warning >&2; echo two")
    assert (outcome.output, outcome.failure, outcome.started) == ("one\ntwo\n", "", True)
    assert outcome.elapsed_ns > 0


def test_outcomes_come_in_the_order_of_the_commands() -> None:
    outcomes = made(2).run([shell(f"read _ < /dev/null; echo {number}") for number in range(7)])
    assert [outcome.output for outcome in outcomes] == [f"{number}\n" for number in range(7)]


def test_a_failure_says_what_the_program_said() -> None:
    outcome = ran("echo half; printf 'a: no\\n\\n b\\033: why \\n' >&2; exit 3")
    assert outcome == Outcome("half\n", "ended with 3: a: no; b?: why", elapsed_ns=outcome.elapsed_ns)


def test_a_long_complaint_is_cut_at_its_beginning() -> None:
    outcome = ran("yes complaint | head -n 100000 >&2; exit 1")
    assert len(outcome.failure) < MAX_ERROR_TEXT + 20
    assert outcome.failure.startswith("ended with 1: ")


def test_a_failure_that_is_told_in_the_output() -> None:
    assert ran("echo first; echo failed: why; exit 255").failure == "ended with 255: first; failed: why"


def test_a_program_that_a_signal_ends() -> None:
    assert ran("kill -9 $$").failure == "was ended by signal 9"


def test_a_program_that_is_not_there() -> None:
    (outcome,) = made().run([Command(("/no/such/program",), 1, 1)])
    assert "cannot be started" in outcome.failure
    assert "/no/such/program" in outcome.failure


def test_words_that_no_program_can_be_given() -> None:
    (outcome,) = made().run([Command(("/bin/true", "a\0b"), 1, 1)])
    assert "cannot be started" in outcome.failure


def test_a_program_that_takes_too_long_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    script = f"echo begun; sleep 1000 & echo $! > {tmp_path}/pid; wait"
    tools = made()
    (outcome,) = tools.run([shell(script, timeout=0.5)])
    assert outcome.failure == "took longer than 0.5 s and was ended"
    assert outcome.output == "begun\n"
    assert ends(int((tmp_path / "pid").read_text()))


def test_a_program_that_writes_too_much_is_ended() -> None:
    outcome = ran("yes", most=10_000)
    assert outcome.failure == "wrote more than 10000 octets and was ended"
    assert len(outcome.output) == 10_000


def test_what_a_program_leaves_behind_does_not_hold_up(tmp_path: Path) -> None:
    # It holds the pipe open.
    outcome = ran(f"sleep 1000 & echo $! > {tmp_path}/pid; echo done")
    assert (outcome.output, outcome.failure) == ("done\n", "")
    assert ends(int((tmp_path / "pid").read_text()))


def test_a_program_that_closes_its_output_is_waited_for() -> None:
    outcome = ran("exec >&- 2>&-; sleep 0.2; exit 7")
    assert outcome.failure == "ended with 7"


def test_no_more_than_so_many_at_once(tmp_path: Path) -> None:
    log = tmp_path / "log"
    made(3).run([shell(f"echo + >> {log}; sleep 0.05; echo - >> {log}")] * 9)
    depth = most = 0
    for line in log.read_text().splitlines():
        depth += 1 if line == "+" else -1
        most = max(most, depth)
    assert 1 <= most <= 3


def test_the_time_of_all_runs_together_is_bounded() -> None:
    tools = Runner(1)
    tools.allow(0.2)
    outcomes = tools.run([shell("sleep 1000")] * 3)
    assert outcomes[0].failure == "ended: the time for this sample is used up"
    assert [outcome.started for outcome in outcomes] == [True, False, False]
    assert {outcome.failure for outcome in outcomes[1:]} == {"not started: the time for this sample is used up"}
    assert tools.run([shell("true")]) == [outcomes[1]]
    assert tools.starts == 1
    tools.allow(100)
    assert tools.run([shell("true")])[0].failure == ""


def test_a_program_that_does_not_die_stops_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    tools = Runner(1, clock=Hurrying())
    tools.allow(10_000)
    killed: list[int] = []
    with monkeypatch.context() as patch:
        patch.setattr(runner, "_kill_group", killed.append)
        outcomes = tools.run([shell("sleep 1000", timeout=1), shell("true")])
    pid = killed[0]
    assert outcomes[0].failure == f"took longer than 1 s and was ended; process {pid} does not die"
    assert outcomes[1] == Outcome("", "not started: a program hangs", started=False)
    with pytest.raises(Stuck, match=f"process {pid} was killed and does not die"):
        tools.run([shell("true")])
    os.killpg(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert tools.run([shell("true", timeout=10_000)])[0].failure == ""


def test_programs_get_a_small_environment_and_what_the_caller_adds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "x")
    tools = Runner(1, environment={"ADDED": "y"})
    tools.allow(100)
    (outcome,) = tools.run([Command(("/usr/bin/env",), 10, 10_000)])
    assert {line.partition("=")[0] for line in outcome.output.splitlines()} == {"PATH", "LC_ALL", "ADDED"}


def test_octets_that_are_no_text() -> None:
    assert ran("printf 'a\\377b\\0c'").output == "a\ufffdb\0c"


def test_programs_give_way_to_others() -> None:
    # They are told so right after they were started.
    script = "import os\nfor _ in range(10**7):\n if os.nice(0) >= 10: print(os.nice(0)); break"
    (outcome,) = made().run([Command((sys.executable, "-c", script), 60, 100)])
    assert outcome.output.strip() == str(max(os.nice(0), 10))


def test_starts_and_processor_time_are_counted() -> None:
    tools = made()
    tools.run([shell("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done"), shell("true")])
    assert tools.starts == 2
    assert 1_000 < tools.cpu_us < 60_000_000
    assert tools.busy_ns > 0


def test_programs_are_found_where_debian_keeps_them() -> None:
    assert runner.found("sh")
    assert runner.found("/bin/sh") == "/bin/sh"
    assert runner.found("no-such-program") is None
