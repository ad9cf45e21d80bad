from __future__ import annotations

from pathlib import Path

import pytest

from fabricscope.model import Kind, Now, Quality, Reading
from fabricscope.settings import convert
from probes.samplers.pcie import PcieSampler, PcieSettings
from probes.sampling.sampler import Roots
from tests.fixtures import pci_tree
from tests.fixtures.descriptors import open_files
from tests.fixtures.pci_tree import (
    DRIVE_ADDRESS,
    DRIVE_PORT,
    GPU_ADDRESS,
    NIC_ADDRESS,
    ROOT_PORT,
    SWITCH_DOWN_GPU,
    SWITCH_DOWN_NIC,
    SWITCH_UP,
    PciTree,
)
from tests.probes.following import Watching

START = Now(wall=1_700_000_000_000_000_000, mono=1_000_000_000)
SECOND = 1_000_000_000
CHOSEN = {
    *(ROOT_PORT, SWITCH_UP, SWITCH_DOWN_GPU, SWITCH_DOWN_NIC, GPU_ADDRESS, NIC_ADDRESS),
    *(DRIVE_PORT, DRIVE_ADDRESS),
}


@pytest.fixture
def tree(tmp_path: Path) -> PciTree:
    return pci_tree.gpu_node(tmp_path)


def sampler(tree: PciTree, **settings: object) -> PcieSampler:
    return PcieSampler(convert(settings, PcieSettings, "pcie"), Roots(sys=str(tree.sys)))


def sampled(reader: PcieSampler, now: Now = START) -> dict[tuple[str, ...], Reading]:
    """Readings by metric without its prefix, then labels."""
    return {(row.spec.name.removeprefix("fabricscope_pcie_"), *row.labels): row for row in reader.sample(now)}


def values(reader: PcieSampler, now: Now = START) -> dict[tuple[str, ...], int | float | None]:
    return {key: row.value for key, row in sampled(reader, now).items()}


def devices(reader: PcieSampler, now: Now = START) -> set[str]:
    return {key[1] for key in sampled(reader, now) if key[0] == "device_info"}


def held(tree: PciTree) -> set[str]:
    """The open files of devices, by device and attribute."""
    return {"/".join(path.split("/")[-2:]) for path in open_files().values() if path.startswith(str(tree.sys))}


def test_the_link_of_a_gpu_against_its_maximum(tree: PciTree) -> None:
    tree.set_link(GPU_ADDRESS, "8.0 GT/s PCIe", 8)
    rows = values(sampler(tree))
    assert rows["link_up", GPU_ADDRESS] == 1.0
    assert rows["link_speed_transfers_per_second", GPU_ADDRESS] == 8e9
    assert rows["link_speed_max_transfers_per_second", GPU_ADDRESS] == 16e9
    assert rows["link_width_lanes", GPU_ADDRESS] == 8.0
    assert rows["link_width_max_lanes", GPU_ADDRESS] == 16.0
    assert rows["link_degraded", GPU_ADDRESS, SWITCH_DOWN_GPU, "speed"] == 1.0
    assert rows["link_degraded", GPU_ADDRESS, SWITCH_DOWN_GPU, "width"] == 1.0
    assert rows["link_degraded", NIC_ADDRESS, SWITCH_DOWN_NIC, "width"] == 0.0


def test_an_idle_gpu_that_saves_power_makes_no_events(tree: PciTree) -> None:
    reader, transitions = sampler(tree), Watching()
    transitions.observe(reader.sample(START), START)
    tree.set_link(GPU_ADDRESS, "2.5 GT/s PCIe", 16)
    assert transitions.observe(reader.sample(START), START) == []
    tree.set_link(GPU_ADDRESS, "2.5 GT/s PCIe", 8)
    (event,) = transitions.observe(reader.sample(START), START)
    assert (event.kind, event.attributes["metric"]) == ("pcie.changed", "pcie_link_width_lanes")


