from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.sources import cxl, sysfs
from probes.sources.cxl import Decoder, Memory, Port, Region
from tests.fixtures import cxl_tree
from tests.fixtures.cxl_tree import CARDS, PORTS, CxlTree


@pytest.fixture
def tree(tmp_path: Path) -> CxlTree:
    return cxl_tree.memory_node(tmp_path)


def test_what_there_is_by_kind(tree: CxlTree) -> None:
    (tree.devices / "something").mkdir()
    (tree.devices / "mem0x").mkdir()
    assert cxl.names(tree.devices) == {
        "mem": ["mem0", "mem1"],
        "root": ["root0"],
        "port": ["port1"],
        "endpoint": ["endpoint2", "endpoint3"],
        "decoder": ["decoder0.0", "decoder1.0", "decoder2.0", "decoder3.0"],
        "region": ["region0"],
    }


def test_a_machine_without_cxl(tmp_path: Path) -> None:
    assert cxl.names(tmp_path / "bus" / "cxl" / "devices") == {}


def test_a_memory_device(tree: CxlTree) -> None:
    assert cxl.read_memory(tree.devices, "mem1") == Memory(
        name="mem1",
        address=CARDS[1],
        serial="0x1235",
        firmware="1.2.3",
        numa_node="1",
        security="disabled",
        ram_bytes=128 << 30,
        persistent_bytes=0,
    )


def test_what_is_unknown_about_a_memory_device(tree: CxlTree) -> None:
    tree.add("platform/cxl_mem.0/mem7", numa_node="-1", ram__size="lots")
    assert cxl.read_memory(tree.devices, "mem7") == Memory("mem7", "", "", "", "", "", None, None)
    assert cxl.read_memory(tree.devices, "mem8") == Memory("mem8", "", "", "", "", "", None, None)


def test_ports(tree: CxlTree) -> None:
    assert cxl.read_port(tree.devices, "root0") == Port("root0", "root", "", "", "")
    assert cxl.read_port(tree.devices, "port1") == Port("port1", "port", "root0", "pci0000:d2", "")
    assert cxl.read_port(tree.devices, "endpoint2") == Port("endpoint2", "endpoint", "port1", "mem0", PORTS[0])


def test_a_region_and_its_targets(tree: CxlTree) -> None:
    assert cxl.read_region(tree.devices, "region0") == Region(
        "region0", "ram", "decoder0.0", ("decoder2.0", "decoder3.0")
    )
    for number in range(cxl.MAX_TARGETS + 5):
        tree.write("region0", f"target{number}", f"decoder{number}.0")
    assert len(cxl.read_region(tree.devices, "region0").targets) == cxl.MAX_TARGETS


def test_decoders(tree: CxlTree) -> None:
    assert cxl.read_decoder(tree.devices, "decoder0.0") == Decoder("decoder0.0", "root", "root0", "", "")
    assert cxl.read_decoder(tree.devices, "decoder2.0") == Decoder(
        "decoder2.0", "endpoint", "endpoint2", "ram", "region0"
    )


def test_whether_the_kernel_uses_it(tree: CxlTree) -> None:
    assert cxl.has_driver(tree.devices, "mem0")
    (tree.devices / "mem0" / "driver").unlink()
    assert not cxl.has_driver(tree.devices, "mem0")


@given(content=st.binary(max_size=40))
def test_any_octets_give_a_number_or_a_typed_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    devices = tmp_path_factory.mktemp("devices")
    (devices / "region0").mkdir()
    for name in ("size", "mode", "target0"):
        (devices / "region0" / name).write_bytes(content)
    try:
        value = cxl.read_number(devices, "region0", "size")
        assert value is not None
        assert 0 <= value < 1 << 64
    except sysfs.Unreadable as error:
        assert "not a" in error.reason
    region = cxl.read_region(devices, "region0")
    assert region.mode.isprintable()


def test_numbers_that_do_not_fit_are_refused(tree: CxlTree) -> None:
    for text in ("-1", f"{1 << 64:#x}"):
        tree.write("region0", "size", text)
        with pytest.raises(sysfs.Unreadable, match="not a count"):
            cxl.read_number(tree.devices, "region0", "size")
    assert cxl.read_number(tree.devices, "region0", "nothing") is None
