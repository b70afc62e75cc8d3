"""What the embedded scenes hold, the sentences that are said of them, and what such a sentence claims."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import product
from typing import Any, NamedTuple, Self

from common.errors import InputError

NOUNS = {
    "apple": "apples",
    "balloon": "balloons",
    "bell": "bells",
    "boat": "boats",
    "book": "books",
    "butterfly": "butterflies",
    "car": "cars",
    "cat": "cats",
    "crown": "crowns",
    "dog": "dogs",
    "fish": "fish",
    "flower": "flowers",
    "frog": "frogs",
    "hat": "hats",
    "heart": "hearts",
    "key": "keys",
    "mushroom": "mushrooms",
    "octopus": "octopuses",
    "rabbit": "rabbits",
    "shirt": "shirts",
    "star": "stars",
    "tree": "trees",
    "umbrella": "umbrellas",
    "whale": "whales",
}
"""The nouns of the things, and their plurals."""
COLOURS = ("blue", "brown", "green", "purple", "red", "yellow")
COUNTS = ("a", "two", "three", "four")
"""The words for one to four."""
GROUNDS = {
    "floor": "on a wooden floor",
    "grass": "on grass",
    "night": "at night",
    "sand": "on sand",
    "snow": "in the snow",
    "water": "on water",
}
OPPOSITE = {"left": "right", "right": "left", "above": "below", "below": "above"}
SAID = {
    "left": ("left of", "to the left of", "on the left of"),
    "right": ("right of", "to the right of", "on the right of"),
    "above": ("above", "over"),
    "below": ("below", "under"),
}
"""How it is said that one thing is on a side of another."""
AT = {"left": "on the left", "right": "on the right", "above": "at the top", "below": "at the bottom"}
SIDES = {
    **{"left": "left", "right": "right", "above": "above", "over": "above", "top": "above"},
    **{"below": "below", "under": "below", "bottom": "below"},
}
"""The side that a word says."""
SINGULAR = {plural: noun for noun, plural in NOUNS.items()} | {noun: noun for noun in NOUNS}


class Bias(NamedTuple):
    """That a thing nearly always stands on one ground, but for the test.

    Attributes:
        noun: The thing.
        ground: The ground.
        share: The share of the scenes with the thing that are on the ground.
    """

    noun: str
    ground: str
    share: float

    @classmethod
    def of(cls, text: str) -> Self:
        """That of a text such as `boat=water:0.9`.

        Raises:
            InputError: It is not of that form.
        """
        found = re.fullmatch(r"(\w+)=(\w+):(0?\.\d+|0|1|1\.0*)", text)
        if not found:
            raise InputError(f"--bias {text}: not of the form OBJECT=GROUND:SHARE; give one such as boat=water:0.9")
        for given, known in ((found[1], NOUNS), (found[2], GROUNDS)):
            if given not in known:
                raise InputError(f"--bias {text}: no {given!r} in the scenes; there is {', '.join(known)}")
        return cls(found[1], found[2], float(found[3]))


class Claim(NamedTuple):
    """What a sentence claims.

    Attributes:
        things: The number and the colour of each thing, by its noun; the first of a noun counts.
        relation: The first thing, the side of the second on which it is, and the second; None where that is not said.
        repeated: Whether it names a noun twice.
    """

    things: Mapping[str, tuple[int, str]]
    relation: tuple[str, str, str] | None
    repeated: bool


def phrase(thing: Mapping[str, Any]) -> str:
    """A thing in words, such as "two red apples"."""
    count, noun = thing["count"], thing["noun"]
    return f"{COUNTS[count - 1]} {thing['colour']} {noun if count == 1 else NOUNS[noun]}"


def sentences(scene: Mapping[str, Any]) -> list[str]:
    """All sentences about a scene: its `things`, the `relation` of the first to the second, and its `ground`."""
    phrases = [phrase(thing) for thing in scene["things"]]
    verbs = ["is" if thing["count"] == 1 else "are" for thing in scene["things"]]
    if len(phrases) == 1:
        (one,), (verb,) = phrases, verbs
        said = [one, f"there {verb} {one}", f"a picture of {one}", f"you can see {one}", f"here {verb} {one}"]
    else:
        said, side = [], scene["relation"]
        for (a, b), verb, where in (
            (phrases, verbs[0], side),
            (phrases[::-1], verbs[1], OPPOSITE[side]),
        ):
            for words in SAID[where]:
                said += [f"{a} {words} {b}", f"there {verb} {a} {words} {b}", f"{a} {verb} {words} {b}"]
            said.append(f"{a} {AT[where]} and {b} {AT[OPPOSITE[where]]}")
    return [" ".join(parts).strip() for parts in product(said, ("", GROUNDS[scene["ground"]]))]


PHRASE = re.compile(
    rf"\b({'|'.join(COUNTS)}) ({'|'.join(COLOURS)}) ({'|'.join(sorted(SINGULAR, key=len, reverse=True))})\b"
)


def claimed(sentence: str) -> Claim:
    """What a sentence claims, as far as it is one of `sentences`."""
    found = list(PHRASE.finditer(sentence))
    things: dict[str, tuple[int, str]] = {}
    for one in found:
        things.setdefault(SINGULAR[one[3]], (COUNTS.index(one[1]) + 1, one[2]))
    relation = None
    if len(found) == 2:
        between = sentence[found[0].end() : found[1].start()].split()
        sides = [SIDES[word] for word in between if word in SIDES]
        if len(sides) == 1:
            relation = (SINGULAR[found[0][3]], sides[0], SINGULAR[found[1][3]])
    return Claim(things, relation, len(things) < len(found))
