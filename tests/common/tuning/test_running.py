"""Searches whose trials are made up: each is done once, and one that was stopped goes on."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from common.studies.work import JOB
from common.tuning import running
from common.tuning.findings import Findings
from common.tuning.running import run
from run import main
from tests.common.tuning.conftest import good


def numbers_of(found: Findings, state: str) -> list[int]:
    return [trial.number for trial in found.of(state)]


def test_the_first_trial_has_the_options_as_given_and_the_best_is_found(search_of, trials) -> None:
    done = trials()
    search = search_of(trials=12, only=("units", "cell"))
    run(search)
    found = Findings(search)
    assert done == list(range(12)) and found.given.number == 0 and found.given.options == search.first
    assert found.best.options["units"] == min(trial.options["units"] for trial in found.trials) < 64
    assert found.best_options.units == found.best.options["units"]
    jobs = [json.loads((search.folder_of(n) / JOB).read_text()) for n in (0, found.best.number)]
    assert [job["options"]["units"] for job in jobs] == [64, found.best.options["units"]]
    assert jobs[0]["options"]["dropout"] == search.options.dropout


def test_a_search_that_is_done_is_only_reported_and_more_trials_extend_it(search_of, trials) -> None:
    trials()
    run(search_of(trials=3))
    done = trials()
    run(search_of(trials=3))
    assert done == []
    run(search_of(trials=5))
    assert done == [3, 4]


def test_trials_that_a_kill_left_go_on_before_others(search_of, trials, monkeypatch: pytest.MonkeyPatch) -> None:
    """One had not got its job when the process was killed: nobody knows all its options, so another takes its place."""
    whole, search = search_of(trials=4, name="whole"), search_of(trials=4)
    trials()
    run(whole)

    def killed(options: dict, number: int) -> dict:
        if number == 2:
            raise KeyboardInterrupt
        return good(options, number)

    trials(killed)
    with pytest.raises(KeyboardInterrupt):
        run(search)
    again = search_of(trials=4)
    assert numbers_of(Findings(again), "unfinished") == [2]
    again.trials.ask()
    done = trials()
    run(again)
    assert done == [2, 4]
    options = {trial.number: trial.options for trial in Findings(again).of("complete")}
    assert [options[n] for n in range(3)] == [
        trial.options for trial in sorted(Findings(whole).trials, key=lambda trial: trial.number)[:3]
    ]
    assert sorted(options) == [0, 1, 2, 4]


def test_several_trials_are_at_work_at_the_same_time(search_of, trials, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("common.studies.work.cores", lambda: [0, 1])
    monkeypatch.setattr("common.studies.folder.cores", lambda: [0, 1])
    together = threading.Barrier(2, timeout=60)

    def both(options: dict, number: int) -> dict:
        together.wait()  # It is over when two have come.
        return good(options, number)

    trials(both)
    search = search_of(trials=4, jobs=2)
    run(search)
    assert len(Findings(search).of("complete")) == 4


def test_failures_are_told_and_other_trials_take_their_places_with_the_next_call(search_of, trials, capsys) -> None:
    trials(lambda options, number: "exit code 2: it broke" if number == 1 else good(options, number))
    search = search_of(trials=3)
    run(search)
    found = Findings(search)
    assert (numbers_of(found, "failed"), len(found.of("complete"))) == ([1], 2)
    assert found.failed == ["trial 1 failed: exit code 2: it broke"]
    assert "2 of 3: trial 1 failed, exit code 2: it broke" in capsys.readouterr().out
    done = trials()
    run(search_of(trials=3))
    assert done == [3]


def test_a_trial_that_diverged_counts_and_has_no_value(search_of, trials) -> None:
    trials(lambda options, number: {"state": "diverged", "why": "nan"} if number == 1 else good(options, number))
    search = search_of(trials=3)
    run(search)
    found = Findings(search)
    assert numbers_of(found, "diverged") == [1] and found.failed == ["trial 1 diverged: nan"]
    assert [trial.state.name for trial in search.trials.trials] == ["COMPLETE", "PRUNED", "COMPLETE"]
    done = trials()
    run(search_of(trials=3))
    assert done == []


def test_a_search_in_which_every_trial_fails_is_stopped(data_of, tmp_path: Path, words, trials, capsys) -> None:
    done = trials(lambda options, number: "exit code 2: no")
    assert main(words(data_of("sentiment"), tmp_path, "--only", "units", "--trials", "9")) == 2
    assert done == [0, 1, 2]
    said = capsys.readouterr().err
    assert "no trial is complete, 3 trials: 3 failed; the first: trial 0 failed: exit code 2: no" in said


def test_the_time_of_a_search_ends_it_and_the_next_call_goes_on(search_of, trials, monkeypatch, capsys) -> None:
    stopped = threading.Event()
    monkeypatch.setattr(running, "stop", stopped.set)

    def slow(options: dict, number: int) -> dict | str:
        return good(options, number) if number == 0 or not stopped.wait(60) else "exit code 143: stopped"

    trials(slow)
    search = search_of(trials=3, search_seconds=1.0)
    run(search)
    assert "1 seconds are over; trials at work are saved, the same command goes on" in capsys.readouterr().out
    found = Findings(search)
    assert (numbers_of(found, "complete"), numbers_of(found, "unfinished")) == ([0], [1])
    done = trials()
    run(search_of(trials=3))
    assert done == [1, 2]


def test_ctrl_c_says_how_to_go_on(data_of, tmp_path: Path, words, trials, capsys) -> None:
    def interrupted(options: dict, number: int) -> dict:
        raise KeyboardInterrupt

    trials(interrupted)
    given = words(data_of("sentiment"), tmp_path, "--only", "units")
    assert main(given) == 130
    assert "everything so far is saved, go on with: python run.py sentiment tune" in capsys.readouterr().err
