"""Sentiment, many-to-one: a text in, a class out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from cyclopts import Parameter
from rich.progress import track
from rich.table import Table
from rich.text import Text

from common.options import Count, DataOptions, SavedOptions, Share, TrainOptions, Whole
from common.sources.labelled import LabelledReader
from common.sources.load import load, load_test
from common.sources.records import LabelledTexts
from common.sources.splits import Splits
from common.streams.sequences import Sequences
from common.streams.stream import Stream
from tasks.base import Scores, Task

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

    from common.serving.export import Export


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class SentimentData(DataOptions):
    """Where labelled texts come from.

    Attributes:
        data: Nothing for the embedded critics' quotes; "tfds:NAME" for a TFDS data set; or a file or folder: CSV, TSV
            or JSON lines with a text and a label column, or a file or sub-folder a class; gzip as it is.
        text_column: Name of the text column; found by its usual names when not given.
        label_column: Name of the label column; found by its usual names when not given.
        encoding: Of the files.
    """

    text_column: str | None = None
    label_column: str | None = None
    encoding: str = "utf-8"

    def load(self) -> Splits[LabelledTexts]:
        """Reads the three splits."""
        return load(self.data, self._reader())

    def load_test(self) -> LabelledTexts:
        """Reads the texts to evaluate a model on that was trained on other data."""
        return load_test(self.data, self._reader())

    def _reader(self) -> LabelledReader:
        return LabelledReader(text_column=self.text_column, label_column=self.label_column, encoding=self.encoding)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class SentimentOptions(SentimentData, TrainOptions):
    """What training a sentiment model needs to know.

    Attributes:
        units: Width of the hidden state.
        residual: Add each layer's input to its output where the widths agree, so that the readout sees the words too.
        embedding: Width of the word vectors.
        vocabulary: Most frequent training words that are known, at most.
        bigrams: Most frequent pairs of neighbouring words that have a vector of their own, at most.
        min_count: Times a word or pair occurs in training to be known.
        word_dropout: Share of a text's different words, and pairs, that are made unknown in training.
        readout: What of a text's hidden states the class is read from.
        supervise: Where the label is asked for in training: at a text's end, or at every word with a weight that
            rises to the end (linear gain of Dai & Le 2015), which teaches the early windows of long texts too.
    """

    units: Count = 64
    residual: bool = True
    embedding: Count = 64
    vocabulary: Count = 30000
    bigrams: Whole = 30000
    min_count: Count = 2
    word_dropout: Share = 0.3
    readout: Literal["last", "mean", "max", "mean_max"] = "mean_max"
    supervise: Literal["end", "rising"] = "end"


class Sentiment(Task):
    """Embedding, recurrent stack, readout at each text's end, class probabilities."""

    name = "sentiment"
    summary = "Sentiment, many-to-one: the class of a text"
    example = "A warm, funny and surprisingly moving film."
    Data = SentimentData
    Options = SentimentOptions
    loss = "sparse_categorical_crossentropy"
    metrics = ("accuracy",)
    monitor = "val_loss"

    def load(self) -> str:
        from common.text.vocabularies import Encoder

        options = self.options
        self.splits = options.load()
        self.labels = sorted(set(self.splits.train.labels))
        self.encoder = Encoder.of(self.splits.train.texts, options.vocabulary, options.min_count, options.bigrams)
        sizes = ", ".join(f"{len(getattr(self.splits, s)):,} {s}" for s in ("train", "validation", "test"))
        return (
            f"{self.splits.source}: {sizes} texts; {len(self.labels)} classes; {len(self.encoder.words):,} words known"
        )

    def sequences(self, split: str) -> Sequences:
        texts: LabelledTexts = getattr(self.splits, split)
        tokens, lengths = self.encoder.encode(texts.texts)
        numbers = {label: number for number, label in enumerate(self.labels)}
        labels = np.array([numbers[label] for label in texts.labels], np.int32)
        ends = np.cumsum(lengths) - 1
        weights = np.zeros(len(tokens), np.float32)
        weights[ends] = 1
        if split == "train" and self.options.supervise == "rising":
            left = np.repeat(ends, lengths) - np.arange(len(tokens))
            weights = (1 - left / np.repeat(lengths, lengths)).astype(np.float32)
        return Sequences(lengths, {"tokens": tokens}, np.repeat(labels, lengths), weights)

    def steps(self, split: str, number: int) -> list[str]:
        import tensorflow as tf

        from common.text.words import words

        text = getattr(self.splits, split).texts[number]
        return [word.decode() for word in words(tf.constant([text]))[0].numpy()]

    def network(self) -> keras.layers.Layer:
        import keras

        from common.layers.embeddings import SumEmbedding
        from common.layers.heads import ReadoutHead
        from common.layers.readout import Readout
        from common.layers.stack import RecurrentStack
        from common.networks.stream import StreamNetwork

        options = self.options
        stack = RecurrentStack.of(options)
        sizes = (len(self.encoder.words), len(self.encoder.bigrams))
        outputs = keras.layers.Dense(len(self.labels), activation="softmax")
        return StreamNetwork(
            SumEmbedding(sizes, options.embedding, options.word_dropout, options.seed),
            stack,
            ReadoutHead(Readout(options.readout, options.xla), outputs, options.dropout, options.seed),
            options.dropout,
            options.seed,
        )

    def answers(self, network: keras.layers.Layer, stream: Stream, outputs: np.ndarray) -> list[str]:
        return [self.labels[number] for number in stream.at_ends(outputs).argmax(1)]

    def scores(self, answers: Sequence[str]) -> Scores:
        return scores(self.splits.test.labels, answers)

    def baselines(self, answers: Sequence[str]) -> dict[str, Scores]:
        train, test = self.splits.train, self.splits.test
        fitted = {name: method.fit(train.texts, train.labels) for name, method in baselines().items()}
        return {name: scores(test.labels, method.predict(test.texts)) for name, method in fitted.items()}

    def report(self, answers: Sequence[str]) -> str:
        return report(self.splits.test.labels, answers)

    def figure(self, history: list[dict[str, float]], answers: Sequence[str], path: Path) -> None:
        from matplotlib.figure import Figure

        from common.figures.training import confusion, learning_curves

        figure = Figure(figsize=(13, 4.2), layout="constrained")
        *curves, matrix = figure.subplots(1, 3)
        learning_curves(curves, history, ("loss", "accuracy"))
        confusion(matrix, self.splits.test.labels, answers, self.labels)
        figure.suptitle(f"{self.name}, {self.options.cell}, seed {self.options.seed}")
        figure.savefig(path, dpi=120)

    def export(self, network: keras.layers.Layer) -> Export:
        import tensorflow as tf

        from common.serving.export import Endpoint, Export

        labels = tf.constant(self.labels)

        def classify(text: tf.Tensor) -> dict[str, tf.Tensor]:
            tokens = self.encoder(text)
            lengths = tokens.row_lengths()
            longest = tf.maximum(tf.reduce_max(lengths), 1)
            tokens = tokens.to_tensor(shape=tf.stack([tokens.nrows(), longest, 2]))  # [N, time, 2]
            # 0 past the end as well: what reads backwards must start at a text's own last step.
            keep = tf.sequence_mask(lengths, longest, tf.float32) * tf.cast(tf.range(longest) > 0, tf.float32)
            window = {"tokens": tokens, "keep": keep, "sequence": tf.zeros_like(tokens[..., 0])}
            outputs, _ = network(window, training=False)
            probability = tf.gather(outputs, lengths - 1, batch_dims=1)  # [N, classes]
            return {"label": tf.gather(labels, tf.argmax(probability, 1)), "probability": probability}

        endpoint = Endpoint(classify, [tf.TensorSpec([None], tf.string, "text")])
        lookups = [self.encoder.words.lookup, self.encoder.bigrams.lookup]
        return Export({"serving_default": endpoint}, [network, *lookups])

    @classmethod
    def predict(cls, served: Any, inputs: Sequence[str], saved: SavedOptions) -> Table:
        table = Table("text", "label", "probability", title=cls.name)
        for text, (label, probability) in zip(inputs, classified(served, inputs)):
            table.add_row(Text(text), Text(label), f"{probability:.3f}")
        return table

    @classmethod
    def evaluate(cls, served: Any, data: SentimentData, other: bool = False) -> tuple[Scores, str]:
        test = data.load_test() if other and data.data else data.load().test
        answers = [label for label, _ in classified(served, test.texts)]
        return scores(test.labels, answers), report(test.labels, answers)


