"""Flows of a replay to a collector, by the spool and the stream of a probe: it has them when they are on its disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
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
from probes.outbox import MESSAGES, SpoolOutbox
from probes.settings import ProbeSettings
from probes.sources import host
from probes.spool import Spool, SpoolSettings
from probes.stream import Stream

AT_ONCE = 200
"""Flows in a message."""
_MONTH = 30 * 86400.0


class NotSentError(Exception):
    """No collector took the flows."""


class _Watched(SpoolOutbox):
    """Tells when a collector acknowledged something."""

    def __init__(self, open_spool: Callable[[], Spool], clock: Clock, tally: Tally) -> None:
        super().__init__(open_spool, clock, tally)
        self.acknowledged = asyncio.Event()

    async def acknowledge(self, sequence: int, durable_sequence: int, refused: Sequence[int]) -> None:
        """As the outbox does, and tell it."""
        await super().acknowledge(sequence, durable_sequence, refused)
        self.acknowledged.set()


class Sender:
    """Keeps flows on disk while files are read; `send` gives them to a collector."""

    def __init__(self, settings: ProbeSettings, folder: Path, clock: Clock) -> None:
        """Raises SettingsError when there is no collector to send to, or its certificates cannot be used."""
        if not settings.collectors:
            raise SettingsError("probe.collectors names nobody to send flows to: --set probe.collectors='[HOST:PORT]'")
        self._settings = settings
        self._clock = clock
        self._credentials = None if settings.tls is None else CredentialFiles(settings.tls)
        # Neither what is much nor what is old is given up: all of it goes away with its folder.
        self._where = SpoolSettings(path=str(folder / "flows.db"), max_bytes=1 << 40, max_age_seconds=_MONTH)
        self._spool = Spool(self._where, clock().mono)

    def add(self, flows: Sequence[Flow]) -> None:
        """Keep flows."""
        for first in range(0, len(flows), AT_ONCE):
            part = flows[first : first + AT_ONCE]
            payload = encode_flows(part).SerializeToString()
            self._spool.append(MessageKind.FLOWS, payload, len(part), self._clock().mono, [])

    def close(self) -> None:
        """Close the spool."""
        self._spool.close()

    def send(self, patience_seconds: float) -> None:
        """Send everything. Raises NotSentError when a collector refuses some, or takes none for so long."""
        self._spool.close()
        asyncio.run(self._drain(patience_seconds))

    async def _drain(self, patience_seconds: float) -> None:
        tally = Tally()
        outbox = _Watched(lambda: Spool(self._where, self._clock().mono), self._clock, tally)
        stream = Stream(
            self._settings.stream, self._settings.collectors, outbox, self._credentials, tally, self._clock, _ignore
        )
        name = self._settings.host or host.host_name()
        boot_id = host.boot_id(self._settings.roots.procfs())
        identity = HostIdentity(name, boot_id, await outbox.epoch(), self._settings.labels, __version__)
        try:
            async with asyncio.TaskGroup() as tasks:
                sending = tasks.create_task(stream.run(identity))
                with suppress(TimeoutError):
                    while await outbox.pending(0, 1):
                        async with asyncio.timeout(patience_seconds):
                            await outbox.acknowledged.wait()
                        outbox.acknowledged.clear()
                sending.cancel()
        finally:
            await outbox.close()
        values = {row.spec: row.value or 0 for row in tally.readings() if row.spec in (MESSAGES, session.REFUSED)}
        left, refused = (int(values.get(spec, 0)) for spec in (MESSAGES, session.REFUSED))
        if left or refused:
            where = ", ".join(self._settings.collectors)
            raise NotSentError(
                f"{where}: {left} messages of up to {AT_ONCE} flows were not taken, {refused} were refused"
            )


def _ignore(_: Hint) -> None:
    """A replay acts on no hints."""
