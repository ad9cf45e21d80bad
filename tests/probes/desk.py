"""A probe's spool with a stream from it, for tests against a collector on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fabricscope.model import HostIdentity, MetricSpec
from fabricscope.settings import convert
from fabricscope.tally import Tally
from fabricscope.tls import CredentialFiles, TlsSettings
from probes.outbox import SpoolOutbox
from probes.spool import Spool, SpoolSettings
from probes.stream import FAILURES, Stream, StreamSettings
from tests.probes.made import at

QUICK = {"backoff_seconds": 1e-3, "backoff_max_seconds": 1e-2}
NOBODY = "127.0.0.1:1"
"""Where nothing listens."""


class HeardTally(Tally):
    """One that can be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.counted = asyncio.Event()

    def add(self, spec: MetricSpec, *labels: str, by: float = 1) -> None:
        super().add(spec, *labels, by=by)
        self.counted.set()


class Desk:
    """A spool, its outbox and a stream from it."""

    def __init__(self, folder: Path) -> None:
        self.tally = HeardTally()
        self.spool = Spool(SpoolSettings(path=str(folder / "spool.db")), 0)
        self.outbox = SpoolOutbox(lambda: self.spool, lambda: at(0), self.tally)

    @asynccontextmanager
    async def streaming(
        self, *collectors: str, tls: TlsSettings | None = None, host: str = "n1", **settings: Any
    ) -> AsyncIterator[None]:
        """Streams to the collectors while entered."""
        stream = Stream(
            convert({**QUICK, **settings}, StreamSettings, "stream"),
            collectors,
            self.outbox,
            None if tls is None else CredentialFiles(tls),
            self.tally,
            lambda: at(0),
            lambda _: None,
        )
        identity = HostIdentity(host, "boot", self.spool.epoch, {}, "0.1.0")
        running = asyncio.create_task(stream.run(identity))
        try:
            yield
        finally:
            running.cancel()
            await asyncio.wait([running])
            assert running.cancelled(), running.exception()

    async def counted(self, *labels: str, least: int = 1) -> None:
        """The failures under these labels have been counted."""
        while self.tally.get(FAILURES, *labels) < least:
            self.tally.counted.clear()
            await self.tally.counted.wait()

    async def emptied(self) -> None:
        """The spool has nothing left."""
        while await self.outbox.pending(0, 1 << 20):
            pass
