"""GPUs of real nodes, as nvidia-smi told of them: put into the fake library, and read back the whole way.

The facts go in as NVML's types and units have them (milliwatts, MB/s, bits of a mask), by the raw side of this test
alone, and what comes out of child process, bindings and samplers is compared with what nvidia-smi printed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from fabricscope.clock import system_clock
from fabricscope.model import Reading
from probes.samplers.gpu import GpuSampler, GpuSettings
from probes.samplers.nvlink import NvlinkSampler, NvlinkSettings
from probes.sampling.sampler import Roots
from probes.sources.nvml import fields
from tests.conformance.scores import Score, Scoring
from tests.conformance.trees import hardware
from tests.fixtures.nvml import bindings, fake
from tests.fixtures.nvml.bindings import GCC

pytestmark = GCC

Rows = dict[tuple[str, ...], Reading]
Read = Callable[[fake.Node], Rows]

LINK = re.compile(r"\s*Link (\d+): ([\d.]+) GB/s")
STATES = {"Not Started": 1, "In Progress": 2, "Completed": 3}
FLAGS = {"True": 1, "False": 2}
HEALTH = {
    "degraded_bandwidth": ("bandwidth", 0, {"Degraded": 1, "Full": 2}),
    "route_recovery": ("route_recovery_in_progress", 2, FLAGS),
    "route_unhealthy": ("route_unhealthy", 4, FLAGS),
    "access_timeout_recovery": ("access_timeout_recovery", 6, FLAGS),
}
REASONS = {
    "sw_power_cap": ("sw_power_cap", 0x4),
    "hw_slowdown": ("hw_slowdown", 0x8),
    "sw_thermal": ("sw_thermal_slowdown", 0x20),
    "hw_thermal": ("hw_thermal_slowdown", 0x40),
    "hw_power_brake": ("hw_power_brake_slowdown", 0x80),
}


@pytest.fixture
def read(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Read]:
    """Both samplers' readings of a node, by metric without its prefix, then labels."""
    library, answers = str(bindings.built(tmp_path_factory)), tmp_path / "answers"
    monkeypatch.setenv(fake.VARIABLE, str(answers))
    gpu = GpuSampler(GpuSettings(nvml_library=library, deadline_seconds=60), Roots())
    nvlink = NvlinkSampler(NvlinkSettings(nvml_library=library, deadline_seconds=60), Roots())

    def rows(node: fake.Node) -> Rows:
        node.write(answers)
        found = [*gpu.sample(system_clock()), *nvlink.sample(system_clock())]
        return {
            (row.spec.name.removeprefix("fabricscope_"), *row.labels): row for row in found if isinstance(row, Reading)
        }

    yield rows
    gpu.close()
    nvlink.close()


class Smi:
    """One `<gpu>` of nvidia-smi -q -x."""

    def __init__(self, element: ElementTree.Element) -> None:
        self._element = element

    def text(self, path: str) -> str | None:
        """What stands there; None for N/A and for what is not there."""
        found = self._element.findtext(path)
        return None if found is None or found in ("N/A", "[N/A]") else found

    def number(self, path: str) -> float | None:
        """The number that stands there, without its unit."""
        text = self.text(path)
        return None if text is None else float(re.split(r"[ x]", text)[0])

    @property
    def address(self) -> str:
        """As /sys/bus/pci/devices has it."""
        text = self.text("pci/pci_bus_id") or ""
        return text.lower()[-len("0000:00:00.0") :]


