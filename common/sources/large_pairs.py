"""Sentence pairs larger than memory: those for training are read anew each time, a part at a time, and never held."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

import numpy as np

from common.errors import InputError
from common.sources.digests import note_file, of_files
from common.sources.large import MOST_HELD, are_large
from common.sources.parallel import Layout, line_by_line
from common.sources.records import Pair, Pairs, few_to_cut, one_in_for, split_by_hash
from common.sources.splits import Splits

if TYPE_CHECKING:
    from common.sources.parallel import PairReader


@dataclass(frozen=True)
class LargePairs:
    """Training pairs that are read anew each time.

    Attributes:
        read: Reads them, in composed form.
        many: How many there are.
        origin: What they follow from: digests of files and options, as JSON.
    """

    read: Callable[[], Iterator[Pair]]
    many: int
    origin: Any

    def __len__(self) -> int:
        return self.many


def read(data: str, reader: PairReader, *, on_disk: bool | None) -> Splits[Any]:
    """Reads splits of sentence pairs from files.

    Args:
        data: A folder, or the beginning of a path; or a file.
        reader: How pairs are read.
        on_disk: Whether training pairs are read anew each time, as `LargePairs`; None: where they are large.

    Raises:
        InputError: Something in the data is wrong.
    """
    layout = reader.layout(data)
    aligned = all(len(sides) > 1 for sides in layout.sides.values())
    if on_disk and not aligned:
        raise InputError(f"--on-disk: {data}: tables are read as a whole; give line-aligned files, or --in-memory")
    large = aligned and are_large([side for sides in layout.sides.values() for side in sides])
    if on_disk or (on_disk is None and large):
        return LargePairReader(reader, data, layout).read()
    return reader.read(data)


@dataclass(frozen=True)
class LargePairReader:
    """Reads splits of pairs whose training part is larger than memory, with the result that `PairReader.read` has.

    Attributes:
        reader: How pairs are read.
        data: Where they lie, for messages.
        layout: Their files.
    """

    reader: PairReader
    data: str
    layout: Layout

    def read(self) -> Splits[Any]:
        """The splits. The training pairs are `LargePairs`, those for validation and testing are in memory.

        Raises:
            InputError: Something in the data is wrong.
        """
        roles = self.layout.roles
        if any(roles.values()) and (other := next((one for one, role in roles.items() if not role), None)):
            raise InputError(f"{other}: not named train, dev or test as others are; rename it")
        train = [one for one, role in roles.items() if role in (None, "train")]
        held = {role: self._held([one for one in roles if roles[one] == role]) for role in ("validation", "test")}
        held = {role: pairs for role, pairs in held.items() if pairs}
        if not train:
            raise InputError(f"{self.data}: nothing to train on, only {' and '.join(held)}; give a train part as well")
        files = [side for sides in self.layout.sides.values() for side in sides]
        for one in files:
            note_file(one)
        notes: list[str] = []
        sources, targets, sizes = self._keys(train)
        unseen = self._unseen(sources, held, notes)
        source, missing = self.data, [one for one in Pairs.cut_first if one not in held]
        first, best, one_in = np.flatnonzero(unseen), np.flatnonzero(unseen), 1
        if missing:
            first, best = _distinct(sources, targets, first)
            one_in = one_in_for(int(sizes[first].sum()))
            dropped = int(unseen.sum()) - len(first)
            duplicates = f", {dropped:,} {Pairs.repeated} dropped" if dropped else ""
            source = f"{source} ({' and '.join(missing)} cut from train {Pairs.way}{duplicates})"
        chosen = _Chosen(lambda: self._pairs(train), first, best)
        cut: dict[str, list[Pair]] = {split: [] for split in missing}
        left = len(first)
        if missing:
            for pair in chosen.read():
                if (split := split_by_hash(pair.source, one_in)) in cut:
                    cut[split].append(pair)
                    left -= 1
        parts = {**held, **cut}
        if not left or not all(parts.values()):
            raise InputError(few_to_cut(chosen.read(), missing, self.data))

        def kept() -> Iterator[Pair]:
            return (pair for pair in chosen.read() if not missing or split_by_hash(pair.source, one_in) not in cut)

        options = [self.reader.encoding, self.reader.drop_seen, self.layout.languages]
        large = LargePairs(kept, left, [list(of_files(files).values()), options])
        rest = (Pairs.of(parts[split]) for split in ("validation", "test"))
        return Splits(large, *rest, source=source, notes=notes, languages=self.layout.languages)

    def _pairs(self, names: Sequence[Path]) -> Iterator[Pair]:
        """The pairs of files, in composed form."""
        for name in names:
            for pair in line_by_line(self.layout.sides[name], self.reader.encoding):
                yield Pair(*(normalize("NFC", side) for side in pair))

    def _held(self, names: Sequence[Path]) -> list[Pair]:
        for side in (side for name in names for side in self.layout.sides[name]):
            if (size := side.stat().st_size) > MOST_HELD:
                raise InputError(
                    f"{side}: {size / 1e6:,.0f} MB to validate or to test on, which are held in memory; give "
                    f"{MOST_HELD / 1e6:,.0f} MB or less"
                )
        return list(self._pairs(names))

    def _keys(self, train: Sequence[Path]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The hashes of the sources and of the targets, uint64 `[pairs]` each, and the characters of the sources."""
        sources, targets, sizes = array("Q"), array("Q"), array("q")
        for pair in self._pairs(train):
            sources.append(_key(pair.source))
            targets.append(_key(pair.target))
            sizes.append(len(pair.source))
        return np.array(sources, np.uint64), np.array(targets, np.uint64), np.array(sizes)

    def _unseen(self, sources: np.ndarray, held: dict[str, list[Pair]], notes: list[str]) -> np.ndarray:
        """Which training pairs are used, `[pairs]`: without what other splits have as well, if that is wanted."""
        own = {split: np.array([_key(pair.source) for pair in pairs], np.uint64) for split, pairs in held.items()}
        left_out = " and were left out of it" if self.reader.drop_seen else " (--drop-seen leaves them out of it)"
        for split, ours in own.items():
            if count := int(np.isin(ours, sources).sum()):
                notes.append(f"{count:,} of {len(ours):,} {Pairs.noun} of {split} are in train as well{left_out}")
        if len(own) > 1 and (count := int(np.isin(own["test"], own["validation"]).sum())):
            notes.append(f"{count:,} of {len(own['test']):,} {Pairs.noun} of test are in validation as well")
        unseen = np.ones(len(sources), bool)
        if self.reader.drop_seen:
            for ours in own.values():
                unseen &= ~np.isin(sources, ours)
            if not unseen.any():
                raise InputError(f"--drop-seen: {self.data}: all of train is in other splits; leave the option out")
        return unseen


