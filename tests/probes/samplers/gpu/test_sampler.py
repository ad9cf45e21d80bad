from __future__ import annotations

from pathlib import Path

import pytest

from fabricscope.model import Kind, Quality
from probes.samplers.gpu import GpuSampler, GpuSettings
from probes.sampling.pipeline import Pipeline
from probes.sampling.sampler import Roots
from probes.sources.nvml import fields
from probes.sources.nvml.errors import NvmlError
from tests.fixtures import pci_tree
from tests.fixtures.nvml import fake
from tests.fixtures.nvml.stub import SECOND, Stub
from tests.probes.following import Watching
from tests.probes.samplers.gpu.desk import Sampled, later, sampler


def test_a_node() -> None:
    stub = Stub(fake.plain_node(8).field(2, fields.PCIE_REPLAYS, 0, 42, kind=fake.UINT))
    reader = sampler(stub)
    Sampled(reader, stub)
    sampled = later(reader, stub)
    assert sampled.up == [1.0] * 8
    assert sampled.value("pcie_generation", "2") == 5.0
    assert sampled.value("pcie_width_lanes", "2") == 16.0
    assert sampled.value("pcie_replays_total", "2") == 42
    assert sampled.value("pcie_errors_total", "2", "bad_tlp") == 0
    assert sampled.value("temperature_limit_celsius", "2", "slowdown") == 89.0
    assert sampled.value("temperature_celsius", "2", "memory") == 41.0
    assert sampled.value("power_watts", "2") == 70.25
    assert sampled.value("pcie_transmit_bytes_per_second", "2") == 1000 * 1024 * 1024
    uuid = "GPU-00000002-0000-0000-0000-000000000000"
    info = ("info", "2", uuid, fake.gpu_address(2), "NVIDIA H100 80GB HBM3", "1650000000002", "580.105.08")
    assert (*info, "96.00.99.00.01") in sampled.by
    assert sampled.events == []


def test_what_the_gpu_does_not_have_is_not_there() -> None:
    stub = Stub(fake.plain_node(1).without("field * 94 ", "call * gpm", "call * temperature_"))
    sampled = Sampled(sampler(stub), stub)
    names = {key[0] for key in sampled.by}
    assert not names & {
        *("pcie_replays_total", "pcie_transmit_bytes_per_second", "temperature_limit_celsius"),
        *("temperature_margin_limit_celsius", "pcie_transmit_bytes_total"),
    }
    assert all(row.quality is Quality.OK for row in sampled.rows)


def test_every_reading_is_in_the_table_and_of_its_kind() -> None:
    node = fake.plain_node(2).field("*", fields.SLOWDOWN_MARGIN, 0, -2, kind=fake.INT)
    node.field("*", fields.PCIE_TX_BYTES, 0, 1 << 40).field("*", fields.PCIE_L0_TO_RECOVERY, 0, 3, kind=fake.UINT)
    stub = Stub(node)
    reader = sampler(stub)
    for sampled in (Sampled(reader, stub), later(reader, stub), later(reader, stub, 60)):
        for row in sampled.rows:
            assert row.spec in GpuSampler.metrics
            assert len(row.labels) == len(row.spec.labels)
            if row.value is not None:
                assert isinstance(row.value, int if row.spec.kind is Kind.COUNTER else float), row.spec.name


def test_the_shape_of_a_sample_does_not_change_from_one_to_the_next() -> None:
    stub = Stub(fake.plain_node(8))
    reader = sampler(stub)
    shapes = [[row[:2] for row in later(reader, stub, seconds).rows] for seconds in (1, 1, 9, 1, 60, 1)]
    assert all(shape == shapes[0] for shape in shapes)


