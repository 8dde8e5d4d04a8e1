"""The article's call: `POST /scale/?name=S&pods=N` starts a run, `GET` on the same address only plans."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from springtide.errors import InputError, SpringtideError
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.audit import AuditRecord
from springtide.run.lease import read_lease
from springtide.run.ports import RunRequest
from springtide.run.request_parameters import LONGEST_REASON, STRATEGIES, RequestOrigin, parse_request
from springtide.web.access import Reader, permitted_policy, writes
from springtide.web.examples import PLAN, PROBLEMS, STARTED
from springtide.web.kept_policies import kept_policies
from springtide.web.names import require_name
from springtide.web.planning import plan_of
from springtide.web.ports import Caller, Permission, Surroundings
from springtide.web.problems import WithMembers
from springtide.web.starting import WantedRun, begin, busy, keep_refused, run_id_of, started

DAG: Final = Permission.SCALE.value

Scaler = Annotated[Caller, Depends(writes(Permission.SCALE))]
ServiceName = Annotated[
    str,
    Query(
        description="The service, by its policy's name.",
        examples=["checkout"],
        json_schema_extra={"pattern": "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"},
    ),
]
Pods = Annotated[
    str,
    Query(
        description="How many pods: ASCII digits, `auto` or `release`.",
        examples=["6"],
        json_schema_extra={"pattern": "^(auto|release|[1-9][0-9]{0,4})$"},
    ),
]


class ScaleBody(BaseModel):
    """What may be said besides, in a body; all of it is optional, and judged as the form of `scale_service` is."""

    model_config = ConfigDict(extra="forbid", strict=True)

    reason: str = Field(default="", max_length=LONGEST_REASON, description="Why; kept with the run.")
    strategy: str = Field(default="policy", description=f"One of {', '.join(STRATEGIES)}.")
    until: str | None = Field(default=None, description="When a raised minimum lapses (strategy floor), with its zone.")
    override: str = Field(default="", max_length=LONGEST_REASON, description="Who lifts a freeze, and why.")
    dry_run: bool = Field(default=False, description="Plan and keep the plan; change nothing.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleParameters:
    """What stands in the address of a POST."""

    name: str
    pods: str
    is_queued: bool
    reason: str


async def _parameters(  # waits for nothing: without `async` it would be run in a thread
    *,
    name: ServiceName,
    pods: Pods,
    queue: Annotated[bool, Query(description="Where a run is going on: be done after it.")] = False,
    reason: Annotated[str, Query(max_length=LONGEST_REASON, description="Why; kept with the run.")] = "",
) -> ScaleParameters:
    return ScaleParameters(name=name, pods=pods, is_queued=queue, reason=reason)


def router(surroundings: Surroundings) -> APIRouter:
    """Return the two routes."""
    surroundings = replace(surroundings, policies=kept_policies(surroundings.policies))
    made = APIRouter(tags=["scale"])

    @made.get("/scale/", summary="Plan, and start nothing", responses=PROBLEMS | {200: PLAN})
    def plan(
        caller: Reader,
        name: ServiceName,
        pods: Pods,
        execute: Annotated[str | None, Query(include_in_schema=False)] = None,
    ) -> dict[str, Any]:
        """Return what a run would do now; nothing is started, whatever is asked."""
        if execute is not None:
            message = "GET never starts a run. Send POST to the same address, without execute."
            raise WithMembers(InputError(message, code="use_post", field="execute"), allow=["POST"])
        policy = surroundings.policies().get(require_name(name))
        asked = {"service": policy.name, "replicas": pods, "dry_run": True}
        return plan_of(surroundings, _request(surroundings, asked, caller, f"plan-{policy.name}"))

    @made.post("/scale/", summary="Start a run", status_code=202, responses=PROBLEMS | {200: STARTED, 202: STARTED})
    def scale(
        caller: Scaler,
        response: Response,
        parameters: Annotated[ScaleParameters, Depends(_parameters)],
        body: Annotated[ScaleBody | None, Body()] = None,
    ) -> dict[str, Any]:
        """Judge the request, queue a run of `scale_service`, and return where it is."""
        policy = permitted_policy(surroundings, parameters.name, caller, Permission.SCALE)
        asked = {"service": policy.name, "replicas": parameters.pods}
        asked |= (body or ScaleBody()).model_dump()
        if parameters.reason:
            asked["reason"] = parameters.reason
        record = _start(surroundings, policy, asked, caller, is_queued=parameters.is_queued)
        answer = started(surroundings, record)
        response.headers["Location"] = answer["link"]
        return answer

    return made


def _request(surroundings: Surroundings, asked: dict[str, Any], caller: Caller, run_id: str) -> RunRequest:
    now = surroundings.clock.now()
    origin = RequestOrigin(run_id=run_id, requested_by=caller.name, trigger="manual", due=now)
    return parse_request(asked, surroundings.policies(), origin, now)


def _start(
    surroundings: Surroundings, policy: ScalingPolicy, asked: dict[str, Any], caller: Caller, *, is_queued: bool
) -> AuditRecord:
    """Start the run, or keep that it was refused and why."""
    conf = asked | ({"queue": True} if is_queued else {})
    wanted = WantedRun(
        dag_id=DAG,
        run_id=run_id_of(policy.name, surroundings.clock.now()),
        conf={name: value for name, value in conf.items() if value not in ("", None)},
        caller=caller,
        is_alone=not is_queued,
    )
    try:
        _request(surroundings, asked, caller, wanted.run_id)
        if not is_queued:
            _require_free(surroundings, policy)
    except SpringtideError as error:
        keep_refused(surroundings, wanted, error)
        raise
    except WithMembers as refused:
        keep_refused(surroundings, wanted, refused.error)
        raise
    return begin(surroundings, wanted)


def _require_free(surroundings: Surroundings, policy: ScalingPolicy) -> None:
    """Return when no run owns the workload.

    Raises:
        WithMembers: one does (`service_busy`), with its phase and since when.
    """
    with surroundings.cluster(policy) as kube:
        lease = read_lease(kube, policy.spec.target.workload)
    if lease is None or not lease.holder:
        return
    is_dag_run = surroundings.starts.state(DAG, lease.holder) is not None
    run = {
        "run_id": lease.holder,
        "link": surroundings.starts.link(DAG, lease.holder) if is_dag_run else None,
        "phase": lease.phase,
        "since": None if lease.acquired_at is None else lease.acquired_at.isoformat(),
    }
    raise busy(f"run {lease.holder} owns {policy.name}, in phase {lease.phase}.", run)
