"""The structure of a saved model: its network without the weights, and its vocabularies, for other runtimes."""

from __future__ import annotations

import gzip
import json
import zlib
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import TYPE_CHECKING, Any

from common import layers, networks
from common.errors import InputError
from common.serving.export import Export
from common.serving.saved_model import SavedModel
from common.serving.versions import ASSETS

if TYPE_CHECKING:
    from common.networks.network import Network

FILE = "structure.json.gz"
"""The file in `ASSETS`. It has no weights: these are the variables of the SavedModel, in the network's order."""
FORMAT = 1
"""The format of the file. Raise it when older ones cannot be read."""


def write(export: Export, assets: Path) -> None:
    """Writes the structure of what is exported, if it has one."""
    import keras

    if export.network is None:
        return
    structure = {
        "format": FORMAT,
        "network": keras.saving.serialize_keras_object(export.network),
        "vocabulary": export.vocabulary,
    }
    # Without the time, so that equal models are equal files.
    (assets / FILE).write_bytes(gzip.compress(json.dumps(structure).encode(), mtime=0))


class Structure:
    """The structure of a saved model.

    Args:
        model: The model.
        option: What asks for it, for messages.

    Attributes:
        vocabulary: `Export.vocabulary` of the model.

    Raises:
        InputError: It was saved without one, or in another format.
    """

    def __init__(self, model: SavedModel, option: str = "export") -> None:
        self.model, self.option = model, option
        path = model.folder / ASSETS / FILE
        again = "train it again, or choose another --version"
        if not path.is_file():
            raise InputError(
                f"{option}: {model.folder} has no {FILE}: it holds what only TensorFlow runs so far (pos with "
                "--pretrained, sentiment with two language models, captioning with --encoder or --features), or was "
                f"saved by an earlier version of this program; {again}"
            )
        try:
            self._read: dict[str, Any] = json.loads(gzip.decompress(path.read_bytes()))
        except (OSError, ValueError, EOFError, zlib.error) as error:
            raise InputError(f"{option}: {path} cannot be read ({error}); {again}") from error
        if not isinstance(self._read, dict) or not {"network", "vocabulary"} <= self._read.keys():
            raise InputError(f"{option}: {path} is damaged: it has no network and vocabulary; {again}")
        if (found := self._read.get("format")) != FORMAT:
            raise InputError(f"{option}: {path} has format {found}, not {FORMAT}; {again}")
        self.vocabulary: dict[str, Any] = self._read["vocabulary"]

    def network(self, **changes: Any) -> Network:
        """The network with its weights.

        Args:
            changes: Arguments of its class that have other values.

        Raises:
            InputError: The weights are not those of the network.
        """
        import keras

        for package in (layers, networks):  # Their classes register themselves when they are imported.
            for module in walk_packages(package.__path__, f"{package.__name__}."):
                import_module(module.name)
        saved = self._read["network"]
        try:
            network = keras.saving.deserialize_keras_object(saved | {"config": saved["config"] | changes})
        except (TypeError, ValueError, KeyError) as error:
            raise InputError(
                f"{self.option}: {self.model.folder} has a damaged {FILE}: it tells no network; train it again"
            ) from error
        values = self.model.variables  # The network is built.
        if [value.shape for value in values] != [tuple(one.shape) for one in network.variables]:
            raise InputError(
                f"{self.option}: the weights of {self.model.folder} are not those of its structure; train it again"
            )
        for variable, value in zip(network.variables, values):
            variable.assign(value)
        return network
