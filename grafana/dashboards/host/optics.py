"""The host's optical modules and cables."""

from __future__ import annotations

from grafana.dashboards.host.joins import described
from grafana.dashboards.panels import GREEN, ORANGE, RED, Column, Query, Section, graph, listing
from grafana.dashboards.variables import HOST

_PREFIX = "fabricscope_optics"
_LANE = "{{device}} lane {{lane}}"
_WHAT = ("form_factor", "vendor", "part", "serial", "media", "length")


def section() -> Section:
    """What is plugged in, its light, and what it complains of."""
    return Section(
        "Optics",
        [
            [
                listing(
                    "What is plugged in?",
                    "A cable of copper has no light and no temperature.",
                    ("device", *_WHAT),
                    Column(
                        "Module", _of_module("present"), words={0: "none", 1: "answers"}, colours={0: RED, 1: GREEN}
                    ),
                    Column(
                        "State",
                        _of_module("module_state"),
                        words={1: "low power", 2: "powering up", 3: "ready", 4: "powering down", 5: "fault"},
                        colours={1: ORANGE, 3: GREEN, 4: ORANGE, 5: RED},
                    ),
                    Column("Temperature", _of_module("temperature_celsius"), unit="celsius"),
                ),
                listing(
                    "What do modules complain of?",
                    "Loss of signal or lock, faults, and values that passed the module's own thresholds since it was "
                    "read last. Without a lane it is the module's own.",
                    ("device", "lane", "flag"),
                    Column(
                        "Raised",
                        f"max by (device, lane, flag) ({_PREFIX}_flag{{{HOST}}}) == 1",
                        words={1: "yes"},
                        colours={1: RED},
                    ),
                ),
            ],
            [
                graph(
                    "How much light does each lane receive?",
                    "A lane below its neighbours is a dirty or bent fibre; all lanes falling together are the other "
                    "end, or the cable. Dashed: where the module raises its alarm. A dark lane has no line.",
                    Query(_dbm("receive"), _LANE),
                    Query(_alarm("receive"), "{{device}} low alarm"),
                    unit="dBm",
                    mirrored=True,
                    dashed="low alarm",
                ),
                graph(
                    "How much light does each lane send?",
                    "A laser that fades is near its end. Dashed: where the module raises its alarm.",
                    Query(_dbm("transmit"), _LANE),
                    Query(_alarm("transmit"), "{{device}} low alarm"),
                    unit="dBm",
                    mirrored=True,
                    dashed="low alarm",
                ),
                graph(
                    "What does each laser draw?",
                    "Bias current. A laser that ages draws more for the same light. Dashed: the module's alarm.",
                    Query(f"max by (device, lane) ({_PREFIX}_bias_amperes{{{HOST}}})", _LANE),
                    Query(_limit("bias_threshold_amperes", "high_alarm"), "{{device}} high alarm"),
                    unit="amp",
                    dashed="high alarm",
                ),
            ],
            [
                graph(
                    "How hot is each module?",
                    "Dashed: where the module raises its alarm. All modules together are the air; one is its own.",
                    Query(f"max by (device) ({_PREFIX}_temperature_celsius{{{HOST}}})", "{{device}}"),
                    Query(_limit("temperature_threshold_celsius", "high_alarm"), "{{device}} high alarm"),
                    unit="celsius",
                    dashed="high alarm",
                ),
                graph(
                    "Which lanes have bit errors?",
                    "As the modules measure them, before error correction, which begins to fail at 2.4e-4.",
                    Query(
                        f'max by (device, lane) ({_PREFIX}_bit_error_ratio{{{HOST}, side="media", statistic=~'
                        '"current|average"})',
                        _LANE,
                    ),
                    unit="sci",
                    logarithmic=True,
                ),
                graph(
                    "How clean is the signal of each lane?",
                    "Signal-to-noise ratio of what comes in by fibre: the least of the module's readings. It falls "
                    "before errors rise.",
                    Query(f'min by (device, lane) ({_PREFIX}_signal_to_noise_decibels{{{HOST}, side="media"}})', _LANE),
                    unit="dB",
                ),
            ],
        ],
    )


def _of_module(metric: str) -> str:
    """A metric of each module, with what the module is."""
    return described(f"{_PREFIX}_{metric}{{{HOST}}}", ["device"], f"{_PREFIX}_info", _WHAT)


def _limit(metric: str, threshold: str) -> str:
    return f'max by (device) ({_PREFIX}_{metric}{{{HOST}, threshold="{threshold}"}}) > 0'


def _dbm(way: str) -> str:
    """Optical power in dBm: a lane without light has none that a logarithm could show."""
    return f"10 * log10(1000 * (max by (device, lane) ({_PREFIX}_{way}_power_watts{{{HOST}}}) > 0))"


def _alarm(way: str) -> str:
    return f"10 * log10(1000 * ({_limit(f'{way}_power_threshold_watts', 'low_alarm')}))"
