"""What every answer of a BMC goes through: one host, bounded bodies, bounded time. Imported with the client library."""

from __future__ import annotations

import http.client
import io
import socket
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from probes.sources.redfish.values import ROOT
from probes.sources.redfish.walk import BmcError, Expired

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAX_REDIRECTS = 2
_PART = 65536


class _LateError(Exception):
    """The time is up; no OSError, of which urllib3 would make one of its own."""


class _Timed(io.RawIOBase):
    """What comes from a socket, with a look at the time before each wait for more.

    The socket's own timeout starts anew with each octet, so a head that trickles, or one of answers 100 without end,
    would never be over.
    """

    def __init__(self, raw: io.RawIOBase, remaining: Callable[[], float]) -> None:
        self._raw = raw
        self._remaining = remaining

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        """As the socket's. Raises _LateError, OSError."""
        if self._remaining() <= 0:
            raise _LateError
        return self._raw.readinto(buffer)

    def close(self) -> None:
        """Let go of the socket."""
        super().close()
        self._raw.close()


class Guard(HTTPAdapter):
    """Sends requests to one origin and reads answers up to a size, within what time there is left."""

    def __init__(self, origin: str, max_bytes: int, timeout: float, remaining: Callable[[], float]) -> None:
        """`remaining` gives the seconds until the walk has to be over; `timeout` bounds each wait on the network."""
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)
        self._origin = origin
        self._max_bytes = max_bytes
        self._timeout = timeout
        self._remaining = remaining

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """The answer with all of its body. Raises BmcError for one that is too long, too late or from elsewhere.

        Also what a redirect leads to comes through here.
        """
        url = request.url or ""
        where = urlsplit(url)
        if f"{where.scheme}://{where.netloc}".lower() != self._origin or not f"{where.path}/".startswith(f"{ROOT}/"):
            raise BmcError(f"it leads to {url[:200]!r}, which is not below {self._origin}{ROOT}")
        try:
            response = super().send(request, True, self._wait(), verify, cert, None)
            body = self._body(response, where.path)
        except _LateError as error:
            raise Expired(f"no time was left to wait for the rest of {where.path}") from error
        response.raw = io.BytesIO(body)
        return response

    def get_connection_with_tls_context(self, *args: Any, **settings: Any) -> Any:
        """The pool for a request (called by `send`), whose connections look at the time."""
        pool = super().get_connection_with_tls_context(*args, **settings)
        kind = type(pool).ConnectionCls
        pool.ConnectionCls = type(kind.__name__, (kind,), {"response_class": staticmethod(self._answer)})
        return pool

    def _answer(self, connection: socket.socket, *args: Any, **settings: Any) -> http.client.HTTPResponse:
        answer = http.client.HTTPResponse(connection, *args, **settings)
        answer.fp = io.BufferedReader(_Timed(answer.fp.detach(), self._remaining))
        return answer

    def _wait(self) -> float:
        seconds = min(self._timeout, self._remaining())
        if seconds <= 0:
            raise Expired("no time was left to ask for it")
        return seconds

    def _body(self, response: requests.Response, path: str) -> bytes:
        try:
            body = self._read(response, path)
        except (BmcError, _LateError):
            response.raw.close()
            raise
        except HTTPError as error:
            response.raw.close()
            raise BmcError(f"{path} ended early: {error}") from error
        response.raw.release_conn()
        return body

    def _read(self, response: requests.Response, path: str) -> bytes:
        encoding = response.headers.get("content-encoding", "identity").lower()
        if encoding != "identity":
            raise BmcError(f"{path} comes as {encoding[:32]!r} although identity was asked for")
        body = bytearray()
        # What has arrived, part by part: one octet a second is no timeout of the socket's.
        while part := response.raw.read1(_PART, decode_content=False):
            body += part
            if len(body) > self._max_bytes:
                raise BmcError(f"{path} has more than max_body_bytes ({self._max_bytes})")
            self._wait()
        return bytes(body)
