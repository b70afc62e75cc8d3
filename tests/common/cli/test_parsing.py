"""From words and lines to what commands take."""

from __future__ import annotations

import io
from dataclasses import asdict

import pytest

import tasks
from common.cli.parsing import inputs_of, no_command, unset
from common.errors import InputError


@pytest.mark.parametrize("task", tasks.TASKS)
def test_options_that_are_not_given_are_none(task: str) -> None:
    kind = tasks.get(task).Data
    assert set(asdict(unset(kind)())) == set(asdict(kind()))
    assert set(asdict(unset(kind)()).values()) == {None}
    assert unset(kind)(data="mine").data == "mine"


def test_inputs_are_words_or_the_lines_of_standard_input() -> None:
    assert inputs_of(["a", "b"], io.BytesIO(b"not read\n")) == ("a", "b")
    assert inputs_of([], io.BytesIO("çok\r\n\nb".encode())) == ("çok", "", "b")


@pytest.mark.parametrize(
    ("words", "lines", "message"),
    [
        ([], b"", "nothing to predict: give inputs on the command line or as lines of standard input"),
        ([" "], b"", "nothing to predict"),
        ([], b" \n\n", "nothing to predict"),
        ([], b"fine\n\xe7ok\n", "standard input, line 2: not UTF-8"),
        (["fine", b"\xe7ok".decode(errors="surrogateescape")], b"", "input 2: not UTF-8; convert it"),
    ],
)
def test_inputs_that_cannot_be_read_are_refused(words: list[str], lines: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        inputs_of(words, io.BytesIO(lines))


def test_a_misspelt_command_is_named_with_what_it_may_mean() -> None:
    assert no_command("pedict", ("train", "predict")) == "'pedict' is no command; did you mean predict?"
    assert no_command("x", ("train", "predict")) == "'x' is no command; the commands are train, predict"
