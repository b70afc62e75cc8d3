"""What a saved language model teaches further trainings: its tokens, its weights, and what it has read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from common.sources.seen import hashes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import keras

    from common.text.subwords import Subwords

PIECES, READ, WEIGHTS = "pieces.json", "read.npy", "weights.npz"


def keep(folder: Path, *, pieces: Subwords, texts: Sequence[str], layers: Mapping[str, keras.layers.Layer]) -> None:
    """Writes what further trainings need of a language model into a folder.

    Args:
        folder: The folder.
        pieces: Its tokens.
        texts: The texts that it has read; hashes of them are written.
        layers: Its layers by name; their weights are written.
    """
    (folder / PIECES).write_text(json.dumps(pieces.known, ensure_ascii=False) + "\n", encoding="utf-8")
    np.save(folder / READ, hashes(texts))
    weights = {f"{name}/{n}": one for name, layer in layers.items() for n, one in enumerate(layer.get_weights())}
    np.savez(folder / WEIGHTS, **weights)
