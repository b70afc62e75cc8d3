"""The time between two rows, and times as text."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

MINUTE, HOUR, DAY, WEEK, YEAR = 60, 3_600, 86_400, 604_800, 31_556_952  # Seconds; a year is the mean Gregorian one.
MONTH = YEAR // 12
SECOND = 1_000_000_000
"""Nanoseconds."""
STEP = 2_000_000_000
"""The seconds between rows that have no times: longer than any period, so that none is a season of theirs."""
FINE = (("s", SECOND), ("ms", 10**6), ("us", 10**3), ("ns", 1))
OFFSET = re.compile(r"(?:Z|[+-]\d{2}:?\d{2})$")


def spaced(seconds: int) -> str:
    """The time between two rows, for people: `3,600 s`, `day`, `7 days`, `month`, `3 months` or `step`."""
    if seconds == STEP:
        return "step"
    months, rest = divmod(seconds, MONTH)
    if not rest:
        return "month" if months == 1 else f"{months} months"
    days, rest = divmod(seconds, DAY)
    return f"{seconds:,} s" if rest else "day" if days == 1 else f"{days} days"


def spaced_finely(nanoseconds: int) -> str:
    """The time between two rows whose times have fractions of seconds, for people: `0.1 s`."""
    return f"{np.format_float_positional(nanoseconds / SECOND, trim='-')} s"


def fine_text(times: np.ndarray, spacing: int, offset: str = "") -> list[str]:
    """Times with fractions of seconds as text, with as many digits as the first time and the spacing need.

    Args:
        times: Nanoseconds since 1970, on the clock that the text is to show.
        spacing: Nanoseconds between two rows.
        offset: That of the clock from UTC.
    """
    unit = next(unit for unit, size in FINE if not (times[:1] % size).any() and spacing % size == 0)
    shown = np.datetime_as_string(times.astype("datetime64[ns]").astype(f"datetime64[{unit}]"), unit)
    return [text.replace("T", " ") + offset for text in shown.tolist()]


def as_times(times: np.ndarray, seconds: int) -> np.ndarray:
    """Times as `datetime64`, in months if rows are whole months apart (`seconds`), otherwise in seconds.

    Rows without times have their numbers, from 1 on.
    """
    if seconds == STEP:
        return times // STEP + 1
    return (times // MONTH).astype("datetime64[M]") if seconds % MONTH == 0 else times.astype("datetime64[s]")


def as_text(times: np.ndarray, seconds: int, offset: str = "") -> list[str]:
    """Times as text: to the month for monthly rows, otherwise to the minute, or to the second if a time needs it.

    Args:
        times: Seconds since 1970, on the clock that the text is to show.
        seconds: Seconds between two rows.
        offset: That of the clock from UTC; months have none.
    """
    if seconds == STEP:
        return [str(number) for number in as_times(times, seconds).tolist()]
    unit = "M" if seconds % MONTH == 0 else "s" if (times % 60).any() else "m"
    shown = np.datetime_as_string(as_times(times, seconds), unit).tolist()
    return [text.replace("T", " ") + (offset if unit != "M" else "") for text in shown]


def from_text(texts: Sequence[str]) -> np.ndarray:
    """What `as_text` wrote, as numbers or `datetime64` on the same clock."""
    if all(map(str.isdecimal, texts)):
        return np.array(texts, int)
    plain = [OFFSET.sub("", text) if ":" in text else text for text in texts]
    return np.array(plain, f"datetime64[{'ns' if any('.' in text for text in plain) else 's'}]")


def usual_step(times: np.ndarray) -> int:
    """The most frequent difference of two neighbouring times."""
    different, counts = np.unique(np.diff(times), return_counts=True)
    return int(different[counts.argmax()])


def even(times: np.ndarray) -> bool:
    """Whether all times are the same step, more than 0, after the time before."""
    steps = np.diff(times)
    return bool(len(steps) and steps[0] > 0 and (steps == steps[0]).all())
