"""Databases that a service depends on: each gates every phase that changes something."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from springtide.policy.language.parts import Part
from springtide.policy.language.units import Duration, Name, between, refusal, shown

_CONNECTION = r"[A-Za-z0-9_.-]{1,63}"


def _connection(text: str) -> str:
    if re.fullmatch(_CONNECTION, text) is None:
        expected = "the name of a connection (letters, digits, '-', '_', '.'), never its address"
        raise refusal("policy_type", f"expected {expected}, got {shown(text) if '@' not in text else 'an address'}")
    return text


Connection = Annotated[
    str, AfterValidator(_connection), WithJsonSchema({"type": "string", "pattern": f"^(?:{_CONNECTION})$"})
]


class DatabaseCheck(Part):
    """A PostgreSQL that the service depends on: it gates every phase that changes something."""

    name: Name
    """What it is called in messages. Required."""

    connection: Connection
    """Where it is: the id of an Airflow connection, or for `springtide run` the environment variable
    `SPRINGTIDE_DATABASE_<CONNECTION>`, in capitals and with `_`. Never the address itself: it holds a password.
    Required."""

    role: Literal["primary", "any"] = "primary"
    """What it must be. Default `primary`: it takes writes. `any`: a standby is enough."""

    free_connections: Annotated[int, Field(ge=0, le=100_000)] = 10
    """How many connections must be free. Default 10."""

    standbys: Annotated[int, Field(ge=0, le=100)] = 0
    """How many standbys must be streaming from it. Default 0."""

    max_lag: Annotated[Duration, between("1s", "1h")] = Duration("30s")
    """How far a standby may be behind: the slowest of its own, or itself where it is one. Default 30s."""

    timeout: Annotated[Duration, between("1s", "30s")] = Duration("3s")
    """How long it may take to answer. Default 3s."""
