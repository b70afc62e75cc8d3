"""Question answering: a picture and a question in, an answer out, and where the network looked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from common.baselines import questions as plain
from common.cells.seeds import seed_for
from common.errors import InputError, counted
from common.figures.training import classification_figure
from common.reports import say, say_each
from common.scoring.classification import Classified
from common.serving.export import FILES, Endpoint, Export
from common.sources.asked import Asked, Inputs, checked, input_file, inputs_of
from common.sources.files import existing
from common.sources.pictures import read_picture
from common.sources.questions import QuestionReader, Questions
from common.sources.splits import SPLITS
from common.streams import Sequences, Stream
from tasks.base import Evaluated, Task
from tasks.question_answering_options import QuestionAnsweringData, QuestionAnsweringOptions, QuestionAnsweringSaved

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from common.networks.network import Learner, Network
    from common.serving.saved_model import Record, SavedModel
    from common.training.run import Results

EXAMPLE = "example.png"


class QuestionAnswering(Task):
    """A recurrence over the question, a residual network over the picture, stacked attention between both."""

    name = "question_answering"
    summary = "Question answering: the answer to a question about a picture, and where the network looked"
    takes = "a picture and questions about it"
    twin = "answerer"
    Data = QuestionAnsweringData
    Options = QuestionAnsweringOptions
    Saved = QuestionAnsweringSaved

    def load(self) -> str:
        from common.text.levels import Encoder
        from common.text.scripts import has_no_blanks

        self.splits = self.records
        say_each(self.splits.notes)
        train = self.splits.train
        self.known = sorted(set(train.answers))
        unknown = sum(answer not in self.known for answer in self.splits.test.answers)
        if unknown:
            say(f"{counted(unknown, 'test question')} with an answer that train does not have; they count as wrong")
        level = "character" if has_no_blanks(" ".join(train.questions[:100])) else "word"
        sizes = [self.options.vocabulary]
        self.encoder = Encoder.of(list(map(str.lower, train.questions)), level, sizes=sizes, min_count=1)
        self.embedded = self.encoder.sizes[0], self.options.embedding
        counts = ", ".join(
            f"{len(part):,} {split} about {counted(len(part.views), 'picture')}"
            for split, part in ((split, getattr(self.splits, split)) for split in SPLITS)
        )
        return (
            f"{self.splits.source}: questions: {counts}; {self.options.size} by {self.options.size} pixels; "
            f"{len(self.known):,} answers; {self.encoder.sizes[0]:,} {level}s known"
        )

    def sequences(self, split: str) -> Sequences:
        from common.networks.questions import QuestionWindows

        part: Questions = getattr(self.splits, split)
        tokens, lengths = self.encoder.encode(list(map(str.lower, part.questions)))
        numbers = {answer: number for number, answer in enumerate(self.known)}
        weights = np.zeros(len(tokens), np.float32)
        # What validation asks that train cannot answer would be scored as if it were another answer.
        weights[np.cumsum(lengths) - 1] = [split == "test" or answer in numbers for answer in part.answers]
        windows = QuestionWindows(part.views)
        return Sequences(
            lengths,
            {"tokens": tokens},
            targets=np.repeat(np.array([numbers.get(answer, 0) for answer in part.answers], np.int32), lengths),
            weights=weights,
            per_sequence={"picture": np.array(part.pictures, np.int64)},
            together=np.array(part.pictures, np.int64),
            varying=windows.varying,
            expand=windows.expand,
            sparse_outputs=True,
        )

    def steps(self, split: str, number: int) -> list[str]:
        return self.encoder.split([getattr(self.splits, split).questions[number].lower()])[0]

    def learner(self) -> Learner:
        from common.layers.embeddings import SumEmbedding
        from common.layers.pictures import PictureEncoder
        from common.layers.readout import Readout
        from common.networks.network import Learner
        from common.networks.questions import AnsweringNetwork
        from common.networks.stacks import recurrent_stack

        options, seed = self.options, self.options.seed
        network = AnsweringNetwork(
            # Far apart from the start: few questions differ in more than a word.
            SumEmbedding((self.encoder.sizes[0],), options.embedding, spread=1.0, seed=seed_for(seed, "words")),
            recurrent_stack(options),
            Readout("last"),
            encoder=PictureEncoder(options.size, options.width, seed=seed_for(seed, "encoder")),
            answers=len(self.known),
            looks=options.looks,
            hidden=options.hidden,
            dropout=options.dropout,
            seed=seed,
        )
        return Learner(network, "sparse_categorical_crossentropy", ("accuracy",))

    def answers(self, network: Network, stream: Stream, outputs: np.ndarray, *, export: Export) -> Classified:
        found = np.argmax(stream.at_output_steps(outputs), 1)
        return Classified([self.known[number] for number in found], self.splits.test.answers)

    def baselines(self, answers: Classified) -> dict[str, Callable[[], Classified]]:
        made = plain.methods(self.splits.train, self.splits.test)
        return {name: lambda method=method: answers._replace(predictions=method()) for name, method in made.items()}

    def figure(self, results: Results) -> Figure:
        answers = results.answers
        usual = [answer for answer, _ in Counter(answers.references).most_common()]
        return classification_figure(results, answers.references, answers.predictions, labels=usual, title=self.title)

    def export(self, network: Network) -> Export:
        import tensorflow as tf

        from common.layers.pictures import IMAGE, PIXELS
        from common.networks.inside import INSIDE, axes, has_inside
        from common.networks.questions import Answerer

        def lower(question: tf.Tensor) -> tf.Tensor:
            return tf.strings.lower(question, "utf-8")

        answerer = Answerer(
            network,
            lambda question: self.encoder.splitter.split(lower(question)),
            lambda question: self.encoder(lower(question)),
            answers=self.known,
            size=self.options.size,
        )
        pixels = {"pixels": ("questions", "height", "width", "colours")}
        endpoints = {
            "serving_default": Endpoint(answerer.of_files, [IMAGE, answerer.QUESTION], {"image": (FILES,)}),
            "pixels": Endpoint(answerer.of_pixels, [PIXELS, answerer.QUESTION], pixels),
        }
        if has_inside(network.stack):
            endpoints[INSIDE] = Endpoint(answerer.inside, [answerer.QUESTION], axes(network.stack))
        vocabulary = self.encoder.described | {"example": self.splits.test.questions[0]}
        return Export(endpoints, [network, *self.encoder.lookups], network, vocabulary)

    def config(self) -> dict[str, Any]:
        return super().config() | {"answers": self.known}

    def extras(self, results: Results, folder: Path) -> None:
        """Writes a test picture to try the saved model with."""
        from PIL import Image

        Image.fromarray(self.splits.test.views[0]).save(folder / EXAMPLE)

    def example(self, version: Path) -> tuple[str, str]:
        from common.serving.versions import ASSETS

        return str(version / ASSETS / EXAMPLE), self.splits.test.questions[0]

    @classmethod
    def inputs(cls, words: Sequence[str], stream: BinaryIO, options: QuestionAnsweringSaved) -> Inputs:
        path = input_file(words, options)
        if path is not None:
            names = {"image_column": options.image_column, "question_column": options.question_column}
            reader = QuestionReader(**names, encoding=options.encoding)
            return checked(lambda: reader.asked(path), path)
        given = [one.given for one in inputs_of(words, stream).read()]
        if len(given) < 2:
            raise InputError('predict: give a picture and questions about it, as in: predict photo.png "What is this?"')
        asked = [Asked((given[0], question), {"image": given[0], "question": question}) for question in given[1:]]
        return Inputs(lambda: iter(asked), ("image", "question"), count=len(asked))

    @classmethod
    def asked(
        cls, model: SavedModel, inputs: Sequence[tuple[str, str]], options: QuestionAnsweringSaved
    ) -> list[tuple[str, str, np.ndarray]]:
        @cache
        def pixels(name: str) -> np.ndarray:
            return read_picture(existing(name, "predict"), model.config["size"])

        return [(image, question, pixels(image)) for image, question in inputs]

    @classmethod
    def predict(
        cls, model: SavedModel, asked: Sequence[tuple[str, str, np.ndarray]], options: QuestionAnsweringSaved
    ) -> list[Record]:
        found = answered(model, [pixels for *_, pixels in asked], [question for _, question, _ in asked])
        return [
            {"image": image, "question": question, "answer": one["answer"], "probability": one["probability"]}
            for (image, question, _), one in zip(asked, found)
        ]

    @classmethod
    def told(cls, record: Record) -> list[dict[str, Any]]:
        return [{name: record[name] for name in ("answer", "probability")}]

    @classmethod
    def test(cls, model: SavedModel, data: QuestionAnsweringData, *, other: bool = False) -> Questions:
        test = super().test(model, data.sized(model.config["size"]), other=other)
        if not set(test.answers) & set(model.config["answers"]):
            raise InputError(f"--data {data.data}: none of its answers is one that the model knows; give others")
        return test

    @classmethod
    def evaluate(cls, model: SavedModel, test: Questions) -> Evaluated:
        found = answered(model, [test.views[number] for number in test.pictures], test.questions)
        result = Classified([one["answer"] for one in found], test.answers)
        rows = (
            {"image": test.names[number], "question": question, "answer": answer, "predicted": predicted}
            for number, question, answer, predicted in zip(
                test.pictures, test.questions, test.answers, result.predictions
            )
        )
        return Evaluated(result.scores(), result.report(), rows)


def answered(model: SavedModel, pixels: Sequence[np.ndarray], questions: Sequence[str]) -> list[Record]:
    """The `answer` of a saved model to each question, and its `probability`."""
    rows = [{"pixels": picture, "question": question} for picture, question in zip(pixels, questions)]
    found = model.ask(rows, "pixels", what="answering")
    return [{"answer": one["answer"], "probability": float(one["probability"].max())} for one in found]
