"""What is prepared once: it is found again, it is written anew where it is damaged, and a full disk is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from common.errors import InputError
from common.streams.prepared import prepared
from common.streams.stored import Run, Store


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEQUENCE_SUITE_CACHE", str(tmp_path))
    return tmp_path


def write(draft: Path) -> None:
    (draft / "some.txt").write_text("some")
    (draft / "more.txt").write_text("more")


def never(draft: Path) -> None:
    raise AssertionError("it is there")


def test_it_is_written_once_and_found_again() -> None:
    folder = prepared(["a"], write)
    assert prepared(["a"], never) == folder != prepared(["b"], write)
    assert (folder / "some.txt").read_text() == "some"


@pytest.mark.parametrize("name", ["some.txt", "files.json"])
@pytest.mark.parametrize(
    "how",
    [Path.unlink, lambda path: path.write_text(""), lambda path: path.write_text(path.read_text()[::-1])],
    ids=["removed", "emptied", "changed"],
)
def test_a_damaged_one_is_said_and_written_anew(name: str, how, capsys) -> None:
    folder = prepared(["a"], write)
    how(folder / name)
    assert prepared(["a"], write) == folder
    assert capsys.readouterr().out == f"{folder} is damaged, and prepared again\n"
    assert prepared(["a"], never) == folder


def test_what_cannot_be_written_leaves_nothing(cache: Path) -> None:
    def full(draft: Path) -> None:
        write(draft)
        raise OSError(28, "No space left on device")

    with pytest.raises(InputError, match=r"prepared: cannot be used \(No space left on device\); name a folder"):
        prepared(["a"], full)
    assert not [path for path in (cache / "prepared").iterdir() if path.is_dir()]


def test_steps_that_are_damaged_are_said(tmp_path: Path) -> None:
    folder, steps = tmp_path / "store", np.random.default_rng(0).integers(0, 9, 30_000)
    folder.mkdir()
    Store(folder).write([Run({"tokens": steps}, True)], {"tokens": np.uint16})
    (path,) = folder.glob("*.array_record*")
    content = path.read_bytes()
    path.write_bytes(content[:9000] + bytes(b ^ 255 for b in content[9000:]))
    inputs = Store(folder).inputs()
    with pytest.raises(InputError, match=r"store: cannot be used \(.*; if it is damaged, remove it"):
        inputs["tokens"][np.arange(30_000)]
