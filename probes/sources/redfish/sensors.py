"""Sensors: Sensor and EnvironmentMetrics of today's schema, Thermal and Power of the one before.

DMTF DSP0268 (schema reference). Readings are in degrees Celsius, revolutions per minute, watts, volts and amperes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from probes.sources.redfish.facts import Fact, Place, absent, owner, place, status
from probes.sources.redfish.values import as_object, at, number, objects, reading, text


class _Kind(NamedTuple):
    """The fact that a reading becomes, and what one of its units is in that fact's."""

    what: str
    factor: float = 1.0


_BY_TYPE = {
    "Temperature": _Kind("temperature"),
    "Rotational": _Kind("fan"),
    "Power": _Kind("power"),
    "Voltage": _Kind("voltage"),
    "Current": _Kind("current"),
    "EnergyJoules": _Kind("energy"),
    "EnergykWh": _Kind("energy", 3.6e6),
    "EnergyWh": _Kind("energy", 3.6e3),
    "Frequency": _Kind("frequency"),
    "Humidity": _Kind("humidity", 0.01),
    "Percent": _Kind("ratio", 0.01),
    "LiquidFlowLPM": _Kind("liquid_flow", 1 / 60_000),
    "PressurekPa": _Kind("pressure", 1e3),
    "PressurePa": _Kind("pressure"),
}
_BY_UNIT = {
    "Cel": _BY_TYPE["Temperature"],
    "RPM": _BY_TYPE["Rotational"],
    "{rev}/min": _BY_TYPE["Rotational"],
    "W": _BY_TYPE["Power"],
    "V": _BY_TYPE["Voltage"],
    "A": _BY_TYPE["Current"],
    "J": _BY_TYPE["EnergyJoules"],
    "kW.h": _BY_TYPE["EnergykWh"],
    "Hz": _BY_TYPE["Frequency"],
    "%": _BY_TYPE["Percent"],
}
"""For sensors that do not say their type, by ReadingUnits (UCUM)."""
_LIMITS = {
    "UpperCaution": "upper_caution",
    "UpperCritical": "upper_critical",
    "UpperFatal": "upper_fatal",
    "LowerCaution": "lower_caution",
    "LowerCritical": "lower_critical",
}
_OLD_LIMITS = {
    "UpperThresholdNonCritical": "upper_caution",
    "UpperThresholdCritical": "upper_critical",
    "UpperThresholdFatal": "upper_fatal",
    "LowerThresholdNonCritical": "lower_caution",
    "LowerThresholdCritical": "lower_critical",
}


def sensor(document: Any, link: str) -> Iterator[Fact]:
    """A Sensor. One that is enabled and has no reading is unreadable; a disabled one has none to have."""
    where = place(document, link)
    yield from status("sensor", where, document)
    kind = _BY_TYPE.get(text(at(document, "ReadingType"))) or _BY_UNIT.get(text(at(document, "ReadingUnits")))
    if kind is None or absent(document) or "Reading" not in as_object(document):
        return
    labels = (where.resource, where.name, text(at(document, "PhysicalContext")))
    value = number(at(document, "Reading"))
    if value is not None:
        yield _fact(kind, labels, value)
    elif measures(document):
        yield Fact(kind.what, labels, None)
    if kind.what == "temperature":
        for key, limit in _LIMITS.items():
            value = number(at(document, "Thresholds", key, "Reading"))
            if value is not None:
                yield Fact("temperature_limit", (where.resource, where.name, limit), value)


def environment(document: Any, link: str, name: str) -> Iterator[Fact]:
    """The EnvironmentMetrics of the part called `name`."""
    labels = (owner(document, link), name, "")
    yield from excerpt("Temperature", labels, document, "TemperatureCelsius")
    yield from excerpt("Power", labels, document, "PowerWatts")
    yield from excerpt("Humidity", labels, document, "HumidityPercent")
    # The same energy in two units, of which one may have no number.
    energy = [
        *excerpt("EnergyJoules", labels, document, "EnergyJoules"),
        *excerpt("EnergykWh", labels, document, "EnergykWh"),
    ]
    yield from sorted(energy, key=lambda fact: fact.value is None)[:1]
    for index, fan in enumerate(objects(at(document, "FanSpeedsPercent"))):
        own = (labels[0], text(fan.get("DeviceName")) or f"{name} fan {index}", "")
        yield from _fan_speed(own, fan, measures=measures(document))


def fan(document: Any, link: str) -> Iterator[Fact]:
    """A Fan of a ThermalSubsystem."""
    where = place(document, link)
    yield from status("fan", where, document)
    labels = (where.resource, where.name, text(at(document, "PhysicalContext")))
    speed = at(document, "SpeedPercent")
    if absent(document):
        return
    if isinstance(speed, dict):
        yield from _fan_speed(labels, speed, measures=measures(document))
    else:
        yield from excerpt("Percent", labels, document, "SpeedPercent")


