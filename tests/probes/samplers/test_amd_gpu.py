from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from fabricscope.clock import system_clock
from fabricscope.model import Kind, Now, Quality, Reading
from fabricscope.settings import convert
from probes.samplers.amd_gpu import AmdGpuSampler, AmdGpuSettings
from probes.sampling.pipeline import Pipeline
from probes.sampling.runner import Result, SamplerRunner
from probes.sampling.sampler import Roots
from probes.sources import amdgpu, sysfs
from tests.fixtures import amd_gpus
from tests.fixtures.amd_gpus import FIRST, SECOND, AmdTree, table
from tests.fixtures.fake_amdsmi import FakeAmdsmi
from tests.probes.following import Following, Watching

START = Now(wall=1_700_000_000_000_000_000, mono=1_000_000_000)


@pytest.fixture
def tree(tmp_path: Path) -> AmdTree:
    return amd_gpus.hive(tmp_path)


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> FakeAmdsmi:
    it = FakeAmdsmi()
    monkeypatch.setitem(sys.modules, "amdsmi", it)
    return it


def sampler(tree: AmdTree, **settings: object) -> AmdGpuSampler:
    return AmdGpuSampler(convert(settings, AmdGpuSettings, "amd_gpu"), Roots(sys=str(tree.sys)))


def sampled(reader: AmdGpuSampler, now: Now = START) -> dict[tuple[str, ...], Reading]:
    rows = list(reader.sample(now))
    found = {(row.spec.name.removeprefix("fabricscope_amd_gpu_"), *row.labels): row for row in rows}
    assert len(found) == len(rows)
    return found


def test_a_gpu_by_its_own_table(tree: AmdTree) -> None:
    values = {key: row.value for key, row in sampled(sampler(tree)).items()}
    assert values["up", FIRST] == values["up", SECOND] == 1.0
    assert values["pcie_link_speed_transfers_per_second", FIRST] == 32e9
    assert values["pcie_link_width_lanes", FIRST] == 16.0
    assert values["pcie_recoveries_total", FIRST] == 2
    assert values["pcie_replays_total", FIRST] == 3
    assert values["pcie_naks_sent_total", FIRST] == 1
    assert values["xgmi_link_width_lanes", FIRST] == 16.0
    assert values["xgmi_link_speed_transfers_per_second", FIRST] == 32e9
    assert values["xgmi_link_up", FIRST, "1"] == 1.0
    assert values["xgmi_link_up", FIRST, "6"] == 0.0
    assert values["xgmi_read_bytes_total", FIRST, "3"] == 33
    assert values["xgmi_write_bytes_total", FIRST, "3"] == 3
    about = ("AMD Instinct MI300X OAM", "0x74a1", "692409001234", "a1b2", "113-M3000100", "11936128518282651045")
    assert values["info", FIRST, "card1", *about] == 1.0
    assert values["xgmi_link_info", FIRST, "1", SECOND, "3"] == 1.0


def test_a_link_that_is_switched_off_has_no_state_and_no_zeros(tree: AmdTree) -> None:
    assert not [key for key in sampled(sampler(tree)) if key[0].startswith("xgmi") and key[2:3] == ("0",)]


def test_bytes_are_counted_in_kib(tree: AmdTree) -> None:
    rows = Following().apply(sampler(tree).sample(START), START)
    (row,) = [row for row in rows if row.spec.name.endswith("xgmi_read_bytes_total") and row.labels == (FIRST, "3")]
    assert row.value == 33 * 1024


def test_every_reading_is_in_the_table_and_of_its_kind(tree: AmdTree, library: FakeAmdsmi) -> None:
    for row in sampled(sampler(tree)).values():
        assert row.spec in AmdGpuSampler.metrics
        assert len(row.labels) == len(row.spec.labels)
        assert isinstance(row.value, int if row.spec.kind is Kind.COUNTER else float)


def test_a_card_without_xgmi_by_its_files(tmp_path: Path) -> None:
    tree = AmdTree(tmp_path)
    tree.add(0, FIRST, None, pp_dpm_pcie="0: 2.5GT/s, x16\n1: 16.0GT/s, x8 *", pcie_replay_count="5")
    rows = sampled(sampler(tree))
    assert {key[0]: row.value for key, row in rows.items()} == {
        "up": 1.0,
        "info": 1.0,
        "pcie_link_speed_transfers_per_second": 16e9,
        "pcie_link_width_lanes": 8.0,
        "pcie_naks_total": 5,
    }


def test_two_ways_to_count_the_same_are_not_mixed(tree: AmdTree) -> None:
    for address in (FIRST, SECOND):
        (tree.sys / "devices/pci0000:00" / address / "pcie_replay_count").write_text("5\n")
    assert not [key for key in sampled(sampler(tree)) if key[0] == "pcie_naks_total"]


def test_naks_that_cannot_be_read_are_unreadable(tmp_path: Path) -> None:
    tree = AmdTree(tmp_path)
    (tree.add(0, FIRST, None) / "pcie_replay_count").mkdir()
    assert sampled(sampler(tree))["pcie_naks_total", FIRST].quality is Quality.UNREADABLE


@pytest.mark.parametrize(
    ("reason", "up"), [("EIO", 0.0), ("ETIME", 0.0), ("ENODEV", 0.0), ("EPERM", 1.0), ("cut short", 1.0)]
)
def test_a_table_that_cannot_be_read(tree: AmdTree, monkeypatch: pytest.MonkeyPatch, reason: str, up: float) -> None:
    reader = sampler(tree)
    before = sampled(reader)

    def refuse(card: amdgpu.Card) -> None:
        raise sysfs.Unreadable(card.path / "gpu_metrics", reason)

    monkeypatch.setattr(amdgpu, "read_metrics", refuse)
    rows = sampled(reader)
    assert rows["up", FIRST].value == up
    assert rows.keys() == before.keys()
    assert rows["xgmi_read_bytes_total", FIRST, "3"].quality is Quality.UNREADABLE
    assert [row.value for key, row in rows.items() if key[0] == "info"] == [1.0, 1.0]
    monkeypatch.undo()
    assert sampled(reader)["xgmi_read_bytes_total", FIRST, "3"].value == 33


