"""Signals: sequences of vectors with a label, or with a label for each step, from a user's tables or `.ts` files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from common.errors import InputError, counted, shortened
from common.options.kinds import check_encoding
from common.sources.files import existing, format_of, names_under, read_text, role_of, roles_of
from common.sources.labelled import LABEL_NAMES, SPLIT_NAMES, find_column
from common.sources.records import listed
from common.sources.series.frames import frame_of
from common.sources.series.numbers import is_missing, numbers_of
from common.sources.splits import ByRole, FileReader, Parts, Records, cut_at_random, of_one_split, read_by_role

if TYPE_CHECKING:
    import pandas as pd

SEQUENCE_NAMES = ("sequence_id", "sequence", "series_id", "unique_id", "id", "recording", "sample", "trial")
TABLES = (".csv", ".tsv", ".txt", ".parquet")
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
    """

    name: str
    values: np.ndarray
    labels: tuple[str, ...]
    columns: tuple[str, ...]
    place: str

    def ordered(self, columns: Sequence[str]) -> Signal:
        """With these columns alone, in this order; it has all of them."""
        return self._replace(values=self.values[:, list(map(self.columns.index, columns))], columns=tuple(columns))


@dataclass(frozen=True)
class Signals(Records):
    """Sequences of vectors, and the labels of each: one, or one for each step."""

    values: list[np.ndarray]
    labels: list[tuple[str, ...]]
    columns: tuple[str, ...]
    names: list[str]

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
        return cls(values, labels, records[0].columns, names)

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


@dataclass(frozen=True, kw_only=True)
class SignalReader(FileReader[Signals]):
    """Reads sequences of vectors.

    A table (CSV, TSV, Parquet) has a row for each step, a column that names the sequence, a label column, and columns
    of numbers, which are the vectors. Rows of a sequence are in order. A sequence whose rows have different labels has
    a label for each step; then all have. `.ts` files are those of the UEA and UCR archives.

    Attributes:
        sequence_column: Name of the column that names the sequence; found by its usual names when None.
        label_column: Name of the label column; found by its usual names when None.
        labelled: Whether labels are needed; else sequences are read as they are to be predicted.
    """

    sequence_column: str | None = None
    label_column: str | None = None
    labelled: bool = True

    def parts(self, data: str) -> Parts[Signals]:
        check_encoding(self.encoding)
        path, notes = existing(data), list[str]()
        if path.is_dir():
            roles = {path / name: role for name, role in roles_of(names_under(path)).items()}
            if not roles:
                raise InputError(f"{path}: a folder without sequences; give .csv, .tsv, .parquet or .ts files")
            records = read_by_role(roles, lambda one: of_one_split(one, self.table(one, notes), roles[one]))
        else:
            records = self.table(path, notes)
        if self.labelled and not any(records.values()):
            raise InputError(f"{path}: no sequences; give a row for each step below the names of the columns")
        return Parts(Signals, _alike(records), data, drop_seen=self.drop_seen, notes=list(dict.fromkeys(notes)))

    def table(self, path: Path, notes: list[str]) -> ByRole[Signal]:
        """The sequences of a file by the split that its `split` column gives, else under None."""
        if format_of(path) == ".ts":
            return {None: list(of_ts(read_text(path, self.encoding), str(path), labelled=self.labelled))}
        if format_of(path) not in TABLES:
            raise InputError(f"{path}: a file of unknown type; give .csv, .tsv, .parquet or .ts")
        frame = frame_of(path, encoding=self.encoding)
        names = list(frame.columns)
        if not len(frame):
            raise InputError(f"{path}: a line of column names and no rows; give a row for each step")
        place = f"{path}:1"
        sequence = self._sequence_column(names, place)
        label = None
        if self.labelled:
            label = find_column(names, self.label_column, usual=LABEL_NAMES, option="--label-column", place=place)
        else:
            label = next((name for name in names if name.lower() in LABEL_NAMES or name == self.label_column), None)
        split = next((name for name in names if name.lower() in SPLIT_NAMES), None)
        others = [name for name in names if name not in (sequence, label, split)]
        columns = [name for name in others if _is_numeric(frame[name], frame.attrs.get("separator", ","))]
        if left_out := [name for name in others if name not in columns]:
            notes.append(f"{path.name}: columns without numbers are left out: {listed(left_out)}")
        if not columns:
            raise InputError(f"{path}: no columns of numbers beside {listed([sequence, label or sequence])}; give some")
        values = _values(frame, columns, path)
        return _by_role(frame, values, sequence=sequence, label=label, split=split, columns=columns, path=path)

    def _sequence_column(self, names: Sequence[str], place: str) -> str:
        option = "--sequence-column"
        return find_column(names, self.sequence_column, usual=SEQUENCE_NAMES, option=option, place=place)


