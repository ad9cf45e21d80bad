from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given

from probes.sources.redfish import sensors
from probes.sources.redfish.facts import Fact
from tests.fixtures.bmc import FakeBmc
from tests.probes.sources.redfish.strategies import documents

LINK = "/redfish/v1/Chassis/A/Sensors/S"
OLD = "/redfish/v1/Chassis/Old_0"


def measured(facts: Iterable[Fact]) -> set[Fact]:
    """All but health and state."""
    return {Fact(*fact) for fact in facts if fact.what not in ("health", "enabled")}


@pytest.mark.parametrize(
    ("kind", "reading", "fact"),
    [
        ("Temperature", -4.5, Fact("temperature", ("Chassis/A/Sensors/S", "S", "Intake"), -4.5)),
        ("Rotational", 9600, Fact("fan", ("Chassis/A/Sensors/S", "S", "Intake"), 9600.0)),
        ("Power", "812.5", Fact("power", ("Chassis/A/Sensors/S", "S", "Intake"), 812.5)),
        ("EnergykWh", 2, Fact("energy", ("Chassis/A/Sensors/S", "S", "Intake"), 7_200_000_000)),
        ("EnergyJoules", -2, Fact("energy", ("Chassis/A/Sensors/S", "S", "Intake"), None)),
        ("EnergyJoules", 1e300, Fact("energy", ("Chassis/A/Sensors/S", "S", "Intake"), None)),
        ("LiquidFlowLPM", 60, Fact("liquid_flow", ("Chassis/A/Sensors/S", "S", "Intake"), 0.001)),
        ("PressurekPa", 101, Fact("pressure", ("Chassis/A/Sensors/S", "S", "Intake"), 101_000.0)),
        ("Percent", 25, Fact("ratio", ("Chassis/A/Sensors/S", "S", "Intake"), 0.25)),
        ("Temperature", None, Fact("temperature", ("Chassis/A/Sensors/S", "S", "Intake"), None)),
    ],
)
def test_sensors_by_their_type(kind: str, reading: Any, fact: Fact) -> None:
    document = {"Name": "S", "ReadingType": kind, "Reading": reading, "PhysicalContext": "Intake"}
    found = measured(sensors.sensor(document, LINK))
    assert {one._replace(value=one.value and round(one.value, 9)) for one in found} == {fact}


def test_a_sensor_that_does_not_say_its_type_goes_by_its_unit() -> None:
    (fact,) = sensors.sensor({"Name": "S", "ReadingUnits": "kW.h", "Reading": 1}, LINK)
    assert (fact.what, fact.value) == ("energy", 3_600_000_000)


@pytest.mark.parametrize(
    "document",
    [
        {"ReadingType": "Temperature"},
        {"ReadingType": "Altitude", "Reading": 3},
        {"ReadingType": ["Temperature"], "Reading": 3},
        {"ReadingType": "Temperature", "Reading": 0, "Status": {"State": "Absent"}},
        {"ReadingType": "Temperature", "Reading": None, "Status": {"State": "Disabled"}},
    ],
)
def test_what_measures_nothing_gives_nothing(document: dict[str, Any]) -> None:
    assert measured(sensors.sensor(document, LINK)) == set()


def test_limits_of_a_temperature() -> None:
    thresholds = {"UpperCritical": {"Reading": 45}, "UpperCaution": {"Reading": None}, "LowerFatal": {"Reading": 1}}
    document = {"Name": "S", "ReadingType": "Temperature", "Reading": 20, "Thresholds": thresholds}
    assert Fact("temperature_limit", ("Chassis/A/Sensors/S", "S", "upper_critical"), 45.0) in set(
        sensors.sensor(document, LINK)
    )
    assert len(list(sensors.sensor(document, LINK))) == 2


def test_the_schema_before_thermal_subsystem() -> None:
    found = measured(sensors.thermal(FakeBmc().at("Chassis/Old_0/Thermal"), f"{OLD}/Thermal"))
    assert found == {
        Fact("temperature", ("Chassis/Old_0/Thermal#Temperatures/0", "CPU 1", "CPU"), 41.0),
        Fact("temperature_limit", ("Chassis/Old_0/Thermal#Temperatures/0", "CPU 1", "upper_critical"), 95.0),
        Fact("fan", ("Chassis/Old_0/Thermal#Fans/0", "Fan 1A", ""), 8400.0),
        Fact("ratio", ("Chassis/Old_0/Thermal#Fans/1", "Fan 1B", ""), 0.4),
    }


def test_the_schema_before_power_subsystem() -> None:
    found = measured(sensors.power(FakeBmc().at("Chassis/Old_0/Power"), f"{OLD}/Power"))
    assert found == {
        Fact("power", ("Chassis/Old_0/Power#PowerControl/0", "System Power", ""), 344.0),
        Fact("voltage", ("Chassis/Old_0/Power#Voltages/0", "VRM1", ""), 12.1),
        Fact("power", ("Chassis/Old_0/Power#PowerSupplies/0", "PS1", "output"), 320.0),
        Fact("voltage", ("Chassis/Old_0/Power#PowerSupplies/0", "PS1", "input"), 120.0),
        Fact("power_capacity", ("Chassis/Old_0/Power#PowerSupplies/0", "PS1"), 800.0),
    }


