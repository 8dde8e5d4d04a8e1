"""Nodes before pods: placeholders that a run raises, so that nodes stand when its pods come."""

from typing import Annotated, Literal

from springtide.policy.language.parts import Part
from springtide.policy.language.units import Duration, ObjectName, between


class WarmNodes(Part):
    """A Deployment of placeholders, by which a node autoscaler adds nodes before a run adds pods.

    Its operator makes it: pods that do nothing, of the workload's own requests and of a lower priority. A run that adds
    pods raises its replicas by as many, waits until they run, and grows; the new pods take their room by preemption.
    Then it gives the replicas back that it had.
    """

    deployment: ObjectName
    """The Deployment of the placeholders, in the workload's namespace and of no other policy. Required."""

    deadline: Annotated[Duration, between("1s", "1d")] = Duration("10m")
    """How long the placeholders may take until they run. Default 10m: a node autoscaler needs 2 to 6 minutes, and some
    tries fail."""

    on_failure: Literal["go_on", "fail"] = "go_on"
    """What a run does whose nodes do not come in time, or whose placeholders cannot be raised. Default `go_on`: it adds
    its pods all the same and tells so; they wait for nodes within `patience.unschedulable`. `fail`: it is rolled back
    before it adds a pod."""
