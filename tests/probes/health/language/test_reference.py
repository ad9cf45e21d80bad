from __future__ import annotations

from probes.health.language.reference import in_words, reference
from probes.health.language.rule_files import shipped


def test_every_shipped_rule_is_in_the_reference() -> None:
    page = reference()
    for rule in shipped():
        assert f"## {rule.name}\n" in page
        assert f"| [`{rule.name}`](#{rule.name}) | {rule.severity} |" in page
    assert page.endswith("\n")


def test_checks_in_words() -> None:
    words = {rule.name: in_words(rule) for rule in shipped()}
    assert words["gpu-lost"] == "fabricscope_gpu_up is below 1"
    assert words["ib-port-flapping"] == (
        "flaps by fabricscope_infiniband_port_link_downed_total within 15m are above 2 (critical: 9)"
    )
    assert "a second over 10m is above 1e-12 x fabricscope_pcie_link_width_lanes x" in words["pcie-correctable-errors"]
    assert "(1e+12 at least) is above 1e-12 (critical: 1e-08)" in words["ethernet-bit-errors"]
    assert "a line through 14d of" in words["optics-receive-power-drifting"]
    assert "below 0.99 x the majority of its peers of the same board_id" in words["ib-port-slower-than-peers"]
    assert "of severity critical within 1h" in words["gpu-xid"]
    assert "stands at its ceiling" in words["counters-saturated"]
