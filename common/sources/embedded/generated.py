"""Embedded pictures that are generated: drawn once, always the same, and kept in the cache."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from common.files import drafted
from common.sources import wheels
from common.sources.pictures import Pictures
from common.sources.splits import SPLITS, Splits

SIZE = 96
"""Pixels of a side."""
SIZES = {"train": 10_000, "validation": 1_000, "test": 1_000}
"""Pictures of each split."""
TENTHS = ("train",) * 8 + ("validation", "test")
"""The split of each tenth of what is split by a hash."""
SEED = 20_261_127
Drawn = dict[str, np.ndarray]
"""Of each split `SPLIT_pixels`, uint8 `[pictures, SIZE, SIZE, 3]`, and `SPLIT_scenes`, JSON in bytes: of each picture
its `captions` and, where that is known, what is in it."""


def splits(name: str, size: int, *, version: int, draw: Callable[[], Drawn], source: str) -> Splits[Pictures]:
    """Generated pictures, out of the cache where they were drawn before.

    Args:
        name: Of the data set.
        size: Pixels of a side of the pictures that are given.
        version: Another one is drawn again.
        draw: Draws them.
        source: What the data are, for whoever reads a report.

    Raises:
        InputError: The cache cannot be written.
    """
    path = wheels.cache_directory() / name / f"{name}-{version}.npz"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays = draw()
        with drafted("SEQUENCE_SUITE_CACHE", path) as draft, draft.open("wb") as file:
            np.savez_compressed(file, **arrays)
    with np.load(path) as arrays:
        parts = [_part(arrays, split, size) for split in SPLITS]
    return Splits(*parts, source=source)


def split_of(*names: str) -> str:
    """The split of what has these names, by a hash."""
    digest = hashlib.sha256(" ".join(sorted(names)).encode()).digest()
    return TENTHS[int.from_bytes(digest[:8], "big") % 10]


def packed(split: str, pixels: list[np.ndarray], scenes: list[dict[str, Any]]) -> Drawn:
    """The arrays of a split."""
    return {
        f"{split}_pixels": np.stack(pixels),
        f"{split}_scenes": np.frombuffer(json.dumps(scenes).encode(), np.uint8),
    }


def _part(arrays: Mapping[str, np.ndarray], split: str, size: int) -> Pictures:
    pixels = arrays[f"{split}_pixels"]
    if size != SIZE:
        from PIL import Image

        pixels = np.stack([np.asarray(Image.fromarray(one).resize((size, size))) for one in pixels])
    scenes = json.loads(arrays[f"{split}_scenes"].tobytes())
    captions = [tuple(scene.pop("captions")) for scene in scenes]
    truths = [scene for scene in scenes if scene]
    return Pictures(pixels, captions, [f"{split}-{n}" for n in range(len(captions))], truths)
