"""A network that reads a series segment by segment and forecasts the next steps after each segment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf

from common import cells
from common.cells.seeds import seed_for
from common.layers.base import dense, register, shape_of
from common.layers.dropout import VariationalDropout
from common.layers.masks import number_of, variational_mask
from common.layers.stack import RecurrentStack
from common.networks.forecast.calibration import SWING, widened, widenings, widths_fail
from common.networks.network import Network, Part

HeadKind = Literal["segment", "recursive", "direct"]


@register
class ForecastNetwork(Network):
    """Segments of a series in, forecasts of all steps up to the horizon out, after each segment.

    A step of the recurrence is a segment of the series, less its last value. Decoding starts from the hidden state. For
    each future segment the decoder reads its place, the covariates that are known ahead, and the forecasts that repeat
    the last seasons. The head `segment` decodes all future segments at once with one step of a cell (Lin et al. 2023,
    "SegRNN: Segment Recurrent Neural Network for Long-Term Time Series Forecasting", parallel multi-step forecasting).
    `recursive` decodes one after the other and feeds each forecast to the next step (ibid., recurrent multi-step
    forecasting). `direct` has a dense layer in place of the cell; so have all heads of a control, which has no cell. An
    LSTM's decoder starts with the hidden state as cell state.

    Called, it is the network alone: that is what trains. `joined` mixes its forecasts with those of a plain method and
    widens its intervals, by what `mix` and `widen` found after training.

    Args:
        stack: The recurrences over segments.
        segment: Steps of a segment.
        horizon: Steps to forecast.
        covariates: Number of values that are known ahead for each step.
        seasons: Number of seasons that are repeated.
        quantiles: Levels of the quantiles, ascending.
        series: Number of series; each has a vector of its own.
        embedding: Width of the vectors of segments and of their positions.
        head: `"segment"`, `"recursive"` or `"direct"`.
        levels: Number of running means of the series that are read with each segment.
        dropout: Share of the decoded units that is dropped, drawn anew for every row.
        read_dropout: Share of the features of a segment that is dropped, variational.
        seed: Fixes initial weights and masks.

    Call arguments:
        window: Made by `common.networks.forecast.windows.Windows`. By name:
            `values`, those of each segment, and `absent`, 1 where a value is missing, `[batch, time, segment]`;
            `last`, the last value, `series`, int32, and, for dropout, `row`, int32, `[batch, time]`;
            `levels`, the running means, `[batch, time, levels]`;
            `known`, the covariates of the segment, `[batch, time, segment, covariates]`;
            `future`, the covariates of the steps ahead, `[batch, time, horizon, covariates]`;
            `naive`, the last seasons' values for the steps ahead, `[batch, time, horizon, seasons]`;
            `keep` and `sequence`, `[batch, time]`.
            `future` and `naive` may cover the last time steps only; forecasts are then made after these.
            For `joined`, of the steps that have a `future`: `smoothed`, the forecasts of a plain method,
            `[batch, time, horizon]`, and `swing`, the size of the latest moves, `[batch, time]`.
        state: The state of the stack; None is zeros.
        probes: The stack's further argument, `nudge`.

    Returns:
        The mean and the quantiles, `[batch, time, horizon, 1 + quantiles]`, and the state.
    """

    def __init__(
        self,
        stack: RecurrentStack,
        *,
        segment: int,
        horizon: int,
        covariates: int,
        seasons: int,
        quantiles: Sequence[float] = (0.1, 0.5, 0.9),
        series: int = 1,
        embedding: int = 64,
        head: HeadKind = "segment",
        levels: int = 0,
        dropout: float = 0.0,
        read_dropout: float = 0.0,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.stack = stack
        self.segment = segment
        self.horizon = horizon
        self.covariates = covariates
        self.seasons = seasons
        self.quantiles = tuple(quantiles)
        self.series = series
        self.embedding = embedding
        self.head = head
        self.levels = levels
        self.dropout = dropout
        self.read_dropout = read_dropout
        self.seed = seed
        self.ahead = -(-horizon // segment)  # Segments to forecast.
        self._make_layers()

    def _make_layers(self) -> None:
        stack, embedding = self.stack, self.embedding
        self.read = dense(embedding, seed=seed_for(self.seed, "read"), activation="relu")
        self.place = dense(embedding, seed=seed_for(self.seed, "place"))
        self.project = dense(self.segment * (1 + len(self.quantiles)), seed=seed_for(self.seed, "project"))
        self.repeat = dense(1, seed=seed_for(self.seed, "repeat"), use_bias=False)
        self.fed = dense(embedding, seed=seed_for(self.seed, "fed")) if self.head == "recursive" else None
        self.dense = self.head == "direct" or not cells.is_recurrent(stack.cell)
        self.decoder = (
            dense(stack.units, seed=seed_for(self.seed, "decoder"))
            if self.dense
            else cells.keras_cell(
                stack.cell,
                stack.units,
                kernel_initializer=keras.initializers.GlorotUniform(seed_for(self.seed, "decoder")),
                recurrent_initializer=keras.initializers.Orthogonal(seed=seed_for(self.seed, "recurrent decoder")),
            )
        )
        self.bridge = (
            dense(stack.units, seed=seed_for(self.seed, "bridge")) if self.dense or stack.width != stack.units else None
        )
        self.masking = VariationalDropout(self.read_dropout, seed_for(self.seed, "read dropout"))

    def build(self, window_shape: Any = None) -> None:
        if self.built:
            return
        w, k, s = self.segment, self.covariates, self.seasons
        self.of_series = self.add_weight(
            name="of_series",
            shape=(self.series, self.embedding),
            initializer=keras.initializers.RandomNormal(0, 0.05, seed_for(self.seed, "series")),
        )
        self.of_place = self.add_weight(
            name="of_place",
            shape=(self.ahead, self.embedding),
            initializer=keras.initializers.RandomNormal(0, 0.5, seed_for(self.seed, "places")),
        )
        self.share = self.add_weight(name="share", shape=(), initializer="ones", trainable=False)
        self.swing_power = self.add_weight(name="swing_power", shape=(), initializer="zeros", trainable=False)
        self.widening = self.add_weight(
            name="widening",
            shape=(self.series, self.horizon, len(self.quantiles)),
            initializer="ones",
            trainable=False,
        )
        self.equal_widths = self.add_weight(
            name="equal_widths", shape=(self.series,), initializer="zeros", trainable=False
        )
        self.read.build((None, w * (2 + k) + self.levels + (w == 1)))
        self.place.build((None, w * (k + s)))
        if not self.stack.built:  # One made from a saved configuration is.
            self.stack.build((None, None, self.embedding))
        self.project.build((None, self.stack.units))
        if s:
            self.repeat.build((None, s))
            self.repeat.kernel.assign(np.full((s, 1), 1 / s, np.float32))
        if self.fed:
            self.fed.build((None, w))
        if self.bridge:
            self.bridge.build((None, self.stack.width))
        self.decoder.build((None, self.embedding))
        self.built = True

    def initial_state(self, batch_size: int | tf.Tensor) -> tuple:
        return self.stack.initial_state(batch_size)

    def call(self, window: Part, state: tuple | None = None, training: bool = False, **probes: Any) -> tuple:
        keep, sequence = window["keep"], window["sequence"]
        state = state or self.initial_state(tf.shape(keep)[0])
        x = self.masking(self.features(window, training), sequence=sequence, training=training)
        h, state = self.stack(x, keep=keep, state=state, sequence=sequence, training=training, **probes)
        return self._forecast(h, window, training), state

    def features(self, window: Part, training: bool = False) -> tf.Tensor:
        """What the stack reads, before dropout, `[batch, time, embedding]`."""
        x = tf.ensure_shape(self._read(window), (*window["keep"].shape, self.embedding))
        return x + tf.gather(self.of_series, window["series"])

    def _read(self, window: Part) -> tf.Tensor:
        last, present = window["last"][..., None], 1 - window["absent"]
        known = tf.reshape(window["known"], (*shape_of(last)[:2], self.segment * self.covariates))
        parts = [(window["values"] - last) * present, window["absent"], known, window["levels"] - last]
        if self.segment == 1:  # A single value less itself is 0.
            parts.append(window["values"])
        return self.read(tf.concat(parts, 2))

    def _forecast(self, h: tf.Tensor, window: Part, training: bool) -> tf.Tensor:
        last = window["last"][..., None]
        batch, time = shape_of(window["future"])[:2]
        h, last, series = (x[:, shape_of(x)[1] - time :] for x in (h, last, window["series"]))
        vector = tf.gather(self.of_series, series)  # [batch, time, embedding]
        naive = window["naive"] - last[..., None]  # [batch, time, horizon, seasons]
        ahead = tf.concat([window["future"], naive], 3)
        ahead = tf.pad(ahead, [[0, 0], [0, 0], [0, self.ahead * self.segment - self.horizon], [0, 0]])
        ahead = tf.reshape(ahead, (batch, time, self.ahead, self.segment * (self.covariates + self.seasons)))
        places = self.place(ahead) + self.of_place + vector[:, :, None]  # [batch, time, ahead, embedding]
        h = self.bridge(h) if self.bridge else h
        decoded = self._decode(h, places)
        if training and self.dropout:
            decoded *= self._mask(window)
        outputs = self.project(decoded)
        outputs = tf.reshape(outputs, (batch, time, self.ahead * self.segment, 1 + len(self.quantiles)))
        outputs = outputs[:, :, : self.horizon]
        mean, lowest, rise = tf.split(outputs, (1, 1, len(self.quantiles) - 1), 3)
        rising = tf.cumsum(tf.concat([lowest, tf.nn.softplus(rise)], 3), 3)
        base = last[..., None] + (self.repeat(naive) if self.seasons else 0.0)
        return base + tf.concat([mean, rising], 3)

    def joined(self, window: Part, state: tuple | None = None) -> tuple:
        """What a call returns, mixed and widened; arguments as of a call."""
        outputs, state = self(window, state)
        series = window["series"][:, -shape_of(outputs)[1] :]
        return self.join(outputs, window["smoothed"], swing=window["swing"], series=series), state

    def join(self, outputs: tf.Tensor, smoothed: tf.Tensor, *, swing: tf.Tensor, series: tf.Tensor) -> tf.Tensor:
        """The network's outputs, mixed with the forecasts of a plain method and widened.

        The quantiles move with the mean.

        Args:
            outputs: Mean and quantiles, `[..., horizon, 1 + quantiles]`.
            smoothed: The forecasts of the plain method, `[..., horizon]`.
            swing: The size of the latest moves, `[...]`.
            series: The number of each series, `[...]`.
        """
        outputs += (1 - self.share) * (smoothed[..., None] - outputs[..., :1])
        factors = tf.gather(self.widening, series) * (swing**self.swing_power)[..., None, None]
        equal = tf.gather(self.equal_widths, series)[..., None, None] > 0
        wide = widened(outputs, factors, levels=self.quantiles, equal=equal)
        return tf.where(self.swing_power > 0, wide, outputs)  # Without `widen`, quantiles stay as they were learned.

    def mix(self, outputs: np.ndarray, smoothed: np.ndarray, *, targets: np.ndarray) -> dict[str, float]:
        """Finds the share of the network that has the least mean absolute error, in steps of a twentieth.

        A share is that of a linear opinion pool (Bates & Granger 1969, "The Combination of Forecasts").

        Args:
            outputs: For origins that training did not see, `[origins, horizon, 1 + quantiles]`.
            smoothed: The forecasts of the plain method, `[origins, horizon]`.
            targets: `[origins, horizon]`; NaN where missing.

        Returns:
            The share, and the mean absolute errors, of scaled values, of the network, the plain method and both.
        """
        there = np.isfinite(targets)
        if not there.any():
            return {}
        mean, plain, actual = outputs[..., 0][there], smoothed[there], targets[there]
        shares = np.linspace(0, 1, 21)
        errors = [float(np.abs(plain + share * (mean - plain) - actual).mean()) for share in shares]
        best = int(np.argmin(errors))
        self.share.assign(shares[best])
        found = {"network_share": float(shares[best]), "val_network_mae": errors[-1]}
        return found | {"val_smoothing_mae": errors[0], "val_joined_mae": errors[best]}

    def widen(self, outputs: np.ndarray, targets: np.ndarray, *, swing: np.ndarray, series: np.ndarray) -> np.ndarray:
        """Finds by what the intervals of each series are to be widened, see `widenings`.

        Args:
            outputs: As `join` gives them before, for origins that training did not see.
            targets: `[origins, horizon]`; NaN where missing.
            swing: The size of the latest moves, `[origins]`.
            series: The number of each origin's series, `[origins]`.

        Returns:
            Whether each series has equal widths instead of those that the network learned, `[series]`.
        """
        found, equal = [], []
        for number in range(self.series):
            of = series == number
            given = {"swing": swing[of], "levels": self.quantiles}
            equal.append(widths_fail(outputs[of], targets[of], **given))
            found.append(widenings(outputs[of], targets[of], **given, equal=equal[-1]))
        self.widening.assign(np.stack(found))
        self.equal_widths.assign(np.array(equal, np.float32))
        self.swing_power.assign(SWING)
        return np.array(equal)

    def _mask(self, window: Part) -> tf.Tensor:
        """A dropout mask for every segment ahead of every row, `[batch, time, ahead, units]`."""
        numbers = number_of(window["sequence"], window["row"] * self.ahead)[..., None] + tf.range(self.ahead)
        return variational_mask(
            numbers, self.stack.units, rate=self.dropout, seed=seed_for(self.seed, "decoder dropout")
        )

    def _decode(self, h: tf.Tensor, places: tf.Tensor) -> tf.Tensor:
        """The hidden state of each future segment, `[batch, time, ahead, units]`."""
        batch, time = shape_of(h)[:2]
        units = self.stack.units
        if self.dense:
            return tf.nn.relu(self.decoder(places) + h[:, :, None])
        states = cells.get(self.stack.cell).states
        if self.head == "segment":
            wide = tf.reshape(tf.broadcast_to(h[:, :, None], (batch, time, self.ahead, units)), (-1, units))
            decoded, _ = self.decoder(tf.reshape(places, (-1, self.embedding)), [wide] * states)
            return tf.reshape(decoded, (batch, time, self.ahead, units))
        state, fed, outputs = [tf.reshape(h, (-1, units))] * states, 0.0, []
        for n in range(self.ahead):
            decoded, state = self.decoder(tf.reshape(places[:, :, n], (-1, self.embedding)) + fed, state)
            outputs.append(tf.reshape(decoded, (batch, time, units)))
            means = tf.reshape(self.project(decoded), (-1, self.segment, 1 + len(self.quantiles)))[..., 0]
            fed = self.fed(means)
        return tf.stack(outputs, 2)