def classified(served: Any, texts: Sequence[str], batch: int = 64) -> Iterator[tuple[str, float]]:
    """Label and its probability for each text, from a loaded SavedModel; texts of like length share a batch."""
    import tensorflow as tf

    order = sorted(range(len(texts)), key=lambda n: len(texts[n]))
    found: dict[int, tuple[str, float]] = {}
    for first in track(range(0, len(texts), batch), "classifying", disable=len(texts) <= batch):
        chosen = order[first : first + batch]
        answer = served(text=tf.constant([texts[n] for n in chosen]))
        labels, probabilities = answer["label"].numpy(), answer["probability"].numpy().max(1)
        found |= {n: (label.decode(), float(p)) for n, label, p in zip(chosen, labels, probabilities)}
    return (found[n] for n in range(len(texts)))


def scores(truth: Sequence[str], said: Sequence[str]) -> Scores:
    """Accuracy and macro-averaged F1."""
    from sklearn.metrics import accuracy_score, f1_score

    macro = f1_score(truth, said, average="macro", labels=sorted(set(truth)), zero_division=0)
    return {"accuracy": float(accuracy_score(truth, said)), "macro_f1": float(macro)}


def report(truth: Sequence[str], said: Sequence[str]) -> str:
    """Precision, recall and F1 of each class, and the confusion matrix."""
    from sklearn.metrics import classification_report, confusion_matrix

    labels = sorted(set(truth) | set(said))
    matrix = confusion_matrix(truth, said, labels=labels)
    width = max(map(len, labels)) + 2
    lines = ["".join(f"{c:>{max(width, 8)}}" for c in ("true\\said", *labels))]
    lines += ["".join(f"{c:>{max(width, 8)}}" for c in (label, *row)) for label, row in zip(labels, matrix)]
    return classification_report(truth, said, digits=4, zero_division=0) + "\n" + "\n".join(lines)


def baselines() -> dict[str, Any]:
    """Two scikit-learn classifiers of texts: the majority class, and bigram TF-IDF with logistic regression."""
    from sklearn.dummy import DummyClassifier
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    features = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    return {
        "majority": DummyClassifier(strategy="most_frequent"),
        "tfidf_logistic_regression": make_pipeline(features, LogisticRegression(C=10, max_iter=1000)),
    }
