"""Frames out of a capture file."""

from __future__ import annotations

from collections.abc import Sequence

from probes.engine.captures import pcap, pcapng
from probes.engine.captures.interface import Interface
from probes.engine.captures.program import Instruction, Program
from probes.engine.captures.stream import CaptureError, Stream
from probes.engine.captures.window import NotYetError, Record, Window

CapturedFrame = tuple[int, int, int, bytes, int | None]
"""ns since 1970, octets on the wire, link type, octets, VLAN tag that the kernel took off (never in a file)."""


class Source:
    """What gives the frames of a file. After an error it is at its end."""

    def __init__(
        self,
        path: str,
        follow: bool = False,
        snap: int = 0,
        filter: Sequence[tuple[int, Sequence[Instruction]]] | None = None,  # noqa: A002 - what it is
    ) -> None:
        """`follow`: wait for more at the end.

        `snap`: octets of each packet that are given at most, 0 for all. `filter`: a program for each link type; where
        programs are given, a link type without one has no packet that passes. Raises OSError, ValueError.
        """
        self._programs: dict[int, Program] = {}
        for link, instructions in filter or ():
            self._programs.setdefault(link, Program(instructions))
        self._stream: Stream | None = Stream(path, follow)
        self._window = Window(self._stream)
        self._format: pcap.Pcap | pcapng.Pcapng | None = None
        self._plain: list[Interface] = []
        self._snap = snap
        self._packets = 0
        self._filtered = 0
        self._ended = False
        self._trouble: CaptureError | OSError | None = None

    def next_frame(self) -> Record | None:
        """The next frame, for a meter. None at the end and when nothing is there yet. Raises what is wrong once."""
        self._open()
        return self._passing(quiet=False)

    def _open(self) -> Stream:
        if self._stream is None:
            raise ValueError("the capture file is closed")
        return self._stream

    def _interfaces(self) -> list[Interface]:
        return self._format.interfaces if isinstance(self._format, pcapng.Pcapng) else self._plain

    def _passing(self, *, quiet: bool) -> Record | None:
        """The next packet that passes the filter."""
        while not self._ended:
            try:
                record = self._record()
            except NotYetError:
                return None
            except (CaptureError, OSError) as error:
                self._ended = True
                self._trouble = error
                if quiet:
                    return None
                raise
            if record is None:
                self._ended = True
                return None
            self._packets += 1
            octets = record.octets
            if self._programs:
                program = self._programs.get(record.link)
                kept = program.run(octets, record.wire_octets) if program else 0
                if kept == 0:
                    self._filtered += 1
                    continue
                octets = octets[:kept]
            if self._snap:
                octets = octets[: self._snap]
            return record if octets is record.octets else record._replace(octets=octets)
        return None

    def _record(self) -> Record | None:
        if self._format is None:
            self._format = self._recognise()
        return self._format.next(self._window)

    def _recognise(self) -> pcap.Pcap | pcapng.Pcapng:
        """Looks at how the capture begins."""
        window = self._window
        left = window.left(4)
        if left == 0:
            raise CaptureError(f"{window.stream.name}: is empty; a capture begins with a header")
        start = window.peek(4)
        if left is None and int.from_bytes(start) == pcapng.SECTION:
            return pcapng.Pcapng()
        if left is not None or pcap.magic(start) is None:
            raise CaptureError(
                f"{window.stream.name}: begins with {window.peek(4).hex(' ')}, which is neither pcap nor pcapng, gzip "
                "or zstd; `editcap -F pcapng` converts other captures"
            )
        window.need("file header", pcap.HEADER)
        try:
            found = pcap.Pcap(window.peek(pcap.HEADER))
        except ValueError as what:
            raise window.damaged(str(what)) from what
        self._plain = [Interface(found.link, found.snap)]
        window.pass_over(pcap.HEADER)
        return found


class CaptureFile(Source):
    """A capture file of any kind that is known here: pcap or pcapng, plain or packed, growing or not.

    `-` is standard input.
    """

    def frames(self, limit: int) -> list[CapturedFrame]:
        """The next frames, `limit` at most; fewer when the file ends or nothing is there yet."""
        self._open()
        taken: list[CapturedFrame] = []
        while len(taken) < limit and (record := self._passing(quiet=True)) is not None:
            taken.append((*record, None))
        if not taken and self._trouble is not None:
            raise self._trouble
        return taken

    def skip(self, limit: int) -> tuple[int, int]:
        """Passes over the next packets, `limit` at most: how many there were, and their captured octets."""
        self._open()
        packets = octets = 0
        while packets < limit and (record := self._passing(quiet=True)) is not None:
            packets += 1
            octets += len(record.octets)
        if packets == 0 and self._trouble is not None:
            raise self._trouble
        return packets, octets

    def position(self) -> tuple[int, int | None]:
        """Octets read of the file, and its size."""
        stream = self._open()
        return stream.taken, stream.size()

    def interfaces(self) -> list[tuple[str, int, int, int | None]]:
        """What the file said of its interfaces so far: name, link type, snap length, dropped."""
        self._open()
        return [(each.name, each.link, each.snap, each.dropped) for each in self._interfaces()]

    def counts(self) -> tuple[int, int, int | None]:
        """Packets, those that the filter kept back, those that the file says were lost."""
        self._open()
        lost = [each.dropped for each in self._interfaces() if each.dropped is not None]
        return self._packets, self._filtered, min(sum(lost), (1 << 64) - 1) if lost else None

    def ended(self) -> bool:
        """Whether nothing more will come."""
        self._open()
        return self._ended

    def close(self) -> None:
        """Nothing more is read."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None
