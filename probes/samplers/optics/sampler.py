"""Reads the modules of network interfaces, once a minute: each page takes the bus below some milliseconds."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Protocol

from msgspec import Meta

from fabricscope.model import Event, MetricSpec, Now, Quality, Reading, Severity
from probes.samplers.optics import metrics
from probes.sampling.patterns import Patterns, matches
from probes.sampling.sampler import Roots, SamplerSettings
from probes.sources import eeprom, modules, rtnetlink
from probes.sources.eeprom import EepromError, Memory, Module, Span
from probes.sources.rtnetlink import Link

_IDENTIFY_AGAIN_NS = 3600 * 1_000_000_000
"""How long a module is taken to be as it said; another one is noticed at once."""
_DOUBTFUL = 3
"""Samples in which a module whose checksums are wrong is asked again: it may have been read while it was plugged in."""
_GONE_AFTER = 2
"""Samples without an answer after which a module is gone: one may fail for other reasons."""
_HARDWARE = (rtnetlink.ETHERNET, rtnetlink.INFINIBAND)


class OpticsSettings(SamplerSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the `optics` sampler. Reading modules is slow, and what they measure moves slowly."""

    interval_seconds: Annotated[float, Meta(ge=0.1, le=3600, description="Time between two samples, in seconds.")] = (
        60.0
    )
    deadline_seconds: Annotated[
        float,
        Meta(
            ge=0.05,
            le=3600,
            description="A sample that takes longer, in seconds, is reported as hung and its values are stale.",
        ),
    ] = 45.0
    exclude: Annotated[Patterns, Meta(description="Interfaces whose modules are never read, by name.")] = ()
    max_interfaces: Annotated[int, Meta(ge=1, le=4096, description="Interfaces to read at most; the oldest stay.")] = (
        128
    )


class ModuleSource(Protocol):
    """Where modules are read; tests and benchmarks have their own."""

    def memory(self, device: str) -> Memory:
        """The memory of an interface's module; reading it fails as `modules.Modules.read` says."""
        ...

    def close(self) -> None:
        """Give back descriptors and sockets."""
        ...


@dataclass(slots=True)
class _Slot:
    """What is known of an interface's module."""

    module: Module | None = None
    identified_ns: int = 0
    doubted: int = 0
    failures: int = 0
    lasting: tuple[Reading, ...] = ()
    last: tuple[Reading, ...] = ()
    """All the readings of the last sample."""


