"""The applications that a CMIS module advertises, and the lanes that they use. CMIS 5.3, 8.2.13 and 8.4.17."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from probes.sources.eeprom import interfaces
from probes.sources.eeprom.memory import BANK_LANES
from probes.sources.eeprom.module import Application

_END = 0xFF
_BYTES = 4


def parse(media_type: int, first: bytes, more: bytes, media_options: bytes | None) -> tuple[Application, ...]:
    """The applications 1 to 8 from `first` (page 00h bytes 86-117) and 9 to 15 from `more` (page 01h bytes 223-250).

    `media_options` is page 01h bytes 176-190, one for each; None where there is no such page.
    """
    return tuple(_parse(media_type, first, 1, media_options)) + tuple(_parse(media_type, more, 9, media_options))


def _parse(media_type: int, block: bytes, number: int, options: bytes | None) -> Iterator[Application]:
    for at in range(0, len(block) - _BYTES + 1, _BYTES):
        host, media, counts, host_options = block[at : at + _BYTES]
        if host == _END:
            return
        place = number + at // _BYTES
        if host:
            yield Application(
                number=place,
                host=interfaces.host_name(host),
                media=interfaces.media_name(media_type, media),
                host_lanes=counts >> 4,
                media_lanes=counts & 0x0F,
                host_options=host_options,
                media_options=options[place - 1] if options is not None and place <= len(options) else None,
            )


def host_lanes(applications: Iterable[Application]) -> tuple[int, ...]:
    """The host lanes of a bank that any application can use, from 1."""
    return _union((one.host_lanes, one.host_options) for one in applications)


def media_lanes(applications: Iterable[Application], unsupported: int) -> tuple[int, ...]:
    """The media lanes of a bank that exist, from 1.

    `unsupported` has a bit for each lane that does not (page 00h byte 210). Where all are set, which some modules with
    lanes do, it says nothing.
    """
    used = _union(
        (one.media_lanes, 1 if one.media_options is None else one.media_options) for one in applications
    ) or tuple(range(1, BANK_LANES + 1))
    absent = 0 if unsupported == 0xFF else unsupported
    return tuple(lane for lane in used if not absent >> (lane - 1) & 1)


def _union(ranges: Iterable[tuple[int, int]]) -> tuple[int, ...]:
    lanes = {
        start + step + 1
        for count, options in ranges
        for start in range(BANK_LANES)
        if options >> start & 1
        for step in range(count)
    }
    return tuple(sorted(lane for lane in lanes if lane <= BANK_LANES))
