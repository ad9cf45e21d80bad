"""Certificates for tests: an authority, and files as the settings name them."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import trustme

LONG_AGO: dict[str, Any] = {
    "not_before": datetime.datetime(2020, 1, 1),  # noqa: DTZ001  as trustme takes them
    "not_after": datetime.datetime(2021, 1, 1),  # noqa: DTZ001
}
"""For `issue_cert`: a certificate that expired."""


class CertificateFiles:
    """The three files of one end of mTLS, in a folder."""

    def __init__(self, folder: Path, authority: trustme.CA) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.cert, self.key, self.ca = folder / "cert.pem", folder / "key.pem", folder / "ca.pem"
        self.ca.write_bytes(authority.cert_pem.bytes())

    def put(self, leaf: trustme.LeafCert) -> None:
        """Put a certificate, or a renewed one, into the files."""
        self.cert.write_bytes(b"".join(pem.bytes() for pem in leaf.cert_chain_pems))
        self.key.write_bytes(leaf.private_key_pem.bytes())

    def settings(self, where: str) -> dict[str, Any]:
        """The settings below the key `where`."""
        return {f"{where}.cert_file": self.cert, f"{where}.key_file": self.key, f"{where}.ca_file": self.ca}
