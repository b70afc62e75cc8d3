"""Dates with years of two digits, where one reading alone makes the rows even."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date
from typing import TYPE_CHECKING

from common.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MONTHS = {name: number for number, name in enumerate(NAMES, 1)}
PARTS = ("one", "two", "three")
WORD = rf"(?:{'|'.join(MONTHS)})[a-z]*"
REST = r"(?P<rest>(?:[ T,].*)?)"
NUMBERS = re.compile(rf"(?P<one>\d{{1,2}})(?P<mark>[/.-])(?P<two>\d{{1,2}})(?P=mark)(?P<three>\d{{1,2}}){REST}")
DAY_AND_WORD = re.compile(rf"(?P<one>\d{{1,2}})[ -](?P<two>{WORD})[ -](?P<three>\d{{2}}){REST}", re.IGNORECASE)
WORD_ALONE = re.compile(rf"(?P<one>{WORD})[ '-](?P<two>\d{{2}})", re.IGNORECASE)
PIVOT = 69
"""Years from 69 on are of the 20th century, those below of the 21st, as in POSIX."""
AHEAD = 10
"""Years from now that dates may lie ahead."""
FORMS = (
    (NUMBERS, (("d", "m", "y"), ("m", "d", "y"), ("y", "m", "d"))),
    (DAY_AND_WORD, (("d", "m", "y"), ("y", "m", "d"))),
    (WORD_ALONE, (("m", "y"), ("m", "d"))),
)
"""Each form of such dates, and the readings of it: which parts are the day, the month and the year."""


def form_of(texts: pd.Series) -> int | None:
    """The number of the form that all dates with a year of two digits have; None if they are no such dates."""
    return next((n for n, (form, _) in enumerate(FORMS) if len(texts) and texts.str.fullmatch(form).all()), None)


def with_centuries(
    texts: pd.Series, even: Callable[[pd.Series], bool], *, day_first: bool | None, place: str
) -> tuple[pd.Series, bool | None]:
    """The dates with years of four digits, and whether the day is before the month; None if words name the months.

    Dates are read if one reading alone makes the rows even, and none of them is far ahead.

    Args:
        texts: Cells that have a form.
        even: Whether dates with years of four digits are evenly spaced.
        day_first: Whether the day is before the month, where the user says it.
        place: The first row, for messages.

    Raises:
        InputError: There is no such reading, or there are several.
    """
    latest = date.today().year + AHEAD
    form, readings = FORMS[form_of(texts)]
    if form is NUMBERS and day_first is not None:
        readings = [reading for reading in readings if reading[0] == ("d" if day_first else "m")]
    found = {reading: read for reading in readings if (read := _read(texts, form, reading)) is not None and even(read)}
    found = {reading: read for reading, read in found.items() if read.str[:4].astype(int).max() <= latest}
    if len(found) != 1 or ("m", "d") in found:
        how = f"can be read in {len(found)} ways" if len(found) > 1 else f"makes no even rows up to {latest}"
        raise InputError(
            f"{place}: {texts.iloc[0]!r} in {texts.name!r} has a year of two digits and {how}; write years of four "
            "digits, as in 2014-12-31"
        )
    ((reading, read),) = found.items()
    return read, reading[0] == "d" if form is NUMBERS else None


def _read(texts: pd.Series, form: re.Pattern, reading: Sequence[str]) -> pd.Series | None:
    """The dates of a reading as in 2014-12-31, and what follows them; None if it fits none of them."""
    cells = texts.str.extract(f"^{form.pattern}$", flags=re.IGNORECASE)
    parts = dict(zip(reading, (cells[name] for name in PARTS if name in cells)))
    if form is not NUMBERS:
        parts["m"] = parts["m"].str[:3].str.lower().map(MONTHS)
    if "y" not in parts and parts["m"].nunique() > 1:  # Such rows are months.
        return None
    short = parts.get("y", parts["m"].map(lambda _: "00"))
    if not (short.str.len() == 2).all():
        return None
    years = short.astype(int).map(lambda year: str(1900 + year if year >= PIVOT else 2000 + year))
    days = parts["d"].astype(str).str.zfill(2) if "d" in parts else "01"
    return (years + "-" + parts["m"].astype(str).str.zfill(2) + "-" + days + cells.get("rest", "")).rename(texts.name)
