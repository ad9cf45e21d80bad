from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fabricscope.clock import system_clock
from fabricscope.model import Event, Kind, Now, Quality, Reading
from fabricscope.settings import convert
from probes.samplers.nvlink import NvlinkSampler, NvlinkSettings
from probes.sampling.pipeline import Pipeline
from probes.sampling.sampler import Roots
from probes.sources.nvml import fields
from tests.fixtures import pci_tree
from tests.fixtures.nvml import bindings, fake
from tests.fixtures.nvml.bindings import GCC
from tests.fixtures.nvml.stub import SECOND, Stub
from tests.probes.following import Watching

BLANK = 9223372036854775794
Rows = dict[tuple[str, ...], Reading]


def sampler(stub: Stub, **settings: object) -> NvlinkSampler:
    chosen = convert({"nvml_library": "fake"} | settings, NvlinkSettings, "nvlink")
    return NvlinkSampler(chosen, Roots(sys="/nowhere"), client=stub.client(hang_seconds=2), clock=stub.clock)


def rows(reader: NvlinkSampler, now: Now) -> list[Reading]:
    found = []
    for row in reader.sample(now):
        assert not isinstance(row, Event)
        found.append(row)
    return found


def sampled(reader: NvlinkSampler, now: Now) -> Rows:
    return {(row.spec.name.removeprefix("fabricscope_nvlink_"), *row.labels): row for row in rows(reader, now)}


def later(reader: NvlinkSampler, stub: Stub, seconds: float = 1) -> Rows:
    return sampled(reader, stub.clock.advance(seconds))


def per_link(found: Rows, gpu: str, link: str) -> dict[tuple[str, ...], int | float | None]:
    return {(key[0], *key[3:]): row.value for key, row in found.items() if key[1:3] == (gpu, link) and key[0] != "info"}


def test_nvlink_4() -> None:
    node = fake.nvlink4_node().field(7, fields.NVLINK_DL_CRC, 17, 5).field(7, fields.NVLINK_DATA_TX, 17, 3)
    stub = Stub(node)
    found = sampled(sampler(stub), stub.clock())
    assert sum(key[0] == "up" for key in found) == 8 * 18
    assert per_link(found, "7", "17") == {
        ("up",): 1.0,
        ("speed_bytes_per_second",): 26.562e9,
        ("version",): 4.0,
        ("transmit_bytes_total",): 3 * 1024,
        ("receive_bytes_total",): 1 << 40,
        ("transmit_raw_bytes_total",): 1 << 40,
        ("receive_raw_bytes_total",): 1 << 40,
        ("crc_errors_total",): 5,
        ("replays_total",): 0,
        ("recoveries_total",): 0,
    }
    assert found["info", "7", "17", "switch", "0000:06:00.0", "34"].value == 1.0
    assert found["fabric_state", "7"].value == 3.0
    assert found["fabric_unhealthy", "7", "route_unhealthy"].value == 0.0
    assert found["fabric_info", "7", "00010203-0405-0607-0809-0a0b0c0d0e0f", "2"].value == 1.0


def test_nvlink_5() -> None:
    node = fake.nvlink5_node(2)
    node.field(1, fields.NVLINK_EFFECTIVE_BER, 0, 3 << 8 | 12).field(1, fields.NVLINK_FEC_0 + 7, 0, 11)
    node.field(1, fields.NVLINK_LANE_1_RAW_BER, 0, 2 << 8 | 8).field(1, fields.NVLINK_LANE_1_RAW_ERRORS, 0, 42)
    node.field(1, fields.NVLINK_RECOVERY_FAILED, 0, 2).field(1, fields.NVLINK_XMIT_BYTES, 0, 77)
    stub = Stub(node)
    found = per_link(sampled(sampler(stub), stub.clock()), "1", "0")
    assert found["version",] == 5.0
    assert found["speed_bytes_per_second",] == 53.125e9
    assert found["transmit_packets_total",] == 1 << 40
    assert found["effective_bit_error_ratio",] == pytest.approx(3e-12)
    assert found["symbol_bit_error_ratio",] == 0.0
    assert found["raw_bit_error_ratio",] == pytest.approx(3e-9)
    assert [found["lane_raw_bit_error_ratio", lane] for lane in ("0", "1")] == [
        pytest.approx(3e-9),
        pytest.approx(2e-8),
    ]
    assert [found["lane_raw_errors_total", lane] for lane in ("0", "1")] == [0, 42]
    assert found["fec_blocks_total", "7"] == 11
    assert [key[1] for key in found if key[0] == "fec_blocks_total"] == [str(errors) for errors in range(16)]
    assert found["link_recoveries_total", "failed"] == 2
    # The payload is what a job sends; packets are what is left where it is not counted.
    assert found["transmit_bytes_total",] == 1 << 40
    assert {
        *("malformed_packets_total", "buffer_overrun_errors_total", "receive_errors_total"),
        *("receive_remote_errors_total", "receive_general_errors_total", "local_link_integrity_errors_total"),
        *("transmit_discards_total", "effective_errors_total", "symbol_errors_total"),
    } <= {key[0] for key in found}
    assert not {"replays_total", "crc_errors_total"} & {key[0] for key in found}


