"""Options of interactive charts. Texts in them are values, never keys: NiceGUI runs what a key with a colon holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

TOOLTIP = {"renderMode": "richText", "confine": True, "backgroundColor": "#ffffff", "borderColor": "#cbd5e1"}
"""Tooltips are painted, not made of HTML, so that texts in them stay texts."""
FEW = 24
"""Maximum number of steps of which each is named on an axis."""
SIGNED = ["#b91c1c", "#fca5a5", "#f8fafc", "#93c5fd", "#1d4ed8"]
SHARES = ["#f8fafc", "#93c5fd", "#1d4ed8", "#172554"]


def digits(values: Any, places: int = 4) -> Any:
    """Numbers of an array as lists, rounded; None where they are not finite."""
    array = np.asarray(values, float)
    return np.where(np.isfinite(array), array.round(places), None).tolist()


def lines(
    steps: Sequence[str],
    series: Mapping[str, Sequence[float | None]],
    *,
    colours: Mapping[str, str],
    x: str = "",
    y: str = "",
    span: tuple[float, float] | None = None,
    slanted: bool = True,
) -> dict[str, Any]:
    """Lines over steps.

    Args:
        steps: The name of each step.
        series: The values of each line, by its name.
        colours: The colour of each line.
        x: The name of the axis of steps.
        y: The name of the axis of values, with its unit.
        span: The lowest and the highest value of that axis; None for what the values have.
        slanted: Whether the names of steps are slanted, as words are.
    """
    ends = {"min": span[0], "max": span[1]} if span else {"scale": True}
    drawn = [
        {
            **{"type": "line", "name": name, "data": list(values), "color": colours[name], "symbolSize": 5},
            **{"symbol": "circle", "lineStyle": {"width": 2}, "emphasis": {"disabled": True}},
        }
        for name, values in series.items()
    ]
    return {
        "animation": False,
        "tooltip": TOOLTIP | {"trigger": "axis"},
        "legend": {"top": 0, "type": "scroll", "show": len(drawn) > 1},
        "grid": {"left": 52, "right": 16, "top": 44, "bottom": 84 if slanted else 48},
        "xAxis": axis(steps, slanted=slanted) | {"name": x, "nameLocation": "middle", "nameGap": 28},
        "yAxis": {"type": "value", "name": y, "nameTextStyle": {"align": "left"}} | ends,
        "series": drawn,
    }


def bars(names: Sequence[str], values: np.ndarray, *, colour: str) -> dict[str, Any]:
    """Shares as bars, from the top; `values` are `[names]`."""
    return {
        "animation": False,
        "tooltip": TOOLTIP,
        "grid": {"left": 12, "right": 24, "top": 10, "bottom": 24, "containLabel": True},
        "xAxis": {"type": "value", "min": 0, "max": 1, "name": "probability", "nameLocation": "middle", "nameGap": 22},
        "yAxis": {
            **{"type": "category", "data": list(names), "inverse": True, "axisTick": {"show": False}},
            "axisLabel": {"width": 110, "overflow": "truncate", "interval": 0},
        },
        "series": [{"type": "bar", "data": digits(values), "color": colour, "barMaxWidth": 22}],
    }


def heat(
    columns: Sequence[str], rows: Sequence[str], values: np.ndarray, *, signed: bool, what: str, named: bool = True
) -> dict[str, Any]:
    """A heat map.

    Args:
        columns: The names of the columns, from left to right.
        rows: The names of the rows, from the top.
        values: `[rows, columns]`.
        signed: Whether values lie around 0; otherwise between 0 and 1.
        what: What a value is.
        named: Whether rows are named on their axis.
    """
    most = max(float(np.abs(values).max(initial=0)), 1e-6) if signed else 1.0
    cells = [[column, row, float(value)] for (row, column), value in np.ndenumerate(np.round(values, 3))]
    longest = max((len(row) for row in rows), default=0) if named else 0
    return {
        "animation": False,
        "tooltip": TOOLTIP | {"position": "top"},
        "grid": {"left": min(12 + 8 * longest, 120) if named else 30, "right": 12, "top": 10, "bottom": 112},
        "xAxis": axis(columns) | {"splitArea": {"show": False}},
        "yAxis": {
            **{"type": "category", "data": list(rows), "inverse": True, "axisTick": {"show": False}},
            "axisLabel": {"show": named, "width": 100, "overflow": "truncate", "interval": 0},
            **({} if named else {"name": "units", "nameLocation": "middle", "nameGap": 10}),
        },
        "visualMap": {
            **{"min": -most if signed else 0, "max": most, "calculable": True, "orient": "horizontal"},
            **{"left": "center", "bottom": 0, "itemHeight": 120, "precision": 2},
            "inRange": {"color": SIGNED if signed else SHARES},
        },
        "series": [{"type": "heatmap", "name": what, "data": cells, "progressive": 0}],
    }


def axis(steps: Sequence[str], *, slanted: bool = True) -> dict[str, Any]:
    """An axis of steps; slanted names are all there where they are few."""
    label = {"rotate": 55, "width": 76, "overflow": "truncate"} if slanted else {"hideOverlap": True}
    if slanted and len(steps) <= FEW:
        label["interval"] = 0
    return {"type": "category", "data": list(steps), "axisLabel": label, "axisTick": {"alignWithLabel": True}}
