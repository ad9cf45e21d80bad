"""The Redfish parsers and the whole sampler over captures of real BMCs and DMTF's mockup."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from fabricscope.model import Event, Now, Reading
from probes.samplers.redfish import RedfishSampler, RedfishSettings
from probes.sampling.sampler import Roots
from probes.sources.redfish import parts, sensors
from probes.sources.redfish.client import Account, Bmc
from probes.sources.redfish.facts import Fact
from probes.sources.redfish.walk import Absent, Bounds, Walked, walk
from tests.conformance.scores import Score, Scoring
from tests.conformance.trees import hardware

UNITS = {"Temperature": 1, "Power": 1, "Voltage": 1, "Current": 1, "Frequency": 1, "Percent": 0.01, "Rotational": 1}
UNITS |= {"EnergykWh": 3_600_000_000}
PCIE_ERRORS = {
    "L0ToRecoveryCount": "l0_to_recovery",
    "CorrectableErrorCount": "correctable_error",
    "FatalErrorCount": "fatal_error",
    "NonFatalErrorCount": "non_fatal_error",
    "NAKReceivedCount": "nak_received",
    "NAKSentCount": "nak_sent",
    "ReplayCount": "replay",
    "ReplayRolloverCount": "replay_rollover",
    "UnsupportedRequestCount": "unsupported_request",
}
BY_UNIT = {"Cel": "Temperature", "%": "Percent", "W": "Power", "RPM": "Rotational"}


class Capture(Bmc):
    """A stored tree as a BMC: index.json by path, expanded answers by the MD5 of the request."""

    def __init__(self, root: Path) -> None:
        super().__init__(Account("https://capture", "u", "p"))
        self.root = root

    def visit(self, bounds: Bounds, budget_ns: int) -> Walked:
        return walk(self, bounds)

    def get(self, link: str, levels: int) -> Any:
        name = hashlib.md5(f"{link}?$expand=.($levels={levels})".encode(), usedforsecurity=False).hexdigest()
        for path in (self.root / "hashedresponses" / f"{name}.json", self.root / link.lstrip("/") / "index.json"):
            if path.exists():
                return json.loads(path.read_text())
        raise Absent(f"{link}: not in the capture")


def sampled(root: Path) -> dict[tuple[str, ...], Reading]:
    sampler = RedfishSampler(RedfishSettings(url="https://capture"), Roots(), Capture(root))
    rows = [row for row in sampler.sample(Now(0, 0)) if not isinstance(row, Event)]
    return {(row.spec.name.removeprefix("fabricscope_redfish_"), *row.labels): row for row in rows}


def test_nvlinks_of_a_gb300_as_another_exporter_shows_them(score: Scoring) -> None:
    one = score("lambdalabs-redfish_exporter")
    origin = hardware("lambdalabs-redfish_exporter")
    rows = sampled(origin / "gb300_happypath")
    golden = (origin / "golden" / "gb300_nvlink_happy.golden").read_text()
    seen = 0
    for family in text_string_to_metric_families(golden):
        for sample in family.samples:
            labels = sample.labels
            system, gpu, port = labels["system_id"], labels["gpu_id"], labels["port_id"]
            where = f"Systems/{system}/Processors/{gpu}/Ports/{port}"
            name = f"{gpu} {port}"
            key: tuple[str, ...]
            value = sample.value
            match sample.name.removeprefix("redfish_gpu_nvlink_"):
                case "health":  # theirs counts from 1 for OK
                    key, value = ("health", where, "port", name), value - 1
                case "state":
                    key, value = ("enabled", where, "port", name), float(value == 1)
                case "link_status":
                    key, value = ("port_up", where, name, "NVLink"), float(value == 1)
                case "bit_error_rate":
                    key = ("port_bit_error_ratio", where, name, "bit")
                case "link_downed_count":
                    key = ("port_link_errors_total", where, name, "link_downed")
                case "link_error_recovery_count":
                    key = ("port_link_errors_total", where, name, "link_error_recovery")
                case "symbol_errors":
                    key = ("port_link_errors_total", where, name, "symbol_errors")
                case "runtime_error":
                    key = ("port_error", where, name, "runtime")
                case "training_error":
                    key = ("port_error", where, name, "training")
                case other:
                    raise AssertionError(other)
            row = rows.get(key)
            one.compare(f"{sample.name} of {gpu} {port}", row.value if row else None, value)
            seen += 1
    assert seen == 9 * 72


def test_processors_of_a_gb300(score: Scoring) -> None:
    one = score("lambdalabs-redfish_exporter")
    origin = hardware("lambdalabs-redfish_exporter") / "gb300_happypath"
    rows = sampled(origin)
    for path in sorted(origin.glob("redfish/v1/Systems/HGX_Baseboard_0/Processors/GPU_*/ProcessorMetrics/index.json")):
        gpu = path.parts[-3]
        where = f"Systems/HGX_Baseboard_0/Processors/{gpu}"
        document = json.loads(path.read_text())
        words = {"L0ToRecoveryCount": "l0_to_recovery", "NAKSentCount": "nak_sent", "ReplayCount": "replay"}
        for key, word in words.items():
            row = rows["pcie_errors_total", where, gpu, word]
            one.compare(f"{gpu} {key}", row.value, document["PCIeErrors"][key])
        voltage = rows["voltage_volts", where, gpu, "core"].value
        one.compare(f"{gpu} core voltage", voltage, document["CoreVoltage"]["Reading"])
        lifetime = document["CacheMetricsTotal"]["LifeTime"]
        for kind in ("correctable", "uncorrectable"):
            row = rows["ecc_errors_total", where, gpu, kind]
            one.compare(f"{gpu} {kind} errors", row.value, lifetime[f"{kind.title()}ECCErrorCount"])
    throttled = rows["throttled_seconds_total", "Systems/HGX_Baseboard_0/Processors/GPU_0", "GPU_0", "software"].value
    one.compare("GPU_0 software throttling", throttled, ((23 * 60 + 59) * 60 + 34) * 1_000_000_000 + 146_524_704)


def test_a_processor_with_errors_of_every_kind(score: Scoring) -> None:
    one = score("lambdalabs-redfish_exporter")
    origin = hardware("lambdalabs-redfish_exporter")
    for file in ("processor_metrics_full.json", "processor_metrics_zero.json"):
        document = json.loads((origin / file).read_text())
        facts = list(parts.processor_metrics(document, "", "part"))
        errors = {fact.labels[2]: fact.value for fact in facts if fact.what == "pcie_errors"}
        for key, word in PCIE_ERRORS.items():
            if key in document["PCIeErrors"]:
                one.compare(f"{file} {key}", errors.get(word), document["PCIeErrors"][key])
        one.compare(f"{file} kinds of PCIe errors", len(errors), len(document["PCIeErrors"]))
        ecc = {fact.labels[2]: fact.value for fact in facts if fact.what == "ecc_errors"}
        lifetime = document["CacheMetricsTotal"]["LifeTime"]
        for kind in ("correctable", "uncorrectable"):
            one.compare(f"{file} {kind} errors", ecc.get(kind), lifetime[f"{kind.title()}ECCErrorCount"])


def compare_sensor(one: Score, document: dict[str, Any], facts: list[Fact]) -> None:
    """A Sensor resource's reading and health against what we made of it."""
    kind = document.get("ReadingType") or BY_UNIT[document["ReadingUnits"]]
    values = [fact for fact in facts if fact.what not in ("health", "enabled", "temperature_limit")]
    name = document["Id"]
    if document["Status"]["State"] == "Absent":
        one.compare(f"absent sensor {name}", [(fact.what, fact.value) for fact in facts], [("enabled", 0.0)])
        return
    if kind in UNITS:
        one.compare(f"sensor {name}", [fact.value for fact in values], [document["Reading"] * UNITS[kind]])
    health = [fact.value for fact in facts if fact.what == "health"]
    one.compare(
        f"health of {name}", health, [{"OK": 0.0, "Warning": 1.0, "Critical": 2.0}[document["Status"]["Health"]]]
    )


