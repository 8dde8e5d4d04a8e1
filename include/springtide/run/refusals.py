"""Requests that were refused before they became runs, in the history: who asked for what, when, and why not.

What somebody asks for may be anything, so nothing of it is taken as it came: what is kept is short, and of one line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import structlog

from springtide.errors import InputError, NotFound, PermanentError, PolicyError, SpringtideError
from springtide.record.model import RunOutcome, ScalingRun, Trigger
from springtide.run.request_parameters import STRATEGIES, RequestOrigin
from springtide.workload import Workload

if TYPE_CHECKING:
    from springtide.clock import Clock
    from springtide.policy.reading.folder import PolicyFolder
    from springtide.policy.scaling.model import ScalingPolicy
    from springtide.record.store import RunStore

log = structlog.get_logger(__name__)

ASKED: Final = "asked"
"""Under which name the error of a refused request holds what was asked, by name."""

LONGEST_VALUE: Final = 120
LONGEST_NAME: Final = 253

NOWHERE: Final = Workload(namespace="", deployment="", service=None)
"""What a request is for that names no service which is known."""

_UNASKED: Final = (None, "", False)


@contextmanager
def refusals_kept(
    store: RunStore, asked: Mapping[str, object], folder: PolicyFolder, origin: RequestOrigin, clock: Clock
) -> Iterator[None]:
    """Keep the request as refused where the block refuses it before its run has begun; the error goes on."""
    try:
        yield
    except PermanentError as error:
        if _is_refusal(error):
            _keep(store, refused_run(asked, _policy(folder, asked.get("service")), origin, error, clock.now()))
        raise


def _is_refusal(error: PermanentError) -> bool:
    """Say whether somebody's request is refused, and not a read of the cluster or of metrics."""
    return isinstance(error, InputError | PolicyError) or type(error) is PermanentError


def refused_run(
    asked: Mapping[str, object],
    policy: ScalingPolicy | None,
    origin: RequestOrigin,
    error: SpringtideError,
    now: datetime,
) -> ScalingRun:
    """Return the record of a request that was refused; `policy` is None where there is none of that name."""
    values = {_line(name): _line(value) for name, value in asked.items() if value not in _UNASKED}
    strategy = str(asked.get("strategy") or "")
    own = "" if policy is None else policy.spec.strategy.type
    return ScalingRun(
        run_id=origin.run_id,
        policy=_line(asked.get("service"), LONGEST_NAME) if policy is None else policy.name,
        target=NOWHERE if policy is None else policy.spec.target.workload,
        strategy=strategy if strategy in STRATEGIES[1:] else own,
        requested_by=_line(origin.requested_by),
        reason=_line(asked.get("reason") or "", LONGEST_NAME),
        trigger=Trigger(origin.trigger),
        dry_run=asked.get("dry_run") is True,
        started_at=now,
        outcome=RunOutcome.REFUSED,
        ended_at=now,
        error=error.to_record() | {ASKED: values},
    )


def asked_of(run: ScalingRun) -> Mapping[str, Any]:
    """Return what a refused request asked for, by name; nothing where it says nothing."""
    asked: Mapping[str, Any] = (run.error or {}).get(ASKED) or {}
    return asked


def _policy(folder: PolicyFolder, service: object) -> ScalingPolicy | None:
    try:
        return folder.get(service)
    except SpringtideError:
        return None


def _keep(store: RunStore, run: ScalingRun) -> None:
    try:
        if not _is_known(store, run.run_id):
            store.save(run)
    except SpringtideError as error:  # the answer is that it was refused, with a record or without
        log.warning("refusal_not_kept", code=error.code, message=error.message)


def _is_known(store: RunStore, run_id: str) -> bool:
    try:
        store.get(run_id)
    except NotFound:
        return False
    return True


def _line(value: object, longest: int = LONGEST_VALUE) -> str:
    """Return `value` as one short line, in characters that every store and every screen can hold."""
    text = value if isinstance(value, str) else repr(value)
    return "".join(letter if letter.isprintable() else "�" for letter in text[:longest])
