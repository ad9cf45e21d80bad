"""The life of a daemon, driven by real signals raised in this very process."""

from __future__ import annotations

import asyncio
import io
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fabricscope import daemon, log
from fabricscope.model import Now
from fabricscope.settings import SettingsError
from fabricscope.systemd import Notifier


def clock() -> Now:
    return Now(wall=1, mono=5_000_000)


class Fake:
    """Does, once it runs, what its script says; remembers how it went in `history`."""

    def __init__(
        self, name: str, history: list[str], script: Callable[[], None], fails: Exception | None = None
    ) -> None:
        self.name = self.settings = name
        self.history = history
        self.script = script
        self.fails = fails

    async def run(self, ready: Callable[[str], None]) -> None:
        self.history.append(f"{self.name} starts")
        try:
            if self.fails is not None:
                raise self.fails
            ready(f"{self.name} is up")
            self.script()
            await asyncio.Event().wait()
        finally:
            # A real one has servers to stop, which takes turns of the loop.
            await asyncio.sleep(0)
            self.history.append(f"{self.name} ends")


class Systemd:
    """The socket of a service manager."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.setblocking(False)

    def told(self) -> list[str]:
        messages = []
        while True:
            try:
                messages.append(self.socket.recv(4096).decode())
            except BlockingIOError:
                return messages


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    it = Systemd(tmp_path / "notify")
    yield it
    it.socket.close()


@pytest.fixture
def logged() -> io.StringIO:
    output = io.StringIO()
    log.configure(log.LogSettings(), output)
    return output


def term() -> None:
    signal.raise_signal(signal.SIGTERM)


def hangup() -> None:
    signal.raise_signal(signal.SIGHUP)


class Builds:
    """Builds the next of some daemons, or fails as told; remembers from which it took over."""

    def __init__(self, *results: Fake | Exception) -> None:
        self.results = list(results)
        self.previous: list[str | None] = []

    def __call__(self, previous: Fake | None) -> Fake:
        self.previous.append(None if previous is None else previous.name)
        result = self.results.pop(0)
        if isinstance(result, Exception):
            raise result
        return result


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(number: signal.Signals, systemd: Systemd, logged: io.StringIO) -> None:
    history: list[str] = []
    only = Fake("first", history, lambda: signal.raise_signal(number))
    before = signal.getsignal(number)
    daemon.run(Builds(only), clock, Notifier(str(systemd.path)))
    assert history == ["first starts", "first ends"]
    assert systemd.told() == ["READY=1\nSTATUS=first is up", "STOPPING=1"]
    assert f"signal={number.name}" in logged.getvalue()
    assert signal.getsignal(number) == before


def test_a_hangup_swaps_in_the_new_one_after_the_old_has_ended(systemd: Systemd) -> None:
    history: list[str] = []
    builds = Builds(Fake("first", history, hangup), Fake("second", history, term))
    daemon.run(builds, clock, Notifier(str(systemd.path)))
    assert history == ["first starts", "first ends", "second starts", "second ends"]
    assert builds.previous == [None, "first"]
    assert systemd.told() == [
        "READY=1\nSTATUS=first is up",
        "RELOADING=1\nMONOTONIC_USEC=5000",
        "READY=1\nSTATUS=second is up",
        "STOPPING=1",
    ]


def test_a_hangup_that_changes_nothing_does_nothing(systemd: Systemd, logged: io.StringIO) -> None:
    history: list[str] = []

    def both() -> None:
        hangup()
        term()

    daemon.run(Builds(Fake("same", history, both), Fake("same", history, term)), clock, Notifier(str(systemd.path)))
    assert history == ["same starts", "same ends"]
    assert 'event="configuration unchanged"' in logged.getvalue()
    assert systemd.told() == [
        "READY=1\nSTATUS=same is up",
        "RELOADING=1\nMONOTONIC_USEC=5000",
        "READY=1\nSTATUS=same is up",
        "STOPPING=1",
    ]


def test_a_bad_configuration_leaves_the_old_one_undisturbed_and_says_so(systemd: Systemd, logged: io.StringIO) -> None:
    history: list[str] = []

    def both() -> None:
        hangup()
        term()

    builds = Builds(Fake("first", history, both), SettingsError("probe.hots: is not a known setting"))
    daemon.run(builds, clock, Notifier(str(systemd.path)))
    assert history == ["first starts", "first ends"]
    assert 'level=error event="the new configuration is wrong, the old one stays in effect"' in logged.getvalue()
    assert "probe.hots: is not a known setting" in logged.getvalue()
    assert systemd.told() == [
        "READY=1\nSTATUS=first is up",
        "RELOADING=1\nMONOTONIC_USEC=5000",
        "READY=1\nSTATUS=old configuration in effect: the new one is wrong",
        "STOPPING=1",
    ]


def test_one_that_cannot_start_gives_way_to_the_old_one(systemd: Systemd, logged: io.StringIO) -> None:
    history: list[str] = []
    steps = [hangup, term]
    first = Fake("first", history, lambda: steps.pop(0)())
    second = Fake("second", history, term, fails=SettingsError("probe.http.listen: the port is in use"))
    daemon.run(Builds(first, second), clock, Notifier(str(systemd.path)))
    assert history == [f"{name} {what}" for name in ("first", "second", "first") for what in ("starts", "ends")]
    assert "the new configuration cannot be started, back to the old one" in logged.getvalue()
    assert "the port is in use" in logged.getvalue()
    assert systemd.told()[-2:] == ["READY=1\nSTATUS=first is up", "STOPPING=1"]


def test_the_old_one_is_not_tried_for_ever(logged: io.StringIO) -> None:
    history: list[str] = []
    first = Fake("first", history, hangup)
    second = Fake("second", history, term, fails=SettingsError("second"))

    def build(previous: Fake | None) -> Fake:
        if previous is not None:
            first.fails = SettingsError("the old one's port is taken, too")
            return second
        return first

    with pytest.raises(SettingsError, match="the old one's port is taken, too"):
        daemon.run(build, clock, Notifier())
    assert history[-2:] == ["first starts", "first ends"]
    assert "second" in logged.getvalue()


def test_hangups_are_taken_one_after_the_other() -> None:
    history: list[str] = []

    def twice() -> None:
        hangup()
        hangup()

    builds = Builds(
        *[Fake(name, history, script) for name, script in zip("abc", [twice, lambda: None, term], strict=True)]
    )
    daemon.run(builds, clock, Notifier())
    assert builds.previous == [None, "a", "b"]
    assert history[-2:] == ["c starts", "c ends"]


@pytest.mark.parametrize("error", [SettingsError("collector.grpc.listen: in use"), ZeroDivisionError("a fault")])
def test_what_goes_wrong_comes_out_as_itself(error: Exception) -> None:
    with pytest.raises(type(error)) as caught:
        daemon.run(Builds(Fake("first", [], term, fails=error)), clock, Notifier())
    assert caught.value is error


def test_a_bad_first_configuration_is_an_error_at_once() -> None:
    with pytest.raises(SettingsError, match="no good"):
        daemon.run(Builds(SettingsError("no good")), clock, Notifier())


def test_of_several_errors_the_first_comes_out_and_the_others_are_logged(logged: io.StringIO) -> None:
    group = ExceptionGroup("all", [ExceptionGroup("some", [OSError("one")]), KeyError("two")])
    with pytest.raises(OSError, match="one"):
        daemon.run(Builds(Fake("first", [], term, fails=group)), clock, Notifier())
    assert "KeyError: 'two'" in logged.getvalue()


def test_an_error_while_it_ends_is_not_lost() -> None:
    class Clumsy(Fake):
        async def run(self, ready: Callable[[str], None]) -> None:
            try:
                await super().run(ready)
            finally:
                raise OSError("could not close")

    with pytest.raises(OSError, match="could not close"):
        daemon.run(Builds(Clumsy("first", [], term)), clock, Notifier())


def test_one_that_ends_by_itself_is_a_fault() -> None:
    class Short(Fake):
        async def run(self, ready: Callable[[str], None]) -> None:
            ready("done")

    with pytest.raises(RuntimeError, match="the daemon ended by itself"):
        daemon.run(Builds(Short("first", [], term)), clock, Notifier())


def test_the_watchdog_hears_from_it_until_the_end(systemd: Systemd) -> None:
    class Patient(Fake):
        """Ends after the watchdog was told three times, and takes its time over it."""

        async def run(self, ready: Callable[[str], None]) -> None:
            ready("up")
            try:
                await heard(3)
                term()
                await asyncio.Event().wait()
            finally:
                await heard(6)

    messages: list[str] = []

    async def heard(times: int) -> None:
        while messages.count("WATCHDOG=1") < times:
            await asyncio.sleep(0)
            messages.extend(systemd.told())

    daemon.run(Builds(Patient("first", [], term)), clock, Notifier(str(systemd.path), watchdog_seconds=0.003))
    assert messages.count("WATCHDOG=1") >= 6
    assert messages.index("STOPPING=1") < len(messages) - 1


def test_without_a_watchdog_nothing_is_sent(systemd: Systemd) -> None:
    daemon.run(Builds(Fake("first", [], term)), clock, Notifier(str(systemd.path)))
    assert "WATCHDOG=1" not in systemd.told()


def test_the_environment_says_where_systemd_is(systemd: Systemd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(systemd.path))
    daemon.run(Builds(Fake("first", [], term)), clock)
    assert systemd.told() == ["READY=1\nSTATUS=first is up", "STOPPING=1"]
