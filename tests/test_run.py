"""The program as a process."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import run
import tasks
from common.training.claim import Claim
from tasks.sentiment import Sentiment, SentimentOptions

ROOT = Path(__file__).resolve().parents[1]


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True)


def test_help_names_the_tasks_and_imports_no_tensorflow() -> None:
    script = "import sys, run; run.main(['--help']); run.main(['sentiment', '-h']); print('tensorflow' in sys.modules)"
    done = command("-c", script)
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in tasks.TASKS)
    assert done.stdout.endswith("False\n")


def test_series_are_refused_before_tensorflow_is_imported(learned, tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("time,y\n2020-01-01,1\n2020-01-02,1e39\n2020-01-03,1\n")
    saved = ["--output", str(learned("forecasting").parents[2])]
    commands = [["--data", str(bad)], ["predict", str(bad), *saved], ["evaluate", "--data", str(bad), *saved]]
    script = f"import sys, run; print([run.main(['forecasting', *c]) for c in {commands}], 'tensorflow' in sys.modules)"
    done = command("-c", script)
    assert done.stdout == "[2, 2, 2] False\n"
    assert done.stderr.count("error: ") == done.stderr.count("\n") == 3


def test_what_no_memory_can_hold_is_refused_before_tensorflow_is_imported() -> None:
    commands = [[*words, "--units", "2000000"] for words in (["sentiment"], ["pos", "compare"], ["pos", "tune"])]
    script = (
        "import pathlib, sys, run; from common.training import memory; memory.DEVICES = pathlib.Path('/none'); "
        f"print([run.main(c) for c in {commands}], 'tensorflow' in sys.modules)"
    )
    done = command("-c", script)
    assert done.stdout == "[2, 2, 2] False\n"
    assert done.stderr.count("error: --units 2000000: ") == done.stderr.count("\n") == 3


def test_a_resume_is_refused_before_tensorflow_is_imported(tmp_path: Path) -> None:
    data, words = tmp_path / "a.csv", (("great", 1), ("dull", 0))
    rows = [f"a {word} film {number},{label}" for number in range(20) for word, label in words]
    data.write_text("\n".join(["text,label", *rows]))
    task = Sentiment(SentimentOptions(data=str(data), output=tmp_path, units=8, epochs=3))
    task.check()
    claim = Claim(tmp_path / "sentiment" / "lstm", task.options)
    claim.take()
    claim.note(dict.fromkeys(task.digests, "of other rows"))
    claim.begin()
    (claim.folder / "1").mkdir()
    claim.release()
    words = ["sentiment", "--data", str(data), "--output", str(tmp_path), "--epochs", "3", "--resume"]
    commands = [[*words, "--units", "8"], [*words, "--units", "16"]]
    script = f"import sys, run; print([run.main(c) for c in {commands}], 'tensorflow' in sys.modules)"
    done = command("-c", script)
    assert done.stdout == "[2, 2] False\n", done.stderr
    assert f"{data} changed since" in done.stderr and "begun with --units 8, not 16" in done.stderr
    assert done.stderr.count("error: --resume: ") == done.stderr.count("\n") == 2


def test_texts_are_refused_before_tensorflow_is_imported(learned, tmp_path: Path) -> None:
    files = {
        "names.csv": "a,b\n1,2\n",
        "one.csv": "text,label\na b,pos\nc d,pos\n",
        "strange.csv": "text,label\na great film,1\n",
        "a.conllu": "1\tthe\tthe\n",
        "a.tsv": "the\tDT\nword\n",
        "pairs.tsv": "a\tb\nc\n",
        "train.en": "a\nb\n",
        "train.de": "a\n",
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    saved = ["--output", str(learned("sentiment").parents[2])]
    place = f"{tmp_path}/"
    commands = [
        *(["sentiment", "--data", place + name] for name in ("none.csv", "names.csv", "one.csv")),
        ["sentiment", "compare", "--data", f"{place}one.csv", "--match", "parameters"],
        ["sentiment", "tune", "--data", f"{place}one.csv"],
        *(["sentiment", "tune", *words] for words in (["--range", "epochs=2..4"], ["--jobs", "1000"], ["--resume"])),
        ["sentiment", "evaluate", "--data", f"{place}strange.csv", *saved],
        *(["pos", "--data", place + name] for name in ("a.conllu", "a.tsv")),
        *(["translation", "--data", place + name] for name in ("pairs.tsv", "train")),
        ["translation", "--cell", "mlp"],
    ]
    script = (
        f"import sys, run; print({{run.main(words) for words in {commands}}}, "
        "{'tensorflow', 'sklearn'} & {*sys.modules})"
    )
    done = command("-c", script)
    assert done.stdout == "{2} set()\n"
    assert done.stderr.count("error: ") == done.stderr.count("\n") == len(commands)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_stopped_run_leaves_no_version_and_resumes(number: int, data_of, tmp_path: Path, capsys) -> None:
    """What a SIGTERM leaves is resumed in tests of `UnfinishedRun`."""
    options = ["sentiment", "--data", str(data_of("sentiment")), "--output", str(tmp_path), "--cell", "gru"]
    small = {"units": 8, "batch-size": 4, "window": 16, "patience": 400}
    small |= {"checkpoint-every": 5, "checkpoint-share": "inf"}
    options += [f"--{name}={value}" for name, value in small.items()] + ["--epochs"]
    words = [sys.executable, "run.py", *options, "400"]
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    folder = tmp_path / "sentiment" / "gru"
    try:
        deadline = time.monotonic() + 240
        while not list(folder.glob("unfinished/*/[0-9]*")):
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        if number == signal.SIGKILL:
            second = command("run.py", *options, "3", "--resume")
            assert second.returncode == 2 and f"is at work, process {process.pid}; wait for it" in second.stderr
        process.send_signal(number)
        process.wait(60)
    finally:
        process.kill()
        process.wait()
    said = process.stderr.read()
    assert not (folder / "1").exists() and "Traceback" not in said
    if number == signal.SIGTERM:
        assert process.returncode == 143
        how = said.splitlines()[-1].partition("go on with: python ")[2]
        assert shlex.split(how) == ["run.py", *options, "400", "--resume"]
        return
    resumed = command("run.py", *options, "3", "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert sorted(os.listdir(folder)) == ["1"]

    following = resumed.stdout.splitlines()[-1]
    assert following.startswith("next: python run.py sentiment predict")
    assert run.main(shlex.split(following)[3:]) == 0
    assert f"model: {folder / '1'}" in capsys.readouterr().out
