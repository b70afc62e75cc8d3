"""A language model: a text in, what follows it out."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from common.figures.language import language_figure
from common.reports import say_each
from common.scoring.language import Length, Likelihoods, by_place
from common.serving.export import Endpoint, Export
from common.sources.plain import PlainTexts
from common.sources.splits import SPLITS
from common.streams import Pieces, Sequences, Stream
from tasks.base import Task
from tasks.language_model_options import LanguageData, LanguageOptions, LanguageSaved

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from common.networks.network import Learner, Network
    from common.scoring import Scores
    from common.serving.saved_model import Record, SavedModel
    from common.text.scripts import Level
    from common.training.run import Results

MOST_TOKENS: dict[Level, int] = {"word": 30000, "subword": 8000, "character": 4000}
ORDERS: dict[Level, int] = {"word": 4, "subword": 4, "character": 7}
"""The longest n-grams of the baseline."""
CHARACTERS_OF_SUBWORDS = 10_000_000
"""The size of the training texts from which subwords are the default."""
PIECES = 64
"""Pieces of a long text in validation and test, which read many at once."""
CONTEXT = 2000
"""Characters before each piece that are read again before it; in validation, tokens a quarter as many."""
CHUNK = 16
"""Tokens that are written before they are shown."""


class LanguageModel(Task):
    """Vectors of tokens, recurrent stack, the distribution of the next token."""

    name = "language_model"
    summary = "Language model: what follows a text"
    takes = "the beginnings of texts"
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
        sizes = ", ".join(f"{len(getattr(self.splits, split)):,} {split}" for split in SPLITS)
        return (
            f"{self.splits.source}: {sizes} texts; level {self.level}{'' if options.level else ' by their size'}; "
            f"{sum(map(len, self.encoded['train'])):,} training tokens, {len(self.pieces):,} different ones"
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
        losses = stream.at_steps(outputs)[:, 0]
        prompt = {"prompt": "", "state": np.zeros(0, np.float32), "seed": self.options.seed}
        more = {"length": 400 if self.level == "character" else 100, "temperature": 0.8, "top_k": 0, "top_p": 1.0}
        return Likelihoods(
            losses if self.ends else losses_of_long(export, self.texts("test").texts),
            Length.of(self.texts("test").texts, ends=self.ends),
            places=by_place(losses, stream.sequences.lengths),
            sample=export.ask([prompt], "continue", **more)[0]["text"],
        )

    def _likelihoods(self, losses: np.ndarray) -> Likelihoods:
        return Likelihoods(losses, Length.of(self.texts("test").texts, ends=self.ends))

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
        """The options, with the level that was chosen."""
        return super().config() | {"level": self.level, "ends": self.ends}

    def export(self, network: Network) -> Export:
        from common.decoding.writer import AXES, SIGNATURES, Writer

        seen = np.unique(np.concatenate(self.encoded["train"]))
        functions = Writer(network, self.pieces, ends=self.ends, seen=seen).functions
        endpoints = {
            name: Endpoint(functions[name], signature, AXES.get(name, {})) for name, signature in SIGNATURES.items()
        }
        return Export(endpoints, [network, *self.pieces.lookups])

    def example(self, version: Path) -> str:
        return "This film" if self.options.data is None else self.texts("test").texts[0].split("\n")[0][:40]

    @classmethod
    def predict(cls, model: SavedModel, inputs: Sequence[str], options: LanguageSaved) -> list[Record]:
        if options.score:
            return scored(model, inputs)
        texts = [
            "".join(written(model, prompt, options, seed=options.seed + n))
            for prompt in inputs
            for n in range(options.samples)
        ]
        prompts = [prompt for prompt in inputs for _ in range(options.samples)]
        return [{"prompt": prompt, "text": text} for prompt, text in zip(prompts, texts)]

    @classmethod
    def test(cls, model: SavedModel, data: LanguageData, *, other: bool = False) -> PlainTexts:
        if other and data.data:
            return data.load_test()
        splits = data.load()
        return splits.test if len(splits.test) else splits.validation

    @classmethod
    def evaluate(cls, model: SavedModel, test: PlainTexts) -> tuple[Scores, str]:
        ends = model.config["ends"]
        losses = losses_of(model, test.texts) if ends else losses_of_long(model, test.texts)
        answers = Likelihoods(losses, Length.of(test.texts, ends=ends))
        return answers.scores(), answers.report()


def losses_of(model: SavedModel | Export, texts: Sequence[str]) -> np.ndarray:
    """The loss of each token of texts and of their ends, `[tokens]`."""
    return np.concatenate([-record["log_probability"] for record in scored(model, texts)])


def losses_of_long(model: SavedModel | Export, texts: Sequence[str]) -> np.ndarray:
    """The loss of each token of long texts, `[tokens]`: they are cut, and each piece is read after its context."""
    from common.text.pieces import with_context

    cut = [piece for text in texts for piece in with_context(text, pieces=PIECES, context=CONTEXT)]
    start = np.zeros(0, np.float32)
    read = model.ask([{"text": piece.context, "state": start} for piece in cut], "stream", what="reading")
    records = [{"text": piece.text, "state": before["state"]} for piece, before in zip(cut, read)]
    found = model.ask(records, "stream", what="scoring")
    return np.concatenate([-answer["log_probability"][: _many(answer)] for answer in found])


def _many(answer: Record) -> int:
    """The number of tokens of a row."""
    return sum(token != "" for token in answer["tokens"])


def scored(model: SavedModel | Export, texts: Sequence[str]) -> list[Record]:
    """How likely each token of texts is: `text`, `tokens` and `log_probability`."""
    found = model.ask([{"text": text} for text in texts], "score", what="scoring")
    return [
        {"text": text, "tokens": answer["tokens"][:n], "log_probability": answer["log_probability"][:n]}
        for text, answer, n in zip(texts, found, map(_many, found))
    ]


def written(model: SavedModel, prompt: str, options: LanguageSaved, *, seed: int) -> Iterator[str]:
    """What follows a prompt, a few tokens at a time."""
    import tensorflow as tf

    write, decoder = model.signatures["continue"], codecs.getincrementaldecoder("utf-8")("replace")
    state, left, ended = tf.zeros((1, 0)), options.length, False
    how = {
        "seed": tf.constant([seed % 2**31], tf.int32),
        "temperature": tf.constant(options.temperature, tf.float32),
        "top_k": tf.constant(options.top_k, tf.int32),
        "top_p": tf.constant(options.top_p, tf.float32),
    }
    while left and not ended:
        length = min(left, CHUNK)
        answer = write(prompt=tf.constant([prompt]), state=state, length=tf.constant(length), **how)
        prompt, state, ended, left = "", answer["state"], bool(answer["ended"][0]), left - length
        yield decoder.decode(answer["text"][0].numpy(), final=ended or not left)
