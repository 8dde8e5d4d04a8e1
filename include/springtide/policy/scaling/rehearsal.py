"""How much load a rehearsal may send to the service: without this section, it sends none."""

import re
from collections.abc import Iterator
from typing import Annotated, Final

from pydantic import Field

from springtide.policy.language.parts import Contradiction, Part
from springtide.policy.language.units import Duration, Percent, between

_REQUESTS: Final = re.compile(
    r"(http )?(requests?|reqs?)( ?/ ?s(ec(ond)?)?| ?per ?s(ec(ond)?)?)|rps|qps", re.IGNORECASE
)


def counts_requests(unit: str) -> bool:
    """Say whether a unit of demand is requests a second, so that a load test can be told in it."""
    return _REQUESTS.fullmatch(unit.strip()) is not None


class Rehearsal(Part):
    """The load test of a rehearsal: GET requests to the first plain `http` check of `smoke`, through the Service.

    Plain is a check without `https`, headers and `via: api_server`.
    """

    max_rate: Annotated[float, Field(gt=0, le=2000)]
    """The most requests a second that it sends, on top of what customers send. Required, at most 2000."""

    duration: Annotated[Duration, between("10s", "10m")] = Duration("2m")
    """The longest that it sends, 10s to 10m. Default 2m. The rate grows through the first quarter."""

    max_requests: Annotated[int, Field(ge=100, le=1_000_000)] = 100_000
    """The most requests that one rehearsal sends, 100 to 1000000. Default 100000."""

    max_errors: Percent = Percent("1%")
    """The share of requests that may fail. Default 1%. With more the load ends at once, and the verdict is that the
    service would not hold."""

    p99_milliseconds: Annotated[int, Field(ge=1, le=5000)] = 1000
    """How many milliseconds 99 % of the answers may take, at most 5000. Default 1000. When they take longer, the load
    ends at once, and the verdict is that the service would not hold."""

    def against(self, unit: str | None, *, has_target: bool) -> Iterator[Contradiction]:
        """Yield what this section and the others contradict each other in: the demand's `unit`, None for no demand."""
        if not has_target:
            target = "a load test goes to the first http check of smoke without https, headers and via"
            yield Contradiction((), f"{target}, and there is none: add one")
        if unit is None or not counts_requests(unit):
            demand = "there is no demand" if unit is None else f"demand.unit is {unit!r}"
            yield Contradiction(
                (), f"a load test is measured in requests/s, and {demand}: measure demand so, or remove this section"
            )
