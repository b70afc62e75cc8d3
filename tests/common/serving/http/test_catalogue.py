"""Which models the folders show."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.errors import InputError
from common.serving.http.catalogue import Catalogue


def made(folder: Path) -> Path:
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_text("")
    return folder


def test_the_newest_version_of_each_cell_is_named_by_task_and_cell(tmp_path: Path) -> None:
    for version in ("1", "2", "10"):
        made(tmp_path / "pos" / "lstm" / version)
    made(tmp_path / "pos" / "gru" / "3")
    made(tmp_path / "pos" / "gru" / ".draft-4")
    (tmp_path / "pos" / "compare" / "default").mkdir(parents=True)
    found = Catalogue(tmp_path).newest()
    assert {name: version.number for name, version in found.items()} == {"pos_lstm": 10, "pos_gru": 3}
    assert found["pos_lstm"].folder == tmp_path / "pos" / "lstm" / "10"


def test_named_models_are_a_version_or_a_folder_of_versions(tmp_path: Path) -> None:
    one, several = made(tmp_path / "a" / "7"), made(tmp_path / "b" / "2").parent
    plain, found = made(tmp_path / "plain"), made(tmp_path / "models" / "pos" / "lstm" / "1")
    named = [f"one={one}", f"several={several}", f"plain={plain}", f"pos_lstm={one}"]
    newest = Catalogue(tmp_path / "models", named).newest()
    assert {name: version.number for name, version in newest.items()} == {
        **{"one": 7, "several": 2, "plain": 1, "pos_lstm": 7}
    }
    made(several / "3")
    assert Catalogue(tmp_path, named).newest()["several"].folder == several / "3" and found.is_dir()


def test_a_folder_that_is_written_anew_has_another_stamp(tmp_path: Path) -> None:
    folder = made(tmp_path / "pos" / "lstm" / "1")
    before = Catalogue(tmp_path).newest()["pos_lstm"]
    assert Catalogue(tmp_path).newest()["pos_lstm"] == before
    (folder / "variables" / "variables.index").write_text("")
    assert Catalogue(tmp_path).newest()["pos_lstm"] != before


@pytest.mark.parametrize("given", ["name", "=path", "name=", "a/b=path", "a:b=path"])
def test_what_is_no_name_and_path_is_refused(tmp_path: Path, given: str) -> None:
    with pytest.raises(InputError, match="give NAME=PATH"):
        Catalogue(tmp_path, [given])


def test_paths_without_a_model_and_names_given_twice_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is neither a SavedModel"):
        Catalogue(tmp_path, [f"x={tmp_path}"])
    folder = made(tmp_path / "m")
    with pytest.raises(InputError, match="the name x is given twice"):
        Catalogue(tmp_path, [f"x={folder}", f"x={folder}"])
