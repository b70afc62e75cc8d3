"""Files as people have them: what is read without an option, what is said about it, and what is refused."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import InputError
from common.sources.series import DAY, HOUR, MONTH, STEP, Panel, SeriesReader, from_text

HOURS = [f"2024-01-{1 + n // 24:02} {n % 24:02}:00" for n in range(48)]


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Panel]:
    """Reads a text, bytes or a frame as a file; library warnings are errors."""

    def of(content: str | bytes | pd.DataFrame, name: str = "x.csv", **options: object) -> Panel:
        path = tmp_path / name
        if isinstance(content, pd.DataFrame):
            content.to_parquet(path)
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return SeriesReader(**options).read(str(path))

    return of


def text(names: str, *rows: object) -> str:
    return "\n".join([names, *map(str, rows)]) + "\n"


def shown(panel: Panel) -> list[str]:
    return panel.as_text(panel.groups[0], panel.groups[0].times)


def values(panel: Panel) -> list[float]:
    return panel.groups[0].values[:, 0].tolist()


# Times.


@pytest.mark.parametrize("months", [1, 3])
def test_months_are_those_of_local_time(months: int, read) -> None:
    times = pd.date_range("2000-01-01", periods=24, freq=pd.DateOffset(months=months), tz="Europe/Berlin")
    panel = read(text("time,y", *(f"{time.isoformat()},1" for time in times)))
    assert panel.seconds == months * MONTH and shown(panel)[:2] == ["2000-01", f"2000-0{1 + months}"]


def test_local_days_are_even_across_a_change_of_the_clocks(read) -> None:
    times = pd.date_range("2020-01-01", periods=200, freq="D", tz="Europe/Berlin")
    panel = read(text("time,y", *(f"{time.isoformat()},1" for time in times)))
    assert panel.seconds == DAY
    assert shown(panel)[0] == "2020-01-01 00:00+02:00" and shown(panel)[-1] == "2020-07-18 00:00+02:00"
    assert "times in UTC+02:00" in panel.notes
    assert from_text(shown(panel))[-1] == np.datetime64("2020-07-18")
    typed = read(pd.DataFrame({"time": times, "y": 1.0}), "x.parquet")
    np.testing.assert_array_equal(typed.groups[0].times, panel.groups[0].times)


def test_local_hours_are_even_in_utc_and_shown_on_the_last_clock(read) -> None:
    times = pd.date_range("2020-03-28", periods=60, freq="h", tz="Europe/Berlin")
    panel = read(text("time,y", *(f"{time.isoformat()},1" for time in times)))
    assert panel.seconds == HOUR and shown(panel)[-1] == "2020-03-30 12:00+02:00"
    assert panel.groups[0].times[0] == times[0].timestamp()


def test_days_at_one_hour_of_utc_are_even_though_the_clock_is_not(read) -> None:
    times = pd.date_range("2020-03-20", periods=20, freq="D", tz="UTC").tz_convert("Europe/Berlin")
    panel = read(text("time,y", *(f"{time.isoformat()},1" for time in times)))
    assert panel.seconds == DAY and shown(panel)[-1] == "2020-04-08 02:00+02:00"


def test_an_offset_in_some_rows_alone_is_refused(read) -> None:
    with pytest.raises(InputError, match=r"x\.csv:3: '2020-01-01 01:00' has no offset from UTC, where"):
        read(text("time,y", "2020-01-01 00:00+01:00,1", "2020-01-01 01:00,1", "2020-01-01 02:00,1"))


def monthly(style: str) -> str:
    return text(
        "date,y",
        *(time.strftime(style) + f",{n}" for n, time in enumerate(pd.date_range("2000", periods=30, freq="MS"))),
    )


@pytest.mark.parametrize("style", ["%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%d/%m/%Y 00:00"])
def test_the_day_is_first_where_that_makes_rows_even_and_it_is_said(style: str, read) -> None:
    panel = read(monthly(style))
    assert panel.seconds == MONTH and panel.day_first and "dates read with the day first" in panel.notes
    with pytest.raises(InputError, match=r"is usual|left out"):
        read(monthly(style), day_first=False)


def test_the_month_is_first_where_that_makes_rows_even(read) -> None:
    panel = read(monthly("%m/%d/%Y"))
    assert panel.seconds == MONTH and panel.day_first is False and not panel.notes


@pytest.mark.parametrize(("style", "day_first"), [("%d/%m/%Y", True), ("%m/%d/%Y", False)])
def test_a_number_above_12_is_a_day(style: str, day_first: bool, read) -> None:
    days = [time.strftime(style) for time in pd.date_range("2020-01-05", periods=40)]
    panel = read(text("date,y", *(f"{day},1" for day in days)))
    assert panel.day_first is day_first and panel.seconds == DAY and shown(panel)[0] == "2020-01-05 00:00"


def test_dates_that_are_even_either_way_are_refused_until_an_option_says(read) -> None:
    rows = text("date,y", *(f"01/{n:02}/2020,1" for n in range(1, 13)))
    with pytest.raises(InputError, match=r"x\.csv:2: '01/01/2020' .* give --day-first or --no-day-first"):
        read(rows)
    assert read(rows, day_first=True).seconds == MONTH and read(rows, day_first=False).seconds == DAY


@pytest.mark.parametrize(
    ("style", "begin", "freq", "first"),
    [
        ("%b-%y", "1998-03-01", "MS", "1998-03"),
        ("%B %y", "2010-01-01", "MS", "2010-01"),
        ("%d/%m/%y", "2020-01-28", "D", "2020-01-28 00:00"),
        ("%m/%d/%y 12:00", "1999-12-20", "D", "1999-12-20 12:00"),
        ("%d-%b-%y", "2005-01-29", "D", "2005-01-29 00:00"),
        ("%y-%m-%d", "2020-01-25", "D", "2020-01-25 00:00"),
    ],
)
def test_years_of_two_digits_are_read_where_one_reading_alone_is_even(
    style: str, begin: str, freq: str, first: str, read
) -> None:
    times = pd.date_range(begin, periods=40, freq=freq)
    panel = read(text("date,y", *(time.strftime(style) + ",1" for time in times)))
    assert shown(panel)[0] == first and f"years of two digits read as from {first[:4]}" in panel.notes
    assert len(panel.groups[0].times) == 40


@pytest.mark.parametrize(
    ("times", "error"),
    [
        (["Jan-55", "Feb-55", "Mar-55"], "makes no even rows up to 20"),
        (["Jan-01", "Jan-02", "Jan-03"], "can be read in 2 ways"),
        (["01/02/20", "02/02/20", "03/02/20"], "can be read in [23] ways"),
        (["20/01/01", "20/01/02", "20/01/03"], "can be read in 2 ways"),
        (["Jan-98", "Feb-98", "Apr-98"], "makes no even rows"),
        (["31/12/67", "01/01/68", "02/01/68"], "makes no even rows"),
    ],
)
def test_years_of_two_digits_that_may_be_others_are_refused(times: list[str], error: str, read) -> None:
    with pytest.raises(
        InputError, match=rf"x\.csv:2: '.*' in 'date' has a year of two digits and {error}.*; write years"
    ):
        read(text("date,y", *(f"{time},1" for time in times)))


def test_an_option_decides_on_dates_with_years_of_two_digits(read) -> None:
    rows = text("date,y", *(f"{n:02}/02/20,1" for n in range(1, 5)))
    assert shown(read(rows, day_first=True))[1] == "2020-02-02 00:00"
    assert shown(read(rows, day_first=False))[1] == "2020-02"


def test_two_digits_that_are_no_year_are_refused(read) -> None:
    with pytest.raises(InputError, match=r"x\.csv:2: '55-01' in 'date' is no time with a year of four digits"):
        read(text("date,y", "55-01,1", "55-02,1", "55-03,1"))


@pytest.mark.parametrize(
    ("style", "step", "shown_first"),
    [
        ("{:.1f}", 10**8, ["2020-01-01 00:00:00.000", "2020-01-01 00:00:00.100"]),
        ("{:.6f}", 10**8, ["2020-01-01 00:00:00.000", "2020-01-01 00:00:00.100"]),
        ("{:.4f}", 25 * 10**5, ["2020-01-01 00:00:00.000000", "2020-01-01 00:00:00.002500"]),
        ("{:.1f}", 15 * 10**8, ["2020-01-01 00:00:00.000", "2020-01-01 00:00:01.500"]),
    ],
)
def test_fractions_of_seconds_are_exact(style: str, step: int, shown_first: list[str], read) -> None:
    seconds = (style.format(n * step / 10**9).zfill(len(style.format(10))) for n in range(30))
    panel = read(text("time,y", *(f"2020-01-01 00:00:{second},{n}" for n, second in enumerate(seconds))))
    assert (panel.seconds, panel.nanoseconds) == (STEP, step) and shown(panel)[:2] == shown_first
    assert panel.spaced == f"{step / 10**9:g} s" and values(panel) == list(range(30))
    first, second = from_text(shown(panel))[:2]
    assert (second - first).astype("timedelta64[ns]").astype(int) == step


def test_a_gap_between_fractions_of_seconds_is_named_or_filled(read) -> None:
    rows = text("time,y", *(f"2020-01-01T00:00:00.{n}Z,{n}" for n in (0, 1, 2, 4, 5)))
    with pytest.raises(InputError, match=r"x\.csv:5: 1 row is left out before this one"):
        read(rows)
    panel = read(rows, missing="allow")
    assert np.isnan(values(panel)[3]) and shown(panel)[3] == "2020-01-01 00:00:00.300+00:00"
    with pytest.raises(InputError, match=r"x\.csv:5: 0\.15 s after the row before, where 0\.1 s is usual"):
        read(rows.replace("00.4", "00.35"), missing="allow")


def test_digits_of_another_script_are_no_time(read) -> None:
    rows = [f"２０２０-01-0{n},1" for n in range(1, 5)]
    with pytest.raises(InputError, match=r"x\.csv:2: .* is no time"):
        read(text("time,y", *rows))


@pytest.mark.parametrize("names", ["Date,Time,load", "Time,Date,load"])
def test_a_date_and_a_time_of_day_are_joined(names: str, read) -> None:
    swapped = names.startswith("Time")
    rows = (" ".join(hour.split()[:: -1 if swapped else 1]).replace(" ", ",") + ",1" for hour in HOURS)
    panel = read(text(names, *rows))
    assert panel.seconds == HOUR and panel.columns == ["load"] and "'Time' joined to 'Date'" in panel.notes


def test_a_column_of_numbers_alone_counts_steps(read) -> None:
    for content in (text("load", *range(9)), text("0", *range(1, 9)), text(",load", *(f"{n},{n}" for n in range(9)))):
        panel = read(content)
        assert values(panel) == list(range(9)) and panel.seconds == STEP and "rows count as steps" in panel.notes
        assert shown(panel) == [str(n) for n in range(1, 10)]
    with pytest.raises(InputError, match=r"x\.csv:3: no value in 'load'"):
        read(text("load", 1, "", 2, 3))
    holes = read(text("load", 1, "", 2, 3, ""), missing="allow")
    np.testing.assert_array_equal(values(holes), [1, np.nan, 2, 3])


@pytest.mark.parametrize(("at", "line"), [(0, 1), (3, 4)])
def test_lone_quotation_marks_cannot_swallow_rows(at: int, line: int, read) -> None:
    rows = ["time,load,note", *(f"{hour},5,x" for hour in HOURS)]
    for n in (at, at + 9):
        time, rest = rows[n].split(",", 1)
        rows[n] = f'{time},"{rest}'
    with pytest.raises(InputError, match=rf"x\.csv:{line}: a field of several lines"):
        read(text(*rows), missing="allow")


def test_values_without_names_are_refused(read) -> None:
    with pytest.raises(InputError, match=r"x\.csv:1: '2024-01-01 00:00,5' holds values; write a line of names"):
        read(text(*(f"{hour},5" for hour in HOURS)))


def test_weeks_with_a_gap_name_the_option(read) -> None:
    days = [
        time.strftime("%Y-%m-%d,1") for n, time in enumerate(pd.date_range("2020", periods=30, freq="7D")) if n != 9
    ]
    with pytest.raises(InputError, match=r"x\.csv:11: 1 row is left out .* --missing allow"):
        read(text("date,y", *days))
    assert len(read(text("date,y", *days), missing="allow").groups[0].times) == 30


def test_a_time_that_is_centuries_off_is_refused(read) -> None:
    rows = [f"2020-01-01 00:00:{n:02},1" for n in range(30)]
    with pytest.raises(InputError, match=r"x\.csv:32: [\d,]+ rows are left out before this one"):
        read(text("time,y", *rows, "2202-01-01 00:00:00,1"), missing="allow")


# Series.


def panel_text(names: str, *stores: str) -> str:
    return text(names, *(f"{store},2020-01-{n:02},{n}" for store in stores for n in range(1, 11)))


PARTS = {
    "Year,Month": ("%Y,%m", "MS"),
    "month,year": ("%b,%Y", "MS"),
    "year,month,day": ("%Y,%m,%d", "D"),
    "No,year,month,day,hour": ("1,%Y,%-m,%-d,%-H", "h"),
    "date,hour": ("%Y-%m-%d,%H", "h"),
}


@pytest.mark.parametrize("names", PARTS)
def test_years_months_days_and_hours_in_columns_are_joined(names: str, read) -> None:
    style, freq = PARTS[names]
    times = pd.date_range("2019-11-01", periods=100, freq=freq)
    panel = read(text(f"{names},y", *(time.strftime(style) + f",{n}" for n, time in enumerate(times))), targets=["y"])
    assert len(panel.groups) == 1 and values(panel) == list(range(100))
    expected = {"MS": [MONTH, "2019-12"], "D": [DAY, "2019-11-02 00:00"], "h": [HOUR, "2019-11-01 01:00"]}
    assert [panel.seconds, shown(panel)[1]] == expected[freq] and "joined to" in panel.notes[0]


def test_a_column_of_words_names_the_series_where_times_come_again(read) -> None:
    panel = read(panel_text("store,date,sales", "s1", "s2"))
    assert [group.name for group in panel.groups] == ["s1", "s2"] and panel.columns == ["sales"]
    assert panel.series == ("store",) and "series in 'store'" in panel.notes
    rows = panel_text("store,date,sales", "s1", "s2").split("\n")
    by_time = read("\n".join([rows[0], *(row for pair in zip(rows[1:11], rows[11:21]) for row in pair)]))
    assert [group.values.tolist() for group in by_time.groups] == [group.values.tolist() for group in panel.groups]


def test_a_column_of_numbers_may_name_the_series_if_the_option_says_so(read) -> None:
    content = panel_text("store,date,sales", "001", "002")
    with pytest.raises(InputError, match=r"times in 'date' come again; .* --series-column store"):
        read(content)
    assert [group.name for group in read(content, series_columns=["store"]).groups] == ["001", "002"]


def test_two_columns_name_the_series_together(read) -> None:
    ids = [f"{store},{item}" for store in ("s1", "s2") for item in ("tea", "mugs")]
    panel = read(panel_text("store,item,date,sales", *ids))
    assert panel.series == ("store", "item") and "series in 'store', 'item'" in panel.notes
    assert [group.name for group in panel.groups] == ["s1/tea", "s1/mugs", "s2/tea", "s2/mugs"]
    assert panel.groups[1].names == ("s1", "mugs") and panel.columns == ["sales"]


def test_two_columns_of_numbers_may_name_the_series_if_the_option_says_so(read) -> None:
    content = panel_text("store,item,date,sales", "1,1", "1,2", "2,1", "2,2", "3,1", "3,2")
    with pytest.raises(InputError, match=r"times in 'date' come again; .* --series-column store item$"):
        read(content)
    assert [group.name for group in read(content, series_columns=["item", "store"]).groups][:3] == ["1/1", "2/1", "1/2"]


def test_names_that_are_one_when_joined_are_refused(read) -> None:
    with pytest.raises(InputError, match=r"x\.csv:12: 'a/b/c' names two series"):
        read(panel_text("store,item,date,sales", "a/b,c", "a,b/c"), series_columns=["store", "item"])


@pytest.mark.parametrize("name", ["NA", "None", "null", "nan", "N/A"])
def test_words_for_nothing_are_names_of_series(name: str, read) -> None:
    assert [group.name for group in read(panel_text("unique_id,ds,y", "ZA", name)).groups] == ["ZA", name]


def test_one_series_keeps_its_name(read) -> None:
    panel = read(panel_text("unique_id,ds,y", "ZA"))
    assert panel.series == ("unique_id",) and [group.name for group in panel.groups] == ["ZA"]


def test_categories_without_rows_are_no_series(read) -> None:
    frame = pd.DataFrame(
        {"unique_id": pd.Categorical(list("aab") * 4), "ds": pd.date_range("2020", periods=12), "y": 1.0}
    )
    kept = frame[frame.unique_id == "a"].iloc[::2].assign(ds=pd.date_range("2020", periods=4))
    assert [group.name for group in read(kept, "x.parquet").groups] == ["a"]


@pytest.mark.parametrize("name", [None, "ds", "when"])
def test_an_index_of_times_is_the_time_column(name: str | None, read) -> None:
    frame = pd.DataFrame({"y": np.arange(9.0)}, index=pd.date_range("2020", periods=9, name=name))
    panel = read(frame, "x.parquet")
    assert panel.columns == ["y"] and panel.seconds == DAY
    assert read(frame.to_csv()).seconds == DAY  # Without a name it is the unnamed first column.


def test_parquet_of_other_types_is_read_as_text(read) -> None:
    days = pd.date_range("2020", periods=5).date
    frame = pd.DataFrame({"day": days, "price": [Decimal("1.5")] * 5, "raw": [b"x"] * 5, "list": [[1, 2]] * 5})
    panel = read(frame, "x.parquet")
    assert panel.columns == ["price"] and values(panel) == [1.5] * 5 and panel.left_out == ("raw", "list")


# Fields and values.


@pytest.mark.parametrize("name", ["", "index", "Id"])
def test_a_column_that_counts_rows_is_left_out_and_said(name: str, read) -> None:
    panel = read(text(f"{name},time,load", *(f"{n},{hour},5" for n, hour in enumerate(HOURS))))
    assert panel.columns == ["load"] and panel.left_out == (name or "Unnamed: 0",)


@pytest.mark.parametrize(
    ("separator", "numbers", "found"),
    [
        (";", ("0,5", "1,5", "2"), [0.5, 1.5, 2]),
        (";", ("0.5", "1.5", "2"), [0.5, 1.5, 2]),
        (";", ("1.234,5", "987,5", "12"), [1234.5, 987.5, 12]),
        (";", ("1.234", "987", "12"), [1234, 987, 12]),
        (";", ("1,234", "0,5", "-3,25"), [1.234, 0.5, -3.25]),
        ("\t", ("0,5", "1,5", "2"), [0.5, 1.5, 2]),
        ("|", ("5", "6", "7"), [5, 6, 7]),
        (",", ('"0,5"', '"1,5"', "2"), [0.5, 1.5, 2]),
        (",", ("True", "False", "true"), [1, 0, 1]),
    ],
)
def test_separators_and_decimal_commas(separator: str, numbers: tuple[str, ...], found: list[float], read) -> None:
    panel = read(text(f"time{separator}load", *(f"{hour}{separator}{n}" for hour, n in zip(HOURS, numbers))))
    assert values(panel) == found
    assert (f"fields between {separator!r}" in panel.notes) == (separator in ";|")


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ('"1,234"', "'1,234' in 'load' is no number"),
        ("1e39", r"1e39 in 'load' is more than 3\.4e\+38"),
        ("-1e300", "more than 3"),
        ("1e400", "'1e400' in 'load' is no number"),
        ("1" * 400, r"'1{40}' in 'load' is no number"),
        ("１２", "is no number"),
    ],
)
def test_values_that_cannot_be_held_are_refused_by_row(cell: str, message: str, read) -> None:
    rows = [f"{hour},5" for hour in HOURS]
    rows[3] = f"{HOURS[3]},{cell}"
    with pytest.raises(InputError, match=rf"x\.csv:5: .*{message}"):
        read(text("time,load", *rows))


def test_large_values_keep_their_units(read) -> None:
    panel = read(text("time,load", *(f"{hour},{120_000_000 + n}" for n, hour in enumerate(HOURS))))
    assert values(panel) == [120_000_000 + n for n in range(48)]
    with pytest.raises(InputError, match=r"x\.csv:3: .* has more digits than can be held"):
        read(text("time,load", *(f"{hour},{2**60 + n}" for n, hour in enumerate(HOURS))))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
def test_a_byte_order_mark_is_believed(encoding: str, read) -> None:
    assert values(read(text("time,größe", *(f"{hour},5" for hour in HOURS)).encode(encoding))) == [5] * 48


def test_another_encoding_is_named(read) -> None:
    content = text("time,größe", *(f"{hour},5" for hour in HOURS)).encode("latin-1")
    with pytest.raises(InputError, match="--encoding latin-1"):
        read(content)
    assert read(content, encoding="latin-1").columns == ["größe"]
    with pytest.raises(InputError, match="give --encoding utf-16-le"):
        read(text("time,y", "2020-01-01,1").encode("utf-16-le"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"targets": ("y", "y")}, "--target y: named twice"),
        ({"targets": ("y",), "series_columns": ("y",)}, "--series-column y: named as --target too"),
        ({"series_columns": ("shop",)}, "no column 'shop', which --series-column names; it has time, y"),
    ],
)
def test_a_column_is_one_thing_named_once(options: dict, message: str, read) -> None:
    with pytest.raises(InputError, match=message):
        read(text("time,y", *(f"{hour},5" for hour in HOURS)), **options)


CELLS = (
    *("", "5", "-3,5", "1.234", "1e39", "NA", "True", "inf", "x", '"', "9" * 30, "0" * 500, "\x00"),
    *("2020-01-01", "2020-01-02 10:00+01:00", "2020-01-01 00:00:00.5", "01/02/2020", "10:00", "Jan-55", "2001Q1"),
    *("２０２０", "1999", "9999-12-31"),
)
NAMES = ("time", "y", "unique_id", "", "index", "5", "year", "Date", "y")


@given(
    st.lists(st.sampled_from(NAMES), min_size=1, max_size=4),
    st.lists(st.lists(st.one_of(st.sampled_from(CELLS), st.text(max_size=6)), min_size=1, max_size=4), max_size=8),
    st.sampled_from(",;\t|"),
    st.sampled_from(["refuse", "allow"]),
)
@settings(deadline=None, max_examples=150)
def test_any_file_is_read_or_refused_in_a_line(names: list, rows: list, separator: str, missing: str) -> None:
    read_or_refused("\n".join(separator.join(row) for row in [names, *rows]), missing=missing)


@given(
    st.lists(st.tuples(st.integers(0, 11), st.integers(0, 3), st.sampled_from(CELLS)), max_size=3),
    st.sampled_from([",", ";"]),
    st.sampled_from(["refuse", "allow"]),
)
@settings(deadline=None, max_examples=100)
def test_any_change_of_a_file_is_read_or_refused_in_a_line(changes: list, separator: str, missing: str) -> None:
    rows = [["store", "date", "sales", "price"]]
    rows += [[f"s{n // 6}", f"2020-01-{1 + n % 6:02}", str(n), f"{n}.5"] for n in range(12)]
    for row, column, cell in changes:
        rows[row][column] = cell
    read_or_refused("\n".join(separator.join(row) for row in rows), missing=missing)


def read_or_refused(content: str, **options: object) -> None:
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("error")
        path = Path(folder) / "x.csv"
        path.write_text(content, errors="replace")
        try:
            panel = SeriesReader(**options).read(str(path))
        except InputError as error:
            assert "\n" not in str(error)
        else:
            for group in panel.groups:
                assert len(group.times) == len(group.values) == len(panel.as_text(group, group.times)) < 10**6


def test_a_first_line_that_tells_excel_the_separator_is_no_row(read: Callable[..., Panel]) -> None:
    panel = read("sep=;\r\nDatum;Umsatz\r\n" + "".join(f"{day:02}.01.2024;{day},5\r\n" for day in range(1, 20)))
    assert values(panel) == [day + 0.5 for day in range(1, 20)]
    with pytest.raises(InputError, match=r"x\.csv:4: 'oops' in 'v' is no number"):
        read("sep=;\ntime;v\n2024-01-01;1\n2024-01-02;oops\n2024-01-03;2\n")


@pytest.mark.parametrize("day", ["%Y-%m-%d", "%d.%m.%Y", "%d.%m.%y"])
def test_rows_with_the_newest_first_are_read_backwards(day: str, read) -> None:
    days = pd.date_range("2024-01-01", periods=40)[::-1]
    panel = read(text("date;v", *(f"{time.strftime(day)};{n}" for n, time in enumerate(days))))
    assert values(panel) == list(range(39, -1, -1)) and shown(panel)[0] == "2024-01-01 00:00"
    assert "newest rows first, read backwards" in panel.notes
    mixed = [f"2024-01-{n:02},1" for n in (5, 4, 3, 1, 2)]
    with pytest.raises(InputError, match=r":3: .* is earlier than that of the row before; sort"):
        read(text("date,v", *mixed))


@pytest.mark.parametrize("frequency", ["BME", "BMS", "WOM-3FRI"])
def test_rows_on_different_days_of_each_month_are_months(frequency: str, read) -> None:
    days = pd.date_range("2001-01-01", periods=30, freq=frequency)
    panel = read(text("date,v", *(f"{time:%Y-%m-%d},{n}" for n, time in enumerate(days))))
    assert panel.seconds == MONTH and values(panel) == list(range(30))
    assert "rows on different days of each month are read as months" in panel.notes
    with pytest.raises(InputError, match="is usual"):
        read(text("date,v", *(f"{time:%Y-%m-%d},1" for time in days.delete(7))))


@pytest.mark.parametrize(
    ("name", "cells", "first"),
    [
        ("date", ["20240130", "20240131", "20240201"], "2024-01-30 00:00"),
        ("Month", ["202411", "202412", "202501"], "2024-11"),
        ("Period", ["2024M11", "2024M12", "2025M01"], "2024-11"),
        ("Quarter", ["Q3 2024", "Q4 2024", "Q1 2025"], "2024-07"),
        ("timestamp", ["1577836800", "1577840400", "1577844000"], "2020-01-01 00:00+00:00"),
        ("Unix Timestamp", ["1577836800000", "1577840400000", "1577844000000"], "2020-01-01 00:00+00:00"),
    ],
)
def test_dates_without_marks_and_numbers_since_1970_are_times(name, cells, first, read) -> None:
    panel = read(text(f"{name},v", *(f"{cell},{n}" for n, cell in enumerate(cells))))
    assert shown(panel)[0] == first and panel.columns == ["v"] and len(values(panel)) == 3
    others = read(text(f"time,{name},v", *(f"{hour},{cell},{n}" for n, (hour, cell) in enumerate(zip(HOURS, cells)))))
    assert others.columns == ["v"] and others.left_out == (name,)


def test_commas_between_groups_of_digits_are_read_and_said(read) -> None:
    for cells in (['"1,100"', '"999"', '"1,000"', '"1,234,567"'], ['"1,100.5"', "2", '"1,000"', "3"]):
        panel = read(text("time,v", *(f"{hour},{cell}" for hour, cell in zip(HOURS, cells))))
        assert values(panel)[0] >= 1100 and values(panel)[2] == 1000
        assert "commas are between groups of digits" in panel.notes


def test_columns_that_are_times_and_hours_up_to_24_are_refused(read) -> None:
    months = "Jan,Feb,Mar,Apr,May,Jun,Jul,Aug,Sep,Oct,Nov,Dec"
    with pytest.raises(InputError, match="columns from 'Jan' to 'Dec' are times; write a row for each time"):
        read(text(f"Year,{months}", *(f"{year}" + ",1" * 12 for year in range(1990, 2000))))
    with pytest.raises(InputError, match="columns from '1990' to '2009' are times"):
        read(text("country," + ",".join(map(str, range(1990, 2010))), "Chad" + ",1" * 20, "Mali" + ",1" * 20))
    with pytest.raises(InputError, match=r"x\.csv: hours up to 24 in 'hour'"):
        read(text("date,hour,v", *(f"2024-01-{day:02},{hour},1" for day in (1, 2, 3) for hour in range(1, 25))))


def test_a_series_of_too_few_rows_is_left_out_beside_others(read) -> None:
    panel = read(text("unique_id,ds,y", *(f"{name},{hour},1" for name in "ab" for hour in HOURS), f"c,{HOURS[0]},1"))
    assert [group.name for group in panel.groups] == ["a", "b"] and panel.untrained == ("c",)


def test_columns_that_name_the_same_series_are_no_question(read) -> None:
    rows = [f"{name},{name[:2]},{hour},1" for name in ("Chad", "Mali") for hour in HOURS]
    assert read(text("Country Name,Code,time,v", *rows)).series == ("Country Name",)
    rows = [f"{n},{hour},1" for n in (1, 2) for hour in HOURS]
    with pytest.raises(InputError, match=r"--series-column 'Store No'$"):
        read(text("Store No,time,v", *rows))


def test_a_column_that_counts_stands_for_times(read) -> None:
    panel = read(text("step,a,b", *(f"{n},{n},5" for n in range(20))))
    assert panel.columns == ["a", "b"] and "rows count as steps" in panel.notes


def test_what_a_trained_model_reads_is_named_without_options_of_training(read) -> None:
    for rows, said in ((HOURS[:3] + HOURS[4:], "add them$"), (HOURS, "no column 'z', which this model reads")):
        with pytest.raises(InputError, match=said):
            read(text("time,y", *(f"{hour},1" for hour in rows)), targets=("y" if rows != HOURS else "z",), ahead=True)
    with pytest.raises(InputError, match="--target time: its cells are times"):
        read(text("time,y", *(f"{hour},1" for hour in HOURS)), targets=("time",))