def test_a_power_shelf_whose_collections_are_expanded(score: Scoring) -> None:
    one = score("lambdalabs-redfish_exporter")
    origin = hardware("lambdalabs-redfish_exporter") / "powershelf_liteon"
    walked = Capture(origin).visit(Bounds(1000), 0)
    shelf = json.loads((origin / "redfish/v1/Chassis/powershelf/Sensors/index.json").read_text())["Members"]
    for document in shelf:
        compare_sensor(one, document, walked.facts.get(document["@odata.id"], []))
    supplies = origin / "redfish/v1/Chassis/powershelf/PowerSubsystem/PowerSupplies/index.json"
    for document in json.loads(supplies.read_text())["Members"]:
        facts = {fact.what: fact.value for fact in walked.facts[document["@odata.id"]]}
        one.compare(f"state of {document['Name']}", facts["enabled"], float(document["Status"]["State"] == "Enabled"))
        one.compare(f"health of {document['Name']}", facts["health"], 0.0)
    assert len(shelf) > 60


def test_leak_detectors(score: Scoring) -> None:
    one = score("lambdalabs-redfish_exporter")
    origin = hardware("lambdalabs-redfish_exporter")

    class Tray(Capture):
        def get(self, link: str, levels: int) -> Any:
            if link == "/redfish/v1":
                chassis = json.loads((origin / "chassis_main.json").read_text())
                return {"Chassis": {"Name": "Chassis", "Members": [chassis]}}
            files = {
                "ThermalSubsystem": "thermal_subsystem.json",
                "LeakDetection": "leak_detection.json",
                "LeakDetectors": "leak_detectors_collection.json",
                "Chassis_0_LeakDetector_0_ColdPlate": "leak_detector_ok.json",
            }
            if (found := files.get(link.rpartition("/")[2])) is None:
                raise Absent(link)
            return json.loads((origin / found).read_text())

    facts = [fact for group in Tray(origin).visit(Bounds(100), 0).facts.values() for fact in group]
    leaks = [(fact.labels[1], fact.value) for fact in facts if fact.what == "leak"]
    one.compare("leak detectors", leaks, [("Chassis 0 LeakDetector 0 ColdPlate", 0.0)])


