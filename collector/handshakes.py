"""Counts the TLS handshakes that gRPC refuses.

gRPC's core verifies client certificates and closes the connection without telling its Python side; it
only writes a line to file descriptor 2. `HandshakeLog` reads that descriptor, counts those lines by
reason, and passes everything on to where standard error went before.
"""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Callable
from typing import TextIO

from fabricscope.model import Kind, MetricSpec

REFUSED = MetricSpec(
    "fabricscope_collector_tls_handshakes_refused_total",
    Kind.COUNTER,
    "TLS handshakes refused before any message: expired, not_yet_valid, unknown_authority, no_certificate, not_tls or "
    "other.",
    ("reason",),
)
METRICS = (REFUSED,)

_FAILED = re.compile(rb"Handshake failed with error SSL_ERROR_SSL: ([^\n]{0,400})")
_REASONS = (
    (b"certificate has expired", "expired"),
    (b"certificate is not yet valid", "not_yet_valid"),
    (b"unable to get local issuer certificate", "unknown_authority"),
    (b"certificate signature failure", "unknown_authority"),
    (b"self signed certificate", "unknown_authority"),
    (b"self-signed certificate", "unknown_authority"),
    (b"PEER_DID_NOT_RETURN_A_CERTIFICATE", "no_certificate"),
    (b"WRONG_VERSION_NUMBER", "not_tls"),
    (b"HTTP_REQUEST", "not_tls"),
)
REASONS = (*dict.fromkeys(reason for _, reason in _REASONS), "other")
"""What a refused handshake may be counted under."""
_CHATTER = re.compile(rb"I[01]\d{3} |W[01]\d{3} .{0,200}Log level INFO is not suitable")
"""What the core says for being asked to log at INFO, and nobody needs."""
MAX_LINE = 64 * 1024


def reason_of(line: bytes) -> str | None:
    """Why the handshake that this line tells of failed; None for any other line."""
    match = _FAILED.search(line[:2000])
    if match is None:
        return None
    return next((reason for text, reason in _REASONS if text in match[1]), "other")


def ask_core_to_log() -> None:
    """Have gRPC's core write those lines. Only heeded before grpc is imported for the first time."""
    os.environ.setdefault("GRPC_VERBOSITY", "info")


class HandshakeLog:
    """Reads descriptor 2 in a thread, from `start` to `stop`."""

    def __init__(self, refused: Callable[[str], None]) -> None:
        """`refused` is called with the reason, from that thread."""
        self._refused = refused

    def start(self) -> None:
        """Put a pipe in the place of descriptor 2. Python's own `sys.stderr` goes past it."""
        self._original = os.dup(2)
        self._stderr: TextIO = sys.stderr
        sys.stderr = os.fdopen(os.dup(self._original), "w", buffering=1, errors="backslashreplace")
        reading, writing = os.pipe()
        os.dup2(writing, 2)
        os.close(writing)
        self._thread = threading.Thread(target=self._read, args=(reading,), name="grpc-log", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Put descriptor 2 back; what was written to the pipe is still read."""
        sys.stderr.close()
        sys.stderr = self._stderr
        os.dup2(self._original, 2)
        self._thread.join(timeout=1)
        os.close(self._original)

    def _read(self, descriptor: int) -> None:
        rest = b""
        with os.fdopen(descriptor, "rb", buffering=0) as pipe:
            while chunk := pipe.read(MAX_LINE):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    self._take(line + b"\n")
                if len(rest) > MAX_LINE:
                    self._take(rest)
                    rest = b""
        if rest:
            self._take(rest)

    def _take(self, line: bytes) -> None:
        reason = reason_of(line)
        if reason is not None:
            self._refused(reason)
        elif not _CHATTER.match(line):
            os.write(self._original, line)
