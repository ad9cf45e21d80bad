"""What the kernel's log says of the fabric: errors of GPUs, NVSwitches, adapters, modules and PCIe, as events."""

from probes.samplers.kernel.sampler import KernelSampler, KernelSettings

__all__ = ["KernelSampler", "KernelSettings"]
