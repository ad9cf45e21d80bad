from __future__ import annotations

from typing import Any

from fabricscope.books import decode_books
from fabricscope.flow import EndReason, decode_records
from probes.engine.flows.table import sampling
from tests.probes.engine.flows.test_meter import make
from tests.probes.engine.frames import ACK, CLIENT, FIN, MS, SECOND, SERVER, START, SYN, tcp, udp


def seen(told: Any, *packets: tuple[int, bytes]) -> None:
    for time_ns, frame in packets:
        told.observe(START + time_ns, 1, frame, len(frame))


def ends(told: Any) -> list[EndReason]:
    return [record.end_reason for record in decode_records(told.take())]


def test_timeouts_are_found_with_and_without_a_packet(engine: Any) -> None:
    told = make(engine, idle_ns=SECOND, active_ns=3 * SECOND)
    seen(told, *((number * SECOND // 2, udp(CLIENT, SERVER)) for number in range(8)))
    assert ends(told) == [EndReason.ACTIVE]
    told.advance(START + 8 * SECOND)
    assert ends(told) == [EndReason.IDLE]
    seen(told, (9 * SECOND, udp(CLIENT, SERVER)), (20 * SECOND, udp(CLIENT, SERVER)))
    assert ends(told) == [EndReason.IDLE]


def test_a_connection_that_opens_again_is_another_one(engine: Any) -> None:
    told = make(engine)
    close = [(1, tcp(*ends, FIN | ACK, 5, 5)) for ends in ((CLIENT, SERVER), (SERVER, CLIENT))]
    seen(told, (0, tcp(CLIENT, SERVER, SYN, 1, 0)), *close, (2, tcp(CLIENT, SERVER, SYN, 99, 0)))
    assert ends(told) == [EndReason.END_OF_FLOW]
    assert decode_books(told.books()).flows.begun == 2


def test_time_that_is_set_back_far_ends_what_was_before(engine: Any) -> None:
    told = make(engine, idle_ns=SECOND)
    seen(told, (10 * SECOND, udp(CLIENT, SERVER)), (10 * SECOND - MS, udp(CLIENT, SERVER)), (0, udp(CLIENT, SERVER)))
    assert decode_books(told.books()).rewinds == 1
    assert ends(told) == [EndReason.IDLE]


def test_one_packet_makes_room_for_another(engine: Any) -> None:
    told = make(engine, max_flows=1)
    seen(told, (0, udp(CLIENT, SERVER)), (40 * MS, udp(SERVER, (CLIENT[0], 1))))
    books = decode_books(told.books())
    assert books.flows.most == 1
    assert books.counted.packets + books.not_sampled.packets == 2


def test_how_many_are_followed() -> None:
    assert [sampling(1000, count) for count in (0, 750, 751, 900, 999, 2000)] == [1, 1, 2, 4, 256, 256]
    assert sampling(1 << 24, 1 << 24) == 4096
