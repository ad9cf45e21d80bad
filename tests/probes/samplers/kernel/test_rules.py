from __future__ import annotations

import re
from collections.abc import Iterator
from re import _parser  # type: ignore[attr-defined]  # the one place that knows how a pattern is built
from typing import Any

import pytest

from fabricscope.model import Severity
from probes.samplers.kernel.lines import Classifier, Finding, Rule
from probes.samplers.kernel.rules import RULES

LINES = Classifier(RULES)
INFO, WARNING, CRITICAL = Severity.INFO, Severity.WARNING, Severity.CRITICAL

XID = "NVRM: Xid (PCI:0000:19:00): "

# One line a row: what it is, how bad, whose it is, and what else it says.
EXAMPLES: list[tuple[str, str, Severity, dict[str, str], dict[str, str]]] = [
    (
        f"{XID}79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.",
        "kernel.xid",
        CRITICAL,
        {"address": "0000:19:00.0"},
        {"number": "79", "name": "GPU has fallen off the bus"},
    ),
    (
        f"{XID}31, pid=1234, name=python3, Ch 00000008, intr 00000000. MMU Fault: ENGINE GRAPHICS",
        "kernel.xid",
        WARNING,
        {"address": "0000:19:00.0"},
        {"number": "31", "pid": "1234", "process": "python3"},
    ),
    (
        f"{XID}74, pid='<unknown>', name=<unknown>, NVLink: fatal error detected on link 10(0x10000, 0x0, 0x0, 0x0)",
        "kernel.xid",
        CRITICAL,
        {"address": "0000:19:00.0"},
        {"number": "74", "link": "10"},
    ),
    (
        f"{XID}149, NETIR_LINK_EVT  Fatal   XC0 i0 Link 08 (0x021425c6 0x00000000 0x00000000 0x00000000)",
        "kernel.xid",
        CRITICAL,
        {"address": "0000:19:00.0"},
        {"number": "149", "link": "08"},
    ),
    (
        f"{XID}145, RLW_REMAP Nonfatal XC1 i0 Link 03 (0x00000004 0x00000000)",
        "kernel.xid",
        WARNING,
        {"address": "0000:19:00.0"},
        {"number": "145", "link": "03"},
    ),
    (
        f"{XID}154, GPU recovery action changed from 0x0 (None) to 0x2 (Node Reboot Required)",
        "kernel.xid",
        CRITICAL,
        {"address": "0000:19:00.0"},
        {"number": "154"},
    ),
    (
        f"{XID}154, GPU recovery action changed from 0x2 (Node Reboot Required) to 0x0 (None)",
        "kernel.xid",
        INFO,
        {"address": "0000:19:00.0"},
        {"number": "154"},
    ),
    (
        f"{XID}999, something that comes with a later driver",
        "kernel.xid",
        WARNING,
        {"address": "0000:19:00.0"},
        {"number": "999"},
    ),
    (
        "NVRM: Xid (PCI:00000010:3B:00 GPU-I:05): 94, pid=7, name=train, Contained: SM (0x1). RST: No",
        "kernel.xid",
        WARNING,
        {"address": "0010:3b:00.0"},
        {"number": "94", "process": "train"},
    ),
    ("NVRM: Xid (0000:03:00): 13, 0003 00000000", "kernel.xid", WARNING, {"address": "0000:03:00.0"}, {"number": "13"}),
    (
        "nvidia-nvswitch3: SXid (PCI:0000:05:00.0): 20034, Fatal, Link 30 LTSSM Fault Up",
        "kernel.sxid",
        CRITICAL,
        {"address": "0000:05:00.0", "device": "nvidia-nvswitch3"},
        {"number": "20034", "link": "30"},
    ),
    (
        "nvidia-nvswitch3: SXid (PCI:0000:05:00.0): 20034, Data {0x50610002, 0x10100030}",
        "kernel.sxid",
        INFO,
        {"address": "0000:05:00.0", "device": "nvidia-nvswitch3"},
        {"number": "20034"},
    ),
    (
        "nvidia-nvswitch0: SXid (PCI:0000:05:00.0): 11111, Non-fatal, Link 32 something",
        "kernel.sxid",
        WARNING,
        {"address": "0000:05:00.0", "device": "nvidia-nvswitch0"},
        {"number": "11111", "link": "32"},
    ),
    (
        "NVRM: GPU 0000:91:00.0: GPU has fallen off the bus.",
        "kernel.gpu_lost",
        CRITICAL,
        {"address": "0000:91:00.0"},
        {},
    ),
    (
        "NVRM: GPU 0000:91:00.0: RmInitAdapter failed! (0x26:0x56:1474)",
        "kernel.gpu_start",
        CRITICAL,
        {"address": "0000:91:00.0"},
        {"code": "(0x26:0x56:1474)"},
    ),
    (
        "NVRM: knvlinkUpdatePostRxDetectLinkMask_IMPL: Failed to update Rx Detect Link mask!",
        "kernel.nvlink",
        CRITICAL,
        {},
        {"function": "knvlinkUpdatePostRxDetectLinkMask_IMPL"},
    ),
    (
        "nvidia-peermem nv_get_p2p_free_callback:127 ERROR detected invalid context, skipping further processing",
        "kernel.peer_memory",
        WARNING,
        {},
        {"driver": "nvidia-peermem", "function": "nv_get_p2p_free_callback"},
    ),
    (
        "amdgpu 0000:02:00.0: amdgpu: GPU reset begin!",
        "kernel.gpu_reset",
        CRITICAL,
        {"address": "0000:02:00.0"},
        {"driver": "amdgpu"},
    ),
    (
        "amdgpu 0000:02:00.0: {14}poison is consumed by client 12, kick off gpu reset flow",
        "kernel.gpu_memory",
        CRITICAL,
        {"address": "0000:02:00.0"},
        {"state": "consumed"},
    ),
    (
        "amdgpu 0000:02:00.0: {15}Poison is created",
        "kernel.gpu_memory",
        WARNING,
        {"address": "0000:02:00.0"},
        {"state": "created"},
    ),
    (
        "amdgpu 0000:02:00.0: amdgpu: Saved bad pages 150 reaches threshold value 128",
        "kernel.gpu_memory",
        CRITICAL,
        {"address": "0000:02:00.0"},
        {"count": "150", "limit": "128"},
    ),
    (
        "amdgpu 0000:02:00.0: amdgpu: 3 uncorrectable hardware errors detected in umc block",
        "kernel.gpu_memory",
        CRITICAL,
        {"address": "0000:02:00.0"},
        {"count": "3", "block": "umc"},
    ),
    (
        "amdgpu 0000:02:00.0: amdgpu: 1 correctable hardware errors detected in total in gfx block",
        "kernel.gpu_memory",
        INFO,
        {"address": "0000:02:00.0"},
        {"count": "1", "block": "gfx"},
    ),
    (
        "mlx5_core 0000:5c:00.0: Port module event[error]: module 3, Cable error, High Temperature",
        "kernel.temperature",
        CRITICAL,
        {"address": "0000:5c:00.0"},
        {"module": "3"},
    ),
    (
        "mlx5_core 0000:5c:00.0: temp_warn:195:(pid 0): High temperature on sensors with bit set 0 1",
        "kernel.temperature",
        CRITICAL,
        {"address": "0000:5c:00.0"},
        {"sensors": "0 1"},
    ),
    (
        "mlx5_core 0000:5c:00.0: Port module event: module 0, Cable plugged",
        "kernel.module",
        INFO,
        {"address": "0000:5c:00.0"},
        {"module": "0", "state": "Cable plugged"},
    ),
    (
        "mlx5_core 0000:5c:00.0: Port module event: module 0, Cable unplugged",
        "kernel.module",
        WARNING,
        {"address": "0000:5c:00.0"},
        {"module": "0", "state": "Cable unplugged"},
    ),
    (
        "mlx5_core 0000:5c:00.0: Port module event[error]: module 1, Cable error, Bus stuck(I2C or data shorted)",
        "kernel.module",
        WARNING,
        {"address": "0000:5c:00.0"},
        {"state": "Cable error", "reason": "Bus stuck(I2C or data shorted)"},
    ),
    (
        "mlx5_core 0000:5c:00.0: mlx5_pcie_event:299:(pid 26): Detected insufficient power on the PCIe slot (27W).",
        "kernel.power",
        WARNING,
        {"address": "0000:5c:00.0"},
        {"watts": "27"},
    ),
    (
        "mlx5_core 0000:5c:00.0: print_health_info:429:(pid 0): Health issue observed, High temperature, "
        "severity(2) CRITICAL:",
        "kernel.health",
        CRITICAL,
        {"address": "0000:5c:00.0"},
        {"state": "High temperature"},
    ),
    (
        "mlx5_core 0000:5c:00.0: print_health_info:429:(pid 0): Health issue observed, firmware internal error, "
        "severity(3) ERROR:",
        "kernel.health",
        WARNING,
        {"address": "0000:5c:00.0"},
        {"level": "3"},
    ),
    (
        "mlx5_core 0000:5c:00.0: poll_health:825:(pid 0): device's health compromised - reached miss count",
        "kernel.health",
        CRITICAL,
        {"address": "0000:5c:00.0"},
        {"state": "device's health compromised"},
    ),
    (
        "mlx5_core 0000:5c:00.0: poll_health:818:(pid 0): Fatal error 3 detected",
        "kernel.health",
        CRITICAL,
        {"address": "0000:5c:00.0"},
        {"state": "Fatal error 3 detected"},
    ),
    (
        "mlx5_core 0000:5c:00.0: mlx5_health_try_recover:335:(pid 9): health recovery succeeded",
        "kernel.health",
        INFO,
        {"address": "0000:5c:00.0"},
        {},
    ),
    (
        "mlx5_core 0000:d2:00.0: mlx5_cmd_out_err:838:(pid 26): ACCESS_REG(0x805) op_mod(0x1) failed, status bad "
        "resource(0x5), syndrome (0x305684), err(-22)",
        "kernel.command_failed",
        INFO,
        {"address": "0000:d2:00.0"},
        {"command": "ACCESS_REG", "status": "bad resource"},
    ),
    (
        "mlx5_core 0000:d2:00.0: wait_func:1137:(pid 30): QUERY_VPORT_COUNTER(0x770) timeout. Will cause a leak of a "
        "command resource",
        "kernel.command_timeout",
        CRITICAL,
        {"address": "0000:d2:00.0"},
        {"command": "QUERY_VPORT_COUNTER"},
    ),
    ("infiniband mlx5_0: dump_cqe:272:(pid 0): dump error cqe", "kernel.cqe_error", WARNING, {"device": "mlx5_0"}, {}),
    (
        "NETDEV WATCHDOG: ens1f0np0 (mlx5_core): transmit queue 7 timed out",
        "kernel.tx_timeout",
        CRITICAL,
        {"device": "ens1f0np0"},
        {"driver": "mlx5_core", "queue": "7"},
    ),
    (
        "bnxt_en 0000:c1:00.0 eth1: NETDEV WATCHDOG: CPU: 12: transmit queue 3 timed out 5004 ms",
        "kernel.tx_timeout",
        CRITICAL,
        {"address": "0000:c1:00.0", "device": "eth1"},
        {"queue": "3"},
    ),
    (
        "mlx5_core 0000:c1:00.0 eth1: TX timeout on queue: 3, SQ: 0x12, CQ: 0x34, SQ Cons: 0x0 SQ Prod: 0x1",
        "kernel.tx_timeout",
        CRITICAL,
        {"address": "0000:c1:00.0", "device": "eth1"},
        {"queue": "3"},
    ),
    (
        "pcieport 0000:15:01.0: pciehp: Slot(7-1): Link Down",
        "kernel.pcie_slot",
        WARNING,
        {"address": "0000:15:01.0"},
        {"slot": "7-1", "state": "Link Down"},
    ),
    (
        "pcieport 0000:15:01.0: pciehp: Slot(7): Link Up",
        "kernel.pcie_slot",
        INFO,
        {"address": "0000:15:01.0"},
        {"slot": "7"},
    ),
    (
        "pcieport 0000:15:01.0: DPC: containment event, status:0x1f01 source:0x0000",
        "kernel.dpc",
        CRITICAL,
        {"address": "0000:15:01.0"},
        {"status": "0x1f01"},
    ),
    (
        "pcieport 0000:00:1d.0: AER: Multiple Corrected error received: id=02e8",
        "kernel.aer_received",
        INFO,
        {"address": "0000:02:1d.0"},
        {"port": "0000:00:1d.0", "error": "Multiple Corrected"},
    ),
    (
        "pcieport 10000:e0:01.0: AER: Uncorrected (Non-Fatal) error received: 10000:e1:00.0",
        "kernel.aer_received",
        INFO,
        {"address": "10000:e1:00.0"},
        {"port": "10000:e0:01.0"},
    ),
    (
        "pcieport 0000:00:1d.0: AER: Correctable error message received from 0000:02:00.0",
        "kernel.aer_received",
        INFO,
        {"address": "0000:02:00.0"},
        {"port": "0000:00:1d.0", "error": "Correctable"},
    ),
    (
        "pcieport 0000:00:1d.0: PCIe Bus Error: severity=Corrected, type=Physical Layer, id=00e8(Receiver ID)",
        "kernel.aer",
        INFO,
        {"address": "0000:00:1d.0"},
        {"layer": "Physical Layer", "agent": "Receiver ID"},
    ),
    (
        "mlx5_core 0000:5c:00.0: PCIe Bus Error: severity=Uncorrected (Non-Fatal), type=Transaction Layer, "
        "(Completer ID)",
        "kernel.aer",
        WARNING,
        {"address": "0000:5c:00.0"},
        {"error": "Uncorrected (Non-Fatal)"},
    ),
    (
        "nvme 0000:02:00.0: PCIe Bus Error: severity=Uncorrectable (Fatal), type=Inaccessible, (Unregistered Agent ID)",
        "kernel.aer",
        CRITICAL,
        {"address": "0000:02:00.0"},
        {"layer": "Inaccessible"},
    ),
    (
        "cxl_pci 0000:35:00.0: CXL Bus Error: severity=Correctable, type=Data Link Layer, (Transmitter ID)",
        "kernel.aer",
        INFO,
        {"address": "0000:35:00.0"},
        {"layer": "Data Link Layer", "agent": "Transmitter ID"},
    ),
    (
        "pcieport 0000:15:01.0: AER: device recovery failed",
        "kernel.aer_recovery",
        CRITICAL,
        {"address": "0000:15:01.0"},
        {},
    ),
    (
        "mlx5_core 0000:5c:00.0: 63.008 Gb/s available PCIe bandwidth, limited by 8.0 GT/s PCIe x8 link at "
        "0000:15:01.0 (capable of 252.048 Gb/s with 16.0 GT/s PCIe x16 link)",
        "kernel.pcie_bandwidth",
        WARNING,
        {"address": "0000:5c:00.0"},
        {"gbps": "63.008", "limit_speed": "8.0", "limit_width": "8", "limiter": "0000:15:01.0"},
    ),
    (
        "mlx5_core 0000:5c:00.0: 252.048 Gb/s available PCIe bandwidth (16.0 GT/s PCIe x16 link)",
        "kernel.pcie_bandwidth",
        INFO,
        {"address": "0000:5c:00.0"},
        {"gbps": "252.048", "limit_width": "16"},
    ),
    (
        "mlx5_core 0000:c1:00.1 ens9f1np1: Link down",
        "kernel.link_down",
        WARNING,
        {"address": "0000:c1:00.1", "device": "ens9f1np1"},
        {"driver": "mlx5_core"},
    ),
    (
        "mlx5_core 0000:c1:00.1 ens9f1np1: Link up",
        "kernel.link_up",
        INFO,
        {"address": "0000:c1:00.1", "device": "ens9f1np1"},
        {},
    ),
    (
        "bnxt_en 0000:c1:00.0 eth1: NIC Link is Down",
        "kernel.link_down",
        WARNING,
        {"address": "0000:c1:00.0", "device": "eth1"},
        {},
    ),
    (
        "ice 0000:c1:00.0 eth1: NIC Link is up 100 Gbps Full Duplex, Requested FEC: RS-FEC, Negotiated FEC: RS-FEC",
        "kernel.link_up",
        INFO,
        {"address": "0000:c1:00.0", "device": "eth1"},
        {},
    ),
    (
        "igb 0000:02:00.0 eno1: igb: eno1 NIC Link is Down",
        "kernel.link_down",
        WARNING,
        {"address": "0000:02:00.0", "device": "eno1"},
        {"driver": "igb"},
    ),
    (
        "tg3 0000:01:00.0 eno3: Link is down",
        "kernel.link_down",
        WARNING,
        {"address": "0000:01:00.0", "device": "eno3"},
        {},
    ),
    ("{1}[Hardware Error]: event severity: fatal", "kernel.hardware_error", CRITICAL, {}, {"level": "fatal"}),
    (
        "mce: [Hardware Error]: CPU 3: Machine Check: 0 Bank 5: be00000000800400",
        "kernel.machine_check",
        WARNING,
        {},
        {"cpu": "3", "bank": "5"},
    ),
    (
        "mce: [Hardware Error]: CPU 3: Machine Check Exception: 5 Bank 5: be00000000800400",
        "kernel.machine_check",
        CRITICAL,
        {},
        {"cpu": "3", "bank": "5"},
    ),
    (
        "EDAC MC0: 1 CE memory read error on CPU_SrcID#0_MC#0_Chan#0_DIMM#0 (channel:0 slot:0 page:0x1)",
        "kernel.memory_error",
        INFO,
        {},
        {"count": "1", "state": "CE", "label": "CPU_SrcID#0_MC#0_Chan#0_DIMM#0"},
    ),
    (
        "EDAC MC1: 1 UE memory read error on CPU_SrcID#1_MC#0_Chan#0_DIMM#0 (channel:0 slot:0 page:0x1)",
        "kernel.memory_error",
        CRITICAL,
        {},
        {"state": "UE", "controller": "1"},
    ),
    (
        "INFO: task nvidia-smi:4711 blocked for more than 122 seconds.",
        "kernel.hung_task",
        WARNING,
        {},
        {"process": "nvidia-smi", "pid": "4711", "seconds": "122"},
    ),
    (
        "watchdog: BUG: soft lockup - CPU#17 stuck for 22s! [kworker/17:1:300]",
        "kernel.lockup",
        CRITICAL,
        {},
        {"cpu": "17", "seconds": "22"},
    ),
    ("watchdog: Watchdog detected hard LOCKUP on cpu 4", "kernel.lockup", CRITICAL, {}, {"cpu": "4"}),
]

