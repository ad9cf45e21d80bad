"""Modules of four lanes: QSFP+, QSFP28 and QSFP56. SFF-8636 revision 2.11, and SFF-8436 before it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from probes.sources.eeprom import codes
from probes.sources.eeprom.memory import Memory, Span, date, need, sums_to, take, text
from probes.sources.eeprom.module import (
    BIAS,
    LEVELS,
    OPTICAL,
    RECEIVE_POWER,
    SUPPLY,
    TEMPERATURE,
    TRANSMIT_POWER,
    Flag,
    Identity,
    Measurement,
    Tag,
    Thresholds,
)
from probes.sources.eeprom.monitors import (
    amperes,
    celsius,
    lane_flags,
    level_flags,
    thresholds,
    volts,
    watts,
)

_NOW = Span(0, 94)
_WHAT_IT_IS = Span(128, 96)
_TAG = Span(148, 71)
"""Vendor, part, revision, serial and date."""
_LIMITS = Span(128, 72, page=3)

_LANES = range(1, 5)
_DOWN = tuple(reversed(LEVELS))
"""Flags stand from the highest bit on in the order of LEVELS, so from the lowest on in this one."""

# fmt: off
_ETHERNET = {
    0x08: "40GBASE-CR4", 0x04: "40GBASE-SR4", 0x02: "40GBASE-LR4", 0x01: "40G active cable",
    0x40: "10GBASE-LRM", 0x20: "10GBASE-LR", 0x10: "10GBASE-SR",
}
# fmt: on
"""Bits of byte 131."""
_INFINIBAND = {0x40: "NDR", 0x20: "HDR", 0x10: "EDR", 0x08: "FDR", 0x04: "QDR", 0x02: "DDR", 0x01: "SDR"}
"""Bits of byte 164."""


@dataclass(frozen=True, slots=True)
class Qsfp:
    """A module whose memory follows SFF-8636."""

    identity: Identity
    thresholds: Mapping[str, Thresholds]
    tag: Tag
    monitors: int
    """Byte 220: bit 5 temperature, bit 4 supply (in newer revisions), bit 2 transmitted power."""
    options: bytes
    """Bytes 193-195: which flags it has."""

    def measure(self, memory: Memory) -> Measurement:
        """What it measures now; nothing when it is a passive cable, and no light over copper.

        Raises EepromError, OSError.
        """
        if self.identity.copper:
            return Measurement()
        content = need(memory, _NOW)
        # Byte 2 bit 0: no data yet. A module that measures its supply never finds 0 V there: it could not answer.
        if content[2] & 0x01 or not any(content[26:28]):
            return Measurement()
        lanes = self._lit
        return Measurement(
            temperature=celsius(content, 22) if any(content[22:24]) or self.monitors & 0x20 else None,
            supply=volts(content, 26),
            receive_power={lane: watts(content, 32 + 2 * lane) for lane in lanes},
            bias={lane: amperes(content, 40 + 2 * lane) for lane in lanes},
            transmit_power={lane: watts(content, 48 + 2 * lane) for lane in lanes if self.monitors & 0x04},
            flags=tuple(self._flags(content)),
        )

    @property
    def _lit(self) -> Sequence[int]:
        """The lanes that carry light."""
        return () if self.identity.technology.startswith(codes.COPPER) else _LANES

    def _flags(self, content: bytes) -> Iterator[Flag]:
        yield from level_flags(TEMPERATURE, 0, content[6] >> 4, _DOWN)
        yield from level_flags(SUPPLY, 0, content[7] >> 4, _DOWN)
        yield from lane_flags("receive_los", _LANES, content[3] & 0x0F)
        equalizer, lock, more = self.options
        for name, supported, bits in (
            ("transmit_los", more & 0x02, content[3] >> 4),
            ("transmit_fault", more & 0x08, content[4] & 0x0F),
            ("transmit_equalizer_fault", equalizer & 0x08, content[4] >> 4),
            ("receive_lol", lock & 0x10, content[5] & 0x0F),
            ("transmit_lol", lock & 0x20, content[5] >> 4),
            ("transmit_disabled", more & 0x10, content[86] & 0x0F),
        ):
            if supported:
                yield from lane_flags(name, _LANES, bits)
        quantities = [(RECEIVE_POWER, 9), (BIAS, 11)]
        if self.monitors & 0x04:
            quantities.append((TRANSMIT_POWER, 13))
        for quantity, byte in quantities:
            for lane in self._lit:
                # Two lanes to a byte, the first in its upper half.
                bits = content[byte + (lane - 1) // 2] >> (4 if lane % 2 else 0)
                yield from level_flags(quantity, lane, bits, _DOWN)


def identify(memory: Memory) -> Qsfp:
    """The module in a memory whose identifier is that of a QSFP. Raises EepromError, OSError."""
    content = need(memory, _WHAT_IT_IS)
    flat = need(memory, Span(2, 1))[0] & 0x04
    bad = []
    if not sums_to(content[:63], content[63]):
        bad.append("page 00h bytes 128-190")
    if not sums_to(content[64:95], content[95]):
        bad.append("page 00h bytes 192-222")
    identity = _identity(content, tuple(bad))
    monitors = content[92]
    # SFF-8636 has no checksum for the page of limits.
    limits = None if flat or identity.copper else take(memory, _LIMITS)
    tag = Tag(_TAG, content[_TAG.offset - 128 : _TAG.offset - 128 + _TAG.length])
    found = {} if limits is None else _thresholds(limits, transmit_power=bool(monitors & 0x04))
    if identity.technology.startswith(codes.COPPER):
        found = {quantity: limit for quantity, limit in found.items() if quantity not in OPTICAL}
    return Qsfp(identity, found, tag, monitors, content[65:68])


def _identity(content: bytes, bad_checksums: tuple[str, ...]) -> Identity:
    technology = content[19] >> 4
    passive = technology in (codes.UNEQUALIZED, codes.PASSIVE_EQUALIZED)
    attached = content[2] == codes.NO_SEPARABLE_CONNECTOR or technology >= codes.UNEQUALIZED
    return Identity(
        standard="SFF-8636",
        form_factor=codes.form_factor(content[0]),
        vendor=text(content[20:36]),
        oui=content[37:40].hex(":"),
        part=text(content[40:56]),
        revision=text(content[56:58]),
        serial=text(content[68:84]),
        date=date(content[84:92]),
        media=_media(content) or ("copper cable" if passive else ""),
        technology=codes.technology(technology),
        connector=codes.connector(content[2]),
        copper=passive,
        lengths=_lengths(content, attached=attached, vcsel=technology == codes.VCSEL_850),
        host_lanes=len(_LANES),
        media_lanes=len(_LANES),
        bad_checksums=bad_checksums,
    )


def _media(content: bytes) -> str:
    """The extended code says more than the older ones, which some modules set for the sake of old switches."""
    extended = codes.extended_compliance(content[64], lanes=4)
    if extended:
        return extended
    for bit, name in _ETHERNET.items():
        if content[3] & bit:
            return name
    rates = [name for bit, name in _INFINIBAND.items() if content[36] & bit]
    return f"InfiniBand {rates[0]}" if rates else ""


def _lengths(content: bytes, *, attached: bool, vcsel: bool) -> dict[str, float]:
    """Metres by what they are of. Byte 146 is a cable's own length, or OM4 fibre."""
    if attached:
        return {"cable": float(content[18])} if content[18] else {}
    units = {"SMF": (14, 1000), "OM3": (15, 2), "OM2": (16, 1), "OM1": (17, 1)}
    if vcsel:
        units["OM4"] = (18, 2)
    return {name: float(content[byte] * unit) for name, (byte, unit) in units.items() if content[byte]}


def _thresholds(page: bytes, *, transmit_power: bool) -> dict[str, Thresholds]:
    found = {
        TEMPERATURE: thresholds(page, 0, celsius),
        SUPPLY: thresholds(page, 16, volts),
        RECEIVE_POWER: thresholds(page, 48, watts),
        BIAS: thresholds(page, 56, amperes),
        TRANSMIT_POWER: thresholds(page, 64, watts) if transmit_power else None,
    }
    return {quantity: limits for quantity, limits in found.items() if limits is not None}
