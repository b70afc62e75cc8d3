"""Graphs of ONNX, with its own RNN, GRU and LSTM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from common.errors import InputError
from common.formats.graph import Graph, weights
from common.formats.twin import Input, Twin

if TYPE_CHECKING:
    from common.layers.recurrent import Recurrent

OPSET, IR = 18, 10
"""Versions of the operations and of the file, which runtimes of the year 2023 and later read."""
TYPES = {"float32": TensorProto.FLOAT, "int32": TensorProto.INT32}
OPERATIONS = {"exp": "Exp", "log": "Log", "sqrt": "Sqrt", "tanh": "Tanh", "relu": "Relu", "sigmoid": "Sigmoid"}
KINDS = {"simple_rnn": "RNN", "gru": "GRU", "lstm": "LSTM", "peephole_lstm": "LSTM"}
GATES = {"RNN": (0,), "GRU": (0, 1, 2), "LSTM": (0, 3, 1, 2)}
"""The gates of Keras in ONNX's order: an LSTM has i, o, f, g there instead of i, f, g, o."""
PEEPHOLES = (0, 2, 1)
"""Its peepholes: i, o, f instead of i, f, o."""


@dataclass(frozen=True)
class Tensor:
    """A tensor of a graph of ONNX.

    Attributes:
        graph: The graph.
        name: Its name there.
        dtype: The name of its type.
    """

    graph: OnnxGraph
    name: str
    dtype: str = "float32"

    def __add__(self, other: Any) -> Tensor:
        return self.graph.pair("Add", self, other)

    def __sub__(self, other: Any) -> Tensor:
        return self.graph.pair("Sub", self, other)

    def __mul__(self, other: Any) -> Tensor:
        return self.graph.pair("Mul", self, other)

    def __truediv__(self, other: Any) -> Tensor:
        return self.graph.pair("Div", self, other)

    def __lt__(self, other: Any) -> Tensor:
        return self.graph.pair("Less", self, other, dtype="bool")