NO_EVENTS = [
    "IPv6: ADDRCONF(NETDEV_CHANGE): eth0: link becomes ready",
    "NVRM: NVLink link training completed",
    "NVRM: loading NVIDIA UNIX x86_64 Kernel Module  550.54.15",
    "NVRM: GPU at PCI:0000:91:00: GPU-00000000-1111-2222-3333-444444444444",
    "NVRM: Xid (PCI:0000:19:00): abc, no number",
    "nvidia-nvswitch0: SXid (PCI:0000:00:00.0): xyz, Fatal error",
    "nvidia-nvswitch2: open (major=510)",
    "mlx5_core 0000:01:00.0: Detected insufficient power on the PCIe slot (W).",
    "mlx5_core 0000:01:00.0: PCIe slot advertised sufficient power (75W).",
    "mlx5_core 0000:01:00.0: firmware version: 28.39.1002",
    "Port module event: Temperature normal",
    "pcieport 0000:00:1d.0: AER: enabled with IRQ 122",
    "ice 0000:c1:00.0: The DDP package was successfully loaded: ICE OS Default Package version 1.3.30.0",
    "virtio_net virtio0 eth0: Link up",
    "python[4]: NIC Link is Down",
    "",
]


def found(line: str) -> Finding:
    finding = LINES.classify(line)
    assert finding is not None, line
    return finding


