"""Pictures: from files and of any size, and to grids of features."""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf

from common.cells.seeds import seed_for
from common.layers.base import Configured, dense, register

PATCH, STRIDE = 8, 4
"""Side and distance of the patches that the first convolution reads; each block after it may halve the grid."""
IMAGE = tf.TensorSpec([None], tf.string, "image")
PIXELS = tf.TensorSpec([None, None, None, 3], tf.uint8, "pixels")
"""The inputs of a saved model that takes pictures as files' bytes, and as pixels."""


def opened(image: tf.Tensor, size: int) -> tf.Tensor:
    """Pictures in files' bytes, PNG, JPEG, BMP or GIF, string `[N]`, as `resized` has them."""

    def one(content: tf.Tensor) -> tf.Tensor:
        pixels = tf.io.decode_image(content, channels=3, expand_animations=False)
        return resized(pixels[None], size)[0]

    return tf.map_fn(one, image, fn_output_signature=tf.TensorSpec([size, size, 3], tf.uint8))


def resized(pixels: tf.Tensor, size: int) -> tf.Tensor:
    """Pictures, uint8 `[N, height, width, 3]`, stretched to squares, `[N, size, size, 3]`."""
    # A batch of no pictures may have no pixels, which cannot be resized.
    some = tf.maximum(1 - tf.shape(pixels)[1:3], 0)
    pixels = tf.pad(pixels, [[0, 0], [0, some[0]], [0, some[1]], [0, 0]])
    found = tf.image.resize(pixels, (size, size), antialias=True)
    return tf.cast(tf.clip_by_value(tf.round(found), 0, 255), tf.uint8)


def one_or_more(pictures: tf.Tensor) -> tf.Tensor:
    """Pictures `[N, size, size, 3]`, and a black one where there is none: some processors' convolutions need one."""
    return tf.pad(pictures, [[0, tf.maximum(1 - tf.shape(pictures)[0], 0)], [0, 0], [0, 0], [0, 0]])


def rows_of(size: int) -> int:
    """Rows of the grid, and columns, of pictures of so many pixels a side."""
    return math.ceil(math.ceil(size / STRIDE) / 2)


@register
class PictureEncoder(Configured, keras.layers.Layer):
    """A small residual network from pictures to a grid of features, one cell for each 8 by 8 pixels.

    Patches that overlap, as the first layer of a vision transformer has them, then residual blocks of two convolutions
    (He et al. 2016, "Deep Residual Learning for Image Recognition"). Normalisation is over the features of a cell (Ba,
    Kiros & Hinton 2016, "Layer Normalization"), so a picture's features depend on no other picture. A vector is added
    to each cell, by which what reads the grid knows where the cell is.

    Args:
        size: Pixels of a side.
        width: Features of a cell.
        blocks: Residual blocks; the first halves the grid.
        spread: Standard deviation of the vectors of cells at first.
        seed: Fixes the initial weights.

    Call arguments:
        pictures: uint8 `[pictures, size, size, 3]`.

    Returns:
        `[pictures, rows * columns, width]`, row by row.
    """

    def __init__(
        self, size: int, width: int = 64, *, blocks: int = 2, spread: float = 0.1, seed: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.size = size
        self.width = width
        self.blocks = blocks
        self.spread = spread
        self.seed = seed
        self.patches = self._convolution(max(width // 2, 1), PATCH, STRIDE, name="patches")
        self.norms = [keras.layers.LayerNormalization(name=f"norm_{n}") for n in range(2 * blocks + 1)]
        self.convolutions = [
            self._convolution(width, 3, 2 if n == 0 else 1, name=f"convolution_{n}") for n in range(2 * blocks)
        ]
        self.shortcut = self._convolution(width, 1, 2, name="shortcut")

    def _convolution(self, width: int, side: int, stride: int, *, name: str) -> keras.layers.Layer:
        start = keras.initializers.HeNormal(seed_for(self.seed, name))
        return keras.layers.Conv2D(width, side, stride, padding="same", kernel_initializer=start, name=name)

    @property
    def rows(self) -> int:
        """Rows of the grid, and columns."""
        return rows_of(self.size)

    columns = rows

    @property
    def spec(self) -> tf.TensorSpec:
        """What it reads."""
        return tf.TensorSpec([None, self.size, self.size, 3], tf.uint8)

    def visible(self, pictures: tf.Tensor) -> None:
        """All cells may be read."""

    def build(self, pictures_shape: Any = None) -> None:
        shape, grid = (None, self.size, self.size, 3), (None, self.rows, self.rows, self.width)
        self.patches.build(shape)
        patches = self.patches.compute_output_shape(shape)
        self.norms[0].build(patches)
        self.shortcut.build(patches)
        for n, layer in enumerate(self.convolutions):
            layer.build(grid if n else patches)
            self.norms[n + 1].build(grid)
        start = keras.initializers.RandomNormal(0, self.spread, seed_for(self.seed, "places"))
        self.places = self.add_weight(name="places", shape=(self.rows * self.columns, self.width), initializer=start)

    def call(self, pictures: tf.Tensor) -> tf.Tensor:
        number, pictures = tf.shape(pictures)[0], one_or_more(pictures)
        x = tf.nn.relu(self.norms[0](self.patches(tf.cast(pictures, self.compute_dtype) / 127.5 - 1)))
        for n in range(self.blocks):
            first, second = self.convolutions[2 * n : 2 * n + 2]
            y = tf.nn.relu(self.norms[2 * n + 1](first(x)))
            y = self.norms[2 * n + 2](second(y))
            x = tf.nn.relu(y + (x if n else self.shortcut(x)))
        cells = tf.reshape(x, (-1, self.rows * self.columns, self.width))[:number]
        return cells + tf.cast(tf.convert_to_tensor(self.places), cells.dtype)


@register
class Summary(Configured, keras.layers.Layer):
    """A grid of features as one vector: a layer on each cell, then the mean and the maximum over all cells.

    Args:
        units: Width of the layer.
        seed: Fixes the initial weights.

    Call arguments:
        grid: `[pictures, cells, width]`.
        visible: 1 at the cells that count, `[pictures, cells]`; None is everywhere.

    Returns:
        `[pictures, 2 * units]`.
    """

    def __init__(self, units: int, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.seed = seed
        self.layer = dense(units, seed=seed_for(seed, "cells"), activation="relu")

    def build(self, grid_shape: tuple[int | None, ...]) -> None:
        self.layer.build(grid_shape)

    def call(self, grid: tf.Tensor, visible: tf.Tensor | None = None) -> tf.Tensor:
        cells = self.layer(grid)  # None is below zero, so what does not count is no maximum.
        if visible is None:
            return tf.concat([tf.reduce_mean(cells, 1), tf.reduce_max(cells, 1)], 1)
        cells *= visible[..., None]
        mean = tf.math.divide_no_nan(tf.reduce_sum(cells, 1), tf.reduce_sum(visible, 1, keepdims=True))
        return tf.concat([mean, tf.reduce_max(cells, 1)], 1)
