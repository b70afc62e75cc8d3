"""Time series from files, and the messages about wrong ones."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from common.errors import InputError
from common.sources.series import MONTH, Panel, SeriesReader, as_text, spaced


def read(path: str | Path, **options: object) -> Panel:
    return SeriesReader(**options).read(str(path))


def wide(rows: list[str], names: str = "time,a,b") -> str:
    return "\n".join([names, *rows]) + "\n"


def hours(count: int) -> list[str]:
    return [f"2024-01-01 {n:02}:00,{n},{n * 10}" for n in range(count)]


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "tsv", "parquet"])
def test_wide_files_of_every_type(kind: str, tmp_path: Path) -> None:
    path, text = tmp_path / f"x.{kind}", wide(hours(5))
    if kind == "parquet":
        pd.DataFrame(
            {"time": pd.date_range("2024", periods=5, freq="h"), "a": range(5), "b": range(0, 50, 10)}
        ).to_parquet(path)
    else:
        text = text.replace(",", "\t") if kind == "tsv" else text
        path.write_bytes(gzip.compress(text.encode()) if kind.endswith("gz") else text.encode())
    panel = read(path)
    assert panel.columns == ["a", "b"] and panel.seconds == 3_600
    np.testing.assert_array_equal(panel.groups[0].values, [[n, n * 10] for n in range(5)])
    assert read(path, targets=("b",), known=("a",)).groups[0].known[:, 0].tolist() == [0, 1, 2, 3, 4]


def test_long_files_hold_series_of_different_lengths(tmp_path: Path) -> None:
    rows = [f"{name},2024-01-{day:02},{day}" for name, days in (("x", 4), ("y", 6)) for day in range(1, days + 1)]
    (tmp_path / "long.csv").write_text(wide(rows, "unique_id,ds,y"))
    panel = read(tmp_path / "long.csv")
    assert [group.name for group in panel.groups] == ["x", "y"]
    assert [len(group.times) for group in panel.groups] == [4, 6]
    assert panel.seconds == 86_400 and panel.columns == ["y"]


def test_what_is_missing_is_nan_where_that_is_allowed(tmp_path: Path) -> None:
    rows = hours(8)
    rows[2] = "2024-01-01 02:00,,20"
    del rows[5]
    (tmp_path / "x.csv").write_text(wide(rows))
    panel = read(tmp_path / "x.csv", missing="allow")
    values = panel.groups[0].values
    assert len(values) == 8 and np.isnan(values[2, 0]) and values[2, 1] == 20 and np.isnan(values[5]).all()
    assert np.diff(panel.groups[0].times).tolist() == [3_600] * 7


def test_rows_ahead_have_covariates_and_no_values(tmp_path: Path) -> None:
    rows = [*hours(5), "2024-01-01 05:00,,7", "2024-01-01 06:00,,8"]
    (tmp_path / "x.csv").write_text(wide(rows))
    panel = read(tmp_path / "x.csv", targets=("a",), known=("b",), ahead=True)
    assert np.isnan(panel.groups[0].values[5:]).all() and panel.groups[0].known[5:, 0].tolist() == [7, 8]
    with pytest.raises(InputError, match=r"x\.csv:7: no value in 'a'"):
        read(tmp_path / "x.csv", targets=("a",), known=("b",))


GOOD = hours(6)


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        ([*GOOD[:3], GOOD[2], *GOOD[3:]], {}, r":5: time of series 'x\.csv' repeats the time of the row before"),
        ([GOOD[1], GOOD[0], *GOOD[2:]], {}, r":3: .* is earlier than that of the row before; sort"),
        ([*GOOD[:2], *GOOD[4:]], {}, r":4: 2 rows are left out before this one .*--missing allow"),
        ([*GOOD[:3], "2024-01-01 02:20,1,1"], {}, r":5: 1,200 s after the row before, where 3,600 s is usual"),
        ([*GOOD[:3], "2024-01-01 03:00,three,1"], {}, r":5: 'three' in 'a' is no number; give one, or other columns"),
        (["", *GOOD[:2], "", "2024-01-01 02:00,three,1"], {}, r":6: 'three' in 'a' is no number"),
        ([f"{row}," for row in GOOD], {}, r"x\.csv: cannot be read \(line 2 has more fields than line 1 has names\)"),
        ([f"{2 * n},1,1" for n in range(5)], {}, r":2: 0 in 'time' is a number; write 2014-12-31 23:30"),
        (["2024-01-01,1,1", "2024-03-01,1,1", "2024-04-01,1,1", "2024-05-01,1,1"], {}, r":3: 1 row is left out"),
        ([*GOOD[:3], "yesterday,1,1"], {}, r":5: 'yesterday' in 'time' is no time"),
        ([*GOOD[:3], "2024-01-01 03:00,three,1"], {"targets": ("a",)}, r":5: 'three' in 'a' is no number"),
        ([*GOOD[:3], "2024-01-01 03:00,inf,1"], {}, r":5: 'a' is infinite"),
        ([*GOOD[:3], "2024-01-01 03:00,,1", *GOOD[4:]], {}, r":5: no value in 'a'; give one, or --missing allow"),
        ([*GOOD[:3], "2024-01-01 03:00,1,"], {"known": ("b",)}, r":5: no value in 'b', which is to be known"),
        ([*GOOD[:2], *GOOD[4:]], {"known": ("b",), "missing": "allow"}, r":4: rows are left out, so 'b' is not known"),
        (GOOD[:2], {}, "has 2 rows; give three or more"),
        ([f"2024-01-01 0{n}:00,,1" for n in range(4)], {"targets": ("a",), "missing": "allow"}, "has no value in a"),
        (GOOD, {"targets": ("c",)}, "no column 'c', which --target names; it has time, a, b"),
        (GOOD, {"known": ("c",)}, "no column 'c', which --known names"),
        (GOOD, {"known": ("a",), "targets": ("a",)}, "--known a: named as --target too"),
        (GOOD, {"time_column": "when"}, "no column 'when', which --time-column names"),
    ],
)
def test_what_is_wrong_is_named_with_its_row(rows: list[str], options: dict, message: str, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(wide(rows))
    with pytest.raises(InputError, match=message) as caught:
        read(tmp_path / "x.csv", **options)
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for data, message in (
        (str(tmp_path / "none.csv"), "no such file"),
        (str(tmp_path), "a folder; give one"),
    ):
        with pytest.raises(InputError, match=message):
            read(data)
    for name, text, message in (
        ("x.json", "{}", "unknown type"),
        ("x.csv", "time,a\n", "no rows"),
        ("y.csv", "when,a\n1,2\n", "no column named ds, time"),
        ("z.csv", "time,a\n2024-01-01,x\n", "no column of numbers"),
        ("e.csv", "", "an empty file"),
        ("p.parquet", "no", "cannot be read"),
        ("l.csv", "unique_id,ds,y\na,2024-01-01,1\n,2024-01-02,2\n", r"l\.csv:3: no value in 'unique_id'"),
    ):
        (tmp_path / name).write_text(text)
        with pytest.raises(InputError, match=message):
            read(tmp_path / name)


def test_columns_without_numbers_are_left_out_by_name(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(wide([f"{row},word" for row in GOOD], "time,a,b,note"))
    panel = read(tmp_path / "x.csv")
    assert panel.columns == ["a", "b"] and panel.left_out == ("note",)
    assert read(tmp_path / "x.csv", targets=("a",)).left_out == ()


@pytest.mark.parametrize("at", ["start", "end"])
@pytest.mark.parametrize("months", [1, 3, 12])
def test_rows_may_be_months_apart(months: int, at: str, tmp_path: Path) -> None:
    times = pd.date_range("2001-01", periods=8, freq=pd.DateOffset(months=months))
    shown = times + pd.offsets.MonthEnd() if at == "end" else times
    pd.DataFrame({"time": shown, "a": range(8)}).to_csv(tmp_path / "x.csv", index=False)
    panel = read(tmp_path / "x.csv")
    assert panel.seconds == months * MONTH
    assert as_text(panel.groups[0].times, panel.seconds) == times.strftime("%Y-%m").tolist()
    assert np.abs(panel.groups[0].times - times.astype("datetime64[s]").astype(np.int64)).max() < 3 * 86_400
    assert [spaced(months * MONTH)] == [f"{months} months" if months > 1 else "month"]


def test_times_are_written_so_that_they_differ() -> None:
    assert as_text(np.array([0, 60]), 60) == ["1970-01-01 00:00", "1970-01-01 00:01"]
    assert as_text(np.array([0, 10]), 10) == ["1970-01-01 00:00:00", "1970-01-01 00:00:10"]


def test_parquet_may_hold_times_in_its_index_and_nullable_numbers(tmp_path: Path) -> None:
    times = pd.date_range("2024", periods=5, freq="h", name="time")
    frame = pd.DataFrame({"a": pd.array([1, None, 3, 4, 5], "Int64")}, index=times)
    frame.to_parquet(tmp_path / "x.parquet")
    with pytest.raises(InputError, match=r":3: no value in 'a'"):
        read(tmp_path / "x.parquet")
    values = read(tmp_path / "x.parquet", missing="allow").groups[0].values[:, 0]
    np.testing.assert_array_equal(values, [1, np.nan, 3, 4, 5])
    frame.reset_index().set_axis(list("vwxyz")).to_parquet(tmp_path / "named.parquet")
    assert len(read(tmp_path / "named.parquet", missing="allow").groups[0].times) == 5


@pytest.mark.parametrize("spoil", [lambda packed: packed[:-9], lambda packed: packed[:20] + b"!!!!" + packed[24:]])
def test_a_damaged_archive_is_named(spoil: object, tmp_path: Path) -> None:
    (tmp_path / "x.csv.gz").write_bytes(spoil(gzip.compress(wide(hours(20)).encode())))
    with pytest.raises(InputError, match=r"x\.csv\.gz: not a whole gzip file"):
        read(tmp_path / "x.csv.gz")


def test_series_keep_their_names(tmp_path: Path) -> None:
    rows = [f"{name},2024-01-{day:02},{day}" for name in ("001", "02") for day in range(1, 5)]
    (tmp_path / "x.csv").write_text(wide(["", *rows], "unique_id,ds,y"))
    assert [group.name for group in read(tmp_path / "x.csv").groups] == ["001", "02"]


@pytest.mark.parametrize(
    ("names", "rows", "time"),
    [
        ("Month,sales", [f"2001-{month:02},5" for month in range(1, 10)], "Month"),
        ("Quarter,sales", [f"200{year}Q{n},5" for year in range(3) for n in range(1, 5)], "Quarter"),
        ("Year,sales", [f"{year},5" for year in range(1950, 1960)], "Year"),
        ("store,sold on,sales", [f"north,2001-01-{day:02},5" for day in range(1, 10)], "sold on"),
        ("unique_id,month,y", [f"{name},2001-0{n},5" for name in "ab" for n in range(1, 9)], "month"),
        ("unique_id,ds,y,time", [f"a,2001-0{n},5,2002-0{n}" for n in range(1, 9)], "ds"),
        ("when,date,sales", [f"2001-01-{day:02},2001-02-{day:02},5" for day in range(1, 9)], "date"),
    ],
)
def test_the_time_column_is_found(names: str, rows: list[str], time: str, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(wide(rows, names))
    panel = read(tmp_path / "x.csv")
    assert panel.time == time
    assert panel.columns == [names.split(",")[2 if "y" in names.split(",") else -1]]


@pytest.mark.parametrize(
    ("names", "row", "error"),
    [
        ("when,a", "{0},2", "no column named ds, time, .*, and none of times alone.*; it has when, a; name one with"),
        ("month,a", "{0},2", "no column named ds, time"),
        ("year,a", "{0},2", "no column named ds, time"),
        ("note,a", "word {0},2", "no column named ds, time"),
        ("Month,a", "2001-0{0}-00,2", "no column named ds, time"),
    ],
)
def test_a_file_without_times_is_refused(names: str, row: str, error: str, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(wide([row.format(n) for n in range(1, 8)], names))
    with pytest.raises(InputError, match=error):
        read(tmp_path / "x.csv")


def test_a_wrong_value_in_a_column_of_months_is_named_by_its_row(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(wide(["2001-01,1", "2001-02,2", "no month,3"], "Month,a"))
    with pytest.raises(InputError, match=r"x\.csv:4: 'no month' in 'Month' is no time"):
        read(tmp_path / "x.csv")
    (tmp_path / "y.csv").write_text(wide(["1950,1", "1951,2", "1952.5,3"], "Year,a"))
    with pytest.raises(InputError, match=r"y\.csv:4: 1952\.5 in 'Year' is a number"):
        read(tmp_path / "y.csv")


def test_columns_whose_names_differ_in_blanks_alone_are_refused(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("time,y,y \n2020-01-01,1,2\n")
    with pytest.raises(InputError, match=r"data\.csv: two columns named 'y'"):
        SeriesReader().read(str(tmp_path / "data.csv"))


@pytest.mark.parametrize(
    ("header", "given", "unit"),
    [
        ("time,load (MW)", None, "MW"),
        ("time,load [MW],wind [MW]", None, "MW"),
        ("time,load (MW),price (EUR)", None, ""),
        ("time,load", None, ""),
        ("time,load (2020)", None, ""),
        ("time,load (MW)", "GW", "GW"),
    ],
)
def test_the_unit_is_in_the_names_of_columns_or_given(
    header: str, given: str | None, unit: str, tmp_path: Path
) -> None:
    cells = ",".join("1" * header.count(","))
    rows = [f"2024-01-0{day},{cells}" for day in range(1, 5)]
    (tmp_path / "own.csv").write_text("\n".join([header, *rows]) + "\n")
    assert SeriesReader(unit=given).read(str(tmp_path / "own.csv")).unit == unit
