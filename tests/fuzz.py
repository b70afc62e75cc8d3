"""Targets of fuzzing: each takes bytes, and any bytes give a result or an `InputError`.

`tests/test_fuzz.py` tries some bytes of each in CI, `benchmarks/fuzz.py` for as long as is wanted.
"""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from unittest.mock import patch

import numpy as np

from common.cli import entry
from common.errors import InputError
from common.options import PredictTexts
from common.serving.answer_files import tables, texts
from common.sources.asked import texts_of
from common.sources.conllu import conllu_inputs, conllu_writer
from common.sources.labelled import LabelledReader
from common.sources.parallel import PairReader
from common.sources.plain import TextReader
from common.sources.series.reader import SeriesReader
from common.sources.splits import FileReader
from common.sources.tagged import TaggedReader
from common.streams.packing import pack

Target = Callable[[bytes], None]
CUT = b"\x00|"
"""What separates the files of a folder, and the words of a command line."""


@contextlib.contextmanager
def folder(content: bytes, names: list[str]) -> Iterator[Path]:
    """A folder whose files have the parts of the content, or the content whole if there is one name."""
    with tempfile.TemporaryDirectory() as place:
        for name, part in zip(names, content.split(CUT) if len(names) > 1 else [content]):
            Path(place, name).write_bytes(part)
        yield Path(place)


def read(reader: FileReader | SeriesReader, content: bytes, *names: str) -> None:
    """Reads files of these names; a folder if there are several."""
    with folder(content, list(names)) as place, contextlib.suppress(InputError):
        reader.read(str(place if len(names) > 1 else place / names[0]))


def kinds(content: bytes, kinds: tuple[str, ...]) -> tuple[str, bytes]:
    """The kind that the first byte names, and the remaining bytes."""
    return kinds[(content[0] if content else 0) % len(kinds)], content[1:]


def labelled(content: bytes) -> None:
    """A table of labelled texts, or a folder with a file per split or per class."""
    kind, rest = kinds(content, ("data.csv", "data.tsv", "data.jsonl", "data.json", "splits", "classes"))
    names = {"splits": ("train.csv", "dev.csv", "test.csv"), "classes": ("pos.txt", "neg.txt")}
    read(LabelledReader(), rest, *names.get(kind, (kind,)))


def tagged(content: bytes) -> None:
    """Tagged sentences, in one file or one per split."""
    kind, rest = kinds(content, (".conllu", ".tsv", ".txt", ".conll"))
    names = [f"{split}{kind}" for split in ("train", "dev", "test")] if CUT in rest else [f"data{kind}"]
    read(TaggedReader(), rest, *names)


def parallel(content: bytes) -> None:
    """Sentence pairs, in a table or in two aligned files."""
    kind, rest = kinds(content, ("table", "aligned"))
    read(PairReader(), rest, *({"table": ("pairs.tsv",), "aligned": ("train.en", "train.ja-JP")}[kind]))


def plain(content: bytes) -> None:
    """Texts without labels: a text file or a table, or a folder with one per split."""
    kind, rest = kinds(content, (".txt", ".csv", ".tsv", ".jsonl", ".json"))
    names = [f"{split}{kind}" for split in ("train", "dev", "test")] if CUT in rest else [f"data{kind}"]
    read(TextReader(documents=("file", "line", "blank-line")[len(rest) % 3]), rest, *names)


def series(content: bytes) -> None:
    """Time series, with and without rows that may be missing."""
    kind, rest = kinds(content, ("refuse", "allow"))
    read(SeriesReader(missing=kind, ahead=bool(content) and content[0] > 127), rest, "data.csv")


def asked(content: bytes) -> None:
    """A file to predict from: what can be read once can be read again, and written with an answer."""
    kind, rest = kinds(content, ("csv", "tsv", "jsonl", "json", "txt", "txt.gz", "conllu"))
    with folder(rest, [f"data.{kind}"]) as place, contextlib.suppress(InputError):
        path = place / f"data.{kind}"
        if kind == "conllu":
            inputs = conllu_inputs(path, "utf-8")
        else:
            inputs = texts_of((), io.BytesIO(), PredictTexts(input_file=path))
        answered = [(one, {"label": "x", "tags": ["X"] * len(one.given)}) for one in inputs.read()]
        assert len(answered) == inputs.count, "a file is read in two ways"
        for suffix, begin in (tables(lambda record: [record]) | {".txt": texts(lambda r: r["label"])}).items():
            with begin(place / f"out{suffix}", inputs.columns) as write:
                write(answered)
        if kind == "conllu":
            with conllu_writer(place / "out", "upos") as write:
                write(answered)
            assert [one.given for one in conllu_inputs(place / "out", "utf-8").read()] == [a.given for a, _ in answered]


