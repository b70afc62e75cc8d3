"""What a saved language model teaches further trainings: its tokens, its weights, and what it has read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from common import program
from common.errors import InputError, counted
from common.serving import versions
from common.serving.saved_model import SavedModel
from common.serving.structure import Structure
from common.serving.versions import ASSETS
from common.sources.digests import note_file
from common.sources.seen import hashes, seen

if TYPE_CHECKING:
    import keras

    from common.networks.contextual import ReadingModel
    from common.networks.language import LanguageNetwork
    from common.networks.stream import StreamNetwork
    from common.options import TrainOptions
    from common.streams import Sequences
    from common.text.subwords import Subwords
    from common.training.lesson import Lesson

READ = "read.npy"
"""The file in `ASSETS` with hashes of the texts that a language model has read."""


def keep_read(folder: Path, texts: Sequence[str]) -> None:
    """Writes hashes of the texts that a language model has read into a folder."""
    np.save(folder / READ, hashes(texts))


class Pretrained:
    """A saved language model that a training starts from.

    Args:
        folder: The folder of its version.
        option: The option that asks for it, for messages.

    Attributes:
        config: The options of its training.
    """

    def __init__(self, folder: Path, option: str = "--pretrained") -> None:
        self.folder, self.option = folder, option
        try:
            self.config: dict[str, Any] = json.loads((folder / ASSETS / "config.json").read_text())
            task = self.config["task"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{option} {folder}: it has no {ASSETS}/config.json that can be read") from error
        if task != "language_model":
            raise InputError(f"{option} {folder}: a model of {task}; give one of language_model")
        if not (folder / ASSETS / READ).is_file():
            raise InputError(
                f"{option} {folder}: it has no {ASSETS}/{READ}, as language models of earlier versions of this program "
                "have not, and those trained on disk; train it again, with --in-memory"
            )
        self._structure = Structure(SavedModel(folder), option)

    @classmethod
    def found(cls, path: Path | str, cell: str | None) -> Pretrained:
        """The language model that `--pretrained` names.

        Args:
            path: A version; or a folder of versions, or of such folders by cell, of which the newest is taken.
            cell: The cell that it must have; None is any.

        Raises:
            InputError: There is none, or it has another cell.
        """
        path = Path(path)
        there = (path / versions.GRAPH).is_file() or versions.versions(path)
        by_cell = [path / cell] if cell else sorted(one for one in path.glob("*") if one.is_dir())
        folders = [one for one in by_cell if versions.versions(one)]
        if not there and not folders:
            with_cell = f" with the cell {cell}" if cell else ""
            raise InputError(
                f"--pretrained {path}: neither a saved language model nor a folder of some{with_cell}; train one: "
                + program.command("language_model", *(["--cell", cell] if cell else []))
            )
        found = [versions.newest(one) for one in ([path] if there else folders)]
        model = cls(max(found, key=lambda folder: (folder / versions.GRAPH).stat().st_mtime_ns))
        if cell and (other := model.config["cell"]) != cell:
            raise InputError(f"--pretrained {path}: its cell is {other}, not {cell}; give --cell {other}")
        return model

    def note(self) -> None:
        """Notes its files as data that is read."""
        for path in sorted((self.folder / "variables").iterdir()):
            note_file(path)

    @cached_property
    def pieces(self) -> Subwords:
        """Its tokens."""
        from common.text.subwords import Subwords

        return Subwords(self._structure.vocabulary["pieces"])

    def share_read(self, texts: Sequence[str]) -> float:
        """The share of texts that it has read."""
        return len(seen(texts, self._read)) / max(len(texts), 1)

    def has_read(self, texts: Sequence[str]) -> bool:
        """Whether these are the texts that it has read."""
        return np.array_equal(hashes(texts), self._read)

    @cached_property
    def _read(self) -> np.ndarray:
        return np.load(self.folder / ASSETS / READ)

    @property
    def backward(self) -> bool:
        """Whether it reads texts from their end."""
        return self.config.get("backward", False)

    def reading(self) -> ReadingModel:
        """It as a reader of sentences."""
        from common.networks.contextual import ReadingModel

        return ReadingModel(self.network(), self.pieces, self.backward)

    def refuse_read(self, texts: Sequence[str], data: str) -> None:
        """Refuses test texts that the language model has read.

        Args:
            texts: The test texts.
            data: Where they come from.

        Raises:
            InputError: It has read one.
        """
        if found := seen(texts, self._read):
            raise InputError(
                f"{self.option} {self.folder}: it has read {counted(len(found), 'test text')} of {data}, such as "
                f"{texts[found[0]][:60]!r}; train it on texts without them (language_model --drop-seen leaves out what "
                "a test part of its own data has)"
            )

    def network(self, **changes: Any) -> LanguageNetwork:
        """Its network; `changes` are arguments of `LanguageNetwork` that have other values."""
        return self._structure.network(**changes)

    def taught(self, network: StreamNetwork, source: LanguageNetwork | None = None) -> tuple[keras.layers.Layer, ...]:
        """Gives a network the vectors and the recurrences of the language model.

        Args:
            network: The network, whose embedding and stack are as large.
            source: The network of the language model, if it has learned more.

        Returns:
            The layers of the network, the highest first, as `Learner.gradually` has groups of them.
        """
        source = self.network() if source is None else source
        if not network.built:
            network.build()
        network.embed.set_weights(source.vectors.get_weights())
        network.stack.set_weights(source.stack.get_weights())
        return network.head, *reversed(network.stack.forwards), network.embed

    def lesson(
        self,
        encoded: Mapping[str, tuple[np.ndarray, np.ndarray]],
        options: TrainOptions,
        *,
        reader: int = 0,
    ) -> Lesson:
        """The language model learns to continue a task's own texts (Howard & Ruder 2018, section 3.2).

        Args:
            encoded: For `"train"` and `"validation"`: the tokens of all texts end to end, `[steps]`, in the order in
                which it reads, each text with its start and end; and the steps of each text, `[texts]`.
            options: The options of the task.
            reader: Which of the `readers` of the task's network it teaches.
        """
        from common.networks.network import Learner, OwnLoss, own_accuracy
        from common.training.lesson import Lesson

        def learner() -> Learner:
            return Learner(self.network(dropout=CONTINUED["dropout"]), OwnLoss(), (own_accuracy,))

        return Lesson(
            f"the language model {self.folder} learns to continue the training texts",
            learner,
            {split: _to_continue(*encoded[split]) for split in ("train", "validation")},
            replace(options, **CONTINUED, window=self.config["window"], reach=None),
            lambda fresh, learned: self.taught(fresh.readers()[reader], learned),
        )


CONTINUED = {"epochs": 2, "learning_rate": 1e-3, "schedule": "linear", "dropout": 0.3, "weight_decay": 0.0}
"""How a language model learns to continue a task's own texts."""


def _to_continue(tokens: np.ndarray, lengths: np.ndarray) -> Sequences:
    """What a language model reads of texts and predicts: each token after those before it."""
    from common.streams import Sequences

    ends = np.cumsum(lengths) - 1
    read, reference = np.delete(tokens, ends), np.delete(tokens, ends - lengths + 1)
    return Sequences(
        lengths - 1,
        {"tokens": read, "reference": reference},
        targets=np.zeros(len(read), np.int32),
        weights=np.ones(len(read), np.float32),
    )
