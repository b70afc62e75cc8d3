"""Files that answers are written to."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from common.errors import InputError
from common.files import Lock, check_writable, drafted, reason, refuse_same


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


def test_the_target_of_a_link_is_written_and_a_long_name_has_a_draft(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with drafted("--plot", tmp_path / "link") as draft:
        draft.write_text("new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "target").read_text() == "new"
    with drafted("--plot", tmp_path / ("x" * 250)) as draft:
        draft.write_text("new")
    with pytest.raises(InputError, match="name a file that can be written"), drafted("--plot", tmp_path / ("x" * 300)):
        pass


def test_nothing_but_a_file_is_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/null")
    for path in (Path("/dev/null"), tmp_path / "pipe", tmp_path / "link"):
        with pytest.raises(InputError, match="this is a device or a pipe; name a file"):
            check_writable("--plot", path)
        with pytest.raises(InputError, match="this is a device or a pipe; name a file"), drafted("--plot", path):
            pass
    assert (tmp_path / "pipe").is_fifo() and Path("/dev/null").is_char_device()


def test_a_lock_is_held_by_one_and_is_gone_with_it(tmp_path: Path) -> None:
    one, other = Lock(tmp_path / "x"), Lock(tmp_path / "x")
    assert one.take() and one.kept and not other.take() and not other.kept
    assert other.holder.isdigit()
    one.release()
    assert list(tmp_path.iterdir()) == []
    assert other.take()
    other.release()
    other.release()


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    script = f"""
import time
from pathlib import Path
from common.files import Lock
lock = Lock(Path({str(tmp_path / "x")!r}))
print(lock.take(), flush=True)
time.sleep(60)
"""
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "True\n"
    lock = Lock(tmp_path / "x")
    assert not lock.take() and lock.holder == str(process.pid)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert lock.take()
    lock.release()


def test_a_file_system_without_locks_holds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*given: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", none)
    lock = Lock(tmp_path / "x")
    assert lock.take() and not lock.kept and list(tmp_path.iterdir()) == []


def test_the_reason_of_an_error_is_a_few_words() -> None:
    class Error(Exception):
        message = "{{function_node __wrapped__SaveV2}} /x/part-0; No space left on device [Op:SaveV2]"

    assert reason(Error()) == reason(OSError(28, "No space left on device")) == "No space left on device"
    assert reason(ValueError("a\n b")) == "a b" and reason(ValueError()) == "ValueError"
    assert len(reason(ValueError("x" * 999))) == 200


def test_what_is_read_is_not_written(tmp_path: Path) -> None:
    data = tmp_path / "data" / "own.csv"
    data.parent.mkdir()
    data.write_text("x")
    refuse_same("--output-file", data.with_name("new.csv"), data)
    refuse_same("--output-file", data.with_name("new.csv"), data.parent)
    (tmp_path / "link.csv").symlink_to(data)
    for path, read in ((data, data), (tmp_path / "link.csv", data), (data, data.parent)):
        with pytest.raises(InputError, match="this is read, and would be replaced; name another file"):
            refuse_same("--output-file", path, read)
