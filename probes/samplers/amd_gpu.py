"""AMD GPUs: whether they answer, their PCIe link and its errors, their XGMI links and what these carry.

From sysfs, and where ROCm's Python package `amdsmi` is installed from it as well, for what the driver's tables do not
tell. Temperatures and power are the chassis sampler's, the bridges above a GPU the pcie sampler's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar

from msgspec import Meta

from fabricscope.model import Kind, MetricSpec, Now, Quality, Reading, Watch
from probes.sampling.sampler import Roots, SamplerSettings
from probes.sources import amdgpu, sysfs
from probes.sources.amdgpu import Card
from probes.sources.amdgpu_metrics import Metrics
from probes.sources.amdsmi import Library, LibraryError, Link

_LOOK_AGAIN_NS = 60_000_000_000
"""How long what is fixed about the GPUs is taken to hold; one that comes or goes is seen at once."""
_GONE = frozenset({"EIO", "ENODEV", "ENXIO", "ETIME", "ETIMEDOUT"})
"""What the driver says of a GPU that no longer answers. EPERM is of one that sleeps or is being reset."""

_DEVICE = "/sys/class/drm/card<n>/device"
_TABLE = f"{_DEVICE}/gpu_metrics"
_LINK = ("gpu", "link")


def _gauge(
    name: str,
    text: str,
    source: str,
    labels: tuple[str, ...] = ("gpu",),
    unit: str = "",
    watch: Watch | None = None,
    link: str = "",
) -> MetricSpec:
    return MetricSpec(
        f"fabricscope_amd_gpu_{name}", Kind.GAUGE, text, labels, unit=unit, source=source, watch=watch, link=link
    )


def _counter(
    name: str,
    text: str,
    source: str,
    labels: tuple[str, ...] = ("gpu",),
    bits: int = 64,
    unit: str = "",
    scale: int = 1,
) -> MetricSpec:
    return MetricSpec(
        f"fabricscope_amd_gpu_{name}_total",
        Kind.COUNTER,
        text,
        labels,
        unit=unit,
        source=source,
        bits=bits,
        scale=scale,
    )


# fmt: off
_UP = _gauge(
    "up", "1 while the GPU answers; 0 when it fell off the bus or its firmware is silent.",
    f"{_TABLE}, {_DEVICE}/current_link_width", watch=Watch.UP_DOWN, link="amd_gpu")
_INFO = _gauge(
    "info", "Always 1; the labels say what the GPU is. GPUs of one `hive` are linked by XGMI.", _DEVICE,
    ("gpu", "card", "product", "device_id", "serial", "unique_id", "firmware", "hive"))
_PCIE_SPEED = _gauge(
    "pcie_link_speed_transfers_per_second", "Speed of each lane of the card's link to the host.",
    f"{_TABLE}, {_DEVICE}/pp_dpm_pcie", unit="transfers_per_second")
_PCIE_WIDTH = _gauge(
    "pcie_link_width_lanes", "Lanes of the card's link to the host.", f"{_TABLE}, {_DEVICE}/pp_dpm_pcie", unit="lanes")
_PCIE = {
    "pcie_l0_to_recov_count_acc": _counter(
        "pcie_recoveries", "Times that the PCIe link left its working state to recover.", _TABLE),
    "pcie_replay_count_acc": _counter("pcie_replays", "PCIe packets that were sent again.", _TABLE),
    "pcie_replay_rover_count_acc": _counter(
        "pcie_replay_rollovers", "Times that a PCIe packet was sent again so often that the link was trained anew.",
        _TABLE),
    "pcie_nak_sent_count_acc": _counter("pcie_naks_sent", "PCIe packets that came in damaged.", _TABLE, bits=32),
    "pcie_nak_rcvd_count_acc": _counter(
        "pcie_naks_received", "PCIe packets that reached the other end damaged.", _TABLE, bits=32),
    "pcie_lc_perf_other_end_recovery": _counter(
        "pcie_other_end_recoveries", "Times that the other end of the PCIe link began a recovery.", _TABLE, bits=32),
}
_PCIE_NAKS = _counter(
    "pcie_naks", "PCIe packets that came in or arrived damaged, of GPUs whose tables do not tell more.",
    f"{_DEVICE}/pcie_replay_count")
_XGMI_UP = _gauge(
    "xgmi_link_up", "1 while the XGMI link is active. A link that is switched off is absent.",
    f"{_TABLE}, amdsmi", _LINK, watch=Watch.UP_DOWN, link="xgmi")
_XGMI_INFO = _gauge(
    "xgmi_link_info", "Always 1; the labels say where the XGMI link leads: `peer` is the other GPU.",
    f"{_DEVICE}/xgmi_port_num", (*_LINK, "peer", "peer_link"))
_XGMI_WIDTH = _gauge("xgmi_link_width_lanes", "Lanes of each XGMI link.", _TABLE, unit="lanes")
_XGMI_SPEED = _gauge(
    "xgmi_link_speed_transfers_per_second", "Speed of each lane of the XGMI links.", _TABLE,
    unit="transfers_per_second")
_XGMI_READ = _counter(
    "xgmi_read_bytes", "Bytes read over the XGMI link, counted in KiB.", f"{_TABLE}, amdsmi", _LINK, unit="bytes",
    scale=1024)
_XGMI_WRITE = _counter(
    "xgmi_write_bytes", "Bytes written over the XGMI link, counted in KiB.", f"{_TABLE}, amdsmi", _LINK, unit="bytes",
    scale=1024)
_LIBRARY = _gauge(
    "library_working", "1 when amdsmi is installed and works, 0 when it is installed and does not; absent without it.",
    "amdsmi", ())
# fmt: on


class AmdGpuSettings(SamplerSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the `amd_gpu` sampler. Each table is a message to the GPU's firmware."""

    interval_seconds: Annotated[float, Meta(ge=0.1, le=3600, description="Time between two samples, in seconds.")] = 5.0
    deadline_seconds: Annotated[
        float,
        Meta(
            ge=0.05,
            le=3600,
            description="A sample that takes longer, in seconds, is reported as hung and its values are stale.",
        ),
    ] = 4.0
    amdsmi: Annotated[
        bool, Meta(description="Ask ROCm's library, too, where it is installed: for the links of older GPUs.")
    ] = True


