"""What a saved classifier says of sequences of vectors, and of sounds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from common.errors import InputError
from common.serving.versions import ASSETS
from common.sources.signals import Signal, check_columns
from common.sources.signals.recordings import at_rate

if TYPE_CHECKING:
    from common.serving.saved_model import Record, SavedModel

SAMPLES = "samples"
"""The signature that takes the samples of sounds."""
ROUNDED = 32
"""Sequences are padded to a multiple of so many steps, so that many of them share a batch."""


def example_of(version: Path, *, sounds: bool) -> str:
    """The file that is published with a version to try it."""
    return str(version / ASSETS / f"example.{'wav' if sounds else 'csv'}")


def readable(model: SavedModel, signals: Sequence[Signal]) -> list[Signal]:
    """Sequences as a model reads them: its columns, and sounds at its rate."""
    rate = model.config.get("rate")
    if rate and (table := next((one for one in signals if not one.rate), None)):
        raise InputError(
            f"{table.place}: no sound, and {model.folder} was trained on sounds; give WAV files, or another --version"
        )
    found = check_columns(signals, model.config["columns"])
    return [at_rate(one, rate) for one in found] if rate else found


def answered(model: SavedModel, values: Sequence[np.ndarray]) -> list[Record]:
    """What a saved model says of sequences: `label` and its `probability`; lists of them where steps have classes."""
    rate = model.config.get("rate")
    least = rate // 4 if rate else ROUNDED  # Of sounds, a quarter of a second.
    rounded = [-(-max(len(one), 1) // least) * least for one in values]
    records: list[Record] = [{}] * len(values)
    for size in sorted(set(rounded)):
        chosen = [n for n, steps in enumerate(rounded) if steps == size]
        padded = [np.pad(values[n], [(0, size - len(values[n])), (0, 0)], constant_values=np.nan) for n in chosen]
        rows = [{"samples": one[:, 0]} if rate else {"values": one} for one in padded]
        signature = SAMPLES if rate else "serving_default"
        for n, answer in zip(chosen, model.ask(rows, signature=signature, what="classifying")):
            records[n] = _told(answer, len(values[n]))
    return records


def _told(answer: Record, steps: int) -> Record:
    if isinstance(answer["label"], str):
        return {"label": answer["label"], "probability": float(answer["probability"].max())}
    return {"label": list(answer["label"][:steps]), "probability": answer["probability"][:steps].max(1).tolist()}
