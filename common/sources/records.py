"""The kinds of records, namely labelled texts, tagged sentences and sentence pairs, and how each kind is split."""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from unicodedata import normalize

from common.errors import InputError, shortened
from common.sources.splits import Records, cut_at_random
from common.text.placeholders import PLACEHOLDER

MOST_CUT = 10_000_000
"""Characters of texts that are cut from train for a split at most, about."""


class Example(NamedTuple):
    """A text, its label, its file and line, for messages, and the columns of its row where it is one of a table."""

    text: str
    label: str
    place: str
    columns: Mapping[str, Any] = {}


class Sentence(NamedTuple):
    """The words of a sentence, and a tag for each word."""

    words: tuple[str, ...]
    tags: tuple[str, ...]


class Pair(NamedTuple):
    """A sentence and its translation."""

    source: str
    target: str


@dataclass(frozen=True)
class LabelledTexts(Records):
    """Texts, the label of each, and the columns of their rows where they come from a table."""

    texts: list[str]
    labels: list[str]
    columns: list[Mapping[str, Any]] = field(default_factory=list, compare=False)

    noun = "examples"
    repeated = "duplicate texts"

    def __len__(self) -> int:
        return len(self.texts)

    @classmethod
    def of(cls, records: Iterable[Example]) -> LabelledTexts:
        records = list(records)
        texts, labels = [example.text for example in records], [example.label for example in records]
        columns = [example.columns for example in records]
        return cls(texts, labels, columns if any(columns) else [])

    @classmethod
    def key(cls, record: Example) -> str:
        """The text in composed form, without blanks at its ends."""
        return normalize("NFC", record.text.strip())

    @classmethod
    def answer(cls, record: Example) -> str:
        return record.label

    @classmethod
    def classes(cls, record: Example) -> tuple[str]:
        return (record.label,)

    @classmethod
    def distinct(cls, train: Sequence[Example]) -> list[Example]:
        """The first example of each text, with the text's most frequent label (ties: the first)."""
        first: dict[str, Example] = {}
        labels: dict[str, Counter[str]] = defaultdict(Counter)
        for example in train:
            key = cls.key(example)
            first.setdefault(key, example)
            labels[key][example.label] += 1
        return [one._replace(label=labels[key].most_common(1)[0][0]) for key, one in first.items()]

    @classmethod
    def cut(cls, train: list[Example], missing: Sequence[str], source: str) -> dict[str, list[Example]]:
        """Cuts a tenth of the examples for each missing split, stratified by label."""
        _refuse_one_class(train, source)
        counts = Counter(example.label for example in train)
        label, fewest = min(counts.items(), key=lambda item: item[1])
        if fewest <= len(missing):
            place = next(example.place for example in train if example.label == label)
            raise InputError(
                f"{place}: too few different texts of class {label!r}, {fewest}, to cut {' and '.join(missing)} "
                f"from train; give {len(missing) + 1} or more, or {' and '.join(missing)} as well"
            )
        size = max(len(counts), round(len(train) / 10))
        return cut_at_random(train, missing, size=size, stratified_by=lambda example: example.label)

    @classmethod
    def check(cls, parts: Mapping[str, Sequence[Example]], source: str) -> None:
        """Refuses a single class, and labels that are not in train."""
        _refuse_one_class(parts["train"], source)
        classes = sorted({example.label for example in parts["train"]})
        known = set(classes)
        for example in (example for part in parts.values() for example in part):
            if example.label not in known:
                raise InputError(
                    f"{example.place}: label {shortened(example.label)!r} is not in train, which has {listed(classes)}"
                )


def listed(names: Sequence[str], most: int = 10) -> str:
    """Names for a message: the first, each shortened."""
    return ", ".join(map(shortened, names[:most])) + (", ..." if len(names) > most else "")


def refuse_unknown(found: Counter[str], known: Sequence[str], *, noun: str, data: str) -> None:
    """Refuses references that a model cannot predict.

    Args:
        found: The references and how often each occurs.
        known: What the model can predict.
        noun: What they are: labels or tags.
        data: The data, for messages.

    Raises:
        InputError: Some references are not known.
    """
    unknown = [name for name, _ in found.most_common() if name not in set(known)]
    if unknown:
        count = sum(found[name] for name in unknown)
        raise InputError(
            f"--data {data}: {count:,} of {found.total():,} {noun} are unknown to this model: {listed(unknown)}; "
            f"it knows {listed(known)}; write them so, or train a model on such {noun}"
        )


def _refuse_one_class(train: Sequence[Example], source: str) -> None:
    if len({example.label for example in train}) < 2:
        raise InputError(f"{source}: only one class to learn, {train[0].label!r}; two or more are needed")


