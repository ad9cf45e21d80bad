from __future__ import annotations

from fabricscope.flow import Tcp
from probes.engine.flows.tcp import Connection, distance
from probes.engine.packets.packet import TcpHeader
from tests.probes.engine.frames import ACK, FIN, MS, RST, SYN

Segment = tuple[int, int, int, int, int, int]
"""End, ms, sequence, acknowledgement, octets, flags."""


def followed(*segments: Segment, window: int = 10) -> tuple[Tcp, Connection]:
    connection = Connection()
    for end, ms, sequence, acknowledgement, octets, flags in segments:
        connection.observe(end, TcpHeader(sequence % 2**32, acknowledgement, flags, window), octets, ms * MS)
    return connection.tell(0), connection


def test_a_handshake_and_round_trips() -> None:
    told, connection = followed(
        (0, 0, -1, 0, 0, SYN), (1, 4, 99, 0, 0, SYN | ACK), (0, 5, 0, 100, 0, ACK), (0, 6, 0, 100, 50, ACK),
        (1, 16, 100, 50, 0, ACK), (0, 20, 50, 100, 0, FIN | ACK), (1, 21, 100, 51, 0, FIN | ACK),
    )  # fmt: skip
    assert told.handshake_ns == 5 * MS
    assert (told.forward.round_trips.count, told.forward.round_trips.sum_ns) == (1, 10 * MS)
    assert connection.ended()
    assert (connection.begins(0), connection.begins(1)) == (0, 100)
    assert connection.is_other_opening(0, TcpHeader(7, 0, SYN, 0))
    assert not connection.is_other_opening(0, TcpHeader(2**32 - 1, 0, SYN, 0))


def test_what_was_seen_before_is_sent_again() -> None:
    told, _ = followed((0, 0, 0, 0, 100, ACK), (0, 1, 50, 0, 100, ACK), (0, 2, 150, 0, 10, ACK), (0, 3, 159, 0, 1, ACK))
    assert (told.forward.retransmissions, told.forward.retransmitted_octets) == (1, 50)


def test_a_hole_that_is_filled_soon_was_out_of_order_and_later_a_loss() -> None:
    start = ((0, 0, 0, 0, 100, ACK), (0, 1, 200, 0, 100, ACK))
    soon, _ = followed(*start, (0, 2, 100, 0, 100, ACK))
    late, _ = followed(*start, (0, 9, 100, 0, 100, ACK))
    assert (soon.forward.out_of_order, soon.forward.retransmissions) == (1, 0)
    assert (late.forward.out_of_order, late.forward.retransmissions) == (0, 1)
    parts, _ = followed(*start, *((0, 2, at, 0, 20, ACK) for at in (180, 140, 100, 120, 160)))
    assert parts.forward.out_of_order + parts.forward.retransmissions == 5


def test_closed_windows_repeated_acknowledgements_and_resets() -> None:
    told, connection = followed(
        (0, 0, 0, 7, 100, ACK), (1, 1, 7, 50, 0, ACK), (1, 2, 7, 50, 0, ACK), (1, 3, 7, 50, 0, RST), window=0
    )
    assert (told.reverse.duplicate_acknowledgements, told.reverse.zero_windows, told.reverse.resets) == (1, 2, 1)
    assert connection.ended()


def test_a_jump_is_no_step() -> None:
    told, _ = followed((0, 0, 0, 0, 9, ACK), (0, 1, 1 << 31, 0, 9, ACK), (0, 2, 0, 0, 9, ACK))
    assert (told.forward.retransmissions, told.forward.out_of_order) == (0, 0)
    assert (distance(2**32 - 1, 1), distance(1, 2**32 - 1)) == (2, -2)
