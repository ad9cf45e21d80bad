"""The host's temperatures, fans and power, what its BMC says, and what its kernel logs."""

from __future__ import annotations

from grafana.dashboards.panels import GREEN, ORANGE, RED, Column, Query, Section, graph, listing
from grafana.dashboards.variables import HOST

_SENSOR = "device, chip, sensor, label"
_NAMED = "{{device}} {{chip}} {{sensor}} {{label}}"


def section() -> Section:
    """What makes links err for reasons that are not links."""
    return Section(
        "Chassis and kernel",
        [
            [
                graph(
                    "What is hot?",
                    "The ten hottest sensors of the host: adapters, drives, processors.",
                    Query(f"topk(10, max by ({_SENSOR}) (fabricscope_chassis_temperature_celsius{{{HOST}}}))", _NAMED),
                    unit="celsius",
                ),
                listing(
                    "Which sensors raise an alarm?",
                    "By the limits that the chip itself holds; `fault` is a broken sensor or fan.",
                    ("device", "chip", "sensor", "label", "kind"),
                    Column(
                        "Raised",
                        f"max by ({_SENSOR}, kind) (fabricscope_chassis_alarm{{{HOST}}}) == 1",
                        words={1: "yes"},
                        colours={1: RED},
                    ),
                ),
                graph(
                    "How fast do fans turn?",
                    "The ten slowest. One that stands still heats what is behind it.",
                    Query(
                        f"bottomk(10, max by ({_SENSOR}) (fabricscope_chassis_fan_revolutions_per_minute{{{HOST}}}))",
                        _NAMED,
                    ),
                    unit="rotrpm",
                ),
            ],
            [
                listing(
                    "Which parts are not well, by the BMC?",
                    "Its own judgement; /redfish/v1/ with the resource behind it has the details.",
                    ("kind", "name", "resource"),
                    Column(
                        "Health",
                        f"max by (kind, name, resource) (fabricscope_redfish_health{{{HOST}}}) > 0",
                        words={1: "warning", 2: "critical"},
                        colours={1: ORANGE, 2: RED},
                    ),
                ),
                listing(
                    "Is any leak detector wet?",
                    "If one is, power the node down and close its valves.",
                    ("name", "resource"),
                    Column(
                        "Leak",
                        f"max by (name, resource) (fabricscope_redfish_leak{{{HOST}}})",
                        words={0: "dry", 1: "wet"},
                        colours={0: GREEN, 1: RED},
                    ),
                ),
            ],
            [
                graph(
                    "What is hot, by the BMC?",
                    "The ten hottest of its sensors.",
                    Query(
                        f"topk(10, max by (name, context) (fabricscope_redfish_temperature_celsius{{{HOST}}}))",
                        "{{name}} {{context}}",
                    ),
                    unit="celsius",
                ),
                graph(
                    "How much power is drawn, by the BMC?",
                    "By sensor: a supply that gives nothing while its neighbours give more has failed.",
                    Query(
                        f"topk(20, max by (name, context) (fabricscope_redfish_power_watts{{{HOST}}}))",
                        "{{name}} {{context}}",
                    ),
                    unit="watt",
                ),
            ],
            [
                graph(
                    "What does the kernel complain of?",
                    "Lines of its log that matter to the fabric, a minute, by kind; each is an event as well.",
                    Query(
                        "60 * max by (kind, severity) "
                        f"(rate(fabricscope_kernel_events_total{{{HOST}}}[$__rate_interval])) > 0",
                        "{{kind}} {{severity}}",
                    ),
                ),
                graph(
                    "Is anything of the kernel's log missed?",
                    "Records a minute that were overwritten unread or could not be understood, and lines that became "
                    "no event because there were too many alike.",
                    Query(_a_minute("records_lost"), "overwritten"),
                    Query(_a_minute("records_malformed"), "not understood"),
                    Query(_a_minute("events_suppressed"), "too many alike"),
                ),
            ],
        ],
    )


def _a_minute(counter: str) -> str:
    return f"60 * max(rate(fabricscope_kernel_{counter}_total{{{HOST}}}[$__rate_interval]))"
