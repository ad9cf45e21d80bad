"""The `nvlink` sampler's metrics, and the fields of NVML that each link's series come from.

NVLink 4 and older count flits, CRC errors and replays; NVLink 5 is a packet network with FEC and has other fields. A
GPU shows those that it has.
"""

from __future__ import annotations

from fabricscope.model import Kind, MetricSpec, Watch
from probes.sources.nvml import fields

_LINK = ("gpu", "link")
_LANE = (*_LINK, "lane")
FEC_BINS = 16


def _spec(
    name: str,
    text: str,
    source: str,
    *aliases: str,
    labels: tuple[str, ...] = _LINK,
    kind: Kind = Kind.GAUGE,
    unit: str = "",
    watch: Watch | None = None,
    link: str = "nvlink",
) -> MetricSpec:
    return MetricSpec(
        f"fabricscope_nvlink_{name}",
        kind,
        text,
        labels,
        unit=unit,
        source=source,
        watch=watch,
        link=link if watch else "",
        aliases=tuple(f"DCGM_FI_{alias}" for alias in aliases),
    )


def _counter(
    name: str, text: str, source: str, *aliases: str, labels: tuple[str, ...] = _LINK, unit: str = ""
) -> MetricSpec:
    full = f"{name}_total"
    return _spec(full, text, f"NVML_FI_DEV_{source}", *aliases, labels=labels, kind=Kind.COUNTER, unit=unit)


UP = _spec(
    "up",
    "1 while the link carries traffic or sleeps to save power; 0 when it is inactive or closed for traffic.",
    "NVML_FI_DEV_NVLINK_GET_STATE, else nvmlDeviceGetNvLinkState",
    "DEV_NVLINK_LINK_STATE",
    watch=Watch.UP_DOWN,
)
SPEED = _spec(
    "speed_bytes_per_second",
    "Speed of the link in each direction.",
    "NVML_FI_DEV_NVLINK_GET_SPEED, else NVML_FI_DEV_NVLINK_SPEED_MBPS_*",
    unit="bytes_per_second",
    watch=Watch.CHANGE,
)
VERSION = _spec("version", "Version of NVLink, such as 4 or 5.", "nvmlDeviceGetNvLinkVersion")
TRANSMIT = _counter(
    "transmit_bytes",
    "Payload that was sent, without the protocol's own octets; on GPUs that do not count it so, octets of packets.",
    "NVLINK_THROUGHPUT_DATA_TX, else ..._COUNT_XMIT_BYTES",
    "PROF_NVLINK_TX_BYTES",
    unit="bytes",
)
RECEIVE = _counter(
    "receive_bytes",
    "Payload that was received, without the protocol's own octets; on GPUs that do not count it so, octets of packets.",
    "NVLINK_THROUGHPUT_DATA_RX, else ..._COUNT_RCV_BYTES",
    "PROF_NVLINK_RX_BYTES",
    unit="bytes",
)
TRANSMIT_RAW = _counter(
    "transmit_raw_bytes",
    "What was sent with the protocol's own octets: to be held against the link's speed.",
    "NVLINK_THROUGHPUT_RAW_TX",
    unit="bytes",
)
RECEIVE_RAW = _counter(
    "receive_raw_bytes",
    "What was received with the protocol's own octets: to be held against the link's speed.",
    "NVLINK_THROUGHPUT_RAW_RX",
    unit="bytes",
)
CRC = _counter(
    "crc_errors",
    "Flits with a wrong checksum, flow control and data together.",
    "NVLINK_ERROR_DL_CRC",
    "DEV_NVLINK_ERROR_DL_CRC",
)
CRC_FLIT = _counter(
    "crc_flit_errors",
    "Flow-control flits with a wrong checksum.",
    "NVLINK_CRC_FLIT_ERROR_COUNT_L*",
    "DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL",
)
CRC_DATA = _counter(
    "crc_data_errors",
    "Data flits with a wrong checksum.",
    "NVLINK_CRC_DATA_ERROR_COUNT_L*",
    "DEV_NVLINK_CRC_DATA_ERROR_COUNT_TOTAL",
)
ECC_DATA = _counter(
    "ecc_data_errors",
    "Errors that the link's own ECC found.",
    "NVLINK_ECC_DATA_ERROR_COUNT_L*",
    "DEV_NVLINK_ECC_DATA_ERROR_COUNT_TOTAL",
)
REPLAYS = _counter(
    "replays",
    "Times that data was sent again after an error.",
    "NVLINK_ERROR_DL_REPLAY, else ..._REPLAY_ERROR_COUNT_L*",
    "DEV_NVLINK_ERROR_DL_REPLAY",
    "DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL",
)
RECOVERIES = _counter(
    "recoveries",
    "Times that the link had to be trained again.",
    "NVLINK_ERROR_DL_RECOVERY, else ..._RECOVERY_ERROR_COUNT_L*",
    "DEV_NVLINK_ERROR_DL_RECOVERY",
    "DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL",
)

