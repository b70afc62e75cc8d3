"""Scripts that put no blanks between words, and the level at which texts are split."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import regex

Level = Literal["word", "subword", "character"]

LONGEST: dict[Level, int] = {"word": 2, "subword": 2, "character": 4}
"""The longest n-grams of a level that linear classifiers read, in tokens."""

UNSPACED = (
    r"\p{Han}\p{Hiragana}\p{Katakana}\p{Bopomofo}\p{Yi}"
    r"\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tai_Le}\p{New_Tai_Lue}\p{Tai_Tham}\p{Tai_Viet}\p{Javanese}\p{Balinese}"
)
"""The scripts, as they stand between the brackets of a regular expression of `regex` and of TensorFlow."""

_INSIDE = regex.compile(rf"[{UNSPACED}]|\p{{L}}{{40,}}")  # No word has 40 letters; strings of DNA have.
_OTHER_WORD = regex.compile(rf"(?V1)[\p{{L}}--[{UNSPACED}]][\p{{L}}\p{{M}}--[{UNSPACED}]]*")
_BREAK = regex.compile(rf"(?<=[{UNSPACED}])[\s\p{{Z}}\u200b]+(?=[{UNSPACED}])")
_LETTER = regex.compile(r"\p{L}")
_WORD = regex.compile(r"\p{L}[\p{L}\p{M}]*")


class Fitting(NamedTuple):
    """The level that fits texts, and why.

    Attributes:
        level: The level.
        with_blanks: The share of the texts that have blanks between words.
    """

    level: Level
    with_blanks: float

    def __str__(self) -> str:
        return f"{self.with_blanks:.0%} of the texts have blanks between words"


def fitting_level(texts: Sequence[str], most: int = 2000) -> Fitting:
    """The level that fits texts: characters if most of them have no blanks between words, subwords if some, else words.

    Args:
        texts: The training texts.
        most: About how many of them are looked at, evenly spaced.
    """
    sample = [text for text in texts[:: max(1, len(texts) // most)] if _LETTER.search(text)]
    without = sum(map(has_no_blanks, sample)) / max(len(sample), 1)
    return Fitting("character" if without > 0.5 else "subword" if without > 0.05 else "word", 1 - without)


def has_no_blanks(text: str) -> bool:
    """Whether a text has no blanks between words.

    It then has more characters of scripts without blanks than words of other scripts, as Chinese with names of brands
    has. A blank in at least every eighth place is one between words: in Thai, others end phrases.
    """
    inside = sum(map(len, _INSIDE.findall(text)))
    return inside > len(_OTHER_WORD.findall(text)) and 8 * len(_BREAK.findall(text)) < inside


def known_words(train: Sequence[str], test: Sequence[str]) -> list[bool]:
    """Which words of the test texts are in the training texts, in lower case; letters where those have no blanks."""
    found = _WORD if fitting_level(train).level == "word" else _LETTER
    seen = {word for text in train for word in found.findall(text.lower())}
    return [word in seen for text in test for word in found.findall(text.lower())]
