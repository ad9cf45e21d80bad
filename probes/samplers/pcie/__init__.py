"""PCIe links and errors, with both ends of each link."""

from probes.samplers.pcie.sampler import PcieSampler, PcieSettings

__all__ = ["PcieSampler", "PcieSettings"]
