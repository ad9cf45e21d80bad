"""What the Ethernet side of RoCE ports is measured in. Which statistic of which driver a metric comes from: drivers.py.

A metric that drivers keep in different widths has the narrowest here: a wider counter only grows past it, and its
falls are judged in the same way. Nothing is watched: the coming and going of a link is told by the ethernet sampler.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from fabricscope.model import Kind, MetricSpec
from probes.samplers.roce.drivers import DRIVERS, Rows

_MICROSECONDS = 1_000_000
_UNITS = ("bytes", "seconds", "ratio")
_PLACE = re.compile(r"\{([a-z]+)\}")
_PLACES = 8
"""Priorities, lanes and queues of a port, at most: names are made for all of them."""


class Statistic(NamedTuple):
    """What one of a driver's statistics is."""

    spec: MetricSpec
    label: tuple[str, ...]
    """The value of the label besides `device`, if there is one."""
    divisor: int
    """What the value is divided by: 100 for percentages, which become ratios."""


def _spec(name: str, text: str, *labels: str, bits: int = 64, per_unit: int = 1, source: str = "") -> MetricSpec:
    """A metric with a series per interface and per each of the labels. Drivers count times in microseconds."""
    unit = next((unit for unit in _UNITS if name.removesuffix("_total").endswith(f"_{unit}")), "")
    return MetricSpec(
        f"fabricscope_roce_{name}",
        Kind.COUNTER if name.endswith("_total") else Kind.GAUGE,
        text,
        ("device", *labels),
        unit=unit,
        source=source,
        bits=bits,
        per_unit=_MICROSECONDS if unit == "seconds" else per_unit,
    )


def _statistic(name: str, text: str, *labels: str, bits: int = 64, per_unit: int = 1) -> MetricSpec:
    """A metric that comes from drivers' statistics, which are its source by name."""
    rows = ((pattern, metric, driver) for driver, table in DRIVERS.items() for pattern, metric, *_ in table)
    names = ", ".join(f"{pattern} ({driver})" for pattern, metric, driver in rows if metric == name)
    source = names.replace("{", "<").replace("}", ">")
    return _spec(name, text, *labels, bits=bits, per_unit=per_unit, source=f"ethtool -S: {source}")