def test_where_payload_is_not_counted_packets_are() -> None:
    node = fake.nvlink5_node(1, 1).without(*(f"field * {number} " for number in range(138, 142)))
    node.field(0, fields.NVLINK_XMIT_BYTES, 0, 77).field(0, fields.NVLINK_RCV_BYTES, 0, 88)
    stub = Stub(node)
    found = per_link(sampled(sampler(stub), stub.clock()), "0", "0")
    assert (found["transmit_bytes_total",], found["receive_bytes_total",]) == (77, 88)
    assert ("transmit_raw_bytes_total",) not in found


def test_nvlink_3_has_a_field_a_link() -> None:
    node = fake.plain_node(1, "NVIDIA A100-SXM4-40GB")
    for link in range(12):
        node.call(0, f"nvlink_state.{link}", 1).call(0, f"nvlink_version.{link}", 4)
        for number in (fields.crc_flit(link), fields.crc_data(link), fields.replay(link), fields.recovery(link)):
            node.field(0, number, 0, link)
        node.field(0, fields.ecc_data(link), 0, 0).field(0, fields.speed(link), 0, 25781, kind=fake.UINT)
        for number in range(fields.NVLINK_DATA_TX, fields.NVLINK_RAW_RX + 1):
            node.field(0, number, link, link)
    stub = Stub(node)
    reader = sampler(stub)
    sampled(reader, stub.clock())
    found = per_link(later(reader, stub, 11), "0", "11")
    assert found == {
        ("up",): 1.0,
        ("speed_bytes_per_second",): 25.781e9,
        ("version",): 3.0,
        **{(f"{name}_bytes_total",): 11 * 1024 for name in ("transmit", "receive", "transmit_raw", "receive_raw")},
        **{(f"{name}_total",): 11 for name in ("crc_flit_errors", "crc_data_errors", "replays", "recoveries")},
        ("ecc_data_errors_total",): 0,
    }


def test_what_is_not_supported_and_what_is_blank_is_not_there() -> None:
    node = fake.nvlink4_node(1, 2).field(0, fields.NVLINK_DL_REPLAY, 1, BLANK)
    node.field(0, fields.NVLINK_RAW_TX, 1, (1 << 64) - 1).field(0, fields.NVLINK_SPEED, 1, 0xFFFFFFFF, kind=fake.UINT)
    stub = Stub(node)
    found = sampled(sampler(stub), stub.clock())
    missing = {key[0] for key in per_link(found, "0", "0")} - {key[0] for key in per_link(found, "0", "1")}
    assert missing == {"replays_total", "transmit_raw_bytes_total", "speed_bytes_per_second"}
    assert all(row.value is not None and row.value < BLANK for row in found.values())


def test_one_call_of_field_values_a_gpu() -> None:
    stub = Stub(fake.nvlink4_node())
    reader = sampler(stub)
    sampled(reader, stub.clock())
    later(reader, stub)
    request = stub.children[0].requests[-1]
    assert [row["plans"] for row in request["gpus"]] == [[f"{gpu}.nvlink.fast"] for gpu in range(8)]
    later(reader, stub)
    assert stub.children[0].requests[-1]["plans"] == {}


def test_a_link_that_goes_down_is_an_event() -> None:
    stub = Stub(fake.nvlink4_node(2))
    reader, transitions = sampler(stub), Watching()
    transitions.observe(rows(reader, stub.clock()), stub.clock())
    stub.node.field(1, fields.NVLINK_STATE, 4, 0, kind=fake.UINT)
    now = stub.clock.advance(1)
    (event,) = transitions.observe(rows(reader, now), now)
    assert (event.kind, event.subject) == ("nvlink.down", {"gpu": "1", "link": "4"})


