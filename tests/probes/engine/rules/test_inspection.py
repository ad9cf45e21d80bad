from __future__ import annotations

import pytest

from fabricscope.flow import RdmaLink, Tunnel
from probes.engine.packets.packet import Family
from probes.engine.rules.inspection import FlowFacts, Inspection


@pytest.mark.parametrize(
    ("protocol", "rdma", "carrier"),
    [(6, None, "tcp"), (17, None, "udp"), (17, RdmaLink.ROCEV2, "rdma"), (47, None, "ip/47"), (0, None, "ether/35020")],
)
def test_what_carries_a_payload(protocol: int, rdma: RdmaLink | None, carrier: str) -> None:
    assert FlowFacts(protocol, 0x88CC, 1, 2, Family.V4, Tunnel.NONE, rdma, False).carrier() == carrier


def test_without_rules_it_is_settled_at_once() -> None:
    assert Inspection(None).settled
