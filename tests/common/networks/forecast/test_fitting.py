"""Sizes that suit the time between rows and the number of rows."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import InputError
from common.networks.forecast.fitting import FEW, Sizes, describe, fitted, repeat_error, seasons_of, steps_ahead
from common.networks.forecast.tables import Tables, borders_of
from common.networks.forecast.windows import Windows
from common.sources.series import DAY, HOUR, MINUTE, MONTH, WEEK, YEAR, Group, Panel
from common.sources.splits import SPLITS

NONE = {"horizon": None, "segment": None, "seasons": None}
SHARES = (0.7, 0.1, 0.2)


def panel_of(*rows: int, seconds: int) -> Panel:
    """Groups of so many rows."""
    groups = [
        Group(
            name=f"g{number}",
            times=seconds * np.arange(many),
            values=np.random.default_rng(number).normal(size=(many, 1)).astype(np.float32),
            known=np.zeros((many, 0), np.float32),
        )
        for number, many in enumerate(rows)
    ]
    return Panel(groups=groups, columns=["y"], covariates=[], seconds=seconds, time="time", source="made")


def sizes_of(*rows: int, seconds: int, **chosen: object) -> Sizes:
    panel = panel_of(*rows, seconds=seconds)
    return fitted(panel, borders_of(panel, SHARES), **(NONE | chosen))


@pytest.mark.parametrize(
    ("seconds", "rows", "expected"),
    [
        (1, 5_000, (60, 60, ())),
        (MINUTE, 20_000, (60, 60, (1_440,))),
        (10 * MINUTE, 5_000, (6, 6, (1_008, 144))),
        (30 * MINUTE, 17_520, (48, 48, (336, 48))),  # The embedded data.
        (HOUR, 14_400, (24, 24, (168, 24))),
        (6 * HOUR, 1_000, (28, 28, (28, 4))),
        (DAY, 365, (7, 7, (7,))),
        (DAY, 3_650, (7, 7, (365, 7))),
        (WEEK, 520, (13, 13, (52,))),
        (WEEK, 200, (13, 13, ())),
        (MONTH, 144, (12, 12, (12,))),
        (3 * MONTH, 120, (4, 4, (4,))),
        (YEAR, 100, (4, 4, ())),
    ],
)
def test_the_step_between_rows_gives_the_sizes(seconds: int, rows: int, expected: tuple) -> None:
    assert sizes_of(rows, seconds=seconds) == expected


@pytest.mark.parametrize("seconds", [5 * HOUR, 3 * DAY // 2, 40 * DAY])
def test_a_period_that_is_no_whole_number_of_steps_is_no_season(seconds: int) -> None:
    for season in seasons_of(seconds, rows=100_000):
        assert min(abs(season * seconds - period) / period for period in (DAY, WEEK, YEAR)) <= 0.01
    assert round(DAY / seconds) not in seasons_of(seconds, rows=100_000)


@settings(deadline=None)
@given(
    st.one_of(st.integers(1, 2 * YEAR), st.sampled_from([MINUTE, HOUR, DAY, WEEK, MONTH, YEAR])),
    st.lists(st.integers(40, 300), min_size=1, max_size=3),
    st.sampled_from([{}, {"horizon": 1}, {"segment": 3}, {"seasons": ()}]),
)
def test_every_part_of_every_series_has_origins(seconds: int, rows: list[int], chosen: dict) -> None:
    panel = panel_of(*rows, seconds=seconds)
    borders = borders_of(panel, SHARES)
    sizes = fitted(panel, borders, **(NONE | chosen))
    assert sizes == sizes._replace(**chosen)
    windows = Windows(Tables(panel, borders, with_calendar=False), **sizes._asdict(), levels=())
    for split in SPLITS:
        sequences = windows.sequences(split, context=None)
        origins = np.bincount(sequences.inputs["series"], sequences.weights, minlength=len(rows))
        assert origins.min() >= 3, split
    assert all(3 * season <= np.median([ends[0] for ends in borders]) for season in sizes.seasons)


def test_a_year_that_does_not_repeat_is_no_season() -> None:
    for slope, seasons in ((0.0, (365, 7)), (0.1, (7,))):
        panel = panel_of(3_650, 100, 2_000, seconds=DAY)
        for group in panel.groups:
            group.values[:, 0] += slope * np.arange(len(group.values))
        assert fitted(panel, borders_of(panel, SHARES), **NONE).seasons == seasons


def test_the_error_of_a_repeat_is_that_of_values_that_are_there() -> None:
    values = np.array([[1, 1], [2, np.nan], [4, np.nan], [6, np.nan]], np.float32)
    np.testing.assert_array_equal(repeat_error(values, 2), [3.5, np.nan])
    assert np.isnan(repeat_error(values, 4)).all()


def test_a_series_of_few_rows_still_has_sizes() -> None:
    assert sizes_of(10, seconds=MONTH) == (1, 1, ())
    with pytest.raises(InputError, match="series 'g0' has 0 rows for validation, too few for --horizon 1; give more"):
        sizes_of(3, seconds=MONTH)


def test_the_shortest_series_limits_the_horizon_and_the_median_one_the_seasons() -> None:
    assert sizes_of(1_000, 60, 1_000, seconds=HOUR) == (4, 4, (168, 24))


def test_a_horizon_that_is_given_is_kept_or_refused() -> None:
    assert sizes_of(1_000, seconds=HOUR, horizon=3) == (3, 24, (168, 24))
    assert sizes_of(1_000, seconds=HOUR, segment=48, seasons=(5,)) == (24, 48, (5,))
    with pytest.raises(InputError, match="has 2 rows for validation, too few for --horizon 3"):
        sizes_of(20, seconds=HOUR, horizon=3)
    panel = panel_of(100, seconds=HOUR)
    with pytest.raises(InputError, match="has 5 rows for train, too few for --horizon 3 and --segment 4"):
        fitted(panel, borders_of(panel, (5, 40, 40)), horizon=3, segment=4, seasons=())


def test_a_season_longer_than_training_is_refused() -> None:
    assert sizes_of(144, 100, seconds=MONTH, seasons=(99, 12)).seasons == (99, 12)
    with pytest.raises(InputError, match=r"^--seasons 1000000: training has 101 rows; give shorter ones, or none"):
        sizes_of(144, 100, seconds=MONTH, seasons=(1_000_000,))


def test_what_was_fitted_is_said() -> None:
    panel, given = panel_of(60, 500, seconds=MONTH), SimpleNamespace(**NONE)
    sizes = fitted(panel, borders_of(panel, SHARES), **NONE)
    said = "; fitted: horizon 4 (12 with more rows of 'g0'), segment 4, seasons 12"
    assert describe(sizes, given, panel) == said
    assert describe(sizes._replace(seasons=()), SimpleNamespace(horizon=4, segment=None, seasons=None), panel) == (
        "; fitted: segment 4, no seasons"
    )
    assert describe(sizes, SimpleNamespace(horizon=4, segment=4, seasons=(12,)), panel) == ""


@given(st.integers(1, 40 * YEAR))
def test_no_step_has_a_horizon_of_no_use(seconds: int) -> None:
    assert FEW <= steps_ahead(seconds) <= 360
