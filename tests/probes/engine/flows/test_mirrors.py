from __future__ import annotations

from fabricscope.flow import Tunnel as TunnelKind
from probes.engine.flows.mirrors import Mirror, Mirrors
from probes.engine.packets.packet import Tunnel


def tunnel(number: int, sequence: int | None, kind: TunnelKind = TunnelKind.ERSPAN2) -> Tunnel:
    return Tunnel(kind, number, None, sequence, bytes(4), bytes(4))


def observed(*sequences: int) -> Mirror:
    mirrors = Mirrors()
    for sequence in sequences:
        assert mirrors.observe(tunnel(5, sequence)) == 0
    return mirrors.sessions[0]


def test_gaps_are_missing_until_a_late_packet_fills_them() -> None:
    mirror = observed(2**32 - 2, 2**32 - 1, 0, 4, 2, 2, 5)
    assert (mirror.seen, mirror.missing, mirror.late, mirror.repeated, mirror.restarts) == (6, 2, 1, 1, 0)
    assert mirror.tell()["visibility"] == 0.75


def test_numbers_that_begin_anew_are_no_loss() -> None:
    mirror = observed(5_000_000, 5_000_001, 0, 1)
    assert (mirror.seen, mirror.missing, mirror.restarts) == (4, 0, 1)
    mirror = observed(0, 0, 0)
    assert (mirror.seen, mirror.missing, mirror.repeated) == (1, 0, 2)


def test_sessions_are_apart_and_bounded() -> None:
    mirrors = Mirrors()
    for odd in (None, tunnel(1, None), tunnel(1, 1, TunnelKind.VXLAN)):
        assert mirrors.observe(odd) is None
    for number in range(1100):
        mirrors.observe(tunnel(number, number))
    mirrors.observe(tunnel(3, 4))
    mirrors.observe(tunnel(3, 6))
    assert (len(mirrors.sessions), mirrors.unfollowed) == (1024, 76)
    assert [mirrors.visibility_of(TunnelKind.ERSPAN2, number) for number in (3, 4, 5000)] == [0.75, 1.0, 1.0]
    mark = mirrors.mark(3)
    mirrors.observe(tunnel(3, 7))
    mirrors.observe(tunnel(3, 10))
    assert abs(mirrors.visibility_since([mark, None]) - 3 / 5) < 1e-6
