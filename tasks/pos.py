"""Part-of-speech tagging, many-to-many: a sentence in, a tag for each of its words out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from cyclopts import Parameter
from rich.progress import track
from rich.table import Table
from rich.text import Text

from common.errors import InputError
from common.files import check_writable, drafted
from common.networks.spelling import Spellings
from common.options import Count, DataOptions, NotNegative, Positive, SavedOptions, Share, TrainOptions, Whole
from common.serving import saved_models
from common.sources.load import load, load_test
from common.sources.records import TaggedSentences
from common.sources.splits import Splits
from common.sources.tagged import Column, TaggedReader
from common.streams.sequences import Sequences
from common.streams.stream import Stream
from tasks.base import Scores, Task

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

    from common.serving.export import Export

Tags = list[list[str]]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class PosData(DataOptions):
    """Where tagged sentences come from.

    Attributes:
        data: Nothing for the embedded Turkish Web Treebank; "tfds:universal_dependencies/en_ewt" and the like; or a
            file or folder: CoNLL-U, or text with a word, a tab and its tag on a line and a blank line between
            sentences; gzip as it is.
        column: The CoNLL-U column that holds the tags.
        encoding: Of the files.
    """

    column: Column = "upos"
    encoding: str = "utf-8"

    def load(self) -> Splits[TaggedSentences]:
        """Reads the three splits."""
        return load(self.data, TaggedReader(column=self.column, encoding=self.encoding))

    def load_test(self) -> TaggedSentences:
        """Reads the sentences to evaluate a model on that was trained on other data."""
        return load_test(self.data, TaggedReader(column=self.column, encoding=self.encoding))


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class PosOptions(PosData, TrainOptions):
    """What training a tagger needs to know.

    Attributes:
        units: Width of the hidden state, of each direction.
        embedding: Width of the word vectors.
        min_count: Times a word, in lower case, or a character occurs in training to be known.
        word_dropout: Share of a sentence's different words that are made unknown in training.
        characters: Width of each of the two recurrences over a word's spelling; 0 leaves spellings out.
        crf: Score neighbouring tags too, and answer with the best sequence of tags (Viterbi).
    """

    units: Count = 200
    bidirectional: bool = True
    batch_size: Count = 16
    embedding: Count = 100
    min_count: Count = 2
    word_dropout: Share = 0.2
    characters: Whole = 64
    learning_rate: Positive = 2e-3
    decay: NotNegative = 0.1
    epochs: Count = 50
    crf: bool = False


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class PosSaved(SavedOptions):
    """Which saved tagger is meant, and where its tags go.

    Attributes:
        output_file: A CoNLL-U file to write the tagged sentences to.
    """

    output_file: Path | None = None


class Pos(Task):
    """Word vectors and spellings, recurrent stack, a tag for each word."""

    name = "pos"
    summary = "Part-of-speech tagging, many-to-many: a tag for each word"
    example = "Bugün hava çok güzel."
    Data = PosData
    Options = PosOptions
    Saved = PosSaved
    loss = "sparse_categorical_crossentropy"
    metrics = ("accuracy",)
    monitor = "val_accuracy"
    higher_is_better = True

    def load(self) -> str:
        from common.text.vocabularies import WordEncoder

        self.splits = self.options.load()
        train = self.splits.train
        self.tags = sorted(set(chain.from_iterable(train.tags)))
        words = Counter(chain.from_iterable(train.words))
        self.encoder = WordEncoder.of(words, self.options.min_count)
        self.endings_apart = endings_apart(words)
        if self.options.data:
            self.example = " ".join(self.splits.test.words[0][:12])
        sizes = ", ".join(f"{len(getattr(self.splits, s)):,} {s}" for s in ("train", "validation", "test"))
        strange = sum(tag not in self.tags for tag in chain.from_iterable(self.splits.validation.tags))
        left_out = f"; val_accuracy leaves out {strange:,} words whose tag training lacks" if strange else ""
        return (
            f"{self.splits.source}: {sizes} sentences; {words.total():,} training words; {len(self.tags)} tags; "
            f"{len(self.encoder.known):,} words known{left_out}"
        )

    def sequences(self, split: str) -> Sequences:
        import tensorflow as tf

        part: TaggedSentences = getattr(self.splits, split)
        lengths = np.array([len(words) for words in part.words])
        distinct, spelling = np.unique(np.array(list(chain.from_iterable(part.words)), object), return_inverse=True)
        numbers = {tag: number for number, tag in enumerate(self.tags)}
        targets = np.array([numbers.get(tag, -1) for tag in chain.from_iterable(part.tags)], np.int32)
        weights = (targets >= 0).astype(np.float32)  # A tag that training never saw has no loss; it counts as missed.
        targets = np.maximum(targets, 0)
        if self.options.crf:
            previous = np.concatenate([[-1], targets[:-1]]).astype(np.int32)
            previous[np.cumsum(lengths)[:-1]] = -1
            targets = np.stack([previous, targets], 1)
        words = tf.constant(distinct.tolist())
        inputs = {"words": self.encoder.words(words).numpy()[spelling]}
        if not self.options.characters:
            return Sequences(lengths, inputs, targets, weights)
        inputs["spelling"] = spelling.astype(np.int32)
        letters = self.encoder.letters(words)
        spellings = Spellings(letters.row_lengths().numpy(), letters.flat_values.numpy(), self._character_lanes, 16)
        return Sequences(lengths, inputs, targets, weights, lambda i, t: (i | spellings(i), t))

    @property
    def _character_lanes(self) -> int:
        return max(1, self.options.batch_size * self.options.window // 16)

    def steps(self, split: str, number: int) -> list[str]:
        return list(getattr(self.splits, split).words[number])

    def network(self) -> keras.layers.Layer:
        import keras

        from common.layers.crf import CRFAccuracy, CRFHead, CRFLoss
        from common.layers.embeddings import SpelledEmbedding
        from common.layers.heads import ReadoutHead
        from common.layers.readout import Readout
        from common.layers.stack import RecurrentStack
        from common.networks.stream import StreamNetwork

        options = self.options
        embed = SpelledEmbedding(
            len(self.encoder.known),
            options.embedding,
            len(self.encoder.known_letters) if options.characters else 0,
            options.characters,
            options.cell,
            options.word_dropout,
            options.seed,
            options.xla,
            self._character_lanes,
        )
        stack = RecurrentStack.of(options)
        if options.crf:
            head = CRFHead(len(self.tags), options.dropout, options.seed, options.xla)
            self.loss, self.metrics = CRFLoss(head), (CRFAccuracy(head),)
        else:
            outputs = keras.layers.Dense(len(self.tags), activation="softmax")
            head = ReadoutHead(Readout(jit_compile=options.xla), outputs, options.dropout, options.seed)
        return StreamNetwork(embed, stack, head, options.dropout, options.seed)

    def answers(self, network: keras.layers.Layer, stream: Stream, outputs: np.ndarray) -> Tags:
        steps, sequences = stream.at_steps(outputs), stream.sequences
        crf = self.options.crf
        numbers = _decoded(network.head, steps[:, :-1], sequences) if crf else steps.argmax(1)
        parts = np.split(numbers, sequences.offsets[1:])
        return [[self.tags[number] for number in part] for part in parts]

    def scores(self, answers: Tags) -> Scores:
        test = self.splits.test
        return scores(test.tags, answers, self._seen)

    @cached_property
    def _seen(self) -> list[list[bool]]:
        known = set(chain.from_iterable(self.splits.train.words))
        return [[word in known for word in words] for words in self.splits.test.words]

    def baselines(self, answers: Tags) -> dict[str, Scores]:
        train, test = self.splits.train, self.splits.test
        return {
            name: scores(test.tags, method(train, test.words), self._seen)
            for name, method in (
                ("most_frequent_tag", most_frequent_tag),
                ("logistic_regression", logistic_regression),
            )
        }

    def report(self, answers: Tags) -> str:
        return report(self.splits.test.tags, answers)

    def figure(self, history: list[dict[str, float]], answers: Tags, path: Path) -> None:
        from matplotlib.figure import Figure

        from common.figures.training import confusion, learning_curves

        figure = Figure(figsize=(15, 6), layout="constrained")
        *curves, matrix = figure.subplots(1, 3, width_ratios=[1, 1, 1.5])
        learning_curves(curves, history, ("loss", "accuracy"))
        confusion(matrix, *(list(chain.from_iterable(tags)) for tags in (self.splits.test.tags, answers)), self.tags)
        matrix.tick_params(axis="x", rotation=90)
        figure.suptitle(f"{self.name}, {self.options.cell}, seed {self.options.seed}")
        figure.savefig(path, dpi=120)

    def export(self, network: keras.layers.Layer) -> Export:
        import tensorflow as tf

        from common.serving.export import Endpoint, Export
        from common.text.words import tokens as split

        names = tf.constant(self.tags)

        def tag(tokens: tf.Tensor) -> dict[str, tf.Tensor]:
            words = tf.shape(tokens)[1]
            tokens = tf.pad(tokens, [[0, 0], [0, tf.cast(words == 0, tf.int32)]])  # A recurrence has one step or more.
            places = tf.range(tf.shape(tokens)[1])
            lengths = tf.reduce_max(tf.where(tokens == "", 0, places + 1), 1)
            inside = places < lengths[:, None]
            # 0 past the end as well: what reads backwards must start at a sentence's own last word.
            keep = tf.cast(inside & (places > 0), tf.float32)
            window = {"words": self.encoder.words(tokens), "keep": keep, "sequence": tf.zeros_like(tokens, tf.int32)}
            if self.options.characters:
                window |= self._spelled(tokens)
            outputs, _ = network(window, training=False)
            if self.options.crf:
                best, probability = network.head.decode(outputs[..., :-1], keep)
            else:
                best, probability = tf.argmax(outputs, 2), tf.reduce_max(outputs, 2)
            answer = {
                "tags": tf.where(inside, tf.gather(names, best), ""),
                "probability": tf.where(inside, probability, 0.0),
                "seen": self.encoder.seen(tokens),
            }
            return {name: value[:, :words] for name, value in answer.items()}

        def tag_text(text: tf.Tensor) -> dict[str, tf.Tensor]:
            found = split(text, self.endings_apart)
            width = tf.maximum(tf.reduce_max(tf.concat([found.row_lengths(), [0]], 0)), 1)
            tokens = found.to_tensor("", shape=tf.stack([found.nrows(), width]))
            return {"tokens": tokens} | tag(tokens)

        endpoints = {
            "serving_default": Endpoint(tag, [tf.TensorSpec([None, None], tf.string, "tokens")]),
            "text": Endpoint(tag_text, [tf.TensorSpec([None], tf.string, "text")]),
        }
        return Export(endpoints, [network, *self.encoder.lookups])

    def _spelled(self, tokens: tf.Tensor) -> dict[str, tf.Tensor]:
        """As `Spellings` does, but with a lane for each different word."""
        import tensorflow as tf

        distinct, lane = tf.unique(tf.reshape(tokens, [-1]))
        letters = self.encoder.letters(distinct)
        lengths = tf.maximum(tf.cast(letters.row_lengths(), tf.int32), 1)
        longest = tf.reduce_max(tf.concat([lengths, [1]], 0))
        starts = tf.reshape(lane * longest, tf.shape(tokens))
        return {
            "characters": letters.to_tensor(0, shape=tf.stack([tf.size(distinct), longest])),
            "characters_keep": tf.cast(tf.sequence_mask(lengths, longest), tf.float32)
            * tf.cast(tf.range(longest) > 0, tf.float32),
            "ends": starts + tf.reshape(tf.gather(lengths, lane) - 1, tf.shape(tokens)),
            "starts": starts,
        }

    @classmethod
    def predict(cls, served: Any, inputs: Sequence[str], saved: PosSaved) -> Table:
        import tensorflow as tf

        if saved.output_file is not None:
            check_writable("--output-file", saved.output_file)
        sentences: list[list[tuple[str, str, float]]] = [[]] * len(inputs)
        for chosen in batches(list(map(len, inputs))):
            found = served.model.signatures["text"](text=tf.constant([inputs[n] for n in chosen]))
            answers = zip(*(found[name].numpy() for name in ("tokens", "tags", "probability")))
            for n, answer in zip(chosen, answers):
                sentences[n] = [(w.decode(), t.decode(), float(p)) for w, t, p in zip(*answer) if w]
        table = Table("word", "tag", "probability", title=cls.name)
        for rows in sentences:
            for word, tag, share in rows:
                table.add_row(Text(word), Text(tag), f"{share:.3f}")
            table.add_section()
        if saved.output_file is not None:
            column = saved_models.config_of(served.version)["column"]
            with drafted("--output-file", saved.output_file) as draft:
                write_conllu(draft, inputs, [[row[:2] for row in rows] for rows in sentences], column)
            table.caption = Text(f"CoNLL-U: {saved.output_file}")
        return table

    @classmethod
    def evaluate(cls, served: Any, data: PosData, other: bool = False) -> tuple[Scores, str]:
        learned = saved_models.config_of(served.version)["column"]
        if data.column != learned:
            raise InputError(f"--column {data.column}: this model learned {learned} tags; leave it out")
        test = data.load_test() if other and data.data else data.load().test
        found = list(tagged(served, test.words))
        answers = [tags for tags, _ in found]
        return scores(test.tags, answers, [seen for _, seen in found]), report(test.tags, answers)


def _decoded(head: Any, steps: np.ndarray, sequences: Sequences, batch: int = 64) -> np.ndarray:
    """Viterbi over whole sentences, those of like length together; `steps [steps, tags]` to tags `[steps]`."""
    import tensorflow as tf

    decode = tf.function(head.decode, reduce_retracing=True)
    numbers = np.zeros(len(steps), np.int32)
    order = np.argsort(sequences.lengths, kind="stable")
    for first in range(0, len(order), batch):
        chosen = order[first : first + batch]
        lengths, offsets = sequences.lengths[chosen], sequences.offsets[chosen]
        places = np.arange(lengths.max())
        inside = places < lengths[:, None]
        at = np.where(inside, offsets[:, None] + places, 0)
        keep = (inside & (places > 0)).astype(np.float32)
        tags, _ = decode(tf.constant(steps[at]), tf.constant(keep))
        numbers[at[inside]] = tags.numpy()[inside]
    return numbers


def batches(lengths: Sequence[int], batch: int = 64) -> Iterator[list[int]]:
    """Which sentences are tagged together: those of like length."""
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    for first in track(range(0, len(order), batch), "tagging", disable=len(order) <= batch):
        yield order[first : first + batch]


def tagged(served: Any, sentences: Sequence[Sequence[str]]) -> Iterator[tuple[list[str], list[bool]]]:
    """Tags of each sentence, and which of its words were seen in training, from a loaded SavedModel."""
    import tensorflow as tf

    found: dict[int, tuple[list[str], list[bool]]] = {}
    for chosen in batches(list(map(len, sentences))):
        answer = served(tokens=tf.ragged.constant([list(sentences[n]) for n in chosen], ragged_rank=1).to_tensor(""))
        for n, tags, seen in zip(chosen, answer["tags"].numpy(), answer["seen"].numpy()):
            length = len(sentences[n])
            found[n] = [tag.decode() for tag in tags[:length]], seen[:length].tolist()
    return (found[n] for n in range(len(sentences)))


def scores(truth: Sequence[Sequence[str]], said: Tags, seen: Sequence[Sequence[bool]]) -> Scores:
    """Share of right tags, of right tags on words unseen in training, and of sentences without a wrong tag."""
    right = [[t == s for t, s in zip(*pair, strict=True)] for pair in zip(truth, said, strict=True)]
    flat, known = (np.array(list(chain.from_iterable(rows)), bool) for rows in (right, seen))
    return {
        "accuracy": float(flat.mean()),
        "accuracy_unseen": float(flat[~known].mean()) if not known.all() else float("nan"),
        "sentence_accuracy": float(np.mean([all(row) for row in right])),
    }


def report(truth: Sequence[Sequence[str]], said: Tags) -> str:
    """Precision, recall and F1 of each tag."""
    from sklearn.metrics import classification_report

    return classification_report(
        *(list(chain.from_iterable(tags)) for tags in (truth, said)), digits=4, zero_division=0
    )


def endings_apart(words: Counter[str]) -> bool:
    """Whether English endings are words of their own: one word in a thousand or more is n't or 's.

    Dutch, German and names bring a few of them into other treebanks.
    """
    return 1000 * sum(words[ending] for ending in ("n't", "n’t", "'s", "’s")) >= words.total()


def most_frequent_tag(train: TaggedSentences, sentences: Iterable[Sequence[str]]) -> Tags:
    """To each word the tag it has most often in training, to an unseen one the most frequent tag of all."""
    counts: dict[str, Counter[str]] = {}
    for word, tag in zip(chain.from_iterable(train.words), chain.from_iterable(train.tags)):
        counts.setdefault(word, Counter())[tag] += 1
    usual = Counter(chain.from_iterable(train.tags)).most_common(1)[0][0]
    best = {word: count.most_common(1)[0][0] for word, count in counts.items()}
    return [[best.get(word, usual) for word in words] for words in sentences]


def logistic_regression(train: TaggedSentences, sentences: Sequence[Sequence[str]]) -> Tags:
    """One logistic regression a tag, by averaged stochastic gradient descent, over a word and its neighbours."""
    from sklearn.feature_extraction import FeatureHasher
    from sklearn.linear_model import SGDClassifier
    from sklearn.pipeline import make_pipeline

    classifier = SGDClassifier(loss="log_loss", alpha=2e-6, max_iter=10, tol=None, average=True, random_state=0)
    model = make_pipeline(FeatureHasher(2**20, input_type="string"), classifier)
    model.fit(list(chain.from_iterable(map(_features, train.words))), list(chain.from_iterable(train.tags)))
    said = iter(model.predict(list(chain.from_iterable(map(_features, sentences)))).tolist())
    return [[next(said) for _ in words] for words in sentences]


def _features(words: Sequence[str]) -> Iterator[list[str]]:
    padded = ["<s>", "<s>", *words, "</s>", "</s>"]
    for at, word in enumerate(words, 2):
        lower = word.lower()
        shape = "".join("A" if c.isupper() else "a" if c.islower() else "0" if c.isdigit() else c for c in word)
        yield [
            "bias",
            f"w={word}",
            f"l={lower}",
            f"shape={''.join(a for a, b in pairwise(shape + ' ') if a != b)}",
            *(f"p{n}={lower[:n]}" for n in range(1, 4)),
            *(f"s{n}={lower[-n:]}" for n in range(1, 6)),
            *(f"{by}={padded[at + by].lower()}" for by in (-2, -1, 1, 2)),
            *(f"{by}s={padded[at + by].lower()[-3:]}" for by in (-1, 1)),
            f"-1w={padded[at - 1].lower()} {lower}",
        ]


def write_conllu(
    path: Path, texts: Sequence[str], sentences: Sequence[Sequence[tuple[str, str]]], column: Column
) -> None:
    """Writes tagged sentences as CoNLL-U: the words and, in a column of their own, their tags; all else left open."""
    from conllu.models import Metadata, Token, TokenList

    def serialized(number: int, text: str, rows: Sequence[tuple[str, str]]) -> str:
        empty = dict.fromkeys(("lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc"))
        tokens = [Token({"id": n, "form": word} | empty | {column: tag}) for n, (word, tag) in enumerate(rows, 1)]
        followed = _followed_by_blank(text, [word for word, _ in rows])
        for token, blank in zip(tokens, followed):
            token["misc"] = None if blank else {"SpaceAfter": "No"}
        spaced = "".join(token["form"] + " " * blank for token, blank in zip(tokens, followed)).rstrip()
        return TokenList(tokens, Metadata({"sent_id": str(number), "text": spaced})).serialize()

    blocks = [serialized(n, text, rows) for n, (text, rows) in enumerate(zip(texts, sentences), 1) if rows]
    path.write_text("".join(blocks), "utf-8")


def _followed_by_blank(text: str, words: Sequence[str]) -> list[bool]:
    """Whether blanks stand between each word of a text and the next; the last counts as followed by one."""
    starts, end = [], 0
    for word in words:
        starts.append(text.find(word, end))
        end = starts[-1] + len(word)
    return [start + len(word) != after for start, word, after in zip(starts, words, [*starts[1:], -1])]
