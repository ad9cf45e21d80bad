"""The HTTP listener of both daemons: an app on one address, behind a web configuration file if there is one."""

from __future__ import annotations

import asyncio
import errno
import socket
from email.utils import formatdate
from pathlib import Path
from types import TracebackType
from typing import Annotated, Self

import uvicorn
from msgspec import Meta, Struct
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from fabricscope import web_config
from fabricscope.model import PREFIX, Kind, MetricSpec
from fabricscope.settings import SettingsError
from fabricscope.tally import Tally
from fabricscope.tls import split_address
from fabricscope.web_config import Guard, WebConfig

RESPONSES = MetricSpec(
    name=f"{PREFIX}http_responses_total",
    kind=Kind.COUNTER,
    help="Answers by status code.",
    labels=("code",),
)
CONNECTIONS_REFUSED = MetricSpec(
    name=f"{PREFIX}http_connections_refused_total",
    kind=Kind.COUNTER,
    help="Connections closed unanswered: too many at once, or no request in time.",
    labels=("reason",),
)
METRICS = (RESPONSES, CONNECTIONS_REFUSED, *web_config.METRICS)

MAX_CONNECTIONS = 256
MAX_HEAD_BYTES = 16 * 1024
"""Of a request's first line and headers."""
REQUEST_SECONDS = 10
"""From a connection to its first request."""
KEEP_ALIVE_SECONDS = 75
"""Above the usual scrape intervals, so that Prometheus keeps its connection and its TLS session."""
STOP_SECONDS = 5
"""What requests under way have to end when the listener stops."""


LISTEN_HELP = "HOST:PORT, or :PORT for every interface; IPv6 in brackets, as [::1]:7452. Port 0 takes a free one."


class HttpSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where HTTP is served; a daemon's own settings say where by default."""

    listen: Annotated[str, Meta(description=LISTEN_HELP)]
    web_config: Annotated[
        str | None,
        Meta(description="Web configuration file with TLS and users, in the format of Prometheus' exporters."),
    ] = None

    def __post_init__(self) -> None:
        try:
            split_address(self.listen, "listen")
        except SettingsError as error:
            raise ValueError(str(error)) from error


class HttpServer:
    """Serves an app from entry to exit; requests under way at exit have STOP_SECONDS to end.

    `where` is the settings' key, for messages. Entry raises SettingsError when the address cannot be had
    or the web configuration cannot be used.
    """

    def __init__(self, app: ASGIApp, settings: HttpSettings, where: str, tally: Tally) -> None:
        self._app = app
        self._settings = settings
        self._where = where
        self._tally = tally
        self.url = ""
        """Where a person on this machine finds it, with the port that was taken for port 0."""

    async def __aenter__(self) -> Self:
        guard, context = self._app, None
        if path := self._settings.web_config:
            try:
                files = WebConfig(Path(path), self._tally)
            except SettingsError as error:
                raise SettingsError(f"{self._where}.web_config: {error}") from error
            guard, context = Guard(self._app, files, self._tally), files.context()
        config = uvicorn.Config(
            _Outermost(guard, self._tally),
            http=_limited(self._tally),
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            # Its warnings are about what clients do, one for each time.
            log_level="error",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            ssl_context_factory=(lambda _config, _default: context) if context else None,
            h11_max_incomplete_event_size=MAX_HEAD_BYTES,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
        config.load()
        self._socket = listening_socket(*split_address(self._settings.listen, self._where), f"{self._where}.listen")
        host, _ = split_address(self._settings.listen, self._where)
        shown = f"[{host}]" if ":" in host else host or "localhost"
        self.url = f"{'https' if context else 'http'}://{shown}:{self._socket.getsockname()[1]}"
        # Not by `uvicorn.Server.serve`, which takes over the process's signals and wakes up ten times a second.
        self._server = uvicorn.Server(config)
        self._server.lifespan = config.lifespan_class(config)
        await self._server.startup(sockets=[self._socket])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._server.shutdown(sockets=[self._socket])
        for connection in list(self._server.server_state.connections):
            connection.transport.abort()


def listening_socket(host: str, port: int, where: str) -> socket.socket:
    """A listening socket; on every interface, IPv4 and IPv6, when `host` is empty.

    Raises SettingsError, naming the setting `where`, with the remedy.
    """
    try:
        if host:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            # A name that has both means 127.0.0.1 to most who write it.
            family, _, _, _, place = min(found, key=lambda info: info[0] != socket.AF_INET)
            return socket.create_server(place, family=family)
        if socket.has_dualstack_ipv6():
            try:
                return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
            except OSError as error:
                if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):  # IPv6 built in, but switched off
                    raise
        return socket.create_server(("", port))
    except (socket.gaierror, UnicodeError) as error:
        raise SettingsError(
            f"{where}: {host!r} is no host name that resolves; write an address, or :{port} for every interface"
        ) from error
    except OSError as error:
        raise SettingsError(f"{where}: cannot listen on {host}:{port}: {_remedy(error, port)}") from error


def _remedy(error: OSError, port: int) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return f"the port is in use; stop the process that `ss -ltnp sport = :{port}` names, or set another port"
        case errno.EACCES:
            return "not permitted; set a port above 1023, or grant CAP_NET_BIND_SERVICE"
        case errno.EADDRNOTAVAIL:
            return f"this machine does not have that address; write :{port} to listen on every interface"
    return error.strerror or str(error)


class _Outermost:
    """ASGI: dates and counts every answer, those of the guard too."""

    def __init__(self, app: ASGIApp, tally: Tally) -> None:
        self._app = app
        self._tally = tally

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._tally.add(RESPONSES, str(message["status"]))
                date = (b"date", formatdate(usegmt=True).encode())
                message = {**message, "headers": [*message.get("headers", ()), date]}
            await send(message)

        await self._app(scope, receive, counting)


def _limited(tally: Tally) -> type[H11Protocol]:
    """The connections of uvicorn with the bounds they lack: how many, and how long until the first request."""

    class LimitedProtocol(H11Protocol):
        deadline: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
            super().connection_made(transport)
            if len(self.connections) > MAX_CONNECTIONS:
                tally.add(CONNECTIONS_REFUSED, "too_many")
                transport.abort()
            else:
                self.deadline = self.loop.call_later(REQUEST_SECONDS, self.check_requested)

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            if self.deadline:
                self.deadline.cancel()

        def check_requested(self) -> None:
            if self.cycle is None:
                tally.add(CONNECTIONS_REFUSED, "no_request")  # type: ignore[unreachable]  # uvicorn says it never is
                self.transport.abort()

    return LimitedProtocol