# fmt: off
_STATISTICS = (
    # Priority flow control, by priority.
    _statistic("pfc_receive_pauses_total", "Frames received that pause the priority.", "priority"),
    _statistic("pfc_transmit_pauses_total", "Frames sent that pause the priority.", "priority"),
    _statistic("pfc_receive_resumes_total", "Frames received that end a pause of the priority, where they are "
               "counted apart.", "priority"),
    _statistic("pfc_transmit_resumes_total", "Frames sent that end a pause of the priority, where they are counted "
               "apart.", "priority"),
    _statistic("pfc_receive_pause_seconds_total", "Time that sending on the priority was paused by the other end.",
               "priority"),
    _statistic("pfc_transmit_pause_seconds_total", "Time that the other end was kept from sending on the priority.",
               "priority"),
    _statistic("pfc_receive_pause_transitions_total", "Times that sending on the priority went from running to "
               "paused.", "priority"),
    _statistic("pfc_transmit_pause_transitions_total", "Times that the other end's sending on the priority went from "
               "running to paused.", "priority"),
    _statistic("pfc_receive_frames_total", "Priority pause frames received, of all priorities."),
    _statistic("pfc_transmit_frames_total", "Priority pause frames sent, of all priorities."),
    _statistic("pause_storm_warnings_total", "Times that the adapter had held up the other end for long."),
    _statistic("pause_storm_errors_total", "Times that the adapter had held up the other end for so long that it "
               "stopped sending pauses."),
    _statistic("pause_storm_reliefs_total", "Times that the adapter switched priority flow control of RoCE off to "
               "end a flood of pauses."),
    # Global pauses (IEEE 802.3x), of the link as a whole.
    _statistic("receive_pauses_total", "Frames received that pause the whole link."),
    _statistic("transmit_pauses_total", "Frames sent that pause the whole link."),
    _statistic("receive_resumes_total", "Frames received that end a pause of the whole link, where they are counted "
               "apart."),
    _statistic("transmit_resumes_total", "Frames sent that end a pause of the whole link, where they are counted "
               "apart."),
    _statistic("receive_pause_seconds_total", "Time that all sending was paused by the other end."),
    _statistic("transmit_pause_seconds_total", "Time that the other end was kept from sending anything."),
    _statistic("receive_pause_transitions_total", "Times that sending went from running to paused."),
    # What is lost.
    _statistic("receive_discards_total", "Packets that the port received and dropped for want of buffers."),
    _statistic("transmit_discards_total", "Packets that the port was to send and dropped."),
    _statistic("receive_priority_discards_total", "Packets that the port received and dropped for want of buffers, "
               "by priority.", "priority"),
    _statistic("receive_buffer_drops_total", "Packets received and dropped because the priority's buffer was full.",
               "priority"),
    _statistic("receive_congestion_drops_total", "Packets received and dropped early because the priority's buffer "
               "was filling up.", "priority"),
    _statistic("receive_queue_discards_total", "Packets received and dropped, by the adapter's queue for a class of "
               "service.", "queue"),
    _statistic("receive_out_of_buffer_total", "Packets dropped because the host had posted no buffer for them.",
               bits=32),
    _statistic("receive_steering_misses_total", "Packets dropped because no rule said where they go."),
    _statistic("internal_queue_out_of_buffer_total", "Packets dropped because an internal queue of the adapter had "
               "no buffer.", bits=32),
    _statistic("receive_buffer_threshold_passes_total", "Times that the port's receive buffer was nearly full."),
    _statistic("allowance_exceeded_packets_total", "Packets queued or dropped because the virtual machine was over "
               "what it is allowed.", "allowance"),
    # What is marked, and what goes through.
    _statistic("ecn_marked_packets_total", "Packets received by the host's network stack that were marked for "
               "congestion; RDMA is not in it."),
    _statistic("priority_ecn_marked_packets_total", "Packets received that the adapter marked for congestion, by "
               "priority.", "priority"),
    _statistic("receive_priority_bytes_total", "Bytes received, RDMA and all else, by priority.", "priority"),
    _statistic("transmit_priority_bytes_total", "Bytes sent, RDMA and all else, by priority.", "priority"),
    _statistic("receive_priority_packets_total", "Packets received, RDMA and all else, by priority.", "priority"),
    _statistic("transmit_priority_packets_total", "Packets sent, RDMA and all else, by priority.", "priority"),
    _statistic("receive_rdma_bytes_total", "Bytes of unicast RDMA received by this function."),
    _statistic("transmit_rdma_bytes_total", "Bytes of unicast RDMA sent by this function."),
    _statistic("receive_rdma_packets_total", "Packets of unicast RDMA received by this function."),
    _statistic("transmit_rdma_packets_total", "Packets of unicast RDMA sent by this function."),
    _statistic("receive_srd_packets_total", "Packets received by scalable reliable datagrams (ENA Express)."),
    _statistic("transmit_srd_packets_total", "Packets sent by scalable reliable datagrams (ENA Express)."),
    _statistic("transmit_srd_eligible_packets_total", "Packets sent that could have gone by scalable reliable "
               "datagrams (ENA Express)."),
    # The physical layer.
    _statistic("receive_physical_bytes_total", "Bytes received by the physical layer, idle ones as well.", per_unit=8),
    _statistic("corrected_bit_errors_total", "Bits that came in wrong and error correction (FEC) put right."),
    _statistic("lane_errors_total", "Bits that came in wrong on one lane, before error correction.", "lane"),
    _statistic("pcs_symbol_errors_total", "Symbols that were wrong after error correction."),
    _statistic("symbol_errors_total", "Packets received with a symbol error."),
    _statistic("fec_corrected_blocks_total", "Blocks that error correction put right."),
    _statistic("fec_uncorrectable_blocks_total", "Blocks with more errors than could be put right."),
    _statistic("crc_errors_total", "Packets received with a bad checksum (FCS)."),
    _statistic("stomped_crc_packets_total", "Packets received that were marked bad on their way, by a switch further "
               "off."),
    _statistic("local_faults_total", "Times that the MAC had a fault of its own receive path."),
    _statistic("remote_faults_total", "Times that the other end told of a fault of its receive path."),
    _statistic("link_down_events_total", "Times that the physical link went down.", bits=32),
    # The module, and the PCIe side.
    _statistic("module_unplugs_total", "Times that the module was taken out."),
    _statistic("module_bus_stuck_total", "Times that the module's management bus hung."),
    _statistic("module_high_temperature_total", "Times that the module was too hot."),
    _statistic("module_shorted_total", "Times that the module or cable was found bad or shorted."),
    _statistic("pcie_read_stalled_ratio", "Part of the last second in which the adapter could not read from the host "
               "for want of PCIe credits."),
    _statistic("pcie_write_stalled_ratio", "Part of the last second in which the adapter could not write to the host "
               "for want of PCIe credits."),
    _statistic("pcie_read_stall_events_total", "Seconds in which reads were stalled for more than 30 %.", bits=32),
    _statistic("pcie_write_stall_events_total", "Seconds in which writes were stalled for more than 30 %.", bits=32),
    _statistic("pcie_buffer_overflows_total", "Packets dropped because the buffer to PCIe was full."),
    _statistic("pcie_receive_signal_errors_total", "Recoveries of the PCIe link after errors received.", bits=32),
    _statistic("pcie_transmit_signal_errors_total", "Recoveries of the PCIe link that the other end asked for.",
               bits=32),)

