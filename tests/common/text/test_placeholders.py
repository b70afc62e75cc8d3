"""What is a placeholder, and that Python and TensorFlow agree on it."""

from __future__ import annotations

import re

import pytest
import tensorflow as tf

from common.text.placeholders import PLACEHOLDER


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%(count)d of %1$s, %.2f%% and %-5.2lf", ["%(count)d", "%1$s", "%.2f", "%%", "%-5.2lf"]),
        ("{} {0} {name:>8} ${x} {{ user.name }}", ["{}", "{0}", "{name:>8}", "${x}", "{{ user.name }}"]),
        ('<a href="x y">go</a> <br/> <0>', ['<a href="x y">', "</a>", "<br/>", "<0>"]),
        ("&lt; &#39; &#xE9; R&D & co;", ["&lt;", "&#39;", "&#xE9;"]),
        (r"line\nnext \u00e9 C:\x", [r"\n", r"\u00e9"]),
        ("100% sure, 1 < 2 > 0, {a b}, { }", []),
    ],
)
def test_placeholders_of_all_kinds(text: str, expected: list[str]) -> None:
    found = [match.group() for match in re.finditer(PLACEHOLDER, text)]
    assert found == expected
    marked = tf.strings.regex_replace(text, f"({PLACEHOLDER})", "<>").numpy().decode()
    assert marked == re.sub(PLACEHOLDER, "<>", text)
