"""Text of users in reports is shown as it is."""

from __future__ import annotations

import html
import re

import hypothesis.strategies as st
import markdown
import pytest
from hypothesis import given

from common.studies.markup import code_block, escaped, table


def shown(text: str) -> str:
    """What a reader of the HTML sees."""
    page = markdown.markdown(text, extensions=["tables", "fenced_code"])
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", page)).split())


HOSTILE = ["<script>alert(1)</script>", "a|b", "*x* _y_ `z`", "[a](javascript:b)", "# head", "1. one", "- item", "a\nb"]
HOSTILE += [
    "![p](http://evil.invalid/p.png)",
    "[/] [red]x",
    "> quote",
    "<!-- -->",
    "&lt;",
    "[x]: javascript:b",
    "`<b>`",
]


@given(st.sampled_from(HOSTILE) | st.text(st.sampled_from("ab1 *_`|<>&#[]()!\\~{}.-+\"'=$\n")))
def test_what_is_escaped_is_read_as_it_is_written(text: str) -> None:
    page = markdown.markdown(f"Data: {escaped(text)}.", extensions=["tables", "fenced_code"])
    assert re.findall("<[^>]*>", page) == ["<p>", "</p>"]
    assert shown(f"Data: {escaped(text)}.") == " ".join(f"Data: {' '.join(text.split())}.".split())


@pytest.mark.parametrize("text", HOSTILE)
def test_text_begins_no_heading_or_list(text: str) -> None:
    assert re.findall("<[^>]*>", markdown.markdown(escaped(text))) == ["<p>", "</p>"]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_cell_of_a_table_stays_one(text: str) -> None:
    page = markdown.markdown(table([["arm", "n"], [text, "5"]]), extensions=["tables"])
    cells = re.findall("<td[^>]*>(.*?)</td>", page)
    assert len(cells) == 2 and html.unescape(cells[0]) == " ".join(text.split())


def test_plain_names_stay_readable() -> None:
    assert escaped("simple_rnn, window 16, p <0.001") == "simple_rnn, window 16, p &lt;0.001"


def test_a_command_does_not_end_its_block() -> None:
    block = code_block(["run.py --data '```\n# no heading\n```'", "next"])
    page = markdown.markdown(f"{block}\n\nafter", extensions=["fenced_code"])
    assert "<h1>" not in page and page.count("<pre>") == 1 and "<p>after</p>" in page


def test_signs_that_are_obeyed_are_shown() -> None:
    for text in ("\x1b[31m", "\u202egnp"):
        for made in (escaped(text), table([["arm"], [text]]), code_block([text])):
            assert text not in made and (r"\x1b" in made or r"\u202e" in made)


def test_an_address_is_no_link_in_dialects_that_link_them() -> None:
    assert "://" not in escaped("see http://evil.invalid") and shown(escaped("http://a.invalid")) == "http://a.invalid"
