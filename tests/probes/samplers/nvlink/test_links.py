from __future__ import annotations

from fabricscope.model import Quality, Reading
from probes.samplers.nvlink import metrics
from probes.samplers.nvlink.links import GpuLinks
from probes.sources.nvml import fields
from probes.sources.nvml.columns import ASK_AGAIN_NS
from probes.sources.nvml.replies import Call
from tests.fixtures.nvml import fake
from tests.fixtures.nvml.stub import SECOND, Stub

SLOW = 10 * SECOND


class Gpu:
    """One GPU of a node, asked through a client."""

    def __init__(self, node: fake.Node, *, fec: bool = True) -> None:
        self.stub = Stub(node)
        self._client = self.stub.client()
        self.links = GpuLinks(0, SLOW, fec=fec)
        self.asked: list[str] = []
        until = self.stub.clock.mono + SECOND
        self._client.gpus(until)
        self.links.discover(self._client.ask({0: self.links.discovery()}, until).gpus[0])

    def read(self, seconds: float = 1) -> dict[tuple[str, ...], Reading]:
        now = self.stub.clock.advance(seconds).mono
        ask = self.links.ask(now)
        self.asked = [*(plan.key for plan in ask.plans), *ask.calls]
        said = self._client.ask({0: ask}, now + SECOND).gpus[0]
        rows = self.links.readings(said, now)
        return {(row.spec.name.removeprefix("fabricscope_nvlink_"), *row.labels): row for row in rows}


def test_only_links_that_there_are() -> None:
    gpu = Gpu(fake.nvlink4_node(1, 6))
    assert gpu.links.count == 6
    assert {key[2] for key in gpu.read() if key[0] == "up"} == {str(link) for link in range(6)}


def test_a_gpu_without_nvlink_has_nothing() -> None:
    gpu = Gpu(fake.plain_node(1))
    assert (gpu.links.discovered, gpu.links.count) == (True, 0)
    assert gpu.read() == {}


def test_a_gpu_that_could_not_be_asked_is_not_taken_to_have_no_links() -> None:
    links = GpuLinks(0, SLOW, fec=True)
    gpu = Gpu(fake.nvlink4_node(1, 2))
    until = gpu.stub.clock.mono + SECOND
    said = gpu._client.ask({0: links.discovery()}, until).gpus[0]
    failed = said._replace(calls={"link_states": said.calls["link_states"]._replace(code=999, value=None)})
    links.discover(failed)
    assert not links.discovered
    links.discover(said)
    assert links.count == 2


def test_what_seldom_changes_is_read_seldom() -> None:
    gpu = Gpu(fake.nvlink4_node(1, 2))
    gpu.read()
    assert gpu.asked == [
        "nvlink.fast",
        "nvlink.slow",
        "nvlink.remote",
        "nvlink.c2c",
        "fabric",
        "remotes",
        "link_states",
    ]
    rows = gpu.read()
    assert gpu.asked == ["nvlink.fast"]
    assert rows["speed_bytes_per_second", "0", "1"].value == 26.562e9
    gpu.read(10)
    assert gpu.asked == ["nvlink.fast", "nvlink.slow", "fabric"]
    gpu.read(ASK_AGAIN_NS / SECOND)
    assert "remotes" in gpu.asked


def test_a_gpu_in_no_fabric_is_asked_about_it_once_a_minute() -> None:
    gpu = Gpu(fake.nvlink4_node(1, 2).without("call * fabric"))
    gpu.read()
    gpu.read(11)
    assert "fabric" not in gpu.asked


def test_a_fabric_that_cannot_be_asked_about_for_a_moment_has_no_values() -> None:
    node = fake.nvlink4_node(1, 2)
    gpu = Gpu(node)
    before = {key for key in gpu.read() if key[0].startswith("fabric_")}
    assert {key[0] for key in before} == {"fabric_state", "fabric_status", "fabric_info", "fabric_unhealthy"}
    node.call(0, "fabric", "-", 27)
    for _ in range(2):
        rows = gpu.read(11)
        failed = {key: row for key, row in rows.items() if key[0].startswith("fabric_")}
        assert failed.keys() == before
        assert {(row.value, row.quality) for row in failed.values()} == {(None, Quality.UNREADABLE)}
    node.without("call 0 fabric")
    assert gpu.read(11)["fabric_state", "0"].value == 3.0
    node.call(0, "fabric", "-", fake.NOT_SUPPORTED)
    assert not {key for key in gpu.read(11) if key[0].startswith("fabric_")}


def test_a_version_by_a_call_that_fails_for_a_moment_has_no_value() -> None:
    node = fake.nvlink4_node(1, 1).without(f"field * {fields.NVLINK_VERSION} ")
    gpu = Gpu(node)
    gpu.read()
    assert gpu.read(11)["version", "0", "0"].value == 4.0
    now = gpu.stub.clock.advance(11).mono
    said = gpu._client.ask({0: gpu.links.ask(now)}, now + SECOND).gpus[0]
    said = said._replace(calls={**said.calls, "link_versions": Call(27, None)})
    (row,) = (row for row in gpu.links.readings(said, now) if row.spec is metrics.VERSION)
    assert (row.value, row.quality) == (None, Quality.UNREADABLE)


