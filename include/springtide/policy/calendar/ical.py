"""An iCalendar file (RFC 5545) as blocks and properties, each with its line; a damaged line spoils nothing else.

    BEGIN … END     a block; one that is not ended is closed by the next one of its kind, and says so
    name:value      a property of the block around it; what is none is noted there, with its line
    folded lines    joined as bytes, for some writers fold in the middle of a character

Values are not looked at here: `springtide.events` reads them, one event at a time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_FEED_BYTES: Final = 8 * 1024 * 1024
"""The largest iCalendar file that is read: four times the largest that calendars were seen to export."""

CALENDAR: Final = "VCALENDAR"
EVENT: Final = "VEVENT"

_TEXT = r'(?:"[^"]*"|[^";:,]*)'
_LINE = re.compile(rf"([A-Za-z0-9-]+)((?:;[A-Za-z0-9-]+={_TEXT}(?:,{_TEXT})*)*):(.*)", re.DOTALL)
_PARAMETER = re.compile(r';([A-Za-z0-9-]+)=("[^"]*"|[^";:]*)')
_INSIDE_CALENDAR: Final = (EVENT, "VTODO", "VJOURNAL", "VFREEBUSY", "VTIMEZONE", "VAVAILABILITY")
_INSIDE_ZONE: Final = ("STANDARD", "DAYLIGHT")
_NEVER_READ: Final = frozenset(
    {
        *(
            "ACTION",
            "ATTACH",
            "ATTENDEE",
            "CALSCALE",
            "CATEGORIES",
            "CLASS",
            "COLOR",
            "COMMENT",
            "CONCEPT",
            "CONFERENCE",
        ),
        *("CONTACT", "CREATED", "DESCRIPTION", "DTSTAMP", "DUE", "GEO", "IMAGE", "LAST-MODIFIED", "LINK", "LOCATION"),
        *("NAME", "ORGANIZER", "PRIORITY", "PRODID", "REFID", "REFRESH-INTERVAL", "RELATED-TO", "REPEAT"),
        *("REQUEST-STATUS", "RESOURCES", "SOURCE", "STRUCTURED-DATA", "STYLED-DESCRIPTION", "TRANSP", "TRIGGER"),
        *("TZNAME", "URL", "VERSION"),
    }
)
"""Properties that say nothing of when: they are the most of a large feed, and are not kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """One line of a block that says when, unfolded. `value` is as it stands there, with its escapes."""

    name: str
    value: str
    line: int
    raw_parameters: str = ""

    def parameter(self, name: str) -> str | None:
        """Return a parameter without its quotes; None where there is none."""
        for key, value in _PARAMETER.findall(self.raw_parameters):
            if key.upper() == name:
                return str(value).strip('"').strip()
        return None


