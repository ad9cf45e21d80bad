from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from probes.sources.nvml.roster import Roster
from probes.sources.nvml.wire import SKIPPED

A, B, C, D = (f"0000:{bus}:00.0" for bus in ("17", "27", "37", "47"))


def indices(roster: Roster) -> dict[int, int | None]:
    return {number: gpu.nvml_index for number, gpu in sorted(roster.gpus.items())}


def test_a_gpu_keeps_its_number_when_one_before_it_is_gone() -> None:
    roster = Roster()
    roster.update([(0, A), (0, B), (0, C)])
    assert indices(roster) == {0: 0, 1: 1, 2: 2}
    roster.update([(0, A), (0, C)])
    assert indices(roster) == {0: 0, 1: None, 2: 1}
    assert roster.number(1) == 2
    assert roster.number(5) is None
    roster.update([(0, A), (0, B), (0, C)])
    assert indices(roster) == {0: 0, 1: 1, 2: 2}


def test_a_gpu_that_is_put_in_another_slot_is_another() -> None:
    roster = Roster()
    roster.update([(0, A), (0, B)])
    roster.update([(0, A), (0, D)])
    assert indices(roster) == {0: 0, 1: None, 2: 1}
    assert roster.gpus[2].address == D


def test_one_that_cannot_be_opened_takes_the_number_that_is_missing() -> None:
    roster = Roster()
    roster.update([(0, A), (0, B), (0, C)])
    roster.update([(0, A), (0, C), (15, "")])
    assert indices(roster) == {0: 0, 1: 2, 2: 1}
    assert (roster.gpus[1].code, roster.gpus[1].address) == (15, B)


def test_one_that_was_skipped_keeps_its_number_and_is_not_faulty() -> None:
    roster = Roster()
    roster.update([(0, A), (0, B)])
    roster.update([(0, A), (SKIPPED, "")])
    assert roster.gpus[1] == (1, B, 1, 0)


def test_one_that_never_could_be_opened_has_a_number_without_an_address() -> None:
    roster = Roster()
    roster.update([(0, A), (999, ""), (0, C)])
    assert (roster.gpus[1].address, roster.gpus[1].code) == ("", 999)
    assert roster.gpus[2].address == C


def test_one_that_can_be_opened_at_last_keeps_its_number() -> None:
    roster = Roster()
    roster.update([(0, A), (999, ""), (0, C)])
    roster.update([(0, A), (0, C), (0, B)])
    assert indices(roster) == {0: 0, 1: 2, 2: 1}
    assert [gpu.address for _, gpu in sorted(roster.gpus.items())] == [A, B, C]


@given(
    st.lists(st.lists(st.tuples(st.sampled_from([0, 15]), st.sampled_from(["", A, B, C, D])), max_size=4), max_size=5)
)
def test_every_index_has_one_number_and_no_number_two_addresses(starts: list[list[tuple[int, str]]]) -> None:
    roster = Roster()
    seen: dict[int, str] = {}
    for listed in starts:
        unique = [
            row for index, row in enumerate(listed) if not row[1] or row[1] not in [one[1] for one in listed[:index]]
        ]
        roster.update(unique)
        assert sorted(gpu.nvml_index for gpu in roster.gpus.values() if gpu.nvml_index is not None) == list(
            range(len(unique))
        )
        for number, gpu in roster.gpus.items():
            assert seen.setdefault(number, gpu.address) in ("", gpu.address)
            seen[number] = seen[number] or gpu.address


def test_the_index_of_a_number() -> None:
    roster = Roster()
    roster.update([(0, "0000:17:00.0"), (0, "0000:27:00.0"), (0, "0000:37:00.0")])
    roster.update([(0, "0000:17:00.0"), (0, "0000:37:00.0")])
    assert [roster.index(number) for number in (0, 1, 2, 7)] == [0, 1, 1, 7]
