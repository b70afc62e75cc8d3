"""One trial, in this process: what it measures, that it never looks at the test split, and how it ends early."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import pytest

import tasks
from common.errors import InputError
from common.options import Log
from common.training import preparing, run
from common.training.tbptt import TBPTT
from common.training.unfinished import Diverged
from common.tuning import trial
from common.tuning.journal import ask, opened
from common.tuning.space import Space
from tests.tiny import OPTIONS

KIND = tasks.get("sentiment")
SPACE: Space = {"learning_rate": Log(1e-3, 1.0)}


@pytest.fixture
def job_of(data_of, tmp_path: Path) -> Callable[..., dict]:
    """The job of a new trial, after complete ones that had a value after each of some epochs."""

    def made(complete: int = 0, value: float = 1.0, **options: object) -> dict:
        journal = tmp_path / "journal.log"
        study = opened(journal, higher_is_better=True, prune=True)
        for _ in range(complete):
            one = ask(study, SPACE, seed=0)
            for epoch in (1, 2, 3):
                one.report(value, epoch)
            study.tell(one, value)
        number = ask(study, SPACE, seed=0).number
        given = KIND.Options(data=str(data_of("sentiment")), **(OPTIONS["sentiment"] | {"xla": False} | options))
        return {"options": given.as_json(), "journal": str(journal), "number": number, "prune": True, "logs": None}

    return made


@pytest.fixture
def no_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that would look at the test split fails."""

    def looked(*given: object, **named: object) -> None:
        raise AssertionError("a trial looked at the test split")

    streams_of = preparing.streams_of

    def without(sequences: dict, options: object) -> dict:
        streams = streams_of(sequences, options)
        for name in ("dataset", "window_at"):
            monkeypatch.setattr(streams["test"], name, looked)
        return streams

    monkeypatch.setattr(preparing, "streams_of", without)
    for holder, name in ((run, "tested"), (KIND, "answers"), (KIND, "evaluate"), (KIND, "baselines")):
        monkeypatch.setattr(holder, name, looked)
    monkeypatch.setattr(TBPTT, "predict", looked)


def test_a_trial_reports_each_epoch_and_ends_when_it_is_worse_but_never_looks_at_the_test_split(
    job_of, no_test, tmp_path: Path
) -> None:
    result = trial.measured(KIND, job_of(complete=5, value=1.1, epochs=9), folder=tmp_path)
    assert (result["state"], result["epochs"]) == ("pruned", 2)
    reported = opened(tmp_path / "journal.log", higher_is_better=True, prune=True).trials[5].intermediate_values
    assert list(reported) == [1, 2] and result["value"] == max(reported.values())
    assert result["parameters"] > 0 and result["seconds"] > 0


def test_a_trial_whose_training_diverges_says_so(job_of, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "fit", Mock(side_effect=Diverged("training diverged: the loss is nan")))
    result = trial.measured(KIND, job_of(), folder=tmp_path)
    assert result == {"state": "diverged", "why": "training diverged: the loss is nan"}


def test_a_trial_that_cannot_be_trained_is_refused(job_of, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--batch-size 500: training has only 240 sequences"):
        trial.measured(KIND, job_of(batch_size=500), folder=tmp_path)
