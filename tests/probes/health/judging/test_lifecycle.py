from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from fabricscope.model import Severity
from probes.health.judging.judge import Judgement
from probes.health.judging.lifecycle import UNKNOWN_FOR, Cell, Patience, Phase, Step
from tests.probes.health.host import SECOND

YES, NO, UNKNOWN = Judgement(True), Judgement(False), Judgement(None)
PATIENCE = Patience(30 * SECOND, 60 * SECOND)
START = 1000


def step(cell: Cell, second: float, judgement: Judgement, severity: Severity = Severity.WARNING) -> Step:
    now = int((START + second) * SECOND)
    return cell.advance(judgement, severity, now, now + 5, PATIENCE)


def raised() -> Cell:
    cell = Cell(("a",))
    step(cell, 0, YES)
    assert step(cell, 30, YES) is Step.RAISED
    return cell


def test_it_must_hold_before_it_is_raised() -> None:
    cell = Cell(("a",))
    assert step(cell, 0, YES) is Step.NOTHING
    assert step(cell, 29, YES) is Step.NOTHING
    assert step(cell, 29.5, NO) is Step.NOTHING
    assert step(cell, 31, YES) is Step.NOTHING
    assert step(cell, 61, YES) is Step.RAISED
    assert cell.since == (START + 61) * SECOND + 5


def test_it_must_be_clear_for_long_before_it_clears() -> None:
    cell = raised()
    assert step(cell, 40, NO) is Step.NOTHING
    assert step(cell, 90, YES) is Step.NOTHING
    assert step(cell, 100, NO) is Step.NOTHING
    assert step(cell, 159, NO) is Step.NOTHING
    assert step(cell, 160, NO) is Step.CLEARED
    assert cell.phase is Phase.QUIET


def test_what_is_not_known_changes_nothing() -> None:
    cell = raised()
    step(cell, 40, NO)
    assert step(cell, 1000, UNKNOWN) is Step.NOTHING
    assert cell.phase is Phase.RAISED
    assert step(cell, 1001, NO) is Step.CLEARED


def test_what_was_pending_before_a_gap_starts_over() -> None:
    cell = Cell(("a",))
    step(cell, 0, YES)
    step(cell, 10, UNKNOWN)
    assert step(cell, 500, YES) is Step.NOTHING
    assert step(cell, 530, YES) is Step.RAISED


def test_what_nobody_can_tell_for_a_day_clears() -> None:
    cell = raised()
    assert step(cell, UNKNOWN_FOR / SECOND, UNKNOWN) is Step.NOTHING
    assert step(cell, UNKNOWN_FOR / SECOND + 31, UNKNOWN) is Step.CLEARED


def test_it_gets_worse_at_once_and_better_after_the_hold_down() -> None:
    cell = raised()
    assert step(cell, 31, YES, Severity.CRITICAL) is Step.CHANGED
    assert step(cell, 32, YES, Severity.WARNING) is Step.NOTHING
    assert step(cell, 80, YES, Severity.CRITICAL) is Step.NOTHING
    assert step(cell, 81, YES, Severity.WARNING) is Step.NOTHING
    assert step(cell, 140, YES, Severity.WARNING) is Step.NOTHING
    assert step(cell, 141, YES, Severity.WARNING) is Step.CHANGED
    assert cell.severity is Severity.WARNING


def test_a_restored_verdict_goes_on() -> None:
    cell = Cell(("a",))
    cell.restore(Severity.CRITICAL, 77, None, START * SECOND)
    assert step(cell, 1, NO) is Step.NOTHING
    assert (cell.since, cell.severity) == (77, Severity.CRITICAL)
    assert step(cell, 61, NO) is Step.CLEARED


@given(
    st.lists(
        st.tuples(
            st.integers(0, 100),
            st.sampled_from([YES, NO, UNKNOWN]),
            st.sampled_from([Severity.INFO, Severity.CRITICAL]),
        )
    )
)
def test_verdicts_are_raised_before_they_change_or_clear(steps: Sequence[tuple[int, Judgement, Severity]]) -> None:
    cell, second, active = Cell(("a",)), 0.0, False
    for wait, judgement, severity in steps:
        second += wait
        result = step(cell, second, judgement, severity)
        if result is Step.RAISED:
            assert not active
            assert judgement is YES
        elif result is not Step.NOTHING:
            assert active
        active = (active or result is Step.RAISED) and result is not Step.CLEARED
        assert (cell.phase is Phase.RAISED) is active
