"""A reliability diagram as SVG: how often something is right, over how sure it was said to be."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

FROM = 0.5
"""Both axes go from here to 1."""
_SIZE = 400
_LEFT, _TOP, _RIGHT, _BOTTOM = 64, 24, 24, 52
_TICKS = 5
_TEXT = 'font-family="sans-serif" font-size="12" fill="#333"'


class Point(NamedTuple):
    """A bin."""

    stated: float
    right: float
    interval: tuple[float, float]
    cases: int


def plot(points: Iterable[Point]) -> str:
    """The whole file."""
    width, height = _LEFT + _SIZE + _RIGHT, _TOP + _SIZE + _BOTTOM
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
        "<title>Right labels by stated confidence</title>",
        f'<rect width="{width}" height="{height}" fill="white"/>',
        *_axes(),
        f'<line x1="{_x(FROM)}" y1="{_y(FROM)}" x2="{_x(1)}" y2="{_y(1)}" stroke="#888" stroke-dasharray="5 4"/>',
        f'<text x="{_x(0.59)}" y="{_y(0.565)}" {_TEXT} transform="rotate(-45 {_x(0.59)} {_y(0.565)})">as stated</text>',
    ]
    for point in points:
        lines += _point(point)
    return "\n".join([*lines, "</svg>"]) + "\n"


def _x(value: float) -> float:
    return round(_LEFT + _SIZE * (max(value, FROM) - FROM) / (1 - FROM), 1)


def _y(value: float) -> float:
    return round(_TOP + _SIZE * (1 - max(value, FROM)) / (1 - FROM), 1)


def _axes() -> Iterator[str]:
    for tick in range(_TICKS + 1):
        value = FROM + (1 - FROM) * tick / _TICKS
        yield f'<line x1="{_x(FROM)}" y1="{_y(value)}" x2="{_x(1)}" y2="{_y(value)}" stroke="#ddd"/>'
        yield f'<line x1="{_x(value)}" y1="{_y(FROM)}" x2="{_x(value)}" y2="{_y(1)}" stroke="#ddd"/>'
        yield f'<text x="{_x(FROM) - 8}" y="{_y(value) + 4}" {_TEXT} text-anchor="end">{value:.1f}</text>'
        yield f'<text x="{_x(value)}" y="{_y(FROM) + 18}" {_TEXT} text-anchor="middle">{value:.1f}</text>'
    middle = (1 + FROM) / 2
    yield f'<text x="{_x(middle)}" y="{_y(FROM) + 40}" {_TEXT} text-anchor="middle">stated confidence</text>'
    x, y = _LEFT - 44, _y(middle)
    yield f'<text x="{x}" y="{y}" {_TEXT} text-anchor="middle" transform="rotate(-90 {x} {y})">right</text>'


def _point(point: Point) -> Iterator[str]:
    """Its interval as a bar; its area goes with the cases."""
    x, low, high = _x(point.stated), *map(_y, point.interval)
    yield f'<line x1="{x}" y1="{low}" x2="{x}" y2="{high}" stroke="#1f5fa8" stroke-width="1.5"/>'
    for end in (low, high):
        yield f'<line x1="{x - 3}" y1="{end}" x2="{x + 3}" y2="{end}" stroke="#1f5fa8" stroke-width="1.5"/>'
    radius = round(2.5 + math.sqrt(point.cases) / 2, 1)
    yield f'<circle cx="{x}" cy="{_y(point.right)}" r="{radius}" fill="#1f5fa8" fill-opacity="0.65">'
    yield f"<title>{point.cases} cases, {point.stated:.3f} stated, {point.right:.3f} right</title></circle>"
