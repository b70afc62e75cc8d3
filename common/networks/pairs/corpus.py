"""Training pairs on disk: read a part at a time, encoded, and written once into the cache."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from common.errors import InputError
from common.networks.pairs.windows import PairWindows
from common.reports import say
from common.streams.prepared import prepared
from common.streams.stored import Run, Store
from common.text.subwords import COPIES, END, START, Subwords

if TYPE_CHECKING:
    from common.sources.large_pairs import LargePairs

FORMAT = 3
"""The format of prepared pairs. Raise it when those of earlier versions are no longer what would be written."""
TOGETHER = 4096
"""Pairs that are encoded at a time."""
PIECES, FIGURES = "pieces.json", "figures.json"


class PairCorpus:
    """The encoded training pairs, which are prepared where no earlier training has done so.

    Args:
        pairs: The pairs.
        vocabulary: Maximum number of subwords.
        longest: Maximum number of subwords of a source or target; longer pairs are left out.

    Attributes:
        subwords: The vocabulary.
        many: How many pairs there are.
        longest: Subwords of the longest source.
        counts: How often each of the first subwords, which are placeholders, is in a target.
        target_steps: Steps that have a target, of all pairs together.

    Raises:
        InputError: They cannot be written, or all are longer.
    """

    def __init__(self, pairs: LargePairs, *, vocabulary: int, longest: int) -> None:
        self._pairs, self._vocabulary, self._most = pairs, vocabulary, longest
        self.folder = prepared(["pairs", FORMAT, pairs.origin, pairs.many, vocabulary, longest], self._write)
        say(f"training pairs on disk: {self.folder}")
        self.subwords = Subwords(json.loads((self.folder / PIECES).read_text()))
        figures = json.loads((self.folder / FIGURES).read_text())
        self.many, self.longest, self.target_steps = (figures[name] for name in ("many", "longest", "target_steps"))
        self.counts = np.array(figures["counts"])
        self.store = Store(self.folder)

    def tokens(self, number: int) -> np.ndarray:
        """The tokens of a pair."""
        ends = np.cumsum(self.store.lengths[: number + 1])
        return self.store.inputs()["tokens"][np.arange(ends[-1] - self.store.lengths[number], ends[-1])]

    def _write(self, draft: Path) -> None:
        say(f"preparing {len(self._pairs):,} pairs, once: reading what subwords there are")
        read = self._pairs.read
        texts = chain((pair.source for pair in read()), (pair.target for pair in read()))
        subwords = Subwords.of(texts, self._vocabulary)
        say(f"preparing: encoding by {len(subwords):,} subwords")
        self.many, self.longest, self.target_steps = 0, 0, 0
        self.counts = np.zeros(COPIES.stop, np.int64)
        kind = np.uint16 if max(len(subwords), 2 * self._most + 2) <= 1 << 16 else np.int32
        runs = self._runs(subwords)
        first = next(runs, None)
        if first is None:
            raise InputError(f"--longest {self._most}: no pair of the train split is so short; give more")
        Store(draft).write(chain([first], runs), dict.fromkeys(("tokens", "reference", "place", "source_steps"), kind))
        found = {"many": self.many, "longest": self.longest, "target_steps": self.target_steps}
        (draft / FIGURES).write_text(json.dumps(found | {"counts": self.counts.tolist()}))
        (draft / PIECES).write_text(json.dumps(subwords.known))

    def _runs(self, subwords: Subwords) -> Iterator[Run]:
        """The steps of each pair; meanwhile counts."""
        windows, pairs = PairWindows(START, END, 1), self._pairs.read()
        while some := list(islice(pairs, TOGETHER)):
            sides = subwords.encode_pairs([pair.source for pair in some], [pair.target for pair in some])
            for source, target in zip(*sides):
                if max(len(source), len(target)) > self._most:
                    continue
                self.many += 1
                self.longest = max(self.longest, len(source))
                self.target_steps += len(target) + 1
                self.counts += np.bincount(target, minlength=len(self.counts))[: len(self.counts)]
                yield Run(windows.steps(source, target), True)
