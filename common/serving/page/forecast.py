"""Forecasts of a series, with their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from common.errors import InputError, counted
from common.serving.forecasts import check, digits_of, inputs_of, known_to, reader_of, records_of
from common.serving.http.refusals import Refused
from common.serving.page import charts
from common.serving.page.cards import Card
from common.serving.page.file import FileView, tried
from common.serving.page.inside import Inside
from common.serving.page.served import Served
from common.serving.page.view import all_refused
from common.sources.series import Panel

DEFAULT = "serving_default"
NEEDED = ("horizon", "segment", "quantiles", "target", "known", "missing", "unique_ids", "series_column")
"""What the configuration of a forecaster must tell."""
MOST_ROWS = 5000
"""Rows of a history that a model reads at most: the last ones."""
HEIGHT = 320
"""Of a chart, in pixels."""


@dataclass(frozen=True)
class Asked:
    """What a model reads of a series.

    Attributes:
        panel: The series alone.
        rows: The rows of its history.
        inputs: The inputs of the model.
    """

    panel: Panel
    rows: int
    inputs: Mapping[str, Any]


class Forecast(FileView):
    title = "Forecast"
    icon = "show_chart"
    thing = "series"
    suffixes = (".csv", ".tsv", ".txt", ".parquet")
    about_files = "CSV or Parquet"
    about = (
        "Take the sample or a file of your own, CSV or Parquet: each model reads the series to its end and draws what "
        "comes next, with the interval in which it expects the values."
    )

    @classmethod
    def fits(cls, served: Served) -> bool:
        return served.has(DEFAULT, "history", "mean", "quantiles") and all(name in served.config for name in NEEDED)

    def build(self) -> None:
        super().build()
        self.places: list[tuple[str, int]] = []
        self.inside = Inside(self, self._inputs, steps=_segments, column=lambda: self._place[1])

    def read(self, path: Path, source: str) -> dict[str, Panel | InputError]:
        return _panels(self.served, path, source)

    def names(self, read: Panel) -> Sequence[str]:
        self.places = [(group.name, column) for group in read.groups for column in range(len(read.columns))]
        return read.names

    async def show(self) -> None:
        """Asks all models for their forecasts of the chosen series."""
        asked = {one.name: self._asked(one) for one in self.served}
        wrong = next((str(one) for one in asked.values() if isinstance(one, InputError)), "")
        found = await self.latest(self.ask_all(DEFAULT, self._inputs))
        if found is None:
            return
        refused = all_refused(found)
        self.say_wrong(refused.message if refused else "" if found else wrong)
        answers = found and {name: Refused(str(of)) for name, of in asked.items() if isinstance(of, InputError)} | found
        for one, card, answer in self.answers.fill(self.served, {} if refused else answers):
            of, outputs = asked[one.name], {name: answer[name][0] for name in ("mean", "quantiles")}
            sizes = {"lengths": [of.rows], "horizon": one.config["horizon"]}
            _draw(card, records_of(one.config, of.panel, [outputs], **sizes)[self._place[1]])
        await self.inside.show()

    @property
    def _place(self) -> tuple[str, int]:
        """The group of the chosen series, and the number of its column."""
        return self.places[self.choice.value or 0]

    def _inputs(self, served: Served) -> Mapping[str, Any] | None:
        asked = self._asked(served)
        return asked.inputs if isinstance(asked, Asked) else None

    def _asked(self, served: Served) -> Asked | InputError:
        """What a model reads of the chosen series, or why it cannot."""
        panel, group = self.found.get(served.name), self._place[0]
        if not isinstance(panel, Panel):
            return panel or InputError("choose a series")
        others = [one.name for one in panel.groups if one.name != group]
        if len(others) == len(panel.groups):
            return InputError(f"{panel.source}: this model learned no series {group!r}")
        panel = panel.without(others)
        try:
            (rows,) = check(served, panel)
        except InputError as error:
            return error
        inputs = inputs_of(served.config, panel.groups[0], slice(max(0, rows - MOST_ROWS), rows))
        takes = served.signatures[DEFAULT].inputs
        return Asked(panel, rows, {name: [value] for name, value in inputs.items() if name in takes})


def _panels(served: Sequence[Served], path: Path, source: str) -> dict[str, Panel | InputError]:
    """A file as each model reads it, or what is wrong with it; it is read once for models that read alike."""
    read: dict[Any, Panel | InputError] = {}
    found = {}
    for one in served:
        reader = reader_of(one.config)
        try:
            if reader not in read:
                read[reader] = tried(lambda reader=reader: reader.panel(path, source))
            panel = read[reader]
            found[one.name] = known_to(one.config, panel, tell=_nothing) if isinstance(panel, Panel) else panel
        except InputError as error:
            found[one.name] = error
    return found


def _nothing(line: str) -> None:
    """Series that training left out are not offered; there is nothing to say."""


def _segments(many: int) -> list[str]:
    """Segments of a series, counted back from its end."""
    return [str(n + 1 - many) if n + 1 < many else "last" for n in range(many)]


def _draw(card: Card, record: Mapping[str, Any]) -> None:
    """A chart of a forecast."""
    levels = list(record["quantiles"])
    card.head.text = f"{counted(len(record['mean']), 'step')} ahead"
    card.charts.show((_chart(record, levels), HEIGHT))
    if len(levels) > 1:
        share = float(levels[-1]) - float(levels[0])
        card.note(f"The band holds {share:.0%} of the values, by the model's own account.")


def _chart(record: Mapping[str, Any], levels: Sequence[str]) -> dict[str, Any]:
    past, mean = record["past"], np.array(record["mean"])
    every = np.concatenate([mean, *record["quantiles"].values()])
    spread = float(np.abs(every).max())
    places = max(0, digits_of(every) - 1 - (int(np.floor(np.log10(spread))) if spread else 0))
    blank = [None] * len(past["ds"])
    last = past["y"][-1:]  # So that the lines begin where the past ends.
    start = [*blank[:-1], *charts.digits([np.nan if v is None else v for v in last], places)]
    ahead = {"mean": charts.digits(mean, places)}
    ahead |= {f"{float(level):.0%}": charts.digits(record["quantiles"][level], places) for level in levels}
    value = charts.digits([np.nan if v is None else v for v in past["y"]], places)
    options = charts.lines(
        [*past["ds"], *record["ds"]],
        {"past": value} | {name: [*start, *values] for name, values in ahead.items()},
        colours={"past": "#334155", "mean": "#1d4ed8"} | dict.fromkeys(ahead.keys() - {"mean"}, "#93c5fd"),
        y=record["unique_id"],
        slanted=False,
    )
    for line in options["series"]:
        line["symbol"] = "none"
        if line["name"] not in ("past", "mean"):
            line["lineStyle"] = {"width": 1}
    if len(levels) > 1:
        low, high = (np.array(record["quantiles"][level]) for level in (levels[0], levels[-1]))
        options["series"] += _band(blank, charts.digits(low, places), charts.digits(high - low, places))
    options["legend"] |= {"data": ["past", *ahead]}
    return options


def _band(blank: Sequence[None], low: Sequence[float], width: Sequence[float]) -> list[dict[str, Any]]:
    """The area of an interval: an unseen line at its lower end, and the area above it."""
    shared = {"type": "line", "stack": "band", "stackStrategy": "all", "symbol": "none", "silent": True}
    shared |= {"lineStyle": {"opacity": 0}, "tooltip": {"show": False}, "emphasis": {"disabled": True}}
    return [
        shared | {"name": "from", "data": [*blank, *low]},
        shared | {"name": "to", "data": [*blank, *width], "areaStyle": {"color": "#93c5fd", "opacity": 0.35}},
    ]
