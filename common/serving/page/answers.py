"""Answers to a question about a picture, with where the model looked."""

from __future__ import annotations

from nicegui import ui

from common.errors import InputError
from common.figures.captions import lit
from common.serving.http.joining import Arrays
from common.serving.page.captions import DEFAULT, SIDE, Captions, opened
from common.serving.page.cards import Card
from common.serving.page.inside import Inside
from common.serving.page.served import Served
from common.serving.page.view import PAUSE, all_refused, too_long, typed

SAMPLE = "What color is the shape?"
BEST = 3
"""Answers that are named with their probabilities."""


class Answers(Captions):
    title = "Questions"
    icon = "quiz"
    about = (
        "Take the sample or a picture of your own and ask about it: each model answers, and lights what it looked at, "
        "look by look."
    )

    @classmethod
    def fits(cls, served: Served) -> bool:
        needed = served.has(DEFAULT, "image", "question", "answer", "probability", "attention")
        return needed and "answers" in served.config

    def build(self) -> None:
        self.question = ui.input("Your question", value=SAMPLE, on_change=self.show)
        self.question.props(f"outlined debounce={PAUSE}").classes("field")
        super().build()
        self.inside = Inside(self, lambda one: {"question": [self.asked]} if self.asked else None)

    @property
    def asked(self) -> str:
        """The question; empty while there is none that can be answered."""
        text = typed(self.question.value)
        return "" if too_long(text) else text

    async def show(self) -> None:
        content = next((one for one in self.found.values() if not isinstance(one, InputError)), None)
        if content is None:
            return
        if not self.asked:
            self.say_wrong(too_long(typed(self.question.value)) or "Ask something, and the models look.")
            return
        found = await self.latest(self.ask_all(DEFAULT, lambda one: {"image": [content], "question": [self.asked]}))
        if found is None:
            return
        refused = all_refused(found)
        self.say_wrong(refused.message if refused else "")
        picture = opened(content)
        self.picture.set_source(picture)
        self.shown.set_visibility(refused is None)
        for one, card, answer in self.answers.fill(self.served, {} if refused else found):
            _fill(one, card, answer, picture=picture)
        await self.inside.show()


def _fill(served: Served, card: Card, answer: Arrays, *, picture: object) -> None:
    """The answer, the most probable ones, and a picture for each look."""
    names, share = [str(name) for name in served.config["answers"]], answer["probability"][0]
    best = (-share).argsort(kind="stable")[:BEST]
    card.head.text = f"{names[best[0]]} {share[best[0]]:.0%}"
    with card.body:
        ui.label(", ".join(f"{names[n]} {share[n]:.1%}" for n in best)).classes("note")
        with ui.element("div").classes("words"):
            for look, weights in enumerate(answer["attention"][0], 1):
                with ui.element("div").classes("looked"):
                    ui.image(lit(picture, weights, SIDE)).style(f"width: {SIDE}px")
                    ui.label(f"look {look}")
