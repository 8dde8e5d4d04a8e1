"""One YAML file as plain data with line numbers: YAML 1.2, no tags, no aliases, no surprises.

Only the grammar is taken from ruamel.yaml (its events); nothing is ever constructed from a tag, and an alias is never
followed, so a file can neither run code nor grow in memory. A scalar is null, true, false, a decimal number or text:
`no`, `on`, `010`, `1_000`, `12:30` and dates stay text, and the field's type decides what that means.
"""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML, events, nodes
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from springtide.errors import PolicyError, Violation
from springtide.policy.language.units import shown
from springtide.policy.reading.plain_yaml import NotPlain, Place, plain_data

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 64 * 1024
"""The largest file that is read. A policy is some 2 KiB."""

_TOO_LARGE = f"it is larger than {MAX_BYTES // 1024} KiB: a policy is some 2 KiB"

MAX_DEPTH = 20
"""The deepest nesting that is read. A policy has 6 levels."""

_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xfe\xff", b"\xff\xfe")
# What an editor does not show or shows elsewhere: control characters, Unicode line breaks, marks of direction.
_UNSEEN = re.compile(r"[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\U0010ffff]|[\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]")
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,99})", re.ASCII)
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,99})(\.[0-9]{1,99})?([eE][+-]?[0-9]{1,3})?", re.ASCII)
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}


