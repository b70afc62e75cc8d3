"""Translation, sequence to sequence: a sentence in, a sentence of another language and length out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from rich.table import Table

from common import cells
from common.baselines import translation as plain
from common.cells.seeds import seed_for
from common.errors import InputError, counted
from common.figures.translation import translation_figure, visible
from common.reports import say_each, text_cell, warn_unknown
from common.scoring.translation import Translations, largest_weights, translated
from common.serving.answer_files import Format, texts
from common.serving.export import Endpoint, Export
from common.sources.asked import Inputs, texts_of
from common.sources.large_pairs import LargePairs
from common.sources.records import Pairs
from common.sources.splits import SPLITS
from common.streams import Sequences, Stream
from common.text.scripts import known_words
from tasks.base import Evaluated, Task
from tasks.translation_options import COLUMNS, PLAIN, TranslationData, TranslationOptions, TranslationSaved

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from common.networks.network import Learner, Network
    from common.networks.pairs.windows import PairWindows
    from common.serving.saved_model import Record, SavedModel
    from common.training.run import Results


SOME = 100_000
"""Training pairs that stand for all of those on disk, where plain methods read them."""


class Translation(Task):
    """Subwords, encoder, attention, decoder; beam search inside the saved model."""

    name = "translation"
    summary = "Translation, sequence to sequence: a sentence in another language"
    Data = TranslationData
    Options = TranslationOptions
    Saved = TranslationSaved
    score = "bleu"
    twin = "translator"
    controls = False

    def check_options(self) -> None:
        cell = self.options.cell
        if not cells.is_recurrent(cell):
            raise InputError(f"--cell {cell}: a decoder starts from a state, which controls do not have")

    def load(self) -> str:
        from common.decoding.translator import copied_by_attention
        from common.networks.pairs.corpus import PairCorpus
        from common.text.subwords import COPIES, Subwords

        options = self.options
        self.splits = self.records
        say_each(self.splits.notes)
        train, test = self.splits.train, self.splits.test
        self.some = Pairs.of(islice(train.read(), SOME)) if isinstance(train, LargePairs) else train
        for side in ("sources", "targets"):
            warn_unknown(known_words(getattr(self.some, side), getattr(test, side)), f"{side[:-1]} words")
        learned = {"vocabulary": options.vocabulary, "longest": options.longest}
        self.corpus = PairCorpus(train, **learned) if isinstance(train, LargePairs) else None
        self.subwords = (
            self.corpus.subwords if self.corpus else Subwords.of([*train.sources, *train.targets], options.vocabulary)
        )
        self.embedded = len(self.subwords), options.embedding
        held = SPLITS[1:] if self.corpus else SPLITS
        self.encoded = {split: self._encoded(getattr(self.splits, split)) for split in held}
        for split, (sources, _) in self.encoded.items():
            if not sources:
                raise InputError(f"--longest {options.longest}: no pair of the {split} split is so short; give more")
        if self.corpus:
            many, counts = self.corpus.many, self.corpus.counts
        else:
            targets = self.encoded["train"][1]
            many, counts = len(targets), np.bincount(np.concatenate(targets), minlength=COPIES.stop)
        self.options = options.fitted(many)
        self.copies = copied_by_attention(counts) if options.attention != "none" else range(0)
        left_out = len(train) - many
        sizes = ", ".join(f"{len(getattr(self.splits, split)):,} {split}" for split in SPLITS)
        source, target = self.splits.languages
        longer = f", {left_out:,} longer than {options.longest} subwords left out" if left_out else ""
        return (
            f"{self.splits.source}: {source} to {target}, {sizes} pairs{longer}; {len(self.subwords):,} subwords; "
            f"{counted(self.options.epochs, 'epoch')}"
        )

    def _encoded(self, pairs: Pairs) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """The pairs that are not too long: their sources and targets as ids of subwords."""
        sides = self.subwords.encode_pairs(pairs.sources, pairs.targets)
        kept = [n for n, pair in enumerate(zip(*sides)) if max(map(len, pair)) <= self.options.longest]
        return tuple([side[n] for n in kept] for side in sides)

    @property
    def _windows(self) -> PairWindows:
        from common.networks.pairs.windows import PairWindows
        from common.text.subwords import END, START

        longest = max(len(source) for sources, _ in self.encoded.values() for source in sources)
        longest = max(longest, self.corpus.longest if self.corpus else 0)
        return PairWindows(START, END, longest + 1, few_shapes=self.options.xla is not False)

    def config(self) -> dict[str, Any]:
        return super().config() | {"languages": self.splits.languages}

    def sequences(self, split: str) -> Sequences:
        if self.corpus and split == "train":
            return self._windows.stored(self.corpus.store, self.corpus.target_steps)
        return self._windows.sequences(*self.encoded[split])

    def steps(self, split: str, number: int) -> list[str]:
        from common.text.subwords import END, START

        if self.corpus and split == "train":
            return self.subwords.spelled(self.corpus.tokens(number))
        source, target = (side[number] for side in self.encoded[split])
        return self.subwords.spelled([*source, END, START, *target])

    def learner(self) -> Learner:
        from common.layers.attention import AdditiveAttention, MultiplicativeAttention
        from common.networks.network import Learner, OwnLoss, own_accuracy
        from common.networks.pairs.network import PairNetwork
        from common.networks.stacks import recurrent_stack

        options, both = self.options, self.options.bidirectional
        attention = {"additive": AdditiveAttention, "multiplicative": MultiplicativeAttention}.get(options.attention)

        units = max(options.units // 2, 1) if both else options.units
        forwards = replace(options, bidirectional=False)
        network = PairNetwork(
            len(self.subwords),
            options.embedding,
            encoder=recurrent_stack(options, units=units, seed=seed_for(options.seed, "encoder")),
            decoder=recurrent_stack(forwards, layers=1, seed=seed_for(options.seed, "decoder")),
            upper=recurrent_stack(forwards, seed=seed_for(options.seed, "upper")),
            attention=attention and attention(options.units, seed=options.seed),
            memory=self._windows.memory,
            dropout=options.dropout,
            smoothing=options.smoothing,
            sampling=options.scheduled_sampling,
            seed=options.seed,
        )
        return Learner(network, OwnLoss(), (own_accuracy,))

    def answers(self, network: Network, stream: Stream, outputs: np.ndarray, *, export: Export) -> Translations:
        test, asked = self.splits.test, {"language": self.splits.languages[1], "beam": self.options.beam}
        return Translations.of(export, test.sources, test.targets, **asked)

    def baselines(self, answers: Translations) -> dict[str, Callable[[], Translations]]:
        found = plain.predictions(self.some.sources, self.some.targets, answers.sources)
        if len(self.some) < len(self.splits.train):
            found[f"nearest_in_{len(self.some)}_pairs"] = found.pop("nearest_in_training")

        def greedy() -> Translations:
            return answers._replace(predictions=translated(answers.model, answers.sources, beam=1))

        methods = {name: lambda made=made: answers.others(made()) for name, made in found.items()}
        return methods | {f"{self.options.cell}, beam 1": greedy}

    def figure(self, results: Results) -> Figure:
        options = self.options
        return translation_figure(
            results,
            beam=options.beam,
            attention=options.attention != "none",
            title=self.title,
        )

    def extras(self, results: Results, folder: Path) -> None:
        results.answers.write(folder)

    def export(self, network: Network) -> Export:
        from common.decoding.translator import AXES, MOST, TEXT, Translator
        from common.networks.inside import INSIDE, axes

        options = self.options
        search = {"copies": self.copies, "beam": options.beam, "length_power": options.length_power}
        search["most"] = max(MOST, 2 * options.longest + 20)
        translator = Translator(network, subwords=self.subwords, **search)
        endpoints = {
            name: Endpoint(function, function.input_signature, AXES.get(name, {}))
            for name, function in translator.functions.items()
        }
        endpoints[INSIDE] = Endpoint(translator.inside, [TEXT], axes(network.encoder))
        vocabulary = {"pieces": self.subwords.known, "most": search["most"], "example": self.example(Path())}
        vocabulary["copies"] = [self.copies.start, self.copies.stop]
        return Export(endpoints, [network, *self.subwords.lookups], network, vocabulary)

    def example(self, version: Path) -> str:
        return self.splits.test.sources[0] if self.options.data else "Save the file before closing the window."

    @classmethod
    def inputs(cls, words: Sequence[str], stream: BinaryIO, options: TranslationSaved) -> Inputs:
        return texts_of(words, stream, options, usual=COLUMNS, plain=PLAIN)

    @classmethod
    def asked(cls, model: SavedModel, inputs: Sequence[str], options: TranslationSaved) -> Sequence[str]:
        if options.show_attention and model.config["attention"] == "none":
            raise InputError("--show-attention: this model was trained with --attention none; leave it out")
        return inputs

    @classmethod
    def predict(cls, model: SavedModel, asked: Sequence[str], options: TranslationSaved) -> list[Record]:
        texts = [{"text": text} for text in asked]
        beam = options.beam or model.config["beam"]
        records = [
            text | {name: answer[name] for name in ("translation", "score")}
            for text, answer in zip(texts, model.ask(texts, "beam", what="translating", beam=beam))
        ]
        if options.show_attention:
            for record, found in zip(records, model.ask(texts, "attention", what="attending", beam=beam)):
                record["attention"] = largest_weights(found)
        return records

    @classmethod
    def show(cls, records: Sequence[Record]) -> Table:
        table = Table("text", "translation", "score", title=cls.name)
        for record in records:
            table.add_row(text_cell(record["text"]), text_cell(record["translation"]), f"{record['score']:.3f}")
            if "attention" in record:
                rows = ((visible(row["subword"]), visible(row["source"]), row["weight"]) for row in record["attention"])
                lines = (f"{subword} <- {source} {weight:.2f}" for subword, source, weight in rows)
                table.add_row("", text_cell("\n".join(lines)), "")
        return table

    @classmethod
    def formats(cls, model: SavedModel) -> dict[str, dict[str, Format]]:
        lines = texts(lambda record: record["translation"])
        target = f".{model.config['languages'][1]}".lower()
        return {"--output-file": super().formats(model)["--output-file"] | {".txt": lines, target: lines}}

    @classmethod
    def evaluate(cls, model: SavedModel, test: Pairs) -> Evaluated:
        asked = {"language": model.config["languages"][1], "beam": model.config["beam"]}
        answers = Translations.of(model, test.sources, test.targets, **asked)
        triples = zip(answers.sources, answers.references, answers.predictions)
        rows = (dict(zip(("text", "reference", "translation"), triple)) for triple in triples)
        return Evaluated(answers.scores(), answers.report(), rows)
