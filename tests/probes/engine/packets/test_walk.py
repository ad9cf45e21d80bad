from __future__ import annotations

import pytest

from fabricscope.flow import Tunnel as TunnelKind
from probes.engine.packets.packet import Frame, Network, Undecodable
from probes.engine.packets.span import Span
from probes.engine.packets.walk import MAX_HEADERS, Walk


def test_a_mirrored_frame_leaves_the_vlan_of_what_carries_it_and_an_overlay_does_not() -> None:
    walk = Walk(Frame(1, 2, 1, b"", stripped_vlan=0x6005))
    assert (walk.vlan, walk.priority) == (5, 3)
    walk.network = Network(source=b"a", destination=b"b")
    walk.through(TunnelKind.VXLAN, 7)
    assert (walk.vlan, walk.mirror) == (5, None)
    walk.through(TunnelKind.GRE, 8, None, 3)
    assert (walk.vlan, walk.tunnels) == (0, 2)
    assert walk.mirror is walk.tunnel
    walk.through(TunnelKind.IP, 0)
    assert walk.mirror is not walk.tunnel


def test_a_tunnel_that_is_none_is_still_what_carries_it() -> None:
    walk = Walk(Frame(1, 2, 1, b""))
    walk.source_port = 9
    walk.maybe_through(TunnelKind.GENEVE, 1, Span(b"x", 5))
    assert walk.plain is not None
    assert (walk.plain.source_port, walk.plain.payload, walk.plain.payload_octets) == (9, b"x", 5)
    assert walk.source_port == 0


def test_headers_have_a_bound() -> None:
    walk = Walk(Frame(1, 2, 1, b""))
    for _ in range(MAX_HEADERS):
        walk.deeper()
    with pytest.raises(Undecodable, match="too-deep"):
        walk.deeper()
