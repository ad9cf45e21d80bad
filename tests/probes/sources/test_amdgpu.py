from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.sources import amdgpu, sysfs
from probes.sources.amdgpu import PcieLink, Peer
from tests.fixtures import amd_gpus
from tests.fixtures.amd_gpus import FIRST, SECOND, AmdTree


@pytest.fixture
def tree(tmp_path: Path) -> AmdTree:
    return amd_gpus.hive(tmp_path)


def test_the_cards_with_what_is_fixed_about_them(tree: AmdTree) -> None:
    one, two = amdgpu.cards(tree.directory)
    assert (one.address, one.card, one.device_id, one.unique_id) == (FIRST, "card1", "0x74a1", "a1b2")
    assert (one.product, one.serial, one.firmware) == ("AMD Instinct MI300X OAM", "692409001234", "113-M3000100")
    assert one.hive == two.hive == "11936128518282651045"


def test_what_is_no_gpu_of_amds_is_left_out(tree: AmdTree) -> None:
    tree.add(2, "0000:30:00.0", vendor="0x10de")
    tree.add(3, "amdgpu_xcp_1")  # a partition of a GPU
    tree.add(4, "0000:31:00.0", vendor="garbage")
    (tree.directory / "renderD128").mkdir()
    assert [card.address for card in amdgpu.cards(tree.directory)] == [FIRST, SECOND]


def test_where_links_lead(tree: AmdTree) -> None:
    one, two = amdgpu.cards(tree.directory)
    assert amdgpu.read_peers(one) == [Peer(1, SECOND, 3), Peer(2, SECOND, 2)]
    assert amdgpu.read_peers(two) == []


def test_a_peer_that_the_hive_does_not_name_is_unknown(tree: AmdTree) -> None:
    (tree.sys / "devices/pci0000:00" / FIRST / "xgmi_hive_info" / "node2").unlink()
    assert amdgpu.read_peers(amdgpu.cards(tree.directory)[0]) == [Peer(1, "", 3), Peer(2, "", 2)]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("01:00 ->  02:07", [(0, 2, 7)]),
        ("01:0a -> 0b:0c\nodd\n\n01:01 ->  03:00", [(10, 11, 12), (1, 3, 0)]),
        ("01:10 ->  02:00", []),
        ("1:0 -> 2:0", []),
        ("", []),
        ("01:00 ->  02:00\n" * 100, [(0, 2, 0)] * 16),
    ],
)
def test_ports(text: str, rows: list[tuple[int, int, int]]) -> None:
    assert amdgpu.parse_ports(text) == rows


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("0: 2.5GT/s, x1 \n1: 16.0GT/s, x16 619Mhz *", PcieLink(16e9, 16)),
        ("0: 8.0 GT/s, x8 *", PcieLink(8e9, 8)),
        ("0: 8.0GT/s, x7 *", PcieLink(8e9, None)),
        ("0: 2.5GT/s, x16 \n", None),
        ("", None),
        ("x" * 100 + "*", None),
    ],
)
def test_levels_of_the_link(text: str, link: PcieLink | None) -> None:
    assert amdgpu.parse_levels(text) == link


def test_the_link_to_the_host_before_that_within_the_card(tree: AmdTree) -> None:
    card = amdgpu.cards(tree.directory)[0]
    assert amdgpu.read_pcie(card) == PcieLink(32e9, 16)
    (card.path / "pp_dpm_pcie").write_text("0: 16.0GT/s, x8 1000Mhz *\n")
    assert amdgpu.read_pcie(card) == PcieLink(16e9, 8)


@pytest.mark.parametrize(
    ("speed", "width", "answers"), [("32.0 GT/s PCIe", "16", True), ("Unknown", "63", False), ("Unknown", "0", True)]
)
def test_whether_a_gpu_is_on_the_bus(tree: AmdTree, speed: str, width: str, answers: bool) -> None:
    card = amdgpu.cards(tree.directory)[0]
    (card.path / "current_link_speed").write_text(speed)
    (card.path / "current_link_width").write_text(width)
    assert amdgpu.answers(card) is answers


def test_a_table_or_why_there_is_none(tree: AmdTree) -> None:
    card = amdgpu.cards(tree.directory)[0]
    metrics = amdgpu.read_metrics(card)
    assert metrics is not None
    assert metrics.version == "1.7"
    (card.path / "gpu_metrics").write_bytes(b"\x04\x00\x07\x07")
    with pytest.raises(sysfs.Unreadable, match=r"gpu_metrics: gpu_metrics 7\.7 of 4 octets"):
        amdgpu.read_metrics(card)
    (card.path / "gpu_metrics").write_bytes(b"\x00" * 100_000)
    with pytest.raises(sysfs.Unreadable, match="65537 octets"):
        amdgpu.read_metrics(card)
    (card.path / "gpu_metrics").unlink()
    assert amdgpu.read_metrics(card) is None
    (card.path / "gpu_metrics").mkdir()
    with pytest.raises(sysfs.Unreadable, match="EISDIR"):
        amdgpu.read_metrics(card)


@pytest.mark.parametrize(("text", "count"), [("17\n", 17), ("-1\n", None), (f"{1 << 64}\n", None), (None, None)])
def test_naks(tree: AmdTree, text: str | None, count: int | None) -> None:
    card = amdgpu.cards(tree.directory)[0]
    if text is not None:
        (card.path / "pcie_replay_count").write_text(text)
    assert amdgpu.read_replays(card) == count


@given(st.text(max_size=200))
def test_any_text_gives_values_or_none(text: str) -> None:
    assert all(0 <= link < 16 and 0 <= node < 256 for link, node, _ in amdgpu.parse_ports(text))
    level = amdgpu.parse_levels(text)
    assert level is None or (level.speed or 0) >= 0
