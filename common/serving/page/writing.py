"""Texts written on by language models, shown as they are written."""

from __future__ import annotations

import asyncio
import codecs
from collections.abc import AsyncIterator

import numpy as np
from nicegui import ui

from common.serving.http.refusals import Refused
from common.serving.page.cards import Card, Cards
from common.serving.page.inside import Inside
from common.serving.page.served import Served
from common.serving.page.view import View, too_long, typed

SIGNATURE = "continue"
PIECES = 4
"""Pieces that are written before they are shown."""
SEEDS = 2**31


class Writing(View):
    title = "Writing"
    icon = "edit_note"
    about = (
        "Begin a text and let each model write on, one token after the other: a low temperature takes what is likely, "
        "a high one takes risks."
    )

    @classmethod
    def fits(cls, served: Served) -> bool:
        forward = not served.config.get("backward")  # What is written before a text cannot follow it.
        return forward and served.has(SIGNATURE, "prompt", "state", "temperature", "length", "seed", "text", "ended")

    def build(self) -> None:
        self.prompt = ui.textarea("The beginning", value="The film").props("outlined autogrow").classes("field")
        with ui.element("div").classes("controls"):
            self.temperature = self._slider("Temperature", (0.1, 1.5, 0.05), 0.8)
            self.length = self._slider("Tokens", (20, 400, 20), 120)
        with ui.element("div").classes("choices"):
            ui.button("Write", icon="edit", on_click=self.write)
            ui.button("Write something else", on_click=self.write_another).props("flat")
            ui.button("Stop", on_click=self.latest.stop).props("flat")
        self.seed = 1
        self.wrong = self.line()
        self.texts = Cards(self.served)
        self.inside = Inside(self, lambda one: {"text": [self._given]})

    def _slider(self, name: str, span: tuple[float, float, float], value: float) -> ui.slider:
        low, high, step = span
        with ui.element("div").classes("control"):
            shown = ui.label().classes("control-name")
            slider = ui.slider(min=low, max=high, step=step, value=value).props(f'aria-label="{name}"')
            shown.bind_text_from(slider, "value", lambda now: f"{name} {now:g}")
        return slider

    @property
    def _given(self) -> str:
        return typed(self.prompt.value)  # A blank at its end would be a token of its own.

    async def write_another(self) -> None:
        """Writes with other draws."""
        self.seed = (self.seed + 1) % SEEDS
        await self.write()

    async def write(self) -> None:
        """Lets all models write, at the same time."""
        self.texts.clear()
        self.wrong.text = too_long(self._given)
        if self.wrong.text:
            return
        shown = [(one, self.texts.show(one)) for one in self.served]
        work = asyncio.gather(*(self._write(one, card) for one, card in shown), self.inside.show())
        refused = await self.latest(work)
        if refused is None:
            return
        told = [one for one in refused if one is not None]
        if len(told) == len(self.served):  # All say the same, such as that a text is too long.
            self.texts.clear()
            self.wrong.text = told[0].message

    async def _write(self, served: Served, card: Card) -> Refused | None:
        """Writes on in a card; returns why, if there is not even a beginning."""
        card.head.text = "writing"
        with card.body:
            paragraph = ui.element("p").classes("written")
        with paragraph:
            ui.label(self._given).classes("prompt")
            written = ui.label()
        try:
            async for text in self._pieces(served):
                written.text += text
        except Refused as refused:
            card.head.text = ""
            if not written.text:
                card.refuse(refused.message)
                return refused
            with card.body:
                ui.label(refused.message).classes("line")
        else:
            card.head.text = f"temperature {self.temperature.value:g}"
        return None

    async def _pieces(self, served: Served) -> AsyncIterator[str]:
        """What a model writes, a few tokens at a time; all of it has the time of one request.

        Raises:
            Refused: The model refuses the beginning, or the time is over.
        """
        decoder, deadline = codecs.getincrementaldecoder("utf-8")("replace"), self.asker.deadline()
        inputs = {"prompt": [self._given], "state": np.zeros((1, 0)), "seed": [self.seed], "top_k": 0, "top_p": 1.0}
        inputs |= {"length": PIECES, "temperature": float(self.temperature.value)}
        steps = min(-(-int(self.length.value) // PIECES), self.asker.limits.steps)
        with self.asker.store.find(served.name) as model:
            for step in range(steps):
                found = await self.asker.answer(model, SIGNATURE, inputs, deadline=deadline)
                ended = bool(found["ended"][0]) or step == steps - 1
                yield decoder.decode(found["text"][0], final=ended)
                if ended:
                    return
                inputs |= {"prompt": [""], "state": found["state"]}
