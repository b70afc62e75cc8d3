"""A language model: a text in, what follows it out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from common.errors import InputError, counted
from common.figures.language import language_figure
from common.options import from_saved
from common.reports import say, say_each, show_on
from common.scoring.language import Length, Likelihoods, by_place
from common.serving.export import Endpoint, Export
from common.serving.language import (
    CONTEXT,
    PIECES,
    backward,
    continuations,
    losses,
    scored,
    scored_long,
    scores_of_texts,
    told_of,
    written,
)
from common.serving.pretrained import Pretrained, keep_read
from common.sources.plain import PlainTexts
from common.sources.splits import SPLITS
from common.streams import Pieces, Sequences, Stream
from tasks.base import Evaluated, Task
from tasks.language_model_options import LanguageData, LanguageEvaluate, LanguageOptions, LanguageSaved

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.table import Table

    from common.formats.portable import Portable
    from common.networks.network import Learner, Network
    from common.scoring import Scores
    from common.serving.answer_files import Answered
    from common.serving.saved_model import Record, SavedModel
    from common.sources.asked import Asked, Inputs
    from common.text.scripts import Level
    from common.training.run import Results

MOST_TOKENS: dict[Level, int] = {"word": 30000, "subword": 8000, "character": 4000}
ORDERS: dict[Level, int] = {"word": 4, "subword": 4, "character": 7}
"""The longest n-grams of the baseline."""
TOKENS: dict[Level, int] = {"word": 15_000_000, "subword": 15_000_000, "character": 8_000_000}
"""Tokens that a training reads where no number of epochs is given."""
MOST_EPOCHS = 20
"""The most epochs for that."""
CHARACTERS_OF_SUBWORDS = 10_000_000
"""The size of the training texts from which subwords are the default."""


class LanguageModel(Task):
    """Vectors of tokens, recurrent stack, the distribution of the next token."""

    name = "language_model"
    summary = "Language model: what follows a text"
    takes = "the beginnings of texts"
    streams = True
    Data = LanguageData
    Options = LanguageOptions
    Evaluate = LanguageEvaluate
    Saved = LanguageSaved
    score = "bits_per_character"
    higher_score_is_better = False

    def load(self) -> str:
        from common.text.pieces import pieces_of

        options, self.splits = self.options, self.records
        say_each(self.splits.notes)
        train = self.splits.train
        self.ends = len(train) > 1 and not train.are_cut
        small = sum(map(len, train.texts)) < CHARACTERS_OF_SUBWORDS
        self.level: Level = options.level or ("character" if small else "subword")
        size = options.vocabulary or MOST_TOKENS[self.level]
        self.pieces = pieces_of(self.level, train.texts, size=size, min_count=options.min_count)
        self.embedded = len(self.pieces), options.embedding
        self.encoded = {split: self._encoded(self.texts(split).texts) for split in SPLITS}
        tokens = sum(map(len, self.encoded["train"]))
        epochs = options.epochs or min(max(round(TOKENS[self.level] / max(tokens, 1)), 1), MOST_EPOCHS)
        sampled = options.sampled_of(len(self.pieces))
        self.options = replace(options, epochs=epochs, sampled=sampled)
        sizes = ", ".join(f"{len(getattr(self.splits, split)):,} {split}" for split in SPLITS)
        of_sample = f", {sampled:,} in the loss of a training step" if sampled else ""
        return (
            f"{self.splits.source}: {sizes} texts; level {self.level}{'' if options.level else ' by their size'}; "
            f"{tokens:,} training tokens, {len(self.pieces):,} different ones{of_sample}; {counted(epochs, 'epoch')}"
        )

    @property
    def tested(self) -> str:
        return "test" if len(self.splits.test) else "validation"

    def texts(self, split: str) -> PlainTexts:
        """The texts of a split; those of validation where there is no test part."""
        return getattr(self.splits, self.tested if split == "test" else split)

    def sequences(self, split: str) -> Sequences:
        found = self._in_steps(self.encoded[split])
        if self.ends or split == "train":
            return found
        return found.in_pieces(PIECES, least=CONTEXT // 4, context=CONTEXT // 4)

    def _encoded(self, texts: Sequence[str]) -> list[np.ndarray]:
        """The numbers of the tokens of texts, in the order in which they are read."""
        from common.text.pieces import encoded

        return [one[::-1] if self.options.backward else one for one in encoded(self.pieces, texts)]

    def _in_steps(self, texts: Sequence[np.ndarray]) -> Sequences:
        """The steps of encoded texts."""
        options, sides = self.options, [self._read_and_predicted(one) for one in texts]
        tokens, reference = (np.concatenate(side) for side in zip(*sides))
        return Sequences(
            np.array([len(read) for read, _ in sides]),
            {"tokens": tokens, "reference": reference},
            targets=np.zeros(len(tokens), np.int32),
            weights=np.ones(len(tokens), np.float32),
            pieces=None if self.ends else Pieces(options.window, per_lane=1 if len(sides) == 1 else 4),
            mask_steps=None if self.ends else options.window,
        )

    def _read_and_predicted(self, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What the network reads of a text, and what it predicts at each step."""
        from common.text.subwords import END, START

        read, predicted = np.append(np.int32(START), tokens), np.append(tokens, np.int32(END))
        return (read, predicted) if self.ends else (read[:-1], predicted[:-1])

    def steps(self, split: str, number: int) -> list[str]:
        from common.text.subwords import START

        return self.pieces.spelled([START, *self.encoded[split][number]])

    def learner(self) -> Learner:
        from common.networks.language import LanguageNetwork
        from common.networks.network import Learner, OwnLoss, own_accuracy
        from common.networks.stacks import recurrent_stack

        options = self.options
        network = LanguageNetwork(
            len(self.pieces),
            options.embedding,
            recurrent_stack(options, weight_dropout=options.weight_dropout),
            dropout=options.dropout,
            token_dropout=options.token_dropout,
            smoothing=options.smoothing,
            sampled=options.sampled,
            activation_penalty=options.activation_penalty,
            change_penalty=options.change_penalty,
            seed=options.seed,
        )
        return Learner(network, OwnLoss(), (own_accuracy,))

    def answers(self, network: Network, stream: Stream, outputs: np.ndarray, *, export: Export) -> Likelihoods:
        of_steps, backward = stream.at_steps(outputs)[:, 0], self.options.backward
        prompt = {"prompt": "", "state": np.zeros(0, np.float32), "seed": self.options.seed}
        more = {"length": 400 if self.level == "character" else 100, "temperature": 0.8, "top_k": 0, "top_p": 1.0}
        return self._likelihoods(
            of_steps if self.ends else losses(scored_long(export, self.texts("test").texts, backward=backward)),
        )._replace(
            places=by_place(of_steps, stream.sequences.lengths),
            sample=export.ask([prompt], "continue", **more)[0]["text"],
        )

    def _likelihoods(self, losses: np.ndarray) -> Likelihoods:
        texts = self.texts("test").texts
        sizes = [(len(tokens) + self.ends, len(text) + self.ends) for tokens, text in zip(self.encoded["test"], texts)]
        return Likelihoods(losses, Length.of(texts, ends=self.ends), texts=np.array(sizes))

    def baselines(self, answers: Likelihoods) -> dict[str, Callable[[], Likelihoods]]:
        from common.baselines.ngrams import NGrams, unigram_losses

        train, test = (
            [np.append(read[:1], predicted) for read, predicted in map(self._read_and_predicted, self.encoded[split])]
            for split in ("train", "test")
        )
        order, size = ORDERS[self.level], len(self.pieces)
        return {
            "unigram": lambda: self._likelihoods(unigram_losses(train, test, size)),
            f"kneser_ney_{order}_gram": lambda: self._likelihoods(NGrams(train, size, order).losses(test)),
        }

    def figure(self, results: Results) -> Figure:
        return language_figure(results, title=self.title)

    def keep(self, folder: Path) -> None:
        keep_read(folder, self.splits.train.texts + self.splits.validation.texts)

    def config(self) -> dict[str, Any]:
        """The options, with the level that was chosen, whether texts have ends, and the split that was scored."""
        return super().config() | {"level": self.level, "ends": self.ends, "tested": self.tested}

    def export(self, network: Network) -> Export:
        from common.decoding.writer import AXES, SIGNATURES, Writer
        from common.networks.inside import INSIDE, axes, has_inside

        seen = np.unique(np.concatenate(self.encoded["train"]))
        writer = Writer(network, self.pieces, ends=self.ends, seen=seen, backward=self.options.backward)
        functions = writer.functions
        endpoints = {name: Endpoint(functions[name], one, AXES.get(name, {})) for name, one in SIGNATURES.items()}
        if has_inside(network.stack):
            endpoints[INSIDE] = Endpoint(writer.inside, SIGNATURES["score"], axes(network.stack))
        return Export(endpoints, [network, *self.pieces.lookups], network, {"pieces": self.pieces.known})

    def example(self, version: Path) -> str:
        return "This film" if self.options.data is None else self.texts("test").texts[0].split("\n")[0][:40]

    @classmethod
    def inputs(cls, words: Sequence[str], stream: BinaryIO, options: LanguageSaved) -> Inputs:
        from common.sources.asked import texts_of

        if options.score:
            scored_file = replace(options, score=None, tokens=False, input_file=options.score)
            return texts_of(words, stream, scored_file, option="--score")
        return super().inputs(words, stream, options)

    @classmethod
    def predict(cls, model: SavedModel, asked: Sequence[str], options: LanguageSaved) -> list[Record]:
        if options.score:
            found = scored(model, asked, backward=backward(model))
            return [told_of(answer, tokens=options.tokens) for answer in found]
        return continuations(model, options.drawn(asked), backward=backward(model))

    @classmethod
    def portable(cls, model: SavedModel) -> Portable:
        from common.formats.language import portable
        from common.serving.structure import Structure

        return portable(Structure(model), ends=model.config["ends"])

    @classmethod
    def live(cls, model: SavedModel, asked: Sequence[str], options: LanguageSaved) -> bool:
        if options.score or backward(model):
            return False
        for prompt, how in options.drawn(asked):
            show_on(prompt)
            for text in written(model, prompt, how):
                show_on(text)
            say("")
        return True

    @classmethod
    def answered(cls, inputs: Sequence[Asked], records: Sequence[Record]) -> Answered:
        samples = len(records) // max(len(inputs), 1)
        return [(inputs[number // samples], record) for number, record in enumerate(records)]

    @classmethod
    def show(cls, records: Sequence[Record]) -> Table:
        return scores_of_texts(cls.name, records) if records and "nats" in records[0] else super().show(records)

    @classmethod
    def told(cls, record: Record) -> list[dict[str, Any]]:
        tokens = record.get("tokens")
        return super().told(record) if tokens is None else tokens

    @classmethod
    def test(cls, model: SavedModel, data: LanguageData, *, other: bool = False) -> PlainTexts:
        if other and data.data:
            return data.load_test()
        splits = data.load()
        return splits.test if len(splits.test) else splits.validation

    @classmethod
    def evaluate(cls, model: SavedModel, test: PlainTexts) -> Evaluated:
        ends = model.config["ends"]
        found = (scored if ends else scored_long)(model, test.texts, backward=backward(model))
        answers = Likelihoods(losses(found), Length.of(test.texts, ends=ends))
        return Evaluated(answers.scores(), answers.report(), (told_of(answer) for answer in found))

    @classmethod
    def scored_otherwise(cls, model: SavedModel, test: PlainTexts, options: LanguageEvaluate) -> dict[str, Scores]:
        """With `--dynamic-evaluation`, the scores of a network that is made again and adapted to the texts."""
        if not options.dynamic_evaluation:
            return {}
        from common.training.dynamic import DynamicEvaluation

        task = cls(from_saved(cls.Options, model.config))
        try:
            task.load()
        except InputError as error:
            raise InputError(f"--dynamic-evaluation: needs the texts that the model learned from; {error}") from error
        known = Pretrained(model.folder, "--dynamic-evaluation")
        if not known.has_read(task.splits.train.texts + task.splits.validation.texts):
            told = f"{task.splits.source} is not what {model.folder} learned from"
            raise InputError(f"--dynamic-evaluation: {told}; restore the texts, or train again")
        adapted = DynamicEvaluation(known.network(), task.sequences("train"))
        found = adapted.losses(task._in_steps(task._encoded(test.texts)))
        return {f"{model.folder}, dynamic": Likelihoods(found, Length.of(test.texts, ends=task.ends)).scores()}
