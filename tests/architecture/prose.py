"""The project's own pages, as prose: what is a sentence, what is a link, and where a link leads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from architecture.sources import ROOT

ABBREVIATIONS = re.compile(r"\b(?:e\.g|i\.e|cf|vs|Dr|St)\.")
FENCE = re.compile(r"\s*(```|~~~)")
IMAGE = re.compile(r"!\[[^\]]*\]\(([^)\s]+)\)")
INLINE_CODE = re.compile(r"`[^`]+`")
LEAD = re.compile(r"^(?:[-*]\s+|\d+\.\s+|>\s+)?(?:\*\*[^*]+\*\*[.:]?\s*)?")
"""A list's marker and a term in bold before its explanation: they belong to the sentence that follows."""
LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
SENTENCE_END = re.compile(r"[.!?…][\"”')*_]*\s+(?=[\"“'(*_]*(?:[A-Z0-9§]|springtide\b))")
WORD = re.compile(r"[^\W_][\w'.,-]*")


@cache
def pages() -> tuple[Path, ...]:
    """Return every Markdown file that people write, relative to the repository: no results, no hidden folder."""
    folders = [path for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")]
    found = [*ROOT.glob("*.md"), *(page for folder in folders for page in folder.rglob("*.md"))]
    relative = (path.relative_to(ROOT) for path in found)
    return tuple(sorted(path for path in relative if "results" not in path.parts))


def prose_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the number and the text of each line that people read as sentences: no code, no table, no heading."""
    in_code = False
    for number, line in enumerate(text.splitlines(), 1):
        if FENCE.match(line):
            in_code = not in_code
        elif not in_code and line.strip() and not re.match(r"\s*(\||#|<)| {4}\S", line):
            yield number, line.strip()


def as_read(line: str) -> str:
    """Return a line as its reader sees it: a link is its text, code is one word, an image is nothing."""
    without_targets = LINK.sub(lambda link: link[1][:1].upper() + link[1][1:], IMAGE.sub("", line))
    return ABBREVIATIONS.sub("such", INLINE_CODE.sub("Code", without_targets))


def sentences(line: str) -> list[str]:
    """Return the sentences of one line of prose."""
    return SENTENCE_END.split(LEAD.sub("", as_read(line)))


def paragraphs(text: str) -> Iterator[tuple[int, str]]:
    """Yield each paragraph or list item as one line, with the number of the line that it begins at."""
    begin = 0
    previous = 0
    joined = ""
    for number, line in prose_lines(text):
        is_item = re.match(r"([-*]|\d+\.)\s", line) is not None
        if joined and (number != previous + 1 or is_item):
            yield begin, joined
            joined = ""
        begin = begin if joined else number
        joined = f"{joined} {line}".strip()
        previous = number
    if joined:
        yield begin, joined


def word_count(sentence: str) -> int:
    """Return how many words a sentence has."""
    return len(WORD.findall(sentence))


def links(text: str) -> list[str]:
    """Return the targets of all links and images outside of code."""
    in_code = False
    found: list[str] = []
    for line in text.splitlines():
        if FENCE.match(line):
            in_code = not in_code
        elif not in_code:
            plain = INLINE_CODE.sub(lambda code: "" if "](" in code[0] else code[0], line)
            found += [target for _, target in LINK.findall(plain)] + IMAGE.findall(plain)
    return found


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as hosts of Markdown make them."""
    made: dict[str, int] = {}
    found: set[str] = set()
    in_code = False
    for line in text.splitlines():
        if FENCE.match(line):
            in_code = not in_code
        heading = None if in_code else re.match(r"#{1,6}\s+(.*?)\s*#*$", line)
        if heading is None:
            continue
        message = LINK.sub(r"\1", heading[1]).lower()
        slug = re.sub(r"[^\w\- ]", "", message).replace(" ", "-")
        repeats = made.get(slug, 0)
        made[slug] = repeats + 1
        found.add(f"{slug}-{repeats}" if repeats else slug)
    return found


def dead_links(page: Path) -> list[str]:
    """Return the relative links of `page` that lead nowhere."""
    text = (ROOT / page).read_text()
    dead: list[str] = []
    for target in links(text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / page.parent / path).resolve() if path else ROOT / page
        is_there = file.exists() and file.is_relative_to(ROOT)
        if not is_there or (anchor and anchor not in anchors(file.read_text())):
            dead.append(f"{page}: {target}")
    return dead
