"""Imports TensorFlow for a command: quickly, and without the lines that its libraries print meanwhile."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from common import interrupts

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")


def import_tensorflow() -> None:
    """Imports TensorFlow alone; Keras follows where a module of this suite imports it."""
    with interrupts.working(at_once=True), discarding_errors(), _without_keras(), _without_collections():
        import tensorflow
        from absl import logging
    tensorflow.get_logger().setLevel("ERROR")
    logging.set_verbosity(logging.ERROR)


@contextmanager
def discarding_errors() -> Iterator[None]:
    """Discards what libraries print to standard error where no log level keeps them from it."""
    terminal, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)
        os.close(nowhere)


@contextmanager
def _without_keras() -> Iterator[None]:
    """Keeps TensorFlow from importing Keras, and with it scikit-learn, pandas and Matplotlib.

    TensorFlow ends with an import of this module and does without where there is none. A saved model needs no Keras.
    """
    last = "keras.src.optimizers"
    if last in sys.modules:
        yield
        return
    sys.modules[last] = None  # Import then fails, see "The module cache" in Python's reference.
    try:
        yield
    finally:
        del sys.modules[last]


@contextmanager
def _without_collections() -> Iterator[None]:
    """Pauses the garbage collector: imports make 400,000 objects, and next to no garbage."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.freeze()
