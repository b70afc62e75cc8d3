"""What a training needs before its first step: options that suit the data, streams, and a compiled model."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

import keras
import tensorflow as tf

from common.errors import InputError, counted
from common.layers.recurrent import Recurrent
from common.networks.network import Learner, Network
from common.options import PrecisionName, TrainOptions, fitting_lanes, fitting_passes
from common.reports import console
from common.sources.splits import SPLITS
from common.streams import Sequences, Stream
from common.training.optimiser import LazyAdam
from common.training.tbptt import TBPTT

if TYPE_CHECKING:
    from tasks.base import Task

Streams = dict[str, Stream]
OF_PRODUCTS: dict[PrecisionName, str | None] = {"float32": None, "mixed_bfloat16": "bfloat16"}
STEPS_THAT_REPAY_XLA = 500
"""XLA saves 5 to 50 ms a step on two cores, and compiles for 2 to 8 s."""


def streams_of(sequences: Mapping[str, Sequences], options: TrainOptions) -> Streams:
    """The streams of the splits: training shuffled, the others in order.

    Raises:
        InputError: There are fewer training sequences than lanes.
    """
    lanes, whole = options.batch_size, options.bidirectional
    train = sequences["train"].filling(lanes)
    if len(train) < lanes:
        raise InputError(
            f"--batch-size {lanes}: training has only {counted(len(train), 'sequence')}; give {len(train)} or less"
        )
    rest = {
        split: Stream.in_order(own, lanes, options.window, whole=whole)
        for split, own in sequences.items()
        if split != "train"
    }
    return {"train": _train_stream(sequences["train"], options)} | rest


def _train_stream(train: Sequences, options: TrainOptions) -> Stream:
    return Stream(
        train.filling(options.batch_size),
        options.batch_size,
        options.window,
        reach=options.reach,
        whole=options.bidirectional,
        passes=options.passes or 1,
        seed=options.seed,
    )


def fitted_to(train: Sequences, options: TrainOptions) -> TrainOptions:
    """The options with the lanes and the passes of an epoch that suit the training data, where they are not given."""
    lanes = options.batch_size
    if lanes is None:
        lanes = fitting_lanes(options.lanes, train.steps, window=options.window, most=train.most_lanes())
    options = replace(options, batch_size=lanes)
    if options.passes is None and len(train.filling(lanes)) >= lanes:
        options = replace(options, passes=fitting_passes(_train_stream(train, replace(options, passes=1)).windows()))
    return options


def prepared(task: Task) -> Streams:
    """Fits the options of a loaded task to its data, and makes its streams."""
    sequences = {split: task.sequences(split) for split in SPLITS}
    task.options = fitted_to(sequences["train"], task.options)
    return streams_of(sequences, task.options)


def repays_xla(stream: Stream, epochs: int) -> bool:
    """Whether a training has enough steps to gain more by XLA than compiling takes."""
    return stream.windows() * epochs >= STEPS_THAT_REPAY_XLA


def step_size(stream: Stream, options: TrainOptions) -> keras.optimizers.schedules.LearningRateSchedule:
    """How the step size falls over a training on the stream."""
    schedules = keras.optimizers.schedules
    if options.schedule == "linear":
        return schedules.PolynomialDecay(options.learning_rate, stream.windows() * options.epochs, 0.0)
    return schedules.InverseTimeDecay(options.learning_rate, stream.windows(), options.decay)


def compiled(
    make: Callable[[], Learner],
    stream: Stream,
    options: TrainOptions,
    *,
    strategy: tf.distribute.Strategy | None = None,
) -> tuple[Learner, TBPTT]:
    """A learner and its model, which is ready to train on the stream.

    Args:
        make: Makes the learner.
        stream: What it trains on.
        options: How.
        strategy: TensorFlow's strategy; None is one device.

    Raises:
        InputError: There are fewer lanes than devices.
    """
    xla = repays_xla(stream, options.epochs) if options.xla is None else options.xla
    if strategy is not None and options.batch_size < strategy.num_replicas_in_sync:
        devices = strategy.num_replicas_in_sync
        raise InputError(f"--batch-size {options.batch_size}: fewer lanes than devices; give {devices} or more")
    with strategy.scope() if strategy is not None else nullcontext():
        learner = make()
        learner.network.build()
        compute_in(learner.network, options.precision)
        optimizer = LazyAdam(
            step_size(stream, options),
            **_gradually(learner, stream),
            weight_decay=options.weight_decay or None,
            global_clipnorm=options.clip_norm if math.isfinite(options.clip_norm) else None,
        )
        optimizer.build(learner.network.trainable_variables)
    window = {"reach": options.reach, "xla": xla, "strategy": strategy}
    model = TBPTT(learner.network, options.batch_size, options.window, **window)
    model.compile(
        optimizer,
        loss=learner.loss,
        weighted_metrics=list(learner.metrics),
        jit_compile=False,
        # Keras's loop over steps fails under a strategy.
        steps_per_execution=options.steps_per_execution if strategy is None else 1,
    )
    return learner, model


def compute_in(network: Network, precision: PrecisionName) -> None:
    """Sets the precision of a network's products with recurrent weights and with the vectors of a vocabulary."""
    for layer in network._flatten_layers():  # Public, Keras has nothing that finds layers in lists.
        if isinstance(layer, (Recurrent, Network)):
            layer.precision = OF_PRODUCTS[precision]


SLOWER = 2.6
"""So many times smaller is the step size of a layer that knows something than that of the layer above it (Howard &
Ruder 2018, section 3.2)."""


def _gradually(learner: Learner, stream: Stream) -> dict[str, list]:
    """The arguments of `LazyAdam` that train the layers of a learner one after another."""
    if not learner.gradually:
        return {}
    groups = enumerate(learner.gradually)
    depth = {id(v): n for n, layers in groups for layer in layers for v in layer.trainable_variables}
    depths = [depth.get(id(variable), 0) for variable in learner.network.trainable_variables]
    return {"factors": [SLOWER**-n for n in depths], "starts": [n * stream.windows() for n in depths]}


def verbosity() -> int:
    """Keras's `verbose` argument: a progress bar in a terminal, one line per epoch elsewhere."""
    return 1 if console.is_terminal else 2
