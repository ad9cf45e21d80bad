"""mTLS between probe and collector, and what plain text is allowed for."""

from __future__ import annotations

import ipaddress
import re
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NoReturn
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from fabricscope.settings import SettingsError

MAX_PEM_BYTES = 1 << 20

_ADDRESS = re.compile(r"(?:\[([^\[\]\s/]+)\]|([^\[\]/:]*)):([0-9]{1,5})")
_BARE_IPV6 = re.compile(r"([0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*):([0-9]{1,5})")


class TlsSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Files of one end of mTLS, in PEM. They are read again when they change."""

    cert_file: Annotated[str, Meta(description="Certificate chain of this end.")]
    key_file: Annotated[str, Meta(description="Private key of that certificate, not encrypted.")]
    ca_file: Annotated[str, Meta(description="Authorities that the other end's certificate must come from.")]


@dataclass(frozen=True, slots=True)
class Credentials:
    """The contents of the three files of a `TlsSettings`."""

    chain: bytes
    key: bytes
    roots: bytes


def read_credentials(settings: TlsSettings) -> Credentials:
    """The three files as they are now. Raises SettingsError naming the file that cannot be used."""
    chain, key, roots = (_read(path) for path in _paths(settings))
    # gRPC's core would take anything here and then fail every handshake, without saying why.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    load_pair(context, Path(settings.cert_file), Path(settings.key_file))
    load_authorities(context, Path(settings.ca_file))
    return Credentials(chain, key, roots)


def load_pair(context: ssl.SSLContext, cert: Path, key: Path) -> None:
    """Give `context` its certificate and key. Raises SettingsError naming the files when they do not fit."""
    try:
        context.load_cert_chain(cert, key, password=_refuse_encrypted)
    except ssl.SSLError as error:
        raise SettingsError(
            f"{cert} and {key} are no PEM certificate with its key ({error.reason or error}); "
            "check that both files are of the same pair"
        ) from error
    except _EncryptedKeyError as error:
        raise SettingsError(f"{key}: the key is encrypted; write it without a passphrase (openssl pkey)") from error
    except OSError as error:
        raise _unreadable(f"{cert} or {key}", error) from error


def load_authorities(context: ssl.SSLContext, path: Path) -> None:
    """Have `context` trust the authorities in a file. Raises SettingsError naming it when there are none in it."""
    try:
        context.load_verify_locations(path)
    except ssl.SSLError as error:
        raise SettingsError(f"{path}: holds no PEM certificate ({error.reason or error})") from error
    except OSError as error:
        raise _unreadable(str(path), error) from error


class _EncryptedKeyError(Exception):
    pass


def _refuse_encrypted() -> NoReturn:
    """Stand in for OpenSSL's own question, which would block the daemon on its terminal."""
    raise _EncryptedKeyError


def _paths(settings: TlsSettings) -> tuple[str, str, str]:
    return settings.cert_file, settings.key_file, settings.ca_file


def _read(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_PEM_BYTES + 1)
    except OSError as error:
        raise _unreadable(path, error) from error
    if len(content) > MAX_PEM_BYTES:
        raise SettingsError(f"{path}: is larger than {MAX_PEM_BYTES} bytes; name the right file")
    return content


def _unreadable(path: str, error: OSError) -> SettingsError:
    return SettingsError(f"{path}: cannot be read: {error.strerror}; check the path and its permissions")


class CredentialFiles:
    """The credentials of a `TlsSettings`, re-read when a file's identity, size or time changes."""

    def __init__(self, settings: TlsSettings) -> None:
        """Raises SettingsError naming the file that cannot be used."""
        self._settings = settings
        self._signature = self._sign()
        self.current = read_credentials(settings)

    def refresh(self) -> bool:
        """Take up changed files; True when there is something new in them.

        Raises SettingsError when they are bad: the old credentials stay, and nothing is said about the
        same bad files a second time.
        """
        signature = self._sign()
        if signature == self._signature:
            return False
        self._signature = signature
        fresh = read_credentials(self._settings)
        changed = fresh != self.current
        self.current = fresh
        return changed

    def _sign(self) -> tuple[tuple[int, int, int], ...]:
        """What changes when a file is replaced or written. Taken before reading, so that no change is missed."""
        rows = []
        for path in _paths(self._settings):
            try:
                stat = Path(path).stat()
                rows.append((stat.st_ino, stat.st_size, stat.st_mtime_ns))
            except OSError:
                rows.append((0, 0, 0))
        return tuple(rows)


def names_of_peer(properties: Mapping[str, Iterable[bytes]]) -> set[str]:
    """The host names that a verified peer's certificate gives it.

    `properties` is gRPC's authentication context. What counts are subject alternative names: DNS names,
    IP addresses as text, and NAME of a SPIFFE id with the path `/host/NAME`. Other URIs, e-mail addresses
    and the common name do not: whoever issues those need not have meant a host.
    """
    names = {_text(name) for kind in ("peer_dns", "peer_ip") for name in properties.get(kind, ())}
    # gRPC gives this one only for a certificate with exactly one URI, as SPIFFE wants it.
    names |= {_host_of_spiffe_id(_text(name)) for name in properties.get("peer_spiffe_id", ())}
    return names - {""}


def _text(name: bytes) -> str:
    return name.decode("utf-8", "replace")


def _host_of_spiffe_id(identifier: str) -> str:
    """`node7` for `spiffe://fabric.example/host/node7`; empty for the id of anything but a host.

    Not any last segment: `/ns/default/sa/node7` is a service account that a tenant may name as they like.
    """
    try:
        parts = urlsplit(identifier)
    except ValueError:
        return ""
    directory, _, name = parts.path.rpartition("/")
    plain = parts.scheme == "spiffe" and not parts.query and not parts.fragment
    return name if plain and directory == "/host" else ""


def is_loopback(host: str) -> bool:
    """Whether an address, or `localhost`, never leaves this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def split_address(address: str, what: str) -> tuple[str, int]:
    """Host and port of `host:port`, `[v6]:port` or `:port` (every address).

    Raises SettingsError, naming the setting `what`, for anything else.
    """
    if (match := _ADDRESS.fullmatch(address)) is not None and int(match[3]) <= 65535:
        return match[1] or match[2], int(match[3])
    remedy = "expected HOST:PORT, such as 127.0.0.1:7450"
    if (bare := _BARE_IPV6.fullmatch(address)) is not None:
        remedy = f"an IPv6 address stands in brackets: [{bare[1]}]:{bare[2]}"
    elif match is not None:
        remedy = "the port is 0 to 65535"
    raise SettingsError(f"{what}: {address[:100]!r} is no address; {remedy}")


def require_protection(address: str, tls: TlsSettings | None, plaintext: bool, what: str) -> None:
    """Raise SettingsError unless `address` is loopback, TLS is set up, or plain text is asked for in as many words."""
    host, _ = split_address(address, what)
    if tls is None and not plaintext and not is_loopback(host):
        raise SettingsError(
            f"{what}: {address!r} is not loopback and no TLS is set up; add `tls:` with cert_file, key_file and "
            "ca_file, or say `plaintext: true` if anyone on that network may read and forge what is sent"
        )
