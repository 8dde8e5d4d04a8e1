"""When a person must approve a plan before it is applied."""

from typing import Annotated

from springtide.policy.language.parts import Part
from springtide.policy.language.units import Duration, Factor, Percent, between


class Approval(Part):
    """When a person must approve a plan before it is applied."""

    always: bool = False
    """Every plan that changes something. Default false."""

    above: Factor | None = None
    """Plans to more than this multiple of the current replica count, such as `2x`. Default none."""

    below: Percent | None = None
    """Plans to less than this share of the current replica count, such as `50%`. Default none."""

    within: Annotated[Duration, between("1m", "7d")] = Duration("1d")
    """How long a run in Airflow waits for the answer; then it fails, and nothing was written. Default 1d."""

    def is_needed(self, current: int, replicas: int) -> bool:
        """Say whether a plan from `current` to `replicas` needs a person."""
        if self.always:
            return True
        # Of the pods that run now, so that a service of two and one of two hundred are asked about alike.
        too_high = self.above is not None and replicas > current * self.above
        return too_high or (self.below is not None and replicas < current * self.below)