@pytest.mark.parametrize(("code", "word"), [(15, "GPU_IS_LOST"), (16, "RESET_REQUIRED"), (999, "UNKNOWN")])
def test_a_lost_gpu_is_down_has_no_numbers_and_the_others_go_on(code: int, word: str) -> None:
    stub = Stub(fake.plain_node(3))
    reader, transitions = sampler(stub), Watching()
    transitions.observe(Sampled(reader, stub).rows, stub.clock())
    stub.node.line(f"gone 1 {code}")
    sampled = later(reader, stub)
    assert sampled.up == [1.0, 0.0, 1.0]
    assert sampled.kinds == [("gpu.lost", "1")]
    assert sampled.events[0].attributes == {"reason": f"NVML says {word}"}
    assert [event.kind for event in transitions.observe(sampled.rows, stub.clock())] == ["gpu.down"]
    assert sampled.by["temperature_celsius", "1", "gpu"].quality is Quality.UNREADABLE
    assert sampled.value("temperature_celsius", "2", "gpu") == 34.0
    assert later(reader, stub).events == []
    stub.node.without("gone")
    sampled = later(reader, stub, 31)
    assert sampled.kinds == [("gpu.recovered", "1")]
    assert sampled.up == [1.0] * 3
    assert sampled.value("temperature_celsius", "1", "gpu") == 34.0


def test_a_gpu_that_nvml_no_longer_lists_is_lost_under_its_own_number() -> None:
    stub = Stub(fake.plain_node(3))
    reader = sampler(stub)
    Sampled(reader, stub)
    stub.node.line("gone 1 15")
    later(reader, stub)
    stub.node = fake.plain_node(2).call(1, "address", "00000000:37:00.0").call(1, "temperature", 55)
    sampled = later(reader, stub, 31)
    assert sampled.up == [1.0, 0.0, 1.0]
    assert sampled.value("temperature_celsius", "2", "gpu") == 55.0
    # It was lost before, and still is.
    assert sampled.events == []


def test_a_gpu_that_cannot_be_opened_is_lost_from_the_start() -> None:
    stub = Stub(fake.plain_node(2).line("open 1 999"))
    reader = sampler(stub)
    sampled = Sampled(reader, stub)
    assert sampled.up == [1.0, 0.0]
    # When that happened is not known, so it is no event; what comes of it is.
    assert sampled.events == []
    assert later(reader, stub).events == []
    stub.node.without("open")
    sampled = later(reader, stub, 31)
    assert sampled.kinds == [("gpu.recovered", "1")]
    assert "it was lost: NVML cannot open it: UNKNOWN" in sampled.events[0].message
    stub.node.line("gone 1 15")
    assert later(reader, stub).kinds == [("gpu.lost", "1")]


def test_a_gpu_that_was_lost_before_is_not_told_of_at_each_start() -> None:
    stub = Stub(fake.plain_node(2).line("gone 1 15"))
    for _ in range(2):
        sampled = Sampled(sampler(stub), stub)
        assert (sampled.up, sampled.events) == ([1.0, 0.0], [])


def test_a_hang_in_the_first_look_at_a_gpu_is_told() -> None:
    stub = Stub(fake.plain_node(2))
    reader = sampler(stub)
    assert reader.unavailable() is None
    stub.node.line("hang 1")
    assert until_hung(reader, stub)[-1].kinds == [("gpu.hung", "1")]


def until_hung(reader: GpuSampler, stub: Stub) -> list[Sampled]:
    samples = [later(reader, stub)]
    while not samples[-1].events:
        samples.append(later(reader, stub))
        assert len(samples) < 10
    return samples


def test_a_driver_that_hangs_in_one_gpu() -> None:
    stub = Stub(fake.plain_node(3))
    reader = sampler(stub)
    Sampled(reader, stub)
    stub.node.line("hang 1")
    samples = until_hung(reader, stub)
    # While it is not known what is the matter, nothing is said that is not known.
    assert samples[0].up == [None, None, None]
    assert all(row.value is None for key, row in samples[0].by.items() if key[0] != "info")
    assert samples[-1].kinds == [("gpu.hung", "1")]
    assert samples[-1].up == [None, 0.0, None]
    sampled = later(reader, stub, 2)
    assert (sampled.up, sampled.events) == ([1.0, 0.0, 1.0], [])
    assert sampled.value("temperature_celsius", "2", "gpu") == 34.0
    stub.node.without("hang")
    sampled = later(reader, stub, 60)
    assert (sampled.up, sampled.kinds) == ([1.0] * 3, [("gpu.recovered", "1")])
    why = "it was hung: the NVIDIA driver has not answered for 2 s in a call about GPU 1"
    assert sampled.events[0].attributes == {"reason": f"it answers again; {why}"}


