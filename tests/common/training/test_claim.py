"""Unfinished runs: one process at a time, and a resume with the options and the data of the beginning."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from common.errors import InputError
from common.interrupts import Interrupted
from common.options import FORMAT, TrainOptions
from common.sources import digests
from common.training.claim import Claim

OPTIONS = TrainOptions(units=8)


@pytest.fixture
def data(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "data" / name for name in ("train.csv", "test.csv")]
    paths[0].parent.mkdir()
    for path in paths:
        path.write_text(path.name)
    return paths


def begun(root: Path, paths: list[Path], options: TrainOptions = OPTIONS) -> Claim:
    """A run that has begun, has a checkpoint, and is dead."""
    claim = Claim(root, options)
    claim.take()
    claim.note(digests.of_files(paths))
    claim.begin()
    (claim.folder / "1").mkdir()
    claim.release()
    return claim


def resumed(root: Path, paths: list[Path], **options: object) -> Claim:
    claim = Claim(root, replace(OPTIONS, resume=True, **options))
    with claim.held():
        claim.take()
        claim.note(digests.of_files(paths))
        claim.begin()
    return claim


def test_the_same_options_and_data_go_on(tmp_path: Path, data: list[Path]) -> None:
    first = begun(tmp_path, data)
    again = resumed(tmp_path, data, epochs=99, patience=1)
    assert (again.name, again.folder) == (first.name, first.folder) and (again.folder / "1").is_dir()
    again.close()
    assert not (tmp_path / "unfinished").exists()


def test_options_that_differ_are_named_with_both_values(tmp_path: Path, data: list[Path]) -> None:
    begun(tmp_path, data)
    begun(tmp_path, data, replace(OPTIONS, seed=5, window=8, reach=16, bidirectional=False, layers=3))
    with pytest.raises(InputError) as refused:
        resumed(tmp_path, data, units=16, bidirectional=True)
    assert "was begun with --units 8, not 16, --bidirectional off, not on; give its options" in str(refused.value)
    with pytest.raises(InputError, match=r"--reach not given, not 128, --learning-rate 0.001, not 0.1; give its"):
        resumed(tmp_path, data, reach=128, learning_rate=0.1)


def test_another_cell_is_named(tmp_path: Path, data: list[Path]) -> None:
    begun(tmp_path / "gru", data, replace(OPTIONS, cell="gru"))
    with pytest.raises(InputError, match=r"begun with --cell gru, not lstm; give its options"):
        resumed(tmp_path / "lstm", data)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda train, test: train.write_text("other labels"), r"train.csv changed since"),
        (lambda train, test: test.write_text(""), r"test.csv changed since"),
        (lambda train, test: (train.write_text("x"), test.write_text("y")), r"train.csv, .*test.csv changed since"),
    ],
)
def test_data_that_changed_is_named(change, said: str, tmp_path: Path, data: list[Path]) -> None:
    begun(tmp_path, data)
    change(*data)
    with pytest.raises(InputError, match=rf"--resume: .*{said}, but the unfinished run read it; put it back"):
        resumed(tmp_path, data)


def test_data_that_is_gone_or_new_is_named(tmp_path: Path, data: list[Path]) -> None:
    begun(tmp_path, data)
    with pytest.raises(InputError, match=r"test.csv is no longer there"):
        resumed(tmp_path, data[:1])
    begun(tmp_path, data[:1], replace(OPTIONS, seed=1))
    with pytest.raises(InputError, match=r"test.csv was not there then"):
        resumed(tmp_path, data, seed=1)


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"format": 1}'])
def test_a_record_that_cannot_be_read_is_a_line(content: str, tmp_path: Path, data: list[Path]) -> None:
    claim = begun(tmp_path, data)
    (claim.folder / "run.json").write_text(content)
    with pytest.raises(InputError, match=r"run.json cannot be read; leave --resume out"):
        resumed(tmp_path, data)


def test_nothing_to_resume_is_a_line(tmp_path: Path, data: list[Path]) -> None:
    with pytest.raises(InputError, match=r"--resume: no unfinished run with these options in .*; leave it out"):
        resumed(tmp_path / "lstm", data)
    claim = begun(tmp_path / "lstm", data)
    (claim.folder / "1").rmdir()
    with pytest.raises(InputError, match=r"it has no checkpoint yet; leave --resume out"):
        resumed(tmp_path / "lstm", data)
    claim.folder.rename(claim.folder.with_name(f"{FORMAT - 1}-x"))
    with pytest.raises(InputError, match=r"of another version of this program and cannot be resumed"):
        resumed(tmp_path / "lstm", data)


def test_a_second_run_is_refused_while_the_first_lives(tmp_path: Path, data: list[Path]) -> None:
    begun(tmp_path, data)
    first = resumed(tmp_path, data)
    for resume in (True, False):
        second = Claim(tmp_path, replace(OPTIONS, resume=resume))
        with pytest.raises(InputError, match=r"another run with these options is at work, process \d+; wait for it"):
            second.take()
    assert (first.folder / "1").is_dir()
    first.release()
    resumed(tmp_path, data).close()


def test_beginning_anew_is_said_and_waits_for_the_data(tmp_path: Path, data: list[Path], capsys) -> None:
    claim = begun(tmp_path, data)
    again = Claim(tmp_path, OPTIONS)
    with pytest.raises(InputError), again.held():
        again.take()
        raise InputError("the data cannot be read")
    assert (claim.folder / "1").is_dir()
    again.take()
    again.begin()
    said = " ".join(capsys.readouterr().out.split())
    assert said.startswith("begun anew: the unfinished run with these options, last saved on")
    assert "would have gone on with --resume" in said
    assert not (claim.folder / "1").exists() and (again.aside / "1").is_dir()
    again.close()
    assert not (tmp_path / "unfinished").exists()


def test_a_run_that_began_anew_and_has_nothing_gives_the_earlier_one_back(tmp_path: Path, data: list[Path]) -> None:
    first, again = begun(tmp_path, data), Claim(tmp_path, OPTIONS)
    again.take()
    with pytest.raises(Interrupted) as stopped, again.held():
        again.begin()
        raise Interrupted(2)
    assert stopped.value.resumable
    assert resumed(tmp_path, data).name == first.name and not again.aside.exists()


def test_a_kill_while_a_run_is_removed_leaves_nothing_that_is_taken_for_one(
    tmp_path: Path, data: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "task" / "lstm"
    begun(root, data)
    again = resumed(root, data)
    with monkeypatch.context() as patch:
        patch.setattr("common.training.claim.shutil.rmtree", lambda *given, **named: None)
        again.close()
    assert list((root / "unfinished").rglob("1"))
    with pytest.raises(InputError, match=r"--resume: no unfinished run with these options in .*; leave it out$"):
        resumed(root, data)
    begun(root, data)
    resumed(root, data).close()
    assert not (root / "unfinished").exists()


def test_an_interruption_learns_whether_it_can_be_resumed(tmp_path: Path, data: list[Path]) -> None:
    claim = begun(tmp_path, data)
    for there in (True, False):
        with pytest.raises(Interrupted) as stopped, claim.held():
            raise Interrupted(2)
        assert stopped.value.resumable is there
        (claim.folder / "1").rmdir() if there else None


class Others:
    """Three workers; this one is the second, and the others have what they have."""

    def __init__(self, chief: bytes | None = None, third: bytes | None = None) -> None:
        self.chief, self.third = chief, third

    def given(self, data: bytes) -> list[bytes]:
        return [data if one is None else one for one in (self.chief, None, self.third)]


def test_workers_with_the_chief_s_data_and_options_train(tmp_path: Path, data: list[Path]) -> None:
    one, other = Claim(tmp_path / "a", OPTIONS), Claim(tmp_path / "b", OPTIONS, writes=False)
    for claim in (one, other):
        claim.take()
        claim.note(digests.of_files(data))
        claim.begin()
        claim.agree(Others())
    assert one.folder.is_dir() and not other.root.exists()
    one.close()
    other.close()


def test_a_worker_with_other_data_or_options_is_refused(tmp_path: Path, data: list[Path]) -> None:
    claim = Claim(tmp_path, OPTIONS, writes=False)
    own = json.loads(json.dumps(claim._alike)) | {"data": hashlib.sha256(b"[]").hexdigest()}
    same = json.dumps(own).encode()
    claim.agree(Others(same, same))
    data_differs, options_differ = (
        json.dumps(own | other).encode() for other in ({"data": "x"}, {"epochs": 99, "patience": 1})
    )
    for chief, third, said in (
        (data_differs, data_differs, "worker 2 reads other data than the chief; give all workers the same"),
        (
            options_differ,
            same,
            "worker 2 differs from the chief: --epochs 20, not 99, --patience not given, not 1; worker 3 differs",
        ),
        (same, data_differs, "worker 3 reads other data than the chief; give"),
    ):
        with pytest.raises(InputError, match=said):
            claim.agree(Others(chief, third))


def test_several_workers_begin_where_there_is_nothing_to_resume(tmp_path: Path, capsys) -> None:
    claim = Claim(tmp_path, replace(OPTIONS, resume=True), of_several=True)
    claim.take()
    claim.begin()
    assert claim.folder.is_dir() and "nothing to resume yet: training begins" in capsys.readouterr().out
    claim.close()
