"""One number from Prometheus, now: for conditions, not for demand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from springtide.demand.access import NO_LOGIN, PrometheusAccess
from springtide.demand.connection import PrometheusAddress, connect
from springtide.demand.quality import unusable

_READ_SECONDS: Final = 10.0
_TRIES: Final = 3
"""With both an answer comes, or is given up, within a minute: a run that asks holds its workload meanwhile."""


def instant_query(
    url: str, query: str, *, headers: Mapping[str, str] | None = None, access: PrometheusAccess = NO_LOGIN
) -> float | None:
    """Return the one number that `query` answers with now; None when there is no such series; NaN stays NaN.

    Raises:
        DemandUnavailable: no whole answer came in time.
        DemandUnusable: the query was refused, or answers with more than one series, a histogram or a text.
    """
    address = PrometheusAddress.parse(url, headers, access=access)
    with connect(address, read_seconds=_READ_SECONDS, tries=_TRIES) as client:
        result: Any = client.custom_query(query)
    if result is None:  # an empty list of Go, as some servers write it
        return None
    if not isinstance(result, list):
        raise unusable(query, "the answer is not a vector.")
    if result and not isinstance(result[0], dict):  # a scalar answers [time, "value"], and so does a string
        return _number(query, result)
    # A condition on "any of them" or "all of them" would be a guess.
    if len(result) > 1:
        raise unusable(
            query, f"it returns {len(result)} series; a condition needs exactly one: aggregate them, such as with sum()"
        )
    if not result:
        return None
    if "histogram" in result[0]:
        raise unusable(query, "it returns a native histogram, no number: take histogram_quantile() or histogram_sum().")
    return _number(query, result[0].get("value") or result[0].get("values"))


def _number(query: str, point: Any) -> float:
    """Return the number of a point `[time, "value"]`."""
    try:
        return float(point[1])
    except (TypeError, ValueError, IndexError, KeyError):
        raise unusable(query, "it returns no number, but a text or a range: write a query of one number.") from None
