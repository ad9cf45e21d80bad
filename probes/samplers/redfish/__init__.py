"""What a BMC says of its host by Redfish: health, power supplies, fans, leaks, sensors, GPU baseboard, ports."""

from probes.samplers.redfish.sampler import RedfishSampler, RedfishSettings

__all__ = ["RedfishSampler", "RedfishSettings"]
