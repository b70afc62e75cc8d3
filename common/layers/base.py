"""What every layer here shares: registration, a configuration made from its constructor, shapes."""

from __future__ import annotations

import inspect
from typing import Any, Self

import keras
import tensorflow as tf

register = keras.saving.register_keras_serializable("sequence_suite")


class Configured:
    """A Keras object whose configuration is the arguments of its constructor, each kept as an attribute of that name.

    Stands before the Keras class among the bases. Arguments that are Keras objects themselves, such as layers, are
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


def shape_of(x: tf.Tensor) -> list[Any]:
    """The shape of a tensor, as numbers where they are known."""
    dynamic = tf.shape(x)
    return [dynamic[n] if size is None else size for n, size in enumerate(x.shape)]


def under_xla(wanted: bool, inputs: tf.Tensor) -> bool:
    """XLA needs a graph and a known batch; it compiles anew for each length met. `inputs [batch, time, ...]`."""
    return wanted and inputs.shape[0] is not None and not tf.executing_eagerly()
