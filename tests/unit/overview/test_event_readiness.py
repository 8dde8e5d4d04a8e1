"""The checks of an event by table: each light, with both numbers in its sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

import pytest

from springtide.errors import InputError, TemporaryError
from springtide.events.rehearsed import RehearsalOutcome, RehearsalVerdict
from springtide.overview.event_surroundings import AirflowSight
from springtide.overview.events import Light
from springtide.plan.recent import SweepDecision
from springtide.record.approvals import ApprovalAhead
from springtide.record.memory import MemoryStore
from springtide.record.pauses import Pause
from support.builders import NOW
from support.event_scene import ALL_ON, START, EventScene, sale, sales, web_policy

GREEN = Light.GREEN
AMBER = Light.AMBER
RED = Light.RED
UNKNOWN = Light.UNKNOWN


@dataclass(frozen=True)
class Case:
    """One check of one scene: its light, and what stands in its sentence."""

    check: str
    scene: Callable[[], EventScene]
    light: Light
    words: tuple[str, ...]


def asks(wanted: int | str, **policy: Any) -> EventScene:
    ask = {"multiply": wanted} if isinstance(wanted, str) else {"replicas": wanted}
    given: dict[str, Any] = {"replicas": {"min": 2, "max": 10}} | policy
    return EventScene(policies={"web": web_policy(**given)}, calendars=(sales(sale(services={"web": ask})),))


def two(cap: int, *, priority: int = 50) -> EventScene:
    """Return two events at one time under a cap: `sale` for 12 of web, and another for 8 of mail."""
    other = sale(name="other", services={"mail": {"replicas": 8}}, priority=priority)
    policies = {name: web_policy(name) for name in ("web", "mail")}
    return EventScene(policies=dict(policies), calendars=(sales(sale(), other, cap={"pods": cap}),))


def capped(multiply: str, cap: int) -> EventScene:
    return EventScene(calendars=(sales(sale(services={"web": {"multiply": multiply}}), cap={"pods": cap}),))


def airflow(**paused: bool) -> EventScene:
    assert ALL_ON.paused is not None
    return EventScene(airflow=replace(ALL_ON, paused={**ALL_ON.paused, **paused}))


def paused_until(hours: float | None) -> EventScene:
    scene = EventScene()
    until = None if hours is None else NOW + timedelta(hours=hours)
    scene.store.pause(Pause(service="web", at=NOW, by="ann", reason="smoke test fails", until=until))
    return scene


def rehearsed(verdict: RehearsalVerdict, replicas: int = 12, days: int = 3, event: str = "sales.sale") -> EventScene:
    scene = EventScene()
    scene.store.save_rehearsed(
        RehearsalOutcome(
            run_id="r1",
            policy="web",
            event=event,
            at=NOW - timedelta(days=days),
            verdict=verdict,
            message="41 requests/s for 60 s",
            replicas=replicas,
        )
    )
    return scene


def approved(within: str, awake: str = "08:00-22:00 UTC", **event: Any) -> EventScene:
    policy = web_policy(approval={"always": True, "within": within})
    return EventScene(policies={"web": policy}, awake=awake, calendars=(sales(sale(**event)),))


def ahead(up_to: int) -> EventScene:
    """Return a scene at night, in which somebody approved the event before."""
    scene = approved("10m", "13:00-22:00 UTC")
    workload = web_policy().spec.target.workload
    scene.store.approve_ahead(
        ApprovalAhead(
            policy="web",
            target=workload,
            event="sales.sale.20261112T120000Z",
            up_to=up_to,
            until=START,
            at=NOW,
            by="ann",
            reason="the launch",
        )
    )
    return scene


def needed(*answers: int) -> EventScene:
    """Return a scene in which an event of the kind took place for each answer, days ago."""
    past = [sale(name=f"past-{at}", start=f"{START - timedelta(days=3 + at):%Y-%m-%dT%H:%M}") for at in range(3)]
    events = [event | {"kind": "flash"} for event in (sale(), *past)]
    scene = EventScene(calendars=(sales(*events),))
    decisions = [
        SweepDecision(
            policy="web",
            at=START - timedelta(days=3 + at) + timedelta(minutes=15),
            before=2,
            planned=12,
            answer=answer,
            observed=12,
        )
        for at, answer in enumerate(answers)
    ]
    scene.store.save_decisions(decisions, now=NOW)
    return scene


def shared(limit: int, **policies: Any) -> EventScene:
    entry = {"name": "orders-db", "connections_per_replica": 10, "limit": limit}
    given = {"web": web_policy(downstream=[entry], strategy={"type": "in_place"})} | policies
    return EventScene(policies=given)


def floor(**paused: bool) -> EventScene:
    return replace(airflow(**paused), policies={"web": web_policy(strategy={"type": "floor", "expires": "1d"})})


CASES: Final = (
    Case("policy maximum", lambda: asks(8), GREEN, ("asks for 8", "replicas.max is 10")),
    Case("policy maximum", lambda: asks(80), RED, ("asks for 80", "replicas.max is 10", "it gets 10")),
    Case("policy maximum", lambda: asks("3x"), UNKNOWN, ("asks for 3x", "nobody measured", "10 holds that of 3")),
    Case("policy maximum", lambda: asks("3x").took("web", 60, replicas=4), AMBER, ("12 (3x of 4)", "max is 10")),
    Case("policy maximum", lambda: asks("3x").took("web", 60, replicas=3), GREEN, ("9 (3x of 3)", "max is 10")),
    Case("policy", lambda: asks(8, mode="advise"), AMBER, ("mode advise",)),
    Case("policy", lambda: EventScene(policies={"web": "line 3"}), RED, ("cannot be used (policy_unreadable)",)),
    Case("policy", lambda: EventScene(policies={"mail": web_policy("mail")}), RED, ("no policy of this name",)),
    Case("policy", lambda: EventScene(policies={}), UNKNOWN, ("no policy is known here",)),
    Case("cap", lambda: two(20), GREEN, ("take 12 pods", "is 20")),
    Case("cap", lambda: two(18, priority=90), RED, ("asks for 12 and gets 10", "10 of the cap of 18 pods are left")),
    Case("cap", lambda: capped("3x", 9), UNKNOWN, ("what web takes is not known", "is 9")),
    Case(
        "freeze",
        lambda: EventScene(
            calendars=(
                sales(
                    freezes=[
                        {"name": "audit", "reason": "auditors", "start": f"{NOW:%Y-%m-%dT%H:%M}", "duration": "3d"}
                    ]
                ),
            )
        ),
        RED,
        ("web is frozen until", "by audit (auditors)", "it is to be prepared at 2026-11-12 11:00 UTC"),
    ),
    Case("halt", lambda: EventScene(halted="ann: no (SPRINGTIDE_HALT)"), RED, ("halted by ann: no",)),
    Case("pause", lambda: paused_until(None), RED, ("paused by ann", "smoke test fails", "2026-11-12 11:00")),
    Case("pause", lambda: paused_until(48), RED, ("paused by ann", "until 2026-11-13 00:00 UTC")),
    Case("pause", lambda: paused_until(2), GREEN, ("paused by ann", "until 2026-11-11 02:00 UTC", "after that")),
    Case("time", lambda: EventScene().took("web", 300), GREEN, ("2 runs (web 2 → 6 → 12", "p95 10 min", "margin 50")),
    Case("time", lambda: EventScene().took("web", 1700), AMBER, ("p95 57 min, 60 min are there", "margin 3 min")),
    Case("time", lambda: EventScene().took("web", 2000), RED, ("p95 67 min", "60 min are there")),
    Case("time", EventScene, UNKNOWN, ("no run of web was measured", "60 min are there", "would be 35 min")),
    Case("approval", lambda: approved("1d"), AMBER, ("approvals of team-web needed at 2026-11-12 11:00 UTC",)),
    Case("approval", lambda: approved("10m", "13:00-22:00 UTC"), RED, ("until 2026-11-12 11:10", "nobody is awake")),
    Case("approval", lambda: approved("1d", "13:00-22:00 UTC"), RED, ("answered until 2026-11-12 12:00 UTC",)),
    Case("approval", lambda: approved("1d", "11:30-22:00 UTC"), AMBER, ("awake 11:30-22:00 UTC",)),
    Case("approval", lambda: ahead(12), GREEN, ("ann approved web for", "up to 12 replicas", "12 are to stand")),
    Case("approval", lambda: ahead(11), RED, ("nobody is awake",)),
    Case("approval", lambda: ahead(0), RED, ("nobody is awake",)),
    Case("prepare_events", lambda: airflow(prepare_events=True), RED, ("prepare_events is paused",)),
    Case("scale_service", lambda: airflow(scale_service=True), RED, ("scale_service is paused",)),
    Case("adjust_capacity", EventScene, GREEN, ("adjust_capacity is on",)),
    Case("adjust_capacity", lambda: airflow(adjust_capacity=True), AMBER, ("nobody will give back web at all",)),
    Case("adjust_capacity", lambda: floor(adjust_capacity=True), AMBER, ("give back web before 2026-11-13 14:00 UTC",)),
    Case("adjust_capacity", lambda: floor(adjust_capacity=True, release_floors=True), AMBER, ("give back web at all",)),
    Case("airflow", lambda: EventScene(airflow=AirflowSight()), UNKNOWN, ("Airflow was not asked", "is not known")),
    Case("cluster", EventScene, UNKNOWN, ("not checked for web", "quota and nodes", "no cluster was asked")),
    Case("rehearsal", EventScene, AMBER, ("never rehearsed", "not proven")),
    Case("rehearsal", lambda: rehearsed(RehearsalVerdict.HELD), GREEN, ("3 days ago with 12", "now 12 are", "held")),
    Case("rehearsal", lambda: rehearsed(RehearsalVerdict.HELD, 8), AMBER, ("with 8 replicas, now 12 are asked for",)),
    Case("rehearsal", lambda: rehearsed(RehearsalVerdict.HELD, days=91), AMBER, ("91 days ago",)),
    Case("rehearsal", lambda: rehearsed(RehearsalVerdict.WOULD_NOT_HOLD), RED, ("would not hold: 41 requests/s",)),
    Case("rehearsal", lambda: rehearsed(RehearsalVerdict.NOT_PROVEN), AMBER, ("not proven: 41 requests/s",)),
    Case("rehearsal", lambda: rehearsed(RehearsalVerdict.HELD, event="sales.other"), AMBER, ("never rehearsed",)),
    Case("history", lambda: needed(7, 12, 9), GREEN, ("needed 7, 12, 9 the last times", "asks for 12")),
    Case("history", lambda: needed(17), AMBER, ("needed 17 the last times", "asks for 12")),
    Case("connections", lambda: shared(130), GREEN, ("120 connections", "130 may be used")),
    Case("connections", lambda: shared(100), RED, ("120 connections at the peak (web 12 replicas x 10)", "100 may be")),
    Case(
        "connections",
        lambda: shared(
            130, mail=web_policy("mail", downstream=[{"name": "orders-db", "connections_per_replica": 1, "limit": 125}])
        ),
        UNKNOWN,
        ("mail ? replicas x 1", "125 may be used"),
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.check}-{case.light}")
def test_a_check_has_its_light_and_both_numbers(case: Case) -> None:
    found = case.scene().check(case.check)

    assert found.light is case.light, found
    assert [words for words in case.words if words not in found.sentence] == []
    assert (
        found.light is GREEN
        or case.check in {"connections", "history", "pause"}
        or found.to_do
        or case.light is UNKNOWN
    )


def test_what_nobody_measured_makes_no_card_green() -> None:
    card = EventScene().card()

    assert card.light is AMBER
    assert (card.margin_seconds, card.preparation_seconds) == (None, None)


def test_a_red_check_makes_the_card_red_and_stands_in_the_way_of_its_row() -> None:
    card = asks(80).card()

    assert card.light is RED
    assert card.event.obstacles == ("web: asks for 80, replicas.max is 10, so it gets 10",)


def test_a_store_that_does_not_answer_is_told_and_takes_nothing_else_away() -> None:
    class Silent(MemoryStore):
        def latest(self, *_args: object, **_more: object) -> tuple[()]:
            raise TemporaryError("the store does not answer", code="store_unavailable")

    card = EventScene(store=Silent()).card()

    assert "the store was not read" in next(each for each in card.checks if each.name == "rehearsal").sentence
    assert next(each for each in card.checks if each.name == "policy maximum").light is GREEN


def test_the_card_says_in_which_waves_and_what_it_costs() -> None:
    asked = {name: {"replicas": 12} for name in ("db", "web")}
    policies = {"db": web_policy("db"), "web": web_policy(after=["db"])}
    spec = {"cap": {"cost_per_hour": 50, "cost_per_pod_hour": 0.5}}
    scene = EventScene(policies=dict(policies), calendars=(sales(sale(services=asked), **spec),))

    card = scene.took("web", 60).took("db", 120).card()

    assert [[each.service for each in wave.services] for wave in card.waves] == [["db"], ["web"]]
    assert card.waves[0].services[0].steps == (6, 12)
    begins = START - timedelta(hours=1)
    stood = [wave.stands_at - begins for wave in card.waves if wave.stands_at is not None]
    assert stood == [timedelta(minutes=4), timedelta(minutes=6)]
    assert (card.cost.pods, card.cost.beyond, card.cost.pod_hours, card.cost.money) == (24, 20, 48.0, 24.0)


def test_an_unknown_event_names_those_that_there_are() -> None:
    with pytest.raises(InputError, match=r"there are: sales\.sale"):
        EventScene().card("sail")
