"""Classes of texts: the score as it moves word by word, and the words coloured by what they changed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from typing import NamedTuple

import numpy as np
from nicegui import ui

from common.serving.http.refusals import Refused
from common.serving.page import charts
from common.serving.page.inside import Inside
from common.serving.page.served import Served
from common.serving.page.view import PAUSE, Card, View, all_refused, cards, strings, titled, typed

DEFAULT, STREAM = "serving_default", "stream"
SAMPLES = (
    "A warm, funny and surprisingly moving film.",
    "The jokes are stale and the plot is dull, but its heart is in the right place.",
    "I expected a great story, and got two tedious hours.",
)
STRONGEST = 0.25
"""The change of a score that has the full colour."""


class Reading(NamedTuple):
    """What a model says of a text.

    Attributes:
        label: The class of the whole text.
        final: The score of each class for the whole text, `[classes]`.
        tokens: The words that it read; none where it reads whole texts only.
        scores: The scores after each word, `[words, classes]`.
        before: The scores before the first word, `[classes]`.
    """

    label: str
    final: np.ndarray
    tokens: list[str]
    scores: np.ndarray
    before: np.ndarray


class Scores(View):
    title = "Sentiment"
    icon = "mood"
    about = (
        "Type a text: each model reads it word by word, the curve is its score if the text ended there, and a word is "
        "green where it raised the score and red where it lowered it."
    )

    @classmethod
    def fits(cls, served: Served) -> bool:
        return served.has(DEFAULT, "text", "label", "probability")

    def build(self) -> None:
        self.text = ui.textarea("Your text", value=SAMPLES[0], on_change=self.show)
        self.text.props(f"outlined autogrow debounce={PAUSE}").classes("field")
        with ui.element("div").classes("choices"):
            for n, sample in enumerate(SAMPLES, 1):
                titled(ui.button(f"Example {n}", on_click=lambda sample=sample: self.text.set_value(sample)), sample)
            self.of = ui.select([], label="Score of", on_change=self._draw).props("outlined dense")
        self.wrong = self.line()
        self.chart_box = ui.element("div").classes("charts")
        self.answers = cards()
        self.readings: dict[str, Reading | Refused] = {}
        self.inside = Inside(self, lambda one: {"text": [self._given]} if self._given else None)

    @property
    def start(self) -> Awaitable[None]:
        return self.show()

    @property
    def _given(self) -> str:
        return typed(self.text.value).strip()

    async def show(self) -> None:
        """Asks all models what they say of the text."""
        if not self._given:
            self.latest.stop()
            self.readings, self.wrong.text = {}, "Type a few words, and the models begin to read."
            self._draw()
            return
        read = await self.latest(asyncio.gather(*(self._read(one, self._given) for one in self.served)))
        if read is None:
            return
        self.readings = dict(zip((one.name for one in self.served), read))
        refused = all_refused(self.readings)
        self.wrong.text = refused.message if refused else ""
        if refused:
            self.readings = {}
        self._choose()
        self._draw()
        await self.inside.show()

    async def _read(self, served: Served, text: str) -> Reading | Refused:
        whole = await self.ask(served, DEFAULT, {"text": [text, ""]})
        if isinstance(whole, Refused):
            return whole
        (final, before), label = whole["probability"], whole["label"][0].decode(errors="replace")
        if not served.has(STREAM, "text", "state", "tokens", "probability"):
            return Reading(label, final, [], np.zeros((0, len(final))), before)
        found = await self.ask(served, STREAM, {"text": [text], "state": np.zeros((1, 0))})
        if isinstance(found, Refused):
            return found
        tokens = strings(found["tokens"][0])
        return Reading(label, final, tokens, found["probability"][0, : len(tokens)], before)

    def _labels(self, served: Served, classes: int) -> list[str]:
        """The names of the classes, in the order of the scores."""
        named = [str(label) for label in served.config.get("labels", ())]
        return named if len(named) == classes else [f"class {n + 1}" for n in range(classes)]

    def _choose(self) -> None:
        """Keeps the class whose score is shown; at first it is the answer of the first model."""
        read = {n: r for n, r in self.readings.items() if isinstance(r, Reading)}
        every: dict[str, None] = {}
        for one in self.served:
            if one.name in read:
                every |= dict.fromkeys(self._labels(one, len(read[one.name].final)))
        first = next((r.label for r in read.values()), None)
        if every:
            value = self.of.value if self.of.value in every else first if first in every else next(iter(every))
            self.of.set_options(list(every), value=value)

    def _draw(self) -> None:
        self.chart_box.clear()
        self.answers.clear()
        lines: dict[tuple[str, ...], dict[str, list[float]]] = {}
        colours = {}
        for one in self.served:
            reading = self.readings.get(one.name)
            if reading is None:
                continue
            card = self.card(one, self.answers)
            if isinstance(reading, Refused):
                card.refuse(reading)
                continue
            labels = self._labels(one, len(reading.final))
            card.head.text = f"{reading.label} {reading.final.max():.0%}"
            at = labels.index(self.of.value) if self.of.value in labels else 0
            self._words(card, reading, at, labels[at])
            if reading.tokens:
                name = one.cell if one.cell not in colours else one.name
                colours[name] = self.colours[one.name]
                lines.setdefault(tuple(reading.tokens), {})[name] = charts.digits(reading.scores[:, at])
        with self.chart_box:
            for tokens, series in lines.items():
                self._chart(tokens, series, colours)

    def _chart(self, tokens: tuple[str, ...], series: Mapping[str, list[float]], colours: Mapping[str, str]) -> None:
        what = f"score of {self.of.value}"
        options = charts.lines(tokens, series, colours=colours, y=what, span=(0, 1))
        options["legend"]["show"] = True
        ui.echart(options).classes("chart")

    def _words(self, card: Card, reading: Reading, at: int, label: str) -> None:
        """The words of a text, coloured by how much each changed the score of a class."""
        with card.body:
            if not reading.tokens:
                ui.label("This model reads a text both ways, so it answers whole texts only.").classes("note")
                return
            scores = np.concatenate([reading.before[at : at + 1], reading.scores[:, at]])
            with ui.element("p").classes("words"):
                for token, score, change in zip(reading.tokens, scores[1:], np.diff(scores)):
                    strength = min(abs(float(change)) / STRONGEST, 1)
                    colour = "22, 163, 74" if change > 0 else "220, 38, 38"
                    word = ui.label(token).classes("word").style(f"background: rgba({colour}, {strength * 0.6:.2f})")
                    titled(word, f"{label} {score:.0%}, {100 * change:+.0f} points")
