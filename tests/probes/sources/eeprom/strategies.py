"""Memory with anything in it."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st

from probes.sources.eeprom.memory import DIAGNOSTICS, MAIN, Image
from tests.fixtures.eeprom import Builder

PLACES = [
    (MAIN, 0, None),
    *((MAIN, bank, page) for bank in range(4) for page in (0, 1, 2, 3, 0x10, 0x11, 0x13, 0x14, *range(0x20, 0x30))),
    (DIAGNOSTICS, 0, None),
]


def noise(identifier: int) -> st.SearchStrategy[Image]:
    """Memory of some pages of random bytes behind an identifier."""
    pages = st.dictionaries(st.sampled_from(PLACES), st.binary(min_size=128, max_size=128), max_size=8)
    lower, upper = st.binary(min_size=127, max_size=127), st.binary(min_size=128, max_size=128)

    def image(found: dict[tuple[int, int, int | None], bytes], low: bytes, high: bytes) -> Image:
        return Image(found | {(MAIN, 0, None): bytes((identifier,)) + low, (MAIN, 0, 0): high})

    return st.builds(image, pages, lower, upper)


def damaged(build: Callable[[], Builder]) -> st.SearchStrategy[Image]:
    """A sound module of which some bytes are others, and some pages are missing."""
    places = sorted(build().halves, key=str)
    changes = st.lists(st.tuples(st.sampled_from(places), st.integers(0, 127), st.integers(0, 255)), max_size=24)
    missing = st.lists(st.sampled_from(places), max_size=1)

    def image(changed: list[tuple[tuple[int, int, int | None], int, int]], lost: list[object]) -> Image:
        halves = build().halves
        for where, at, value in changed:
            halves[where][at] = value
        return Image({where: bytes(half) for where, half in halves.items() if where not in lost})

    return st.builds(image, changes, missing)
