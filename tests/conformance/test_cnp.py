"""A congestion notification packet of a real adapter."""

from __future__ import annotations

import json

from fabricscope.flow import RdmaLink
from tests.conformance.metered import Frame, metered
from tests.conformance.scores import Scoring
from tests.conformance.trees import hardware
from tests.probes.engine.conftest import needs_native

pytestmark = [needs_native]

SET = "scapy-roce"
CNP_OPCODE = 0x81


def test_what_scapy_asserts(score: Scoring) -> None:
    scored = score(SET)
    for case in json.loads((hardware(SET) / "frames.json").read_text("utf-8"))["cases"]:
        octets = bytes.fromhex(case["frame_hex"])
        (record,) = metered([Frame(0, len(octets), 1, octets, None)], check_icrc_every=1).records
        title = case["title"]
        assert record.rdma is not None
        assert record.rdma.link == RdmaLink.ROCEV2
        # It goes to who sends too much, so it is of the way back.
        way = record.rdma.reverse
        assert len(case["asserted"]) == 2
        scored.compare(f"{title}: opcode", way.opcodes, [(CNP_OPCODE, 1)])
        scored.compare(f"{title}: CNPs", way.cnps, 1)
        # The checksum that it asserts is the one in the frame, and a checksum is right or wrong.
        scored.compare(f"{title}: ICRC in the frame", f"pkt.icrc == 0x{octets[-4:].hex()}", case["asserted"][1])
        checked = (way.icrc_checked, way.icrc_wrong)
        scored.compare(f"{title}: ICRC checked and wrong", checked, (1, 0))
        spoiled = octets[:-1] + bytes([octets[-1] ^ 1])
        (record,) = metered([Frame(0, len(spoiled), 1, spoiled, None)], check_icrc_every=1).records
        assert record.rdma is not None
        scored.compare(f"{title}: ICRC wrong with another octet", record.rdma.reverse.icrc_wrong, 1)
