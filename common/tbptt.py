"""The Keras model that trains on windows of a stream: state carried, gradient cut."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from common.layers import RecurrentStack, VariationalDropout, register
from common.streams import Stream


@register
class StreamNetwork(keras.layers.Layer):
    """Inputs to features, a recurrent stack and a head, over windows of packed streams.

    Args:
        embed: Layer from the window to features, `(window, training) -> [batch, time, width]`; has a `width`.
        stack: The recurrences.
        head: Layer from the stack's outputs to the network's, with a state: see `common.heads.ReadoutHead`.
        dropout: Share dropped of the features, variational.
        seed: Fixes the masks.

    Call arguments:
        window: Dictionary of what `embed` reads, and `keep` and `sequence`, each `[batch, time]`.
        state: Of the stack and the head; None is zeros.
        carry_after: Steps of the window after which the state is taken; None is all of them.
        probes: What else the stack takes, `nudge`; not with `carry_after`.

    Returns:
        Outputs, `[batch, time, ...]`, and the state after those steps.
    """

    def __init__(
        self,
        embed: keras.layers.Layer,
        stack: RecurrentStack,
        head: keras.layers.Layer,
        dropout: float = 0.0,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)  # The state keeps its type.
        self.embed = embed
        self.stack = stack
        self.head = head
        self.dropout = dropout
        self.seed = seed
        self.masking = VariationalDropout(dropout, 1000 * seed + 501, stack.jit_compile)

    def build(self, window_shape: Any = None) -> None:
        for layer, width in ((self.embed, None), (self.stack, self.embed.width), (self.head, self.stack.width)):
            if not layer.built:  # A layer made from a saved configuration is.
                layer.build((None, None, width))

    def initial_state(self, batch_size: int | tf.Tensor) -> tuple:
        return self.stack.initial_state(batch_size), self.head.initial_state(batch_size)

    def call(
        self,
        window: dict[str, tf.Tensor],
        state: tuple | None = None,
        training: bool = False,
        carry_after: int | None = None,
        **probes: Any,
    ) -> tuple:
        def run(x: tf.Tensor, keep: tf.Tensor, sequence: tf.Tensor, state: tuple) -> tuple:
            given = {"keep": keep, "sequence": sequence, "training": training}
            x, stack_state = self.stack(x, state=state[0], **given, **probes)
            outputs, head_state = self.head(x, state=state[1], **given)
            return outputs, (stack_state, head_state)

        keep, sequence = window["keep"], window["sequence"]
        state = state or self.initial_state(tf.shape(keep)[0])
        x = self.masking(self.features(window, training), sequence=sequence, training=training)
        return carried_after(run, (x, keep, sequence), state, carry_after)

    def features(self, window: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """What the stack reads, before dropout, `[batch, time, width]`."""
        return self.embed(window, training=training)

    def get_config(self) -> dict[str, Any]:
        layers = {name: keras.saving.serialize_keras_object(getattr(self, name)) for name in ("embed", "stack", "head")}
        return super().get_config() | layers | {"dropout": self.dropout, "seed": self.seed}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> StreamNetwork:
        for name in ("embed", "stack", "head"):
            config[name] = keras.saving.deserialize_keras_object(config[name])
        return cls(**config)


def carried_after(
    run: Callable[..., tuple[tf.Tensor, tuple]], parts: tuple[tf.Tensor, ...], state: tuple, steps: int | None
) -> tuple[tf.Tensor, tuple]:
    """Runs over a window and takes the state that it has after so many steps.

    Args:
        run: `(*parts, state) -> (outputs, state)`.
        parts: What of the window it reads, each `[batch, time, ...]`.
        state: Before the window.
        steps: None is all.
    """
    if steps is None:
        return run(*parts, state)
    first, carried = run(*(part[:, :steps] for part in parts), state)
    second, _ = run(*(part[:, steps:] for part in parts), carried)
    return tf.concat([first, second], 1), carried


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
        """Takes on a new state, through which no gradient passes."""
        for variable, value in zip(self.values, tf.nest.flatten(state)):
            variable.assign(tf.stop_gradient(value))


@register
class TBPTT(keras.Model):
    """Trains a network by stateful truncated backpropagation through time, TBPTT(k1, k2).

    Each training step reads `window` (k1) new steps of every lane, lets gradients reach back `reach` (k2) steps at
    most and carries the state on. With k2 > k1 the k2 - k1 steps before the window are computed again from the state
    carried at that earlier point; the loss counts on the new steps only (Williams & Peng 1990, "An Efficient
    Gradient-Based Algorithm for On-Line Training of Recurrent Network Trajectories", BPTT(h; h')).

    The carried state and the position in the data are variables: `tf.train.Checkpoint` saves them. Evaluation and
    prediction have a state of their own. No state is ever reset from outside: every lane of an epoch begins with
    `keep = 0`.

    Args:
        network: A layer called as a `StreamNetwork` is, with `initial_state(batch_size)`.
        lanes: Lanes of the streams.
        window: New steps of a training window, k1.
        reach: Steps the gradient may travel back, k2 >= k1; None is `window`.

    Example:

    ```python
    model = TBPTT(network, lanes=32, window=64)
    model.compile(keras.optimizers.Adam(global_clipnorm=1.0), loss="sparse_categorical_crossentropy")
    model.fit(Stream(sequences, lanes=32, window=64), epochs=3)
    ```
    """

    def __init__(self, network: keras.layers.Layer, lanes: int, window: int, reach: int | None = None, **kwargs: Any):
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

    def call(self, window: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        return self.network(window, training=training)[0]

    def unroll(self, inputs: dict[str, tf.Tensor], state: tuple) -> tuple[tf.Tensor, tuple]:
        """One training window from a carried state.

        Args:
            inputs: `[lanes, reach, ...]` each: history, then new steps.
            state: At the start of the history.

        Returns:
            Outputs of the new steps, `[lanes, window, ...]`, and the state at the start of the next window's history.
        """
        carry_after = None if self.reach == self.window else self.window
        outputs, carried = self.network(inputs, state=state, training=True, carry_after=carry_after)
        return outputs[:, self.reach - self.window :], carried

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
        """As `keras.Model.fit`; `x` and `validation_data` may be a `Stream`.

        A stream is packed anew each epoch and read from `position` on. Keras takes the number of batches of one
        epoch for that of all, so each epoch is a `fit` of its own, under callbacks that see one training.
        """
        if not isinstance(x, Stream):
            history = super().fit(x, *args, **kwargs)
            self.position.assign([0, 0])
            return history
        return self._fit_stream(x, **kwargs)

    def _fit_stream(
        self,
        stream: Stream,
        epochs: int = 1,
        initial_epoch: int = 0,
        verbose: int | str = "auto",
        callbacks: list[keras.callbacks.Callback] | None = None,
        validation_data: Any = None,
        **kwargs: Any,
    ) -> keras.callbacks.History:
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
        """As `keras.Model.evaluate`; `x` may be a `Stream`."""
        return super().evaluate(_windows(x), *args, **kwargs)

    def predict(self, x: Any, *args: Any, **kwargs: Any):
        """As `keras.Model.predict`; `x` may be a `Stream`."""
        return super().predict(_windows(x), *args, **kwargs)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "network": keras.saving.serialize_keras_object(self.network),
            "lanes": self.lanes,
            "window": self.window,
            "reach": self.reach,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> TBPTT:
        config["network"] = keras.saving.deserialize_keras_object(config["network"])
        return cls(**config)


class _OneTraining(keras.callbacks.CallbackList):
    """Callbacks to which the `fit` of each epoch looks like a part of one training."""

    def begin(self) -> None:
        super().on_train_begin()

    def end(self) -> None:
        super().on_train_end()

    def on_train_begin(self, logs: dict | None = None) -> None:
        pass

    def on_train_end(self, logs: dict | None = None) -> None:
        pass


def _merged(gradient: Any) -> Any:
    """An embedding's gradient with one slice a row: Keras clips, and Adam squares, slices that share a row apart."""
    if not isinstance(gradient, tf.IndexedSlices):
        return gradient
    rows, places = tf.unique(gradient.indices)
    values = tf.math.unsorted_segment_sum(gradient.values, places, tf.size(rows))
    return tf.IndexedSlices(values, rows, gradient.dense_shape)


def _windows(x: Any) -> Any:
    return x.dataset() if isinstance(x, Stream) else x