@dataclass(frozen=True)
class TaggedSentences(Records):
    """Sentences: their words, and the tag of each word."""

    words: list[tuple[str, ...]]
    tags: list[tuple[str, ...]]

    noun = "tagged sentences"
    repeated = "repeated sentences"

    def __len__(self) -> int:
        return len(self.words)

    @classmethod
    def of(cls, records: Iterable[Sentence]) -> TaggedSentences:
        """Collects sentences; words come in composed form, as they do in a saved model."""
        records = list(records)
        return cls([cls.key(sentence) for sentence in records], [sentence.tags for sentence in records])

    @classmethod
    def key(cls, record: Sentence) -> tuple[str, ...]:
        return tuple(normalize("NFC", word) for word in record.words)

    @classmethod
    def answer(cls, record: Sentence) -> tuple[str, ...]:
        return record.tags

    @classmethod
    def classes(cls, record: Sentence) -> tuple[str, ...]:
        return record.tags

    @classmethod
    def distinct(cls, train: Sequence[Sentence]) -> list[Sentence]:
        """Each sentence once, with its most frequent tags (ties: the first), in the order of the last occurrences."""
        tags: dict[tuple[str, ...], Counter[tuple[str, ...]]] = defaultdict(Counter)
        last: dict[tuple[str, ...], Sentence] = {}
        for sentence in train:
            key = cls.key(sentence)
            tags[key][sentence.tags] += 1
            last.pop(key, None)
            last[key] = sentence
        return [one._replace(tags=max(tags[key], key=tags[key].__getitem__)) for key, one in last.items()]

    @classmethod
    def cut(cls, train: list[Sentence], missing: Sequence[str], source: str) -> dict[str, list[Sentence]]:
        """Cuts a tenth of the sentences for each missing split."""
        if len(train) < 10:
            raise InputError(
                f"{source}: too few different sentences, {len(train)}, to cut {' and '.join(missing)} from train; "
                "put blank lines between sentences, give 10 or more, or those parts as well"
            )
        return cut_at_random(train, missing, size=round(len(train) / 10))

    @classmethod
    def check(cls, parts: Mapping[str, Sequence[Sentence]], source: str) -> None:
        """Refuses a single tag."""
        if len({tag for sentence in parts["train"] for tag in sentence.tags}) < 2:
            raise InputError(f"{source}: only one tag to learn; two or more are needed")


@dataclass(frozen=True)
class Pairs(Records):
    """Sentences, and the translation of each."""

    sources: list[str]
    targets: list[str]

    noun = "sentence pairs"
    repeated = "pairs of repeated sentences"
    way = "by a hash of the source"
    cut_first = ("validation", "test")

    def __len__(self) -> int:
        return len(self.sources)

    @classmethod
    def of(cls, records: Iterable[Pair]) -> Pairs:
        """Collects pairs in composed form, as sources are in a saved model."""
        records = list(records)
        sources, targets = ([normalize("NFC", pair[side]) for pair in records] for side in (0, 1))
        return cls(sources, targets)

    @classmethod
    def key(cls, record: Pair) -> str:
        """The source in composed form."""
        return normalize("NFC", record.source)

    @classmethod
    def distinct(cls, train: Sequence[Pair]) -> list[Pair]:
        """Each source once, in the order of first occurrences, with its most frequent translation (ties: the first)."""
        translations: dict[str, Counter[str]] = defaultdict(Counter)
        for pair in train:
            translations[cls.key(pair)][normalize("NFC", pair.target)] += 1
        return [Pair(source, max(counts, key=counts.__getitem__)) for source, counts in translations.items()]

    @classmethod
    def cut(cls, train: list[Pair], missing: Sequence[str], source: str) -> dict[str, list[Pair]]:
        """Cuts the pairs whose `split_by_hash` is missing."""
        parts, one_in = defaultdict(list), one_in_for(sum(len(pair.source) for pair in train))
        for pair in train:
            split = split_by_hash(pair.source, one_in)
            parts[split if split in missing else "train"].append(pair)
        if not all(parts[split] for split in ("train", *missing)):
            raise InputError(few_to_cut(train, missing, source))
        return dict(parts)

    @classmethod
    def check(cls, parts: Mapping[str, Sequence[Pair]], source: str) -> None:
        """Refuses nothing: there is something to learn from any pair."""


def few_to_cut(train: Iterable[Pair], missing: Sequence[str], source: str) -> str:
    """Why parts cannot be cut from pairs by `split_by_hash`, for people to read."""
    different = len({normalised(pair.source) for pair in train})
    return (
        f"{source}: too few different sentences, {different:,} where case, marks and numbers do not count, to cut "
        f"{' and '.join(missing)} from train; give 1,000 or more, or those parts as well"
    )


def normalised(text: str) -> str:
    """The words of a text in lower case, without placeholders and punctuation; every number becomes 0."""
    words = re.sub(r"[\W_]+", " ", re.sub(PLACEHOLDER, " ", text).casefold()).strip()
    return re.sub(r"\d+", "0", words)


def one_in_for(characters: int) -> int:
    """One in how many texts of validation and of test, which are a twentieth each, stays there."""
    return max(1, round(characters / 20 / MOST_CUT))


def split_by_hash(source: str, one_in: int = 1) -> str:
    """The split of a source sentence: about 90 % train, 5 % validation, 5 % test; near-duplicates go together.

    Args:
        source: The sentence.
        one_in: Of so many sentences of validation and test one stays there, and the others are train.
    """
    number = int.from_bytes(hashlib.sha256(normalised(source).encode()).digest()[:8], "big")
    share, rest = number % 100, number // 100 % one_in
    return "train" if share < 90 or rest else "validation" if share < 95 else "test"
