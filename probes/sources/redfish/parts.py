"""Power supplies, leak detectors, processors and their ports: PowerSupply, LeakDetector, Processor, Port and metrics.

DMTF DSP0268 (schema reference) and the extensions of GPU baseboards below `Oem.Nvidia`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from probes.sources.redfish.facts import HEALTH, Fact, absent, owner, place, status
from probes.sources.redfish.sensors import excerpt, measures
from probes.sources.redfish.values import as_object, at, counter, flag, nanoseconds, number, text, words

_MAX_LANES = 64

_FRAMES = {
    "RXBytes": "receive_bytes",
    "TXBytes": "transmit_bytes",
    "RXErrors": "receive_errors",
    "TXErrors": "transmit_errors",
}
_NETWORKING = {
    "RXFrames": "receive_frames",
    "TXFrames": "transmit_frames",
    "RXDiscards": "receive_discards",
    "TXDiscards": "transmit_discards",
    "RXFCSErrors": "receive_fcs_errors",
    "RXPFCFrames": "receive_pfc_frames",
    "TXPFCFrames": "transmit_pfc_frames",
}
_NVIDIA = {
    "LinkDownedCount": "link_downed",
    "IntentionalLinkDownCount": "intentional_link_down",
    "UnintentionalLinkDownCount": "unintentional_link_down",
    "LinkErrorRecoveryCount": "link_error_recovery",
    "SymbolErrors": "symbol_errors",
    "EffectiveError": "effective_errors",
    "TotalRawError": "raw_errors",
    "MalformedPackets": "malformed_packets",
    "VL15Dropped": "vl15_dropped",
}
_ERROR_RATIOS = {"BitErrorRate": "bit", "EffectiveBER": "effective", "TotalRawBER": "raw"}
_THROTTLES = {"PowerLimitThrottleDuration": "power", "ThermalLimitThrottleDuration": "thermal"}
_NVIDIA_THROTTLES = {
    "HardwareViolationThrottleDuration": "hardware",
    "GlobalSoftwareViolationThrottleDuration": "software",
}


def power_supply(document: Any, link: str) -> Iterator[Fact]:
    """A PowerSupply of a PowerSubsystem."""
    where = place(document, link)
    yield from status("power_supply", where, document)
    capacity = number(at(document, "PowerCapacityWatts"))
    if capacity is not None and not absent(document):
        yield Fact("power_capacity", where, capacity)


def power_supply_metrics(document: Any, link: str, name: str) -> Iterator[Fact]:
    """The PowerSupplyMetrics of the supply called `name`."""
    own = owner(document, link)
    for key, what, side in (
        ("InputPowerWatts", "Power", "input"),
        ("OutputPowerWatts", "Power", "output"),
        ("InputVoltage", "Voltage", "input"),
        ("InputCurrentAmps", "Current", "input"),
        ("TemperatureCelsius", "Temperature", ""),
        ("EnergykWh", "EnergykWh", ""),
    ):
        yield from excerpt(what, (own, name, side), document, key)


def leak_detector(document: Any, link: str) -> Iterator[Fact]:
    """A LeakDetector: 1 when there is a leak. One that is enabled and does not say is unreadable."""
    where = place(document, link)
    yield from status("leak_detector", where, document)
    state = at(document, "DetectorState")
    if absent(document) or "DetectorState" not in as_object(document):
        return
    if isinstance(state, str) and state in HEALTH:
        yield Fact("leak", where, float(state != "OK"))
    elif measures(document):
        yield Fact("leak", where, None)


def processor(document: Any, link: str) -> Iterator[Fact]:
    """A Processor: what it is, and its PCIe link."""
    where = place(document, link)
    # A processor calls itself "Processor" more often than not; its id tells it from the others.
    where = where._replace(name=text(at(document, "Id")) or where.name)
    yield from status("processor", where, document)
    if absent(document):
        return
    described = tuple(
        text(at(document, key)) for key in ("ProcessorType", "Manufacturer", "Model", "SerialNumber", "FirmwareVersion")
    )
    yield Fact("processor_info", (*where, *described), 1.0)
    for key, what in (("LanesInUse", "pcie_width"), ("MaxLanes", "pcie_width_max")):
        if (lanes := number(at(document, "SystemInterface", "PCIe", key))) is not None:
            yield Fact(what, where, lanes)


def processor_metrics(document: Any, link: str, name: str) -> Iterator[Fact]:
    """The ProcessorMetrics of the processor called `name`."""
    own = owner(document, link)
    yield from pcie_errors(document, own, name)
    yield from excerpt("Voltage", (own, name, "core"), document, "CoreVoltage")
    for key in ("CorrectableECCErrorCount", "UncorrectableECCErrorCount"):
        if (count := counter(at(document, "CacheMetricsTotal", "LifeTime", key))) is not None:
            kind = "correctable" if key.startswith("C") else "uncorrectable"
            yield Fact("ecc_errors", (own, name, kind), count)
    nvidia = at(document, "Oem", "Nvidia")
    for source, causes in ((document, _THROTTLES), (nvidia, _NVIDIA_THROTTLES)):
        for key, cause in causes.items():
            if (duration := nanoseconds(at(source, key))) is not None:
                yield Fact("throttled", (own, name, cause), duration)


def pcie_errors(document: Any, own: str, name: str) -> Iterator[Fact]:
    """The PCIeErrors of a processor's or a port's metrics, each by its name."""
    for key, value in sorted(as_object(at(document, "PCIeErrors")).items())[:32]:
        if key.endswith("Count") and (count := counter(value)) is not None:
            yield Fact("pcie_errors", (own, name, text(words(key.removesuffix("Count")), 48)), count)


def port(document: Any, link: str) -> Iterator[Fact]:
    """A Port of a processor or network adapter; its name is that of its owner and its own."""
    where = place(document, link)
    where = where._replace(name=_port_name(where.resource))
    protocol = text(at(document, "PortProtocol"), 32)
    yield from status("port", where, document)
    if absent(document):
        return
    said = at(document, "LinkStatus")
    if isinstance(said, str) and said:
        yield Fact("port_up", (*where, protocol), float(said == "LinkUp"))
    for key, what in (("CurrentSpeedGbps", "port_speed"), ("MaxSpeedGbps", "port_speed_max")):
        # Of PCIe some tell a lane's speed and some the link's.
        if protocol != "PCIe" and (speed := number(at(document, key))) is not None:
            yield Fact(what, (*where, protocol), speed / 8 * 1e9 if abs(speed) < 1e9 else None)
    for key, what in (("ActiveWidth", "port_width"), ("Width", "port_width_max")):
        if (lanes := number(at(document, key))) is not None:
            yield Fact(what, (*where, protocol), lanes)


def port_metrics(document: Any, link: str) -> Iterator[Fact]:
    """The PortMetrics of the port that they are below of."""
    own = owner(document, link)
    name = _port_name(own)
    nvidia = at(document, "Oem", "Nvidia")
    for source, known in ((document, _FRAMES), (at(document, "Networking"), _NETWORKING)):
        for key, what in known.items():
            if (count := counter(at(source, key))) is not None:
                yield Fact(f"port_{what}", (own, name), count)
    for key, what in _NVIDIA.items():
        if (count := counter(at(nvidia, key))) is not None:
            yield Fact("port_link_errors", (own, name, what), count)
    if (count := counter(at(nvidia, "TXWait"))) is not None:
        yield Fact("port_transmit_wait", (own, name), count)
    for key, kind in _ERROR_RATIOS.items():
        if (ratio := number(at(nvidia, key))) is not None and 0 <= ratio <= 1:
            yield Fact("port_bit_error_ratio", (own, name, kind), ratio)
    for key in ("RuntimeError", "TrainingError"):
        if (raised := flag(at(nvidia, "NVLinkErrors", key))) is not None:
            yield Fact("port_error", (own, name, words(key.removesuffix("Error"))), float(raised))
    lanes = at(nvidia, "RXErrorsPerLane")
    for lane, value in enumerate(lanes[:_MAX_LANES] if isinstance(lanes, list) else ()):
        if (count := counter(value)) is not None:
            yield Fact("port_lane_errors", (own, name, str(lane)), count)
    yield from pcie_errors(document, own, name)


def _port_name(own: str) -> str:
    """`GPU_0 NVLink_3` of `Systems/HGX_Baseboard_0/Processors/GPU_0/Ports/NVLink_3`."""
    parts = own.split("/")
    return " ".join((parts[-3], parts[-1])) if len(parts) >= 3 else own
