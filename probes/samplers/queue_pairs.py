"""Queue pairs: how many there are in which state, which process holds them, and counters that are bound to some.

There is no series for each queue pair, of which a node may have ten thousand, except where an operator has bound a
counter to it (`rdma statistic qp bind`, or `mode auto`). The kernel asks the adapter about each queue pair that it
lists, some 10 us apiece, so this runs less often than other samplers, and up to a bound.
"""

from __future__ import annotations

import errno
from collections import Counter as Tally
from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar, Protocol

from msgspec import Meta

from fabricscope.model import Kind, MetricSpec, Now, Quality, Reading
from probes.sampling.sampler import Roots, SamplerSettings
from probes.sources import rdma_netlink, sysfs
from probes.sources.rdma_netlink import RdmaNetlinkError
from probes.sources.rdma_nldev import Counter, Device, QueuePair, Resources

_BROKEN = frozenset({"err", "sqe"})
_UNSUPPORTED = frozenset({errno.EINVAL, errno.EOPNOTSUPP, errno.ENODEV})
"""How the kernel says that a device is gone, or that it or its driver has no such thing."""
_OPTIONAL = frozenset({
    *("cc_rx_ce_pkts", "cc_rx_cnp_pkts", "cc_tx_cnp_pkts"),
    *("rdma_rx_bytes", "rdma_rx_packets", "rdma_tx_bytes", "rdma_tx_packets"),
})  # fmt: skip
"""Statistics of a port that sysfs does not have: they count only after `rdma statistic set ... optional-counters`."""


def _spec(name: str, text: str, source: str, *labels: str, bits: int = 64) -> MetricSpec:
    kind = Kind.COUNTER if name.endswith("_total") else Kind.GAUGE
    return MetricSpec(f"fabricscope_queue_pairs_{name}", kind, text, labels, source=f"RDMA netlink {source}", bits=bits)


# fmt: off
_OPEN = _spec("open", "Queue pairs by service type and state (reset, init, rtr, rts, sqd, sqe, err).", "RES_QP_GET",
              "device", "port", "type", "state")
_PROCESS_OPEN = _spec("process_open", "Queue pairs that a process holds, or a part of the kernel, which has no `pid`.",
                      "RES_QP_GET; /proc/<pid>/comm", "device", "pid", "process")
_PROCESS_BROKEN = _spec("process_broken", "Queue pairs that a process holds and that are in an error state: nothing "
                        "goes through them until it makes others.", "RES_QP_GET", "device", "pid", "process")
_LEFT_OUT = _spec("left_out", "Queue pairs beyond the setting max_queue_pairs, which are in no count.",
                  "RES_GET, RES_QP_GET", "device")
_PROCESSES_LEFT_OUT = _spec("processes_left_out", "Processes beyond the setting max_processes; those with the most "
                            "queue pairs stay.", "RES_QP_GET")
_RESOURCES = _spec("resources", "Objects of a device by kind: qp, cq (completion queues), mr (memory regions), pd "
                   "(protection domains), ...", "RES_GET", "device", "resource")
# Queue counters of mlx5 have 32 bits and go round; see the tables of the infiniband sampler.
_BOUND = _spec("bound_statistics_total", "Statistics of queue pairs to which a counter is bound, by the name that the "
               "driver gives them; the same as those of the port.", "STAT_GET RES_QP", "device", "port", "counter",
               "statistic", bits=32)
_BOUND_OPEN = _spec("bound_open", "Queue pairs that are bound to the counter. `mode` is manual or auto; `type` and "
                    "`pid` are what an automatic one goes by; `queue_pair` is its number if it is only one.",
                    "STAT_GET RES_QP", "device", "port", "counter", "mode", "type", "pid", "process", "queue_pair")
_BOUND_LEFT_OUT = _spec("bound_left_out", "Devices with more bound counters than the setting max_counters: only the "
                        "first are reported.", "STAT_GET RES_QP")
_PORT = _spec("port_statistics_total", "Optional statistics of a port that were switched on, by the name that the "
              "driver gives them: marked packets, congestion notifications, RDMA traffic.", "STAT_GET", "device",
              "port", "statistic")
# fmt: on


class Kernel(Protocol):
    """What is asked of RDMA netlink: the functions of probes.sources.rdma_netlink."""

    def devices(self) -> list[Device]: ...  # noqa: D102
    def resources(self) -> list[Resources]: ...  # noqa: D102
    def queue_pairs(self, device: int, limit: int) -> list[QueuePair]: ...  # noqa: D102
    def counters(self, device: int, limit: int) -> list[Counter]: ...  # noqa: D102
    def statistics(self, device: int, port: int) -> dict[str, int]: ...  # noqa: D102