def test_a_link_that_gets_slower_is_an_event() -> None:
    stub = Stub(fake.nvlink4_node(1))
    reader, transitions = sampler(stub), Watching()
    transitions.observe(rows(reader, stub.clock()), stub.clock())
    stub.node.field(0, fields.NVLINK_SPEED, 4, 13281, kind=fake.UINT)
    now = stub.clock.advance(10)
    (event,) = transitions.observe(rows(reader, now), now)
    assert (event.kind, event.attributes["after"]) == ("nvlink.changed", "13281000000")


def test_the_links_of_a_lost_gpu_are_unreadable_and_no_events() -> None:
    stub = Stub(fake.nvlink4_node(2))
    reader, transitions = sampler(stub), Watching()
    transitions.observe(rows(reader, stub.clock()), stub.clock())
    stub.node.line("gone 1 15")
    now = stub.clock.advance(1)
    found = rows(reader, now)
    assert transitions.observe(found, now) == []
    lost = [row for row in found if row.labels[0] == "1" and not row.spec.name.endswith("nvlink_info")]
    assert {row.quality for row in lost} == {Quality.UNREADABLE}
    assert all(row.value is not None for row in found if row.labels[0] == "0")
    stub.node.without("gone")
    assert all(row.value is not None for row in later(reader, stub, 31).values())


def test_a_driver_that_hangs_leaves_no_number_and_the_sample_returns() -> None:
    stub = Stub(fake.nvlink4_node(2))
    reader = sampler(stub)
    sampled(reader, stub.clock())
    stub.node.line("hang 0")
    for _ in range(6):
        began = stub.clock.mono
        found = later(reader, stub, 0)
        assert stub.clock.mono - began < SECOND
        assert all(row.value is None for key, row in found.items() if key[0] != "info" and key[1] == "0")
    stub.clock.advance(1)
    found = later(reader, stub)
    assert found["up", "1", "0"].value == 1.0
    assert found["up", "0", "0"].value is None


def test_counters_that_fall_with_a_reset_are_a_reset() -> None:
    stub = Stub(fake.nvlink4_node(1, 2))
    reader, pipeline = sampler(stub), Pipeline("nvlink", SECOND)
    pipeline.process(rows(reader, stub.clock()), stub.clock())
    for number in range(fields.NVLINK_DATA_TX, fields.NVLINK_RAW_RX + 1):
        stub.node.field(0, number, "*", 10)
    now = stub.clock.advance(1)
    processed = pipeline.process(rows(reader, now), now)
    assert processed.resets == 2 * 4
    assert max(processed.sampled.batch.counters) == (1 << 40) + 10 * 1024


def test_every_reading_is_in_the_table_and_of_its_kind() -> None:
    for node in (fake.nvlink4_node(1, 2), fake.nvlink5_node(1, 2)):
        node.field(0, fields.C2C_LINK_COUNT, 0, 1, kind=fake.UINT).field(0, fields.C2C_STATUS, 0, 1, kind=fake.UINT)
        stub = Stub(node)
        reader = sampler(stub)
        for seconds in (0, 1, 60):
            for row in rows(reader, stub.clock.advance(seconds)):
                assert row.spec in NvlinkSampler.metrics
                assert len(row.labels) == len(row.spec.labels)
                assert isinstance(row.value, int if row.spec.kind is Kind.COUNTER else float), row.spec.name


def test_the_shape_of_a_sample_does_not_change_from_one_to_the_next() -> None:
    stub = Stub(fake.nvlink5_node(2))
    reader = sampler(stub)
    shapes = [[row[:2] for row in rows(reader, stub.clock.advance(seconds))] for seconds in (0, 1, 1, 9, 1, 60, 1)]
    assert all(shape == shapes[0] for shape in shapes)


def test_a_host_without_a_driver_has_nothing_and_is_no_failure(tmp_path: Path) -> None:
    stub = Stub(fake.nvlink4_node(1))
    roots = Roots(proc=str(tmp_path), dev=str(tmp_path))
    reader = NvlinkSampler(NvlinkSettings(), roots, client=stub.client(), clock=stub.clock)
    assert list(reader.sample(stub.clock())) == []
    assert "no NVIDIA driver" in (reader.unavailable() or "")
    assert stub.children == []


