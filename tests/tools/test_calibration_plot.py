from __future__ import annotations

import xml.etree.ElementTree as ET

from tools.calibration_plot import Point, plot

_SVG = "{http://www.w3.org/2000/svg}"


def test_each_bin_stands_where_it_belongs() -> None:
    root = ET.fromstring(plot([Point(0.75, 0.5, (0.2, 0.8), 4), Point(1.0, 1.0, (0.9, 1.0), 100)]))
    first, last = root.iter(f"{_SVG}circle")
    assert (first.get("cx"), first.get("cy")) == ("264.0", "424.0")
    assert (last.get("cx"), last.get("cy")) == ("464.0", "24.0")
    assert float(last.get("r", "0")) > float(first.get("r", "0"))
    title = first.find(f"{_SVG}title")
    assert title is not None
    assert title.text == "4 cases, 0.750 stated, 0.500 right"


def test_what_is_below_the_axes_ends_at_them() -> None:
    root = ET.fromstring(plot([Point(0.75, 0.6, (0.1, 0.9), 4)]))
    bars = [line for line in root.iter(f"{_SVG}line") if line.get("stroke-width") == "1.5"]
    assert {bars[0].get("y1"), bars[0].get("y2")} == {"424.0", "104.0"}
