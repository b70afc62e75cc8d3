"""A model as the page shows it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from common.cells.registry import names
from common.serving.http.catalogue import Version
from common.serving.http.model import Model
from common.serving.http.signatures import Signature
from common.serving.versions import ASSETS

CELLS = {
    "simple_rnn": "SimpleRNN",
    "jordan": "Jordan network",
    "lstm": "LSTM",
    "gru": "GRU",
    "peephole_lstm": "Peephole LSTM",
}
"""Readable names of cells; others are shown as they are called."""
COLOURS = ("#1d4ed8", "#c2410c", "#0f766e", "#7e22ce", "#be185d", "#4d7c0f")
"""A colour for each cell, dark enough for text on white."""


@dataclass(frozen=True, eq=False)
class Served:
    """A model that answers.

    Attributes:
        name: Its name in the store.
        number: The number of its version.
        folder: The SavedModel.
        signatures: Its functions, by name.
        config: What training wrote down beside it; empty for a model from elsewhere.
    """

    name: str
    number: int
    folder: Path
    signatures: Mapping[str, Signature]
    config: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, model: Model) -> Served:
        """The model as it is served now."""
        version, signatures = model.version, {name: one.signature for name, one in model.signatures.items()}
        return cls(version.name, version.number, version.folder, signatures, _config(version))

    @property
    def cell(self) -> str:
        """The readable name of its cell, or its own name where none is known."""
        cell = str(self.config.get("cell", self.name))
        return CELLS.get(cell, cell)

    @property
    def order(self) -> tuple[int, str]:
        """Models are shown by cell, the plainest first."""
        cell, known = self.config.get("cell"), names()
        return known.index(cell) if cell in known else len(known), self.name

    @property
    def colour(self) -> str:
        """The colour of its cell."""
        return COLOURS[self.order[0] % len(COLOURS)]

    @property
    def subtitle(self) -> str:
        """Which model it is, and its size."""
        size = f", {self.config['units']} units" if "units" in self.config else ""
        return f"{self.name}, version {self.number}{size}"

    def has(self, signature: str, *tensors: str) -> bool:
        """Whether it has a signature with these inputs or outputs."""
        found = self.signatures.get(signature)
        return found is not None and set(tensors) <= found.inputs.keys() | found.outputs.keys()


@lru_cache(256)
def _config(version: Version) -> Mapping[str, Any]:
    """The configuration of a version; read once, as versions do not change."""
    try:
        found = json.loads((version.folder / ASSETS / "config.json").read_text())
    except (OSError, ValueError):  # Another program's SavedModel has none.
        return {}
    return found if isinstance(found, dict) else {}
