"""What a CMIS module is, and what it says that it can do. CMIS 5.3, 8.2, 8.3 and 8.4."""

from __future__ import annotations

from dataclasses import dataclass, replace

from probes.sources.eeprom import applications, codes, interfaces
from probes.sources.eeprom.memory import Memory, Span, date, need, sums_to, take, text
from probes.sources.eeprom.module import Application, Identity

TAG = Span(148, 42)
"""Part, revision, serial and date."""
AUX2, AUX3 = 20, 22
"""Where page 00h has the monitors that may be the laser's temperature."""

# Byte by byte around bytes 8-13: reading those flags clears them.
_HEAD, _FIRMWARE, _APPLICATIONS = Span(0, 3), Span(39, 2), Span(85, 33)
_WHAT_IT_IS = Span(128, 95)
_OFFERS = Span(128, 128, page=1)
_BANKS = {0: 1, 1: 2, 2: 4}
_BIAS_MULTIPLIERS = {0: 1, 1: 2, 2: 4}
_CABLE_MULTIPLIERS = (0.1, 1.0, 10.0, 100.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Advertisement:
    """What a module measures, of which lanes."""

    banks: int
    """Banks of 8 lanes."""
    host_lanes: tuple[int, ...]
    """Of each bank, from 1."""
    media_lanes: tuple[int, ...]
    temperature: bool
    supply: bool
    laser: int | None
    """AUX2 or AUX3 where one of them is the laser's temperature."""
    receive_power: int
    """1 when it is measured, else 0."""
    transmit_power: int
    bias: int
    """What the bias is to be multiplied with; 0 when it is not measured."""
    host_flags: dict[str, int]
    """The flags of host lanes that it has, with their place from page 11h byte 128 on."""
    media_flags: dict[str, int]
    transmit_disable: bool
    vdm: bool
    diagnostics: bool

    @property
    def laser_limits(self) -> int:
        """Where page 02h has the laser's limits, from byte 128 on."""
        return 24 if self.laser == AUX2 else 32


def read(memory: Memory) -> tuple[Identity, Advertisement | None]:
    """The module in a memory; no advertisement for flat memory. Raises EepromError, OSError."""
    head, content, described = need(memory, _HEAD), need(memory, _WHAT_IT_IS), need(memory, _APPLICATIONS)
    offers = None if head[2] & 0x80 else take(memory, _OFFERS)
    bad = [] if sums_to(content[:94], content[94]) else ["page 00h bytes 128-221"]
    if offers is not None and not sums_to(offers[2:127], offers[127]):
        bad.append("page 01h bytes 130-254")
    found = applications.parse(
        described[0],
        described[1:],
        offers[95:123] if offers is not None else b"",
        offers[48:63] if offers is not None else None,
    )
    advertised = None if offers is None else _advertisement(offers, found, content[82])
    known = _identity(head, content, described[0], found)
    lanes = max((one.media_lanes for one in found), default=0)
    if offers is None or advertised is None:
        return replace(known, lengths=_lengths(content), media_lanes=lanes, bad_checksums=tuple(bad)), None
    firmware = need(memory, _FIRMWARE)
    return replace(
        known,
        lengths=_lengths(content) | _reach(offers),
        host_lanes=known.host_lanes * advertised.banks,
        media_lanes=len(advertised.media_lanes) * advertised.banks,
        firmware=f"{firmware[0]}.{firmware[1]}",
        hardware=f"{offers[2]}.{offers[3]}",
        bad_checksums=tuple(bad),
    ), advertised


def _advertisement(page: bytes, found: tuple[Application, ...], unsupported: int) -> Advertisement:
    monitors, lane_monitors, kinds = page[31], page[32], page[17]
    laser = None
    # Byte 145: what the second and third auxiliary monitors are, when byte 159 says that they are there.
    if monitors & 0x08 and not kinds & 0x02:
        laser = AUX2
    elif monitors & 0x10 and not kinds & 0x04:
        laser = AUX3
    transmit, receive = page[29], page[30]
    host = {"transmit_los": (0x02, 8), "transmit_lol": (0x04, 9), "transmit_equalizer_fault": (0x08, 10)}
    media = {"receive_los": (0x02, 19), "receive_lol": (0x04, 20)}
    media_flags = {name: at for name, (bit, at) in media.items() if receive & bit}
    return Advertisement(
        banks=_BANKS.get(page[14] & 0x03, 1),
        host_lanes=applications.host_lanes(found),
        media_lanes=applications.media_lanes(found, unsupported),
        temperature=bool(monitors & 0x01),
        supply=bool(monitors & 0x02),
        laser=laser,
        receive_power=int(bool(lane_monitors & 0x04)),
        transmit_power=int(bool(lane_monitors & 0x02)),
        bias=_BIAS_MULTIPLIERS.get(lane_monitors >> 3 & 0x03, 1) if lane_monitors & 0x01 else 0,
        host_flags={name: at for name, (bit, at) in host.items() if transmit & bit},
        media_flags={"transmit_fault": 7, **media_flags} if transmit & 0x01 else media_flags,
        transmit_disable=bool(page[27] & 0x02),
        vdm=bool(page[14] & 0x40),
        diagnostics=bool(page[14] & 0x20),
    )


def _identity(head: bytes, content: bytes, media_type: int, found: tuple[Application, ...]) -> Identity:
    """What the first pages say."""
    return Identity(
        standard=f"CMIS {head[1] >> 4}.{head[1] & 0x0F}",
        form_factor=codes.form_factor(head[0] or content[0]),
        vendor=text(content[1:17]),
        oui=content[17:20].hex(":"),
        part=text(content[20:36]),
        revision=text(content[36:38]),
        serial=text(content[38:54]),
        date=date(content[54:62]),
        media=_media(media_type, found),
        technology=codes.technology(content[84]),
        connector=codes.connector(content[75]),
        copper=media_type in (interfaces.PASSIVE_COPPER, interfaces.BASE_T),
        host_lanes=len(applications.host_lanes(found)),
        applications=found,
    )


def _media(media_type: int, found: tuple[Application, ...]) -> str:
    """What the first application speaks; over copper that is its electrical interface."""
    if not found:
        return ""
    return found[0].host if media_type == interfaces.PASSIVE_COPPER else found[0].media


def _lengths(content: bytes) -> dict[str, float]:
    """Metres of the cable that the module is an end of."""
    metres = (content[74] & 0x3F) * _CABLE_MULTIPLIERS[content[74] >> 6]
    return {"cable": round(metres, 1)} if metres else {}


def _reach(offers: bytes) -> dict[str, float]:
    """Metres over each kind of fibre."""
    single_mode = (offers[4] & 0x3F) * (1000 if offers[4] >> 6 == 1 else 100)
    metres = {"SMF": single_mode, "OM5": offers[5] * 2, "OM4": offers[6] * 2, "OM3": offers[7] * 2, "OM2": offers[8]}
    return {kind: float(length) for kind, length in metres.items() if length}
