"""Whether pods that are told to stop get the time that they need (I-9). Pure.

Kubernetes runs preStop, sends TERM, and kills what still runs when terminationGracePeriodSeconds are over; preStop
counts among them. `blue_green` drains pods before it deletes them, so their preStop is all that has to fit. `in_place`
deletes pods that still have connections, so the policy's `drain` has to fit behind it. What an autoscaler removes
is for it to decide.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from springtide.kube.objects import Json
from springtide.plan.findings import Finding, FindingStatus
from springtide.plan.model import ScalingPlan
from springtide.policy.scaling.strategy import RunSettings

GRACE_SECONDS: Final = 30
"""What Kubernetes gives where a pod says nothing."""

_SLEEP: Final = re.compile(r"(?:^|[\s;&/])sleep\s+([0-9]+(?:\.[0-9]+)?)s?\b")


def grace_findings(
    pod_spec: Json, plan: ScalingPlan, settings: RunSettings, *, is_drain_chosen: bool
) -> Iterator[Finding]:
    """Yield what is known of the time that pods get to stop.

    Too little of it is refused; where only the default of `drain` does not fit, so that nobody said that requests last
    so long, it is a warning.
    """
    grace = int(pod_spec.get("terminationGracePeriodSeconds", GRACE_SECONDS))
    lengths = _lengths(pod_spec)
    known = known_stop_seconds(pod_spec)
    shrinks = settings.type == "in_place" and plan.replicas < plan.current
    drain = settings.drain.total_seconds() if shrinks else 0.0
    times = f"terminationGracePeriodSeconds is {grace}, preStop takes {known:g} s"
    times += f" and strategy.drain is {drain:g} s" if shrinks else ""
    if (known and known >= grace) or grace < known + drain:
        is_hard = known >= grace or is_drain_chosen
        status = FindingStatus.REFUSED if is_hard else FindingStatus.WARNING
        enough = f"more than {known:g}" if not shrinks else f"at least {known + drain:g}"
        advice = f"{times}: pods are killed before they are done. Raise terminationGracePeriodSeconds to {enough}"
        advice += ", or lower strategy.drain to what the longest request takes" if shrinks else ", or shorten preStop"
        yield Finding(check="grace", status=status, message=f"{advice}.", code="grace_too_short" if is_hard else "")
    elif None in lengths:
        yield Finding(
            check="grace",
            status=FindingStatus.NOT_CHECKED,
            message=f"{times}; how long another preStop takes is not known",
        )
    elif shrinks and not lengths:
        advice = (
            "no preStop, so a pod is told to stop while requests still come. Add a preStop that sleeps for some seconds"
        )
        yield Finding(check="grace", status=FindingStatus.WARNING, message=f"{advice}.")
    else:
        yield Finding(check="grace", status=FindingStatus.PASSED, message=times)


def known_stop_seconds(pod_spec: Json) -> float:
    """Return the longest preStop of a pod, as far as it is written how long one takes; 0 without any."""
    return max((length for length in _lengths(pod_spec) if length is not None), default=0.0)


def _lengths(pod_spec: Json) -> list[float | None]:
    """Return how long each preStop takes, None where that is not written."""
    hooks = (_hook(container) for container in pod_spec.get("containers") or ())
    return [_seconds(hook) for hook in hooks if hook]


def _hook(container: Json) -> Json:
    return dict((container.get("lifecycle") or {}).get("preStop") or {})


def _seconds(hook: Json) -> float | None:
    """Return how long a preStop takes; None when that is not written in it."""
    if "sleep" in hook:
        return float(hook["sleep"].get("seconds", 0))
    command = " ".join(map(str, (hook.get("exec") or {}).get("command") or ()))
    sleeps = [float(seconds) for seconds in _SLEEP.findall(command)]
    return sum(sleeps) if sleeps else None
