"""`springtide plan`: what a run would do, and nothing of it done."""

from __future__ import annotations

from dataclasses import replace

from springtide.cli.answers import answering, print_record
from springtide.cli.asked import RunOptions, requested_run
from springtide.cli.cluster_note import ClusterNote
from springtide.cli.display import show_plan
from springtide.cli.groups import grouped
from springtide.cli.options import Output, OutputOption, Planning, ReplicasOption, ServiceArgument, StrategyOption
from springtide.plan.findings import require_passed
from springtide.run.admission import plan_capacity


@grouped
def plan(
    service: ServiceArgument,
    *,
    replicas: ReplicasOption = "auto",
    strategy: StrategyOption = None,
    place: Planning,
    output: OutputOption = Output.TABLE,
) -> None:
    """Print how many replicas SERVICE needs now, why, and what stands in the way. Changes nothing.

    Exits with 1 when a run would be refused.
    """
    unrecorded = replace(place, store=None)  # a plan is no run
    note = ClusterNote(output)
    with answering(output):
        asked = RunOptions(replicas=replicas, strategy=strategy, reason="plan only")
        policy = place.policy(service)
        request = requested_run(policy, asked)
        with unrecorded.only_at(policy).ports(lambda _message: None) as ports:
            note.say(ports, policy.spec.target.namespace)
            planned = plan_capacity(ports, request)
        if output.is_for_programs:
            print_record(planned.to_record() | note.record, output)
        else:
            show_plan(planned)
        require_passed(planned.findings)
