"""What an installation has: every package and every file that they read, and the command."""

from __future__ import annotations

import importlib
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SETUP = PROJECT["tool"]["setuptools"]


def test_the_command_is_that_of_a_checkout() -> None:
    from common.program import INSTALLED

    module, _, function = PROJECT["project"]["scripts"][INSTALLED].partition(":")
    assert SETUP["py-modules"] == [module]
    assert callable(getattr(importlib.import_module(module), function))


def test_every_folder_of_modules_is_a_package() -> None:
    folders = {path.parent for top in ("common", "tasks") for path in (ROOT / top).rglob("*.py")}
    assert SETUP["packages"]["find"]["include"] == ["common*", "tasks*"]
    assert [folder for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_every_file_that_is_no_module_comes_along() -> None:
    declared = {
        path
        for package, patterns in SETUP["package-data"].items()
        for pattern in patterns
        for path in ROOT.joinpath(*package.split(".")).glob(pattern)
    }
    files = {path for top in ("common", "tasks") for path in (ROOT / top).rglob("*") if path.is_file()}
    assert {path for path in files if path.suffix not in (".py", ".pyc")} == declared and declared


def test_what_is_installed_is_what_was_tested() -> None:
    assert PROJECT["project"]["dynamic"] == ["dependencies"]
    assert SETUP["dynamic"]["dependencies"]["file"] == ["requirements.txt"]
