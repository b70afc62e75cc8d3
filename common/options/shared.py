"""The options every task shares. A task extends them; the command line is made from them."""

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from cyclopts import Parameter

from common.cells.names import ActivationName, CellName, InitializerName, TrainableName
from common.errors import InputError
from common.options.kinds import Count, NotNegative, Positive, Share, Whole


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class DataOptions:
    """Where examples come from.

    Attributes:
        data: Nothing for the embedded default; "tfds:NAME" for a TFDS data set; or a file or folder of your own.
    """

    data: str | None = None

    def same_data(self, other: Self) -> bool:
        """Whether both read the same, however the path to it is written."""
        return self.data == other.data or (
            None not in (self.data, other.data) and os.path.realpath(self.data) == os.path.realpath(other.data)
        )


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class SavedOptions:
    """Which saved model is meant.

    Attributes:
        cell: Cell of the saved model; the last trained of any cell when not given.
        version: Version of the saved model; the newest when not given.
        output: Folder of the saved models.
    """

    cell: TrainableName | None = None
    version: Count | None = None
    output: Path = Path("saved_models")

    def files(self) -> dict[str, Path]:
        """The files that answers are to be written to, by option."""
        return {}


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class TrainOptions(DataOptions):
    """What training needs to know, whatever the task.

    Attributes:
        cell: Recurrent cell; or mlp or convolution, controls without recurrence that see the last eight inputs.
        layers: Recurrent layers on top of each other.
        units: Width of the hidden state.
        activation: Activation of the cell's candidate and output.
        recurrent_initializer: Where the weights from state to state start.
        bidirectional: Also read backwards; sequences then lie whole inside windows where they fit.
        residual: Add each layer's input to its output where the widths agree.
        epochs: Passes over the training data, at most.
        seconds: Seconds of training, at most; what is spent on validation does not count.
        patience: Epochs without a better validation score before training stops.
        batch_size: Lanes: sequences read side by side.
        window: New steps a training step reads in each lane, k1 of TBPTT.
        reach: Steps back a gradient may travel, k2 >= k1 of TBPTT; the window when not given.
        learning_rate: Step size of the Adam optimiser.
        decay: How fast the step size falls: after n epochs it is divided by 1 + decay * n.
        clip_norm: Largest global norm of a gradient; larger ones are scaled down to it; inf leaves them as they are.
        dropout: Share of units dropped before, between and after the recurrent layers, fixed within a sequence.
        recurrent_dropout: Share of the hidden state dropped inside the recurrence, fixed within a sequence.
        seed: Of the initial weights, the order of the examples and the dropout masks.
        xla: Compile the loops over time with XLA; takes seconds at the start, pays on long runs.
        tensorboard: Folder for TensorBoard logs; none when not given.
        checkpoint_every: Training steps between checkpoints inside an epoch; each epoch's end has one as well.
        resume: Go on with the unfinished run of the same options.
        output: Folder of the saved models.
    """

    cell: TrainableName = "lstm"
    layers: Count = 1
    units: Count = 128
    activation: ActivationName = "tanh"
    recurrent_initializer: InitializerName = "orthogonal"
    bidirectional: bool = False
    residual: bool = False
    epochs: Count = 20
    seconds: Positive | None = None
    patience: Count = 5
    batch_size: Count = 32
    window: Count = 64
    reach: Count | None = None
    learning_rate: Positive = 1e-3
    decay: NotNegative = 0.0
    clip_norm: Positive = 1.0
    dropout: Share = 0.5
    recurrent_dropout: Share = 0.0
    seed: Whole = 0
    xla: bool = False
    tensorboard: Path | None = None
    checkpoint_every: Count = 500
    resume: bool = False
    output: Path = Path("saved_models")

    def __post_init__(self) -> None:
        if self.reach is not None and self.reach < self.window:
            raise InputError(f"--reach {self.reach} is less than --window {self.window}; give {self.window} or more")
        if self.bidirectional and self.reach not in (None, self.window):
            raise InputError(
                "--reach above --window needs a forward-only network; give --no-bidirectional or leave out --reach"
            )

    def digest(self) -> str:
        """Names the run: equal for options that lead to the same training steps."""
        same = {"epochs", "seconds", "patience", "tensorboard", "checkpoint_every", "resume", "output", "xla"}
        kept = {name: value for name, value in self.as_json().items() if name not in same}
        return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:12]

    def as_json(self) -> dict[str, Any]:
        """The options; the path to the data is one that holds in any folder."""
        data = os.path.realpath(self.data) if self.data and os.path.exists(self.data) else self.data
        return {name: str(v) if isinstance(v, Path) else v for name, v in asdict(self).items()} | {"data": data}


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class StudyOptions:
    """What is compared.

    Attributes:
        cells: Cells to compare.
        controls: Also train an MLP and a causal convolution over the last eight inputs, without recurrence.
        seeds: How many seeds each; they change initial weights, order and masks, not the split.
        vary: Further axes: options of train with their values, such as window=16,64,256.
        match: What is held equal between cells: their units; their parameters, by choosing units; or the time of
            --seconds each.
        reference: Cell that the others are compared with; lstm when among the cells, or the first.
        name: Of the study; a study of the same name and options is gone on with.
        jobs: Runs side by side, each on its share of the cores.
        scheduler: Address of a Dask scheduler whose workers do the runs; they must see this folder and have the same
            packages.
    """

    cells: Annotated[tuple[CellName, ...], Parameter(consume_multiple=True)] = get_args(CellName)
    controls: bool = True
    seeds: Count = 5
    vary: Annotated[tuple[str, ...], Parameter(consume_multiple=True)] = ()
    match: Literal["units", "parameters", "time"] = "units"
    reference: CellName | None = None
    name: str = "default"
    jobs: Count = 1
    scheduler: str | None = None
