"""Refused handshakes, from lines as gRPC's core writes them."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.handshakes import reason_of

LINE = b"I1122 22:52:33.840265    3634 ssl_transport_security.cc:2563] Handshake failed with error SSL_ERROR_SSL: "


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"error:1000007d:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED: certificate has expired", "expired"),
        (b"...CERTIFICATE_VERIFY_FAILED: unable to get local issuer certificate", "unknown_authority"),
        (b"...PEER_DID_NOT_RETURN_A_CERTIFICATE: Invalid certificate verification context", "no_certificate"),
        (b"...WRONG_VERSION_NUMBER: Invalid certificate verification context", "not_tls"),
        (b"something new", "other"),
    ],
)
def test_the_reason_is_named(text: bytes, reason: str) -> None:
    assert reason_of(LINE + text + b"\n") == reason


@given(st.binary(max_size=300))
def test_no_other_line_counts(line: bytes) -> None:
    assert reason_of(line) is None or b"Handshake failed" in line


def test_descriptor_2_is_read_and_passed_on() -> None:
    script = f"""
import os, sys
from collector.handshakes import HandshakeLog
reasons = []
watching = HandshakeLog(reasons.append)
watching.start()
os.write(2, {LINE + b"certificate has expired"!r} + b"\\nsome crash of a library\\n")
os.write(2, b"I1122 22:52:33.8 1 chatter.cc:1] of no use\\n")
print("from python", file=sys.stderr)
watching.stop()
os.write(2, b"after\\n")
print(reasons)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "['expired']\n"
    assert sorted(done.stderr.splitlines()) == ["after", "from python", "some crash of a library"]
