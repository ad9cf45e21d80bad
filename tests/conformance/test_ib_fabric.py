"""The ib_fabric sampler over what the tools wrote of other subnets: one in production, three simulated ones."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from fabricscope.model import Now, Quality, Reading
from probes.samplers.ib_fabric import IbFabricSampler, IbFabricSettings, metrics
from probes.sampling.sampler import Roots
from probes.sources.ib_tools import perfquery
from probes.sources.ib_tools.discover import GIGABITS_PER_LANE
from probes.sources.ib_tools.runner import Outcome
from tests.conformance.scores import Scoring
from tests.conformance.trees import hardware
from tests.fixtures.ib_tools import WrittenTools
from tests.probes.following import Following

NOW = Now(wall=1_700_000_000_000_000_000, mono=1_000_000_000)
LATER = Now(wall=NOW.wall + 600 * 10**9, mono=NOW.mono + 600 * 10**9)
BYTES_PER_LANE = {"SDR": 2.5e9 / 8, "EDR": 25e9 / 8, "HDR": 50e9 / 8}
U64 = (1 << 64) - 1
BEYOND = "above 2^62 words of four octets, which make more octets than 64 bits can count: the column stands at its end"
SIMULATED = ("ft2_edr", "rail8_hdr", "net.2sw2path4hca2port")
HEADER = re.compile(r"# Port (?:extended )?counters: Lid (\d+) port (\d+) ")
FIELD = re.compile(r"(\w+):\.*(\d+)")
TOPOLOGY = re.compile(r'\[(\d+)\](?:\((\w+)\))?\s+"([SH])-(\w+)"\[(\d+)\](?:\((\w+)\))?.* (\d+)x([A-Z]+)$')


class Subnet:
    """The values of one sample, by what they are without the sampler's name."""

    def __init__(self, tools: WrittenTools) -> None:
        self._sampler = IbFabricSampler(IbFabricSettings(hosts=True), Roots(), tools=tools)
        self._tracks = Following()
        self.sample(NOW)

    def sample(self, now: Now) -> None:
        rows = [row for row in self._sampler.sample(now) if isinstance(row, Reading)]
        followed = self._tracks.apply(rows, now)
        self.rows = {(row.spec.name.removeprefix("fabricscope_ib_fabric_"), *row.labels): row for row in followed}

    def value(self, *key: str) -> Any:
        return self.rows[key].value

    def infos(self, name: str) -> dict[tuple[str, ...], tuple[str, ...]]:
        """The labels of an info metric by the GUID, and the port where it has one."""
        keys = [key[1:] for key in self.rows if key[0] == name]
        known = 2 if name == "link_info" else 1
        return {key[:known]: key[known:] for key in keys}


def written(files: list[Path], report: str) -> WrittenTools:
    """Tools that answer with these files of perfquery's output."""
    sets: dict[tuple[int, int, bool], str | Outcome] = {}
    for path in files:
        text = path.read_text()
        header = HEADER.match(text)
        assert header is not None, path
        sets[int(header[1]), int(header[2]), "extended" in header[0]] = text
    return WrittenTools([report], sets)


def simulated(name: str) -> tuple[Path, WrittenTools]:
    tree = hardware("ibsim") / name
    return tree, written(sorted((tree / "perfquery").iterdir()), (tree / "ibnetdiscover-p.txt").read_text())


def fields(path: Path) -> dict[str, int]:
    return {name: int(value) for name, value in FIELD.findall(path.read_text().replace("0x", ""))}


def topology(path: Path) -> dict[tuple[str, int], tuple[str, int, int, str]]:
    """The other end, width and speed of each end of a cable, from plain ibnetdiscover, which has another form."""
    ends = {}
    guid = ""
    for line in path.read_text().splitlines():
        if line.startswith(("switchguid=", "caguid=")):
            guid = f"0x{int(line.partition('=')[2].partition('(')[0], 16):016x}"
        elif found := TOPOLOGY.match(line):
            port, own, _, remote, remote_port, remote_own, width, speed = found.groups()
            ends[(own and f"0x{int(own, 16):016x}") or guid, int(port)] = (
                f"0x{int(remote_own or remote, 16):016x}",
                int(remote_port),
                int(width),
                speed,
            )
    return ends


def test_a_site_in_production(score: Scoring) -> None:
    site = score("treydock-infiniband_exporter")
    tree = hardware(site.origin)
    subnet = Subnet(written(sorted((tree / "perfquery").iterdir()), (tree / "ibnetdiscover/test.out").read_text()))
    expected = json.loads((tree / "expected/ibnetdiscover-test.json").read_text())
    links, switches = subnet.infos("link_info"), subnet.infos("switch_info")
    uplinks = 0
    for node in (*expected["hcas"], *expected["switches"]):
        for port, uplink in node["Uplinks"].items():
            labels = (node["GUID"], port)
            what = f"{node['Name']} port {port}"
            theirs = (node["Name"], node["Type"], uplink["GUID"], uplink["PortNumber"], uplink["Name"], uplink["Type"])
            site.compare(what, links[labels], theirs)
            site.compare(f"{what} rate", subnet.value("link_rate_bytes_per_second", *labels), uplink["Rate"])
            site.compare(f"{what} up", subnet.value("link_up", *labels), 1)
            uplinks += 1
        if node["Type"] == "SW":
            site.compare(node["Name"], switches[node["GUID"],], (node["Name"], node["LID"]))
    site.compare("links", len(links), uplinks)


