"""The generator of RoCE traffic, by eyes that are not its own: tshark reads the frames, scapy computes the CRC."""

from __future__ import annotations

import json
import struct
import subprocess
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from tests.fixtures.roce import transport
from tests.fixtures.roce.scenarios import everything, infiniband, many


def frames(path: Path) -> Iterator[bytes]:
    content = path.read_bytes()
    at = 24
    while at < len(content):
        _, _, captured, _ = struct.unpack_from("<IIII", content, at)
        yield content[at + 16 : at + 16 + captured]
        at += 16 + captured


def test_a_seed_makes_the_same_octets_again(tmp_path: Path) -> None:
    for name in ("one", "other"):
        capture = everything(9)
        capture.write(tmp_path / f"{name}.pcap")
        capture.truth.write(tmp_path / f"{name}.json")
    assert (tmp_path / "one.pcap").read_bytes() == (tmp_path / "other.pcap").read_bytes()
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "other.json").read_bytes()
    everything(10).write(tmp_path / "third.pcap")
    assert (tmp_path / "one.pcap").read_bytes() != (tmp_path / "third.pcap").read_bytes()


def test_the_truth_file_has_every_kind_of_trouble(tmp_path: Path) -> None:
    capture = everything(11)
    capture.write(tmp_path / "all.pcap")
    capture.truth.write(tmp_path / "all.json")
    truth = json.loads((tmp_path / "all.json").read_text("utf-8"))
    ways = [connection[way] for connection in truth["connections"] for way in ("forward", "reverse")]
    for what in ("lost", "unseen", "duplicates", "naks", "rnr_naks", "cnps", "ecn_marked", "messages"):
        assert any(way[what] for way in ways), what
    assert {"ring-all-reduce", "tree", "all-to-all", "pipeline", "checkpoint-write", "dataset-read"} < {
        connection["collective"] for connection in truth["connections"]
    }
    assert truth["pauses"] == {"3": 5, "4": 2}


def test_snapped_frames_keep_their_length_on_the_wire(tmp_path: Path) -> None:
    whole, cut = many(2000, 20, snap=0), many(2000, 20, snap=128)
    for name, capture in {"whole": whole, "cut": cut}.items():
        capture.write(tmp_path / f"{name}.pcap")
    assert [frame[:128] for frame in frames(tmp_path / "whole.pcap")] == list(frames(tmp_path / "cut.pcap"))
    assert [one.forward.octets for one in whole.truth.connections] == [
        one.forward.octets for one in cut.truth.connections
    ]


@pytest.mark.needs_program("tshark", package="tshark")
@pytest.mark.parametrize("mirror", ["plain", "erspan2", "erspan3", "gre", "vxlan"])
def test_tshark_reads_the_same(mirror: str, tmp_path: Path) -> None:
    capture = everything(12, mirror)
    capture.write(tmp_path / "all.pcap")
    fields = ["infiniband.bth.opcode", "infiniband.bth.destqp", "_ws.malformed"]
    command = ["tshark", "-n", "-r", str(tmp_path / "all.pcap"), "-T", "fields"]
    for field in fields:
        command += ["-e", field]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    found = Counter(tuple(line.split("\t")[:2]) for line in lines if not line.startswith("\t"))
    assert len(lines) == capture.truth.frames
    assert not any(line.split("\t")[2] for line in lines)
    notifications = sum(count for (opcode, _), count in found.items() if int(opcode) == transport.CNP)
    assert notifications == sum(one.reverse.cnps + one.forward.cnps for one in capture.truth.connections)
    towards = Counter[int]()
    for (_, queue_pair), count in found.items():
        towards[int(queue_pair, 16)] += count
    for one in capture.truth.connections:
        assert towards[one.destination_qp] == one.forward.packets
        assert towards[one.source_qp] == one.reverse.packets


@pytest.mark.needs_program("tshark", package="tshark")
def test_tshark_reads_native_infiniband(tmp_path: Path) -> None:
    capture = infiniband(13)
    capture.write(tmp_path / "ib.pcap")
    command = ["tshark", "-n", "-r", str(tmp_path / "ib.pcap"), "-T", "fields", "-e", "infiniband.bth.destqp"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    towards = Counter(int(line, 16) for line in lines)
    assert towards == {
        queue_pair: way.packets
        for one in capture.truth.connections
        for queue_pair, way in ((one.destination_qp, one.forward), (one.source_qp, one.reverse))
    }


def test_scapy_computes_the_same_crc(tmp_path: Path) -> None:
    roce = import_module("scapy.contrib.roce")
    layers = import_module("scapy.layers.l2")
    capture = everything(14)
    capture.write(tmp_path / "all.pcap")
    checked = 0
    for frame in frames(tmp_path / "all.pcap"):
        # RoCE v2 alone: scapy does not know version 1.
        if frame[12:14] not in (b"\x08\x00", b"\x86\xdd") or checked >= 500:
            continue
        packet = layers.Ether(frame)
        base = packet[roce.BTH]
        assert base.compute_icrc(bytes(base)[:-4]) == frame[-4:]
        checked += 1
    assert checked == 500
