"""What the views of the page share: models side by side, and work of which only the latest counts."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from nicegui import ui

from common.serving.http.asking import Asker
from common.serving.http.joining import Arrays
from common.serving.http.refusals import Refused
from common.serving.page.served import Served

T = TypeVar("T")
Answer = Arrays | Refused
Inputs = Callable[[Served], Mapping[str, Any] | None]
"""The inputs of a model; None where it is not asked."""
MOST_CHARACTERS = 1000
"""Characters of a text, so that no visitor's page keeps the server busy."""
PAUSE = 350
"""Milliseconds without a key after which what was typed is asked."""


class Latest:
    """Does one thing at a time: what comes takes the place of what is being done."""

    def __init__(self) -> None:
        self._task: asyncio.Future | None = None
        self._over = False
        ui.context.client.on_delete(self._close)

    async def __call__(self, work: Awaitable[T]) -> T | None:
        """The result of the work, or None if other work has taken its place or the visitor is gone."""
        self.stop()
        task = self._task = asyncio.ensure_future(work)
        if self._over:
            task.cancel()
        try:
            return await task
        except asyncio.CancelledError:
            if asyncio.current_task().cancelling():
                raise
            return None

    def _close(self) -> None:
        self._over = True
        self.stop()

    def stop(self) -> None:
        """Drops what is being done; requests that wait in the queue are not computed."""
        if self._task is not None:
            self._task.cancel()


class View(ABC):
    """A part of the page: one kind of model, tried by one visitor.

    Args:
        asker: Asks the models, through the server's queue and within its limits.
        served: The models, the plainest cell first.

    Attributes:
        title: The word on its tab.
        icon: The icon on its tab.
        about: One sentence that says what there is to see.
    """

    title: ClassVar[str]
    icon: ClassVar[str]
    about: ClassVar[str]

    def __init__(self, asker: Asker, served: Sequence[Served]) -> None:
        self.asker, self.served = asker, served
        self.latest = Latest()
        ui.label(self.about).classes("about")
        self.build()

    @classmethod
    @abstractmethod
    def fits(cls, served: Served) -> bool:
        """Whether this view can show a model."""

    @abstractmethod
    def build(self) -> None:
        """Makes the elements of the view."""

    @property
    def start(self) -> Awaitable[None] | None:
        """What is done when the view is first shown."""
        return None

    def line(self) -> ui.label:
        """A line for what cannot be answered, empty for now."""
        return ui.label().classes("line").props("role=status")

    async def ask(self, served: Served, signature: str, inputs: Mapping[str, Any]) -> Answer:
        """The answer of a model, or why there is none."""
        try:
            with self.asker.store.find(served.name) as model:
                return await self.asker.answer(model, signature, inputs, deadline=self.asker.deadline())
        except Refused as refused:
            return refused

    async def ask_all(self, signature: str, inputs: Inputs) -> dict[str, Answer]:
        """The answers of all models of the view that have the signature and get inputs, by name."""
        given = {one: inputs(one) for one in self.served if signature in one.signatures}
        given = {one: some for one, some in given.items() if some is not None}
        answers = await asyncio.gather(*(self.ask(one, signature, some) for one, some in given.items()))
        return {one.name: answer for one, answer in zip(given, answers)}


def all_refused(answers: Mapping[str, Answer]) -> Refused | None:
    """What every model says, if none has an answer."""
    refused = [answer for answer in answers.values() if isinstance(answer, Refused)]
    return refused[0] if refused and len(refused) == len(answers) else None


def typed(value: Any) -> str:
    """The text of a field, without blanks around it; a browser may send anything."""
    return value.strip() if isinstance(value, str) else ""


def too_long(text: str) -> str:
    """What is said of a text that is too long for a page, which draws every word of it; else nothing."""
    if len(text) <= MOST_CHARACTERS:
        return ""
    return f"{len(text):,} characters; this page takes {MOST_CHARACTERS:,}, and /docs tells how to ask with more."


def strings(values: Any) -> list[str]:
    """The strings of an array of bytes, without the padding behind the last."""
    found = [value.decode(errors="replace") for value in values.tolist()]
    while found and not found[-1]:
        found.pop()
    return found
