"""The engine finds everything that the generator of RoCE traffic put into a capture, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from fabricscope.flow import FlowRecord, Tunnel, decode_records
from tests.fixtures.roce.capture import Capture
from tests.fixtures.roce.comparison import differences
from tests.fixtures.roce.mirrors import MIRRORS, SESSION
from tests.fixtures.roce.scenarios import everything, infiniband, many
from tests.probes.engine.conftest import native, needs_native

pytestmark = [needs_native]

TUNNELS = {
    "plain": (Tunnel.NONE, 0),
    "erspan1": (Tunnel.ERSPAN1, 0),
    "erspan2": (Tunnel.ERSPAN2, SESSION),
    "erspan3": (Tunnel.ERSPAN3, SESSION),
    "gre": (Tunnel.GRE, SESSION),
    "vxlan": (Tunnel.VXLAN, SESSION),
}


def records(capture: Capture, folder: Path) -> list[FlowRecord]:
    path = folder / "generated.pcap"
    capture.write(path)
    meter = native().Meter(b'{"check_icrc_every": 1, "idle_ns": 3600000000000, "active_ns": 3600000000000}')
    file = native().CaptureFile(str(path))
    while meter.read(file, 10_000):
        pass
    found: list[FlowRecord] = []
    done = False
    while not done:
        done = meter.finish()
        found += decode_records(meter.take())
    return found


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_everything_is_found(seed: int, tmp_path: Path) -> None:
    capture = everything(seed)
    assert differences(records(capture, tmp_path), capture.truth) == []


@pytest.mark.parametrize("mirror", sorted(MIRRORS))
def test_everything_is_found_in_what_a_tunnel_brings(mirror: str, tmp_path: Path) -> None:
    capture = everything(4, mirror)
    found = records(capture, tmp_path)
    assert differences(found, capture.truth) == []
    assert {(record.key.tunnel, record.key.tunnel_id) for record in found} == {TUNNELS[mirror]}


def test_the_first_128_octets_of_each_packet_suffice(tmp_path: Path) -> None:
    capture = everything(5, snap=128)
    # Of a ConnectRequest the sequence number does not fit into 128 octets: what was lost at its begin cannot be told.
    cannot = [one for one in capture.truth.connections if one.step == "handshake, begin lost by the mirror"]
    capture.truth.connections = [one for one in capture.truth.connections if one not in cannot]
    wrong = differences(records(capture, tmp_path), capture.truth)
    assert [line for line in wrong if "not in the truth" not in line] == []
    assert len(wrong) == len(cannot)


def test_native_infiniband_is_found(tmp_path: Path) -> None:
    capture = infiniband(6)
    assert differences(records(capture, tmp_path), capture.truth) == []


def test_many_connections_are_found(tmp_path: Path) -> None:
    capture = many(60_000, 300, seed=7)
    assert differences(records(capture, tmp_path), capture.truth) == []


def test_what_the_invariant_crc_covers_is_checked(tmp_path: Path) -> None:
    capture = everything(8)
    checked = [record.rdma for record in records(capture, tmp_path) if record.rdma is not None]
    packets = sum(record.forward.icrc_checked + record.reverse.icrc_checked for record in checked)
    pauses = 2 * sum(capture.truth.pauses.values())
    assert packets == capture.truth.frames - pauses
