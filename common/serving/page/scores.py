"""Classes of texts: the score as it moves word by word, and the words coloured by what they changed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from nicegui import ui

from common.serving.http.refusals import Refused
from common.serving.page import charts
from common.serving.page.cards import Card, titled
from common.serving.page.served import Served
from common.serving.page.text import TextView
from common.serving.page.view import all_refused, strings

DEFAULT, STREAM = "serving_default", "stream"
SAMPLES = (
    "A warm, funny and surprisingly moving film.",
    "The jokes are stale and the plot is dull, but its heart is in the right place.",
    "I expected a great story, and got two tedious hours.",
)
STRONGEST = 0.25
"""The change of a score that has the full colour."""
HEIGHT = 300
"""Of a chart, in pixels."""


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


class Scores(TextView):
    title = "Sentiment"
    icon = "mood"
    about = (
        "Type a text: each model reads it word by word, the curve is its score if the text ended there, and a word is "
        "green where it raised the score and red where it lowered it."
    )
    label = "Your text"
    sample = SAMPLES[0]
    nothing = "Type a few words, and the models begin to read."

    @classmethod
    def fits(cls, served: Served) -> bool:
        return served.has(DEFAULT, "text", "label", "probability")

    def build(self) -> None:
        super().build()
        self.readings: dict[str, Reading | Refused] = {}
        with self.choices:
            for n, sample in enumerate(SAMPLES, 1):
                titled(ui.button(f"Example {n}", on_click=lambda sample=sample: self.text.set_value(sample)), sample)
            self.of = ui.select([], label="Score of", on_change=self._draw).props("outlined dense")

    async def answer(self, text: str) -> None:
        read = await self.latest(asyncio.gather(*(self._read(one, text) for one in self.served)))
        if read is None:
            return
        self.readings = dict(zip((one.name for one in self.served), read))
        self._choose()
        self._draw()

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

    def say(self, wrong: str) -> None:
        self.readings = {}
        super().say(wrong)

    def _draw(self) -> None:
        refused = all_refused(self.readings)
        super().say(refused.message if refused else "")
        lines: dict[tuple[str, ...], dict[str, list[float]]] = {}
        colours = {}
        for one, card, reading in self.answers.fill(self.served, {} if refused else self.readings):
            labels = self._labels(one, len(reading.final))
            card.head.text = f"{reading.label} {reading.final.max():.0%}"
            at = labels.index(self.of.value) if self.of.value in labels else 0
            _words(card, reading, at, label=labels[at])
            if reading.tokens:
                name = one.cell if one.cell not in colours else one.name
                colours[name] = card.colour
                lines.setdefault(tuple(reading.tokens), {})[name] = charts.digits(reading.scores[:, at])
        self.charts_box.set_visibility(bool(lines))
        self.charts.show(*((self._chart(tokens, series, colours), HEIGHT) for tokens, series in lines.items()))

    def _chart(
        self, tokens: tuple[str, ...], series: Mapping[str, list[float]], colours: Mapping[str, str]
    ) -> dict[str, Any]:
        options = charts.lines(tokens, series, colours=colours, y=f"score of {self.of.value}", span=(0, 1))
        options["legend"]["show"] = True
        return options


def _words(card: Card, reading: Reading, at: int, *, label: str) -> None:
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
