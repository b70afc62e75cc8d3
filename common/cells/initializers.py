"""Initialisers of recurrent weights, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from common.cells.names import InitializerName


def initializer(name: InitializerName, seed: int) -> Callable[..., Any]:
    """Initial recurrent weights, `[units, gates * units]`.

    The identity with ReLU is that of Le, Jaitly & Hinton 2015, "A Simple Way to Initialize Recurrent Networks of
    Rectified Linear Units".
    """
    if name == "orthogonal":
        return keras.initializers.Orthogonal(seed=seed)
    if name == "glorot_uniform":
        return keras.initializers.GlorotUniform(seed)
    return identity_of_each_gate


def identity_of_each_gate(shape: tuple[int, int], dtype: Any = None) -> Any:
    """The identity once for each gate, `[units, gates * units]`."""
    units, width = shape
    return keras.ops.tile(keras.ops.eye(units, dtype=dtype), (1, width // units))
