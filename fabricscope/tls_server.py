"""The TLS side of an HTTP listener, set up as `tls_server_config` of a web configuration file says."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from fabricscope.settings import SettingsError
from fabricscope.tls import load_authorities, load_pair

_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}

_CIPHERS = {
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": "ECDHE-ECDSA-AES128-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": "ECDHE-ECDSA-AES256-SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": "ECDHE-RSA-AES128-SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": "ECDHE-RSA-AES256-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
}
"""The file's names (those of IANA) in OpenSSL's words; the suites of TLS 1.2 that Go calls secure."""

_CIPHERS_TLS13 = frozenset({"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"})
"""May be listed and change nothing: TLS 1.3 always offers its own suites."""

_CURVES = {"CurveP256": "prime256v1", "CurveP384": "secp384r1", "CurveP521": "secp521r1", "X25519": "X25519"}

_VERIFIED = {
    "NoClientCert": ssl.CERT_NONE,
    # Asked for and looked at by nobody: the same as not asking.
    "RequestClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}


class TlsServerConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys and clients of a listener; paths are relative to the web configuration file."""

    cert_file: Annotated[str, Meta(min_length=1, description="PEM file: certificate, then intermediate ones.")]
    key_file: Annotated[str, Meta(min_length=1, description="PEM file: the certificate's key, not encrypted.")]
    client_auth_type: Annotated[
        Literal[
            "NoClientCert",
            "RequestClientCert",
            "RequireClientCert",
            "RequireAnyClientCert",
            "VerifyClientCertIfGiven",
            "RequireAndVerifyClientCert",
        ],
        Meta(description="Whether clients show a certificate; RequireAndVerifyClientCert is the one that protects."),
    ] = "NoClientCert"
    client_ca_file: Annotated[str, Meta(description="PEM file: authorities that sign clients' certificates.")] = ""
    client_allowed_sans: Annotated[
        list[str],
        Meta(description="DNS names, URIs, addresses or e-mail addresses; a client's certificate must have one."),
    ] = []
    min_version: Literal["TLS12", "TLS13"] = "TLS12"
    max_version: Literal["TLS12", "TLS13"] = "TLS13"
    cipher_suites: Annotated[list[str], Meta(description="Suites for TLS 1.2 by their IANA names.")] = []
    prefer_server_cipher_suites: bool = True
    curve_preferences: Annotated[
        list[Literal["CurveP256", "CurveP384", "CurveP521", "X25519"]],
        Meta(max_length=1, description="The only curve for key exchange; this server takes at most one."),
    ] = []

    def __post_init__(self) -> None:
        if self.client_auth_type in ("RequireClientCert", "RequireAnyClientCert"):
            raise ValueError(
                f"client_auth_type {self.client_auth_type} takes a certificate from anybody and is not supported; "
                "use RequireAndVerifyClientCert"
            )
        verifies = _VERIFIED[self.client_auth_type] is not ssl.CERT_NONE
        if verifies and not self.client_ca_file:
            raise ValueError(f"client_auth_type {self.client_auth_type} needs a client_ca_file")
        if self.client_ca_file and not verifies:
            raise ValueError("client_ca_file has no effect without client_auth_type RequireAndVerifyClientCert")
        if self.client_allowed_sans and self.client_auth_type != "RequireAndVerifyClientCert":
            raise ValueError("client_allowed_sans needs client_auth_type RequireAndVerifyClientCert")
        if self.min_version > self.max_version:
            raise ValueError(f"min_version {self.min_version} is above max_version {self.max_version}")
        for suite in self.cipher_suites:
            if suite not in _CIPHERS and suite not in _CIPHERS_TLS13:
                raise ValueError(f"cipher suite {suite!r} is not one of {', '.join(_CIPHERS)}")

    def files(self, directory: Path) -> list[Path]:
        """The files that the context is made from."""
        names = [self.cert_file, self.key_file, self.client_ca_file]
        return [directory / name for name in names if name]


def server_context(config: TlsServerConfig, directory: Path, on_refused: Callable[[], None]) -> ssl.SSLContext:
    """A context for the listener; `on_refused` is called for each handshake that fails.

    Raises SettingsError, naming the file, for one that cannot be read or holds something else.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[config.min_version]
    context.maximum_version = _VERSIONS[config.max_version]
    context.options |= ssl.OP_NO_RENEGOTIATION
    if not config.prefer_server_cipher_suites:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    if suites := [_CIPHERS[suite] for suite in config.cipher_suites if suite in _CIPHERS]:
        context.set_ciphers(":".join(suites))
    for curve in config.curve_preferences:
        context.set_ecdh_curve(_CURVES[curve])
    for file in config.files(directory):
        _check_readable(file)
    load_pair(context, directory / config.cert_file, directory / config.key_file)
    if config.client_ca_file:
        load_authorities(context, directory / config.client_ca_file)
    context.verify_mode = _VERIFIED[config.client_auth_type]
    context.sslobject_class = _handshake(frozenset(config.client_allowed_sans), on_refused)
    return context


def _check_readable(file: Path) -> None:
    """OpenSSL's own error does not say which file it is about."""
    try:
        with file.open("rb"):
            pass
    except OSError as error:
        raise SettingsError(f"{file}: cannot be read: {error.strerror}; check the path and its permissions") from error


def _handshake(allowed_sans: frozenset[str], on_refused: Callable[[], None]) -> type[ssl.SSLObject]:
    """A connection's TLS state that counts refusals, and checks the client's names once it is verified."""

    class Handshake(ssl.SSLObject):
        def do_handshake(self) -> None:
            try:
                super().do_handshake()
                if allowed_sans and not allowed_sans.intersection(_names(self)):
                    raise ssl.SSLCertVerificationError("no name of the client's certificate is in client_allowed_sans")
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                raise
            except ssl.SSLError:
                on_refused()
                raise

    return Handshake


def _names(connection: ssl.SSLObject) -> Iterator[str]:
    certificate: Any = connection.getpeercert() or {}
    for kind, value in certificate.get("subjectAltName", ()):
        if kind in ("DNS", "URI", "IP Address", "email"):
            yield value


class CurrentContext(ssl.SSLContext):
    """Hands each new connection to the context that `source` gives at that time.

    A listener keeps the context that it was started with. asyncio asks that one for every connection's TLS
    state by `wrap_bio`, so this is where a renewed certificate, authority or policy comes in.
    """

    source: Callable[[], ssl.SSLContext]

    @classmethod
    def of(cls, source: Callable[[], ssl.SSLContext]) -> CurrentContext:
        """A context that is whatever `source` gives."""
        context = cls(ssl.PROTOCOL_TLS_SERVER)
        context.source = source
        return context

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        """The TLS state of one connection."""
        return self.source().wrap_bio(*args, **kwargs)
