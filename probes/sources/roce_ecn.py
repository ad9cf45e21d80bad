"""Settings of RoCE congestion control (DCQCN) below /sys/class/net/<interface>/ecn, as NVIDIA's own mlx5 driver has it.

Drivers of the kernel itself have no such directory. There are two roles: the notification point (`roce_np`) receives
marked packets and answers with notifications, the reaction point (`roce_rp`) receives those and slows down. Parameters:
NVIDIA's document "DCQCN parameters".
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from probes.sources import sysfs

PRIORITIES = 8
_ROLES = {
    "notification": (
        "roce_np",
        ("cnp_802p_prio", "cnp_dscp", "min_time_between_cnps"),
    ),
    "reaction": (
        "roce_rp",
        (
            *("clamp_tgt_rate", "clamp_tgt_rate_after_time_inc", "dce_tcp_g", "dce_tcp_rtt", "initial_alpha_value"),
            *("rate_reduce_monitor_period", "rate_to_set_on_first_cnp", "rpg_ai_rate", "rpg_byte_reset", "rpg_gd"),
            *("rpg_hai_rate", "rpg_max_rate", "rpg_min_dec_fac", "rpg_min_rate", "rpg_threshold", "rpg_time_reset"),
        ),
    ),
}


class Setting(NamedTuple):
    """One of the files."""

    role: str
    """`notification` or `reaction`."""
    name: str
    """Of a parameter; for a switch, the priority."""
    value: int | None
    """None when the file is there and cannot be read."""


class Ecn(NamedTuple):
    """What an interface has; empty for one without such a directory."""

    switches: tuple[Setting, ...]
    """By priority, 1 for on."""
    parameters: tuple[Setting, ...]


def read_ecn(directory: Path) -> Ecn:
    """The settings below an interface's `ecn` directory; those that are absent are left out."""
    switches: list[Setting] = []
    parameters: list[Setting] = []
    if directory.is_dir():
        for role, (part, names) in _ROLES.items():
            enable = directory / part / "enable"
            switches += _read(role, enable, tuple(str(priority) for priority in range(PRIORITIES)))
            parameters += _read(role, directory / part, names)
    return Ecn(tuple(switches), tuple(parameters))


def _read(role: str, directory: Path, names: tuple[str, ...]) -> list[Setting]:
    found = []
    for name in names:
        try:
            value = sysfs.read_int(directory / name)
        except sysfs.Unreadable:
            found.append(Setting(role, name, None))
            continue
        if value is not None:
            found.append(Setting(role, name, value))
    return found
