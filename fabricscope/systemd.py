"""What a daemon tells systemd: ready, reloading, stopping, alive. Nothing where systemd is not.

The protocol is that of sd_notify(3): one datagram of `KEY=value` lines for each message.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

from fabricscope import log
from fabricscope.model import Now

_log = log.get("systemd")


class Notifier:
    """Sends to the socket that systemd names in the environment."""

    def __init__(self, address: str = "", watchdog_seconds: float | None = None) -> None:
        self._address = address
        self._failed = False
        self.watchdog_seconds = watchdog_seconds
        """How long systemd waits for `alive` before it kills the unit; None when it does not watch."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ, pid: int | None = None) -> Notifier:
        """The notifier for the process `pid` (this one when None) that systemd started with `environment`."""
        own = str(os.getpid() if pid is None else pid)
        watchdog = None
        # The variables are inherited: those of a parent's unit must not make its children answer.
        if environment.get("WATCHDOG_PID", own) == own:
            text = environment.get("WATCHDOG_USEC", "")
            watchdog = int(text) / 1e6 if text.isascii() and text.isdigit() and int(text) > 0 else None
        return cls(environment.get("NOTIFY_SOCKET", ""), watchdog)

    def ready(self, status: str = "") -> None:
        """Start, or reload, is complete."""
        self._send("READY=1", status)

    def reloading(self, now: Now) -> None:
        """The configuration is being read again; `ready` ends it."""
        self._send("RELOADING=1", extra=f"MONOTONIC_USEC={now.mono // 1000}")

    def stopping(self) -> None:
        """The daemon is on its way out."""
        self._send("STOPPING=1")

    def alive(self) -> None:
        """Keep the watchdog quiet; due at least every half of `watchdog_seconds`."""
        self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        """One line for `systemctl status`."""
        self._send("", text)

    def _send(self, message: str, status: str = "", extra: str = "") -> None:
        if not self._address:
            return
        one_line = " ".join(status.split())
        lines = [message, extra, f"STATUS={one_line}" if one_line else ""]
        # A leading @ stands for the NUL of Linux's abstract addresses, which no file has.
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.sendto("\n".join(filter(None, lines)).encode(), address)
        except OSError as error:
            # Once is enough: without READY or WATCHDOG systemd acts, and its journal tells.
            if not self._failed:
                _log.warning("systemd cannot be told", socket=self._address, error=str(error))
            self._failed = True
