"""Texts larger than memory: those for training are read anew each time, a part at a time, and never held."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.errors import InputError
from common.options.kinds import check_encoding
from common.sources.digests import note_file, of_files
from common.sources.files import existing, format_of, largest, names_under, read_parts, roles_of
from common.sources.plain import (
    FEW,
    PlainTexts,
    cuts,
    normalised,
    refuse_empty,
    told_of_cuts,
)
from common.sources.records import one_in_for, split_by_hash
from common.sources.splits import Splits
from common.sources.tables import TABLES
from common.text.blocks import Block

if TYPE_CHECKING:
    from common.sources.plain import TextReader

LARGE = 256_000_000
"""Bytes of the files of texts that are held on disk by themselves."""
PACKED = 4
"""How many times larger a text is taken to be than its `.gz`."""
MOST_HELD = 64_000_000
"""Bytes of a file of validation or test texts, which are held in memory, beside training texts on disk."""


@dataclass(frozen=True)
class LargeTexts:
    """Training texts that are read anew each time.

    Attributes:
        blocks: Reads them.
        many: How many there are.
        characters: Characters of all together.
        are_cut: As of `PlainTexts`.
        origin: What they follow from: digests of files and options, as JSON.
    """

    blocks: Callable[[], Iterator[Block]]
    many: int
    characters: int
    are_cut: bool
    origin: Any

    def __len__(self) -> int:
        return self.many


def read(data: str, reader: TextReader, *, on_disk: bool | None) -> Splits[Any]:
    """Reads splits of texts from a file or a folder.

    Args:
        data: The file or folder.
        reader: How texts are read.
        on_disk: Whether training texts are read anew each time, as `LargeTexts`; None: where they are large.

    Raises:
        InputError: Something in the data is wrong.
    """
    path = existing(data, whole=False)
    files = [path / name for name in names_under(path)] if path.is_dir() else [path]
    tables = any(format_of(one) in TABLES for one in files)
    if on_disk and tables:
        raise InputError(f"--on-disk: {data}: tables are read as a whole; give text files, or --in-memory")
    if on_disk or (on_disk is None and not tables and are_large(files)):
        check_encoding(reader.encoding)
        return LargeReader(reader, path).read()
    return reader.read(data)


def are_large(files: Iterable[Path]) -> bool:
    """Whether texts are held on disk by themselves: they have more than `LARGE` bytes, or than memory has room for."""
    size = sum(one.stat().st_size * (PACKED if one.suffix == ".gz" else 1) for one in files)
    return size > min(LARGE, largest() or LARGE)


@dataclass(frozen=True)
class LargeReader:
    """Reads splits of texts whose training part is larger than memory, with the result that `TextReader.read` has.

    Attributes:
        reader: How texts are read.
        path: A text file, or a folder of some.
    """

    reader: TextReader
    path: Path

    def read(self) -> Splits[Any]:
        """The splits. The training texts are `LargeTexts`, those for validation and testing are in memory.

        Raises:
            InputError: Something in the data is wrong.
        """
        folder = self.path.is_dir()
        roles = {self.path / name: role for name, role in roles_of(names_under(self.path)).items()} if folder else {}
        roles = roles or {self.path: None}
        if any(roles.values()) and (other := next((one for one, role in roles.items() if not role), None)):
            raise InputError(f"{other}: not named train, dev or test as others are; rename it")
        train = [one for one, role in roles.items() if role in (None, "train")]
        held = {role: self._held([one for one in roles if roles[one] == role]) for role in ("validation", "test")}
        held = {role: texts for role, texts in held.items() if texts}
        if not train:
            raise InputError(f"{self.path}: nothing to train on, only {' and '.join(held)}; give a train part as well")
        if folder:  # `existing` has noted a file.
            for one in roles:
                note_file(one)
        origin = [list(of_files(roles).values()), self.reader.documents, self.reader.encoding, self.reader.drop_seen]
        lengths = _lengths(self._blocks(train))
        if not held and len(lengths) < FEW:
            return self._cut_by_place(train, lengths, origin)
        return self._cut_by_text(train, held, origin)

    def _held(self, files: Sequence[Path]) -> list[str]:
        for one in files:
            if (size := one.stat().st_size) > MOST_HELD:
                raise InputError(
                    f"{one}: {size / 1e6:,.0f} MB to validate or to test on, which are held in memory; give "
                    f"{MOST_HELD / 1e6:,.0f} MB or less"
                )
        return list(_joined(self._blocks(files)))

    def _cut_by_place(self, train: Sequence[Path], lengths: Sequence[int], origin: Any) -> Splits[Any]:
        at = cuts(lengths, str(self.path))
        rest = list(_joined(_after(self._blocks(train), at)))
        large = LargeTexts(lambda: _before(self._blocks(train), at), len(at), sum(at), True, [origin, at])
        notes = [told_of_cuts(lengths)]
        return Splits(large, PlainTexts(rest, True), PlainTexts([]), source=str(self.path), notes=notes)

    def _cut_by_text(self, train: Sequence[Path], held: Mapping[str, list[str]], origin: Any) -> Splits[Any]:
        """Splits of whole texts: those that are missing are cut from train, without its duplicates."""
        import numpy as np

        source, notes, missing = str(self.path), list[str](), [one for one in ("test", "validation") if one not in held]
        sizes, keys = array("q"), array("Q")
        for size, key in _keyed(self._blocks(train)):
            sizes.append(size)
            keys.append(key)
        characters, hashes = np.array(sizes), np.array(keys)
        kept, unseen = np.ones((2, len(hashes)), bool)
        if missing:
            kept[:] = False
            kept[np.unique(hashes, return_index=True)[1]] = True
        own = {
            split: np.array([key for _, key in _keyed(Block(text, True) for text in texts)], np.uint64)
            for split, texts in held.items()
        }
        left_out = " and were left out of it" if self.reader.drop_seen else " (--drop-seen leaves them out of it)"
        for split, ours in own.items():
            if count := int(np.isin(ours, hashes).sum()):
                notes.append(f"{count:,} of {len(ours):,} texts of {split} are in train as well{left_out}")
            if self.reader.drop_seen:
                unseen &= ~np.isin(hashes, ours)
        if len(own) == 2 and (count := int(np.isin(own["test"], own["validation"]).sum())):
            notes.append(f"{count:,} of {len(own['test']):,} texts of test are in validation as well")
        kept, dropped = kept & unseen, int((unseen & ~kept).sum())
        one_in, cut = one_in_for(int(characters[kept].sum())), dict[str, list[str]]()
        if missing:
            cut = {split: [] for split in missing}
            for number, text in enumerate(_joined(self._blocks(train))):
                if kept[number] and (split := split_by_hash(text, one_in)) in cut:
                    cut[split].append(text)
                    kept[number] = False
            duplicates = f", {dropped:,} {PlainTexts.repeated} dropped" if dropped else ""
            source = f"{source} ({' and '.join(missing)} cut from train {PlainTexts.way}{duplicates})"
        parts = {**held, **cut}
        refuse_empty({"train": int(kept.sum()), **{split: len(texts) for split, texts in parts.items()}}, source)

        def blocks() -> Iterator[Block]:
            return _chosen(self._blocks(train), kept)

        large = LargeTexts(blocks, int(kept.sum()), int(characters[kept].sum()), False, origin)
        return Splits(large, PlainTexts(parts["validation"]), PlainTexts(parts["test"]), source=source, notes=notes)

    def _blocks(self, files: Iterable[Path]) -> Iterator[Block]:
        """The texts of files, in blocks.

        Raises:
            InputError: A file cannot be read, or has none.
        """
        for path in files:
            some = False
            for block in self._blocks_of(path):
                some = some or bool(block.text.strip())
                yield block
            if not some:
                raise InputError(f"{path}: an empty file; fill or remove it")

    def _blocks_of(self, path: Path) -> Iterator[Block]:
        if self.reader.documents == "file":
            yield from (Block(part, False) for part in _normalised(path, self.reader.encoding))
            yield Block("", True)
        else:
            split = _lines if self.reader.documents == "line" else _paragraphs
            texts = (text.strip("\n") for text in split(_normalised(path, self.reader.encoding)))
            yield from (Block(text, True) for text in texts if text.strip())


def _normalised(path: Path, encoding: str) -> Iterator[str]:
    """The text of a file in composed form, in parts that end before blanks, across which nothing is composed."""
    waiting = ""
    for part in read_parts(path, encoding):
        if "\0" in part:
            raise InputError(f"{path}: holds a NUL character, so it is no text; move it elsewhere")
        waiting += part
        if (end := max(waiting.rfind("\n"), waiting.rfind(" "))) > 0:
            yield normalised(waiting[:end])
            waiting = waiting[end:]
    yield normalised(waiting)


def _lines(parts: Iterable[str]) -> Iterator[str]:
    waiting = ""
    for part in parts:
        *lines, waiting = (waiting + part).split("\n")
        yield from lines
    yield waiting


def _paragraphs(parts: Iterable[str]) -> Iterator[str]:
    """What stands between blank lines."""
    lines: list[str] = []
    for number, line in enumerate(_lines(parts)):
        if line.strip() or (line and not number):
            lines.append(line)
        elif lines:
            yield "\n".join(lines)
            lines = []
    yield "\n".join(lines)


def _joined(blocks: Iterable[Block]) -> Iterator[str]:
    some: list[str] = []
    for block in blocks:
        some.append(block.text)
        if block.ends:
            yield "".join(some)
            some = []


def _lengths(blocks: Iterable[Block]) -> Sequence[int]:
    """The characters of each text."""
    lengths = array("q", [0])
    for block in blocks:
        lengths[-1] += len(block.text)
        if block.ends:
            lengths.append(0)
    return lengths[:-1]


def _before(blocks: Iterable[Block], at: Sequence[int]) -> Iterator[Block]:
    """The beginning of each text, of so many characters."""
    number = read = 0
    for block in blocks:
        yield Block(block.text[: max(at[number] - read, 0)], block.ends)
        number, read = (number + 1, 0) if block.ends else (number, read + len(block.text))


def _after(blocks: Iterable[Block], at: Sequence[int]) -> Iterator[Block]:
    """What `_before` leaves."""
    number = read = 0
    for block in blocks:
        yield Block(block.text[max(at[number] - read, 0) :], block.ends)
        number, read = (number + 1, 0) if block.ends else (number, read + len(block.text))


def _chosen(blocks: Iterable[Block], kept: Sequence[bool]) -> Iterator[Block]:
    """The blocks of some texts."""
    number = 0
    for block in blocks:
        if kept[number]:
            yield block
        number += block.ends


def _keyed(blocks: Iterable[Block]) -> Iterator[tuple[int, int]]:
    """The characters of each text, and a hash of what makes two texts the same, see `PlainTexts.key`."""
    size, blanks, begun, key = 0, "", False, hashlib.blake2b(digest_size=8)
    for block in blocks:
        size += len(block.text)
        text = blanks + block.text if begun else block.text.lstrip()
        inner = text.rstrip()
        begun, blanks = begun or bool(inner), text[len(inner) :]
        key.update(inner.encode(errors="surrogatepass"))
        if block.ends:
            yield size, int.from_bytes(key.digest())
            size, blanks, begun, key = 0, "", False, hashlib.blake2b(digest_size=8)
