"""Texts as pieces of a level, for language models: every text can be spelled, and comes back as it was."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from common.text.blocks import Block
from common.text.byte_pairs import batches, counted, in_parallel
from common.text.scripts import Level
from common.text.subwords import Subwords

LONGEST_CHUNK = 1 << 16
"""Characters that are split at a time: longer texts are cut after ends of lines, which no piece crosses."""


def pieces_of(level: Level, texts: Iterable[str], *, size: int, min_count: int = 2) -> Subwords:
    """The pieces of a level, learned from texts.

    What is no piece of the level is spelled: a rare word by shorter pieces and characters, a rare character by its
    bytes. So each level gives a probability to any text, and levels can be compared.

    Args:
        level: Characters; subwords by byte-pair encoding; or words, each with the blank before it.
        texts: The training texts, or their `chunks`; they are read once.
        size: Maximum number of pieces.
        min_count: Minimum occurrences of a piece, for words and characters.

    Raises:
        InputError: There are too few subwords to spell every text.
    """
    cut = (chunk for text in texts for chunk in chunks(text))
    if level == "subword":
        return Subwords.of(cut, size)
    letters: Counter[str] = Counter()
    if level == "character":
        for chunk in cut:
            letters.update(re.sub(r"[\0-\x7f]+", "", chunk))  # Those are among the bytes already.
        return Subwords(_frequent(letters, min_count)[:size])
    counts = counted(cut)
    for word, count in counts.items():
        for letter in re.sub(r"[\0-\x7f]+", "", word.decode(errors="ignore")):
            letters[letter] += count
    known = _frequent(letters, min_count)[:size]
    words = Counter({word.decode(errors="ignore"): count for word, count in counts.items()})
    spelled = [word for word in _frequent(words, min_count) if len(word) > 1]
    return Subwords(known + spelled[: size - len(known)])


def _frequent(counts: Counter[str], min_count: int) -> list[str]:
    """The strings that occur often enough, the most frequent first."""
    return [name for name, count in sorted(counts.items(), key=lambda one: (-one[1], one[0])) if count >= min_count]


def chunks(text: str, most: int = LONGEST_CHUNK) -> Iterator[str]:
    """Cuts a text after ends of lines, so that no chunk is much longer than `most` characters."""
    return (chunk.text for chunk in chunked([Block(text, True)], most))


def chunked(blocks: Iterable[Block], most: int = LONGEST_CHUNK) -> Iterator[Block]:
    """Cuts texts that come in blocks of any size as `chunks` cuts whole ones."""
    waiting = ""
    for block in blocks:
        waiting += block.text
        first, known = 0, len(waiting) if block.ends else len(waiting) - 2 * most
        while known - first > (most if block.ends else 0):
            end = waiting.find("\n", first + most) + 1 or len(waiting)
            end = end if end - first <= 2 * most else first + most
            if block.ends and end == len(waiting):
                break
            yield Block(waiting[first:end], False)
            first = end
        waiting = waiting[first:]
        if block.ends:
            yield Block(waiting, True)
            waiting = ""


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
    found: list[np.ndarray] = []
    some: list[np.ndarray] = []
    for numbers, ends in encoded_chunks(pieces, (Block(text, True) for text in texts)):
        some.append(numbers)
        if ends:
            found.append(np.concatenate(some))
            some = []
    return found


def encoded_chunks(pieces: Subwords, blocks: Iterable[Block]) -> Iterator[tuple[np.ndarray, bool]]:
    """The numbers of the pieces of texts that come in blocks, chunk by chunk; and whether the text ends with it."""
    ends: deque[bool] = deque()

    def texts() -> Iterator[str]:
        for chunk in chunked(blocks):
            ends.append(chunk.ends)
            yield chunk.text

    def of_batch(batch: Sequence[str]) -> list[np.ndarray]:
        ragged = pieces.function(tf.constant(batch, tf.string))
        return np.split(ragged.flat_values.numpy(), ragged.row_splits.numpy()[1:-1])

    for found in in_parallel(of_batch, batches(texts())):
        for numbers in found:
            yield numbers, ends.popleft()
