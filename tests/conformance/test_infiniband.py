"""The infiniband sampler over trees of real machines, against what other programs read from them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from fabricscope.model import Now, Quality, Reading
from probes.samplers.infiniband import InfinibandSampler, InfinibandSettings, metrics
from probes.sampling.sampler import Roots
from probes.sources import rdma_nldev
from tests.conformance.scores import Scoring
from tests.conformance.trees import hardware
from tests.fixtures import rdma_netlink_bytes as rdma
from tests.fixtures.infiniband import write_device, write_files, write_port
from tests.probes.following import Following

NOW = Now(wall=1_700_000_000_000_000_000, mono=1_000_000_000)
LINE = re.compile(r"(\w+)\{(.*)\} (\S+)")
STATES = {"Down": 1, "Initializing": 2, "Armed": 3, "Active": 4}
PHYSICAL_STATES = {"Sleep": 1, "Polling": 2, "Disabled": 3, "PortConfigurationTraining": 4, "LinkUp": 5}


def sample(sys: Path) -> list[Reading]:
    sampler = InfinibandSampler(InfinibandSettings(), Roots(sys=str(sys)))
    readings = Following().apply(sampler.sample(NOW), NOW)
    sampler.close()
    return readings


def seen(readings: list[Reading]) -> dict[tuple[Any, ...], Any]:
    return {(row.spec, row.labels): row.value for row in readings}


def file_name(field: str) -> str:
    """`PortRcvData` to `port_rcv_data`."""
    if field == "VL15Dropped":
        return "VL15_dropped"
    return re.sub(r"(?<!^)(?=[A-Z])", "_", field).lower()


def test_procfs_reads_the_same(score: Scoring) -> None:
    procfs = score("prometheus-procfs")
    expected = json.loads((hardware("prometheus-procfs") / "expected/infiniband.json").read_text())
    readings = sample(hardware("prometheus-procfs") / "sys")
    values = seen(readings)
    counters = 0
    for name, device in expected.items():
        info = next(row.labels for row in readings if row.spec is metrics.DEVICE_INFO and row.labels[0] == name)
        described = (device["FirmwareVersion"], device["HCAType"], device["BoardID"], device.get("NodeGUID", ""))
        procfs.compare(f"{name} identity", info[1:5], described)
        for number, port in device["Ports"].items():
            labels = (name, number)
            procfs.compare(f"{labels} state", values[metrics.STATE, labels], port["StateID"])
            procfs.compare(f"{labels} up", values[metrics.UP, labels], port["State"] == "ACTIVE")
            procfs.compare(f"{labels} physical state", values[metrics.PHYSICAL_STATE, labels], port["PhysStateID"])
            procfs.compare(f"{labels} rate", values[metrics.RATE, labels], port["Rate"])
            info = (*labels, port["LinkLayer"], "", "", "")
            procfs.compare(f"{labels} link layer", values.get((metrics.PORT_INFO, info)), 1)
            milliseconds = port.get("HwCounters", {}).pop("Lifespan", None)
            lifespan = values.get((metrics.LIFESPAN, labels))
            procfs.compare(f"{labels} lifespan", lifespan, milliseconds and milliseconds / 1000)
            for key, directory in (("Counters", "counters"), ("HwCounters", "hw_counters")):
                for field, value in port.get(key, {}).items():
                    spec = metrics.BY_FILE[directory, file_name(field)]
                    procfs.compare(f"{labels} {field}", values[spec, labels], value)
                    counters += 1
    # Nothing else is reported, and nothing is in doubt.
    assert len([row for row in readings if row.spec not in metrics.GAUGES]) == counters == 79
    assert {row.quality for row in readings} == {Quality.OK}


def test_node_exporter_reads_the_same(score: Scoring) -> None:
    node_exporter = score("prometheus-node_exporter")
    readings = sample(hardware("prometheus-node_exporter") / "sys")
    known = {(alias, row.labels): row for row in readings for alias in row.spec.aliases}
    lines = (hardware("prometheus-node_exporter") / "expected/infiniband-mlx4_0.prom").read_text().splitlines()
    expected = [
        (found[1], dict(re.findall(r'(\w+)="([^"]*)"', found[2])), float(found[3]))
        for found in map(LINE.match, lines)
        if found
    ]
    assert len(expected) == len(lines) == len(known)
    for name, labels, value in expected:
        if name == "node_infiniband_info":
            described = (labels["device"], labels["firmware_version"], labels["hca_type"], labels["board_id"], "", "")
            node_exporter.compare(f"{name} {described}", known[name, described].value, 1)
            continue
        row = known[name, (labels["device"], labels["port"])]
        node_exporter.compare(f"{name} {row.labels}", row.value, value)
        # Its port_xmit_wait of port 1 is full; nothing else is.
        full = name == "node_infiniband_port_transmit_wait_total" and labels["port"] == "1"
        assert row.quality is (Quality.SATURATED if full else Quality.OK)


def test_an_h100_server_is_read_whole(score: Scoring, tmp_path: Path) -> None:
    gpud = score("leptonai-gpud")
    tree = hardware("leptonai-gpud") / "sys-class-infiniband-h100"
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "infiniband").symlink_to(tree)
    readings = sample(tmp_path)
    known = {(row.spec, row.labels): row for row in readings}
    files = [path for path in tree.glob("*/ports/*/*counters/*") if path.name != "lifespan"]
    for path in files:
        spec = metrics.BY_FILE[path.parent.name, path.name]
        row = known[spec, (path.parts[-5], path.parts[-3])]
        gpud.compare(str(path.relative_to(tree)), row.value, int(path.read_text()) * spec.scale)
        full = spec.bits < 32 and int(path.read_text()) == (1 << spec.bits) - 1
        assert row.quality is (Quality.SATURATED if full else Quality.OK), path
    assert len(files) == len([row for row in readings if row.spec not in metrics.GAUGES]) > 6 * 40
    for ports in tree.glob("*/ports"):
        device = ports.parent.name
        for gauge, text in ((metrics.STATE, "state"), (metrics.PHYSICAL_STATE, "phys_state")):
            gpud.compare(
                f"{device} {text}", known[gauge, (device, "1")].value, int((ports / "1" / text).read_text()[0])
            )
        gigabits = float((ports / "1" / "rate").read_text().split()[0])
        rate = known.get((metrics.RATE, (device, "1")))
        # A port that never was up has no rate, whatever the file says.
        expected = gigabits * 1e9 / 8 if known[metrics.UP, (device, "1")].value else None
        gpud.compare(f"{device} rate", rate and rate.value, expected)
    # From mlx5_4: the narrow counter that is full, and data counters beyond 32 bits.
    overruns = known[metrics.BY_FILE["counters", "excessive_buffer_overrun_errors"], ("mlx5_4", "1")]
    assert (overruns.value, overruns.quality) == (15, Quality.SATURATED)


def test_an_a100_server_by_the_texts_that_ibstatus_printed(score: Scoring, tmp_path: Path) -> None:
    gpud = score("leptonai-gpud")
    (path,) = (hardware("leptonai-gpud") / "ibstat").glob("ibstatus*.a100.all.active.*")
    blocks = re.split(r"^Infiniband device ", path.read_text(), flags=re.MULTILINE)[1:]
    assert len(blocks) == 9
    for place, block in enumerate(blocks):
        name = block.split("'")[1]
        # ibstatus prints what the files hold, as it is.
        texts = dict(re.findall(r"^\s+([a-z_ ]+?):\s+(.*)$", block, re.MULTILINE))
        port = write_port(write_device(tmp_path, name, bus_address=f"0000:{0x10 + place:02x}:00.0"))
        write_files(port, {key.replace(" ", "_"): texts[key] for key in ("state", "phys state", "rate", "link_layer")})
        write_files(port, {"lid": texts["base lid"]})
        # What it cannot read it calls unknown: the Ethernet port of this server has no GID.
        gid = texts["default gid"].replace("unknown", "")
        write_files(port, {"gids/0": gid})
        values = seen(sample(tmp_path))
        labels = (name, "1")
        gpud.compare(f"{path.name} {name} up", values[metrics.UP, labels], 1)
        gigabits, lanes = (int(x) for x in re.findall(r"^(\d+) Gb/sec \((\d+)X", texts["rate"])[0])
        gpud.compare(f"{path.name} {name} rate", values[metrics.RATE, labels], gigabits * 1e9 / 8)
        gpud.compare(f"{path.name} {name} lanes", values[metrics.LANES, labels], lanes)
        info = (*labels, texts["link_layer"], "", texts["base lid"], gid)
        gpud.compare(f"{path.name} {name} identity", values.get((metrics.PORT_INFO, info)), 1)


@pytest.mark.parametrize(
    ("file", "ports", "down"),
    [
        ("ibstat.47.0.a100.all.active.0", 9, 0),
        ("ibstat.47.0.h100.all.active.0", 12, 0),
        ("ibstat.47.0.h100.all.active.1", 12, 0),
        ("ibstat.47.0.h100.all.active.2", 9, 0),
        ("ibstat.47.0.h100.some.down.0", 12, None),
    ],
)
def test_what_is_up_and_what_is_down_as_ibstat_says(
    score: Scoring, tmp_path: Path, file: str, ports: int, down: int | None
) -> None:
    gpud = score("leptonai-gpud")
    text = (hardware("leptonai-gpud") / "ibstat" / file).read_text()
    adapters = re.split(r"^CA '", text, flags=re.MULTILINE)[1:]
    rates = {}
    for place, block in enumerate(adapters):
        name = block.partition("'")[0]
        fields = dict(re.findall(r"^\s+([A-Za-z ]+): (.*)$", block, re.MULTILINE))
        state, physical = STATES[fields["State"]], PHYSICAL_STATES[fields["Physical state"]]
        rates[name] = int(fields["Rate"]) if state == STATES["Active"] else None
        device = write_device(tmp_path, name, bus_address=f"0000:{0x10 + place:02x}:00.0")
        write_port(
            device,
            state=f"{state}: {fields['State'].upper()}",
            phys_state=f"{physical}: {fields['Physical state']}",
            rate=f"{fields['Rate']} Gb/sec (4X NDR)",
        )
    readings = sample(tmp_path)
    up = {row.labels[0]: row.value for row in readings if row.spec is metrics.UP}
    gpud.compare(f"{file} ports", len(up), ports)
    if down is None:
        assert 0 < list(up.values()).count(0) < ports
        gpud.compare(
            f"{file} down", sorted(name for name in up if not up[name]), sorted(x for x in rates if not rates[x])
        )
    else:
        gpud.compare(f"{file} down", list(up.values()).count(0), down)
    values = seen(readings)
    for name, gigabits in rates.items():
        rate = values.get((metrics.RATE, (name, "1")))
        gpud.compare(f"{file} {name} rate", rate, gigabits and gigabits * 1e9 / 8)


def test_rdma_statistic_says_the_same(score: Scoring, tmp_path: Path) -> None:
    statistic = score("rdma-statistic")
    (path,) = hardware("rdma-statistic").iterdir()
    (port,) = json.loads(path.read_text())
    device, number = port.pop("ifname"), port.pop("port")
    write_port(write_device(tmp_path, device, bus_address="0000:17:00.1"), number, netdev="eth1", hw_counters=port)
    values = seen(sample(tmp_path))
    by_netlink = rdma_nldev.parse_statistics(memoryview(rdma.device(1, device) + rdma.hwcounters(**port)))
    for name, value in port.items():
        spec = metrics.BY_FILE["hw_counters", name]
        statistic.compare(f"{device} {name}", values[spec, (device, str(number))], value)
        statistic.compare(f"{device} {name} by netlink", by_netlink.get(name), value)


def test_rdma_link_of_an_amd_node(score: Scoring, tmp_path: Path) -> None:
    node = score("amd-node-scraper")
    links = json.loads((hardware("amd-node-scraper") / "rdma_link.json").read_text())
    for place, link in enumerate(links):
        write_port(
            write_device(tmp_path, link["ifname"], bus_address=f"0000:{0x17 + place:02x}:00.0"),
            link["port"],
            state=f"4: {link['state']}",
            phys_state=f"5: {link['physical_state'].title().replace('_', '')}",
            netdev=link["netdev"],
        )
    readings = sample(tmp_path)
    netdevs = {row.labels[0]: row.labels[3] for row in readings if row.spec is metrics.PORT_INFO}
    values = seen(readings)
    for link in links:
        labels = (link["ifname"], str(link["port"]))
        node.compare(f"{labels} netdev", netdevs[labels[0]], link["netdev"])
        node.compare(f"{labels} up", values[metrics.UP, labels], link["state"] == "ACTIVE")
        node.compare(f"{labels} physical state", values[metrics.PHYSICAL_STATE, labels], PHYSICAL_STATES["LinkUp"])
