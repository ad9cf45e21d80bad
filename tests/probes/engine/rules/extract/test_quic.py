from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from probes.engine.rules.extract import Sides, extract
from probes.engine.rules.extract.quic import CryptoStream, Keys, quic
from tests.probes.engine.rules.extract.made import counted, hello

IDENTIFIER = bytes.fromhex("8394c8f03e515708")


def test_the_keys_of_rfc_9001() -> None:
    """Appendix A.2: the mask of the client's header protection."""
    keys = Keys.of(1, IDENTIFIER, "client in")
    assert keys is not None
    sample = bytes.fromhex("d1b1c98dd7689fb8ec11d242b123dc9b")
    assert keys._header.encrypt(sample)[:5] == bytes.fromhex("437b9aec36")
    assert Keys.of(5, IDENTIFIER, "client in") is None


def test_versions_have_names() -> None:
    fields = dict(extract("quic", Sides(b"\xc0\0\0\0\x01" + counted(1, IDENTIFIER) + b"\0", b"", False)))
    assert fields == {"quic_version": "1", "connection_id_length": "8"}
    for version, name in ((0xFF00001D, "draft-29"), (0x51303436, "Q046"), (9, "0x00000009"), (0x6B3343CF, "2")):
        header = b"\xc0" + version.to_bytes(4) + counted(1, IDENTIFIER) + b"\0"
        assert dict(extract("quic", Sides(header, b"", False)))["quic_version"] == name
    assert quic.__name__ == "quic"


def test_pieces_of_a_stream() -> None:
    stream = CryptoStream()
    whole = hello()
    for start, end in ((50, len(whole)), (0, 60)):
        frame = b"\6" + (0x4000 | start).to_bytes(2) + (0x4000 | (end - start)).to_bytes(2) + whole[start:end]
        try:
            stream.read(b"\0\1\2\0\0\0\0" + frame)
        except Exception as end_of_frames:  # noqa: BLE001 - the end of a packet is told so
            assert type(end_of_frames).__name__ == "EndError"
        assert stream.beginning() == (whole if start == 0 else b"")


@given(st.binary(max_size=200))
def test_any_octets(octets: bytes) -> None:
    for head in (b"", b"\xc0\0\0\0\x01" + counted(1, IDENTIFIER) + b"\0\0\x40\x80"):
        assert all(value for _, value in extract("quic", Sides(head + octets, octets, False)))
