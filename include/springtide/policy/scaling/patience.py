"""How long what pods report may last before it counts as the end: much of it mends itself."""

from typing import Annotated

from springtide.policy.language.parts import Part
from springtide.policy.language.units import Duration, between

Grace = Annotated[Duration, between("0s", "1d")]


class Patience(Part):
    """How long new pods may report what often mends itself; never longer than `deadlines.ready`. `0s`: not at all.

    Each grace counts from when the pod came as far as it is. What is final by its own words gets none.
    """

    unschedulable: Grace = Duration("6m")
    """For a node with room. Default 6m: a node autoscaler needs 2 to 6 minutes."""

    image: Grace = Duration("5m")
    """For an image that cannot be pulled: a registry that is away, or that limits how often it is asked. Default 5m:
    by then the kubelet has tried about six times. An image that the registry does not have gets none."""

    refused: Grace = Duration("3m")
    """For pods that are not created at all: a quota that is full or written by others too, an admission webhook that
    is away. Default 3m: time for other pods to go, or for a webhook to come back."""

    crash: Grace = Duration("5m")
    """For containers that crash until what they need is there, such as a sidecar or a database. Default 5m: five
    starts, by the kubelet's growing pauses."""

    container: Grace = Duration("3m")
    """For containers that cannot be made: a ConfigMap that comes later, one node that is broken. Default 3m."""
