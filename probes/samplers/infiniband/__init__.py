"""RDMA ports, InfiniBand and RoCE: state, rate and counters."""

from probes.samplers.infiniband.sampler import InfinibandSampler, InfinibandSettings

__all__ = ["InfinibandSampler", "InfinibandSettings"]
