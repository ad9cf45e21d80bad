"""Kernel lines of real machines, against what gpud's tests and the readers of the lines say of them."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from probes.samplers.kernel.lines import Classifier, Finding
from probes.samplers.kernel.rules import RULES
from probes.sources.kmsg import parse_record
from tests.conformance.scores import Scoring
from tests.conformance.trees import hardware

LINES = Classifier(RULES)

GPUD = "leptonai-gpud"
NODE_SCRAPER = "amd-node-scraper"
EVENTS = {
    "pci_power_insufficient": ("kernel.power", ""),
    "port_module_high_temperature": ("kernel.temperature", ""),
    "access_reg_failed": ("kernel.command_failed", "ACCESS_REG"),
    "": None,
}
"""What gpud calls the events, and what they are here: kind and command."""

ONE_KIND = {
    "TestHasPCIPowerInsufficient": "pci_power_insufficient",
    "TestHasPortModuleHighTemperature": "port_module_high_temperature",
    "TestHasAccessRegFailed": "access_reg_failed",
}


def tables(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The rows of gpud's tests with the name of the test."""
    for table in json.loads((hardware(GPUD) / "kmsg" / name).read_text())["tables"]:
        yield from ((table["test"], row) for row in table["rows"])


def line_of(row: dict[str, Any]) -> str:
    return str(next(row[key] for key in ("line", "input", "logLine") if key in row))


def named(finding: Finding | None) -> tuple[str, str] | None:
    return finding and (finding.kind, finding.attributes.get("command", ""))


def test_adapters_as_gpud_sees_them(score: Scoring) -> None:
    gpud = score(GPUD)
    for test, row in tables("kmsg-infiniband.json"):
        line = line_of(row)
        finding = LINES.classify(line)
        if test in ONE_KIND:
            gpud.compare(f"{test} {line}", named(finding) == EVENTS[ONE_KIND[test]], row["want"])
        elif test == "TestEdgeCases":
            kinds = {"kernel.power", "kernel.temperature"}
            gpud.compare(f"{test} {line}", finding is not None and finding.kind in kinds, row["want"])
        elif test == "TestAccessRegFailedMessage":
            gpud.compare(f"{test} {line}", named(finding), EVENTS["access_reg_failed"])
        else:
            wanted = row["wantEvent"] if "wantEvent" in row else row["expectedName"]
            gpud.compare(f"{test} {line}", named(finding), EVENTS[wanted])


def test_switch_errors_as_gpud_sees_them(score: Scoring) -> None:
    gpud = score(GPUD)
    for test, row in tables("kmsg-sxid.json"):
        line = line_of(row)
        finding = LINES.classify(line)
        number = int(finding.attributes["number"]) if finding else 0
        device = f"PCI:{finding.subject['address']}" if finding else ""
        if test == "TestExtractNVSwitchSXid":
            gpud.compare(f"{test} {line}", number, row["expected"])
        elif test == "TestExtractNVSwitchSXidDeviceUUID":
            gpud.compare(f"{test} {line}", device, row["expected"])
        elif row["expectNil"] and number:
            theirs = row.get("expectedSXid", 0)
            gpud.differs(
                f"{test} SXid {number}",
                number,
                theirs,
                "a number without an entry in the table is an event all the same",
            )
        else:
            expected = (row.get("expectedSXid", 0), row.get("expectedDevice", ""))
            gpud.compare(f"{test} {line}", (number, device), expected)


def test_nvlink_as_gpud_sees_it(score: Scoring) -> None:
    gpud = score(GPUD)
    for test, row in tables("kmsg-nvlink.json"):
        finding = LINES.classify(line_of(row))
        matches = finding is not None and finding.kind == "kernel.nvlink"
        gpud.compare(f"{test} {row['name']}", matches, row.get("match", False))


XID = re.compile(r"NVRM: Xid \(PCI:([0-9a-f:]+)\): ([0-9]+), pid=([^,]+), name=([^,]+), ")
"""Read apart from the rules: how every Xid line of these files looks."""


