from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.sources.redfish import walk as walking
from probes.sources.redfish.walk import Absent, BmcError, Bounds, Expired, Refused, Walked, walk
from tests.fixtures.bmc import FakeBmc
from tests.probes.sources.redfish.strategies import documents

BOUNDS = Bounds(max_resources=1000)
WHOLE = FakeBmc().tree
TRAY, OLD, GPU = "Chassis/Tray_0", "Chassis/Old_0", "Systems/HGX_Baseboard_0/Processors/GPU_0"


class Tree:
    """A source over documents in memory; an error stands for what cannot be had."""

    def __init__(self, documents: dict[str, Any] | None = None, levels: bool = False) -> None:
        self.documents = copy.deepcopy(WHOLE) if documents is None else documents
        self.bmc = FakeBmc(self.documents)
        self.levels = levels
        self.asked: list[str] = []

    def get(self, link: str, levels: int) -> Any:
        self.asked.append(link)
        found = self.documents.get(link, Absent(f"{link}: HTTP 404"))
        if isinstance(found, BmcError):
            raise found
        return self.bmc.expanded(found, levels) if self.levels else found

    def put(self, path: str, document: Any) -> None:
        self.documents[f"/redfish/v1/{path}".rstrip("/")] = document


def resources(walked: Walked) -> set[str]:
    return {link.removeprefix("/redfish/v1/") for link in walked.facts}


def test_everything_in_the_tree_is_found_once() -> None:
    tree = Tree()
    walked = walk(tree, BOUNDS)
    assert len(tree.asked) == len(set(tree.asked)) == walked.requests
    assert walked.failed == {}
    assert walked.left_out == 0
    assert resources(walked) >= {
        TRAY,
        OLD,
        f"{TRAY}/Sensors/Inlet",
        f"{TRAY}/ThermalSubsystem/Fans/0",
        f"{TRAY}/ThermalSubsystem/LeakDetection/LeakDetectors/Manifold",
        f"{TRAY}/PowerSubsystem/PowerSupplies/PSU0/Metrics",
        f"{OLD}/Thermal",
        f"{OLD}/Power",
        f"{OLD}/EnvironmentMetrics",
        f"{GPU}/EnvironmentMetrics",
        f"{GPU}/Ports/NVLink_0/Metrics",
    }


def test_what_is_told_twice_is_asked_for_once() -> None:
    tree = Tree()
    walk(tree, BOUNDS)
    asked = {link.removeprefix("/redfish/v1/") for link in tree.asked}
    assert f"{TRAY}/Thermal" not in asked
    assert f"{TRAY}/EnvironmentMetrics" not in asked
    assert f"{TRAY}/NetworkAdapters" not in asked
    assert "Systems/HGX_Baseboard_0/Processors/GPU_1/Ports" not in asked


def test_network_adapters_when_they_are_wanted() -> None:
    walked = walk(Tree(), BOUNDS._replace(network_adapters=True))
    (port,) = walked.facts[f"/redfish/v1/{TRAY}/NetworkAdapters/NIC_0/Ports/1"][2:3]
    assert (port.what, port.labels[1:], port.value) == ("port_up", ("NIC_0 1", "Ethernet"), 0.0)


def test_members_in_the_place_of_links_give_the_same_with_fewer_requests() -> None:
    plain, expanding = Tree(), Tree(levels=True)
    one, other = walk(plain, BOUNDS), walk(expanding, BOUNDS)
    assert other.facts == one.facts
    assert other.requests < one.requests / 1.5
    assert f"/redfish/v1/{GPU}/Ports/NVLink_0/Metrics" not in expanding.asked


def test_what_is_excluded_is_not_asked_for_nor_taken() -> None:
    for tree in (Tree(), Tree(levels=True)):
        walked = walk(tree, BOUNDS._replace(exclude=(f"{TRAY}/Sensors", "Systems/*/GPU_0/Ports*")))
        assert not [one for one in resources(walked) if "Sensors" in one or "Ports" in one]
        assert not [one for one in tree.asked if "Sensors" in one or "Ports" in one]


def test_a_tree_that_goes_in_circles_ends() -> None:
    tree = Tree()
    here = {"@odata.id": "/redfish/v1/Chassis"}
    for path in (f"{TRAY}/Sensors", f"{TRAY}/ThermalSubsystem", f"{GPU}/Ports"):
        tree.put(path, {"Members": [here, {"@odata.id": f"/redfish/v1/{path}/"}], "Fans": here, "LeakDetection": here})
    walked = walk(tree, BOUNDS)
    assert len(tree.asked) == len(set(tree.asked)) == walked.requests < 40


def test_a_document_within_a_document_ends_too() -> None:
    tree = Tree()
    member: dict[str, Any] = {"Id": "x", "Name": "x", "ProcessorType": "GPU"}
    for _ in range(100):
        member = {"Id": "x", "Name": "x", "Ports": {"Members": [{"Id": "p", "Metrics": member}]}, "Metrics": member}
    tree.put(f"{GPU}", member)
    assert walk(tree, BOUNDS).requests < 40


