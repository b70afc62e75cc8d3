"""Names of files."""

from __future__ import annotations

import errno
import gzip
import os
from pathlib import Path

import pytest

from common.errors import InputError
from common.sources.files import Lines, existing, names_under, read_text, role_of, roles_of


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("en-train.csv.gz", "train"),
        ("test_2016.csv", "test"),
        ("DEV.tsv", "validation"),
        ("my.val.json", "validation"),
        ("validation", "validation"),
        ("trainspotting.csv", None),
        ("latest.csv", None),
        ("devil.txt", None),
    ],
)
def test_roles_are_words_in_names(name, role):
    assert role_of(name) == role


def test_a_file_name_counts_before_its_folders() -> None:
    names = [Path("train/dev.csv"), Path("test/train/a.csv"), Path("a/b.csv")]
    assert list(roles_of(names).values()) == ["validation", "train", None]


def test_pipes_and_devices_are_no_data(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "link.csv").symlink_to("/dev/zero")
    for data in ("/dev/zero", tmp_path / "pipe.csv", tmp_path / "link.csv"):
        with pytest.raises(InputError, match="a device or a pipe"):
            existing(str(data))
    assert names_under(tmp_path) == []


def test_files_that_never_end_are_refused_before_they_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty.csv").touch()  # As the system's are, such as /proc/kmsg, where who reads waits.
    with pytest.raises(InputError, match=r"empty\.csv: an empty file"):
        existing(str(tmp_path / "empty.csv"))
    large, packed = tmp_path / "large.csv", tmp_path / "packed.csv.gz"
    with large.open("wb") as file:
        file.truncate(1 << 43)  # 8 TiB of nothing, which take no place.
    packed.write_bytes(gzip.compress(b"a" * 3001))
    for data in (existing, lambda name: read_text(Path(name), "utf-8")):
        with pytest.raises(InputError, match=r"large\.csv: a text of more than [\d.]+ GB does not fit into memory"):
            data(str(large))
    assert existing(str(large), "--input-file") == large  # A line at a time.
    assert len(read_text(packed, "utf-8")) == 3001
    monkeypatch.setattr("common.memory.available", lambda: 12_000)
    with pytest.raises(InputError, match=r"packed\.csv\.gz: a text of more than"):
        read_text(existing(str(packed)), "utf-8")


@pytest.mark.parametrize("data", ["x" * 300, "a\0b", "~nobody-of-this-name/x", "", "/none", "/dev/null/x"])
def test_names_that_cannot_be_are_refused(data: str) -> None:
    with pytest.raises(InputError, match=r"^--data .*(no such file or folder|File name too long)"):
        existing(data)


def test_a_folder_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open" / "train.csv").touch()
    (tmp_path / "closed").mkdir()
    scandir = os.scandir

    def refusing(path: str) -> object:
        if Path(path).name == "closed":  # Root may read everything, so no permission would do.
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(InputError, match=r"closed: Permission denied; make it readable"):
        names_under(tmp_path)
    (tmp_path / "closed").rename(tmp_path / ".closed")
    assert names_under(tmp_path) == [Path("open/train.csv")]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
def test_a_byte_order_mark_is_believed(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes("größe".encode(encoding))
    assert read_text(tmp_path / "x.csv", "utf-8") == "größe"


@pytest.mark.parametrize(
    ("text", "encoding", "advised"),
    [
        ("Größe ist schön und übermäßig; das Mädchen fährt nach Köln.", "latin-1", "latin-1"),
        ("Привет, мир. Это хороший фильм, и он мне понравился.", "cp1251", "cp1251"),
        ("这部电影非常好看,我很喜欢。", "gbk", "gb18030"),
        ("この映画はとても面白かったです。", "shift_jis", "cp932"),
    ],
)
def test_an_encoding_is_advised_that_the_text_may_have(text: str, encoding: str, advised: str, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(f"{text}\n".encode(encoding) * 3)
    with pytest.raises(InputError, match=rf"a\.txt:1.* is not utf-8; .* for example --encoding {advised}$"):
        read_text(path, "utf-8")
    assert read_text(path, advised).startswith(text)


@pytest.mark.parametrize(
    ("start", "said"),
    [
        (b"PK\x03\x04\x14\x00", "an Excel workbook or another ZIP archive; save it as CSV"),
        (gzip.compress(b"text,label\n"), "a compressed file; unpack it, or for gzip let its name end in .gz"),
        (b"PAR1", "Parquet; write it as CSV"),
        (b"\x89PNG\r\n", "a picture; move it elsewhere"),
    ],
    ids=["zip", "gzip", "parquet", "png"],
)
def test_files_that_hold_no_text_are_named_and_no_encoding_is_advised(tmp_path: Path, start: bytes, said: str) -> None:
    for path in (tmp_path / "a.csv", tmp_path / "a.txt.gz"):
        path.write_bytes(gzip.compress(start) if path.suffix == ".gz" else start)
        for read in (read_text, lambda path, encoding: list(Lines(path, encoding).lines())):
            with pytest.raises(InputError, match=f"{path.name}: holds no text, but {said}"):
                read(path, "latin-1")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_not_read_as_single_bytes(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("A warm film, für 5 €.\n".encode(encoding))
    for other in ("utf-8", "latin-1"):
        with pytest.raises(InputError, match=f"UTF-16 without a byte-order mark; give --encoding {encoding}"):
            read_text(path, other)
    assert read_text(path, encoding) == "A warm film, für 5 €.\n"
    path.write_bytes(b"a\0b few zeros are characters\n")
    assert read_text(path, "utf-8").startswith("a\0b")
