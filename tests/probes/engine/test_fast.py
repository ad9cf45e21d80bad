"""The thread that reads, in the Rust engine and its plain-Python twin: on files that the test writes."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fabricscope.clock import system_clock
from probes.engine.blocks import decode_block
from probes.engine.fold import Window, windows
from tests.fixtures.descriptors import open_files
from tests.fixtures.waiting import eventually
from tests.probes.engine.test_statistics import count

MS = 1_000_000
LAYOUT = 5

Start = Callable[..., Any]


@pytest.fixture
def start(engine: Any) -> Iterator[Start]:
    """Starts a reader, with `ring` as an attribute beside it; closes them all in the end."""
    readers: list[tuple[Any, Any]] = []

    def started(groups: list[list[Any]], period_ns: int = 2 * MS) -> Any:
        ring = engine.StepRing(1 << 20)
        readers.append((engine.FastReader(groups, period_ns, ring, LAYOUT, system_clock().mono), ring))
        return readers[-1]

    yield started
    for reader, _ in readers:
        assert reader.close()


def write(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def rows(ring: Any) -> list[tuple[int, int, list[int | None]]]:
    return [row for *_, block in ring.freeze() for row in decode_block(block)]


def window_of(reader: Any) -> Window:
    found: list[Window] = eventually(lambda: windows(reader.take()))
    return found[-1]


def test_every_step_is_in_the_ring_and_the_window(start: Start, tmp_path: Path) -> None:
    path = write(tmp_path / "rx_bytes", "1000\n")
    reader, ring = start([[(64, path)]])
    eventually(lambda: rows(ring))
    window = window_of(reader)
    assert window.channels[0].steps > 100
    assert window.end_ns - window.start_ns == 1_000 * MS
    assert window.ticks + window.missed == 500
    found = rows(ring)
    assert {row[1] for row in found} == {0}
    times = [row[0] for row in found]
    assert times == sorted(times)
    assert abs(times[-1] - system_clock().mono) < 5_000 * MS


def test_what_is_counted_arrives(start: Start, tmp_path: Path) -> None:
    path = write(tmp_path / "rx_bytes", "1000\n")
    reader, ring = start([[(64, path)]])
    reader.set_levels(0, 100_000, 50_000)
    eventually(lambda: rows(ring))
    with Path(path).open("r+b", buffering=0) as file:
        file.write(b"9000\n")
    eventually(lambda: rows(ring)[-1][2] == [9000])
    total = bursts = above = 0
    peak = 0.0
    while total < 8000:
        channel = window_of(reader).channels[0]
        total, bursts, above = total + channel.increase, bursts + channel.bursts, above + channel.above_ns
        peak = max(peak, channel.max_rate)
    assert total == 8000
    assert peak > 8_000
    assert bursts == (peak >= 100_000)
    assert (above > 0) == (bursts > 0)


def test_one_bad_file_leaves_the_others_alone(start: Start, tmp_path: Path) -> None:
    paths = [write(tmp_path / "good", "7\n"), str(tmp_path / "absent"), str(tmp_path), write(tmp_path / "text", "N/A")]
    reader, ring = start([[(64, path) for path in paths]])
    window = window_of(reader)
    assert rows(ring)[0][2] == [7, None, None, None]
    assert [channel.errors > 0 for channel in window.channels] == [False, True, True, True]
    assert window.channels[0].steps > 0
    write(tmp_path / "absent", "3\n")
    eventually(lambda: rows(ring)[-1][2] == [7, 3, None, None])


def test_a_slow_group_is_read_less_often(start: Start, tmp_path: Path) -> None:
    channel = (64, write(tmp_path / "counter", "1\n"))
    reader, _ = start([[channel], [channel]])
    reader.set_multiple(1, 10)
    window_of(reader)
    window = window_of(reader)
    assert window.groups[0].reads == window.ticks
    assert window.groups[1].reads <= 50
    assert window.groups[0].total_ns >= window.groups[0].max_ns > 0
    with pytest.raises(IndexError):
        reader.set_multiple(2, 1)
    with pytest.raises(IndexError):
        reader.set_levels(2, 1, 1)


def test_cells_of_a_table(start: Start, tmp_path: Path) -> None:
    path = write(tmp_path / "dev", "head\n  eth0: 5 6 7\nlo:1 2\n")
    _, ring = start([[(64, path, "eth0", 2), (64, path, "lo", 0), (64, path, "lo", 2), (64, str(tmp_path), "lo", 0)]])
    eventually(lambda: rows(ring))
    assert rows(ring)[0][2] == [7, 1, None, None]


@pytest.mark.needs_root
@pytest.mark.needs_program("ip", package="iproute2")
def test_statistics_of_a_driver(start: Start) -> None:
    subprocess.run(["ip", "link", "add", "fsfast0", "type", "veth", "peer", "name", "fsfast1"], check=True)
    try:
        peer, number = int(Path("/sys/class/net/fsfast0/iflink").read_text()), count("fsfast0")
        channels = [(64, "fsfast0", 0, number), (64, "fsfast0", 1, number), (64, "fsfast0", 0, number + 1)]
        reader, ring = start([channels])
        eventually(lambda: rows(ring))
        assert rows(ring)[0][2] == [peer, 0, None]
        assert window_of(reader).channels[2].errors > 0
    finally:
        subprocess.run(["ip", "link", "del", "fsfast0"], check=True)
    eventually(lambda: rows(ring)[-1][2] == [None, None, None])


def test_closing_is_prompt_and_leaves_nothing_open(engine: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "counter", "1\n")
    ring = engine.StepRing(1 << 20)
    reader = engine.FastReader([[(64, path)]], 1_000 * MS, ring, LAYOUT, system_clock().mono)
    eventually(lambda: rows(ring))
    assert reader.alive()
    assert path in open_files().values()
    before = system_clock().mono
    with closing(reader):
        pass
    assert system_clock().mono - before < 900 * MS
    assert not reader.alive()
    assert path not in open_files().values()
    assert reader.close()
    assert len(rows(ring)) >= 1
    with pytest.raises(ValueError, match="no such layout"):
        ring.record(LAYOUT, 0, 1, [1])


def test_tells_what_it_is_reading(start: Start, tmp_path: Path) -> None:
    reader, _ = start([[(64, write(tmp_path / "counter", "1\n"))] * 2000])
    group, since = eventually(reader.reading)
    assert group == 0
    assert 0 <= system_clock().mono - since < 10_000 * MS


def test_what_cannot_be_is_refused(engine: Any, tmp_path: Path) -> None:
    ring = engine.StepRing(1 << 20)
    for channel, complaint in (
        ((64, "a\0b"), "null byte"),
        ((0, "x"), "1 to 64 bits"),
        ((64, "sixteen-letters-", 0, 1), "no name of an interface"),
        ((64, "eth0", 1, 1), "index"),
        ((64, "x", "lo", 64), "column"),
    ):
        with pytest.raises(ValueError, match=complaint):
            engine.FastReader([[channel]], 10 * MS, ring, LAYOUT, 0)
    with pytest.raises(ValueError, match="1 ms to 1 s"):
        engine.FastReader([[(64, "x")]], 0, ring, LAYOUT, 0)
    with pytest.raises(ValueError, match="4096"):
        engine.FastReader([[(64, "x")] * 5000], 10 * MS, ring, LAYOUT, 0)