class QueuePairsSettings(SamplerSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the `queue_pairs` sampler."""

    interval_seconds: Annotated[float, Meta(ge=0.1, le=3600, description="Time between two samples, in seconds.")] = (
        10.0
    )
    deadline_seconds: Annotated[
        float,
        Meta(
            ge=0.05,
            le=3600,
            description="A sample that takes longer, in seconds, is reported as hung and its values are stale.",
        ),
    ] = 5.0
    max_queue_pairs: Annotated[
        int,
        Meta(ge=0, le=1_000_000, description="Queue pairs to read of a device at most; each costs a firmware command."),
    ] = 4096
    max_processes: Annotated[
        int, Meta(ge=1, le=4096, description="Processes to report at most; those with the most queue pairs stay.")
    ] = 64
    max_counters: Annotated[
        int, Meta(ge=0, le=1024, description="Bound counters to report of a device at most; each has some 40 series.")
    ] = 32


class QueuePairsSampler:
    """Counts the queue pairs of every RDMA device."""

    name: ClassVar[str] = "queue_pairs"
    Settings: ClassVar[type[SamplerSettings]] = QueuePairsSettings
    metrics: ClassVar[Sequence[MetricSpec]] = (
        *(_OPEN, _PROCESS_OPEN, _PROCESS_BROKEN, _LEFT_OUT, _PROCESSES_LEFT_OUT, _RESOURCES),
        *(_BOUND, _BOUND_OPEN, _BOUND_LEFT_OUT, _PORT),
    )

    def __init__(self, settings: QueuePairsSettings, roots: Roots, kernel: Kernel = rdma_netlink) -> None:
        self._settings = settings
        self._roots = roots
        self._kernel = kernel
        self._last: dict[str, tuple[Reading, ...]] = {}
        """What each device's queue pairs gave the last time."""
        self._names: dict[int, str] = {}
        """Of processes, within one sample."""

    def unavailable(self) -> str | None:
        """Why there is nothing to sample; None when there is something."""
        try:
            devices = self._kernel.devices()
        except OSError as error:
            return error.strerror or str(error)
        return None if devices else "no RDMA device: no adapter, or its driver (mlx5_ib, irdma, ...) is not loaded"

    def sample(self, now: Now) -> Iterator[Reading]:
        """Counts by device; nothing where the kernel knows no RDMA. Raises OSError when it cannot be asked."""
        try:
            devices = self._kernel.devices()
        except OSError as error:
            if error.errno == errno.EPROTONOSUPPORT:
                return
            raise
        self._names = {}
        summaries = {summary.device: summary.counts for summary in self._kernel.resources()}
        held: dict[tuple[str, str, str], list[QueuePair]] = {}
        many = 0
        for device in devices:
            for resource, count in summaries.get(device.name, {}).items():
                yield Reading(_RESOURCES, (device.name, resource), count)
            yield from self._queue_pairs(device, summaries.get(device.name, {}).get("qp", 0), held)
            bound = self._bound_counters(device)
            many += len(bound) > self._settings.max_counters
            yield from self._bound(device, bound[: self._settings.max_counters])
            for port in range(1, min(device.ports, 256) + 1):
                yield from self._port(device, port)
        self._last = {name: last for name, last in self._last.items() if name in {device.name for device in devices}}
        if devices:
            yield Reading(_BOUND_LEFT_OUT, (), many)
            yield from self._processes(held)

    def close(self) -> None:
        """Do nothing: nothing is kept open."""

    def _queue_pairs(
        self, device: Device, total: int, held: dict[tuple[str, str, str], list[QueuePair]]
    ) -> Iterator[Reading]:
        """The counts of a device; adds its queue pairs to those that each process holds."""
        limit = self._settings.max_queue_pairs
        try:
            found = self._kernel.queue_pairs(device.number, limit) if limit else []
        except RdmaNetlinkError as error:
            if error.errno not in _UNSUPPORTED:
                for row in self._last.get(device.name, ()):
                    yield Reading(row.spec, row.labels, None, Quality.UNREADABLE)
            return
        states = Tally((_number(pair.port), pair.kind, pair.state) for pair in found)
        rows = [Reading(_OPEN, (device.name, *key), count) for key, count in sorted(states.items())]
        rows.append(Reading(_LEFT_OUT, (device.name,), max(0, total - len(found)) if len(found) >= limit else 0))
        self._last[device.name] = tuple(rows)
        yield from rows
        for pair in found:
            held.setdefault((device.name, *self._holder(pair.pid, pair.kernel_user)), []).append(pair)

    def _processes(self, held: dict[tuple[str, str, str], list[QueuePair]]) -> Iterator[Reading]:
        most = sorted(held, key=lambda labels: (-len(held[labels]), labels))
        for labels in most[: self._settings.max_processes]:
            yield Reading(_PROCESS_OPEN, labels, len(held[labels]))
            yield Reading(_PROCESS_BROKEN, labels, sum(pair.state in _BROKEN for pair in held[labels]))
        yield Reading(_PROCESSES_LEFT_OUT, (), max(0, len(most) - self._settings.max_processes))

    def _bound_counters(self, device: Device) -> list[Counter]:
        if not self._settings.max_counters:
            return []
        try:
            return self._kernel.counters(device.number, self._settings.max_counters + 1)
        except RdmaNetlinkError:
            # Kernels before 5.3 and most drivers have none; what was counted before is then absent.
            return []

    def _bound(self, device: Device, counters: list[Counter]) -> Iterator[Reading]:
        for counter in counters:
            key = (device.name, _number(counter.port), str(counter.id))
            only = str(counter.queue_pairs[0]) if len(counter.queue_pairs) == 1 else ""
            rule = (counter.mode, counter.kind, *self._holder(counter.pid, ""))
            yield Reading(_BOUND_OPEN, (*key, *rule, only), len(counter.queue_pairs))
            for name, value in counter.statistics.items():
                yield Reading(_BOUND, (*key, name), value)

    def _port(self, device: Device, port: int) -> Iterator[Reading]:
        try:
            found = self._kernel.statistics(device.number, port)
        except RdmaNetlinkError:
            return
        for name in sorted(_OPTIONAL & found.keys()):
            yield Reading(_PORT, (device.name, str(port), name), found[name])

    def _holder(self, pid: int | None, kernel_user: str) -> tuple[str, str]:
        """PID and name of who holds something; both empty for a process of another PID namespace."""
        if not pid:
            return "", kernel_user
        if pid not in self._names:
            self._names[pid] = sysfs.read_label(self._roots.procfs(str(pid), "comm"))
        return str(pid), self._names[pid]


def _number(port: int | None) -> str:
    return "" if port is None else str(port)
