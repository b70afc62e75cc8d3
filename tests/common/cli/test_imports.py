"""TensorFlow is imported alone, and Keras works after it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def printed(script: str) -> list[str]:
    """The words that a script prints in a process of its own."""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_tensorflow_comes_without_keras_and_keras_works_after_it() -> None:
    script = """
import gc, sys
from common.cli.imports import import_tensorflow
import_tensorflow()
print([name for name in ("keras", "sklearn", "pandas", "matplotlib") if name in sys.modules], gc.isenabled())
import keras, tensorflow as tf
print(keras.optimizers.Adam is tf.keras.optimizers.Adam)
"""
    assert printed(script) == ["[]", "True", "True"]


def test_keras_that_was_there_stays() -> None:
    script = """
import keras, sys
before = sys.modules["keras.src.optimizers"]
from common.cli.imports import import_tensorflow
import_tensorflow()
print(sys.modules["keras.src.optimizers"] is before)
"""
    assert printed(script) == ["True"]
