"""Placeholders: format fields, markup and escapes in a text, which a translation must keep as they are."""

from __future__ import annotations

PLACEHOLDER = "|".join(
    [
        r"%\([^()\s]+\)[-+#0]*\d{0,3}(?:\.\d{1,3})?[diouxXeEfFgGcrsa]?",  # %(count)d
        r"%(?:\d{1,2}\$)?[-+#0]*(?:\d{0,3}|\*)(?:\.(?:\d{1,3}|\*))?(?:hh|h|ll|l|z|j|t|L)?[@A-Za-z]",  # %s %.2f %lu %1$s
        r"%(?:%|L?\d{1,2}\b)",  # %% %1
        r"\{\{[^{}\n]+\}\}",  # {{ name }}
        r"\$?\{[^{}\s]*\}",  # {} {0} {name:>8} ${x}
        r"</?(?:[A-Za-z][^<>]*|\d{1,3}/?)>",  # <b> </a> <br/> <0>
        r"&(?:[A-Za-z][A-Za-z0-9]+|#\d+|#[xX][0-9A-Fa-f]+);",  # &lt; &#39;
        r"\\(?:[abfnrtv0\\'\"]|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4})",  # \n and \u00e9, spelled out
    ]
)
"""A regular expression that matches one placeholder, in Python's `re` and in TensorFlow."""
