"""Starting DAG runs: each with its audit record, once for one key, and where it is wanted once for one service."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from springtide.errors import Conflict, PermanentError, SpringtideError, TemporaryError
from springtide.record.audit import AuditRecord
from springtide.record.store import RunStore
from springtide.web.limits import WebLimits
from springtide.web.ports import AirflowHealth, Caller, DagRunState, Permission, Starts, Surroundings, WaitingRun
from springtide.web.problems import WithMembers

CLAIMED_FOR: Final = timedelta(seconds=60)
"""How long a run that was claimed may take to be there: after that its process is taken for dead."""


class Repeated(Exception):
    """The request was answered before: its run is in `record`."""

    def __init__(self, record: AuditRecord) -> None:
        super().__init__(record.run_id)
        self.record = record


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedRun:
    """A DAG run that somebody wants, at once or when it is `due`.

    `is_alone`: not while the last one that was started for its service goes on.
    """

    dag_id: str
    run_id: str
    caller: Caller
    conf: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""
    due: datetime | None = None
    is_alone: bool = False


def run_id_of(service: str, now: datetime, what: str = "") -> str:
    """Return an id of its own for a run: the service, the second, and what tells two of one second apart.

    `what` is done with the service, "" where it is scaled.
    """
    begin = f"{service}__{what}" if what else service
    return f"{begin}__{now:%Y%m%dT%H%M%S}_{secrets.token_hex(3)}"


def queued(
    surroundings: Surroundings, caller: Caller, wanted: Permission, run_id: str, *, conf: Mapping[str, Any], note: str
) -> dict[str, Any]:
    """Start a run of the DAG that `wanted` is the right to, and return where it is: its DAG, its id and its link.

    Raises:
        Conflict, PermanentError, TemporaryError: as `Starts.start` says.
    """
    dag_id = wanted.value
    surroundings.starts.start(dag_id, run_id, conf, caller=caller, note=note)
    return {"dag_id": dag_id, "run_id": run_id, "link": surroundings.starts.link(dag_id, run_id)}


def begin(surroundings: Surroundings, wanted: WantedRun) -> AuditRecord:
    """Start the run and keep who wanted it.

    Raises:
        Repeated: the key's run was started before.
        Conflict: the key is of another request (`key_conflict`), the service has a run (`service_busy`), or as `start`.
        TemporaryError: a part of Airflow without which no run goes on is not alive (`airflow_unhealthy`).
        PermanentError: as `start` says.
    """
    now = surroundings.clock.now()
    record = _record(wanted, now)
    with surroundings.open_store() as store:
        after = _seen(surroundings, store, record) if wanted.is_alone else record.run_id
        since = now - WebLimits.of(surroundings.settings).keys_kept
        standing = store.claim_start(record, keys_since=since, after=after)
        if standing.record_id != record.record_id:
            raise _in_the_way(surroundings, standing, record)
        try:
            _require_healthy(surroundings.starts.health())
            caller = wanted.caller
            surroundings.starts.start(
                wanted.dag_id, wanted.run_id, wanted.conf, caller=caller, note=wanted.note, due=wanted.due
            )
        except BaseException as error:
            store.keep_audit(record.refused(error.code if isinstance(error, SpringtideError) else "internal_error"))
            raise
    return record


def keep_refused(surroundings: Surroundings, wanted: WantedRun, error: SpringtideError) -> None:
    """Keep that `wanted` was refused before anything was claimed for it."""
    with surroundings.open_store() as store:
        store.keep_audit(_record(wanted, surroundings.clock.now()).refused(error.code))


def started(surroundings: Surroundings, record: AuditRecord, *, is_repeated: bool = False) -> dict[str, Any]:
    """Return what is answered about a run that was started: where it is, and how it stands now."""
    state = surroundings.starts.state(record.dag_id, record.run_id)
    return {
        "run_id": record.run_id,
        "dag_id": record.dag_id,
        "service": record.service or None,
        "state": None if state is None else state.value,
        "link": surroundings.starts.link(record.dag_id, record.run_id),
        "requested_by": record.who,
        "requested_at": record.at.isoformat(),
        "asked": dict(record.asked),
        "repeated": is_repeated,
    }


def busy(what: str, run: Mapping[str, Any]) -> WithMembers:
    """Return the answer to who comes second; `run` is the one that is going on."""
    message = f"{what} Wait for its end, abort it, or ask again with queue=true to be done after it."
    return WithMembers(Conflict(message, code="service_busy", field="name"), run=dict(run))


def of_key(surroundings: Surroundings, caller: Caller) -> None:
    """Return when the caller's key is new, or there is none.

    Raises:
        Repeated: it is this request's.
        Conflict: it is another's (`key_conflict`).
    """
    if not caller.key:
        return
    since = surroundings.clock.now() - WebLimits.of(surroundings.settings).keys_kept
    with surroundings.open_store() as store:
        kept = store.start_of_key(caller.name, caller.key, since=since)
    if kept is not None:
        raise _of_same_key(surroundings, kept, caller.digest)


def _record(wanted: WantedRun, now: datetime) -> AuditRecord:
    caller = wanted.caller
    return AuditRecord(
        record_id=secrets.token_hex(8),
        at=now,
        who=caller.name,
        roles=tuple(sorted(caller.roles)),
        dag_id=wanted.dag_id,
        run_id=wanted.run_id,
        service=str(wanted.conf.get("service") or ""),
        reason=str(wanted.conf.get("reason") or wanted.note),
        asked=dict(wanted.conf),
        key=caller.key,
        digest=caller.digest,
    )


def _seen(surroundings: Surroundings, store: RunStore, record: AuditRecord) -> str | None:
    """Return the service's last run, which has ended; None where there is none.

    Raises:
        WithMembers: it goes on.
    """
    latest = store.latest_start(record.service, record.dag_id)
    if latest is None:
        return None
    state = surroundings.starts.state(latest.dag_id, latest.run_id)
    is_coming = state is None and record.at < latest.at + CLAIMED_FOR
    if is_coming or (state is not None and not state.is_ended):
        raise _in_the_way(surroundings, latest, record)
    return latest.run_id


def _in_the_way(surroundings: Surroundings, standing: AuditRecord, record: AuditRecord) -> Exception:
    if record.key and (standing.who, standing.key) == (record.who, record.key):
        return _of_same_key(surroundings, standing, record.digest)
    return busy(f"run {standing.run_id} of {standing.service} is going on.", started(surroundings, standing))


def _of_same_key(surroundings: Surroundings, kept: AuditRecord, digest: str) -> Exception:
    if kept.digest == digest:
        return Repeated(kept)
    message = f"the key {kept.key!r} is that of another request, which started {kept.run_id}. Take a new key."
    error = Conflict(message, code="key_conflict", field="Idempotency-Key")
    return WithMembers(error, run=started(surroundings, kept))


def _require_healthy(health: AirflowHealth) -> None:
    for part, is_alive in (("scheduler", health.scheduler), ("triggerer", health.triggerer)):
        if not is_alive:
            raise TemporaryError(
                f"Airflow's {part} is not alive: a run would stand still. Start it, then ask again.",
                code="airflow_unhealthy",
                field=part,
                retry_after=timedelta(seconds=30),
            )


class AuditedStarts:
    """`Starts` whose every start keeps its audit record, and answers a repeat of its key."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._starts: Starts = surroundings.starts

    def start(
        self,
        dag_id: str,
        run_id: str,
        conf: Mapping[str, Any],
        *,
        caller: Caller,
        note: str = "",
        due: datetime | None = None,
    ) -> None:
        """Queue a run, and keep who asked for it."""
        wanted = WantedRun(dag_id=dag_id, run_id=run_id, conf=conf, caller=caller, note=note, due=due)
        begin(self._surroundings, wanted)

    def state(self, dag_id: str, run_id: str) -> DagRunState | None:
        """Return how a run stands."""
        return self._starts.state(dag_id, run_id)

    def waiting(self, dag_id: str) -> Sequence[WaitingRun]:
        """Return the runs that have not ended."""
        return self._starts.waiting(dag_id)

    def take_back(self, dag_id: str, run_id: str, *, caller: Caller) -> None:
        """Remove a run that is still queued, and keep who did."""
        wanted = WantedRun(dag_id=dag_id, run_id=run_id, caller=caller, note="taken back")
        try:
            self._starts.take_back(dag_id, run_id, caller=caller)
        except PermanentError as error:
            keep_refused(self._surroundings, wanted, error)
            raise
        with self._surroundings.open_store() as store:
            store.keep_audit(_record(wanted, self._surroundings.clock.now()))

    def paused(self) -> frozenset[str]:
        """Return the DAGs that are paused."""
        return self._starts.paused()

    def health(self) -> AirflowHealth:
        """Return which parts are alive."""
        return self._starts.health()

    def token_for(self, caller: Caller) -> str:
        """Return a token of the caller that lasts for minutes."""
        return self._starts.token_for(caller)

    def link(self, dag_id: str, run_id: str) -> str:
        """Return the address of a run's page."""
        return self._starts.link(dag_id, run_id)
