from __future__ import annotations

from typing import Any

import pytest

from probes.sources.redfish.facts import Fact, Place, absent, owner, place, status

WHERE = Place("Chassis/A", "A")


@pytest.mark.parametrize(
    ("document", "link", "expected"),
    [
        ({"@odata.id": "/redfish/v1/Chassis/A", "Name": "Box"}, "/redfish/v1/x", ("Chassis/A", "Box")),
        ({"Id": "7"}, "/redfish/v1/Chassis/7", ("Chassis/7", "7")),
        ({"@odata.id": "https://evil/", "Name": 3}, "/redfish/v1/Chassis/7", ("Chassis/7", "3")),
        ([], "/redfish/v1/Chassis/7", ("Chassis/7", "7")),
        (None, "", ("", "")),
    ],
)
def test_where_a_document_is_from(document: Any, link: str, expected: tuple[str, str]) -> None:
    assert place(document, link) == expected


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("/redfish/v1/Systems/S/Processors/GPU_0/ProcessorMetrics", "Systems/S/Processors/GPU_0"),
        ("/redfish/v1/Chassis/A/PowerSubsystem/PowerSupplies/0/Metrics", "Chassis/A/PowerSubsystem/PowerSupplies/0"),
        ("/redfish/v1/Chassis/A", "Chassis/A"),
        ("/redfish/v1/Metrics", "Metrics"),
    ],
)
def test_metrics_are_about_what_they_are_below_of(link: str, expected: str) -> None:
    assert owner({}, link) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"State": "Enabled", "Health": "OK"}, {"enabled": 1.0, "health": 0.0}),
        ({"State": "Enabled", "Health": "Warning", "HealthRollup": "Critical"}, {"enabled": 1.0, "health": 1.0}),
        ({"State": "StandbyOffline", "HealthRollup": "Critical"}, {"enabled": 0.0, "health": 2.0}),
        ({"State": "Absent", "Health": "Critical"}, {"enabled": 0.0}),
        ({"Health": None}, {}),
        ({"Health": "Splendid"}, {}),
        ({"Health": ["OK"]}, {}),
        ("OK", {}),
        (None, {}),
    ],
)
def test_health_and_state(said: Any, expected: dict[str, float]) -> None:
    found = list(status("fan", WHERE, {"Status": said}))
    assert {fact.what: fact.value for fact in found} == expected
    assert all(fact.labels == ("Chassis/A", "fan", "A") for fact in found)


def test_a_place_where_nothing_is() -> None:
    assert absent({"Status": {"State": "Absent"}})
    assert not absent({"Status": {"State": "Enabled"}})
    assert not absent("Absent")
    assert Fact("health", ("a",), 1.0).value == 1.0
