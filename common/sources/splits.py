"""Splits: what all kinds of records have in common, and how missing splits are cut from train."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from common.errors import InputError

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
        way: How missing splits are cut from train, for messages.
        cut_first: The splits other than train, in the order in which missing ones are cut.
    """

    noun: ClassVar[str]
    repeated: ClassVar[str]
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
        languages: The source language and the target language of sentence pairs.
    """

    train: Part
    validation: Part
    test: Part
    _: KW_ONLY
    source: str
    languages: tuple[str, str] | None = None


@dataclass(frozen=True)
class Parts(Generic[Part]):
    """Records as they were read, where splits may be missing.

    Attributes:
        kind: The class that holds the records as columns.
        records: The records of each split, or all of them under None.
        source: The origin of the records, for people to read.
        languages: As in `Splits`.
    """

    kind: type[Part]
    records: ByRole
    source: str
    _: KW_ONLY
    languages: tuple[str, str] | None = None

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
        if missing := [split for split in kind.cut_first if not parts.get(split)]:
            distinct = kind.distinct(train)
            parts |= kind.cut(distinct, missing, source)
            dropped = len(train) - len(distinct)
            duplicates = f", {dropped:,} {kind.repeated} dropped" if dropped else ""
            source = f"{source} ({' and '.join(missing)} cut from train {kind.way}{duplicates})"
        kind.check(parts, source)
        train, validation, test = (kind.of(parts[split]) for split in SPLITS)
        return Splits(train, validation, test, source=source, languages=self.languages)

    def test(self) -> Part:
        """The test part, for evaluating a trained model; all records if no name gives a split.

        Raises:
            InputError: There is a train part, or several parts, and no test part.
        """
        if "test" not in self.records and ("train" in self.records or len(self.records) > 1):
            found = " and ".join(map(str, self.records))
            raise InputError(f"--data {self.source}: has {found} and no test part; name one file test")
        return self.kind.of(self.records.get("test") or next(iter(self.records.values())))


@dataclass(frozen=True, kw_only=True)
class FileReader(ABC, Generic[Part]):
    """Reads records from a user's files.

    The words train, dev (val, valid, validation) and test in names of files and folders give the split.

    Attributes:
        encoding: Text encoding of the files.
    """

    encoding: str = "utf-8"

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
        if role is None and any(roles.values()):
            raise InputError(f"{path}: not named train, dev or test as others are; rename it")
        parts.setdefault(role, []).extend(records)
    return parts


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
