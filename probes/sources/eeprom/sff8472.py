"""Modules of one lane: SFP, SFP+, SFP28 and SFP56. SFF-8472 revision 12.4.

What the module is lies at A0h (I2C address 50h), what it measures at A2h (51h).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from probes.sources.eeprom import codes
from probes.sources.eeprom.calibration import INTERNAL, Calibration, external
from probes.sources.eeprom.memory import DIAGNOSTICS, Memory, Span, date, need, sums_to, take, text
from probes.sources.eeprom.module import (
    BIAS,
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
from probes.sources.eeprom.monitors import thresholds

_WHAT_IT_IS = Span(0, 96)
_TAG = Span(20, 76)
"""Vendor, part, revision, serial and date."""
_LIMITS = Span(0, 96, address=DIAGNOSTICS)
_NOW = Span(96, 22, address=DIAGNOSTICS)

_10G = {0x80: "10GBASE-ER", 0x40: "10GBASE-LRM", 0x20: "10GBASE-LR", 0x10: "10GBASE-SR"}
# fmt: off
_1G = {
    0x08: "1000BASE-T", 0x04: "1000BASE-CX", 0x02: "1000BASE-LX", 0x01: "1000BASE-SX",
    0x80: "1000BASE-PX", 0x40: "1000BASE-BX10", 0x20: "100BASE-FX", 0x10: "100BASE-LX",
}
# fmt: on
_PASSIVE, _ACTIVE = 0x04, 0x08
"""Bits of byte 8: what kind of cable this is an end of."""
_INFINIBAND = {0x02: "InfiniBand 1X copper active", 0x01: "InfiniBand 1X copper passive", 0x08: "InfiniBand 1X SX"}


@dataclass(frozen=True, slots=True)
class Sfp:
    """A module whose memory follows SFF-8472."""

    identity: Identity
    thresholds: Mapping[str, Thresholds]
    tag: Tag
    options: int
    """Byte 93: which flags it has."""
    calibration: Calibration | None
    """How raw values become real ones; None without monitors."""

    def measure(self, memory: Memory) -> Measurement:
        """What it measures now. Raises EepromError, OSError."""
        if self.calibration is None:
            return Measurement()
        content = take(memory, _NOW)
        if content is None:
            return Measurement()
        flags = tuple(self._flags(content))
        # Byte 110 bit 0: the module is not ready to say anything yet.
        if content[14] & 0x01:
            return Measurement(flags=flags)
        units = self.calibration
        if not _lit(self.identity):
            return Measurement(
                temperature=_finite(units.temperature(content, 0)),
                supply=_finite(units.supply(content, 2)),
                flags=flags,
            )
        return Measurement(
            temperature=_finite(units.temperature(content, 0)),
            supply=_finite(units.supply(content, 2)),
            bias=_lane(units.bias(content, 4)),
            transmit_power=_lane(units.transmit_power(content, 6)),
            receive_power=_lane(units.receive_power(content, 8)),
            flags=flags,
        )

    def _flags(self, content: bytes) -> Iterator[Flag]:
        status, alarms, warnings = content[14], content[16:18], content[20:22]
        if self.options & 0x40:
            yield Flag("transmit_disabled", 1, bool(status & 0xC0))
        if self.options & 0x20:
            yield Flag("transmit_fault", 1, bool(status & 0x04))
        if self.options & 0x10:
            yield Flag("receive_los", 1, bool(status & 0x02))
        if self.options & 0x80:
            for level, bits in (("alarm", alarms), ("warning", warnings)):
                pairs = int.from_bytes(bits, "big") >> 6
                # From the highest bit on: high and low of each.
                for place, quantity in enumerate((TEMPERATURE, SUPPLY, BIAS, TRANSMIT_POWER, RECEIVE_POWER)):
                    if quantity in OPTICAL and not _lit(self.identity):
                        continue
                    lane = 0 if quantity in (TEMPERATURE, SUPPLY) else 1
                    yield Flag(f"{quantity}_high_{level}", lane, bool(pairs >> (9 - 2 * place) & 1))
                    yield Flag(f"{quantity}_low_{level}", lane, bool(pairs >> (8 - 2 * place) & 1))


def identify(memory: Memory) -> Sfp:
    """The module in a memory whose identifier is that of an SFP. Raises EepromError, OSError."""
    content = need(memory, _WHAT_IT_IS)
    bad = []
    if not sums_to(content[:63], content[63]):
        bad.append("A0h bytes 0-62")
    if not sums_to(content[64:95], content[95]):
        bad.append("A0h bytes 64-94")
    calibration: Calibration | None = None
    limits: dict[str, Thresholds] = {}
    kind = content[92]
    if kind & 0x40 and (page := take(memory, _LIMITS)) is not None:
        if not sums_to(page[:95], page[95]):
            bad.append("A2h bytes 0-94")
        calibration = external(page) if kind & 0x10 else INTERNAL
        limits = _thresholds(page, calibration)
    identity = _identity(content, tuple(bad))
    if not _lit(identity):
        limits = {quantity: limit for quantity, limit in limits.items() if quantity not in OPTICAL}
    return Sfp(identity, limits, Tag(_TAG, content[_TAG.offset :]), content[93], calibration)


def _identity(content: bytes, bad_checksums: tuple[str, ...]) -> Identity:
    cable = bool(content[8] & (_PASSIVE | _ACTIVE))
    base_t = bool(content[6] & 0x08) or content[2] == 0x22
    copper = bool(content[8] & _PASSIVE) or base_t
    return Identity(
        standard="SFF-8472",
        form_factor=_form_factor(content),
        vendor=text(content[20:36]),
        oui=content[37:40].hex(":"),
        part=text(content[40:56]),
        revision=text(content[56:60]),
        serial=text(content[68:84]),
        date=date(content[84:92]),
        media=_media(content),
        technology="" if cable or base_t else _wavelength(content),
        connector=codes.connector(content[2]),
        copper=copper,
        lengths=_lengths(content, cable=cable, copper=copper),
        host_lanes=1,
        media_lanes=1,
        bad_checksums=bad_checksums,
    )


def _lit(identity: Identity) -> bool:
    """Whether it carries light: copper does not, nor does an active cable that says that it is of copper."""
    return not identity.copper and not identity.media.endswith(codes.ACTIVE_COPPER)


def _form_factor(content: bytes) -> str:
    """SFP, SFP+, SFP28 and SFP56 have one identifier; their rate tells them apart."""
    name = codes.form_factor(content[0])
    rate = content[66] * 250 if content[12] == 0xFF else content[12] * 100
    if name != "SFP":
        return name
    return "SFP56" if rate >= 50_000 else "SFP28" if rate >= 20_000 else "SFP+" if rate >= 8_000 else "SFP"


def _media(content: bytes) -> str:
    extended = codes.extended_compliance(content[36], lanes=1)
    if extended:
        return extended
    rate = content[66] * 250 if content[12] == 0xFF else content[12] * 100
    if content[8] & (_PASSIVE | _ACTIVE) and rate >= 8_000:
        speed = "25GBASE" if rate >= 20_000 else "10GBASE"
        return f"{speed}-CR" if content[8] & _PASSIVE else f"{speed.removesuffix('BASE')} active cable"
    for table, byte in ((_10G, 3), (_1G, 6), (_INFINIBAND, 3)):
        for bit, name in table.items():
            if content[byte] & bit:
                return name
    return "copper cable" if content[8] & _PASSIVE else ""


def _wavelength(content: bytes) -> str:
    nanometres = int.from_bytes(content[60:62], "big")
    return f"{nanometres} nm" if nanometres else ""


def _lengths(content: bytes, *, cable: bool, copper: bool) -> dict[str, float]:
    """Metres by what they are of. Byte 18 is OM4 fibre, or copper and cables; FFh is `more than it can say`."""
    units = {"OM2": (16, 10), "OM1": (17, 10), "OM4": (18, 10), "OM3": (19, 10)}
    if cable or copper:
        units = {"cable" if cable else "copper": (18, 1)}
    lengths = {name: float(content[byte] * unit) for name, (byte, unit) in units.items() if content[byte]}
    single_mode = content[15] * 100 if 0 < content[15] < 0xFF else content[14] * 1000
    if single_mode and not cable and not copper:
        lengths["SMF"] = float(single_mode)
    return lengths


def _thresholds(page: bytes, units: Calibration) -> dict[str, Thresholds]:
    found = {
        TEMPERATURE: thresholds(page, 0, units.temperature),
        SUPPLY: thresholds(page, 8, units.supply),
        BIAS: thresholds(page, 16, units.bias),
        TRANSMIT_POWER: thresholds(page, 24, units.transmit_power),
        RECEIVE_POWER: thresholds(page, 32, units.receive_power),
    }
    return {quantity: limits for quantity, limits in found.items() if limits is not None}


def _finite(value: float) -> float | None:
    """Calibration by a module's own constants can give anything."""
    return value if abs(value) < float("inf") else None


def _lane(value: float) -> dict[int, float]:
    finite = _finite(value)
    return {} if finite is None else {1: finite}
