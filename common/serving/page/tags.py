"""Tags over the words of a sentence."""

from __future__ import annotations

import zlib

from nicegui import ui

from common.serving.http.joining import Arrays
from common.serving.page.cards import Card, titled
from common.serving.page.served import Served
from common.serving.page.text import TextView
from common.serving.page.view import all_refused, strings

SIGNATURE = "text"
HUES = 360


class Tags(TextView):
    title = "Tags"
    icon = "label"
    about = (
        "Type a sentence: each model names the part of speech of every word; a pale tag is one it is unsure of, and a "
        "dotted word is one it never saw in training."
    )
    label = "Your sentence"
    sample = "Bugün hava çok güzel."
    nothing = "Type a sentence, and its words get tags."

    @classmethod
    def fits(cls, served: Served) -> bool:
        return served.has(SIGNATURE, "text", "tokens", "tags", "probability", "seen")

    async def answer(self, text: str) -> None:
        found = await self.latest(self.ask_all(SIGNATURE, lambda one: {"text": [text]}))
        if found is None:
            return
        refused = all_refused(found)
        self.say(refused.message if refused else "")
        for _, card, answer in self.answers.fill(self.served, {} if refused else found):
            _tagged(card, answer)


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