def test_a_child_that_cannot_be_killed_is_waited_for_and_no_number_is_repeated() -> None:
    stub = Stub(fake.plain_node(2), unkillable=True)
    reader = sampler(stub)
    Sampled(reader, stub)
    stub.node.line("hang 0")
    until_hung(reader, stub)
    for _ in range(20):
        sampled = later(reader, stub, 10)
        assert (sampled.up, sampled.events) == ([0.0, None], [])
        assert all(row.value is None for key, row in sampled.by.items() if key[0] not in ("info", "up"))
    assert len(stub.children) == 1


def test_a_driver_that_hangs_while_nvml_starts_hangs_for_all() -> None:
    stub = Stub(fake.plain_node(2))
    reader = sampler(stub)
    Sampled(reader, stub)
    stub.children[0].crash()
    stub.node.line("hang init")
    with pytest.raises(NvmlError, match="crashed"):
        later(reader, stub)
    sampled = later(reader, stub)
    while not sampled.events:
        sampled = later(reader, stub)
    assert sampled.kinds == [("gpu.hung", "0"), ("gpu.hung", "1")]
    assert sampled.up == [0.0, 0.0]


def test_nvml_that_does_not_start_fails_the_sample() -> None:
    stub = Stub(fake.plain_node(1).line("init 18"))
    with pytest.raises(OSError, match="LIB_RM_VERSION_MISMATCH; the driver was updated"):
        list(sampler(stub).sample(stub.clock()))


def test_a_first_start_that_takes_too_long_fails_the_sample_and_the_next_has_it() -> None:
    stub = Stub(fake.plain_node(1), hello_after=6 * SECOND)
    reader = sampler(stub)
    with pytest.raises(OSError, match="NVML is starting"):
        Sampled(reader, stub)
    assert later(reader, stub).up == [1.0]


def until_told(reader: GpuSampler, stub: Stub) -> Sampled:
    """Samples that fail, up to the one that tells of something before it does, or works."""
    for _ in range(400):
        try:
            sampled = Sampled(reader, stub)
        except OSError:
            stub.clock.advance(1)
            continue
        return sampled
    raise AssertionError("nothing was told")


def test_nvml_that_hangs_at_the_first_start_is_told_and_fails_the_samples() -> None:
    stub = Stub(fake.plain_node(2).line("hang init"))
    reader, began = sampler(stub), stub.clock.mono
    with pytest.raises(OSError, match="NVML is starting"):
        Sampled(reader, stub)
    sampled = until_told(reader, stub)
    reason = "NVML does not open: the NVIDIA driver has not answered for 10 s"
    assert [(event.kind, event.subject, event.attributes) for event in sampled.events] == [
        ("gpu.hung", {"gpu": "all"}, {"reason": reason})
    ]
    assert (stub.clock.mono - began, sampled.rows, str(sampled.error)) == (10 * SECOND, [], reason)
    # Told once, and a failure for as long as it lasts: also past the child's end and the next one's start.
    while len(stub.children) < 3:
        with pytest.raises(OSError, match="has not answered"):
            later(reader, stub)
    stub.node.without("hang")
    while not (sampled := until_told(reader, stub)).rows:
        stub.clock.advance(1)
    assert sampled.up == [1.0, 1.0]
    assert sampled.kinds == [("gpu.recovered", "all")]
    assert later(reader, stub).events == []


def test_a_gpu_that_hangs_at_the_first_start_is_told_once_and_the_others_are_seen() -> None:
    stub = Stub(fake.plain_node(3).line("hang 2"))
    reader, began = sampler(stub), stub.clock.mono
    assert until_told(reader, stub).kinds == [("gpu.hung", "2")]
    assert stub.clock.mono - began == 10 * SECOND
    sampled = until_told(reader, stub)
    assert (sampled.up, sampled.events) == ([1.0, 1.0, 0.0], [])
    assert stub.clock.mono - began <= 35 * SECOND
    stub.node.without("hang")
    sampled = later(reader, stub, 60)
    assert (sampled.up, sampled.kinds) == ([1.0] * 3, [("gpu.recovered", "2")])
    assert "NVML does not open: the NVIDIA driver has not answered for 10 s" in sampled.events[0].message


