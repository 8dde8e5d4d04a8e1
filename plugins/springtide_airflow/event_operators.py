"""The tasks of sweeps and events: find what is due, look at each service, scale what needs it, report."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from airflow.sdk import BaseOperator, BaseSensorOperator, PokeReturnValue
from airflow.sdk.exceptions import AirflowFailException

from springtide_airflow import child_runs
from springtide_airflow.calendars import known_events, utc_now
from springtide_airflow.event_runs import (
    EVENTS_KEY,
    Due,
    begin,
    child_conf,
    child_id,
    due_events,
    late_words,
    paper_report,
    services_under_events,
    started_runs,
)
from springtide_airflow.floors import notes_of
from springtide_airflow.hook import SpringtideHook
from springtide_airflow.policies import policies_folder, policy_names, policy_of
from springtide_airflow.runs import Record
from springtide_airflow.timetables import tell_late_now

if TYPE_CHECKING:
    from airflow.sdk import Context

    from springtide.events.almanac import Pace
    from springtide.events.waves import Order

POKE: Final = timedelta(seconds=5)
"""Between two turns: a run takes a minute at least, and a turn costs a task's start."""


class CheckCalendarsOperator(BaseOperator):
    """Fails, with every error's file and line, when a calendar is broken; the sweep goes on with what was known."""

    def execute(self, context: Context) -> Record:
        """Return how many events are known, and what became of every source; the log says what to look at."""
        known = known_events(utc_now())
        del context
        for account in known.accounts:
            self.log.info("%s; %s times ahead", account, account.ahead)
        for warning in known.warnings:
            self.log.warning("%s", warning)
        known.raise_if_broken()
        sources = [account.to_record() for account in known.accounts]
        return {"events": len(known.almanac.occurrences), "sources": sources, "warnings": list(known.warnings)}


class ListServicesOperator(BaseOperator):
    """Every service that has a policy: what a sweep looks at. A sweep over the past looks at none."""

    def execute(self, context: Context) -> list[str]:
        """Return the services."""
        is_past = _is_backfill(context)
        context["ti"].xcom_push(key=EVENTS_KEY, value=Due((), is_paper=is_past, at=utc_now()).to_record())
        return [] if is_past else policy_names(policies_folder())


class FindEventsOperator(BaseOperator):
    """What begins at the end of this run's interval, or what the run's conf asks for; over the past it is on paper."""

    def execute(self, context: Context) -> list[str]:
        """Return the services to look at: those of its events, and of every other event that goes on.

        Raises:
            InputError: the event in the run's conf is refused.
            PermanentError: there is no such event (any more).
        """
        due = due_events(context, known_events(utc_now()).almanac, utc_now(), is_backfill=_is_backfill(context))
        context["ti"].xcom_push(key=EVENTS_KEY, value=due.to_record())
        self.log.info("%s: %s", "on paper" if due.is_paper else "to prepare", ", ".join(one.id for one in due.events))
        return [] if due.is_paper else services_under_events(due, utc_now())


class LookAtServiceOperator(BaseOperator):
    """One look at one service: what it has, what demand asks for, whether it is well.

    With `waits`, a run that owns it is waited for: an event cannot leave it to the next sweep.
    """

    template_fields = ("service",)

    def __init__(self, *, service: str, waits: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.service = service
        self.waits = waits

    def execute(self, context: Context) -> Record:
        """Return the facts."""
        from springtide.run.looking import look_at_service, look_when_free

        del context
        look = look_when_free if self.waits else look_at_service
        with SpringtideHook().ports(self.log.info) as ports:
            notes = notes_of(self.service, ports.clock.now())
            over = [one for one in notes if one.occurrence.end <= ports.clock.now()]
            before = over[-1].before if over else None
            facts = look(ports, policy_of(self.service, policies_folder()), before=before)
        self.log.info("%s replicas; demand asks for %s; %s", facts.current, facts.planned, facts.health.words())
        return facts.to_record()


class ScaleServicesSensor(BaseSensorOperator):
    """Starts a run of `scale_service` for each service that needs one, in order and at the pace, and waits for them.

    One service that fails holds back what comes after it and nobody else. Each turn is decided anew from what has
    become of the runs, whose names are fixed: a turn that is repeated starts nothing twice.
    """

    def __init__(self, *, timeout: timedelta = timedelta(hours=12), **kwargs: Any) -> None:
        settings: dict[str, Any] = {"mode": "reschedule", "poke_interval": POKE} | kwargs
        super().__init__(timeout=timeout, **settings)

    way = ""
    """What stands in the names of its runs, where one DAG run starts some on the way there and some on the way back."""

    def orders(self, context: Context, due: Due, now: datetime) -> tuple[list[Order], Pace]:
        """Return what is to be done: decided once, at the first turn."""
        return begin(context, due, now)

    def poke(self, context: Context) -> PokeReturnValue:
        """Take one turn."""
        from springtide.events.waves import next_turn

        due = Due.of(context)
        if due.is_paper:
            with SpringtideHook().ports(lambda _message: None) as ports:
                return PokeReturnValue(is_done=True, xcom_value=paper_report(ports, due))
        now, memory = utc_now(), context["task_state_store"]
        orders, pace = self.orders(context, due, now)
        started = started_runs(context, orders, self.way)
        turn = next_turn(orders, started, pace, now=now)
        started_at: Any = memory.get("started") or {}
        known = dict(started_at)
        for service, step in turn.starts:
            order = next(one for one in orders if one.service == service)
            name = child_id(context, service, step, self.way)
            conf = child_conf(order, step)
            self.log.info("%s: %s → %s replicas: %s", service, order.current, order.steps[step], order.reason)
            child_runs.start(context, name, conf)
            known[f"{service}/{step}"] = now.isoformat()
            memory.set("started", known)
        if late := late_words(context, due, orders, started, pace, now):
            tell_late_now(context["dag_run"].run_id, late)
        for service, why in {**turn.waiting, **turn.held}.items():
            self.log.info("%s: %s", service, why)
        if not turn.is_over:
            return PokeReturnValue(is_done=False)
        told: Any = memory.get("late")
        return PokeReturnValue(is_done=True, xcom_value=_report(orders, turn) | ({"late": told} if told else {}))


class EventReportOperator(BaseOperator):
    """The last task: a run in which any service failed, was held back or could not be looked at ends failed here."""

    def __init__(self, *, after: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.after = after

    def execute(self, context: Context) -> Record:
        """Return what was done, by service.

        Raises:
            AirflowFailException: something is not as the events or demand want it; the message says every service.
        """
        report: Record | None = context["ti"].xcom_pull(task_ids=self.after)
        if report is None:
            raise AirflowFailException(f"{self.after} did not come to its end: its log says why.")
        for service, words in report["services"].items():
            self.log.info("%s: %s", service, words)
        if report["problems"]:
            raise AirflowFailException("; ".join(f"{name}: {why}" for name, why in report["problems"].items()))
        return report


def _report(orders: Any, turn: Any) -> Record:
    problems = {**turn.failed, **turn.held}
    orders = [one for one in orders if one.service not in problems]
    done = {one.service: f"{one.current} → {one.steps[-1]}: {one.reason}" for one in orders if one.steps}
    kept = {one.service: f"{one.current} stay: {one.reason}" for one in orders if not one.steps}
    standing = {one.service: one.steps[-1] if one.steps else one.current for one in orders}
    return {"services": {**kept, **done, **problems}, "problems": problems, "standing": standing}


def _is_backfill(context: Context) -> bool:
    run_type = context["dag_run"].run_type
    return str(getattr(run_type, "value", run_type)) == "backfill"