CALLS = {
    "pcie_generation": ("pci/pci_gpu_link_info/pcie_gen/current_link_gen", 1, "gpu_pcie_generation", ()),
    "pcie_generation_max": ("pci/pci_gpu_link_info/pcie_gen/max_link_gen", 1, "gpu_pcie_generation_max", ()),
    "pcie_width": ("pci/pci_gpu_link_info/link_widths/current_link_width", 1, "gpu_pcie_width_lanes", ()),
    "pcie_width_max": ("pci/pci_gpu_link_info/link_widths/max_link_width", 1, "gpu_pcie_width_max_lanes", ()),
    "temperature": ("temperature/gpu_temp", 1, "gpu_temperature_celsius", ("gpu",)),
    "temperature_margin": ("temperature/gpu_temp_tlimit", 1, "gpu_temperature_margin_celsius", ()),
    "temperature_shutdown": ("temperature/gpu_temp_max_threshold", 1, "gpu_temperature_limit_celsius", ("shutdown",)),
    "temperature_slowdown": ("temperature/gpu_temp_slow_threshold", 1, "gpu_temperature_limit_celsius", ("slowdown",)),
    "power_limit": ("gpu_power_readings/current_power_limit", 1000, "gpu_power_limit_watts", ()),
}
FIELDS = {
    fields.PCIE_REPLAYS: ("pci/replay_counter", 1, fake.UINT, "gpu_pcie_replays_total", ()),
    fields.PCIE_REPLAY_ROLLOVERS: ("pci/replay_rollover_counter", 1, fake.UINT, "gpu_pcie_replay_rollovers_total", ()),
    fields.POWER_INSTANT: ("gpu_power_readings/instant_power_draw", 1000, fake.UINT, "gpu_power_watts", ()),
    fields.MEMORY_TEMPERATURE: ("temperature/memory_temp", 1, fake.UINT, "gpu_temperature_celsius", ("memory",)),
    fields.SHUTDOWN_MARGIN: (
        *("temperature/gpu_temp_max_tlimit_threshold", 1, fake.INT),
        *("gpu_temperature_margin_limit_celsius", ("shutdown",)),
    ),
    fields.SLOWDOWN_MARGIN: (
        *("temperature/gpu_temp_slow_tlimit_threshold", 1, fake.INT),
        *("gpu_temperature_margin_limit_celsius", ("slowdown",)),
    ),
    fields.ECC_UNCORRECTED_VOLATILE: (
        *("ecc_errors/volatile/dram_uncorrectable", 1, fake.ULONG_LONG, "gpu_memory_uncorrected_errors_total", ()),
    ),
    fields.POLICY_POWER: (
        "clocks_event_reasons_counters/clocks_event_reasons_counters_sw_power_cap",
        *(1000, fake.ULONG_LONG, "gpu_throttled_seconds_total", ("sw_power_cap",)),
    ),
    fields.THROTTLED_SW_THERMAL: (
        "clocks_event_reasons_counters/clocks_event_reasons_counters_sw_therm_slowdown",
        *(1000, fake.ULONG_LONG, "gpu_throttled_seconds_total", ("sw_thermal",)),
    ),
    fields.THROTTLED_HW_THERMAL: (
        "clocks_event_reasons_counters/clocks_event_reasons_counters_hw_therm_slowdown",
        *(1000, fake.ULONG_LONG, "gpu_throttled_seconds_total", ("hw_thermal",)),
    ),
    fields.THROTTLED_HW_POWER_BRAKE: (
        "clocks_event_reasons_counters/clocks_event_reasons_counters_hw_power_brake",
        *(1000, fake.ULONG_LONG, "gpu_throttled_seconds_total", ("hw_power_brake",)),
    ),
}
YES_NO = {"Yes": 1, "No": 0}
ANSWERS = {
    fields.REMAPPED_PENDING: ("remapped_rows/remapped_row_pending", "gpu_row_remap_pending"),
    fields.REMAPPED_FAILURE: ("remapped_rows/remapped_row_failure", "gpu_row_remap_failure"),
}


def library_of(gpus: list[Smi], driver: str) -> fake.Node:
    """The facts as NVML has them."""
    node = fake.Node(len(gpus), driver)
    for index, gpu in enumerate(gpus):
        node.call(index, "address", gpu.text("pci/pci_bus_id"))
        for name, path in {
            "uuid": "uuid",
            "name": "product_name",
            "serial": "serial",
            "vbios": "vbios_version",
        }.items():
            node.call(index, name, gpu.text(path) or "")
        for name, (path, factor, *_) in CALLS.items():
            if (value := gpu.number(path)) is not None:
                node.call(index, name, round(value * factor))
        for number, (path, factor, kind, *_) in FIELDS.items():
            if (value := gpu.number(path)) is not None:
                node.field(index, number, 0, round(value * factor), kind=kind)
        for number, (path, _) in ANSWERS.items():
            if (text := gpu.text(path)) is not None:
                node.field(index, number, 0, YES_NO[text], kind=fake.UINT)
        active = [
            bit
            for name, bit in REASONS.values()
            if gpu.text(f"clocks_event_reasons/clocks_event_reason_{name}") == "Active"
        ]
        node.call(index, "clocks_event_reasons", sum(active))
        if (state := gpu.text("fabric/state")) is not None:
            mask = sum(
                words.get(gpu.text(f"fabric/health/{path}") or "", 0) << shift for path, shift, words in HEALTH.values()
            )
            digits = (gpu.text("fabric/clusterUuid") or "").replace("-", "")
            clique = gpu.text("fabric/cliqueId")
            node.call(index, "fabric", f"3 {STATES[state]} 0 {clique} {mask:x} 0 {digits}")
    return node


