"""Part-of-speech tagging, many-to-many: a sentence in, a tag for each of its words out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from rich.table import Table

from common.baselines.tags import TAGGERS
from common.errors import InputError
from common.figures.training import classification_figure
from common.reports import say_each, text_cell, warn_unknown
from common.scoring.tagging import Tagged, Tags
from common.serving.answer_files import Format, texts
from common.serving.export import Endpoint, Export
from common.sources.asked import Inputs, input_file, texts_of
from common.sources.conllu import conllu_inputs, conllu_writer
from common.sources.files import format_of
from common.sources.records import TaggedSentences, refuse_unknown
from common.sources.splits import SPLITS
from common.streams import Sequences, Stream
from tasks.base import Evaluated, Task
from tasks.pos_options import PosData, PosOptions, PosSaved

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from common.networks.contextual import ContextReader
    from common.networks.network import Learner, Network
    from common.serving.saved_model import Record, SavedModel
    from common.training.run import Results


class Pos(Task):
    """Vectors of words and affixes, spellings, recurrent stack, a tag for each word."""

    name = "pos"
    summary = "Part-of-speech tagging, many-to-many: a tag for each word"
    Data = PosData
    Options = PosOptions
    Saved = PosSaved
    monitor = "val_accuracy"
    higher_is_better = True
    streams = True
    twin = "tagger"

    def __init__(self, options: PosOptions) -> None:
        super().__init__(options)
        self.pretrained = options.models()

    def load(self) -> str:
        from common.text.vocabularies import WordEncoder

        self.splits = self.records
        say_each(self.splits.notes)
        train = self.splits.train
        self.tags = sorted(set(chain.from_iterable(train.tags)))
        words = Counter(chain.from_iterable(train.words))
        self.encoder = WordEncoder.of(words, self.options.min_count)
        known, affixes = len(self.encoder.known), len(self.encoder.known_affixes) if self.options.affixes else 0
        self.embedded = known + affixes, self.options.embedding
        self.split_endings = split_endings(words)
        self.context = self._context()
        warn_unknown([word in words for word in chain.from_iterable(self.splits.test.words)], "words")
        sizes = ", ".join(f"{len(getattr(self.splits, split)):,} {split}" for split in SPLITS)
        unknown = sum(tag not in self.tags for tag in chain.from_iterable(self.splits.validation.tags))
        left_out = f"; val_accuracy leaves out {unknown:,} words whose tag is not in train" if unknown else ""
        return (
            f"{self.splits.source}: {sizes} sentences; {words.total():,} training words; {len(self.tags)} tags; "
            f"{len(self.encoder.known):,} words known{left_out}"
        )

    def _context(self) -> ContextReader | None:
        """The language models as readers of sentences; refuses one that has read a test sentence."""
        if not self.pretrained:
            return None
        from common.networks.contextual import ContextReader

        for model in self.pretrained:
            model.note()
            model.refuse_read([" ".join(words) for words in self.splits.test.words], self.splits.source)
        return ContextReader([model.reading() for model in self.pretrained])

    def sequences(self, split: str) -> Sequences:
        import tensorflow as tf

        from common.networks.spelling import Spellings

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
        if self.options.affixes:
            inputs["affixes"] = self.encoder.affixes(words).numpy()[spelling]
        if self.context is not None:
            inputs["context"] = self.context.vectors(part.words)
        if not self.options.characters:
            return Sequences(lengths, inputs, targets=targets, weights=weights)
        inputs["spelling"] = spelling.astype(np.int32)
        letters = self.encoder.letters(words)
        spellings = Spellings(letters.row_lengths().numpy(), letters.flat_values.numpy(), multiple=16)
        return Sequences(
            lengths,
            inputs,
            targets=targets,
            weights=weights,
            expand=lambda inputs, targets: (inputs | spellings(inputs), targets),
        )

    def steps(self, split: str, number: int) -> list[str]:
        return list(getattr(self.splits, split).words[number])

    def learner(self) -> Learner:
        from common.layers.crf import CRFAccuracy, CRFHead, CRFLoss
        from common.layers.embeddings import SpelledEmbedding
        from common.layers.heads import ReadoutHead, classifier
        from common.layers.readout import Readout
        from common.networks.network import Learner
        from common.networks.stacks import recurrent_stack
        from common.networks.stream import StreamNetwork

        options = self.options
        masked = {"dropout": options.dropout, "seed": options.seed}
        embed = SpelledEmbedding(
            len(self.encoder.known),
            options.embedding,
            characters=len(self.encoder.known_letters) if options.characters else 0,
            character_units=options.characters,
            affixes=len(self.encoder.known_affixes) if options.affixes else 0,
            cell=options.cell,
            context=self.context.width if self.context else 0,
            token_dropout=options.word_dropout,
            seed=options.seed,
        )
        stack = recurrent_stack(options)
        if options.crf:
            head = CRFHead(len(self.tags), **masked)
            return Learner(StreamNetwork(embed, stack, head, **masked), CRFLoss(head), (CRFAccuracy(head),))
        head = ReadoutHead(Readout(), classifier(len(self.tags)), **masked)
        return Learner(StreamNetwork(embed, stack, head, **masked), "sparse_categorical_crossentropy", ("accuracy",))

    def answers(self, network: Network, stream: Stream, outputs: np.ndarray, *, export: Export) -> Tagged:
        from common.networks.tagger import best_tags

        steps, sequences = stream.at_steps(outputs), stream.sequences
        numbers = best_tags(network.head, steps, sequences) if self.options.crf else steps.argmax(1)
        parts = np.split(numbers, sequences.offsets[1:])
        return self.tagged([[self.tags[number] for number in part] for part in parts])

    def tagged(self, predictions: Tags) -> Tagged:
        """Predicted tags of the test split, with their references."""
        known, test = set(chain.from_iterable(self.splits.train.words)), self.splits.test
        return Tagged(predictions, test.tags, [[word in known for word in words] for words in test.words])

    def baselines(self, answers: Tagged) -> dict[str, Callable[[], Tagged]]:
        train, words = self.splits.train, self.splits.test.words
        return {name: lambda method=method: self.tagged(method(train, words)) for name, method in TAGGERS.items()}

    def figure(self, results: Results) -> Figure:
        return classification_figure(results, *results.answers.flat(), labels=self.tags, title=self.title)

    def export(self, network: Network) -> Export:
        import tensorflow as tf

        from common.networks.inside import INSIDE, axes, has_inside
        from common.networks.stepping import STATE
        from common.networks.tagger import AXES, STREAM_AXES, WORDS, Tagger

        context = self.context
        tagger = Tagger(network, self.encoder, self.tags, split_endings=self.split_endings, context=context)
        text = tf.TensorSpec([None], tf.string, "text")
        endpoints = {
            "serving_default": Endpoint(tagger.tag, [WORDS], AXES),
            "text": Endpoint(tagger.tag_text, [text], AXES),
        }
        if has_inside(network.stack):
            endpoints[INSIDE] = Endpoint(tagger.inside, [text], axes(network.stack))
        if not self.options.bidirectional and context is None:
            endpoints["stream"] = Endpoint(tagger.stream, [text, STATE], STREAM_AXES)
        resources = [network, *self.encoder.lookups, *(context.resources if context else ())]
        portable = network if context is None else None
        return Export(endpoints, resources, portable, self.encoder.described)

    def config(self) -> dict[str, Any]:
        """The options, and the tags."""
        return super().config() | {"tags": self.tags}

    def example(self, version: Path) -> str:
        return " ".join(self.splits.test.words[0][:12]) if self.options.data else "Bugün hava çok güzel."

    @classmethod
    def inputs(cls, words: Sequence[str], stream: BinaryIO, options: PosSaved) -> Inputs:
        path = input_file(words, options)
        if path is None or format_of(path) != ".conllu":
            return texts_of(words, stream, options)
        if options.text_column is not None:
            raise InputError(f"--text-column {options.text_column}: {path} is CoNLL-U; leave it out")
        return conllu_inputs(path, options.encoding)

    @classmethod
    def predict(cls, model: SavedModel, asked: Sequence[str | tuple[str, ...]], options: PosSaved) -> list[Record]:
        """Tags texts, or the words of sentences."""
        if asked and not isinstance(asked[0], str):
            answers = model.ask([{"tokens": list(words)} for words in asked], what="tagging")
            return [
                {"text": " ".join(words), "tokens": list(words)} | of_words(answer, len(words))
                for words, answer in zip(asked, answers)
            ]
        answers = model.ask([{"text": text} for text in asked], "text", what="tagging")
        return [
            {"text": text} | of_words(answer, sum(map(bool, answer["tokens"]))) for text, answer in zip(asked, answers)
        ]

    @classmethod
    def show(cls, records: Sequence[Record]) -> Table:
        table = Table("word", "tag", "probability", title=cls.name)
        for record in records:
            for word, tag, share in zip(record["tokens"], record["tags"], record["probability"]):
                table.add_row(text_cell(word), text_cell(tag), f"{share:.3f}")
            table.add_section()
        return table

    @classmethod
    def told(cls, record: Record) -> list[dict[str, Any]]:
        return [{name: record[name] for name in ("tokens", "tags", "probability", "seen")}]

    @classmethod
    def formats(cls, model: SavedModel) -> dict[str, dict[str, Format]]:
        of_tables = super().formats(model)["--output-file"]
        conllu = {".conllu": lambda path, columns: conllu_writer(path, model.config["column"])}
        return {"--output-file": conllu | of_tables | {".txt": texts(lambda record: " ".join(record["tags"]))}}

    @classmethod
    def test(cls, model: SavedModel, data: PosData, *, other: bool = False) -> TaggedSentences:
        learned = model.config["column"]
        if data.column != learned:
            raise InputError(f"--column {data.column}: this model learned {learned} tags; leave it out")
        test = super().test(model, data, other=other)
        if other and "tags" in model.config:
            tags = Counter(chain.from_iterable(test.tags))
            refuse_unknown(tags, model.config["tags"], noun="tags", data=data.data)
        return test

    @classmethod
    def evaluate(cls, model: SavedModel, test: TaggedSentences) -> Evaluated:
        found = model.ask([{"tokens": list(words)} for words in test.words], what="tagging")
        answers = [of_words(answer, len(words)) for answer, words in zip(found, test.words)]
        tagged = Tagged([a["tags"] for a in answers], test.tags, [a["seen"] for a in answers])
        rows = (
            {"tokens": list(words), "tags": list(tags), "predicted_tags": answer["tags"], "seen": answer["seen"]}
            for words, tags, answer in zip(test.words, test.tags, answers)
        )
        return Evaluated(tagged.scores(), tagged.report(), rows)


def of_words(answer: Record, words: int) -> Record:
    """An answer without its padding."""
    return {
        name: list(values[:words]) if isinstance(values, list) else values[:words].tolist()
        for name, values in answer.items()
    }


def split_endings(words: Counter[str]) -> bool:
    """Whether English endings are words of their own: at least one word in a thousand is n't or 's.

    Other treebanks hold a few of these words, from Dutch, German and names.
    """
    return 1000 * sum(words[ending] for ending in ("n't", "n’t", "'s", "’s")) >= words.total()
