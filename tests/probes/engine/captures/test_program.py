from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.engine.captures.program import KNOWN, Program

RETURN_A, RETURN_0 = (0x16, 0, 0, 0), (0x06, 0, 0, 0)


@pytest.mark.parametrize(
    ("program", "answer"),
    [
        ([(0x28, 0, 0, 12), (0x15, 0, 1, 0x0800), (0x06, 0, 0, 99), RETURN_0], 99),
        ([(0x30, 0, 0, 14), RETURN_A], 0x45),
        ([(0xB1, 0, 0, 14), (0x87, 0, 0, 0), RETURN_A], 20),
        ([(0xB1, 0, 0, 14), (0x40, 0, 0, 0), RETURN_A], 0),
        ([(0x80, 0, 0, 0), RETURN_A], 70),
        ([(0x00, 0, 0, 7), (0x84, 0, 0, 0), (0x74, 0, 0, 28), RETURN_A], 15),
        ([(0x00, 0, 0, 7), (0x02, 0, 0, 3), (0x61, 0, 0, 3), (0x2C, 0, 0, 0), RETURN_A], 49),
        ([(0x00, 0, 0, 7), (0x3C, 0, 0, 0), RETURN_A], 0),
        ([(0x20, 0, 0, 60), RETURN_A], 0),
        ([(0x20, 0, 0, 0xFFFFF030), RETURN_A], 0),
        ([(0x05, 0, 0, 1), RETURN_0, (0x06, 0, 0, 5)], 5),
    ],
)
def test_what_it_answers(program: list[tuple[int, int, int, int]], answer: int) -> None:
    octets = bytes(12) + b"\x08\x00\x45" + bytes(15)
    assert Program(program).run(octets, 70) == answer


@pytest.mark.parametrize(
    ("program", "wrong"),
    [
        ([], "0 instructions"),
        ([(0x34, 0, 0, 0), RETURN_A], "divides by 0"),
        ([(0x64, 0, 0, 32), RETURN_A], "shifts"),
        ([(0x02, 0, 0, 16), RETURN_A], "scratch"),
        ([(0x15, 1, 0, 0), RETURN_A], "jumps past"),
        ([(0x99, 0, 0, 0), RETURN_A], "unknown code 0x99"),
        ([(0x00, 0, 0, 0)], "has to return"),
    ],
)
def test_what_is_refused(program: list[tuple[int, int, int, int]], wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        Program(program)


@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(KNOWN)), st.integers(0, 2), st.integers(0, 2), st.integers(0, 40)), max_size=12
    ),
    st.binary(max_size=40),
)
def test_any_program_that_is_taken_ends(instructions: list[tuple[int, int, int, int]], octets: bytes) -> None:
    try:
        program = Program([*instructions, RETURN_A, RETURN_0, RETURN_0])
    except ValueError:
        return
    assert 0 <= program.run(octets, len(octets)) < 1 << 32
