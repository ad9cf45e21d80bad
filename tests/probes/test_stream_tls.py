"""The stream over mTLS, and what its log says when an end does not prove who it is."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import grpc
import pytest
import trustme

from fabricscope.tls import TlsSettings
from tests.certificates import LONG_AGO, CertificateFiles
from tests.fixtures.fake_collector import FakeCollector
from tests.probes.conftest import LogLines
from tests.probes.desk import Desk


class Authority:
    """An authority, a probe's files, and collectors with its certificates."""

    def __init__(self, folder: Path) -> None:
        self.authority = trustme.CA()
        self.files = CertificateFiles(folder, self.authority)

    def probe(self, name: str, authority: trustme.CA | None = None) -> TlsSettings:
        """A probe's files; issued again when they are there."""
        self.files.put((authority or self.authority).issue_cert(name))
        return TlsSettings(cert_file=str(self.files.cert), key_file=str(self.files.key), ca_file=str(self.files.ca))

    def collector(self, issued: trustme.LeafCert | None = None) -> FakeCollector:
        """One with the certificate `issued`, else with a good one."""
        issued = issued or self.authority.issue_cert("127.0.0.1")
        chain = b"".join(part.bytes() for part in issued.cert_chain_pems)
        credentials = grpc.ssl_server_credentials(
            [(issued.private_key_pem.bytes(), chain)], self.authority.cert_pem.bytes(), require_client_auth=True
        )
        return FakeCollector(credentials=credentials)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def serial(stream: Any) -> str:
    """Of the certificate at the other end."""
    (pem,) = stream.context.auth_context()["x509_pem_cert"]
    return str(ssl.PEM_cert_to_DER_cert(pem.decode()))


async def test_both_ends_prove_who_they_are_and_a_renewed_certificate_is_used_at_the_next_connection(
    desk: Desk, authority: Authority
) -> None:
    tls = authority.probe("n1")
    async with authority.collector() as collector, desk.streaming(collector.address, tls=tls):
        stream = await collector.welcomed()
        first = serial(stream)
        stream.end()
        stream = await collector.welcomed()
        assert serial(stream) == first
        authority.probe("n1")
        stream.end()
        assert serial(await collector.welcomed()) != first


async def test_an_unknown_certificate_is_refused_and_the_log_says_where_to_look(
    desk: Desk, authority: Authority, log_lines: LogLines
) -> None:
    stranger = authority.probe("n1", trustme.CA())
    async with authority.collector() as collector, desk.streaming(collector.address, tls=stranger):
        await desk.counted(collector.address, "UNAVAILABLE")
        assert collector._streams.empty()
        assert "it may have refused this probe's certificate" in log_lines[0]["reason"]
        authority.probe("n1")
        await collector.welcomed()


async def test_unusable_files_are_said_and_the_old_ones_stay(
    desk: Desk, authority: Authority, log_lines: LogLines
) -> None:
    tls = authority.probe("n1")
    async with authority.collector() as collector, desk.streaming(collector.address, tls=tls):
        stream = await collector.welcomed()
        authority.files.cert.write_text("no certificate")
        stream.end()
        await collector.welcomed()
    (line,) = (line for line in log_lines if line["log_level"] == "error")
    assert line["event"] == "certificate files are unusable, the old ones stay in use"
    assert "cert.pem" in line["reason"]


async def test_plain_text_to_a_collector_that_wants_tls_is_told(
    desk: Desk, authority: Authority, log_lines: LogLines
) -> None:
    async with authority.collector() as collector, desk.streaming(collector.address):
        await desk.counted(collector.address, "UNAVAILABLE")
    assert "does it expect TLS?" in log_lines[0]["reason"]


@pytest.mark.parametrize(
    ("which", "hint"),
    [
        ("another name", "is not for this name"),
        ("another authority", "of an authority that probe.tls.ca_file does not hold"),
        ("expired", "is expired"),
    ],
)
async def test_a_collector_that_does_not_prove_itself_is_named_as_the_culprit(
    desk: Desk, authority: Authority, log_lines: LogLines, which: str, hint: str
) -> None:
    issued = {
        "another name": lambda: authority.authority.issue_cert("collector.example"),
        "another authority": lambda: trustme.CA().issue_cert("127.0.0.1"),
        "expired": lambda: authority.authority.issue_cert("127.0.0.1", **LONG_AGO),
    }[which]()
    async with (
        authority.collector(issued) as collector,
        desk.streaming(collector.address, tls=authority.probe("n1")),
    ):
        await desk.counted(collector.address, "UNAVAILABLE")
        assert collector._streams.empty()
    assert hint in log_lines[0]["reason"]
