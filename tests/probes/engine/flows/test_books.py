from __future__ import annotations

from fabricscope.books import Count, decode_books
from probes.engine.flows.books import Books, Outbox
from probes.engine.rdma.connection import NO_WAY
from tests.probes.engine.frames import ethernet
from tests.probes.engine.packets.made import decoded
from tests.probes.engine.rdma.made import records


def test_ether_types_are_counted_up_to_a_bound() -> None:
    books = Books()
    for ether_type in range(0x9000, 0x9000 + 300):
        if ether_type not in (0x9100, 0x9200):
            books.ethernet(decoded(ethernet(ether_type, b"x")))
    told = decode_books(books.packed())
    assert (len(told.ether_types), told.ether_types[0x9000]) == (257, Count(1, 15))
    assert told.ether_types[-1].packets + 256 == 299


def test_a_record_that_nobody_takes_is_dropped_and_counted() -> None:
    outbox = Outbox(1)
    record = records()[0]
    outbox.tell(record)
    assert outbox.is_full()
    outbox.tell(record)
    told = decode_books(outbox.books.packed())
    assert (told.records_dropped, told.dropped.packets) == (1, record.forward.packets + record.reverse.packets)
    assert sum(told.flows.told) == 2
    assert NO_WAY.packets == 0