@pytest.mark.parametrize(("line", "kind", "severity", "subject", "attributes"), EXAMPLES)
def test_a_line_and_what_it_says(
    line: str, kind: str, severity: Severity, subject: dict[str, str], attributes: dict[str, str]
) -> None:
    finding = found(line)
    assert (finding.kind, finding.severity, finding.joins) == (kind, severity, False)
    assert finding.subject == subject
    assert attributes.items() <= finding.attributes.items()
    assert finding.attributes["text"] == line
    assert "{" not in finding.message
    assert not finding.message.endswith((" ", ";", ": "))


@pytest.mark.parametrize("line", NO_EVENTS)
def test_lines_that_say_nothing(line: str) -> None:
    assert LINES.classify(line) is None


def test_every_rule_has_an_example() -> None:
    used = {id(rule) for line, *_ in EXAMPLES for rule in [first_rule(line)] if rule}
    assert [rule.kind for rule in RULES if id(rule) not in used and not rule.joins] == []


def first_rule(line: str) -> Rule | None:
    """The rule that an example is of, found without the classifier."""
    fits = (rule for rule in RULES if all(marker in line for marker in rule.markers) and rule.pattern.search(line))
    return next(fits, None)


@pytest.mark.parametrize("line", [f"Mar  1 00:00:00 node7 kernel: {line}" for line, *_ in EXAMPLES])
def test_what_stands_before_a_line_does_not_matter(line: str) -> None:
    assert found(line).kind


