"""Messages out of the packets of a stream, some of which were passed over."""

from __future__ import annotations

from probes.engine.rdma.gaps import Behind, Gap, Gaps
from probes.engine.rdma.headers import MASK, Position, add, ahead
from probes.engine.rdma.messages import Open, Piece, Sizes

_BOUNDARY: Behind = "boundary"
_INSIDE: Behind = "inside"


class Assembly:
    """The message that goes on at the end of a stream."""

    def __init__(self) -> None:
        self._open: Open | None = None
        self._doubtful = False
        """`_open` went on behind the newest gap, so that it may be another message than is supposed."""

    def interrupt(self) -> None:
        """Nothing goes on."""
        self._open = None
        self._doubtful = False

    def settled(self) -> None:
        """No gap is open any more: what is supposed stands."""
        self._doubtful = False

    def pass_over(self, first: int, behind: Behind) -> Open:
        """A gap begins: the message that goes on, or is supposed to begin there."""
        message = self._open or Open(first)
        if behind == "inside":
            self._open = message
            self._doubtful = True
        return message

    def arrive(self, piece: Piece, gaps: Gaps, sizes: Sizes) -> None:
        """A packet at the end of the stream."""
        position = piece.place(self._open is not None and self._open.seen)
        if position is Position.MIDDLE:
            self._open = Open(piece.psn, None, True) if self._open is None else self._open._replace(seen=True)
            return
        before, self._open = self._open, None
        if position is Position.FIRST:
            self._open = Open(piece.psn, piece.length, True)
        elif position is Position.LAST:
            self._last(before or Open(piece.psn), piece, gaps, sizes)
        elif position is Position.ONLY:
            sizes.add(piece.payload if piece.length is None else piece.length)
        self._doubtful = False

    def _last(self, message: Open, piece: Piece, gaps: Gaps, sizes: Sizes) -> None:
        if self._doubtful and gaps.all and gaps.all[-1].behind == "inside":
            gap = gaps.all[-1]
            if message.end(piece.mtu) != add(piece.psn, 1):
                gaps.all[-1] = gap._replace(behind=(piece.psn, piece.payload))
                return
            # Nothing ended in the gap: the length that its begin told fits.
            gaps.all[-1] = gap._replace(behind="boundary", message=gap.message._replace(seen=False))
        end(message, piece.psn, piece.payload, piece.mtu, sizes)

    def fill(self, gap: Gap, newest: bool, piece: Piece, sizes: Sizes) -> list[Gap]:
        """A packet came that had been passed over. What is left of its gap before and behind it."""
        offset = ahead(gap.first, piece.psn)
        left = max(0, gap.width - offset)
        # A READ request takes numbers that nothing else will come for.
        taken = min(max(piece.span, 1), max(left, 1))
        following = add(piece.psn, taken)
        message, behind = Open(following), _BOUNDARY
        match piece.place(gap.message.seen):
            case Position.FIRST:
                message = Open(piece.psn, piece.length, True)
            case Position.MIDDLE:
                message, behind = gap.message._replace(seen=True), _INSIDE
            case Position.LAST:
                end(gap.message, piece.psn, piece.payload, piece.mtu, sizes)
                behind = _INSIDE
            case Position.ONLY:
                sizes.add(piece.payload if piece.length is None else piece.length)
        before = gap._replace(width=offset, behind=behind)
        rest = gap._replace(first=following, width=max(0, left - taken), message=message)
        if rest.width == 0:
            if isinstance(rest.behind, tuple):
                end(message, *rest.behind, piece.mtu, sizes)
            elif rest.behind == "inside" and newest and self._doubtful:
                self._open = message._replace(seen=True)
                self._doubtful = False
        return [each for each in (before, rest) if each.width > 0]


def end(message: Open, last: int, payload: int, mtu: int, sizes: Sizes) -> None:
    """A message ended. When its own length says that it had ended before, there were two of them."""
    told = message.end(mtu)
    if message.length is not None and told is not None and ahead(told, add(last, 1)) > 0:
        sizes.add(message.length)
    sizes.add(message.size(last, payload, mtu))


def conclude(gap: Gap, mtu: int, sizes: Sizes) -> None:
    """Nothing of that gap will come any more: what ended in it or behind it did."""
    if isinstance(gap.behind, tuple):
        end(gap.message, *gap.behind, mtu, sizes)
    elif gap.behind == "boundary" and gap.message.seen:
        length = gap.message.length
        sizes.add(gap.message.size(add(gap.end(), MASK), mtu, mtu) if length is None else length)
