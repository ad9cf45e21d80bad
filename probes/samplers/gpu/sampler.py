"""Samples GPUs through the child process that owns NVML (probes/sources/nvml).

A GPU that is lost, or a driver that hangs in a call about it, is `fabricscope_gpu_up 0` and an event; its other series
have no value until it is back, and the other GPUs go on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from fabricscope.clock import Clock, system_clock
from fabricscope.model import Event, MetricSpec, Now, Reading
from probes.samplers.gpu import metrics
from probes.samplers.gpu.events import Health, health_event, opening_event, xid_event
from probes.samplers.gpu.gpu import GpuSeries
from probes.sampling.sampler import Roots, SamplerSettings
from probes.sources.nvml import codes
from probes.sources.nvml.access import Access, NvmlSettings
from probes.sources.nvml.client import Client
from probes.sources.nvml.errors import Hung, NotNow, NvmlError
from probes.sources.nvml.replies import Answer, GpuAnswer
from probes.sources.nvml.roster import Gpu


class GpuSettings(NvmlSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the `gpu` sampler."""


class GpuSampler:
    """Reads what NVML says of each GPU."""

    name: ClassVar[str] = "gpu"
    Settings: ClassVar[type[SamplerSettings]] = GpuSettings
    metrics: ClassVar[Sequence[MetricSpec]] = metrics.SPECS

    def __init__(
        self, settings: GpuSettings, roots: Roots, *, client: Client | None = None, clock: Clock = system_clock
    ) -> None:
        """`client` and `clock` are for tests; without a client the shared one is used."""
        self._access = Access(settings, roots, client, clock)
        self._client = self._access.client
        self._series: dict[int, GpuSeries] = {}
        self._health: dict[int | None, Health] = {}
        """By number; None is for all, while NVML has never opened."""

    def unavailable(self) -> str | None:
        """Why there is nothing to sample, or None. Waits some seconds for NVML to start."""
        if (missing := self._access.missing()) is not None:
            return missing
        try:
            known = self._client.gpus(self._access.look_until())
        except NvmlError as error:
            return str(error)
        return None if known else self._access.none_listed()

    def sample(self, now: Now) -> Iterator[Reading | Event]:
        """The readings of each GPU, and what happened. Raises OSError when NVML does not work at all."""
        if (missing := self._access.missing()) is not None and not self._series:
            self._access.check_absent(missing)
            return
        known = self._client.known()
        until = self._access.until(now)
        try:
            known = self._client.gpus(until)
            answer = self._client.ask({number: self._of(number).ask(now.mono) for number in known}, until, events=True)
        except Hung as error:
            if not known:
                yield from self._not_opened(error, now)
                raise
            states = {
                number: Health("hung", str(error)) if error.number in (None, number) else Health("unknown", "")
                for number in known
            }
            answer = Answer({}, frozenset(), [])
        except NotNow as error:
            if not known:
                raise
            states = {number: Health("unknown", str(error)) for number in known}
            answer = Answer({}, frozenset(), [])
        else:
            states = {number: _state(gpu, answer) for number, gpu in known.items()}
        if not known:
            self._access.check_listed()
        yield from self._opened(now)
        yield from self._rows(known, states, answer.gpus, now)
        for number, xid in answer.xids:
            yield xid_event(xid, None if number is None else known.get(number), now)

    def close(self) -> None:
        """Leave the child process, which ends with its last user."""
        self._access.close()

    def _not_opened(self, error: Hung, now: Now) -> Iterator[Event]:
        """The event of NVML that does not open, once."""
        before = self._health.get(error.number)
        if before is None or before.word != "hung":
            self._health[error.number] = state = Health("hung", str(error))
            yield opening_event(state, Health("ok", ""), error.number, now)

    def _opened(self, now: Now) -> Iterator[Event]:
        """The end of that, where it was in no single GPU; those that it was in have rows now, which tell."""
        before = self._health.pop(None, None)
        if before is not None:
            yield opening_event(Health("ok", ""), before, None, now)

    def _of(self, number: int) -> GpuSeries:
        if number not in self._series:
            self._series[number] = GpuSeries(number, self._access.slow_ns)
        return self._series[number]

    def _rows(
        self, known: Mapping[int, Gpu], states: Mapping[int, Health], said: Mapping[int, GpuAnswer], now: Now
    ) -> list[Reading | Event]:
        rows: list[Reading | Event] = []
        for number, gpu in sorted(known.items()):
            state, before = states[number], self._health.get(number)
            series = self._of(number)
            if state.word == "ok":
                rows += series.readings(said[number], gpu, self._client.driver, now.mono)
            else:
                rows += series.silent(down=state.word != "unknown")
            if state.word == "unknown":
                # No news: what was known of it stands, and is compared with the next thing that is known.
                continue
            # One that is lost when it is first looked at got lost at a time that nobody knows: `up` says that it is,
            # and an event at each start of the probe would say that it just happened. A hang is met by a call of ours.
            if before is None:
                before = state if state.word == "lost" else Health("ok", "")
            if state.word != before.word:
                rows.append(health_event(state, before, gpu, now))
                # While it is the same, the reason that was told stands: the last ones say less.
                before = state
            self._health[number] = before
        return rows


def _state(gpu: Gpu, answer: Answer) -> Health:
    """What an answer says about one GPU."""
    if gpu.number in answer.avoided:
        return Health("hung", "the driver hung in a call about it a while ago")
    if gpu.nvml_index is None:
        return Health("lost", "NVML no longer lists it")
    if gpu.code:
        return Health("lost", f"NVML cannot open it: {codes.name(gpu.code)}")
    said = answer.gpus.get(gpu.number)
    if said is None:
        return Health("unknown", "")
    return Health("lost", f"NVML says {codes.name(said.code)}") if said.code else Health("ok", "")
