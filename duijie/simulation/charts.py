"""The charts of a city's report, as SVG without scripts. pygal draws them; nothing else here knows it."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pygal
from pygal.style import Style

_STYLE = Style(
    background="transparent",
    plot_background="transparent",
    foreground="#3c4650",
    foreground_strong="#1d252c",
    foreground_subtle="#8a949d",
    guide_stroke_color="#dfe4e8",
    major_guide_stroke_color="#dfe4e8",
    guide_stroke_dasharray="2,3",
    major_guide_stroke_dasharray="2,3",
    opacity=".85",
    opacity_hover=".95",
    font_family="'Noto Sans SC','Source Han Sans SC','PingFang SC','Microsoft YaHei',system-ui,sans-serif",
    label_font_size=13,
    major_label_font_size=13,
    legend_font_size=14,
    value_font_size=12,
    no_data_font_size=20,
    colors=("#2a6f97", "#e07a3f", "#5a9e6f", "#b0487a", "#c9a227", "#6c5b9e", "#7d8790"),
)
_WIDTH, _HEIGHT = 900, 320
#: A legend stands in so many columns below the chart, each line so high.
_LEGEND_COLUMNS, _LEGEND_LINE = 3, 24
#: Labels along the days.
_LABELS_MAX = 10
_SCRIPT = re.compile(r"<script.*?</script>", re.DOTALL)
#: pygal gives each chart a fresh id; ours are counted, so that the same figures draw the same file.
_CHART_ID = re.compile(r"chart-[0-9a-f-]{36}")


def _settings(labels: Sequence[str], legend: int = 0, **more: Any) -> dict[str, Any]:
    """What all charts have in common; `legend` is the number of series that it names."""
    every = max(1, -(-len(labels) // _LABELS_MAX))
    return {
        "style": _STYLE,
        "width": _WIDTH,
        "height": _HEIGHT,
        "js": (),
        "disable_xml_declaration": True,
        "x_labels": list(labels),
        "x_labels_major_every": every,
        "show_minor_x_labels": len(labels) <= _LABELS_MAX,
        "truncate_label": -1,
        "truncate_legend": -1,
        "legend_at_bottom": True,
        "legend_at_bottom_columns": _LEGEND_COLUMNS,
        "legend_box_size": 12,
        "show_legend": legend > 0,
        "margin": 10,
        # pygal leaves room for one line of the legend.
        "margin_bottom": 10 + _LEGEND_LINE * -(-legend // _LEGEND_COLUMNS),
        "min_scale": 3,
        "max_scale": 8,
        "no_data_text": "–",
    } | more


def _drawn(chart: Any, series: Mapping[str, Sequence[Any]], name: str) -> str:
    for title, values in series.items():
        chart.add(title, list(values))
    return _CHART_ID.sub(f"chart-{name}", _SCRIPT.sub("", chart.render(is_unicode=True)))


def lines(name: str, labels: Sequence[str], series: Mapping[str, Sequence[int | float | None]], **more: Any) -> str:
    """Lines over the days."""
    shown = _settings(labels, len(series), show_dots=len(labels) <= 2 * _LABELS_MAX, stroke_style={"width": 2.2}) | more
    return _drawn(pygal.Line(**shown), series, name)


def areas(name: str, labels: Sequence[str], series: Mapping[str, Sequence[int]]) -> str:
    """Areas that lie one on the other, over the days."""
    return _drawn(pygal.StackedLine(**_settings(labels, len(series), fill=True, show_dots=False)), series, name)


def bars(name: str, labels: Sequence[str], values: Sequence[int | float]) -> str:
    """Bars, one for each label."""
    few = len(labels) <= _LABELS_MAX
    return _drawn(
        pygal.Bar(**_settings(labels, print_values=few, print_values_position="top")),
        {"": values},
        name,
    )


def ranking(name: str, values: Mapping[str, int | float]) -> str:
    """Lying bars, the greatest on top."""
    ordered = sorted(values.items(), key=lambda each: (each[1], each[0]))
    chart = pygal.HorizontalBar(
        **_settings(
            [label for label, _ in ordered],
            print_values=True,
            show_minor_x_labels=True,
            height=max(160, 60 + 30 * len(ordered)),
        )
    )
    return _drawn(chart, {"": [value for _, value in ordered]}, name)
