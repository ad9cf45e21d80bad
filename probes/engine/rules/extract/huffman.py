"""The Huffman code of HPACK (RFC 7541 appendix B). It is canonical: lengths say everything."""

from __future__ import annotations

# fmt: off
LENGTHS = (
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28,
    28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6,
    12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15,
    5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20,
    22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22,
    23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24,
    21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26,
    27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
)
"""Bits of the code of each octet. The end-of-string symbol (30 ones) has no place in a string."""
# fmt: on
LONGEST = 30


def _codes() -> dict[tuple[int, int], int]:
    """By bits and code: the octet."""
    codes, code = {}, 0
    for bits in range(LONGEST + 1):
        code <<= 1
        for octet, length in enumerate(LENGTHS):
            if length == bits:
                codes[bits, code] = octet
                code += 1
    return codes


CODES = _codes()


def decode(octets: bytes, limit: int) -> bytes | None:
    """What the code says, `limit` octets at most; None where it is not a code, or does not end in ones."""
    text = bytearray()
    code = bits = 0
    for octet in octets:
        for place in range(7, -1, -1):
            code = code << 1 | octet >> place & 1
            bits += 1
            if bits > LONGEST:
                return None
            found = CODES.get((bits, code))
            if found is not None:
                if len(text) >= limit:
                    return bytes(text)
                text.append(found)
                code = bits = 0
    # Filled up with the beginning of the end-of-string symbol, less than an octet of it.
    return bytes(text) if bits < 8 and code == (1 << bits) - 1 else None
