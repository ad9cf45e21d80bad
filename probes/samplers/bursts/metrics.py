"""The metrics of the `bursts` sampler."""

from __future__ import annotations

from fabricscope.model import Kind, MetricSpec
from probes.samplers.bursts.counters import Unit

_NETDEV = "/proc/net/dev or /sys/class/net/<device>/statistics"
_PORT = "/sys/class/infiniband/<device>/ports/<port>/counters"
_TRAFFIC = f"{_NETDEV}; {_PORT}"
_EVENTS = f"{_TRAFFIC} and hw_counters; ethtool -S <device>"
_DIRECTION = ("device", "port", "direction")
_COUNTER = ("device", "port", "counter")


def _spec(name: str, text: str, *labels: str, unit: str = "", source: str = "", per_unit: int = 1) -> MetricSpec:
    kind = Kind.COUNTER if name.endswith("_total") else Kind.GAUGE
    name = f"fabricscope_bursts_{name}"
    return MetricSpec(name, kind, text, labels, unit=unit, source=source, per_unit=per_unit)


_LAST = "in the last whole second, by steps of 10 ms (fabricscope_bursts_period_seconds)"
_MINUTE = "in the last 60 seconds, so that a scrape each minute misses none"
_P99 = "Rate that 99 of 100 steps of the last whole second did not exceed"

PEAK = {
    Unit.BYTES: _spec(
        "peak_bytes_per_second", f"Highest rate {_LAST}.", *_DIRECTION, unit="bytes_per_second", source=_TRAFFIC
    ),
    Unit.PACKETS: _spec("peak_packets_per_second", f"Highest rate of packets {_LAST}.", *_DIRECTION, source=_TRAFFIC),
    Unit.EVENTS: _spec("peak_events_per_second", f"Highest rate of a counter {_LAST}.", *_COUNTER, source=_EVENTS),
    Unit.PAUSED: _spec(
        "peak_paused_ratio",
        "Largest share of a step for which sending was paused, in the last whole second.",
        *_COUNTER,
        unit="ratio",
        source="ethtool -S <device>",
    ),
}
"""Of one second, by what is counted."""
PEAK_60S = {
    Unit.BYTES: _spec("peak_60s_bytes_per_second", f"Highest rate {_MINUTE}.", *_DIRECTION, unit="bytes_per_second"),
    Unit.PACKETS: _spec("peak_60s_packets_per_second", f"Highest rate of packets {_MINUTE}.", *_DIRECTION),
    Unit.EVENTS: _spec("peak_60s_events_per_second", f"Highest rate of a counter {_MINUTE}.", *_COUNTER),
    Unit.PAUSED: _spec(
        "peak_60s_paused_ratio",
        f"Largest share of a step for which sending was paused, {_MINUTE}.",
        *_COUNTER,
        unit="ratio",
    ),
}
"""The same of the last minute."""
P99 = {
    Unit.BYTES: _spec("p99_bytes_per_second", f"{_P99}.", *_DIRECTION, unit="bytes_per_second", source=_TRAFFIC),
    Unit.PACKETS: _spec("p99_packets_per_second", f"{_P99}, in packets.", *_DIRECTION, source=_TRAFFIC),
}
"""Of one second, for traffic."""

ABOVE = _spec(
    "above_90_percent_seconds_total",
    "Time in which bytes went at 90 % of the line rate or more.",
    *_DIRECTION,
    unit="seconds",
    source=_TRAFFIC,
    per_unit=1_000_000_000,
)
ACTIVE = _spec(
    "active_seconds_total",
    "Time in which a counter of drops, pauses, marks or waiting moved: the sum of the steps in which it did.",
    *_COUNTER,
    unit="seconds",
    source=_EVENTS,
    per_unit=1_000_000_000,
)
BEGUN = _spec(
    "begun_total",
    "Bursts that began. One of bytes begins at 90 % of the line rate and ends below 50 %; one of another counter lasts "
    "as long as it moves in every step.",
    *_COUNTER,
    source=_EVENTS,
)
LINE_RATE = _spec(
    "line_rate_bytes_per_second",
    "Line rate that bursts are measured by; absent where it is not known, and none are counted.",
    "device",
    "port",
    unit="bytes_per_second",
    source="/sys/class/net/<device>/speed; /sys/class/infiniband/<device>/ports/<port>/rate",
)

COUNTERS = _spec("counters", "Counters that are read.")
LEFT_OUT = _spec("counters_left_out", "Counters beyond max_counters, which are not read.")
PERIOD = _spec(
    "period_seconds",
    "Time between two readings of the counters of one source; it grows while reading them is slow.",
    "device",
    "source",
    unit="seconds",
)
READ_SECONDS = _spec(
    "read_seconds_total",
    "Time spent reading the counters of one source. Interfaces that share one read have it under the device `*`.",
    "device",
    "source",
    unit="seconds",
    per_unit=1_000_000_000,
)
READ_ERRORS = _spec("read_errors_total", "Readings of a counter that gave no value.", "device", "source")
TICKS = _spec("ticks_total", "Ticks that were carried out.", "reader")
MISSED = _spec("missed_ticks_total", "Ticks that were late by a period or more, and are not made up.", "reader")
LATE_MAX = _spec("lateness_max_seconds", "How late the latest tick of the last second began.", "reader", unit="seconds")
LATE_P99 = _spec(
    "lateness_p99_seconds", "How late 99 of 100 ticks of the last second began at most.", "reader", unit="seconds"
)
LOST = _spec(
    "lost_windows_total", "Seconds of which nothing is known, because the probe did not come for them.", "reader"
)
RING_BYTES = _spec("ring_bytes", "Memory that the recorded steps take.", unit="bytes")
RING_SECONDS = _spec("ring_seconds", "Time back to which the recorded steps reach.", unit="seconds")
STALLED = _spec("stalled_sources", "Sources whose counters are not read because a reading of them hangs.")

METRICS = (
    *PEAK.values(),
    *PEAK_60S.values(),
    *P99.values(),
    *(ABOVE, ACTIVE, BEGUN, LINE_RATE, COUNTERS, LEFT_OUT, PERIOD, READ_SECONDS, READ_ERRORS, TICKS, MISSED),
    *(LATE_MAX, LATE_P99, LOST, RING_BYTES, RING_SECONDS, STALLED),
)
