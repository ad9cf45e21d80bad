"""The chassis sampler over sensor chips of real machines, against what node_exporter reads from them."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from fabricscope.model import Now, Reading
from probes.samplers.chassis import ChassisSampler, ChassisSettings
from probes.sampling.sampler import Roots
from tests.conformance.scores import Scoring
from tests.conformance.trees import hardware, linked_copy

NOT_OURS = {
    "node_hwmon_fan_manual": "whether a person drives a fan is no measurement; not read",
    "node_hwmon_fan_output": "what a fan is told to do is no measurement; not read",
    "node_hwmon_pwm_enable": "how a fan is controlled is no measurement; not read",
    "node_hwmon_chip_names": "its chip has no sensor that we read",
}
NOT_STORED = "the stored tree has the chip without its device's own files, which is where drivers of old put them"
LIMIT = re.compile(r"node_hwmon_(?:temp|fan)_(min|max|crit)_(?:celsius|rpm)")


def their_chip(device: str, chip: str) -> str:
    """node_exporter's name for a chip of ours: the bus or parent, the device, and its own name where it adds that."""
    place = re.sub(r"[^a-z0-9]", "_", device.lower())
    return f"ieee80211_{place}_{chip}" if place.startswith("phy") else f"platform_{place}"


def test_every_value_that_node_exporter_shows(score: Scoring, tmp_path: Path) -> None:
    one = score("prometheus-node_exporter")
    origin = hardware("prometheus-node_exporter")
    sampler = ChassisSampler(ChassisSettings(), Roots(sys=str(linked_copy(origin / "sys", tmp_path))))
    readings = [row for row in sampler.sample(Now(0, 0)) if isinstance(row, Reading) and row.labels]
    ours = {
        (alias, their_chip(row.labels[0], row.labels[1]), row.labels[2], *row.labels[4:]): row.value
        for row in readings
        for alias in row.spec.aliases
    }
    names = {(their_chip(*row.labels[:2]), row.labels[2]): row.labels[3] for row in readings}
    chips = {their_chip(*row.labels[:2]): row.labels[1] for row in readings}
    text = (origin / "expected" / "hwmon.prom").read_text()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            chip, sensor = sample.labels["chip"], sample.labels.get("sensor", "")
            what = f"{sample.name} of {chip} {sensor}".rstrip()
            if (
                chip == "platform_applesmc_768"
                and not (origin / "sys/devices/platform/applesmc.768/fan1_input").exists()
            ):
                one.differs(what, ours.get((sample.name, chip, sensor)), sample.value, NOT_STORED)
            elif sample.name == "node_hwmon_sensor_label":
                one.compare(what, names.get((chip, sensor)), sample.labels["label"])
            elif sample.name == "node_hwmon_chip_names" and chip in chips:
                one.compare(what, chips[chip], sample.labels["chip_name"])
            elif sample.name in NOT_OURS:
                one.differs(what, ours.get((sample.name, chip, sensor)), sample.value, NOT_OURS[sample.name])
            elif found := LIMIT.fullmatch(sample.name):
                one.compare(what, ours.get((sample.name, chip, sensor, found[1])), sample.value)
            elif sample.name == "node_hwmon_temp_crit_alarm_celsius":
                one.compare(what, ours.get((sample.name, chip, sensor, "crit")), sample.value)
            else:
                one.compare(what, ours.get((sample.name, chip, sensor)), sample.value)
    assert one.equal >= 58
