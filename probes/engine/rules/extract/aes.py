"""AES-128 (FIPS 197), one block at a time, for keys that are no secret: Initial packets of QUIC."""

from __future__ import annotations

BLOCK = 16
ROUNDS = 10


def _double(octet: int) -> int:
    """Times x, modulo the polynomial of FIPS 197 section 4.2."""
    return (octet << 1) ^ (0x11B if octet & 0x80 else 0)


def _substitutions() -> bytes:
    """FIPS 197 section 5.1.1, by powers and inverse powers of the generator 3."""
    box = bytearray(256)
    box[0] = 0x63
    power, inverse = 1, 1
    while True:
        power ^= _double(power)
        # Divided by 3.
        inverse ^= inverse << 1
        inverse ^= inverse << 2
        inverse ^= inverse << 4
        inverse &= 0xFF
        if inverse & 0x80:
            inverse ^= 0x09
        spread = inverse
        for turn in range(1, 5):
            spread ^= (inverse << turn | inverse >> 8 - turn) & 0xFF
        box[power] = spread ^ 0x63
        if power == 1:
            return bytes(box)


BOX = _substitutions()


class Aes128:
    """One key."""

    def __init__(self, key: bytes) -> None:
        """`key` has 16 octets."""
        words = [key[at : at + 4] for at in range(0, 16, 4)]
        factor = 1
        for number in range(4, 4 * (ROUNDS + 1)):
            word = words[-1]
            if number % 4 == 0:
                word = (word[1:] + word[:1]).translate(BOX)
                word = bytes([word[0] ^ factor]) + word[1:]
                factor = _double(factor)
            words.append(_xor(words[number - 4], word))
        self._keys = [b"".join(words[at : at + 4]) for at in range(0, len(words), 4)]

    def encrypt(self, block: bytes) -> bytes:
        """One block of 16 octets."""
        state = _xor(block, self._keys[0])
        for key in self._keys[1:]:
            state = state.translate(BOX)
            state = bytes(state[(at * 5) % BLOCK] for at in range(BLOCK))
            if key is not self._keys[-1]:
                state = b"".join(_mixed(state[at : at + 4]) for at in range(0, BLOCK, 4))
            state = _xor(state, key)
        return state


def _mixed(column: bytes) -> bytes:
    """MixColumns, section 5.1.3."""
    a, b, c, d = column
    every = a ^ b ^ c ^ d
    pairs = ((a, b), (b, c), (c, d), (d, a))
    return bytes(one ^ every ^ _double(one ^ other) for one, other in pairs)


def _xor(one: bytes, other: bytes) -> bytes:
    return (int.from_bytes(one) ^ int.from_bytes(other)).to_bytes(len(one))
