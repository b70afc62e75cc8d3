"""Tags over the words of a sentence."""

from __future__ import annotations

import zlib
from collections.abc import Awaitable

from nicegui import ui

from common.serving.http.joining import Arrays
from common.serving.http.refusals import Refused
from common.serving.page.inside import Inside
from common.serving.page.served import Served
from common.serving.page.view import PAUSE, Card, View, all_refused, cards, strings, titled, typed

SIGNATURE = "text"
SAMPLE = "Bugün hava çok güzel."
HUES = 360


class Tags(View):
    title = "Tags"
    icon = "label"
    about = (
        "Type a sentence: each model names the part of speech of every word; a pale tag is one it is unsure of, and a "
        "dotted word is one it never saw in training."
    )

    @classmethod
    def fits(cls, served: Served) -> bool:
        return served.has(SIGNATURE, "text", "tokens", "tags", "probability", "seen")

    def build(self) -> None:
        self.text = ui.textarea("Your sentence", value=SAMPLE, on_change=self.show)
        self.text.props(f"outlined autogrow debounce={PAUSE}").classes("field")
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
        """Asks all models for the tags of the sentence."""
        if not self._given:
            self.latest.stop()
            self.answers.clear()
            self.wrong.text = "Type a sentence, and its words get tags."
            return
        found = await self.latest(self.ask_all(SIGNATURE, lambda one: {"text": [self._given]}))
        if found is None:
            return
        refused = all_refused(found)
        self.wrong.text = refused.message if refused else ""
        self.answers.clear()
        for one in self.served if not refused else ():
            card, answer = self.card(one, self.answers), found[one.name]
            if isinstance(answer, Refused):
                card.refuse(answer)
            else:
                _tagged(card, answer)
        await self.inside.show()


def _tagged(card: Card, answer: Arrays) -> None:
    words = strings(answer["tokens"][0])
    columns = (strings(answer["tags"][0]), answer["probability"][0], answer["seen"][0])
    with card.body, ui.element("p").classes("tagged"):
        for word, tag, share, seen in zip(words, *columns):
            with ui.element("span").classes("tagged-word"):
                badge = ui.label(tag).classes("tag").style(f"--hue: {hue(tag)}; opacity: {0.35 + 0.65 * share:.2f}")
                titled(badge, f"{tag} {share:.0%}")
                titled(ui.label(word).classes("" if seen else "unseen"), "seen in training" if seen else "never seen")


def hue(tag: str) -> int:
    """The colour of a tag, the same wherever it is shown."""
    return zlib.crc32(tag.encode()) % HUES
