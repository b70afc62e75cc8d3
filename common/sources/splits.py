"""Splits: what all kinds of records have in common, and how missing splits are cut from train."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from common.errors import InputError, shortened

SPLITS = ("train", "validation", "test")
SEED = 20050617

Record = TypeVar("Record", bound=tuple)
ByRole = dict[str | None, list[Record]]
"""Records by the split that the names of their files give; None for names that give no split."""


class Records(ABC):
    """Records of one kind as columns, and the rules by which such records are split.

    Attributes:
        noun: The name of the records in messages.
        repeated: The name of dropped duplicates in messages.
        settled: What is done where duplicates disagree, for messages.
        way: How missing splits are cut from train, for messages.
        cut_first: The splits other than train, in the order in which missing ones are cut.
    """

    noun: ClassVar[str]
    repeated: ClassVar[str]
    settled: ClassVar[str] = "the most frequent answer is taken where splits are cut"
    way: ClassVar[str] = "at random"
    cut_first: ClassVar[tuple[str, str]] = ("test", "validation")

    @abstractmethod
    def __len__(self) -> int:
        """The number of records."""

    @classmethod
    @abstractmethod
    def of(cls, records: Iterable[Any]) -> Records:
        """Collects single records into columns."""

    @classmethod
    @abstractmethod
    def distinct(cls, train: Sequence[Any]) -> list[Any]:
        """The records of train without duplicates."""

    @classmethod
    @abstractmethod
    def key(cls, record: Any) -> Any:
        """What makes two records the same: their inputs, in composed form."""

    @classmethod
    def answer(cls, record: Any) -> Any:
        """What records of one key should agree on; None if they need not."""
        return None

    @classmethod
    def classes(cls, record: Any) -> Iterable[str]:
        """The classes that a record has."""
        return ()

    @classmethod
    @abstractmethod
    def cut(cls, train: list[Any], missing: Sequence[str], source: str) -> dict[str, list[Any]]:
        """Cuts the missing splits from distinct records.

        Returns:
            The missing splits and the remaining train.

        Raises:
            InputError: There are too few records to cut.
        """

    @classmethod
    @abstractmethod
    def check(cls, parts: Mapping[str, Sequence[Any]], source: str) -> None:
        """Refuses splits that no model can learn from.

        Raises:
            InputError: No model can learn from them.
        """


Part = TypeVar("Part", bound=Records)


@dataclass(frozen=True)
class Splits(Generic[Part]):
    """Records to train on, to choose the best epoch by, and to evaluate on.

    Attributes:
        source: The origin of the records and how they were split, for people to read.
        notes: What was left out or decided on the way, a line each.
        languages: The source language and the target language of sentence pairs.
    """

    train: Part
    validation: Part
    test: Part
    _: KW_ONLY
    source: str
    notes: Sequence[str] = ()
    languages: tuple[str, str] | None = None


@dataclass(frozen=True)
class Parts(Generic[Part]):
    """Records as they were read, where splits may be missing.

    Attributes:
        kind: The class that holds the records as columns.
        records: The records of each split, or all of them under None.
        source: The origin of the records, for people to read.
        languages: As in `Splits`.
        drop_seen: Whether records of train that are in another given split, too, are left out.
        notes: What was left out or decided while reading, for people to read.
    """

    kind: type[Part]
    records: ByRole
    source: str
    _: KW_ONLY
    languages: tuple[str, str] | None = None
    drop_seen: bool = False
    notes: Sequence[str] = ()

    def splits(self) -> Splits[Part]:
        """Cuts missing splits from train, after dropping its duplicates.

        Records under None are train. Splits that are present stay as they are, and so does a train that is not cut.

        Raises:
            InputError: There is no train part, it is too small to be cut, or no model can learn from the splits.
        """
        kind, source = self.kind, self.source
        parts = {split or "train": part for split, part in self.records.items()}
        train = parts.get("train")
        if not train:
            found = " and ".join(parts) or f"no {kind.noun}"
            raise InputError(f"{source}: nothing to train on, only {found}; give a train part as well")
        notes = [*self.notes, *_contradicted(kind, train), *_alike(kind, train)]
        parts["train"] = train = self._unseen(parts, notes)
        kind.check(parts, source)  # Cutting takes longer, and imports a library.
        if missing := [split for split in kind.cut_first if not parts.get(split)]:
            distinct = kind.distinct(train)
            parts |= kind.cut(distinct, missing, source)
            dropped = len(train) - len(distinct)
            duplicates = f", {dropped:,} {kind.repeated} dropped" if dropped else ""
            kind.check(parts, source)
            source = f"{source} ({' and '.join(missing)} cut from train {kind.way}{duplicates})"
        train, validation, test = (kind.of(parts[split]) for split in SPLITS)
        return Splits(train, validation, test, source=source, notes=notes, languages=self.languages)

    def _unseen(self, parts: ByRole, notes: list[str]) -> list[Any]:
        """Train, without what other given splits have as well if that is wanted; a note says how many these are."""
        keys = {split: set(map(self.kind.key, part)) for split, part in parts.items() if split in SPLITS}
        for one, other in (("train", "validation"), ("train", "test"), ("validation", "test")):
            if shared := keys.get(one, set()) & keys.get(other, set()):
                count = sum(self.kind.key(record) in shared for record in parts[other])
                note = f"{count:,} of {len(parts[other]):,} {self.kind.noun} of {other} are in {one} as well"
                if one == "train":
                    note += " and were left out of it" if self.drop_seen else " (--drop-seen leaves them out of it)"
                notes.append(note)
        if not self.drop_seen:
            return parts["train"]
        elsewhere = set().union(*(found for split, found in keys.items() if split != "train"))
        kept = [record for record in parts["train"] if self.kind.key(record) not in elsewhere]
        if not kept:
            raise InputError(f"--drop-seen: {self.source}: all of train is in other splits; leave the option out")
        return kept

    def test(self) -> Part:
        """The test part, for evaluating a trained model; all records if no name gives a split.

        Raises:
            InputError: There is a train part, or several parts, and no test part.
        """
        if "test" not in self.records and ("train" in self.records or len(self.records) > 1):
            found = " and ".join(map(str, self.records))
            left_out = f" ({'; '.join(self.notes)})" if self.notes else ""
            raise InputError(f"--data {self.source}: has {found} and no test part{left_out}; name one file test")
        return self.kind.of(self.records.get("test") or next(iter(self.records.values())))


@dataclass(frozen=True, kw_only=True)
class FileReader(ABC, Generic[Part]):
    """Reads records from a user's files.

    The words train, dev (val, valid, validation) and test in names of files and folders give the split.

    Attributes:
        encoding: Text encoding of the files.
        drop_seen: Whether to leave out of train what another given split has as well.
    """

    encoding: str = "utf-8"
    drop_seen: bool = False

    @abstractmethod
    def parts(self, data: str) -> Parts[Part]:
        """Reads the records of a file or a folder.

        Raises:
            InputError: Something in the data is wrong.
        """

    def read(self, data: str) -> Splits[Part]:
        """Reads the records of a file or a folder and cuts the splits that are missing.

        Raises:
            InputError: Something in the data is wrong.
        """
        return self.parts(data).splits()


def _contradicted(kind: type[Records], train: Sequence[Any]) -> list[str]:
    """A note of how many records disagree with others of the same key."""
    answers: dict[Any, set[Any]] = {}
    for record in train:
        answers.setdefault(kind.key(record), set()).add(kind.answer(record))
    count = sum(len(found) > 1 for found in answers.values())
    return [f"{count:,} {kind.repeated} disagree, {kind.settled}"] if count else []


def _alike(kind: type[Records], train: Sequence[Any]) -> list[str]:
    """A note of classes that are written alike but for their case."""
    forms: dict[str, set[str]] = {}
    for name in {name for record in train for name in kind.classes(record)}:
        forms.setdefault(name.casefold(), set()).add(name)
    alike = [" and ".join(map(shortened, sorted(names))) for names in forms.values() if len(names) > 1]
    return [f"classes that differ in case alone are different ones: {', '.join(sorted(alike)[:10])}"] if alike else []


def read_by_role(roles: Mapping[Path, str | None], read: Callable[[Path], Iterable[Record]]) -> ByRole[Record]:
    """Reads files into the split that each belongs to.

    Args:
        roles: The split of each file, or None.
        read: Gives the records of a file.

    Raises:
        InputError: Some names give a split and others do not.
    """
    parts: ByRole[Record] = {}
    for path, role in roles.items():
        records = list(read(path))
        if records and role is None and any(roles.values()):
            raise InputError(f"{path}: not named train, dev or test as others are; rename it")
        parts.setdefault(role, []).extend(records)
    return parts


def of_one_split(path: Path, parts: ByRole[Record], role: str | None) -> list[Record]:
    """The records of a file beside others, which belongs to one split.

    Args:
        path: The file.
        parts: Its records by the split that a column gives, or under None.
        role: The split that its name gives, or None.

    Raises:
        InputError: A column gives other splits.
    """
    if role is None and parts and None not in parts:
        raise InputError(f"{path}: has a split column, and other files lie beside it; give the file alone")
    if role and (other := next((split for split in parts if split not in (None, role)), None)):
        raise InputError(f"{path}: named {role}, and its split column says {other}; give the file alone")
    return [record for part in parts.values() for record in part]


def cut_at_random(
    train: list[Record],
    missing: Sequence[str],
    *,
    size: int,
    stratified_by: Callable[[Record], str] | None = None,
) -> dict[str, list[Record]]:
    """Cuts `size` records for each missing split, always the same ones; records keep their order."""
    from sklearn.model_selection import train_test_split

    parts = {}
    for split in missing:
        strata = None if stratified_by is None else list(map(stratified_by, train))
        kept, cut = train_test_split(range(len(train)), test_size=size, random_state=SEED, stratify=strata)
        parts[split] = [train[n] for n in sorted(cut)]
        train = [train[n] for n in sorted(kept)]
    return parts | {"train": train}
