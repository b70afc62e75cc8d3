"""Signals: sequences of vectors with a label, or with a label for each step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from common.errors import InputError, counted, shortened
from common.sources.records import listed
from common.sources.splits import Records, cut_at_random

FEW = 500
"""Sequences of which a tenth would say too little."""
LARGEST = float(np.finfo(np.float32).max)


class Signal(NamedTuple):
    """A sequence of vectors.

    Attributes:
        name: Its name in the file.
        values: float64 `[steps, columns]`.
        labels: One label, or one for each step; empty where there is none.
        columns: The name of each column.
        place: Its file and line, for messages.
        rate: Of a sound, samples a second; 0 of other vectors.
    """

    name: str
    values: np.ndarray
    labels: tuple[str, ...]
    columns: tuple[str, ...]
    place: str
    rate: int = 0

    def ordered(self, columns: Sequence[str]) -> Signal:
        """With these columns alone, in this order; it has all of them."""
        return self._replace(values=self.values[:, list(map(self.columns.index, columns))], columns=tuple(columns))


@dataclass(frozen=True)
class Signals(Records):
    """Sequences of vectors, and the labels of each: one, or one for each step; of sounds, their `rate`."""

    values: list[np.ndarray]
    labels: list[tuple[str, ...]]
    columns: tuple[str, ...]
    names: list[str]
    rate: int = 0

    noun = "sequences"
    repeated = "repeated sequences"

    def __len__(self) -> int:
        return len(self.values)

    @property
    def by_step(self) -> bool:
        """Whether each step has a label."""
        return by_step(self.labels, self.values)

    @classmethod
    def of(cls, records: Iterable[Signal]) -> Signals:
        records = list(records)
        names, values, labels = ([getattr(one, name) for one in records] for name in ("name", "values", "labels"))
        return cls(values, labels, records[0].columns, names, records[0].rate)

    @classmethod
    def key(cls, record: Signal) -> tuple[int, bytes]:
        return len(record.values), record.values.tobytes()

    @classmethod
    def answer(cls, record: Signal) -> tuple[str, ...]:
        return record.labels

    @classmethod
    def classes(cls, record: Signal) -> Iterable[str]:
        return set(record.labels)

    @classmethod
    def distinct(cls, train: Sequence[Signal]) -> list[Signal]:
        """The first of equal sequences."""
        return list({cls.key(one): one for one in reversed(train)}.values())[::-1]

    @classmethod
    def cut(cls, train: list[Signal], missing: Sequence[str], source: str) -> dict[str, list[Signal]]:
        """Cuts a tenth of the sequences for each missing split, of few a fifth; by class where a sequence has one."""
        share = 10 if len(train) >= FEW else 5
        size = max(len({label for one in train for label in one.labels}), round(len(train) / share))
        whole = not by_step([one.labels for one in train], [one.values for one in train])
        if whole:
            (label, fewest) = Counter(one.labels[0] for one in train).most_common()[-1]
        if len(train) < 3 * size or (whole and fewest <= len(missing)):
            rare = f", {fewest} of class {label!r}" if whole else ""
            raise InputError(
                f"{source}: too few different sequences, {len(train)}{rare}, to cut {' and '.join(missing)} from "
                "train; give more, or those parts as well"
            )
        return cut_at_random(train, missing, size=size, stratified_by=(lambda one: one.labels[0]) if whole else None)

    @classmethod
    def check(cls, parts: Mapping[str, Sequence[Signal]], source: str) -> None:
        """Refuses a single class, labels that are not in train, and columns that differ."""
        train = parts["train"]
        known = sorted({label for one in train for label in one.labels})
        if len(known) < 2:
            raise InputError(f"{source}: only one class to learn, {known[0]!r}; two or more are needed")
        for one in (one for part in parts.values() for one in part):
            if len(one.columns) != len(train[0].columns) or set(one.columns) != set(train[0].columns):
                raise InputError(
                    f"{one.place}: columns {listed(one.columns)}, where train has {listed(train[0].columns)}; give all "
                    "parts the same"
                )
            if unknown := sorted(set(one.labels) - set(known)):
                raise InputError(
                    f"{one.place}: label {shortened(unknown[0])!r} is not in train, which has {listed(known)}"
                )


def by_step(labels: Sequence[tuple[str, ...]], values: Sequence[np.ndarray]) -> bool:
    """Whether sequences have a label for each step."""
    return any(len(own) > 1 for own in labels) or all(len(one) == 1 for one in values)


def check_columns(signals: Sequence[Signal], columns: Sequence[str]) -> list[Signal]:
    """Sequences with the columns that a model reads, in its order; others are left out.

    Raises:
        InputError: A column is not there.
    """
    found = []
    for one in signals:
        if missing := [name for name in columns if name not in one.columns]:
            raise InputError(
                f"{one.place}: no {listed(missing)} among its columns, {listed(one.columns)}; the model reads "
                f"{counted(len(columns), 'column')}: {listed(columns)}"
            )
        found.append(one.ordered(columns))
    return found
