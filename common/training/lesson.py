"""A training that comes before a task's own: its network teaches the task's what it has learned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import keras

from common import interrupts
from common.networks.network import Learner, Network
from common.options import TrainOptions
from common.reports import say
from common.streams import Sequences
from common.training.checkpoints import LESSON, numbers
from common.training.preparing import compiled, fitted_to, streams_of, verbosity
from common.training.unfinished import UnfinishedRun


class Lesson(NamedTuple):
    """A training before a task's own.

    Attributes:
        title: What is learned, in a few words.
        learner: The network that learns it.
        sequences: The sequences of `"train"` and `"validation"`.
        options: How it is trained; the epoch with the lowest validation loss counts.
        teach: Gives what the network knows to the task's fresh network.
    """

    title: str
    learner: Learner
    sequences: Mapping[str, Sequences]
    options: TrainOptions
    teach: Callable[[Network], None]


def learn(lesson: Lesson, folder: Path, *, resume: bool, callbacks: tuple[keras.callbacks.Callback, ...] = ()) -> None:
    """Trains the network of a lesson, or goes on where a run was stopped.

    Args:
        lesson: The lesson.
        folder: The folder of its run.
        resume: Whether to go on with what is in the folder.
        callbacks: Further callbacks.
    """
    say(f"first: {lesson.title}")
    options = fitted_to(lesson.sequences["train"], lesson.options)
    streams = streams_of(lesson.sequences, options)
    model = compiled(lesson.learner, streams["train"], options)
    run = UnfinishedRun(
        folder / LESSON,
        "val_loss",
        higher_is_better=False,
        patience=options.epochs,
        every=options.checkpoint_every,
        share=options.checkpoint_share,
    )
    first = run.open(model, resume and bool(numbers(folder / LESSON)))
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