def packer(content: bytes) -> None:
    """Lengths, lanes and a window: no two sequences share a step, and whole ones cross no border."""
    lanes, window, whole, *lengths = [*content, 0, 0, 0][: max(len(content), 3)]
    lanes, window = 1 + lanes % 16, 1 + window % 32
    lengths = np.array([1 + length for length in lengths], np.int64)
    if not len(lengths):
        return
    made = pack(lengths, lanes, window, whole=bool(whole % 2), rng=np.random.default_rng(whole))
    steps = np.zeros((lanes, made.length), np.int64)
    for lane, start, length in zip(made.lane, made.start, lengths):
        steps[lane, start : start + length] += 1
        if whole % 2 and length <= window:
            assert start // window == (start + length - 1) // window, "a whole sequence crosses a border"
    assert steps.max() == 1 and steps.sum() == lengths.sum() and made.length % window == 0


@cache
def vocabulary() -> tuple[Callable, Callable]:
    """Cutting and joining as graphs, and the pieces of a few texts."""
    import tensorflow as tf

    from common.text.subwords import Subwords

    made = Subwords.of(["the cat and the dog {n} %s", "der Hund und die Katze", "今犬は本が好きだ"] * 10, 400)
    signature = [tf.TensorSpec([None], tf.string)]
    cut = tf.function(made.encode, input_signature=signature, autograph=False)
    return cut, tf.function(lambda text: made.decode(*made.encode(text)), input_signature=signature, autograph=False)


def subwords(content: bytes) -> None:
    """Texts, of any bytes: cut into pieces and joined they are what they were."""
    texts = content.split(CUT)
    found = vocabulary()[1](np.array(texts, object)).numpy().tolist()
    assert found == texts, "a text does not come back"


def command_line(content: bytes) -> None:
    """Words of a command line, up to what would be trained, compared or predicted: exit code 0 or 2."""
    import tasks
    from common.tuning.search import Search

    words = [part.decode(errors="surrogateescape").replace("/", "_").replace("\0", "") for part in content.split(CUT)]
    words = [word for word in words if word not in ("serve", "models")]  # The one waits, the other removes.

    def checked(kind: type, options: object) -> None:
        kind(options).check()

    def searched(kind: type, *, options: object, requested: object) -> None:
        Search(kind, options=options, requested=requested)

    def nothing(*given: object, **named: object) -> None:
        pass

    said, here = io.StringIO(), Path.cwd()
    with tempfile.TemporaryDirectory() as place, contextlib.ExitStack() as stack:
        stubs = {"_train": checked, "_compare": nothing, "_evaluate": nothing, "predicting.predict": nothing}
        stubs["_tune"] = searched
        for name, stub in stubs.items():
            stack.enter_context(patch(f"common.cli.commands.{name}", stub))
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        stack.enter_context(contextlib.redirect_stderr(said))
        stack.callback(os.chdir, here)
        os.chdir(place)
        code = entry.main(words, {name: tasks.get(name) for name in tasks.TASKS})
    printed = said.getvalue()
    assert code in (0, 2), code
    assert code == 0 or (printed.startswith("error: ") and printed.count("\n") == 1), printed


TARGETS: dict[str, Target] = {
    target.__name__: target
    for target in (labelled, tagged, plain, parallel, series, asked, packer, subwords, command_line)
}
WORDS: dict[str, str] = {
    "labelled": 'text\tlabel\n|text,label\n|"|""|,|\t|pos|neg|1|0|1.0|{"text":|"label":|}|[|]|null|split|train|NaN|\n',
    "tagged": "1\t|\tNOUN\t|_|\t|\n\n|# text = a\n|1-2\t|1.1\t|-DOCSTART- -X- O\n|a/NN |X|a\tNOUN\n|10\t|0",
    "parallel": 'a\tb\n|\t|\n|"|source\ttarget\n|今犬|a|\r\n',
    "plain": 'text\n|text,split\n|,|\t|"|""|train|test|{"text":|}|[|]|null|\n\n|\r|one two three\n|\u0301',
    "series": "time,y\n|unique_id,ds,y\n|2020-01-01|,1\n|,|;|0,5|1e39|NaN|Jan-55|+02:00|01/02/2000|T24:00|\n|inf|x",
    "asked": 'text,label\n|text\tid\n|{"text": "a"}\n|[{"text": 1}]|"|""|,|\t|\n\n|# text = a\n|'
    "1\ta\t_\t_\t_\t_\t_\t_\t_\t_\n",
    "packer": "a|b|c",
    "subwords": "%s|{n}|<b>|今|\u0301|the cat| |\xff|&amp;|\\n",
    "command_line": "sentiment|pos|translation|forecasting|language_model|train|compare|tune|predict|evaluate|--units|"
    "--data|-1|nan|1e9|--help|--vary|units=1,2|--cells|lstm|--output|--no-linear|--target|y|--config|--seed|"
    "--name|=|--|--horizon|[red]|--only|units|--range|units=2..4",
}
"""What an input of each target often holds, separated by bars."""


def words(name: str) -> list[bytes]:
    """What inputs of a target often hold."""
    return [word.encode() for word in WORDS[name].split("|")] + [CUT, b"\xef\xbb\xbf", b"\xff", b"\x00", b"\r"]
