"""How the models were trained: learning curves, scores beside the baselines, and the figure of each training."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nicegui import ui

from common.errors import readable
from common.serving.page import charts
from common.serving.page.cards import Card
from common.serving.page.served import Served
from common.serving.page.view import View
from common.serving.versions import ASSETS, FIGURE

CURVES = {"train": "#94a3b8", "validation": "#1d4ed8"}


class Training(View):
    title = "Training"
    icon = "insights"
    about = "How each model learned, epoch by epoch, and its test scores beside those of plain methods."

    @classmethod
    def fits(cls, served: Served) -> bool:
        return (served.folder / ASSETS / "metrics.json").is_file()

    def build(self) -> None:
        box = ui.element("div").classes("models")
        for one in sorted(self.served, key=lambda one: str(one.config.get("task"))):  # Stays in order by cell.
            with box:
                self._model(one, Card(one, one.colour))

    def _model(self, served: Served, card: Card) -> None:
        folder = served.folder / ASSETS
        metrics = _read(folder / "metrics.json")
        card.head.text = str(metrics.get("task", "")).replace("_", " ")
        with card.body:
            if data := metrics.get("data"):
                ui.label(str(data)).classes("note")
            _scores(metrics, served)
            if options := _curves(folder / "history.csv"):
                card.charts.show((options, 300))
        if figure_in(served.folder):
            with card.foot, ui.expansion("The figure of this training", icon="image"):
                ui.image(figure_of(served)).classes("figure").props('no-spinner fit="contain"')


def figure_in(version: Path) -> Path | None:
    """The file of the figure of a training, if there is one."""
    written = version / ASSETS / FIGURE
    return next((path for path in (written, written.with_suffix(".png")) if path.is_file()), None)


def figure_of(served: Served) -> str:
    """The path at which the server has the figure of a training."""
    return f"/figures/{served.name}/{served.number}"


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _scores(metrics: Mapping[str, Any], served: Served) -> None:
    """The test scores of a model and of its baselines, in a table that scrolls inside its own box."""
    rows = {served.cell: metrics.get("metrics", {})} | metrics.get("baselines", {})
    names = list(metrics.get("metrics", {}))
    if not names:
        return
    with ui.element("div").classes("table-box"), ui.element("table").classes("scores"):
        with ui.element("tr"):
            for name in ("test", *names):
                _cell("th", readable(name, metrics.get("measured_in")))
        for method, scores in rows.items():
            with ui.element("tr"):
                _cell("th", readable(method))
                for name in names:
                    value = scores.get(name)
                    _cell("td", f"{value:.4g}" if isinstance(value, int | float) else "")


def _cell(tag: str, text: str) -> None:
    with ui.element(tag):
        ui.label(text)


def _curves(path: Path) -> dict[str, Any] | None:
    """The learning curves of a training: its loss by epoch."""
    try:
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        epochs = [row["epoch"] for row in rows]
        series = {
            name: charts.digits([float(row[column]) for row in rows])
            for name, column in (("train", "loss"), ("validation", "val_loss"))
            if rows and row_has(rows[0], column)
        }
    except (OSError, ValueError, KeyError):
        return None
    return charts.lines(epochs, series, colours=CURVES, x="epoch", y="loss", slanted=False) if series else None


def row_has(row: Mapping[str, str], column: str) -> bool:
    """Whether a row of a history has a number in a column."""
    return bool(row.get(column))
