"""The Keras model that trains on windows of a stream, with carried state and truncated gradients."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import joblib
import keras
import tensorflow as tf

from common.layers.base import Configured, register
from common.layers.masks import number_of
from common.networks.network import Network, Part
from common.streams.stream import Stream, shares_of
from common.training.carried import CarriedState

LANES_OF_A_SHARE = 4
"""The fewest lanes that are worth a core of their own."""


def fitting_shares(lanes: int) -> int:
    """Number of shares that suit this machine: one for each core that gets enough lanes, or one for a GPU."""
    if tf.config.list_physical_devices("GPU"):
        return 1
    return max(1, min(joblib.cpu_count(), lanes // LANES_OF_A_SHARE))


@register
class TBPTT(Configured, keras.Model):
    """Trains a network by stateful truncated backpropagation through time, TBPTT(k1, k2).

    Each training step reads `window` (k1) new steps of every lane and carries the state on. Gradients reach back at
    most `reach` (k2) steps. With k2 > k1 the k2 - k1 steps before the window are computed again from the state carried
    at that earlier point; the loss counts on the new steps only (Williams & Peng 1990, "An Efficient Gradient-Based
    Algorithm for On-Line Training of Recurrent Network Trajectories", BPTT(h; h')).

    Each part of a window gets `position`, a number of the training step, int32. What a network draws from it is the
    same for all lanes, for the history and the new steps, and after a resume.

    A share of the lanes is a replica with its carried state: its forward pass, loss and backward pass are one function,
    and the shares' functions run beside each other. The sum of their gradients is that of all lanes.

    The carried state and the position in the data are variables: `tf.train.Checkpoint` saves them. So they are exact
    when one call runs several windows (`steps_per_execution` of `compile`); `diverged_at` is the position after the
    first window whose loss was not finite, and -1 before that. Evaluation and
    prediction have a state of their own. No state is ever reset from outside: every lane of an epoch begins with
    `keep = 0`.

    Args:
        network: The network to train.
        lanes: Number of lanes of the streams.
        window: New steps of a training window, k1.
        reach: Maximum number of steps that a gradient travels back, k2 >= k1; None is `window`.
        shares: Number of shares that the lanes of a stream are cut into, see below; None is one for each core.
        xla: Whether the function of a share is one XLA program. (`jit_compile` of `compile` is about the whole step.)

    Example:

    ```python
    model = TBPTT(network, lanes=32, window=64)
    model.compile(keras.optimizers.Adam(global_clipnorm=1.0), loss="sparse_categorical_crossentropy")
    model.fit(Stream(sequences, lanes=32, window=64), epochs=3)
    ```
    """

    def __init__(
        self,
        network: Network,
        lanes: int,
        window: int,
        *,
        reach: int | None = None,
        shares: int | None = None,
        xla: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.network = network
        self.lanes = lanes
        self.window = window
        self.reach = window if reach is None else reach
        self.shares = fitting_shares(lanes) if shares is None else shares
        self.xla = xla
        if not self.network.built:
            self.network.build()
        self.built = True
        self.position = tf.Variable([0, 0], trainable=False, dtype=tf.int64, name="position")
        self.diverged_at = tf.Variable([-1, -1], trainable=False, dtype=tf.int64, name="diverged_at")
        self.train_state = CarriedState(network.initial_state(lanes))
        self.eval_state = CarriedState(network.initial_state(lanes))
        self.gradient_norm = keras.metrics.Mean(name="gradient_norm")
        self.clipped_steps = keras.metrics.Sum(name="clipped_steps")
        self.sums_to_restore: list[Any] = []
        graph = {"jit_compile": xla, "autograph": False, "reduce_retracing": True}
        self._trained = tf.function(self._train_share, **graph)
        self._predicted = tf.function(self._predict_share, **graph)

    def call(self, window: Part, training: bool = False) -> tf.Tensor:
        return self.network(window, training=training)[0]

    def unroll(self, inputs: Part | tuple[Part, Part], state: tuple) -> tuple[tf.Tensor, tuple]:
        """Runs the network over one training window, from a carried state.

        Args:
            inputs: The inputs of a window from `common.streams.Stream.window_at`: one part, or two if gradients reach
                back further than the window.
            state: The state at the start of the first part.

        Returns:
            Outputs of the new steps, `[lanes, window, ...]`, and the state after the first part, at which the next
            window starts.
        """
        first, *rest = inputs if isinstance(inputs, tuple) else (inputs,)
        outputs, carried = self.network(first, state=state, training=True)
        for part in rest:
            more, _ = self.network(part, state=carried, training=True)
            outputs = tf.concat([outputs, more], 1)
        if "output_steps" not in first:
            outputs = outputs[:, self.reach - self.window :]
        return outputs, carried

    def train_step(self, data: tuple) -> dict[str, tf.Tensor]:
        windows = _windows_of(data)
        losses, outputs, carried, gradients = self._train_shares(windows)
        gradients = [_summed(of_variable) for of_variable in zip(*gradients)]
        norm = tf.linalg.global_norm(gradients)
        self.gradient_norm.update_state(norm)
        self.clipped_steps.update_state(
            tf.cast(norm > (getattr(self.optimizer, "global_clipnorm", None) or math.inf), norm.dtype)
        )
        self.optimizer.apply(gradients, self.trainable_variables)
        self.train_state.carry(carried)
        self.position.assign_add([0, 1])
        loss = tf.add_n(losses)
        first = (self.diverged_at[0] < 0) & ~tf.math.is_finite(loss)
        self.diverged_at.assign(tf.where(first, self.position, self.diverged_at))
        return self._logs(windows, outputs, loss)

    def _train_shares(self, windows: Sequence[tuple]) -> tuple[tuple, ...]:
        """What `_train_share` returns for each share from the carried state, one tuple for each of its results."""
        shares, position = shares_of(self.lanes, len(windows)), number_of(*tf.unstack(tf.cast(self.position, tf.int32)))
        results = [
            self._trained(_positioned(window, position), state, (lanes.stop - lanes.start) / self.lanes)
            for window, state, lanes in zip(windows, self.train_state.read(shares), shares)
        ]
        return tuple(zip(*results))

    def _train_share(self, window: tuple, state: tuple, share: float) -> tuple:
        """Forward pass, loss and backward pass of a share of the lanes.

        Returns:
            The loss, weighted by the share, outputs, the state after the window, and the gradients.
        """
        inputs, targets, weights = window
        with tf.GradientTape() as tape:
            outputs, carried = self.unroll(inputs, state)
            loss = share * self.compute_loss(inputs, targets, outputs, weights, training=True)
        return loss, outputs, carried, tape.gradient(loss, [v.value for v in self.trainable_variables])

    def test_step(self, data: tuple) -> dict[str, tf.Tensor]:
        windows = _windows_of(data)
        outputs = self._predict(windows)
        shares = shares_of(self.lanes, len(windows))
        losses = [
            (lanes.stop - lanes.start) / self.lanes * self.compute_loss(inputs, targets, found, weights, training=False)
            for (inputs, targets, weights), found, lanes in zip(windows, outputs, shares)
        ]
        logs = self._logs(windows, outputs, tf.add_n(losses))
        return {name: value for name, value in logs.items() if name not in ("gradient_norm", "clipped_steps")}

    def predict_step(self, data: tuple) -> tf.Tensor:
        return tf.concat(self._predict(_windows_of(data)), 0)

    def _predict(self, windows: Sequence[tuple]) -> list[tf.Tensor]:
        """The outputs of each share's window, from the state of evaluation, which is carried on."""
        states = self.eval_state.read(shares_of(self.lanes, len(windows)))
        outputs, carried = zip(*(self._predicted(window[0], state) for window, state in zip(windows, states)))
        self.eval_state.carry(carried)
        return list(outputs)

    def _predict_share(self, inputs: Part, state: tuple) -> tuple[tf.Tensor, tuple]:
        return self.network(inputs, state=state, training=False)

    def _logs(self, windows: Sequence[tuple], outputs: Sequence[tf.Tensor], loss: tf.Tensor) -> dict[str, tf.Tensor]:
        """Updates and returns the metrics."""
        self._loss_tracker.update_state(loss)
        targets, weights = (tf.concat([window[n] for window in windows], 0) for n in (1, 2))
        return self.compute_metrics(windows[0][0], targets, tf.concat(outputs, 0), weights)

    @property
    def epoch_sums(self) -> list[Any]:
        """What the metrics have summed so far in this epoch, as plain numbers; `sums_to_restore` takes it."""
        return [variable.numpy().tolist() for metric in self.metrics for variable in metric.variables]

    def reset_metrics(self) -> None:
        """As Keras's, but the first epoch after a resume goes on with the sums that it had."""
        super().reset_metrics()
        if self.sums_to_restore:
            variables = [variable for metric in self.metrics for variable in metric.variables]
            for variable, value in zip(variables, self.sums_to_restore, strict=True):
                variable.assign(value)
            self.sums_to_restore = []

    def fit(self, x: Any = None, *args: Any, **kwargs: Any) -> keras.callbacks.History:
        """`keras.Model.fit`, where `x` and `validation_data` may be a `Stream`.

        A stream is packed anew each epoch and read from `position` on. Keras assumes that all epochs have the same
        number of batches. So each epoch is a separate `fit`, and callbacks see one training.
        """
        if not isinstance(x, Stream):
            history = super().fit(x, *args, **kwargs)
            self.position.assign([0, 0])
            return history
        return self._fit_stream(x, **kwargs)

    def _fit_stream(
        self,
        stream: Stream,
        *,
        epochs: int = 1,
        initial_epoch: int = 0,
        verbose: int | str = "auto",
        callbacks: list[keras.callbacks.Callback] | None = None,
        validation_data: Any = None,
        **kwargs: Any,
    ) -> keras.callbacks.History:
        for name in ("lanes", "window", "reach"):
            ours, theirs = getattr(self, name), getattr(stream, name)
            if ours != theirs:
                raise ValueError(f"the stream has {name} {theirs}, the model {ours}; give both the same")
        verbose = 1 if verbose == "auto" else verbose
        params = {"verbose": verbose, "epochs": epochs, "steps": None}
        training = _OneTraining(callbacks, add_history=True, add_progbar=verbose != 0, model=self, **params)
        training.begin()
        validation = self._dataset(validation_data)
        for epoch in range(initial_epoch, epochs):
            if int(self.position[0]) != epoch:
                self.position.assign([epoch, 0])
            windows = stream.dataset(epoch, int(self.position[1]), shares=self.shares)
            if self.train_function is None:
                self._make_metrics(stream.dataset(epoch, shares=self.shares))
            training.set_params(params | {"steps": int(windows.cardinality())})
            super().fit(
                windows,
                initial_epoch=epoch,
                epochs=epoch + 1,
                callbacks=training,
                validation_data=validation,
                shuffle=False,
                **kwargs,
            )
            if int(self.position[1]) == stream.windows(epoch):
                self.position.assign([epoch + 1, 0])
            if self.stop_training:
                break
        training.end()
        return self.history

    def _make_metrics(self, windows: tf.data.Dataset) -> None:
        """Gives metrics their variables, which Keras makes in the first step and so traces twice."""
        window, outputs = _windows_of(next(iter(windows))), []
        states = tf.nest.map_structure(
            tf.type_spec_from_value, self.train_state.read(shares_of(self.lanes, len(window)))
        )
        for share, spec, state in zip(window, _windows_of(windows.element_spec), states):
            lanes, targets = len(share[1]), share[1].shape
            positioned = _positioned(spec, tf.TensorSpec([], tf.int32))
            traced = self._trained.get_concrete_function(positioned, state, lanes / self.lanes).structured_outputs[1]
            outputs.append(tf.zeros([n or targets[axis] for axis, n in enumerate(traced.shape)], traced.dtype))
        self._logs(window, outputs, tf.constant(0.0))

    def _dataset(self, x: Any) -> Any:
        """The windows of a stream for evaluation or prediction; other data as it is."""
        if not isinstance(x, Stream):
            return x
        if x.reach != x.window:
            raise ValueError(
                f"a stream with reach {x.reach} and window {x.window} is for training; leave out its reach"
            )
        return x.dataset(shares=self.shares)

    def evaluate(self, x: Any = None, *args: Any, **kwargs: Any):
        """`keras.Model.evaluate`, where `x` may be a `Stream`."""
        return super().evaluate(self._dataset(x), *args, **kwargs)

    def predict(self, x: Any, *args: Any, **kwargs: Any):
        """`keras.Model.predict`, where `x` may be a `Stream`. A call runs one window."""
        several, self.steps_per_execution = self.steps_per_execution, 1  # Keras would repeat the network's graph.
        try:
            return super().predict(self._dataset(x), *args, **kwargs)
        finally:
            self.steps_per_execution = several


class _OneTraining(keras.callbacks.CallbackList):
    """Callbacks that see the separate `fit` calls as one training."""

    def begin(self) -> None:
        super().on_train_begin()

    def end(self) -> None:
        super().on_train_end()

    def on_train_begin(self, logs: dict | None = None) -> None:
        pass

    def on_train_end(self, logs: dict | None = None) -> None:
        pass


def _windows_of(data: tuple) -> tuple[tuple, ...]:
    """The window of each share of the lanes: of a stream's, or of a single window `(inputs, targets, weights)`."""
    return data if all(isinstance(one, tuple) for one in data) else (data,)


def _positioned(window: tuple, position: tf.Tensor) -> tuple:
    """A window whose parts have a number of the training step."""
    inputs, *others = window
    if isinstance(inputs, dict):
        return inputs | {"position": position}, *others
    return tuple(part | {"position": position} for part in inputs), *others


def _summed(gradients: Sequence[Any]) -> Any:
    """The sum of the shares' gradients of a variable, None if the loss does not depend on it.

    An embedding's has one slice per row: Keras would clip and square slices of a row separately.
    """
    if gradients[0] is None:
        return None
    if not isinstance(gradients[0], tf.IndexedSlices):
        return tf.add_n(gradients)
    rows, places = tf.unique(tf.concat([gradient.indices for gradient in gradients], 0))
    values = tf.concat([gradient.values for gradient in gradients], 0)
    return tf.IndexedSlices(tf.math.unsorted_segment_sum(values, places, tf.size(rows)), rows, gradients[0].dense_shape)
