"""Modules of many lanes: QSFP-DD, OSFP, SFP-DD, OSFP-XD and co-packaged optics. CMIS revisions 3 to 5.3 (OIF)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from probes.sources.eeprom import advertisement, vdm
from probes.sources.eeprom.advertisement import Advertisement
from probes.sources.eeprom.memory import BANK_LANES, Memory, Span, need, sums_to, take
from probes.sources.eeprom.module import (
    BIAS,
    LASER_TEMPERATURE,
    RECEIVE_POWER,
    SUPPLY,
    TEMPERATURE,
    TRANSMIT_POWER,
    Flag,
    Identity,
    Measurement,
    Observed,
    Tag,
    Thresholds,
)
from probes.sources.eeprom.monitors import amperes, celsius, lane_flags, level_flags, thresholds, volts, watts

MODULE_STATES = {1: "low power", 2: "powering up", 3: "ready", 4: "powering down", 5: "fault"}
"""Page 00h byte 3 bits 3-1."""
FAULT_CAUSES = {0: "none", 1: "TEC runaway", 2: "data memory corrupted", 3: "program memory corrupted"}
"""Page 00h byte 41."""
# fmt: off
DATA_PATH_STATES = {
    1: "deactivated", 2: "init", 3: "deinit", 4: "activated", 5: "turning on", 6: "turning off", 7: "initialized",
}
# fmt: on
"""Page 11h bytes 128-131, half a byte per host lane."""


_NOW = Span(0, 42)
_LANE_BYTES = 74
_SNR_SELECTED = 6
"""What page 14h shows when byte 128 has this: signal-to-noise ratios of 1/256 dB, the low byte first."""


@dataclass(frozen=True, slots=True)
class Cmis:
    """A module whose memory follows CMIS."""

    identity: Identity
    thresholds: Mapping[str, Thresholds]
    tag: Tag
    offers: Advertisement | None
    """None for flat memory, which has no monitors."""
    groups: tuple[vdm.Group, ...]
    snr_sides: tuple[str, ...]
    """Of which sides page 14h shows signal-to-noise ratios, which is asked only where the groups do not have them."""

    def measure(self, memory: Memory) -> Measurement:
        """What it measures now. Raises EepromError, OSError."""
        content = need(memory, _NOW)
        state = content[3] >> 1 & 0x07
        known = state if state in MODULE_STATES else None
        fault = content[41] if content[41] in FAULT_CAUSES else None
        offers = self.offers
        if offers is None:
            return Measurement(state=known, fault=fault)
        lanes = _Lanes(offers)
        for bank in range(offers.banks):
            lanes.read(memory, bank)
        observed = [*vdm.observe(memory, self.groups), *_snr(memory, offers, self.snr_sides)]
        return Measurement(
            temperature=celsius(content, 14) if offers.temperature else None,
            supply=volts(content, 16) if offers.supply else None,
            laser_temperature=None if offers.laser is None else celsius(content, offers.laser),
            receive_power=lanes.receive_power,
            transmit_power=lanes.transmit_power,
            bias=lanes.bias,
            flags=(*_module_flags(content, offers), *lanes.flags),
            state=known,
            fault=fault,
            data_paths=lanes.data_paths,
            observed=tuple(observed),
        )


class _Lanes:
    """What is measured of each lane, over all banks."""

    def __init__(self, offers: Advertisement) -> None:
        self._offers = offers
        self.receive_power: dict[int, float] = {}
        self.transmit_power: dict[int, float] = {}
        self.bias: dict[int, float] = {}
        self.data_paths: dict[int, int] = {}
        self.flags: list[Flag] = []

    def read(self, memory: Memory, bank: int) -> None:
        """Add the lanes of a bank; a bank that the module does not have after all adds none."""
        content = take(memory, Span(128, _LANE_BYTES, page=0x11, bank=bank))
        if content is None:
            return
        offers, first = self._offers, bank * BANK_LANES
        for lane in offers.host_lanes:
            state = content[(lane - 1) // 2] >> (0 if lane % 2 else 4) & 0x0F
            if state in DATA_PATH_STATES:
                self.data_paths[first + lane] = state
        for offered, unit, at, values in (
            (offers.transmit_power, watts, 26, self.transmit_power),
            (offers.bias, amperes, 42, self.bias),
            (offers.receive_power, watts, 58, self.receive_power),
        ):
            for lane in offers.media_lanes if offered else ():
                values[first + lane] = unit(content, at + 2 * (lane - 1)) * offered
        self.flags += (Flag(flag.name, first + flag.lane, flag.raised) for flag in self._flags(memory, bank, content))

    def _flags(self, memory: Memory, bank: int, content: bytes) -> Iterator[Flag]:
        offers = self._offers
        for name, at in offers.host_flags.items():
            yield from lane_flags(name, offers.host_lanes, content[at])
        for name, at in offers.media_flags.items():
            yield from lane_flags(name, offers.media_lanes, content[at])
        for quantity, offered, at in (
            (TRANSMIT_POWER, offers.transmit_power, 11),
            (BIAS, offers.bias, 15),
            (RECEIVE_POWER, offers.receive_power, 21),
        ):
            for lane in offers.media_lanes if offered else ():
                # A byte for each level, with a bit for each lane.
                bits = sum((content[at + level] >> (lane - 1) & 1) << level for level in range(4))
                yield from level_flags(quantity, lane, bits)
        if offers.transmit_disable:
            disabled = take(memory, Span(130, 1, page=0x10, bank=bank))
            if disabled is not None:
                yield from lane_flags("transmit_disabled", offers.media_lanes, disabled[0])


def identify(memory: Memory) -> Cmis:
    """The module in a memory whose identifier is that of CMIS. Raises EepromError, OSError."""
    identity, offers = advertisement.read(memory)
    tag = Tag(advertisement.TAG, take(memory, advertisement.TAG))
    if offers is None:
        return Cmis(identity, {}, tag, None, (), ())
    limits = take(memory, Span(128, 128, page=2))
    if limits is not None and not sums_to(limits[:127], limits[127]):
        identity = replace(identity, bad_checksums=(*identity.bad_checksums, "page 02h bytes 128-254"))
    groups = vdm.find_groups(memory, range(offers.banks)) if offers.vdm else ()
    sides = _snr_sides(memory) if offers.diagnostics and not groups else ()
    found = {} if limits is None else _thresholds(limits, offers)
    return Cmis(identity, found, tag, offers, groups, sides)


def _thresholds(page: bytes, offers: Advertisement) -> dict[str, Thresholds]:
    found = {
        TEMPERATURE: thresholds(page, 0, celsius) if offers.temperature else None,
        SUPPLY: thresholds(page, 8, volts) if offers.supply else None,
        TRANSMIT_POWER: thresholds(page, 48, watts) if offers.transmit_power else None,
        BIAS: thresholds(page, 56, lambda content, at: amperes(content, at) * offers.bias) if offers.bias else None,
        RECEIVE_POWER: thresholds(page, 64, watts) if offers.receive_power else None,
        LASER_TEMPERATURE: None if offers.laser is None else thresholds(page, offers.laser_limits, celsius),
    }
    return {quantity: limits for quantity, limits in found.items() if limits is not None}


def _module_flags(content: bytes, offers: Advertisement) -> Iterator[Flag]:
    for bit, name in enumerate(("module_state_changed", "module_firmware_error", "data_path_firmware_error")):
        yield Flag(name, 0, bool(content[8] >> bit & 1))
    if offers.temperature:
        yield from level_flags(TEMPERATURE, 0, content[9])
    if offers.supply:
        yield from level_flags(SUPPLY, 0, content[9] >> 4)
    if offers.laser is not None:
        bits = content[10] >> 4 if offers.laser == advertisement.AUX2 else content[11]
        yield from level_flags(LASER_TEMPERATURE, 0, bits)


def _snr_sides(memory: Memory) -> tuple[str, ...]:
    """The sides whose ratios the module measures (page 13h byte 130) and has been told to show."""
    able, shown = take(memory, Span(130, 1, page=0x13)), take(memory, Span(128, 1, page=0x14))
    if able is None or shown is None or shown[0] != _SNR_SELECTED:
        return ()
    return tuple(side for side, bit in (("host", 0x10), ("media", 0x20)) if able[0] & bit)


def _snr(memory: Memory, offers: Advertisement, sides: tuple[str, ...]) -> Iterator[Observed]:
    """The ratios of bank 0, as long as page 14h shows them."""
    page = take(memory, Span(128, 128, page=0x14)) if sides else None
    if page is None or page[0] != _SNR_SELECTED:
        return
    for side in sides:
        at, lanes = (80, offers.host_lanes) if side == "host" else (112, offers.media_lanes)
        for lane in lanes:
            raw = int.from_bytes(page[at + 2 * lane - 2 : at + 2 * lane], "little")
            yield Observed("snr", "current", side, lane, raw / 256)
