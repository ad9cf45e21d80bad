"""Pages behind the alerts for verdicts say what the rule says, as a person can use it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from probes.health.language.checks import KINDS
from probes.health.language.rule import Rule
from probes.health.language.rule_files import shipped
from tools import verdict_pages


def rule(name: str, **changes: Any) -> Rule:
    (found,) = [rule for rule in shipped() if rule.name == name]
    return msgspec.structs.replace(found, **changes)


def page(of: Rule) -> str:
    (text, _) = [text for _, text in verdict_pages.pages([of])]
    return text


def test_commands_have_the_names_of_labels_where_the_thing_belongs() -> None:
    text = page(rule("ib-port-down"))
    assert "`ibstat DEVICE PORT`" in text
    assert "{device}" not in text
    assert "cluster=CLUSTER host=HOST device=DEVICE port=PORT --duration" in text


CONFIRMED = [
    ("ib-port-down", 'fabricscope_infiniband_port_up{host="HOST", device="DEVICE", port="PORT"}'),
    (
        "gpu-throttled-thermal",
        'avg_over_time(fabricscope_gpu_throttled{reason=~"sw_thermal|hw_thermal", host="HOST"',
    ),
    ("ib-link-recoveries", "increase(fabricscope_infiniband_port_link_error_recoveries_total{"),
    ("pfc-storm", 'device="DEVICE", priority="PRIORITY"}[1m])'),
    (
        "ethernet-port-flapping",
        'increase(fabricscope_roce_link_down_events_total{host="HOST", device="DEVICE"}[15m])',
    ),
    ("ib-port-slower-than-peers", 'fabricscope_infiniband_port_rate_bytes_per_second{host="HOST"}\n'),
    ("optics-bias-drifting", 'fabricscope_optics_bias_amperes{host="HOST", device="DEVICE", lane="LANE"}'),
    (
        "counters-saturated",
        'fabricscope_series_quality{quality="saturated", metric=~"fabricscope_infiniband_port_.*"',
    ),
    ("gpu-xid", "-d kind=kernel.xid"),
    ("rdma-out-of-sequence", "rate(fabricscope_infiniband_port_receive_packets_total{"),
]
"""A rule, and what its page asks to confirm it."""


@pytest.mark.parametrize(("name", "query"), CONFIRMED)
def test_each_kind_of_check_is_confirmed_by_what_it_reads(name: str, query: str) -> None:
    confirm = page(rule(name)).split("## Confirm")[1].split("## When it is raised")[0]
    assert query in confirm


def test_every_kind_of_check_is_among_them() -> None:
    assert {type(rule(name).check) for name, _ in CONFIRMED} == set(KINDS.values())


def test_a_page_says_how_urgent_it_is() -> None:
    assert "Severity: critical. Rule" in page(rule("nvlink-down"))
    assert "Severity: warning; critical from a second limit on. Rule" in page(rule("pfc-storm"))
    assert "it does not alert" in page(rule("ecn-heavy"))


def test_a_line_is_short_and_a_command_stays_in_one_piece() -> None:
    for of in shipped():
        outside = [part for number, part in enumerate(page(of).split("```")) if number % 2 == 0]
        for line in "".join(outside).splitlines():
            assert line.count("`") % 2 == 0, line


def test_the_list_is_written_behind_its_marker() -> None:
    marker = "<!-- verdicts: made by `make generate` -->"
    text = verdict_pages.listed(f"# By hand\n\n{marker}\nold\n", [rule("nvlink-errors")])
    assert text.startswith("# By hand\n")
    assert "old" not in text
    assert "| `nvlink-errors` | warning, critical | NVLink has errors. |" in text
    assert verdict_pages.listed(text, [rule("nvlink-errors")]) == text


def test_a_list_without_its_marker_is_an_error_that_says_so() -> None:
    with pytest.raises(ValueError, match="has lost its line"):
        verdict_pages.listed("# By hand\n", [])
