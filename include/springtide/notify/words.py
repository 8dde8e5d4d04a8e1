"""A fact in plain English. What others wrote is only text: no channel makes markup, a mention or a new line of it.

Channels differ in their markup (Markdown, Slack's own, HTML) and in how it is escaped, and one text goes to all of
them. So characters that any of them reads as markup give way to ones that look alike and mean nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from springtide.notify.facts import Fact
from springtide.notify.routing import urgent_tag

Level = Literal["info", "success", "warning", "failure"]

_TITLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "failed": "{}: failed",
        "rolled_back": "{}: rolled back",
        "needs_attention": "{}: needs a person's look",
        "approval_wanted": "{}: a plan waits for approval",
        "event_prepared": "{}: the event is prepared",
        "event_late": "{}: the event is prepared late",
        "event_released": "{}: given back",
        "rule_stale": "{}: the rule in force is stale",
        "paused": "{}: paused",
        "succeeded": "{}: succeeded",
        "calendar_broken": "calendar {}: broken, events known before stay",
    }
)

_LEVELS: Final[Mapping[str, Level]] = MappingProxyType(
    {
        "failed": "failure",
        "needs_attention": "failure",
        "event_late": "failure",
        "calendar_broken": "failure",
        "rolled_back": "warning",
        "approval_wanted": "warning",
        "rule_stale": "warning",
        "paused": "warning",
        "succeeded": "success",
        "event_prepared": "success",
    }
)

LONGEST_SUBJECT: Final = 80
LONGEST_LINE: Final = 400
MOST_LINES: Final = 8
"""A message is read on a phone: the rest is behind its link."""

_ALIKE: Final = str.maketrans(
    {
        "<": "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}",
        ">": "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}",
        "[": "(",
        "]": ")",
        "{": "(",
        "}": ")",
        "*": "\N{ASTERISK OPERATOR}",
        "`": "\N{MODIFIER LETTER APOSTROPHE}",
        "~": "\N{TILDE OPERATOR}",
        "|": "\N{BROKEN BAR}",
        "@": "\N{FULLWIDTH COMMERCIAL AT}",
        "\\": "\N{REVERSE SOLIDUS OPERATOR}",
    }
)
_ENTITY: Final = re.compile(r"&(?=#?\w+;)")
_EMPHASIS: Final = re.compile(r"(?<!\w)_+|_+(?!\w)")
_LINE_MARKS: Final = re.compile(r"^(?:[#>+=-]+|\d+[.)])(?=\s)")
_NO_TEXT: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories of what is not seen: controls, new lines, and marks that turn the direction of reading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What is sent: to those with one of `tags`."""

    title: str
    body: str
    level: Level
    tags: frozenset[str]


def notice_of(fact: Fact) -> Notice:
    """Return what is sent of a fact."""
    title = _TITLES.get(fact.kind, "{}").format(plain(fact.subject, LONGEST_SUBJECT))
    left_out = len(fact.lines) - MOST_LINES
    lines = [plain(line, LONGEST_LINE) for line in fact.lines[:MOST_LINES]]
    more = [f"… and {left_out} more"] if left_out > 0 else []
    link = [fact.link] if fact.link else []
    # Some channels refuse a message without a body, and some show no title.
    body = "\n".join([*lines, *more, *link]) or title
    level = _LEVELS.get(fact.kind, "info")
    urgent = [urgent_tag(tag) for tag in fact.to] if level == "failure" else []
    return Notice(title=title, body=body, level=level, tags=frozenset([*fact.to, *urgent]))


def plain(text: str, longest: int) -> str:
    """Return `text` in one line of at most `longest` characters, with nothing in it that a channel reads as markup."""
    seen = "".join(" " if unicodedata.category(letter) in _NO_TEXT else letter for letter in text[: 4 * longest])
    line = " ".join(seen.split()).translate(_ALIKE)
    line = _EMPHASIS.sub("\N{DOUBLE LOW LINE}", _ENTITY.sub("\N{FULLWIDTH AMPERSAND}", line))
    line = _LINE_MARKS.sub("\N{MIDDLE DOT}", line)
    return line if len(line) <= longest else line[: longest - 1] + "…"
