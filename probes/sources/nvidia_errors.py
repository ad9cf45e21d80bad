"""What the error numbers of NVIDIA's drivers mean for a fabric, and what to do about them.

Sources: nverror.h and the NVSwitch error numbers of NVIDIA's open kernel modules, and NVIDIA's Xid catalog
(docs.nvidia.com/deploy/xid-errors). A number that is not here is an event all the same, as a warning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fabricscope.model import Severity

INFO, WARNING, CRITICAL = Severity.INFO, Severity.WARNING, Severity.CRITICAL

Words = Sequence[tuple[str, Severity]]
"""Words of a line that decide its severity; the first that is in it does."""


class Meaning(NamedTuple):
    """What one error number stands for."""

    name: str
    severity: Severity
    action: str
    """The next step, for a person."""
    words: Words = ()


_APPLICATION = "a fault of the application: restart it, and look at its code or its libraries"
_RESTART = "restart the application; if it comes again on this GPU with other applications, ask the vendor"
_RESET = "reset the GPU before it is used again; if it comes back, ask the vendor"
_VENDOR = "note when it began, and ask the vendor when it keeps coming"
_LINK = (
    "look at the NVLink counters of both ends for the link that failed; reset the GPU, and have the baseboard or the "
    "cable checked when it comes back"
)
_NVLINK5: Words = (("Nonfatal", WARNING), ("Fatal", CRITICAL))

XIDS: Mapping[int, Meaning] = {
    8: Meaning("GPU stopped processing", WARNING, _RESTART),
    13: Meaning("graphics engine exception", WARNING, _APPLICATION),
    31: Meaning("GPU memory page fault", WARNING, _APPLICATION),
    32: Meaning("invalid or corrupted push buffer stream", WARNING, _RESTART),
    43: Meaning("GPU stopped processing", WARNING, _APPLICATION),
    44: Meaning("graphics engine fault during a context switch", WARNING, _RESTART),
    45: Meaning("channels torn down", INFO, "it follows another error of the same GPU: look for that one"),
    46: Meaning("GPU stopped processing", WARNING, _RESET),
    48: Meaning("uncorrectable memory error", CRITICAL, _RESET),
    54: Meaning("auxiliary power is not connected", CRITICAL, "check the power cables of the GPU board"),
    61: Meaning("microcontroller breakpoint", WARNING, _RESET),
    62: Meaning("microcontroller halted", CRITICAL, _RESET),
    63: Meaning("memory row remapped", INFO, "reset the GPU when convenient, so that the new row is in effect"),
    64: Meaning("memory row could not be remapped", CRITICAL, "reset the GPU; when it comes again, replace it"),
    66: Meaning("illegal access by the driver", WARNING, _VENDOR),
    69: Meaning("graphics engine class error", WARNING, _APPLICATION),
    74: Meaning("NVLink error", CRITICAL, _LINK),
    78: Meaning("virtual GPU cannot be started", WARNING, "update the driver or the virtual GPU manager"),
    79: Meaning(
        "GPU has fallen off the bus",
        CRITICAL,
        "drain the host and power-cycle it; read the AER events of the "
        "port above and check the seating, the riser and the power of the GPU",
    ),
    92: Meaning("many correctable memory errors", WARNING, "watch the memory counters; have the GPU checked"),
    94: Meaning("contained memory error", WARNING, "restart the application; reset the GPU when convenient"),
    95: Meaning("uncontained memory error", CRITICAL, _RESET),
    109: Meaning("context switch timed out", CRITICAL, _RESET),
    110: Meaning("security fault", CRITICAL, "power-cycle the host; when it comes again, ask the vendor"),
    119: Meaning("no answer from the GPU's system processor", CRITICAL, _RESET),
    120: Meaning("error of the GPU's system processor", CRITICAL, _RESET),
    121: Meaning(
        "corrected error of the link between CPU and GPU (C2C)",
        WARNING,
        "reset the GPU in the next maintenance window, so that the link trains anew",
    ),
    122: Meaning("board memory cannot be read", WARNING, _VENDOR),
    123: Meaning("board memory cannot be written", WARNING, _VENDOR),
    124: Meaning("board memory cannot be erased", WARNING, _VENDOR),
    125: Meaning("InfoROM file system error", WARNING, _VENDOR),
    136: Meaning("NVLink training failed", CRITICAL, _LINK),
    137: Meaning("NVLink access without a mapping", WARNING, _APPLICATION),
    140: Meaning("unrecovered memory error", CRITICAL, _RESET),
    143: Meaning("GPU could not be initialised", CRITICAL, _RESET),
    144: Meaning("NVLink 5 error (SAW)", CRITICAL, _LINK, _NVLINK5),
    145: Meaning("NVLink 5 error (RLW)", CRITICAL, _LINK, _NVLINK5),
    146: Meaning("NVLink 5 error (TLW)", CRITICAL, _LINK, _NVLINK5),
    147: Meaning("NVLink 5 error (TREX)", CRITICAL, _LINK, _NVLINK5),
    148: Meaning("NVLink 5 error (NVLPW_CTRL)", CRITICAL, _LINK, _NVLINK5),
    149: Meaning("NVLink 5 error (NETIR)", CRITICAL, _LINK, _NVLINK5),
    150: Meaning("NVLink 5 error (MSE)", CRITICAL, _LINK, _NVLINK5),
    151: Meaning("key rotation error", WARNING, _VENDOR),
    154: Meaning(
        "recovery action changed",
        CRITICAL,
        "do what the line asks for: it sums up the errors before it",
        ((" to 0x0 (None)", INFO), (" to 0x0(None)", INFO)),
    ),
    155: Meaning("NVLink taken down by software", WARNING, _LINK),
    156: Meaning("resource retired", WARNING, "reset the GPU when convenient"),
    157: Meaning("resource could not be retired", CRITICAL, _VENDOR),
    158: Meaning("fatal timeout of the GPU", CRITICAL, _RESET),
    159: Meaning("error of the coherent link to the CPU", WARNING, _VENDOR),
    160: Meaning("memory channel retired", WARNING, _VENDOR),
    161: Meaning("memory channel could not be retired", CRITICAL, _VENDOR),
    167: Meaning("fatal PCIe timeout", CRITICAL, "read the AER events of the port above; reset the GPU"),
    168: Meaning("memory capacity reduced", WARNING, "enable ECC, so that rows can be remapped, and reboot"),
    169: Meaning("security microcontroller halted", CRITICAL, _RESET),
    171: Meaning("uncorrectable error of the memory", CRITICAL, _RESET),
    172: Meaning("uncorrectable error of a cache", CRITICAL, _RESET),
}
"""By Xid number."""

XID_UNKNOWN = Meaning("an Xid without an entry here", WARNING, "look it up in NVIDIA's Xid catalog")

_SWITCH = "look at the NVLink counters of both ends of the link; reset GPUs and switches together when it is fatal"
_LOST = (
    "a link was lost: look for a GPU that fell or was reset at the same time, then at the link's counters and the board"
)
SXID_WORDS: Words = (("Data {", INFO), ("Non-fatal", WARNING), ("Fatal", CRITICAL))
"""A line of data follows the line that says what happened; it alone says nothing of severity."""

SXIDS: Mapping[int, Meaning] = {
    12028: Meaning(
        "egress non-posted PRIV error",
        WARNING,
        "an NVLink access was refused at the far GPU: look for an Xid of a GPU at the same time",
        SXID_WORDS,
    ),
    19047: Meaning("uncorrectable memory error of a packet header", CRITICAL, _SWITCH, SXID_WORDS),
    19048: Meaning("uncorrectable memory error of packet data", CRITICAL, _SWITCH, SXID_WORDS),
    19080: Meaning("response with a hardware error", WARNING, _SWITCH, SXID_WORDS),
    19084: Meaning("NVLink heartbeat timed out", CRITICAL, _SWITCH, SXID_WORDS),
    20001: Meaning("NVLink replay", WARNING, _SWITCH, SXID_WORDS),
    20002: Meaning("short NVLink recovery", WARNING, _SWITCH, SXID_WORDS),
    20003: Meaning("long NVLink recovery", CRITICAL, _SWITCH, SXID_WORDS),
    20009: Meaning("NVLink error rate over its short limit", WARNING, _SWITCH, SXID_WORDS),
    20010: Meaning("NVLink error rate over its long limit", WARNING, _SWITCH, SXID_WORDS),
    20012: Meaning("NVLink CRC errors over their limit", WARNING, _SWITCH, SXID_WORDS),
    20013: Meaning("NVLink went down", CRITICAL, _LOST, SXID_WORDS),
    20034: Meaning("NVLink went down while in use", CRITICAL, _LOST, SXID_WORDS),
    20035: Meaning("NVLink failed while it was taken down", CRITICAL, _LOST, SXID_WORDS),
    22003: Meaning("link controller halted", CRITICAL, _SWITCH, SXID_WORDS),
    22010: Meaning("link controller does not answer", CRITICAL, _SWITCH, SXID_WORDS),
    22012: Meaning("fatal error of the link controller", CRITICAL, _SWITCH, SXID_WORDS),
    22013: Meaning("request refused by the link controller", WARNING, _SWITCH, SXID_WORDS),
}
"""By SXid number, those that NVLink fabrics are known to show."""

SXID_UNKNOWN = Meaning(
    "an SXid without an entry here", WARNING, "look it up in NVIDIA's fabric manager guide", SXID_WORDS
)
