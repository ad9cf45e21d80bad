from __future__ import annotations

from pathlib import Path

import pytest

from fabricscope.model import Severity
from probes.flows.judging import PRIORITIES, QUIET_NS, Judging
from probes.flows.language.rule_files import Rules, load
from tests.fixtures.flows import flow, key
from tests.probes.made import at

RULES = """
behaviours:
  many-peers:
    summary: one talks to many
    confidence: 0.6
    when: [peers_of_source >= 5]
  large:
    summary: much
    confidence: 0.5
    when: [octets > 2 kB]
policies:
  scans:
    when: {behaviour: [many-peers]}
    then: {event: warning, export: false}
  tls:
    when: {label: [tls]}
    then: {label: encrypted, priority: high, sampling: 3}
"""


@pytest.fixture
def rules(tmp_path: Path) -> Rules:
    (tmp_path / "own.yaml").write_text(RULES)
    return load([tmp_path], shipped=False)


def test_a_record_gets_its_behaviour_and_what_policies_say(rules: Rules) -> None:
    (judged,) = Judging(rules, "mirror0").judge([flow().record], at(0)).flows
    assert (judged.behaviour.label, judged.behaviour.rule, judged.behaviour.confidence) == ("large", "large", 0.5)
    assert judged.behaviour.evidence == ["octets > 2 kB (3000)"]
    assert (judged.observer, judged.labels, judged.priority) == ("mirror0", {"policy": "encrypted"}, PRIORITIES["high"])


def test_without_rules_nothing_is_said(rules: Rules) -> None:
    judging = Judging(Rules(), "mirror0")
    (judged,) = judging.judge([flow().record], at(0)).exported
    assert (judged.behaviour.label, judged.labels, judged.priority) == ("", {}, 0)
    judging.change_rules(rules)
    assert judging.judge([flow().record], at(0)).flows[0].behaviour.label == "large"


def test_one_of_n_stands_for_the_others_and_says_so(rules: Rules) -> None:
    judged = Judging(rules, "mirror0").judge([flow().record] * 7, at(0))
    assert len(judged.flows) == 7
    assert [kept.record.sampling for kept in judged.exported] == [3, 3, 3]


def test_what_is_not_exported_is_counted_all_the_same(rules: Rules) -> None:
    scan = [flow(label="", key=key(destination=bytes([10, 0, 9, n]))).record for n in range(6)]
    judged = Judging(rules, "mirror0").judge(scan, at(0))
    assert len(judged.flows) == 6
    assert judged.exported == []


def test_records_of_before_are_looked_at_too(rules: Rules) -> None:
    judging = Judging(rules, "mirror0")
    scan = [flow(label="", key=key(destination=bytes([10, 0, 9, n]))).record for n in range(6)]
    labels = [judging.judge([record], at(0)).flows[0].behaviour.label for record in scan]
    assert labels == ["large"] * 4 + ["many-peers"] * 2


def test_a_policy_tells_of_a_pair_once_in_a_while(rules: Rules) -> None:
    judging = Judging(rules, "mirror0")
    scan = [flow(label="", key=key(destination=bytes([10, 0, 9, n]))).record for n in range(6)]
    told = judging.judge(scan, at(0)).events
    assert len(told) == 6
    assert (told[0].kind, told[0].severity) == ("flow.policy", Severity.WARNING)
    assert told[0].message == "policy scans: many-peers from 10.0.0.1 to 10.0.9.0 port 443"
    assert told[0].subject == {"source": "10.0.0.1", "destination": "10.0.9.0", "observer": "mirror0"}
    assert judging.judge(scan, at(1)).events == []
    assert len(judging.judge(scan, at(1 + QUIET_NS // 1_000_000_000)).events) == 6