class OnnxGraph(Graph):
    """Collects the nodes and the weights of a graph."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self._arrays: dict[int, tuple[str, np.ndarray]] = {}

    def node(
        self, kind: str, inputs: Sequence[Tensor | str], outputs: int = 1, *, dtype: str = "float32", **attributes: Any
    ) -> Any:
        """Adds a node; returns its output, or a list of them if there are several."""
        names = [f"{kind}_{len(self.nodes)}_{n}" for n in range(outputs)]
        given = [getattr(one, "name", one) for one in inputs]
        self.nodes.append(helper.make_node(kind, given, names, **attributes))
        made = [Tensor(self, name, dtype) for name in names]
        return made if outputs > 1 else made[0]

    def pair(self, kind: str, x: Tensor, y: Any, *, dtype: str | None = None) -> Tensor:
        """Adds a node of two values, of which the second may be a number."""
        return self.node(kind, [x, self._as_tensor(y, x.dtype)], dtype=dtype or x.dtype)

    def _as_tensor(self, value: Any, dtype: str) -> Tensor:
        return value if isinstance(value, Tensor) else self.constant(np.array(value, dtype))

    def _axes(self, *axes: int) -> Tensor:
        return self.constant(np.array(axes, np.int64))

    @property
    def constants(self) -> list[onnx.TensorProto]:
        """The constants."""
        return [numpy_helper.from_array(array, name) for name, array in self._arrays.values()]

    def constant(self, array: np.ndarray) -> Tensor:
        name, _ = self._arrays.setdefault(id(array), (f"constant_{len(self._arrays)}", array))
        return Tensor(self, name, array.dtype.name)

    def gather(self, table: Tensor, numbers: Tensor) -> Tensor:
        return self.node("Gather", [table, numbers], dtype=table.dtype)

    def matmul(self, x: Tensor, matrix: Tensor, *, transposed: bool = False) -> Tensor:
        return self.node("MatMul", [x, self.node("Transpose", [matrix], perm=[1, 0]) if transposed else matrix])

    def product(self, x: Tensor, y: Tensor, *, transposed: bool = False) -> Tensor:
        return self.node("MatMul", [x, self.node("Transpose", [y], perm=[0, 2, 1]) if transposed else y])

    def convolution(self, x: Tensor, kernel: Tensor, stride: int) -> Tensor:
        x, kernel = self.node("Transpose", [x], perm=[0, 3, 1, 2]), self.node("Transpose", [kernel], perm=[3, 2, 0, 1])
        found = self.node("Conv", [x, kernel], strides=[stride, stride], auto_pad="SAME_UPPER")
        return self.node("Transpose", [found], perm=[0, 2, 3, 1])

    def concat(self, values: Sequence[Tensor], axis: int) -> Tensor:
        return self.node("Concat", values, axis=axis, dtype=values[0].dtype) if len(values) > 1 else values[0]

    def split(self, x: Tensor, sizes: Sequence[int], axis: int) -> list[Tensor]:
        if len(sizes) == 1:
            return [x]
        return self.node("Split", [x, self._axes(*sizes)], len(sizes), axis=axis, dtype=x.dtype)

    def pick(self, x: Tensor, place: int, axis: int) -> Tensor:
        return self.node("Gather", [x, self.constant(np.array(place, np.int64))], axis=axis, dtype=x.dtype)

    def sum(self, x: Tensor, axis: int, *, keep: bool = False) -> Tensor:
        return self.node("ReduceSum", [x, self._axes(axis)], keepdims=int(keep), dtype=x.dtype)

    def max(self, x: Tensor, axis: int) -> Tensor:
        return self.node("ReduceMax", [x, self._axes(axis)], keepdims=0, dtype=x.dtype)

    def where(self, condition: Tensor, x: Tensor, y: Tensor | float) -> Tensor:
        return self.node("Where", [condition, x, self._as_tensor(y, x.dtype)], dtype=x.dtype)

    def maximum(self, x: Tensor, y: Tensor | float) -> Tensor:
        return self.pair("Max", x, y)

    def unary(self, name: str, x: Tensor) -> Tensor:
        return self.node(OPERATIONS[name], [x])

    def softmax(self, x: Tensor) -> Tensor:
        return self.node("Softmax", [x], axis=-1)

    def log_softmax(self, x: Tensor) -> Tensor:
        return self.node("LogSoftmax", [x], axis=-1)

    def recurrence(
        self, layer: Recurrent, x: Tensor, state: Sequence[Tensor] | None, *, backward: bool = False
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        first = [self.node("Unsqueeze", [one, self._axes(0)]) for one in state] if state else [""] * layer.kind.states
        hidden, *after = self._recurrence(layer, x, ["", *first], backward=backward)
        outputs = self.node("Transpose", [self.node("Squeeze", [hidden, self._axes(1)])], perm=[1, 0, 2])
        return outputs, tuple(self.node("Squeeze", [one, self._axes(0)]) for one in after)

    def last(self, layer: Recurrent, x: Tensor, lengths: Tensor, *, backward: bool = False) -> Tensor:
        first = [""] * layer.kind.states
        _, hidden, *_ = self._recurrence(layer, x, [lengths, *first], backward=backward)
        return self.node("Squeeze", [hidden, self._axes(0)])

    def reshape(self, x: Tensor, shape: Sequence[int]) -> Tensor:
        return self.node("Reshape", [x, self._axes(*shape)], dtype=x.dtype)

    def expand(self, x: Tensor, axis: int) -> Tensor:
        return self.node("Unsqueeze", [x, self._axes(axis)], dtype=x.dtype)

    def _recurrence(self, layer: Recurrent, x: Tensor, more: Sequence[Tensor | str], *, backward: bool) -> list[Tensor]:
        """Adds a node of a recurrence; `more` are its lengths and the state, each "" where there is none."""
        kind = KINDS.get(layer.cell)
        if kind is None:
            raise InputError(f"export: ONNX has no recurrence of {layer.cell}; give --format litert")
        kernel, recurrent, bias, *peepholes = weights(layer.keras_cell)
        given = [np.ascontiguousarray(_ordered(kind, matrix).T)[None] for matrix in (kernel, recurrent)]
        of_inputs, of_states = bias if bias.ndim == 2 else (bias, np.zeros_like(bias))
        given.append(np.concatenate([_ordered(kind, of_inputs), _ordered(kind, of_states)])[None])
        ordered = [np.concatenate([one[n] for n in PEEPHOLES])[None] for one in peepholes]
        steps = self.node("Transpose", [x], perm=[1, 0, 2])
        activation = OPERATIONS[layer.activation]
        functions = {"RNN": [activation], "GRU": ["Sigmoid", activation], "LSTM": ["Sigmoid", activation, activation]}
        return self.node(
            kind,
            [steps, *map(self.constant, given), *more, *map(self.constant, ordered)],
            1 + layer.kind.states,
            hidden_size=layer.units,
            direction="reverse" if backward else "forward",
            activations=functions[kind],
            **({"linear_before_reset": 1} if kind == "GRU" else {}),
        )


def _ordered(kind: str, weights: np.ndarray) -> np.ndarray:
    """Weights of gates, `[..., gates * units]`, from the order of Keras to that of ONNX."""
    parts = np.split(weights, len(GATES[kind]), -1)
    return np.concatenate([parts[n] for n in GATES[kind]], -1)


def converted(twin: Twin) -> bytes:
    """A twin as a file of ONNX; the first axis of its inputs may have any size."""
    graph = OnnxGraph()
    found = twin.function(graph, **{one.name: Tensor(graph, one.name, one.dtype) for one in twin.inputs})
    for name, value in found.items():
        graph.nodes.append(helper.make_node("Identity", [value.name], [name]))
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, twin.outputs[name]) for name in found]
    made = helper.make_graph(graph.nodes, "network", [_described(one) for one in twin.inputs], outputs, graph.constants)
    versions = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(made, opset_imports=versions, ir_version=IR)
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


def _described(one: Input) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(one.name, TYPES[one.dtype], one.shape)
