from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from probes.sampling.governor import IDLE_SLOWDOWN, MAX_SLOWDOWN, Cost, Governor, GovernorSettings, Pace
from tests.probes.made import SECOND, at

MILLISECOND = SECOND // 1000
CHEAP = Cost(duration_ns=MILLISECOND, cpu_ns=MILLISECOND, readings=10, log_lines=0)


class Watched:
    """One sampler of 1 s under a governor."""

    def __init__(self, **settings: object) -> None:
        self.governor = Governor(GovernorSettings(**settings), {"optics": SECOND})  # type: ignore[arg-type]
        self.second = 0

    def samples(self, count: int, cost: Cost) -> list[Pace]:
        paces = []
        for _ in range(count):
            self.second += 1
            pace = self.governor.observe("optics", cost, at(self.second))
            if pace is not None:
                paces.append(pace)
        return paces

    @property
    def slowdown(self) -> int:
        return self.governor.slowdown("optics")


def test_what_is_cheap_keeps_its_pace() -> None:
    watched = Watched()
    assert watched.samples(100, CHEAP) == []
    assert watched.slowdown == 1


def test_processor_time_beyond_its_share_slows_a_sampler_once() -> None:
    watched = Watched(max_cpu_share=0.01)
    (pace,) = watched.samples(50, CHEAP._replace(cpu_ns=35 * MILLISECOND))
    assert (pace.sampler, pace.slowdown) == ("optics", 4)
    assert pace.event is not None
    assert pace.event.kind == "sampler.slowed"
    assert pace.event.subject == {"sampler": "optics"}
    assert "35.0 ms of processor time" in pace.event.message
    assert "every 4 s" in pace.event.message


def test_so_does_a_read_that_takes_long() -> None:
    watched = Watched(max_busy_share=0.25)
    (pace,) = watched.samples(50, CHEAP._replace(duration_ns=900 * MILLISECOND))
    assert pace.slowdown == 4
    assert pace.event is not None
    assert "a sample takes 900.0 ms" in pace.event.message


def test_a_kernel_that_talks_all_the_time_slows_nobody() -> None:
    watched = Watched()
    # A hundred lines a second, of which some come during a sample of 10 ms.
    cost = CHEAP._replace(duration_ns=10 * MILLISECOND, log_lines=1, lines_before=99)
    assert watched.samples(100, cost) == []
    # The same sampler is told when it does make the kernel talk.
    assert watched.samples(100, cost._replace(log_lines=120))[0].slowdown == 4


def test_of_samplers_that_are_read_together_the_one_that_makes_the_kernel_log_is_found() -> None:
    names = ("ethernet", "roce", "optics", "pcie")
    governor = Governor(GovernorSettings(), dict.fromkeys(names, SECOND))
    logged, seen = 0, dict.fromkeys(names, 0)
    for second in range(600):
        due = [name for name in names if second % governor.slowdown(name) == 0]
        before, logged = logged, logged + ("optics" in due)
        for name in due:
            cost = CHEAP._replace(log_lines=logged - before, lines_before=before - seen[name])
            governor.observe(name, cost, at(second))
            seen[name] = logged
    assert {name: governor.slowdown(name) for name in names} == {
        "ethernet": 1,
        "roce": 1,
        "optics": MAX_SLOWDOWN,
        "pcie": 1,
    }


def test_one_slow_read_changes_nothing() -> None:
    watched = Watched()
    for _ in range(20):
        assert watched.samples(1, CHEAP._replace(duration_ns=SECOND)) == []
        assert watched.samples(20, CHEAP) == []


def test_it_is_restored_step_by_step_when_it_has_become_cheap() -> None:
    watched = Watched()
    watched.samples(20, CHEAP._replace(cpu_ns=70 * MILLISECOND))
    assert watched.slowdown == 8
    paces = watched.samples(100, CHEAP)
    assert [pace.slowdown for pace in paces] == [4, 2, 1]
    assert all(pace.event is not None and pace.event.kind == "sampler.restored" for pace in paces)


def test_a_cost_at_the_limit_does_not_swing() -> None:
    watched = Watched()
    watched.samples(20, CHEAP._replace(cpu_ns=19 * MILLISECOND))
    assert watched.slowdown == 2
    for _ in range(20):
        assert watched.samples(5, CHEAP._replace(cpu_ns=11 * MILLISECOND)) == []
        assert watched.samples(5, CHEAP._replace(cpu_ns=19 * MILLISECOND)) == []


def test_a_source_that_makes_the_kernel_log_is_slowed_until_it_is_all_but_skipped() -> None:
    watched = Watched()
    paces = watched.samples(200, CHEAP._replace(log_lines=1))
    assert [pace.slowdown for pace in paces] == [4, 16, MAX_SLOWDOWN]
    assert paces[0].event is not None
    assert "the kernel logs a line whenever it is read" in paces[0].event.message
    assert [pace.slowdown for pace in watched.samples(200, CHEAP)][-1] == 1


def test_lines_that_come_now_and_then_are_not_its_doing() -> None:
    watched = Watched()
    for _ in range(50):
        assert watched.samples(1, CHEAP._replace(log_lines=9)) == []
        assert watched.samples(3, CHEAP) == []
    silent = Watched(log_lines=False)
    assert silent.samples(100, CHEAP._replace(log_lines=9)) == []


def test_a_sampler_that_finds_nothing_is_only_looked_in_on_and_nobody_is_told() -> None:
    watched = Watched()
    assert watched.samples(20, CHEAP._replace(readings=0)) == [Pace("optics", IDLE_SLOWDOWN, None)]
    paces = watched.samples(60, CHEAP)
    assert paces[-1].slowdown == 1
    assert all(pace.event is None for pace in paces)


def test_switched_off_it_changes_nothing() -> None:
    watched = Watched(enabled=False)
    assert watched.samples(50, CHEAP._replace(cpu_ns=SECOND, readings=0)) == []


def test_of_a_sampler_that_it_does_not_know_it_says_nothing() -> None:
    governor = Governor(GovernorSettings(), {})
    assert governor.observe("probe", CHEAP, at(0)) is None
    assert governor.slowdown("probe") == 1


@given(
    st.lists(
        st.builds(
            Cost,
            st.integers(0, 10 * SECOND),
            st.integers(0, 10 * SECOND),
            st.integers(0, 3),
            st.integers(0, 2),
        ),
        max_size=100,
    )
)
def test_the_pace_stays_within_its_bounds(costs: list[Cost]) -> None:
    watched = Watched()
    for cost in costs:
        for pace in watched.samples(1, cost):
            assert pace.slowdown == watched.slowdown
        assert 1 <= watched.slowdown <= MAX_SLOWDOWN
