"""What somebody asks of a run: the form in Airflow's pages, and its values judged again inside the task.

Anybody who may run a DAG may trigger this one with any conf, so the form's own rules are a courtesy: `request_of`
takes nothing on trust.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from airflow.sdk import Param

from springtide.policy.reading.folder import PolicyFolder
from springtide.run.request_parameters import (
    LONGEST_REASON,
    POLICY_STRATEGY,
    STRATEGIES,
    RequestOrigin,
    parse_request,
)
from springtide_airflow.policies import policies_folder, policy_names

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from airflow.sdk import Context

    from springtide.clock import Clock
    from springtide.run.ports import RunRequest

_TRIGGERS: Final = {"scheduled": "schedule", "backfill": "backfill", "asset_triggered": "event"}


def scaling_params(folder: Path) -> dict[str, Param]:
    """Return the form's fields; the services are the policy files of `folder`, by name."""
    names = policy_names(folder)
    choice: dict[str, Any] = {"enum": names} if names else {}
    return {
        "service": Param(
            type="string", title="Service", description="The policy to follow: a file of the policies folder.", **choice
        ),
        "replicas": Param(
            "auto",
            anyOf=[  # no `type` beside it: the form would show a box for JSON
                {"type": "string", "pattern": "^(auto|release|[1-9][0-9]{0,4})$"},
                {"type": "integer", "minimum": 1, "maximum": 10_000},
            ],
            title="Replicas",
            description='A number; "auto": the policy\'s models decide; "release": a held floor is given back.',
        ),
        "strategy": Param(
            POLICY_STRATEGY,
            type="string",
            enum=list(STRATEGIES),
            values_display={POLICY_STRATEGY: "the policy's own"},
            title="Strategy",
            description="The policy's own, or one for this run.",
        ),
        "reason": Param(
            "by hand", type="string", maxLength=LONGEST_REASON, title="Reason", description="Why; kept with the run."
        ),
        "until": Param(
            None,
            type=["null", "string"],
            format="date-time",
            title="Held until",
            description="When a raised minimum lapses (strategy floor). Empty: the policy's expires, from now on.",
        ),
        "dry_run": Param(
            False, type="boolean", title="Dry run", description="Plan and keep the plan; change nothing in the cluster."
        ),
    }


def request_of(context: Context, clock: Clock) -> RunRequest:
    """Return what this DAG run was asked to do: see `parse_request`, also for what is raised."""
    return parse_request(context["params"], PolicyFolder(policies_folder()), _origin(context), clock.now())


def is_past(context: Context, now: datetime) -> bool:
    """Say whether the run is over a past interval: see `RequestOrigin`."""
    return _origin(context).is_past(now)


def _origin(context: Context) -> RequestOrigin:
    dag_run = context["dag_run"]
    run_type = str(getattr(dag_run.run_type, "value", dag_run.run_type))
    return RequestOrigin(
        run_id=dag_run.run_id,
        requested_by=dag_run.triggering_user_name or f"airflow ({run_type})",
        trigger=_TRIGGERS.get(run_type, "manual"),
        due=dag_run.data_interval_end or dag_run.logical_date or dag_run.run_after,
        is_backfill=run_type == "backfill",
    )