def test_every_reading_is_in_the_table_and_of_its_kind(tree: PciTree) -> None:
    for row in sampler(tree).sample(START):
        assert row.spec in PcieSampler.metrics
        assert len(row.labels) == len(row.spec.labels)
        assert isinstance(row.value, int if row.spec.kind is Kind.COUNTER else float)


def test_only_what_matters_and_the_ports_above_it(tree: PciTree) -> None:
    assert devices(sampler(tree)) == CHOSEN
    assert devices(sampler(tree, all_devices=True)) == CHOSEN | {"0000:00:1f.3"}


@pytest.mark.parametrize(
    ("class_code", "kind"),
    [
        (pci_tree.ETHERNET, "network"),
        (pci_tree.INFINIBAND, "infiniband"),
        (0x0C0600, "infiniband"),
        (pci_tree.GPU, "display"),
        (0x120000, "accelerator"),
        (pci_tree.NVSWITCH, "other_bridge"),
        (pci_tree.NVME, "nvme"),
        (0x050210, "cxl_memory"),
    ],
)
def test_kinds_of_devices_that_matter(tmp_path: Path, class_code: int, kind: str) -> None:
    tree = PciTree(tmp_path)
    tree.add("0000:01:00.0", class_code)
    (info,) = [key for key in values(sampler(tree)) if key[0] == "device_info"]
    assert info[3:5] == (kind, f"0x{class_code:06x}")


def test_info_links_a_device_to_the_port_above_it(tree: PciTree) -> None:
    (tree.path(NIC_ADDRESS) / "driver").symlink_to("../../../bus/pci/drivers/mlx5_core")
    tree.slot("7", NIC_ADDRESS)
    place = (NIC_ADDRESS, SWITCH_DOWN_NIC, "network", "0x020000")
    assert ("device_info", *place, "0x15b3", "0x1021", "mlx5_core", "0", "7", "") in values(sampler(tree))


def test_a_wide_card_in_a_narrow_slot_is_not_degraded(tmp_path: Path) -> None:
    tree = PciTree(tmp_path)
    tree.add(ROOT_PORT, pci_tree.BRIDGE, width=8, max_width=8, speed="8.0 GT/s PCIe", max_speed="8.0 GT/s PCIe")
    tree.add(NIC_ADDRESS, pci_tree.ETHERNET, ROOT_PORT, width=8, speed="8.0 GT/s PCIe", max_speed="16.0 GT/s PCIe")
    rows = values(sampler(tree))
    assert rows["link_degraded", NIC_ADDRESS, ROOT_PORT, "speed"] == 0.0
    assert rows["link_degraded", NIC_ADDRESS, ROOT_PORT, "width"] == 0.0


def test_a_link_is_judged_once_and_never_a_switchs_inner_bus(tree: PciTree) -> None:
    tree.set_link(SWITCH_DOWN_NIC, "2.5 GT/s PCIe", 1)
    judged = {key[1]: key[2] for key in values(sampler(tree)) if key[0] == "link_degraded"}
    assert judged == {
        SWITCH_UP: ROOT_PORT,
        GPU_ADDRESS: SWITCH_DOWN_GPU,
        NIC_ADDRESS: SWITCH_DOWN_NIC,
        DRIVE_ADDRESS: DRIVE_PORT,
    }


def test_errors_by_severity_and_name_of_the_device_and_of_its_port(tree: PciTree) -> None:
    tree.write(GPU_ADDRESS, "aer_dev_correctable", pci_tree.aer("correctable", BadTLP=3))
    tree.write(SWITCH_DOWN_GPU, "aer_dev_correctable", pci_tree.aer("correctable", RxErr=(1 << 63)))
    tree.write(ROOT_PORT, "aer_dev_fatal", pci_tree.aer("fatal", SDES=1))
    rows = values(sampler(tree))
    assert rows["aer_correctable_errors_total", GPU_ADDRESS, "BadTLP"] == 3
    assert rows["aer_correctable_errors_total", SWITCH_DOWN_GPU, "RxErr"] == 1 << 63
    assert rows["aer_fatal_errors_total", ROOT_PORT, "SDES"] == 1
    assert rows["aer_nonfatal_errors_total", ROOT_PORT, "SDES"] == 0
    assert not [key for key in rows if key[-1].startswith("TOTAL")]


