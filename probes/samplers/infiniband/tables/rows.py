"""A row of the tables: one metric, the files that hold it, its width, what it does when that is used up."""

from __future__ import annotations

from typing import NamedTuple

from fabricscope.model import Kind, MetricSpec, Overflow, Watch

PORT_LABELS = ("device", "port")


class Counter(NamedTuple):
    """The files that hold one metric, of which a port has one at most."""

    directory: str
    files: tuple[str, ...]
    spec: MetricSpec


def port(
    file: str, name: str, bits: int, text: str, alias: str, *, scale: int = 1, watch: Watch | None = None
) -> Counter:
    """A counter of the port's performance management agent: it stops at its ceiling. Only `bytes` have a unit."""
    directory = "counters_ext" if name.startswith("legacy_") else "counters"
    spec = MetricSpec(
        f"fabricscope_infiniband_port_{name}_total",
        Kind.COUNTER,
        text,
        PORT_LABELS,
        unit="bytes" if name.endswith("_bytes") else "",
        source=f"/sys/class/infiniband/<device>/ports/<port>/{directory}/{file}",
        bits=bits,
        overflow=Overflow.SATURATES,
        scale=scale,
        watch=watch,
        link="infiniband" if watch else "",
        aliases=(f"node_infiniband_{alias}_total",),
    )
    return Counter(directory, (file,), spec)


def hardware(files: str, name: str, text: str, alias: str = "", *, bits: int = 64) -> Counter:
    """A counter of the adapter: it goes round. `files` are the names of one count with different drivers, by commas.

    Where their widths differ `bits` is the narrowest: a wider one only grows past it, and falls are judged the same.
    """
    names = tuple(file.strip() for file in files.split(","))
    spec = MetricSpec(
        f"fabricscope_infiniband_{name}_total",
        Kind.COUNTER,
        text,
        PORT_LABELS,
        unit="bytes" if name.endswith("_bytes") else "",
        source="/sys/class/infiniband/<device>/ports/<port>/hw_counters: " + " or ".join(names),
        bits=bits,
        aliases=(f"node_infiniband_{alias}_total",) if alias else (),
    )
    return Counter("hw_counters", names, spec)
