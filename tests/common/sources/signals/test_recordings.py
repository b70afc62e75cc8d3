"""Recordings: sounds and arrays in folders named for their labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from common.errors import InputError
from common.sources.signals import SignalReader
from common.sources.signals.recordings import array, sound

TONE = 0.5 * np.sin(np.arange(800) / 5)


def wav(path: Path, samples: np.ndarray = TONE, rate: int = 8000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    wavfile.write(path, rate, samples)
    return path


def npz(path: Path, **arrays) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize(
    "samples",
    [
        *((TONE * 32767).astype(np.int16), (TONE * (2**31 - 1)).astype(np.int32), TONE.astype(np.float32)),
        *(((TONE + 1) * 128).astype(np.uint8), np.stack([TONE, TONE], 1).astype(np.float32)),
    ],
    ids=["16 bits", "32 bits", "floats", "8 bits", "stereo"],
)
def test_every_kind_of_samples_is_the_same_sound(samples: np.ndarray, tmp_path: Path) -> None:
    found = sound(wav(tmp_path / "a.wav", samples))
    np.testing.assert_allclose(found.values[:, 0], TONE, atol=0.01)
    assert (found.rate, found.columns, found.name) == (8000, ("sample",), "a")


def test_folders_name_the_labels_and_the_splits_and_all_have_one_rate(tmp_path: Path) -> None:
    for n, (split, label) in enumerate((split, label) for split in ("train", "test") for label in ("no", "yes")):
        wav(tmp_path / split / label / f"{n}.wav", TONE.astype(np.float32))
    wav(tmp_path / "train" / "yes" / "high.wav", np.repeat(TONE, 2).astype(np.float32), rate=16_000)
    parts = SignalReader().parts(str(tmp_path))
    assert [(one.name, one.labels, one.rate) for one in parts.records["train"]] == [
        *(("train/no/0", ("no",), 8000), ("train/yes/1", ("yes",), 8000), ("train/yes/high", ("yes",), 8000))
    ]
    assert len(parts.records["train"][2].values) == len(TONE)
    assert list(parts.notes) == ["sounds of 8,000, 16,000 samples a second are read at 8,000"]


@pytest.mark.parametrize("content", [b"", b"RIFF", b"not a sound at all", b"RIFF\x24\x00\x00\x00WAVEfmt "])
def test_what_is_no_sound_is_refused_by_name(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "yes" / "a.wav"
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"yes/a\.wav: no WAV file that can be read .*; give a WAV file$"):
        SignalReader().parts(str(tmp_path))


def test_a_sound_without_samples_or_with_one_that_is_no_number_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no samples in it"):
        sound(wav(tmp_path / "a.wav", TONE[:0].astype(np.float32)))
    with pytest.raises(InputError, match="a sample that is not finite"):
        sound(wav(tmp_path / "a.wav", np.array([0, np.nan], np.float32)))
    with pytest.raises(InputError, match="500 samples a second; 1,000 to 384,000 can be read"):
        sound(wav(tmp_path / "a.wav", TONE.astype(np.float32), rate=500))


def test_a_recording_in_no_folder_of_a_label_is_refused(tmp_path: Path) -> None:
    wav(tmp_path / "train" / "a.wav", TONE.astype(np.float32))
    with pytest.raises(InputError, match=r"a\.wav: in no folder of a label"):
        SignalReader().parts(str(tmp_path))
    with pytest.raises(InputError, match="one sequence without a label; give a folder"):
        SignalReader().parts(str(tmp_path / "train" / "a.wav"))


def test_arrays_are_sequences_with_a_label_of_the_folder_or_one_for_each_step(tmp_path: Path) -> None:
    values = np.arange(6.0).reshape(3, 2)
    npz(tmp_path / "run" / "a.npz", features=values)
    npz(tmp_path / "run" / "b.npz", frames=values, labels=["up", "up", "down"])
    one, other = SignalReader().parts(str(tmp_path)).records[None]
    np.testing.assert_array_equal(one.values, values)
    assert (one.labels, other.labels) == (("run",), ("up", "up", "down"))
    assert one.columns == ("column_1", "column_2")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": np.ones((2, 2)), "b": np.ones((2, 2))}, "arrays a, b; name that of the steps"),
        ({"values": np.ones((2, 2, 2))}, r"float64 \[2, 2, 2\]; give numbers, \[steps, columns\]"),
        ({"values": np.array([["x"]])}, "give numbers"),
        ({"values": np.array([[1.0], [np.nan]])}, "step 2 of values has a value that is not finite"),
        ({"values": np.ones((3, 1)), "labels": ["a", "b"]}, "2 labels for 3 steps"),
        ({"values": np.ones((0, 1))}, r"\[0, 1\]; give numbers"),
    ],
)
def test_arrays_of_no_sequence_are_refused(arrays: dict, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        array(npz(tmp_path / "a.npz", **arrays))


def test_a_file_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_text("no archive")
    with pytest.raises(InputError, match="no arrays that can be read"):
        array(tmp_path / "a.npz")
    np.save(tmp_path / "a.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(InputError, match="no arrays that can be read"):
        array(tmp_path / "a.npy")
