"""Files as tables of cells: CSV as text, Parquet with the types that it has."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

from common.errors import InputError, shortened
from common.sources.files import format_of, plain_name, read_text
from common.sources.series.clocks import CLOCK, NUMBER, SLASHED, YEAR_IN
from common.sources.tables import SAID, separator_of

if TYPE_CHECKING:
    import pandas as pd

ONLY = "y"
"""The name of the only column of a file without names."""


def frame_of(path: Path, *, encoding: str) -> pd.DataFrame:
    """The cells of a CSV or Parquet file; the index counts the lines after the first, from 0.

    Cells of CSV are text, NaN where they are empty, and so are cells of Parquet that have no type of pandas.
    `attrs["separator"]` is the separator of the fields of CSV.

    Raises:
        InputError: The file cannot be read.
    """
    import pandas as pd

    kind = format_of(path)
    if kind not in (".parquet", ".csv", ".tsv", ".txt") or (kind == ".parquet" and plain_name(path) != path):
        raise InputError(f"{path}: a file of unknown type; .csv, .tsv (each also as .gz) and .parquet can be read")
    content = None if kind == ".parquet" else read_text(path, encoding)
    try:
        frame = _with_index(pd.read_parquet(path)) if content is None else _of_text(content, kind, path)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: cannot be read ({' '.join(str(error).split())[:200]}); give CSV or Parquet"
        ) from error
    frame.columns = names = [str(name).strip() for name in frame.columns]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise InputError(f"{path}: two columns named {shortened(twice)!r}; rename or remove one")
    return frame


def _with_index(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame whose index, where it has a name or times, is a column."""
    import pandas as pd

    numbered = frame.index.names == [None] and not isinstance(frame.index, pd.DatetimeIndex)
    frame = frame.reset_index(drop=numbered)
    for name in frame.select_dtypes(object):  # Decimals, dates, bytes and lists, too.
        frame[name] = frame[name].map(str, na_action="ignore")
    return frame


def _of_text(content: str, kind: str, path: Path) -> pd.DataFrame:
    import pandas as pd

    if "\0" in content:
        raise ValueError("NUL characters: name its --encoding, such as utf-16-le")
    separator = "\t" if kind == ".tsv" else separator_of(content, ",")
    if said := SAID.match(content):
        content = content[said.end() :]
    first = content.split("\n", 1)[0].strip("\r")
    names = [name.strip(' "') for name in first.split(separator)]
    unnamed = all(map(_is_value, filter(None, names)))
    if unnamed and len(names) > 1:
        raise InputError(f"{path}:1: {first[:80]!r} holds values; write a line of names above it")
    how = {"header": None, "names": [ONLY]} if unnamed else {}
    frame = pd.read_csv(
        io.StringIO(content), sep=separator, dtype=str, keep_default_na=False, na_values=[""],
        skip_blank_lines=False, **how,
    )  # fmt: skip
    if not isinstance(frame.index, pd.RangeIndex):
        raise ValueError("line 2 has more fields than line 1 has names")
    frame.index += bool(said) - unnamed
    if '"' in content:
        _check_lines(frame, path)
    frame.attrs["separator"] = separator
    return frame


def _check_lines(frame: pd.DataFrame, path: Path) -> None:
    """Refuses fields of several lines: a lone quotation mark makes one of all the rows up to the next."""
    in_names = any(set("\r\n") & set(name) for name in map(str, frame.columns))
    broken = frame.apply(lambda cells: cells.str.contains("[\r\n]", na=False)).any(axis=1)
    if in_names or broken.any():
        line = 1 if in_names else int(broken.idxmax()) + 2
        raise InputError(f"{path}:{line}: a field of several lines; close or remove the quotation mark where it begins")


def _is_value(name: str) -> bool:
    """Whether a name is a number, or a time with a day or an hour."""
    timely = SLASHED.fullmatch(name) or (YEAR_IN.search(name) and re.match(r"\d{4}-\d{1,2}-\d", name))
    return bool(NUMBER.fullmatch(name) or CLOCK.fullmatch(name) or timely)
