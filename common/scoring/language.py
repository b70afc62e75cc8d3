"""Scores of language models."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from common.scoring import Scores
from common.scoring.items import Items
from common.text.scripts import fitting_level

PLACES = (0, 10, 30, 100, 300, 1000, 3000)
"""Where the ranges of places in a text begin, in tokens read before."""
LOOKED_AT = 10_000
"""Characters of a text by which it is seen whether blanks divide words."""


class Length(NamedTuple):
    """How long texts are, in units that no model decides.

    Attributes:
        characters: Characters; the end of a text is one where it is predicted.
        words: Words between blanks; the end of a text is one where it is predicted. 0 where most texts have no blanks
            between words, as Chinese ones.
    """

    characters: int
    words: int

    @classmethod
    def of(cls, texts: Sequence[str], *, ends: bool) -> Length:
        """The length of texts.

        Args:
            texts: The texts.
            ends: Whether their ends are predicted.
        """
        more = len(texts) * ends
        characters = sum(map(len, texts)) + more
        if fitting_level([text[:LOOKED_AT] for text in texts]).level == "character":
            return cls(characters, 0)
        return cls(characters, sum(len(text.split()) for text in texts) + more)


class Likelihoods(NamedTuple):
    """How likely a model finds each token of some texts, given what comes before it.

    Attributes:
        losses: The negative log-probability of each token, in nats, `[tokens]`.
        length: How long the texts are.
        places: For each place in a text, from 0: the mean loss there and the number of texts, `[places, 2]`; empty
            where the place makes no difference.
        sample: What the model writes.
        texts: The tokens and the characters of each text, `[texts, 2]`; empty where there is one text alone.
    """

    losses: np.ndarray
    length: Length
    places: np.ndarray = np.zeros((0, 2))
    sample: str = ""
    texts: np.ndarray = np.zeros((0, 2), np.int64)

    def scores(self) -> Scores:
        """Nats a token, bits a character, perplexity a word: the last two compare models of different tokens.

        Where blanks divide no words the perplexity is NaN.
        """
        nats, (characters, words) = float(self.losses.sum(dtype=np.float64)), self.length
        return {
            "nats_per_token": nats / len(self.losses),
            "bits_per_character": nats / characters / math.log(2),
            "perplexity_per_word": math.exp(min(nats / words, 700)) if words else math.nan,
        }

    def items(self) -> Items | None:
        """The bits and the characters of each text; None for a single text."""
        if len(self.texts) < 2:
            return None
        tokens, characters = self.texts.T
        nats = np.add.reduceat(self.losses.astype(np.float64), np.cumsum(tokens) - tokens)
        return Items(np.stack([nats / math.log(2), characters], 1))

    def report(self) -> str:
        """The loss by the number of tokens read before, and a sample."""
        lines = ["tokens read before    nats a token    texts"]
        for first, end in zip(PLACES, (*PLACES[1:], len(self.places))):
            some = self.places[first:end]
            if len(some) and (count := some[:, 1].sum()):
                mean = (some[:, 0] * some[:, 1]).sum() / count
                lines.append(f"{f'{first:,} to {first + len(some) - 1:,}':<22}{mean:>12.4f}{int(some[0, 1]):>9,}")
        return "\n".join(lines if len(lines) > 1 else []) + (f"\n\nsample:\n{self.sample}\n" if self.sample else "")


def by_place(losses: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """The mean loss at each place of sequences end to end, and the number of sequences that have it, `[places, 2]`."""
    offsets = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    place = np.arange(len(losses)) - np.repeat(offsets, lengths)
    counts = np.bincount(place)
    return np.stack([np.bincount(place, losses) / counts, counts], 1)
