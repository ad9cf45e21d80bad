"""What deploy/README.md tells people to type works, and what it tells them to write is accepted."""

from __future__ import annotations

import re
import shutil
import ssl
import subprocess
from pathlib import Path

import pytest
import yaml

from fabricscope import sections
from fabricscope.tally import Tally
from fabricscope.tls import TlsSettings, read_credentials
from fabricscope.web_config import WebConfig

README = Path(__file__).parent.parent.parent / "deploy" / "README.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(), re.DOTALL)


def block(language: str, containing: str) -> str:
    (found,) = [text for text in blocks(language) if containing in text]
    return found


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("certificates")
    script = "set -eu\n" + block("sh", "openssl req -x509")
    made = subprocess.run(["sh", "-c", script], cwd=directory, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    return directory


@pytest.mark.needs_program("openssl", package="openssl")
@pytest.mark.parametrize("name", ["collector.example", "node7"])
def test_the_certificates_come_from_the_authority_and_are_accepted(certificates: Path, name: str) -> None:
    certificate, key, authority = (str(certificates / file) for file in (f"{name}.pem", f"{name}.key", "ca.pem"))
    read_credentials(TlsSettings(cert_file=certificate, key_file=key, ca_file=authority))
    verified = subprocess.run(
        ["openssl", "verify", "-x509_strict", "-CAfile", authority, certificate],
        capture_output=True,
        text=True,
        check=False,
    )
    assert verified.returncode == 0, verified.stderr


@pytest.mark.needs_program("openssl", package="openssl")
def test_the_certificates_carry_the_names_that_the_text_says(certificates: Path) -> None:
    names = {
        name: subprocess.run(
            ["openssl", "x509", "-in", certificates / f"{name}.pem", "-noout", "-ext", "subjectAltName"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for name in ("collector.example", "node7")
    }
    assert "DNS:collector.example" in names["collector.example"]
    assert "URI:spiffe://fabric.example/host/node7, DNS:node7" in names["node7"]


@pytest.mark.needs_program("openssl", package="openssl")
def test_the_two_ends_trust_one_another(certificates: Path) -> None:
    server, client = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    for context, name in ((server, "collector.example"), (client, "node7")):
        context.load_cert_chain(certificates / f"{name}.pem", certificates / f"{name}.key")
        context.load_verify_locations(certificates / "ca.pem")
    server.verify_mode = ssl.CERT_REQUIRED
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname="collector.example"),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(4):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert ("URI", "spiffe://fabric.example/host/node7") in ends[1].getpeercert()["subjectAltName"]  # type: ignore[index]


@pytest.mark.parametrize("section", ["probe", "collector"])
def test_the_settings_are_accepted(section: str) -> None:
    document = yaml.safe_load(block("yaml", f"{section}:\n"))
    settings, errors = sections.effective(document)
    assert errors == []
    assert settings != sections.effective({})[0]


@pytest.mark.needs_program("openssl", package="openssl")
def test_the_web_configuration_is_accepted(certificates: Path, tmp_path: Path) -> None:
    for file, source in (("cert.pem", "node7.pem"), ("key.pem", "node7.key"), ("ca.pem", "ca.pem")):
        shutil.copy(certificates / source, tmp_path / file)
    text = block("yaml", "tls_server_config").replace("/etc/fabricscope/probe", str(tmp_path))
    (tmp_path / "web.yaml").write_text(text)
    assert WebConfig(tmp_path / "web.yaml", Tally()).context() is not None


def test_every_file_that_it_names_is_there() -> None:
    for name in re.findall(r"deploy/[\w./-]+", README.read_text()):
        assert (README.parent.parent / name).exists(), name
