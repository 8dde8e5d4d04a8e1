"""The parts of a request to the policy's own Service that an operator may write: its port, its headers, a text."""

import re
from typing import Annotated

from pydantic import AfterValidator, PlainValidator, WithJsonSchema

from springtide.policy.language.units import refusal, shown

_LAST_PORT = 65535
_PORT_NAME = r"(?=[a-z0-9-]*[a-z])[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"


def _port(value: object) -> int | str:
    if isinstance(value, int) and not isinstance(value, bool):
        if value < 1:
            raise refusal("policy_range", f"{shown(value)} is out of range: at least 1")
        if value > _LAST_PORT:
            raise refusal("policy_range", f"{shown(value)} is out of range: at most {_LAST_PORT}")
        return value
    if isinstance(value, str) and re.fullmatch(_PORT_NAME, value):
        return value
    raise refusal("policy_type", f"expected a port's number such as 8080, or its name such as http, got {shown(value)}")


PortReference = Annotated[
    int | str,
    PlainValidator(_port, json_schema_input_type=int | str),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": _LAST_PORT},
                {"type": "string", "pattern": f"^(?:{_PORT_NAME})$"},
            ]
        }
    ),
]
"""A port of a Service: its number or its name."""

_HEADER_NAME = r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}"
# The first would be read by the API server, which passes the others on: as somebody else, as another user, or as the
# end of the message. And a secret has no place in a policy, which is copied to the Lease and the record.
_REFUSED = re.compile(
    r"(?i:authorization|proxy-.*|cookie|impersonate-.*|x-remote-.*|connection|keep-alive|te|trailer|upgrade|"
    r"transfer-encoding|content-length|expect)"
)


def _header_name(text: str) -> str:
    if re.fullmatch(_HEADER_NAME, text) is None:
        raise refusal("policy_type", f"expected a header's name such as Host, got {shown(text)}")
    if _REFUSED.fullmatch(text):
        raise refusal(
            "header_not_allowed",
            f"{text} may not be sent: it would sign in, hold a secret, or say where the message ends. Use a path that "
            "answers without it",
        )
    return text


HeaderName = Annotated[
    str, AfterValidator(_header_name), WithJsonSchema({"type": "string", "pattern": f"^{_HEADER_NAME}$"})
]
"""A header that a request may carry."""

_HEADER_VALUE = r"[!-~]([ -~]{0,1022}[!-~])?"


def _header_value(text: str) -> str:
    if re.fullmatch(_HEADER_VALUE, text) is None:
        raise refusal(
            "policy_range",
            f"{shown(text)} cannot be sent as a header: 1 to 1024 printable ASCII characters, no space at the ends",
        )
    return text


HeaderValue = Annotated[
    str, AfterValidator(_header_value), WithJsonSchema({"type": "string", "pattern": f"^{_HEADER_VALUE}$"})
]
"""What a header may say."""


def _text(text: str) -> str:
    if not text or len(text) > 1024:  # noqa: PLR2004
        raise refusal("policy_range", f"{len(text)} characters are out of range: 1 to 1024")
    return text


Text = Annotated[str, AfterValidator(_text), WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 1024})]
"""A piece of an answer."""
