from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.sources import infiniband, sysfs
from probes.sources.infiniband import Rate
from tests.fixtures.infiniband import COUNTERS, write_device, write_files, write_hca, write_host, write_port


@pytest.fixture
def classes(tmp_path: Path) -> Path:
    return tmp_path / "class" / "infiniband"


def test_a_device_and_its_port_as_they_are(tmp_path: Path, classes: Path) -> None:
    write_hca(tmp_path, "mlx5_0", bus_address="0000:1a:00.0")
    (device,) = infiniband.devices(classes)
    assert (device.name, device.bus_address, device.firmware) == ("mlx5_0", "0000:1a:00.0", "28.43.1014")
    assert (device.hca_type, device.board_id) == ("MT4129", "FSC0000000042")
    assert device.node_guid.startswith("0200:5eff:")
    (port,) = device.ports
    assert (port.device, port.number, port.link_layer, port.netdev) == ("mlx5_0", "1", "InfiniBand", "")
    assert port.lid.startswith("0x")
    assert port.gid.startswith("fe80:")
    assert port.lifespan_ms == 10
    assert port.extended
    assert {file.directory for file in port.counters} == {"counters", "hw_counters"}
    assert "lifespan" not in {file.name for file in port.counters}


def test_the_interface_of_a_roce_port_is_that_of_its_first_gid(tmp_path: Path, classes: Path) -> None:
    write_hca(tmp_path, "mlx5_6", bus_address="0000:48:00.0", netdev="rail6")
    (device,) = infiniband.devices(classes)
    assert (device.ports[0].link_layer, device.ports[0].netdev) == ("Ethernet", "rail6")


def test_or_the_one_of_the_pci_function_with_its_port(tmp_path: Path, classes: Path) -> None:
    device = write_device(tmp_path, "mlx4_0", bus_address="0000:05:00.0")
    for port in (1, 2):
        write_port(device, port, netdev="x")
        (device / "ports" / str(port) / "gid_attrs" / "ndevs" / "0").unlink()
        write_files(device / "device" / "net" / f"eth{port}", {"dev_port": port - 1})
    (found,) = infiniband.devices(classes)
    assert [port.netdev for port in found.ports] == ["eth1", "eth2"]


def test_an_infiniband_port_has_no_interface_of_its_own(tmp_path: Path, classes: Path) -> None:
    write_hca(tmp_path, "mlx5_0", bus_address="0000:1a:00.0")
    write_files(classes / "mlx5_0" / "device" / "net" / "ib0", {"dev_port": 0})
    (device,) = infiniband.devices(classes)
    assert device.ports[0].netdev == ""


def test_without_counts_by_destination_the_set_is_not_surely_extended(tmp_path: Path, classes: Path) -> None:
    write_port(write_device(tmp_path, "mlx4_0", bus_address="0000:05:00.0"), counters=dict.fromkeys(COUNTERS, 0))
    (device,) = infiniband.devices(classes)
    assert not device.ports[0].extended


def test_counters_of_the_device_as_a_whole(tmp_path: Path, classes: Path) -> None:
    write_device(tmp_path, "mlx4_0", bus_address="0000:05:00.0", hw_counters={"num_cqovf": 1})
    (device,) = infiniband.devices(classes)
    assert [(file.directory, file.name) for file in device.counters] == [("hw_counters", "num_cqovf")]


def test_ports_come_in_the_order_of_their_numbers(tmp_path: Path, classes: Path) -> None:
    device = write_device(tmp_path, "switch0", bus_address="0000:05:00.0")
    for number in (10, 2, 0):
        write_port(device, number)
    write_files(device / "ports", {"x/state": "4: ACTIVE", "1234/state": "4: ACTIVE"})
    (found,) = infiniband.devices(classes)
    assert [port.number for port in found.ports] == ["0", "2", "10"]


def test_no_class_directory_is_no_devices(classes: Path) -> None:
    assert infiniband.names(classes) == []
    assert list(infiniband.devices(classes)) == []


