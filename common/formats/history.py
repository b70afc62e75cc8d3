"""From raw histories to what a forecaster's file reads, and back to units: without TensorFlow, for its example, too.

What these functions are given as `v` is the vocabulary of the file.
"""

import datetime
from collections.abc import Callable

import numpy as np


def forecasts(
    v: dict,
    model: Callable[..., dict],
    history: np.ndarray,
    *,
    known: np.ndarray,
    start: int = 0,
    group: int = 0,
    every: bool = False,
) -> np.ndarray:
    """Means and quantiles in the user's units, `[origins, horizon, columns, 1 + quantiles]`.

    Args:
        v: The vocabulary.
        model: The file.
        history: NaN where a value is missing, `[rows, columns]`.
        known: The covariates of these rows and of the horizon, `[rows + horizon, covariates]`.
        start: The time of the first row, seconds since 1970.
        group: The number of the series' group.
        every: Whether to forecast after every segment; otherwise after the last row alone.
    """
    (rows, columns), horizon = history.shape, v["horizon"]
    numbers = group * columns + np.arange(columns)
    mean, scale = (np.array(v[name])[numbers] for name in ("mean", "scale"))
    x, absent = filled(((history - mean) / scale).T.astype(np.float32))
    known = covariates(v, known, start)
    ends = np.arange(rows % v["segment"] + v["segment"] - 1, rows, v["segment"])
    segments, found = segments_of(v, x, absent, known=known[:rows], ends=ends), []
    for n, number in enumerate(numbers):
        state, read = np.zeros((1, v["state"]), np.float32), 0
        for many in range(1, len(ends) + 1) if every else [len(ends)]:
            inputs = {"segments": segments[None, n, read:many], "series": np.array([[number]], np.int32)}
            origin, read = ends[many - 1], many
            answer = model(**inputs, ahead=ahead_of(v, x[n], origin, known=known), state=state)
            state, outputs = answer["next_state"], answer["outputs"][0, :horizon] + x[n, origin]
            plain, swing = smoothed(v, x[n], origin, number=number)
            found.append(joined(v, outputs, plain, swing=swing, number=number))
    found = np.stack(found).reshape(columns, -1, horizon, 1 + len(v["quantiles"])).transpose(1, 2, 0, 3)
    return found * scale[:, None] + mean[:, None]


