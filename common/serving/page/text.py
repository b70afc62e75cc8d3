"""Views of models that read a text."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable
from typing import ClassVar

from nicegui import ui

from common.serving.page.cards import Cards, Charts
from common.serving.page.inside import Inside
from common.serving.page.view import PAUSE, View, too_long, typed


class TextView(View):
    """A view of models that read a text: a field, a line for what is wrong with it, and a card for each answer.

    Attributes:
        label: The name of the field.
        sample: The text that stands in it at first.
        nothing: What is said where there is no text.
        asked: The text that is answered; empty while there is none.
    """

    label: ClassVar[str]
    sample: ClassVar[str]
    nothing: ClassVar[str]

    def build(self) -> None:
        self.asked = ""
        self.text = ui.textarea(self.label, value=self.sample, on_change=self.show)
        self.text.props(f"outlined autogrow debounce={PAUSE}").classes("field")
        self.choices = ui.element("div").classes("choices")
        self.wrong = self.line()
        self.charts_box = ui.element("div").classes("charts")
        self.charts = Charts(self.charts_box)
        self.answers = Cards(self.served)
        self.inside = Inside(self, lambda one: {"text": [self.asked]} if self.asked else None)
        self.say("")

    @property
    def start(self) -> Awaitable[None]:
        return self.show()

    async def show(self) -> None:
        """Asks all models about the text."""
        text = typed(self.text.value)
        wrong = too_long(text) if text else self.nothing
        self.asked = "" if wrong else text
        if wrong:
            self.latest.stop()
            self.say(wrong)
        else:
            await self.answer(text)
        await self.inside.show()

    def say(self, wrong: str) -> None:
        """Takes all answers away, and says what is wrong, if anything is."""
        self.wrong.text = wrong
        self.charts.show()
        self.charts_box.set_visibility(False)
        self.answers.clear()

    @abstractmethod
    async def answer(self, text: str) -> None:
        """Shows the answers to a text."""
