"""The signatures of a SavedModel, as its file describes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import tensorflow as tf
from google.protobuf.json_format import MessageToDict

STATE = "state"
"""The input and output that carries a stream on."""
DEFAULT = "serving_default"
DEFINITION = "signature_def"


@dataclass(frozen=True)
class Tensor:
    """An input or output.

    Attributes:
        name: The name in the signature.
        node: The name in the graph.
        dtype: The type of the values.
        shape: The size of each axis, None where it is unknown; None if the number of axes is unknown.
        axes: The name of each axis, an empty string if it has none, see `common.serving.export.Endpoint`.
    """

    name: str
    node: str
    dtype: tf.DType
    shape: tuple[int | None, ...] | None
    axes: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str, info: Any) -> Tensor:
        """The tensor that a `TensorInfo` describes."""
        described, dtype = info.tensor_shape, tf.dtypes.as_dtype(info.dtype) if info.dtype else tf.variant
        if described.unknown_rank:
            return cls(name, info.name, dtype, None)
        shape = tuple(None if one.size < 0 else one.size for one in described.dim)
        return cls(name, info.name, dtype, shape, tuple(one.name for one in described.dim))

    @property
    def has_rows(self) -> bool:
        """Whether the first axis has any size, so that it may be that of rows."""
        return bool(self.shape) and self.shape[0] is None

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Whether a value of this shape can be given."""
        if self.shape is None:
            return True
        return len(shape) == len(self.shape) and all(own in (None, n) for own, n in zip(self.shape, shape))


@dataclass(frozen=True)
class Signature:
    """A function of a SavedModel.

    Attributes:
        name: The name by which a request chooses it.
        method: The kind of function, such as `tensorflow/serving/predict`.
        inputs: The inputs, by name.
        outputs: The outputs, by name.
    """

    name: str
    method: str
    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]

    @classmethod
    def of(cls, name: str, definition: Any) -> Signature:
        """The signature that a `SignatureDef` describes."""
        inputs, outputs = (
            {tensor: Tensor.of(tensor, side[tensor]) for tensor in sorted(side)}
            for side in (definition.inputs, definition.outputs)
        )
        return cls(name, definition.method_name, inputs, outputs)


def metadata_of(definitions: Any) -> dict[str, Any]:
    """The signatures as the JSON of TensorFlow Serving's `/metadata` has them.

    Args:
        definitions: The map from names to `SignatureDef` of a SavedModel.
    """
    found = {
        name: MessageToDict(definition, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
        for name, definition in sorted(definitions.items())
    }
    return {DEFINITION: {DEFINITION: found}}
