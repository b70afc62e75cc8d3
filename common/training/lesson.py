"""A training that comes before a task's own: its network teaches the task's what it has learned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from common import interrupts
from common.networks.network import Learner, Network
from common.options import TrainOptions
from common.reports import say
from common.streams import Sequences
from common.training.preparing import compiled, fitted_to, streams_of, verbosity
from common.training.unfinished import UnfinishedRun


class Lesson(NamedTuple):
    """A training before a task's own.

    Attributes:
        title: What is learned, in a few words.
        learner: Makes the network that learns it.
        sequences: The sequences of `"train"` and `"validation"`.
        options: How it is trained; the epoch with the lowest validation loss counts.
        teach: Gives the task's fresh network what that network has learned: `teach(fresh, learned)`.
    """

    title: str
    learner: Callable[[], Learner]
    sequences: Mapping[str, Sequences]
    options: TrainOptions
    teach: Callable[[Network, Network], Any]


def learn(
    lesson: Lesson,
    folder: Path,
    *,
    resume: bool,
    callbacks: tuple[keras.callbacks.Callback, ...] = (),
    strategy: tf.distribute.Strategy | None = None,
) -> Network:
    """The network of a lesson, trained; it goes on where a run was stopped.

    Args:
        lesson: The lesson.
        folder: The folder of its checkpoints, see `common.training.folders.lesson_folder`.
        resume: Whether to go on with what is in the folder.
        callbacks: Further callbacks.
        strategy: TensorFlow's strategy; None is one device.
    """
    say(f"before the task itself: {lesson.title}")
    options = fitted_to(lesson.sequences["train"], lesson.options)
    streams = streams_of(lesson.sequences, options)
    learner, model = compiled(lesson.learner, streams["train"], options, strategy=strategy)
    run = UnfinishedRun(
        folder,
        "val_loss",
        higher_is_better=False,
        patience=options.epochs,
        every=options.checkpoint_every,
        share=options.checkpoint_share,
    )
    first = run.open(model, resume)
    if first < options.epochs:
        with interrupts.asking():
            model.fit(
                streams["train"],
                validation_data=streams["validation"],
                epochs=options.epochs,
                initial_epoch=first,
                callbacks=[run, *callbacks],
                verbose=verbosity(),
            )
    run.restore_best()
    return learner.network
