"""The lines that matter to a fabric, as a table: who writes them, how they look, what they mean.

Forms are those of Linux 4.18 to 6.18 and of the drivers in it, and of NVIDIA's drivers since 450. A new kind of line
is a row here and an example in its test. The first row that fits is taken.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from fabricscope.model import Severity
from probes.samplers.kernel.lines import ADDRESS, DEVICE, DRIVER, Rule
from probes.sources.nvidia_errors import SXID_UNKNOWN, SXIDS, XID_UNKNOWN, XIDS

INFO, WARNING, CRITICAL = Severity.INFO, Severity.WARNING, Severity.CRITICAL

_CARD = "check the card's seating, power and firmware; move the work away and reset the card"
_CABLE = "check the module or cable: reseat it, then swap it"
_COOLING = "check airflow, fans and the room before the card shuts down"
_PCIE = "read the counters of both ends of this PCIe link; reseat the card, riser or cable when they keep growing"
_NEIGHBOUR = "look at the port at the other end, and at the module or cable"

# fmt: off
_NVIDIA = (
    Rule("kernel.xid", WARNING, "Xid {number}, {name}", "", ("NVRM: Xid",),
         re.compile(rf"NVRM: Xid \((?:PCI:)?(?P<address>{ADDRESS})[^)]{{0,40}}\): (?P<number>[0-9]{{1,4}})\b"
                    r"(?:, pid='?(?P<pid>[0-9]{1,10})'?)?(?:, name='?(?P<process>[^',<]{1,40})'?)?"
                    r"(?:[^\n]{0,80}?\b[Ll]ink (?P<link>[0-9]{1,3})\b)?"),
         numbers=XIDS, unknown=XID_UNKNOWN),
    Rule("kernel.sxid", WARNING, "SXid {number}, {name}", "", (": SXid (",),
         re.compile(rf"(?P<device>nvidia-nvswitch[0-9]{{1,3}}): SXid \(PCI:(?P<address>{ADDRESS})\): "
                    r"(?P<number>[0-9]{1,6})\b(?:[^\n]{0,40}?\bLink (?P<link>[0-9]{1,3})\b)?"),
         numbers=SXIDS, unknown=SXID_UNKNOWN),
    Rule("kernel.gpu_lost", CRITICAL, "the GPU does not answer on PCIe any more",
         "drain the host and power-cycle it; read the AER events of the port above the GPU", ("NVRM: ", "off the bus"),
         re.compile(rf"NVRM: [A-Za-z ]{{0,24}}(?P<address>{ADDRESS})")),
    Rule("kernel.gpu_start", CRITICAL, "the driver could not start the GPU {code}",
         "reset the GPU; when it comes again, power-cycle the host and ask the vendor", ("RmInitAdapter failed",),
         re.compile(rf"NVRM: GPU (?P<address>{ADDRESS}): RmInitAdapter failed!? ?(?P<code>\([0-9a-fx:]{{1,40}}\))?")),
    Rule("kernel.nvlink", CRITICAL, "the driver could not set up NVLink ({function})",
         "look at the NVLink states of all GPUs; reset GPUs and switches together", ("NVRM: knvlink", "ailed"),
         re.compile(r"NVRM: (?P<function>knvlink[A-Za-z0-9_]{1,80}): ")),
    Rule("kernel.peer_memory", WARNING, "an error of the driver for GPUDirect RDMA in {function}",
         "the memory that a transfer used is gone: look for an Xid or an application that ended",
         ("nvidia-peermem ", "ERROR"),
         re.compile(r"(?P<driver>nvidia-peermem) (?P<function>[A-Za-z0-9_]{1,64}):[0-9]{1,6} ERROR")),
)
_AMD = (
    Rule("kernel.gpu_reset", CRITICAL, "the GPU is being reset",
         "look at the lines before it for the cause; the work on the GPU is lost", ("amdgpu", "GPU reset begin"),
         re.compile(r"GPU reset begin")),
    Rule("kernel.gpu_memory", CRITICAL, "a GPU consumed or created poisoned memory",
         "the GPU resets by itself; when it comes again, have it checked", ("amdgpu", "oison "),
         re.compile(r"[Pp]oison is (?P<state>consumed|created)", re.IGNORECASE), (("oison is created", WARNING),)),
    Rule("kernel.gpu_memory", CRITICAL, "{count} memory pages are bad, over the limit of {limit}",
         "replace the GPU", ("amdgpu", "bad pages"),
         re.compile(r"Saved bad pages (?P<count>[0-9]{1,9}) reaches threshold value (?P<limit>[0-9]{1,9})")),
    Rule("kernel.gpu_memory", CRITICAL, "{count} hardware errors in block {block}",
         "have the GPU checked when they keep coming", ("amdgpu", "hardware errors detected in"),
         re.compile(r"(?P<count>[0-9]{1,9}) (?:new )?(?P<state>(?:un)?correctable) hardware errors detected in "
                    r"(?:total in )?(?P<block>[a-z0-9_]{1,16}) block"),
         ((" uncorrectable", CRITICAL), (" correctable", INFO))),
)
_ADAPTERS = (
    Rule("kernel.temperature", CRITICAL, "the module is too hot", _COOLING, ("Port module event", "High Temperature"),
         re.compile(r"Port module event(?:[^\n]{0,20}?\bmodule (?P<module>[0-9]{1,3})\b)?[^\n]{0,60}High Temperature")),
    Rule("kernel.temperature", CRITICAL, "the card is too hot", _COOLING, ("High temperature on sensors",),
         re.compile(r"High temperature on sensors with bit set (?P<sensors>[0-9a-fx]{1,18}(?: [0-9a-fx]{1,18})?)")),
    Rule("kernel.module", WARNING, "module {module}, {state} {reason}", _CABLE, ("Port module event",),
         re.compile(r"Port module event(?:\[[a-z]{1,10}\])?: module (?P<module>[0-9]{1,3}), "
                    r"(?P<state>Cable (?:plugged|unplugged|error))(?:, (?P<reason>[A-Za-z0-9 /()._-]{1,60}))?"),
         (("Cable plugged", INFO),)),
    Rule("kernel.power", WARNING, "the slot gives {watts} W, less than the card asks for",
         "check the slot's power limit in the firmware setup and the card's cables; on some boards the report is wrong",
         ("insufficient power on the PCIe slot",),
         re.compile(r"Detected insufficient power on the PCIe slot \((?P<watts>[0-9]{1,4})W\)")),
    Rule("kernel.health", CRITICAL, "the card reports {state}", _CARD, ("Health issue observed",),
         re.compile(r"Health issue observed, (?P<state>[A-Za-z0-9 ]{1,60}), severity\((?P<level>[0-7])\)"),
         (("severity(3)", WARNING), ("severity(4)", WARNING), ("severity(5)", INFO), ("severity(6)", INFO),
          ("severity(7)", INFO))),
    Rule("kernel.health", CRITICAL, "{state}", _CARD, ("mlx5_core ",),
         re.compile(r"(?P<state>device's health compromised|PCI slot is unavailable|health recovery f[a-z]{4,8}|"
                    r"[Ff]atal error [0-9]{1,6} detected|handling bad device here)")),
    Rule("kernel.health", INFO, "the card works again", "look at the lines before it for the cause",
         ("health recovery succeeded",), re.compile(r"health recovery succeeded")),
    Rule("kernel.command_failed", INFO, "the firmware refused the command {command}",
         "a function with restricted rights refuses some; others call for a firmware update",
         ("mlx5_cmd_out_err", " failed"),
         re.compile(r"mlx5_cmd_out_err(?::[0-9]{1,6})?(?::\(pid [0-9]{1,10}\))?: (?P<command>[A-Z][A-Z0-9_]{2,47})"
                    r"(?:\(0x[0-9a-f]{1,6}\))?(?: op_mod\(0x[0-9a-f]{1,6}\))? failed"
                    r"(?:, status (?P<status>[a-z ]{1,40})\(0x[0-9a-f]{1,4}\))?")),
    Rule("kernel.command_timeout", CRITICAL, "the firmware does not answer the command {command}", _CARD,
         ("mlx5_core", "timeout. Will cause a leak"),
         re.compile(r"(?P<command>[A-Z][A-Z0-9_]{2,47})\(0x[0-9a-f]{1,6}\) timeout\. Will cause a leak")),
    Rule("kernel.cqe_error", WARNING, "a transfer ended with an error completion",
         "look for a flapping link or a peer that ended", ("dump error cqe",), re.compile(r"dump error cqe")),
    Rule("kernel.tx_timeout", CRITICAL, "transmit queue {queue} does not move",
         "look at pause frames and the link; reset the interface when it stays so", ("NETDEV WATCHDOG: ",),
         re.compile(rf"NETDEV WATCHDOG: (?:CPU: [0-9]{{1,5}}|(?P<device>{DEVICE}) \((?P<driver>[a-z0-9_-]{{1,32}})\))"
                    r": transmit queue (?P<queue>[0-9]{1,6}) timed out")),
    Rule("kernel.tx_timeout", CRITICAL, "transmit queue {queue} does not move",
         "look at pause frames and the link; reset the interface when it stays so", ("TX timeout on queue",),
         re.compile(r"TX timeout on queue: (?P<queue>[0-9]{1,6})")),
)
_PORTS = (
    Rule("kernel.pcie_slot", WARNING, "slot {slot}: {state}", "look for a card that was pulled, reset or lost power",
         ("pciehp: Slot(",),
         re.compile(r"pciehp: Slot\((?P<slot>[^)]{1,32})\): (?P<state>Link Down|Link Up|Card (?:not )?present|"
                    r"Power fault(?: bit [0-9] set)?)"),
         (("Link Up", INFO), ("Card present", INFO), ("Power fault", CRITICAL))),
    Rule("kernel.dpc", CRITICAL, "the port took its link down to contain an error (status {status})", _PCIE,
         (": DPC: containment event",),
         re.compile(r"DPC: containment event, status:(?P<status>0x[0-9a-f]{1,8})")),
    Rule("kernel.aer_received", INFO, "a PCIe error was reported to port {port}", _PCIE, ("AER: ", " received: id="),
         re.compile(r"AER: (?P<error>(?:Multiple )?(?:Unc|C)orrect[a-z]{2,4}(?: \((?:Non-)?Fatal\))?) error received: "
                    r"id=(?P<requester>[0-9a-f]{4})\b")),
    Rule("kernel.aer_received", INFO, "a PCIe error was reported to port {port}", _PCIE, ("AER: ", " received"),
         re.compile(rf"(?P<port>{ADDRESS}): AER: (?P<error>(?:Multiple )?(?:Unc|C)orrect[a-z]{{2,4}}"
                    rf"(?: \((?:Non-)?Fatal\))?) error (?:received: |message received from )(?P<address>{ADDRESS})")),
    Rule("kernel.aer", WARNING, "{error} PCIe error of the {layer}, seen as {agent}", _PCIE, (" Bus Error: severity=",),
         re.compile(r"\b(?:PCIe|CXL) Bus Error: severity=(?P<error>(?:Unc|C)orrect[a-z]{2,4}(?: \((?:Non-)?Fatal\))?), "
                    r"type=(?P<layer>[A-Za-z ]{1,24}), (?:id=[0-9a-f]{4})?\((?P<agent>[A-Za-z ]{1,24})\)"),
         (("severity=Corrected", INFO), ("severity=Correctable", INFO), ("(Fatal)", CRITICAL))),
    Rule("kernel.aer", INFO, "", _PCIE, (" error status/mask=",),
         re.compile(r"error status/mask=(?P<status>[0-9a-f]{8})/(?P<mask>[0-9a-f]{8})"), joins=True),
    Rule("kernel.aer", INFO, "", _PCIE, (":    [",),
         re.compile(r":    \[ ?(?P<bit>[0-9]{1,2})\] (?P<errors>[A-Za-z]{2,24}(?: [A-Za-z/]{1,24}){0,3})"), joins=True),
    Rule("kernel.aer_recovery", CRITICAL, "the device could not be recovered after a PCIe error", _CARD,
         ("AER: ", "device recovery failed"), re.compile(r"AER: [Dd]evice recovery failed")),
    Rule("kernel.pcie_bandwidth", WARNING,
         "{gbps} Gb/s of PCIe, held back to {limit_speed} GT/s x{limit_width} at {limiter}",
         "check the slot's width and generation, the riser and the firmware setup of that port",
         ("available PCIe bandwidth", "limited by"),
         re.compile(r"(?P<gbps>[0-9]{1,5}\.[0-9]{1,3}) Gb/s available PCIe bandwidth, limited by "
                    rf"(?P<limit_speed>[0-9.]{{1,5}}) GT/s PCIe x(?P<limit_width>[0-9]{{1,2}}) link at "
                    rf"(?P<limiter>{ADDRESS})")),
    Rule("kernel.pcie_bandwidth", INFO, "{gbps} Gb/s of PCIe ({limit_speed} GT/s x{limit_width})",
         "", ("available PCIe bandwidth",),
         re.compile(r"(?P<gbps>[0-9]{1,5}\.[0-9]{1,3}) Gb/s available PCIe bandwidth "
                    r"\((?P<limit_speed>[0-9.]{1,5}) GT/s PCIe x(?P<limit_width>[0-9]{1,2}) link\)")),
)
_LINK = (rf"(?P<driver>{DRIVER}) (?P<address>{ADDRESS}) (?P<device>{DEVICE}): "
         rf"(?:[a-z0-9_]{{2,16}}: {DEVICE} )?(?:NIC )?[Ll]ink (?:is )?")
_LINKS = (
    Rule("kernel.link_down", WARNING, "the link went down", _NEIGHBOUR, ("ink ", "own"),
         re.compile(rf"{_LINK}(?:[Dd]own|DOWN)\b")),
    Rule("kernel.link_up", INFO, "the link came up", "", ("ink ", "p"),
         re.compile(rf"{_LINK}(?:[Uu]p|UP)\b")),
)
_HOST = (
    Rule("kernel.hardware_error", WARNING, "the firmware reports a {level} hardware error",
         "look at the lines after it and at the BMC's log", ("[Hardware Error]: event severity: ",),
         re.compile(r"\[Hardware Error\]: event severity: (?P<level>[a-z]{4,16})"),
         (("severity: corrected", INFO), ("severity: info", INFO), ("severity: fatal", CRITICAL),
          ("severity: panic", CRITICAL))),
    Rule("kernel.hardware_error", INFO, "", "", ("[Hardware Error]:", "section_type: "),
         re.compile(r"section_type: (?P<section>[A-Za-z0-9 -]{1,40})"), joins=True),
    Rule("kernel.hardware_error", INFO, "", "", ("[Hardware Error]:", "device_id: ", "."),
         re.compile(rf"\[Hardware Error\]: {{1,8}}device_id: (?P<address>{ADDRESS})"), joins=True),
    Rule("kernel.machine_check", CRITICAL, "machine check on CPU {cpu}, bank {bank}",
         "read the BMC's log and rasdaemon; have CPU, memory and PCIe checked", ("[Hardware Error]: CPU ",),
         re.compile(r"\[Hardware Error\]: CPU (?P<cpu>[0-9]{1,5}): Machine Check(?: Exception)?: "
                    r"(?P<code>[0-9a-f]{1,16}) Bank (?P<bank>[0-9]{1,3})"),
         (("Machine Check Exception", CRITICAL), ("Machine Check: 0", WARNING))),
    Rule("kernel.memory_error", INFO, "{count} {state} memory errors at {label}",
         "have the memory module checked when they keep coming", ("EDAC MC",),
         re.compile(r"EDAC MC(?P<controller>[0-9]{1,3}): (?P<count>[0-9]{1,9}) (?P<state>CE|UE)\b[^\n]{0,80}? on "
                    r"(?P<label>[A-Za-z0-9_#.-]{1,64})"),
         ((" UE ", CRITICAL),)),
    Rule("kernel.hung_task", WARNING, "{process} is stuck in the kernel for {seconds} s",
         "look at the device that it waits for, often a GPU, an adapter or a file system", ("blocked for more than",),
         re.compile(r"INFO: task (?P<process>[^\n]{1,20}?):(?P<pid>[0-9]{1,10}) blocked for more than "
                    r"(?P<seconds>[0-9]{1,6}) seconds")),
    Rule("kernel.lockup", CRITICAL, "CPU {cpu} is stuck in the kernel",
         "the host will not recover by itself: drain and reboot it", ("lockup",),
         re.compile(r"watchdog: BUG: soft lockup - CPU#(?P<cpu>[0-9]{1,5}) stuck for (?P<seconds>[0-9]{1,6})s")),
    Rule("kernel.lockup", CRITICAL, "CPU {cpu} is stuck in the kernel",
         "the host will not recover by itself: drain and reboot it", ("ard LOCKUP",),
         re.compile(r"[Ww]atchdog (?:d|D)etected hard LOCKUP on cpu (?P<cpu>[0-9]{1,5})", re.IGNORECASE)),
)
# fmt: on

RULES: Sequence[Rule] = (*_NVIDIA, *_AMD, *_ADAPTERS, *_PORTS, *_LINKS, *_HOST)
"""Every kind of line that becomes an event."""
