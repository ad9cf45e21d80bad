"""What the sensors of a host say that hang on its own busses: temperatures, fans, voltages, currents, power, alarms.

Network adapters, NVMe drives, processors and power monitors all show theirs as chips of hwmon, with the device that
they sit on. A fan's speed is in revolutions per minute, although a base unit would be hertz: data sheets, limits and
every other exporter are in it. Alarms that are raised or cleared are events.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, ClassVar, NamedTuple

from msgspec import Meta

from fabricscope.model import Event, Kind, MetricSpec, Now, Quality, Reading, Severity
from probes.sampling.patterns import Patterns, matches
from probes.sampling.sampler import Roots, SamplerSettings
from probes.sources import hwmon, sysfs
from probes.sources.hwmon import Attribute, Chip

_LOOK_AGAIN_NS = 60_000_000_000
"""How long chips, labels and limits are taken to hold."""

_LABELS = ("device", "chip", "sensor", "label")


def _gauge(name: str, text: str, file: str, unit: str, *aliases: str, extra: tuple[str, ...] = ()) -> MetricSpec:
    return MetricSpec(
        f"fabricscope_chassis_{name}",
        Kind.GAUGE,
        text,
        (*_LABELS, *extra),
        unit=unit,
        source=f"/sys/class/hwmon/hwmon<n>/{file}",
        aliases=aliases,
    )


_RPM = "revolutions_per_minute"
# fmt: off
_VALUES = {
    "temp": _gauge("temperature_celsius", "Temperature that the sensor measures.", "temp<n>_input", "celsius",
                   "node_hwmon_temp_celsius", "hw.temperature"),
    "fan": _gauge(f"fan_{_RPM}", "Speed of the fan.", "fan<n>_input", _RPM, "node_hwmon_fan_rpm", "hw.fan.speed"),
    "in": _gauge("voltage_volts", "Voltage that the sensor measures.", "in<n>_input", "volts",
                 "node_hwmon_in_volts", "hw.voltage"),
    "curr": _gauge("current_amperes", "Current that the sensor measures.", "curr<n>_input", "amperes",
                   "node_hwmon_curr_amps"),
    "power": _gauge("power_watts", "Power that the sensor measures, or its average when it measures nothing else.",
                    "power<n>_input or power<n>_average", "watts", "node_hwmon_power_watt",
                    "node_hwmon_power_average_watt", "hw.power"),
    "humidity": _gauge("humidity_ratio", "Relative humidity.", "humidity<n>_input", "ratio",
                       "node_hwmon_humidity"),
}
_LIMITS = {
    "temp": _gauge("temperature_limit_celsius", "Temperature at which the device warns (max), throttles or shuts down "
                   "(crit, emergency), or is too cold (min, lcrit).", "temp<n>_<limit>", "celsius",
                   "node_hwmon_temp_max_celsius", "node_hwmon_temp_crit_celsius", extra=("limit",)),
    "fan": _gauge(f"fan_limit_{_RPM}", "Lowest, highest and wanted speed of the fan.", "fan<n>_<limit>", _RPM,
                  "node_hwmon_fan_min_rpm", "node_hwmon_fan_max_rpm", extra=("limit",)),
    "in": _gauge("voltage_limit_volts", "Voltage at which the device warns (min, max) or fails (lcrit, crit).",
                 "in<n>_<limit>", "volts", "node_hwmon_in_min_volts", "node_hwmon_in_max_volts", extra=("limit",)),
    "curr": _gauge("current_limit_amperes", "Current at which the device warns (min, max) or fails (lcrit, crit).",
                   "curr<n>_<limit>", "amperes", "node_hwmon_curr_max_amps", extra=("limit",)),
    "power": _gauge("power_limit_watts", "Power at which the device warns (max) or fails (crit), and what it is held "
                    "to (cap).", "power<n>_<limit>", "watts", "node_hwmon_power_max_watt",
                    "node_hwmon_power_crit_watt", extra=("limit",)),
}
_ENERGY = MetricSpec(
    "fabricscope_chassis_energy_joules_total", Kind.COUNTER, "Energy that went through the sensor.", _LABELS,
    unit="joules", source="/sys/class/hwmon/hwmon<n>/energy<n>_input", per_unit=1_000_000,
    aliases=("node_hwmon_energy_joule_total", "hw.energy"),
)
_ALARM = _gauge("alarm", "1 while the device says that a limit is crossed: which one is in `kind` (alarm when it does "
                "not say), `fault` for a sensor or fan that is broken.", "<sensor>_<kind>_alarm, <sensor>_fault", "",
                "node_hwmon_temp_crit_alarm_celsius", "node_hwmon_temp_alarm", "node_hwmon_fan_alarm", extra=("kind",))
# fmt: on
_LEFT_OUT = MetricSpec(
    "fabricscope_chassis_sensors_left_out", Kind.GAUGE, "Sensors beyond the setting max_sensors, not reported."
)

_LIMIT_ITEMS = frozenset({"min", "max", "crit", "lcrit", "emergency", "cap", "target"})
_SEVERE = frozenset({"crit", "lcrit", "emergency", "fault"})


class ChassisSettings(SamplerSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the `chassis` sampler. Each read may be a command to the device's firmware, so it runs rarely."""

    interval_seconds: Annotated[float, Meta(ge=0.1, le=3600, description="Time between two samples, in seconds.")] = (
        10.0
    )
    deadline_seconds: Annotated[
        float,
        Meta(
            ge=0.05,
            le=3600,
            description="A sample that takes longer, in seconds, is reported as hung and its values are stale.",
        ),
    ] = 8.0
    exclude: Annotated[
        Patterns,
        Meta(
            description="Chips never to read, by the driver's name (`drivetemp`) or by `name@device` "
            "(`acpitz@thermal_zone*`); `*` and `?` stand for any letters.",
        ),
    ] = ()
    max_sensors: Annotated[int, Meta(ge=1, le=4096, description="Sensors to report at most, by device.")] = 512


