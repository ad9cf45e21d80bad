"""The collector's composition root: the only place where its parts are put together."""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from collector import own_metrics
from collector.api import Sources, make_app
from collector.handshakes import REFUSED as HANDSHAKES_REFUSED
from collector.handshakes import HandshakeLog
from collector.server import GrpcServer
from collector.service import CollectorService
from collector.session import ToStore
from collector.settings import CollectorSettings, exporter_settings
from collector.state import DEFAULT_CLUSTER, State
from collector.store import (
    Origin,
    Store,
    StoredEvent,
    StoredFlow,
    StoreError,
    StoreReader,
    StoreUnavailableError,
    StoreWriter,
)
from fabricscope import __version__, log
from fabricscope.assemble import Assembler
from fabricscope.clock import NANOSECONDS, Clock
from fabricscope.exporter import make_exporters, run_exporter
from fabricscope.flow import Flow
from fabricscope.http import HttpServer
from fabricscope.model import Event, HostIdentity, Snapshot, Target
from fabricscope.settings import SettingsError
from fabricscope.tally import Tally

SWEEP_SECONDS = 1.0


class Collector:
    """One collector, from its settings. Building it checks them; `run` does the work."""

    def __init__(self, settings: CollectorSettings, clock: Clock, previous: Collector | None = None) -> None:
        """`previous` is the collector that this one takes over from: what it knows of hosts lives on.

        Raises SettingsError for settings that do not fit what is installed.
        """
        self.settings = settings
        self._clock = clock
        self._log = log.get("collector")
        self._exporter_settings = exporter_settings(settings)
        self.state = State(settings.state, own_metrics.OWN, own_metrics.SHARED)
        self.tally = Tally()
        if previous is not None:
            self.tally = previous.tally
            if previous.state.settings == settings.state:
                self.state = previous.state
        self._own = own_metrics.OwnMetrics(self.tally, __version__)
        self._assembler = Assembler(own_metrics.NAME, int(SWEEP_SECONDS * NANOSECONDS))
        # Events that the collector makes itself need a place in the store's order, too.
        self._epoch = f"collector-{uuid.uuid4().hex}"
        self._sequences = itertools.count(1)

    def snapshot(self) -> Snapshot:
        """What this collector shows at /metrics: every host, and itself."""
        now = self._clock()
        self._own.observe(self.state.hosts(now))
        own = Target((), [self._assembler.assemble(self.tally.readings(), now)])
        # First, so that its families are as it declares them.
        return [own, *self.state.snapshot(now)]

    async def run(self, ready: Callable[[str], None]) -> None:
        """Receive, store and serve until cancelled. Raises SettingsError when it cannot start as configured."""
        with ExitStack() as undo:
            self._watch_handshakes(undo)
            log.configure(self.settings.log)
            store = self._open_store(undo)
            sink = _Sink(StoreWriter(store, self.tally), self._clock)
            reader = StoreReader(store)
            exporters = make_exporters(self._exporter_settings, self.snapshot)
            routes = [route for exporter in exporters for route in exporter.routes()]
            app = make_app(Sources(self.state, reader, self._clock, self.settings.grpc.listen), routes)
            service = CollectorService(self.settings.grpc, self.state, sink, self.tally, self._clock)
            try:
                async with (
                    HttpServer(app, self.settings.http, "collector.http", self.tally) as http,
                    GrpcServer(self.settings.grpc, service) as server,
                    asyncio.TaskGroup() as tasks,
                ):
                    tasks.create_task(sink.run())
                    for exporter in exporters:
                        tasks.create_task(run_exporter(exporter, self.tally))
                    self._log.info("started", grpc_port=server.port, http=http.url)
                    ready(f"receiving on port {server.port}, serving {http.url}")
                    await self._sweep_forever(sink)
            finally:
                await reader.close()

    def _open_store(self, undo: ExitStack) -> Store:
        """The store; the embedded one is open. A server is left to the writer, which tries until it answers.

        Before anything listens: loading the embedded engine takes seconds and changes the working
        directory for a moment.
        """
        store = Store(self.settings.store, Path(self.settings.data_dir))
        undo.callback(store.close)
        if self.settings.store.embedded:
            try:
                store.open()
            except StoreUnavailableError as error:
                self._log.warning("store unavailable, events wait on the probes until it is there", reason=str(error))
            except StoreError as error:
                raise SettingsError(str(error)) from error
        return store

    async def _sweep_forever(self, sink: _Sink) -> None:
        """Notice hosts that fall silent or come back, and write it down."""
        while True:
            for identity, event in self.state.sweep(self._clock()):
                self._log.info(event.kind, message=event.message)
                own = replace(identity, epoch=self._epoch)
                sink.offer(own, ToStore(next(self._sequences), [event]))
            await asyncio.sleep(SWEEP_SECONDS)

    def _watch_handshakes(self, undo: ExitStack) -> None:
        if self.settings.grpc.tls is None:
            return
        loop = asyncio.get_running_loop()
        patience = log.Patience()

        def refused(reason: str) -> None:
            loop.call_soon_threadsafe(count, reason)

        def count(reason: str) -> None:
            self.tally.add(HANDSHAKES_REFUSED, reason)
            if patience.allows(reason, self._clock()):
                self._log.warning(
                    "TLS handshake refused; more for this reason are only counted for a minute. gRPC does not tell "
                    "whose: the log of the probe that cannot connect says so there",
                    reason=reason,
                )

        watching = HandshakeLog(refused)
        watching.start()
        undo.callback(watching.stop)


class _Sink:
    """The store's writer as the service sees it: events and flows of a host in, rows out."""

    def __init__(self, writer: StoreWriter, clock: Clock) -> None:
        self._writer = writer
        self._clock = clock

    @property
    def behind(self) -> bool:
        """Whether the store is away, or nearly so."""
        return self._writer.behind

    def offer(self, identity: HostIdentity, given: ToStore) -> asyncio.Future[None] | None:
        """Queue what one message carries; None when there is no room."""
        cluster = identity.labels.get("cluster") or DEFAULT_CLUSTER
        received = self._clock().wall
        events: list[StoredEvent] = []
        flows: list[StoredFlow] = []
        items: Sequence[Event | Flow] = given.items
        for position, item in enumerate(items):
            origin = Origin(cluster, identity.host, identity.epoch, given.sequence, position, received)
            if isinstance(item, Flow):
                flows.append(StoredFlow(origin, item))
            else:
                events.append(StoredEvent(origin, item))
        return self._writer.try_submit(flows or events)

    async def run(self) -> None:
        """Write until cancelled. Raises SettingsError when the store needs an operator."""
        try:
            await self._writer.run()
        except StoreError as error:
            raise SettingsError(str(error)) from error
