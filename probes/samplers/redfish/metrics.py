"""Every metric of the redfish sampler, by the kind of fact that it shows (probes/sources/redfish/facts.py).

`resource` is the path of what the value is from, without /redfish/v1/; `name` is what the BMC calls it.
"""

from __future__ import annotations

from fabricscope.model import Kind, MetricSpec, Watch

_PLACE = ("resource", "name")
_SENSOR = (*_PLACE, "context")
_PORT = (*_PLACE, "protocol")


def _gauge(
    name: str,
    text: str,
    source: str,
    labels: tuple[str, ...] = _PLACE,
    unit: str = "",
    *aliases: str,
    watch: Watch | None = None,
    link: str = "",
) -> MetricSpec:
    return MetricSpec(
        f"fabricscope_redfish_{name}",
        Kind.GAUGE,
        text,
        labels,
        unit=unit,
        source=f"Redfish {source}",
        watch=watch,
        link=link,
        aliases=aliases,
    )


def _counter(
    name: str,
    text: str,
    source: str,
    labels: tuple[str, ...] = _PLACE,
    unit: str = "",
    per_unit: int = 1,
    *aliases: str,
) -> MetricSpec:
    return MetricSpec(
        f"fabricscope_redfish_{name}_total",
        Kind.COUNTER,
        text,
        labels,
        unit=unit,
        source=f"Redfish {source}",
        per_unit=per_unit,
        aliases=aliases,
    )


