"""YAML in which nothing is unusual is read by libyaml, and means what the whole grammar of YAML 1.2 says."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from springtide.policy.reading.document import MAX_DEPTH, Document, every_document, unquoted
from springtide.policy.reading.plain_yaml import NotPlain, plain_data

ROOT = Path(__file__).resolve().parents[3]
PIECES = (
    *("a", "b", "key", "1", "01", "1.5", "true", "null", "~", "no", "é", "http://h/p", "x:y", "<<", "=", "\u00a0"),
    *(":", ": ", ":\n", " ", "  ", "\n", "\n  ", "\n    ", "- ", "-", "\n- ", "[", "]", "{", "}", ",", "#", " #"),
    *(
        '"',
        "'",
        "'it''s'",
        '"q"',
        '"a\\"b"',
        "\\",
        "!",
        "&x",
        "*x",
        "|",
        ">",
        "@",
        "`",
        "%",
        "{a:1}",
        '{"a":1}',
        "[a, b]",
    ),
)


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=14).map("".join).filter(lambda text: bool(text.strip())))
@settings(max_examples=2000, deadline=None)
def test_what_it_reads_the_whole_grammar_reads_alike(text: str) -> None:
    try:
        data, lines = plain_data(text, MAX_DEPTH, unquoted)
    except NotPlain:
        return

    document = every_document(text, Document(file="policy.yaml"))

    assert (repr(document.data), document.violations) == (repr(data), [])
    assert {place: document.lines[place] for place in lines} == lines


@pytest.mark.parametrize("file", sorted(ROOT.glob("examples/**/*.yaml")), ids=lambda file: file.stem)
def test_the_examples_mean_the_same(file: Path) -> None:
    text = file.read_text()
    try:
        data, _ = plain_data(text, MAX_DEPTH, unquoted)
    except NotPlain:
        return

    assert every_document(text, Document(file=file.name)).data == data


@pytest.mark.parametrize(
    "text",
    [
        *("a: &x 1", "a: *x", "a: !!str 1", "a: !x 1", "%YAML 1.1\n---\na: 1", "--- \na: 1", "a: 1\n---\nb: 2"),
        *(
            "a: |\n  text",
            "a: >\n  text",
            "? a\n: b",
            "a:\t1",
            'a: "\\n"',
            "a: 1\na: 2",
            "1: a",
            "[a]: 1",
            "a: [",
            "true: 1",
        ),
    ],
)
def test_what_is_unusual_is_left_to_the_whole_grammar(text: str) -> None:
    with pytest.raises(NotPlain):
        plain_data(text, MAX_DEPTH, unquoted)


def test_so_is_what_is_nested_too_deeply() -> None:
    with pytest.raises(NotPlain):
        plain_data("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), MAX_DEPTH, unquoted)