def test_the_counters_of_its_adapters(score: Scoring) -> None:
    site = score("treydock-infiniband_exporter")
    tree = hardware(site.origin)
    subnet = Subnet(written(sorted((tree / "perfquery").iterdir()), (tree / "ibnetdiscover/test.out").read_text()))
    names = {alias: spec for spec in metrics.COUNTERS.values() for alias in spec.aliases}
    by_spec = {spec: field for field, spec in metrics.COUNTERS.items()}
    text = (tree / "expected/hca-TestHCACollector.prom").read_text()
    families = text_string_to_metric_families("\n".join(line.strip() for line in text.splitlines()) + "\n")
    for sample in (sample for family in families for sample in family.samples):
        spec = names.get(sample.name)
        if spec is None:
            continue
        labels = (sample.labels["guid"], sample.labels["port"])
        what = f"{labels[0]} {sample.name}"
        if by_spec[spec] in (*perfquery.DATA, *perfquery.CAST):
            site.compare(what, subnet.value(spec.name.removeprefix("fabricscope_ib_fabric_"), *labels), sample.value)
        else:
            row = subnet.rows.get((spec.name.removeprefix("fabricscope_ib_fabric_"), *labels))
            site.differs(
                what,
                row and row.value,
                sample.value,
                "the agent says in CapabilityMask2 (0) that it has no 64-bit error counters, and the tool prints zeros "
                "for them; they are read from the classic set, which was not recorded",
            )


def test_the_rates_of_links(score: Scoring) -> None:
    site = score("treydock-infiniband_exporter")
    for row in json.loads((hardware(site.origin) / "expected/rates.json").read_text())["rows"]:
        width, speed = int(row["Width"].removesuffix("x")), row["Rate"]
        what = f"{row['Width']} {speed}"
        ours = width * GIGABITS_PER_LANE[speed] * 1e9 / 8
        theirs = row["ExpectedRawRate" if speed in ("SDR", "DDR", "QDR") else "ExpectedEffectiveRate"]
        if speed == "FDR":
            site.differs(
                what, ours, theirs, "Linux calls a lane of FDR 14 Gb/s; it signals at 14.0625 and carries 13.64"
            )
        elif speed == "XDR":
            site.differs(what, ours, theirs, "the other program takes a lane of XDR for 250 Gb/s; it is 200")
        else:
            site.compare(what, ours, theirs)


def test_a_switch_with_errors_of_64_bits(score: Scoring) -> None:
    site = score("treydock-infiniband_exporter")
    path = hardware(site.origin) / "perfquery/0x506b4b03005c2740.out"
    (block,) = perfquery.parse(path.read_text())
    theirs = fields(path)
    for name, count in block.counts.items():
        site.compare(name, count.value, theirs[name])
    site.compare("counters", {*perfquery.COUNTERS} - block.counts.keys(), {"QP1Dropped"})


@pytest.mark.parametrize("name", SIMULATED)
def test_cables_as_the_full_report_has_them(score: Scoring, name: str) -> None:
    simulation = score("ibsim")
    tree, tools = simulated(name)
    subnet = Subnet(tools)
    expected = topology(tree / "ibnetdiscover.txt")
    links = subnet.infos("link_info")
    simulation.compare(f"{name} ends", {(guid, int(port)) for guid, port in links}, set(expected))
    for (guid, port), (remote, remote_port, width, speed) in expected.items():
        labels = (guid, str(port))
        what = f"{name} {guid} port {port}"
        simulation.compare(f"{what} remote", links[labels][2:4], (remote, str(remote_port)))
        rate = width * BYTES_PER_LANE[speed]
        simulation.compare(f"{what} rate", subnet.value("link_rate_bytes_per_second", *labels), rate)
        simulation.compare(f"{what} lanes", subnet.value("link_width_lanes", *labels), width)
        simulation.compare(f"{what} up", subnet.value("link_up", *labels), 1)
    simulation.compare(f"{name} cables", subnet.value("links_up"), len(expected) / 2)


