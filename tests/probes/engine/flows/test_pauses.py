from __future__ import annotations

import struct

from probes.engine.flows.pauses import Pauses
from tests.probes.engine.frames import ethernet
from tests.probes.engine.packets.made import decoded


def control(octets: bytes, sender: int = 1) -> bytes:
    return ethernet(0x8808, octets, sender)


def test_both_kinds_of_pause_by_sender() -> None:
    pauses = Pauses()
    priorities = struct.pack("!HH8H", 0x0101, 0b1001, *[7, 7, 7, 0, 7, 7, 7, 7])
    for frame in (
        control(struct.pack("!HH", 1, 65535)),
        control(struct.pack("!HH", 1, 0)),
        control(priorities, 2),
        control(priorities[:-1], 2),
        control(b"\0\2\0\0"),
        ethernet(0x88CC, b"x"),
    ):
        pauses.observe(decoded(frame))
    told = pauses.tell()
    assert (told["02:00:00:00:00:01"]["quanta"][8], told["02:00:00:00:00:01"]["resumes"][8]) == (65535, 1)
    assert told["02:00:00:00:00:02"]["frames"] == [1, 0, 0, 0, 0, 0, 0, 0, 0]
    assert told["02:00:00:00:00:02"]["resumes"][3] == 1
    assert pauses.unknown == 2


def test_senders_are_bounded() -> None:
    pauses = Pauses()
    for sender in range(300):
        frame = b"\xff" * 6 + struct.pack("!HI", 2, sender) + struct.pack("!HHH", 0x8808, 1, 9)
        pauses.observe(decoded(frame))
    assert len(pauses.tell()) == 257
    assert pauses.tell()[""]["frames"][8] == 44
