"""Single values in decoded JSON. Whatever is not what the schema says is None, or empty."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from probes.sources import sysfs

MAX_PATH = 512
MAX_MEMBERS = 2048
"""Entries of a list that are looked at."""
ROOT = "/redfish/v1"

_PATH = re.compile(r"/redfish/v1(?:/[A-Za-z0-9._~%:@!$&'()*+,;=-]{1,128}){0,24}/?", re.ASCII)
_DURATION = re.compile(
    r"P(?:([0-9]{1,6})D)?(?:T(?:([0-9]{1,6})H)?(?:([0-9]{1,6})M)?(?:([0-9]{1,9})(?:\.([0-9]{1,18}))?S)?)?", re.ASCII
)
_FOLDED = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

NO_OBJECT: Mapping[str, Any] = {}


def as_object(value: Any) -> Mapping[str, Any]:
    """The value if it is an object, an empty one otherwise."""
    return value if isinstance(value, dict) else NO_OBJECT


def at(document: Any, *keys: str) -> Any:
    """What stands below the keys, one in the other; None where the way ends."""
    for key in keys:
        document = as_object(document).get(key)
    return document


def objects(value: Any) -> Iterator[Mapping[str, Any]]:
    """The objects in a list, at most MAX_MEMBERS; none when it is no list."""
    if isinstance(value, list):
        yield from (entry for entry in value[:MAX_MEMBERS] if isinstance(entry, dict))


def text(value: Any, limit: int = 128) -> str:
    """A label's value: printable and short; empty when it is no text. Numbers are texts of some BMCs."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    if isinstance(value, int) and abs(value) >= 1 << 64:
        return ""
    return sysfs.printable(str(value).strip(), limit)


def number(value: Any) -> float | None:
    """A finite number; some BMCs write numbers as texts."""
    if isinstance(value, str):
        try:
            value = float(value) if len(value) <= 40 and value.isascii() and "_" not in value else None
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        result = float(value)
    except OverflowError:
        return None
    return result if math.isfinite(result) else None


def reading(value: Any) -> float | None:
    """A number that stands alone or as `Reading` of an excerpt of a sensor."""
    return number(value.get("Reading") if isinstance(value, dict) else value)


def counter(value: Any) -> int | None:
    """A count of 0 to 64 bits; BMCs write large ones as texts or with a fraction of .0."""
    if isinstance(value, str):
        value = sysfs.parse_int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value < 1 << 64 else None


def nanoseconds(value: Any) -> int | None:
    """A duration as Redfish writes it (ISO 8601 in days and less): `PT23H59M34.146524704S`."""
    found = _DURATION.fullmatch(value) if isinstance(value, str) and len(value) <= 64 else None
    if found is None or value in ("P", "PT") or value.endswith("T"):
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.group(1, 2, 3, 4))
    fraction = int((found[5] or "")[:9].ljust(9, "0"))
    return (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1_000_000_000 + fraction


def flag(value: Any) -> bool | None:
    """True or false; None for anything else."""
    return value if isinstance(value, bool) else None


def words(name: str) -> str:
    """`NAKReceivedCount` as `nak_received_count`."""
    return _FOLDED.sub("_", name).lower()


def path(value: Any) -> str | None:
    """Where a link (`@odata.id`) leads, if that is below /redfish/v1 on the same host; None otherwise.

    A fragment is cut off: it names a part of the same resource.
    """
    link = value.get("@odata.id") if isinstance(value, dict) else value
    if not isinstance(link, str) or len(link) > MAX_PATH:
        return None
    link = link.partition("#")[0]
    if not _PATH.fullmatch(link):
        return None
    for part in link.split("/"):
        plain = unquote(part)
        if plain in (".", "..") or "/" in plain or "\\" in plain or "%" in plain or not plain.isprintable():
            return None
    return link.rstrip("/")


def resource(link: str) -> str:
    """A resource's label: its path without what all have."""
    return link.removeprefix(f"{ROOT}/")