def thermal(document: Any, link: str) -> Iterator[Fact]:
    """Thermal: the temperatures and fans of a chassis in the schema before ThermalSubsystem."""
    for index, one in enumerate(objects(at(document, "Temperatures"))):
        where = _member(link, "Temperatures", index, one)
        yield from status("sensor", where, one)
        if absent(one) or "ReadingCelsius" not in one:
            continue
        value = number(one["ReadingCelsius"])
        labels = (where.resource, where.name, text(one.get("PhysicalContext")))
        if value is not None or at(one, "Status", "State") == "Enabled":
            yield Fact("temperature", labels, value)
        for key, limit in _OLD_LIMITS.items():
            if (threshold := number(one.get(key))) is not None:
                yield Fact("temperature_limit", (where.resource, where.name, limit), threshold)
    for index, one in enumerate(objects(at(document, "Fans"))):
        where = _member(link, "Fans", index, one)
        yield from status("fan", where, one)
        if absent(one) or "Reading" not in one:
            continue
        kind = _BY_TYPE["Percent" if one.get("ReadingUnits") == "Percent" else "Rotational"]
        labels = (where.resource, where.name, text(one.get("PhysicalContext")))
        value = number(one["Reading"])
        if value is not None:
            yield _fact(kind, labels, value)
        elif at(one, "Status", "State") == "Enabled":
            yield Fact(kind.what, labels, None)


def power(document: Any, link: str) -> Iterator[Fact]:
    """Power: supplies, voltages and consumption of a chassis in the schema before PowerSubsystem."""
    for index, one in enumerate(objects(at(document, "PowerSupplies"))):
        where = _member(link, "PowerSupplies", index, one)
        yield from status("power_supply", where, one)
        if absent(one):
            continue
        for keys, kind, side in (
            (("PowerInputWatts",), "Power", "input"),
            (("PowerOutputWatts", "LastPowerOutputWatts"), "Power", "output"),
            (("LineInputVoltage",), "Voltage", "input"),
        ):
            values = [value for key in keys if (value := number(one.get(key))) is not None]
            if values:
                yield _fact(_BY_TYPE[kind], (where.resource, where.name, side), values[0])
        if (capacity := number(one.get("PowerCapacityWatts"))) is not None:
            yield Fact("power_capacity", where, capacity)
    for key, field, what in (
        ("Voltages", "ReadingVolts", "Voltage"),
        ("PowerControl", "PowerConsumedWatts", "Power"),
    ):
        for index, one in enumerate(objects(at(document, key))):
            where = _member(link, key, index, one)
            yield from status("sensor", where, one)
            if not absent(one) and (value := number(one.get(field))) is not None:
                yield _fact(_BY_TYPE[what], (where.resource, where.name, text(one.get("PhysicalContext"))), value)


def measures(document: Any) -> bool:
    """Whether a part is to have readings: it is enabled, or does not say."""
    return at(document, "Status", "State") in ("Enabled", None)


def excerpt(what: str, labels: tuple[str, str, str], document: Any, key: str) -> Iterator[Fact]:
    """The reading in an excerpt of a sensor, if there is one. `what` is a ReadingType.

    One that is there without a number is unreadable, unless its part is switched off. An excerpt may also be a link to
    its sensor alone, and that is no reading.
    """
    if key not in as_object(document):
        return
    value = document[key]
    if (plain := reading(value)) is not None:
        yield _fact(_BY_TYPE[what], labels, plain)
    elif measures(document) and (not isinstance(value, dict) or "Reading" in value):
        yield Fact(_BY_TYPE[what].what, labels, None)


def _fan_speed(labels: tuple[str, str, str], document: Any, *, measures: bool) -> Iterator[Fact]:
    """Share of the highest speed and, where it is told, the speed; `measures` as for the fan."""
    for key, kind in (("Reading", _BY_TYPE["Percent"]), ("SpeedRPM", _BY_TYPE["Rotational"])):
        if (value := number(at(document, key))) is not None:
            yield _fact(kind, labels, value)
        elif measures and key in as_object(document):
            yield Fact(kind.what, labels, None)


def _fact(kind: _Kind, labels: tuple[str, ...], value: float) -> Fact:
    result = value * kind.factor
    if kind.what != "energy":
        return Fact(kind.what, labels, result if math.isfinite(result) else None)
    # A counter, so a whole number: of millijoules. What is negative or beyond 64 bits is none.
    thousandths = round(result * 1000) if abs(result) < 1e18 else -1
    return Fact(kind.what, labels, thousandths if 0 <= thousandths < 1 << 64 else None)


def _member(link: str, key: str, index: int, document: Any) -> Place:
    """An entry of a list inside of a resource: it has no path of its own."""
    own = place({}, link)
    member = text(at(document, "MemberId"), 64) or str(index)
    return Place(f"{own.resource}#{key}/{member}", text(at(document, "Name")) or f"{key} {member}")
