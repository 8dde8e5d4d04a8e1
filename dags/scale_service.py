"""Scale one service safely.

Works out how many replicas the service needs, or takes the number that is asked for, then gets it there without
dropping a request:

    calculate_capacity ─► approve? ─► warm_nodes? ─► nodes_ready? ─► create_instances ─► instances_ready
        ─► switch_endpoints ─► endpoints_switched ─► smoke_test ─► remove_old_instances ─► instances_removed ─► report
              └── any failure ─► roll_back ─► report

Trigger it with the form (or `POST /api/v2/dags/scale_service/dagRuns`, with the same names in `conf`). A run that has
nothing to do, or only was to plan, ends in success with everything after `calculate_capacity` skipped; a run that
failed, was rolled back or was refused ends failed. `report` says how it ended, why, what serves now and what to do, in
its log and in the note of the DAG run. A request that was due more than an hour ago is refused: without a logical date
it is due when it begins. A backfill only plans, and so does what is cleared later than an hour after it was due.

A phase that is done lets those behind it go ahead in its process, as far as each is done within seconds; the log of
that task has them all. So `calculate_capacity` creates the instances, too, where nobody has to approve the plan and no
nodes come first. The task of such a phase finds it done, in the journal of the run's Lease, and ends. What takes longer
waits under its own name, and what failed ahead fails the task of its own name, in the same words.

The group `only_if_needed` holds what most runs have no need of: `approve` passes unless the policy wants a person for
such a plan; then it waits, and only the very plan that was approved is applied. `warm_nodes` and `nodes_ready` are for
policies that name placeholders by which nodes come before pods. The group `ending` has `roll_back`, which runs when
something failed, and `report`.

Two runs of one service are kept apart by a Lease in the cluster, so the second fails at once and says whose turn it is.
Connections: `kubernetes_default`, `prometheus_default`. Policies: the folder that SPRINGTIDE_POLICIES names.
"""

from airflow.sdk import DAG, TaskGroup, TriggerRule, chain

from springtide_airflow.approval import PlanApprovalOperator
from springtide_airflow.defaults import scaling_defaults
from springtide_airflow.folders import policy_folder
from springtide_airflow.operators import (
    CalculateCapacityOperator,
    CreateInstancesOperator,
    PhaseOperator,
    ReportOperator,
    RollBackOperator,
    SmokeTestOperator,
    WarmNodesOperator,
)
from springtide_airflow.parameters import scaling_params
from springtide_airflow.sensors import PhaseSensor

with DAG(
    dag_id="scale_service",
    description="Create, prove ready, switch, test, remove: one service, one run.",
    doc_md=__doc__,
    schedule=None,
    params=scaling_params(policy_folder()),
    default_args=scaling_defaults(),
    max_active_runs=100,  # of many services: the Lease keeps two runs of one service apart
    max_active_tasks=100,
    is_paused_upon_creation=False,  # on a paused DAG a run would wait for ever and say nothing
    tags=["springtide"],
):
    calculate_capacity = CalculateCapacityOperator(task_id="calculate_capacity")
    # Closed, a group has the colour of the best of its tasks that did not fail: a skip inside it is no alarm.
    with TaskGroup("only_if_needed", prefix_group_id=False, tooltip="A person's approval, and nodes that come first."):
        approve = PlanApprovalOperator(task_id="approve")
        warm_nodes = WarmNodesOperator(task_id="warm_nodes", trigger_rule=TriggerRule.NONE_FAILED)
        nodes_ready = PhaseSensor(task_id="nodes_ready")
    create_instances = CreateInstancesOperator(task_id="create_instances", trigger_rule=TriggerRule.NONE_FAILED)
    instances_ready = PhaseSensor(task_id="instances_ready")
    switch_endpoints = PhaseOperator(task_id="switch_endpoints")
    endpoints_switched = PhaseSensor(task_id="endpoints_switched")
    smoke_test = SmokeTestOperator(task_id="smoke_test")
    remove_old_instances = PhaseOperator(task_id="remove_old_instances")
    instances_removed = PhaseSensor(task_id="instances_removed")
    with TaskGroup("ending", prefix_group_id=False, tooltip="The way back where something failed, and the report."):
        roll_back = RollBackOperator(task_id="roll_back", trigger_rule=TriggerRule.ONE_FAILED)
        report = ReportOperator(task_id="report", trigger_rule=TriggerRule.ALL_DONE)

    bring_in = [warm_nodes, nodes_ready, create_instances, instances_ready, switch_endpoints, endpoints_switched]
    take_out = [smoke_test, remove_old_instances, instances_removed]
    chain(calculate_capacity, approve, [warm_nodes, create_instances])
    chain(calculate_capacity, *bring_in, *take_out, report)
    [*bring_in, *take_out] >> roll_back >> report
