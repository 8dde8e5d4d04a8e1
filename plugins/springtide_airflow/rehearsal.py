"""The tasks of a rehearsal: what is rehearsed, its load tests, its way back, and the verdict over the whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from airflow.sdk import BaseOperator, PokeReturnValue
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from springtide.errors import Fenced, PermanentError
from springtide_airflow.calendars import known_events, utc_now
from springtide_airflow.event_operators import ScaleServicesSensor
from springtide_airflow.event_runs import (
    EVENTS_KEY,
    UNSEEN,
    Due,
    begin,
    seen_facts,
    services_under_events,
    with_events,
)
from springtide_airflow.floors import drop_note
from springtide_airflow.hook import SpringtideHook
from springtide_airflow.policies import policies_folder, policy_of
from springtide_airflow.rehearsal_form import rehearsal_asked
from springtide_airflow.runs import Record

if TYPE_CHECKING:
    from airflow.sdk import Context

    from springtide.events.almanac import Pace
    from springtide.events.rehearsed import Rehearsed
    from springtide.events.sweep import Facts
    from springtide.events.waves import Order
    from springtide.run.ports import Ports

ASKED_KEY: Final = "rehearsal"
FOUND_BY, PREPARED_BY, TESTED_BY, RELEASED_BY = "find_event", "prepare_services", "load_test", "release_services"

BUSY_FOR: Final = timedelta(minutes=10)
"""How long the way back waits for a run that still owns a service."""


class FindRehearsalOperator(BaseOperator):
    """What is rehearsed, judged before anything is touched: every policy is read, every bound checked."""

    def execute(self, context: Context) -> list[str]:
        """Return the services to look at: those of the rehearsal, and of every event that goes on.

        Raises:
            InputError: what is asked for is refused, or a service has no policy.
            PolicyError: a policy has errors.
        """
        now, run = utc_now(), context["dag_run"]
        asked = rehearsal_asked(dict(context["params"]), known_events(now).almanac, now)
        for service in asked.occurrence.asks:
            policy_of(service, policies_folder())
        due = Due((asked.occurrence,), False, now, run.triggering_user_name or "airflow", asked.reason)
        ti = context["ti"]
        ti.xcom_push(key=EVENTS_KEY, value=due.to_record())
        ti.xcom_push(key=ASKED_KEY, value={"event": asked.event, "wanted": asdict(asked.wanted)})
        self.log.info("rehearsed is %s, as %s until %s", asked.event, asked.occurrence.id, asked.occurrence.end)
        return services_under_events(due, now)


class PrepareRehearsalSensor(ScaleServicesSensor):
    """The waves of the event itself; nothing is made smaller, and when the rehearsal expires it is at an end."""

    def orders(self, context: Context, due: Due, now: datetime) -> tuple[list[Order], Pace]:
        """Return what is to be done.

        Raises:
            PermanentError: the rehearsal has expired (`rehearsal_expired`).
        """
        from springtide.events.rehearsal import only_growth

        if now >= due.events[0].end:
            raise PermanentError(
                f"the rehearsal expired at {due.events[0].end:%H:%M:%S} UTC before its services stood: give it more "
                "minutes, or see which run waits.",
                code="rehearsal_expired",
                field="minutes",
            )
        return begin(context, due, now, only_growth)


class LoadTestOperator(BaseOperator):
    """The load test of one service, and the verdict over it. It is sent once: a worker that died sends none again."""

    template_fields = ("service",)

    def __init__(self, *, service: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.service = service

    def execute(self, context: Context) -> Record:
        """Return the outcome.

        Raises:
            AirflowSkipException: the service is not of the rehearsal, but of an event that goes on.
            PermanentError: the load was begun before, and its worker died (`load_test_interrupted`).
        """
        if self.service not in Due.of(context).events[0].asks:
            raise AirflowSkipException(f"{self.service} is not of this rehearsal")
        with SpringtideHook().ports(lambda _message: None) as ports:
            outcome = self._tested(context, ports)
        self.log.info("%s: %s", self.service, outcome.words)
        return outcome.to_record()

    def _tested(self, context: Context, ports: Ports) -> Rehearsed:
        from springtide.events.rehearsal import Wanted, load_order
        from springtide.events.rehearsed import RehearsalVerdict, Rehearsed, judged
        from springtide.run.rehearsing import load_test

        ti, memory = context["ti"], context["task_state_store"]
        asked, report = ti.xcom_pull(task_ids=FOUND_BY, key=ASKED_KEY), ti.xcom_pull(task_ids=PREPARED_BY)
        run_id, now, event = context["dag_run"].run_id, ports.clock.now(), Due.of(context).events[0]
        facts = seen_facts(context).get(self.service)
        none = RehearsalVerdict.NOT_PROVEN
        outcome = Rehearsed(run_id, self.service, asked["event"], now, none, "")
        if facts is None or self.service in report["problems"]:
            why = report["problems"].get(self.service, UNSEEN)
            return replace(outcome, verdict=RehearsalVerdict.WOULD_NOT_HOLD, words=f"could not be prepared: {why}")
        if facts.frozen is not None or now >= event.end:
            why = facts.frozen or "the rehearsal has expired"
            return replace(outcome, words=f"not proven: {why}")
        outcome = replace(outcome, replicas=report["standing"][self.service])
        policy, wanted = policy_of(self.service, policies_folder()), Wanted(**asked["wanted"])
        demand, replicas = facts.health.demand, outcome.replicas
        order = load_order(
            policy, event.asks[self.service], wanted, replicas=replicas, demand=demand, usual=facts.usual
        )
        if isinstance(order, str):
            is_off = policy.spec.rehearsal is None or not wanted.load
            verdict = RehearsalVerdict.NOT_TESTED if is_off else none
            return replace(outcome, verdict=verdict, words=f"{report['services'][self.service]}; {order}")
        if memory.get("begun"):
            raise PermanentError(
                "the load was begun and its worker died: it is not sent twice. Start another rehearsal.",
                code="load_test_interrupted",
            )
        self.log.info("%s: %s", self.service, order)
        return judged(outcome, order, load_test(ports, policy, order, lambda: memory.set("begun", True)))


class ReleaseRehearsalSensor(ScaleServicesSensor):
    """Everything back to what it was, at once, whatever became of the rehearsal: what depends on others goes first."""

    way = "back-"

    def poke(self, context: Context) -> PokeReturnValue:
        """Take one turn; while a run still owns a service, wait for it."""
        try:
            return super().poke(context)
        except Fenced as error:
            self.log.info("waiting: %s", error.message)
            return PokeReturnValue(is_done=False)

    def orders(self, context: Context, due: Due, now: datetime) -> tuple[list[Order], Pace]:
        """Return the way back: decided once all services are free.

        Raises:
            Fenced: a run owns one of them, and not for long enough to give up on it.
        """
        from springtide.events.rehearsal import Back, way_back
        from springtide.events.waves import Order

        memory, almanac = context["task_state_store"], known_events(now).almanac
        kept: Any = memory.get("orders")
        if kept is not None:
            return [Order.from_record(one) for one in kept], almanac.pace
        rehearsal = due.events[0]
        for service in rehearsal.asks:
            drop_note(service, rehearsal.id, now)
        before = {name: one for name, one in seen_facts(context).items() if name in rehearsal.asks and not one.is_owned}
        now_seen = self._looked(context, before, now)
        held = with_events(now_seen, replace(due, events=()), almanac, now)
        services = [
            Back(
                service=name,
                before=before[name].current,
                current=one.current,
                floor=one.floor or 0,
                step_down=one.step_down,
                after=one.after,
                own=one.minimum.own if one.minimum else None,
                until=one.minimum.until(one.events_until) if one.minimum else None,
            )
            for name, one in held.items()
        ]
        orders = way_back(services)
        orders += [Order(name, 0, (0,), (), UNSEEN) for name in sorted(before.keys() - now_seen.keys())]
        memory.set("orders", [one.to_record() for one in orders])
        return orders, almanac.pace

    def _looked(self, context: Context, before: Mapping[str, Facts], now: datetime) -> dict[str, Facts]:
        """Return what there is now; what cannot be looked at is left out."""
        from springtide.run.looking import look_at_service

        found: dict[str, Facts] = {}
        memory = context["task_state_store"]
        since: Any = memory.get("busy_since")
        is_over = since is not None and now - datetime.fromisoformat(since) > BUSY_FOR
        with SpringtideHook().ports(lambda _message: None) as ports:
            for service in before:
                try:
                    facts = look_at_service(ports, policy_of(service, policies_folder()))
                except PermanentError as error:
                    self.log.warning("%s: %s", service, error.message)
                    continue
                if not facts.is_owned:
                    found[service] = facts
                elif not is_over:
                    memory.set("busy_since", since or now.isoformat())
                    raise Fenced(str(facts.frozen), code="run_active")
        return found


class RehearsalReportOperator(BaseOperator):
    """The last task: keeps every service's outcome in the store, and says whether the event would hold."""

    def execute(self, context: Context) -> Record:
        """Return the verdict, service by service.

        Raises:
            AirflowFailException: the event would not hold, or something of the rehearsal failed; the message says all.
            TemporaryError: the store does not answer.
        """
        from springtide.events.rehearsed import Rehearsed

        ti = context["ti"]
        records = [record for record in ti.xcom_pull(task_ids=[TESTED_BY]) or [] if record is not None]
        outcomes = [Rehearsed.from_record(record) for record in records]
        with SpringtideHook().ports(lambda _message: None) as ports:
            for one in outcomes:
                ports.store.save_rehearsed(one)
                self.log.info("%s: %s", one.policy, one.words)
        released = ti.xcom_pull(task_ids=RELEASED_BY)
        problems = _problems(context, outcomes, released)
        if problems:
            raise AirflowFailException("; ".join(problems))
        return {
            "verdict": {one.policy: one.verdict.value for one in outcomes},
            "services": {one.policy: one.words for one in outcomes},
            "released": released["services"],
        }


def _problems(context: Context, outcomes: list[Rehearsed], released: Record | None) -> list[str]:
    """Return what did not hold, and what failed, in words."""
    from springtide.events.rehearsed import RehearsalVerdict

    found = [f"{one.policy}: {one.words}" for one in outcomes if one.verdict is RehearsalVerdict.WOULD_NOT_HOLD]
    if released is None:
        found.append(f"{RELEASED_BY} did not come to its end: its log says why; what it left expires")
    else:
        found += [f"{name} is not given back: {why}" for name, why in released["problems"].items()]
    record = context["ti"].xcom_pull(task_ids=FOUND_BY, key=EVENTS_KEY)
    asked = set() if record is None else set(Due.of(context).events[0].asks)
    untold = sorted(asked - {one.policy for one in outcomes})
    if untold or not asked:
        found.append(f"{', '.join(untold) or 'the event'}: no verdict: see the first task that failed")
    return found
