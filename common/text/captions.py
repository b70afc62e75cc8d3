"""Captions as words, and words as captions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from unicodedata import normalize

from common.text.scripts import has_no_blanks

PADDING, UNKNOWN, START, END = range(4)
"""The tokens that are no words; words follow."""
SPECIALS = 4
WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


def words_of(caption: str) -> list[str]:
    """The words of a caption in lower case and composed form, without marks; characters where words have no blanks.

    So are captions of COCO read to be scored (Chen et al. 2015, "Microsoft COCO Captions", section 4.1).
    """
    text = normalize("NFC", caption).lower()
    if has_no_blanks(text):
        return [character for character in text if character.isalnum()]
    return WORD.findall(text)


def between(words: Sequence[str]) -> str:
    """What stands between words: nothing if most of them are characters of scripts without blanks."""
    return "" if 2 * sum(map(has_no_blanks, words)) > len(words) else " "


def joined(words: Sequence[str]) -> str:
    """The caption of words."""
    return between(words).join(words)


class CaptionWords:
    """The words that captions are written with.

    Args:
        words: They, the most frequent first.

    Attributes:
        names: The text of each token; those that are no words have none.
        between: What stands between two words.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.names = [*[""] * SPECIALS, *words]
        self.between = between(words)
        self._numbers = {word: number for number, word in enumerate(words, SPECIALS)}

    @classmethod
    def of(cls, captions: Iterable[Sequence[str]], most: int) -> CaptionWords:
        """The most frequent words of captions."""
        counts = Counter(word for caption in captions for word in caption)
        return cls(sorted(counts, key=lambda word: (-counts[word], word))[:most])

    def __len__(self) -> int:
        return len(self.names)

    def numbers(self, words: Sequence[str]) -> list[int]:
        """The tokens of words."""
        return [self._numbers.get(word, UNKNOWN) for word in words]
