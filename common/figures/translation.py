"""Figures of translations."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np

from common.figures.plain import plain
from common.figures.training import learning_curves
from common.scoring.translation import Translations, bleu

LENGTHS = (5, 10, 20, 40)
"""The upper limits, in words, of the groups of sources."""


def visible(piece: str) -> str:
    """A subword with its spaces made visible."""
    return plain(piece.replace(" ", "▁"))


def translation_figure(results: Any, *, beam: int, attention: bool, title: str) -> Any:
    """The loss over the epochs, BLEU by the length of the source, and maps of attention for two test sentences.

    Args:
        results: The results of the training; their `answers` are `Translations` with a model.
        beam: Hypotheses that the search for the maps keeps.
        attention: Whether the model has attention; without it, there are no maps.
        title: The title of the figure.

    Returns:
        A matplotlib figure.
    """
    from matplotlib.figure import Figure

    answers: Translations = results.answers
    figure = Figure(figsize=(13, 9 if attention else 5), layout="constrained", dpi=110)
    curves, lengths, *maps = figure.subplots(1 + attention, 2).flat
    learning_curves([curves], results.history, ["loss"])
    curves.set(title="loss a subword; in training with dropout and smoothing")
    words = np.array([len(source.split()) for source in answers.sources])
    bleu_by_length(lengths, answers, words)
    if attention:
        near = [np.argsort(np.abs(words - length), kind="stable") for length in (7, 12)]
        chosen = list(dict.fromkeys([near[0][0], *near[1][:2]]))[: len(maps)]
        texts = [{"text": answers.sources[n]} for n in chosen]
        for ax, found in zip(maps, answers.model.ask(texts, "attention", what="attending", beam=beam)):
            figure.colorbar(attention_map(ax, found), ax=ax, label="weight")
    figure.suptitle(plain(title))
    return figure


def bleu_by_length(ax: Any, answers: Translations, words: np.ndarray) -> None:
    """Draws the BLEU by the length of the source.

    Args:
        ax: Matplotlib axes.
        answers: Some translations.
        words: Number of words of each source.
    """
    names, bars = [], []
    for low, high in pairwise([0, *LENGTHS, math.inf]):
        group = np.flatnonzero((words > low) & (words <= high))
        if len(group):
            predictions, references = ([side[n] for n in group] for side in (answers.predictions, answers.references))
            names.append(f"{low + 1}-{high}" if high < math.inf else f"over {low}")
            bars.append(bleu(answers.language, answers.references).corpus_score(predictions, [references]).score)
    ax.bar(names, bars)
    ax.set(title="test: BLEU by words of the source", xlabel="words", ylabel="BLEU")


def attention_map(ax: Any, found: dict[str, Any]) -> Any:
    """Draws the weights of attention of one translation.

    Args:
        ax: Matplotlib axes.
        found: The outputs of a translator's `attention` for one text.

    Returns:
        The image, for a colour bar.
    """
    rows, columns = ([visible(piece) for piece in found[name] if piece] for name in ("translation", "source"))
    weights = found["weights"][[n for n, piece in enumerate(found["translation"]) if piece], : len(columns)]
    image = ax.imshow(weights, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    ax.set_xticks(range(len(columns)), columns, rotation=90)
    ax.set_yticks(range(len(rows)), rows, fontsize=min(10, 250 / len(rows)))
    ax.set(title="test: weights of attention", xlabel="source", ylabel="translation")
    return image
