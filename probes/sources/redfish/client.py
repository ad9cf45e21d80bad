"""The connection to a BMC, by DMTF's client library (`redfish`, an extra of this package; imported when it is used).

A session is kept from walk to walk, since BMCs have room for few. One that refuses the password is not asked again
soon: many lock the account after a few wrong ones.
"""

from __future__ import annotations

import ssl
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from fabricscope.clock import NANOSECONDS, Clock, system_clock
from probes.sources.redfish.password import read_password
from probes.sources.redfish.values import ROOT, at, flag, number, path
from probes.sources.redfish.walk import Absent, BmcError, Bounds, Expired, Refused, Walked, walk

REMEDY = "install it with `pip install 'fabricscope[redfish]'`"
MAX_BODIES = 6
"""A walk reads no more octets than so many of the longest answers have: all may wait in memory to be followed, where
the worst JSON takes 25 times its octets, and the probe may have 256 MiB (deploy/systemd).
"""
RETRY_LOGIN_NS = 900 * NANOSECONDS
"""After a refused login the next one waits this long, unless the password has changed."""

_ABSENT = frozenset({404, 405, 410, 501})
_LET_IN = range(200, 300)


class Account(NamedTuple):
    """Where the BMC is and who we are there."""

    url: str
    username: str
    password_file: str
    session: bool = True
    """Log in to a session; otherwise send the password with each request."""
    ca_file: str = ""
    verify: bool = True
    timeout_seconds: float = 10.0
    """The longest wait for the next octets."""
    max_body_bytes: int = 1 << 20


def unusable(account: Account) -> str | None:
    """What is wrong with an account before anything is sent; None when nothing is."""
    url = urlsplit(account.url)
    if url.scheme not in ("http", "https") or not url.hostname or url.path not in ("", "/") or url.query:
        return f"`url` is {account.url!r}; it has to be https://HOST or https://HOST:PORT"
    if url.username or url.password:
        return "`url` has a user in it; use `username` and `password_file`"
    if url.scheme == "http" and account.verify:
        return "`url` is http, which shows the password to everyone on the way; if that is meant, set `verify: false`"
    if not account.username or not account.password_file:
        return "`username` and `password_file` have to be set, too"
    if find_spec("redfish") is None:
        return f"the package redfish is not installed; {REMEDY}"
    return None


