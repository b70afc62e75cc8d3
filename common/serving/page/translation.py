"""Translations, with their attention as a heat map."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence

from nicegui import ui

from common.serving.http.joining import Arrays
from common.serving.http.refusals import Refused
from common.serving.page import charts
from common.serving.page.inside import Inside
from common.serving.page.served import Served
from common.serving.page.view import PAUSE, Answer, Card, View, all_refused, cards, strings, typed

BEAM, ATTENTION = "beam", "attention"
SAMPLE = "Save the file before closing the window."
WIDTHS = (1, 2, 3, 5, 8)


class Translation(View):
    title = "Translation"
    icon = "translate"
    about = (
        "Type a sentence: each model translates it, and a row of the map shows which words of the source it looked at "
        "while it wrote one of the translation."
    )

    @classmethod
    def fits(cls, served: Served) -> bool:
        return served.has(BEAM, "text", "beam", "translation") and served.has(ATTENTION, "source", "weights")

    def build(self) -> None:
        self.text = ui.textarea(f"Your sentence{_language(self.served)}", value=SAMPLE, on_change=self.show)
        self.text.props(f"outlined autogrow debounce={PAUSE}").classes("field")
        with ui.element("div").classes("choices"):
            self.beam = ui.select(list(WIDTHS), value=3, label="Width of the search", on_change=self.show)
            self.beam.props("outlined dense")
        self.wrong = self.line()
        self.answers = cards()
        self.inside = Inside(self, lambda one: {"text": [self._given]} if self._given else None)

    @property
    def start(self) -> Awaitable[None]:
        return self.show()

    @property
    def _given(self) -> str:
        return typed(self.text.value).strip()

    async def show(self) -> None:
        """Asks all models for a translation."""
        if not self._given:
            self.latest.stop()
            self.answers.clear()
            self.wrong.text = "Type a sentence, and it is translated."
            return
        inputs = {"text": [self._given], "beam": self.beam.value}
        both = asyncio.gather(*(self.ask_all(name, lambda one: inputs) for name in (BEAM, ATTENTION)))
        found = await self.latest(both)
        if found is None:
            return
        written, attended = found
        refused = all_refused(written)
        self.wrong.text = refused.message if refused else ""
        self.answers.clear()
        for one in self.served if not refused else ():
            self._fill(one, self.card(one, self.answers), answers=(written[one.name], attended[one.name]))
        await self.inside.show()

    def _fill(self, served: Served, card: Card, *, answers: tuple[Answer, Answer]) -> None:
        written, attended = answers
        if isinstance(written, Refused):
            card.refuse(written)
            return
        with card.body:
            ui.label(written["translation"][0].decode(errors="replace")).classes("translation")
            if isinstance(attended, Refused):
                ui.label(attended.message).classes("line")
            elif served.config.get("attention") == "none":
                ui.label("This model has no attention: the whole source is in the state that it starts from.").classes(
                    "note"
                )
            else:
                _map(attended)


def _map(answer: Arrays) -> None:
    source, target = strings(answer["source"][0]), strings(answer["translation"][0])
    weights = answer["weights"][0, : len(target), : len(source)]
    if weights.size:
        options = charts.heat(source, target, weights, signed=False, what="weight of attention")
        height = 190 + 24 * len(target)
        ui.echart(options).classes("chart").style(f"height: {height}px")


def _language(served: Sequence[Served]) -> str:
    """From which language to which, if all models are of the same two."""
    every = {tuple(one.config.get("languages", ())) for one in served}
    pair = next(iter(every))
    return f", {pair[0]} to {pair[1]}" if len(every) == 1 and len(pair) == 2 else ""
