from __future__ import annotations

from typing import Any

import pytest

from probes.flows.language.policy import Asked, Outcome, Policy, Then, When, apply, network, span


def asked(**values: Any) -> Asked:
    plain: dict[str, Any] = {
        "label": "dns",
        "rule": "dns-udp",
        "confidence": 0.9,
        "behaviour": "mouse",
        "source": bytes([10, 0, 0, 1]),
        "destination": bytes([192, 168, 0, 1]),
        "ports": (40000, 53),
        "vlan": 7,
        "features": {"octets": 10.0},
    }
    return Asked(**plain | values)


@pytest.mark.parametrize(
    ("when", "fits"),
    [
        (When(), True),
        (When(label=("dns", "ntp")), True),
        (When(label=("ntp",)), False),
        (When(label=("",)), False),
        (When(rule=("dns-udp",), behaviour=("mouse",)), True),
        (When(behaviour=("scan",)), False),
        (When(confidence=0.95), False),
        (When(hosts=("192.168.0.0/16",)), True),
        (When(source=("192.168.0.0/16",)), False),
        (When(destination=("192.168.0.0/16", "fd00::/8")), True),
        (When(ports=("50-60",)), True),
        (When(ports=("54",)), False),
        (When(vlan=("1-7",)), True),
        (When(vlan=("8",)), False),
        (When(features=("octets < 100",)), True),
        (When(features=("octets > 100",)), False),
        (When(features=("rate > 0",)), False),
    ],
)
def test_when(when: When, fits: bool) -> None:
    outcome = apply([Policy(name="p", when=when, then=Then(event="info"))], asked())
    assert (outcome.event == "info") is fits


def test_the_first_word_counts() -> None:
    first = Policy(name="first", then=Then(sampling=10, export=False), goes_on=True)
    second = Policy(name="second", then=Then(sampling=5, keep=True, label="x", priority="high"))
    third = Policy(name="third", then=Then(event="critical"))
    assert apply([first, second, third], asked()) == Outcome(
        policies=["first", "second"], label="x", priority="high", sampling=10, keep=True, export=False
    )


def test_addresses_that_are_no_ip_are_in_no_network() -> None:
    policy = Policy(name="p", when=When(hosts=("0.0.0.0/0",)), then=Then(keep=True))
    assert not apply([policy], asked(source=bytes(6), destination=bytes(2))).keep


def test_networks_and_spans() -> None:
    assert str(network("fd00::/8")) == "fd00::/8"
    assert list(span("5-7")) == [5, 6, 7]
    for wrong in ("7-5", "65536"):
        with pytest.raises(ValueError, match="ranges go"):
            span(wrong)
