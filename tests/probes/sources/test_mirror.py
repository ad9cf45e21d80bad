"""Mirror ports in a network namespace of their own."""

from __future__ import annotations

import errno

import pytest

from fabricscope.clock import system_clock
from fabricscope.flow import FlowRecord
from probes.flows.language.rule_files import Rules
from probes.flows.metering import MeterSettings, make_classifier, make_meter
from probes.sources import libpcap
from probes.sources.mirror import MirrorPort, RingOptions
from tests.fixtures.mirror_net import command
from tests.fixtures.waiting import eventually
from tests.probes.engine.conftest import needs_native
from tests.probes.engine.test_capture import apart, erspan, ethernet, roce, sender
from tests.probes.sources.test_libpcap import need_libpcap

pytestmark = [
    needs_native,
    pytest.mark.needs_root,
    pytest.mark.needs_program("ip", package="iproute2"),
]


def opened(options: RingOptions | None = None, interface: str = "tap", **settings: float) -> MirrorPort:
    rules = make_classifier(Rules())
    meter = MeterSettings(**settings)  # type: ignore[arg-type]
    given = options or RingOptions(ring_bytes=8 << 20)
    return MirrorPort(interface, given, lambda: make_meter(meter, rules), system_clock)


def counted(port: MirrorPort) -> int:
    return sum(books.packets.packets for books in port.books())


def test_workers_share_the_packets_and_both_ways_meet_in_one() -> None:
    def act() -> None:
        port = opened(RingOptions(workers=3, ring_bytes=8 << 20))
        with sender() as wire:
            for number in range(40):
                wire.send(erspan(roce(number, number + 1)))
                wire.send(erspan(roce(number + 1, number)))
            wire.send(ethernet(0x0800, b"\x45"))
        eventually(lambda: counted(port) == 81)
        books = port.books()
        assert port.counts() == (81, 0, 0)
        assert sum(each.counted.packets for each in books) == 80
        assert sum(count.packets for each in books for count in each.undecodable.values()) == 1
        assert all(each.packets.packets for each in books), "every worker has some"
        records = port.close()
        assert sum(record.forward.packets + record.reverse.packets for record in records) == 80

    apart(act)


def test_records_come_while_it_goes_on_without_packets() -> None:
    def act() -> None:
        port = opened(idle_seconds=0.2)
        with sender() as wire:
            wire.send(roce(1, 2))
        records: list[FlowRecord] = []

        def told() -> bool:
            records.extend(port.take())
            return bool(records)

        eventually(told)
        assert records[0].forward.packets == 1
        assert port.close() == []

    apart(act)


def test_what_the_filter_leaves_out_is_counted() -> None:
    need_libpcap()

    def act() -> None:
        program = libpcap.compile_for_interface("src host 10.0.0.1", "tap")
        port = opened(RingOptions(ring_bytes=8 << 20, filter=program))
        with sender() as wire:
            for number in range(1, 5):
                wire.send(roce(number, 9))
        eventually(lambda: counted(port) == 1)
        assert port.counts() == (1, 0, 3)
        port.close()

    apart(act)


def test_it_is_told_when_the_interface_is_down_and_when_it_is_gone() -> None:
    def act() -> None:
        port = opened()
        command("ip", "link", "set", "tap", "down")
        with pytest.raises(OSError, match="tap: is down") as down:
            port.counts()
        assert down.value.errno == errno.ENETDOWN
        assert port.reason == ""
        command("ip", "link", "set", "tap", "up")
        with sender() as wire:
            # The kernel has a link that came up carry packets in its own time.
            eventually(lambda: wire.send(roce(1, 2)) and counted(port))
        received, dropped, filtered = port.counts()
        assert received > 0
        assert (dropped, filtered) == (0, 0)
        command("ip", "link", "del", "wire")
        eventually(lambda: port.is_gone or not port._is_up())
        with pytest.raises(OSError, match="no longer there") as gone:
            port.counts()
        assert gone.value.errno == errno.ENODEV
        assert port.is_gone
        assert len(port.close()) == 1
        with pytest.raises(OSError, match="no such interface"):
            opened()

    apart(act)
