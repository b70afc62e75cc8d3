"""What an option means for a resumed run, for a study and for a search, written next to its default."""

from __future__ import annotations

from dataclasses import field, fields
from typing import Any, Literal, NamedTuple, get_args

from common.options.ranges import Range

StudyRole = Literal["shared", "free", "place", "set", "refused"]


class Meaning(NamedTuple):
    """What an option means beyond its value.

    Attributes:
        trains: Whether it changes the training steps. An unfinished run with another value is then another run.
        study: Its role in a study. `shared`: all runs have the same value, unless it is varied, and a study keeps its
            value. `free`: as `shared`, but later calls of a study may give another value. `place`: says where the
            study or its logs are; it is neither varied nor kept. `set`: the study sets it for each run, so it cannot be
            given. `refused`: it has no use in a study, so it cannot be given.
        tune: The values that a search may try. None: none, as where others would change what the validation value
            measures, so that trials could not be compared.
    """

    trains: bool = True
    study: StudyRole = "shared"
    tune: Range | None = None

    @property
    def given(self) -> bool:
        """Whether it may be given to a study."""
        return self.study not in ("set", "refused")

    @property
    def varied(self) -> bool:
        """Whether a study may vary it."""
        return self.study in ("shared", "free")


MEANING = "meaning"


def option(default: Any, *, trains: bool = True, study: StudyRole = "shared", tune: Range | None = None) -> Any:
    """A field of an options class, with its default and its `Meaning`.

    Raises:
        ValueError: A study has no such role.
    """
    if study not in get_args(StudyRole):
        raise ValueError(f"study is one of {', '.join(get_args(StudyRole))}, not {study!r}")
    return field(default=default, metadata={MEANING: Meaning(trains, study, tune)})


def meanings(kind: type) -> dict[str, Meaning]:
    """The meaning of each option of a class. A subclass that only changes a default keeps the meaning."""
    found = {}
    for name in (one.name for one in fields(kind)):
        declared = (vars(base).get("__dataclass_fields__", {}).get(name) for base in kind.__mro__)
        found[name] = next((one.metadata[MEANING] for one in declared if one and MEANING in one.metadata), Meaning())
    return found
