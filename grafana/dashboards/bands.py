"""Panels with a row for each thing and time from left to right: what state it was in, how bad it was."""

from __future__ import annotations

from collections.abc import Mapping

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.builders import statetimeline, statushistory
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models.dashboard import FieldColorModeId

from grafana.dashboards.panels import GREEN, LETTERS, RED, ROW, Query, target, thresholds, word_mapping
from grafana.dashboards.variables import DATASOURCE

ROWS = 40
"""Rows that are shown at a time; those of a full GPU node are on several pages."""
CELLS = 120
"""Moments that a heat map asks for: for more cells no screen has room."""
UP_DOWN: Mapping[float, str] = {0: RED, 1: GREEN}


def timeline(
    title: str, description: str, *queries: Query, words: Mapping[int, str], colours: Mapping[float, str] = UP_DOWN
) -> statetimeline.Panel:
    """Bands of state over time; every state has its word and its colour."""
    lowest = min(colours)
    panel = (
        statetimeline.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .mappings([word_mapping(words)])
        .color_scheme(builders.FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .thresholds(
            thresholds({value: colour for value, colour in colours.items() if value != lowest}, below=colours[lowest])
        )
        .show_value(common.VisibilityMode.NEVER)
        .merge_values(merge_values=True)
        .row_height(0.9)
        .per_page(ROWS)
        .height(2 * ROW)
    )
    for letter, query in zip(LETTERS, queries, strict=False):
        panel = panel.with_target(target(query, letter).range())
    return panel


def heat(
    title: str, description: str, *queries: Query, unit: str = "short", highest: float | None = None
) -> statushistory.Panel:
    """A heat map: a row for each series, a cell for each moment, from pale at 0 to red.

    Red is the highest value on the panel, or `highest`: without it a row that is a little worse than well looks bad.
    """
    panel = (
        statushistory.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .unit(unit)
        .min(0)
        .color_scheme(builders.FieldColor().mode(FieldColorModeId.CONTINUOUS_YL_RD))
        .show_value(common.VisibilityMode.NEVER)
        .row_height(0.9)
        .col_width(1)
        .per_page(ROWS)
        .max_data_points(CELLS)
        .legend(
            common_builders.VizLegendOptions()
            .display_mode(common.LegendDisplayMode.HIDDEN)
            .placement(common.LegendPlacement.BOTTOM)
            .show_legend(show_legend=False)
        )
        .height(2 * ROW)
    )
    if highest is not None:
        panel = panel.max(highest)
    for letter, query in zip(LETTERS, queries, strict=False):
        panel = panel.with_target(target(query, letter).range())
    return panel
