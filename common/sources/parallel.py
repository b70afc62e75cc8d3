"""Sentences and their translations: embedded ones, TFDS data sets by name, a user's own files."""

from __future__ import annotations

import glob
import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from common.errors import InputError
from common.sources.files import check_encoding, existing, format_of, names_under, plain_name, read_text, role_of
from common.text.placeholders import PLACEHOLDER

LANGUAGE = re.compile(r"[a-z]{2,3}([_-][A-Za-z]{2,4})?")
NO_LANGUAGES = ("tsv", "txt", "csv", "md")


class Pair(NamedTuple):
    """A sentence and its translation."""

    source: str
    target: str


@dataclass(frozen=True)
class Pairs:
    """Sentences, and the translation of each."""

    sources: list[str]
    targets: list[str]

    def __len__(self) -> int:
        return len(self.sources)

    @classmethod
    def of(cls, pairs: Sequence[Pair]) -> Pairs:
        return cls([pair.source for pair in pairs], [pair.target for pair in pairs])


@dataclass(frozen=True)
class Splits:
    """Sentence pairs to learn from, to choose by and to be judged by.

    Attributes:
        source: For people: where the pairs came from and how they were split.
        languages: The one translated from and the one translated into.
    """

    train: Pairs
    validation: Pairs
    test: Pairs
    source: str
    languages: tuple[str, str]


def load(
    data: str | None,
    source_language: str | None = None,
    target_language: str | None = None,
    encoding: str = "utf-8",
) -> Splits:
    """Loads sentence pairs.

    Splits that are missing are cut from train by a hash of the source, so always the same way.

    Args:
        data: None for the embedded texts of software; `tfds:NAME` for a TFDS data set; a folder, or the beginning of
            a path (`corpus/train`), of line-aligned files named by split and language as in `train.en`; or a `.tsv`
            file, or a folder of them, with a sentence, a tab and its translation on a line.
        source_language: The one to translate from, as files or features are named; English when embedded.
        target_language: The one to translate into; French when embedded.
        encoding: Of the files.

    Raises:
        InputError: Something in the data, or about it, is wrong.
    """
    if data is None:
        from common.sources.embedded import catalogues

        return catalogues.load(source_language, target_language)
    if data.startswith("tfds:"):
        from common.sources import tfds as datasets

        return datasets.load_pairs(data.removeprefix("tfds:"), source_language, target_language)
    parts, languages = _parts(data, source_language, target_language, encoding)
    return complete(parts | {"train": parts.pop(None)} if None in parts else parts, data, languages)


def load_test(
    data: str, source_language: str | None = None, target_language: str | None = None, encoding: str = "utf-8"
) -> Pairs:
    """Loads pairs to judge a trained model by: those named test, or all where nothing is named train.

    Args:
        data: As for `load`, but not None.
        source_language: As for `load`.
        target_language: As for `load`.
        encoding: As for `load`.

    Raises:
        InputError: Something in the data is wrong, or it has a train part and no test part.
    """
    if data.startswith("tfds:"):
        return load(data, source_language, target_language).test
    parts, _ = _parts(data, source_language, target_language, encoding)
    if "test" not in parts and ("train" in parts or len(parts) > 1):
        raise InputError(f"--data {data}: has {' and '.join(map(str, parts))} and no test part; name one file test")
    return Pairs.of(parts.get("test") or next(iter(parts.values())))


def complete(parts: dict[str, list[Pair]], source: str, languages: tuple[str, str]) -> Splits:
    """Cuts what is missing of validation and test from train, where each source then has one translation."""
    if not parts.get("train"):
        found = " and ".join(parts) or "no sentence pairs"
        raise InputError(f"{source}: nothing to train on, only {found}; give a train part as well")
    if missing := [split for split in ("validation", "test") if not parts.get(split)]:
        train = one_translation_each(parts["train"])
        dropped = len(parts["train"]) - len(train)
        cut = defaultdict(list)
        for pair in train:
            side = side_of(pair.source)
            cut[side if side in missing else "train"].append(pair)
        if not all(cut[split] for split in ("train", *missing)):
            raise InputError(
                f"{source}: {len(train)} different sentences are too few to cut {' and '.join(missing)} from; "
                "give 1,000 or more, or those parts as well"
            )
        parts = parts | cut
        repeated = f", {dropped:,} pairs of repeated sentences dropped" if dropped else ""
        source = f"{source} ({' and '.join(missing)} cut from train by a hash of the source{repeated})"
    parts = {split: Pairs.of(parts[split]) for split in ("train", "validation", "test")}
    return Splits(**parts, source=source, languages=languages)


def one_translation_each(pairs: Sequence[Pair]) -> list[Pair]:
    """Each source once, in the order of the first, with its most frequent translation, then its first."""
    translations: dict[str, Counter[str]] = defaultdict(Counter)
    for source, target in pairs:
        translations[source][target] += 1
    return [Pair(source, max(counts, key=counts.__getitem__)) for source, counts in translations.items()]


def normalised(text: str) -> str:
    """The words of a text in lower case, without placeholders and punctuation, every number 0."""
    words = re.sub(r"[\W_]+", " ", re.sub(PLACEHOLDER, " ", text).casefold()).strip()
    return re.sub(r"\d+", "0", words)


def side_of(source: str) -> str:
    """The split of a source: of a hundred, about 90 train, 5 validation and 5 test; near-duplicates go together."""
    share = int.from_bytes(hashlib.sha256(normalised(source).encode()).digest()[:8], "big") % 100
    return "train" if share < 90 else "validation" if share < 95 else "test"


