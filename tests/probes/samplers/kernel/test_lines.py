from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabricscope.codec import decode_events, encode_events
from fabricscope.model import Event, Severity
from probes.samplers.kernel.lines import (
    MAX_LINE,
    MAX_SHOWN,
    Classifier,
    Rule,
    kinds,
    normal_address,
    requester,
)
from probes.samplers.kernel.rules import RULES
from probes.sources.nvidia_errors import Meaning

LINES = Classifier(RULES)


class CountingPattern:
    """A pattern that remembers how long the lines were that it was tried on."""

    def __init__(self, pattern: str) -> None:
        self.pattern = re.compile(pattern)
        self.lengths: list[int] = []

    def search(self, line: str) -> re.Match[str] | None:
        self.lengths.append(len(line))
        return self.pattern.search(line)


def rule(pattern: object, *markers: str, **more: object) -> Rule:
    fields: dict[str, object] = {"kind": "kernel.test", "severity": Severity.WARNING, "what": "it {verb}", "action": ""}
    return Rule(**(fields | {"markers": markers or ("",), "pattern": pattern} | more))  # type: ignore[arg-type]


def test_a_line_is_cut_before_anything_is_matched() -> None:
    pattern = CountingPattern("x")
    Classifier([rule(pattern)]).classify("y" * 1_000_000)
    assert pattern.lengths == [MAX_LINE]
    assert Classifier([rule(re.compile("end"))]).classify("y" * MAX_LINE + "end") is None


def test_a_pattern_is_tried_only_on_lines_with_all_its_markers() -> None:
    pattern = CountingPattern("fell")
    lines = Classifier([rule(pattern, "GPU", "bus")])
    assert lines.classify("GPU fell") is None
    assert lines.classify("fell off the bus") is None
    assert pattern.lengths == []
    assert lines.classify("GPU fell off the bus") is not None


def test_the_first_rule_that_fits_is_taken() -> None:
    lines = Classifier([rule(re.compile("fell far")), rule(re.compile("fell"), kind="kernel.second")])
    first, second = lines.classify("it fell far"), lines.classify("it fell")
    assert first is not None
    assert second is not None
    assert (first.kind, second.kind) == ("kernel.test", "kernel.second")


def test_words_decide_the_severity() -> None:
    lines = Classifier([rule(re.compile("link"), words=(("badly", Severity.CRITICAL), ("well", Severity.INFO)))])
    said = [lines.classify(f"link {word}") for word in ("badly, well", "well", "so so")]
    assert [finding and finding.severity for finding in said] == [Severity.CRITICAL, Severity.INFO, Severity.WARNING]


def test_numbers_decide_name_severity_and_action() -> None:
    known = {7: Meaning("seven", Severity.CRITICAL, "run", (("soft", Severity.INFO),))}
    pattern = re.compile("error (?P<number>[0-9]{1,3})")
    lines = Classifier([rule(pattern, numbers=known, what="{name}", unknown=Meaning("?", Severity.INFO, "look"))])
    hard, soft, other = (lines.classify(f"error {text}") for text in ("7", "7 soft", "8"))
    assert hard is not None
    assert (hard.severity, hard.message, hard.attributes["action"]) == (Severity.CRITICAL, "kernel: seven; run", "run")
    assert soft is not None
    assert soft.severity is Severity.INFO
    assert other is not None
    assert (other.severity, other.attributes["name"]) == (Severity.INFO, "?")


def test_the_device_that_a_line_begins_with() -> None:
    lines = Classifier([rule(re.compile("(?P<verb>broke)"))])
    for head, place in (
        ("mlx5_core 0000:C1:00.1 ens9f1np1: it ", "ens9f1np1 (0000:c1:00.1): it broke"),
        ("pcieport 0000:c1:00.1: it ", "0000:c1:00.1: it broke"),
        ("infiniband mlx5_3: it ", "mlx5_3: it broke"),
        ("it ", "kernel: it broke"),
    ):
        finding = lines.classify(f"{head}broke")
        assert finding is not None
        assert finding.message == place


def test_the_device_that_the_record_names_when_its_line_does_not() -> None:
    lines = Classifier([rule(re.compile("broke"))])
    for named, subject in (
        ("+pci:0000:17:00.0", {"address": "0000:17:00.0"}),
        ("n8", {}),
        ("+pci:nonsense", {}),
    ):
        finding = lines.classify("it broke", named)
        assert finding is not None
        assert finding.subject == subject
    other = lines.classify("nvme 0000:02:00.0: it broke", "+pci:0000:17:00.0")
    assert other is not None
    assert other.subject == {"address": "0000:02:00.0"}


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("0000:19:00", "0000:19:00.0"),
        ("0000:C1:00.1", "0000:c1:00.1"),
        ("00000000:86:00.0", "0000:86:00.0"),
        ("00000009:01:00", "0009:01:00.0"),
        ("10000:e1:00.0", "10000:e1:00.0"),
    ],
)
def test_addresses_as_sysfs_writes_them(written: str, address: str) -> None:
    assert normal_address(written) == address


def test_a_requester_id_in_the_domain_of_its_port() -> None:
    assert requester("00e8", "0000:00:1d.0") == "0000:00:1d.0"
    assert requester("ffff", "10000:e0:01.0") == "10000:ff:1f.7"
    assert requester("0100", "") == "0000:01:00.0"


def test_every_kind_with_its_severities_once() -> None:
    listed = list(kinds(RULES))
    assert len(listed) == len(set(listed))
    assert ("kernel.xid", Severity.CRITICAL) in listed
    assert ("kernel.link_up", Severity.WARNING) not in listed
    joined = [rule(re.compile("x"), joins=True, severity=Severity.CRITICAL), rule(re.compile("y"))]
    assert list(kinds(joined)) == [("kernel.test", Severity.WARNING)]


MARKERS = sorted({marker for row in RULES for marker in row.markers})
PIECES = st.sampled_from(
    [*MARKERS, "0000:19:00.0", "0000:19:00", "): ", ": ", ", ", "79", "down", "up", "mlx5_core ", "eth0", " link 3 "]
)


@given(st.one_of(st.text(max_size=300), st.lists(st.one_of(PIECES, st.text(max_size=8)), max_size=40).map("".join)))
def test_any_line_gives_nothing_or_an_event_that_every_collector_takes(line: str) -> None:
    finding = LINES.classify(line, line)
    if finding is None:
        return
    assert set(finding.subject) <= {"address", "device"}
    assert len(finding.attributes["text"]) <= MAX_SHOWN
    assert (finding.kind, finding.severity) in set(kinds(RULES)) or finding.joins
    text = line.encode("utf-8", "replace").decode()
    if text == line:
        event = Event(1, 1, finding.kind, finding.severity, finding.message, finding.subject, finding.attributes)
        assert len(decode_events(encode_events([event]).events)) == 1
