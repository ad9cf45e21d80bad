from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fabricscope.flow import Flow
from fabricscope.model import Event, Reading
from probes.flows import metrics
from probes.flows.language.rule_files import Rules, load
from probes.flows.observer import TURN_NS, Captured, Observer
from tests.fixtures.books import books, mirror
from tests.fixtures.flows import flow, key
from tests.probes.made import at

RULES = """
behaviours:
  large: {summary: much, confidence: 0.5, when: [octets > 2 kB]}
policies:
  tell: {when: {label: [tls]}, then: {event: warning}}
  hide: {when: {label: [dns]}, then: {export: false}}
"""


def shown(rows: Iterable[Any]) -> dict[tuple[str, ...], float | None]:
    return {
        (row.spec.name.removeprefix("fabricscope_flows_"), *row.labels[1:]): row.value
        for row in rows
        if isinstance(row, Reading)
    }


def observer(rules: Rules | None = None, connections: int = 10) -> Observer:
    return Observer("mirror0", rules or Rules(), (10, 1, connections))


def test_records_become_series_events_and_flows(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(RULES)
    watching = observer(load([tmp_path], shipped=False))
    rows = list(watching.observe([flow().record, flow(label="dns").record], at(0)))
    assert shown(rows)["class_records_total", "tls"] == 1
    assert shown(rows)["class_records_total", "dns"] == 1
    assert shown(rows)["behaviour_records_total", "large"] == 2
    assert [row.kind for row in rows if isinstance(row, Event)] == ["flow.policy"]
    assert [row.record.classification.label for row in rows if isinstance(row, Flow)] == ["tls"]
    again = list(watching.observe([], at(1)))
    assert shown(again)["class_records_total", "tls"] == 1, "what was counted stays"
    assert all(isinstance(row, Reading) for row in again)


def test_every_packet_is_accounted_for() -> None:
    values = shown(observer().books([books(), books()], Captured(received=210, dropped=10, filtered=5), left_out=1))
    assert values["packets_total",] == 215
    accounted = sum(
        value or 0
        for name, value in values.items()
        if name[0].removesuffix("_total")
        in {"ring_drops", "filtered_packets", "undecodable_packets", "unsampled_packets", "counted_packets"}
    )
    assert accounted == values["packets_total",]
    assert values["undecodable_packets_total", "truncated"] == 8
    assert values["active",] == 2 * (6 + 7)
    assert values["evicted_total",] == 2 * (5 + 10)
    assert values["records_total",] == 30
    assert values["records_dropped_total",] == 2 * 2 + 1
    assert values["pause_frames_total", "3"] == 6
    assert values["pause_frames_total", "all"] == 2


def test_nothing_is_said_of_mirrors_without_sequence_numbers() -> None:
    values = shown(observer().books([books(mirrors=[])], Captured(0, 0, 0)))
    assert not {name for name in values if name[0] in {"visibility_ratio", "mirror_missing_packets"}}
    values = shown(observer().books([books(mirrors=[mirror(seen=30, missing=10)])], Captured(0, 0, 0)))
    assert (values["visibility_ratio",], values["mirror_missing_packets",]) == (0.75, 10)


def test_what_has_become_large_is_let_in_after_a_while() -> None:
    watching = observer()
    large = key(source=b"\x0a\0\0\7")

    def pairs(second: float, *records: Any) -> set[tuple[str, ...]]:
        rows = watching.observe(list(records), at(second))
        return {name[1:] for name in shown(rows) if name[0] == "pair_bytes_total"} - {("other", "other")}

    assert pairs(0, flow().record) == {("10.0.0.1", "10.0.0.2")}
    assert pairs(1, *[flow(key=large).record] * 20) == {("10.0.0.1", "10.0.0.2")}
    assert pairs(TURN_NS / 1e9 + 1) == {("10.0.0.2", "10.0.0.7")}


def test_rules_are_exchanged(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(RULES)
    watching = observer()
    watching.change_rules(load([tmp_path], shipped=False))
    assert shown(watching.observe([flow().record], at(0)))["behaviour_records_total", "large"] == 1


def test_whether_it_captures_is_watched() -> None:
    assert observer().is_up(up=False) == Reading(metrics.UP, ("mirror0",), 0)
