"""Bursts: counters that move with traffic, read every 10 ms and folded into windows of a second."""

from probes.samplers.bursts.sampler import BurstsSampler, BurstsSettings

__all__ = ["BurstsSampler", "BurstsSettings"]