class _Sensor(NamedTuple):
    """One sensor with its files, and readings of what is fixed about it."""

    kind: str
    labels: tuple[str, str, str, str]
    value: Path | None
    fault: Path | None
    alarms: tuple[tuple[Path, tuple[str, str, str, str, str]], ...]
    limits: tuple[Reading, ...]


class ChassisSampler:
    """Reads every sensor of every chip."""

    name: ClassVar[str] = "chassis"
    Settings: ClassVar[type[SamplerSettings]] = ChassisSettings
    metrics: ClassVar[Sequence[MetricSpec]] = (*_VALUES.values(), *_LIMITS.values(), _ENERGY, _ALARM, _LEFT_OUT)

    def __init__(self, settings: ChassisSettings, roots: Roots) -> None:
        self._settings = settings
        self._directory = roots.sysfs("class", "hwmon")
        self._names: list[str] = []
        self._looked_ns = 0
        self._sensors: list[_Sensor] = []
        self._left_out = 0
        self._raised: dict[tuple[str, ...], bool] = {}
        """The alarms as they were at the last sample."""

    def unavailable(self) -> str | None:
        """Why there is nothing to sample, or None."""
        try:
            found = hwmon.chips(self._directory)
        except sysfs.Unreadable as error:
            return f"sensor chips cannot be listed: {error}"
        if not found:
            return f"no sensor chip in {self._directory}, as in most virtual machines; see `modprobe coretemp`"
        if not any(map(self._wanted, found)):
            return f"the settings exclude all chips: {', '.join(f'{chip.name}@{chip.device}' for chip in found[:16])}"
        return None

    def sample(self, now: Now) -> Iterator[Reading | Event]:
        """Every sensor's value and alarms, and alarms that came or went. Raises OSError when chips cannot be listed."""
        self._look(now)
        for sensor in self._sensors:
            faulty, rows = self._alarms(sensor)
            yield from self._value(sensor, faulty)
            yield from sensor.limits
            for row in rows:
                yield row
                yield from self._change(row, now)
        yield Reading(_LEFT_OUT, (), float(self._left_out))

    def close(self) -> None:
        """Do nothing: nothing is kept open."""

    def _wanted(self, chip: Chip) -> bool:
        names = (chip.name, f"{chip.name}@{chip.device}")
        return not any(matches(name, self._settings.exclude) for name in names)

    def _look(self, now: Now) -> None:
        """Bring the list of sensors up to date."""
        try:
            names = sysfs.entries(self._directory)
            if names == self._names and now.mono - self._looked_ns < _LOOK_AGAIN_NS:
                return
            found = [chip for chip in hwmon.chips(self._directory) if self._wanted(chip)]
        except sysfs.Unreadable as error:
            raise OSError(f"sensor chips cannot be listed: {error}") from error
        groups = [(chip, group) for chip in found for group in _grouped(chip)]
        kept = groups[: self._settings.max_sensors]
        self._sensors = [_described(chip, group) for chip, group in kept]
        self._left_out = len(groups) - len(kept)
        self._names, self._looked_ns = names, now.mono
        present = {labels for sensor in self._sensors for _, labels in sensor.alarms}
        self._raised = {labels: raised for labels, raised in self._raised.items() if labels in present}

    def _value(self, sensor: _Sensor, faulty: bool) -> Iterator[Reading]:
        if sensor.value is None:
            return
        spec = _ENERGY if sensor.kind == "energy" else _VALUES[sensor.kind]
        if faulty:
            yield Reading(spec, sensor.labels, None, Quality.UNREADABLE)
            return
        try:
            value = hwmon.read(sensor.value)
        except sysfs.Unreadable:
            yield Reading(spec, sensor.labels, None, Quality.UNREADABLE)
            return
        if value is None:
            return
        result = value if sensor.kind == "energy" else hwmon.scaled(sensor.kind, value)
        if result is None or (sensor.kind == "energy" and value < 0):
            yield Reading(spec, sensor.labels, None, Quality.UNREADABLE)
        else:
            yield Reading(spec, sensor.labels, result)

    def _alarms(self, sensor: _Sensor) -> tuple[bool, list[Reading]]:
        """Whether the sensor says that it is broken, and a reading of each alarm."""
        faulty, rows = False, []
        for path, labels in sensor.alarms:
            try:
                value = hwmon.read(path)
            except sysfs.Unreadable:
                rows.append(Reading(_ALARM, labels, None, Quality.UNREADABLE))
                continue
            if value is not None:
                faulty = faulty or (path == sensor.fault and value != 0)
                rows.append(Reading(_ALARM, labels, float(value != 0)))
        return faulty, rows

    def _change(self, row: Reading, now: Now) -> Iterator[Event]:
        """The event of an alarm that is not what it was; none at the first sight of it."""
        if row.value is None:
            return
        raised = bool(row.value)
        before = self._raised.get(row.labels)
        self._raised[row.labels] = raised
        if before is None or before == raised:
            return
        device, chip, sensor, label, kind = row.labels
        severity = Severity.CRITICAL if kind in _SEVERE else Severity.WARNING
        yield Event(
            time_unix_ns=now.wall,
            monotonic_ns=now.mono,
            kind="chassis.alarm" if raised else "chassis.alarm_cleared",
            severity=severity if raised else Severity.INFO,
            message=f"{chip} on {device}: {kind} alarm of {label or sensor} {'raised' if raised else 'cleared'}",
            subject={"device": device, "chip": chip, "sensor": sensor},
            attributes={"alarm": kind, "label": label},
        )


