"""Where to go from a run: its service, its event, a dashboard, the run before."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from springtide.errors import InputError
from springtide.overview.run_view import LinkView
from springtide.record.model import ScalingRun
from springtide.settings import variable_name

_MARGIN_SECONDS = 60.0
"""What a dashboard shows before and after the run."""


def links_of(run: ScalingRun, previous: str | None) -> Iterator[LinkView]:
    """Yield the pages around a run; `previous` is the run of its service before it."""
    yield LinkView(title=f"Service {run.policy}", href=f"/pages/services/{quote(run.policy)}", inside="springtide")
    if run.trigger.value == "event":
        yield LinkView(title="Events", href="/pages/events", inside="springtide")
    if previous is not None:
        yield LinkView(title="Previous run", href=f"/pages/runs/{quote(previous, safe='')}", inside="springtide")


def grafana_link(template: str, run: ScalingRun, seconds: float) -> LinkView:
    """Return the link to a dashboard over the run's time: `{service}`, `{namespace}`, `{from}` and `{to}` (ms).

    Raises:
        InputError: the template names something else (`template_invalid`).
    """
    begin = run.started_at.timestamp()
    values = {
        "service": quote(run.policy, safe=""),
        "namespace": quote(run.target.namespace, safe=""),
        "from": str(round((begin - _MARGIN_SECONDS) * 1000)),
        "to": str(round((begin + seconds + _MARGIN_SECONDS) * 1000)),
    }
    address = template
    for name, value in values.items():
        address = address.replace(f"{{{name}}}", value)
    variable = variable_name("grafana_url")
    if not address.startswith(("http://", "https://")) or "{" in address:
        raise InputError(
            f"{variable}: {template[:80]!r} begins with no http(s)://, or has other places to fill than "
            "{service}, {namespace}, {from} and {to}.",
            code="template_invalid",
            field=variable,
        )
    return LinkView(title="Grafana", href=address)