@pytest.mark.parametrize(
    ("line", "kind", "attributes"),
    [
        ("pcieport 0000:00:1d.0:   device [8086:a119] error status/mask=00000001/00002000", "kernel.aer",
         {"status": "00000001", "mask": "00002000"}),
        ("nvme 0000:02:00.0:    [ 0] RxErr                  (First)", "kernel.aer", {"bit": "0", "errors": "RxErr"}),
        ("pcieport 0000:00:1d.0:    [12] Replay Timer Timeout  ", "kernel.aer", {"errors": "Replay Timer Timeout"}),
        ("{1}[Hardware Error]:   section_type: PCIe error", "kernel.hardware_error", {"section": "PCIe error"}),
        ("{1}[Hardware Error]:   device_id: 0000:11:01.0", "kernel.hardware_error", {}),
    ],
)  # fmt: skip
def test_lines_that_add_to_the_one_before(line: str, kind: str, attributes: dict[str, str]) -> None:
    finding = found(line)
    assert (finding.kind, finding.joins) == (kind, True)
    assert attributes.items() <= finding.attributes.items()


def repeats(pattern: Any) -> Iterator[int]:
    """The upper bound of every repetition in a parsed pattern."""
    for operation, argument in pattern:
        if str(operation) in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            yield int(argument[1])
        for part in argument if isinstance(argument, tuple | list) else ():
            if isinstance(part, _parser.SubPattern):
                yield from repeats(part)
            elif isinstance(part, list):
                yield from (bound for branch in part for bound in repeats(branch))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.kind)
def test_every_repetition_in_a_pattern_has_a_bound(rule: Rule) -> None:
    bounds = list(repeats(_parser.parse(rule.pattern.pattern)))
    assert all(bound <= 100 for bound in bounds)


def test_that_check_finds_a_repetition_without_a_bound() -> None:
    for pattern in ("a*", "(a+)b", "(?:x|y{3,})", "(?P<n>a{0,2}(?:b.*)?)"):
        assert max(repeats(_parser.parse(pattern))) >= int(re._constants.MAXREPEAT)  # type: ignore[attr-defined]
