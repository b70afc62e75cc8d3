"""Texts as pieces of a level, for language models: every text can be spelled, and comes back as it was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from common.text.byte_pairs import counted
from common.text.scripts import Level
from common.text.subwords import Subwords

LONGEST_CHUNK = 1 << 16
"""Characters that are split at a time: longer texts are cut after ends of lines, which no piece crosses."""


def pieces_of(level: Level, texts: Sequence[str], *, size: int, min_count: int = 2) -> Subwords:
    """The pieces of a level, learned from texts.

    What is no piece of the level is spelled: a rare word by shorter pieces and characters, a rare character by its
    bytes. So each level gives a probability to any text, and levels can be compared.

    Args:
        level: Characters; subwords by byte-pair encoding; or words, each with the blank before it.
        texts: The training texts.
        size: Maximum number of pieces.
        min_count: Minimum occurrences of a piece, for words and characters.

    Raises:
        InputError: There are too few subwords to spell every text.
    """
    cut = [chunk for text in texts for chunk in chunks(text)]
    if level == "subword":
        return Subwords.of(cut, size)
    counts = counted(cut)
    letters: Counter[str] = Counter()
    for word, count in counts.items():
        for letter in word.decode(errors="ignore"):
            if not letter.isascii():  # These are among the bytes already.
                letters[letter] += count
    known = _frequent(letters, min_count)[:size]
    if level == "word":
        words = Counter({word.decode(errors="ignore"): count for word, count in counts.items()})
        spelled = [word for word in _frequent(words, min_count) if len(word) > 1]
        known += spelled[: size - len(known)]
    return Subwords(known)


def _frequent(counts: Counter[str], min_count: int) -> list[str]:
    """The strings that occur often enough, the most frequent first."""
    return [name for name, count in sorted(counts.items(), key=lambda one: (-one[1], one[0])) if count >= min_count]


def chunks(text: str, most: int = LONGEST_CHUNK) -> Iterator[str]:
    """Cuts a text after ends of lines, so that no chunk is much longer than `most` characters."""
    first = 0
    while len(text) - first > most:
        end = text.find("\n", first + most) + 1 or len(text)
        end = end if end - first <= 2 * most else first + most
        yield text[first:end]
        first = end
    if first < len(text) or not first:
        yield text[first:]


class Piece(NamedTuple):
    """A piece of a text, and what is read before it."""

    context: str
    text: str


def with_context(text: str, *, pieces: int, context: int, backward: bool = False) -> Iterator[Piece]:
    """Cuts a text at ends of lines into about so many pieces, none much shorter than its context.

    Args:
        text: The text.
        pieces: Maximum number of pieces.
        context: Characters of the context, rounded up to whole lines.
        backward: Whether the text is read from its end: pieces then come last first, and contexts stand after them.
    """
    if backward:
        for piece in with_context(text[::-1], pieces=pieces, context=context):
            yield Piece(piece.context[::-1], piece.text[::-1])
        return
    at = 0
    for one in chunks(text, max(-(-len(text) // pieces), context, 1)):
        begins = text.rfind("\n", 0, max(at - context, 0)) + 1
        yield Piece(text[max(begins, at - 2 * context) : at], one)
        at += len(one)


def encoded(pieces: Subwords, texts: Sequence[str]) -> list[np.ndarray]:
    """The numbers of the pieces of each text, int32 `[pieces]`."""
    cut = [list(chunks(text)) for text in texts]
    flat, found = [chunk for some in cut for chunk in some], []
    for batch in _batches(flat):
        ragged = pieces.function(tf.constant(batch, tf.string))
        found += np.split(ragged.flat_values.numpy(), ragged.row_splits.numpy()[1:-1])
    at = np.cumsum([0, *map(len, cut)])
    return [np.concatenate(found[first:end]) for first, end in pairwise(at)]


def _batches(texts: Sequence[str], characters: int = 1 << 22) -> Iterator[Sequence[str]]:
    """Texts in batches of some million characters."""
    first, size = 0, 0
    for number, text in enumerate(texts):
        size += len(text)
        if size > characters:
            yield texts[first : number + 1]
            first, size = number + 1, 0
    if first < len(texts):
        yield texts[first:]
