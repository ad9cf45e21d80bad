from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fabricscope.settings import SettingsError
from probes.health.language.checks import Happened
from probes.health.language.mentions import in_force, mentions, misfits, problems
from probes.health.language.rule_files import SHIPPED, shipped
from probes.samplers.kernel.rules import RULES as KERNEL_RULES
from tests.probes.health.host import produced_kinds, specs
from tests.probes.health.made import rule


def test_every_metric_and_label_of_a_shipped_rule_is_some_samplers() -> None:
    assert problems(shipped(), specs().values()) == []


def test_every_event_of_a_shipped_rule_is_produced_somewhere() -> None:
    source = "\n".join(path.read_text("utf-8") for path in SHIPPED.parent.parent.rglob("*.py"))
    produced = {*produced_kinds(), *(row.kind for row in KERNEL_RULES)}
    for each in shipped():
        if isinstance(each.check, Happened):
            for kind in (*each.check.events, *each.check.ended_by):
                word = kind.partition(".")[2]
                # A kind that is put together from the state's word, such as gpu.lost.
                assembled = kind.startswith("gpu.") and f'"{word}"' in source and 'f"gpu.{' in source
                assert kind in produced or f'"{kind}"' in source or assembled, (each.name, kind)


def test_things_are_made_by_what_is_measured_and_not_by_what_only_names_them() -> None:
    for each in shipped():
        for mention in mentions(each):
            assert not mention.source.metric.endswith("_info") or not mention.primary, each.name


def found(check: dict[str, Any], **more: Any) -> list[str]:
    return problems([rule(check=check, **more)], specs().values())


def test_metrics_that_no_sampler_has_are_told_with_the_nearest() -> None:
    value = {"kind": "value", "of": "fabricscope_ethernet_upp", "below": 1}
    assert found(value) == [
        "rule a-rule: 'fabricscope_ethernet_upp' is not a known metric; did you mean 'fabricscope_ethernet_up'?"
    ]
    value = {"kind": "value", "of": "fabricscope_ethernet_up", "below": 1}
    assert found(value, by=["device", "slot"]) == [
        "rule a-rule: fabricscope_ethernet_up has no label 'slot'; it has device"
    ]
    assert found(value, where={"any": [{"metric": "nobody_has_this"}]}) != []
    alike = {"metric": "fabricscope_ethernet_info", "by": ["modle"]}
    assert "has no label 'modle'" in found({"kind": "peers", "of": "fabricscope_ethernet_up", "alike": alike})[0]


@pytest.mark.parametrize(
    ("check", "complaint"),
    [
        (
            {"kind": "increase", "of": "fabricscope_ethernet_up", "window": "5m", "above": 1},
            "fabricscope_ethernet_up is a gauge; ask for its value",
        ),
        (
            {
                "kind": "value",
                "of": {"metric": "fabricscope_ethernet_receive_errors_total", "over": "max", "window": "5m"},
                "above": 1,
            },
            "fabricscope_ethernet_receive_errors_total is a counter; ask for its increase or rate",
        ),
        (
            {"kind": "value", "of": "fabricscope_ethernet_receive_errors_total", "above": 1},
            "fabricscope_ethernet_receive_errors_total is a counter; ask for its increase or rate",
        ),
    ],
)
def test_a_counter_is_no_gauge(check: dict[str, Any], complaint: str) -> None:
    assert misfits([rule(check=check)], specs().values()) == [("a-rule", complaint)]


def test_no_shipped_rule_asks_a_counter_for_its_value() -> None:
    assert misfits(shipped(), specs().values()) == []


def test_what_does_not_fit_is_an_error_and_what_is_unknown_a_doubt(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("rules: {gpu-lost: {check: {of: fabricscope_gpu_upp}}}")
    asked, doubts = in_force([file], list(specs().values()))
    assert len(asked) == len(shipped())
    assert doubts == ["rule gpu-lost: 'fabricscope_gpu_upp' is not a known metric; did you mean 'fabricscope_gpu_up'?"]
    file.write_text("rules: {gpu-lost: {check: {of: fabricscope_gpu_pcie_replays_total}}}")
    with pytest.raises(
        SettingsError, match=r"mine\.yaml: rule gpu-lost: .* is a counter; ask for its increase or rate"
    ):
        in_force([file], list(specs().values()))
    assert in_force([file])[1] == []