@pytest.mark.parametrize("name", SIMULATED[:2])
def test_cables_as_they_were_planned(score: Scoring, name: str) -> None:
    simulation = score("ibsim")
    tree, tools = simulated(name)
    subnet = Subnet(tools)
    truth = json.loads((tree / f"{name}.truth.json").read_text())
    ends = {(row[0], port): (guid, port, row) for (guid, port), row in subnet.infos("link_info").items()}
    for link in truth["links"]:
        for near, far in (("a", "b"), ("b", "a")):
            node, port = link[near], str(link[f"{near}_port"])
            guid, _, row = ends[node, port]
            what = f"{name} {node} port {port}"
            simulation.compare(f"{what} remote", (row[4], row[3]), (link[far], str(link[f"{far}_port"])))
            # The port of an adapter has a GUID of its own, the next one after the adapter's.
            own = int(guid, 16) - (row[1] == "CA")
            simulation.compare(f"{what} GUID", own, int(link[f"{near}_guid"], 16))
            rate = link["width"] * BYTES_PER_LANE[link["speed"]]
            simulation.compare(f"{what} rate", subnet.value("link_rate_bytes_per_second", guid, port), rate)
    simulation.compare(f"{name} ends", len(ends), 2 * len(truth["links"]))
    switches = {row[0] for row in subnet.infos("switch_info").values()}
    planned = {node["desc"] for node in truth["nodes"].values() if node["kind"] == "sw"}
    simulation.compare(f"{name} switches", switches, planned)
    for fault in truth["faults"]:
        node, port, remote, remote_port = fault["link"]
        if fault["fault"] == "missing":
            simulation.compare(
                f"{name} missing", ((node, str(port)) in ends, (remote, str(remote_port)) in ends), (False, False)
            )


@pytest.mark.parametrize("name", SIMULATED)
def test_counters_as_they_were_recorded(score: Scoring, name: str) -> None:
    simulation = score("ibsim")
    tree, tools = simulated(name)
    subnet = Subnet(tools)
    links = subnet.infos("link_info")
    for guid, port in links:
        extended = fields(tree / "perfquery" / f"{guid}-{port}-x.txt")
        classic = fields(tree / "perfquery" / f"{guid}-{port}.txt")
        for field, spec in metrics.COUNTERS.items():
            key = (spec.name.removeprefix("fabricscope_ib_fabric_"), guid, port)
            what = f"{name} {guid} port {port} {field}"
            if field == "QP1Dropped":
                simulation.compare(what, key in subnet.rows, False)  # its capability mask does not have it
            else:
                theirs = extended.get(field, classic.get(field, -1)) * spec.scale
                if theirs > U64:
                    simulation.differs(what, subnet.value(*key), theirs, BEYOND)
                    assert subnet.value(*key) == U64
                else:
                    simulation.compare(what, subnet.value(*key), theirs)
    simulation.compare(f"{name} nodes unread", subnet.value("nodes_unread"), 0)


@pytest.mark.parametrize("name", SIMULATED[:2])
def test_errors_as_they_were_written_into_the_simulation(score: Scoring, name: str) -> None:
    simulation = score("ibsim")
    tree, tools = simulated(name)
    subnet = Subnet(tools)
    truth = json.loads((tree / f"{name}.truth.json").read_text())
    ends = {f"{row[0]}|{port}": (guid, port) for (guid, port), row in subnet.infos("link_info").items()}
    for end, counters in truth["counters_written"].items():
        for field, bits in perfquery.CLASSIC_BITS.items():
            if field in perfquery.DATA or field == "QP1Dropped":
                continue
            value, ceiling = counters["base"].get(field, 0), (1 << bits) - 1
            key = (metrics.COUNTERS[field].name.removeprefix("fabricscope_ib_fabric_"), *ends[end])
            quality = Quality.SATURATED if value >= ceiling else Quality.OK
            simulation.compare(f"{name} {end} {field}", subnet.value(*key), min(value, ceiling))
            simulation.compare(f"{name} {end} {field} quality", subnet.rows[key].quality, quality)
        for field in ("PortXmitData", "PortRcvData"):
            # The subnet manager's own datagrams come on top of what was written.
            key = (metrics.COUNTERS[field].name.removeprefix("fabricscope_ib_fabric_"), *ends[end])
            least = counters["ext"][field] * 4
            if least > U64:
                simulation.differs(f"{name} {end} {field} written", subnet.value(*key), least, BEYOND)
            else:
                simulation.compare(f"{name} {end} {field}", 0 <= subnet.value(*key) - least < 10_000_000, True)


def test_what_is_gone_after_a_cable_was_pulled(score: Scoring) -> None:
    simulation = score("ibsim")
    tree, tools = simulated("rail8_hdr")
    before, after = topology(tree / "ibnetdiscover.txt"), topology(tree / "after-ibnetdiscover.txt")
    gone = before.keys() - after.keys()
    (report,) = tools.reports
    assert isinstance(report, str)
    subnet = Subnet(tools)
    tools.reports = [without(report, gone)]
    subnet.sample(LATER)
    for guid, port in before:
        labels = (guid, str(port))
        simulation.compare(f"{guid} {port}", subnet.value("link_up", *labels), float((guid, port) not in gone))
    simulation.compare("pulled", len(gone), 2)
    simulation.compare("cables", subnet.value("links_up"), len(after) / 2)


def without(report: str, gone: set[tuple[str, int]]) -> str:
    """The report of ports as it is without these ends: a switch shows an empty port, an adapter nothing."""
    lines = []
    for line in report.splitlines():
        words = line.split()
        if (words[3], int(words[2])) in gone:
            if words[0] == "SW":
                lines.append(f"{line[:40].split(' - ')[0]}{'':36}'{line.split(chr(39))[1]}'")
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"
