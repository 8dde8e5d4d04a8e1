"""What a plan that is only advice leaves out, and what would stand in the way of carrying it out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from springtide.kube.autoscaler import Autoscaler
from springtide.plan.findings import Finding, FindingStatus

_UNTRIED = (
    "mode advise writes nothing, not even as a dry run, so {what} not asked about. Set mode: act to have it tried"
)


def advice_findings(autoscalers: Sequence[Autoscaler], *, is_floor: bool) -> Iterator[Finding]:
    """Yield what was not tried, and each of `autoscalers` that a run would have to share the workload with."""
    for check, what in (("rights", "rights to write are"), ("admission", "the cluster's admission is")):
        message = f"{_UNTRIED.format(what=what)}."
        yield Finding(check=check, status=FindingStatus.NOT_CHECKED, message=message)
    for autoscaler in () if is_floor else autoscalers:
        message = (
            f"{autoscaler.title} owns the replicas of {autoscaler.target} now: a run would be refused. Before mode: "
            "act, remove it, or use strategy floor."
        )
        yield Finding(check="autoscaler", status=FindingStatus.WARNING, message=message)


def as_advice(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings with every refusal as a warning that names it: nothing is carried out that it could stop."""
    return tuple(
        replace(finding, status=FindingStatus.WARNING, message=f"a run would be refused: {finding.message}")
        if finding.status is FindingStatus.REFUSED
        else finding
        for finding in findings
    )
