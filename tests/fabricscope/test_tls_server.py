import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from fabricscope.settings import SettingsError, convert
from fabricscope.tls_server import CurrentContext, TlsServerConfig, server_context

FILES = {"cert_file": "server.pem", "key_file": "server.key"}
MUTUAL = {**FILES, "client_auth_type": "RequireAndVerifyClientCert", "client_ca_file": "ca.pem"}


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def directory(tmp_path: Path, authority: trustme.CA) -> Path:
    """A server's certificate for localhost, its key, and the authority that signed it."""
    certificate = authority.issue_cert("localhost")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "server.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "server.key")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return tmp_path


def config_of(document: dict[str, object]) -> TlsServerConfig:
    return convert(document, TlsServerConfig, "tls_server_config")


def client_context(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    """A client that trusts the authority, with a certificate of its own for `names`."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    if names:
        authority.issue_cert(*names).configure_cert(context)
    return context


def workload_context(authority: trustme.CA, uri: str, directory: Path) -> ssl.SSLContext:
    """A client whose certificate names a URI, as SPIFFE's do; trustme makes none."""
    signer = load_pem_private_key(authority.private_key_pem.bytes(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    issuer = x509.load_pem_x509_certificate(authority.cert_pem.bytes())
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(issuer.not_valid_before_utc)
        .not_valid_after(issuer.not_valid_after_utc)
        .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)]), critical=True)
        .sign(signer, hashes.SHA256())
    )
    path = directory / "workload.pem"
    path.write_bytes(
        certificate.public_bytes(Encoding.PEM) + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    context = client_context(authority)
    context.load_cert_chain(path)
    return context


async def handshake(server: ssl.SSLContext, client: ssl.SSLContext) -> ssl.SSLObject:
    """Connect once over TLS and exchange a line, so that the server's refusal is seen under TLS 1.3 too."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            writer.write(await reader.readline())
            await writer.drain()
            writer.close()

    listener = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=server)
    async with listener:
        port = listener.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client, server_hostname="localhost")
        try:
            writer.write(b"hello\n")
            if await reader.readline() != b"hello\n":
                raise ConnectionError("closed without an answer")
            connection: ssl.SSLObject = writer.get_extra_info("ssl_object")
            return connection
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


@pytest.fixture
def refused() -> list[None]:
    return []


@pytest.fixture
def count(refused: list[None]) -> Callable[[], None]:
    return lambda: refused.append(None)


async def test_a_client_that_trusts_the_authority_gets_in(
    directory: Path, authority: trustme.CA, refused: list[None], count: Callable[[], None]
) -> None:
    connection = await handshake(server_context(config_of({**FILES}), directory, count), client_context(authority))
    assert connection.version() == "TLSv1.3"
    assert refused == []


async def test_versions_suites_and_curve_are_those_of_the_file(directory: Path, authority: trustme.CA) -> None:
    config = config_of(
        {
            **FILES,
            "max_version": "TLS12",
            "cipher_suites": ["TLS_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"],
            "prefer_server_cipher_suites": False,
            "curve_preferences": ["CurveP256"],
        }
    )
    context = server_context(config, directory, lambda: None)
    assert not context.options & ssl.OP_CIPHER_SERVER_PREFERENCE
    connection = await handshake(context, client_context(authority))
    assert connection.version() == "TLSv1.2"
    assert connection.cipher() == ("ECDHE-ECDSA-CHACHA20-POLY1305", "TLSv1.2", 256)


@pytest.mark.parametrize(
    ("kind", "bare", "foreign", "own"),
    [
        ("NoClientCert", True, True, True),
        ("RequestClientCert", True, True, True),
        ("VerifyClientCertIfGiven", True, False, True),
        ("RequireAndVerifyClientCert", False, False, True),
    ],
)
async def test_who_gets_in_by_client_auth_type(
    directory: Path,
    authority: trustme.CA,
    refused: list[None],
    count: Callable[[], None],
    kind: str,
    bare: bool,
    foreign: bool,
    own: bool,
) -> None:
    verifies = kind not in ("NoClientCert", "RequestClientCert")
    config = config_of({**FILES, "client_auth_type": kind, "client_ca_file": "ca.pem" if verifies else ""})
    server = server_context(config, directory, count)
    stranger = client_context(authority)
    trustme.CA().issue_cert("stranger").configure_cert(stranger)
    clients = {"bare": client_context(authority), "foreign": stranger, "own": client_context(authority, "ann")}
    gets_in = {}
    for name, client in clients.items():
        try:
            await handshake(server, client)
            gets_in[name] = True
        except OSError:
            gets_in[name] = False
    assert gets_in == {"bare": bare, "foreign": foreign, "own": own}
    assert len(refused) == list(gets_in.values()).count(False)


@pytest.mark.parametrize(
    ("names", "gets_in"),
    [
        (["ann.example"], True),
        (["other.example", "10.0.0.7"], True),
        (["ann@example.org"], True),
        (["other.example"], False),
    ],
)
async def test_only_allowed_names_get_in(
    directory: Path,
    authority: trustme.CA,
    refused: list[None],
    count: Callable[[], None],
    names: list[str],
    gets_in: bool,
) -> None:
    allowed = ["ann.example", "10.0.0.7", "spiffe://fabric.example/ann", "ann@example.org"]
    server = server_context(config_of({**MUTUAL, "client_allowed_sans": allowed}), directory, count)
    if gets_in:
        await handshake(server, client_context(authority, *names))
    else:
        with pytest.raises(OSError, match=r"."):
            await handshake(server, client_context(authority, *names))
    assert len(refused) == (0 if gets_in else 1)


@pytest.mark.parametrize(("uri", "gets_in"), [("spiffe://fabric.example/ann", True), ("spiffe://other/ann", False)])
async def test_a_workload_is_known_by_its_uri(directory: Path, authority: trustme.CA, uri: str, gets_in: bool) -> None:
    config = config_of({**MUTUAL, "client_allowed_sans": ["spiffe://fabric.example/ann"]})
    server, client = server_context(config, directory, lambda: None), workload_context(authority, uri, directory)
    if gets_in:
        await handshake(server, client)
    else:
        with pytest.raises(OSError, match=r"."):
            await handshake(server, client)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"cert_file": "a"}, "'key_file' is missing"),
        ({**FILES, "cert": "inline"}, "'cert' is not a known setting; did you mean 'cert_file'"),
        ({**FILES, "client_auth_type": "RequireAnyClientCert"}, "use RequireAndVerifyClientCert"),
        ({**FILES, "client_auth_type": "RequireClientCert"}, "use RequireAndVerifyClientCert"),
        ({**FILES, "client_auth_type": "Sometimes"}, "expected one of .*NoClientCert"),
        ({**FILES, "client_auth_type": "RequireAndVerifyClientCert"}, "needs a client_ca_file"),
        ({**FILES, "client_ca_file": "ca.pem"}, "no effect without client_auth_type"),
        ({**FILES, "client_allowed_sans": ["x"]}, "needs client_auth_type RequireAndVerifyClientCert"),
        ({**FILES, "min_version": "TLS13", "max_version": "TLS12"}, "min_version TLS13 is above max_version TLS12"),
        ({**FILES, "min_version": "TLS10"}, "expected one of TLS12, TLS13"),
        ({**FILES, "cipher_suites": ["TLS_RSA_WITH_RC4_128_SHA"]}, "TLS_RSA_WITH_RC4_128_SHA.* is not one of"),
        ({**FILES, "curve_preferences": ["X25519", "CurveP256"]}, "curve_preferences"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(document: dict[str, object], words: str) -> None:
    with pytest.raises(SettingsError, match=rf"tls_server_config.*{words}"):
        config_of(document)


def test_a_file_that_is_not_there_is_named(directory: Path) -> None:
    (directory / "server.key").unlink()
    with pytest.raises(SettingsError, match=r"server\.key: cannot be read: No such file"):
        server_context(config_of({**FILES}), directory, lambda: None)


def test_a_key_of_another_certificate_is_refused(directory: Path, authority: trustme.CA) -> None:
    authority.issue_cert("other").private_key_pem.write_to_path(directory / "server.key")
    with pytest.raises(SettingsError, match=r"server\.pem and .*server\.key.*same pair"):
        server_context(config_of({**FILES}), directory, lambda: None)


def test_an_encrypted_key_is_refused_without_asking_on_the_terminal(directory: Path) -> None:
    path = directory / "server.key"
    key = load_pem_private_key(path.read_bytes(), None)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")))
    with pytest.raises(SettingsError, match=r"server\.key: the key is encrypted"):
        server_context(config_of({**FILES}), directory, lambda: None)


def test_authorities_that_are_none_are_refused(directory: Path) -> None:
    (directory / "ca.pem").write_text("nothing")
    with pytest.raises(SettingsError, match=r"ca\.pem: holds no PEM certificate"):
        server_context(config_of({**MUTUAL}), directory, lambda: None)


async def test_each_connection_gets_the_context_of_its_time(directory: Path, authority: trustme.CA) -> None:
    contexts = [
        server_context(config_of({**FILES}), directory, lambda: None),
        server_context(config_of({**MUTUAL}), directory, lambda: None),
    ]
    server = CurrentContext.of(lambda: contexts[0])
    await handshake(server, client_context(authority))
    del contexts[0]
    with pytest.raises(OSError, match=r"."):
        await handshake(server, client_context(authority))
    await handshake(server, client_context(authority, "ann"))
