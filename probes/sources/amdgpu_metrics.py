"""The table `gpu_metrics` that amdgpu shows of a GPU: PCIe and XGMI links and what they carried.

Kernel source: drivers/gpu/drm/amd/include/kgd_pp_interface.h. The file is a C structure of the kernel's own layout. A
header gives its size, format and content revision; layouts of one revision have differed, so the size has to fit, too.
From revision 1.9 on the table describes itself. What the driver does not know has all its bits set.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import NamedTuple

MAX_BYTES = 65536
MAX_LINKS = 16
MAX_ATTRIBUTES = 256

_HEADER = struct.Struct("<HBB")
_TYPES = {"B": 1, "H": 2, "I": 4, "Q": 8}

Values = Mapping[str, tuple[int, ...]]


class MetricsError(ValueError):
    """Octets that are no table, or one of a layout that is not known."""


class Metrics(NamedTuple):
    """What is read of a table. None, and no entry, for what the driver does not know."""

    version: str
    """Format and content revision, such as `1.4`."""
    pcie_width: int | None
    """Lanes."""
    pcie_speed: float | None
    """Transfers per second of a lane."""
    xgmi_width: int | None
    """Lanes of each link."""
    xgmi_speed: float | None
    """Transfers per second of a lane."""
    counters: Mapping[str, int]
    """By the table's name for them, such as `pcie_replay_count_acc`."""
    xgmi_read: Mapping[int, int]
    """KiB received, by link."""
    xgmi_write: Mapping[int, int]
    """KiB sent, by link."""
    xgmi_up: Mapping[int, bool]
    """Whether a link is active; a link that is switched off is not in it."""


COUNTERS = (
    "pcie_l0_to_recov_count_acc",
    "pcie_replay_count_acc",
    "pcie_replay_rover_count_acc",
    "pcie_nak_sent_count_acc",
    "pcie_nak_rcvd_count_acc",
    "pcie_lc_perf_other_end_recovery",
)

# Layouts, as type and number of each field in order; those that are read have their names.
_TEMPERATURES = "6H 3H H"  # and activity, socket power
_CLOCKS = "7H 7H"
_V1_1 = (
    f"{_TEMPERATURES} Q Q {_CLOCKS} I H H:pcie_link_width H:pcie_link_speed H 2I 4H",
    f"{_TEMPERATURES} Q Q {_CLOCKS} I H H:pcie_link_width H:pcie_link_speed H 2I 4H Q",
    f"{_TEMPERATURES} Q Q {_CLOCKS} I H H:pcie_link_width H:pcie_link_speed H 2I 4H Q 3H H Q",
)
_LINKS = "H:pcie_link_width H:pcie_link_speed H:xgmi_link_width H:xgmi_link_speed 2I Q Q"
_ERRORS = "Q:pcie_l0_to_recov_count_acc Q:pcie_replay_count_acc Q:pcie_replay_rover_count_acc"
_NAKS = "I:pcie_nak_sent_count_acc I:pcie_nak_rcvd_count_acc"
_DATA = "8Q:xgmi_read_data_acc 8Q:xgmi_write_data_acc"
_NOW = "8H 4H 4H 4H H H"  # current clocks, and padding or the number of partitions
_OTHER_END = "I:pcie_lc_perf_other_end_recovery"
_RESIDENCIES = "6I"

_LAYOUTS: dict[tuple[int, int], tuple[str, ...]] = {
    (1, 1): (_V1_1[0],),
    (1, 2): (_V1_1[1],),
    (1, 3): (_V1_1[2],),
    (1, 4): (f"3H H 2H 4H Q Q I I {_LINKS} {_ERRORS} {_DATA} Q {_NOW}",),
    (1, 5): (f"3H H 2H 4H 32H Q Q I I {_LINKS} {_ERRORS} {_NAKS} {_DATA} Q {_NOW}",),
    (1, 6): (
        # Without and with the metrics of each of 8 partitions: 8I, 32H, 4H, 8Q.
        f"3H H 2H 4H 32H Q Q {_RESIDENCIES} I I {_LINKS} {_ERRORS} {_NAKS} {_DATA} Q {_NOW}",
        f"3H H 2H Q Q {_RESIDENCIES} I {_LINKS} {_ERRORS} {_NAKS} {_DATA} Q {_NOW} {'8I 32H 4H 8Q ' * 8}{_OTHER_END}",
    ),
    (1, 7): (
        f"3H H 2H Q Q Q {_RESIDENCIES} I {_LINKS} {_ERRORS} {_NAKS} {_DATA} 8H:xgmi_link_status H Q {_NOW} "
        f"{'8I 32H 4H 8Q 8Q ' * 8}{_OTHER_END}",
    ),
    (1, 8): (
        f"3H H 2H Q Q Q {_RESIDENCIES} I {_LINKS} {_ERRORS} {_NAKS} {_DATA} 8H:xgmi_link_status H Q {_NOW} "
        f"{'8I 40H 4H 8Q 8Q 8Q 8Q 8Q ' * 8}{_OTHER_END}",
    ),
}
"""Layouts by format and content revision."""

