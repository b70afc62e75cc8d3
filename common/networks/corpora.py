"""Training texts of a language model on disk: read a part at a time, encoded, and written once into the cache."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from common.reports import say
from common.streams import Pieces, Sequences
from common.streams.prepared import prepared
from common.streams.stored import Constant, Run, Store
from common.text.pieces import chunked, encoded_chunks, pieces_of
from common.text.subwords import END, START, Subwords

if TYPE_CHECKING:
    from common.sources.large import LargeTexts
    from common.text.scripts import Level

PIECES, COUNTS = "pieces.json", "counts.npy"
FORMAT = 3
"""The format of prepared texts. Raise it when those of earlier versions are no longer what would be written."""


class Corpus:
    """The encoded training texts, which are prepared where no earlier training has done so.

    Args:
        texts: The texts.
        level: What a token is.
        size: Maximum number of tokens.
        min_count: Minimum occurrences of a token.
        ends: Whether the ends of texts are predicted.

    Attributes:
        folder: Where they lie.
        pieces: The vocabulary.
        counts: How often each token occurs, int64 `[tokens]`.

    Raises:
        InputError: They cannot be written.
    """

    def __init__(self, texts: LargeTexts, level: Level, *, size: int, min_count: int, ends: bool) -> None:
        made_of = [FORMAT, texts.origin, texts.many, level, size, min_count, ends]
        self.texts, self.level, self.size, self.min_count, self.ends = texts, level, size, min_count, ends
        self.folder = prepared(made_of, self._write)
        say(f"training texts on disk: {self.folder}")
        self.pieces = Subwords(json.loads((self.folder / PIECES).read_text()))
        self.counts: np.ndarray = np.load(self.folder / COUNTS)

    def _write(self, draft: Path) -> None:
        say(f"preparing {self.texts.characters:,} characters, once: reading what tokens there are")
        pieces = pieces_of(
            self.level,
            (chunk.text for chunk in chunked(self.texts.blocks())),
            size=self.size,
            min_count=self.min_count,
        )
        say(f"preparing: encoding by {len(pieces):,} tokens")
        counts = np.zeros(len(pieces), np.int64)
        kind = np.uint16 if len(pieces) <= 1 << 16 else np.int32
        Store(draft).write(self._runs(pieces, counts), {"tokens": kind, "reference": kind})
        np.save(draft / COUNTS, counts)
        (draft / PIECES).write_text(json.dumps(pieces.known))

    def _runs(self, pieces: Subwords, counts: np.ndarray) -> Iterator[Run]:
        """What the network reads and predicts, chunk by chunk; meanwhile counts the tokens."""
        last = np.full(1, START, np.int32)
        for numbers, ends in encoded_chunks(pieces, self.texts.blocks()):
            counts += np.bincount(numbers, minlength=len(counts))
            predicted = np.append(numbers, np.int32(END)) if ends and self.ends else numbers
            read = np.concatenate([last, predicted])[:-1]
            yield Run({"tokens": read, "reference": predicted}, ends)
            last = np.full(1, START, np.int32) if ends else np.concatenate([last, numbers])[-1:]

    @cached_property
    def sequences(self) -> Sequences:
        """The texts as sequences, read by index."""
        store = Store(self.folder)
        steps = int(store.lengths.sum())
        return Sequences(
            store.lengths,
            store.inputs(),
            targets=Constant(np.int32(0), steps),
            weights=Constant(np.float32(1), steps),
        )


def in_steps(texts: Sequence[np.ndarray], *, ends: bool) -> Sequences:
    """The steps of encoded texts: what the network reads, and what it predicts.

    Args:
        texts: The tokens of each text.
        ends: Whether the ends of texts are predicted.
    """
    whole = padded(texts, ends)
    tokens, reference = (np.concatenate([one[part] for one in whole]) for part in (slice(None, -1), slice(1, None)))
    return Sequences(
        np.array([len(one) - 1 for one in whole]),
        {"tokens": tokens, "reference": reference},
        targets=np.zeros(len(tokens), np.int32),
        weights=np.ones(len(tokens), np.float32),
    )


def padded(texts: Sequence[np.ndarray], ends: bool) -> list[np.ndarray]:
    """Encoded texts after a start, and with their ends where these are predicted."""
    end = np.full(int(ends), END, np.int32)
    return [np.concatenate([np.full(1, START, np.int32), one, end]) for one in texts]


def cut_where_long(sequences: Sequences, window: int) -> Sequences:
    """Sequences without ends, which may be cut and get new dropout masks each window."""
    pieces = Pieces(window, per_lane=1 if len(sequences) == 1 else 4)
    return replace(sequences, pieces=pieces, mask_steps=window)