def test_sensors_of_dmtfs_mockup(score: Scoring) -> None:
    one = score("dmtf-mockup")
    origin = hardware("dmtf-mockup") / "public-rackmount1"

    class Mockup(Capture):
        def get(self, link: str, levels: int) -> Any:
            if link == "/redfish/v1":
                return {name: {"@odata.id": f"/redfish/v1/{name}"} for name in ("Chassis", "Systems")}
            path = origin / link.removeprefix("/redfish/v1/") / "index.json"
            if not path.exists():
                raise Absent(f"{link}: not in the mockup")
            return json.loads(path.read_text())

    walked = Mockup(origin).visit(Bounds(1000), 0)
    assert walked.failed == {}
    paths = sorted((origin / "Chassis/1U/Sensors").glob("*/index.json"))
    for path in paths:
        document = json.loads(path.read_text())
        link = document["@odata.id"]
        # One of them is in no collection: what it would be is the parser's to say.
        facts = walked.facts.get(link) or list(sensors.sensor(document, link))
        compare_sensor(one, document, facts)
        limits = {fact.labels[2]: fact.value for fact in facts if fact.what == "temperature_limit"}
        if document.get("ReadingUnits") == "Cel":
            told = document.get("Thresholds", {})
            for key, word in (("UpperCritical", "upper_critical"), ("UpperCaution", "upper_caution")):
                if key in told:
                    one.compare(f"{key} of {document['Id']}", limits.get(word), told[key]["Reading"])
    assert (
        len(paths)
        - len([path for path in paths if f"/redfish/v1/Chassis/1U/Sensors/{path.parent.name}" in walked.facts])
        == 1
    )
    for path in origin.glob("*/*/**/EnvironmentMetrics/index.json"):
        document = json.loads(path.read_text())
        facts = list(sensors.environment(document, document["@odata.id"], "part"))
        found = {fact.what: fact.value for fact in facts if fact.labels[1] == "part"}
        for key, what in (("TemperatureCelsius", "temperature"), ("PowerWatts", "power")):
            if key in document:
                one.compare(f"{key} of {document['@odata.id']}", found.get(what), document[key]["Reading"])
        for fan in document.get("FanSpeedsPercent", ()):
            (share,) = [f.value for f in facts if f.what == "ratio" and f.labels[1] == fan["DeviceName"]]
            one.compare(f"{fan['DeviceName']}", share, fan["Reading"] * 0.01)
