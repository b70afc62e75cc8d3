"""The options of captioning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from cyclopts import Parameter
from cyclopts.validators import Number

from common.errors import InputError
from common.options import (
    Beam,
    Choice,
    Count,
    DataOptions,
    Encoding,
    Linear,
    Log,
    NotNegative,
    Positive,
    PredictOptions,
    Seed,
    Share,
    Steps,
    TopP,
    TrainOptions,
    Whole,
    option,
)
from common.sources.load import load, load_test
from common.sources.pictures import PictureReader, Pictures
from common.sources.splits import Splits

CAPTIONS_OF_A_LANE, SHORTEST, LONGEST = 15, 8, 128
"""Captions that a window has in each lane where no window is given, and the least and most steps of such a window."""
CAPTIONS, FEWEST, MOST = 1_200_000, 4, 40
"""Captions that a training reads where no number of epochs is given, and the fewest and most epochs for that."""
SHIFT = 24
"""The share of a picture's side by which it is moved at most, where no number of pixels is given: one of so many."""
KERAS = "keras:"
"""What stands before the name of a network of `keras.applications`."""
Size = Annotated[int, Parameter(validator=Number(gte=16, lte=1024))]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class CaptioningData(DataOptions):
    """Where pictures with captions come from.

    Attributes:
        data: "tfds:coco_captions" or another TFDS data set; or a table (CSV, TSV, JSON lines) with a row for each
            caption, columns image and caption, or COCO's JSON of captions, with the pictures beside it or in folders
            below; or a folder of these. Not given: the embedded scenes, "embedded:scenes".
        size: Pictures are stretched to squares of so many pixels a side.
        image_column: Name of the column of picture files; found by its usual names when not given.
        caption_column: Name of the column of captions; found by its usual names when not given.
        encoding: Text encoding of the files of captions.
        drop_seen: Leave out of train what another given split has as well.
        features: An .npz file of features that were computed elsewhere, which are read instead of the pictures: an
            array for each under the name of its file, or names and features; [width], [regions, width] or
            [rows, columns, width] each.
        bias: OBJECT=GROUND:SHARE, such as boat=water:0.9: of the embedded scenes for training that show the object,
            that share is on the ground; of those for testing no more than of others. How often captions follow the
            ground is scored.
    """

    size: Size = 96
    image_column: str | None = None
    caption_column: str | None = None
    encoding: Encoding = "utf-8"
    drop_seen: bool = False
    features: Path | None = None
    bias: str | None = None

    def load(self) -> Splits[Pictures]:
        """Reads the three splits."""
        return load(self.data, self._reader())

    def load_test(self) -> Pictures:
        """Reads the pictures for evaluating a model that was trained on other data."""
        return load_test(self.data, self._reader())

    def sized(self, size: int) -> CaptioningData:
        """The same data in the size that a model reads."""
        return replace(self, size=size)

    def _reader(self) -> PictureReader:
        if self.features and not self.at_hand:
            raise InputError(f"--features {self.features}: only for captions in files of your own; give --data")
        names = {"image_column": self.image_column, "caption_column": self.caption_column}
        more = {"encoding": self.encoding, "drop_seen": self.drop_seen, "bias": self.bias}
        more["features"] = self.features and Path(self.features)
        return PictureReader(size=self.size, **names, **more)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class CaptioningOptions(CaptioningData, TrainOptions):
    """What training a captioner needs to know.

    Attributes:
        window: New steps that a training step reads in each lane. Not given: so many that a lane sees about 15
            captions. A picture is encoded once for all its captions in a window.
        epochs: Maximum number of epochs. Not given: as many as read about 1,200,000 captions; 4 to 40.
        layers: Recurrent layers of the decoder above its first layer, which queries attention.
        embedding: Width of the vectors of words, which the readout shares.
        vocabulary: Maximum number of words.
        attention: soft reads the mean of the picture's cells by weights; hard reads one cell, and learns where to look
            by REINFORCE; with none the decoder only starts from the picture.
        coverage: Factor of the penalty for cells whose weights do not sum to 1 over a caption. Not given: 0.01 with
            attention.
        mentions: Factor of a further loss in training: which words the captions of a picture have is predicted from its
            summary.
        look: Factor of the penalty for attention beside the thing that a word names; only of embedded:scenes it is
            known where things are.
        encoder: keras:NAME is a network of keras.applications, such as keras:MobileNetV2, with its weights from
            ImageNet, which are fetched once and stay as they are. Not given: a small residual network, trained along.
        width: Features of a cell of the picture's grid.
        shift: In training each picture is moved by up to so many pixels, anew in each epoch. Not given: a 24th of its
            side. Features are not moved.
        longest: Maximum number of words of a caption. Longer ones are left out of training.
        smoothing: Share of a word's probability that is spread over all words in training.
        beam: Hypotheses that beam search keeps.
        length_power: Power of the length by which log-probabilities of hypotheses are divided.
    """

    lanes: ClassVar[int] = 4

    window: Steps | None = option(None, tune=Log(8, 256, asked=True))
    embedding: Count = option(128, tune=Log(32, 512))
    vocabulary: Count = 10_000
    attention: Literal["soft", "hard", "none"] = option("soft", tune=Choice(("soft", "hard", "none"), asked=True))
    coverage: NotNegative | None = option(None, tune=Linear(0.0, 1.0, asked=True))
    mentions: NotNegative = option(1.0, tune=Linear(0.0, 2.0, asked=True))
    look: NotNegative = option(0.0, tune=Linear(0.0, 1.0, asked=True))
    encoder: str | None = None
    width: Count = option(64, tune=Log(16, 256, asked=True))
    shift: Whole | None = option(None, tune=Choice((0, 2, 4, 8), asked=True))
    longest: Count = 50
    smoothing: Share = option(0.0, tune=Linear(0.0, 0.3, asked=True))
    beam: Beam = 3
    length_power: NotNegative = 1.0
    learning_rate: Positive = 3e-3
    dropout: Share = option(0.1, tune=Linear(0.0, 0.7))
    schedule: Literal["inverse", "linear"] = "linear"
    epochs: Count | None = option(None, trains=False)

    def fitted(self, lengths: Sequence[int]) -> Self:
        """The options with those that are not given, for captions of train with so many words."""
        wanted = CAPTIONS_OF_A_LANE * sum(length + 1 for length in lengths) // len(lengths)
        fitting = 2 ** (min(max(wanted, SHORTEST), LONGEST).bit_length() - 1)
        window = self.window or min(fitting, self.reach or fitting)
        epochs = self.epochs or min(max(round(CAPTIONS / len(lengths)), FEWEST), MOST)
        shift = self.size // SHIFT if self.shift is None else self.shift
        return replace(self, window=window, epochs=epochs, shift=shift)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class CaptioningSaved(PredictOptions):
    """Which saved captioner to use, what pictures it is asked, and where its answers are written.

    Attributes:
        input_file: Picture file, as a word of the command line names it: PNG, JPEG, BMP or GIF; for a model that takes
            features, a file of these.
        output_file: File to write the captions to: .csv, .tsv or .jsonl.
        temperature: Draw captions at random instead of searching for the likeliest; below 1 likely words become
            likelier. 0 draws none.
        top_p: Only the most likely words may be drawn that together have this probability; 1 is all.
        samples: Number of captions that are drawn of each picture.
        seed: Fixes what is drawn.
        plot: A PNG file: each picture with its caption, and once for each word, lit where the captioner looked.
    """

    input_file: Path | None = None
    temperature: NotNegative = 0.0
    top_p: TopP = 1.0
    samples: Count = 1
    seed: Seed = 0
    plot: Path = Path("captions.png")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.temperature:
            for name in ("samples", "top_p", "seed"):
                if (given := getattr(self, name)) != getattr(type(self), name):
                    flag = f"--{name.replace('_', '-')} {given}"
                    raise InputError(f"{flag}: the likeliest caption is not drawn; give --temperature as well")

    def files(self) -> dict[str, Path]:
        return super().files() | {"--plot": self.plot}
