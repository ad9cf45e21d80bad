"""The few kinds of panel that the dashboards are made of, and their arrangement.

A panel answers one question, which is its title; the description says what to do with the answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias
from urllib.parse import quote

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.builders import prometheus, stat, statetimeline, statushistory, table, timeseries
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DataTransformerConfig,
    DynamicConfigValue,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMapping,
    ValueMappingResult,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from grafana.dashboards.variables import DATASOURCE

Panel: TypeAlias = stat.Panel | table.Panel | timeseries.Panel | statetimeline.Panel | statushistory.Panel
Variable: TypeAlias = builders.DatasourceVariable | builders.QueryVariable

COLUMNS = 24
"""Width of a Grafana dashboard in grid units."""
ROW_OF_STATS, ROW = 4, 8
"""Heights of panels in grid units."""
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""What the queries of a panel are called in it."""

FLEET_UID, HOST_UID, TRAFFIC_UID = "fabricscope-fleet", "fabricscope-host", "fabricscope-traffic"

GREEN, ORANGE, RED, BLUE = "green", "orange", "red", "blue"


class Query(NamedTuple):
    """PromQL, and what its series are called in the legend."""

    expr: str
    legend: str


class Column(NamedTuple):
    """A value column of a table: its heading, PromQL, unit, and colours from a value on."""

    heading: str
    expr: str
    unit: str = "short"
    colours: Mapping[float, str] = {}
    words: Mapping[int, str] = {}


class Section(NamedTuple):
    """A row of the dashboard; `lines` are panels side by side, of one height each."""

    title: str
    lines: Sequence[Sequence[Panel]]


def number(
    title: str,
    description: str,
    expr: str,
    *,
    unit: str = "short",
    bad: bool = False,
    colour: str = RED,
    words: Mapping[int, str] | None = None,
) -> stat.Panel:
    """One number; in `colour` from 1 on when it counts something `bad`, else red at 0 if it stands for `words`."""
    panel = (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .unit(unit)
        .no_value("no data")
        .graph_mode(common.BigValueGraphMode.NONE)
        .reduce_options(common_builders.ReduceDataOptions().values(values=False).calcs(["lastNotNull"]))
        .height(ROW_OF_STATS)
        .with_target(target(Query(expr, ""), "A").instant())
    )
    if bad:
        return panel.color_mode(common.BigValueColorMode.BACKGROUND).thresholds(thresholds({1: colour}))
    if words is not None:
        panel = panel.color_mode(common.BigValueColorMode.BACKGROUND).mappings([word_mapping(words)])
        return panel.thresholds(thresholds({1: GREEN}, below=RED))
    return panel.color_mode(common.BigValueColorMode.NONE)


def graph(
    title: str,
    description: str,
    *queries: Query,
    unit: str = "short",
    stacked: bool = False,
    highest: float | None = None,
    warn_from: float | None = None,
    mirrored: bool = False,
    logarithmic: bool = False,
    dashed: str = "",
) -> timeseries.Panel:
    """Lines over time, from 0 unless `mirrored` shows one direction below; `warn_from` draws a threshold line.

    `logarithmic` is for what goes over many powers of ten. Lines whose legend matches `dashed` are limits.
    """
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .unit(unit)
        .fill_opacity(20 if stacked else 0)
        .show_points(common.VisibilityMode.NEVER)
        .legend(
            common_builders.VizLegendOptions()
            .display_mode(common.LegendDisplayMode.TABLE)
            .placement(common.LegendPlacement.RIGHT)
            .show_legend(show_legend=True)
            .calcs(["lastNotNull", "max"])
        )
        .tooltip(
            common_builders.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.DESCENDING)
        )
        .height(ROW)
    )
    for letter, query in zip(LETTERS, queries, strict=False):
        panel = panel.with_target(target(query, letter).range())
    if logarithmic:
        scale = common_builders.ScaleDistributionConfig().type(common.ScaleDistribution.LOG).log(10)
        panel = panel.scale_distribution(scale)
    elif not mirrored:
        panel = panel.min(0)
    if dashed:
        line = DynamicConfigValue("custom.lineStyle", {"fill": "dash", "dash": [8, 8]})
        panel = panel.override_by_regexp(f"/{dashed}/", [line])
    if stacked:
        panel = panel.stacking(common_builders.StackingConfig().mode(common.StackingMode.NORMAL))
    if highest is not None:
        panel = panel.max(highest)
    if warn_from is not None:
        style = common_builders.GraphThresholdsStyleConfig().mode(common.GraphThresholdsStyleMode.DASHED)
        panel = panel.thresholds(thresholds({warn_from: RED})).thresholds_style(style)
    return panel


