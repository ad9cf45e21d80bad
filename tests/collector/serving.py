"""A real service on loopback for the collector's tests, with a store that does as the test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio

from collector.server import GrpcServer, GrpcSettings
from collector.service import CollectorService
from collector.session import ToStore
from collector.state import State, StateSettings
from fabricscope.clock import system_clock
from fabricscope.model import HostIdentity
from fabricscope.tally import Tally
from fabricscope.v1 import stream_pb2_grpc
from tests.collector.wire import hello, identity


class Store:
    """Takes events; the test decides when they are durable."""

    def __init__(self) -> None:
        self.submitted: asyncio.Queue[tuple[HostIdentity, ToStore, asyncio.Future[None]]] = asyncio.Queue()
        self.full = False

    @property
    def behind(self) -> bool:
        return not self.submitted.empty()

    def offer(self, identity: HostIdentity, events: ToStore) -> asyncio.Future[None] | None:
        if self.full:
            return None
        durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.submitted.put_nowait((identity, events, durable))
        return durable


class Running:
    """A server on a free port, with all that it was given."""

    def __init__(self, settings: GrpcSettings) -> None:
        self.state = State(StateSettings())
        self.tally = Tally()
        self.store = Store()
        self.service = CollectorService(settings, self.state, self.store, self.tally, system_clock)
        self.server = GrpcServer(settings, self.service)

    def channel(self, credentials: grpc.ChannelCredentials | None = None) -> grpc.aio.Channel:
        if credentials is None:
            return grpc.aio.insecure_channel(f"127.0.0.1:{self.server.port}")
        return grpc.aio.secure_channel(f"localhost:{self.server.port}", credentials)


@asynccontextmanager
async def running(**settings: Any) -> AsyncIterator[Running]:
    it = Running(GrpcSettings(**{"listen": "127.0.0.1:0", "ack_messages": 1, **settings}))
    async with it.server:
        yield it


@asynccontextmanager
async def stream(channel: grpc.aio.Channel) -> AsyncIterator[Any]:
    async with channel:
        call = stream_pb2_grpc.CollectorServiceStub(channel).Stream()  # type: ignore[no-untyped-call]
        yield call
        call.cancel()


async def welcomed(call: Any, who: HostIdentity | None = None) -> None:
    await call.write(hello(who or identity()))
    response = await call.read()
    assert response.welcome.protocol == 1, response


async def refused(call: Any) -> grpc.aio.AioRpcError:
    """The error that the stream ends with."""
    try:
        while await call.read() is not grpc.aio.EOF:
            pass
    except grpc.aio.AioRpcError as error:
        return error
    return grpc.aio.AioRpcError(await call.code(), grpc.aio.Metadata(), grpc.aio.Metadata(), await call.details())