def compare_gpu(score: Score, where: str, rows: Rows, index: str, gpu: Smi, driver: str) -> None:
    def ours(metric: str, *labels: str) -> int | float | None:
        row = rows.get((metric, index, *labels))
        return None if row is None else row.value

    for name, (path, _, metric, labels) in CALLS.items():
        score.compare(f"{where} {name}", ours(metric, *labels), gpu.number(path))
    for path, factor, _, metric, labels in FIELDS.values():
        expected = gpu.number(path)
        if metric.endswith("seconds_total") and expected is not None:
            expected *= factor
        score.compare(f"{where} {path}", ours(metric, *labels), expected)
    for path, metric in ANSWERS.values():
        text = gpu.text(path)
        score.compare(f"{where} {path}", ours(metric), None if text is None else YES_NO[text])
    for reason, (name, _) in REASONS.items():
        text = gpu.text(f"clocks_event_reasons/clocks_event_reason_{name}")
        score.compare(f"{where} {reason}", ours("gpu_throttled", reason), float(text == "Active"))
    identity = (gpu.text("uuid"), gpu.address, gpu.text("product_name"), gpu.text("serial"), driver)
    score.compare(
        f"{where} info",
        [key[2:] for key in rows if key[:2] == ("gpu_info", index)],
        [(*identity, gpu.text("vbios_version"))],
    )
    state = gpu.text("fabric/state")
    score.compare(f"{where} fabric state", ours("nvlink_fabric_state"), None if state is None else STATES[state])
    for cause, (path, _, words) in HEALTH.items():
        text = gpu.text(f"fabric/health/{path}")
        expected = None if text is None else float(words[text] == 1)
        score.compare(f"{where} {cause}", ours("nvlink_fabric_unhealthy", cause), expected)
    cluster = gpu.text("fabric/clusterUuid") or ""
    member = [key[2:] for key in rows if key[:2] == ("nvlink_fabric_info", index)]
    expected_member = [] if state is None else [(cluster if cluster.strip("0-") else "", gpu.text("fabric/cliqueId"))]
    score.compare(f"{where} fabric member", member, expected_member)


@pytest.mark.parametrize(
    "file",
    [
        *(f"hardware/qx-{name}.xml" for name in ("a100", "b200", "gb200", "h100", "t4")),
        "mock/qx-gb200-healthy.xml",
    ],
)
def test_the_gpus_of_a_node(score: Scoring, read: Read, file: str) -> None:
    smi = score("nvidia-smi-xml")
    document = ElementTree.parse(hardware("nvidia-smi-xml") / file).getroot()
    gpus = [Smi(element) for element in document.findall("gpu")]
    driver = document.findtext("driver_version") or ""
    node = library_of(gpus, driver)
    rows = read(node)
    smi.compare(
        f"{file} attached_gpus", sum(key[0] == "gpu_up" for key in rows), int(document.findtext("attached_gpus") or 0)
    )
    for index, gpu in enumerate(gpus):
        compare_gpu(smi, f"{file} {index}", rows, str(index), gpu, driver)


def compare_links(score: Score, read: Read, text: str) -> None:
    speeds = {int(link): float(speed) for link, speed in LINK.findall(text)}
    node = fake.plain_node(1)
    for link, speed in speeds.items():
        node.call(0, f"nvlink_state.{link}", 1).call(0, f"nvlink_version.{link}", 4)
        node.field(0, fields.speed(link), 0, round(speed * 1000), kind=fake.UINT)
        for number in (fields.replay(link), fields.recovery(link), fields.crc_flit(link), fields.crc_data(link)):
            node.field(0, number, 0, 0)
    rows = read(node)
    score.compare("links", sorted(int(key[2]) for key in rows if key[0] == "nvlink_up"), sorted(speeds))
    for link, speed in speeds.items():
        score.compare(f"link {link} up", rows["nvlink_up", "0", str(link)].value, 1.0)
        score.compare(f"link {link} speed", rows["nvlink_speed_bytes_per_second", "0", str(link)].value, speed * 1e9)


def test_the_links_of_an_a100(score: Scoring, read: Read) -> None:
    directory = hardware("nvidia-smi-a100")
    smi = score("nvidia-smi-a100")
    compare_links(smi, read, (directory / "nvlink-s-gpu0.txt").read_text())
    errors = re.findall(
        r"Link (\d+): (Replay|Recovery|CRC) Errors: (\d+)", (directory / "nvlink-e-gpu0.txt").read_text()
    )
    node = fake.plain_node(1)
    of = {
        "Replay": (fields.replay, "nvlink_replays_total"),
        "Recovery": (fields.recovery, "nvlink_recoveries_total"),
        "CRC": (fields.crc_flit, "nvlink_crc_flit_errors_total"),
    }
    for link, kind, count in errors:
        node.call(0, f"nvlink_state.{link}", 1).field(0, of[kind][0](int(link)), 0, int(count))
    rows = read(node)
    for link, kind, count in errors:
        smi.compare(f"link {link} {kind}", rows[of[kind][1], "0", link].value, int(count))


def test_the_links_of_a_node_that_azure_takes_for_well(score: Scoring, read: Read) -> None:
    text = (hardware("azure-nhc") / "good_nvlink_status.txt").read_text()
    compare_links(score("azure-nhc"), read, text)
