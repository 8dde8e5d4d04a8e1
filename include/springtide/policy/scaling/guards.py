"""How much one run may change, how soon after the one before it, and what a failed one keeps back."""

from typing import Annotated

from pydantic import AfterValidator, Field

from springtide.policy.language.parts import Part
from springtide.policy.language.units import MAX_REPLICAS, Duration, Factor, Percent, between, refusal


def _grows(factor: Factor) -> Factor:
    if not 1 < factor <= MAX_REPLICAS:
        raise refusal("policy_range", f"{factor} is out of range: more than 1x, at most {MAX_REPLICAS}x")
    return factor


class Stabilization(Part):
    """When a number that falls is believed. A number that rises is believed at once."""

    down: Annotated[Duration, between("0s", "1d")] = Duration("5m")
    """For how long the highest answer counts when the service is made smaller. Default 5m, as in the
    HorizontalPodAutoscaler. A sweep every 15 minutes needs more than 15m to look at an earlier answer. `0s` disables
    it."""

    error_over: Annotated[Duration, between("0s", "1d")] = Duration("2h")
    """Over how long the plan's own error is measured: by how much its answer fell and rose again, at most. The service
    is made smaller only by more than that. Default 2h: eight sweeps. `0s` disables it."""


class Failures(Part):
    """What a run that fails keeps from being started after it."""

    back_off: Annotated[Duration, between("0s", "1d")] = Duration("30m")
    """How long after a failed run no sweep starts another one; twice as long after each further one, at most a day.
    Default 30m: two sweeps. Events and runs by hand do not wait for it. `0s` disables it."""

    pause_after: Annotated[int, Field(ge=0, le=10)] = 2
    """After how many runs that failed the same way, with no success between them, the service is paused until somebody
    resumes it. Default 2: what fails with the same words twice fails a third time. `0` never pauses it."""


class Guards(Part):
    """How much one run may change. A model's answer is clamped to it; a person's number is refused beyond it."""

    step_up: Annotated[Factor, AfterValidator(_grows)] = Factor("3x")
    """The most that one run scales up to: `3x` the current replica count, and always at least one more; from 0,
    where an autoscaler sleeps, any number. Default 3x: a larger jump is more often a wrong metric than real demand.
    `10000x` disables it."""

    step_down: Percent = Percent("50%")
    """The largest share of the current replica count that one run removes, and always at least one replica. Default
    50%: what is left can still serve half of yesterday. `100%` disables it; `0%` means that runs never scale down."""

    tolerance: Percent = Percent("10%")
    """How close to the current replica count counts as no change. Default 10%, the tolerance of the
    HorizontalPodAutoscaler: a switch for one pod in twenty costs more than it gives. `0%` disables it."""

    cooldown: Annotated[Duration, between("0s", "1d")] = Duration("0s")
    """How long after a change the service is not made smaller. Growth is not held back. Default 0s: at once. It counts
    from the end of the last run that changed the service."""

    cooldown_up: Annotated[Duration, between("0s", "1h")] = Duration("0s")
    """How long after a change the service is not made larger by demand either: it then stays short for so long. Default
    0s. Events and a person's number are not held back."""

    stabilization: Stabilization = Stabilization()
    """What a smaller number must have been for a while; see `Stabilization`."""

    failures: Failures = Failures()
    """What a failed run keeps from being started; see `Failures`."""