def test_names_that_the_kernel_would_not_give_are_skipped(classes: Path) -> None:
    for name in ("mlx5_0", "with space", "b\x07ll", "\udcff", "x" * 65):
        (classes / name).mkdir(parents=True)
    assert infiniband.names(classes) == ["mlx5_0"]


def test_a_link_to_nowhere_is_no_device(classes: Path) -> None:
    classes.mkdir(parents=True)
    (classes / "mlx5_0").symlink_to("../../devices/gone")
    assert list(infiniband.devices(classes)) == []


def test_attributes_that_cannot_be_read_are_empty(classes: Path) -> None:
    path = classes / "mlx5_0" / "ports" / "1"
    for name in ("lid", "gids/0", "link_layer", "hw_counters/lifespan"):
        (path / name).mkdir(parents=True)
    (device,) = infiniband.devices(classes)
    (port,) = device.ports
    assert (device.firmware, device.bus_address, port.lid, port.gid, port.link_layer) == ("", "", "", "", "")
    assert port.lifespan_ms is None


def test_the_fingerprint_tells_what_came_went_or_was_replaced(tmp_path: Path, classes: Path) -> None:
    write_host(tmp_path)
    watched = infiniband.watched(list(infiniband.devices(classes)))
    seen = [infiniband.fingerprint(classes, watched)]
    assert infiniband.fingerprint(classes, watched) == seen[0]
    write_hca(tmp_path, "mlx5_8", bus_address="0000:60:00.0")
    seen.append(infiniband.fingerprint(classes, watched))
    write_port(classes / "mlx5_0", 2)
    seen.append(infiniband.fingerprint(classes, watched))
    (classes / "mlx5_3").unlink()
    seen.append(infiniband.fingerprint(classes, watched))
    port = classes / "mlx5_1" / "ports" / "1"
    port.rename(port.with_name("old"))
    port.mkdir()
    seen.append(infiniband.fingerprint(classes, watched))
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize(
    ("text", "expected"), [("4: ACTIVE", 4), ("1: DOWN", 1), ("5", 5), ("ACTIVE", None), ("", None), ("4x", None)]
)
def test_states_are_numbers_with_a_name(text: str, expected: int | None) -> None:
    assert infiniband.parse_state(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("400 Gb/sec (4X NDR)", Rate(50e9, 4, "NDR")),
        ("2.5 Gb/sec (1X SDR)", Rate(312_500_000, 1, "SDR")),
        ("40 Gb/sec (4X FDR10)", Rate(5e9, 4, "FDR10")),
        ("56 Gb/sec (4X FDR)", Rate(7e9, 4, "FDR")),
        ("10 Gb/sec (4X)", Rate(1.25e9, 4, "")),
        ("-1 Gb/sec (4X SDR)", None),
        ("400 Gb/sec", None),
        ("", None),
    ],
)
def test_rates_are_in_bytes_a_second(text: str, expected: Rate | None) -> None:
    assert infiniband.parse_rate(text) == expected


@given(text=st.one_of(st.text(), st.from_regex(r"[0-9.]* Gb/sec \([0-9]*X [A-Z]*\)"), st.from_regex(r"[0-9]+: .*")))
def test_any_text_is_a_value_or_none(text: str) -> None:
    rate, state = infiniband.parse_rate(text), infiniband.parse_state(text)
    assert rate is None or (0 <= rate.bytes_per_second < 1e15 and 0 <= rate.lanes < 1000)
    assert state is None or 0 <= state < 1000


def test_a_rate_that_is_none_is_unreadable(tmp_path: Path) -> None:
    write_files(tmp_path, {"rate": "fast"})
    with pytest.raises(sysfs.Unreadable, match="rate: not a rate: fast"):
        infiniband.read_rate(tmp_path / "rate")
    assert infiniband.read_rate(tmp_path / "absent") is None
