"""Classes of signals: of the whole, and as its steps come where the model reads forward."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from nicegui import ui

from common.errors import InputError, counted
from common.serving.http.joining import Arrays
from common.serving.http.refusals import Refused
from common.serving.page import charts
from common.serving.page.cards import Card, Charts
from common.serving.page.file import FileView, tried
from common.serving.page.inside import Inside
from common.serving.page.served import COLOURS, Served
from common.serving.page.view import all_refused, strings
from common.sources.signals import Signal, SignalReader, check_columns

DEFAULT, STREAM = "serving_default", "stream"
NEEDED = ("columns", "labels", "by_step")
"""What the configuration of a classifier must tell."""
MOST_STEPS = 5000
POINTS = 200
"""Points of a picture over the steps; of more steps, means are drawn."""
MOST_COLUMNS, MOST_CLASSES = 20, len(COLOURS)
"""Columns that are drawn, the first that change, and classes, the most probable ones."""
HEIGHT = 300
"""Of a chart, in pixels."""


class Signals(FileView):
    """Classes of tables of numbers.

    Attributes:
        told: What the picture shows.
        step: What a step is called.
        most: Steps of a signal, so that no visitor's page keeps the server busy.
    """

    title = "Signals"
    icon = "sensors"
    thing = "sequence"
    suffixes = (".csv", ".tsv", ".txt", ".parquet", ".ts")
    told = "What the models read: each column in deviations from its mean, red below and blue above."
    step = "step"
    most = MOST_STEPS
    about = (
        "Take the sample or a file of your own, with a row for each step: each model reads the sequence and says what "
        "it is, or what each of its steps is."
    )

    @classmethod
    def fits(cls, served: Served) -> bool:
        return served.has(DEFAULT, "values", "label", "probability") and all(name in served.config for name in NEEDED)

    def build(self) -> None:
        super().build()
        self.chart_box = ui.element("div").classes("charts")
        with self.chart_box:
            ui.label(self.told).classes("note")
        self.chart = Charts(self.chart_box)
        self.inside = Inside(self, self.inputs)

    def read(self, path: Path, source: str) -> dict[str, list[Signal] | InputError]:
        return {one.name: tried(lambda one=one: _signals(one, path)) for one in self.served}

    def names(self, read: Sequence[Signal]) -> list[str]:
        return [one.name for one in read]

    def say_wrong(self, message: str) -> None:
        super().say_wrong(message)
        self.chart.show()
        self.chart_box.set_visibility(False)

    async def show(self) -> None:
        found = await self.latest(asyncio.gather(*(self.answered(one) for one in self.served)))
        if found is None:
            return
        answers = dict(zip((one.name for one in self.served), found))
        refused = all_refused(answers)
        self.say_wrong(refused.message if refused else "")
        for one, card, answer in self.answers.fill(self.served, {} if refused else answers):
            _draw(card, one, answer, step=self.step)
        if not refused:
            drawn = next(one for one in map(self.chosen, self.served) if isinstance(one, Signal))
            self.chart_box.set_visibility(True)
            self.chart.show((self.picture(drawn), HEIGHT))
        await self.inside.show()

    async def answered(self, served: Served) -> Arrays | Refused:
        """The answer of a model for the chosen sequence: after each step, where it can."""
        chosen = self.chosen(served)
        if isinstance(chosen, InputError):
            return Refused(str(chosen))
        inputs = {"values": [chosen.values]}
        if not served.has(STREAM, "values", "state", "label", "probability"):
            return await self.ask(served, DEFAULT, inputs)
        return await self.ask(served, STREAM, inputs | {"state": np.zeros((1, 0))})

    def inputs(self, served: Served) -> Mapping[str, Any] | None:
        chosen = self.chosen(served)
        return {"values": [chosen.values]} if isinstance(chosen, Signal) else None

    def picture(self, one: Signal) -> dict[str, Any]:
        """What is drawn of the chosen sequence."""
        return _picture(one)

    def chosen(self, served: Served) -> Signal | InputError:
        """The chosen sequence as a model reads it, or why it cannot."""
        read = self.found.get(served.name, InputError("choose a sequence"))
        if isinstance(read, InputError):
            return read
        one = read[self.choice.value or 0]
        if len(one.values) > self.most:
            return InputError(
                f"{one.name}: {len(one.values):,} steps; this page takes {self.most:,}, and /docs tells how to ask "
                "with more"
            )
        return one


def _signals(served: Served, path: Path) -> list[Signal]:
    """The sequences of a file as a model reads them."""
    config = served.config
    names = {"sequence_column": config.get("sequence_column"), "encoding": config.get("encoding") or "utf-8"}
    records = SignalReader(**names, labelled=False).parts(str(path)).records
    return check_columns(list(chain.from_iterable(records.values())), config["columns"])


def _draw(card: Card, served: Served, answer: Arrays, *, step: str) -> None:
    """The class of a sequence, and the most probable classes; over the steps where there are answers for each."""
    labels, share = [str(label) for label in served.config["labels"]], answer["probability"][0]
    if share.ndim == 1:
        best = np.argsort(-share, kind="stable")[:MOST_CLASSES]
        card.head.text = f"{labels[best[0]]} {share[best[0]]:.0%}"
        card.charts.show((charts.bars([labels[n] for n in best], share[best], colour=card.colour), HEIGHT))
        card.note("This model reads a sequence both ways, so it answers for the whole.")
        return
    last = int(share[-1].argmax())
    card.head.text = f"{labels[last]} {share[-1, last]:.0%}"
    if served.config["by_step"]:
        said = strings(answer["label"][0])
        card.head.text = f"{len(set(said))} of {len(labels)} classes in {counted(len(said), step)}"
    best = np.argsort(-share.max(0), kind="stable")[:MOST_CLASSES]
    steps, values = means(share[:, best])
    lines = {labels[n]: charts.digits(values[:, at]) for at, n in enumerate(best)}
    colours = dict(zip(lines, COLOURS))
    card.charts.show((charts.lines(steps, lines, colours=colours, x=step, y="probability", span=(0, 1)), HEIGHT))


def _picture(one: Signal) -> dict[str, Any]:
    """The signal: a row for each column, red below its mean and blue above."""
    steps, values = means(one.values)
    deviation = one.values.std(0)
    scaled = (values - one.values.mean(0)) / np.where(deviation > 0, deviation, 1.0)
    shown = np.sort(np.argsort(deviation == 0, kind="stable")[:MOST_COLUMNS])
    names = [one.columns[n] for n in shown]
    return charts.heat(steps, names, scaled[:, shown].T, signed=True, what="deviations from the mean")


def means(values: np.ndarray) -> tuple[list[str], np.ndarray]:
    """The names of at most `POINTS` points over the steps, and the values of each, means where it holds several."""
    ends = np.linspace(0, len(values), min(len(values), POINTS) + 1).astype(int)
    return [str(first + 1) for first in ends[:-1]], np.add.reduceat(values, ends[:-1]) / np.diff(ends)[:, None]
