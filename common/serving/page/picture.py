"""Views of models that look at a picture: the sample that training left, or a visitor's own."""

from __future__ import annotations

from abc import abstractmethod
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from nicegui import ui

from common.errors import InputError
from common.figures.captions import lit
from common.serving.http.joining import Arrays
from common.serving.page.cards import Card
from common.serving.page.file import FileView, tried
from common.serving.page.served import Served
from common.serving.page.view import all_refused
from common.sources.pictures import SUFFIXES, decoded

if TYPE_CHECKING:
    from PIL.Image import Image

DEFAULT, SIDE = "serving_default", 96
"""The signature that is asked, and the pixels of a side of a small picture."""


class PictureView(FileView):
    """A view of models that look at a picture."""

    thing = "picture"
    suffixes = SUFFIXES
    example = "example.png"

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
        found = await self.latest(self.ask_all(DEFAULT, lambda one: self.inputs(content)))
        if found is None:
            return
        refused = all_refused(found)
        self.say_wrong(refused.message if refused else "")
        picture = _opened(content)
        self.picture.set_source(_within(picture))
        self.shown.set_visibility(refused is None)
        for one, card, answer in self.answers.fill(self.served, {} if refused else found):
            self.fill(one, card, answer, picture=picture)

    def inputs(self, content: bytes) -> Mapping[str, Any]:
        """What the models are asked about a picture, given as the bytes of its file."""
        return {"image": [content]}

    @abstractmethod
    def fill(self, served: Served, card: Card, answer: Arrays, *, picture: Image) -> None:
        """Shows the answer of a model."""


def maps(picture: Image, weights: np.ndarray, names: Iterable[str], *, pause: float = 0.0) -> None:
    """Small pictures, lit where there is weight.

    Args:
        picture: The picture.
        weights: `[maps, rows, columns]`.
        names: The name of each.
        pause: Seconds from one to the next.
    """
    with ui.element("div").classes("words"):
        for n, (name, one) in enumerate(zip(names, weights)):
            with ui.element("div").classes("looked").style(f"animation-delay: {n * pause:.2f}s"):
                ui.image(_within(lit(picture, one, SIDE))).style(f"width: {SIDE}px")
                ui.label(name)


def _opened(content: bytes) -> Image:
    from PIL import Image

    with Image.open(BytesIO(content)) as picture:
        return picture.convert("RGB").resize((2 * SIDE, 2 * SIDE))


def _within(picture: Image) -> str:
    """A picture inside its address: a file of its own would be gone once the next picture is shown, loaded or not."""
    content = BytesIO()
    picture.save(content, "PNG")
    return "data:image/png;base64," + b64encode(content.getvalue()).decode()
