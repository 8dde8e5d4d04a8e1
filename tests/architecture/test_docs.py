"""Pages that are read in plain words: a sentence a line, none too long, every link alive, every page within reach."""

from __future__ import annotations

import re

import pytest

from architecture.prose import (
    anchors,
    as_read,
    dead_links,
    links,
    pages,
    paragraphs,
    prose_lines,
    sentences,
    word_count,
)
from architecture.sources import ROOT, python_files

LINE_CHARACTERS = 200
SENTENCE_WORDS = 36
"""A limit, not an aim: most sentences have half as many."""

NAMED_PAGE = re.compile(r"(?<![\w/.-])(docs/[\w./-]+\.(?:md|json))\b")


def test_the_pages_are_where_these_tests_look() -> None:
    names = {str(page) for page in pages()}

    assert {"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/glossary.md"} <= names


def test_no_line_is_too_long_to_be_read_or_compared() -> None:
    lengths = {
        f"{page}:{number}": len(as_read(line))
        for page in pages()
        for number, line in prose_lines((ROOT / page).read_text())
    }

    assert len(lengths) > 500
    assert {where: length for where, length in lengths.items() if length > LINE_CHARACTERS} == {}


def test_each_line_holds_one_sentence() -> None:
    crowded = [
        f"{page}:{number}: {line}"
        for page in pages()
        for number, line in prose_lines((ROOT / page).read_text())
        if len(sentences(line)) > 1
    ]

    assert crowded == []


def test_no_sentence_is_too_long_to_be_understood_at_once() -> None:
    long = [
        f"{page}:{number}: {word_count(sentence)} words: {sentence}"
        for page in pages()
        for number, paragraph in paragraphs((ROOT / page).read_text())
        for sentence in sentences(paragraph)
        if word_count(sentence) > SENTENCE_WORDS
    ]

    assert long == []


def test_every_relative_link_leads_somewhere() -> None:
    found = [target for page in pages() for target in links((ROOT / page).read_text())]

    assert len(found) > 50
    assert [dead for page in pages() for dead in dead_links(page)] == []


def test_every_file_of_the_docs_is_linked_from_another_page() -> None:
    linked = {
        (ROOT / page.parent / target.partition("#")[0]).resolve()
        for page in pages()
        for target in links((ROOT / page).read_text())
        if not target.startswith("#") and (ROOT / page) != (ROOT / page.parent / target.partition("#")[0]).resolve()
    }
    files = [path for path in (ROOT / "docs").rglob("*") if path.is_file()]

    assert len(files) > 10
    assert [str(path.relative_to(ROOT)) for path in files if path.resolve() not in linked] == []


def test_every_page_that_the_code_names_is_there() -> None:
    named = {(str(path), name) for path in python_files() for name in NAMED_PAGE.findall((ROOT / path).read_text())}

    assert len(named) > 5
    assert [f"{path}: {name}" for path, name in sorted(named) if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize(("line", "count"), [
    ("One sentence. And another one.", 2),
    ("Is it? It is.", 2),
    ("It ends here. `code` goes on.", 2),
    ("**One owner.** A workload is changed by one run.", 1),
    ("- **One owner.** A workload is changed by one run. Another is refused.", 2),
    ("1. Raise it by 1.5x at 12:30.", 1),
    ("See [the page. It is long](docs/policy.md).", 2),
    ("A CSV, e.g. Prometheus' own export.", 1),
    ("Call `first(). Second()` then.", 1),
])  # fmt: skip
def test_a_sentence_ends_where_its_reader_thinks_so(line: str, count: int) -> None:
    assert len(sentences(line)) == count


def test_code_tables_and_headings_are_no_prose() -> None:
    text = "# A title. With two\n\nProse.\n```\nCode. More code.\n```\n| a. B | c |\n\n    Indented. Code.\n- Item.\n"

    assert [line for _, line in prose_lines(text)] == ["Prose.", "- Item."]


def test_lines_of_one_paragraph_are_read_together() -> None:
    text = "One begins here,\nand ends here.\n\nAnother.\n- First.\n- Second,\n  which goes on.\n"

    assert [line for _, line in paragraphs(text)] == [
        "One begins here, and ends here.",
        "Another.",
        "- First.",
        "- Second, which goes on.",
    ]


def test_a_heading_is_reached_by_what_its_words_become() -> None:
    text = "## 5. Rehearse it\n## `make soak`\n## Limits\n## Limits\n```\n# a comment\n```\n### spec.learn, spec.pace\n"

    assert anchors(text) == {"5-rehearse-it", "make-soak", "limits", "limits-1", "speclearn-specpace"}


def test_links_in_code_are_none() -> None:
    text = "[a](b.md) ![c](d.png) `[e](f.md)` [`g`](h.md#i)\n```\n[j](k.md)\n```\n"

    assert sorted(links(text)) == ["b.md", "d.png", "h.md#i"]