def direction(
    present: Collection[str], source_language: str | None, target_language: str | None, place: str
) -> tuple[str, str]:
    """The languages to translate from and into; of two that are present, one given says the other.

    Raises:
        InputError: One that is given is not present, or more must be given.
    """
    listed = ", ".join(sorted(present))
    if len(present) < 2:
        raise InputError(f"{place}: only one language, {listed}; give its translations as well")
    given = {"--source-language": source_language, "--target-language": target_language}
    for option, language in given.items():
        if language is not None and language not in present:
            raise InputError(f"{option} {language}: {place} has {listed}; name one of them")
    if source_language is not None and source_language == target_language:
        raise InputError(f"--target-language {target_language}: the source language too; name another of {listed}")
    missing = [option for option, language in given.items() if language is None]
    if len(missing) == 2 or (missing and len(present) > 2):
        raise InputError(f"{place}: has {listed}; say which to translate with {' and '.join(missing)}")
    other = next((language for language in present if language not in given.values()), None)
    return source_language or other, target_language or other


Parts = dict[str | None, list[Pair]]


def _parts(
    data: str, source_language: str | None, target_language: str | None, encoding: str
) -> tuple[Parts, tuple[str, str]]:
    """The pairs of each split, None being the split of names that say none; and the languages."""
    check_encoding(encoding)
    folder, names = _files(data)
    if tables := [name for name in names if format_of(name) == ".tsv"]:
        languages = source_language or "source", target_language or "target"
        read, files = _two_columns, {name: (name,) for name in tables}
    else:
        stems = _aligned(names)
        if not stems:
            raise InputError(f"{data}: no sentence pairs; give {READABLE}")
        present = {language for sides in stems.values() for language in sides}
        languages = direction(present, source_language, target_language, data)
        read, files = _line_by_line, _sides(stems, languages, folder)
    whole = Path(data).expanduser().is_file()
    roles = {name: None if whole else role_of(*reversed(name.parts)) for name in files}
    parts: Parts = {}
    for name, role in roles.items():
        if role is None and any(roles.values()):
            raise InputError(f"{folder / name}: not named train, dev or test as others are; rename it")
        parts.setdefault(role, []).extend(read(*(folder / file for file in files[name]), encoding=encoding))
    return parts, languages


def _files(data: str) -> tuple[Path, list[Path]]:
    """A folder, and the names in it that `--data` means: all, a file's own, or those that begin alike."""
    path = Path(data).expanduser()
    if data.strip() and not path.exists():
        alike = sorted(file for file in path.parent.glob(f"{glob.escape(path.name)}*.*") if file.is_file())
        if alike:
            return path.parent, [Path(file.name) for file in alike]
    path = existing(data)
    if path.is_dir():
        return path, names_under(path)
    if format_of(path) != ".tsv":
        raise InputError(f"{path}: a file of unknown type or of one side only; give {READABLE}")
    return path.parent, [Path(path.name)]


def _aligned(names: list[Path]) -> dict[Path, dict[str, Path]]:
    """The files that differ in their language only: `train.en.gz` and `train.de.gz` are sides of `train`."""
    stems: dict[Path, dict[str, Path]] = {}
    for name in names:
        language = plain_name(name).suffix[1:]
        if LANGUAGE.fullmatch(language) and language not in NO_LANGUAGES:
            stems.setdefault(plain_name(name).with_suffix(""), {})[language] = name
    return stems


def _sides(
    stems: dict[Path, dict[str, Path]], languages: tuple[str, str], folder: Path
) -> dict[Path, tuple[Path, Path]]:
    """The source and the target file of each stem that has one of them."""
    found = {}
    for stem, sides in stems.items():
        has = [language for language in languages if language in sides]
        if len(has) == 1:
            lacking = next(language for language in languages if language not in sides)
            raise InputError(f"{folder / sides[has[0]]}: no {stem.name}.{lacking} beside it; add or remove a side")
        if has:
            found[stem] = (sides[languages[0]], sides[languages[1]])
    return found


def _line_by_line(*sides: Path, encoding: str) -> list[Pair]:
    columns = [_lines(path, encoding) for path in sides]
    (shorter, short), (longer, long) = sorted(zip(map(len, columns), sides))
    if shorter != longer:
        raise InputError(f"{short}:{shorter + 1}: ends where {long.name} has {longer:,} lines; mend the shorter side")
    for number, pair in enumerate(zip(*columns), 1):
        for path, line in zip(sides, pair):
            if not line:
                raise InputError(f"{path}:{number}: an empty line; write the sentence, or remove it on both sides")
    return [Pair(*pair) for pair in zip(*columns)]


def _two_columns(path: Path, *, encoding: str) -> list[Pair]:
    pairs = []
    for number, line in enumerate(_lines(path, encoding), 1):
        cells = [cell.strip() for cell in line.split("\t")]
        if len(cells) != 2 or not all(cells):
            raise InputError(f"{path}:{number}: {line[:40]!r} is not a sentence, a tab and its translation; mend it")
        pairs.append(Pair(*cells))
    return pairs


def _lines(path: Path, encoding: str) -> list[str]:
    return [line.strip() for line in read_text(path, encoding).rstrip().split("\n")]


READABLE = "line-aligned files as train.en and train.de, or .tsv with a sentence, a tab and its translation on a line"
