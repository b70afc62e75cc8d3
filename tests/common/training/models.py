"""Small models, streams and comparisons that tests of training share."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from common.layers.embeddings import SumEmbedding
from common.layers.heads import ReadoutHead
from common.layers.readout import Readout
from common.layers.stack import RecurrentStack
from common.networks.stream import StreamNetwork
from common.streams.sequences import Sequences
from common.streams.stream import Stream, Window
from common.training.tbptt import TBPTT

TOKENS, CLASSES, FEATURES, UNITS = 9, 3, 4, 4
LANES, WINDOW = 2, 5
# Packed onto two lanes in windows of five with seed 1, epochs 0, 1 and 2 have 8, 9 and 9 windows.
LENGTHS = [2, 2, 3, 12, 12, 2, 2, 2, 2, 2, 12, 2, 3, 2, 3, 9, 1, 3, 2, 2]


def sequences_of(lengths: list[int], seed: int = 0) -> Sequences:
    draw, steps = np.random.default_rng(seed), sum(lengths)
    return Sequences(
        np.array(lengths),
        {"tokens": draw.integers(0, TOKENS, steps).astype(np.int32)},
        targets=draw.integers(0, CLASSES, steps).astype(np.int32),
        weights=draw.integers(1, 4, steps).astype(np.float32),
    )


def shuffled(**options: object) -> Stream:
    return Stream(sequences_of(LENGTHS), LANES, WINDOW, seed=1, **options)


def in_order() -> Stream:
    return Stream.in_order(sequences_of([4, 6, 1, 9, 3], seed=7), LANES, WINDOW)


def network_of(cell: str, kind: str = "last", dropout: float = 0.0, seed: int = 1, **stack: object) -> StreamNetwork:
    return StreamNetwork(
        SumEmbedding((TOKENS,), FEATURES, token_dropout=dropout, seed=seed),
        RecurrentStack(cell, UNITS, recurrent_dropout=dropout, seed=seed, **stack),
        ReadoutHead(Readout(kind), keras.layers.Dense(CLASSES, "softmax"), dropout=dropout, seed=seed),
        dropout=dropout,
        seed=seed,
    )


def model_of(
    cell: str = "gru",
    window: int = WINDOW,
    reach: int | None = None,
    optimizer: keras.optimizers.Optimizer | None = None,
    run_eagerly: bool = False,
    **network: object,
) -> TBPTT:
    """A compiled model whose weights are the same at each call."""
    keras.utils.set_random_seed(3)
    model = TBPTT(network_of(cell, **network), LANES, window, reach=reach)
    draw = np.random.default_rng(4)
    model.set_weights([0.6 * draw.normal(size=w.shape) for w in model.get_weights()])
    model.compile(
        optimizer or keras.optimizers.Adam(0.02),
        "sparse_categorical_crossentropy",
        weighted_metrics=["accuracy"],
        run_eagerly=run_eagerly,
        jit_compile=False,
    )
    model.optimizer.build(model.trainable_variables)
    return model


class Models:
    """Models that tests share with what is traced of them: tracing takes seconds, training a moment."""

    def __init__(self) -> None:
        self.made: dict[tuple, tuple[TBPTT, list[np.ndarray]]] = {}
        self.steps: dict[int, Callable] = {}

    def __call__(self, cell: str = "gru", **options: object) -> TBPTT:
        """The model of these options, as `model_of` makes it. The next call for it sets it back."""
        key = (cell, *sorted(options.items()))
        if key not in self.made:
            model = model_of(cell, **options)
            self.made[key] = model, [v.numpy() for v in everything(model)]
        model, initial = self.made[key]
        for variable, value in zip(everything(model), initial, strict=True):
            variable.assign(value)
        return model

    def step(self, model: TBPTT, window: Window) -> None:
        """A training step of one of these models, without `fit`."""
        if id(model) not in self.steps:
            self.steps[id(model)] = tf.function(model.train_step)
        self.steps[id(model)](tf.nest.map_structure(tf.convert_to_tensor, window))

    def by_hand(self, model: TBPTT, stream: Stream, epochs: int) -> TBPTT:
        """The model after a step for each window of each epoch."""
        for epoch in range(epochs):
            for window in stream.iterate(epoch):
                self.step(model, window)
        return model


def everything(model: TBPTT) -> list[tf.Variable]:
    """All that training changes: weights, optimiser, random numbers, carried states and position."""
    states = [*model.train_state.values, *model.eval_state.values, model.position, model.diverged_at]
    return [variable.value for variable in (*model.variables, *model.optimizer.variables)] + states


def assert_same_weights(
    one: keras.Model | Sequence[np.ndarray], other: keras.Model | Sequence[np.ndarray], tolerance: float = 0.0
) -> None:
    """Compares the weights of models, or weights kept of them."""
    weights = (model.get_weights() if isinstance(model, keras.Model) else model for model in (one, other))
    for a, b in zip(*weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def outputs_alone(network: StreamNetwork, sequences: Sequences) -> list[np.ndarray]:
    """What each sequence gives by itself, in one piece."""
    found = []
    for number, (offset, length) in enumerate(zip(sequences.offsets, sequences.lengths)):
        keep = np.ones((1, length), np.float32)
        keep[0, 0] = 0
        tokens = sequences.inputs["tokens"][None, offset : offset + length]
        window = {"tokens": tokens, "keep": keep, "sequence": np.full((1, length), number, np.int32)}
        found.append(network(window)[0][0].numpy())
    return found
