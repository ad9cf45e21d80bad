from __future__ import annotations

from probes.flows.language import features, neighbours
from tests.probes.flows.language.made import features as shape
from tests.probes.flows.language.made import record


def test_who_sends_to_how_many_at_one_time() -> None:
    records = [
        record("10.0.0.1", "10.0.0.2", 1, start=0, end=2),
        record("10.0.0.1", "10.0.0.3", 1, start=1, end=3),
        record("10.0.0.1", "10.0.0.4", 1, start=5, end=6),
        record("10.0.0.9", "10.0.0.2", 1, start=1, end=1),
        record("10.0.0.1", "10.0.0.2", 2, start=2, end=2),
    ]
    found = neighbours.of(records)
    assert [each["peers_of_source"] for each in found] == [2, 2, 1, 1, 2]
    assert [each["peers_of_destination"] for each in found] == [2, 1, 1, 2, 1]
    assert [each["ports_of_pair"] for each in found] == [2, 1, 1, 1, 2]
    assert found[0].keys() <= features.NAMES


def test_many_flows_of_one_host_count_as_at_once() -> None:
    count = neighbours.MAX_COMPARED + 1
    records = [record(port=number, start=number, end=number) for number in range(count)]
    assert neighbours.of(records)[0]["ports_of_pair"] == count
    assert neighbours.of(records[:-1])[0]["ports_of_pair"] == 1


def test_senders_within_ten_milliseconds() -> None:
    def sender(last: int, bins: list[int], width: int = neighbours.SLOT_NS) -> object:
        return record(f"10.0.0.{last}", "10.0.1.1", shape=shape(bin_ns=width, bins=bins))

    records = [sender(1, [5, 5, 0, 0]), sender(2, [0, 5]), sender(3, [0, 0, 5]), sender(4, [5], 2 * neighbours.SLOT_NS)]
    found = neighbours.of(records)  # type: ignore[arg-type]
    assert [each.get("sources_at_once") for each in found] == [2, 2, 1, None]
