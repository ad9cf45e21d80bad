"""What a meter is told."""

from __future__ import annotations

import msgspec
from msgspec import Struct

MIN_TIMEOUT_NS = 1_000_000
"""No timeout is shorter."""
_U64 = (1 << 64) - 1


class MeterSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How flows are followed. What is left out has its default."""

    max_flows: int = 1 << 18
    """Flows that are followed at once, those of RDMA not among them."""
    idle_ns: int = 30_000_000_000
    """A flow without a packet for that long has ended."""
    active_ns: int = 60_000_000_000
    """A flow that goes on is told that often."""
    linger_ns: int | None = 2_000_000_000
    """After FIN both ways or RST, what follows within that time belongs to the flow still. None: TCP ends by `idle_ns`
    alone, and what comes after an end is the same flow."""
    max_records: int = 1 << 16
    """Records that wait to be taken. What is told beyond is dropped and counted."""
    max_inspections: int = 1 << 16
    """Flows whose payload is looked at, at once. What begins beyond is not looked at, and counted."""
    max_connections: int = 1 << 15
    """Connections of RDMA that are followed at once."""
    check_icrc_every: int = 0
    """Check the invariant CRC of one of how many packets of RDMA; 0: of none."""
    sampling: int = 1
    """One of how many packets the source gives, as records are to say."""
    keep_octets: int = 0
    """Memory for the last packets. Refused here: they are kept by the Rust engine alone."""

    @classmethod
    def from_json(cls, settings: bytes) -> MeterSettings:
        """Raises ValueError, which says what is wrong with which."""
        try:
            read = msgspec.json.decode(settings, type=cls)
        except msgspec.DecodeError as error:
            raise ValueError(f"settings of the meter: {error}") from error
        if read.keep_octets:
            raise ValueError(
                f"settings of the meter: keep_octets is {read.keep_octets}, but the Rust engine alone keeps packets; "
                "install cargo and fabricscope again, or set it to 0"
            )
        for name, (least, most) in _BOUNDS.items():
            value = getattr(read, name)
            if value is not None and not least <= value <= most:
                raise ValueError(f"settings of the meter: {name} is {value}, and may be {least} to {most}")
        return read


_BOUNDS = {
    "max_flows": (1, 1 << 24),
    "idle_ns": (MIN_TIMEOUT_NS, _U64),
    "active_ns": (MIN_TIMEOUT_NS, _U64),
    "linger_ns": (0, _U64),
    "max_records": (1, 1 << 24),
    "max_inspections": (0, (1 << 32) - 1),
    "max_connections": (1, 1 << 24),
    "check_icrc_every": (0, (1 << 32) - 1),
    "sampling": (1, (1 << 32) - 1),
}
