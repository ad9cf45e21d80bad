"""What NVML's functions return (nvmlReturn_t in nvml.h), and what that says about a GPU."""

from __future__ import annotations

SUCCESS = 0
NO_PERMISSION = 4
DRIVER_NOT_LOADED = 9
TIMEOUT = 10
FUNCTION_NOT_FOUND = 13
GPU_IS_LOST = 15
RESET_REQUIRED = 16
NO_DATA = 21
UNKNOWN = 999

# fmt: off
NAMES = {
    0: "SUCCESS", 1: "UNINITIALIZED", 2: "INVALID_ARGUMENT", 3: "NOT_SUPPORTED", 4: "NO_PERMISSION",
    5: "ALREADY_INITIALIZED", 6: "NOT_FOUND", 7: "INSUFFICIENT_SIZE", 8: "INSUFFICIENT_POWER",
    9: "DRIVER_NOT_LOADED", 10: "TIMEOUT", 11: "IRQ_ISSUE", 12: "LIBRARY_NOT_FOUND", 13: "FUNCTION_NOT_FOUND",
    14: "CORRUPTED_INFOROM", 15: "GPU_IS_LOST", 16: "RESET_REQUIRED", 17: "OPERATING_SYSTEM",
    18: "LIB_RM_VERSION_MISMATCH", 19: "IN_USE", 20: "MEMORY", 21: "NO_DATA", 22: "VGPU_ECC_NOT_SUPPORTED",
    23: "INSUFFICIENT_RESOURCES", 24: "FREQ_NOT_SUPPORTED", 25: "ARGUMENT_VERSION_MISMATCH", 26: "DEPRECATED",
    27: "NOT_READY", 28: "GPU_NOT_FOUND", 29: "INVALID_STATE", 30: "RESET_TYPE_NOT_SUPPORTED", 999: "UNKNOWN",
}
# fmt: on

UNSUPPORTED = frozenset({2, 3, 4, 6, 13, 22, 25, 26})
"""A value that this GPU, driver or user does not have: nothing is wrong, and it is seldom asked for again."""
LOST = frozenset({GPU_IS_LOST, RESET_REQUIRED})
"""The GPU as a whole no longer answers, whatever it was asked."""
HINTS = {
    DRIVER_NOT_LOADED: "can this process open /dev/nvidiactl and /dev/nvidia*? (PrivateDevices=, DeviceAllow=)",
    12: "libnvidia-ml.so.1 was not found; the setting `nvml_library` says where it is",
    18: "the driver was updated and not reloaded; reboot, or unload and load its modules",
}
"""What to do about errors of the whole library."""


def name(code: int) -> str:
    """The code as nvml.h calls it, without NVML_ERROR_."""
    return NAMES.get(code, f"error {code}")