def test_a_table_that_was_never_known_leaves_the_files(tree: AmdTree) -> None:
    (tree.sys / "devices/pci0000:00" / FIRST / "gpu_metrics").write_bytes(b"\x04\x00\x02\x04")
    rows = sampled(sampler(tree))
    assert rows["up", FIRST].value == 1.0
    assert rows["pcie_link_width_lanes", FIRST].value == 16.0
    assert not [key for key in rows if key[0] == "xgmi_link_up" and key[1] == FIRST]


def test_a_gpu_that_fell_off_the_bus_is_down_and_makes_an_event(tmp_path: Path) -> None:
    tree = AmdTree(tmp_path)
    path = tree.add(0, FIRST, None)
    reader, transitions = sampler(tree), Watching()
    transitions.observe(reader.sample(START), START)
    (path / "current_link_width").write_text("63\n")
    (path / "current_link_speed").write_text("Unknown\n")
    (event,) = transitions.observe(reader.sample(START), START)
    assert (event.kind, event.subject) == ("amd_gpu.down", {"gpu": FIRST})
    (path / "current_link_width").unlink()
    (path / "current_link_width").mkdir()
    assert sampled(reader)["up", FIRST].quality is Quality.UNREADABLE


def test_an_xgmi_link_that_goes_down_is_an_event(tree: AmdTree) -> None:
    reader, transitions = sampler(tree), Watching()
    transitions.observe(reader.sample(START), START)
    down = table("1.7", xgmi_link_status=[0xFFFF, 1, 1, 0, 1, 1, 0, 1])
    (tree.sys / "devices/pci0000:00" / FIRST / "gpu_metrics").write_bytes(down)
    (event,) = transitions.observe(reader.sample(START), START)
    assert (event.kind, event.subject) == ("xgmi.down", {"gpu": FIRST, "link": "3"})


def test_the_library_tells_what_the_table_does_not(tree: AmdTree, library: FakeAmdsmi) -> None:
    first = tree.sys / "devices/pci0000:00" / FIRST
    (first / "gpu_metrics").write_bytes(table("1.4", xgmi_read_data_acc=[7, 8], pcie_replay_count_acc=0))
    values = {key: row.value for key, row in sampled(sampler(tree)).items()}
    assert values["library_working",] == 1.0
    assert (values["xgmi_link_up", FIRST, "1"], values["xgmi_link_up", FIRST, "2"]) == (1.0, 0.0)
    assert values["xgmi_read_bytes_total", FIRST, "1"] == 8  # the table's own, and not the library's 10
    assert values["xgmi_write_bytes_total", FIRST, "1"] == 1
    assert values["xgmi_link_up", SECOND, "2"] == 1.0  # the table's own, and not the library's 0


def test_a_library_that_fails_leaves_sysfs(tree: AmdTree, library: FakeAmdsmi) -> None:
    library.failing["amdsmi_init"] = "AMDSMI_STATUS_DRIVER_NOT_LOADED"
    rows = sampled(sampler(tree))
    assert rows["library_working",].value == 0.0
    assert rows["xgmi_read_bytes_total", FIRST, "3"].value == 33
    library.failing = {"amdsmi_get_link_metrics": "AMDSMI_STATUS_BUSY"}
    assert sampled(sampler(tree))["library_working",].value == 0.0


def test_without_the_library_or_when_it_is_not_wanted_nothing_is_said_of_it(tree: AmdTree, library: FakeAmdsmi) -> None:
    assert ("library_working",) not in sampled(sampler(tree, amdsmi=False))
    assert library.calls == []


def test_the_library_is_not_asked_where_there_is_no_gpu(tmp_path: Path, library: FakeAmdsmi) -> None:
    assert sampled(sampler(AmdTree(tmp_path))) == {}
    assert library.calls == []


async def test_a_library_that_hangs_is_the_samplers_own_loss(tree: AmdTree, library: FakeAmdsmi) -> None:
    library.hangs = threading.Event()
    runner = SamplerRunner("amd_gpu", sampler(tree), Pipeline("amd_gpu", 0), 50_000_000, system_clock)
    try:
        assert (await runner.tick()).result is Result.HUNG
    finally:
        library.hangs.set()
    assert runner._running is not None
    await runner._running
    runner.deadline_ns = 30_000_000_000
    assert (await runner.tick()).result is Result.OK
    runner.close()
    runner.thread.join()
    assert library.calls[-1] == "amdsmi_shut_down"


def test_gpus_that_come_and_go(tree: AmdTree) -> None:
    reader = sampler(tree)
    sampled(reader)
    tree.add(17, "0000:46:00.0")
    assert ("up", "0000:46:00.0") in sampled(reader)
    (tree.directory / "card17").unlink()
    assert ("up", "0000:46:00.0") not in sampled(reader)
    assert reader._shown.keys() == {FIRST, SECOND}


def test_why_nothing_is_available(tree: AmdTree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sampler(tree).unavailable() is None
    assert "no GPU of AMD's in" in (sampler(AmdTree(tmp_path / "other")).unavailable() or "")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.scandir", refuse)
    reader = sampler(tree)
    assert "EACCES" in (reader.unavailable() or "")
    with pytest.raises(OSError, match=r"cannot be listed: .*EACCES"):
        list(reader.sample(START))
