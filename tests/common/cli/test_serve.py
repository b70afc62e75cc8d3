"""The command `serve` refuses in a line what cannot be served; a server that runs is in the tests of the server."""

from __future__ import annotations

from pathlib import Path

import pytest

import run
from common.serving.http.listening import listen


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run.main(["serve", *arguments]) == 2
    *_, last = capsys.readouterr().err.splitlines()
    assert last.startswith("error: ")
    return last


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("model",), "serve takes options alone, not 'model'"),
        (("--prot", "1"), "Did you mean --port?"),
        (("--port", "70000"), "--port. Must be <= 65535"),
        (("--max-rows", "0"), "--max-rows. Must be >= 1"),
        (("--model", "plain"), "--model plain: give NAME=PATH"),
        (("--model", "x=nowhere"), "--model x=nowhere: nowhere is neither a SavedModel"),
        (("--output", "nowhere"), "--output nowhere: no saved models there; train one first"),
    ],
)
def test_what_cannot_be_served_is_refused(capsys: pytest.CaptureFixture[str], arguments: tuple, expected: str) -> None:
    assert expected in refused(capsys, *arguments)


def test_a_port_in_use_is_refused_before_models_are_loaded(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").touch()
    with listen("127.0.0.1", 0) as taken:
        port = str(taken.getsockname()[1])
        message = refused(capsys, "--model", f"x={tmp_path}", "--output", str(tmp_path), "--port", port)
    assert f"--host 127.0.0.1 --port {port}: Address already in use" in message


def test_the_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["serve", "--help"]) == 0
    printed = capsys.readouterr().out
    for option in ("output", "model", "host", "port", "max-batch", "queue", "timeout", "drain", "access-log"):
        assert f"--{option} " in printed
    assert "127.0.0.1" in printed and "TASK_CELL" in printed
