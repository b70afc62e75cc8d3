"""The language models that a classifier of texts starts from: one, or two that read from both ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from common.errors import InputError
from common.reports import say
from common.serving.pretrained import Pretrained

if TYPE_CHECKING:
    import keras

    from common.networks.network import Network
    from common.options import TrainOptions
    from common.text.subwords import Subwords
    from common.training.lesson import Lesson

READ_BEFORE = 0.9
"""A model that has read this share of the training texts needs no lesson on them."""


class Teachers:
    """The language models that `--pretrained` names.

    Args:
        models: One that reads forward, and perhaps one that reads backward, in any order.

    Raises:
        InputError: There are others, or the two do not fit each other.
    """

    def __init__(self, models: Sequence[Pretrained]) -> None:
        self.models = sorted(models, key=lambda model: model.backward)
        named = " ".join(str(model.folder) for model in self.models)
        if [model.backward for model in self.models] not in ([False], [False, True]):
            raise InputError(
                f"--pretrained {named}: {_described(self.models)}; give one that reads forward, or one that reads "
                "forward and one that reads backward (language_model --backward)"
            )
        if self.both and self.models[0].pieces.known != self.models[1].pieces.known:
            raise InputError(f"--pretrained {named}: their tokens are not the same; train both on the same texts")

    @classmethod
    def found(cls, paths: Sequence[str], cell: str) -> Teachers | None:
        """The models of these paths, as `Pretrained.found` takes them; None where there are none."""
        models = [Pretrained.found(path, cell) for path in paths]
        return cls(models) if models else None

    @property
    def both(self) -> bool:
        """Whether they read from both ends."""
        return len(self.models) > 1

    def config(self, name: str) -> Any:
        """The value of an option of their training.

        Raises:
            InputError: It is not the same for both.
        """
        values = [model.config[name] for model in self.models]
        if values[1:] not in ([], values[:1]):
            raise InputError(
                f"--pretrained: --{name} of {self.models[0].folder} is {values[0]}, of {self.models[1].folder} "
                f"{values[1]}; give two that are alike"
            )
        return values[0]

    @property
    def pieces(self) -> Subwords:
        """Their tokens."""
        return self.models[0].pieces

    def note(self) -> None:
        """Notes their files as data that is read."""
        for model in self.models:
            model.note()

    def refuse_read(self, texts: Sequence[str], data: str) -> None:
        """Refuses test texts that one of them has read, see `Pretrained.refuse_read`."""
        for model in self.models:
            model.refuse_read(texts, data)

    def lessons(
        self,
        texts: Sequence[str],
        encoded: Mapping[str, tuple[np.ndarray, np.ndarray]],
        options: TrainOptions,
    ) -> list[Lesson]:
        """What the models learn of a task's own texts before they teach, see `Pretrained.lesson`.

        Args:
            texts: The training texts.
            encoded: Their tokens and those of the validation texts, as of `Pretrained.lesson`.
            options: The options of the task.
        """
        from common.networks.both_ways import turned

        found = []
        for number, model in enumerate(self.models):
            share = model.share_read(texts)
            if share >= READ_BEFORE:
                say(f"{model.folder} has read {share:.0%} of the training texts: it learns no more from them")
                continue
            read = {split: (turned(*of), of[1]) for split, of in encoded.items()} if model.backward else encoded
            found.append(model.lesson(read, options, reader=number))
        return found

    def taught(self, network: Network) -> tuple[tuple[keras.layers.Layer, ...], ...]:
        """Gives a network the vectors and recurrences of the models; returns its layers, for `Learner.gradually`."""
        return tuple(zip(*(model.taught(reader) for model, reader in zip(self.models, network.readers(), strict=True))))


def _described(models: Sequence[Pretrained]) -> str:
    ways = ["backward" if model.backward else "forward" for model in models]
    return "it reads backward" if ways == ["backward"] else f"they read {', '.join(ways)}"
