"""The Prometheus ecosystem's web configuration file: TLS, users and headers of an HTTP listener.

The format is that of Prometheus' exporter-toolkit (its docs/web-configuration.md), so one file can serve
this daemon and the exporters beside it. The file and the certificates that it names are read again
when they change.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from msgspec import Meta, Struct, field
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fabricscope import log
from fabricscope.basic_auth import BasicAuth, Users
from fabricscope.config_file import read_file
from fabricscope.model import PREFIX, Kind, MetricSpec
from fabricscope.settings import EXPECTED, SettingsError, convert
from fabricscope.tally import Tally
from fabricscope.tls_server import CurrentContext, TlsServerConfig, server_context

RELOADS = MetricSpec(
    name=f"{PREFIX}http_web_config_reloads_total",
    kind=Kind.COUNTER,
    help="Changes of the web configuration or its certificates: taken, or refused and the old one kept.",
    labels=("outcome",),
)
UNAUTHORIZED = MetricSpec(
    name=f"{PREFIX}http_unauthorized_total",
    kind=Kind.COUNTER,
    help="Requests answered with 401: credentials were missing or wrong.",
    labels=("credentials",),
)
HANDSHAKES_REFUSED = MetricSpec(
    name=f"{PREFIX}http_tls_handshakes_refused_total",
    kind=Kind.COUNTER,
    help="TLS handshakes that failed, such as for a missing or unknown client certificate.",
)
METRICS = (RELOADS, UNAUTHORIZED, HANDSHAKES_REFUSED)

_log = log.get("http")

_HeaderValue = Annotated[
    str, Meta(pattern=r"^[ -~]*\Z", max_length=4096, extra={EXPECTED: "printable ASCII on one line"})
]


class ResponseHeaders(
    Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    rename={
        "content_security_policy": "Content-Security-Policy",
        "x_frame_options": "X-Frame-Options",
        "x_content_type_options": "X-Content-Type-Options",
        "x_xss_protection": "X-XSS-Protection",
        "strict_transport_security": "Strict-Transport-Security",
    },
):
    """Headers that are put on every response; an empty one is left out."""

    content_security_policy: _HeaderValue = ""
    x_frame_options: Literal["", "deny", "sameorigin"] = ""
    x_content_type_options: Literal["", "nosniff"] = ""
    x_xss_protection: _HeaderValue = ""
    strict_transport_security: _HeaderValue = ""


class HttpServerConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is said over HTTP."""

    http2: Annotated[bool, Meta(description="Taken for the format's sake; what is spoken here is HTTP/1.1.")] = True
    headers: ResponseHeaders = field(default_factory=ResponseHeaders)


class WebConfigFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file as it is written."""

    tls_server_config: TlsServerConfig | None = None
    http_server_config: HttpServerConfig = field(default_factory=HttpServerConfig)
    basic_auth_users: Annotated[dict[str, str], Meta(description="Names with bcrypt hashes of their passwords.")] = {}


class _Loaded(NamedTuple):
    users: Users
    headers: list[tuple[bytes, bytes]]
    context: ssl.SSLContext | None


_Stamp = tuple[int, int, int] | None


class WebConfig:
    """A web configuration file in use. Raises SettingsError, naming the file, when it cannot be used.

    Once in use, what becomes bad is logged and counted, and the last good state stays. To drop TLS or the
    last user takes a restart.
    """

    def __init__(self, path: Path, tally: Tally) -> None:
        self._path = path
        self._tally = tally
        self._stamps: dict[Path, _Stamp] = {}
        self._loaded = self._load()

    def context(self) -> ssl.SSLContext | None:
        """The context for a listener, which follows the file; None without TLS."""
        first = self._loaded.context
        return None if first is None else CurrentContext.of(lambda: self.current().context or first)

    def current(self) -> _Loaded:
        """What the files say now; a look at their times unless they changed."""
        if all(_stamp(path) == stamp for path, stamp in self._stamps.items()):
            return self._loaded
        try:
            loaded = self._load()
            self._refuse_open(loaded)
        except SettingsError as error:
            self._tally.add(RELOADS, "refused")
            _log.error("web configuration changed for the worse; the last good one stays", reason=str(error))
        else:
            self._tally.add(RELOADS, "taken")
            _log.info("web configuration or certificate changed and was read again", path=str(self._path))
            self._loaded = loaded
        return self._loaded

    def _load(self) -> _Loaded:
        # Stamps are taken before the content, so that a change in between is seen next time.
        self._stamps = {self._path: _stamp(self._path)}
        document = read_file(self._path)
        try:
            config = convert(document, WebConfigFile, "")
            users = Users(config.basic_auth_users)
        except SettingsError as error:
            raise SettingsError(f"{self._path}: {str(error).lstrip('.: ')}") from error
        context = None
        if config.tls_server_config is not None:
            directory = self._path.parent
            self._stamps |= {file: _stamp(file) for file in config.tls_server_config.files(directory)}
            context = server_context(config.tls_server_config, directory, self._count_refused)
        headers = config.http_server_config.headers
        names = zip(headers.__struct_encode_fields__, headers.__struct_fields__, strict=True)
        pairs = [(name.lower().encode(), getattr(headers, attribute).encode()) for name, attribute in names]
        return _Loaded(users, [pair for pair in pairs if pair[1]], context)

    def _refuse_open(self, loaded: _Loaded) -> None:
        """A file that is just being written, and empty for a moment, must not open the door."""
        if (loaded.context is None) != (self._loaded.context is None):
            raise SettingsError(f"{self._path}: tls_server_config came or went; restart to switch TLS on or off")
        if self._loaded.users and not loaded.users:
            raise SettingsError(f"{self._path}: basic_auth_users went; restart to serve without authentication")

    def _count_refused(self) -> None:
        self._tally.add(HANDSHAKES_REFUSED)


def _stamp(path: Path) -> _Stamp:
    """Changes when the file does: time, size and inode; None when it is not there."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


class Guard:
    """ASGI: puts the configured headers on every response, and lets in who the configuration names."""

    def __init__(self, app: ASGIApp, config: WebConfig, tally: Tally) -> None:
        self._app = app
        self._config = config
        self._tally = tally
        self._auth = BasicAuth()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        loaded = self._config.current()

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *loaded.headers]}
            await send(message)

        app = self._app
        if loaded.users:
            authorization = Headers(scope=scope).get("authorization", "")
            if not await self._auth.allows(loaded.users, authorization):
                self._tally.add(UNAUTHORIZED, "wrong" if authorization else "missing")
                app = PlainTextResponse(
                    "Unauthorized\n", 401, {"WWW-Authenticate": 'Basic realm="fabricscope", charset="UTF-8"'}
                )
        await app(scope, receive, send_with_headers)
