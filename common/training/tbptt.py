"""The Keras model that trains on windows of a stream, with carried state and truncated gradients."""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf

from common.layers.base import Configured, register
from common.networks.network import Network, Part
from common.streams.stream import Stream


class CarriedState(tf.Module):
    """A network's state between windows, as variables that a checkpoint saves.

    Args:
        initial: The state, any structure of `[lanes, ...]` tensors.
    """

    def __init__(self, initial: tuple) -> None:
        super().__init__()
        self.structure = tf.nest.map_structure(lambda _: 0, initial)
        self.values = [tf.Variable(value, trainable=False) for value in tf.nest.flatten(initial)]

    def read(self) -> tuple:
        """The state, as tensors."""
        return tf.nest.pack_sequence_as(self.structure, [tf.convert_to_tensor(v) for v in self.values])

    def carry(self, state: tuple) -> None:
        """Stores a new state, through which no gradient passes."""
        for variable, value in zip(self.values, tf.nest.flatten(state)):
            variable.assign(tf.stop_gradient(value))


@register
class TBPTT(Configured, keras.Model):
    """Trains a network by stateful truncated backpropagation through time, TBPTT(k1, k2).

    Each training step reads `window` (k1) new steps of every lane and carries the state on. Gradients reach back at
    most `reach` (k2) steps. With k2 > k1 the k2 - k1 steps before the window are computed again from the state carried
    at that earlier point; the loss counts on the new steps only (Williams & Peng 1990, "An Efficient Gradient-Based
    Algorithm for On-Line Training of Recurrent Network Trajectories", BPTT(h; h')).

    The carried state and the position in the data are variables: `tf.train.Checkpoint` saves them. Evaluation and
    prediction have a state of their own. No state is ever reset from outside: every lane of an epoch begins with
    `keep = 0`.

    Args:
        network: The network to train.
        lanes: Number of lanes of the streams.
        window: New steps of a training window, k1.
        reach: Maximum number of steps that a gradient travels back, k2 >= k1; None is `window`.

    Example:

    ```python
    model = TBPTT(network, lanes=32, window=64)
    model.compile(keras.optimizers.Adam(global_clipnorm=1.0), loss="sparse_categorical_crossentropy")
    model.fit(Stream(sequences, lanes=32, window=64), epochs=3)
    ```
    """

    def __init__(self, network: Network, lanes: int, window: int, *, reach: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.network = network
        self.lanes = lanes
        self.window = window
        self.reach = window if reach is None else reach
        if not self.network.built:
            self.network.build()
        self.built = True
        self.position = tf.Variable([0, 0], trainable=False, dtype=tf.int64, name="position")
        self.train_state = CarriedState(network.initial_state(lanes))
        self.eval_state = CarriedState(network.initial_state(lanes))
        self.gradient_norm = keras.metrics.Mean(name="gradient_norm")
        self.clipped_steps = keras.metrics.Sum(name="clipped_steps")

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
        inputs, targets, weights = data
        variables = self.trainable_variables
        with tf.GradientTape() as tape:
            outputs, carried = self.unroll(inputs, self.train_state.read())
            loss = self.compute_loss(inputs, targets, outputs, weights, training=True)
        gradients = [_merged(g) for g in tape.gradient(loss, [v.value for v in variables])]
        norm = tf.linalg.global_norm(gradients)
        self.gradient_norm.update_state(norm)
        self.clipped_steps.update_state(
            tf.cast(norm > (getattr(self.optimizer, "global_clipnorm", None) or math.inf), norm.dtype)
        )
        self.optimizer.apply(gradients, variables)
        self.train_state.carry(carried)
        self.position.assign_add([0, 1])
        self._loss_tracker.update_state(loss)
        return self.compute_metrics(inputs, targets, outputs, weights)

    def test_step(self, data: tuple) -> dict[str, tf.Tensor]:
        inputs, targets, weights = data
        outputs = self.predict_step((inputs,))
        self._loss_tracker.update_state(self.compute_loss(inputs, targets, outputs, weights, training=False))
        logs = self.compute_metrics(inputs, targets, outputs, weights)
        return {name: value for name, value in logs.items() if name not in ("gradient_norm", "clipped_steps")}

    def predict_step(self, data: tuple) -> tf.Tensor:
        outputs, state = self.network(data[0], state=self.eval_state.read(), training=False)
        self.eval_state.carry(state)
        return outputs

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
        for epoch in range(initial_epoch, epochs):
            if int(self.position[0]) != epoch:
                self.position.assign([epoch, 0])
            windows = stream.dataset(epoch, int(self.position[1]))
            training.set_params(params | {"steps": int(windows.cardinality())})
            super().fit(
                windows,
                initial_epoch=epoch,
                epochs=epoch + 1,
                callbacks=training,
                validation_data=_windows(validation_data),
                shuffle=False,
                **kwargs,
            )
            if int(self.position[1]) == stream.windows(epoch):
                self.position.assign([epoch + 1, 0])
            if self.stop_training:
                break
        training.end()
        return self.history

    def evaluate(self, x: Any = None, *args: Any, **kwargs: Any):
        """`keras.Model.evaluate`, where `x` may be a `Stream`."""
        return super().evaluate(_windows(x), *args, **kwargs)

    def predict(self, x: Any, *args: Any, **kwargs: Any):
        """`keras.Model.predict`, where `x` may be a `Stream`."""
        return super().predict(_windows(x), *args, **kwargs)


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


def _merged(gradient: Any) -> Any:
    """An embedding's gradient with one slice per row: Keras would clip and square slices of a row separately."""
    if not isinstance(gradient, tf.IndexedSlices):
        return gradient
    rows, places = tf.unique(gradient.indices)
    values = tf.math.unsorted_segment_sum(gradient.values, places, tf.size(rows))
    return tf.IndexedSlices(values, rows, gradient.dense_shape)


def _windows(x: Any) -> Any:
    """The windows of a stream for evaluation or prediction; other data as it is."""
    if not isinstance(x, Stream):
        return x
    if x.reach != x.window:
        raise ValueError(f"a stream with reach {x.reach} and window {x.window} is for training; leave out its reach")
    return x.dataset()
