"""Rules for single fields: names, labels, annotations and numbers, in the words of a real API server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from springtide.sandbox.objects import Json
from springtide.sandbox.status import Cause, bad_request, too_long, wrong

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_DNS_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL_VALUE = f"({_QUALIFIED})?"

_NOT_SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    f"and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{_SUBDOMAIN}')"
)
_NOT_LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
    f"with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{_LABEL}')"
)
_NOT_DNS_1035 = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    f"'{_DNS_1035}')"
)
_NOT_QUALIFIED = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    f"'{_QUALIFIED}')"
)
_NOT_LABEL_VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start "
    "and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation "
    f"is '{_LABEL_VALUE}')"
)
_NAMES = {  # the shape of a name: pattern, longest, what is said of others
    "subdomain": (_SUBDOMAIN, 253, _NOT_SUBDOMAIN),
    "label": (_LABEL, 63, _NOT_LABEL),
    "1035": (_DNS_1035, 63, _NOT_DNS_1035),
}
_LONGEST_LABEL = 63
_HIGHEST_PORT = 65535
_LONGEST_PORT_NAME = 15
_ANNOTATION_BYTES = 256 * 1024


def name(field: str, value: str, shape: str) -> Iterator[Cause]:
    """Check a name; the shapes are `subdomain`, `label`, `1035` and `path`, which is free."""
    if shape == "path":
        return
    pattern, longest, detail = _NAMES[shape]
    if len(value) > longest:
        yield wrong(field, value, f"must be no more than {longest} characters")
    if not re.fullmatch(pattern, value):
        yield wrong(field, value, detail)


def label_entries(field: str, given: Json) -> Iterator[Cause]:
    """Check the keys and values of labels."""
    for key, value in given.items():
        yield from _key(field, key)
        if not isinstance(value, str):
            raise bad_request(
                f"json: cannot unmarshal {type(value).__name__} into Go struct field ObjectMeta.{field} of type string"
            )
        if len(value) > _LONGEST_LABEL:
            yield wrong(field, value, f"must be no more than {_LONGEST_LABEL} characters")
        if not re.fullmatch(_LABEL_VALUE, value):
            yield wrong(field, value, _NOT_LABEL_VALUE)


def annotation_entries(field: str, given: Json) -> Iterator[Cause]:
    """Check the keys of annotations, and their size as bytes, all together."""
    for key in given:
        yield from _key(field, key.lower())
    size = sum(len(key.encode()) + len(str(value).encode()) for key, value in given.items())
    if size > _ANNOTATION_BYTES:
        yield too_long(field, f"may not be more than {_ANNOTATION_BYTES} bytes")


def _key(field: str, key: str) -> Iterator[Cause]:
    """Check a key: `name`, or `prefix/name` with a prefix like that of a host."""
    prefix, slash, last = key.rpartition("/")
    if slash and not re.fullmatch(_SUBDOMAIN, prefix):
        yield wrong(field, key, f"prefix part {_NOT_SUBDOMAIN}")
    if len(last) > _LONGEST_LABEL:
        yield wrong(field, key, f"name part must be no more than {_LONGEST_LABEL} characters")
    if not re.fullmatch(_QUALIFIED, last):
        yield wrong(field, key, _NOT_QUALIFIED)


def count(field: str, value: Any, *, least: int = 0) -> Iterator[Cause]:
    """Check a number of things; None is not given.

    Raises:
        ApiError: 400, it is no number or too large for one of 32 bits.
    """
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int):
        raise bad_request(f"json: cannot unmarshal {type(value).__name__} into Go struct field {field} of type int32")
    if not -(2**31) <= value < 2**31:
        raise bad_request(f"json: cannot unmarshal number {value} into Go struct field {field} of type int32")
    if value < least:
        yield wrong(field, value, f"must be greater than or equal to {least}")


def port_name(field: str, value: str) -> Iterator[Cause]:
    """Check the name of a port: that of an IANA service."""
    for holds, detail in (
        (len(value) <= _LONGEST_PORT_NAME, f"must be no more than {_LONGEST_PORT_NAME} characters"),
        (re.fullmatch("[-a-z0-9]+", value), "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"),
        (re.search("[a-z]", value), "must contain at least one letter (a-z)"),
        ("--" not in value, "must not contain consecutive hyphens"),
        (not value.startswith("-") and not value.endswith("-"), "must not begin or end with a hyphen"),
    ):
        if not holds:
            yield wrong(field, value, detail)


def port_or_name(field: str, value: int | str) -> Iterator[Cause]:
    """Check what leads to a port: its number or its name."""
    yield from port_name(field, value) if isinstance(value, str) else port(field, value)


def share(field: str, value: int | str | None) -> Iterator[Cause]:
    """Check a number of pods or a share of them; None is not given."""
    if isinstance(value, str) and not re.fullmatch("[0-9]+%", value):
        detail = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', "
        yield wrong(field, value, f"{detail}regex used for validation is '[0-9]+%')")
    elif not isinstance(value, str):
        yield from count(field, value)


def port(field: str, value: Any) -> Iterator[Cause]:
    """Check a port number.

    Raises:
        ApiError: 400, it is no number.
    """
    if not list(count(field, value, least=1)) and value is not None and value <= _HIGHEST_PORT:
        return
    yield wrong(field, value, f"must be between 1 and {_HIGHEST_PORT}, inclusive")
