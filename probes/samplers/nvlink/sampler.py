"""Samples NVLink through the child process that owns NVML (probes/sources/nvml).

All values of a GPU's links are one call of nvmlDeviceGetFieldValues. A GPU that does not answer has series without
values; that it is lost or hung, and its events, are the `gpu` sampler's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, ClassVar

from msgspec import Meta

from fabricscope.clock import Clock, system_clock
from fabricscope.model import Event, MetricSpec, Now, Reading
from probes.samplers.nvlink import metrics
from probes.samplers.nvlink.links import GpuLinks
from probes.sampling.sampler import Roots, SamplerSettings
from probes.sources.nvml.access import Access, NvmlSettings
from probes.sources.nvml.client import Client
from probes.sources.nvml.errors import Hung, NotNow, NvmlError
from probes.sources.nvml.replies import GpuAnswer


class NvlinkSettings(NvmlSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the `nvlink` sampler."""

    fec: Annotated[
        bool,
        Meta(
            description="Report the 16 bins of FEC's history of each NVLink 5 link: 2,304 series on a node of 8 GPUs "
            "with 18 links."
        ),
    ] = True


class NvlinkSampler:
    """Reads the links of every GPU."""

    name: ClassVar[str] = "nvlink"
    Settings: ClassVar[type[SamplerSettings]] = NvlinkSettings
    metrics: ClassVar[Sequence[MetricSpec]] = metrics.SPECS

    def __init__(
        self, settings: NvlinkSettings, roots: Roots, *, client: Client | None = None, clock: Clock = system_clock
    ) -> None:
        """`client` and `clock` are for tests; without a client the shared one is used."""
        self._settings = settings
        self._access = Access(settings, roots, client, clock)
        self._client = self._access.client
        self._links: dict[int, GpuLinks] = {}

    def unavailable(self) -> str | None:
        """Why there is nothing to sample, or None. Waits some seconds for NVML to start."""
        if (missing := self._access.missing()) is not None:
            return missing
        until = self._access.look_until()
        try:
            known = self._client.gpus(until)
            self._discover(known, until)
        except NvmlError as error:
            return str(error)
        if not known:
            return self._access.none_listed()
        if not any(links.count for links in self._links.values()):
            return f"none of {len(known)} GPUs has NVLink"
        return None

    def sample(self, now: Now) -> Iterable[Reading | Event]:
        """The readings of each link. Raises OSError when NVML does not work at all."""
        if (missing := self._access.missing()) is not None and not self._links:
            self._access.check_absent(missing)
            return []
        known = self._client.known()
        until = self._access.until(now)
        said: Mapping[int, GpuAnswer] = {}
        try:
            known = self._client.gpus(until)
            self._discover(known, until)
            asks = {number: self._links[number].ask(now.mono) for number in known if number in self._links}
            said = self._client.ask(asks, until).gpus
        except (Hung, NotNow):
            if not self._links:
                raise
        if not known:
            self._access.check_listed()
        return self._rows(said, now)

    def close(self) -> None:
        """Leave the child process, which ends with its last user."""
        self._access.close()

    def _discover(self, known: Iterable[int], until_ns: int) -> None:
        """Find the links of GPUs that were not asked before."""
        slow_ns, fec = self._access.slow_ns, self._settings.fec
        fresh = {number: GpuLinks(number, slow_ns, fec=fec) for number in known if number not in self._links}
        if not fresh:
            return
        answer = self._client.ask({number: links.discovery() for number, links in fresh.items()}, until_ns)
        for number, said in answer.gpus.items():
            if not said.code:
                fresh[number].discover(said)
            if fresh[number].discovered:
                self._links[number] = fresh[number]

    def _rows(self, said: Mapping[int, GpuAnswer], now: Now) -> list[Reading]:
        rows: list[Reading] = []
        for number, links in sorted(self._links.items()):
            answer = said.get(number)
            if answer is None or answer.code:
                rows += links.silent()
            else:
                rows += links.readings(answer, now.mono)
        return rows