def test_a_driver_that_is_there_and_does_not_let_nvml_in_fails_each_sample() -> None:
    for code, word in ((9, "DRIVER_NOT_LOADED"), (12, "LIBRARY_NOT_FOUND"), (18, "LIB_RM_VERSION_MISMATCH")):
        stub = Stub(fake.plain_node(1).line(f"init {code}"))
        reader = sampler(stub)
        for _ in range(20):
            with pytest.raises(OSError, match=word):
                later(reader, stub)


def test_gpus_on_the_bus_without_a_driver_or_not_listed_fail_the_sample(tmp_path: Path) -> None:
    tree = pci_tree.PciTree(tmp_path)
    tree.add("0000:17:00.0", pci_tree.GPU)
    tree.write("0000:17:00.0", "vendor", "0x10de\n")
    stub = Stub(fake.Node(0))
    roots = Roots(sys=str(tmp_path), proc=str(tmp_path), dev=str(tmp_path))
    reader = GpuSampler(GpuSettings(), roots, client=stub.client(), clock=stub.clock)
    with pytest.raises(OSError, match=r"has 1 NVIDIA GPU \(1 without a driver\), and no NVIDIA driver"):
        Sampled(reader, stub)
    assert stub.children == []
    (tmp_path / "nvidiactl").touch()
    with pytest.raises(OSError, match="NVML lists 0: is the driver loaded"):
        Sampled(reader, stub)
    assert "NVML lists 0" in (reader.unavailable() or "")
    # One that comes later is found.
    stub.node = fake.plain_node(1)
    assert later(reader, stub, 31).up == [1.0]


def test_xids_are_events() -> None:
    stub = Stub(fake.plain_node(2))
    reader = sampler(stub)
    Sampled(reader, stub)
    stub.node.line("xid 1 79")
    (event,) = later(reader, stub).events
    assert (event.kind, event.subject) == ("gpu.xid", {"gpu": "1", "address": fake.gpu_address(1)})
    assert event.attributes["xid"] == "79"
    assert later(reader, stub).events == []


def test_mig_instances() -> None:
    node = fake.plain_node(1).call(0, "mig_mode", 1)
    node.call(0, "uuid.0", "MIG-1").call(0, "name.0", "H100 MIG 3g.40gb")
    node.call(0, "gpu_instance.0", 1).call(0, "compute_instance.0", 0)
    stub = Stub(node)
    assert ("mig_instance_info", "0", "MIG-1", "H100 MIG 3g.40gb", "1", "0") in Sampled(sampler(stub), stub).by


def test_counters_that_restart_are_a_reset_and_no_burst_of_errors() -> None:
    stub = Stub(fake.plain_node(1).field(0, fields.PCIE_REPLAYS, 0, 900, kind=fake.UINT))
    reader, pipeline = sampler(stub), Pipeline("gpu", SECOND)
    pipeline.process(Sampled(reader, stub).rows, stub.clock())
    stub.node.field(0, fields.PCIE_REPLAYS, 0, 2, kind=fake.UINT)
    processed = pipeline.process(later(reader, stub).rows, stub.clock())
    assert processed.resets == 1
    series = processed.sampled.series_set.counters
    (index,) = (place for place, one in enumerate(series) if one.spec.name == "fabricscope_gpu_pcie_replays_total")
    assert processed.sampled.batch.counters[index] == 902
    assert processed.sampled.batch.qualities[index] == Quality.RESET


def test_a_host_without_a_driver_has_nothing_and_is_no_failure(tmp_path: Path) -> None:
    stub = Stub(fake.plain_node(1))
    roots = Roots(sys=str(tmp_path), proc=str(tmp_path), dev=str(tmp_path))
    reader = GpuSampler(GpuSettings(), roots, client=stub.client(), clock=stub.clock)
    assert list(reader.sample(stub.clock())) == []
    assert "no NVIDIA driver" in (reader.unavailable() or "")
    assert stub.children == []
    (tmp_path / "nvidiactl").touch()
    assert reader.unavailable() is None
    assert Sampled(reader, stub).up == [1.0]


def test_why_it_is_not_available() -> None:
    assert sampler(Stub(fake.Node(0))).unavailable() == "NVML lists no GPU"
    assert "DRIVER_NOT_LOADED" in (sampler(Stub(fake.plain_node(1).line("init 9"))).unavailable() or "")