class AmdGpuSampler:
    """Reads every GPU of AMD's."""

    name: ClassVar[str] = "amd_gpu"
    Settings: ClassVar[type[SamplerSettings]] = AmdGpuSettings
    metrics: ClassVar[Sequence[MetricSpec]] = (
        *(_UP, _INFO, _PCIE_SPEED, _PCIE_WIDTH, *_PCIE.values(), _PCIE_NAKS),
        *(_XGMI_UP, _XGMI_INFO, _XGMI_WIDTH, _XGMI_SPEED, _XGMI_READ, _XGMI_WRITE, _LIBRARY),
    )

    def __init__(self, settings: AmdGpuSettings, roots: Roots, library: Library | None = None) -> None:
        self._settings = settings
        self._directory = roots.sysfs("class", "drm")
        self._library = library or Library()
        self._names: list[str] = []
        self._looked_ns = 0
        self._cards: list[Card] = []
        self._fixed: dict[str, list[Reading]] = {}
        """What is fixed about each GPU, by address."""
        self._shown: dict[str, list[Reading]] = {}
        """What each GPU's table last showed, so that it turns unreadable by name."""

    def unavailable(self) -> str | None:
        """Why there is nothing to sample, or None."""
        try:
            found = amdgpu.cards(self._directory)
        except sysfs.Unreadable as error:
            return f"GPUs cannot be listed: {error}"
        return None if found else f"no GPU of AMD's in {self._directory}, or its driver amdgpu is not loaded"

    def sample(self, now: Now) -> Iterator[Reading]:
        """The readings of each GPU. Raises OSError when GPUs cannot be listed."""
        self._look(now)
        told: dict[str, list[Link]] = {}
        if self._cards and self._settings.amdsmi:
            try:
                links = self._library.links(now)
            except LibraryError:
                yield Reading(_LIBRARY, (), 0.0)
            else:
                told = {address: found for address, found in links.items() if found is not None}
                if links:
                    yield Reading(_LIBRARY, (), float(len(told) == len(links)))
        for card in self._cards:
            yield from self._card(card, told.get(card.address, []))

    def close(self) -> None:
        """Let go of the library."""
        self._library.close()

    def _look(self, now: Now) -> None:
        """Bring the list of GPUs up to date."""
        try:
            names = sysfs.entries(self._directory)
            if names == self._names and now.mono - self._looked_ns < _LOOK_AGAIN_NS:
                return
            self._cards = amdgpu.cards(self._directory)
        except sysfs.Unreadable as error:
            raise OSError(f"GPUs cannot be listed: {error}") from error
        self._fixed = {card.address: list(_described(card)) for card in self._cards}
        self._shown = {address: rows for address, rows in self._shown.items() if address in self._fixed}
        self._names, self._looked_ns = names, now.mono

    def _card(self, card: Card, told: Sequence[Link]) -> Iterator[Reading]:
        gpu = (card.address,)
        metrics, failure = None, ""
        try:
            metrics = amdgpu.read_metrics(card)
        except sysfs.Unreadable as error:
            failure = error.reason
        yield self._up(card, metrics, failure)
        yield from self._fixed[card.address]
        rows = list(_shown(gpu, metrics)) if metrics is not None else []
        before = self._shown.get(card.address, [])
        if failure and before:
            rows = [Reading(row.spec, row.labels, None, Quality.UNREADABLE) for row in before]
        else:
            self._shown[card.address] = rows
        yield from rows
        seen = {(row.spec, row.labels) for row in rows}
        yield from (row for row in self._files(card) if (row.spec, row.labels) not in seen)
        yield from (row for row in _told(gpu, told) if (row.spec, row.labels) not in seen)

    def _up(self, card: Card, metrics: Metrics | None, failure: str) -> Reading:
        labels = (card.address,)
        if metrics is not None:
            return Reading(_UP, labels, 1.0)
        if failure in _GONE:
            return Reading(_UP, labels, 0.0)
        try:
            return Reading(_UP, labels, float(amdgpu.answers(card)))
        except sysfs.Unreadable:
            return Reading(_UP, labels, None, Quality.UNREADABLE)

    def _files(self, card: Card) -> Iterator[Reading]:
        """What sysfs tells of a GPU whose table does not tell it."""
        gpu = (card.address,)
        try:
            pcie = amdgpu.read_pcie(card)
        except sysfs.Unreadable:
            pcie = None
        if pcie is not None and pcie.speed is not None:
            yield Reading(_PCIE_SPEED, gpu, pcie.speed)
        if pcie is not None and pcie.width is not None:
            yield Reading(_PCIE_WIDTH, gpu, float(pcie.width))
        if any(row.spec is _PCIE["pcie_replay_count_acc"] for row in self._shown.get(card.address, ())):
            return
        try:
            naks = amdgpu.read_replays(card)
        except sysfs.Unreadable:
            yield Reading(_PCIE_NAKS, gpu, None, Quality.UNREADABLE)
            return
        if naks is not None:
            yield Reading(_PCIE_NAKS, gpu, naks)


