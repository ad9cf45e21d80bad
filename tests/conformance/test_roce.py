"""Statistics of real adapters, as `ethtool -S` printed them, and settings of congestion control."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from fabricscope.model import Now
from probes.samplers.roce import RoceSampler, RoceSettings, metrics
from probes.sampling.sampler import Roots
from probes.sources import ethtool
from probes.sources.ethtool import Ethtool
from probes.sources.roce_ecn import read_ecn
from tests.conformance.scores import Scoring
from tests.conformance.trees import hardware, linked_copy
from tests.fixtures.ethtool_bytes import FakeKernel, Nic
from tests.fixtures.roce_nics import write_interface

Rows = dict[tuple[str, ...], Any]


def printed(path: Path) -> dict[str, int]:
    """What `ethtool -S` printed, by name."""
    rows = re.findall(r"^ {5}(.+): (\d+)$", path.read_text(), re.MULTILINE)
    return {name: int(value) for name, value in rows}


def sampled(statistics: dict[str, int], driver: str, sys: Path) -> Rows:
    """What the sampler makes of an interface with those statistics."""
    write_interface(sys, "eth0", driver)
    tested = RoceSampler(RoceSettings(), Roots(sys=str(sys)), Ethtool(FakeKernel({"eth0": Nic(driver, statistics)})))
    return {
        (row.spec.name.removeprefix("fabricscope_roce_"), *row.labels[1:]): row.value
        for row in tested.sample(Now(0, 0))
    }


@pytest.mark.parametrize(
    ("file", "driver", "reported"),
    [
        ("mlx5-kernel5.15-xdp.txt", "mlx5_core", 11),
        ("mlx5-crc-fec.txt", "mlx5_core", 41),
        ("ice-e810-pause-rows.txt", "ice", 32),
    ],
)
def test_every_statistic_that_is_reported_has_its_value(
    score: Scoring, tmp_path: Path, file: str, driver: str, reported: int
) -> None:
    scored = score("ethtool-S")
    statistics = printed(hardware("ethtool-S") / file)
    rows = sampled(statistics, driver, tmp_path)
    known = {name: row for name, row in metrics.STATISTICS[driver].items() if name in statistics}
    assert len(known) == reported
    for name, row in known.items():
        ours = rows[(row.spec.name.removeprefix("fabricscope_roce_"), *row.label)]
        scored.compare(f"{file} {name}", ours, statistics[name] / row.divisor)


def test_the_facts_of_a_port_that_drops_and_pauses(score: Scoring, tmp_path: Path) -> None:
    scored = score("ethtool-S")
    facts = json.loads((hardware("ethtool-S") / "FACTS.json").read_text())["mlx5-kernel5.15-xdp.txt"]
    rows = sampled(printed(hardware("ethtool-S") / "mlx5-kernel5.15-xdp.txt"), "mlx5_core", tmp_path)
    discards = rows["receive_discards_total",]
    scored.compare("discards", discards, facts["rx_discards_phy"])
    sent = rows["transmit_pauses_total",]
    scored.compare("pauses sent", sent, facts["tx_pause_ctrl_phy"])
    scored.differs(
        "tx_global_pause",
        sent,
        facts["tx_global_pause"],
        "the same pauses, read from the adapter a moment before tx_pause_ctrl_phy",
    )
    by_priority = [key for key in rows if key[0].startswith("pfc_")]
    scored.compare("no PFC", not by_priority, facts["global pause, no PFC: no prioN_pause rows exist"])
    kept = rows["receive_priority_packets_total", "0"]
    scored.compare("share that was lost", round(discards / (discards + kept), 4), round(facts["rx loss share"], 4))


def test_the_facts_of_a_port_with_a_bad_lane(score: Scoring, tmp_path: Path) -> None:
    scored = score("ethtool-S")
    facts = json.loads((hardware("ethtool-S") / "FACTS.json").read_text())["mlx5-crc-fec.txt"]
    rows = sampled(printed(hardware("ethtool-S") / "mlx5-crc-fec.txt"), "mlx5_core", tmp_path)
    lanes = {int(key[1]): value for key, value in rows.items() if key[0] == "lane_errors_total"}
    corrected = rows["corrected_bit_errors_total",]
    scored.compare("CRC errors", rows["crc_errors_total",], facts["rx_crc_errors_phy"])
    scored.compare("corrected bits", corrected, facts["rx_corrected_bits_phy"])
    scored.compare("sum of lanes", sum(lanes.values()) == corrected, facts["equals sum of the four rx_err_lane_N_phy"])
    scored.compare("worst lane", max(lanes, key=lambda lane: lanes[lane]), facts["worst lane"])


def test_another_driver_is_read_and_not_reported(score: Scoring, tmp_path: Path) -> None:
    scored = score("prometheus-node_exporter")
    directory = hardware("prometheus-node_exporter") / "ethtool" / "eth0"
    statistics = printed(directory / "statistics")
    driver = dict(re.findall(r"^(\S+): (.*)$", (directory / "driver").read_text(), re.MULTILINE))
    nic = Nic(driver["driver"], statistics, driver["firmware-version"], driver["bus-info"])
    tool = Ethtool(FakeKernel({"eth0": nic}))
    told = tool.driver("eth0")
    assert told is not None
    for what, word in zip(("driver", "firmware-version", "bus-info"), told, strict=True):
        scored.compare(f"eth0 {what}", word, driver[what])
    names = tool.names("eth0")
    values = tool.values("eth0", len(names), list(ethtool.indexes_of(names, statistics).values()))
    for name, ours in zip(statistics, values or (), strict=True):
        scored.compare(f"eth0 {name}", ours, statistics[name])
    assert sampled(statistics, driver["driver"], tmp_path) == {}


def test_congestion_control_as_procfs_reads_it(score: Scoring, tmp_path: Path) -> None:
    scored = score("prometheus-procfs")
    sys = linked_copy(hardware("prometheus-procfs") / "sys", tmp_path)
    expected = json.loads((hardware("prometheus-procfs") / "expected" / "ecn_eth0.json").read_text())["eth0"]
    ecn = read_ecn(sys / "class" / "net" / "eth0" / "ecn")
    for role, part in (("notification", "RoceNpEcn"), ("reaction", "RoceRpEcn")):
        switches = {each.name: each.value for each in ecn.switches if each.role == role}
        parameters = {each.name.replace("_", ""): each.value for each in ecn.parameters if each.role == role}
        for priority, on in expected[part].pop("Ecn").items():
            scored.compare(f"{part} {priority}", switches[priority], int(on))
        for name, value in expected[part].items():
            scored.compare(f"{part} {name}", parameters.pop(name.lower().replace("priority", "prio")), int(value))
        # What procfs leaves out: the value is the file's.
        assert parameters == ({} if role == "notification" else {"clamptgtrateaftertimeinc": 1, "rpgmaxrate": 0})
