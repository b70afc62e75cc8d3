"""The picture of what is inside a recurrence while it reads: hidden state and gates, step by step."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from nicegui import ui

from common.serving.http.joining import Arrays
from common.serving.page import charts
from common.serving.page.cards import Card, Cards
from common.serving.page.view import Inputs, Latest, View, strings

SIGNATURE = "inside"
HIDDEN = "hidden_state"
MOST_UNITS = 20
"""Units that are drawn: those that change most."""
MOST_STEPS = 60
"""Steps that are drawn: the last ones."""
ABOUT = {
    HIDDEN: "The hidden state is what the cell tells the layers above: a row is a unit, red below 0, blue above.",
    "cell_state": "The cell state is the LSTM's memory; where nothing is forgotten or written, a row keeps its colour.",
    "forget_gate": "The forget gate decides how much of the memory is kept: dark is all, white is nothing.",
    "input_gate": "The input gate decides how much of the new step is written into the memory: dark is all of it.",
    "output_gate": "The output gate decides how much of the memory is shown to the layers above: dark is all of it.",
    "update_gate": "The update gate decides how much of the old state is kept: dark is all, white is nothing.",
    "reset_gate": "The reset gate decides how much of the old state the new one is computed from: dark is all of it.",
}
"""One sentence for each thing there is to see."""


class Inside:
    """A part of a view that opens, with the states and gates of each model for the same input.

    Args:
        view: The view.
        inputs: Gives what each model reads.
        steps: The names of steps, for models that give no tokens.
        column: The column that is shown, for models that read several.
    """

    def __init__(
        self,
        view: View,
        inputs: Inputs,
        *,
        steps: Callable[[int], list[str]] = lambda many: [str(n + 1) for n in range(many)],
        column: Callable[[], int] = lambda: 0,
    ) -> None:
        self._view, self._inputs, self._steps = view, inputs, steps
        self._column, self._latest, self._answers = column, Latest(), {}
        names = [name for name in ABOUT if any(one.has(SIGNATURE, name) for one in view.served)]
        self._can = bool(names)
        with ui.expansion("Look inside: hidden state and gates", icon="grid_on", on_value_change=self.show) as self.box:
            self.box.classes("inside")
            if not names:
                ui.label("These models were saved without what is inside; train again to see it.").classes("about")
                return
            shown = {name: name.replace("_", " ") for name in names}
            self.what = ui.toggle(shown, value=HIDDEN, on_change=self._draw)
            self.what.props("no-caps unelevated toggle-color=primary")
            self.about = ui.label(ABOUT[HIDDEN]).classes("about")
            self.pictures = Cards(view.served)

    async def show(self) -> None:
        """Asks the models, if it is open."""
        if not (self.box.value and self._can):
            return
        answers = await self._latest(self._view.ask_all(SIGNATURE, self._inputs))
        if answers is not None:
            self._answers = answers
            self._draw()

    def _draw(self) -> None:
        what = self.what.value
        self.about.text = ABOUT[what]
        self.pictures.clear()
        for one, card, answer in self.pictures.fill(self._view.served, self._answers):
            if what in answer:
                card.head.text = what.replace("_", " ")
                self._picture(card, answer, what)
            else:
                card.note(f"{one.cell} has no {what.replace('_', ' ')}.")

    def _picture(self, card: Card, answer: Arrays, what: str) -> None:
        values = answer[what][0]
        values = values.reshape(-1, *values.shape[-2:])[self._column()].T  # [units, steps]
        names = strings(answer["tokens"][0]) if "tokens" in answer else self._steps(values.shape[1])
        many = len(names)
        values, names = values[:, max(0, many - MOST_STEPS) : many], names[-MOST_STEPS:]
        if not values.size:
            card.note("There is no step to show.")
            return
        moving = np.sort(np.argsort(-values.std(1), kind="stable")[:MOST_UNITS])
        signed = what in (HIDDEN, "cell_state")
        rows = [f"unit {unit + 1}" for unit in moving]
        options = charts.heat(names, rows, values[moving], signed=signed, what=what.replace("_", " "), named=False)
        card.charts.show((options, 440))
        if len(moving) < len(values):
            card.note(f"The {len(moving)} of {len(values)} units that change most.")
        if many > MOST_STEPS:
            card.note(f"The last {MOST_STEPS} of {many:,} steps.")
