"""Translation, sequence to sequence: a sentence in, a sentence of another language and length out."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from cyclopts import Parameter
from rich.progress import track
from rich.table import Table
from rich.text import Text

from common import cells
from common.errors import InputError
from common.files import check_writable, drafted
from common.options import Count, DataOptions, NotNegative, SavedOptions, Share, TrainOptions
from common.serving import saved_models
from common.sources import parallel as parallel_text
from common.sources.parallel import Pairs, Splits
from common.streams.sequences import Sequences
from common.streams.stream import Stream
from tasks.base import Scores, Task

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

    from common.serving.export import Export

BATCH = 64
SHOWN = 6
TAUGHT = 100  # Times that training targets must hold a numbered copy for the decoder to learn it.
LENGTHS = (5, 10, 20, 40)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class TranslationData(DataOptions):
    """Where pairs of sentences come from.

    Attributes:
        data: Nothing for the embedded texts of free software; "tfds:NAME" for a TFDS data set; a folder, or the
            beginning of a path as corpus/train, of line-aligned files as train.en and train.de; or a TSV file or a
            folder of them, a sentence, a tab and its translation on a line.
        source_language: Language to translate from, where it is not plain; of TSV only a name for the first column.
        target_language: Language to translate into; of the embedded data fr when not given.
        encoding: Of the files.
    """

    source_language: str | None = None
    target_language: str | None = None
    encoding: str = "utf-8"

    def load(self) -> Splits:
        """Reads the three splits."""
        return parallel_text.load(self.data, self.source_language, self.target_language, self.encoding)

    def load_test(self) -> Pairs:
        """Reads what a model that learned from other data can be judged by."""
        return parallel_text.load_test(self.data, self.source_language, self.target_language, self.encoding)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class TranslationOptions(TranslationData, TrainOptions):
    """What training a translator needs to know.

    Attributes:
        layers: Recurrent layers of the encoder, and of the decoder above its first, which attention looks from.
        units: Width of the hidden state of the decoder; each direction of the encoder has half.
        bidirectional: Whether the encoder also reads backwards; pairs then lie whole inside windows where they fit.
        embedding: Width of the vectors of subwords, which both languages and the readout share.
        vocabulary: Subwords of both languages together, at most.
        attention: How the decoder looks at the source; none for the plain network.
        longest: Subwords of the longest source and target to train on; pairs that have more are left out of training
            and of the validation loss, not of the test.
        smoothing: Share of a target's probability that is spread over all subwords in training.
        scheduled_sampling: Share of what the decoder reads in training that are its own guesses.
        beam: Hypotheses that beam search keeps.
        length_power: Log probabilities of hypotheses are divided by their length to the power of this.
    """

    units: Count = 256
    bidirectional: bool = True
    embedding: Count = 256
    vocabulary: Count = 8000
    attention: Literal["multiplicative", "additive", "none"] = "multiplicative"
    longest: Count = 100
    smoothing: Share = 0.1
    scheduled_sampling: Share = 0.0
    beam: Count = 5
    length_power: NotNegative = 1.0
    batch_size: Count = 32
    window: Count = 64
    dropout: Share = 0.3
    decay: NotNegative = 0.1
    epochs: Count = 30


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class TranslationSaved(SavedOptions):
    """Which saved translator is meant, and how it is asked.

    Attributes:
        beam: Hypotheses that beam search keeps; as many as in training when not given.
        output_file: A file to write the translations to, one a line.
        show_attention: Also show which subwords of the source each subword of the translation looked at most.
    """

    beam: Count | None = None
    output_file: Path | None = None
    show_attention: bool = False


class Answers(NamedTuple):
    """What a translator says of a test set.

    Attributes:
        texts: Its translations.
        log_probability: Of each reference, the end with it.
        tokens: How many subwords each reference has, the end with it.
    """

    texts: list[str]
    log_probability: np.ndarray
    tokens: np.ndarray


class Translation(Task):
    """Subwords, encoder, attention, decoder; beam search inside the saved model."""

    name = "translation"
    summary = "Translation, sequence to sequence: a sentence in another language"
    example = "Save the file before closing the window."
    Data = TranslationData
    Options = TranslationOptions
    Saved = TranslationSaved
    monitor = "val_loss"
    score = "bleu"
    controls = False
    fixed_shapes = False

    def __init__(self, options: TranslationOptions) -> None:
        super().__init__(options)
        self._exported: tuple[keras.layers.Layer, Export] | None = None

    def load(self) -> str:
        from common.text.subwords import COPIES, Subwords

        options = self.options
        if not cells.is_recurrent(options.cell):
            raise InputError(f"--cell {options.cell}: a decoder starts from a state, which controls do not have")
        self.splits = options.load()
        if options.data:
            self.example = self.splits.test.sources[0]
        train = self.splits.train
        self.subwords = Subwords.of([*train.sources, *train.targets], options.vocabulary)
        self.encoded = {split: self._encoded(split) for split in ("train", "validation", "test")}
        left_out = len(train) - len(self.encoded["train"][0])
        for split, (sources, _) in self.encoded.items():
            if not sources:
                raise InputError(f"--longest {options.longest}: no pair of the {split} split is so short; give more")
        counts = np.bincount(np.concatenate(self.encoded["train"][1]), minlength=COPIES.stop)
        untaught = next((n for n in COPIES if counts[n] < TAUGHT), COPIES.stop)
        self.copies = range(untaught, COPIES.stop) if options.attention != "none" else range(0)
        sizes = ", ".join(f"{len(getattr(self.splits, s)):,} {s}" for s in ("train", "validation", "test"))
        source, target = self.splits.languages
        longer = f", {left_out:,} longer than {options.longest} subwords left out" if left_out else ""
        return f"{self.splits.source}: {source} to {target}, {sizes} pairs{longer}; {len(self.subwords):,} subwords"

    def _encoded(self, split: str) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Sources and targets as subwords, where neither is too long."""
        import tensorflow as tf

        pairs, sides = getattr(self.splits, split), ([], [])
        for first in range(0, len(pairs), 4096):
            some = slice(first, first + 4096)
            sources, copies = self.subwords.encode(tf.constant(pairs.sources[some], tf.string))
            targets = self.subwords.encode_with(tf.constant(pairs.targets[some], tf.string), copies)
            for side, ids in zip(sides, (sources, targets)):
                side += np.split(ids.flat_values.numpy(), ids.row_splits.numpy()[1:-1])
        kept = [n for n, pair in enumerate(zip(*sides)) if max(map(len, pair)) <= self.options.longest]
        return tuple([side[n] for n in kept] for side in sides)

    @property
    def _windows(self) -> Any:
        from common.networks.pairs.windows import PairWindows
        from common.text.subwords import END, START

        longest = max(len(source) for sources, _ in self.encoded.values() for source in sources)
        return PairWindows(START, END, longest + 1)

    def config(self) -> dict[str, Any]:
        return super().config() | {"languages": self.splits.languages}

    def sequences(self, split: str) -> Sequences:
        return self._windows.sequences(*self.encoded[split])

    def steps(self, split: str, number: int) -> list[str]:
        from common.text.subwords import END, START

        source, target = (side[number] for side in self.encoded[split])
        return self.subwords.spelled([*source, END, START, *target])

    def network(self) -> keras.layers.Layer:
        import keras

        from common.layers.attention import AdditiveAttention, MultiplicativeAttention
        from common.layers.stack import RecurrentStack
        from common.networks.pairs.network import PairLoss, PairNetwork
        from common.networks.stacks import recurrent_stack

        options = self.options

        def stack(units: int, layers: int, seed: int, bidirectional: bool = False) -> RecurrentStack:
            of_part = {
                "units": units,
                "layers": layers,
                "bidirectional": bidirectional,
                "seed": 3 * options.seed + seed,
            }
            return recurrent_stack(options, **of_part)

        both = options.bidirectional
        kinds = {"additive": AdditiveAttention, "multiplicative": MultiplicativeAttention}
        attention = kinds[options.attention](options.units, options.seed) if options.attention in kinds else None
        self.loss = PairLoss()
        self.metrics = (keras.metrics.MeanMetricWrapper(_second, name="accuracy"),)
        return PairNetwork(
            len(self.subwords),
            options.embedding,
            stack(max(options.units // 2, 1) if both else options.units, options.layers, 0, both),
            stack(options.units, 1, 1),
            stack(options.units, options.layers, 2),
            attention,
            self._windows.memory,
            options.dropout,
            options.smoothing,
            options.scheduled_sampling,
            options.seed,
        )

    def answers(self, network: keras.layers.Layer, stream: Stream, outputs: np.ndarray) -> Answers:
        endpoints = self.export(network).endpoints
        self.shown = endpoints["attention"].function
        self.greedy = partial(endpoints["beam"].function, beam=1)
        answers = answered(endpoints["serving_default"].function, endpoints["likelihood"].function, self.splits.test)
        self.said = answers.texts
        return answers

    def scores(self, answers: Answers) -> Scores:
        return scores(self.splits.test, answers, self.splits.languages[1])

    def baselines(self, answers: Answers) -> dict[str, Scores]:
        train, test = self.splits.train, self.splits.test
        said = {"copy_of_the_source": list(test.sources), "nearest_in_training": nearest(train, test.sources)}
        found = {name: self.scores(Answers(texts, np.array([]), np.array([]))) for name, texts in said.items()}
        narrow = [text for text, _ in translated(self.greedy, test.sources)]
        return found | {f"{self.options.cell}, beam 1": self.scores(answers._replace(texts=narrow))}

    def report(self, answers: Answers) -> str:
        return report(self.splits.test, answers, self.splits.languages[1])

    def extras(self, folder: Path) -> None:
        """The signatures of the scores; the test split with what was said, for other scores."""
        lines = signatures(self.splits.languages[1])
        (folder / "signatures.txt").write_text("".join(f"{line}\n" for line in lines))
        with (folder / "test.tsv").open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file, "excel-tab")
            rows.writerow(("source", "reference", "translation"))
            rows.writerows(zip(self.splits.test.sources, self.splits.test.targets, self.said))

    def figure(self, history: list[dict[str, float]], answers: Answers, path: Path) -> None:
        import tensorflow as tf
        from matplotlib.figure import Figure

        from common.figures.training import learning_curves

        test = self.splits.test
        looks = self.options.attention != "none"
        figure = Figure(figsize=(13, 9 if looks else 5), layout="constrained")
        curves, lengths, *maps = figure.subplots(1 + looks, 2).flat
        learning_curves([curves], history, ["loss"])
        curves.set(title="loss a subword; in training with dropout and smoothing")
        edges = [0, *LENGTHS, math.inf]
        words = np.array([len(source.split()) for source in test.sources])
        groups = [(low, high, np.flatnonzero((words > low) & (words <= high))) for low, high in pairwise(edges)]
        groups = [(low, high, which) for low, high, which in groups if len(which)]
        names = [f"{low + 1}-{high}" if high < math.inf else f"over {low}" for low, high, _ in groups]
        language = self.splits.languages[1]
        sides = [[[side[n] for n in which] for side in (answers.texts, test.targets)] for *_, which in groups]
        bars = [bleu(language).corpus_score(said, [truth]).score for said, truth in sides]
        lengths.bar(names, bars)
        lengths.set(title="test: BLEU by words of the source", xlabel="words", ylabel="BLEU")
        near = [np.argsort(np.abs(words - length), kind="stable") for length in (7, 12)]
        suited = list(dict.fromkeys([near[0][0], *near[1][:2]]))[: len(maps)]
        looked = self.shown(tf.constant([test.sources[n] for n in suited], tf.string), self.options.beam)
        for ax, pieces, said, weights in zip(maps, *(looked[k].numpy() for k in ("source", "translation", "weights"))):
            rows, columns = ([visible(p) for p in some if p] for some in (said, pieces))
            shades = ax.imshow(weights[said != b"", : len(columns)], cmap="Blues", vmin=0, vmax=1, aspect="auto")
            ax.set_xticks(range(len(columns)), columns, rotation=90)
            ax.set_yticks(range(len(rows)), rows, fontsize=min(10, 250 / len(rows)))
            ax.set(title="test: where attention looks", xlabel="source", ylabel="translation")
            figure.colorbar(shades, ax=ax, label="weight")
        figure.suptitle(f"{self.name}, {self.options.cell}, seed {self.options.seed}")
        figure.savefig(path, dpi=110)

    def export(self, network: keras.layers.Layer) -> Export:
        import tensorflow as tf

        from common import decoding
        from common.serving.export import Endpoint, Export
        from common.text.subwords import COPIES, END, START

        if self._exported and self._exported[0] is network:  # Tracing a beam takes seconds.
            return self._exported[1]
        options, subwords = self.options, self.subwords
        text, beam = tf.TensorSpec([None], tf.string, "text"), tf.TensorSpec([], tf.int32, "beam")

        def ended(ids: tf.RaggedTensor) -> tuple[tf.Tensor, tf.Tensor]:
            """Ids with an end, `[N, pieces]` with at least one also where there are no texts; and their lengths."""
            lengths = tf.cast(ids.row_lengths(), tf.int32) + 1
            ids = tf.concat([ids, tf.fill([ids.nrows(), 1], END)], 1)
            return ids.to_tensor(
                shape=tf.stack([-1, tf.reduce_max(tf.pad(lengths, [[0, 1]], constant_values=1))])
            ), lengths

        def there_is(text: tf.Tensor) -> tf.Tensor:
            """Whether there is something to translate: blanks alone were never seen."""
            return ~tf.strings.regex_full_match(text, r"[\s\v\pZ\p{Cf}]*")

        def read(text: tf.Tensor) -> tuple:
            ids, copies = subwords.encode(text)
            return *ended(ids), copies

        @tf.function(input_signature=[text, beam], autograph=False)
        def searched(text: tf.Tensor, beam: tf.Tensor) -> tuple:
            tf.debugging.assert_positive(beam, "beam: the width of the search must be 1 or more")
            ids, lengths, copies = read(text)
            memory, state = network.read(ids, lengths)
            memory = tf.nest.map_structure(lambda x: tf.repeat(x, beam, 0), memory)

            def following(tokens: tf.Tensor, state: Any) -> tuple:
                return network.next(tokens, state, memory)

            if self.copies:
                of_words = subwords.opens, subwords.inside
                following, state = decoding.copying(following, state, ids, self.copies, END, *of_words, beam)
            longest = 2 * lengths + 20
            power = tf.where(beam > 1, options.length_power, 0.0)  # One hypothesis is greedy: the first end counts.
            found = decoding.beam(following, state, START, END, longest, beam, power, best=1)
            said = tf.cast(tf.minimum(found.lengths + 1, longest[:, None]), tf.float32)
            found = found._replace(scores=found.scores / said ** (options.length_power - power))
            tokens = tf.where(tf.range(tf.shape(found.tokens)[2]) < found.lengths, found.tokens[:, 0], 0)
            return ids, copies, tokens, found

        def search(text: tf.Tensor, beam: int | tf.Tensor = options.beam) -> dict[str, tf.Tensor]:
            ids, copies, tokens, found = searched(text, beam)
            there = there_is(text)
            of_attention = tf.constant([n in self.copies for n in COPIES])
            said = subwords.decode(tokens, copies, subwords.spaced(ids) & of_attention)
            return {
                "translation": tf.where(there, said, ""),
                "score": tf.where(there, found.scores[:, 0], 0.0),
            }

        def pieces(ids: tf.Tensor, copies: tf.RaggedTensor) -> tf.Tensor:
            """Each subword by itself, `[N, pieces]`; nothing where there is none."""
            rows, many = tf.unstack(tf.shape(ids))
            own = tf.gather(copies, tf.repeat(tf.range(rows), many))
            each = subwords.decode(tf.reshape(ids, (-1, 1)), own)
            each = tf.where(tf.reshape(ids, [-1]) == END, "<end>", each)
            return tf.reshape(tf.where(tf.reshape(ids, [-1]) == 0, "", each), tf.shape(ids))

        def attention(text: tf.Tensor, beam: tf.Tensor) -> dict[str, tf.Tensor]:
            ids, copies, tokens, found = searched(text, beam)
            ends = tf.cast(tf.range(tf.shape(tokens)[1]) == found.lengths, tf.int32) * END
            there = there_is(text)[:, None]
            return {
                "source": pieces(ids, copies),
                "translation": tf.where(there, pieces(tokens + ends, copies), ""),
                "weights": tf.where(there[:, None], found.extras[:, 0], 0.0),
            }

        def likelihood(text: tf.Tensor, translation: tf.Tensor) -> dict[str, tf.Tensor]:
            ids, lengths, copies = read(text)
            truth, many = ended(subwords.encode_with(translation, copies))
            tokens = tf.concat([tf.fill([tf.shape(truth)[0], 1], START), truth[:, :-1]], 1)
            each = network.losses_of(tokens, truth, *network.read(ids, lengths))
            there = tf.sequence_mask(many, tf.shape(truth)[1], each.dtype)
            return {"log_probability": -tf.reduce_sum(each * there, 1), "tokens": many}

        signatures = {
            "serving_default": (lambda text: search(text), [text]),
            "beam": (search, [text, beam]),
            "attention": (attention, [text, beam]),
            "likelihood": (likelihood, [text, tf.TensorSpec([None], tf.string, "translation")]),
        }
        endpoints = {
            name: Endpoint(tf.function(function, signature, autograph=False), signature)
            for name, (function, signature) in signatures.items()
        }
        self._exported = network, Export(endpoints, [network, *subwords.lookups])
        return self._exported[1]

    @classmethod
    def predict(cls, served: Any, inputs: Sequence[str], saved: TranslationSaved) -> Table:
        import tensorflow as tf

        config, signatures = saved_models.config_of(served.version), served.model.signatures
        if saved.show_attention and config["attention"] == "none":
            raise InputError("--show-attention: this model was trained with --attention none and looks at nothing")
        if saved.output_file is not None:
            check_writable("--output-file", saved.output_file)
        beam = tf.constant(saved.beam or config["beam"])

        def search(text: tf.Tensor) -> dict[str, tf.Tensor]:
            return signatures["beam"](text=text, beam=beam)

        table = Table("text", "translation", "score", title=cls.name)
        answers = translated(search, inputs)
        for text, (said, score) in zip(inputs, answers):
            table.add_row(Text(text), Text(said), f"{score:.3f}")
            if saved.show_attention:
                looked = signatures["attention"](text=tf.constant([text]), beam=beam)
                source, pieces, weights = (looked[k].numpy()[0] for k in ("source", "translation", "weights"))
                rows = [(p, source[w.argmax()], w.max()) for p, w in zip(pieces, weights) if p]
                lines = (f"{visible(p)} <- {visible(q)} {w:.2f}" for p, q, w in rows)
                table.add_row("", Text("\n".join(lines)), "")
        if saved.output_file is not None:
            with drafted("--output-file", saved.output_file) as draft:
                draft.write_text("".join(f"{' '.join(said.splitlines())}\n" for said, _ in answers), encoding="utf-8")
            table.caption = Text(f"translations: {saved.output_file}")
        return table

    @classmethod
    def evaluate(cls, served: Any, data: TranslationData, other: bool = False) -> tuple[Scores, str]:
        test = data.load_test() if other and data.data else data.load().test
        language = saved_models.config_of(served.version)["languages"][1]
        endpoints = served.model.signatures
        answers = answered(endpoints["serving_default"], endpoints["likelihood"], test)
        return scores(test, answers, language), report(test, answers, language)


def visible(piece: bytes) -> str:
    """A subword for people to read, with its spaces to be seen."""
    return piece.decode(errors="replace").replace(" ", "▁")


def _second(truth: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    return outputs[..., 1]


def _batches(texts: Sequence[str], what: str) -> Iterator[list[int]]:
    """Numbers of texts, those of like length together."""
    order = sorted(range(len(texts)), key=lambda n: len(texts[n]))
    for first in track(range(0, len(texts), BATCH), what, disable=len(texts) <= BATCH):
        yield order[first : first + BATCH]


def translated(function: Any, texts: Sequence[str]) -> list[tuple[str, float]]:
    """Translations with their scores."""
    import tensorflow as tf

    found: dict[int, tuple[str, float]] = {}
    for chosen in _batches(texts, "translating"):
        answer = function(text=tf.constant([texts[n] for n in chosen], tf.string))
        said = zip(chosen, answer["translation"].numpy(), answer["score"].numpy())
        found |= {n: (text.decode(errors="replace"), float(score)) for n, text, score in said}
    return [found[n] for n in range(len(texts))]


def answered(function: Any, likelihood: Any, test: Pairs) -> Answers:
    """Translations of a test set, and how likely its references are."""
    import tensorflow as tf

    texts = [text for text, _ in translated(function, test.sources)]
    values = {name: np.zeros(len(test)) for name in ("log_probability", "tokens")}
    for chosen in _batches(test.sources, "scoring"):
        sides = ([side[n] for n in chosen] for side in (test.sources, test.targets))
        said = likelihood(**{k: tf.constant(v, tf.string) for k, v in zip(("text", "translation"), sides)})
        for name, array in values.items():
            array[chosen] = said[name].numpy()
    return Answers(texts, **values)


def bleu(language: str) -> Any:
    """Corpus BLEU of detokenised texts, as sacrebleu has it; of characters where words are not written apart."""
    from sacrebleu.metrics import BLEU

    apart = {"zh": "zh", "ja": "char", "ko": "char", "th": "char"}
    return BLEU(tokenize=apart.get(language[:2], "13a"))


def signatures(language: str) -> list[str]:
    """What sacrebleu needs to be told to compute the same scores."""
    from sacrebleu.metrics import CHRF

    lines = []
    for metric in (bleu(language), CHRF()):
        name = metric.corpus_score(["."], [["."]]).name
        lines.append(f"{name} {metric.get_signature()}")
    return lines


def scores(test: Pairs, answers: Answers, language: str) -> Scores:
    """BLEU and chrF of sacrebleu, perplexity a subword, exact matches, and placeholders that survive."""
    from sacrebleu.metrics import CHRF

    said, truth = answers.texts, test.targets
    tokens = answers.tokens.sum()
    return {
        "bleu": bleu(language).corpus_score(list(said), [list(truth)]).score,
        "chrf": CHRF().corpus_score(list(said), [list(truth)]).score,
        "perplexity": math.exp(-answers.log_probability.sum() / tokens) if tokens else math.nan,
        "exact_match": float(np.mean([a == b for a, b in zip(said, truth)])),
        "placeholder_survival": survival(test.sources, said),
    }


def survival(sources: Sequence[str], said: Sequence[str]) -> float:
    """The share of the sources' placeholders that are in the translations; NaN where there are none."""
    from collections import Counter

    import tensorflow as tf

    from common.text.subwords import placeholders

    found = [placeholders(tf.constant(list(texts), tf.string)).to_list() for texts in (sources, said)]
    asked = [Counter(one) for one in found[0]]
    kept = [(a & Counter(b)).total() for a, b in zip(asked, found[1])]
    total = sum(a.total() for a in asked)
    return sum(kept) / total if total else math.nan


def nearest(train: Pairs, sources: Sequence[str]) -> list[str]:
    """The translation of the training source that is nearest by TF-IDF of character n-grams."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    features = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True)
    known = features.fit_transform(train.sources)
    asked = features.transform(sources)
    best: list[int] = []
    for first in range(0, len(sources), 256):
        best += np.asarray((asked[first : first + 256] @ known.T).argmax(1)).ravel().tolist()
    return [train.targets[n] for n in best]


def report(test: Pairs, answers: Answers, language: str) -> str:
    """The signatures of the scores, and some translations beside their references."""
    lines = signatures(language)
    for n in range(0, len(test), max(len(test) // SHOWN, 1))[:SHOWN]:
        rows = (("source", test.sources[n]), ("reference", test.targets[n]), ("said", answers.texts[n]))
        lines += [*(f"  {name:<10} {text}" for name, text in rows), ""]
    return "\n".join(lines)
