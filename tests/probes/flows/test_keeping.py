"""Packets of kept flows, from the capture to a file that Wireshark opens."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from fabricscope.flow import FlowRecord
from probes.flows.commands import replay_
from probes.flows.keeping import Keeper
from probes.sources.kept_packets import KeptFile
from tests.fixtures.flows import flow, key
from tests.fixtures.roce.capture import Capture
from tests.fixtures.roce.mirrors import MIRRORS
from tests.fixtures.roce.scenarios import everything
from tests.fixtures.roce.sockets import Place, Socket, control, mouse, scan
from tests.fixtures.roce.truth import Truth
from tests.fixtures.roce.wires import Host
from tests.probes.engine.conftest import needs_native

pytestmark = [needs_native]
TSHARK = shutil.which("tshark")
needs_tshark = pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")

POLICY = """
policies:
  those:
    when: {%s}
    then: {keep: true}
"""


def shown(path: Path, *fields: str) -> list[str]:
    """What tshark says of each packet."""
    assert TSHARK is not None
    asked = [part for field in fields for part in ("-e", field)]
    command = [TSHARK, "-n", "-r", str(path), "-T", "fields", "-E", "occurrence=l", *asked]
    found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    return found.stdout.splitlines()


def replayed(folder: Path, capture: Capture, when: str, *options: str) -> Path:
    """The file of what is kept."""
    capture.write(folder / "in.pcap")
    (folder / "own.yaml").write_text(POLICY % when)
    out = folder / "out.pcapng"
    arguments = [str(folder / "in.pcap"), "--rules", str(folder / "own.yaml"), "--keep", str(out), *options]
    done = CliRunner().invoke(replay_, arguments)
    assert done.exit_code == 0, done.output
    return out


@needs_tshark
def test_tshark_sees_exactly_the_packets_of_the_flows(tmp_path: Path) -> None:
    import random

    capture = Capture(Truth())
    hosts = [Host(number, 7) for number in range(1, 4)]
    for conversation in (mouse, scan, control):
        conversation(Place(capture, hosts, random.Random(1)))
    out = replayed(tmp_path, capture, "ports: ['41000-41004', 44002]")
    fields = ("frame.time_epoch", "tcp.srcport", "tcp.dstport", "frame.len", "tcp.payload")
    wanted = {str(port) for port in (*range(41000, 41005), 44002)}
    everything_in = shown(tmp_path / "in.pcap", *fields)
    expected = [line for line in everything_in if wanted & set(line.split("\t")[1:3])]
    found = shown(out, *fields)
    assert 300 < len(expected) < len(everything_in)
    assert sorted(found) == sorted(expected)


@needs_tshark
@pytest.mark.parametrize("mirror", sorted(MIRRORS))
def test_both_ways_of_a_queue_pair_connection_are_kept(mirror: str, tmp_path: Path) -> None:
    capture = everything(2, mirror)
    out = replayed(tmp_path, capture, "hosts: [10.3.0.2/32]")
    asked = ("ip.src", "ip.dst", "infiniband.bth.destqp", "infiniband.bth.psn", "frame.time_epoch")
    those = [line for line in shown(tmp_path / "in.pcap", *asked) if "10.3.0.2" in line.split("\t")[:2]]
    expected = sum(
        connection.forward.packets + connection.reverse.packets
        for connection in capture.truth.connections
        if "0a030002" in (connection.source, connection.destination)
    )
    assert len(those) == expected > 100
    assert sorted(shown(out, *asked)) == sorted(those)


def test_what_left_the_memory_is_counted(tmp_path: Path) -> None:
    capture = Capture(Truth())
    talk = Socket(capture, Host(1), Host(2), (5000, 5001), "elephant")
    talk.close(talk.say(talk.open(0), 0, 6_000_000))
    capture.write(tmp_path / "in.pcap")
    (tmp_path / "own.yaml").write_text(POLICY % "ports: [5001]")
    arguments = ["in.pcap", "--rules", "own.yaml", "--keep", "out.pcapng", "--keep-bytes", str(4 << 20), "--json"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        done = CliRunner().invoke(replay_, arguments)
    assert done.exit_code == 0, done.output
    kept = msgspec.json.decode(done.stdout)["capture"]["kept"]
    assert kept["packets"] + kept["missed"] == talk.truth.packets
    assert min(kept["packets"], kept["missed"]) > 0
    assert (tmp_path / "out.pcapng").stat().st_size < 4 << 20


class FakeMeter:
    def __init__(self, count: int) -> None:
        self.count = count
        self.asked: list[bytes] = []

    def save_kept(self, wanted: bytes) -> tuple[int, bytes]:
        self.asked.append(wanted)
        return self.count, b"section" * bool(self.count)


def records() -> list[FlowRecord]:
    return [flow().record, flow(key=key(source_port=2)).record]


def test_every_meter_is_asked_and_what_is_missing_counts(tmp_path: Path) -> None:
    kept = KeptFile(tmp_path / "out")
    keeper = Keeper(kept.write)
    meters = [FakeMeter(3), FakeMeter(0), FakeMeter(7)]
    keeper.keep([], meters)  # type: ignore[arg-type]
    assert not meters[0].asked
    keeper.keep(records(), meters)  # type: ignore[arg-type]
    assert (keeper.saved, keeper.missed, keeper.trouble) == (10, 50, "")
    assert msgspec.msgpack.decode(meters[1].asked[0])[1][0][4] == 2
    kept.close()
    assert (tmp_path / "out").read_bytes() == b"section" * 2


def test_a_file_that_cannot_be_written_is_told() -> None:
    def fails(_: bytes) -> bool:
        raise OSError(28, "No space left on device", "out.pcapng")

    keeper = Keeper(fails)
    keeper.keep(records(), [FakeMeter(60)])  # type: ignore[list-item]
    assert (keeper.saved, keeper.missed) == (0, 60)
    assert keeper.trouble == "out.pcapng: No space left on device"
