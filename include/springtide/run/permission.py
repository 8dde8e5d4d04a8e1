"""Whether whoever asked for a run by hand may: judged again where it begins, whichever door they came in by."""

from __future__ import annotations

from springtide.policy.scaling.model import ScalingPolicy
from springtide.policy.scaling.permission import is_permitted, not_permitted
from springtide.record.store import RunStore


def require_permitted(policy: ScalingPolicy, user: str | None, store: RunStore, *, run_id: str) -> None:
    """Return when `user` may have the service of `policy` scaled; None is no person: a sweep, an event, a schedule.

    The roles are those that they had when REST started the DAG run `run_id` for them: a task knows none.

    Raises:
        PermanentError: they may not (`not_allowed`).
        TemporaryError: the store does not answer.
    """
    if user is None or is_permitted(policy, user):
        return
    kept = store.start_of_run(run_id)
    if kept is None or kept.who != user or not is_permitted(policy, user, kept.roles):
        raise not_permitted(user, policy.name)
