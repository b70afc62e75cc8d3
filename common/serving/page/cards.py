"""Cards, one for each model, next to each other; each with words and charts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from nicegui import ui

from common.serving.http.refusals import Refused
from common.serving.page.served import COLOURS, Served


class Charts:
    """Charts in a box. They stay and change: in the browser, one that is removed before it is drawn is an error.

    Args:
        box: The box.
    """

    def __init__(self, box: ui.element) -> None:
        self._box, self._made = box, []

    def show(self, *drawn: tuple[dict[str, Any], int]) -> None:
        """Shows these charts and no others.

        Args:
            drawn: The options of each, and its height in pixels.
        """
        for number, (options, height) in enumerate(drawn):
            if number == len(self._made):
                with self._box:
                    self._made.append(ui.echart(options).classes("chart"))
            chart = self._made[number]
            chart.options.clear()
            chart.options.update(options)
            chart.style(f"height: {height}px").update()
        for number, chart in enumerate(self._made):
            chart.set_visibility(number < len(drawn))


class Card:
    """A model's part of a view: its name above, and room for its answer.

    Attributes:
        colour: The colour of the model.
        box: All of it.
        head: The place for the answer in a word or two, at the right of the name.
        body: The place for words.
        charts: Charts below them.
        foot: The place for what is to be said of the charts.
    """

    def __init__(self, served: Served, colour: str) -> None:
        self.colour = colour
        with ui.element("section").classes("model").style(f"--cell: {colour}") as self.box:
            with ui.element("div").classes("model-head"):
                ui.label(served.cell).classes("model-name")
                self.head = ui.label().classes("model-answer")
            ui.label(served.subtitle).classes("model-which")
            self.body = ui.element("div").classes("model-body")
            self.charts = Charts(ui.element("div"))
            self.foot = ui.element("div")

    def clear(self) -> None:
        """Empties the card."""
        self.head.text = ""
        self.body.clear()
        self.charts.show()
        self.foot.clear()

    def note(self, text: str) -> None:
        """Says something about the charts."""
        with self.foot:
            ui.label(text).classes("note")

    def refuse(self, message: str) -> None:
        """Says why this model has no answer."""
        self.clear()
        with self.body:
            ui.label(message).classes("line")


class Cards:
    """A box with a card for each model, next to each other where there is room; none is shown at first.

    Args:
        served: The models, in the order of their cards.
    """

    def __init__(self, served: Sequence[Served]) -> None:
        colours = colours_of(served)
        with ui.element("div").classes("models"):
            self._cards = {one.name: Card(one, colours[one.name]) for one in served}
        self.clear()

    def show(self, served: Served) -> Card:
        """The card of a model, empty, to be filled."""
        card = self._cards[served.name]
        card.clear()
        card.box.set_visibility(True)
        return card

    def clear(self) -> None:
        """Shows no card."""
        for card in self._cards.values():
            card.clear()
            card.box.set_visibility(False)

    def fill(self, served: Sequence[Served], answers: dict[str, Any]) -> Iterator[tuple[Served, Card, Any]]:
        """The models that have an answer, each with its empty card; others say why they have none."""
        for one in served:
            answer = answers.get(one.name)
            if isinstance(answer, Refused):
                self.show(one).refuse(answer.message)
            elif answer is not None:
                yield one, self.show(one), answer


def colours_of(served: Sequence[Served]) -> dict[str, str]:
    """A colour for each model by name: that of its cell, which is the same in all views, as long as there are some."""
    found: dict[str, str] = {}
    for one in served:
        free = [colour for colour in COLOURS if colour not in found.values()]
        found[one.name] = one.colour if one.colour in free or not free else free[0]
    return found


def titled(element: ui.element, text: str) -> ui.element:
    """An element with a text that shows when the mouse is over it; any text, as it is."""
    element.props["title"] = text
    return element
