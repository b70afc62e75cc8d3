"""Signals: sequences of vectors in, a class of each, many-to-one, or a class of each step, many-to-many, out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from common.baselines import signals as plain
from common.errors import InputError
from common.figures.training import classification_figure
from common.reports import records_table, say_each
from common.scoring.classification import Classified
from common.scoring.steps import ClassifiedSteps
from common.serving.export import FILES, Endpoint, Export
from common.serving.signals import SAMPLES, answered, example_of, readable
from common.sources.asked import Asked, Inputs, files_of
from common.sources.files import existing
from common.sources.records import refuse_unknown
from common.sources.signals import Signal, SignalReader
from common.sources.signals import Signals as Recorded
from common.sources.splits import SPLITS, Splits
from common.streams import Sequences, Stream
from tasks.base import Evaluated, Task
from tasks.signals_options import SignalsData, SignalsOptions, SignalsSaved

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.table import Table

    from common.networks.network import Learner, Network
    from common.networks.sounds import LogMel, SoundClassifier
    from common.serving.answer_files import Answered
    from common.serving.saved_model import Record, SavedModel
    from common.training.run import Results

Found = Classified | ClassifiedSteps


class Signals(Task):
    """Vectors on one scale, recurrent stack, readout, class probabilities."""

    name = "signals"
    summary = "Signals, many-to-one or many-to-many: the class of a sequence of vectors, or of each of its steps"
    takes = "tables of sequences"
    Data = SignalsData
    Options = SignalsOptions
    Saved = SignalsSaved
    streams = True
    twin = "signals"

    def load(self) -> str:
        from common.networks.signals import Scale
        from common.networks.sounds import LogMel

        self.splits = self.records
        say_each(self.splits.notes)
        self.mel = LogMel(self.splits.train.rate) if self.splits.train.rate else None
        if self.mel is not None:
            self.sounds, self.splits = self.splits.test, heard(self.splits, self.mel)
        train = self.splits.train
        self.labels = sorted(set(chain.from_iterable(train.labels)))
        self.by_step = train.by_step
        self.scale = Scale.of(np.concatenate(train.values))
        sizes = ", ".join(f"{len(getattr(self.splits, split)):,} {split}" for split in SPLITS)
        steps = [len(one) for one in train.values]
        return (
            f"{self.splits.source}: {sizes} sequences of {min(steps)} to {max(steps)} steps, {len(train.columns)} "
            f"columns; {len(self.labels)} classes, one for each {'step' if self.by_step else 'sequence'}"
        )

    def sequences(self, split: str) -> Sequences:
        part: Recorded = getattr(self.splits, split)
        lengths = np.array([len(one) for one in part.values])
        numbers = {label: number for number, label in enumerate(self.labels)}
        targets = np.array([numbers[label] for label in chain.from_iterable(part.labels)], np.int32)
        values = self.scale(np.concatenate(part.values)).astype(np.float32)
        if self.by_step:
            return Sequences(lengths, {"values": values}, targets=targets, weights=np.ones(len(values), np.float32))
        ends = np.cumsum(lengths) - 1
        weights = np.zeros(len(values), np.float32)
        weights[ends] = 1
        everywhere = split == "train" and self.options.supervise == "rising"
        if everywhere:
            left = np.repeat(ends, lengths) - np.arange(len(values))
            weights = (1 - left / np.repeat(lengths, lengths)).astype(np.float32)
        targets = np.repeat(targets, lengths)
        return Sequences(lengths, {"values": values}, targets=targets, weights=weights, sparse_outputs=not everywhere)

    def learner(self) -> Learner:
        from common.layers.embeddings import Numbers
        from common.layers.heads import ReadoutHead, classifier
        from common.layers.readout import Readout
        from common.networks.network import Learner
        from common.networks.signals import SignalNetwork
        from common.networks.stacks import recurrent_stack

        options = self.options
        readout = Readout(options.readout or ("last" if self.by_step else "last_mean_max"))
        head = ReadoutHead(readout, classifier(len(self.labels)), dropout=options.dropout, seed=options.seed)
        network = SignalNetwork(Numbers(len(self.splits.train.columns)), recurrent_stack(options), head)
        return Learner(network, "sparse_categorical_crossentropy", ("accuracy",))

    def answers(self, network: Network, stream: Stream, outputs: np.ndarray, *, export: Export) -> Found:
        if not self.by_step:
            return self._found(self._named(stream.at_output_steps(outputs)))
        named, offsets = self._named(stream.at_steps(outputs)), stream.sequences.offsets[1:]
        return self._found([part.tolist() for part in np.split(np.array(named), offsets)])

    def _named(self, outputs: np.ndarray) -> list[str]:
        """The most probable class of each row."""
        return [self.labels[number] for number in np.argmax(outputs, 1)]

    def _found(self, predictions: Sequence[Any]) -> Found:
        """Predictions for the test split, with their references."""
        return found(predictions, self.splits.test, by_step=self.by_step)

    def baselines(self, answers: Found) -> dict[str, Callable[[], Found]]:
        methods = plain.of_steps if self.by_step else plain.of_sequences
        made = methods(self.splits.train, self.splits.test)
        return {name: lambda method=method: self._found(method()) for name, method in made.items()}

    def figure(self, results: Results) -> Figure:
        flat = results.answers.flat() if self.by_step else results.answers
        return classification_figure(results, flat.references, flat.predictions, labels=self.labels, title=self.title)

    def export(self, network: Network) -> Export:
        from common.networks.inside import INSIDE, TOKENS, axes, has_inside
        from common.networks.signals import SignalClassifier
        from common.networks.sounds import SoundClassifier
        from common.networks.stepping import STATE

        classifier = SignalClassifier(network, self.scale, self.labels, by_step=self.by_step)
        if self.mel is not None:
            return self._of_sounds(SoundClassifier(classifier, self.mel))
        values, steps = ("sequences", "steps", "columns"), ("sequences", "steps")
        classes = {"label": steps, "probability": (*steps, "classes")}
        whole = {"values": values} | (classes if self.by_step else {})
        endpoints = {"serving_default": Endpoint(classifier.whole, [classifier.signature], whole)}
        if not self.options.bidirectional:
            streamed = {"values": values, "state": ("sequences", "numbers")} | classes
            endpoints["stream"] = Endpoint(classifier.stream, [classifier.signature, STATE], streamed)
        if has_inside(network.stack):
            shown = dict.fromkeys(axes(network.stack).keys() - {TOKENS}, (*steps, "units"))
            endpoints[INSIDE] = Endpoint(classifier.inside, [classifier.signature], {"values": values} | shown)
        return self._exported(network, endpoints)

    def _exported(self, network: Network, endpoints: dict[str, Endpoint]) -> Export:
        return Export(endpoints, [network], network, {name: x.tolist() for name, x in self.scale._asdict().items()})

    def _of_sounds(self, sounds: SoundClassifier) -> Export:
        from common.networks.inside import INSIDE, TOKENS, axes, has_inside
        from common.networks.stepping import STATE

        network, files = sounds.classifier.network, {"wav": (FILES,)}
        endpoints = {
            "serving_default": Endpoint(sounds.of_wav, [sounds.WAV], files),
            SAMPLES: Endpoint(sounds.of_samples, [sounds.SAMPLES], {"samples": ("sounds", "samples")}),
        }
        if not self.options.bidirectional:
            classes = {"label": ("sounds", "hops"), "probability": ("sounds", "hops", "classes")}
            streamed = {"samples": ("sounds", "samples"), "state": ("sounds", "numbers")} | classes
            endpoints["stream"] = Endpoint(sounds.stream, [sounds.SAMPLES, STATE], streamed)
        if has_inside(network.stack):
            shown = dict.fromkeys(axes(network.stack).keys() - {TOKENS}, ("sounds", "frames", "units"))
            endpoints[INSIDE] = Endpoint(sounds.inside, [sounds.WAV], files | shown)
        return self._exported(network, endpoints)

    def config(self) -> dict[str, Any]:
        """The options, with the columns and the rate of what is read, the classes, and what has one."""
        read = self.records.train
        named = {"columns": list(read.columns), "rate": read.rate, "labels": self.labels, "by_step": self.by_step}
        frames = {} if self.mel is None else {"hop": self.mel.hop, "before": self.mel.before}
        return super().config() | named | frames

    def extras(self, results: Results, folder: Path) -> None:
        """Writes a few test sequences to try the saved model with."""
        import pandas as pd
        from scipy.io import wavfile

        if self.mel is not None:
            samples = np.clip(self.sounds.values[0][:, 0], -1, 1) * np.iinfo(np.int16).max
            wavfile.write(folder / "example.wav", self.mel.rate, samples.astype(np.int16))
            return
        test, frames = self.splits.test, []
        for name, values in list(zip(test.names, test.values))[:3]:
            frame = pd.DataFrame(values, columns=list(test.columns))
            frame.insert(0, "sequence_id", name)
            frames.append(frame)
        pd.concat(frames).to_csv(folder / "example.csv", index=False)

    def example(self, version: Path) -> str:
        return example_of(version, sounds=self.mel is not None)

    @classmethod
    def inputs(cls, words: Sequence[str], stream: BinaryIO, options: SignalsSaved) -> Inputs:
        return files_of(words, stream, options, columns=("sequence_id",))

    @classmethod
    def asked(cls, model: SavedModel, inputs: Sequence[str], options: SignalsSaved) -> list[Signal]:
        reader = SignalReader(sequence_column=options.sequence_column, encoding=options.encoding, labelled=False)
        signals = []
        for given in inputs:
            path = existing(given, "predict")
            if path.is_dir():
                raise InputError(f"predict {path}: a folder; give a file")
            signals += chain.from_iterable(reader.of_file(path, []).values())
        return readable(model, signals)

    @classmethod
    def predict(cls, model: SavedModel, asked: Sequence[Signal], options: SignalsSaved) -> list[Record]:
        answers = answered(model, [one.values for one in asked])
        return [{"sequence_id": one.name} | answer for one, answer in zip(asked, answers)]

    @classmethod
    def answered(cls, inputs: Sequence[Asked], records: Sequence[Record]) -> Answered:
        """The records of the sequences: a file may hold several."""
        return [(Asked(record["sequence_id"], {"sequence_id": record["sequence_id"]}), record) for record in records]

    @classmethod
    def told(cls, record: Record) -> list[dict[str, Any]]:
        if isinstance(record["label"], str):
            return [{name: record[name] for name in ("label", "probability")}]
        pairs = zip(record["label"], record["probability"])
        return [{"step": n, "label": label, "probability": share} for n, (label, share) in enumerate(pairs, 1)]

    @classmethod
    def show(cls, records: Sequence[Record]) -> Table:
        return records_table(
            cls.name, [{"sequence_id": r["sequence_id"]} | row for r in records for row in cls.told(r)]
        )

    @classmethod
    def streamed(cls, model: SavedModel, source: BinaryIO, options: SignalsSaved) -> Iterator[list[str]]:
        from common.serving.signal_stream import answers, heard

        return (heard if model.config.get("rate") else answers)(model, source)

    @classmethod
    def test(cls, model: SavedModel, data: SignalsData, *, other: bool = False) -> Recorded:
        test = super().test(model, data, other=other)
        place = data.data or "--data"
        signals = [Signal(n, one, (), test.columns, place, test.rate) for n, one in zip(test.names, test.values)]
        values = [one.values for one in readable(model, signals)]
        labels = test.labels
        if model.config["by_step"] and not test.by_step:  # None of these sequences changes its label.
            labels = [own * len(one) for own, one in zip(labels, values)]
        if test.by_step and not model.config["by_step"]:
            raise InputError(f"--data {data.data}: has labels of steps, and this model learned those of sequences")
        counts = Counter(chain.from_iterable(labels))
        refuse_unknown(counts, model.config["labels"], noun="labels", data=data.data or "")
        return Recorded(values, labels, tuple(model.config["columns"]), test.names)

    @classmethod
    def evaluate(cls, model: SavedModel, test: Recorded) -> Evaluated:
        answers = [answer["label"] for answer in answered(model, test.values)]
        result = found(answers, test, by_step=model.config["by_step"])
        references = test.labels if model.config["by_step"] else [own[0] for own in test.labels]
        rows = (
            {
                "sequence_id": name,
                "label": reference if isinstance(reference, str) else list(reference),
                "predicted": answer,
            }
            for name, reference, answer in zip(test.names, references, answers)
        )
        return Evaluated(result.scores(), result.report(), rows)


def found(predictions: Sequence[Any], test: Recorded, *, by_step: bool) -> Found:
    """Predictions with their references."""
    if by_step:
        return ClassifiedSteps(predictions, test.labels)
    return Classified(predictions, [own[0] for own in test.labels])


def heard(splits: Splits[Recorded], mel: LogMel) -> Splits[Recorded]:
    """Sounds as the loudness of their bands."""

    def of(part: Recorded) -> Recorded:
        return replace(part, values=[mel.of(one[:, 0]) for one in part.values], columns=mel.columns)

    return replace(splits, **{name: of(getattr(splits, name)) for name in SPLITS})
