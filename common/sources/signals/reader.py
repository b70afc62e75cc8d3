"""Reads a user's sequences of vectors: tables, `.ts` files, sounds and arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from common.errors import InputError
from common.options.kinds import check_encoding
from common.sources.files import existing, format_of, names_under, read_text, roles_of
from common.sources.labelled import LABEL_NAMES, SPLIT_NAMES, find_column
from common.sources.records import listed
from common.sources.series.frames import frame_of
from common.sources.signals.archives import of_ts
from common.sources.signals.recordings import KINDS, at_one_rate, label_of
from common.sources.signals.records import Signal, Signals
from common.sources.signals.tables import by_role, is_numeric, values_of
from common.sources.splits import ByRole, FileReader, Parts, of_one_split, read_by_role

SEQUENCE_NAMES = ("sequence_id", "sequence", "series_id", "unique_id", "id", "recording", "sample", "trial")
TABLES = (".csv", ".tsv", ".txt", ".parquet")
GIVEN = ".csv, .tsv, .parquet or .ts, or .wav or .npz in a folder for each label"


@dataclass(frozen=True, kw_only=True)
class SignalReader(FileReader[Signals]):
    """Reads sequences of vectors.

    A table (CSV, TSV, Parquet) has a row for each step, a column that names the sequence, a label column, and columns
    of numbers, which are the vectors. Rows of a sequence are in order. A sequence whose rows have different labels has
    a label for each step; then all have. `.ts` files are those of the UEA and UCR archives. Recordings hold one
    sequence each, see `common.sources.signals.recordings`.

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
                raise InputError(f"{path}: a folder without sequences; give {GIVEN}")
            records = read_by_role(roles, lambda one: self._within(one, path, role=roles[one], notes=notes))
        else:
            records = self.of_file(path, notes)
        if self.labelled and not any(records.values()):
            raise InputError(f"{path}: no sequences; give a row for each step below the names of the columns")
        return Parts(Signals, _alike(records, notes), data, drop_seen=self.drop_seen, notes=list(dict.fromkeys(notes)))

    def _within(self, path: Path, root: Path, *, role: str | None, notes: list[str]) -> list[Signal]:
        """The sequences of a file in a folder, which names the label of a recording."""
        suffix = path.suffix.lower()
        if suffix not in KINDS:
            return of_one_split(path, self.of_file(path, notes), role)
        one = KINDS[suffix](path)
        labels = one.labels or ((label_of(path, root),) if self.labelled else ())
        return [one._replace(name=str(path.relative_to(root).with_suffix("")), labels=labels)]

    def of_file(self, path: Path, notes: list[str]) -> ByRole[Signal]:
        """The sequences of a file by the split that its `split` column gives, else under None."""
        suffix = path.suffix.lower()
        if suffix in KINDS:
            one = KINDS[suffix](path)
            if self.labelled and not one.labels:
                raise InputError(f"{path}: one sequence without a label; give a folder with one folder for each label")
            return {None: [one]}
        if format_of(path) == ".ts":
            return {None: list(of_ts(read_text(path, self.encoding), str(path), labelled=self.labelled))}
        if format_of(path) not in TABLES:
            raise InputError(f"{path}: a file of unknown type; give {GIVEN}")
        return self._table(path, notes)

    def _table(self, path: Path, notes: list[str]) -> ByRole[Signal]:
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
        columns = [name for name in others if is_numeric(frame[name], frame.attrs.get("separator", ","))]
        if left_out := [name for name in others if name not in columns]:
            notes.append(f"{path.name}: columns without numbers are left out: {listed(left_out)}")
        if not columns:
            raise InputError(f"{path}: no columns of numbers beside {listed([sequence, label or sequence])}; give some")
        values = values_of(frame, columns, path)
        return by_role(frame, values, sequence=sequence, label=label, split=split, columns=columns, path=path)

    def _sequence_column(self, names: Sequence[str], place: str) -> str:
        option = "--sequence-column"
        return find_column(names, self.sequence_column, usual=SEQUENCE_NAMES, option=option, place=place)


def _alike(records: ByRole[Signal], notes: list[str]) -> ByRole[Signal]:
    """Sequences with one label each, where no sequence has several; columns in one order, sounds at one rate."""
    every = [one for part in records.values() for one in part]
    if every and all(one.rate for one in every):
        every = at_one_rate(every, notes)
        there = iter(every)
        records = {role: [next(there) for _ in part] for role, part in records.items()}
    single = all(len(set(one.labels)) <= 1 for one in every)
    columns = every[0].columns if every else ()

    def one_way(one: Signal) -> Signal:
        if one.columns != columns and set(one.columns) == set(columns):
            one = one.ordered(columns)
        return one._replace(labels=one.labels[:1]) if single else one

    return {role: [one_way(one) for one in part] for role, part in records.items()}
