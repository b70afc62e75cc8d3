"""The command, with trials in processes of their own."""

from __future__ import annotations

import shlex
from pathlib import Path

from common.studies.work import cores
from run import main


def test_a_search_leaves_a_report_and_the_best_options(data_of, tmp_path: Path, words, capsys) -> None:
    given = ["--only", "units", "--range", "units=4..8", "--trials", "2", "--jobs", str(min(2, len(cores())))]
    given = words(data_of("sentiment"), tmp_path / "models", *given, "--tensorboard", str(tmp_path / "logs"))
    assert main(given) == 0
    folder = tmp_path / "models" / "sentiment" / "tune" / "default"
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == f"2 trials, 0 of them done before: {folder}"
    assert printed[-1] == shlex.join(
        ["next:", "python", "run.py", "sentiment", "train", "--config", str(folder / "best.yaml")]
        + ["--output", str(tmp_path / "models")]
    )
    assert {"best.yaml", "report.html", "report.md", "trials.csv"} <= {path.name for path in folder.iterdir()}
    assert {path.name for path in (folder / "figures").iterdir()} == {"history.svg", "options.svg", "curves.svg"}
    assert not list(folder.glob("trials/*/unfinished"))
    logs = tmp_path / "logs" / "sentiment" / "tune" / "default"
    assert sorted(path.name for path in logs.iterdir()) == ["trial_0", "trial_1"]
    assert main(given) == 0
    assert "2 trials, 2 of them done before" in capsys.readouterr().out
