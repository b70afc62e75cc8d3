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
from common.sources.large import LargeTexts
from common.sources.plain import PlainTexts
from common.sources.splits import SPLITS
from common.streams import Sequences, Stream
from tasks.base import Evaluated, Task
from tasks.language_model_options import (
    ORDERS,
    LanguageData,
    LanguageEvaluate,
    LanguageOptions,
    LanguageSaved,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.table import Table

    from common.networks.corpora import Corpus
    from common.networks.network import Learner, Network
    from common.scoring import Scores
    from common.serving.saved_model import Record, SavedModel
    from common.sources.asked import Inputs
    from common.text.scripts import Level
    from common.training.run import Results


class LanguageModel(Task):
    """Vectors of tokens, recurrent stack, the distribution of the next token."""

    name = "language_model"
    summary = "Language model: what follows a text"
    takes = "the beginnings of texts"
    streams = True
    twin = "language"
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
        self.level: Level = options.level_for(train.characters)
        learned = {"size": options.tokens_of(self.level), "min_count": options.min_count}
        self.corpus = self._corpus(train, learned) if isinstance(train, LargeTexts) else None
        self.pieces = self.corpus.pieces if self.corpus else pieces_of(self.level, train.texts, **learned)
        self.embedded = len(self.pieces), options.embedding
        held = SPLITS[1:] if self.corpus else SPLITS
        self.encoded = {split: self._encoded(self.texts(split).texts) for split in held}
        self.counts = self.corpus.counts if self.corpus else np.bincount(np.concatenate(self.encoded["train"]))
        tokens = int(self.counts.sum())
        epochs = options.epochs_for(self.level, tokens)
        sampled = options.sampled_of(len(self.pieces))
        self.options = replace(options, epochs=epochs, sampled=sampled)
        sizes = ", ".join(f"{len(getattr(self.splits, split)):,} {split}" for split in SPLITS)
        of_sample = f", {sampled:,} in the loss of a training step" if sampled else ""
        return (
            f"{self.splits.source}: {sizes} texts; level {self.level}{'' if options.level else ' by their size'}; "
            f"{tokens:,} training tokens, {len(self.pieces):,} different ones{of_sample}; {counted(epochs, 'epoch')}"
        )

    def _corpus(self, train: LargeTexts, learned: dict[str, int]) -> Corpus:
        from common.networks.corpora import Corpus

        if self.options.backward:
            raise InputError("--backward: texts on disk are read from their beginning; give --in-memory")
        return Corpus(train, self.level, ends=self.ends, **learned)

    @property
    def tested(self) -> str:
        return "test" if len(self.splits.test) else "validation"

    def texts(self, split: str) -> PlainTexts:
        """The texts of a split; those of validation where there is no test part."""
        return getattr(self.splits, self.tested if split == "test" else split)

    def sequences(self, split: str) -> Sequences:
        from common.networks.corpora import cut_where_long, in_steps

        on_disk = self.corpus if split == "train" else None
        found = on_disk.sequences if on_disk else in_steps(self.encoded[split], ends=self.ends)
        found = found if self.ends else cut_where_long(found, self.options.window)
        if self.ends or split == "train":
            return found
        return found.in_pieces(PIECES, least=CONTEXT // 4, context=CONTEXT // 4)

    def _encoded(self, texts: Sequence[str]) -> list[np.ndarray]:
        """The numbers of the tokens of texts, in the order in which they are read."""
        from common.text.pieces import encoded

        return [one[::-1] if self.options.backward else one for one in encoded(self.pieces, texts)]

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
        from common.networks.corpora import padded
        from common.text.subwords import END

        test, order, size = padded(self.encoded["test"], self.ends), ORDERS[self.level], len(self.pieces)
        counts = np.pad(self.counts, (0, size - len(self.counts)))
        counts[END] += len(self.splits.train) if self.ends else 0

        def ngrams() -> Likelihoods:
            return self._likelihoods(NGrams(padded(self.encoded["train"], self.ends), size, order).losses(test))

        if self.corpus:
            say("n-grams are counted in memory, and the training texts are on disk: unigrams are the only baseline")
        unigram = {"unigram": lambda: self._likelihoods(unigram_losses(counts, test))}
        return unigram if self.corpus else unigram | {f"kneser_ney_{order}_gram": ngrams}

    def figure(self, results: Results) -> Figure:
        return language_figure(results, title=self.title)

    def keep(self, folder: Path) -> None:
        if self.corpus:
            say("no hashes of training texts on disk are kept, so no other training can start from this model")
        else:
            keep_read(folder, self.splits.train.texts + self.splits.validation.texts)

    def config(self) -> dict[str, Any]:
        """The options, with the level that was chosen, whether texts have ends, and the split that was scored."""
        return super().config() | {"level": self.level, "ends": self.ends, "tested": self.tested}

    def export(self, network: Network) -> Export:
        from common.decoding.writer import AXES, SIGNATURES, Writer
        from common.networks.inside import INSIDE, axes, has_inside

        seen, options = np.flatnonzero(self.counts), self.options
        writer = Writer(network, self.pieces, ends=self.ends, seen=seen, backward=options.backward)
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
        from common.networks.corpora import in_steps
        from common.training.dynamic import DynamicEvaluation

        task = cls(from_saved(cls.Options, model.config))
        try:
            task.load()
            if task.corpus:
                raise InputError("its training texts are on disk; train it again, with --in-memory")
        except InputError as error:
            raise InputError(f"--dynamic-evaluation: needs the texts that the model learned from; {error}") from error
        known = Pretrained(model.folder, "--dynamic-evaluation")
        if not known.has_read(task.splits.train.texts + task.splits.validation.texts):
            told = f"{task.splits.source} is not what {model.folder} learned from"
            raise InputError(f"--dynamic-evaluation: {told}; restore the texts, or train again")
        adapted = DynamicEvaluation(known.network(), task.sequences("train"))
        found = adapted.losses(in_steps(task._encoded(test.texts), ends=task.ends))
        return {f"{model.folder}, dynamic": Likelihoods(found, Length.of(test.texts, ends=task.ends)).scores()}
