"""The numbers of a column."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

MISSING = {
    way(word)
    for word in ("na", "n/a", "#n/a", "nan", "null", "none", "<na>", "-nan", "nat")
    for way in (str.lower, str.upper, str.capitalize)
} | {"NaN", "NaT", "-NaN", ".", "..", "...", "-", "--", "?"}
"""How a missing number is written."""
TRUTH = {
    text: number for word, number in (("true", "1"), ("false", "0")) for text in (word, word.title(), word.upper())
}
DECIMAL_COMMA = re.compile(r"[-+]?(\d{1,3}(\.\d{3})+|\d+),\d+")
GROUPS = re.compile(r"[-+]?[1-9]\d{0,2}((,\d{3})+|(\.\d{3})+)")
"""Digits in groups of three, as in 1,234,567 or 1.234.567."""
COMMA_GROUPS = re.compile(r"[-+]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?")
"""Digits in groups of three, as in 1,234,567.5."""
FEW = 2
"""Cells such as 1,234 that may be of either kind."""
EXACT = 2**53
"""Whole numbers up to this one are exact in float64."""


def numbers_of(values: pd.Series, *, separator: str = ",") -> np.ndarray:
    """The cells of a column as numbers, float64; NaN where one is missing or no number.

    Args:
        values: Text, or values of a type.
        separator: That of the fields of the file; commas are likelier to be decimal where it is another character.
    """
    import pandas as pd

    if values.dtype == object or pd.api.types.is_string_dtype(values):
        values = _with_points(values.where(~values.isin(list(TRUTH)), values.map(TRUTH)), separator)
    elif not pd.api.types.is_numeric_dtype(values):
        return np.full(len(values), np.nan)
    return pd.to_numeric(values, errors="coerce").astype("Float64").to_numpy(np.float64, na_value=np.nan)


def is_missing(values: pd.Series) -> np.ndarray:
    """Which cells hold nothing, or a word for nothing."""
    return (values.isna() | values.isin(list(MISSING))).to_numpy(bool)


def merged(values: pd.Series, numbers: np.ndarray) -> np.ndarray:
    """Rows of whole numbers that differ as text, but not in float64, where such numbers are the whole difference."""
    large = np.abs(numbers) > EXACT
    if not large.any() or values[large].nunique() == len(np.unique(numbers[large])):
        return np.zeros(0, int)
    exact = [int(text) == int(number) for text, number in zip(values[large].astype(str).map(_whole), numbers[large])]
    return np.flatnonzero(large)[~np.array(exact)]


def has_comma_groups(values: pd.Series, separator: str) -> bool:
    """Whether commas are between groups of digits: all may be, and one has to be, or more separate fields as well."""
    cells = values.dropna().astype(str) if values.dtype == object else values[:0].astype(str)
    cells = cells[cells.str.contains(",", regex=False)] if len(cells) else cells
    if not len(cells) or not cells.str.fullmatch(COMMA_GROUPS).all():
        return False
    return (separator == "," and len(cells) > FEW) or bool(
        (cells.str.contains(".", regex=False) | (cells.str.count(",") > 1)).any()
    )


def _whole(text: str) -> str:
    return text if re.fullmatch(r"[-+]?\d+", text) else "0"


def _with_points(values: pd.Series, separator: str) -> pd.Series:
    """Cells in which a decimal comma has become a point, and points between groups of digits are gone."""
    if has_comma_groups(values, separator):
        return values.str.replace(",", "", regex=False)
    cells = values.dropna().astype(str)
    with_comma = cells[cells.str.contains(",", regex=False)]
    comma = with_comma.str.fullmatch(DECIMAL_COMMA)
    if comma.any() and (separator == ";" or not with_comma.str.fullmatch(GROUPS).all()):
        plain = cells.str.fullmatch(DECIMAL_COMMA) | cells.str.fullmatch(r"[-+]?\d+") | cells.str.fullmatch(GROUPS)
        points = cells.str.replace(".", "", regex=False).str.replace(",", ".", regex=False)
        return values.where(values.isna(), points.where(plain & ~cells.str.fullmatch(r".*,\d+,.*"), None))
    grouped = cells.str.contains(".", regex=False)
    if separator == ";" and grouped.any() and cells[grouped].str.fullmatch(GROUPS).all():
        others = cells[~grouped]
        if cells.str.count(r"\.").max() > 1 or (len(others) and others.str.fullmatch(r"[-+]?\d{1,3}").all()):
            return values.where(values.isna(), cells.str.replace(".", "", regex=False))
    return values
