from __future__ import annotations

from pathlib import Path

import pytest

from fabricscope.model import Event, Now, Quality, Reading
from fabricscope.settings import convert
from probes.samplers.cxl import CxlSampler, CxlSettings
from probes.sampling.sampler import Roots
from tests.fixtures import cxl_tree
from tests.fixtures.cxl_tree import CARDS, PORTS, CxlTree
from tests.probes.following import Watching

SECOND = 1_000_000_000
START = Now(wall=1_700_000_000 * SECOND, mono=SECOND)


@pytest.fixture
def tree(tmp_path: Path) -> CxlTree:
    return cxl_tree.memory_node(tmp_path)


def sampler(tree: CxlTree, **settings: object) -> CxlSampler:
    return CxlSampler(convert(settings, CxlSettings, "cxl"), Roots(sys=str(tree.sys)))


def sampled(reader: CxlSampler, now: Now = START) -> dict[tuple[str, ...], Reading]:
    """Readings by metric without its prefix, then labels."""
    return {(row.spec.name.removeprefix("fabricscope_cxl_"), *row.labels): row for row in reader.sample(now)}


def values(reader: CxlSampler, now: Now = START) -> dict[tuple[str, ...], int | float | None]:
    return {key: row.value for key, row in sampled(reader, now).items()}


def test_a_memory_device_and_where_it_is_plugged_in(tree: CxlTree) -> None:
    rows = values(sampler(tree))
    identity = ("0x1234", "1.2.3", "1", "disabled")
    assert ("memory_info", "mem0", CARDS[0], *identity, "endpoint2", PORTS[0]) in rows
    assert rows["memory_up", "mem0", CARDS[0]] == 1.0
    assert rows["memory_size_bytes", "mem0", "ram"] == float(128 << 30)
    assert rows["memory_size_bytes", "mem0", "pmem"] == 0.0


def test_the_way_to_it(tree: CxlTree) -> None:
    rows = values(sampler(tree))
    assert ("port_info", "endpoint3", "endpoint", "port1", PORTS[1], "mem1") in rows
    assert rows["port_decoders_committed", "endpoint3"] == 1.0
    assert ("port_decoders_committed", "root0") not in rows
    assert ("decoder_info", "decoder3.0", "endpoint", "endpoint3", "ram", "region0") in rows


def test_a_region(tree: CxlTree) -> None:
    rows = values(sampler(tree))
    assert rows["region_committed", "region0"] == 1.0
    assert rows["region_size_bytes", "region0"] == float(256 << 30)
    assert rows["region_interleave_ways", "region0"] == 2.0
    assert ("region_info", "region0", "ram", "decoder0.0", "decoder2.0,decoder3.0") in rows


def test_every_reading_is_in_the_table(tree: CxlTree) -> None:
    rows = sampler(tree).sample(START)
    assert {row.spec for row in rows} == set(CxlSampler.metrics)
    for row in rows:
        assert len(row.labels) == len(row.spec.labels)
        assert isinstance(row.value, float)


def events(reader: CxlSampler, transitions: Watching) -> list[Event]:
    return transitions.observe(reader.sample(START), START)


def test_a_card_that_the_kernel_gave_up_is_down(tree: CxlTree) -> None:
    reader, transitions = sampler(tree), Watching()
    assert events(reader, transitions) == []
    (tree.devices / "mem0" / "driver").unlink()
    (event,) = events(reader, transitions)
    assert (event.kind, event.subject) == ("cxl_memory.down", {"device": "mem0", "address": CARDS[0]})


def test_a_card_that_goes_and_comes(tree: CxlTree) -> None:
    reader, transitions = sampler(tree), Watching()
    events(reader, transitions)
    link = tree.devices / "mem1"
    target = link.readlink()
    tree.remove("mem1")
    assert [event.kind for event in events(reader, transitions)] == ["cxl_memory.removed"]
    link.symlink_to(target)
    assert [event.kind for event in events(reader, transitions)] == ["cxl_memory.added"]


def test_a_region_that_is_taken_out_of_the_hardware(tree: CxlTree) -> None:
    reader, transitions = sampler(tree), Watching()
    events(reader, transitions)
    tree.write("region0", "commit", "0")
    assert [event.kind for event in events(reader, transitions)] == ["cxl_region.down"]


def test_what_cannot_be_read_is_unreadable_and_disturbs_no_other(tree: CxlTree) -> None:
    tree.write("region0", "size", "lots")
    rows = sampled(sampler(tree))
    assert (rows["region_size_bytes", "region0"].value, rows["region_size_bytes", "region0"].quality) == (
        None,
        Quality.UNREADABLE,
    )
    assert rows["region_committed", "region0"].value == 1.0


def test_what_is_fixed_is_read_again_within_a_minute(tree: CxlTree) -> None:
    reader = sampler(tree)
    values(reader)
    tree.write("mem0", "security/state", "sanitize")

    def security(seconds: int) -> set[str]:
        rows = values(reader, Now(START.wall, START.mono + seconds * SECOND))
        return {key[6] for key in rows if key[:2] == ("memory_info", "mem0")}

    assert security(59) == {"disabled"}
    assert security(60) == {"sanitize"}


def test_objects_beyond_the_bound_are_counted(tree: CxlTree) -> None:
    rows = values(sampler(tree, max_objects=1))
    assert [key[1] for key in rows if key[0] == "memory_up"] == ["mem0"]
    assert [key[1] for key in rows if key[0] == "port_info"] == ["root0"]
    assert [key[1] for key in rows if key[0] == "decoder_info"] == ["decoder0.0"]
    assert rows["objects_left_out",] == 1 + 3 + 3  # memory, ports, decoders


def test_nothing_is_written(tree: CxlTree) -> None:
    before = {path: path.read_bytes() for path in tree.sys.rglob("*") if path.is_file()}
    reader = sampler(tree)
    values(reader)
    reader.close()
    assert before == {path: path.read_bytes() for path in tree.sys.rglob("*") if path.is_file()}


def test_why_nothing_is_available(tmp_path: Path) -> None:
    reader = CxlSampler(CxlSettings(), Roots(sys=str(tmp_path)))
    assert "no CXL hardware" in (reader.unavailable() or "")
    cxl_tree.memory_node(tmp_path)
    assert reader.unavailable() is None


def test_a_bus_that_cannot_be_listed_fails_the_whole_sample(tree: CxlTree, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.scandir", refuse)
    with pytest.raises(OSError, match=r"cannot be listed: .*EACCES"):
        sampler(tree).sample(START)
    assert "EACCES" in (sampler(tree).unavailable() or "")
