"""Captioning, one to many: a picture in, a sentence out, and where the network looked at each word."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from common import cells
from common.baselines import captions as plain
from common.cells.seeds import seed_for
from common.errors import InputError, counted
from common.figures.captions import caption_figure, stacked
from common.options import EMBEDDED
from common.reports import say_each
from common.scoring.captions import Captions, Truth, cells_of_things, things_named
from common.serving.captions import GRID, drawn, endpoints, fitted, records, views
from common.serving.export import Export
from common.sources.asked import Inputs, files_of
from common.sources.features import as_given
from common.sources.files import existing
from common.sources.pictures import Pictures
from common.sources.splits import SPLITS
from common.streams import Sequences, Stream
from common.text.captions import END, START, CaptionWords, words_of
from tasks.base import Evaluated, Task
from tasks.captioning_options import KERAS, CaptioningData, CaptioningOptions, CaptioningSaved

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.table import Table

    from common.networks.network import Learner, Network
    from common.networks.picture_windows import PictureWindows
    from common.serving.answer_files import Format, Write
    from common.serving.saved_model import Record, SavedModel
    from common.training.run import Results

TOGETHER = 100
"""Pictures that are encoded at a time."""
EXAMPLE, EXAMPLE_FEATURES = "example.png", "example.npz"
SPREAD = 0.5
"""How far the vectors of cells lie from each other at first: relations are learned from where things are."""
EXPECTED = 0.5
"""The share of training in which hard attention also reads means, in its second half ever less often."""
COVERAGE = 0.01
"""The factor of the penalty of attention where none is given."""


class Captioning(Task):
    """Residual network, grid of features, attention, decoder; beam search inside the saved model."""

    name = "captioning"
    summary = "Captioning, one to many: a sentence about a picture, and where the network looked at each word"
    takes = "pictures of your own"
    twin = "captioner"
    Data = CaptioningData
    Options = CaptioningOptions
    Saved = CaptioningSaved
    score = "cider"
    controls = False

    def check_options(self) -> None:
        options = self.options
        if not cells.is_recurrent(options.cell):
            raise InputError(f"--cell {options.cell}: a decoder starts from a state, which controls do not have")
        if options.bidirectional:
            raise InputError("--bidirectional: a caption is written from its first word to its last; leave it out")
        if options.attention == "none" and options.coverage:
            raise InputError(f"--coverage {options.coverage}: --attention none has no weights; leave it out")
        if options.bias and options.data not in (None, f"{EMBEDDED}scenes"):
            raise InputError(f"--bias {options.bias}: only {EMBEDDED}scenes can have it; leave it or --data out")
        if options.attention == "none" and options.look:
            raise InputError(f"--look {options.look}: --attention none has no weights; leave it out")
        if options.encoder and options.look:
            raise InputError(f"--look {options.look}: the weights of --encoder stay as they are; leave one out")
        if options.encoder and options.features:
            raise InputError(f"--features {options.features}: no pictures are read, and --encoder reads pictures")
        if options.encoder and not options.encoder.startswith(KERAS):
            raise InputError(f"--encoder {options.encoder}: give {KERAS}NAME, such as {KERAS}MobileNetV2")

    def load(self) -> str:
        self.splits = self.records
        if self.options.look and not self.splits.train.truths:
            raise InputError(f"--look {self.options.look}: it is not known where things are; leave it out")
        say_each(self.splits.notes)
        options = self.options
        self.said = {
            split: [list(map(words_of, own)) for own in getattr(self.splits, split).captions] for split in SPLITS
        }
        kept = [words for own in self.said["train"] for words in own if 0 < len(words) <= options.longest]
        if not kept:
            raise InputError(f"--longest {options.longest}: no caption of train is so short; give more")
        self.options = options = options.fitted([len(words) for words in kept])
        self.words = CaptionWords.of(kept, options.vocabulary)
        self.captions = len(kept)
        self.embedded = len(self.words), options.embedding
        sizes = ", ".join(f"{len(getattr(self.splits, split)):,} {split}" for split in SPLITS)
        read = f"{options.size} by {options.size}"
        if self.grid:
            read = f"whose features are {' by '.join(map(str, self.grid))}"
        left_out = sum(map(len, self.said["train"])) - len(kept)
        longer = f", {left_out:,} left out: longer than {options.longest} words or without any" if left_out else ""
        return (
            f"{self.splits.source}: {sizes} pictures of {read}; {len(kept):,} captions in "
            f"train{longer}; {len(self.words):,} words; {counted(options.epochs, 'epoch')}"
        )

    @property
    def grid(self) -> tuple[int, ...] | None:
        """Rows, columns and width of features that were computed elsewhere; None where pictures are read."""
        return self.splits.train.views.shape[1:] if self.options.features else None

    def sequences(self, split: str) -> Sequences:
        from common.layers.pictures import rows_of
        from common.networks.picture_windows import PictureWindows

        pictures: Pictures = getattr(self.splits, split)
        looks = self.options.look and split == "train"
        where = cells_of_things(pictures.truths, rows_of(self.options.size)) if looks else None
        how = {"few_shapes": self.options.xla is not False, "seed": seed_for(self.options.seed, "moves")}
        if split == "train" and not self.grid:
            how["moved"] = self.options.shift
        windows = PictureWindows(pictures.views, START, END, where=where, **how)
        return self._sequences(windows, self.said[split], pictures.truths)

    def _sequences(
        self, windows: PictureWindows, said: Sequence[Sequence[Sequence[str]]], truths: Sequence[Truth]
    ) -> Sequences:
        captions = [
            (number, words)
            for number, own in enumerate(said)
            for words in own
            if 0 < len(words) <= self.options.longest
        ]
        if not captions:
            raise InputError(f"--longest {self.options.longest}: a split has no caption that is so short; give more")
        texts = [np.array(self.words.numbers(words)) for _, words in captions]
        things = None
        if windows.where is not None:
            things = [things_named(words, truths[number]) for number, words in captions]
        return windows.sequences(texts, [number for number, _ in captions], things)

    def learner(self) -> Learner:
        from common.layers.attention import CountingAttention
        from common.layers.hard_attention import HardAttention
        from common.networks.captions import CaptionNetwork
        from common.networks.network import Learner, OwnLoss, own_accuracy
        from common.networks.stacks import recurrent_stack

        options, seed = self.options, self.options.seed
        hard = partial(HardAttention, until=int(EXPECTED * options.epochs * (options.passes or 1) * self.captions))
        attention: Any = {"soft": CountingAttention, "hard": hard}.get(options.attention)
        network = CaptionNetwork(
            len(self.words),
            options.embedding,
            encoder=self._encoder(),
            decoder=recurrent_stack(options, layers=1, seed=seed_for(seed, "decoder")),
            upper=recurrent_stack(options, seed=seed_for(seed, "upper")),
            attention=attention and attention(options.units, seed=seed),
            coverage=COVERAGE if options.coverage is None else options.coverage,
            mentions=options.mentions,
            look=options.look,
            dropout=options.dropout,
            smoothing=options.smoothing,
            seed=seed,
        )
        return Learner(network, OwnLoss(), (own_accuracy,))

    def _encoder(self) -> Any:
        options = self.options
        how = {"width": options.width, "spread": SPREAD, "seed": seed_for(options.seed, "encoder")}
        if self.grid:
            from common.layers.features import GridEncoder

            return GridEncoder(self.grid, **how)
        if options.encoder:
            from common.layers.features import fetched

            return fetched(options.encoder.removeprefix(KERAS), options.size, **how)
        from common.layers.pictures import PictureEncoder

        return PictureEncoder(options.size, **how)

    def config(self) -> dict[str, Any]:
        return super().config() | {GRID: self.grid and list(self.grid)}

    def answers(self, network: Network, stream: Stream, outputs: np.ndarray, *, export: Export) -> Captions:
        def encode(pictures: np.ndarray) -> np.ndarray:
            parts = np.array_split(pictures, -(-len(pictures) // TOGETHER))
            return np.concatenate([network.summarised(part).numpy() for part in parts])

        return Captions.of(export, self.splits.test, encode=encode)

    def baselines(self, answers: Captions) -> dict[str, Callable[[], Captions]]:
        return plain.methods(self.splits.train, answers)

    def figure(self, results: Results) -> Figure:
        return caption_figure(results, title=self.title)

    def steps(self, split: str, number: int) -> list[str]:
        every = [words for words in chain.from_iterable(self.said[split]) if 0 < len(words) <= self.options.longest]
        return ["<start>", *every[number]]

    def export(self, network: Network) -> Export:
        from common.decoding.captioner import Captioner

        options = self.options
        captioner = Captioner(
            network,
            self.words.names,
            beam=options.beam,
            length_power=options.length_power,
            longest=options.longest + 1,
            between=self.words.between,
        )
        found = endpoints(captioner, of_features=self.grid is not None)
        if self.grid or options.encoder:
            return Export(found, [network])
        return Export(found, [network], network, {"words": self.words.names, "between": self.words.between})

    def extras(self, results: Results, folder: Path) -> None:
        """Writes the captions of the test pictures, and one of these to try the saved model with."""
        from PIL import Image

        results.answers.write(folder / "test.csv")
        view, name = self.splits.test.views[0], self.splits.test.names[0]
        if self.grid:
            np.savez(folder / EXAMPLE_FEATURES, **{name: as_given(view)})
        else:
            Image.fromarray(view).save(folder / EXAMPLE)

    def example(self, version: Path) -> str:
        from common.serving.versions import ASSETS

        return str(version / ASSETS / (EXAMPLE_FEATURES if self.grid else EXAMPLE))

    @classmethod
    def inputs(cls, words: Sequence[str], stream: BinaryIO, options: CaptioningSaved) -> Inputs:
        return files_of(words, stream, options, columns=("image",))

    @classmethod
    def asked(cls, model: SavedModel, inputs: Sequence[str], options: CaptioningSaved) -> list[tuple[str, np.ndarray]]:
        return [one for given in inputs for one in views(model, existing(given, "predict"))]

    @classmethod
    def predict(
        cls, model: SavedModel, asked: Sequence[tuple[str, np.ndarray]], options: CaptioningSaved
    ) -> list[Record]:
        how = {"temperature": options.temperature, "top_p": options.top_p} if options.temperature else {}
        return records(model, asked, samples=options.samples, seed=options.seed, how=how)

    @classmethod
    def told(cls, record: Record) -> list[dict[str, Any]]:
        return [{name: record[name] for name in ("caption", "log_probability")}]

    @classmethod
    def show(cls, records: Sequence[Record]) -> Table:
        from common.reports import records_table

        rows = [{name: one[name] for name in ("image", "caption", "log_probability")} for one in records]
        return records_table(cls.name, rows)

    @classmethod
    def formats(cls, model: SavedModel) -> dict[str, dict[str, Format]]:
        @contextmanager
        def pictures(path: Path, columns: Sequence[str]) -> Iterator[Write]:
            yield lambda found: stacked([drawn(record) for _, record in found]).save(path, "PNG")

        return super().formats(model) | {"--plot": {".png": pictures}}

    @classmethod
    def test(cls, model: SavedModel, data: CaptioningData, *, other: bool = False) -> Pictures:
        if model.config.get(GRID) is None and data.features:
            raise InputError(f"--features {data.features}: {model.folder} takes pictures; leave it out")
        if model.config.get(GRID) and not data.features:
            raise InputError(f"--data {data.data}: {model.folder} takes features; give --features as well")
        test = super().test(model, data.sized(model.config["size"]), other=other)
        if not data.features:
            return test
        on_grid = [fitted(view, model, f"{data.features}: {name!r}") for view, name in zip(test.views, test.names)]
        return replace(test, views=np.stack(on_grid))

    @classmethod
    def evaluate(cls, model: SavedModel, test: Pictures) -> Evaluated:
        answers = Captions.of(model, test)
        return Evaluated(answers.scores(), answers.report(), answers.rows())
