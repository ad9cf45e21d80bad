"""The verdict in words: label, evidence, alternatives, fields."""

from __future__ import annotations

from fabricscope.flow import Classification
from probes.engine.flows.single import single
from probes.engine.rules.inspection import Inspection, Match
from probes.engine.rules.matching import Asked, looked_at
from probes.engine.rules.program import Test

BY_PORT = single(0.2)
"""What is listed of a rule that has nothing but its port."""
MAX_EVIDENCE = 8
MAX_ALTERNATIVES = 8
SHOWN = 24
"""Octets of a match that are shown."""
_ESCAPED = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0"}


def conclude(asked: Asked, inspection: Inspection) -> Classification:
    """What the flow is, as far as it was looked at."""
    winner = asked.winner(inspection)
    if winner is None:
        others = _alternatives(asked, inspection, None, "")
        return Classification("", "", 0.0, [], inspection.packets, others, [])
    rule = asked.rule(winner)
    return Classification(
        rule.label,
        rule.name,
        winner.confidence,
        _evidence(asked, inspection, winner),
        inspection.packets,
        _alternatives(asked, inspection, winner, rule.label),
        asked.extracted(asked.alternative(winner).rule, inspection, swapped=winner.swapped),
    )


def _alternatives(asked: Asked, inspection: Inspection, winner: Match | None, label: str) -> list[tuple[str, float]]:
    found: dict[str, float] = {}
    for other in asked.ranked(inspection.matches):
        found.setdefault(asked.rule(other).label, other.confidence)
    if winner is None:
        for number in asked.program.on_ports:
            rule = asked.programs.rules[number]
            if not rule.refines and rule.hinted(asked.facts):
                found.setdefault(rule.label, BY_PORT)
    found.pop(label, None)
    return list(found.items())[:MAX_ALTERNATIVES]


def _evidence(asked: Asked, inspection: Inspection, winner: Match) -> list[str]:
    """What the winner was seen by, then what it refines."""
    ancestors = asked.rule(winner).ancestors
    refined = [
        found
        for found in inspection.matches
        if found.swapped == winner.swapped and asked.alternative(found).rule in ancestors
    ]
    lines = ["the destination opened the flow"] if winner.swapped else []
    for found in (winner, *refined):
        lines += _lines(asked, inspection, found, ports=found == winner)
    return lines[:MAX_EVIDENCE]


def _lines(asked: Asked, inspection: Inspection, found: Match, *, ports: bool) -> list[str]:
    alternative, rule = asked.alternative(found), asked.rule(found)
    seen = (_seen(asked, inspection, test, swapped=found.swapped) for test in alternative.tests)
    lines = [line for line in seen if line is not None]
    if lines and alternative.name:
        lines[0] = f"{alternative.name}: {lines[0]}"
    if rule.fields:
        named = {name for name, _ in rule.fields}
        fields = asked.extracted(alternative.rule, inspection, swapped=found.swapped)
        lines += [f"{name} is {_quoted(value[:80])}" for name, value in fields if name in named]
    if not lines:
        lines.append(_carried(asked))
    if ports and rule.hinted(asked.facts):
        lines.append(f"ports {asked.facts.source_port} and {asked.facts.destination_port}")
    return lines


def _carried(asked: Asked) -> str:
    """For a rule that asks nothing of the payload."""
    kind, _, number = asked.facts.carrier().partition("/")
    match kind:
        case "ip":
            return f"IP protocol {number}"
        case "ether":
            return f"EtherType 0x{int(number):04x}"
        case "rdma":
            return "RDMA"
    return "what it refines"


def _seen(asked: Asked, inspection: Inspection, test: Test, *, swapped: bool) -> str | None:
    """One test's evidence: on which side, which pattern, where, and its octets; then the expressions that held."""
    checks = "; ".join(check.text for check in test.checks)
    for side in looked_at(test, inspection, swapped=swapped):
        index = asked.shows(test, side)
        if index is None:
            continue
        message = side.message(index)
        if message is None:
            return None
        line = "client" if (side is inspection.sides[0]) != swapped else "server"
        if test.side == "both":
            line = "both"
        for number in test.patterns:
            pattern = asked.program.patterns.all[number]
            place = pattern.find(message.octets)
            if place is not None:
                octets = message.octets[place[0] : place[1]]
                line += f" matches {pattern.text} at {place[0]}: {shown(octets)}"
                return f"{line}; {checks}" if checks else line
        if checks:
            line += f" has {checks}"
        return f"{line}, beginning {shown(message.octets[:SHOWN])}"
    # It was so when the rule matched, and the stream has gone on since.
    where = "either side" if test.side == "either" else test.side
    return f"{where} had {checks}" if checks else None


def shown(octets: bytes) -> str:
    """Octets as hexadecimal numbers and as text."""
    some = octets[:SHOWN]
    text = "".join(chr(octet) if 0x20 <= octet <= 0x7E else "." for octet in some)
    return f"{some.hex()}{'...' if len(some) < len(octets) else ''} |{text}|"


def _quoted(text: str) -> str:
    """With what could not be read made visible."""
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    if character in _ESCAPED:
        return _ESCAPED[character]
    return character if character.isprintable() else f"\\u{{{ord(character):x}}}"
