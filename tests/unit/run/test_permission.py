"""Who may have a service scaled by hand: the policy's word, whichever door somebody came in by."""

from __future__ import annotations

from dataclasses import replace

import pytest

from springtide.errors import PermanentError
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.audit import AuditRecord
from springtide.run.permission import require_permitted
from support.builders import NOW
from support.simulation import Simulation


def restricted(simulation: Simulation, *allowed: str) -> Simulation:
    metadata = simulation.policy.metadata.model_copy(update={"may_scale": allowed})
    simulation.policy = ScalingPolicy.model_validate(simulation.policy.model_copy(update={"metadata": metadata}))
    return simulation


def code_for(simulation: Simulation, user: str | None) -> str | None:
    request = simulation.request(3)
    try:
        require_permitted(request.policy, user, simulation.store, run_id=request.run_id)
    except PermanentError as refused:
        return refused.code
    return None


def started_by(who: str, *roles: str) -> AuditRecord:
    return AuditRecord(
        record_id="1", at=NOW, who=who, dag_id="scale_service", run_id="run-1", service="web", roles=tuple(roles)
    )


@pytest.mark.parametrize(
    ("allowed", "user", "code"),
    [
        ([], "ann", None),
        (["bob"], "bob", None),
        (["bob"], "ann", "not_allowed"),
        (["bob"], None, None),
        (["role:op"], "ann", "not_allowed"),
        (["role:op"], "role:op", "not_allowed"),
    ],
)
def test_a_policy_names_who_may(allowed: list[str], user: str | None, code: str | None) -> None:
    assert code_for(restricted(Simulation.of(2), *allowed), user) == code


def test_a_role_counts_where_rest_has_seen_it() -> None:
    simulation = restricted(Simulation.of(2), "role:op")
    simulation.store.keep_audit(started_by("ann", "op"))

    assert code_for(simulation, "ann") is None
    assert code_for(simulation, "bob") == "not_allowed"


def test_another_role_or_a_refused_request_does_not_count() -> None:
    simulation = restricted(Simulation.of(2), "role:op")
    simulation.store.keep_audit(started_by("ann", "viewer"))
    assert code_for(simulation, "ann") == "not_allowed"

    simulation.store.keep_audit(replace(started_by("ann", "op"), record_id="1").refused("dag_paused"))
    assert code_for(simulation, "ann") == "not_allowed"
