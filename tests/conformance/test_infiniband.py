"""The infiniband sampler over trees of real machines, against what other programs read from them."""

from __future__ import annotations

import json
import re
from pathlib import Path

from fabricscope.model import Now, Quality, Reading
from probes.samplers.infiniband import InfinibandSampler, InfinibandSettings, metrics
from probes.sampling.quality import CounterTracks
from probes.sampling.sampler import Roots
from tests.conformance.trees import hardware

NOW = Now(wall=1_700_000_000_000_000_000, mono=1_000_000_000)
LINE = re.compile(r"(\w+)\{(.*)\} (\S+)")


def sample(sys: Path) -> list[Reading]:
    sampler = InfinibandSampler(InfinibandSettings(), Roots(sys=str(sys)))
    readings = CounterTracks().apply(sampler.sample(NOW), NOW)
    sampler.close()
    return readings


def file_name(field: str) -> str:
    """`PortRcvData` to `port_rcv_data`."""
    if field == "VL15Dropped":
        return "VL15_dropped"
    return re.sub(r"(?<!^)(?=[A-Z])", "_", field).lower()


def test_procfs_reads_the_same() -> None:
    expected = json.loads((hardware("prometheus-procfs") / "expected/infiniband.json").read_text())
    readings = sample(hardware("prometheus-procfs") / "sys")
    seen = {(row.spec, row.labels): row.value for row in readings}
    compared = 0
    for name, device in expected.items():
        info = next(row.labels for row in readings if row.spec is metrics.DEVICE_INFO and row.labels[0] == name)
        described = (device["FirmwareVersion"], device["HCAType"], device["BoardID"], device.get("NodeGUID", ""))
        assert info[1:5] == described
        for number, port in device["Ports"].items():
            labels = (name, number)
            assert seen[metrics.STATE, labels] == port["StateID"]
            assert seen[metrics.UP, labels] == (port["State"] == "ACTIVE")
            assert seen[metrics.PHYSICAL_STATE, labels] == port["PhysStateID"]
            assert seen[metrics.RATE, labels] == port["Rate"]
            assert (metrics.PORT_INFO, (*labels, port["LinkLayer"], "", "", "")) in seen
            milliseconds = port.get("HwCounters", {}).pop("Lifespan", None)
            assert seen.get((metrics.LIFESPAN, labels)) == (milliseconds and milliseconds / 1000)
            for key, directory in (("Counters", "counters"), ("HwCounters", "hw_counters")):
                for field, value in port.get(key, {}).items():
                    assert seen[metrics.BY_FILE[directory, file_name(field)], labels] == value, (labels, field)
                    compared += 1
    counters = [row for row in readings if row.spec not in metrics.GAUGES]
    assert len(counters) == compared == 79
    assert {row.quality for row in readings} == {Quality.OK}


def test_node_exporter_reads_the_same() -> None:
    readings = sample(hardware("prometheus-node_exporter") / "sys")
    seen = {(alias, row.labels): row for row in readings for alias in row.spec.aliases}
    lines = (hardware("prometheus-node_exporter") / "expected/infiniband-mlx4_0.prom").read_text().splitlines()
    expected = [
        (found[1], dict(re.findall(r'(\w+)="([^"]*)"', found[2])), float(found[3]))
        for found in map(LINE.match, lines)
        if found
    ]
    assert len(expected) == len(lines) == len(seen)
    for name, labels, value in expected:
        if name == "node_infiniband_info":
            described = (labels["device"], labels["firmware_version"], labels["hca_type"], labels["board_id"], "", "")
            assert seen[name, described].value == 1
            continue
        row = seen[name, (labels["device"], labels["port"])]
        assert row.value == value, (name, labels)
        # Its port_xmit_wait of port 1 is full; nothing else is.
        full = name == "node_infiniband_port_transmit_wait_total" and labels["port"] == "1"
        assert row.quality is (Quality.SATURATED if full else Quality.OK)


def test_an_h100_server_is_read_whole(tmp_path: Path) -> None:
    tree = hardware("leptonai-gpud") / "sys-class-infiniband-h100"
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "infiniband").symlink_to(tree)
    readings = sample(tmp_path)
    seen = {(row.spec, row.labels): row for row in readings}
    files = [path for path in tree.glob("*/ports/*/*counters/*") if path.name != "lifespan"]
    for path in files:
        spec = metrics.BY_FILE[path.parent.name, path.name]
        row = seen[spec, (path.parts[-5], path.parts[-3])]
        assert row.value == int(path.read_text()) * spec.scale, path
        full = spec.bits < 32 and int(path.read_text()) == (1 << spec.bits) - 1
        assert row.quality is (Quality.SATURATED if full else Quality.OK), path
    assert len(files) == len([row for row in readings if row.spec not in metrics.GAUGES]) > 6 * 40
    ports = {path.parent.name: path for path in tree.glob("*/ports")}
    for device, path in ports.items():
        for gauge, text in ((metrics.STATE, "state"), (metrics.PHYSICAL_STATE, "phys_state")):
            assert str(seen[gauge, (device, "1")].value) == (path / "1" / text).read_text()[0]
        gigabits = float((path / "1" / "rate").read_text().split()[0])
        if (metrics.RATE, (device, "1")) in seen:
            assert seen[metrics.RATE, (device, "1")].value == gigabits * 1e9 / 8
        else:
            assert seen[metrics.UP, (device, "1")].value == 0
    # From mlx5_4: the narrow counter that is full, and data counters beyond 32 bits.
    overruns = seen[metrics.BY_FILE["counters", "excessive_buffer_overrun_errors"], ("mlx5_4", "1")]
    assert (overruns.value, overruns.quality) == (15, Quality.SATURATED)


def test_rdma_statistic_names_no_counter_that_the_table_lacks() -> None:
    (path,) = hardware("rdma-statistic").iterdir()
    (port,) = json.loads(path.read_text())
    assert {("hw_counters", name) for name in port} - metrics.BY_FILE.keys() == {
        ("hw_counters", "ifname"),
        ("hw_counters", "port"),
    }
