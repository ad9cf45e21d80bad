from __future__ import annotations

import ctypes
import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from probes.sources import amdgpu_metrics
from probes.sources.amdgpu_metrics import Metrics, MetricsError, parse
from tests.fixtures import amd_gpus
from tests.fixtures.amd_gpus import MI300, attribute, described, table

U16, U32, U64 = 2, 4, 6


def test_a_table_of_an_mi300() -> None:
    assert parse(MI300) == Metrics(
        version="1.7",
        pcie_width=16,
        pcie_speed=32e9,
        xgmi_width=16,
        xgmi_speed=32e9,
        counters={
            "pcie_l0_to_recov_count_acc": 2,
            "pcie_replay_count_acc": 3,
            "pcie_replay_rover_count_acc": 0,
            "pcie_nak_sent_count_acc": 1,
            "pcie_nak_rcvd_count_acc": 0,
        },
        xgmi_read=dict(enumerate(amd_gpus.READ)),
        xgmi_write=dict(enumerate(amd_gpus.WRITE)),
        xgmi_up={1: True, 2: True, 3: True, 4: True, 5: True, 6: False, 7: True},
    )


def test_a_table_without_states_of_links() -> None:
    metrics = parse(table("1.4", xgmi_read_data_acc=[5, 6], pcie_replay_count_acc=9))
    assert metrics == Metrics("1.4", None, None, None, None, {"pcie_replay_count_acc": 9}, {0: 5, 1: 6}, {}, {})


def test_a_table_of_a_card_without_xgmi() -> None:
    metrics = parse(table("1.3", pcie_link_width=16, pcie_link_speed=160))
    assert metrics == Metrics("1.3", 16, 16e9, None, None, {}, {}, {}, {})


def test_what_the_driver_does_not_know_is_no_value() -> None:
    for version in ("1.3", "1.4", "1.7"):
        assert parse(table(version)) == Metrics(version, None, None, None, None, {}, {}, {}, {})


@pytest.mark.parametrize("kind", [amd_gpus.TableV1_3, amd_gpus.TableV1_4, amd_gpus.TableV1_7])
def test_offsets_are_those_of_a_c_compiler(kind: type[ctypes.Structure]) -> None:
    version = kind.__name__.removeprefix("TableV").split("_")
    layout = amdgpu_metrics._KNOWN[int(version[0]), int(version[1]), ctypes.sizeof(kind)]
    assert layout.fields
    for name, offset, reader, _ in layout.fields:
        field = getattr(kind, name)
        assert (offset, reader.size) == (field.offset, field.size), name


@pytest.mark.parametrize(
    ("revision", "sizes"),
    [
        *[((1, 1), [96]), ((1, 2), [104]), ((1, 3), [120]), ((1, 4), [288]), ((1, 5), [360])],
        *[((1, 6), [384, 1664]), ((1, 7), [2208]), ((1, 8), [3872])],
    ],
)
def test_sizes_of_the_tables(revision: tuple[int, int], sizes: list[int]) -> None:
    assert sorted(key[2] for key in amdgpu_metrics._KNOWN if key[:2] == revision) == sizes


def test_one_revision_with_two_layouts_goes_by_the_size() -> None:
    read = {}
    for (major, minor, size), layout in amdgpu_metrics._KNOWN.items():
        if (major, minor) == (1, 6):
            content = bytearray(b"\xff" * size)
            struct.pack_into("<HBB", content, 0, size, 1, 6)
            (offset,) = [offset for name, offset, *_ in layout.fields if name == "pcie_replay_count_acc"]
            struct.pack_into("<Q", content, offset, size)
            read[size] = parse(bytes(content)).counters["pcie_replay_count_acc"]
    assert read == {384: 384, 1664: 1664}


def test_a_table_that_describes_itself() -> None:
    metrics = parse(
        described(
            attribute(0, U16, 45, unit=2),
            attribute(16, U16, 16),
            attribute(17, U16, 32, unit=5),
            attribute(19, U16, 36),
            attribute(25, U64, 7),
            attribute(27, U32, 0xFFFFFFFF),
            attribute(29, U64, 1, 2, 3),
            attribute(30, U64, 4, 0xFFFFFFFFFFFFFFFF, 6),
            attribute(31, U16, 1, 0, 0xFFFF),
            attribute(1023, U64, 1),
        )
    )
    assert metrics == Metrics(
        *("1.9", 16, 32e9, None, 36e9, {"pcie_replay_count_acc": 7}),
        *({0: 1, 1: 2, 2: 3}, {0: 4, 2: 6}, {0: True, 1: False}),
    )
    assert parse(described(attribute(17, U16, 320, unit=6))).pcie_speed == 32e9


def test_a_sum_over_links_is_no_link() -> None:
    assert parse(described(attribute(29, U64, 5))).xgmi_read == {}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "has 0 octets"),
        (b"\x00\x00\x01", "has 3 octets"),
        (MI300[:-1], "cut short: 2207 of 2208"),
        (b"\x04\x00\x01\x04", r"1.4 of 4 octets is of an unknown layout"),
        (b"\x78\x00\x02\x03" + b"\x00" * 116, r"2.3 of 120 octets is of an unknown layout"),
        (b"\x05\x00\x01\x09\x00", "no room for a count"),
        (described(count=5), "ends within an attribute"),
        (described(count=-1), "has -1 attributes"),
        (described(count=1 << 30), "attributes"),
        (described(struct.pack("<Q", 25 << 10 | 6 << 20 | 1023)), "ends within an attribute"),
        (described(struct.pack("<Q", 0xF << 20 | 1)), "attribute of type 15"),
        (b"\x00" * 70_000, "has 70000 octets"),
    ],
)
def test_what_is_no_table_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(MetricsError, match=said):
        parse(content)


def checked(content: bytes) -> None:
    try:
        metrics = parse(content)
    except MetricsError as error:
        assert str(error).startswith("gpu_metrics")
        return
    for values in (metrics.counters, metrics.xgmi_read, metrics.xgmi_write):
        assert all(0 <= value < 1 << 64 for value in values.values())
    assert all(0 <= link < amdgpu_metrics.MAX_LINKS for link in metrics.xgmi_read)


@given(st.binary(max_size=400))
@example(b"\x78\x00\x01\x03" + b"\x00" * 116)
def test_any_octets_give_a_table_or_a_typed_error(content: bytes) -> None:
    checked(content)


@given(st.sampled_from(sorted(amdgpu_metrics._KNOWN)), st.randoms(use_true_random=False))
def test_any_octets_behind_a_known_header_give_a_table(key: tuple[int, int, int], random: object) -> None:
    major, minor, size = key
    body = random.randbytes(size - 4)  # type: ignore[attr-defined]
    assert parse(struct.pack("<HBB", size, major, minor) + body).version == f"{major}.{minor}"


@given(st.binary(max_size=300), st.integers(-2, 300))
def test_any_octets_of_a_table_that_describes_itself(body: bytes, count: int) -> None:
    checked(struct.pack("<HBBi", 8 + len(body), 1, 9, count) + body)
