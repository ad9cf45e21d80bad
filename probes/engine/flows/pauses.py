"""Pause frames: 802.3 annex 31B, and 802.1Q by priority."""

from __future__ import annotations

from typing import Any

from probes.engine.packets.packet import Packet

MAX_SENDERS = 256
MAC_CONTROL = 0x8808
PAUSE = 0x0001
PRIORITY_PAUSE = 0x0101
ALL = 8
"""Pause frames without priorities are kept behind the eight priorities."""


class Pause:
    """Pause frames of one sender. Index 0 to 7 is the priority; 8 is the pause that stops all of them."""

    def __init__(self) -> None:
        self.frames = [0] * 9
        """Frames that stop it."""
        self.quanta = [0] * 9
        """For how long in all, in quanta of 512 bit times of the port's speed; a later frame cuts an earlier one
        short, so this is an upper bound."""
        self.resumes = [0] * 9
        """Frames that let it go on (0 quanta)."""

    def observe(self, control: bytes) -> bool:
        """What a MAC control frame says.

        Opcode and quanta, or opcode, a vector of enabled priorities, and eight times quanta. False for what is none of
        both, or too short.
        """
        words = [int.from_bytes(control[at : at + 2]) for at in range(0, min(len(control), 20) - 1, 2)]
        if len(words) >= 2 and words[0] == PAUSE:
            self._add(ALL, words[1])
        elif len(words) >= 10 and words[0] == PRIORITY_PAUSE:
            for priority in range(8):
                if words[1] >> priority & 1:
                    self._add(priority, words[2 + priority])
        else:
            return False
        return True

    def _add(self, priority: int, quanta: int) -> None:
        counts = self.frames if quanta else self.resumes
        counts[priority] += 1
        self.quanta[priority] += quanta

    def tell(self) -> dict[str, list[int]]:
        """As books have it."""
        return {"frames": self.frames, "quanta": self.quanta, "resumes": self.resumes}


class Pauses:
    """Pause frames by sender's Ethernet address, of the first 256 senders."""

    def __init__(self) -> None:
        self._senders: dict[bytes, Pause] = {}
        self._others = Pause()
        self.unknown = 0
        """MAC control frames that are none of both kinds of pause, or too short."""

    def observe(self, packet: Packet) -> None:
        """An Ethernet frame; counted when it is one of MAC control."""
        if packet.network.ether_type != MAC_CONTROL:
            return
        sender = packet.network.source
        pause = self._senders.get(sender)
        if pause is None:
            pause = self._others
            if len(self._senders) < MAX_SENDERS:
                pause = self._senders[sender] = Pause()
        if not pause.observe(packet.payload):
            self.unknown += 1

    def tell(self) -> dict[str, Any]:
        """As a map by address; other senders stand under the empty one."""
        told = {address.hex(":"): pause.tell() for address, pause in sorted(self._senders.items())}
        if any(any(counts) for counts in self._others.tell().values()):
            told[""] = self._others.tell()
        return told
