from __future__ import annotations

from pathlib import Path

import pytest

from fabricscope.flow import RdmaLink
from probes.engine.captures import CaptureFile
from probes.engine.packets.packet import Rdma
from probes.engine.rdma.icrc import compute, right
from tests.fixtures.roce.scenarios import everything, infiniband
from tests.probes.engine.packets.made import decoded


@pytest.mark.parametrize("made", ["ethernet", "infiniband"])
def test_the_generators_own_are_right_and_one_octet_makes_them_wrong(made: str, tmp_path: Path) -> None:
    capture = everything(4) if made == "ethernet" else infiniband(4)
    capture.write(tmp_path / "made.pcap")
    file, checked = CaptureFile(str(tmp_path / "made.pcap")), 0
    for _, wire, link, octets, _ in file.frames(300):
        rdma = decoded(octets, link, wire).rdma
        if rdma is not None and right(rdma) is not None:
            checked += 1
            broken = rdma.transport[:8] + bytes([rdma.transport[8] ^ 1]) + rdma.transport[9:]
            assert (right(rdma), right(Rdma(rdma.link, broken, rdma.wire_octets, rdma.covered))) == (True, False)
            assert right(Rdma(rdma.link, rdma.transport[:-1], rdma.wire_octets, rdma.covered)) is None
    file.close()
    assert checked > 50


@pytest.mark.parametrize("link", RdmaLink)
def test_headers_that_rdma_has_not(link: RdmaLink) -> None:
    assert compute(link, b"", bytes(20)) is None
    assert compute(link, b"\x60" + bytes(300), bytes(20)) is None
    assert compute(link, bytes(48), bytes(4)) is None
