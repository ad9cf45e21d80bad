from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.sources import pci, pci_ports
from probes.sources.pci import Function
from tests.fixtures import pci_tree
from tests.fixtures.pci_tree import (
    DRIVE_PORT,
    ROOT_PORT,
    SWITCH_DOWN_GPU,
    SWITCH_DOWN_NIC,
    SWITCH_UP,
    PciTree,
)


@pytest.fixture
def tree(tmp_path: Path) -> PciTree:
    return pci_tree.gpu_node(tmp_path)


def kinds(tree: PciTree) -> dict[str, str]:
    functions = {address: pci.read_function(tree.bus, address) for address in pci.addresses(tree.bus)}
    return pci_ports.kinds(tree.bus, functions)


def config(kind: int, offset: int = 0x40, before: int = 0) -> bytes:
    """Configuration space with a PCI Express capability of that type, after `before` others."""
    content = bytearray(256)
    content[0x06] = 0x10
    content[0x34] = offset
    for _ in range(before):
        content[offset : offset + 2] = bytes((0x01, offset + 8))
        offset += 8
    content[offset : offset + 4] = bytes((0x10, 0, kind << 4 | 2, 0))
    return bytes(content)


def test_from_the_place_in_the_tree_alone(tree: PciTree) -> None:
    assert kinds(tree) == {
        ROOT_PORT: "root_port",
        SWITCH_UP: "switch_upstream",
        SWITCH_DOWN_GPU: "switch_downstream",
        SWITCH_DOWN_NIC: "switch_downstream",
        DRIVE_PORT: "root_port",
    }


def test_from_the_names_of_services(tree: PciTree) -> None:
    # A port that the hypervisor passed on: its own root port is not to be seen.
    tree.service(f"{ROOT_PORT}:pcie204")
    found = kinds(tree)
    assert (found[ROOT_PORT], found[SWITCH_UP], found[SWITCH_DOWN_GPU]) == (
        "switch_downstream",
        "switch_upstream",
        "switch_downstream",
    )


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("0000:15:01.0:pcie001", "root_port"),
        ("0000:15:01.0:pcie010", "root_port"),
        ("0000:15:01.0:pcie102", "switch_upstream"),
        ("0000:15:01.0:pcie208", "switch_downstream"),
        ("0000:15:01.0:pcie012", "switch_upstream"),  # before Linux 4.17
        ("0000:15:01.0:pcie024", "switch_downstream"),
    ],
)
def test_the_type_in_the_number_of_a_service(name: str, kind: str) -> None:
    assert pci_ports.by_services([name]) == {"0000:15:01.0": kind}


@pytest.mark.parametrize("name", ["", "0000:15:01.0", "0000:15:01.0:pcie602", "0000:15:01.0:pcie1", "x:pcie001"])
def test_what_names_no_port(name: str) -> None:
    assert pci_ports.by_services([name]) == {}


def test_from_the_capability_where_it_can_be_read(tree: PciTree) -> None:
    (tree.path(SWITCH_UP) / "config").write_bytes(config(7))
    assert kinds(tree)[SWITCH_UP] == "pci_bridge"
    (tree.path(SWITCH_UP) / "config").write_bytes(config(7)[:64])
    assert kinds(tree)[SWITCH_UP] == "switch_upstream"


@pytest.mark.parametrize(("kind", "name"), [(4, "root_port"), (5, "switch_upstream"), (6, "switch_downstream")])
def test_the_type_in_the_capability(kind: int, name: str) -> None:
    assert pci_ports.parse_config(config(kind)) == name
    assert pci_ports.parse_config(config(kind, offset=0x68, before=3)) == name


def test_what_has_no_such_capability() -> None:
    assert pci_ports.parse_config(config(0)) == ""  # an endpoint
    assert pci_ports.parse_config(config(4)[:64]) == ""  # all that everyone may read
    without = bytearray(config(4))
    without[0x06] = 0
    assert pci_ports.parse_config(bytes(without)) == ""


def test_a_list_of_capabilities_that_goes_in_circles_ends() -> None:
    content = bytearray(256)
    content[0x06], content[0x34] = 0x10, 0x40
    content[0x40:0x42] = bytes((0x01, 0x40))
    assert pci_ports.parse_config(bytes(content)) == ""


@given(st.binary(max_size=300))
def test_any_octets_give_a_kind_or_none(content: bytes) -> None:
    assert pci_ports.parse_config(content) in {"", "root_port", "switch_upstream", "switch_downstream", "pci_bridge"}


@given(st.lists(st.text(max_size=24), max_size=8))
def test_any_names_give_kinds_or_none(names: list[str]) -> None:
    assert all(pci.ADDRESS.fullmatch(address) for address in pci_ports.by_services(names))


def test_bridges_in_a_circle_end(tmp_path: Path) -> None:
    first, second = "0000:01:00.0", "0000:02:00.0"
    functions = {
        first: Function(first, second, 0x060400, virtual=False),
        second: Function(second, first, 0x060400, virtual=False),
    }
    assert pci_ports.kinds(tmp_path, functions).keys() == {first, second}