def test_an_empty_bay_is_a_state_and_no_health() -> None:
    facts = sensors.power(FakeBmc().at("Chassis/Old_0/Power"), f"{OLD}/Power")
    assert [(f.what, f.value) for f in facts if f.labels[0].endswith("PowerSupplies/1")] == [("enabled", 0.0)]


def test_the_environment_of_a_part() -> None:
    document = FakeBmc().at("Chassis/Old_0/EnvironmentMetrics")
    found = {
        (fact.what, *fact.labels): fact.value
        for fact in sensors.environment(document, f"{OLD}/EnvironmentMetrics", "Old 0")
    }
    assert found == {
        ("temperature", "Chassis/Old_0", "Old 0", ""): 27.0,
        ("humidity", "Chassis/Old_0", "Old 0", ""): pytest.approx(0.415),
        ("energy", "Chassis/Old_0", "Old 0", ""): 12_345_678,
        ("ratio", "Chassis/Old_0", "Bay 1", ""): 0.45,
        ("fan", "Chassis/Old_0", "Bay 1", ""): 1900.0,
        ("ratio", "Chassis/Old_0", "Old 0 fan 1", ""): pytest.approx(0.55),
    }


def test_a_fan_and_its_empty_bay() -> None:
    bmc = FakeBmc()
    fans = "Chassis/Tray_0/ThermalSubsystem/Fans"
    assert measured(sensors.fan(bmc.at(f"{fans}/0"), "")) == {
        Fact("ratio", (f"{fans}/0", "Fan 0", "Chassis"), 0.625),
        Fact("fan", (f"{fans}/0", "Fan 0", "Chassis"), 14400.0),
    }
    assert [fact.what for fact in sensors.fan(bmc.at(f"{fans}/1"), "")] == ["enabled"]


@pytest.mark.parametrize(
    ("speed", "found"),
    [
        ({"Reading": None, "SpeedRPM": None}, {"ratio": None, "fan": None}),
        ({"Reading": 50, "SpeedRPM": "N/A"}, {"ratio": 0.5, "fan": None}),
        ({"DataSourceUri": "/redfish/v1/Chassis/A/Sensors/S"}, {}),
        (None, {"ratio": None}),
    ],
)
def test_a_fan_that_does_not_say_its_speed_is_unreadable_while_it_is_enabled(
    speed: object, found: dict[str, float | None]
) -> None:
    document = {"Name": "F", "SpeedPercent": speed, "Status": {"State": "Enabled"}}
    assert {fact.what: fact.value for fact in measured(sensors.fan(document, LINK))} == found
    for state in ("Disabled", "StandbyOffline", "Absent"):
        off = measured(sensors.fan(document | {"Status": {"State": state}}, LINK))
        assert not [fact for fact in off if fact.value is None]


def test_a_fan_of_the_old_schema_that_does_not_say_its_speed() -> None:
    fans = [
        {"Name": "on", "Reading": None, "ReadingUnits": "RPM", "Status": {"State": "Enabled"}},
        {"Name": "off", "Reading": None, "Status": {"State": "Disabled"}},
        {"Name": "mute", "Status": {"State": "Enabled"}},
    ]
    assert measured(sensors.thermal({"Fans": fans}, f"{OLD}/Thermal")) == {
        Fact("fan", ("Chassis/Old_0/Thermal#Fans/0", "on", ""), None)
    }


def test_an_environment_that_does_not_say_is_unreadable() -> None:
    document = {
        "TemperatureCelsius": {"Reading": None},
        "PowerWatts": None,
        "HumidityPercent": {"DataSourceUri": "/redfish/v1/Chassis/A/Sensors/H"},
        "EnergyJoules": {"Reading": None},
        "EnergykWh": {"Reading": None},
        "FanSpeedsPercent": [{"DeviceName": "Bay 1", "Reading": None}],
    }
    found = [(fact.what, fact.value) for fact in sensors.environment(document, LINK, "GPU_0")]
    assert found == [("temperature", None), ("power", None), ("energy", None), ("ratio", None)]
    assert list(sensors.environment(document | {"Status": {"State": "Disabled"}}, LINK, "GPU_0")) == []
    one_unit = {"EnergyJoules": {"Reading": None}, "EnergykWh": {"Reading": 1}}
    assert [fact.value for fact in sensors.environment(one_unit, LINK, "GPU_0")] == [3_600_000_000]


@given(documents())
def test_any_document_gives_facts_that_fit_a_metric(document: Any) -> None:
    for facts in (
        sensors.sensor(document, LINK),
        sensors.thermal(document, LINK),
        sensors.power(document, LINK),
        sensors.fan(document, LINK),
        sensors.environment(document, LINK, "GPU"),
        sensors.excerpt("Power", ("a", "b", "c"), document, "PowerWatts"),
        sensors.excerpt("Power", ("a", "b", "c"), {"PowerWatts": document}, "PowerWatts"),
    ):
        for fact in facts:
            assert fact.value is None or math.isfinite(fact.value)
            assert all(isinstance(label, str) and len(label) <= 700 for label in fact.labels)
