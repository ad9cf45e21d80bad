"""Reads the counters of many nodes with few starts of perfquery.

One start answers for all ports of a node, from one set of counters: the extended set, and after it the classic one
where the node's agent has no 64-bit error counters. Which sets a node has is known from its first answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

from probes.sources.ib_tools import perfquery
from probes.sources.ib_tools.discover import End
from probes.sources.ib_tools.perfquery import Block, Capabilities, Count, PerfqueryError
from probes.sources.ib_tools.runner import Command, Outcome


class Tools(Protocol):
    """Runs programs: probes/sources/ib_tools/runner.py, or what a test puts there."""

    starts: int
    cpu_us: int
    busy_ns: int

    def allow(self, seconds: float) -> None:
        """Give all following runs together this much time."""

    def run(self, commands: Sequence[Command]) -> list[Outcome]:
        """The outcome of each command."""
        ...

    def close(self) -> None:
        """Give back what is held."""


class Node(NamedTuple):
    """A node to ask, and for which ports."""

    guid: str
    lid: int
    ports: tuple[int, ...]


Ask = Callable[[int, Sequence[int], bool], Command]
"""Makes the command for a LID, its ports, and whether the extended set is wanted."""


class _State:
    """What is known of a node from its earlier answers."""

    __slots__ = ("capabilities", "refuses", "seen", "suspects", "well")

    def __init__(self) -> None:
        self.capabilities: Capabilities | None = None
        self.refuses = False
        """Whether it has no extended set although its mask says so."""
        self.seen: dict[str, None] = {}
        """The counters that it gave so far, in their order."""
        self.suspects: set[int] = set()
        """Ports that did not answer; asked last, since perfquery ends at the first that does not."""
        self.well = False
        """Whether it gave everything the last time."""

    def expected(self) -> list[str]:
        """The counters that each of its ports has; until it answered, those that every agent has."""
        known = self.capabilities
        if known is None or not self.seen:
            return list(perfquery.DATA)
        return [name for name in self.seen if known.has(name, extended=True) or known.has(name, extended=False)]


class Round(NamedTuple):
    """What one round of questions brought."""

    counts: dict[End, dict[str, Count | None]]
    """By port and perfquery's name; None for what should be there and could not be read."""
    failures: dict[str, str]
    """Why a node did not give everything, by GUID."""
    waiting: frozenset[str]
    """Nodes that were not asked, for want of time."""
    worse: bool
    """Whether a node stopped answering, or a link went down by its counter, since the last round."""


