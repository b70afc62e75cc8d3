"""The functions of a saved forecaster: raw histories in, forecasts in the same units out."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from common.networks import inside
from common.networks.forecast.calendar import waves
from common.networks.forecast.network import ForecastNetwork
from common.networks.forecast.smoothing import TERMS, USUAL_MOVES
from common.networks.forecast.streaming import Streamed
from common.networks.forecast.windows import Windows
from common.networks.network import Part
from common.networks.stepping import STATE

AXES = {
    "backtest": {
        "mean": ("series", "segments", "steps", "columns"),
        "quantiles": ("series", "segments", "steps", "columns", "levels"),
    },
    "stream": {
        "mean": ("series", "rows", "steps", "columns"),
        "quantiles": ("series", "rows", "steps", "columns", "levels"),
        "state": ("series", "numbers"),
    },
}
"""The names of axes of unknown size, by signature and output, see `common.serving.export.Endpoint`."""


class ServedForecaster:
    """A network, with what it needs to read raw histories inside a graph.

    Its functions take these inputs, in the order of `signature`:
        `history`, NaN where a value is missing, `[N, time, columns]`, always;
        `known`, the covariates of these rows and of the horizon, `[N, time + horizon, covariates]`, if the model reads
        covariates;
        `start`, the time of the first row in seconds since 1970, `[N]`, if it reads a calendar;
        `unique_id`, the name of the group, `[N]`, if it learned from several groups.
    They return `mean`, `[N, horizon, columns]`, `quantiles`, `[N, horizon, columns, quantiles]`, and `seconds`, the
    time between two rows. Values are float64, so that a large mean costs no digits. The signature leaves the numbers of
    columns open, as TensorFlow would broadcast a wrong one where the signature names it; the graph checks them.

    Args:
        network: The trained network.
        windows: The windows that the network was trained on.
        missing: Whether values may be missing.
    """

    def __init__(self, network: ForecastNetwork, windows: Windows, *, missing: bool) -> None:
        self.network, self.windows, self.missing = network, windows, missing
        self.groups = [group.name for group in windows.tables.panel.groups]
        self.covariates = len(windows.tables.panel.covariates)
        self.streamed = Streamed(network, windows)

    @property
    def vocabulary(self) -> dict[str, Any]:
        """What other runtimes need to know of the series, as JSON has it; see `common.formats.history`."""
        windows, tables, smoothing = self.windows, self.windows.tables, self.windows.smoothing
        panel, factor = tables.panel, 1 / tables.known_scale
        return {
            "time": panel.time if panel.nanoseconds is None else "",  # With fractions of seconds rows count as steps.
            "series_columns": list(panel.series),
            "spacing": panel.seconds,
            "segment": windows.segment,
            "horizon": windows.horizon,
            "seasons": list(windows.seasons),
            "levels": list(windows.levels),
            **{"mean": tables.mean.tolist(), "scale": tables.scale.tolist()},
            **{"known_mean": tables.known_mean.tolist(), "known_factor": factor.tolist()},
            "waves": waves(panel.seconds, tables.span) if tables.with_calendar else [],
            "ways": [list(way) for way in smoothing.ways],
            **{"terms": TERMS, "move": smoothing.season},
            **{"usual": smoothing.usual.tolist(), "usual_moves": USUAL_MOVES},
        }

    @property
    def signature(self) -> list[tf.TensorSpec]:
        found = [tf.TensorSpec([None, None, None], tf.float64, "history")]
        if self.covariates:
            found.append(tf.TensorSpec([None, None, None], tf.float64, "known"))
        if self.windows.tables.with_calendar:
            found.append(tf.TensorSpec([None], tf.int64, "start"))
        if len(self.groups) > 1:
            found.append(tf.TensorSpec([None], tf.string, "unique_id"))
        return found

    def forecast(self, *inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        """The forecasts after the last row of each history."""
        outputs = self._outputs(self._named(inputs), every=False)
        return self._answer(outputs[:, -1])

    def backtest(self, *inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        """The forecasts after every segment, `[N, segments, ...]`; the last segment ends with the last row."""
        return self._answer(self._outputs(self._named(inputs), every=True))

    @property
    def stream_signature(self) -> list[tf.TensorSpec]:
        """The inputs of `stream`."""
        return [*self.signature, STATE]

    def stream(self, *inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        """The forecasts after every row of the next chunk of each history, from a state and to a state.

        `history` holds the rows of the chunk alone, `known` their covariates and those of the horizon after them,
        `start` is the time of its first row. The state is `[N, numbers]`, or `[N, 0]` before a history.

        Returns:
            `mean`, `[N, rows, horizon, columns]`, and `quantiles`, NaN after rows with which the first segment is not
            full yet: from there on they are the forecasts of `forecast` for the whole history; `seconds`; and `state`.
        """
        *inputs, state = inputs
        found = self._named(tuple(inputs))
        columns = len(self.windows.tables.panel.columns)
        with tf.control_dependencies(self._checks(found, least=1)):
            raw = tf.ensure_shape(found["history"], (None, None, columns))
            known = tf.ensure_shape(found["known"], (None, None, self.covariates))
        outputs, state = self.streamed(raw, known, start=found["start"], group=found["group"], state=state)
        outputs = tf.reshape(outputs, tf.concat([[tf.shape(raw)[0], columns], tf.shape(outputs)[1:]], 0))
        outputs = tf.transpose(outputs, (0, 2, 3, 1, 4))  # [N, rows, horizon, columns, 1 + quantiles]
        return self._answer(self._in_units(outputs, found["group"])) | {"state": state}

    def inside(self, *inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        """What is inside the network after each segment of histories, `[N, columns, segments, units]`."""
        window = self._window(self._named(inputs), every=False)
        features = self.network.features(window)
        shape = tf.shape(features)
        found = inside.inside(self.network.stack, features, tf.fill(shape[:1], shape[1]))
        columns = len(self.windows.tables.panel.columns)
        return {
            name: tf.reshape(value, tf.stack([-1, columns, shape[1], value.shape[2]])) for name, value in found.items()
        }

    @property
    def inside_axes(self) -> dict[str, tuple[str, ...]]:
        """The names of the axes of `inside`."""
        names = [name for name in inside.axes(self.network.stack) if name != inside.TOKENS]
        return dict.fromkeys(names, ("series", "columns", "segments", "units"))

    def _named(self, inputs: tuple[tf.Tensor, ...]) -> dict[str, tf.Tensor]:
        """All inputs by name; inputs that this model does not read are empty or 0."""
        given = {spec.name: tensor for spec, tensor in zip(self.signature, inputs)}
        many, rows = tf.unstack(tf.shape(given["history"])[:2])
        nothing = {
            "known": tf.zeros(tf.stack([many, rows + self.windows.horizon, 0]), tf.float64),
            "start": tf.zeros([many], tf.int64),
        }
        return nothing | given | {"group": self._group(given.get("unique_id"), many)}

    def _group(self, unique_id: tf.Tensor | None, many: tf.Tensor) -> tf.Tensor:
        """The number of each history's group, int32 `[N]`."""
        if unique_id is None:
            return tf.zeros([many], tf.int32)
        same = unique_id[:, None] == tf.constant(self.groups)
        known = tf.debugging.assert_equal(tf.reduce_any(same, 1), True, "unique_id: not one the model learned from")
        with tf.control_dependencies([known]):
            return tf.argmax(same, 1, tf.int32)

    def _checks(self, inputs: dict[str, tf.Tensor], *, least: int) -> list[Any]:
        """Assertions that the inputs are what the model can read."""
        history, known = inputs["history"], inputs["known"]
        horizon, rows = self.windows.horizon, tf.shape(history)[1]
        why = ", the segment of this model" if least > 1 else ""
        present = tf.where(tf.math.is_nan(history), tf.zeros_like(history), history) if self.missing else history
        finite = f"history: give finite numbers{', NaN where one is missing' if self.missing else ''}"
        columns = len(self.windows.tables.panel.columns)
        return [
            tf.debugging.assert_equal(
                tf.shape(history)[2], columns, f"history: give {columns} columns, those of this model"
            ),
            tf.debugging.assert_equal(
                tf.shape(known)[2], self.covariates, f"known: give {self.covariates} columns, those of this model"
            ),
            tf.debugging.assert_greater_equal(rows, least, f"history: give {least} rows or more{why}"),
            tf.debugging.assert_equal(
                tf.shape(known)[1], rows + horizon, f"known: give the rows of history and {horizon} more"
            ),
            tf.debugging.check_numerics(present, finite),
            tf.debugging.check_numerics(known, "known: give finite numbers"),
        ]

    def _outputs(self, inputs: dict[str, tf.Tensor], *, every: bool) -> tf.Tensor:
        """The mean and the quantiles in the user's units, `[N, origins, horizon, columns, 1 + quantiles]`."""
        horizon, group = self.windows.horizon, inputs["group"]
        columns = len(self.windows.tables.panel.columns)
        outputs, _ = self.network.joined(
            self._window(inputs, every=every)
        )  # [N * columns, origins, horizon, 1 + quantiles]
        many, origins = tf.shape(group)[0], tf.shape(outputs)[1]
        outputs = tf.reshape(outputs, (many, columns, origins, horizon, 1 + len(self.network.quantiles)))
        outputs = tf.transpose(outputs, (0, 2, 3, 1, 4))  # [N, origins, horizon, columns, 1 + quantiles]
        return self._in_units(outputs, group)

    def _window(self, inputs: dict[str, tf.Tensor], *, every: bool) -> Part:
        """What the network reads of histories, see `Windows.from_history`."""
        tables = self.windows.tables
        with tf.control_dependencies(self._checks(inputs, least=self.windows.segment)):
            raw = tf.ensure_shape(inputs["history"], (None, None, len(tables.panel.columns)))
            known = tf.ensure_shape(inputs["known"], (None, None, self.covariates))
            history = tables.from_raw(raw, known, start=inputs["start"], group=inputs["group"])
            return self.windows.from_history(history, every=every)

    def _in_units(self, outputs: tf.Tensor, group: tf.Tensor) -> tf.Tensor:
        """Scaled outputs of histories in the user's units, `[N, origins, horizon, columns, ...]`."""
        tables = self.windows.tables
        columns = len(tables.panel.columns)
        scale, mean = (tf.constant(t.reshape(-1, columns), tf.float64) for t in (tables.scale, tables.mean))
        scale, mean = (tf.gather(t, group)[:, None, None, :, None] for t in (scale, mean))
        return tf.cast(outputs, tf.float64) * scale + mean

    def _answer(self, outputs: tf.Tensor) -> dict[str, tf.Tensor]:
        seconds = tf.fill([tf.shape(outputs)[0]], self.windows.tables.panel.seconds)
        return {"mean": outputs[..., 0], "quantiles": outputs[..., 1:], "seconds": seconds}
