"""The architecture page names the rooms in the order that tests/test_house.py holds."""

from __future__ import annotations

import re

from tests.test_house import ROOMS, ROOT


def test_the_page_lists_the_rooms_in_order() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    section = page.split("## The rooms\n")[1].split("\n## ")[0]
    assert tuple(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == ROOMS
