"""Who a certificate speaks for, which addresses need one, and files that change under a running daemon."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st

from fabricscope.settings import SettingsError
from fabricscope.tls import (
    MAX_PEM_BYTES,
    CredentialFiles,
    TlsSettings,
    is_loopback,
    load_authorities,
    load_pair,
    names_of_peer,
    read_credentials,
    require_protection,
    split_address,
)

# --- addresses


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [
        ("127.0.0.1:7450", "127.0.0.1", 7450),
        ("[::1]:7450", "::1", 7450),
        ("[fe80::1%eth0]:1", "fe80::1%eth0", 1),
        (":7450", "", 7450),
        ("node7.example:0", "node7.example", 0),
        ("localhost:65535", "localhost", 65535),
    ],
)
def test_splits_an_address(address: str, host: str, port: int) -> None:
    assert split_address(address, "listen") == (host, port)


@pytest.mark.parametrize(
    "address",
    ["", "7450", "node7", "node7:", "node7:http", "node7:-1", "node7:٣", "a:" + "9" * 5000,
     "[::1]", "[::1]:", "[::1:7450", "::1]:7450", "[[::1]]:1", "[]:1", "http://node7:7450", "node7:1:2x"],
)  # fmt: skip
def test_names_the_setting_and_the_address_that_is_none(address: str) -> None:
    with pytest.raises(SettingsError, match=r"^collector\.grpc\.listen: .* is no address; expected HOST:PORT"):
        split_address(address, "collector.grpc.listen")


def test_says_which_ports_there_are() -> None:
    with pytest.raises(SettingsError, match=r"^listen: ':65536' is no address; the port is 0 to 65535$"):
        split_address(":65536", "listen")


def test_shows_how_an_ipv6_address_is_written() -> None:
    with pytest.raises(SettingsError, match=r"an IPv6 address stands in brackets: \[fe80::1\]:7450"):
        split_address("fe80::1:7450", "listen")


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_an_error(text: str) -> None:
    try:
        host, port = split_address(text, "listen")
    except SettingsError:
        return
    assert 0 <= port <= 65535
    assert not set("[]/") & set(host)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1"])
def test_is_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::", "10.0.0.7", "node7", "localhost.example", "127.0.0.1.example"])
def test_is_not_loopback(host: str) -> None:
    assert not is_loopback(host)


TLS = TlsSettings(cert_file="c", key_file="k", ca_file="a")


@pytest.mark.parametrize(
    ("address", "tls", "plaintext"),
    [
        ("127.0.0.1:1", None, False),
        ("[::1]:1", None, False),
        (":1", TLS, False),
        (":1", None, True),
        ("n7:1", TLS, True),
    ],
)
def test_is_protected_enough(address: str, tls: TlsSettings | None, plaintext: bool) -> None:
    require_protection(address, tls, plaintext, "listen")


@pytest.mark.parametrize("address", [":7450", "0.0.0.0:7450", "[::]:7450", "node7:7450"])
def test_plain_text_leaves_the_machine_only_when_asked_for_in_as_many_words(address: str) -> None:
    with pytest.raises(SettingsError) as caught:
        require_protection(address, None, False, "probe.collectors")
    for word in ("probe.collectors", repr(address), "`tls:`", "cert_file", "`plaintext: true`"):
        assert word in str(caught.value)


# --- names


@pytest.mark.parametrize(
    ("properties", "names"),
    [
        ({}, set()),
        ({"peer_dns": [b"node7", b"node7.example"]}, {"node7", "node7.example"}),
        ({"peer_spiffe_id": [b"spiffe://fabric.example/host/node7"]}, {"node7"}),
        ({"peer_ip": [b"10.0.0.7"]}, {"10.0.0.7"}),
        ({"peer_dns": [b"*.example"]}, {"*.example"}),  # no host name has a star in it
    ],
)
def test_names_that_a_certificate_gives(properties: dict[str, list[bytes]], names: set[str]) -> None:
    assert names_of_peer(properties) == names


@pytest.mark.parametrize(
    "properties",
    [
        {"x509_common_name": [b"node7"], "x509_subject_alternative_name": [b"node7"]},
        {"peer_email": [b"node7"]},
        {"peer_uri": [b"spiffe://fabric.example/host/node7", b"spiffe://fabric.example/host/node8"]},
        {"peer_spiffe_id": [b"spiffe://fabric.example/ns/default/sa/node7"]},
        {"peer_spiffe_id": [b"spiffe://fabric.example/tenant/host/node7"]},
        {"peer_spiffe_id": [b"spiffe://fabric.example/host/a/node7"]},
        {"peer_spiffe_id": [b"spiffe://fabric.example/host/x/../node7"]},
        {"peer_spiffe_id": [b"spiffe://fabric.example/node7"]},
        {"peer_spiffe_id": [b"spiffe://fabric.example/host/node7/"]},
        {"peer_spiffe_id": [b"spiffe://fabric.example/host/x?/host/node7"]},
        {"peer_spiffe_id": [b"spiffe://fabric.example/host/node7#x"]},
        {"peer_spiffe_id": [b"https://fabric.example/host/node7"]},
        {"peer_spiffe_id": [b"spiffe://[/host/node7"]},
        {"peer_spiffe_id": [b""]},
        {"peer_dns": [b"node7\x00.example", b"node\xff7"]},
    ],
)
def test_what_does_not_speak_for_the_host(properties: dict[str, list[bytes]]) -> None:
    assert "node7" not in names_of_peer(properties)


@given(st.dictionaries(st.sampled_from(["peer_dns", "peer_ip", "peer_spiffe_id"]), st.lists(st.binary(max_size=60))))
def test_any_names_are_text(properties: dict[str, list[bytes]]) -> None:
    assert all(names_of_peer(properties))


# --- files


AUTHORITY = trustme.CA()
EXPIRES = datetime.datetime(2100, 1, 1, tzinfo=datetime.UTC)


class Files:
    """The three files of one end, to be written over."""

    def __init__(self, directory: Path) -> None:
        self.cert, self.key, self.ca = directory / "cert.pem", directory / "key.pem", directory / "ca.pem"
        self.settings = TlsSettings(cert_file=str(self.cert), key_file=str(self.key), ca_file=str(self.ca))
        self.ca.write_bytes(AUTHORITY.cert_pem.bytes())
        self.renew()

    def renew(self) -> None:
        leaf = AUTHORITY.issue_cert("node7", not_after=EXPIRES)
        self.key.write_bytes(leaf.private_key_pem.bytes())
        self.cert.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_reads_the_three_files(files: Files) -> None:
    read = read_credentials(files.settings)
    assert (read.chain, read.key, read.roots) == (
        files.cert.read_bytes(),
        files.key.read_bytes(),
        files.ca.read_bytes(),
    )


def encrypted(key: bytes) -> bytes:
    return serialization.load_pem_private_key(key, None).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"correct horse"),
    )


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda f: f.cert.unlink(), r"cert\.pem: cannot be read: No such file or directory; check the path"),
        (lambda f: (f.ca.unlink(), f.ca.mkdir()), r"ca\.pem: cannot be read: Is a directory"),
        (lambda f: f.cert.write_bytes(b"junk"), r"cert\.pem and .*key\.pem are no PEM certificate with its key"),
        (lambda f: f.cert.write_bytes(b""), r"cert\.pem and .*key\.pem are no PEM certificate with its key"),
        (lambda f: f.cert.write_bytes(f.key.read_bytes()), r"cert\.pem and .*key\.pem are no PEM certificate"),
        (
            lambda f: f.key.write_bytes(trustme.CA().private_key_pem.bytes()),
            "check that both files are of the same pair",
        ),
        (lambda f: f.key.write_bytes(encrypted(f.key.read_bytes())), r"key\.pem: the key is encrypted"),
        (lambda f: f.ca.write_bytes(b"junk"), r"ca\.pem: holds no PEM certificate"),
        (lambda f: f.ca.write_bytes(f.key.read_bytes()), r"ca\.pem: holds no PEM certificate"),
        (lambda f: f.ca.write_bytes(b"#" * (MAX_PEM_BYTES + 1)), r"ca\.pem: is larger than 1048576 bytes"),
    ],
)
def test_a_bad_file_is_named_at_the_start_and_keeps_the_old_later(files: Files, spoil: object, reason: str) -> None:
    running = CredentialFiles(files.settings)
    before = running.current
    secret = files.key.read_text().splitlines()[1]
    spoil(files)  # type: ignore[operator]
    with pytest.raises(SettingsError, match=reason) as caught:
        running.refresh()
    assert secret not in str(caught.value)
    assert running.current is before
    assert not running.refresh(), "said once"
    with pytest.raises(SettingsError, match=reason):
        CredentialFiles(files.settings)


def test_nothing_is_read_while_nothing_changes(files: Files) -> None:
    running = CredentialFiles(files.settings)
    before = running.current
    assert not running.refresh()
    assert running.current is before


def test_renewed_files_are_taken_up_when_both_are_there(files: Files) -> None:
    running = CredentialFiles(files.settings)
    before, old_cert = running.current, files.cert.read_bytes()
    files.renew()
    new_cert = files.cert.read_bytes()
    files.cert.write_bytes(old_cert)
    with pytest.raises(SettingsError, match="same pair"):
        running.refresh()
    assert running.current is before
    files.cert.write_bytes(new_cert)
    assert running.refresh()
    assert running.current.chain == new_cert


def test_a_file_written_again_with_the_same_content_is_no_change(files: Files, tmp_path: Path) -> None:
    running = CredentialFiles(files.settings)
    fresh = tmp_path / "fresh"
    fresh.write_bytes(files.ca.read_bytes())
    fresh.replace(files.ca)
    assert not running.refresh()


def test_a_missing_pair_is_named(files: Files, tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with pytest.raises(SettingsError, match=r"nothing or .*key\.pem: cannot be read: No such file"):
        load_pair(context, tmp_path / "nothing", files.key)
    with pytest.raises(SettingsError, match="nothing: cannot be read"):
        load_authorities(context, tmp_path / "nothing")
