from __future__ import annotations

from fabricscope.flow import Tunnel as TunnelKind
from probes.engine.packets.packet import MIRRORS, Reason, Undecodable


def test_reasons_are_words_and_mirrors_are_tunnels_with_numbers() -> None:
    assert next(iter(Reason)).value == "truncated"
    assert str(Undecodable(Reason.TOO_DEEP)) == "too-deep"
    assert TunnelKind.VXLAN not in MIRRORS
    assert TunnelKind.ERSPAN2 in MIRRORS