class OpticsSampler:
    """Reads the module of every hardware interface of the probe's network namespace."""

    name: ClassVar[str] = "optics"
    Settings: ClassVar[type[SamplerSettings]] = OpticsSettings
    metrics: ClassVar[Sequence[MetricSpec]] = metrics.TABLE

    def __init__(
        self,
        settings: OpticsSettings,
        roots: Roots,
        dump: Callable[[], Sequence[Link]] = rtnetlink.dump_links,
        source: ModuleSource | None = None,
    ) -> None:
        self._settings = settings
        self._dump = dump
        self._source = source or modules.Modules()
        self._slots: dict[str, _Slot] = {}
        """By interface; those that could have a module."""
        self._sampled = False

    def unavailable(self) -> str | None:
        """Why there is nothing to sample, or None."""
        try:
            devices = [link.name for link in self._dump() if self._wanted(link)]
        except OSError as error:
            return f"network interfaces cannot be listed: {error}"
        for device in devices[: self._settings.max_interfaces]:
            try:
                self._source.memory(device).read(Span(0, 1))
            except OSError as error:
                if error.errno == errno.EPERM:
                    return f"the memory of modules cannot be read: give the probe CAP_NET_ADMIN ({error})"
                if error.errno in (errno.EOPNOTSUPP, errno.ENODEV):
                    continue
            return None
        return f"no interface with a driver that gives out modules (asked: {', '.join(devices[:8]) or 'none'})"

    def sample(self, now: Now) -> Iterator[Reading | Event]:
        """The readings of each module, and those that came or went.

        Raises OSError when interfaces cannot be listed, and without CAP_NET_ADMIN.
        """
        wanted = [link.name for link in self._dump() if self._wanted(link)]
        chosen = wanted[: self._settings.max_interfaces]
        self._slots = {device: slot for device, slot in self._slots.items() if device in chosen}
        for device in chosen:
            yield from self._read(device, now)
        yield Reading(metrics.LEFT_OUT, (), float(len(wanted) - len(chosen)))
        self._sampled = True

    def close(self) -> None:
        """Close the sockets."""
        self._source.close()

    def _wanted(self, link: Link) -> bool:
        """Whether an interface is hardware, which is what has a parent, or has at least no kind."""
        if link.hardware_type not in _HARDWARE or matches(link.name, self._settings.exclude):
            return False
        return bool(link.parent_name) or not link.kind

    def _read(self, device: str, now: Now) -> Iterator[Reading | Event]:
        slot = self._slots.setdefault(device, _Slot())
        memory = self._source.memory(device)
        before = slot.module
        try:
            module = self._identified(device, slot, memory, now)
            measured = tuple(metrics.moving(device, module.measure(memory)))
        except (EepromError, OSError) as error:
            yield from self._failed(device, slot, error, now)
            return
        slot.failures = 0
        slot.last = (Reading(metrics.PRESENT, (device,), 1.0), *slot.lasting, *measured)
        if module.tag != (before.tag if before else None):
            yield from self._changed(device, before, module, now)
        yield from slot.last

    def _identified(self, device: str, slot: _Slot, memory: Memory, now: Now) -> Module:
        """The module in the slot, asked what it is when it is another one, and once in a while."""
        known = slot.module
        doubtful = known is not None and bool(known.identity.bad_checksums) and slot.doubted < _DOUBTFUL
        fresh = now.mono - slot.identified_ns < _IDENTIFY_AGAIN_NS
        if known is not None and fresh and not doubtful and known.tag.still(memory):
            return known
        module = eeprom.identify(memory)
        same = known is not None and known.tag == module.tag
        slot.doubted = slot.doubted + 1 if same else 0
        slot.module, slot.identified_ns = module, now.mono
        slot.lasting = tuple(metrics.lasting(device, module.identity, module.thresholds))
        return module

    def _failed(self, device: str, slot: _Slot, error: EepromError | OSError, now: Now) -> Iterator[Reading | Event]:
        """Tell a driver without modules, an empty cage and a module that does not answer from one another."""
        number = error.errno if isinstance(error, OSError) else None
        if number == errno.EPERM:
            raise OSError(number, f"give the probe CAP_NET_ADMIN: {error}") from error
        if number in (errno.EOPNOTSUPP, errno.ENODEV) and slot.module is None:
            del self._slots[device]
            return
        slot.failures += 1
        if slot.module is not None and slot.failures < _GONE_AFTER:
            yield from (Reading(row.spec, row.labels, None, Quality.UNREADABLE) for row in slot.last)
            return
        if isinstance(error, EepromError):
            # Something answers, and what it says is of no use.
            yield Reading(metrics.PRESENT, (device,), None, Quality.UNREADABLE)
        else:
            yield Reading(metrics.PRESENT, (device,), 0.0)
        if slot.module is not None:
            yield _event("removed", Severity.WARNING, device, slot.module, now, f"no longer answers: {error}")
        slot.module, slot.lasting, slot.last = None, (), ()

    def _changed(self, device: str, before: Module | None, module: Module, now: Now) -> Iterator[Event]:
        """What was there at the first sample is no news."""
        if before is not None:
            serial = before.identity.serial
            yield _event("removed", Severity.WARNING, device, before, now, "was replaced")
            yield _event("inserted", Severity.INFO, device, module, now, f"took the place of {serial or 'another'}")
        elif self._sampled:
            yield _event("inserted", Severity.INFO, device, module, now, "was plugged in")


def _event(word: str, severity: Severity, device: str, module: Module, now: Now, text: str) -> Event:
    what = module.identity
    named = " ".join(x for x in (what.vendor, what.part, what.serial) if x) or what.form_factor
    return Event(
        time_unix_ns=now.wall,
        monotonic_ns=now.mono,
        kind=f"optics.{word}",
        severity=severity,
        message=f"module {named} in {device} {text}",
        subject={"device": device},
        attributes={
            "form_factor": what.form_factor,
            "vendor": what.vendor,
            "part": what.part,
            "serial": what.serial,
            "media": what.media,
        },
    )
