"""What happens within a second: bursts, pauses and peaks, sampled every 10 ms."""

from __future__ import annotations

from grafana.dashboards.bands import heat
from grafana.dashboards.panels import Query, Section, graph
from grafana.dashboards.variables import HOST

_PREFIX = "fabricscope_bursts"
_WAY = "{{device}} {{port}} {{direction}}"
_COUNTER = "{{device}} {{port}} {{counter}}"


def section() -> Section:
    """Peaks against line rate, bursts, and what the reading costs."""
    peak = f"max by (device, port, direction) ({_PREFIX}_peak_60s_bytes_per_second{{{HOST}}})"
    worst = f"max by (device, port, counter) ({_PREFIX}_peak_60s_events_per_second{{{HOST}}})"
    full = f"rate({_PREFIX}_above_90_percent_seconds_total{{{HOST}}}[$__rate_interval])"
    return Section(
        "Within a second",
        [
            [
                graph(
                    "How high are the peaks?",
                    "The highest rate over 10 ms in the last minute, which an average over seconds hides.",
                    Query(f"8 * {peak}", _WAY),
                    unit="bps",
                ),
                graph(
                    "How close to line rate do they come?",
                    "Share of the port's speed. At 1 the port is full, if only for milliseconds.",
                    Query(
                        f"{peak} / on (device, port) group_left () "
                        f"max by (device, port) ({_PREFIX}_line_rate_bytes_per_second{{{HOST}}})",
                        _WAY,
                    ),
                    unit="percentunit",
                ),
            ],
            [
                heat(
                    "When was each port full?",
                    "Share of the time above 90 % of its speed; red is all of it.",
                    Query(f"max by (device, port, direction) ({full})", _WAY),
                    unit="percentunit",
                    highest=1,
                ),
                heat(
                    "When did each port have bursts?",
                    "Bursts a second, by what burst: bytes near line rate, pauses, discards, marks, waiting. Only what "
                    "burst has a row.",
                    Query(
                        "topk(40, max by (device, port, counter) "
                        f"(rate({_PREFIX}_begun_total{{{HOST}}}[$__rate_interval])) > 0)",
                        _COUNTER,
                    ),
                    unit="cps",
                ),
            ],
            [
                graph(
                    "How long is a port paused at a stretch?",
                    "The largest share of 10 ms in the last minute for which sending was paused: 1 is a standstill, "
                    "though the average over seconds be near 0.",
                    Query(
                        f"topk(20, max by (device, port, counter) ({_PREFIX}_peak_60s_paused_ratio{{{HOST}}}))",
                        _COUNTER,
                    ),
                    unit="percentunit",
                    highest=1,
                ),
                graph(
                    "How fast are packets dropped or marked at worst?",
                    "The highest rate over 10 ms in the last minute, by counter. Only what moved is drawn.",
                    Query(f"topk(20, {worst} > 0)", _COUNTER),
                    unit="cps",
                ),
            ],
            [
                graph(
                    "How long is it between two readings?",
                    "By source. More than 10 ms means that reading it is slow, and that shorter bursts look longer.",
                    Query(f"max by (device, source) ({_PREFIX}_period_seconds{{{HOST}}})", "{{device}} {{source}}"),
                    unit="s",
                ),
                graph(
                    "How late are readings?",
                    "99 of 100 come within this: a busy host delays the probe.",
                    Query(f"max by (reader) ({_PREFIX}_lateness_p99_seconds{{{HOST}}})", "{{reader}}"),
                    unit="s",
                ),
                graph(
                    "Which readings are missed?",
                    "Readings a second that were skipped or gave nothing, and whole seconds of which nothing is known.",
                    Query(
                        f"max by (reader) (rate({_PREFIX}_missed_ticks_total{{{HOST}}}[$__rate_interval]))",
                        "{{reader}} missed",
                    ),
                    Query(
                        f"max by (reader) (rate({_PREFIX}_lost_windows_total{{{HOST}}}[$__rate_interval]))",
                        "{{reader}} seconds lost",
                    ),
                    Query(
                        f"max by (device, source) (rate({_PREFIX}_read_errors_total{{{HOST}}}[$__rate_interval]) > 0)",
                        "{{device}} {{source}} unreadable",
                    ),
                    unit="cps",
                ),
            ],
        ],
    )