NVLINK_5: tuple[tuple[MetricSpec, int], ...] = tuple(
    (_counter(name, text, f"NVLINK_COUNT_{source}", f"DEV_NVLINK_COUNT_{alias}"), field)
    for name, text, source, alias, field in (
        ("transmit_packets", "Packets sent.", "XMIT_PACKETS", "TX_PACKETS", fields.NVLINK_XMIT_PACKETS),
        ("receive_packets", "Packets received.", "RCV_PACKETS", "RX_PACKETS", fields.NVLINK_RCV_PACKETS),
        (
            *("malformed_packets", "Packets received that break the protocol."),
            *("MALFORMED_PACKET_ERRORS", "RX_MALFORMED_PACKET_ERRORS", fields.NVLINK_MALFORMED_PACKETS),
        ),
        (
            *("buffer_overrun_errors", "Packets discarded because there was no room for them."),
            *("BUFFER_OVERRUN_ERRORS", "RX_BUFFER_OVERRUN_ERRORS", fields.NVLINK_BUFFER_OVERRUNS),
        ),
        ("receive_errors", "Packets received with an error.", "RCV_ERRORS", "RX_ERRORS", fields.NVLINK_RCV_ERRORS),
        (
            *("receive_remote_errors", "Packets received that the far end had marked as bad."),
            *("RCV_REMOTE_ERRORS", "RX_REMOTE_ERRORS", fields.NVLINK_RCV_REMOTE_ERRORS),
        ),
        (
            *("receive_general_errors", "Packets received with an error of another kind."),
            *("RCV_GENERAL_ERRORS", "RX_GENERAL_ERRORS", fields.NVLINK_RCV_GENERAL_ERRORS),
        ),
        (
            *("local_link_integrity_errors", "Times that local errors went over the threshold."),
            *("LOCAL_LINK_INTEGRITY_ERRORS", "LOCAL_LINK_INTEGRITY_ERRORS", fields.NVLINK_LOCAL_INTEGRITY),
        ),
        (
            *("transmit_discards", "Packets that were not sent although they were to be."),
            *("XMIT_DISCARDS", "TX_DISCARDS", fields.NVLINK_XMIT_DISCARDS),
        ),
        (
            *("effective_errors", "Errors left after FEC."),
            *("EFFECTIVE_ERRORS", "EFFECTIVE_ERRORS", fields.NVLINK_EFFECTIVE_ERRORS),
        ),
        (
            *("symbol_errors", "Symbols with an error."),
            *("SYMBOL_ERRORS", "RX_SYMBOL_ERRORS", fields.NVLINK_SYMBOL_ERRORS),
        ),
    )
)
"""Counters that only NVLink 5 and later have."""
LINK_RECOVERIES = _counter(
    "link_recoveries",
    "Recoveries of the link by `result`: successful, failed, and all events.",
    "NVLINK_COUNT_LINK_RECOVERY_*",
    "DEV_NVLINK_COUNT_LINK_RECOVERY_SUCCESSFUL_EVENTS",
    "DEV_NVLINK_COUNT_LINK_RECOVERY_FAILED_EVENTS",
    "DEV_NVLINK_COUNT_LINK_RECOVERY_EVENTS",
    labels=(*_LINK, "result"),
)
RESULTS = {
    "successful": fields.NVLINK_RECOVERY_SUCCESSFUL,
    "failed": fields.NVLINK_RECOVERY_FAILED,
    "events": fields.NVLINK_RECOVERY_EVENTS,
}
EFFECTIVE_BER = _spec(
    "effective_bit_error_ratio",
    "Bit errors left after FEC, as the link measures it; 0 when it has seen none.",
    "NVML_FI_DEV_NVLINK_COUNT_EFFECTIVE_BER",
    "DEV_NVLINK_COUNT_EFFECTIVE_BER_FLOAT",
    unit="ratio",
)
SYMBOL_BER = _spec(
    "symbol_bit_error_ratio",
    "Bit errors in symbols, as the link measures it; 0 when it has seen none.",
    "NVML_FI_DEV_NVLINK_COUNT_SYMBOL_BER",
    "DEV_NVLINK_COUNT_SYMBOL_BER_FLOAT",
    unit="ratio",
)
RAW_BER = _spec(
    "raw_bit_error_ratio",
    "Bit errors before FEC over both lanes, as the link measures it; 0 when it has seen none.",
    "NVML_FI_DEV_NVLINK_COUNT_RAW_BER_V2",
    unit="ratio",
)
LANE_RAW_BER = _spec(
    "lane_raw_bit_error_ratio",
    "Bit errors of one lane before FEC, as the link measures it; 0 when it has seen none.",
    "NVML_FI_DEV_NVLINK_COUNT_RAW_BER_LANE*_V2",
    labels=_LANE,
    unit="ratio",
)
LANE_RAW_ERRORS = _counter(
    "lane_raw_errors", "Bit errors of one lane before FEC.", "NVLINK_COUNT_RAW_ERRORS_LANE*", labels=_LANE
)
LANES = (
    (fields.NVLINK_LANE_0_RAW_ERRORS, fields.NVLINK_LANE_0_RAW_BER),
    (fields.NVLINK_LANE_1_RAW_ERRORS, fields.NVLINK_LANE_1_RAW_BER),
)
"""By lane the fields of its errors and of their ratio. NVML has two lanes of a link, which is what NVLink 5 has."""
FEC_BLOCKS = _counter(
    "fec_blocks",
    "Blocks in which FEC corrected this number of symbols: how near the link is to blocks that it cannot correct.",
    "NVLINK_COUNT_FEC_HISTORY_*",
    labels=(*_LINK, "errors"),
)

