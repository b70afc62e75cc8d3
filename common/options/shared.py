"""The options that every task shares. A task extends them; the command line is made from them."""

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

from cyclopts import Parameter

from common.cells.names import ActivationName, CellName, InitializerName, TrainableName
from common.errors import InputError
from common.options.cluster import StrategyName
from common.options.fields import meanings, option
from common.options.kinds import Count, Encoding, Folder, Layers, NotNegative, Positive, Seed, Share, Steps
from common.options.ranges import Choice, Linear, Log

FORMAT = 8
"""The format of unfinished runs and studies. Raise it when older ones cannot be continued: they are then refused."""

PrecisionName = Literal["float32", "mixed_bfloat16"]

TFDS, EMBEDDED = "tfds:", "embedded:"
"""What the name of a TFDS data set, or of an embedded one, follows in `--data`."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class DataOptions:
    """Where examples come from.

    Attributes:
        data: "tfds:NAME" for a TFDS data set, or a file or folder of your own. Not given: the embedded data.
    """

    data: str | None = None

    @property
    def at_hand(self) -> bool:
        """Whether the data is in files: it is then read without TensorFlow, and nothing is fetched."""
        return self.data is not None and not self.data.startswith((TFDS, EMBEDDED))

    def load(self) -> Any:
        """Reads the data; here there is none."""

    def same_data(self, other: Self) -> bool:
        """Whether both name the same data, however its path is written."""
        return self.data == other.data or (
            None not in (self.data, other.data) and os.path.realpath(self.data) == os.path.realpath(other.data)
        )


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class SavedOptions:
    """Which saved model to use.

    Attributes:
        cell: Cell of the saved model; the model trained last, of any cell, when not given.
        version: Version of the saved model; the newest when not given.
        output: Folder of the saved models.
        model: Folder of the saved model, or of its numbered versions; instead of the three options before.
    """

    cell: TrainableName | None = None
    version: Count | None = None
    output: Folder = Path("saved_models")
    model: Folder | None = None

    def __post_init__(self) -> None:
        for name in ("cell", "version") if self.model is not None else ():
            if getattr(self, name) is not None:
                raise InputError(f"--model {self.model}: says which model it is; leave out --{name}")


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class EvaluateOptions(SavedOptions):
    """Which saved model to score, and where its predictions are written.

    Attributes:
        input_file: File of labelled examples; another name for --data.
        output_file: File to write the predictions to, each beside its reference: .csv, .tsv or .jsonl.
    """

    input_file: Path | None = None
    output_file: Path | None = None


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ExportOptions(SavedOptions):
    """Which saved model to export, and how.

    Attributes:
        format: onnx for ONNX Runtime, or litert for LiteRT, which was TensorFlow Lite.
        int8: Round the weights of LiteRT to 8 bits: a smaller file, answers that differ a little.
        to: Folder to write; by default the name of the format in the folder of the saved model.
        verify: Also compare the answers to the whole test split of the model's own data; the options of data name
            other data.
    """

    format: Literal["onnx", "litert"] = "onnx"
    int8: bool = False
    to: Folder | None = None
    verify: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.int8 and self.format != "litert":
            raise InputError(f"--int8: for --format litert, not {self.format}; leave it out, or give --format litert")

    @property
    def runtime(self) -> str:
        """The name of the format, also that of its folder."""
        return f"{self.format}-int8" if self.int8 else self.format


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class PredictOptions(SavedOptions):
    """Which saved model to use, what it is asked, and where its answers are written.

    Attributes:
        input_file: File of the inputs, instead of those on the command line.
        output_file: File to write the answers to; its suffix says how.
        stream: Answer standard input as it comes, after every word or every row.
    """

    input_file: Path | None = None
    output_file: Path | None = None
    stream: bool = False

    def files(self) -> dict[str, Path]:
        """The files that `predict` is to write, by the flag that names each: `{"--plot": path}`."""
        return {"--output-file": self.output_file} if self.output_file else {}


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class PredictTexts(PredictOptions):
    """Which saved model to use, what texts it is asked, and where its answers are written.

    Attributes:
        input_file: File of texts: CSV, TSV or JSON lines with a text column, or .txt with a text on each line; also as
            .gz. It is read in constant memory.
        text_column: Name of the text column of the input file; found by its usual names when not given.
        encoding: Text encoding of the input file.
        stream: Answer standard input as it comes, after every word; each line is a text.
        output_file: File to write the answers to: .csv, .tsv or .jsonl, with the columns of the input, or .txt with an
            answer on each line.
    """

    text_column: str | None = None
    encoding: Encoding = "utf-8"


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class TrainOptions(DataOptions):
    """The options of training that all tasks share.

    Attributes:
        cell: Recurrent cell; or mlp, convolution or time_delay, controls without recurrence that see the last eight
            inputs.
        layers: Number of stacked recurrent layers.
        units: Width of the hidden state.
        activation: Activation of the cell's candidate and output.
        recurrent_initializer: Initial values of the recurrent weights, from state to state.
        bidirectional: Also read backwards; a sequence that fits into a window then lies in a single window.
        residual: Add each layer's input to its output where the widths agree.
        epochs: Maximum number of epochs.
        passes: Passes over the training data that make an epoch. Not given: 1, and more where a pass has few training
            steps.
        seconds: Maximum time of training in seconds; time spent on validation does not count.
        patience: Epochs without a better validation score before training stops. Not given: what suits the task; all
            where the step size falls to zero, as the last epochs are then the best ones.
        batch_size: Number of lanes: sequences read at the same time. Not given: what suits the task, and fewer where an
            epoch would have few training steps.
        window: New steps that a training step reads in each lane, k1 of TBPTT.
        reach: Maximum number of steps that a gradient travels back, k2 >= k1 of TBPTT; by default the window.
        learning_rate: Step size of the Adam optimiser.
        schedule: How the step size falls: inverse, as --decay says; or linear, to zero at the end of --epochs.
        decay: How fast the step size falls by schedule inverse: after n epochs it is divided by 1 + decay * n.
        weight_decay: Share of each weight that a training step takes away, times the step size (AdamW).
        clip_norm: Maximum global norm of a gradient; a larger gradient is scaled down to it. inf clips nothing.
        dropout: Share of units dropped before, between and after the recurrent layers, fixed within a sequence.
        recurrent_dropout: Share of the hidden state dropped inside the recurrence, fixed within a sequence.
        seed: Seed of the initial weights, the order of the examples and the dropout masks.
        xla: Compile the training step with XLA: some seconds at the start, faster steps after. Not given: where a
            training is long enough to gain by it.
        precision: Precision of the products in training: float32; or mixed_bfloat16, where those of recurrences and
            vocabularies are rounded to 16 bits, for GPUs and processors that are faster at it.
        steps_per_execution: Training steps that one call runs; progress is shown, and the time looked at, after each
            call. With a strategy it is 1.
        strategy: one device; mirrored, on all GPUs of this machine; or multiworker, on the workers that TF_CONFIG
            names. Not given: multiworker where TF_CONFIG names several, else one.
        tensorboard: Folder for TensorBoard logs, with a folder for each run; none are written when not given.
        checkpoint_every: Training steps between the places inside an epoch where a checkpoint may be written; the end
            of an epoch is one, too.
        checkpoint_share: Maximum share of the time that checkpoints take: one is left out where too little time has
            passed since the one before. The end of training, Ctrl-C and SIGTERM always write one; inf leaves out none.
        resume: Resume the unfinished run of the same options.
        output: Folder of the saved models.
    """

    cell: TrainableName = option("lstm", study="set", tune=Choice(get_args(CellName), asked=True))
    layers: Layers = option(1, tune=Linear(1, 3))
    units: Count = option(128, tune=Log(16, 512))
    activation: ActivationName = option("tanh", tune=Choice(get_args(ActivationName), asked=True))
    recurrent_initializer: InitializerName = option("orthogonal", tune=Choice(get_args(InitializerName), asked=True))
    bidirectional: bool = False
    residual: bool = option(False, tune=Choice((False, True), asked=True))
    lanes: ClassVar[int] = 32
    """Those of data of common size, where no batch size is given."""

    epochs: Count = option(20, trains=False)
    passes: Steps | None = None
    seconds: Positive | None = option(None, trains=False)
    patience: Count | None = option(None, trains=False)
    usual_patience: ClassVar[int] = 5
    """That of the task, where none is given."""
    batch_size: Count | None = option(None, tune=Log(4, 128, asked=True))
    window: Steps = option(64, tune=Log(8, 256))
    reach: Steps | None = None
    learning_rate: Positive = option(1e-3, tune=Log(1e-4, 3e-2))
    schedule: Literal["inverse", "linear"] = option("inverse", tune=Choice(("inverse", "linear"), asked=True))
    decay: NotNegative = option(0.0, tune=Linear(0.0, 0.5, asked=True))
    weight_decay: NotNegative = option(0.0, tune=Log(1e-3, 1.0, asked=True))
    clip_norm: Positive = option(1.0, tune=Log(0.1, 10.0, asked=True))
    dropout: Share = option(0.5, tune=Linear(0.0, 0.7))
    recurrent_dropout: Share = option(0.0, tune=Linear(0.0, 0.5, asked=True))
    seed: Seed = option(0, study="set")
    xla: bool | None = option(None, trains=False)
    precision: PrecisionName = "float32"
    steps_per_execution: Steps = option(8, trains=False)
    strategy: StrategyName | None = option(None, trains=False, study="refused")
    tensorboard: Folder | None = option(None, trains=False, study="place")
    checkpoint_every: Count = option(500, trains=False, study="free")
    checkpoint_share: Positive = option(0.02, trains=False, study="free")
    resume: bool = option(False, trains=False, study="refused")
    output: Folder = option(Path("saved_models"), trains=False, study="place")

    def __post_init__(self) -> None:
        if self.reach is not None and self.window is not None and self.reach < self.window:
            raise InputError(f"--reach {self.reach} is less than --window {self.window}; give {self.window} or more")
        if self.bidirectional and self.reach not in (None, self.window):
            raise InputError(
                "--reach above --window needs a forward-only network; give --no-bidirectional or leave out --reach"
            )

    @property
    def patient_for(self) -> int:
        """Epochs without a better validation score before training stops."""
        return self.patience or (self.epochs if self.schedule == "linear" else self.usual_patience)

    def digest(self) -> str:
        """The name of the unfinished run: equal for options with the same training steps; it begins with `FORMAT`."""
        return f"{FORMAT}-{hashlib.sha256(json.dumps(self.training(), sort_keys=True).encode()).hexdigest()[:12]}"

    def training(self) -> dict[str, Any]:
        """The options that change the training steps, as JSON-ready values."""
        meaning = meanings(type(self))
        falls_to_end = {"epochs"} if self.schedule == "linear" else set()
        return {n: value for n, value in self.as_json().items() if meaning[n].trains or n in falls_to_end}

    def as_json(self) -> dict[str, Any]:
        """The options as JSON-ready values; paths to what is read are absolute."""

        def ready(name: str, value: Any) -> Any:
            path = str(value) if isinstance(value, Path) else value
            return _absolute(path) if name == "data" or (path is not value and name not in WRITTEN) else path

        return {name: ready(name, value) for name, value in asdict(self).items()}


WRITTEN = ("output", "tensorboard")
"""Options that name folders to write to."""


def _absolute(path: str | None) -> str | None:
    return os.path.realpath(path) if path and os.path.exists(path) else path


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class StudyOptions:
    """What a study compares.

    Attributes:
        cells: Cells to compare.
        controls: Also train an MLP, a causal convolution and a time-delay network over the last eight inputs, without
            recurrence.
        seeds: Number of seeds of each cell; a seed changes initial weights, order and masks, not the split.
        vary: Options of train to vary, each with its values, such as window=16,64,256; all combinations are trained.
        match: What is equal for all cells: units; parameters, by choosing units; or time, the --seconds of each run.
        reference: Cell that the others are compared with; by default lstm, or the first cell if lstm is not among them.
        name: Name of the study; the same name and options continue a study.
        jobs: Runs at the same time, each on its share of the cores.
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


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class TuneOptions:
    """What a search tries, and for how long.

    Attributes:
        trials: Number of trials of the search, those of earlier calls among them.
        search_seconds: Maximum time of this call in seconds; trials at work are then saved, and the same command goes
            on with them. (--seconds is the maximum of each trial.)
        only: Options to search, such as units,dropout. Not given: all with a range of their own, but those that are
            given another value than their default, which keep it.
        range: A range instead of an option's own, such as units=32..256 or cell=lstm,gru; may be given several times.
            The option is then searched.
        prune: Stop a trial whose validation value is worse than the median of the others after as many epochs.
        name: Name of the search; the same name and options continue a search.
        jobs: Trials at the same time, each on its share of the cores.
    """

    trials: Count = 20
    search_seconds: Positive | None = None
    only: Annotated[tuple[str, ...], Parameter(consume_multiple=True)] = ()
    range: Annotated[tuple[str, ...], Parameter(consume_multiple=True)] = ()
    prune: bool = True
    name: str = "default"
    jobs: Count = 1