def test_a_gpu_that_fell_off_the_bus_is_down_and_has_no_numbers(tree: PciTree) -> None:
    tree.set_link(GPU_ADDRESS, "Unknown", 63)
    rows = sampled(sampler(tree))
    assert rows["link_up", GPU_ADDRESS].value == 0.0
    assert rows["link_width_lanes", GPU_ADDRESS].quality is Quality.UNREADABLE
    assert rows["link_speed_transfers_per_second", GPU_ADDRESS].value is None
    assert ("link_degraded", GPU_ADDRESS, SWITCH_DOWN_GPU, "width") not in rows
    assert rows["link_up", NIC_ADDRESS].value == 1.0


@pytest.mark.parametrize(
    ("speed", "width", "lost", "kept"),
    [
        # A generation that the kernel has no name for yet.
        ("Unknown", "16", "link_speed_transfers_per_second", "link_width_lanes"),
        ("garbage", "16", "link_speed_transfers_per_second", "link_width_lanes"),
        ("16.0 GT/s PCIe", "garbage", "link_width_lanes", "link_speed_transfers_per_second"),
    ],
)
def test_half_a_link_that_is_unreadable_is_a_link_that_is_up(
    tree: PciTree, speed: str, width: str, lost: str, kept: str
) -> None:
    reader, transitions = sampler(tree), Watching()
    transitions.observe(reader.sample(START), START)
    tree.write(GPU_ADDRESS, "current_link_speed", f"{speed}\n")
    tree.write(GPU_ADDRESS, "current_link_width", f"{width}\n")
    rows = sampled(reader)
    assert rows["link_up", GPU_ADDRESS].value == 1.0
    assert rows[lost, GPU_ADDRESS].quality is Quality.UNREADABLE
    assert rows[kept, GPU_ADDRESS].value in (16.0, 16e9)
    assert transitions.observe(rows.values(), START) == []


def test_garbage_of_a_link_is_unreadable_and_not_down(tree: PciTree) -> None:
    reader, transitions = sampler(tree), Watching()
    transitions.observe(reader.sample(START), START)
    tree.write(GPU_ADDRESS, "current_link_speed", "Unknown\n")
    tree.write(GPU_ADDRESS, "current_link_width", "sixteen\n")
    rows = sampled(reader)
    assert rows["link_up", GPU_ADDRESS].quality is Quality.UNREADABLE
    assert transitions.observe(rows.values(), START) == []


def test_a_virtual_machines_function_has_no_link_rather_than_one_that_is_down(tmp_path: Path) -> None:
    tree = PciTree(tmp_path)
    tree.add("0000:00:05.0", pci_tree.ETHERNET, speed="Unknown", width=0, max_speed="Unknown", max_width=255)
    assert not [key for key in values(sampler(tree)) if key[0].startswith("link_")]


def test_virtual_functions_are_left_out(tree: PciTree) -> None:
    (tree.path(NIC_ADDRESS) / "physfn").symlink_to("../0000:19:00.1")
    assert NIC_ADDRESS not in devices(sampler(tree))
    assert NIC_ADDRESS not in devices(sampler(tree, all_devices=True))


def test_a_device_without_link_and_errors_is_left_out(tree: PciTree) -> None:
    tree.remove(NIC_ADDRESS, "current_link_speed", "current_link_width", "aer_dev_correctable")
    assert NIC_ADDRESS not in devices(sampler(tree))


def test_a_link_that_cannot_be_read_is_unreadable_and_disturbs_no_other(tree: PciTree) -> None:
    tree.remove(GPU_ADDRESS, "current_link_width")
    (tree.path(GPU_ADDRESS) / "current_link_width").mkdir()
    tree.write(GPU_ADDRESS, "current_link_speed", "garbage\n")
    rows = sampled(sampler(tree))
    unreadable = ("link_up", "link_width_lanes", "link_speed_transfers_per_second")
    assert {rows[name, GPU_ADDRESS].quality for name in unreadable} == {Quality.UNREADABLE}
    assert rows["link_width_lanes", NIC_ADDRESS].value == 16.0