PRE_FEC = _spec("pre_fec_bit_error_ratio",
                "Wrong bits of all bits received, before error correction, over the last span of `error_ratio_bits`.",
                source="ethtool -S: corrected bits / bits received")
POST_FEC = _spec("post_fec_bit_error_ratio",
                 "Wrong symbols by bits received, after error correction, over the last span of `error_ratio_bits`.",
                 source="ethtool -S: PCS symbol errors / bits received")
INFO = _spec("device_info", "Always 1; the labels say whose statistics these are. `rdma_device` is the RDMA device of "
             "the same function.", "driver", "firmware", "bus_address", "rdma_device", source="ethtool -i")
ECN_ENABLED = _spec("ecn_enabled", "1 when congestion control is on for the priority: for the receiver of marked "
                    "packets (notification) or for their sender (reaction).", "role", "priority",
                    source="/sys/class/net/<device>/ecn/roce_{np,rp}/enable/<priority>")
ECN_PARAMETER = _spec("ecn_parameter", "Parameters of congestion control (DCQCN) as the adapter has them, in its own "
                      "units: times in microseconds, rates in Mbit/s, rpg_byte_reset in bytes.", "role", "parameter",
                      source="/sys/class/net/<device>/ecn/roce_{np,rp}/<parameter>")
LEFT_OUT = MetricSpec("fabricscope_roce_devices_left_out", Kind.GAUGE, "Interfaces that the settings choose and "
                      "max_devices leaves out.")
# fmt: on

ALL = (*_STATISTICS, PRE_FEC, POST_FEC, INFO, ECN_ENABLED, ECN_PARAMETER, LEFT_OUT)
_BY_NAME = {spec.name.removeprefix("fabricscope_roce_"): spec for spec in _STATISTICS}
BITS, CORRECTED_BITS, PCS_SYMBOL_ERRORS = (
    _BY_NAME[name] for name in ("receive_physical_bytes_total", "corrected_bit_errors_total", "pcs_symbol_errors_total")
)


def _statistics(rows: Rows) -> Iterator[tuple[str, Statistic]]:
    for pattern, metric, *label in rows:
        spec = _BY_NAME[metric]
        divisor = 100 if spec.unit == "ratio" else 1
        place = _PLACE.search(pattern)
        if place is None:
            yield pattern, Statistic(spec, tuple(label), divisor)
            continue
        for number in range(_PLACES):
            yield pattern.replace(place[0], str(number)), Statistic(spec, (str(number),), divisor)


STATISTICS: Mapping[str, Mapping[str, Statistic]] = {
    driver: dict(_statistics(rows)) for driver, rows in DRIVERS.items()
}
"""By driver, then by the statistic's name."""
