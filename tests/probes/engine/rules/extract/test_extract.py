from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.engine import twin
from probes.engine.rules.extract import EXTRACTORS, Sides, extract, extractors
from tests.probes.engine.conftest import native, needs_native
from tests.probes.engine.rules.extract.made import SAMPLES
from tests.probes.engine.rules.made import asked, document, form, rule, way

NAMES = st.sampled_from(sorted(EXTRACTORS))


def test_names_are_the_engines(engine: Any) -> None:
    assert engine.extractors() == extractors() == sorted(EXTRACTORS)
    assert extract("none", Sides(b"", b"", True)) == []


@pytest.mark.parametrize(("name", "client", "server", "stream", "expected"), SAMPLES)
def test_what_is_read(
    engine: Any, name: str, client: bytes, server: bytes, stream: bool, expected: dict[str, str]
) -> None:
    rules = document(rule("a", way(form("either"), confidence=0.1), extract=name, transports=["tcp", "udp"]))
    packets = [(forward, octets) for forward, octets in ((True, client), (False, server)) if octets]
    said = asked(engine, rules, *packets, carrier=(6 if stream else 17, 0x0800, False))
    assert dict(said.fields) == expected


@needs_native
@given(
    st.sampled_from(SAMPLES),
    NAMES,
    st.booleans(),
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=4),
    st.integers(0, 300),
)
@settings(max_examples=300, deadline=None)
def test_octets_that_are_changed_or_cut_are_read_alike(
    sample: Any, other: str, same: bool, changes: list[tuple[int, int]], cut: int
) -> None:
    name, client, server, stream, _ = sample
    made = [bytearray(client), bytearray(server)]
    for number, (at, octet) in enumerate(changes):
        side = made[number % 2]
        if at < len(side):
            side[at] = octet
    rules = document(
        rule("a", way(form("either"), confidence=0.1), extract=name if same else other, transports=["tcp", "udp"])
    )
    packets = [
        (forward, bytes(side[: max(1, len(side) - cut // 3)]))
        for forward, side in zip((True, False), made, strict=True)
        if side
    ]
    said = [asked(engine, rules, *packets, carrier=(6 if stream else 17, 0, False)) for engine in (native(), twin)]
    assert said[0] == said[1]
