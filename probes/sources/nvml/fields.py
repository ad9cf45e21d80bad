"""Numbers of NVML's fields (NVML_FI_DEV_... in nvml.h) that the samplers ask for.

Written out here, so that the probe does not have to load the library's Python bindings; the child alone does.
"""

from __future__ import annotations

ECC_UNCORRECTED_VOLATILE = 4
POLICY_POWER = 74
POLICY_THERMAL = 75
MEMORY_TEMPERATURE = 82
NVLINK_SPEED_COMMON = 90
PCIE_REPLAYS = 94
PCIE_REPLAY_ROLLOVERS = 95
NVLINK_DATA_TX = 138
"""KiB of payload, by link."""
NVLINK_DATA_RX = 139
NVLINK_RAW_TX = 140
"""KiB of payload and protocol, by link."""
NVLINK_RAW_RX = 141
REMAPPED_PENDING = 144
REMAPPED_FAILURE = 145
NVLINK_REMOTE_LINK = 146
NVLINK_DL_REPLAY = 161
NVLINK_DL_RECOVERY = 162
NVLINK_DL_CRC = 163
NVLINK_SPEED = 164
NVLINK_STATE = 165
NVLINK_VERSION = 166
PCIE_L0_TO_RECOVERY = 169
C2C_LINK_COUNT = 170
C2C_STATUS = 171
C2C_MAX_BANDWIDTH = 172
PCIE_CORRECTABLE = 173
PCIE_NAKS_RECEIVED = 174
PCIE_RECEIVER_ERROR = 175
PCIE_BAD_TLP = 176
PCIE_NAKS_SENT = 177
PCIE_BAD_DLLP = 178
PCIE_NON_FATAL = 179
PCIE_FATAL = 180
PCIE_UNSUPPORTED_REQUEST = 181
PCIE_LCRC = 182
PCIE_LANE = 183
POWER_INSTANT = 186
SHUTDOWN_MARGIN = 193
SLOWDOWN_MARGIN = 194
PCIE_TX_BYTES = 197
PCIE_RX_BYTES = 198
NVLINK_XMIT_PACKETS = 201
NVLINK_XMIT_BYTES = 202
NVLINK_RCV_PACKETS = 203
NVLINK_RCV_BYTES = 204
NVLINK_MALFORMED_PACKETS = 206
NVLINK_BUFFER_OVERRUNS = 207
NVLINK_RCV_ERRORS = 208
NVLINK_RCV_REMOTE_ERRORS = 209
NVLINK_RCV_GENERAL_ERRORS = 210
NVLINK_LOCAL_INTEGRITY = 211
NVLINK_XMIT_DISCARDS = 212
NVLINK_RECOVERY_SUCCESSFUL = 213
NVLINK_RECOVERY_FAILED = 214
NVLINK_RECOVERY_EVENTS = 215
NVLINK_EFFECTIVE_ERRORS = 219
NVLINK_EFFECTIVE_BER = 220
NVLINK_SYMBOL_ERRORS = 221
NVLINK_SYMBOL_BER = 222
RECOVERY_ACTION = 230
C2C_ERROR_INTERRUPTS = 231
C2C_ERROR_REPLAYS = 232
C2C_ERROR_REPLAYS_B2B = 233
NVLINK_FEC_0 = 235
"""The first of 16 fields: blocks by the number of symbol errors that were corrected in them."""
THROTTLED_SW_THERMAL = 269
THROTTLED_HW_THERMAL = 270
THROTTLED_HW_POWER_BRAKE = 271
NVLINK_LANE_0_RAW_ERRORS = 289
NVLINK_LANE_1_RAW_ERRORS = 290
NVLINK_LANE_0_RAW_BER = 291
"""This one and the next two take the place of 216 to 218, which drivers no longer fill."""
NVLINK_LANE_1_RAW_BER = 292
NVLINK_RAW_BER = 293

MAX_LINKS = 36
"""NVML_NVLINK_MAX_LINKS since NVLink 5; older headers say 18, 12 and 6."""
INDEXED_LINKS = 12
"""Links that have fields of their own, from before fields had a scope."""


def crc_flit(link: int) -> int:
    """The field of flow-control CRC errors of one of the first 12 links."""
    return _indexed(link, 32, 96)


def crc_data(link: int) -> int:
    """The field of data CRC errors of one of the first 12 links."""
    return _indexed(link, 39, 102)


def replay(link: int) -> int:
    """The field of replays of one of the first 12 links."""
    return _indexed(link, 46, 108)


def recovery(link: int) -> int:
    """The field of recoveries of one of the first 12 links."""
    return _indexed(link, 53, 114)


def speed(link: int) -> int:
    """The field of the speed, in MB/s, of one of the first 12 links."""
    return _indexed(link, 84, 132)


def ecc_data(link: int) -> int:
    """The field of data ECC errors of one of the first 12 links."""
    return 148 + link


def _indexed(link: int, first: int, seventh: int) -> int:
    return first + link if link < 6 else seventh + link - 6
