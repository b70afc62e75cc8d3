"""Tiny language models that have learned nothing, for what starts from one."""

from __future__ import annotations

import json
from pathlib import Path

import tensorflow as tf

from common.layers.stack import RecurrentStack
from common.networks.language import LanguageNetwork
from common.serving import structure
from common.serving.export import Endpoint, Export, save
from common.serving.pretrained import keep_read
from common.serving.versions import ASSETS
from common.text.pieces import pieces_of
from common.text.scripts import Level

CONFIG = {
    **{"task": "language_model", "units": 8, "embedding": 6, "layers": 1, "residual": False, "activation": "tanh"},
    **{"window": 8},
}


def language_model(
    folder: Path, texts: list[str], *, cell: str = "lstm", level: Level = "subword", **options: object
) -> Path:
    """Writes what trainings read of a language model into a folder, as a version in `cell`; returns the version."""
    pieces, config = pieces_of(level, texts, size=300), CONFIG | {"cell": cell, "level": level} | options
    stack = RecurrentStack(cell, config["units"], seed=1)
    network = LanguageNetwork(len(pieces), CONFIG["embedding"], stack, dropout=0.1, seed=1)
    network.build()
    read = Endpoint(lambda tokens: {"states": network.read(tokens)}, [tf.TensorSpec([None, None], tf.int32, "tokens")])
    export = Export({"serving_default": read}, [network], network, {"pieces": pieces.known})
    assets = folder / cell / "1" / ASSETS
    save(export, assets.parent)
    assets.mkdir()
    (assets / "config.json").write_text(json.dumps(config))
    structure.write(export, assets)
    keep_read(assets, texts)
    return assets.parent
