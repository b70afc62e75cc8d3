"""TensorFlow without the lines that its libraries print while it is imported."""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")


def import_tensorflow() -> None:
    """Imports TensorFlow, discarding what its libraries print before their log levels take effect."""
    terminal, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        import tensorflow
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)
        os.close(nowhere)
    tensorflow.get_logger().setLevel("ERROR")