class _Chosen:
    """Some of the pairs of files, in their order; a source may have the translation of a later pair.

    Args:
        pairs: Reads all pairs.
        first: The numbers of those pairs, ascending, `[chosen]`.
        best: The number of the pair that each has its translation of, `[chosen]`.
    """

    def __init__(self, pairs: Callable[[], Iterator[Pair]], first: np.ndarray, best: np.ndarray) -> None:
        self.pairs, self.first = pairs, first
        others = first != best
        wanted = set(best[others].tolist())
        found = {n: pair.target for n, pair in enumerate(pairs()) if n in wanted} if wanted else {}
        self.targets = {n: found[at] for n, at in zip(first[others].tolist(), best[others].tolist())}

    def read(self) -> Iterator[Pair]:
        """The pairs."""
        chosen = np.zeros(int(self.first.max(initial=-1)) + 1, bool)
        chosen[self.first] = True
        for number, pair in zip(range(len(chosen)), self.pairs()):
            if chosen[number]:
                yield Pair(pair.source, self.targets.get(number, pair.target))


def _distinct(sources: np.ndarray, targets: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first row of each source among `rows`, ascending, and the row of its most frequent translation (ties: the
    first)."""
    order = rows[np.lexsort((rows, targets[rows], sources[rows]))]
    new_source = np.append(True, sources[order][1:] != sources[order][:-1])
    new_pair = new_source | np.append(True, targets[order][1:] != targets[order][:-1])
    starts = np.flatnonzero(new_pair)
    counts = np.diff(np.append(starts, len(order)))
    of_pair, of_source = order[starts], np.cumsum(new_source)[starts]
    ranked = np.lexsort((of_pair, -counts, of_source))
    best = of_pair[ranked[np.append(True, np.diff(of_source[ranked]) > 0)]]
    first = np.minimum.reduceat(order, np.flatnonzero(new_source))
    ascending = np.argsort(first)
    return first[ascending], best[ascending]


def _key(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest())