def test_errors_that_were_readable_once_turn_unreadable_by_name(tree: PciTree) -> None:
    reader = sampler(tree)
    sampled(reader)
    tree.write(GPU_ADDRESS, "aer_dev_fatal", "garbage\n")
    row = sampled(reader)["aer_fatal_errors_total", GPU_ADDRESS, "DLP"]
    assert (row.value, row.quality) == (None, Quality.UNREADABLE)
    tree.write(GPU_ADDRESS, "aer_dev_fatal", pci_tree.aer("fatal", DLP=4))
    assert values(reader)["aer_fatal_errors_total", GPU_ADDRESS, "DLP"] == 4


def test_devices_come_and_go(tree: PciTree) -> None:
    reader = sampler(tree)
    assert devices(reader) == CHOSEN
    tree.add("0000:82:00.0", pci_tree.NVME, DRIVE_PORT)
    assert devices(reader) == CHOSEN | {"0000:82:00.0"}
    tree.remove("0000:82:00.0")
    tree.remove(GPU_ADDRESS)
    assert devices(reader) == CHOSEN - {GPU_ADDRESS, SWITCH_DOWN_GPU}
    tree.add("0000:83:00.0", pci_tree.NVME, DRIVE_PORT)
    assert devices(reader) == CHOSEN - {GPU_ADDRESS, SWITCH_DOWN_GPU} | {"0000:83:00.0"}


def test_a_device_that_was_replaced_under_its_address_is_read_anew(tree: PciTree) -> None:
    reader = sampler(tree)
    sampled(reader)
    place = tree.path(DRIVE_ADDRESS).resolve()
    place.rename(place.with_name("old"))
    tree.remove(DRIVE_ADDRESS)
    tree.add(DRIVE_ADDRESS, pci_tree.NVME, DRIVE_PORT, width=2, max_width=4)
    rows = values(reader, Now(START.wall, START.mono + 60 * SECOND))
    assert rows["link_width_lanes", DRIVE_ADDRESS] == 2.0


def test_closing_gives_every_file_back(tree: PciTree) -> None:
    reader = sampler(tree)
    sampled(reader)
    assert held(tree)
    reader.close()
    assert not held(tree)
    assert devices(reader) == CHOSEN
    reader.close()


def test_a_device_that_goes_takes_its_files_along(tree: PciTree) -> None:
    reader = sampler(tree)
    sampled(reader)
    assert f"{GPU_ADDRESS}/current_link_width" in held(tree)
    tree.remove(GPU_ADDRESS)
    sampled(reader)
    assert not [path for path in held(tree) if path.startswith((GPU_ADDRESS, f"{SWITCH_DOWN_GPU}/cu"))]
    assert f"{NIC_ADDRESS}/current_link_width" in held(tree)
    reader.close()


def test_both_ends_of_a_link_by_name(tree: PciTree) -> None:
    tree.slot("7", NIC_ADDRESS)
    tree.write(SWITCH_DOWN_NIC, "vendor", "0x1000\n")
    tree.write(SWITCH_DOWN_NIC, "device", "0xc030\n")
    ends = {key[1]: key[2:] for key in values(sampler(tree)) if key[0] == "link_info"}
    assert ends.keys() == {SWITCH_UP, GPU_ADDRESS, NIC_ADDRESS, DRIVE_ADDRESS}
    port = ("network", "switch_downstream", "0x1000", "0xc030")
    assert ends[NIC_ADDRESS] == (SWITCH_DOWN_NIC, *port, "7", ROOT_PORT)
    assert ends[SWITCH_UP][:3] == (ROOT_PORT, "switch_upstream", "root_port")
    assert ends[DRIVE_ADDRESS][-1] == DRIVE_PORT


