"""The Keras model that trains on windows of a stream, with carried state and truncated gradients."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from common.layers.base import Configured, register
from common.layers.masks import number_of
from common.networks.network import Network, Part
from common.streams.stream import Stream
from common.training.carried import CarriedState
from common.training.gradients import summed
from common.training.one_training import OneTraining
from common.training.optimiser import LazyAdam
from common.training.replicas import Replicas
from common.training.windows import positioned, windows_of
from common.training.workers import Workers


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
    and the shares' functions run beside each other, on the cores of a machine, its GPUs, or on several machines. The
    sum of their gradients is that of all lanes. With a strategy of TensorFlow, network and optimiser are made in its
    scope, the model is not; the optimiser is `LazyAdam`, which knows that the gradients it gets are sums.

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
        shares: Number of shares of the lanes on each device; None is one for each core.
        xla: Whether the function of a share is one XLA program. (`jit_compile` of `compile` is about the whole step.)
        strategy: `tf.distribute.MirroredStrategy` or `MultiWorkerMirroredStrategy`; None is one device.

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
        strategy: tf.distribute.Strategy | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if tf.distribute.has_strategy():
            raise ValueError("make TBPTT outside of the strategy's scope, and give it the strategy")
        self.network = network
        self.lanes = lanes
        self.window = window
        self.reach = window if reach is None else reach
        self.shares = shares
        self.strategy = strategy
        self.replicas = Replicas(lanes, Workers(strategy), shares)
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

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"strategy": None}  # A model that is made again may be on other devices.

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
        windows, shares = windows_of(data), self.replicas.own
        states = self.train_state.read(shares)
        results = self.replicas.run(self._train_replica, windows, states, shares)
        losses, norms, outputs, carried = zip(*results)
        self.gradient_norm.update_state(norms[0])
        self.clipped_steps.update_state(
            tf.cast(norms[0] > (getattr(self.optimizer, "global_clipnorm", None) or math.inf), norms[0].dtype)
        )
        self.train_state.carry([state for of_device in carried for state in of_device], shares)
        self.position.assign_add([0, 1])
        first = (self.diverged_at[0] < 0) & ~tf.math.is_finite(losses[0])
        self.diverged_at.assign(tf.where(first, self.position, self.diverged_at))
        return self._logs(windows, [output for of_device in outputs for output in of_device], losses[0])

    def _train_replica(self, windows: Sequence[tuple], states: Sequence[tuple], shares: Sequence[slice]) -> tuple:
        """A training step on the shares of one device.

        Returns:
            The loss and the gradient's norm, both of all shares there are, and the outputs and the states after the
            window of these.
        """
        position = number_of(*tf.unstack(tf.cast(self.position, tf.int32)))
        results = [
            self._trained(positioned(window, position), state, (lanes.stop - lanes.start) / self.lanes)
            for window, state, lanes in zip(windows, states, shares)
        ]
        losses, outputs, carried, gradients = zip(*results)
        loss, gradients = summed(losses, gradients, self.replicas.workers)
        self.optimizer.apply(gradients, self.trainable_variables)
        return loss, tf.linalg.global_norm(gradients), outputs, carried

    def _train_share(self, window: tuple, state: tuple, share: float) -> tuple:
        """Forward pass, loss and backward pass of a share of the lanes.

        Returns:
            The loss, weighted by the share, outputs, the state after the window, and the gradients.
        """
        inputs, targets, weights = window
        with tf.GradientTape() as tape:
            outputs, carried = self.unroll(inputs, state)
            loss = share * self.compute_loss(inputs, targets, outputs, weights, training=True)
            loss *= tf.distribute.get_strategy().num_replicas_in_sync  # By which Keras has divided it.
        return loss, outputs, carried, tape.gradient(loss, [v.value for v in self.trainable_variables])

    def test_step(self, data: tuple) -> dict[str, tf.Tensor]:
        windows, shares = windows_of(data), self.replicas.own
        outputs = self._predict(windows, shares)
        losses = [
            (lanes.stop - lanes.start) / self.lanes * self.compute_loss(inputs, targets, found, weights, training=False)
            for (inputs, targets, weights), found, lanes in zip(windows, outputs, shares)
        ]
        (loss,) = self.replicas.workers.sums_over_workers([tf.add_n(losses)])
        logs = self._logs(windows, outputs, loss)
        return {name: value for name, value in logs.items() if name not in ("gradient_norm", "clipped_steps")}

    def predict_step(self, data: tuple) -> tf.Tensor:
        return tf.concat(self._predict(windows_of(data), self.replicas.alone), 0)

    def _predict(self, windows: Sequence[tuple], shares: Sequence[slice]) -> list[tf.Tensor]:
        """The outputs of each share's window, from the state of evaluation, which is carried on."""

        def on_device(windows: Sequence[tuple], states: Sequence[tuple]) -> list[tuple]:
            return [self._predicted(window[0], state) for window, state in zip(windows, states)]

        states = self.eval_state.read(shares)
        results = [result for of_device in self.replicas.run(on_device, windows, states) for result in of_device]
        outputs, carried = zip(*results)
        self.eval_state.carry(carried, shares)
        return list(outputs)

    def _predict_share(self, inputs: Part, state: tuple) -> tuple[tf.Tensor, tuple]:
        return self.network(inputs, state=state, training=False)

    def _logs(self, windows: Sequence[tuple], outputs: Sequence[tf.Tensor], loss: tf.Tensor) -> dict[str, tf.Tensor]:
        """Updates and returns the metrics."""
        self._loss_tracker.update_state(loss)
        targets, weights = (tf.concat([window[n] for window in windows], 0) for n in (1, 2))
        if self.replicas.workers.number == 1:
            return self.compute_metrics(windows[0][0], targets, tf.concat(outputs, 0), weights)
        before = {id(v): tf.convert_to_tensor(v) for v in self._own_sums()}
        self.compute_metrics(windows[0][0], targets, tf.concat(outputs, 0), weights)
        sums = self._own_sums()  # Keras makes them in the first step, as zeros.
        before = [before.get(id(v), tf.zeros_like(v)) for v in sums]
        added = self.replicas.workers.sums_over_workers([variable - value for variable, value in zip(sums, before)])
        for variable, value, more in zip(sums, before, added):
            variable.assign(value + more)
        return self.get_metrics_result()

    def _own_sums(self) -> list[Any]:
        """The variables of the metrics that see the lanes of this worker alone."""
        of_all = (self._loss_tracker, self.gradient_norm, self.clipped_steps)
        return [v.value for metric in self.metrics if metric not in of_all for v in metric.variables]

    @property
    def own_variables(self) -> list[Any]:
        """The variables besides the network's weights that a checkpoint needs."""
        optimizer = [variable.value for variable in self.optimizer.variables]
        return [*optimizer, *self.train_state.values, self.position, self.diverged_at]

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

        Raises:
            ValueError: The stream does not fit the model; or with a strategy, the model was compiled with another
                optimiser than `LazyAdam`, or with several steps per execution.
        """
        if self.strategy is not None and not isinstance(self.optimizer, LazyAdam):
            raise ValueError("with a strategy the optimiser is LazyAdam: others would sum the summed gradients again")
        if self.strategy is not None and self.steps_per_execution != 1:
            raise ValueError("with a strategy steps_per_execution is 1: Keras's loop over steps fails there")
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
        training = OneTraining(callbacks, add_history=True, add_progbar=verbose != 0, model=self, **params)
        training.begin()
        validation = self._dataset(validation_data, self.replicas.own)
        for epoch in range(initial_epoch, epochs):
            if int(self.position[0]) != epoch:
                self.position.assign([epoch, 0])
            windows = stream.dataset(epoch, int(self.position[1]), lanes=self.replicas.own)
            if self.train_function is None:
                self._make_metrics(stream.dataset(epoch, lanes=self.replicas.own))
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
        window, outputs = windows_of(next(iter(windows))), []
        states = tf.nest.map_structure(tf.type_spec_from_value, self.train_state.read(self.replicas.own))
        for share, spec, state in zip(window, windows_of(windows.element_spec), states):
            lanes, targets = len(share[1]), share[1].shape
            given = positioned(spec, tf.TensorSpec([], tf.int32))
            traced = self._trained.get_concrete_function(given, state, lanes / self.lanes).structured_outputs[1]
            outputs.append(tf.zeros([n or targets[axis] for axis, n in enumerate(traced.shape)], traced.dtype))
        self._logs(window, outputs, tf.constant(0.0))

    def _dataset(self, x: Any, lanes: Sequence[slice]) -> Any:
        """The windows of a stream for evaluation or prediction; other data as it is."""
        if not isinstance(x, Stream):
            return x
        if x.reach != x.window:
            raise ValueError(
                f"a stream with reach {x.reach} and window {x.window} is for training; leave out its reach"
            )
        return x.dataset(lanes=lanes)

    def evaluate(self, x: Any = None, *args: Any, **kwargs: Any):
        """`keras.Model.evaluate`, where `x` may be a `Stream`."""
        return super().evaluate(self._dataset(x, self.replicas.own), *args, **kwargs)

    def predict(self, x: Any, *args: Any, **kwargs: Any):
        """`keras.Model.predict`, where `x` may be a `Stream`. A call runs one window."""
        several, self.steps_per_execution = self.steps_per_execution, 1  # Keras would repeat the network's graph.
        try:
            return super().predict(self._dataset(x, self.replicas.alone), *args, **kwargs)
        finally:
            self.steps_per_execution = several
