"""A network as a SavedModel that takes raw input."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.serving.asking import Record, answered

if TYPE_CHECKING:
    import tensorflow as tf

    from common.networks.network import Network


FILES = "files"
"""The name of the first axis of an input whose strings are the bytes of files, which have no characters to limit."""


@dataclass(frozen=True)
class Endpoint:
    """A function for serving.

    Attributes:
        function: The function, from tensors to a dictionary of tensors.
        signature: The inputs of the function.
        axes: The names of all axes of inputs and outputs, by the name of the tensor, for those with an axis of unknown
            size besides the first. Axes of one name have one size. If an output of strings has an axis that no input
            has, then its size is that of the longest row, and shorter rows are padded with empty strings, and zeros in
            outputs of numbers. A server that joins requests cuts such an axis to the rows of each request.
    """

    function: Callable[..., dict[str, tf.Tensor]]
    signature: list[tf.TensorSpec]
    axes: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @cached_property
    def traced(self) -> tf.types.experimental.PolymorphicFunction:
        """The function as a graph; one that is a graph already is not traced again."""
        import tensorflow as tf

        if isinstance(self.function, tf.types.experimental.PolymorphicFunction):
            return self.function
        return tf.function(self.function, input_signature=self.signature, autograph=False)


@dataclass(frozen=True)
class Export:
    """What a SavedModel holds.

    Attributes:
        endpoints: The endpoints by name; `serving_default` is among them.
        resources: The layers that the endpoints use; their variables and tables go into the SavedModel.
        network: The network among them, for other runtimes, see `common.serving.structure`; it has all the variables.
            None where other runtimes cannot have it.
        vocabulary: What they need besides, such as names of tokens, as JSON has it.
    """

    endpoints: dict[str, Endpoint]
    resources: list[Any]
    network: Network | None = None
    vocabulary: Mapping[str, Any] = field(default_factory=dict)

    def ask(
        self, records: Sequence[Record], signature: str = "serving_default", *, what: str = "predicting", **shared: Any
    ) -> list[Record]:
        """Answers records as the saved model will; arguments and returns are those of `SavedModel.ask`."""
        endpoint = self.endpoints[signature]
        inputs = {spec.name: spec for spec in endpoint.signature}

        def function(**given: tf.Tensor) -> dict[str, tf.Tensor]:
            return endpoint.function(*(given[name] for name in inputs))

        return answered(function, inputs, records, what=what, **shared)


def save(export: Export, folder: Path) -> None:
    """Writes a SavedModel. It answers only, so it holds no gradients."""
    import tensorflow as tf

    module = tf.Module()
    module.weights = [] if export.network is None else _values(export.network)  # `SavedModel.variables`.
    # What a layer has besides its variables would be copied as well; one without variables is a table.
    module.resources = [_values(resource) or resource for resource in export.resources]
    signatures = {name: endpoint.traced.get_concrete_function() for name, endpoint in export.endpoints.items()}
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    tf.saved_model.save(module, str(folder), signatures=signatures, options=options)
    name_axes(folder, {name: endpoint.axes for name, endpoint in export.endpoints.items()})


def _values(resource: Any) -> list[tf.Variable]:
    """The variables of a layer as TensorFlow's own: a session restores no others."""
    return [variable.value for variable in getattr(resource, "variables", [])]


def name_axes(folder: Path, names: Mapping[str, Mapping[str, Sequence[str]]]) -> None:
    """Writes the names of axes into a SavedModel, whose descriptions of tensors have a place for them.

    Args:
        folder: The SavedModel.
        names: For each signature the names of all axes of inputs and outputs, by the name of the tensor.

    Raises:
        ValueError: A tensor has another number of axes than names.
    """
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel
    from tensorflow.python.saved_model import fingerprinting_utils

    path, model = folder / "saved_model.pb", SavedModel()
    model.ParseFromString(path.read_bytes())
    for signature, tensors in names.items():
        definition = model.meta_graphs[0].signature_def[signature]
        for side in (definition.inputs, definition.outputs):
            for tensor in side.keys() & tensors.keys():
                for dimension, axis in zip(side[tensor].tensor_shape.dim, tensors[tensor], strict=True):
                    dimension.name = axis
    path.write_bytes(model.SerializeToString(deterministic=True))
    fingerprinting_utils.write_fingerprint(str(folder))  # It has a hash of the signatures.