def test_the_ports_are_named_by_their_kind(tree: PciTree) -> None:
    ports = {key[1]: (key[3], key[-1]) for key in values(sampler(tree)) if key[0] == "device_info"}
    assert ports[ROOT_PORT] == ("bridge", "root_port")
    assert ports[SWITCH_UP] == ("bridge", "switch_upstream")
    assert ports[SWITCH_DOWN_NIC] == ("bridge", "switch_downstream")
    assert ports[NIC_ADDRESS] == ("network", "")


def test_what_a_root_port_received(tree: PciTree) -> None:
    for file, count in (("cor", 7), ("nonfatal", 0), ("fatal", 1)):
        tree.write(ROOT_PORT, f"aer_rootport_total_err_{file}", f"{count}\n")
    reader = sampler(tree)
    rows = {key[1:]: value for key, value in values(reader).items() if key[0] == "aer_root_port_errors_total"}
    assert rows == {
        (ROOT_PORT, "correctable"): 7,
        (ROOT_PORT, "nonfatal"): 0,
        (ROOT_PORT, "fatal"): 1,
    }
    tree.write(ROOT_PORT, "aer_rootport_total_err_cor", "many\n")
    row = sampled(reader)["aer_root_port_errors_total", ROOT_PORT, "correctable"]
    assert (row.value, row.quality) == (None, Quality.UNREADABLE)


def test_what_did_not_change_is_the_very_same_reading(tree: PciTree) -> None:
    reader = sampler(tree)
    before = list(reader.sample(START))
    tree.write(GPU_ADDRESS, "aer_dev_correctable", pci_tree.aer("correctable", BadTLP=1))
    after = list(reader.sample(START))
    changed = {new.labels for old, new in zip(before, after, strict=True) if old is not new}
    assert changed == {(GPU_ADDRESS, name) for name in pci_tree.CORRECTABLE}


def test_a_driver_that_is_bound_later_is_noticed_within_a_minute(tree: PciTree) -> None:
    reader = sampler(tree)
    sampled(reader)
    (tree.path(GPU_ADDRESS) / "driver").symlink_to("../../../bus/pci/drivers/nvidia")

    def driver(seconds: int) -> set[str]:
        rows = sampled(reader, Now(START.wall, START.mono + seconds * SECOND))
        return {key[7] for key in rows if key[:2] == ("device_info", GPU_ADDRESS)}

    assert driver(59) == {""}
    assert driver(60) == {"nvidia"}


def test_devices_beyond_the_bound_are_counted(tree: PciTree) -> None:
    reader = sampler(tree, max_devices=3)
    assert len(devices(reader)) == 3
    assert values(reader)["devices_left_out",] == 5.0


def test_a_tree_that_cannot_be_listed_fails_the_whole_sample(tree: PciTree, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.scandir", refuse)
    reader = sampler(tree)
    with pytest.raises(OSError, match=r"cannot be listed: .*EACCES"):
        list(reader.sample(START))
    assert "EACCES" in (reader.unavailable() or "")


def test_why_nothing_is_available(tmp_path: Path) -> None:
    tree = PciTree(tmp_path)
    assert "no PCI devices in" in (sampler(tree).unavailable() or "")
    tree.add("0000:00:1f.3", pci_tree.AUDIO)
    assert "all_devices" in (sampler(tree).unavailable() or "")
    assert sampler(tree, all_devices=True).unavailable() is None


def test_a_tree_that_goes_in_circles_ends(tmp_path: Path) -> None:
    tree = PciTree(tmp_path)
    for address, above in (("0000:01:00.0", "0000:02:00.0"), ("0000:02:00.0", "0000:01:00.0")):
        (tmp_path / "devices" / above / address).mkdir(parents=True)
        tree.path(address).symlink_to(f"../../../devices/{above}/{address}")
        tree.write(address, "class", "0x020000\n")
        tree.set_link(address, "16.0 GT/s PCIe", 16)
    assert devices(sampler(tree)) == {"0000:01:00.0", "0000:02:00.0"}