# fmt: off
BY_FACT: dict[str, MetricSpec] = {
    "health": _gauge(
        "health", "Health of the part as the BMC sees it: 0 is OK, 1 a warning, 2 critical.",
        "Status.Health", ("resource", "kind", "name"), "", "hw.status"),
    "enabled": _gauge(
        "enabled", "1 when the part is there and works; 0 when it is absent, switched off or on standby.",
        "Status.State", ("resource", "kind", "name")),
    "temperature": _gauge(
        "temperature_celsius", "Temperature that the sensor measures.",
        "Sensor, Thermal, EnvironmentMetrics", _SENSOR, "celsius", "hw.temperature"),
    "temperature_limit": _gauge(
        "temperature_limit_celsius", "Temperature from which on the sensor is not healthy, by which `limit` it is.",
        "Sensor.Thresholds, Thermal", (*_PLACE, "limit"), "celsius", "hw.temperature.limit"),
    "fan": _gauge(
        "fan_revolutions_per_minute", "Speed of the fan.",
        "Sensor, Thermal, Fan", _SENSOR, "revolutions_per_minute", "hw.fan.speed"),
    "ratio": _gauge(
        "sensor_ratio", "What the sensor measures as a part of 1, such as a fan's speed as a part of its highest.",
        "Sensor, Thermal, Fan, EnvironmentMetrics", _SENSOR, "ratio", "hw.fan.speed_ratio"),
    "power": _gauge(
        "power_watts", "Power that the sensor measures; `context` is input or output for a power supply's.",
        "Sensor, Power, PowerSupplyMetrics, EnvironmentMetrics", _SENSOR, "watts", "hw.power"),
    "power_capacity": _gauge(
        "power_capacity_watts", "Power that the supply can give.", "PowerSupply.PowerCapacityWatts", _PLACE, "watts",
        "hw.power_supply.limit"),
    "voltage": _gauge(
        "voltage_volts", "Voltage that the sensor measures.", "Sensor, Power, PowerSupplyMetrics", _SENSOR, "volts",
        "hw.voltage"),
    "current": _gauge(
        "current_amperes", "Current that the sensor measures.", "Sensor, PowerSupplyMetrics", _SENSOR, "amperes"),
    "frequency": _gauge(
        "frequency_hertz", "Frequency that the sensor measures, such as the mains'.", "Sensor", _SENSOR, "hertz"),
    "humidity": _gauge("humidity_ratio", "Relative humidity.", "Sensor, EnvironmentMetrics", _SENSOR, "ratio"),
    "liquid_flow": _gauge(
        "liquid_flow_cubic_meters_per_second", "Flow of the coolant.", "Sensor", _SENSOR, "cubic_meters_per_second"),
    "pressure": _gauge("pressure_pascals", "Pressure of the coolant or the air.", "Sensor", _SENSOR, "pascals"),
    "energy": _counter(
        "energy_joules", "Energy that went through the sensor.", "Sensor, EnvironmentMetrics", _SENSOR, "joules", 1000,
        "hw.energy"),
    "leak": _gauge("leak", "1 when the detector sees a leak.", "LeakDetector.DetectorState"),
    "processor_info": _gauge(
        "processor_info", "Always 1; the labels say what the processor is.", "Processor",
        (*_PLACE, "type", "vendor", "model", "serial", "firmware")),
    "pcie_width": _gauge(
        "pcie_width_lanes", "PCIe lanes of the processor that are in use.", "Processor.SystemInterface.PCIe", _PLACE,
        "lanes"),
    "pcie_width_max": _gauge(
        "pcie_width_max_lanes", "PCIe lanes that the processor has.", "Processor.SystemInterface.PCIe", _PLACE,
        "lanes"),
    "pcie_errors": _counter(
        "pcie_errors", "PCIe errors and what followed from them, by the BMC's name for them.",
        "ProcessorMetrics.PCIeErrors, PortMetrics.PCIeErrors", (*_PLACE, "error")),
    "ecc_errors": _counter(
        "ecc_errors", "Errors in the processor's caches since it was made; `kind` is correctable or uncorrectable.",
        "ProcessorMetrics.CacheMetricsTotal.LifeTime", (*_PLACE, "kind")),
    "throttled": _counter(
        "throttled_seconds", "Time that the processor was slowed down, by what for.",
        "ProcessorMetrics.*ThrottleDuration", (*_PLACE, "cause"), "seconds", 1_000_000_000),
    "port_up": _gauge(
        "port_up", "1 when the port's link is up. Ports of GPUs are NVLinks and PCIe.", "Port.LinkStatus", _PORT,
        watch=Watch.UP_DOWN, link="redfish_port"),
    "port_speed": _gauge(
        "port_speed_bytes_per_second", "Speed of the port's link.", "Port.CurrentSpeedGbps", _PORT, "bytes_per_second"),
    "port_speed_max": _gauge(
        "port_speed_max_bytes_per_second", "Highest speed of the port.", "Port.MaxSpeedGbps", _PORT,
        "bytes_per_second"),
    "port_width": _gauge("port_width_lanes", "Lanes of the link that are in use.", "Port.ActiveWidth", _PORT, "lanes"),
    "port_width_max": _gauge("port_width_max_lanes", "Lanes of the port.", "Port.Width", _PORT, "lanes"),
    "port_receive_bytes": _counter(
        "port_receive_bytes", "Bytes received.", "PortMetrics.RXBytes", _PLACE, "bytes"),
    "port_transmit_bytes": _counter("port_transmit_bytes", "Bytes sent.", "PortMetrics.TXBytes", _PLACE, "bytes"),
    "port_receive_errors": _counter("port_receive_errors", "Errors while receiving.", "PortMetrics.RXErrors"),
    "port_transmit_errors": _counter("port_transmit_errors", "Errors while sending.", "PortMetrics.TXErrors"),
    "port_receive_frames": _counter("port_receive_frames", "Frames received.", "PortMetrics.Networking.RXFrames"),
    "port_transmit_frames": _counter("port_transmit_frames", "Frames sent.", "PortMetrics.Networking.TXFrames"),
    "port_receive_discards": _counter(
        "port_receive_discards", "Frames received and dropped.", "PortMetrics.Networking.RXDiscards"),
    "port_transmit_discards": _counter(
        "port_transmit_discards", "Frames dropped before they were sent.", "PortMetrics.Networking.TXDiscards"),
    "port_receive_fcs_errors": _counter(
        "port_receive_fcs_errors", "Frames received with a bad checksum.", "PortMetrics.Networking.RXFCSErrors"),
    "port_receive_pfc_frames": _counter(
        "port_receive_pfc_frames", "Pause frames of a priority received.", "PortMetrics.Networking.RXPFCFrames"),
    "port_transmit_pfc_frames": _counter(
        "port_transmit_pfc_frames", "Pause frames of a priority sent.", "PortMetrics.Networking.TXPFCFrames"),
    "port_transmit_wait": _counter(
        "port_transmit_wait", "Ticks in which data waited for credits, in the port's own unit of time.",
        "PortMetrics.Oem.Nvidia.TXWait"),
    "port_link_errors": _counter(
        "port_link_errors", "Errors and recoveries of an NVLink, by what they are.",
        "PortMetrics.Oem.Nvidia", (*_PLACE, "error")),
    "port_lane_errors": _counter(
        "port_lane_errors", "Errors received on one lane of the link.", "PortMetrics.Oem.Nvidia.RXErrorsPerLane",
        (*_PLACE, "lane")),
    "port_error": _gauge(
        "port_error", "1 while an NVLink has an error in training or at run time.",
        "PortMetrics.Oem.Nvidia.NVLinkErrors", (*_PLACE, "error")),
    "port_bit_error_ratio": _gauge(
        "port_bit_error_ratio", "Wrong bits as a part of all: raw, bit, and effective after correction.",
        "PortMetrics.Oem.Nvidia.*BER", (*_PLACE, "kind"), "ratio"),
}
# fmt: on

RESOURCES = _gauge("resources", "Documents that the last walk through the BMC asked for.", "all", ())
FAILED = _gauge(
    "resources_failed", "Documents that the last walk could not have; what was in them is unreadable.", "all", ()
)
LEFT_OUT = _gauge("resources_left_out", "Links that the last walk did not follow for want of room or time.", "all", ())