@pytest.mark.parametrize("name", ["dmesg.0.log", "dmesg.decode.iso.log.0"])
def test_every_xid_of_a_log(score: Scoring, name: str) -> None:
    gpud = score(GPUD)
    for number, line in enumerate((hardware(GPUD) / "dmesg" / name).read_text().splitlines()):
        finding, written = LINES.classify(line), XID.search(line)
        if written is None:
            gpud.compare(f"{name} line {number}", finding and finding.kind, "kernel.peer_memory")
            continue
        address, xid, pid, process = written.groups()
        assert finding is not None, line
        ours = (finding.subject, *map(finding.attributes.get, ("number", "pid", "process")))
        known = (None, None) if process == "<unknown>" else (pid, process)
        gpud.compare(f"{name} line {number}", ours, ({"address": f"{address}.0"}, xid, *known))


def test_a_healthy_log_in_the_kernels_own_form_says_nothing(score: Scoring) -> None:
    gpud = score(GPUD)
    for content in (hardware(GPUD) / "dmesg" / "kmsg.1.log").read_bytes().splitlines():
        record = parse_record(content)
        head, _, text = content.partition(b";")
        gpud.compare(f"{content!r}", (record.facility * 8 + record.level, record.sequence), fields(head))
        gpud.compare(f"{content!r} text", record.text, text.decode())
        gpud.compare(f"{content!r} event", LINES.classify(record.text), None)


def fields(head: bytes) -> tuple[int, int]:
    priority, sequence = head.split(b",")[:2]
    return int(priority), int(sequence)


READERS = {
    "module_unplugged": ("kernel.module", {"state": "Cable unplugged"}),
    "pcie_power": ("kernel.power", {}),
    "pcie_bandwidth": ("kernel.pcie_bandwidth", {}),
    "link": ("kernel.link_up", {}),
    "aer_received": ("kernel.aer_received", {}),
    "aer": ("kernel.aer", {}),
    "aer_status": ("kernel.aer", {}),
    "aer_bit": ("kernel.aer", {}),
}
"""What the readers of the lines call them, and what they are here."""
SUBJECTS = {"pci": "address", "device": "address", "netdev": "device"}
NAMES = {"watt": "watts", "gbit": "gbps", "gt_s": "limit_speed", "width": "limit_width", "name": "errors"}


def test_lines_as_their_readers_understood_them(score: Scoring) -> None:
    lines = score("kernel-lines")
    rows = json.loads((hardware("kernel-lines") / "lines.json").read_text())["rows"]
    for row in rows:
        expect: dict[str, Any] = dict(row["expect"])
        finding = LINES.classify(row["line"])
        assert finding is not None, row["line"]
        kind, attributes = READERS[expect.pop("kind")]
        lines.compare(row["line"], (finding.kind, attributes.items() <= finding.attributes.items()), (kind, True))
        for name in ("format", "state", "first"):  # of which kernel it is; in the kind; which bit is known anyway
            expect.pop(name, None)
        for theirs, value in expect.items():
            if theirs in SUBJECTS:
                ours: object = finding.subject.get(SUBJECTS[theirs])
            elif theirs == "severity":
                ours = finding.attributes["error"].lower()
            elif theirs == "layer":
                ours = finding.attributes["layer"].lower().removesuffix(" layer")
            else:
                ours = type(value)(finding.attributes[NAMES.get(theirs, theirs)])
            lines.compare(f"{row['line']}: {theirs}", ours, value)


def test_a_log_of_an_amd_host(score: Scoring) -> None:
    """The log names no expectations: what a reader finds in it by eye is written down here."""
    amd = score(NODE_SCRAPER)
    found: Counter[tuple[str, str, str]] = Counter()
    for line in (hardware(NODE_SCRAPER) / "dmesg_sample.log").read_text().splitlines():
        finding = LINES.classify(line)
        if finding is not None and not finding.joins:
            found[finding.kind, finding.severity.name, finding.subject.get("address", "")] += 1
    expected = {
        ("kernel.gpu_memory", "CRITICAL", "0000:01:00.0"): 1,
        ("kernel.gpu_memory", "WARNING", "0000:01:00.0"): 1,
        ("kernel.gpu_memory", "CRITICAL", "0000:02:00.0"): 1,
        ("kernel.hardware_error", "WARNING", ""): 1,
    }
    for key in sorted(found.keys() | expected.keys()):
        amd.compare(f"events {key}", found[key], expected.get(key, 0))
