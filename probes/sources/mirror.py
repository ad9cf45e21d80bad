"""A mirror port: packets of one interface, by capture rings that threads empty into flow meters, one meter a ring.

The rings share the packets by their inner addresses, so that both ways of a conversation meet in one meter
(packet(7), PACKET_FANOUT). Nothing is shared between the threads.
"""

from __future__ import annotations

import errno
import fcntl
import socket
import struct
import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple

from fabricscope.books import Books, decode_books
from fabricscope.clock import Clock
from fabricscope.flow import FlowRecord, decode_records
from probes.engine import Classifier, Meter, Ring
from probes.sources.libpcap import Program

PACKETS = 100_000
"""Packets that a thread reads before it looks whether it is to stop."""
_WAIT_MS = 100
"""How long it waits for one; records of flows that ended are told as late at most."""
_SIOCGIFFLAGS = 0x8913
_IFF_UP = 1
_REST_SECONDS = 0.05
"""What it waits when records have to be taken first, or the interface is down."""


class RingOptions(NamedTuple):
    """How packets are captured."""

    workers: int = 1
    """Rings, each with a thread and a meter."""
    snap: int = 0
    """Octets kept of each packet; 0 for all."""
    promiscuous: bool = True
    outgoing: bool = False
    """Whether packets that this host sends are captured as well."""
    ring_bytes: int = 64 << 20
    """Of each ring."""
    filter: Program | None = None


class RingCounts(NamedTuple):
    """What the rings say of themselves, since they were opened."""

    received: int
    """That passed the filter; those that were dropped included."""
    dropped: int
    """That found no room."""
    filtered: int
    """That the filter left out."""


class MirrorPort:
    """Captures from when it is made until it is closed."""

    def __init__(self, interface: str, options: RingOptions, make_meter: Callable[[], Meter], clock: Clock) -> None:
        """Raises OSError when the interface is not there or may not be captured from."""
        self.interface = interface
        self._clock = clock
        self._rings = _open(interface, options)
        self._meters = [make_meter() for _ in self._rings]
        self._stop = threading.Event()
        self._filtered = 0
        self._trouble: OSError | None = None
        """Why the rings are of no more use."""
        # It belongs to the network namespace in which it was made, as the rings do.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._threads = [
            threading.Thread(target=self._work, args=work, name=f"mirror-{interface}", daemon=True)
            for work in zip(self._rings, self._meters, strict=True)
        ]
        for thread in self._threads:
            thread.start()

    def take(self) -> list[FlowRecord]:
        """Records that were written since this was last asked."""
        return [record for meter in self._meters for record in decode_records(meter.take())]

    def books(self) -> list[Books]:
        """Where every packet went, by meter."""
        return [decode_books(meter.books()) for meter in self._meters]

    def counts(self) -> RingCounts:
        """What the rings say. Raises OSError when the interface is gone, or down."""
        if self._trouble is None and not self._is_up():
            raise OSError(
                errno.ENETDOWN,
                f"{self.interface}: is down; packets come when it is up (`ip link set {self.interface} up`)",
            )
        if self._trouble is not None:
            raise self._trouble
        received = dropped = offered = 0
        for ring in self._rings:
            _, came, lost, _, before, _, _ = ring.counts()
            received += came
            dropped += lost
            # The first ring counts what came before the filter, for all of them.
            offered += before or 0
        # One that came between two counts is filtered next time.
        self._filtered = max(self._filtered, offered - received)
        return RingCounts(received, dropped, self._filtered)

    def _is_up(self) -> bool:
        """Ask the kernel: a ring is told but once that its interface went down (netdevice(7), SIOCGIFFLAGS)."""
        try:
            answer = fcntl.ioctl(self._socket, _SIOCGIFFLAGS, struct.pack("16sH22x", self.interface.encode(), 0))
        except OSError as error:
            reason = f"{self.interface}: is no longer there; it is opened again when it is back"
            self._trouble = OSError(errno.ENODEV, reason) if error.errno == errno.ENODEV else error
            return False
        return bool(struct.unpack_from("16sH", answer)[1] & _IFF_UP)

    @property
    def is_gone(self) -> bool:
        """Whether the rings are of no more use, as when the interface went away: it has to be opened anew."""
        return self._trouble is not None

    @property
    def meters(self) -> Sequence[Meter]:
        """One for each ring."""
        return self._meters

    @property
    def reason(self) -> str:
        """Why; empty when nothing is wrong."""
        return "" if self._trouble is None else self._trouble.strerror or str(self._trouble)

    def set_rules(self, rules: Classifier) -> None:
        """Look for these rules in flows that begin from now on."""
        for meter in self._meters:
            meter.set_rules(rules)

    def close(self) -> list[FlowRecord]:
        """Stop, and give back the rings; the records of all flows that went on."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        for ring in self._rings:
            ring.close()
        self._socket.close()
        left: list[FlowRecord] = []
        for meter in self._meters:
            done = False
            while not done:
                done = meter.finish()
                left += decode_records(meter.take())
        return left

    def _work(self, ring: Ring, meter: Meter) -> None:
        while not self._stop.is_set():
            try:
                if self._read(ring, meter):
                    continue
            except OSError as error:
                if error.errno != errno.ENETDOWN:
                    self._trouble = error
                    return
            # Down, or records have to be taken before there is room for more.
            self._stop.wait(_REST_SECONDS)

    def _read(self, ring: Ring, meter: Meter) -> bool:
        """Read what is there, or wait for it. False when there is something, and no room for its records."""
        if ring.wait(_WAIT_MS):
            return bool(meter.read(ring, PACKETS))
        meter.advance(self._clock().wall)
        return True


def _open(interface: str, options: RingOptions) -> Sequence[Ring]:
    blocks = max(options.ring_bytes >> 20, 2)
    return Ring.open(
        interface,
        options.workers,
        snap=options.snap,
        filter=options.filter,
        promiscuous=options.promiscuous,
        outgoing=options.outgoing,
        block_octets=1 << 20,
        blocks=blocks,
    )
