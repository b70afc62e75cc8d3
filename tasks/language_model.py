"""A language model: a text in, what follows it out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from rich.table import Table

from common.errors import counted
from common.figures.language import language_figure
from common.reports import coloured_cell, say, say_each, show_on, text_cell
from common.scoring.language import Length, Likelihoods, by_place
from common.serving.export import Endpoint, Export
from common.serving.language import CONTEXT, PIECES, How, losses, scored, scored_long, told_of, written
from common.sources.plain import PlainTexts
from common.sources.splits import SPLITS
from common.streams import Pieces, Sequences, Stream
from tasks.base import Evaluated, Task
from tasks.language_model_options import LanguageData, LanguageOptions, LanguageSaved

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from common.networks.network import Learner, Network
    from common.serving.answer_files import Answered
    from common.serving.saved_model import Record, SavedModel
    from common.sources.asked import Asked, Inputs
    from common.text.scripts import Level
    from common.training.run import Results

MOST_TOKENS: dict[Level, int] = {"word": 30000, "subword": 8000, "character": 4000}
ORDERS: dict[Level, int] = {"word": 4, "subword": 4, "character": 7}
"""The longest n-grams of the baseline."""
TOKENS, MOST_EPOCHS = 8_000_000, 20
"""Tokens that a training reads where no number of epochs is given, and the most epochs for that."""
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
    Saved = LanguageSaved
    score = "bits_per_character"
    higher_score_is_better = False

    def load(self) -> str:
        from common.text.pieces import encoded, pieces_of

        options, self.splits = self.options, self.records
        say_each(self.splits.notes)
        train = self.splits.train
        self.ends = len(train) > 1 and not train.are_cut
        small = sum(map(len, train.texts)) < CHARACTERS_OF_SUBWORDS
        self.level: Level = options.level or ("character" if small else "subword")
        size = options.vocabulary or MOST_TOKENS[self.level]
        self.pieces = pieces_of(self.level, train.texts, size=size, min_count=options.min_count)
        self.embedded = len(self.pieces), options.embedding
        self.encoded = {split: encoded(self.pieces, self.texts(split).texts) for split in SPLITS}
        tokens = sum(map(len, self.encoded["train"]))
        epochs = options.epochs or min(max(round(TOKENS / max(tokens, 1)), 1), MOST_EPOCHS)
        self.options = replace(options, epochs=epochs)
        sizes = ", ".join(f"{len(getattr(self.splits, split)):,} {split}" for split in SPLITS)
        return (
            f"{self.splits.source}: {sizes} texts; level {self.level}{'' if options.level else ' by their size'}; "
            f"{tokens:,} training tokens, {len(self.pieces):,} different ones; {counted(epochs, 'epoch')}"
        )

    @property
    def tested(self) -> str:
        return "test" if len(self.splits.test) else "validation"

    def texts(self, split: str) -> PlainTexts:
        """The texts of a split; those of validation where there is no test part."""
        return getattr(self.splits, self.tested if split == "test" else split)

    def sequences(self, split: str) -> Sequences:
        options, sides = self.options, [self._read_and_predicted(one) for one in self.encoded[split]]
        tokens, reference = (np.concatenate(side) for side in zip(*sides))
        found = Sequences(
            np.array([len(read) for read, _ in sides]),
            {"tokens": tokens, "reference": reference},
            targets=np.zeros(len(tokens), np.int32),
            weights=np.ones(len(tokens), np.float32),
            pieces=None if self.ends else Pieces(options.window, per_lane=1 if len(sides) == 1 else 4),
            mask_steps=None if self.ends else options.window,
        )
        if self.ends or split == "train":
            return found
        return found.in_pieces(PIECES, least=CONTEXT // 4, context=CONTEXT // 4)

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
            recurrent_stack(options),
            dropout=options.dropout,
            token_dropout=options.token_dropout,
            smoothing=options.smoothing,
            activation_penalty=options.activation_penalty,
            change_penalty=options.change_penalty,
            seed=options.seed,
        )
        return Learner(network, OwnLoss(), (own_accuracy(),))

    def answers(self, network: Network, stream: Stream, outputs: np.ndarray, *, export: Export) -> Likelihoods:
        of_steps = stream.at_steps(outputs)[:, 0]
        prompt = {"prompt": "", "state": np.zeros(0, np.float32), "seed": self.options.seed}
        more = {"length": 400 if self.level == "character" else 100, "temperature": 0.8, "top_k": 0, "top_p": 1.0}
        return self._likelihoods(
            of_steps if self.ends else losses(scored_long(export, self.texts("test").texts)),
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
        order = ORDERS[self.level]
        return {
            "unigram": lambda: self._likelihoods(unigram_losses(train, test, len(self.pieces))),
            f"kneser_ney_{order}_gram": lambda: self._likelihoods(NGrams(train, len(self.pieces), order).losses(test)),
        }

    def figure(self, results: Results) -> Figure:
        return language_figure(results, title=self.title)

    def config(self) -> dict[str, Any]:
        """The options, with the level that was chosen, whether texts have ends, and the split that was scored."""
        return super().config() | {"level": self.level, "ends": self.ends, "tested": self.tested}

    def export(self, network: Network) -> Export:
        from common.decoding.writer import AXES, SIGNATURES, Writer
        from common.networks.inside import INSIDE, axes, has_inside

        seen = np.unique(np.concatenate(self.encoded["train"]))
        writer = Writer(network, self.pieces, ends=self.ends, seen=seen)
        endpoints = {
            name: Endpoint(writer.functions[name], signature, AXES.get(name, {}))
            for name, signature in SIGNATURES.items()
        }
        if has_inside(network.stack):
            endpoints[INSIDE] = Endpoint(writer.inside, SIGNATURES["score"], axes(network.stack))
        return Export(endpoints, [network, *self.pieces.lookups])

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
            return [told_of(answer, tokens=options.tokens) for answer in scored(model, asked)]
        return [
            {"text": prompt, "continuation": "".join(written(model, prompt, _how(options, seed)))}
            for prompt, seed in _drawn(asked, options)
        ]

    @classmethod
    def live(cls, model: SavedModel, asked: Sequence[str], options: LanguageSaved) -> bool:
        if options.score:
            return False
        for prompt, seed in _drawn(asked, options):
            show_on(prompt)
            for text in written(model, prompt, _how(options, seed)):
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
        found = (scored if ends else scored_long)(model, test.texts)
        answers = Likelihoods(losses(found), Length.of(test.texts, ends=ends))
        return Evaluated(answers.scores(), answers.report(), (told_of(answer) for answer in found))


def scores_of_texts(title: str, records: Sequence[Record]) -> Table:
    """A table of scored texts; where their tokens are scored, unlikely ones are red."""
    table = Table("text", "nats", "nats per token", title=title)
    for record in records:
        text = text_cell(record["text"])
        if "tokens" in record:
            text = coloured_cell((one["token"], _style(one["nats"])) for one in record["tokens"])
        table.add_row(text, f"{record['nats']:.3f}", f"{record['nats_per_token']:.3f}")
    return table


def _style(nats: float) -> str:
    """The colour of a token: white on ever deeper red, from one nat to eight."""
    depth = int(220 * min(max(nats - 1, 0) / 7, 1))
    return f"white on rgb({depth},0,0)" if depth else ""


def _how(options: LanguageSaved, seed: int) -> How:
    return How(options.length, options.temperature, options.top_k, options.top_p, seed)


def _drawn(prompts: Sequence[str], options: LanguageSaved) -> Iterator[tuple[str, int]]:
    """Each prompt with the seed of each of its samples, all different."""
    every = (prompt for prompt in prompts for _ in range(options.samples))
    return ((prompt, options.seed + n) for n, prompt in enumerate(every))
