"""The data that a saved model is scored on: that of its training, where no other is given."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from common import interrupts
from common.cli.imports import import_tensorflow
from common.options import DataOptions, from_saved

if TYPE_CHECKING:
    from common.serving.saved_model import SavedModel
    from tasks.base import Task


class Tested(NamedTuple):
    """A test split.

    Attributes:
        test: What `Task.test` returned.
        split: Its name.
        data: Where it comes from, in words.
    """

    test: Any
    split: str
    data: str

    @classmethod
    def read(cls, kind: type[Task], model: SavedModel, given: DataOptions) -> Self:
        """Reads the test split of a saved model's data; options of data that are given replace those of the model."""
        learned = from_saved(kind.Data, model.config)
        data = replace(learned, **{name: value for name, value in vars(given).items() if value is not None})
        if not data.at_hand:
            import_tensorflow()  # Some readers do, and less quietly.
        other = not data.same_data(learned)
        with interrupts.working():
            test = kind.test(model, data, other=other)
        split = "test" if other else model.config.get("tested", "test")
        names = [each.data or "the embedded data" for each in (data, learned)]
        part = f"; the model learned from {names[1]}" if other else f", its {split} part"
        return cls(test, split, f"{names[0]}{part}")
