"""Recordings: files that hold one sequence each, in folders named for their labels; sounds (WAV) and arrays (`.npz`).

Of a sound the sequence is its samples; a network reads features of them, see `common.networks.sounds`.
"""

from __future__ import annotations

import warnings
import zipfile
from collections import Counter
from collections.abc import Sequence
from math import gcd
from pathlib import Path
from typing import BinaryIO

import numpy as np

from common.errors import InputError, counted, shortened
from common.sources.digests import note_file
from common.sources.files import role_of
from common.sources.records import listed
from common.sources.signals.records import LARGEST, Signal

SAMPLE = "sample"
"""The column of a sound."""
RATES = (1000, 384_000)
"""The lowest and the highest rate of sounds, in samples a second."""
VALUES, LABELS = ("values", "features", "x", "frames"), ("labels", "label", "y")
"""Usual names of the arrays of a `.npz`."""


def label_of(path: Path, root: Path) -> str:
    """The label that the folder of a recording names.

    Raises:
        InputError: It lies in no folder of its label.
    """
    names = [name for name in path.relative_to(root).parts[:-1] if role_of(name) is None]
    if not names:
        raise InputError(f"{path}: in no folder of a label; put recordings into one folder for each label")
    return names[-1]


def sound(path: Path, labels: tuple[str, ...] = ()) -> Signal:
    """A sound; of several channels it is their mean.

    Raises:
        InputError: It is no WAV file that can be read, or has no samples.
    """
    note_file(path)
    try:
        with path.open("rb") as file:
            rate, samples = samples_of(file)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; give a WAV file that can be read") from error
    except ValueError as error:
        raise InputError(f"{path}: {error}; give a WAV file") from error
    return Signal(path.stem, samples[:, None], labels, (SAMPLE,), str(path), rate)


def samples_of(file: BinaryIO) -> tuple[int, np.ndarray]:
    """The rate of a WAV file and its samples between -1 and 1, float64 `[samples]`.

    Raises:
        ValueError: What is wrong with it.
    """
    from scipy.io import wavfile

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", wavfile.WavFileWarning)  # Of chunks that hold no samples.
            rate, samples = wavfile.read(file)
    except Exception as error:  # Of a damaged header SciPy raises whatever its parts raise.
        raise ValueError(f"no WAV file that can be read ({' '.join(str(error).split())[:120]})") from error
    if not len(samples):
        raise ValueError("no samples in it")
    if not RATES[0] <= rate <= RATES[1]:
        raise ValueError(f"{rate:,} samples a second; {RATES[0]:,} to {RATES[1]:,} can be read")
    if samples.dtype == np.uint8:
        values = samples.astype(np.float64) / 128 - 1
    elif np.issubdtype(samples.dtype, np.integer):
        values = samples.astype(np.float64) / -float(np.iinfo(samples.dtype).min)
    else:
        values = samples.astype(np.float64)
    if not (np.abs(values) <= LARGEST).all():
        raise ValueError("a sample that is not finite")
    return rate, values.mean(1) if values.ndim > 1 else values


def at_rate(one: Signal, rate: int) -> Signal:
    """A sound at another rate, by a polyphase filter."""
    from scipy.signal import resample_poly

    if one.rate == rate:
        return one
    common = gcd(one.rate, rate)
    return one._replace(values=resample_poly(one.values, rate // common, one.rate // common), rate=rate)


def at_one_rate(sounds: Sequence[Signal], notes: list[str]) -> list[Signal]:
    """Sounds at the rate of most of them."""
    rates = Counter(one.rate for one in sounds)
    (rate, _) = rates.most_common(1)[0]
    if len(rates) > 1:
        told = listed([f"{other:,}" for other in sorted(rates)])
        notes.append(f"sounds of {told} samples a second are read at {rate:,}")
    return [at_rate(one, rate) for one in sounds]


def array(path: Path, labels: tuple[str, ...] = ()) -> Signal:
    """The sequence of a `.npz` or `.npy` file: an array `[steps, columns]`, and perhaps a label or one for each step.

    Raises:
        InputError: It holds no such array, or values that are not finite.
    """
    note_file(path)
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name.lower(): file[name] for name in file.files} if hasattr(file, "files") else {"values": file}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: no arrays that can be read; write it with numpy.savez") from error
    name = next((name for name in VALUES if name in arrays), None)
    rest = [other for other in arrays if other not in LABELS]
    if name is None and len(rest) == 1:
        (name,) = rest
    if name is None:
        raise InputError(f"{path}: arrays {listed(list(arrays))}; name that of the steps {listed(VALUES[:2])}")
    values = arrays[name]
    if values.ndim == 1:
        values = values[:, None]
    if values.ndim != 2 or not values.size or values.dtype.kind not in "fiub":
        raise InputError(f"{path}: {name} is {values.dtype} {list(values.shape)}; give numbers, [steps, columns]")
    values = values.astype(np.float64)
    if not (np.abs(values) <= LARGEST).all():
        step = int(np.argwhere(~(np.abs(values) <= LARGEST))[0][0]) + 1
        raise InputError(f"{path}: step {step:,} of {name} has a value that is not finite or too large; give numbers")
    given = next((arrays[one] for one in LABELS if one in arrays), None)
    if given is not None:
        labels = tuple(str(label).strip() for label in np.atleast_1d(given).tolist())
        if len(labels) not in (1, len(values)) or "" in labels:
            raise InputError(
                f"{path}: {counted(len(labels), 'label')} for {counted(len(values), 'step')}; give one, or one for "
                f"each step, none of them empty: {shortened(str(labels[:3]))}"
            )
    columns = tuple(f"column_{n}" for n in range(1, values.shape[1] + 1))
    return Signal(path.stem, values, labels, columns, str(path))


KINDS = {".wav": sound, ".wave": sound, ".npz": array, ".npy": array}
"""What reads a recording, by its suffix."""
