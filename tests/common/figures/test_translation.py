"""Figures of translations."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from common.figures.translation import translation_figure, visible
from common.scoring.translation import Translations


class Even:
    """A model that attends to all of the source alike."""

    def ask(self, records: list, signature: str, *, what: str, beam: int) -> list:
        assert signature == "attention" and beam == 3
        source, translation = ["a", " b", "<end>", ""], ["c", "<end>", ""]
        weights = np.array([[1 / 3, 1 / 3, 1 / 3, 0], [1 / 3, 1 / 3, 1 / 3, 0], [0, 0, 0, 0]])
        return [{"source": source, "translation": translation, "weights": weights} for _ in records]


@pytest.mark.parametrize("attention", [False, True])
def test_curves_lengths_and_maps(attention: bool) -> None:
    sources = ["one", "one two three four five six", "w " * 41, "w " * 7]
    answers = Translations(sources, sources, ["one", *["none"] * 3], "fr", model=Even())
    history = [{"epoch": n, "loss": 2.0 - n, "val_loss": 3.0 - n} for n in range(2)]
    results = SimpleNamespace(history=history, answers=answers)
    figure = translation_figure(results, beam=3, attention=attention, title="of a test")
    curves, lengths, *rest = figure.axes
    assert figure.get_suptitle() == "of a test" and len(curves.lines) == 2
    assert [label.get_text() for label in lengths.get_xticklabels()] == ["1-5", "6-10", "over 40"]
    maps = [ax for ax in rest if ax.get_title()]
    assert len(maps) == (2 if attention else 0)
    for ax in maps:
        assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "▁b", "<end>"]
        assert ax.images[0].get_array().shape == (2, 3)


def test_spaces_are_made_visible() -> None:
    assert visible(" a b") == "▁a▁b"