INFO = _spec(
    "info",
    "Always 1; what is at the far end. An address is that of /sys/bus/pci/devices, or empty.",
    "nvmlDeviceGetNvLinkRemoteDeviceType, nvmlDeviceGetNvLinkRemotePciInfo, NVML_FI_DEV_NVLINK_REMOTE_NVLINK_ID",
    labels=(*_LINK, "remote_type", "remote_address", "remote_link"),
)
FABRIC_STATE = _spec(
    "fabric_state",
    "Registration of the GPU with the NVLink fabric: 1 not started, 2 in progress, 3 completed.",
    "nvmlDeviceGetGpuFabricInfoV",
    "DEV_FABRIC_MANAGER_STATUS",
    labels=("gpu",),
    watch=Watch.CHANGE,
    link="nvlink_fabric",
)
FABRIC_STATUS = _spec(
    "fabric_status",
    "NVML's code for how the registration ended; 0 is success.",
    "nvmlDeviceGetGpuFabricInfoV",
    "DEV_FABRIC_MANAGER_ERROR_CODE",
    labels=("gpu",),
)
FABRIC_UNHEALTHY = _spec(
    "fabric_unhealthy",
    "1 while the fabric has this against the GPU (`cause`); causes that it does not watch are left out.",
    "nvmlDeviceGetGpuFabricInfoV healthMask",
    "DEV_FABRIC_HEALTH_MASK",
    labels=("gpu", "cause"),
)
FABRIC_INFO = _spec(
    "fabric_info",
    "Always 1; the NVLink domain and the clique in it that the GPU belongs to.",
    "nvmlDeviceGetGpuFabricInfoV",
    "DEV_FABRIC_CLUSTER_UUID",
    "DEV_FABRIC_CLIQUE_ID",
    labels=("gpu", "cluster_uuid", "clique"),
)
C2C_UP = _spec(
    "c2c_up",
    "1 while the NVLink-C2C link to the CPU is active.",
    "NVML_FI_DEV_C2C_LINK_GET_STATUS",
    "DEV_C2C_LINK_STATUS",
    watch=Watch.UP_DOWN,
    link="nvlink_c2c",
)
C2C_SPEED = _spec(
    "c2c_speed_bytes_per_second",
    "Speed of the C2C link.",
    "NVML_FI_DEV_C2C_LINK_GET_MAX_BW",
    "DEV_C2C_MAX_BANDWIDTH",
    unit="bytes_per_second",
)
C2C_ERRORS = _counter(
    "c2c_errors",
    "Errors of the C2C link by `error`: interrupts, replays, and replays back to back.",
    "C2C_LINK_ERROR_*",
    "DEV_C2C_LINK_ERROR_INTR",
    "DEV_C2C_LINK_ERROR_REPLAY",
    "DEV_C2C_LINK_ERROR_REPLAY_B2B",
    labels=(*_LINK, "error"),
)
C2C = {
    "interrupt": fields.C2C_ERROR_INTERRUPTS,
    "replay": fields.C2C_ERROR_REPLAYS,
    "replay_b2b": fields.C2C_ERROR_REPLAYS_B2B,
}

SPECS = (
    *(UP, SPEED, VERSION, TRANSMIT, RECEIVE, TRANSMIT_RAW, RECEIVE_RAW),
    *(CRC, CRC_FLIT, CRC_DATA, ECC_DATA, REPLAYS, RECOVERIES),
    *(spec for spec, _ in NVLINK_5),
    *(LINK_RECOVERIES, EFFECTIVE_BER, SYMBOL_BER, RAW_BER, LANE_RAW_BER, LANE_RAW_ERRORS, FEC_BLOCKS, INFO),
    *(FABRIC_STATE, FABRIC_STATUS, FABRIC_UNHEALTHY, FABRIC_INFO, C2C_UP, C2C_SPEED, C2C_ERRORS),
)