class Bmc:
    """One BMC. Every call may take as long as its budget, and is made from one thread at a time."""

    def __init__(self, account: Account, clock: Clock = system_clock) -> None:
        """Send nothing yet."""
        self._account = account
        self._clock = clock
        self._client: Any = None
        self._expires = 0
        self._room = 0
        """Octets that this walk may still read."""
        self._relogged = False
        self._levels = 0
        self._unexpanded: set[str] = set()
        """Collections that cannot be had in one piece."""
        self._refused: tuple[int, str] | None = None
        """When a password was last refused, and which."""

    def visit(self, bounds: Bounds, budget_ns: int) -> Walked:
        """Everything that is read of the BMC, within a time. Raises BmcError."""
        self._expires = self._clock().mono + budget_ns
        self._room = MAX_BODIES * self._account.max_body_bytes
        self._relogged = False
        if self._client is None:
            self._login()
        return walk(self, bounds)

    def get(self, link: str, levels: int) -> Any:
        """The decoded document at `link`; see walk.Source. Raises BmcError."""
        if 0 < levels <= self._levels and link not in self._unexpanded and "?" not in link:
            try:
                return self._get(link, {"$expand": f".($levels={levels})"})
            except _Inexpansible:
                self._unexpanded.add(link)
        return self._get(link, None)

    def close(self) -> None:
        """Log out and close the connection."""
        client, self._client = self._client, None
        if client is None:
            return
        self._expires = self._clock().mono + 2 * NANOSECONDS
        # Whatever goes wrong now is nobody's loss: the BMC ends the session by itself.
        with suppress(Exception):
            client.logout()
        with suppress(Exception):
            client._session.close()  # noqa: SLF001  logout leaves it open when the session is gone

    def _get(self, link: str, arguments: dict[str, str] | None) -> Any:
        if self._room <= 0:
            raise Expired(f"{link} was not asked for: this walk has read {MAX_BODIES} times max_body_bytes")
        response = self._asked(link, arguments)
        self._room -= len(response.read)
        if response.status == 401 and self._account.session and not self._relogged:
            # The session has ended, by time or because the BMC started anew.
            self._relogged = True
            self._begin_anew()
            response = self._asked(link, arguments)
        status = response.status
        if arguments is not None and status not in _LET_IN and status not in (401, 403):
            raise _Inexpansible(f"{link}: HTTP {status} with $expand")
        if status in _ABSENT:
            raise Absent(f"{link}: HTTP {status}")
        if status in (401, 403):
            kind = Refused if link == ROOT or status == 401 else BmcError
            raise kind(
                f"{link}: HTTP {status}: user {self._account.username!r} may not read it; give it ReadOnly or more"
            )
        if status not in _LET_IN:
            raise BmcError(f"{link}: HTTP {status}")
        return decoded(response.read, link)

    def _begin_anew(self) -> None:
        """Open a session of our own again, within the time of the walk."""
        expires = self._expires
        self.close()
        self._expires = expires
        self._login()

    def _asked(self, link: str, arguments: dict[str, str] | None) -> Any:
        try:
            return self._client.get(link, args=arguments, headers={"Accept-Encoding": "identity"})
        except Exception as error:  # the library raises anything, ours as the cause of its own
            raise _reason(error, self._account.url) from error

    def _login(self) -> None:
        """Open the connection and log in. Raises BmcError."""
        if (wrong := unusable(self._account)) is not None:
            raise BmcError(wrong)
        password = read_password(self._account.password_file)
        now = self._clock().mono
        if self._refused is not None and self._refused[1] == password and now - self._refused[0] < RETRY_LOGIN_NS:
            minutes = RETRY_LOGIN_NS // NANOSECONDS // 60
            raise Refused(
                f"{self._account.url} refused the password of {self._account.username!r}; the next attempt is "
                f"{minutes} minutes after that, or when {self._account.password_file} changes"
            )
        client = self._connected()
        try:
            self._prepare(client)
            self._authenticate(client, password, now)
        except BmcError:
            client._session.close()  # noqa: SLF001  there is no session of the BMC's to log out of
            raise
        self._client = client

    def _connected(self) -> Any:
        """A client of the library whose every answer goes through the guard."""
        from probes.sources.redfish.transport import MAX_REDIRECTS, Guard

        redfish = import_module("redfish")
        account = self._account
        where = urlsplit(account.url)
        origin = f"{where.scheme}://{where.netloc}".lower()
        guard = Guard(origin, account.max_body_bytes, account.timeout_seconds, self._remaining)
        client = redfish.redfish_client(
            base_url=origin,
            max_retry=0,  # its own way is to wait and ask again, ten times
            check_connectivity=False,
            cafile=_authorities(account) if account.verify else None,
            https_adapter=guard,
        )
        session = client._session  # noqa: SLF001  the library has no other way to it
        session.mount("http://", guard)
        session.trust_env = False  # no proxy and no .netrc of the environment gets between
        session.max_redirects = MAX_REDIRECTS
        return client

    def _prepare(self, client: Any) -> None:
        """Read the service root, which anyone may: where sessions are made, and whether collections can be expanded."""
        self._client = client
        try:
            response = self._asked(f"{ROOT}/", None)
        finally:
            self._client = None
        root: Any = {}
        if response.status in _LET_IN:
            root = decoded(response.read, ROOT)
            if not isinstance(root, dict):
                raise BmcError(f"{self._account.url}{ROOT} is no service root: {type(root).__name__}, not an object")
        elif response.status not in (401, 403):
            raise BmcError(f"{self._account.url}{ROOT}: HTTP {response.status}; is this a BMC with Redfish?")
        # What the library would ask for and parse without bounds.
        client.root, client.root_resp = {}, response
        client.login_url = path(at(root, "Links", "Sessions")) or f"{ROOT}/SessionService/Sessions"
        expand = at(root, "ProtocolFeaturesSupported", "ExpandQuery")
        deepest = number(at(expand, "MaxLevels")) or 1.0
        usable = flag(at(expand, "NoLinks")) and flag(at(expand, "Levels"))
        self._levels = int(min(deepest, 2)) if usable else 0

    def _authenticate(self, client: Any, password: str, now: int) -> None:
        rest = import_module("redfish.rest.v1")
        kind = rest.AuthMethod.SESSION if self._account.session else rest.AuthMethod.BASIC
        try:
            client.login(username=self._account.username, password=password, auth=kind)
        except rest.InvalidCredentialsError as error:
            self._refused = (now, password)
            raise Refused(
                f"{self._account.url} refused the password of {self._account.username!r} (HTTP 401); see "
                f"{self._account.password_file}"
            ) from error
        except Exception as error:  # the library raises anything for an answer that it does not expect
            raise _reason(error, self._account.url) from error
        self._refused = None
        if not self._account.session:
            return
        if not client.get_session_key():
            raise BmcError(f"{self._account.url} made a session without a key; try `session: false`")
        location = path(urlsplit(str(client.get_session_location() or "")).path)
        if location is None or not location.startswith(f"{client.login_url}/"):
            # Logging out deletes what is there, so that is not a BMC's to choose.
            client.set_session_location(f"{client.login_url}/unknown")

    def _remaining(self) -> float:
        return (self._expires - self._clock().mono) / NANOSECONDS


class _Inexpansible(BmcError):
    """A collection that the BMC does not expand."""


def _authorities(account: Account) -> str:
    """By whom certificates have to be signed: a file, or a directory. Raises BmcError when there is nobody.

    Without any the library would take every certificate.
    """
    defaults = ssl.get_default_verify_paths()
    found = account.ca_file or defaults.cafile or defaults.capath
    if not found:
        raise BmcError(
            "this host has no certificate authorities to check the BMC's certificate by: set `ca_file`, or install "
            "the system's (Debian package ca-certificates)"
        )
    return found


def decoded(body: Any, link: str) -> Any:
    """A document from its octets. Raises BmcError."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError, TypeError) as error:
        raise BmcError(f"{link} is no JSON: {error}") from error


def _reason(error: BaseException, url: str) -> BmcError:
    """Our own error out of the library's, which wraps it; or one that says what the library met."""
    cause: BaseException | None = error
    for _ in range(8):
        if isinstance(cause, BmcError):
            return cause
        if cause is None or cause.__cause__ is None:
            break
        cause = cause.__cause__
    shown = f"{type(cause).__name__}: {cause}"[:300]
    if "CERTIFICATE_VERIFY_FAILED" in str(cause):
        shown += "; set `ca_file` to the authority that signed the BMC's certificate, or to that certificate"
    return BmcError(f"{url}: {shown}")