def listing(
    title: str,
    description: str,
    labels: Sequence[str],
    *columns: Column,
    links_to_host: bool = True,
    empty: str = "none",
    lowest_first: str = "",
) -> table.Panel:
    """A table of what the queries give now: the `labels` in this order, then a column for each query.

    Sorted by the last column, largest first, or by the one that `lowest_first` names, smallest first. Every query
    must give the same labels.
    """
    order_by = common_builders.TableSortByFieldState().display_name(lowest_first or columns[-1].heading)
    panel = (
        table.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .no_value(empty)
        .height(ROW)
        .sort_by([order_by.desc(desc=not lowest_first)])
    )
    headings = {}
    for letter, column in zip(LETTERS, columns, strict=False):
        panel = panel.with_target(target(Query(column.expr, ""), letter).instant().format(PromQueryFormat.TABLE))
        headings["Value" if len(columns) == 1 else f"Value #{letter}"] = column.heading
        panel = panel.override_by_name(column.heading, _column_properties(column))
    if len(columns) > 1:
        panel = panel.with_transformation(DataTransformerConfig("merge", options={}))
    order = {name: position for position, name in enumerate([*labels, *headings])}
    panel = panel.with_transformation(
        # Only what is named is kept: `Time`, `job` and whatever a scrape adds go.
        DataTransformerConfig("filterFieldsByName", options={"include": {"names": list(order)}})
    ).with_transformation(
        DataTransformerConfig("organize", options={"excludeByName": {}, "indexByName": order, "renameByName": headings})
    )
    if links_to_host and "host" in labels:
        link = {"title": "This host", "url": host_url("${__data.fields.cluster}", "${__data.fields.host}")}
        panel = panel.override_by_name("host", [DynamicConfigValue("links", [link])])
    return panel


def host_url(cluster: str, host: str) -> str:
    """The host page of a host, with the data source, job and time range of the page that links to it."""
    values = {"datasource": "${datasource}", "job": "${job}", "cluster": cluster, "host": host}
    # Grafana fills in what stands between braces, so that is no text to be quoted.
    query = "&".join(f"var-{name}={quote(value, safe='${}_.')}" for name, value in values.items())
    return f"/d/{HOST_UID}?{query}&${{__url_time_range}}"


def arrange(
    uid: str, title: str, description: str, variables: Iterable[Variable], sections: Iterable[Section]
) -> builders.Dashboard:
    """The dashboard: sections one below the other, the panels of each line sharing its width."""
    page = (
        builders.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags(["fabricscope"])
        .time("now-1h", "now")
        .refresh("30s")
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .readonly()
    )
    for variable in variables:
        page = page.with_variable(variable)
    number_of_panel = 0
    for section in sections:
        number_of_panel += 1
        page = page.with_row(builders.Row(section.title).id(number_of_panel))
        for line in section.lines:
            for position, panel in enumerate(line):
                number_of_panel += 1
                width = COLUMNS * (position + 1) // len(line) - COLUMNS * position // len(line)
                page = page.with_panel(panel.id(number_of_panel).span(width))
    return page


def target(query: Query, letter: str) -> prometheus.Dataquery:
    """The query as a panel asks it."""
    return (
        prometheus.Dataquery()
        .datasource(DATASOURCE)
        .expr(query.expr)
        .legend_format(query.legend or "__auto")
        .ref_id(letter)
    )


def thresholds(colours: Mapping[float, str], below: str = GREEN) -> builders.ThresholdsConfig:
    """Colours from a value on, and `below` the lowest of them."""
    steps = [Threshold(None, below), *(Threshold(value, colour) for value, colour in sorted(colours.items()))]
    return builders.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)


def word_mapping(words: Mapping[int, str]) -> ValueMapping:
    """Words in place of numbers."""
    return ValueMap({str(value): ValueMappingResult(text=text) for value, text in words.items()})


def _column_properties(column: Column) -> list[DynamicConfigValue]:
    properties = [DynamicConfigValue("unit", column.unit)]
    if column.words:
        properties.append(DynamicConfigValue("mappings", [word_mapping(column.words)]))
    if column.colours:
        properties.append(DynamicConfigValue("thresholds", thresholds(column.colours).build()))
        properties.append(DynamicConfigValue("custom.cellOptions", {"type": "color-background", "mode": "basic"}))
    return properties
