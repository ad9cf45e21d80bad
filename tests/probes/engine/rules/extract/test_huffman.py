from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from probes.engine.rules.extract.huffman import CODES, LENGTHS, decode


def encoded(octets: bytes) -> bytes:
    codes = {octet: code for code, octet in CODES.items()}
    bits = "".join(f"{codes[octet][1]:0{codes[octet][0]}b}" for octet in octets)
    bits += "1" * (-len(bits) % 8)
    return bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))


def test_the_example_of_rfc_7541() -> None:
    assert decode(bytes.fromhex("f1e3c2e5f23a6ba0ab90f4ff"), 99) == b"www.example.com"
    assert decode(bytes.fromhex("f1e3c2e5f23a6ba0ab90f4ff"), 3) == b"www"
    assert decode(b"\xff\xff\xff\xff", 9) is None
    assert decode(b"\x00", 9) is None
    assert len(CODES) == len(LENGTHS) == 256


@given(st.binary(max_size=60))
def test_every_octet_has_a_code(octets: bytes) -> None:
    assert decode(encoded(octets), 100) == octets
