"""The twin of the encoder of pictures, and what examples need to read a picture."""

from __future__ import annotations

import keras
import numpy as np

from common.formats import layers
from common.formats.graph import Graph, Value, numbers, weights
from common.formats.twin import BATCH, Input
from common.layers.pictures import PictureEncoder, Summary

READ = """\
picture = Image.open(sys.argv[1]).convert("RGB").resize([vocabulary["size"]] * 2, Image.Resampling.BILINEAR)
picture = np.asarray(picture, np.float32)[None]
"""
"""Lines of an example: the picture whose file is named first, as the network reads it."""
NEEDS = "pillow"
"""The package of Python that these lines need."""


def picture_of(encoder: PictureEncoder) -> Input:
    """The input for an encoder: pictures with values from 0 to 255."""
    return Input("picture", (BATCH, encoder.size, encoder.size, 3))


def trials(size: int, many: int) -> np.ndarray:
    """Pictures made up, coarse enough for a network to see something, uint8 `[many, size, size, 3]`."""
    coarse = np.random.default_rng(0).integers(0, 256, (many, 8, 8, 3), np.uint8)
    places = np.arange(size) * 8 // size
    return coarse[:, places][:, :, places]


def grid(graph: Graph, encoder: PictureEncoder, picture: Value) -> Value:
    """The twin of `PictureEncoder`, `[batch, cells, width]`."""
    x = _convolved(graph, encoder.patches, picture * (1 / 127.5) - 1.0)
    x = graph.unary("relu", _normalised(graph, encoder.norms[0], x))
    for n in range(encoder.blocks):
        first, second = encoder.convolutions[2 * n : 2 * n + 2]
        y = graph.unary("relu", _normalised(graph, encoder.norms[2 * n + 1], _convolved(graph, first, x)))
        y = _normalised(graph, encoder.norms[2 * n + 2], _convolved(graph, second, y))
        x = graph.unary("relu", y + (x if n else _convolved(graph, encoder.shortcut, x)))
    cells = graph.reshape(x, (-1, encoder.rows * encoder.columns, encoder.width))
    return cells + graph.constant(numbers(encoder.places))


def _convolved(graph: Graph, layer: keras.layers.Conv2D, x: Value) -> Value:
    kernel, bias = map(graph.constant, weights(layer))
    return graph.convolution(x, kernel, layer.strides[0]) + bias


def _normalised(graph: Graph, layer: keras.layers.LayerNormalization, x: Value) -> Value:
    scale, offset = weights(layer)
    share = 1 / len(scale)
    x = x - graph.sum(x, 3, keep=True) * share
    variance = graph.sum(x * x, 3, keep=True) * share
    return x / graph.unary("sqrt", variance + layer.epsilon) * graph.constant(scale) + graph.constant(offset)


def summarised(graph: Graph, layer: Summary, x: Value, *, cells: int) -> Value:
    """The twin of `Summary` for grids of so many cells, all of which count: `[batch, 2 * units]`."""
    x = layers.dense(graph, layer.layer, x)
    return graph.concat([graph.sum(x, 1) * (1 / cells), graph.max(x, 1)], 1)
