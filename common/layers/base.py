"""What all layers share: a configuration made from the constructor, seeded weights, shapes."""

from __future__ import annotations

import inspect
from typing import Any, Self

import keras
import tensorflow as tf

from common.cells.cell import register as register


class Configured:
    """A Keras object whose configuration is the arguments of its constructor, each an attribute of the same name.

    Name it before the Keras class among the bases. Arguments that are Keras objects themselves, such as layers, are
    serialised with their own configuration.

    Example:

    ```python
    @register
    class Scale(Configured, keras.layers.Layer):
        def __init__(self, factor: float, **kwargs):
            super().__init__(**kwargs)
            self.factor = factor
    ```
    """

    def get_config(self) -> dict[str, Any]:
        kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        parameters = inspect.signature(type(self).__init__).parameters.values()
        arguments = {p.name: getattr(self, p.name) for p in parameters if p.kind in kinds and p.name != "self"}
        return super().get_config() | {
            name: keras.saving.serialize_keras_object(v) if hasattr(v, "get_config") else v
            for name, v in arguments.items()
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        def revived(value: Any) -> Any:
            nested = isinstance(value, dict) and "class_name" in value
            return keras.saving.deserialize_keras_object(value) if nested else value

        return cls(**{name: revived(value) for name, value in config.items()})


def dense(units: int, *, seed: int, **options: Any) -> keras.layers.Dense:
    """A dense layer with an initial kernel fixed by a seed; the options are those of `keras.layers.Dense`."""
    return keras.layers.Dense(units, kernel_initializer=keras.initializers.GlorotUniform(seed), **options)


def shape_of(x: tf.Tensor) -> list[Any]:
    """The shape of a tensor, as numbers where they are known."""
    dynamic = tf.shape(x)
    return [dynamic[n] if size is None else size for n, size in enumerate(x.shape)]
