"""Captions of a picture, word by word, each with where the model looked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nicegui import ui

from common.errors import InputError
from common.figures.captions import lit
from common.serving.http.joining import Arrays
from common.serving.page.cards import Card
from common.serving.page.file import FileView, tried
from common.serving.page.served import Served
from common.serving.page.view import all_refused, strings
from common.sources.pictures import SUFFIXES, decoded

if TYPE_CHECKING:
    from PIL.Image import Image

DEFAULT, SIDE = "serving_default", 96
"""The signature that is asked, and the pixels of a side of the picture of a word."""
PAUSE = 0.35
"""Seconds from word to word."""


class Captions(FileView):
    title = "Captions"
    icon = "image"
    thing = "picture"
    suffixes = SUFFIXES
    example = "example.png"
    about = (
        "Take the sample or a picture of your own: each model says what is in it, word by word, and each word lights "
        "what the model looked at when it wrote it."
    )

    @classmethod
    def fits(cls, served: Served) -> bool:
        return served.has(DEFAULT, "image", "caption", "words", "attention") and "size" in served.config

    def build(self) -> None:
        super().build()
        with ui.element("div") as self.shown:
            self.picture = ui.image().style("width: 240px")
        self.shown.set_visibility(False)

    def read(self, path: Path, source: str) -> dict[str, bytes | InputError]:
        content = path.read_bytes()
        found = tried(lambda: decoded(content, SIDE, source) is not None and content)
        return {one.name: found for one in self.served}

    def names(self, read: bytes) -> Sequence[str]:
        return [self.thing]

    def say_wrong(self, message: str) -> None:
        super().say_wrong(message)
        self.shown.set_visibility(False)

    async def show(self) -> None:
        content = next((one for one in self.found.values() if isinstance(one, bytes)), None)
        if content is None:
            return
        found = await self.latest(self.ask_all(DEFAULT, lambda one: {"image": [content]}))
        if found is None:
            return
        refused = all_refused(found)
        self.say_wrong(refused.message if refused else "")
        picture = opened(content)
        self.picture.set_source(picture)
        self.shown.set_visibility(refused is None)
        for one, card, answer in self.answers.fill(self.served, {} if refused else found):
            _fill(one, card, answer, picture=picture)


def opened(content: bytes) -> Image:
    """A picture in the size in which the page shows it."""
    from io import BytesIO

    from PIL import Image

    with Image.open(BytesIO(content)) as picture:
        return picture.convert("RGB").resize((2 * SIDE, 2 * SIDE))


def _fill(served: Served, card: Card, answer: Arrays, *, picture: Image) -> None:
    """The words of a caption, each with its picture."""
    words, attention = strings(answer["words"][0]), answer["attention"][0]
    card.head.text = f"log-probability {float(answer['log_probability'][0]):.2f}"
    with card.body:
        if not words:
            ui.label("It wrote nothing.").classes("note")
            return
        ui.label(answer["caption"][0].decode(errors="replace")).classes("translation")
        if not attention.any():
            ui.label("It has no attention: the whole picture is in the state that it starts from.").classes("note")
            return
        with ui.element("div").classes("words"):
            for n, (word, weights) in enumerate(zip(words, attention)):
                with ui.element("div").classes("looked").style(f"animation-delay: {n * PAUSE:.2f}s"):
                    ui.image(lit(picture, weights, SIDE)).style(f"width: {SIDE}px")
                    ui.label(word)
