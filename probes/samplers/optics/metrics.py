"""The table of the `optics` sampler, and the readings of a module."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fabricscope.model import Kind, MetricSpec, Quality, Reading
from probes.sources.eeprom.module import Identity, Measurement, Thresholds

_MEMORY = "ethtool MODULE_EEPROM_GET: "
_CMIS, _QSFP, _SFP = "CMIS", "SFF-8636", "SFF-8472"
_LANE = ("device", "lane")


def _spec(name: str, text: str, source: str, labels: tuple[str, ...], *aliases: str, unit: str = "") -> MetricSpec:
    return MetricSpec(
        f"fabricscope_optics_{name}",
        Kind.GAUGE,
        text,
        labels,
        unit=unit,
        source=_MEMORY + source,
        aliases=aliases,
    )


PRESENT = _spec(
    "present",
    "1 while a module answers, 0 while the interface could have one and none does. Absent for interfaces whose driver "
    "gives out no module, such as IP over InfiniBand of mlx5.",
    "any page",
    ("device",),
)
INFO = _spec(
    "info",
    "Always 1; the labels say what the module is. `length` is that of a cable, or how far it reaches over each kind of "
    "fibre, in metres.",
    f"{_CMIS} pages 00h, 01h; {_QSFP} page 00h; {_SFP} A0h",
    (
        "device",
        "form_factor",
        "standard",
        "vendor",
        "part",
        "revision",
        "serial",
        "media",
        "connector",
        "length",
        "firmware",
    ),
)
CHECKSUM_VALID = _spec(
    "checksum_valid",
    "0 when what the module says of itself does not add up to its checksum: it was written badly, or read badly.",
    f"{_CMIS} pages 00h byte 222, 01h and 02h byte 255; {_QSFP} bytes 191, 223; {_SFP} A0h bytes 63, 95, A2h byte 95",
    ("device",),
)
TEMPERATURE = _spec(
    "temperature_celsius",
    "Temperature of the module.",
    f"{_CMIS} page 00h byte 14; {_QSFP} byte 22; {_SFP} A2h byte 96",
    ("device",),
    "hw.temperature",
    unit="celsius",
)
SUPPLY = _spec(
    "supply_volts",
    "Supply voltage that the module finds.",
    f"{_CMIS} page 00h byte 16; {_QSFP} byte 26; {_SFP} A2h byte 98",
    ("device",),
    "hw.voltage",
    unit="volts",
)
LASER_TEMPERATURE = _spec(
    "laser_temperature_celsius",
    "Temperature of the laser, where the module has a monitor for it.",
    f"{_CMIS} page 00h byte 20 or 22",
    ("device",),
    "hw.temperature",
    unit="celsius",
)
RECEIVE_POWER = _spec(
    "receive_power_watts",
    "Optical power received, by media lane. 0 is less than 0.1 uW: dark. dBm = 10 * log10(watts * 1000).",
    f"{_CMIS} page 11h byte 186; {_QSFP} byte 34; {_SFP} A2h byte 104",
    _LANE,
    unit="watts",
)
TRANSMIT_POWER = _spec(
    "transmit_power_watts",
    "Optical power sent, by media lane.",
    f"{_CMIS} page 11h byte 154; {_QSFP} byte 50; {_SFP} A2h byte 102",
    _LANE,
    unit="watts",
)
BIAS = _spec(
    "bias_amperes",
    "Current that drives the laser, by media lane. It rises as a laser ages.",
    f"{_CMIS} page 11h byte 170; {_QSFP} byte 42; {_SFP} A2h byte 100",
    _LANE,
    unit="amperes",
)


def _limit(name: str, what: str, unit: str, *aliases: str) -> MetricSpec:
    return _spec(
        f"{name}_threshold_{unit}",
        f"The module's own limits of its {what}: `threshold` is high_alarm, high_warning, low_warning or low_alarm.",
        f"{_CMIS} page 02h; {_QSFP} page 03h; {_SFP} A2h bytes 0-39",
        ("device", "threshold"),
        *aliases,
        unit=unit,
    )


LIMITS = {
    "temperature": _limit("temperature", "temperature", "celsius", "hw.temperature.limit"),
    "supply": _limit("supply", "supply voltage", "volts", "hw.voltage.limit"),
    "laser_temperature": _limit("laser_temperature", "laser's temperature", "celsius", "hw.temperature.limit"),
    "receive_power": _limit("receive_power", "received power", "watts"),
    "transmit_power": _limit("transmit_power", "sent power", "watts"),
    "bias": _limit("bias", "bias current", "amperes"),
}
FLAG = _spec(
    "flag",
    "1 for a flag that the module has raised. `flag` is receive_los, receive_lol, transmit_fault, transmit_los, "
    "transmit_lol, transmit_equalizer_fault, a quantity with a level such as bias_high_alarm, or transmit_disabled. "
    "`lane` is empty for the module's own; transmit_los, transmit_lol and transmit_equalizer_fault are of host lanes. "
    "Most are latched: raised at some time since anybody last read them, which clears them.",
    f"{_CMIS} page 00h bytes 8-11, page 11h bytes 135-152; {_QSFP} bytes 3-14; {_SFP} A2h bytes 110-117",
    ("device", "lane", "flag"),
)
MODULE_STATE = _spec(
    "module_state",
    "State of a CMIS module: 1 low power, 2 powering up, 3 ready, 4 powering down, 5 fault.",
    f"{_CMIS} page 00h byte 3",
    ("device",),
)
FAULT_CAUSE = _spec(
    "module_fault_cause",
    "Why a CMIS module is in the state of fault: 0 it is not, 1 the laser's cooler ran away, 2 its data memory is "
    "corrupted, 3 its program memory is.",
    f"{_CMIS} page 00h byte 41",
    ("device",),
)
DATA_PATH_STATE = _spec(
    "data_path_state",
    "State of the data path of a host lane of a CMIS module: 1 deactivated, 2 initializing, 3 deinitializing, "
    "4 activated (traffic passes), 5 turning its transmitter on, 6 turning it off, 7 initialized.",
    f"{_CMIS} page 11h byte 128",
    _LANE,
)
_OBSERVED = ("device", "side", "lane", "statistic")
_SIDE = (
    "`side` is media (what comes in by fibre) or host (what comes in from the adapter); `lane` is empty for all lanes "
    "of a data path; `statistic` is current, or minimum, maximum or average of the module's own interval."
)
OBSERVED = {
    "bit_error_ratio": _spec(
        "bit_error_ratio",
        f"Bit error ratio before error correction (pre-FEC). {_SIDE}",
        f"{_CMIS} pages 24h-27h, types 9-16",
        _OBSERVED,
        unit="ratio",
    ),
    "frame_error_ratio": _spec(
        "frame_error_ratio",
        f"Share of FEC frames that could not be corrected. {_SIDE}",
        f"{_CMIS} pages 24h-27h, types 17-24",
        _OBSERVED,
        unit="ratio",
    ),
    "snr": _spec(
        "signal_to_noise_decibels",
        f"Signal-to-noise ratio of what comes in. {_SIDE}",
        f"{_CMIS} pages 24h-27h, types 5 and 6; page 14h",
        _OBSERVED,
        unit="decibels",
    ),
    "level_transition": _spec(
        "level_transition_decibels",
        f"PAM4 level transition parameter: how well the four levels can be told apart. {_SIDE}",
        f"{_CMIS} pages 24h-27h, types 7 and 8",
        _OBSERVED,
        unit="decibels",
    ),
    "laser_temperature": _spec(
        "lane_laser_temperature_celsius",
        f"Temperature of the laser of each lane. {_SIDE}",
        f"{_CMIS} pages 24h-27h, type 4",
        _OBSERVED,
        unit="celsius",
    ),
}
LEFT_OUT = MetricSpec(
    "fabricscope_optics_interfaces_left_out",
    Kind.GAUGE,
    "Interfaces beyond the setting max_interfaces, whose modules are not read.",
)

TABLE = (
    *(PRESENT, INFO, CHECKSUM_VALID, TEMPERATURE, SUPPLY, LASER_TEMPERATURE, RECEIVE_POWER, TRANSMIT_POWER, BIAS),
    *LIMITS.values(),
    *(FLAG, MODULE_STATE, FAULT_CAUSE, DATA_PATH_STATE),
    *OBSERVED.values(),
    LEFT_OUT,
)


def lasting(device: str, identity: Identity, thresholds: Mapping[str, Thresholds]) -> Iterator[Reading]:
    """What stays as long as the module does."""
    reach = ", ".join(f"{'' if kind == 'cable' else kind + ' '}{metres:g}" for kind, metres in identity.lengths.items())
    what = (identity.vendor, identity.part, identity.revision, identity.serial, identity.media, identity.connector)
    labels = (device, identity.form_factor, identity.standard, *what, reach, identity.firmware)
    yield Reading(INFO, labels, 1.0)
    yield Reading(CHECKSUM_VALID, (device,), float(not identity.bad_checksums))
    for quantity, limits in thresholds.items():
        for level, value in zip(limits._fields, limits, strict=True):
            yield Reading(LIMITS[quantity], (device, level), value)


def moving(device: str, now: Measurement) -> Iterator[Reading]:
    """What the module measures."""
    for spec, value in (
        (TEMPERATURE, now.temperature),
        (SUPPLY, now.supply),
        (LASER_TEMPERATURE, now.laser_temperature),
        (MODULE_STATE, now.state),
        (FAULT_CAUSE, now.fault),
    ):
        if value is not None:
            yield Reading(spec, (device,), float(value))
    for spec, lanes in (
        (RECEIVE_POWER, now.receive_power),
        (TRANSMIT_POWER, now.transmit_power),
        (BIAS, now.bias),
        (DATA_PATH_STATE, now.data_paths),
    ):
        for lane, value in lanes.items():
            yield Reading(spec, (device, str(lane)), float(value))
    for flag in now.flags:
        yield Reading(FLAG, (device, _lane(flag.lane), flag.name), float(flag.raised))
    for one in now.observed:
        quality = Quality.UNREADABLE if one.value is None else Quality.OK
        yield Reading(OBSERVED[one.name], (device, one.side, _lane(one.lane), one.statistic), one.value, quality)


def _lane(number: int) -> str:
    return str(number) if number else ""
