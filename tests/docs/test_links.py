"""Every relative link and image of every Markdown file leads to a file of the repository, and to a heading there."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"\]\(([^()\s]+)(?:\s+\"[^\"]*\")?\)|<(?:img|a)\b[^>]*?(?:src|href)=\"([^\"]+)\"")
CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+\s+(.*?)\s*#*$", re.MULTILINE)


def pages() -> list[Path]:
    """The Markdown files of the repository; hidden folders and the reports of studies are no part of it."""
    found = (path.relative_to(ROOT) for path in ROOT.rglob("*.md"))
    own = (path for path in found if not any(part.startswith(".") for part in path.parts))
    return sorted(ROOT / path for path in own if path.parts[0] != "saved_models" or len(path.parts) == 2)


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    found: dict[str, int] = {}
    anchors = set()
    for heading in HEADING.findall(re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)|[`*]", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        number = found.setdefault(slug, 0)
        anchors.add(f"{slug}-{number}" if number else slug)
        found[slug] += 1
    return anchors


def broken(page: Path) -> list[str]:
    """The relative links of a page that lead nowhere."""
    found = []
    for match in LINK.finditer(CODE.sub("", page.read_text())):
        link = match[1] or match[2]
        if re.match(r"[a-z][a-z0-9+.-]*:|//", link, re.IGNORECASE):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            found.append(link)
    return found


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_resolve(page: Path) -> None:
    assert not broken(page)


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    (tmp_path / "there.md").write_text("# A heading, `x` too\n\n```\n# no heading\n```\n")
    page = tmp_path / "page.md"
    page.write_text(
        "[1](there.md) [2](there.md#a-heading-x-too) [3](https://example.org/none) `[4](none.md)`\n"
        '[5](none.md) ![6](none.png) [7](there.md#no-heading) <img src="none.svg">\n'
    )
    assert broken(page) == ["none.md", "none.png", "there.md#no-heading", "none.svg"]
