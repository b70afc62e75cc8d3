"""Grids of features: computed elsewhere, or by a network of `keras.applications`."""

from __future__ import annotations

import difflib
import importlib
import inspect
import warnings
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from common.cells.seeds import seed_for
from common.errors import InputError, shortened
from common.layers.base import Configured, dense, register
from common.layers.pictures import one_or_more
from common.sources.records import listed


@register
class GridEncoder(Configured, keras.layers.Layer):
    """Features that were computed elsewhere, brought to the width that a network reads.

    They are normalised over the features of a cell (Ba, Kiros & Hinton 2016, "Layer Normalization"), so that they may
    be of any size, and then go through a layer. A vector is added to each cell of a grid, by which what reads it knows
    where the cell is. Regions, rows of one column, have no such place; nobody attends to those whose features are all
    zeros, which pad a picture with fewer of them.

    Args:
        shape: Rows, columns and features of a cell.
        width: Features of a cell of the result.
        spread: Standard deviation of the vectors of cells at first.
        seed: Fixes the initial weights.

    Call arguments:
        features: float32 `[pictures, rows, columns, features]`.

    Returns:
        `[pictures, rows * columns, width]`, row by row.
    """

    def __init__(
        self, shape: Sequence[int], width: int = 64, *, spread: float = 0.1, seed: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.shape = tuple(shape)
        self.width = width
        self.spread = spread
        self.seed = seed
        self.norm = keras.layers.LayerNormalization(name="norm")
        self.projection = dense(width, seed=seed_for(seed, "projection"), activation="relu", name="projection")

    @property
    def rows(self) -> int:
        """Rows of the grid."""
        return self.shape[0]

    @property
    def columns(self) -> int:
        """Columns of the grid."""
        return self.shape[1]

    @property
    def spec(self) -> tf.TensorSpec:
        """What it reads."""
        return tf.TensorSpec([None, *self.shape], tf.float32)

    def build(self, features_shape: Any = None) -> None:
        cells = (None, self.rows * self.columns, self.shape[2])
        self.norm.build(cells)
        self.projection.build(cells)
        start = keras.initializers.RandomNormal(0, self.spread, seed_for(self.seed, "places"))
        self.places = None
        if self.columns > 1:
            self.places = self.add_weight(name="places", shape=(cells[1], self.width), initializer=start)

    def visible(self, features: tf.Tensor) -> tf.Tensor | None:
        """1 at the cells that may be read, `[pictures, cells]`; None is all of them."""
        if self.columns > 1 or self.rows == 1:
            return None
        return tf.cast(tf.reduce_any(features != 0, -1)[:, :, 0], self.compute_dtype)

    def call(self, features: tf.Tensor) -> tf.Tensor:
        cells = tf.reshape(tf.cast(features, self.compute_dtype), (-1, self.rows * self.columns, self.shape[2]))
        cells = self.projection(self.norm(cells))
        return cells if self.places is None else cells + tf.cast(tf.convert_to_tensor(self.places), cells.dtype)


@register
class PretrainedEncoder(Configured, keras.layers.Layer):
    """A network of `keras.applications` without its classifier, whose weights stay, and a `GridEncoder` on its grid.

    Args:
        application: Its name in `keras.applications`, such as `MobileNetV2`.
        size: Pixels of a side.
        width: Features of a cell of the result.
        spread: Standard deviation of the vectors of cells at first.
        seed: Fixes the initial weights of the `GridEncoder`.

    Call arguments:
        pictures: uint8 `[pictures, size, size, 3]`.

    Returns:
        `[pictures, rows * columns, width]`, row by row.

    Raises:
        ValueError: The network cannot read pictures of that size.
    """

    def __init__(
        self, application: str, size: int, width: int = 64, *, spread: float = 0.1, seed: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.application = application
        self.size = size
        self.width = width
        self.spread = spread
        self.seed = seed
        self.network = made(application, size, weights=None)
        self.network.trainable = False
        self.grid = GridEncoder(self.network.output_shape[1:], width, spread=spread, seed=seed, name="grid")

    @property
    def rows(self) -> int:
        """Rows of the grid."""
        return self.grid.rows

    @property
    def columns(self) -> int:
        """Columns of the grid."""
        return self.grid.columns

    @property
    def spec(self) -> tf.TensorSpec:
        """What it reads."""
        return tf.TensorSpec([None, self.size, self.size, 3], tf.uint8)

    def build(self, pictures_shape: Any = None) -> None:
        self.grid.build()

    def visible(self, pictures: tf.Tensor) -> None:
        """All cells may be read."""

    def call(self, pictures: tf.Tensor) -> tf.Tensor:
        number, pictures = tf.shape(pictures)[0], one_or_more(pictures)
        prepare = importlib.import_module(getattr(keras.applications, self.application).__module__).preprocess_input
        return self.grid(self.network(prepare(tf.cast(pictures, tf.float32)), training=False)[:number])


def made(application: str, size: int, *, weights: str | None) -> keras.Model:
    """A network of `keras.applications` without its classifier."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # Of sizes that the weights were not made for: they fit all.
        return getattr(keras.applications, application)(include_top=False, input_shape=(size, size, 3), weights=weights)


def fetched(application: str, size: int, **how: Any) -> PretrainedEncoder:
    """An encoder with the weights that its network has from ImageNet; `how` has its other arguments.

    Raises:
        InputError: There is no such network, it cannot read pictures of that size, or its weights cannot be fetched.
    """
    known = {name.lower(): name for name, found in vars(keras.applications).items() if inspect.isfunction(found)}
    name = known.get(application.lower())
    if name is None:
        near = difflib.get_close_matches(application.lower(), known, n=3, cutoff=0.3)
        told = listed([known[one] for one in near] or sorted(known.values()))
        raise InputError(f"--encoder keras:{application}: no network of keras.applications; there is {told}")
    try:
        encoder = PretrainedEncoder(name, size, **how)
    except ValueError as error:
        raise InputError(f"--size {size}: {name} cannot read such pictures ({shortened(str(error))})") from error
    try:
        encoder.network.set_weights(made(name, size, weights="imagenet").get_weights())
    except Exception as error:  # Keras raises no narrower one where it cannot fetch a file.
        raise InputError(
            f"--encoder keras:{application}: its weights cannot be fetched ({shortened(str(error))}); they are "
            "fetched once: try again where there is a network, or leave it out"
        ) from error
    return encoder
