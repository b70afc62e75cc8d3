"""Tagged sentences from a user's files: CoNLL-U, or a word and its tag on each line, a tab or blanks between."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from common.errors import InputError, counted, shortened
from common.options.kinds import check_encoding
from common.sources.files import existing, format_of, names_under, read_text, roles_of, words_in
from common.sources.records import Sentence, TaggedSentences
from common.sources.splits import ByRole, FileReader, Parts, Splits, read_by_role

if TYPE_CHECKING:
    from conllu.models import Token, TokenList

Column = Literal["upos", "xpos"]
CONLLU = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
CONLLU_ID = re.compile(r"([0-9]{1,9})(?:([-.])([0-9]{1,9}))?")
DOCUMENT = "-docstart-"
SLASHED = re.compile(r".+[/_][^/_a-z0-9]+")
"""A word and its tag, as in the/DT."""
HEADERS = (
    {"word", "token", "form", "text", "words", "tokens", "wordform"},
    {"tag", "pos", "upos", "xpos", "label", "tags", "labels", "postag", "part", "of", "speech"},
)
"""The words that names of columns are made of."""
FEW = 20
"""Words too few to tell which column has the tags."""
UNPARSED = dict.fromkeys(CONLLU[1:], lambda cells, at: cells[at])
MOST_COLUMNS = 4
"""Columns of CoNLL-2003: a word, its tag, its chunk and its entity; CoNLL-2000 has the first three."""
READABLE = ".conllu, or .tsv, .txt or .conll with a word, a tab or blanks, and its tag on a line, each also as .gz"


@dataclass(frozen=True, kw_only=True)
class TaggedReader(FileReader[TaggedSentences]):
    """Reads tagged sentences.

    Attributes:
        column: The CoNLL-U column, or the feature of a TFDS data set, that holds the tags.
    """

    column: Column = "upos"

    def read(self, data: str) -> Splits[TaggedSentences]:
        parts = self.parts(data)
        path = existing(data)
        names = [path] if path.is_file() else names_under(path)
        if self.column == "xpos" and ".conllu" not in map(format_of, names):
            raise InputError(f"--column xpos: {data} has a single column of tags; leave it out")
        return parts.splits()

    def parts(self, data: str) -> Parts[TaggedSentences]:
        check_encoding(self.encoding)
        path = existing(data)
        notes: list[str] = []
        if path.is_dir():
            records = self._folder(path, notes)
        elif format_of(path) in FORMATS:
            records = {None: self._sentences(path, notes)}
        else:
            raise InputError(f"{path}: a file of unknown type; {READABLE} can be read")
        return Parts(TaggedSentences, records, data, drop_seen=self.drop_seen, notes=notes)

    def _folder(self, folder: Path, notes: list[str]) -> ByRole[Sentence]:
        roles = {name: role for name, role in roles_of(names_under(folder)).items() if format_of(name) in FORMATS}
        if not roles:
            raise InputError(f"{folder}: a folder without tagged sentences; give {READABLE}")
        conllu = {name: role for name, role in roles.items() if format_of(name) == ".conllu"}
        read = conllu or roles  # A treebank's folder holds raw texts too.
        paths = {folder / name: role for name, role in read.items()}
        parts = read_by_role(paths, lambda path: self._sentences(path, notes))
        for name, role in roles.items():
            if role not in (None, *parts):
                raise InputError(
                    f"{folder / name}: next to .conllu files only those are read; write it as .conllu or remove it"
                )
        return parts

    def _sentences(self, path: Path, notes: list[str]) -> list[Sentence]:
        content = read_text(path, self.encoding)
        if format_of(path) != ".conllu":
            content = _without_marks(content, path.name, notes)
            if (many := _columns(content)) > 2:
                left_out = " and ".join(str(column) for column in range(3, many + 1))
                notes.append(f"{path.name}: words are in column 1, tags in 2; {left_out} left out")
        sentences = list(FORMATS[format_of(path)](content, str(path), self.column))
        if not sentences:
            raise InputError(f"{path}: holds no tagged words; fill or remove it")
        if format_of(path) != ".conllu":
            _check_order(sentences, str(path))
        else:
            sentences = _without_borders(sentences, path.name, notes)
        blank = sum(word == "_" for sentence in sentences for word in sentence.words)
        if 2 * blank > sum(len(sentence.words) for sentence in sentences):
            raise InputError(f"{path}: most words are '_', a treebank without its words; merge them in first")
        return _with_words(sentences, path.name, notes)


def _with_words(sentences: list[Sentence], name: str, notes: list[str]) -> list[Sentence]:
    """Sentences without those whose words are all `_`, as of treebanks whose texts may not be passed on."""
    found = [sentence for sentence in sentences if set(sentence.words) != {"_"}]
    if len(found) < len(sentences):
        notes.append(f"{name}: {counted(len(sentences) - len(found), 'sentence')} left out, whose words are all '_'")
    return found


def _check_order(sentences: list[Sentence], place: str) -> None:
    """Refuses tags that are the first of two columns."""
    words, tags = ({cell for cells in side for cell in cells} for side in zip(*sentences))
    if len(tags) > len(words) and sum(len(one.words) for one in sentences) > FEW:
        raise InputError(
            f"{place}: column 2 has {len(tags):,} different tags, more than the {len(words):,} different words of "
            "column 1; write words first"
        )


def _is_made_of(name: str, words: set[str]) -> bool:
    found = words_in(name.lower().replace("_", " "))
    return bool(found) and words.issuperset(found)


def _without_borders(sentences: list[Sentence], name: str, notes: list[str]) -> list[Sentence]:
    """Sentences without those that are a -DOCSTART- alone."""
    kept = [sentence for sentence in sentences if [word.lower() for word in sentence.words] != [DOCUMENT]]
    if borders := len(sentences) - len(kept):
        notes.append(f"{name}: {borders:,} -DOCSTART- lines, borders of documents, left out")
    return kept


def _without_marks(content: str, name: str, notes: list[str]) -> str:
    """Lines of cells without a first line of column names and -DOCSTART- lines; blank lines take their places."""
    lines, between = content.split("\n"), _between(content)
    begin = next(n for n, line in enumerate(lines) if line.strip())
    first = [cell.strip() for cell in lines[begin].split(between)]
    named = len(first) > 1 and all(_is_made_of(cell, names) for cell, names in zip(first, HEADERS))
    tags = {tag.strip() for line in lines[begin + 1 :] for tag in line.split(between)[1:2]}
    if named and first[1] not in tags:
        notes.append(f"{name}: column names in the first line left out")
        lines[begin] = ""
    borders = [n for n, line in enumerate(lines) if line.split(maxsplit=1)[:1] and line.split()[0].lower() == DOCUMENT]
    if borders:
        notes.append(f"{name}: {len(borders):,} -DOCSTART- lines, borders of documents, left out")
    for n in borders:
        lines[n] = ""
    return "\n".join(lines)


def _blocks(lines: Iterable[str]) -> Iterator[list[tuple[int, str]]]:
    """Runs of lines between blank lines; each line comes with its number."""
    numbered = ((number, line.rstrip("\r\n")) for number, line in enumerate(lines, 1))
    for blank, run in itertools.groupby(numbered, key=lambda line: not line[1].strip()):
        if not blank:
            yield list(run)


class Block(NamedTuple):
    """A sentence of CoNLL-U as it stands in a file.

    Attributes:
        comments: The lines that begin with #.
        tokens: All others, parsed.
        numbers: The numbers of the lines that hold its words.
    """

    comments: list[str]
    tokens: TokenList
    numbers: list[int]

    @property
    def words(self) -> list[Token]:
        """The syntactic words.

        Multiword tokens (`3-4`), whose words follow, and empty nodes (`5.1`) are not among them
        (https://universaldependencies.org/format.html).
        """
        return [token for token in self.tokens if isinstance(token["id"], int)]


def blocks_of(lines: Iterable[str], place: str) -> Iterator[Block]:
    """The sentences of CoNLL-U.

    Args:
        lines: Lines of the file, with or without their ends.
        place: Name of the file, for messages.

    Raises:
        InputError: A line is not CoNLL-U.
    """
    import conllu

    for block in _blocks(lines):
        rows = [(number, line) for number, line in block if not line.startswith("#")]
        numbers = _checked(rows, place)
        try:
            found = conllu.parse("\n".join(line for _, line in rows), field_parsers=UNPARSED)
        except conllu.exceptions.ParseException as error:
            reason = shortened(" ".join(str(error).split()), 200)
            raise InputError(f"{place}:{block[0][0]}: a sentence that is not CoNLL-U ({reason}); mend it") from error
        for tokens in found:
            yield Block([line for _, line in block if line.startswith("#")], tokens, numbers)


def of_conllu(content: str, place: str, column: Column) -> Iterator[Sentence]:
    """The sentences of a CoNLL-U file, in syntactic words.

    Args:
        content: Text of the file.
        place: Name of the file, for messages.
        column: Column of the tags.

    Raises:
        InputError: A line is not CoNLL-U, or a word has no tag.
    """
    for block in blocks_of(content.split("\n"), place):
        words = block.words
        for token, number in zip(words, block.numbers, strict=True):
            if token[column] == "_":
                raise InputError(
                    f"{place}:{number}: no {column.upper()} tag; give one, or try --column {other_column(column)}"
                )
            if " " in token[column]:
                raise InputError(f"{place}:{number}: {shortened(token[column])!r}: a tag has no blanks; take them out")
        if words:
            yield Sentence(tuple(token["form"] for token in words), tuple(token[column] for token in words))


def _checked(lines: list[tuple[int, str]], place: str) -> list[int]:
    """Refuses lines that are no CoNLL-U sentence; returns the numbers of the lines that hold words."""
    numbers: list[int] = []
    for number, line in lines:
        cells = line.split("\t")
        found = CONLLU_ID.fullmatch(cells[0])
        if len(cells) != len(CONLLU) or not all(map(str.strip, cells)) or not found:
            raise InputError(f"{place}:{number}: {line[:40]!r} is not CoNLL-U: a number and nine columns, tabs between")
        if found[2] == "-" and int(found[1]) >= int(found[3]):
            raise InputError(f"{place}:{number}: {cells[0]}: a range of words ends after its first; mend it, as in 2-3")
        if "  " in line:  # The format forbids this, and the library takes it for a tab.
            raise InputError(f"{place}:{number}: two blanks in a row, which CoNLL-U forbids; leave one")
        if found[2]:
            continue
        numbers.append(number)
        if int(cells[0]) != len(numbers):
            before = "; put a blank line before it" if cells[0] == "1" else ""
            raise InputError(f"{place}:{number}: word {cells[0]} where word {len(numbers)} should be{before}")
    return numbers


def other_column(column: Column) -> Column:
    """The column of tags that is not this one."""
    return "xpos" if column == "upos" else "upos"


def _between(content: str) -> str | None:
    """What is between the cells of a line: a tab if there is any, otherwise blanks, `None` for `str.split`."""
    return "\t" if "\t" in content else None


def _columns(content: str) -> int:
    """The number of cells of the first line."""
    return next((len(line.split(_between(content))) for line in content.split("\n") if line.strip()), 0)


def _by_columns(content: str, place: str, column: Column) -> Iterator[Sentence]:
    """A word and its tag on each line, and as many cells after them; a blank line between sentences."""
    between, many = _between(content), min(max(_columns(content), 2), MOST_COLUMNS)
    for block in _blocks(content.split("\n")):
        pairs = []
        for number, line in block:
            cells = [cell.strip() for cell in line.split(between)]
            if len(cells) != many or not all(cells):
                right = f"a word, {'a tab' if between else 'blanks'} and a tag"
                rest = f" and {counted(many - 2, 'cell')} more, as in the first line" if many > 2 else ""
                if all(map(SLASHED.fullmatch, line.split())):
                    raise _slashed(f"{place}:{number}")
                ten = ", or let the name end in .conllu if this is CoNLL-U" if len(cells) == len(CONLLU) else ""
                raise InputError(f"{place}:{number}: {line[:40]!r} is not {right}{rest}; mend the line{ten}")
            pairs.append(cells[:2])
        if all(map(SLASHED.fullmatch, chain.from_iterable(pairs))):
            raise _slashed(f"{place}:{block[0][0]}")
        if many > 2 and [word for word, _ in pairs] == [str(n) for n in range(1, len(pairs) + 1)]:
            raise InputError(
                f"{place}:{block[0][0]}: words are numbers that count; put words first and tags second, or give .conllu"
            )
        yield Sentence(*(tuple(column) for column in zip(*pairs)))


def _slashed(place: str) -> InputError:
    return InputError(f"{place}: words joined with their tags, as in the/DT; write a word, a tab and its tag on a line")


ReadContent = Callable[[str, str, Column], Iterable[Sentence]]
FORMATS: dict[str, ReadContent] = {
    ".conllu": of_conllu,
    ".tsv": _by_columns,
    ".txt": _by_columns,
    ".conll": _by_columns,
}
