"""Translations, with their attention as a heat map."""

from __future__ import annotations

import asyncio

from nicegui import ui

from common.serving.http.joining import Arrays
from common.serving.http.refusals import Refused
from common.serving.page import charts
from common.serving.page.cards import Card
from common.serving.page.served import Served
from common.serving.page.text import TextView
from common.serving.page.view import Answer, all_refused, strings

BEAM, ATTENTION = "beam", "attention"
WIDTHS = (1, 2, 3, 5, 8)
MOST_PIECES = 60
"""Pieces of a source and of a translation whose attention is drawn."""


class Translation(TextView):
    title = "Translation"
    icon = "translate"
    about = (
        "Type a sentence: each model translates it, and a row of the map shows which words of the source it looked at "
        "while it wrote one of the translation."
    )
    label = "Your sentence"
    sample = "Save the file before closing the window."
    nothing = "Type a sentence, and it is translated."

    @classmethod
    def fits(cls, served: Served) -> bool:
        return served.has(BEAM, "text", "beam", "translation") and served.has(ATTENTION, "source", "weights")

    def build(self) -> None:
        super().build()
        with self.choices:
            self.beam = ui.select(list(WIDTHS), value=3, label="Width of the search", on_change=self.show)
            self.beam.props("outlined dense")

    async def answer(self, text: str) -> None:
        inputs = {"text": [text], "beam": self.beam.value}
        both = asyncio.gather(*(self.ask_all(name, lambda one: inputs) for name in (BEAM, ATTENTION)))
        found = await self.latest(both)
        if found is None:
            return
        written, attended = found
        refused = all_refused(written)
        self.say(refused.message if refused else "")
        for one, card, answer in self.answers.fill(self.served, {} if refused else written):
            _fill(one, card, answers=(answer, attended[one.name]))


def _fill(served: Served, card: Card, *, answers: tuple[Arrays, Answer]) -> None:
    """Shows a translation, and what its model attended to."""
    written, attended = answers
    card.head.text = " to ".join(map(str, served.config.get("languages", ())))
    translation = written["translation"][0].decode(errors="replace")
    with card.body:
        if translation.strip():
            ui.label(translation).classes("translation")
        else:
            ui.label("It wrote nothing.").classes("note")
        if isinstance(attended, Refused):
            ui.label(attended.message).classes("line")
        elif served.config.get("attention") == "none":
            ui.label("It has no attention: the whole source is in the state that it starts from.").classes("note")
        else:
            _map(card, attended)


def _map(card: Card, answer: Arrays) -> None:
    every = strings(answer["source"][0]), strings(answer["translation"][0])
    source, target = (pieces[:MOST_PIECES] for pieces in every)
    weights = answer["weights"][0, : len(target), : len(source)]
    if not weights.size:
        return
    card.charts.show(
        (charts.heat(source, target, weights, signed=False, what="weight of attention"), 190 + 24 * len(target))
    )
    if max(map(len, every)) > MOST_PIECES:
        card.note(f"The first {MOST_PIECES} pieces of each.")