class CounterReader:
    """Asks nodes again and again. A node that was left over the last time is asked first."""

    def __init__(self, tools: Tools, ask: Ask) -> None:
        self._tools = tools
        self._ask = ask
        self._states: dict[str, _State] = {}
        self._waiting: frozenset[str] = frozenset()
        self._downed: dict[End, int] = {}

    def read(self, nodes: Sequence[Node]) -> Round:
        """The counters of every port of every node. Raises OSError when nothing can be started."""
        self._states = {node.guid: self._states.get(node.guid) or _State() for node in nodes}
        ordered = sorted(nodes, key=lambda node: (node.guid not in self._waiting, node.guid))
        blocks: dict[End, list[Block]] = {}
        failures = {node.guid: "no LID" for node in ordered if not node.lid}
        waiting: set[str] = set()
        asked = [node for node in ordered if node.lid]
        for extended in (True, False):
            chosen = [node for node in asked if self._wants(node, extended=extended)]
            commands = [self._ask(node.lid, self._order(node), extended) for node in chosen]
            for node, outcome in zip(chosen, self._tools.run(commands), strict=True):
                self._take(node, outcome, blocks, failures, waiting, extended=extended)
            # A port that did not answer once is not asked a second time.
            asked = [_answering(node, blocks, failures) for node in asked]
            asked = [node for node in asked if node.ports]
        counts = {End(node.guid, port): self._counts(node, port, blocks) for node in ordered for port in node.ports}
        worse = self._is_worse(nodes, counts, failures, waiting)
        self._waiting = frozenset(waiting)
        return Round(counts, failures, self._waiting, worse)

    def _wants(self, node: Node, *, extended: bool) -> bool:
        """Whether a set of counters of a node is to be asked for."""
        capabilities = self._states[node.guid].capabilities
        if capabilities is None:
            return extended
        return capabilities.extended if extended else not capabilities.extended_errors

    def _order(self, node: Node) -> list[int]:
        suspects = self._states[node.guid].suspects
        return sorted(node.ports, key=lambda port: (port in suspects, port))

    def _take(
        self,
        node: Node,
        outcome: Outcome,
        blocks: dict[End, list[Block]],
        failures: dict[str, str],
        waiting: set[str],
        *,
        extended: bool,
    ) -> None:
        """Note what an answer says, as far as it goes, and what it lacks."""
        state = self._states[node.guid]
        if not outcome.started:
            waiting.add(node.guid)
            failures[node.guid] = outcome.failure
            return
        try:
            answered = self._answered(node, outcome, extended=extended)
        except PerfqueryError as error:
            failures[node.guid] = str(error)
            return
        for port, block in answered.items():
            state.capabilities = block.capabilities.classic() if state.refuses else block.capabilities
            state.seen |= dict.fromkeys(block.counts)
            blocks.setdefault(End(node.guid, port), []).append(block)
        if not answered and extended and perfquery.refuses_extended(outcome):
            state.refuses, state.capabilities = True, Capabilities(0, 0)
            return
        unanswered = [port for port in self._order(node) if port not in answered]
        state.suspects -= answered.keys()
        if unanswered:
            state.suspects.add(unanswered[0])
            failures[node.guid] = outcome.failure or f"no counters of {len(unanswered)} ports"

    def _answered(self, node: Node, outcome: Outcome, *, extended: bool) -> dict[int, Block]:
        """The blocks of an answer by port. Raises PerfqueryError for one to another question."""
        found = {}
        for block in perfquery.parse(outcome.output):
            if (block.lid, block.extended) != (node.lid, extended) or block.port not in node.ports:
                raise PerfqueryError(f"asked for LID {node.lid}, told of LID {block.lid} port {block.port}")
            found[block.port] = block
        return found

    def _counts(self, node: Node, port: int, blocks: dict[End, list[Block]]) -> dict[str, Count | None]:
        """The counters of a port; 64-bit ones before those of the classic set."""
        counts: dict[str, Count | None] = dict.fromkeys(self._states[node.guid].expected())
        for block in reversed(blocks.get(End(node.guid, port), [])):
            counts |= block.counts
        return counts

    def _is_worse(
        self,
        nodes: Sequence[Node],
        counts: dict[End, dict[str, Count | None]],
        failures: dict[str, str],
        waiting: set[str],
    ) -> bool:
        worse = False
        for node in nodes:
            if node.guid in waiting:
                continue
            state = self._states[node.guid]
            worse = worse or (state.well and node.guid in failures)
            state.well = node.guid not in failures
        downed = {end: count.value for end, count in _downed(counts)}
        worse = worse or any(value > self._downed.get(end, value) for end, value in downed.items())
        self._downed = {end: value for end, value in self._downed.items() if end in counts} | downed
        return worse


def _answering(node: Node, blocks: dict[End, list[Block]], failures: dict[str, str]) -> Node:
    """The node with those of its ports that answered, when anything went wrong."""
    if node.guid not in failures:
        return node
    return node._replace(ports=tuple(port for port in node.ports if End(node.guid, port) in blocks))


def _downed(counts: dict[End, dict[str, Count | None]]) -> Iterator[tuple[End, Count]]:
    for end, row in counts.items():
        count = row.get("LinkDownedCounter")
        if count is not None:
            yield end, count