@dataclass(slots=True, kw_only=True)
class Block:
    """What stands between BEGIN and END."""

    kind: str
    line: int
    properties: list[Property] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    oddities: list[tuple[int, str]] = field(default_factory=list)
    """What could not be read inside it, each with its line."""

    def every(self, name: str) -> list[Property]:
        """Return the properties called `name`."""
        return [line for line in self.properties if line.name == name]

    def first(self, name: str) -> Property | None:
        """Return the first property called `name`."""
        return next((line for line in self.properties if line.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ICalendar:
    """A file, read. What stands before the first calendar, or after the last, is of `calendars` as well."""

    calendars: tuple[Block, ...]
    oddities: tuple[tuple[int, str], ...] = ()
    is_cut_off: bool = False
    """Whether its end is missing: events that it held before may only have been cut off."""


def read_ical(path: Path) -> ICalendar:
    """Return the iCalendar file at `path`.

    Raises:
        ValueError: it is none, or larger than `MAX_FEED_BYTES`.
        OSError: it cannot be read.
    """
    return parse_ical(_bytes_of(path))


def _bytes_of(path: Path) -> bytes:
    with path.open("rb") as file:
        raw = file.read(MAX_FEED_BYTES + 1)
    if len(raw) > MAX_FEED_BYTES:
        size = path.stat().st_size
        raise ValueError(f"it has {size} bytes, at most {MAX_FEED_BYTES} are read: export fewer years or calendars")
    return raw


def check_ical(path: Path) -> None:
    """Do nothing where the file at `path` can be read as an iCalendar file; its events are not looked at.

    Raises:
        ValueError: it is none, or larger than `MAX_FEED_BYTES`.
        OSError: it cannot be read.
    """
    _require_calendar(_as_utf8(_bytes_of(path)))


def parse_ical(raw: bytes) -> ICalendar:
    """Return what the bytes of an iCalendar file hold.

    Raises:
        ValueError: they are none: no calendar and no event begins in them.
    """
    raw = _as_utf8(raw)
    _require_calendar(raw)
    parser = _Parser()
    for line, text, is_text in _logical_lines(raw):
        parser.take(line, text, is_text=is_text)
    return parser.end()


def _require_calendar(raw: bytes) -> None:
    if not re.search(rb"^[ \t]*BEGIN:(VCALENDAR|VEVENT)[ \t\r]*$", raw, re.MULTILINE | re.IGNORECASE):
        head = raw.strip()[:40].decode(errors="replace")
        about = f"it begins with {head!a}" if head else "it is empty"
        hint = "; its lines end with a bare CR: save it with CRLF" if b"\r" in raw and b"\n" not in raw else ""
        raise ValueError(f"no line BEGIN:VCALENDAR stands in it: {about}{hint}")


def _as_utf8(raw: bytes) -> bytes:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", errors="replace").encode()
    return raw.removeprefix(b"\xef\xbb\xbf")


def _logical_lines(raw: bytes) -> Iterator[tuple[int, str, bool]]:
    """Yield each unfolded line: its number, its text, and whether it is UTF-8 (else it is read as Windows-1252)."""
    start = 0
    parts = b""
    for number, piece in enumerate(raw.split(b"\n"), start=1):
        line = piece.removesuffix(b"\r")
        if line[:1] in (b" ", b"\t") and parts and not _is_border(parts):
            parts += line[1:]
            continue
        if parts.strip():
            yield start, *_decoded(parts)
        start = number
        parts = line
    if parts.strip():
        yield start, *_decoded(parts)


def _is_border(line: bytes) -> bool:
    """Whether `line` begins or ends a block: what stands behind it is no part of it, however it is indented."""
    return line.strip()[:6].upper() == b"BEGIN:" or line.strip()[:4].upper() == b"END:"


def _decoded(line: bytes) -> tuple[str, bool]:
    try:
        return line.decode(), True
    except UnicodeDecodeError:
        return line.decode("cp1252", errors="replace"), False


def _parts(text: str) -> tuple[str, str, str] | None:
    """Return the name, the parameters and the value of a line; None where it is no property."""
    name, colon, value = text.partition(":")
    if colon and name.isascii() and name.replace("-", "").isalnum():
        return name.upper(), "", value.strip()
    match = _LINE.fullmatch(text.strip())
    return None if match is None else (match[1].upper(), match[2], match[3].strip())


class _Parser:
    """Puts lines into blocks. Of the open blocks the last is the innermost; the first is the file itself."""

    def __init__(self) -> None:
        self._open = [Block(kind=CALENDAR, line=1)]
        self._calendars = [self._open[0]]
        self._oddities: list[tuple[int, str]] = []
        self._loose = 0  # where in the calendar's properties those begin that may be an event without its BEGIN

    def take(self, line: int, text: str, *, is_text: bool) -> None:
        """Put one line where it belongs."""
        if not is_text:
            self._note(line, "it is not UTF-8 and was read as Windows-1252: export the calendar as UTF-8")
        parts = _parts(text)
        if parts is None:
            self._note(line, f"{text[:60]!a} is no property (NAME:VALUE), and was passed over")
            return
        name, parameters, value = parts
        if name == "BEGIN":
            self._begin(value.upper(), line)
        elif name == "END":
            self._end(value.upper(), line)
        elif name not in _NEVER_READ and (name[:2] != "X-" or name == "X-WR-TIMEZONE"):
            parsed = Property(name=name, raw_parameters=parameters, value=value, line=line)
            self._around().properties.append(parsed)

    def end(self) -> ICalendar:
        """Return the file."""
        is_cut_off = len(self._open) > 1
        if is_cut_off:
            self._close_down_to(1)
            self._oddities.append((self._open[0].line, "its end is missing (END:VCALENDAR): was it cut off?"))
        return ICalendar(calendars=tuple(self._calendars), oddities=tuple(self._oddities), is_cut_off=is_cut_off)

    def _note(self, line: int, message: str) -> None:
        """Note what is odd at the event around it, else at the file."""
        around = next((block for block in reversed(self._open) if block.kind != CALENDAR), None)
        (self._oddities if around is None else around.oddities).append((line, message))

    def _begin(self, kind: str, line: int) -> None:
        if kind == CALENDAR:
            self._close_down_to(1)
            self._calendars.append(Block(kind=CALENDAR, line=line))
            self._open.append(self._calendars[-1])
            self._loose = 0
            return
        if kind in _INSIDE_CALENDAR:
            self._close_down_to(len([block for block in self._open if block.kind == CALENDAR]))
        elif kind in _INSIDE_ZONE and self._open[-1].kind in _INSIDE_ZONE:
            self._close_down_to(len(self._open) - 1)
        block = Block(kind=kind, line=line)
        self._around().blocks.append(block)
        self._open.append(block)

    def _end(self, kind: str, line: int) -> None:
        kinds = [block.kind for block in self._open]
        if kind in kinds[1:]:
            self._close_down_to(len(kinds) - kinds[::-1].index(kind))
            self._open.pop()
        elif kind == EVENT and kinds[-1] == CALENDAR:
            self._adopt(line)
        elif kind == EVENT and kinds[-2] == CALENDAR and kinds[-1] not in _INSIDE_CALENDAR:
            block = self._open.pop()
            block.oddities.append((block.line, f"BEGIN:{block.kind[:40]} is read as BEGIN:VEVENT"))
            block.kind = EVENT
        else:
            self._note(line, f"END:{kind[:40]} ends nothing that began")
            if len(kinds) > 2 and kinds[-2] != CALENDAR:  # noqa: PLR2004  inside an event: its BEGIN was misspelt
                self._open.pop()
        self._loose = len(self._around().properties)

    def _adopt(self, line: int) -> None:
        """Make an event of the properties that stand loose before an END:VEVENT: its BEGIN is missing."""
        loose = self._around().properties[self._loose :]
        event = Block(kind=EVENT, line=loose[0].line if loose else line, properties=loose)
        event.oddities.append((event.line, "BEGIN:VEVENT is missing before it"))
        self._around().blocks.append(event)

    def _around(self) -> Block:
        """Return the innermost block; after the last calendar's end that calendar, for its METHOD and its clocks."""
        return self._calendars[-1] if len(self._open) == 1 else self._open[-1]

    def _close_down_to(self, depth: int) -> None:
        while len(self._open) > depth:
            block = self._open.pop()
            if block.kind != CALENDAR:
                block.oddities.append((block.line, f"END:{block.kind[:40]} is missing behind it"))
                self._loose = len(self._around().properties)
