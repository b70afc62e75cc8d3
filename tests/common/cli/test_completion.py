"""Completion in shells."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cyclopts import App

import run
import tasks
from common.cli.commands import COMMANDS
from common.cli.completion import completion_of

ROOT = Path(__file__).resolve().parents[3]
ASK = """
source "$1"
for line in "${@:2}"; do
    read -ra COMP_WORDS <<< "$line"
    [[ "$line" == *" " ]] && COMP_WORDS+=("")
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    _sequence_suite
    echo "${COMPREPLY[*]}"
done
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_completes_commands_options_values_and_files(tmp_path: Path, capsys) -> None:
    assert run.main(["completion", "bash"]) == 0
    (tmp_path / "script").write_text(capsys.readouterr().out)
    (tmp_path / "reviews.csv").touch()
    expected = {
        "": {*tasks.TASKS, "serve", "models"},
        "sentiment ": set(COMMANDS),
        "sentiment --uni": {"--units"},
        "sentiment predict --inp": {"--input-file"},
        f"sentiment predict --input-file {tmp_path}/rev": {f"{tmp_path}/reviews.csv"},
        "pos --cell pee": {"peephole_lstm"},
        "completion z": {"zsh"},
    }
    lines = [f"sequence-suite {line}" for line in expected]
    done = subprocess.run(
        ["bash", "-c", ASK, "bash", str(tmp_path / "script"), *lines], capture_output=True, text=True, check=True
    )
    for (line, words), found in zip(expected.items(), done.stdout.splitlines(), strict=True):
        assert words <= set(found.split()), line


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_have_scripts(shell: str, capsys) -> None:
    app = App(name="any")
    app.command(lambda *, level=1: None, name="small")
    completion_of(app)(shell)
    script = capsys.readouterr().out
    assert "sequence-suite" in script and "small" in script and "level" in script


def test_a_reader_that_has_enough_is_no_error() -> None:
    script = "import sys; from common.cli import entry; sys.exit(entry.main(['completion', 'fish'], {}))"
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, "")


def test_an_unknown_shell_is_refused(capsys) -> None:
    assert run.main(["completion", "tcsh"]) == 2
    error = capsys.readouterr().err
    assert "tcsh" in error and "bash" in error and error.count("\n") == 1
