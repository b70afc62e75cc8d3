"""Captions of a picture, word by word, each with where the model looked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui

from common.serving.http.joining import Arrays
from common.serving.page.cards import Card
from common.serving.page.picture import DEFAULT, PictureView, maps
from common.serving.page.served import Served
from common.serving.page.view import strings

if TYPE_CHECKING:
    from PIL.Image import Image

PAUSE = 0.35
"""Seconds from word to word."""


class Captions(PictureView):
    title = "Captions"
    icon = "image"
    about = (
        "Take the sample or a picture of your own: each model says what is in it, word by word, and each word lights "
        "what the model looked at when it wrote it."
    )

    @classmethod
    def fits(cls, served: Served) -> bool:
        return served.has(DEFAULT, "image", "caption", "words", "attention") and "size" in served.config

    def fill(self, served: Served, card: Card, answer: Arrays, *, picture: Image) -> None:
        words, attention = strings(answer["words"][0]), answer["attention"][0]
        card.head.text = f"log-probability {float(answer['log_probability'][0]):.2f}"
        with card.body:
            if not words:
                ui.label("It wrote nothing.").classes("note")
                return
            ui.label(answer["caption"][0].decode(errors="replace")).classes("translation")
            if attention.any():
                maps(picture, attention, words, pause=PAUSE)
            else:
                ui.label("It has no attention: the whole picture is in the state that it starts from.").classes("note")
