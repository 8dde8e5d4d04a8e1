"""The smoke test repeated: a service that passed once must go on passing for a while."""

from typing import Annotated

from pydantic import Field

from springtide.policy.language.parts import Part
from springtide.policy.language.units import Duration, Percent, between


class Stability(Part):
    """The smoke test's checks again and again for a while, before the stable instances go."""

    window: Annotated[Duration, between("1s", "1h")] = Duration("1m")
    """For how long. Default 1m."""

    every: Annotated[Duration, between("1s", "30s")] = Duration("5s")
    """How often each check is made in it. Default 5s."""

    must_pass: Percent = Percent("100%")
    """How many of all answers to requests, and to each condition, must be as expected. Default 100%."""

    p95_milliseconds: Annotated[int, Field(ge=1, le=60_000)] | None = None
    """How many milliseconds 95 % of the answers may take. Default none: latency is not judged."""