def filled(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values `[series, rows]`, each missing one by the last before it, or by 0; and 1 where one is missing."""
    absent = np.isnan(x)
    at = np.maximum.accumulate(np.where(absent, -1, np.arange(x.shape[1])), 1)
    return np.where(at < 0, 0, np.take_along_axis(x, np.maximum(at, 0), 1)), absent.astype(np.float32)


def covariates(v: dict, known: np.ndarray, start: int) -> np.ndarray:
    """Covariates on the scale of training, and the place in day, week and year, `[rows, covariates]`."""
    seconds = start + v["spacing"] * np.arange(len(known))
    angles = [2 * np.pi * n * (seconds % period) / period for period, n in v["waves"]]
    waves = [wave(angle) for angle in angles for wave in (np.sin, np.cos)]
    return np.column_stack([(known - v["known_mean"]) * v["known_factor"], *waves]).astype(np.float32)


def segments_of(v: dict, x: np.ndarray, absent: np.ndarray, *, known: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """What is read of each segment, `[series, segments, features]`; `ends` are their last rows."""
    first, many = x.shape[1] % v["segment"], len(ends)
    values, gone = (of[:, first:].reshape(len(x), many, v["segment"]) for of in (x, absent))
    last, sums = x[:, ends, None], np.pad(np.cumsum(x, 1, dtype=float), [(0, 0), (1, 0)])
    counted = np.minimum(ends[:, None] + 1, np.array(v["levels"], int))  # [segments, levels]
    levels = (sums[:, ends[:, None] + 1] - sums[:, ends[:, None] + 1 - counted]) / counted
    known = known[first:].reshape(1, many, v["segment"] * known.shape[1]).repeat(len(x), 0)
    parts = [(values - last) * (1 - gone), gone, known, levels - last, *[values] * (v["segment"] == 1)]
    return np.concatenate(parts, 2).astype(np.float32)


def ahead_of(v: dict, x: np.ndarray, origin: int, *, known: np.ndarray) -> np.ndarray:
    """What is read of the segments ahead of a row, `[1, segments, features]`: covariates and the last seasons."""
    naive = [x[repeated(v, origin, season)] - x[origin] for season in v["seasons"]]
    ahead = np.column_stack([known[origin + 1 :][: v["horizon"]], *naive])
    ahead = np.pad(ahead, [(0, -len(ahead) % v["segment"]), (0, 0)])
    return ahead.reshape(1, len(ahead) // v["segment"], v["segment"] * ahead.shape[1]).astype(np.float32)


def repeated(v: dict, origin: int, season: int) -> np.ndarray:
    """The rows of the last season that the steps ahead repeat, `[horizon]`; the origin where there is none yet."""
    steps = np.arange(1, v["horizon"] + 1)
    return np.where((rows := origin + steps - season * -(-steps // season)) < 0, origin, rows)


def smoothed(v: dict, x: np.ndarray, origin: int, *, number: int) -> tuple[np.ndarray, float]:
    """The forecasts of exponential smoothing after a row, `[horizon]`, and how much the series moved of late."""
    season, fading, level_fading = v["ways"][number]

    def mean(of: Callable, rows: np.ndarray, *, stride: int, fading: float) -> np.ndarray:
        terms = np.arange(v["terms"] if fading else 1)
        back = rows[..., None] - stride * terms
        weights = fading**terms * (back >= 0)
        return (weights * of(np.maximum(back, 0))).sum(-1) / weights.sum(-1)

    def pattern(rows: np.ndarray) -> np.ndarray:
        return mean(lambda back: x[back], rows, stride=season, fading=fading)

    def error(rows: np.ndarray) -> np.ndarray:
        return np.where(rows >= season, x[rows] - pattern(np.maximum(rows - season, 0)), 0)

    found = pattern(repeated(v, origin, season))
    if level_fading is not None:
        found = found + mean(error, np.array(origin), stride=1, fading=level_fading)
    moved = np.arange(max(origin + 1 - v["horizon"], v["move"]), origin + 1)
    moves = np.abs(x[moved] - x[moved - v["move"]]).sum() / v["usual"][number]
    return found, (moves + v["usual_moves"]) / (len(moved) + v["usual_moves"])


def joined(v: dict, outputs: np.ndarray, plain: np.ndarray, *, swing: float, number: int) -> np.ndarray:
    """The network's outputs, `[horizon, 1 + quantiles]`, mixed with other forecasts, and widened."""
    outputs = outputs + (1 - v["share"]) * (plain[:, None] - outputs[:, :1])
    mean, sides = outputs[:, :1], np.array(v["sides"])
    widths = 1 if v["equal_widths"][number] else np.maximum(sides * (outputs[:, 1:] - mean), v["least_width"])
    ends = mean + sides * widths * np.array(v["widening"][number]) * swing ** v["swing_power"]
    low, high = sides < 0, sides > 0  # No interval is narrower than another inside it.
    ends[:, low] = np.minimum.accumulate(ends[:, low][:, ::-1], 1)[:, ::-1]
    ends[:, high] = np.maximum.accumulate(ends[:, high], 1)
    least, most = ends[:, low].max(1, initial=-np.inf), ends[:, high].min(1, initial=np.inf)
    ends[:, sides == 0] = np.clip(outputs[:, 1:][:, sides == 0], least[:, None], most[:, None])
    return np.concatenate([mean, ends], 1) if v["swing_power"] else outputs


def start_of(v: dict, texts: list[str]) -> int:
    """The first of the times of evenly spaced rows, in seconds since 1970.

    Times are those of ISO 8601: days and months count as they are written, shorter steps in UTC.

    Raises:
        SystemExit: A time cannot be read, or the rows are not as far apart as those of training.
    """

    def seconds(text: str) -> int:
        if v["unit"] == "months":
            return int(np.datetime64(text[:7], "M").astype(int)) * v["month"]
        time = datetime.datetime.fromisoformat(text)
        if v["unit"] == "days" or time.tzinfo is None:
            time = time.replace(tzinfo=datetime.UTC)
        return int(time.timestamp())

    try:
        found = np.array([seconds(text) for text in texts])
    except ValueError as error:
        raise SystemExit(f"{v['time']}: {error}; write times as in 2014-12-31 23:30") from error
    for n in np.flatnonzero(np.diff(found) != v["spacing"]):
        raise SystemExit(f"{v['time']}: {texts[n + 1]!r} is not {v['spacing']} s after the row before; fill in rows")
    return int(found[0])