def _grouped(chip: Chip) -> list[list[Attribute]]:
    """The attributes of a chip, those of one sensor together."""
    groups: dict[str, list[Attribute]] = {}
    for attribute in chip.attributes:
        groups.setdefault(attribute.sensor, []).append(attribute)
    return list(groups.values())


def _described(chip: Chip, group: Sequence[Attribute]) -> _Sensor:
    first = group[0]
    items = {attribute.item: chip.path / f"{attribute.sensor}_{attribute.item}" for attribute in group}
    labels = (chip.device, chip.name, first.sensor, hwmon.read_label(chip, first))
    alarms = [(path, (*labels, _alarm_kind(item))) for item, path in items.items() if item.endswith("alarm")]
    if "fault" in items:
        alarms.append((items["fault"], (*labels, "fault")))
    limits = tuple(_limits(first.kind, labels, items))
    value = items.get("input", items.get("average")) if first.kind in (*_VALUES, "energy") else None
    return _Sensor(first.kind, labels, value, items.get("fault"), tuple(alarms), limits)


def _alarm_kind(item: str) -> str:
    return item.removesuffix("alarm").strip("_") or "alarm"


def _limits(kind: str, labels: tuple[str, ...], items: dict[str, Path]) -> Iterator[Reading]:
    """Limits as they are now. One that cannot be read, or that no temperature reaches, is none."""
    spec = _LIMITS.get(kind)
    for item in sorted(_LIMIT_ITEMS & items.keys()) if spec is not None else ():
        try:
            value = hwmon.read(items[item])
        except sysfs.Unreadable:
            continue
        if value is not None and spec is not None and (limit := hwmon.scaled(kind, value)) is not None:
            yield Reading(spec, (*labels, item), limit)