def _is_numeric(cells: pd.Series, separator: str) -> bool:
    """Whether at least half of the cells that hold something are numbers."""
    there = ~is_missing(cells)
    return bool(there.any()) and 2 * np.isfinite(numbers_of(cells, separator=separator)[there]).sum() >= there.sum()


def _values(frame: pd.DataFrame, columns: Sequence[str], path: Path) -> np.ndarray:
    """The numbers of columns, float64 `[rows, columns]`.

    Raises:
        InputError: A cell is no number, is missing, or is too large.
    """
    found = [numbers_of(frame[name], separator=frame.attrs.get("separator", ",")) for name in columns]
    values = np.stack(found, 1)
    wrong = ~(np.abs(values) <= LARGEST)
    if wrong.any():
        row, column = np.argwhere(wrong)[0].tolist()
        cell = frame[columns[column]].iloc[row]
        what = "is missing" if is_missing(frame[columns[column]])[row] else f"is {shortened(str(cell))!r}"
        name = shortened(columns[column])
        raise InputError(f"{path}:{frame.index[row] + 2}: the value of {name!r} {what}; give a number of float32")
    return values


def _by_role(
    frame: pd.DataFrame,
    values: np.ndarray,
    *,
    sequence: str,
    label: str | None,
    split: str | None,
    columns: Sequence[str],
    path: Path,
) -> ByRole[Signal]:
    for name in filter(None, (sequence, label)):
        if (missing := frame[name].isna().to_numpy()).any():
            row = int(missing.argmax())
            raise InputError(f"{path}:{frame.index[row] + 2}: no {shortened(name)!r}; give each row one")
    parts: ByRole[Signal] = {}
    for name, rows in frame.groupby(sequence, sort=False).indices.items():
        place = f"{path}:{frame.index[rows[0]] + 2}"
        role = None
        if split is not None:
            said = {str(one) for one in frame[split].iloc[rows]}
            role = role_of(*said) if len(said) == 1 else None
            if role is None:
                raise InputError(
                    f"{place}: split {listed(sorted(said))} of sequence {shortened(str(name))!r}; give one"
                )
        labels = () if label is None else tuple(str(one).strip() for one in frame[label].iloc[rows])
        parts.setdefault(role, []).append(Signal(str(name), values[rows], labels, tuple(columns), place))
    return parts


def _alike(records: ByRole[Signal]) -> ByRole[Signal]:
    """Sequences with one label each, where no sequence has several; columns in one order."""
    every = [one for part in records.values() for one in part]
    single = all(len(set(one.labels)) <= 1 for one in every)
    columns = every[0].columns if every else ()

    def one_way(one: Signal) -> Signal:
        if one.columns != columns and set(one.columns) == set(columns):
            one = one.ordered(columns)
        return one._replace(labels=one.labels[:1]) if single else one

    return {role: [one_way(one) for one in part] for role, part in records.items()}


def of_ts(text: str, place: str, *, labelled: bool = True) -> Iterator[Signal]:
    """The sequences of a `.ts` file: a line for each, a field for each dimension and for the label, `:` between.

    Raises:
        InputError: A line is not of this form.
    """
    header, data = {}, False
    for number, line in enumerate(text.splitlines(), 1):
        line, here = line.strip(), f"{place}:{number}"
        if not line or line.startswith("#"):
            continue
        if not data:
            words = line.lower().split()
            if not line.startswith("@"):
                raise InputError(f"{here}: {line[:60]!r} before @data; give a .ts file of the UEA and UCR archives")
            header[words[0]] = words[1:]
            data = words[0] == "@data"
            if data and header.get("@timestamps") == ["true"]:
                raise InputError(f"{here}: values with time stamps; give values alone, in order")
            continue
        has_label = header.get("@classlabel", ["false"])[0] == "true"
        fields = line.split(":")
        if labelled and not has_label:
            raise InputError(f"{place}: no @classLabel; give labelled sequences")
        labels = (fields.pop().strip(),) if has_label and len(fields) > 1 else ()
        try:
            values = np.array([[float(cell) for cell in field.split(",")] for field in fields], np.float64).T
        except ValueError as error:
            raise InputError(f"{here}: not numbers, or dimensions of different lengths; give both alike") from error
        if not (np.abs(values) <= LARGEST).all():
            raise InputError(f"{here}: a missing or too large value; give numbers of float32")
        columns = tuple(f"dimension_{n}" for n in range(1, len(fields) + 1))
        yield Signal(str(number), values, labels, columns, here)
    if not data:
        raise InputError(f"{place}: no @data; give a .ts file of the UEA and UCR archives")


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
