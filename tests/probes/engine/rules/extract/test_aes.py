from __future__ import annotations

import pytest

from probes.engine.rules.extract.aes import BOX, Aes128


@pytest.mark.parametrize(
    ("key", "clear", "encrypted"),
    [
        ("000102030405060708090a0b0c0d0e0f", "00112233445566778899aabbccddeeff", "69c4e0d86a7b0430d8cdb78070b4c55a"),
        ("2b7e151628aed2a6abf7158809cf4f3c", "3243f6a8885a308d313198a2e0370734", "3925841d02dc09fbdc118597196a0b32"),
    ],
)
def test_the_examples_of_fips_197(key: str, clear: str, encrypted: str) -> None:
    assert Aes128(bytes.fromhex(key)).encrypt(bytes.fromhex(clear)).hex() == encrypted


def test_the_substitution_is_one_to_one() -> None:
    assert sorted(BOX) == list(range(256))
    assert (BOX[0], BOX[0x53]) == (0x63, 0xED)
