"""Asks NVML in its child process, and gives up on it in time.

A sample waits a moment for the answer. A child that owes one for longer hangs in the driver (opening.py says how long
while NVML starts): it is killed, and another is started after a pause that doubles, but never before the first is
reaped. The GPU in which it hung is left out for a while, so that the others are seen; NVML is opened again from time to
time to see whether a lost GPU is back.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

from fabricscope.clock import NANOSECONDS, Clock
from probes.sources.nvml import codes, replies
from probes.sources.nvml.avoided import Avoided
from probes.sources.nvml.errors import Hung, NotNow, NvmlError
from probes.sources.nvml.opening import Opening
from probes.sources.nvml.process import Child, ChildEnded
from probes.sources.nvml.replies import Answer, Ask, GpuAnswer, Hello, Xid
from probes.sources.nvml.roster import Gpu, Roster
from probes.sources.nvml.turn import turn
from probes.sources.nvml.wire import OPENING, READY, WireError

HANG_NS = 5 * NANOSECONDS
"""How long a request may take before the child is taken to hang. Driver calls of seconds happen, such as while MIG
instances are made."""
PAUSES_NS = tuple(seconds * NANOSECONDS for seconds in (1, 2, 5, 10, 30, 60))
"""From the end of one child to the start of the next, by how many have failed."""
REOPEN_NS = tuple(seconds * NANOSECONDS for seconds in (30, 60, 120, 300, 600))
"""From a loss of a GPU until NVML is opened again, by how often that was in vain."""
MAX_XIDS = 1024
"""Events that are kept for the next sample; the latest stay."""


class Client:
    """One NVML, for any number of samplers and their threads: their requests take turns."""

    def __init__(
        self,
        start: Callable[[Sequence[int]], Child],
        clock: Clock,
        hang_ns: int = HANG_NS,
        expected: Callable[[], int] = int,
    ) -> None:
        """`start` starts a child that leaves GPUs of these indices alone until it is asked about them.

        `expected` says how many GPUs the host has: the more, the longer a start may take.
        """
        self._start = start
        self._expected = expected
        self._opening = Opening(0, 0)
        self._clock = clock
        self._hang_ns = hang_ns
        self._lock = threading.Lock()
        self._child: Child | None = None
        self._ending: Child | None = None
        """The last child, until it is reaped."""
        self._hello: Hello | None = None
        self._owes_since: int | None = None
        """When the request was made that the child has not answered."""
        self._request = 0
        self._sent: dict[tuple[int, str], tuple[tuple[int, int], ...]] = {}
        """The plans that the child has, by NVML's index and their key."""
        self._failures = 0
        self._failure: NvmlError | None = None
        self._resume_at = 0
        self._roster = Roster()
        self._avoided = Avoided()
        self._reopen_at: int | None = None
        self._reopened = 0
        self._xids: list[tuple[int | None, Xid]] = []
        """Told by the driver, and not yet handed on."""

    @property
    def driver(self) -> str:
        """The driver's version, once NVML is open."""
        return self._hello.driver if self._hello is not None else ""

    def gpus(self, until_ns: int) -> dict[int, Gpu]:
        """Every GPU that was ever seen, by number. Waits until `until_ns` (monotonic) for NVML to start.

        Raises NvmlError.
        """
        with turn(self._lock, until_ns, self._clock, self._busy):
            self._open(until_ns)
            return dict(self._roster.gpus)

    def known(self) -> dict[int, Gpu]:
        """Every GPU that was ever seen, without asking."""
        return dict(self._roster.gpus)

    def ask(self, asks: Mapping[int, Ask], until_ns: int, *, events: bool = False) -> Answer:
        """Ask the GPUs of these numbers; those that are not listed now are not asked. Raises NvmlError."""
        with turn(self._lock, until_ns, self._clock, self._busy):
            self._open(until_ns)
            return self._ask(asks, until_ns, events=events)

    def close(self) -> None:
        """End the child; another `ask` would start one."""
        with self._lock:
            if self._child is not None:
                self._retire(self._child)

    # --- one request

    def _ask(self, asks: Mapping[int, Ask], until_ns: int, *, events: bool) -> Answer:
        now = self._clock().mono
        avoided = self._avoided.now(now)
        listed = {number: gpu for number, gpu in self._roster.gpus.items() if gpu.nvml_index is not None}
        asked = {
            gpu.nvml_index: asks[number]
            for number, gpu in listed.items()
            if number in asks and number not in avoided and gpu.nvml_index is not None and not gpu.code
        }
        unknown = [
            (index, plan)
            for index, ask in asked.items()
            for plan in ask.plans
            if self._sent.get((index, plan.key)) != plan.pairs
        ]
        self._request += 1
        child = self._living()
        try:
            child.send(replies.request(self._request, asked, unknown, events=events), now + self._hang_ns)
        except (TimeoutError, ChildEnded) as error:
            raise self._give_up(str(error)) from error
        self._owes_since = now
        self._sent |= {(index, plan.key): plan.pairs for index, plan in unknown}
        document, raw = self._take(until_ns)
        try:
            found = replies.answers(asked, document, raw)
        except WireError as error:
            raise self._give_up(str(error)) from error
        said = {number: found[gpu.nvml_index] for number, gpu in listed.items() if gpu.nvml_index in found}
        self._look_after(said)
        xids: list[tuple[int | None, Xid]] = []
        if events:
            xids, self._xids = self._xids, []
        return Answer(said, avoided, xids)

    def _look_after(self, said: Mapping[int, GpuAnswer]) -> None:
        """Draw the conclusions from an answer: who is well again, and whether NVML is to be opened again."""
        for number in said:
            self._avoided.remove(number)
        self._failures, self._failure = 0, None
        lost = (
            not self._roster.gpus
            or any(answer.code for answer in said.values())
            or any(gpu.nvml_index is None or gpu.code for gpu in self._roster.gpus.values())
        )
        if not lost:
            self._reopen_at, self._reopened = None, 0
        elif self._reopen_at is None:
            self._reopen_at = self._clock().mono + _step(REOPEN_NS, self._reopened)

    def _take(self, until_ns: int) -> tuple[replies.Reply, bytes]:
        """The reply to the last request; those to earlier ones, that nobody waits for any more, are dropped."""
        while True:
            document, raw = self._frame(until_ns)
            try:
                reply = replies.reply(document)
            except WireError as error:
                raise self._give_up(str(error)) from error
            # The driver tells of an event once, even in a reply that nobody waits for any more.
            self._xids += [(self._roster.number(row[0]), Xid(*row)) for row in reply.events]
            del self._xids[:-MAX_XIDS]
            if reply.id == self._request:
                self._owes_since = None
                if reply.error:
                    raise self._give_up(reply.error)
                return reply, raw

    def _frame(self, until_ns: int) -> tuple[bytes, bytes]:
        """The next frame. Raises NotNow when there is none by then, and Hung when the child has had its time."""
        child = self._living()
        while True:
            again = until_ns if self._hello is not None else self._opening.look(child.place(), self._clock().mono)
            try:
                frame = child.receive(min(until_ns, again))
            except (ChildEnded, WireError) as error:
                raise self._give_up(f"the NVML child process ended: {error}") from error
            if frame is not None:
                return frame
            now = self._clock().mono
            if self._hello is None:
                self._check_opening(child, now)
            elif self._owes_since is not None and now >= self._owes_since + self._hang_ns:
                raise self._hang(child, self._hang_ns)
            if now >= until_ns:
                raise self._busy("NVML is starting" if self._hello is None else "NVML is busy with the last request")

    def _check_opening(self, child: Child, now_ns: int) -> None:
        """Raise Hung for a start of NVML that is late; that is remembered until NVML has opened."""
        self._opening.look(child.place(), now_ns)
        if self._opening.over(now_ns):
            raise self._hang(child, self._opening.limit_ns)
        if self._opening.late(now_ns):
            self._failure = self._hung(self._opening.gpu, self._opening.late_ns)
            raise self._failure

    def _busy(self, why: str) -> NvmlError:
        """What there is to say while it is waited for: that it hung, if that is the last thing that is known."""
        failure = self._failure
        return failure if self._hello is None and isinstance(failure, Hung) else NotNow(why)

    # --- the child's life

    def _open(self, until_ns: int) -> None:
        """Have a child that is ready for a request."""
        now = self._clock().mono
        if self._child is not None and self._hello is not None and self._owes_since is not None:
            self._take(until_ns)
        if self._child is not None and self._reopen_at is not None and now >= self._reopen_at:
            self._reopen_at, self._reopened = None, self._reopened + 1
            self._retire(self._child)
        if self._child is None:
            self._begin(now, until_ns)
        if self._hello is None:
            self._greet(until_ns)

    def _begin(self, now: int, until_ns: int) -> None:
        """Start a child, if the last one is gone and has been for long enough."""
        if self._ending is not None:
            if not self._ending.gone(until_ns):
                raise self._failure or NotNow("the last NVML child process has not ended yet")
            self._ending = None
        if now < self._resume_at and self._failure is not None:
            raise self._failure
        try:
            self._child = self._start([self._roster.index(number) for number in self._avoided.all()])
        except OSError as error:
            raise self._give_up(f"the NVML child process cannot be started: {error}") from error
        self._hello, self._owes_since = None, self._clock().mono
        self._opening = Opening(self._owes_since, self._expected())
        self._sent.clear()

    def _greet(self, until_ns: int) -> None:
        """Hear how NVML opened."""
        document, _ = self._frame(until_ns)
        try:
            hello = replies.hello(document)
        except WireError as error:
            raise self._give_up(str(error)) from error
        if hello.code:
            reason = hello.error or f"{codes.name(hello.code)}"
            hint = codes.HINTS.get(hello.code)
            raise self._give_up(f"NVML does not start: {reason}" + (f"; {hint}" if hint else ""))
        self._hello, self._owes_since = hello, None
        self._roster.update(hello.gpus)

    def _hang(self, child: Child, limit: int) -> Hung:
        place = child.place()
        failure = self._hung(None if place in (READY, OPENING) else place, limit)
        if failure.number is not None:
            self._avoided.add(failure.number, self._clock().mono)
        self._end(failure)
        return failure

    def _hung(self, index: int | None, limit: int) -> Hung:
        """That a call does not return, about the GPU with NVML's index `index` if it is one."""
        known = None if index is None else self._roster.number(index)
        number = index if known is None else known
        where = "" if number is None else f" in a call about GPU {number}"
        opening = "NVML does not open: " if self._hello is None else ""
        return Hung(f"{opening}the NVIDIA driver has not answered for {limit / NANOSECONDS:g} s{where}", number)

    def _give_up(self, reason: str) -> NvmlError:
        failure = NvmlError(reason)
        self._end(failure)
        return failure

    def _end(self, failure: NvmlError) -> None:
        """Kill the child, and remember why until another has answered."""
        if self._child is not None:
            self._child.kill()
            self._ending = self._child
        self._child, self._hello, self._owes_since = None, None, None
        self._failure = failure
        self._resume_at = self._clock().mono + _step(PAUSES_NS, self._failures)
        self._failures += 1

    def _retire(self, child: Child) -> None:
        """Let a child end that owes nothing; one that hangs in its last call is killed."""
        if self._owes_since is None:
            child.release()
        else:
            child.kill()
        self._ending, self._child, self._hello, self._owes_since = child, None, None, None

    def _living(self) -> Child:
        if self._child is None:
            raise self._failure or NotNow("NVML is not open")
        return self._child


def _step(steps: tuple[int, ...], times: int) -> int:
    return steps[min(times, len(steps) - 1)]