def test_a_link_that_comes_up_is_asked_for_everything_at_once() -> None:
    node = fake.nvlink4_node(1, 2).field(0, fields.NVLINK_STATE, 1, 0, kind=fake.UINT)
    for number in (fields.NVLINK_DATA_TX, fields.NVLINK_SPEED):
        node.field(0, number, 1, 0, code=fake.NOT_SUPPORTED)
    gpu = Gpu(node)
    rows = gpu.read()
    assert rows["up", "0", "1"].value == 0.0
    assert ("transmit_bytes_total", "0", "1") not in rows
    node.field(0, fields.NVLINK_STATE, 1, 1, kind=fake.UINT).field(0, fields.NVLINK_DATA_TX, 1, 5)
    node.field(0, fields.NVLINK_SPEED, 1, 26562, kind=fake.UINT)
    assert gpu.read()["up", "0", "1"].value == 1.0
    rows = gpu.read()
    assert rows["transmit_bytes_total", "0", "1"].value == 5 * 1024
    assert rows["speed_bytes_per_second", "0", "1"].value == 26.562e9


def test_an_old_driver_has_states_and_versions_by_a_call() -> None:
    node = fake.nvlink4_node(1, 3).without(*(f"field * {number} " for number in (164, 165, 166)))
    node.call(0, "nvlink_state.2", 0)
    for link in range(3):
        node.field(0, fields.speed(link), 0, 25000, kind=fake.UINT)
    gpu = Gpu(node)
    for _ in range(2):
        rows = gpu.read(11)
    assert "link_states" in gpu.asked
    assert [rows["up", "0", str(link)].value for link in range(3)] == [1.0, 1.0, 0.0]
    assert rows["speed_bytes_per_second", "0", "0"].value == 25e9
    assert rows["version", "0", "0"].value == 4.0
    node.without("call * nvlink_state", "call 0 nvlink_state")
    rows = gpu.read()
    assert rows["up", "0", "0"].quality is Quality.UNREADABLE


def test_a_link_that_the_gpu_does_not_have_is_not_there() -> None:
    node = fake.nvlink4_node(1, 3).without(*(f"field * {number} " for number in (164, 165, 166)))
    node.without("call * nvlink_state.1", "call 0 nvlink_state.1")
    gpu = Gpu(node)
    for _ in range(2):
        rows = gpu.read(11)
    assert [rows["up", "0", link].value for link in ("0", "2")] == [1.0, 1.0]
    assert ("up", "0", "1") not in rows


def test_the_far_ends() -> None:
    node = fake.nvlink4_node(1, 4)
    node.call(0, "remote_type.0", 0).call(0, "remote_type.1", 1).call(0, "remote_type.2", 255)
    node.call(0, "remote_address.2", "00000000:00:00.0").field(0, fields.NVLINK_REMOTE_LINK, 3, 0, code=3)
    info = {key[1:] for key in Gpu(node).read() if key[0] == "info"}
    assert info == {
        ("0", "0", "gpu", "0000:05:00.0", "0"),
        ("0", "1", "host", "0000:06:00.0", "2"),
        ("0", "2", "unknown", "", "4"),
        ("0", "3", "switch", "0000:08:00.0", ""),
    }


def test_links_that_appear_are_found_within_a_minute() -> None:
    node = fake.nvlink4_node(1, 2)
    gpu = Gpu(node)
    gpu.read()
    node.lines = fake.nvlink4_node(1, 4).lines
    gpu.read(60)
    assert {key[2] for key in gpu.read() if key[0] == "up"} == {"0", "1", "2", "3"}


def test_c2c_links() -> None:
    node = fake.plain_node(1).field(0, fields.C2C_LINK_COUNT, 0, 5, kind=fake.UINT)
    for link in range(5):
        node.field(0, fields.C2C_STATUS, link, int(link != 3), kind=fake.UINT)
        node.field(0, fields.C2C_MAX_BANDWIDTH, link, 44712, kind=fake.UINT)
        node.field(0, fields.C2C_ERROR_REPLAYS, link, link)
    rows = Gpu(node).read()
    assert [rows["c2c_up", "0", str(link)].value for link in range(5)] == [1.0, 1.0, 1.0, 0.0, 1.0]
    assert rows["c2c_speed_bytes_per_second", "0", "0"].value == 44.712e9
    assert rows["c2c_errors_total", "0", "4", "replay"].value == 4
    assert ("c2c_errors_total", "0", "4", "interrupt") not in rows


def test_a_count_that_makes_no_sense_is_bounded() -> None:
    node = fake.plain_node(1).field(0, fields.C2C_LINK_COUNT, 0, 1 << 40).field(0, fields.C2C_STATUS, "*", 1)
    assert Gpu(node).links.count == 16


def test_a_silent_gpu_has_no_numbers() -> None:
    gpu = Gpu(fake.nvlink4_node(1, 2))
    gpu.read()
    rows = gpu.links.silent()
    assert {row.quality for row in rows if row.spec is not metrics.INFO} == {Quality.UNREADABLE}
    assert {row.value for row in rows if row.spec is metrics.INFO} == {1.0}


def test_no_bins_of_fec_when_they_are_not_wanted() -> None:
    with_bins, without = (Gpu(fake.nvlink5_node(1, 2), fec=fec).read() for fec in (True, False))
    assert len(with_bins) - len(without) == 2 * 16
