"""What somebody asks of a run: the form in Airflow's pages, and its values judged again inside the task.

Anybody who may run a DAG may trigger this one with any conf, so the form's own rules are a courtesy: `request_of`
takes nothing on trust.
"""

from __future__ import annotations

from datetime import timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from airflow.sdk import Param

from springtide.errors import InputError
from springtide_airflow.policies import policies_folder, policy_names, policy_of

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from airflow.sdk import Context

    from springtide.clock import Clock
    from springtide.run.ports import RunRequest

POLICY_STRATEGY: Final = "policy"
"""The form's word for the strategy that the policy names."""

RELEASE: Final = "release"
"""What gives a raised minimum back, in the place of a number."""

STRATEGIES: Final = (POLICY_STRATEGY, "blue_green", "in_place", "floor")
LONGEST_REASON: Final = 500

STALE_AFTER: Final = timedelta(hours=1)
"""A run that was due longer ago is over the past: what it would act on has gone by, so it plans and writes nothing."""

LONGEST_HOLD: Final = timedelta(days=400)
"""How far ahead a floor may be held: as far as events are known."""

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
    """Return what this DAG run was asked to do.

    Raises:
        InputError: a parameter is unknown, or its value not allowed; the message names it and says what is.
        PolicyError: the policy's file has errors.
    """
    from springtide.plan.guards import parse_replicas
    from springtide.run.ports import RunRequest

    asked = dict(context["params"])
    _require_known(asked)
    dag_run = context["dag_run"]
    policy = policy_of(asked.get("service"), policies_folder())
    wanted = asked.get("replicas", "auto")
    run_type = str(getattr(dag_run.run_type, "value", dag_run.run_type))
    return RunRequest(
        run_id=dag_run.run_id,
        policy=policy,
        replicas=None if wanted == RELEASE else parse_replicas(wanted, policy=policy),
        is_release=wanted == RELEASE,
        strategy=_strategy(asked.get("strategy", POLICY_STRATEGY)),
        requested_by=dag_run.triggering_user_name or f"airflow ({run_type})",
        reason=_reason(asked.get("reason", "")),
        trigger=_TRIGGERS.get(run_type, "manual"),
        until=_until(asked.get("until"), clock.now()),
        dry_run=_flag(asked.get("dry_run", False)) or is_past(context, clock.now()),
    )


def is_past(context: Context, now: datetime) -> bool:
    """Say whether the run is over a past interval: a backfill, or due more than an hour ago."""
    dag_run = context["dag_run"]
    due = dag_run.data_interval_end or dag_run.logical_date or dag_run.run_after
    run_type = str(getattr(dag_run.run_type, "value", dag_run.run_type))
    return run_type == "backfill" or now - due > STALE_AFTER


def _require_known(asked: dict[str, Any]) -> None:
    known = ("service", "replicas", "strategy", "reason", "until", "dry_run")
    for name in asked:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}."
            raise InputError(
                f"{_shown(name)}: there is no such parameter; {hint}", code="parameter_unknown", field="conf"
            )


def _strategy(value: object) -> str | None:
    if value not in STRATEGIES:
        raise InputError(
            f"strategy: {_shown(value)} is none; allowed are {', '.join(STRATEGIES)}.",
            code="strategy_unknown",
            field="strategy",
        )
    return None if value == POLICY_STRATEGY else str(value)


def _reason(value: object) -> str:
    if isinstance(value, str) and len(value) <= LONGEST_REASON and value.isprintable():
        return value
    raise InputError(
        f"reason: {_shown(value)} is not one line of at most {LONGEST_REASON} printable characters.",
        code="reason_invalid",
        field="reason",
    )


def _until(value: object, now: datetime) -> datetime | None:
    from datetime import datetime

    if value in (None, ""):
        return None
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        found = None
    if found is None or found.tzinfo is None or not now < found <= now + LONGEST_HOLD:
        raise InputError(
            f"until: {_shown(value)} is no instant with its zone within the next {LONGEST_HOLD.days} days, such as "
            "2026-11-12T02:00:00+00:00.",
            code="until_invalid",
            field="until",
        )
    return found


def _flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise InputError(f"dry_run: {_shown(value)} is neither true nor false.", code="flag_invalid", field="dry_run")


def _shown(value: object) -> str:
    return repr(value)[:80]
