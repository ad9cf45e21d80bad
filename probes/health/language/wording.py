"""Numbers, times and things in words, for people. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from math import log10

from probes.health.language.vocabulary import SECOND, Condition, Limit, Source

_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_LAST_TIME = 253402300799 * SECOND
"""The end of the year 9999."""


def number(value: float) -> str:
    """A number with as many digits as help."""
    if abs(value) < 1e6 and value == int(value):
        return f"{int(value)}"
    return f"{value:.3g}" if abs(value) < 1e-2 or abs(value) >= 1e6 else f"{value:.4g}"


def quantity(value: float, unit: str) -> str:
    """A number with its unit, as people of this trade say it."""
    if unit == "watts" and 0 < value < 1:
        # Optical power; a power supply's is above.
        return f"{value * 1e3:.4g} mW ({10 * log10(value * 1e3):.2f} dBm)"
    if unit == "bytes_per_second":
        return f"{_prefixed(value * 8)}bit/s ({_prefixed(value)}B/s)"
    if unit == "transfers_per_second":
        return f"{_prefixed(value)}T/s"
    if unit == "bytes":
        return f"{_prefixed(value)}B"
    if unit == "seconds":
        return span(value)
    short = {"celsius": "°C", "amperes": "A", "volts": "V", "watts": "W", "ratio": "", "lanes": "lanes"}
    word = short.get(unit, unit.replace("_per_second", "/s").replace("_", " "))
    return f"{number(value)} {word}".rstrip()


def span(seconds: float) -> str:
    """A length of time."""
    for size, word in ((86400, "d"), (3600, "h"), (60, "min")):
        if abs(seconds) >= 2 * size:
            return f"{seconds / size:.3g} {word}"
    return f"{number(seconds)} s" if seconds >= 0.1 or seconds == 0 else f"{seconds * 1e3:.3g} ms"


def moment(unix_ns: int) -> str:
    """A time as RFC 3339 has it, in UTC, to the second."""
    seconds = min(max(unix_ns, 0), _LAST_TIME) // SECOND
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def thing(subject: Mapping[str, str]) -> str:
    """What a verdict is about."""
    return " ".join(f"{name} {value}" for name, value in subject.items() if value)


def filled(text: str, subject: Mapping[str, str]) -> str:
    """A text with `{label}` replaced by the thing's value, quoted for a shell: names come from devices."""
    for name, value in subject.items():
        text = text.replace(f"{{{name}}}", shlex.quote(value[:200]))
    return text


def source(asked: Source) -> str:
    """A metric as a rule reads it."""
    labels = ",".join(
        f'{name}="{values[0]}"' if len(values) == 1 else f'{name}=~"{"|".join(values)}"'
        for name, values in asked.labels.items()
    )
    shown = f"{asked.metric}{{{labels}}}" if labels else asked.metric
    if asked.times != 1:
        shown = f"{number(asked.times)} x {shown}"
    return shown if asked.over == "latest" else f"{asked.over} of {shown} over {asked.window}"


def sources(asked: Sequence[Source]) -> str:
    """Several metrics, added up."""
    return " + ".join(source(each) for each in asked)


def limit(asked: Limit) -> str:
    """A limit as a rule has it."""
    if asked.value is not None:
        return number(asked.value * asked.times)
    shown = " x ".join(source(factor) for factor in asked.product)
    return shown if asked.times == 1 else f"{number(asked.times)} x {shown}"


def condition(asked: Condition) -> str:
    """A condition as a rule has it."""
    if asked.metric is None:
        return " or ".join(condition(each) for each in asked.any)
    shown = source(asked.source())
    above = "" if asked.above is None else f" above {number(asked.above)}"
    below = "" if asked.below is None else f" below {number(asked.below)}"
    return f"{shown}{above}{below}" if above or below else f"there is {shown}"


def _prefixed(value: float) -> str:
    for size, prefix in _PREFIXES:
        if abs(value) >= size:
            return f"{value / size:.4g} {prefix}"
    return f"{value:.4g} "