@dataclass(slots=True, kw_only=True)
class Document:
    """A file's data, where each value stands, and what was wrong with the YAML itself.

    `opaque` are the places whose value was refused already: nothing else is to be said about them.
    """

    file: str
    data: Any = None
    lines: dict[Place, int] = field(default_factory=dict)
    opaque: set[Place] = field(default_factory=set)
    violations: list[Violation] = field(default_factory=list)

    def refuse(self, code: str, message: str, place: Place = (), line: int | None = None) -> None:
        """Note one error at `place`."""
        where = self.line(place) if line is None else line
        self.violations.append(Violation(code=code, message=message, field=dotted(place), file=self.file, line=where))

    def line(self, place: Place) -> int:
        """Return the line of `place`, or of the nearest thing around it that is in the file."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)

    def is_opaque(self, place: Place) -> bool:
        """Whether `place` is, or lies in, something that was refused already."""
        return any(place[:length] in self.opaque for length in range(len(place) + 1))


def dotted(place: Place) -> str:
    """Return `place` as people write it: `spec.capacity.models[0].target`."""
    text = ""
    for part in place:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += "." + (part if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", part) else ascii(part[:64]))
    return text.removeprefix(".") or "file"


def read_document(path: Path) -> Document:
    """Return the one YAML document of `path`.

    Raises:
        PolicyError: nothing can be said about its content: unreadable, not UTF-8, not YAML, not one document.
    """
    document = Document(file=str(path))
    return _document(_read(path, document), document)


def document_in(raw: bytes, file: str) -> Document:
    """Return the one YAML document that `raw` is; messages call it `file`.

    Raises:
        PolicyError: as for `read_document`.
    """
    document = Document(file=file)
    if len(raw) > MAX_BYTES:
        document.refuse("policy_too_large", _TOO_LARGE)
        _stop_on(document)
    return _document(raw, document)


def _document(raw: bytes, document: Document) -> Document:
    text = _decode(raw, document)
    try:
        document.data, document.lines = plain_data(text, MAX_DEPTH, unquoted)
    except NotPlain:
        return every_document(text, document)
    return document


def every_document(text: str, document: Document) -> Document:
    """Return `document` with what `text` holds: slow, and with every error in its place.

    Raises:
        PolicyError: as for `read_document`.
    """
    try:
        tagged = _survey(text, document)
        _stop_on(document)
        yaml = YAML(typ="safe", pure=True)
        yaml.composer.warn_double_anchors = False  # every anchor is refused below
        root = yaml.compose(text)
    except YAMLError as error:
        document.refuse(*_syntax(error))
    else:
        if root is None:
            document.refuse("policy_unreadable", "it is empty: it holds only comments", line=1)
        else:
            document.data = _Walk(document, tagged).value(root, ())
            return document
    raise PolicyError(tuple(document.violations))


def _stop_on(document: Document) -> None:
    if document.violations:
        raise PolicyError(tuple(document.violations))


def _read(path: Path, document: Document) -> bytes:
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe or a device would never end
            document.refuse("policy_unreadable", "it is not a regular file")
        else:
            with path.open("rb") as file:
                raw = file.read(MAX_BYTES + 1)  # one more than allowed tells "too large" without reading it all
            if len(raw) <= MAX_BYTES:
                return raw
            document.refuse("policy_too_large", _TOO_LARGE)
    except OSError as error:
        document.refuse("policy_unreadable", f"it cannot be read: {error.strerror}")
    raise PolicyError(tuple(document.violations))


def _decode(raw: bytes, document: Document) -> str:
    if raw.startswith(_BYTE_ORDER_MARKS):
        document.refuse("policy_unreadable", "it starts with a byte order mark: save it as UTF-8 without one", line=1)
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        document.refuse("policy_unreadable", f"byte 0x{raw[error.start]:02x} is not UTF-8: save it as UTF-8", line=line)
    else:
        # Otherwise what a reviewer sees in the file and what is loaded could be two things.
        for match in _UNSEEN.finditer(text.removeprefix("\ufeff")):
            line = text.count("\n", 0, match.start()) + 1
            message = f"character U+{ord(match[0]):04X} is refused: editors do not show it; remove it"
            document.refuse("policy_unreadable", message, line=line)
            break
        if not text.strip():
            document.refuse("policy_unreadable", "it is empty", line=1)
    _stop_on(document)
    return text


def _syntax(error: YAMLError) -> tuple[str, str, Place, int]:
    if not isinstance(error, MarkedYAMLError):
        return "policy_unreadable", "it is not valid YAML", (), 1
    mark = error.problem_mark or error.context_mark
    line = 1 if mark is None else mark.line + 1
    problem = error.problem or error.context or ""
    if "undefined alias" in problem:
        return "policy_alias_refused", "an alias (*) is refused: write the value out", (), line
    if r"'\t'" in problem:
        return "policy_unreadable", "a tab is used where YAML expects spaces: indent with spaces", (), line
    return "policy_unreadable", f"it is not valid YAML: {problem}", (), line


def _survey(text: str, document: Document) -> set[int]:
    """Refuse what must not be composed at all; return the positions of all values with a tag.

    Stops at the depth cap: the grammar takes minutes for tens of thousands of brackets.
    """
    depth = 0
    documents = 0
    tagged = set()
    for event in YAML(typ="safe", pure=True).parse(text):
        line = event.start_mark.line + 1
        if isinstance(event, events.DocumentStartEvent):
            documents += 1
            if event.version is not None or event.tags:
                document.refuse(
                    "policy_unreadable", "a directive (%YAML, %TAG) is refused: files are YAML 1.2", (), line
                )
            if documents > 1:
                document.refuse("policy_unreadable", "a second document starts here: one file, one document", (), line)
                break
        elif isinstance(event, events.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                document.refuse("policy_too_deep", f"it is nested deeper than {MAX_DEPTH} levels", (), line)
                break
        elif isinstance(event, events.CollectionEndEvent):
            depth -= 1
        # Composed nodes have a tag whether one was written or not: only the event tells, so its place is noted.
        if getattr(event, "ctag", None) is not None:
            tagged.add(event.start_mark.index)
    return tagged


class _Walk:
    """Turns the composed nodes into plain data; notes each value's line and everything that is refused."""

    def __init__(self, document: Document, tagged: set[int]) -> None:
        self._document = document
        self._tagged = tagged
        self._seen: set[int] = set()

    def value(self, node: nodes.Node, place: Place) -> Any:
        """Return the value of `node`, which stands at `place`; None where it is refused."""
        self._document.lines.setdefault(place, node.start_mark.line + 1)
        refusal = self._refusal(node)
        if refusal is not None:
            self._document.opaque.add(place)
            self._document.refuse(*refusal, place)
            return None
        if isinstance(node, nodes.MappingNode):
            return self._mapping(node, place)
        if isinstance(node, nodes.SequenceNode):
            return [self.value(item, (*place, index)) for index, item in enumerate(node.value)]
        assert isinstance(node, nodes.ScalarNode)
        return _plain(node)

    def _refusal(self, node: nodes.Node) -> tuple[str, str] | None:
        # An alias is composed as the very node of its anchor: seen twice, it is one.
        if id(node) in self._seen:
            return "policy_alias_refused", "an alias (*) is refused: write the value out"
        self._seen.add(id(node))
        if node.anchor is not None:
            return "policy_alias_refused", "an anchor (&) is refused: write each value out where it is meant"
        if node.start_mark.index in self._tagged:
            return "policy_unsafe_tag", "a tag (!) is refused, and nothing was executed: write plain values"
        return None

    def _mapping(self, node: nodes.MappingNode, place: Place) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = self.value(key_node, (*place, "?"))  # a key may be a mapping, too, in YAML
            if not isinstance(key, str):
                self._document.refuse("policy_type", f"a key must be text, got {shown(key)}", place, line)
            elif key in data:
                first = self._document.line((*place, key))
                message = f"this key appears twice, first on line {first}: remove one"
                self._document.refuse("policy_duplicate_key", message, (*place, key), line)
            else:
                self._document.lines[*place, key] = line
                data[key] = self.value(value_node, (*place, key))
        return data


def _plain(node: nodes.ScalarNode) -> Any:
    """Return what a scalar says; quoted text and every other notation stay text."""
    text = str(node.value)
    # quoted: "1" is text, whatever it looks like
    return text if node.style else unquoted(text)


def unquoted(text: str) -> Any:
    """Return what a scalar without quotes says."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else text
