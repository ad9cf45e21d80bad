"""The Ethernet side of RoCE ports: pauses, discards, marks, errors of the physical layer, by each driver's table."""

from probes.samplers.roce.sampler import RoceSampler, RoceSettings

__all__ = ["RoceSampler", "RoceSettings"]