@pytest.mark.parametrize(
    "link",
    ["http://127.0.0.1:1/redfish/v1/x", "//evil/redfish/v1/x", "/redfish/v1/../../etc", "/admin", "", None, 7, [], {}],
)
def test_links_elsewhere_are_not_followed(link: Any) -> None:
    tree = Tree()
    tree.put("Chassis", {"Members": [{"@odata.id": link}, link], "Members@odata.nextLink": link})
    walk(tree, BOUNDS)
    assert all(asked.startswith("/redfish/v1") and ".." not in asked for asked in tree.asked)
    assert len([asked for asked in tree.asked if "Chassis" in asked]) == 1


def test_a_collection_that_comes_in_parts() -> None:
    tree = Tree()
    sensors = f"/redfish/v1/{TRAY}/Sensors"
    members = tree.documents[sensors]["Members"]
    tree.put(f"{TRAY}/Sensors", {"Members": members[:2], "Members@odata.nextLink": f"{sensors}?$skip=2"})
    tree.put(f"{TRAY}/Sensors?$skip=2", {"Members": members[2:], "Members@odata.nextLink": f"{sensors}?$skip=2"})
    assert walk(tree, BOUNDS).facts == walk(Tree(), BOUNDS).facts


@pytest.mark.parametrize("skip", ["x", "", "1&$top=5", "1" * 9, "-1"])
def test_parts_that_are_asked_for_in_another_way_are_not(skip: str) -> None:
    tree = Tree()
    tree.put("Chassis", {"Members": [], "Members@odata.nextLink": f"/redfish/v1/Chassis?$skip={skip}"})
    walk(tree, BOUNDS)
    assert not [link for link in tree.asked if "?" in link]


def test_resources_beyond_the_bound_are_counted() -> None:
    whole = walk(Tree(), BOUNDS)
    walked = walk(Tree(), Bounds(max_resources=10))
    assert walked.requests == 10
    assert 0 < walked.left_out < whole.requests
    assert walked.failed == {}


def test_links_beyond_their_bound_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = walk(Tree(), BOUNDS)
    monkeypatch.setattr(walking, "MAX_WAITING", 4)
    walked = walk(Tree(), BOUNDS)
    assert walked.requests < whole.requests
    assert walked.left_out > 0


def test_nothing_deeper_than_the_bound_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    # The root, a collection, a chassis, and the collection of its sensors.
    monkeypatch.setattr(walking, "MAX_DEPTH", 3)
    tree = Tree()
    found = resources(walk(tree, BOUNDS))
    assert TRAY in found
    assert f"/redfish/v1/{TRAY}/Sensors" in tree.asked
    assert f"{TRAY}/Sensors/Inlet" not in found


def test_facts_beyond_their_bound_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walking, "MAX_FACTS", 20)
    walked = walk(Tree(), BOUNDS)
    assert sum(map(len, walked.facts.values())) == walked.count == 20
    assert walked.left_out > 5


def test_one_that_fails_does_not_blind_the_rest() -> None:
    tree = Tree()
    tree.put(f"{TRAY}/Sensors/Inlet", BmcError("Inlet: HTTP 500"))
    tree.put("Systems", BmcError("Systems: HTTP 503"))
    walked = walk(tree, BOUNDS)
    assert walked.failed == {
        f"/redfish/v1/{TRAY}/Sensors/Inlet": "Inlet: HTTP 500",
        "/redfish/v1/Systems": "Systems: HTTP 503",
    }
    assert f"{TRAY}/Sensors/Mains" in resources(walked)


def test_what_is_absent_has_not_failed() -> None:
    tree = Tree()
    del tree.documents[f"/redfish/v1/{GPU}/Ports"]
    walked = walk(tree, BOUNDS)
    assert walked.failed == {}
    assert f"{GPU}" in resources(walked)


def test_when_time_is_up_the_rest_has_failed_and_what_is_there_stays() -> None:
    tree = Tree()
    tree.put("Systems", Expired("no time"))
    tree.put(f"{TRAY}/Sensors", Expired("no time"))
    walked = walk(tree, BOUNDS)
    assert set(walked.failed) == {"/redfish/v1/Systems", f"/redfish/v1/{TRAY}/Sensors"}
    assert walked.left_out == 2
    assert TRAY in resources(walked)


@pytest.mark.parametrize("path", ["", "Chassis", f"{TRAY}/Sensors"])
def test_who_is_not_let_in_stops(path: str) -> None:
    tree = Tree()
    tree.put(path, Refused("401"))
    with pytest.raises(Refused):
        walk(tree, BOUNDS)


@pytest.mark.parametrize("error", [Absent("404"), BmcError("500"), Expired("late")])
def test_without_a_root_there_is_no_walk(error: BmcError) -> None:
    with pytest.raises(type(error)):
        walk(Tree({"/redfish/v1": error}), BOUNDS)


@given(st.dictionaries(st.sampled_from(sorted(WHOLE)), documents(), min_size=1, max_size=6))
def test_any_documents_in_the_tree_end_in_facts(changed: dict[str, Any]) -> None:
    tree = Tree(WHOLE | changed)
    walked = walk(tree, Bounds(max_resources=200))
    assert len(tree.asked) == len(set(tree.asked)) == walked.requests <= 200
    assert all(len(fact.labels) >= 2 for facts in walked.facts.values() for fact in facts)
