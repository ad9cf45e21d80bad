from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.flows.language.payloads import MAX_OCTETS, from_hex, from_text


def test_text_with_escapes() -> None:
    assert from_text(r"GET / HTTP/1.1\r\n\x00\xfF\\n\0\t") == b"GET / HTTP/1.1\r\n\x00\xff\\n\x00\t"
    with pytest.raises(ValueError, match=r"\\q is no escape"):
        from_text(r"\q")
    with pytest.raises(ValueError, match="is no escape"):
        from_text("end\\")


def test_hexadecimal_digits() -> None:
    assert from_hex("16 0301 00*3 aBcd*2\n ff") == b"\x16\x03\x01\0\0\0\xab\xcd\xcd\xff"
    for wrong in ("1", "zz", "00*", "0x16", "00*x"):
        with pytest.raises(ValueError, match="pairs of hexadecimal digits"):
            from_hex(wrong)
    with pytest.raises(ValueError, match=f"more than {MAX_OCTETS} octets"):
        from_hex("00*99999")


@given(st.binary(max_size=200))
def test_all_octets_can_be_written(octets: bytes) -> None:
    assert from_hex(octets.hex(" ")) == octets
    assert from_text("".join(f"\\x{octet:02x}" for octet in octets)) == octets
