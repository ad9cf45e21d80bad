"""Which counters are read fast: those that move with traffic and with congestion.

Names are the kernel's: net/core/net-procfs.c, Documentation/ABI/stable/sysfs-class-infiniband; hw_counters of
drivers/infiniband/hw/{mlx5/counters.c, bnxt_re/hw_counters.c, irdma/verbs.c}; driver statistics as in
drivers/net/ethernet/{mellanox/mlx5/core/en_stats.c, broadcom/bnxt/bnxt_ethtool.c, intel/ice/ice_ethtool.c}.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Unit(enum.Enum):
    """What is counted."""

    BYTES = "bytes"
    PACKETS = "packets"
    EVENTS = "events"
    """Drops, pauses, marks, and ticks of waiting."""
    PAUSED = "microseconds"
    """Time that sending was paused."""


class Counter(NamedTuple):
    """One counter of a port or an interface."""

    name: str
    unit: Unit
    direction: str = ""
    """`receive` or `transmit`, of bytes and packets."""
    scale: int = 1
    """Factor from the device's count to the unit."""
    bits: int = 64
    """Width, for counters that go round. One that stops at its ceiling falls only when it is reset: 64 says so."""


_RECEIVE, _TRANSMIT = "receive", "transmit"

NETDEV: Mapping[Counter, int] = {
    Counter("rx_bytes", Unit.BYTES, _RECEIVE): 0,
    Counter("rx_packets", Unit.PACKETS, _RECEIVE): 1,
    Counter("rx_dropped", Unit.EVENTS): 3,
    Counter("tx_bytes", Unit.BYTES, _TRANSMIT): 8,
    Counter("tx_packets", Unit.PACKETS, _TRANSMIT): 9,
    Counter("tx_dropped", Unit.EVENTS): 11,
}
"""Of an interface: the file below /sys/class/net/<device>/statistics, and the column of /proc/net/dev. That column's
rx_dropped includes what the file leaves to rx_missed_errors: packets that found no room in the device."""

PORT: Sequence[Counter] = (
    # The data counters count words of four octets.
    Counter("port_rcv_data", Unit.BYTES, _RECEIVE, scale=4),
    Counter("port_xmit_data", Unit.BYTES, _TRANSMIT, scale=4),
    Counter("port_rcv_packets", Unit.PACKETS, _RECEIVE),
    Counter("port_xmit_packets", Unit.PACKETS, _TRANSMIT),
    Counter("port_xmit_wait", Unit.EVENTS),
    Counter("port_xmit_discards", Unit.EVENTS),
)
"""Of an RDMA port: files below `counters`."""

_MLX5_HW = ("np_cnp_sent", "rp_cnp_handled", "np_ecn_marked_roce_packets", "out_of_buffer")
_BNXT_HW = ("tx_cnp_pkts", "rx_cnp_pkts", "rx_ecn_marked_pkts")
_IRDMA_HW = ("cnpSent", "cnpHandled", "RxECNMrkd")
HARDWARE: Sequence[Counter] = (
    *(Counter(name, Unit.EVENTS, bits=32) for name in _MLX5_HW),
    *(Counter(name, Unit.EVENTS) for name in _BNXT_HW + _IRDMA_HW),
)
"""Of an RDMA port: files below `hw_counters` that move with congestion."""

PRIORITIES = range(8)


def _by_priority(*patterns: tuple[str, Unit]) -> tuple[Counter, ...]:
    return tuple(Counter(name.format(p), unit) for name, unit in patterns for p in PRIORITIES)


STATISTICS: Mapping[str, Sequence[Counter]] = {
    "mlx5_core": (
        # There for the priorities alone that flow control is switched on for.
        *_by_priority(
            ("rx_prio{}_pause", Unit.EVENTS),
            ("tx_prio{}_pause", Unit.EVENTS),
            ("rx_prio{}_pause_duration", Unit.PAUSED),
            ("rx_prio{}_discards", Unit.EVENTS),
        ),
        Counter("rx_pause_ctrl_phy", Unit.EVENTS),
        Counter("tx_pause_ctrl_phy", Unit.EVENTS),
        Counter("rx_discards_phy", Unit.EVENTS),
        Counter("tx_discards_phy", Unit.EVENTS),
    ),
    "bnxt_en": (
        *_by_priority(
            ("rx_pfc_ena_frames_pri{}", Unit.EVENTS),
            ("tx_pfc_ena_frames_pri{}", Unit.EVENTS),
            ("pfc_pri{}_rx_duration_us", Unit.PAUSED),
        ),
        Counter("rx_pause_frames", Unit.EVENTS),
        Counter("tx_pause_frames", Unit.EVENTS),
        Counter("rx_stat_discard", Unit.EVENTS),
        Counter("tx_stat_discard", Unit.EVENTS),
    ),
    "ice": (
        *_by_priority(("rx_priority_{}_xoff.nic", Unit.EVENTS), ("tx_priority_{}_xoff.nic", Unit.EVENTS)),
        Counter("link_xoff_rx.nic", Unit.EVENTS),
        Counter("link_xoff_tx.nic", Unit.EVENTS),
        Counter("rx_dropped.nic", Unit.EVENTS),
    ),
}
"""Of an interface, by its driver: what `ethtool -S` shows of pauses and discards."""
