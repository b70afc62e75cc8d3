"""A network as a SavedModel that takes raw input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.serving.asking import Record, answered

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class Endpoint:
    """A function for serving.

    Attributes:
        function: The function, from tensors to a dictionary of tensors.
        signature: The inputs of the function.
    """

    function: Callable[..., dict[str, tf.Tensor]]
    signature: list[tf.TensorSpec]


@dataclass(frozen=True)
class Export:
    """What a SavedModel holds.

    Attributes:
        endpoints: The endpoints by name; `serving_default` is among them.
        resources: The layers that the endpoints use; their variables and tables go into the SavedModel.
    """

    endpoints: dict[str, Endpoint]
    resources: list[Any]

    def ask(
        self, records: Sequence[Record], signature: str = "serving_default", *, what: str = "predicting", **shared: Any
    ) -> list[Record]:
        """Answers records as the saved model will; arguments and returns are those of `SavedModel.ask`."""
        endpoint = self.endpoints[signature]
        inputs = {spec.name: spec for spec in endpoint.signature}
        return answered(endpoint.function, inputs, records, what=what, **shared)


def save(export: Export, folder: Path) -> None:
    """Writes a SavedModel. It answers only, so it holds no gradients."""
    import keras
    import tensorflow as tf

    archive = keras.export.ExportArchive()
    for resource in export.resources:
        archive.track(resource)
    for name, endpoint in export.endpoints.items():
        function = tf.function(endpoint.function, input_signature=endpoint.signature, autograph=False)
        # Saving traces each endpoint again. A concrete function is a single operation of it.
        archive.add_endpoint(name, function.get_concrete_function(), endpoint.signature)
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    archive.write_out(str(folder), options=options, verbose=False)
