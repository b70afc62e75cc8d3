"""Answers to a question about a picture, with where the model looked."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import TYPE_CHECKING, Any

from nicegui import ui

from common.serving.http.joining import Arrays
from common.serving.page.cards import Card
from common.serving.page.inside import Inside
from common.serving.page.picture import DEFAULT, PictureView, maps
from common.serving.page.served import Served
from common.serving.page.view import PAUSE, too_long, typed

if TYPE_CHECKING:
    from PIL.Image import Image

SAMPLE = "What color is the shape?"
BEST = 3
"""Answers that are named with their probabilities."""


class Answers(PictureView):
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
        if self.asked:
            await super().show()
        else:
            self.say_wrong(too_long(typed(self.question.value)) or "Ask something, and the models look.")
        await self.inside.show()

    def inputs(self, content: bytes) -> Mapping[str, Any]:
        return {"image": [content], "question": [self.asked]}

    def fill(self, served: Served, card: Card, answer: Arrays, *, picture: Image) -> None:
        names, share = [str(name) for name in served.config["answers"]], answer["probability"][0]
        best = (-share).argsort(kind="stable")[:BEST]
        card.head.text = f"{names[best[0]]} {share[best[0]]:.0%}"
        with card.body:
            ui.label(", ".join(f"{names[n]} {share[n]:.1%}" for n in best)).classes("note")
            maps(picture, answer["attention"][0], (f"look {n}" for n in count(1)))
