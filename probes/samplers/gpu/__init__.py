"""NVIDIA GPUs by NVML: what a verdict about the fabric needs of them."""

from probes.samplers.gpu.sampler import GpuSampler, GpuSettings

__all__ = ["GpuSampler", "GpuSettings"]
