"""Flows of a replay to a collector, by the spool and the stream of a probe: it has them when they are on its disk."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path

from fabricscope import __version__
from fabricscope.clock import Clock
from fabricscope.codec import encode_flows
from fabricscope.flow import Flow
from fabricscope.model import Hint, HostIdentity
from fabricscope.settings import SettingsError
from fabricscope.tally import Tally
from fabricscope.tls import CredentialFiles
from probes import session
from probes.message import MessageKind
from probes.outbox import SpoolOutbox
from probes.settings import ProbeSettings
from probes.sources import host
from probes.spool import Spool, SpoolSettings
from probes.stream import Stream

AT_ONCE = 200
"""Flows in a message."""
_LOOK_SECONDS = 0.05


class NotSentError(Exception):
    """No collector took the flows."""


class Sender:
    """Keeps flows on disk while files are read; `send` gives them to a collector."""

    def __init__(self, settings: ProbeSettings, folder: Path, clock: Clock) -> None:
        """Raises SettingsError when there is no collector to send to."""
        if not settings.collectors:
            raise SettingsError("probe.collectors names nobody to send flows to: --set probe.collectors='[HOST:PORT]'")
        self._settings = settings
        self._clock = clock
        self._where = SpoolSettings(path=str(folder / "flows.db"), max_bytes=1 << 40)
        self._spool = Spool(self._where, clock().mono)

    def add(self, flows: Sequence[Flow]) -> None:
        """Keep flows."""
        for first in range(0, len(flows), AT_ONCE):
            part = flows[first : first + AT_ONCE]
            payload = encode_flows(part).SerializeToString()
            self._spool.append(MessageKind.FLOWS, payload, len(part), self._clock().mono, [])

    def send(self, patience_seconds: float) -> None:
        """Send everything. Raises NotSentError when a collector refuses some, or takes none for so long."""
        self._spool.close()
        asyncio.run(self._drain(patience_seconds))

    async def _drain(self, patience_seconds: float) -> None:
        tally = Tally()
        outbox = SpoolOutbox(lambda: Spool(self._where, self._clock().mono), self._clock, tally)
        credentials = None if self._settings.tls is None else CredentialFiles(self._settings.tls)
        stream = Stream(
            self._settings.stream, self._settings.collectors, outbox, credentials, tally, self._clock, _ignore
        )
        name = self._settings.host or host.host_name()
        boot_id = host.boot_id(self._settings.roots.procfs())
        identity = HostIdentity(name, boot_id, await outbox.epoch(), self._settings.labels, __version__)
        sending = asyncio.ensure_future(stream.run(identity))
        try:
            left = len(await outbox.pending(0, 1))
            waited = 0.0
            while left and waited < patience_seconds:
                await asyncio.sleep(_LOOK_SECONDS)
                before, left = left, await self._left(outbox)
                waited = 0.0 if left != before else waited + _LOOK_SECONDS
        finally:
            sending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sending
            await outbox.close()
        refused = sum(int(row.value or 0) for row in tally.readings() if row.spec is session.REFUSED)
        if left or refused:
            where = ", ".join(self._settings.collectors)
            raise NotSentError(f"{where}: {left} messages were not taken, {refused} were refused; the log says why")

    async def _left(self, outbox: SpoolOutbox) -> int:
        """Messages that are not acknowledged."""
        return len(await outbox.pending(0, 1 << 40))


def _ignore(_: Hint) -> None:
    """A replay acts on no hints."""
