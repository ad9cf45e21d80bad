"""Rust and Python, given the same frames, tell the same records and books."""

from __future__ import annotations

import gzip
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fabricscope.flow import Classification, decode_records
from probes.engine import twin
from probes.flows.language import normal_form
from probes.flows.language.rule_files import load
from tests.fixtures.roce.mirrors import MIRRORS
from tests.fixtures.roce.scenarios import everything, infiniband, many
from tests.probes.engine.agreement import metered, meters, read
from tests.probes.engine.conftest import native, needs_native
from tests.probes.engine.frames import MS, SECOND, START, frames

pytestmark = [needs_native]

LINKS = st.sampled_from([0, 1, 9, 12, 50, 51, 101, 104, 108, 113, 147, 192, 197, 228, 229, 247, 276])


@pytest.fixture(scope="module")
def rules() -> bytes:
    """The shipped ones."""
    return normal_form.as_json(load().rules)


@pytest.mark.parametrize("mirror", sorted(MIRRORS))
def test_rdma_of_every_kind(mirror: str, tmp_path: Path, rules: bytes) -> None:
    path = tmp_path / "made.pcap"
    everything(2, mirror).write(path)
    assert read(str(path), rules, check_icrc_every=3) == []


def test_infiniband_many_connections_and_little_room(tmp_path: Path) -> None:
    path = tmp_path / "made.pcap"
    infiniband(3).write(path)
    assert read(str(path), check_icrc_every=1) == []
    many(4000, 60, snap=0).write(path)
    assert read(str(path), max_connections=7, active_ns=5 * MS, idle_ns=3 * MS, max_records=50) == []


def test_a_packed_capture_that_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "made.pcap"
    everything(1).write(path)
    packed = tmp_path / "made.pcap.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()[:100_001], 1))
    assert read(str(packed)) == []


@given(st.lists(st.tuples(st.integers(-1, 40), frames()), max_size=40), st.integers(1, 3))
@settings(max_examples=150, deadline=None)
def test_frames_of_every_kind(steps: list[tuple[int, bytes]], often: int) -> None:
    seen, now = [], START
    for step, frame in steps:
        now += step * 100 * MS
        seen += [(now + MS * number, 1, frame, len(frame)) for number in range(often)]
    assert metered(seen, idle_ns=SECOND, active_ns=2 * SECOND, linger_ns=300 * MS) == []


@given(st.lists(st.tuples(st.integers(0, 2**63), LINKS, st.binary(max_size=90), st.integers(0, 200)), max_size=20))
@settings(max_examples=150, deadline=None)
def test_any_octets_of_any_link_type(seen: list[tuple[int, int, bytes, int]]) -> None:
    assert metered(seen) == []


@given(
    st.lists(st.tuples(st.booleans(), st.binary(max_size=300)), max_size=6),
    st.sampled_from([(6, 0x0800), (17, 0x0800), (132, 0x0800), (0, 0x88CC), (47, 0x0800)]),
    st.sampled_from([(40_000, 443), (53, 53), (0, 0), (5353, 123)]),
    st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_any_payload(
    packets: list[tuple[bool, bytes]], carrier: tuple[int, int], ports: tuple[int, int], opened: bool
) -> None:
    both = classifiers()
    said = [each.classify((*carrier, False), ports, packets, opened) for each in both]
    one, other = (msgspec.msgpack.decode(each, type=Classification) for each in said)
    assert one == other


def classifiers() -> list[twin.Classifier]:
    if not CLASSIFIERS:
        shipped = normal_form.as_json(load().rules)
        CLASSIFIERS.extend((native().Classifier(shipped), twin.Classifier(shipped)))
    return CLASSIFIERS


CLASSIFIERS: list[twin.Classifier] = []


def test_time_that_goes_on_without_packets() -> None:
    both = meters(idle_ns=SECOND)
    for meter in both:
        meter.observe(START, 1, b"\0" * 12 + b"\x08\x06" + bytes(28), 42)
        meter.advance(START + 5 * SECOND)
    told = [decode_records(meter.take()) for meter in both]
    assert told[0] == told[1]
    assert len(told[0]) == 1