def test_why_it_is_not_available() -> None:
    assert sampler(Stub(fake.plain_node(2))).unavailable() == "none of 2 GPUs has NVLink"
    assert sampler(Stub(fake.Node(0))).unavailable() == "NVML lists no GPU"
    assert sampler(Stub(fake.nvlink4_node(1))).unavailable() is None
    assert "DRIVER_NOT_LOADED" in (sampler(Stub(fake.Node(0).line("init 9"))).unavailable() or "")


def test_nvml_that_does_not_start_fails_the_sample() -> None:
    stub = Stub(fake.plain_node(1).line("init 9"))
    with pytest.raises(OSError, match="DRIVER_NOT_LOADED"):
        sampler(stub).sample(stub.clock())


@pytest.fixture
def answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(fake.VARIABLE, str(tmp_path / "answers"))
    return tmp_path / "answers"


@pytest.fixture
def real(tmp_path_factory: pytest.TempPathFactory, answers: Path) -> Iterator[NvlinkSampler]:
    """The sampler with the child process that samplers share, the real bindings and the fake library."""
    settings = NvlinkSettings(nvml_library=str(bindings.built(tmp_path_factory)), deadline_seconds=60)
    reader = NvlinkSampler(settings, Roots())
    yield reader
    reader.close()


@GCC
@pytest.mark.parametrize("node", [fake.nvlink4_node, fake.nvlink5_node])
def test_the_whole_way_from_the_library(real: NvlinkSampler, answers: Path, node: type[fake.Node]) -> None:
    node().write(answers)
    stub = Stub(node())
    reader = sampler(stub)
    assert [row[:3] for row in rows(real, system_clock())] == [row[:3] for row in rows(reader, stub.clock())]
    assert [row[:3] for row in rows(real, system_clock())] == [row[:3] for row in rows(reader, stub.clock())]


@GCC
def test_a_reset_and_a_loss_on_the_whole_way(real: NvlinkSampler, answers: Path) -> None:
    node = fake.nvlink4_node(2, 18)
    node.write(answers)
    sampled(real, system_clock())
    for number in range(fields.NVLINK_DATA_TX, fields.NVLINK_RAW_RX + 1):
        node.field(0, number, "*", 1)
    node.line("gone 1 15").write(answers)
    found = sampled(real, system_clock())
    assert found["transmit_bytes_total", "0", "17"].value == 1024
    assert found["up", "1", "17"].quality is Quality.UNREADABLE


@GCC
def test_counters_that_move_on_the_whole_way(real: NvlinkSampler, answers: Path) -> None:
    fake.nvlink4_node(1, 1, rate=1e9).write(answers)
    first, second = (sampled(real, system_clock())["transmit_bytes_total", "0", "0"].value for _ in range(2))
    assert first is not None
    assert second is not None
    assert second > first > 1 << 40


def test_nvml_that_hangs_at_the_first_start_fails_the_samples_with_that() -> None:
    stub = Stub(fake.nvlink4_node(2, 2).line("hang init"))
    reader, began = sampler(stub), stub.clock.mono
    for _ in range(2):
        with pytest.raises(OSError, match="NVML is starting"):
            rows(reader, stub.clock())
    with pytest.raises(OSError, match="NVML does not open: the NVIDIA driver has not answered for 10 s"):
        rows(reader, stub.clock())
    assert stub.clock.mono - began == 10 * SECOND


def test_gpus_on_the_bus_without_a_driver_or_not_listed_fail_the_sample(tmp_path: Path) -> None:
    tree = pci_tree.PciTree(tmp_path)
    tree.add("0000:17:00.0", pci_tree.GPU)
    tree.write("0000:17:00.0", "vendor", "0x10de\n")
    stub = Stub(fake.Node(0))
    roots = Roots(sys=str(tmp_path), proc=str(tmp_path), dev=str(tmp_path))
    reader = NvlinkSampler(NvlinkSettings(), roots, client=stub.client(), clock=stub.clock)
    with pytest.raises(OSError, match=r"has 1 NVIDIA GPU .*no NVIDIA driver"):
        rows(reader, stub.clock())
    (tmp_path / "nvidiactl").touch()
    with pytest.raises(OSError, match="NVML lists 0: is the driver loaded"):
        rows(reader, stub.clock())
    assert "NVML lists 0" in (reader.unavailable() or "")
