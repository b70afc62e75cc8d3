"""Names of files."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.sources.files import role_of, roles_of


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
