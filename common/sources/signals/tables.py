"""Sequences of vectors of a table with a row for each step."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from common.errors import InputError, shortened
from common.sources.files import role_of
from common.sources.records import listed
from common.sources.series.numbers import is_missing, numbers_of
from common.sources.signals.records import LARGEST, Signal
from common.sources.splits import ByRole

if TYPE_CHECKING:
    import pandas as pd


def is_numeric(cells: pd.Series, separator: str) -> bool:
    """Whether at least half of the cells that hold something are numbers."""
    there = ~is_missing(cells)
    return bool(there.any()) and 2 * np.isfinite(numbers_of(cells, separator=separator)[there]).sum() >= there.sum()


def values_of(frame: pd.DataFrame, columns: Sequence[str], path: Path) -> np.ndarray:
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


def by_role(
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
