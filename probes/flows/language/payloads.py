"""Payloads of cases, as people write them. Pure."""

from __future__ import annotations

import re

MAX_OCTETS = 65_536

_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|(.?))", re.DOTALL)
_MARKS = {"n": 10, "r": 13, "t": 9, "0": 0, "\\": 92}
_HEX = re.compile(r"((?:[0-9a-fA-F]{2})+)(?:\*([0-9]{1,5}))?")


def from_text(text: str) -> bytes:
    r"""Octets of a text with \xNN, \r, \n, \t, \0 and \\; other characters in UTF-8. Raises ValueError."""
    octets = bytearray()
    at = 0
    for match in _ESCAPE.finditer(text):
        octets += text[at : match.start()].encode("utf-8", "surrogatepass")
        number, mark = match.groups()
        if number is None and mark not in _MARKS:
            raise ValueError(f"\\{mark} is no escape; there are \\xNN, \\r, \\n, \\t, \\0 and \\\\")
        octets.append(_MARKS[mark] if number is None else int(number, 16))
        at = match.end()
    octets += text[at:].encode("utf-8", "surrogatepass")
    return _bounded(octets)


def from_hex(text: str) -> bytes:
    """Octets of hexadecimal digits in groups; `XX*N` repeats the group's last octet. Raises ValueError."""
    octets = bytearray()
    for word in text.split():
        match = _HEX.fullmatch(word)
        if match is None:
            raise ValueError(f"{word[:40]!r}: expected pairs of hexadecimal digits in quotes, such as '1603 00*12'")
        group = bytes.fromhex(match[1])
        octets += group[:-1] + group[-1:] * int(match[2] or 1)
        _bounded(octets)
    return _bounded(octets)


def _bounded(octets: bytearray) -> bytes:
    if len(octets) > MAX_OCTETS:
        raise ValueError(f"a payload of more than {MAX_OCTETS} octets")
    return bytes(octets)
