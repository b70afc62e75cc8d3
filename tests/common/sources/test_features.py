"""Features of pictures: any of their layouts gives the same, and what cannot be used is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from common.errors import InputError
from common.sources.features import Features, as_given, on_grid


def saved(path: Path, **arrays: object) -> Path:
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize("shape", [(5,), (3, 5), (2, 3, 5)])
def test_both_layouts_give_the_same(shape: tuple[int, ...], tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(2, *shape)).astype(np.float16)
    single = Features.read(saved(tmp_path / "a.npz", **{"a.png": values[0], "sub/b.png": values[1]}))
    whole = Features.read(saved(tmp_path / "b.npz", names=np.array(["a.png", "sub/b.png"]), features=values))
    for found in (single, whole):
        one = found.of(Path("sub/b.png"), "here")
        assert one.dtype == np.float32 and one.shape == found.shape and found.shape[2] == 5
        np.testing.assert_array_equal(as_given(one), values[1])


def test_a_picture_is_found_without_its_folder_or_suffix(tmp_path: Path) -> None:
    found = Features.read(saved(tmp_path / "a.npz", a=np.zeros(2), **{"b.png": np.ones(2)}))
    assert found.of(Path("folder/b.png"), "here").any() and not found.of(Path("a.jpg"), "here").any()
    with pytest.raises(InputError, match=r"t.csv:3: .*a.npz has no features of c.png, only of such as a, b.png; add"):
        found.of(Path("c.png"), "t.csv:3")


def test_numbers_of_identifiers_are_names(tmp_path: Path) -> None:
    found = Features.read(saved(tmp_path / "a.npz", names=np.array([7, 8]), features=np.eye(2)))
    assert found.of(Path("8.jpg"), "here").ravel().tolist() == [0, 1]


def test_pictures_with_fewer_regions_are_padded(tmp_path: Path) -> None:
    found = Features.read(saved(tmp_path / "a.npz", a=np.ones((2, 5)), b=np.ones((4, 5))))
    assert found.shape == (4, 1, 5)
    assert found.of(Path("a"), "here")[:, 0].any(1).tolist() == [True, True, False, False]
    assert on_grid(np.ones((4, 5)), (6, 1, 5)).sum() == 20


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": np.array(["x"])}, r"'a' is <U1 \[1\]; give numbers"),
        ({"a": np.zeros((1, 2, 3, 4))}, r"'a' is float64 \[1, 2, 3, 4\]; give numbers"),
        ({"a": np.zeros((0, 4))}, r"'a' is float64 \[0, 4\]"),
        ({"a": np.zeros(3), "b": np.zeros(4)}, r"'b' has features \[4\], and 'a' \[3\]; give all pictures"),
        ({"a": np.zeros((2, 3)), "b": np.zeros(3)}, r"'b' has features \[3\], and 'a' \[2, 3\]"),
        ({"a": np.zeros((2, 2, 3)), "b": np.zeros((3, 2, 3))}, r"'b' has features \[3, 2, 3\]"),
        ({"a": np.array([1, np.nan])}, "'a' has a value that is not finite or too large"),
        ({"a": np.array([1e39])}, "'a' has a value that is not finite or too large"),
        ({"names": np.array(["a", "a"]), "features": np.eye(2)}, "two rows of 'a'; give each picture once"),
        ({"names": np.array(["a"]), "features": np.eye(2)}, "give a name for each row"),
        ({"a": np.array([{}])}, "no arrays that can be read"),
        ({}, "no arrays; give one for each picture"),
    ],
)
def test_what_cannot_be_used_is_refused(arrays: dict, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        Features.read(saved(tmp_path / "a.npz", **arrays))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no zip"])
def test_files_of_other_kinds_are_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"a.npz: (no arrays that can be read|.*empty)"):
        Features.read(tmp_path / "a.npz")
    np.save(tmp_path / "a.npy", np.zeros(3))
    with pytest.raises(InputError, match=r"no arrays that can be read; write it with numpy.savez"):
        Features.read(tmp_path / "a.npy")
    with pytest.raises(InputError, match=r"--features none.npz: no such file"):
        Features.read(Path("none.npz"))
