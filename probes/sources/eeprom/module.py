"""What is known of a pluggable module, whatever standard its memory follows.

Units are degrees Celsius, volts, amperes, watts and metres. What a module does not measure is absent: None, or not in
the mapping. Lanes count from 1; those of `receive_power`, `transmit_power` and `bias` are media lanes (fibres or
wavelengths), and flags say which side they are of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from probes.sources.eeprom.memory import Memory, Span, take

TEMPERATURE, SUPPLY, RECEIVE_POWER = "temperature", "supply", "receive_power"
TRANSMIT_POWER, BIAS, LASER_TEMPERATURE = "transmit_power", "bias", "laser_temperature"
OPTICAL = frozenset({RECEIVE_POWER, TRANSMIT_POWER, BIAS})
"""What only light has: a copper cable that measures something holds zeros for them, which would read as dark."""
LEVELS = ("high_alarm", "low_alarm", "high_warning", "low_warning")
"""The order in which all the standards store thresholds, and most of them flags."""


class Thresholds(NamedTuple):
    """The module's own limits of one quantity."""

    high_alarm: float
    low_alarm: float
    high_warning: float
    low_warning: float


class Flag(NamedTuple):
    """One of the module's flags. Most are latched: raised since they were last read, by anybody."""

    name: str
    lane: int
    """0 for a flag of the whole module."""
    raised: bool


class Application(NamedTuple):
    """One of the ways in which a CMIS module can be run."""

    number: int
    host: str
    """The electrical interface, such as `400GAUI-8 C2M`."""
    media: str
    host_lanes: int
    media_lanes: int
    host_options: int
    """Bit n is set when the application can begin at host lane n + 1."""
    media_options: int | None
    """The same for media lanes; None where the module does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What does not change while a module is plugged in."""

    standard: str
    """What its memory follows, such as `CMIS 5.0`."""
    form_factor: str
    vendor: str = ""
    oui: str = ""
    """The vendor's IEEE number, in hexadecimal pairs."""
    part: str = ""
    revision: str = ""
    serial: str = ""
    date: str = ""
    """When it was made, and the lot."""
    media: str = ""
    """What it speaks over fibre or copper, such as `400GBASE-DR4`; empty when it does not say."""
    technology: str = ""
    """How it makes light, or what the copper is like."""
    connector: str = ""
    copper: bool = False
    """Whether the far side is copper."""
    lengths: Mapping[str, float] = field(default_factory=dict)
    """Metres: of a cable with its modules by `cable`, else how far it reaches over what (`OM4`, `SMF`, `copper`)."""
    host_lanes: int = 0
    media_lanes: int = 0
    firmware: str = ""
    hardware: str = ""
    applications: tuple[Application, ...] = ()
    bad_checksums: tuple[str, ...] = ()
    """Where the content is not what its checksum says; it is decoded all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What a module measures at a moment."""

    temperature: float | None = None
    supply: float | None = None
    laser_temperature: float | None = None
    receive_power: Mapping[int, float] = field(default_factory=dict)
    transmit_power: Mapping[int, float] = field(default_factory=dict)
    bias: Mapping[int, float] = field(default_factory=dict)
    flags: tuple[Flag, ...] = ()
    state: int | None = None
    """CMIS: the state of the module by number (cmis.MODULE_STATES)."""
    fault: int | None = None
    """CMIS: why it is in the state of fault, by number (cmis.FAULT_CAUSES)."""
    data_paths: Mapping[int, int] = field(default_factory=dict)
    """CMIS: the state of each host lane's data path by number (cmis.DATA_PATH_STATES)."""
    observed: tuple[Observed, ...] = ()


class Observed(NamedTuple):
    """A value of signal quality."""

    name: str
    """`bit_error_ratio` before FEC, `frame_error_ratio`, `snr` or `level_transition` (both in dB)."""
    statistic: str
    """`current`, or `minimum`, `maximum` or `average` of the module's interval."""
    side: str
    """`media` or `host`: where the signal comes in."""
    lane: int
    """0 for all the lanes of a data path."""
    value: float | None
    """None when what the module gives can be none."""


class Module(Protocol):
    """A module that was identified, and that measures."""

    @property
    def identity(self) -> Identity:
        """What it is."""
        ...

    @property
    def thresholds(self) -> Mapping[str, Thresholds]:
        """Its limits by quantity; those that it has."""
        ...

    @property
    def tag(self) -> Tag:
        """By what it is known again."""
        ...

    def measure(self, memory: Memory) -> Measurement:
        """What it measures now. Raises EepromError, OSError."""
        ...


class Tag(NamedTuple):
    """Bytes with the part and serial number: another module has others."""

    span: Span
    content: bytes | None

    def still(self, memory: Memory) -> bool:
        """Whether the module in the memory is the one with this tag. Raises EepromError, OSError."""
        return take(memory, self.span) == self.content
