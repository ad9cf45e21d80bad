"""The life of a daemon: built from its configuration, run until a signal, rebuilt on SIGHUP.

SIGTERM and SIGINT end it. SIGHUP reads the configuration again: a good one replaces the running daemon in
this process, unless it sets nothing other than before. A bad one is logged and the old one goes on; one
that only shows itself to be bad when it starts, such as a port that is in use, is logged and the old one
starts again.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from fabricscope import log
from fabricscope.clock import Clock
from fabricscope.settings import SettingsError
from fabricscope.systemd import Notifier


class Daemon(Protocol):
    """A probe or a collector."""

    settings: Any
    """All that it was configured with; compared by `==`. Files that settings name it watches by itself."""

    async def run(self, ready: Callable[[str], None]) -> None:
        """Work until cancelled; call `ready` with one line of status when everything has started.

        Raises SettingsError when it cannot start as configured. May be called again when it has ended.
        """
        ...


AnyDaemon = TypeVar("AnyDaemon", bound=Daemon)


def run(build: Callable[[AnyDaemon | None], AnyDaemon], clock: Clock, notifier: Notifier | None = None) -> None:
    """Run the daemon that `build(previous)` makes, until SIGTERM or SIGINT. Call it from the main thread.

    `build` gets the daemon that runs, if one does, so that it can take over what should live on. It
    raises SettingsError for a bad configuration. What a daemon fails with is raised here as itself, unless
    it is a SettingsError while an older daemon is there to go back to. systemd is told through `notifier`, by
    default that of the environment.
    """
    asyncio.run(_Life(build, clock, notifier or Notifier.from_environment()).live())


class _Life(Generic[AnyDaemon]):
    def __init__(self, build: Callable[[AnyDaemon | None], AnyDaemon], clock: Clock, notifier: Notifier) -> None:
        self._build = build
        self._clock = clock
        self._notifier = notifier
        self._log = log.get("daemon")
        self._signals: asyncio.Queue[signal.Signals] = asyncio.Queue()
        self._started: AnyDaemon | None = None
        """The last daemon that got as far as being ready."""
        self._status = ""
        """What that one said when it was."""

    async def live(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._signals.put_nowait, number)
        daemon: AnyDaemon | None = self._build(None)
        while daemon is not None:
            try:
                daemon = await self._run_one(daemon)
            except SettingsError as error:
                if self._started is None or self._started is daemon:
                    raise
                self._log.error("the new configuration cannot be started, back to the old one", reason=str(error))
                daemon = self._started

    async def _run_one(self, daemon: AnyDaemon) -> AnyDaemon | None:
        """Run a daemon; the one that takes over after a SIGHUP, None when it is time to end."""
        try:
            async with asyncio.TaskGroup() as tasks:
                watchdog = tasks.create_task(self._keep_alive())
                working = tasks.create_task(self._work(daemon))
                successor = await self._successor(daemon)
                working.cancel()
                await asyncio.wait([working])
                watchdog.cancel()
        except ExceptionGroup as group:
            error, *others = _leaves(group)
            for other in others:
                self._log.error("failed as well", exc_info=other)
            raise error from None
        return successor

    async def _work(self, daemon: AnyDaemon) -> None:
        def ready(status: str) -> None:
            self._started, self._status = daemon, status
            self._notifier.ready(status)

        await daemon.run(ready)
        raise RuntimeError("the daemon ended by itself")

    async def _successor(self, daemon: AnyDaemon) -> AnyDaemon | None:
        while (number := await self._signals.get()) is signal.SIGHUP:
            self._notifier.reloading(self._clock())
            try:
                successor = self._build(daemon)
            except SettingsError as error:
                self._log.error("the new configuration is wrong, the old one stays in effect", reason=str(error))
                self._notifier.ready("old configuration in effect: the new one is wrong")
                continue
            if successor.settings == daemon.settings:
                self._log.info("configuration unchanged")
                self._notifier.ready(self._status)
                continue
            self._log.info("configuration reloaded")
            return successor
        self._log.info("stopping", signal=number.name)
        self._notifier.stopping()
        return None

    async def _keep_alive(self) -> None:
        """Tell the watchdog that the event loop turns."""
        if (limit := self._notifier.watchdog_seconds) is None:
            return
        while True:
            self._notifier.alive()
            await asyncio.sleep(limit / 3)


def _leaves(group: ExceptionGroup[Exception]) -> list[Exception]:
    """The plain exceptions in a group: what went wrong, without the scaffolding."""
    return [
        leaf
        for error in group.exceptions
        for leaf in (_leaves(error) if isinstance(error, ExceptionGroup) else [error])
    ]
