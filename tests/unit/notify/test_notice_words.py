"""What is read: plain English, and foreign text that is only text."""

from __future__ import annotations

import pytest

from springtide.notify.facts import LONGEST_KEY, Fact, key_of
from springtide.notify.words import LONGEST_LINE, MOST_LINES, notice_of, plain

ALIKE = {
    "lt": "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}",
    "gt": "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}",
    "bar": "\N{BROKEN BAR}",
    "amp": "\N{FULLWIDTH AMPERSAND}",
    "at": "\N{FULLWIDTH COMMERCIAL AT}",
    "star": "\N{ASTERISK OPERATOR}",
    "tick": "\N{MODIFIER LETTER APOSTROPHE}",
    "tilde": "\N{TILDE OPERATOR}",
    "line": "\N{DOUBLE LOW LINE}",
    "dot": "\N{MIDDLE DOT}",
}


def a_fact(*lines: str, kind: str = "failed", subject: str = "checkout", link: str | None = None) -> Fact:
    return Fact(kind=kind, subject=subject, key="one", to=("payments",), lines=lines, link=link)


@pytest.mark.parametrize(
    ("foreign", "text"),
    [
        ("<!channel> <https://evil.example|the run>", "{lt}!channel{gt} {lt}https://evil.example{bar}the run{gt}"),
        ("[look](https://evil.example)", "(look)(https://evil.example)"),
        ("![x](https://evil.example/pixel.png)", "!(x)(https://evil.example/pixel.png)"),
        ("<img src=x onerror=alert(1)>", "{lt}img src=x onerror=alert(1){gt}"),
        ("&lt;b&gt; and R&D", "{amp}lt;b{amp}gt; and R&D"),
        ("@everyone", "{at}everyone"),
        ("**bold** `code` ~~gone~~", "{star}{star}bold{star}{star} {tick}code{tick} {tilde}{tilde}gone{tilde}{tilde}"),
        ("_sale_ blue_green __main__", "{line}sale{line} blue_green {line}main{line}"),
        ("# heading", "{dot} heading"),
        ("> quote", "{gt} quote"),
        ("1. list", "{dot} list"),
        ("- list", "{dot} list"),
        ("one\r\n\r\n# two\u2028three\x00", "one # two three"),
        ("safe\u202eelas", "safe elas"),
    ],
)
def test_what_others_wrote_is_neither_markup_nor_a_mention_nor_a_new_line(foreign: str, text: str) -> None:
    assert plain(foreign, 200) == text.format(**ALIKE)


def test_words_and_names_are_read_as_they_were_written() -> None:
    text = "6 → 4 replicas: roll_back of manual__2026-11-28T20:00:00+00:00 (50% of 8), see spec.approval; R&D"

    assert plain(text, 200) == text


def test_a_message_is_short_enough_for_a_phone() -> None:
    notice = notice_of(a_fact(*["x" * 10_000] * 50))

    lines = notice.body.splitlines()
    assert (len(lines), lines[-1]) == (MOST_LINES + 1, f"… and {50 - MOST_LINES} more")
    assert all(len(line) <= LONGEST_LINE for line in lines)


def test_an_event_with_a_hostile_name_has_a_title_of_one_line() -> None:
    notice = notice_of(
        a_fact(kind="event_prepared", subject="<b>sale</b>\n\n# [free](http://evil.example)" + "y" * 500)
    )

    begin = "{lt}b{gt}sale{lt}/b{gt} # (free)(http://evil.example)yy".format(**ALIKE)
    assert notice.title.startswith(begin)
    assert notice.title.endswith("…: the event is prepared")
    assert len(notice.title.splitlines()) == 1


def test_what_is_told_ends_with_its_page() -> None:
    notice = notice_of(a_fact("smoke_test: 3 of 5 answers were 500", link="https://airflow.example/dags/a/runs/b"))

    assert notice.title == "checkout: failed"
    assert notice.body == "smoke_test: 3 of 5 answers were 500\nhttps://airflow.example/dags/a/runs/b"
    assert notice.level == "failure"


def test_a_fact_without_more_to_say_has_a_body_all_the_same() -> None:
    assert notice_of(a_fact()).body == "checkout: failed"


def test_keys_are_bounded_and_stay_apart() -> None:
    keys = {key_of("event_late", "x" * 500, end) for end in ("a", "b")}

    assert len(keys) == 2
    assert {len(key) for key in keys} == {LONGEST_KEY}


def test_what_cannot_wait_reaches_those_too_who_are_woken_for_nothing_else() -> None:
    assert notice_of(a_fact(kind="event_late")).tags == {"payments", "payments-urgent"}
    assert notice_of(a_fact(kind="event_prepared")).tags == {"payments"}