def _described(card: Card) -> Iterator[Reading]:
    described = (card.card, card.product, card.device_id, card.serial, card.unique_id, card.firmware, card.hive)
    yield Reading(_INFO, (card.address, *described), 1.0)
    for peer in amdgpu.read_peers(card):
        yield Reading(_XGMI_INFO, (card.address, str(peer.link), peer.address, str(peer.peer_link)), 1.0)


def _shown(gpu: tuple[str], metrics: Metrics) -> Iterator[Reading]:
    """What a table shows."""
    for spec, value in (
        (_PCIE_SPEED, metrics.pcie_speed),
        (_PCIE_WIDTH, metrics.pcie_width),
        (_XGMI_SPEED, metrics.xgmi_speed),
        (_XGMI_WIDTH, metrics.xgmi_width),
    ):
        if value is not None:
            yield Reading(spec, gpu, float(value))
    for name, count in metrics.counters.items():
        yield Reading(_PCIE[name], gpu, count)
    # With their states told, links without one are switched off, and their zeros are no counts.
    known = metrics.xgmi_up.keys() or (metrics.xgmi_read.keys() | metrics.xgmi_write.keys())
    for link in sorted(known):
        labels = (*gpu, str(link))
        if (up := metrics.xgmi_up.get(link)) is not None:
            yield Reading(_XGMI_UP, labels, float(up))
        for spec, counts in ((_XGMI_READ, metrics.xgmi_read), (_XGMI_WRITE, metrics.xgmi_write)):
            if (data := counts.get(link)) is not None:
                yield Reading(spec, labels, data)


def _told(gpu: tuple[str], links: Sequence[Link]) -> Iterator[Reading]:
    """What the library tells of links."""
    for link in links:
        labels = (*gpu, str(link.number))
        if link.up is not None:
            yield Reading(_XGMI_UP, labels, float(link.up))
        for spec, count in ((_XGMI_READ, link.read), (_XGMI_WRITE, link.write)):
            if count is not None:
                yield Reading(spec, labels, count)
