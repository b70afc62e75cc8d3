"""Sentiment, many-to-one: a text in, a class out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from common.baselines import texts as plain
from common.figures.training import classification_figure
from common.options import PredictTexts
from common.reports import say, say_each, warn_unknown
from common.scoring.classification import Classified
from common.serving.answer_files import Format, texts
from common.serving.export import Endpoint, Export
from common.sources.records import LabelledTexts, refuse_unknown
from common.sources.splits import SPLITS
from common.streams import Sequences, Stream
from common.text.scripts import LONGEST, Level, fitting_level
from tasks.base import Evaluated, Task
from tasks.sentiment_options import SentimentData, SentimentOptions

if TYPE_CHECKING:
    import tensorflow as tf
    from matplotlib.figure import Figure

    from common.networks.linear import LinearPart
    from common.networks.network import Learner, Network, Part
    from common.networks.stream import StreamNetwork
    from common.scoring import Scores
    from common.serving.saved_model import Record, SavedModel
    from common.training.lesson import Lesson
    from common.training.run import Results
    from common.training.tbptt import TBPTT

MOST_TOKENS: dict[Level, int] = {"word": 30000, "subword": 4000, "character": 30000}
HIDDEN = 50
"""Width of the layer before the classes after a language model (Howard & Ruder 2018, section 4.1)."""


class Sentiment(Task):
    """Embedding, recurrent stack, readout at each text's end, class probabilities."""

    name = "sentiment"
    summary = "Sentiment, many-to-one: the class of a text"
    monitor = "val_accuracy"
    higher_is_better = True
    streams = True
    twin = "classifier"
    Data = SentimentData
    Options = SentimentOptions

    def __init__(self, options: SentimentOptions) -> None:
        super().__init__(options.settled())
        self.teachers = self.options.teachers()
        self.both_ways = self.teachers is not None and self.teachers.both

    def load(self) -> str:
        from common.networks.linear import most_ngrams
        from common.text.levels import Encoder

        options = self.options
        self.splits = self.records
        say_each(self.splits.notes)
        self.labels = sorted(set(self.splits.train.labels))
        if self.teachers:
            self.teachers.note()
            self.teachers.refuse_read(self.splits.test.texts, self.splits.source)
        fitting = fitting_level(self.splits.train.texts)
        self.level, why = (options.level, self._level_given) if options.level else (fitting.level, str(fitting))
        most = options.vocabulary or MOST_TOKENS[self.level]
        self.encoder = Encoder.of(
            self.splits.train.texts,
            self.level,
            sizes=most_ngrams(LONGEST[self.level], len(self.labels)) if options.linear else [most, options.bigrams],
            min_count=options.min_count,
            pieces=self.teachers.pieces if self.teachers else most,
        )
        self.vectors = [min(size, 2 + kept) for size, kept in zip(self.encoder.sizes, (most, options.bigrams))]
        if self.teachers:
            self.vectors = self.encoder.sizes[:1]
        self.embedded = sum(self.vectors), options.embedding
        self.encoded = {split: self.encoder.encode(getattr(self.splits, split).texts) for split in SPLITS}
        tokens, lengths = self.encoded["test"]
        warn_unknown(np.delete(tokens[:, 0] > 1, np.cumsum(lengths) - 1), f"{self.level}s")
        longer = self.encoded["train"][1].mean() > options.window
        self.supervise = options.supervise or ("rising" if longer else "end")
        self.linear = self._linear() if options.linear else None
        sizes = ", ".join(f"{len(getattr(self.splits, split)):,} {split}" for split in SPLITS)
        return (
            f"{self.splits.source}: {sizes} texts; {len(self.labels)} classes; level {self.level}: {why}; "
            f"{self.encoder.sizes[0]:,} {self.level}s known; "
            f"labels {'at the ends of texts' if self.supervise == 'end' else 'at every token, rising to the end'}"
        )

    @property
    def _level_given(self) -> str:
        return f"that of {self.teachers.models[0].folder}" if self.teachers else "as given"

    def _linear(self) -> LinearPart | None:
        """The linear part, fitted to the training texts; None, and a line, where these give it nothing to learn."""
        from common.networks.linear import NothingToLearn, fit

        labels, sizes = self._numbers("train"), self.encoder.sizes
        try:
            return fit(*self.encoded["train"], labels=labels, sizes=sizes, classes=len(self.labels))
        except NothingToLearn as error:
            say(f"linear part left out, it cannot be trained on these texts: {error}")
            return None

    def _numbers(self, split: str) -> np.ndarray:
        """The number of each text's class."""
        numbers = {label: number for number, label in enumerate(self.labels)}
        return np.array([numbers[label] for label in getattr(self.splits, split).labels], np.int32)

    def sequences(self, split: str) -> Sequences:
        tokens, lengths = self.encoded[split]
        labels = self._numbers(split)
        ends = np.cumsum(lengths) - 1
        weights = np.zeros(len(tokens), np.float32)
        weights[ends] = 1
        everywhere = split == "train" and self.supervise == "rising"
        if everywhere:
            left = np.repeat(ends, lengths) - np.arange(len(tokens))
            weights = (1 - left / np.repeat(lengths, lengths)).astype(np.float32)
        targets, inputs = np.repeat(labels, lengths), {"tokens": tokens}
        if self.both_ways:
            from common.networks.both_ways import BACKWARD, turned

            inputs[BACKWARD] = turned(tokens, lengths)
        return Sequences(lengths, inputs, targets=targets, weights=weights, sparse_outputs=not everywhere)

    def steps(self, split: str, number: int) -> list[str]:
        return self.encoder.split([getattr(self.splits, split).texts[number]])[0]

    def lessons(self) -> Sequence[Lesson]:
        if not self.teachers:
            return ()
        encoded = {split: (tokens[:, 0], lengths) for split, (tokens, lengths) in self.encoded.items()}
        return self.teachers.lessons(self.splits.train.texts, encoded, self.options)

    def learner(self) -> Learner:
        from common.cells.seeds import seed_for
        from common.networks.both_ways import BothWays, LossOfBoth, accuracy_of_both
        from common.networks.joined import JoinedNetwork
        from common.networks.network import Learner

        network = self._reader(self.options)
        if self.both_ways:
            other = seed_for(self.options.seed, "backward")
            network = BothWays(network, self._reader(replace(self.options, seed=other)))
        if self.linear is not None:
            network = JoinedNetwork(network, self.linear.layer())
        learner = Learner(network, "sparse_categorical_crossentropy", ("accuracy",))
        if self.both_ways:
            learner = Learner(network, LossOfBoth(), (accuracy_of_both,))
        return learner._replace(gradually=self.teachers.taught(network)) if self.teachers else learner

    def _reader(self, options: SentimentOptions) -> StreamNetwork:
        """A network that reads texts one way, or by a bidirectional stack."""
        from common.layers.embeddings import SumEmbedding
        from common.layers.heads import ReadoutHead, classifier
        from common.layers.readout import Readout
        from common.networks.stacks import recurrent_stack
        from common.networks.stream import StreamNetwork

        masked = {"dropout": options.dropout, "seed": options.seed}
        embed = SumEmbedding(
            self.vectors,
            options.embedding,
            token_dropout=options.word_dropout,
            scale=options.embedding**0.5 if self.teachers else 1.0,
            seed=options.seed,
        )
        outputs = classifier(len(self.labels), hidden=HIDDEN if self.teachers else 0)
        head = ReadoutHead(Readout(options.readout), outputs, **masked)
        return StreamNetwork(embed, recurrent_stack(options), head, **masked)

    def calibrate(self, model: TBPTT, stream: Stream) -> Scores:
        if self.linear is None:
            return {}
        outputs = stream.at_output_steps(model.predict(stream, verbose=0))
        log_linear, labels = self.linear.log_probabilities(*self.encoded["validation"]), self._numbers("validation")
        found = model.network.calibrate(outputs, log_linear, labels=labels)
        say(
            f"joined by the validation texts: log-probabilities of the {self.options.cell} "
            f"x {found['weight_network']:.2f} + of the linear part x {found['weight_linear']:.2f}"
        )
        return found

    def answers(self, network: Network, stream: Stream, outputs: np.ndarray, *, export: Export) -> Classified:
        alone, references = stream.at_output_steps(outputs), self.splits.test.labels
        if self.linear is None:
            return Classified(self._named(alone), references)
        log_linear = self.linear.log_probabilities(*self.encoded["test"])
        parts = {"network": self._named(alone), "linear": self._named(log_linear)}
        return Classified(self._named(network.join(alone, log_linear)), references, parts)

    def _named(self, outputs: np.ndarray) -> list[str]:
        """The most probable class of each row."""
        return [self.labels[number] for number in np.argmax(outputs, 1)]

    def parts(self, answers: Classified) -> dict[str, Classified]:
        return {name: Classified(found, answers.references) for name, found in answers.parts.items()}

    def baselines(self, answers: Classified) -> dict[str, Callable[[], Classified]]:
        train, test = self.splits.train, self.splits.test
        found = plain.predictions(train, test.texts, level=self.level, split=self.encoder.split)
        return {name: lambda made=made: Classified(made(), test.labels) for name, made in found.items()}

    def figure(self, results: Results) -> Figure:
        references, predictions = results.answers.references, results.answers.predictions
        return classification_figure(results, references, predictions, labels=self.labels, title=self.title)

    def served_window(self, text: tf.Tensor) -> Part:
        """What the network reads of texts, string `[N]`: one whole text per row."""
        from common.networks.reading import whole_texts

        return whole_texts(self.encoder(text), both_ways=self.both_ways)

    def export(self, network: Network) -> Export:
        import tensorflow as tf

        from common.networks.inside import INSIDE, axes, has_inside
        from common.networks.reading import AXES, ReadingClassifier
        from common.networks.stepping import STATE
        from common.networks.whole import known_share

        labels, answer = tf.constant(self.labels), network if self.linear is None else network.joined
        opening = self.encoder.opening

        def classify(text: tf.Tensor) -> dict[str, tf.Tensor]:
            window = self.served_window(text)
            outputs, _ = answer(window)
            probability = outputs[:, 0]  # [N, classes]
            label = tf.gather(labels, tf.argmax(probability, 1))
            return {"label": label, "probability": probability, "known": known_share(window, opening)}

        text = tf.TensorSpec([None], tf.string, "text")
        endpoints = {"serving_default": Endpoint(classify, [text])}
        reading = ReadingClassifier(network, self.encoder, self.labels, joined=self.linear is not None)
        if has_inside(network.stack):
            endpoints[INSIDE] = Endpoint(reading.inside, [text], axes(network.stack))
        if not self.options.bidirectional and not self.both_ways:
            endpoints["stream"] = Endpoint(reading.stream, [text, STATE], AXES)
        portable = None if self.both_ways else network
        return Export(endpoints, [network, *self.encoder.lookups], portable, self.encoder.described)

    def config(self) -> dict[str, Any]:
        """The options, with the level and the supervision that were chosen, and the labels."""
        return super().config() | {"level": self.level, "supervise": self.supervise, "labels": self.labels}

    def example(self, version: Path) -> str:
        if self.options.data is None:
            return "A warm, funny and surprisingly moving film."
        return min(self.splits.test.texts[:20], key=len)

    @classmethod
    def predict(cls, model: SavedModel, asked: Sequence[str], options: PredictTexts) -> list[Record]:
        answers = model.ask([{"text": text} for text in asked], what="classifying")
        return [
            {
                "text": text,
                "label": answer["label"],
                "probability": float(answer["probability"].max()),
                "known": answer["known"],
            }
            for text, answer in zip(asked, answers)
        ]

    @classmethod
    def formats(cls, model: SavedModel) -> dict[str, dict[str, Format]]:
        labels = texts(lambda record: record["label"])
        return {"--output-file": super().formats(model)["--output-file"] | {".txt": labels}}

    @classmethod
    def test(cls, model: SavedModel, data: SentimentData, *, other: bool = False) -> LabelledTexts:
        test = super().test(model, data, other=other)
        if known := model.config.get("labels"):
            refuse_unknown(Counter(test.labels), known, noun="labels", data=data.data)
        return test

    @classmethod
    def evaluate(cls, model: SavedModel, test: LabelledTexts) -> Evaluated:
        records = cls.predict(model, test.texts, cls.Saved())
        answers = Classified([record["label"] for record in records], test.labels)
        rows = (
            ({} if test.columns else {"text": record["text"], "label": label})
            | {f"predicted_{name}": value for name, value in cls.told(record)[0].items()}
            for label, record in zip(test.labels, records)
        )
        return Evaluated(answers.scores(), answers.report(), rows, columns=test.columns)
