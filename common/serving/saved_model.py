"""A saved model as an object: its folder, its configuration, its signatures, and answers to records."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from common import program
from common.errors import InputError
from common.options import SavedOptions
from common.serving import versions
from common.serving.asking import Record as Record
from common.serving.asking import answered
from common.serving.versions import ASSETS
from common.streams.batches import BATCH

if TYPE_CHECKING:
    import numpy as np
    import tensorflow as tf

STREAM = "stream"
"""The signature that answers chunk by chunk, from a state and to a state."""


class SavedModel:
    """A version of a saved model.

    Args:
        folder: The folder of the version. TensorFlow is imported and the model loaded when first needed.

    Example:

    ```python
    model = SavedModel(Path("saved_models/sentiment/lstm/1"))
    model.ask([{"text": "A warm, funny film."}])  # [{"label": "fresh", "probability": array([0.9, 0.1])}]
    ```
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def chosen(cls, options: SavedOptions, task: str) -> Self:
        """The saved model of a task that options name.

        Raises:
            InputError: There is none, or it is one of another task.
        """
        if options.model is None:
            return cls(versions.find(options.output, task, cell=options.cell, version=options.version))
        model = cls(versions.newest(options.model))
        if (other := model.config.get("task", task)) != task:
            raise InputError(f"--model {options.model}: a model of {other}; {program.command(other)} uses it")
        return model

    @cached_property
    def config(self) -> dict[str, Any]:
        """The options of the training, and further settings that the task keeps next to the model.

        Raises:
            InputError: They cannot be read.
        """
        return self._json("config.json")

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """The scores of the model and its baselines.

        Raises:
            InputError: They cannot be read.
        """
        return self._json("metrics.json")

    def _json(self, name: str) -> dict[str, Any]:
        path = self.folder / ASSETS / name
        try:
            return json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise InputError(f"{path} cannot be read ({error}); train again or choose another --version") from error

    @cached_property
    def _loaded(self) -> Any:
        import tensorflow as tf

        try:
            return tf.saved_model.load(str(self.folder))
        except (OSError, ValueError, IndexError, tf.errors.OpError) as error:  # IndexError where a file is too short.
            reason = str(error).splitlines()[0]
            raise InputError(
                f"{self.folder} cannot be loaded ({reason}); train again or choose another --version"
            ) from error

    @property
    def signatures(self) -> Mapping[str, Callable[..., dict[str, tf.Tensor]]]:
        """The functions of the model, by name.

        Raises:
            InputError: The model cannot be loaded.
        """
        return self._loaded.signatures

    @property
    def variables(self) -> list[np.ndarray]:
        """The values of its variables, in the order of the network that was saved.

        Raises:
            InputError: The model cannot be loaded.
        """
        return [variable.numpy() for variable in self._loaded.weights]

    def inputs(self, signature: str = "serving_default") -> dict[str, tf.TensorSpec]:
        """The inputs of a signature, by name."""
        return self.signatures[signature].structured_input_signature[1]

    def ask(
        self,
        records: Sequence[Record],
        signature: str = "serving_default",
        *,
        batch: int = BATCH,
        what: str = "predicting",
        **shared: Any,
    ) -> list[Record]:
        """Answers records; those of like length share a batch.

        Args:
            records: The inputs of each example by name, see `common.serving.asking.answered`.
            signature: The name of the function.
            batch: Maximum number of records per batch.
            what: The label of the progress bar, which shows if they take long.
            shared: Inputs that all records share, such as the width of a beam.

        Returns:
            The outputs for each record by name, in the records' order.
        """
        return answered(self.signatures[signature], self.inputs(signature), records, batch=batch, what=what, **shared)
