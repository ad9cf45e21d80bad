"""A whole InfiniBand subnet, from one host: links and counters of its switches, through the subnet's own tools."""

from probes.samplers.ib_fabric.sampler import IbFabricSampler
from probes.samplers.ib_fabric.settings import IbFabricSettings

__all__ = ["IbFabricSampler", "IbFabricSettings"]
