"""From a line of the kernel's log to what it says, by the rules' table. Pure.

A line may come from a device or a program that means ill: it is cut before anything is matched, a rule's pattern is
tried only on lines that have the rule's markers, and every repetition in a pattern has a bound.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from fabricscope.model import Severity
from probes.sources.nvidia_errors import Meaning, Words

MAX_LINE = 1024
"""Characters of a line that are looked at; what drivers write is shorter."""
MAX_SHOWN = 500
"""Characters of a line that an event carries."""

ADDRESS = r"[0-9a-fA-F]{4,8}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}(?:\.[0-7])?"
"""A PCI address; NVIDIA's drivers leave the function out, or write the domain with eight digits."""
DEVICE = r"[^\s:/()]{1,15}"
"""The name of a network interface."""

DRIVER = r"(?<![a-z0-9_-])[a-z0-9_-]{2,32}"
"""The name of a driver; looked for once a word, not at each of its letters."""

_OWNER = re.compile(rf"(?P<driver>{DRIVER}) (?P<address>{ADDRESS})(?: (?P<device>{DEVICE}))?: ")
"""How dev_err() and netdev_err() begin."""
_RDMA = re.compile(r"\binfiniband (?P<device>[^\s:/]{1,63}): ")
_NOT_SHOWN = frozenset({"address", "device", "requester"})


class Rule(NamedTuple):
    """One kind of line."""

    kind: str
    """Of the event."""
    severity: Severity
    what: str
    """What happened, for a person; `{name}` stands for the attribute of that name."""
    action: str
    """The next step, for a person; empty when there is none."""
    markers: Sequence[str]
    """Texts that a line of this kind has, all of them."""
    pattern: re.Pattern[str]
    """Searched for. The groups `address`, `device`, `driver` and `requester` say whose it is, others are attributes."""
    words: Words = ()
    numbers: Mapping[int, Meaning] | None = None
    """What the group `number` stands for: it decides name, severity and action."""
    unknown: Meaning | None = None
    """What a number that is not among `numbers` stands for."""
    joins: bool = False
    """Whether it is no event by itself, but more about the last one of its kind and device."""

    @property
    def severities(self) -> set[Severity]:
        """Every severity that a line of this kind can have."""
        meanings = [*(self.numbers or {}).values(), *([self.unknown] if self.unknown else [])]
        words = [severity for _, severity in (*self.words, *(pair for meaning in meanings for pair in meaning.words))]
        return {*words, *((meaning.severity for meaning in meanings) if meanings else (self.severity,))}


class Finding(NamedTuple):
    """What a line says."""

    kind: str
    severity: Severity
    message: str
    subject: dict[str, str]
    """`address`, `device`; empty for the host as a whole."""
    attributes: dict[str, str]
    joins: bool


class Classifier:
    """Finds the rule for a line. The first of `rules` that fits is taken."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        # Most lines fit none: what is asked of each line is one search for a text, without a look into the rule.
        self._rows = [(rule.markers[0], rule) for rule in rules]

    def classify(self, line: str, named: str = "") -> Finding | None:
        """What the line says; None for a line that no rule fits.

        `named` is the device that the record itself names, as in `DEVICE=+pci:0000:17:00.0`.
        """
        line = line[:MAX_LINE]
        for marker, rule in self._rows:
            if (
                marker in line
                and all(other in line for other in rule.markers)
                and (found := rule.pattern.search(line)) is not None
            ):
                return _finding(rule, found, line, named)
        return None


def normal_address(address: str) -> str:
    """A PCI address as sysfs writes it: `00000000:19:00` is `0000:19:00.0`."""
    address = address.lower()
    if len(address.partition(":")[0]) == 8 and address.startswith("0000"):
        address = address[4:]
    return address if "." in address else f"{address}.0"


def requester(identifier: str, port: str) -> str:
    """The address of a PCIe requester id (`00e8`: bus and function), in the domain of the port that reports it."""
    number = int(identifier, 16)
    domain = port.partition(":")[0] or "0000"
    return f"{domain}:{number >> 8:02x}:{number >> 3 & 0x1F:02x}.{number & 7}"


def _finding(rule: Rule, found: re.Match[str], line: str, named: str) -> Finding:
    groups = {name: value.strip() for name, value in found.groupdict().items() if value}
    groups = _owner(line, named) | groups
    if "address" in groups:
        groups["address"] = normal_address(groups["address"])
    if "requester" in groups:
        groups |= {"port": groups.get("address", "")}
        groups["address"] = requester(groups["requester"], groups["port"])
    severity, action, words = rule.severity, rule.action, rule.words
    meaning = (rule.numbers or {}).get(int(groups["number"]), rule.unknown) if "number" in groups else None
    if meaning is not None:
        severity, action, words = meaning.severity, meaning.action, meaning.words
        groups["name"] = meaning.name
    severity = next((of_word for word, of_word in words if word in line), severity)
    subject = {name: groups[name] for name in ("address", "device") if groups.get(name)}
    attributes = {name: value for name, value in groups.items() if name not in _NOT_SHOWN and value}
    message = f"{_place(subject, attributes)}: {rule.what.format_map(_Blanks(attributes)).strip()}"
    attributes["text"] = line[:MAX_SHOWN]
    if action:
        attributes["action"] = action
        message += f"; {action}"
    return Finding(rule.kind, severity, message, subject, attributes, rule.joins)


def _owner(line: str, named: str) -> dict[str, str]:
    """Driver, address and device that the line begins with, or else those that the record names."""
    found = _OWNER.search(line) or _RDMA.search(line)
    if found:
        return {name: value for name, value in found.groupdict().items() if value}
    if named.startswith("+pci:") and re.fullmatch(ADDRESS, named[5:]):
        return {"address": named[5:]}
    return {}


def _place(subject: Mapping[str, str], attributes: Mapping[str, str]) -> str:
    address, device = subject.get("address", ""), subject.get("device", "")
    if address and device:
        return f"{device} ({address})"
    return address or device or attributes.get("driver") or "kernel"


class _Blanks(dict[str, str]):
    """Nothing for an attribute that the line did not have."""

    def __missing__(self, key: str) -> str:
        return ""


def kinds(rules: Sequence[Rule]) -> Iterator[tuple[str, Severity]]:
    """Every kind of event with each severity that it can have, once and in order."""
    for kind in dict.fromkeys(rule.kind for rule in rules):
        of_kind = {severity for rule in rules if rule.kind == kind and not rule.joins for severity in rule.severities}
        yield from ((kind, severity) for severity in sorted(of_kind))