_ATTRIBUTES = {
    16: "pcie_link_width",
    17: "pcie_link_speed",
    18: "xgmi_link_width",
    19: "xgmi_link_speed",
    24: "pcie_l0_to_recov_count_acc",
    25: "pcie_replay_count_acc",
    26: "pcie_replay_rover_count_acc",
    27: "pcie_nak_sent_count_acc",
    28: "pcie_nak_rcvd_count_acc",
    29: "xgmi_read_data_acc",
    30: "xgmi_write_data_acc",
    31: "xgmi_link_status",
    39: "pcie_lc_perf_other_end_recovery",
}
"""enum amdgpu_metrics_attr_id."""
_ATTRIBUTE_TYPES = "BbHhIiQq"
"""enum amdgpu_metrics_attr_type, as struct has them."""
_SPEED_GT, _SPEED_TENTH_GT = 5, 6
"""enum amdgpu_metrics_attr_unit, of a speed."""


class _Layout(NamedTuple):
    size: int
    fields: tuple[tuple[str, int, struct.Struct, int], ...]
    """Name, offset, how to read it, and the value that means "not known"."""


def parse(content: bytes) -> Metrics:
    """What a table says. Raises MetricsError."""
    if len(content) < _HEADER.size or len(content) > MAX_BYTES:
        raise MetricsError(f"gpu_metrics has {len(content)} octets")
    size, major, minor = _HEADER.unpack_from(content)
    version = f"{major}.{minor}"
    if size > len(content):
        raise MetricsError(f"gpu_metrics {version} is cut short: {len(content)} of {size} octets")
    if (major, minor) == (1, 9):
        values = dict(_described(content[:size]))
    elif (layout := _KNOWN.get((major, minor, size))) is not None:
        found = {name: _field(content, offset, reader, blank) for name, offset, reader, blank in layout.fields}
        values = {name: field for name, field in found.items() if field}
    else:
        raise MetricsError(f"gpu_metrics {version} of {size} octets is of an unknown layout")
    return _metrics(version, values)


def _field(content: bytes, offset: int, reader: struct.Struct, blank: int) -> tuple[int, ...]:
    """The values of a field, -1 for each that is not known; none when none is."""
    values = tuple(-1 if value == blank else value for value in reader.unpack_from(content, offset))
    return values if any(value >= 0 for value in values) else ()


def _described(content: bytes) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The fields of a table that describes itself: packed, each a descriptor of 8 octets and its values."""
    if len(content) < 8:
        raise MetricsError(f"gpu_metrics 1.9 of {len(content)} octets has no room for a count")
    (count,) = struct.unpack_from("<i", content, 4)
    if not 0 <= count <= MAX_ATTRIBUTES:
        raise MetricsError(f"gpu_metrics 1.9 has {count} attributes")
    offset = 8
    for _ in range(count):
        if offset + 8 > len(content):
            raise MetricsError("gpu_metrics 1.9 ends within an attribute")
        (encoding,) = struct.unpack_from("<Q", content, offset)
        unit, kind = encoding >> 24 & 0xFF, encoding >> 20 & 0xF
        identifier, instances = encoding >> 10 & 0x3FF, encoding & 0x3FF
        if kind >= len(_ATTRIBUTE_TYPES):
            raise MetricsError(f"gpu_metrics 1.9 has an attribute of type {kind}")
        reader = struct.Struct(f"<{instances}{_ATTRIBUTE_TYPES[kind]}")
        if offset + 8 + reader.size > len(content):
            raise MetricsError("gpu_metrics 1.9 ends within an attribute")
        name = _ATTRIBUTES.get(identifier)
        if name is not None and _ATTRIBUTE_TYPES[kind].isupper():
            blank = (1 << 8 * struct.calcsize(_ATTRIBUTE_TYPES[kind])) - 1
            values = _field(content, offset + 8, reader, blank)
            if name == "pcie_link_speed" and unit == _SPEED_GT:
                values = tuple(value * 10 if value >= 0 else value for value in values)
            if values:
                yield name, values
        offset += 8 + reader.size


def _metrics(version: str, values: Values) -> Metrics:
    def one(name: str) -> int | None:
        found = values.get(name, ())
        return found[0] if len(found) == 1 and found[0] > 0 else None

    def links(name: str) -> dict[int, int]:
        found = values.get(name, ())
        # A single value is the sum over all links.
        return {link: value for link, value in enumerate(found[:MAX_LINKS]) if value >= 0} if len(found) > 1 else {}

    pcie_speed, xgmi_speed = one("pcie_link_speed"), one("xgmi_link_speed")
    return Metrics(
        version=version,
        pcie_width=one("pcie_link_width"),
        pcie_speed=None if pcie_speed is None else pcie_speed * 1e8,
        xgmi_width=one("xgmi_link_width"),
        xgmi_speed=None if xgmi_speed is None else xgmi_speed * 1e9,
        counters={name: values[name][0] for name in COUNTERS if len(values.get(name, ())) == 1},
        xgmi_read=links("xgmi_read_data_acc"),
        xgmi_write=links("xgmi_write_data_acc"),
        xgmi_up={link: value == 1 for link, value in links("xgmi_link_status").items()},
    )


def _layout(text: str) -> _Layout:
    """Offsets as a C compiler makes them: each field at a multiple of its size, and so the whole."""
    offset, widest, fields = _HEADER.size, 2, []
    for word in text.split():
        kind, _, name = word.partition(":")
        letter, number = kind[-1], int(kind[:-1] or 1)
        size = _TYPES[letter]
        offset += -offset % size
        if name:
            fields.append((name, offset, struct.Struct(f"<{number}{letter}"), (1 << 8 * size) - 1))
        offset += size * number
        widest = max(widest, size)
    return _Layout(offset + -offset % widest, tuple(fields))


_KNOWN = {(*revision, layout.size): layout for revision, texts in _LAYOUTS.items() for layout in map(_layout, texts)}
