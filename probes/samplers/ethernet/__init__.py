"""Ethernet interfaces: state, speed and counters."""

from probes.samplers.ethernet.sampler import EthernetSampler, EthernetSettings

__all__ = ["EthernetSampler", "EthernetSettings"]
