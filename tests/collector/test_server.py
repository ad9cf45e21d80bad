"""The listener on loopback: its address, health, reflection, and who may speak."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from collector.server import SERVICE, GrpcSettings
from collector.service import HELLOS_REFUSED
from fabricscope.clock import system_clock
from fabricscope.settings import SettingsError, convert
from fabricscope.tls import TlsSettings
from tests.certificates import LONG_AGO, CertificateFiles
from tests.collector.serving import Running, refused, running, stream, welcomed
from tests.collector.wire import hello, identity


async def test_health_and_reflection_answer() -> None:
    async with running() as it, it.channel() as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)
        answer = await health.Check(health_pb2.HealthCheckRequest(service=SERVICE))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        reflection: Any = reflection_pb2_grpc.ServerReflectionStub(channel)  # type: ignore[arg-type]
        call = reflection.ServerReflectionInfo()
        await call.write(reflection_pb2.ServerReflectionRequest(list_services=""))
        listed = (await call.read()).list_services_response.service
        assert SERVICE in {row.name for row in listed}
        call.cancel()


async def test_a_port_in_use_is_named_with_a_remedy() -> None:
    async with running() as it:
        taken = Running(GrpcSettings(listen=f"127.0.0.1:{it.server.port}"))
        with pytest.raises(SettingsError, match=f"{it.server.port}.*in use"):
            await taken.server.__aenter__()


def test_plain_text_beyond_loopback_must_be_asked_for() -> None:
    with pytest.raises(SettingsError, match="plaintext: true"):
        convert({"listen": ":7450"}, GrpcSettings, "collector.grpc")
    assert convert({"listen": ":7450", "plaintext": True}, GrpcSettings, "collector.grpc").plaintext
    assert convert({"listen": "[::1]:7450"}, GrpcSettings, "collector.grpc").tls is None


class Authority:
    """Certificates for the tests, and the collector's files."""

    def __init__(self, folder: Path) -> None:
        self.ca = trustme.CA()
        self.files = CertificateFiles(folder, self.ca)
        self.settings = TlsSettings(
            cert_file=str(self.files.cert), key_file=str(self.files.key), ca_file=str(self.files.ca)
        )
        self.files.put(self.ca.issue_cert("localhost"))

    def credentials(self, leaf: trustme.LeafCert | None) -> grpc.ChannelCredentials:
        roots = self.ca.cert_pem.bytes()
        if leaf is None:
            return grpc.ssl_channel_credentials(roots)
        chain = b"".join(pem.bytes() for pem in leaf.cert_chain_pems)
        return grpc.ssl_channel_credentials(roots, leaf.private_key_pem.bytes(), chain)

    def spiffe(self, identifier: str) -> grpc.ChannelCredentials:
        """Credentials with a SPIFFE id, which trustme cannot make."""
        authority_key = serialization.load_pem_private_key(self.ca.private_key_pem.bytes(), None)
        assert isinstance(authority_key, ec.EllipticCurvePrivateKey)
        authority = x509.load_pem_x509_certificate(self.ca.cert_pem.bytes())
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.now(datetime.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(authority.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(identifier)]), critical=True)
            .sign(authority_key, hashes.SHA256())
        )
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        chain = certificate.public_bytes(serialization.Encoding.PEM)
        return grpc.ssl_channel_credentials(self.ca.cert_pem.bytes(), private, chain)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.mark.parametrize("names", [["n1"], ["n1.example", "n1"]])
async def test_a_probe_with_its_own_certificate_is_welcome(authority: Authority, names: list[str]) -> None:
    credentials = authority.credentials(authority.ca.issue_cert(*names))
    async with running(tls=authority.settings) as it, stream(it.channel(credentials)) as call:
        await welcomed(call)


async def test_a_spiffe_id_names_the_host(authority: Authority) -> None:
    credentials = authority.spiffe("spiffe://fabric.example/host/n1")
    async with running(tls=authority.settings) as it:
        async with stream(it.channel(credentials)) as call:
            await welcomed(call)
        async with stream(it.channel(credentials)) as call:
            await call.write(hello(identity("n2")))
            assert (await refused(call)).code() is grpc.StatusCode.PERMISSION_DENIED


async def test_a_probe_cannot_speak_for_another_host(authority: Authority) -> None:
    credentials = authority.credentials(authority.ca.issue_cert("n2"))
    async with running(tls=authority.settings) as it, stream(it.channel(credentials)) as call:
        await call.write(hello(identity("n1")))
        error = await refused(call)
        assert error.code() is grpc.StatusCode.PERMISSION_DENIED
        assert "certificate is for ['n2']" in (error.details() or "")
        assert it.tally.get(HELLOS_REFUSED, "identity") == 1
        assert it.state.hosts(system_clock()) == []


@pytest.mark.parametrize("which", ["unknown", "expired", "none"])
async def test_an_unknown_expired_or_missing_certificate_gets_nowhere(authority: Authority, which: str) -> None:
    leaf = None
    if which == "unknown":
        leaf = trustme.CA().issue_cert("n1")
    elif which == "expired":
        leaf = authority.ca.issue_cert("n1", **LONG_AGO)
    async with running(tls=authority.settings) as it, stream(it.channel(authority.credentials(leaf))) as call:
        error = await refused(call)
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        assert it.state.hosts(system_clock()) == []


async def test_a_renewed_certificate_is_used_without_a_restart(authority: Authority) -> None:
    probe = authority.credentials(authority.ca.issue_cert("n1"))
    authority.files.put(authority.ca.issue_cert("localhost", **LONG_AGO))
    async with running(tls=authority.settings) as it:
        async with stream(it.channel(probe)) as call:
            assert (await refused(call)).code() is grpc.StatusCode.UNAVAILABLE
        authority.files.put(authority.ca.issue_cert("localhost"))
        async with stream(it.channel(probe)) as call:
            await welcomed(call)
        authority.files.cert.write_text("not a certificate")
        async with stream(it.channel(probe)) as call:
            await welcomed(call)
