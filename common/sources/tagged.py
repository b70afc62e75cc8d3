"""Tagged sentences: embedded ones, TFDS data sets by name, a user's own files."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from common.errors import InputError
from common.sources.files import check_encoding, existing, format_of, names_under, read_text, role_of

Column = Literal["upos", "xpos"]
SEED = 20050617


CONLLU = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
CONLLU_ID = re.compile(r"\d+([-.]\d+)?")


UNPARSED = dict.fromkeys(CONLLU[1:], lambda cells, at: cells[at])


class Sentence(NamedTuple):
    """The words of a sentence and the tag of each."""

    words: tuple[str, ...]
    tags: tuple[str, ...]


@dataclass(frozen=True)
class TaggedSentences:
    """Sentences, their words and the tag of each word."""

    words: list[tuple[str, ...]]
    tags: list[tuple[str, ...]]

    def __len__(self) -> int:
        return len(self.words)

    @classmethod
    def of(cls, sentences: Sequence[Sentence]) -> TaggedSentences:
        return cls([s.words for s in sentences], [s.tags for s in sentences])


@dataclass(frozen=True)
class TaggedSplits:
    """Tagged sentences to learn from, to choose by and to be judged by.

    Attributes:
        source: For people: where the sentences came from and how they were split.
    """

    train: TaggedSentences
    validation: TaggedSentences
    test: TaggedSentences
    source: str


def load(data: str | None, column: Column = "upos", encoding: str = "utf-8") -> TaggedSplits:
    """Loads tagged sentences.

    Splits that are missing are cut from train, at random but always the same way.

    Args:
        data: None for the embedded Turkish Web Treebank; `tfds:NAME` for a TFDS data set; or a file or a folder.
        column: The CoNLL-U column, or the TFDS feature, that holds the tag.
        encoding: Of the files.

    Raises:
        InputError: Something in the data, or about it, is wrong.
    """
    if data is None:
        from common.sources.embedded import turkish

        return turkish.load(column)
    if data.startswith("tfds:"):
        from common.sources import tfds as datasets

        return datasets.load_tagged(data.removeprefix("tfds:"), column)
    parts = _parts(data, column, encoding)
    path = Path(data)
    names = [path] if path.is_file() else names_under(path)
    if column == "xpos" and ".conllu" not in map(format_of, names):
        raise InputError(f"--column xpos: {data} has a single column of tags; leave it out")
    return complete(parts | {"train": parts.pop(None)} if None in parts else parts, data)


def load_test(data: str, column: Column = "upos", encoding: str = "utf-8") -> TaggedSentences:
    """Loads sentences to judge a trained model by: those named test, or all where nothing is named train.

    Args:
        data: As for `load`, but not None.
        column: As for `load`.
        encoding: As for `load`.

    Raises:
        InputError: Something in the data is wrong, or it has a train part and no test part.
    """
    if data.startswith("tfds:"):
        return load(data, column).test
    parts = _parts(data, column, encoding)
    if "test" not in parts and ("train" in parts or len(parts) > 1):
        raise InputError(f"--data {data}: has {' and '.join(map(str, parts))} and no test part; name one file test")
    return TaggedSentences.of(parts.get("test") or next(iter(parts.values())))


def complete(parts: dict[str, list[Sentence]], source: str) -> TaggedSplits:
    """Cuts what is missing of validation and test from train, of which repeated sentences are then dropped."""
    if not parts.get("train"):
        raise InputError(f"{source}: nothing to train on, only {' and '.join(parts)}; give a train part as well")
    train = parts["train"]
    if missing := [split for split in ("test", "validation") if not parts.get(split)]:
        train = list({sentence.words: sentence for sentence in reversed(train)}.values())[::-1]
        dropped = len(parts["train"]) - len(train)
        if len(train) < 10:
            raise InputError(
                f"{source}: {len(train)} different sentences are too few to cut {' and '.join(missing)} from; "
                "give 10 or more, or those parts as well"
            )
        duplicates = f", {dropped:,} repeated sentences dropped" if dropped else ""
        source = f"{source} ({' and '.join(missing)} cut from train at random{duplicates})"
        parts = parts | _cut(train, missing)
    if len({tag for sentence in parts["train"] for tag in sentence.tags}) < 2:
        raise InputError(f"{source}: only one tag to learn; two or more are needed")
    return TaggedSplits(
        **{split: TaggedSentences.of(parts[split]) for split in ("train", "validation", "test")}, source=source
    )


def _cut(train: list[Sentence], missing: Sequence[str]) -> dict[str, list[Sentence]]:
    """Cuts a tenth of the sentences for each missing split."""
    from sklearn.model_selection import train_test_split

    parts, size = {}, max(1, round(len(train) / 10))
    for split in missing:
        kept, cut = train_test_split(range(len(train)), test_size=size, random_state=SEED)
        parts[split] = [train[n] for n in sorted(cut)]
        train = [train[n] for n in sorted(kept)]
    return parts | {"train": train}


def _parts(data: str, column: Column, encoding: str) -> dict[str | None, list[Sentence]]:
    """The sentences of each split; None is the split of names that say none."""
    check_encoding(encoding)
    path = existing(data)
    if path.is_file():
        if format_of(path) not in FORMATS:
            raise InputError(f"{path}: a file of unknown type; {READABLE} can be read")
        return {None: _read(path, column, encoding)}
    names = [name for name in names_under(path) if format_of(name) in FORMATS]
    conllu = [name for name in names if format_of(name) == ".conllu"]
    parts: dict[str | None, list[Sentence]] = {}
    for name in conllu or names:  # Treebanks come with raw texts beside them.
        parts.setdefault(role_of(*reversed(name.parts)), []).extend(_read(path / name, column, encoding))
    for name in names:
        if conllu and role_of(*reversed(name.parts)) not in (None, *parts):
            raise InputError(
                f"{path / name}: beside .conllu files only those are read; write it as .conllu or remove it"
            )
    if not parts:
        raise InputError(f"{path}: a folder without tagged sentences; give {READABLE}")
    if None in parts and len(parts) > 1:
        odd = next(name for name in conllu or names if role_of(*reversed(name.parts)) is None)
        raise InputError(f"{path / odd}: not named train, dev or test as others are; rename it")
    return parts


def _read(path: Path, column: Column, encoding: str) -> list[Sentence]:
    sentences = list(FORMATS[format_of(path)](read_text(path, encoding), str(path), column))
    if not sentences:
        raise InputError(f"{path}: holds no tagged words; fill or remove it")
    return sentences


def _blocks(content: str) -> Iterator[list[tuple[int, str]]]:
    """Runs of lines that are not blank, each line with its number."""
    lines = ((number, line.rstrip("\r")) for number, line in enumerate(content.split("\n"), 1))
    for blank, run in itertools.groupby(lines, key=lambda line: not line[1].strip()):
        if not blank:
            yield list(run)


def of_conllu(content: str, place: str, column: Column) -> Iterator[Sentence]:
    """The sentences of a CoNLL-U file: its syntactic words.

    Lines of multiword tokens (`3-4`), whose words follow, and of empty nodes (`5.1`) are no words of the sentence
    (universaldependencies.org/format).

    Args:
        content: Of the file.
        place: Its name, for messages.
        column: `upos` or `xpos`.

    Raises:
        InputError: A line is no CoNLL-U, or a word has no tag.
    """
    import conllu

    for block in _blocks(content):
        lines = [(number, line) for number, line in block if not line.startswith("#")]
        numbers = _checked(lines, place)
        for tokens in conllu.parse("\n".join(line for _, line in lines), field_parsers=UNPARSED):
            words = [token for token in tokens if isinstance(token["id"], int)]
            for token, number in zip(words, numbers, strict=True):
                if token[column] == "_":
                    raise InputError(
                        f"{place}:{number}: no {column.upper()} tag; give one, or try --column {other_than(column)}"
                    )
                if " " in token[column]:
                    raise InputError(f"{place}:{number}: {token[column]!r}: a tag has no blanks; take them out")
            if words:
                yield Sentence(tuple(token["form"] for token in words), tuple(token[column] for token in words))


def _checked(lines: list[tuple[int, str]], place: str) -> list[int]:
    """Refuses lines that are no sentence in CoNLL-U; returns the numbers of the lines of words."""
    numbers: list[int] = []
    for number, line in lines:
        cells = line.split("\t")
        if len(cells) != len(CONLLU) or not all(map(str.strip, cells)) or not CONLLU_ID.fullmatch(cells[0]):
            raise InputError(f"{place}:{number}: {line[:40]!r} is not CoNLL-U: a number and nine columns, tabs between")
        if "  " in line:  # Which the format forbids and `conllu` takes for a tab.
            raise InputError(f"{place}:{number}: two blanks in a row, which CoNLL-U forbids; leave one")
        if not cells[0].isdecimal():
            continue
        numbers.append(number)
        if int(cells[0]) != len(numbers):
            before = "; put a blank line before it" if cells[0] == "1" else ""
            raise InputError(f"{place}:{number}: word {cells[0]} where word {len(numbers)} should be{before}")
    return numbers


def other_than(column: Column) -> Column:
    """The other column that holds tags."""
    return "xpos" if column == "upos" else "upos"


def _two_columns(content: str, place: str, column: Column) -> Iterator[Sentence]:
    """A word, a tab and its tag on each line; a blank line between sentences."""
    for block in _blocks(content):
        pairs = []
        for number, line in block:
            cells = [cell.strip() for cell in line.split("\t")]
            if len(cells) != 2 or not all(cells):
                raise InputError(f"{place}:{number}: {line[:40]!r} is not a word, a tab and a tag; mend the line")
            pairs.append(cells)
        yield Sentence(*(tuple(column) for column in zip(*pairs)))


Reader = Callable[[str, str, Column], Iterable[Sentence]]
FORMATS: dict[str, Reader] = {".conllu": of_conllu, ".tsv": _two_columns, ".txt": _two_columns}


READABLE = ".conllu, or .tsv or .txt with a word, a tab and its tag on a line, each also as .gz"
