"""What the shipped behaviours and policies make of generated traffic, by the generator's truth."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from fabricscope.flow import Flow, FlowRecord, decode_records
from fabricscope.model import Event
from probes.engine import CaptureFile
from probes.flows.judging import PRIORITIES, Judging
from probes.flows.language.rule_files import load
from probes.flows.metering import MeterSettings, make_classifier, make_meter
from tests.fixtures.roce.capture import Capture
from tests.fixtures.roce.collectives import COLLECTIVES, MS
from tests.fixtures.roce.scenarios import behaviours
from tests.fixtures.roce.sockets import CONVERSATIONS
from tests.probes.engine.conftest import needs_native
from tests.probes.made import at

pytestmark = [needs_native]

Ends = tuple[str, str, int, int]


class Found(NamedTuple):
    flows: list[tuple[str, int, Flow]]
    """What each does, and its period, by the truth; and what it was taken for."""
    events: list[Event]

    def confusion(self) -> Counter[tuple[str, str]]:
        """Flows by what they do and what they were taken for."""
        return Counter((truth, flow.behaviour.label) for truth, _, flow in self.flows)

    def wrong(self) -> Counter[tuple[str, str]]:
        """Those that were taken for something else."""
        return Counter({pair: count for pair, count in self.confusion().items() if pair[0] != pair[1]})


def ends(record: FlowRecord) -> Ends:
    key = record.key
    numbers = (
        (key.source_queue_pair, key.destination_queue_pair) if record.rdma else (key.source_port, key.destination_port)
    )
    return key.source.hex(), key.destination.hex(), *numbers


def found(capture: Capture, folder: Path) -> Found:
    capture.write(folder / "capture.pcap")
    rules = load()
    settings = MeterSettings(idle_seconds=60, active_seconds=864_000)
    meter = make_meter(settings, make_classifier(rules))
    file = CaptureFile(str(folder / "capture.pcap"))
    while meter.read(file, 1_000_000):
        pass
    assert meter.finish()
    judged = Judging(rules, "mirror0").judge(decode_records(meter.take()), at(0))
    truth: dict[Ends, tuple[str, int]] = {}
    for one in capture.truth.connections:
        truth[one.source, one.destination, one.source_qp, one.destination_qp] = (one.collective, one.period_ns)
    for talk in capture.truth.conversations:
        key = (talk.source, talk.destination, talk.source_port, talk.destination_port)
        truth[key] = (talk.behaviour, talk.period_ns)
    flows = []
    for flow in judged.flows:
        a, b, one_end, other_end = ends(flow.record)
        known = truth.pop((a, b, one_end, other_end), None) or truth.pop((b, a, other_end, one_end))
        flows.append((*known, flow))
    assert not truth
    return Found(flows, judged.events)


@pytest.fixture(scope="module")
def of_eight(tmp_path_factory: pytest.TempPathFactory) -> Found:
    return found(behaviours(), tmp_path_factory.mktemp("eight"))


def test_each_behaviour_is_found_and_nothing_else(of_eight: Found) -> None:
    assert of_eight.wrong() == {}
    named = {truth for truth, _ in of_eight.confusion()}
    assert named == {*COLLECTIVES, *CONVERSATIONS} - {"scan of ports"}


def test_periods_are_found_within_a_tenth(of_eight: Found) -> None:
    periodic = [(period, flow.record.features.period_ns) for _, period, flow in of_eight.flows if period]
    assert len(periodic) > 70
    assert [pair for pair in periodic if abs(pair[1] / pair[0] - 1) > 0.1] == []


@pytest.mark.parametrize("hosts", [4, 6])
@pytest.mark.parametrize("period_ns", [60 * MS, 1000 * MS])
def test_few_hosts_and_other_paces(hosts: int, period_ns: int, tmp_path: Path) -> None:
    result = found(behaviours(hosts, hosts, period_ns, steps=12), tmp_path)
    assert result.wrong() == {}
    missed = [
        truth
        for truth, period, flow in result.flows
        if period and abs(flow.record.features.period_ns / period - 1) > 0.1
    ]
    assert missed == []


def test_what_follows_by_itself(of_eight: Found) -> None:
    priorities = {truth: flow.priority for truth, _, flow in of_eight.flows}
    assert priorities["checkpoint-write"] == priorities["all-to-all"] == PRIORITIES["high"]
    assert (priorities["mouse"], priorities["elephant"]) == (PRIORITIES["low"], 0)
    labels = {truth: flow.labels for truth, _, flow in of_eight.flows}
    assert labels["checkpoint-write"] == {"policy": "checkpoint"}
    told = Counter(event.attributes["policy"] for event in of_eight.events)
    assert told == {"scans": 61, "incasts": 7}


def test_nothing_is_left_out_or_kept_by_itself() -> None:
    for policy in load().policies:
        assert (policy.then.export, policy.then.keep, policy.then.sampling) == (None, None, None)
