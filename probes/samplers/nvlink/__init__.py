"""NVLink by NVML: every link's state and counters, the NVLink fabric, and NVLink-C2C."""

from probes.samplers.nvlink.sampler import NvlinkSampler, NvlinkSettings

__all__ = ["NvlinkSampler", "NvlinkSettings"]
