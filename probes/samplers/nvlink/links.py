"""The links of one GPU: which there are, what to ask for at this sample, and the readings of the answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from fabricscope.model import Quality, Reading
from probes.samplers.nvlink import columns, fabric, metrics
from probes.sources import sysfs
from probes.sources.nvml import codes, fields, values
from probes.sources.nvml.columns import ASK_AGAIN_NS, FieldColumns
from probes.sources.nvml.replies import Ask, Call, GpuAnswer, Plan, Values

MAX_C2C = 16
_REMOTE_TYPES = {0: "gpu", 1: "host", 2: "switch"}
"""nvmlIntNvLinkDeviceType_t; 1 is an IBM NPU, which is how NVML calls a host that has NVLink."""
_COUNT = Plan("nvlink.c2c", ((fields.C2C_LINK_COUNT, 0),))


class GpuLinks:
    """Remembers, for one GPU, its links and what was read last."""

    def __init__(self, number: int, slow_ns: int, *, fec: bool) -> None:
        self._gpu = str(number)
        self._slow_ns = slow_ns
        self._fec = fec
        self._size: tuple[int, int] | None = None
        """Links and C2C links; None until the GPU was asked."""
        self._fast = self._slow = FieldColumns("nvlink.none", ())
        self._topology = Plan("nvlink.remote", ())
        self._asking: tuple[str, ...] = ()
        """What the last request was for, beside the fast values."""
        self._slow_at: int | None = None
        self._topology_at: int | None = None
        self._by_call = False
        """Whether states come by a call, since this driver has no field for them."""
        self._versions_by_call = False
        self._no_fabric_until = 0
        self._states: list[float | None] = []
        self._said: tuple[list[Reading], list[float | None]] = ([], [])
        """Where states come by a field, its readings and the states that follow from them."""
        self._slow_rows: list[Reading] = []
        self._fabric_rows: list[Reading] = []
        self._info: list[Reading] = []
        self._last: list[Reading] = []

    @property
    def discovered(self) -> bool:
        """Whether it is known which links there are."""
        return self._size is not None

    @property
    def count(self) -> int:
        """NVLink and C2C links together."""
        return sum(self._size or (0, 0))

    def discovery(self) -> Ask:
        """What to ask for to find the links."""
        return Ask((_COUNT,), ("link_states",))

    def discover(self, said: GpuAnswer) -> None:
        """Take in the answer to `discovery`."""
        states = said.calls["link_states"]
        links = len(states.value) if not states.code and isinstance(states.value, list) else 0
        if states.code and states.code not in codes.UNSUPPORTED:
            return
        self._resize(links, _first(said.plans[0]))

    def ask(self, now_ns: int) -> Ask:
        """What to ask for now."""
        slow = self._slow_at is None or now_ns - self._slow_at >= self._slow_ns
        topology = self._topology_at is None or now_ns - self._topology_at >= ASK_AGAIN_NS
        links = self._size is not None and self._size[0] > 0
        plans, calls = [self._fast.prepare(now_ns)], []
        asking = []
        if self._by_call and links:
            calls.append("link_states")
        if slow:
            asking.append("slow")
            plans.append(self._slow.prepare(now_ns))
            if self._no_fabric_until <= now_ns:
                calls.append("fabric")
            if self._versions_by_call and links:
                calls.append("link_versions")
        if topology:
            asking.append("topology")
            plans += [self._topology, _COUNT]
            calls += ["remotes"] if links else []
            calls += ["link_states"] if "link_states" not in calls else []
        self._asking = tuple(asking)
        return Ask(tuple(plans), tuple(calls))

    def readings(self, said: GpuAnswer, now_ns: int) -> list[Reading]:
        """The readings of a GPU that answered."""
        answers = iter(said.plans)
        rows = self._fast.readings(next(answers))
        called = said.calls.get("link_states")
        states = self._states_of(rows, called)
        if self._by_call:
            # A link that the call knows and says nothing of is one that this GPU does not have.
            failed = called is None or bool(called.code)
            of_call = [self._up(link, state) for link, state in enumerate(states) if failed or state is not None]
            rows = [*of_call, *rows]
        if "slow" in self._asking:
            self._slow_at = now_ns
            self._slow_rows = self._slow_readings(next(answers), said, now_ns)
        if "topology" in self._asking:
            self._topology_at = now_ns
            self._info = self._remotes(said, next(answers))
            self._recount(said, next(answers))
        if self._states and states != self._states:
            # A link that comes up has fields that it did not have while it was down, and maybe another far end.
            self._fast.ask_everything()
            self._slow.ask_everything()
            self._slow_at = self._topology_at = None
        self._states = states
        self._last = [*rows, *self._slow_rows, *self._fabric_rows]
        return [*self._last, *self._info]

    def silent(self) -> list[Reading]:
        """The readings of a GPU that does not answer."""
        self._slow_at = None
        return [*_unreadable(self._last), *self._info]

    # --- parts of an answer

    def _states_of(self, rows: Sequence[Reading], call: Call | None) -> list[float | None]:
        """1, 0 or None for each link: by its field, else by the call."""
        if self._size is None or not self._size[0]:
            return []
        up = metrics.UP
        said = [row for row in rows if row[0] is up]
        self._by_call = not said
        if said:
            if said != self._said[0]:
                by_field = {row.labels[1]: row.value for row in said}
                self._said = (said, [_number(by_field.get(str(link))) for link in range(self._size[0])])
            return self._said[1]
        known = call.value if call is not None and not call.code and isinstance(call.value, list) else []
        return [_number(known[link]) if link < len(known) else None for link in range(self._size[0])]

    def _up(self, link: int, state: float | None) -> Reading:
        quality = Quality.UNREADABLE if state is None else Quality.OK
        return Reading(metrics.UP, (self._gpu, str(link)), state, quality)

    def _slow_readings(self, answer: Values, said: GpuAnswer, now_ns: int) -> list[Reading]:
        rows = self._slow.readings(answer)
        self._versions_by_call = not any(row.spec is metrics.VERSION for row in rows)
        versions = said.calls.get("link_versions")
        if self._versions_by_call and versions is not None and versions.code not in (0, *codes.UNSUPPORTED):
            rows += _unreadable(row for row in self._slow_rows if row.spec is metrics.VERSION)
        elif self._versions_by_call and versions is not None and isinstance(versions.value, list) and self._size:
            for link, version in enumerate(versions.value[: self._size[0]]):
                number = columns.version(version) if isinstance(version, int) else None
                if number is not None:
                    rows.append(Reading(metrics.VERSION, (self._gpu, str(link)), number))
        fabric_said = said.calls.get("fabric")
        if fabric_said is not None:
            if fabric_said.code in codes.UNSUPPORTED:
                self._no_fabric_until = now_ns + ASK_AGAIN_NS
            # A call that fails for a moment does not take the GPU out of its fabric.
            failed = fabric_said.code not in (0, *codes.UNSUPPORTED)
            now = _unreadable(self._fabric_rows) if failed else fabric.readings(self._gpu, fabric_said.value)
            self._fabric_rows = list(now)
        return rows

    def _remotes(self, said: GpuAnswer, answer: Values) -> list[Reading]:
        """What is at the far ends."""
        call = said.calls.get("remotes")
        if call is None or call.code or not isinstance(call.value, list):
            return []
        far_links = {
            scope: values.number(descriptor, bits)
            for (_, scope), descriptor, bits in zip(self._topology.pairs, answer.descriptors, answer.bits, strict=True)
            if not values.code(descriptor)
        }
        rows = []
        for entry in call.value[: fields.MAX_LINKS]:
            if isinstance(entry, list) and len(entry) == 3 and isinstance(entry[0], int):
                link, kind, address = entry
                number = far_links.get(link)
                far = "" if number is None else str(int(number))
                kind_name = _REMOTE_TYPES.get(kind, "unknown")
                labels = (self._gpu, str(link), kind_name, sysfs.printable(str(address)), far)
                rows.append(Reading(metrics.INFO, labels, 1.0))
        return rows

    def _recount(self, said: GpuAnswer, count: Values) -> None:
        """See whether the GPU still has as many links."""
        states = said.calls.get("link_states")
        if states is None or states.code or not isinstance(states.value, list):
            return
        size = (len(states.value), _first(count))
        if size != self._size:
            self._resize(*size)

    def _resize(self, links: int, c2c: int) -> None:
        links, c2c = min(links, fields.MAX_LINKS), min(c2c, MAX_C2C)
        self._size = (links, c2c)
        gpu = self._gpu
        self._fast = FieldColumns(
            "nvlink.fast",
            [
                *(column for link in range(links) for column in columns.fast(gpu, link)),
                *(column for link in range(c2c) for column in columns.c2c(gpu, link)),
            ],
        )
        slow = [column for link in range(links) for column in columns.slow(gpu, link, fec=self._fec)]
        self._slow = FieldColumns("nvlink.slow", slow)
        self._topology = Plan("nvlink.remote", tuple((fields.NVLINK_REMOTE_LINK, link) for link in range(links)))
        self._slow_at = self._topology_at = None
        self._states, self._said = [], ([], [])


def _first(answer: Values) -> int:
    """The count that a plan of one field gives; 0 where there is none."""
    if answer.code or not answer.bits or values.code(answer.descriptors[0]):
        return 0
    count = values.number(answer.descriptors[0], answer.bits[0])
    return max(0, int(count)) if count is not None else 0


def _unreadable(rows: Iterable[Reading]) -> Iterator[Reading]:
    """The same series without a value."""
    return (Reading(row.spec, row.labels, None, Quality.UNREADABLE) for row in rows)


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None
