"""Files that answers are written to."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.errors import InputError
from common.files import check_writable, drafted


def test_a_file_that_cannot_be_made_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path, message in ((tmp_path, "this is a folder; name a file"), (tmp_path / "none" / "x", "there is no folder")):
        with pytest.raises(InputError, match=f"--plot {path}: {message}"):
            check_writable("--plot", path)
    check_writable("--plot", tmp_path / "x")
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(InputError, match=r"--plot .*: its folder may not be written to"):
        check_writable("--plot", tmp_path / "x")


def test_what_is_written_takes_the_place_of_the_file_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with drafted("--plot", path) as draft:
        draft.write_text("whole")
    with pytest.raises(ValueError), drafted("--plot", path) as draft:
        draft.write_text("half")
        raise ValueError
    with pytest.raises(InputError, match=r"--plot .*: No space left on device"), drafted("--plot", path) as draft:
        draft.write_text("half")
        raise OSError(28, "No space left on device")
    assert path.read_text() == "whole" and list(tmp_path.iterdir()) == [path]
