"""Times in the API: RFC 3339 in UTC with nanoseconds, or seconds since 1970 on the way in."""

from __future__ import annotations

import re
from datetime import UTC, datetime

PATTERN = (
    r"^([0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
    r"|[0-9]{1,10}(\.[0-9]{1,9})?)$"
)

_SECOND = 1_000_000_000
_PARTS = re.compile(r"(?P<whole>[^.Z+]*?)(?:\.(?P<fraction>[0-9]{1,9}))?(?P<zone>Z|[+-][0-9]{2}:[0-9]{2})?")


def format_time(unix_ns: int) -> str:
    """Such as 2026-11-22T23:05:38.429627000Z. The column holds at most the year 2262."""
    seconds, nanoseconds = divmod(unix_ns, _SECOND)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}Z"


def parse_time(text: str) -> int:
    """Nanoseconds since 1970. Raises ValueError for what is no time, or one before 1970 or after 2262."""
    if not re.fullmatch(PATTERN, text):
        raise ValueError("neither RFC 3339 nor seconds since 1970")
    match = _PARTS.fullmatch(text.upper())
    assert match is not None  # noqa: S101  it matched the narrower pattern
    whole, fraction, zone = match["whole"], match["fraction"] or "", match["zone"]
    seconds = int(whole) if zone is None else int(datetime.fromisoformat(whole + zone).timestamp())
    unix_ns = seconds * _SECOND + int(fraction.ljust(9, "0"))
    if not 0 <= unix_ns < 1 << 63:
        raise ValueError("before 1970 or after 2262")
    return unix_ns
