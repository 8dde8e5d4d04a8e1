"""Who is told about the service, and of what."""

from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from springtide.policy.language.parts import Part

NotifyFact = Literal[
    "failed",
    "rolled_back",
    "needs_attention",
    "approval_wanted",
    "event_prepared",
    "event_late",
    "event_released",
    "rule_stale",
    "paused",
    "succeeded",
]

TOLD_UNASKED: Final[tuple[NotifyFact, ...]] = (
    "failed",
    "rolled_back",
    "needs_attention",
    "approval_wanted",
    "event_prepared",
    "event_late",
    "event_released",
    "rule_stale",
    "paused",
)
"""Everything but a run that succeeded: who is told of every success soon reads none."""

NotifyTag = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
"""As Apprise reads tags: anything else would be taken apart, or match nothing."""


class Notify(Part):
    """Who is told about the service, and of what."""

    on: Annotated[tuple[NotifyFact, ...], Field(strict=False)] = TOLD_UNASKED
    """What is told: `failed`, `rolled_back`, `needs_attention`, `approval_wanted`, `event_prepared`, `event_late`,
    `event_released`, `rule_stale`, `paused` or `succeeded`. Default all but `succeeded`; an empty list tells
    nothing."""

    also: Annotated[tuple[NotifyFact, ...], Field(strict=False)] = ()
    """What is told on top of `on`, such as `succeeded`. Default none."""

    to: Annotated[tuple[NotifyTag, ...], Field(strict=False, max_length=10)] = ()
    """The tags of the URLs that are told, in the connection `springtide_notify`. Default `metadata.owner` as a tag."""

    def wants(self, fact: str) -> bool:
        """Say whether `fact` is told."""
        return fact in self.on or fact in self.also
