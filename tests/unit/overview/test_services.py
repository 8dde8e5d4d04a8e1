"""The wall screen as values: every policy is a row, those first that need a look, and nothing empties it."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from springtide import labels
from springtide.clock import ManualClock
from springtide.errors import ClusterUnavailable, InputError, TemporaryError
from springtide.kube.autoscaler import AutoscalerBounds
from springtide.kube.objects import Json, Kind
from springtide.overview.marks import Tone
from springtide.overview.replicas import WITHIN_SECONDS
from springtide.overview.services import ServiceRow
from springtide.overview.wall import WallPorts, WallQuery, WallReader
from springtide.plan.recent import SweepDecision
from springtide.record.model import RunOutcome
from springtide.strategy.hold import FloorHold
from support.many_services import EVIL, QUARTER, ManyServices, a_run, name_of

NOON = datetime(2026, 11, 27, 12, 30, tzinfo=UTC)
AWAY = ClusterUnavailable("no answer from the cluster.", code="cluster_unreachable")


def scene(tmp_path: Path, count: int) -> ManyServices:
    return ManyServices(count, tmp_path / "scene", ManualClock(NOON))


def reader(services: ManyServices) -> WallReader:
    made = services.surroundings()
    return WallReader(
        WallPorts(
            clock=made.clock,
            policies=made.policies,
            calendars=made.calendars,
            open_store=made.open_store,
            open_ports=made.ports,
            paused_dags=made.starts.paused,
        )
    )


def rows(services: ManyServices) -> dict[str, ServiceRow]:
    wall = reader(services).read(WallQuery(limit=200))
    return {row.service: row for row in wall.rows}


def badges(row: ServiceRow) -> set[str]:
    return {badge.text for badge in row.badges}


def test_without_a_policy_there_are_no_rows_and_the_totals_are_nothing(tmp_path: Path) -> None:
    wall = reader(scene(tmp_path, 0)).read(WallQuery())

    assert wall.rows == ()
    assert (wall.totals.services, wall.totals.not_as_wanted, wall.totals.pods_held) == (0, 0, 0)
    assert wall.totals.next_event is None


def test_a_row_says_how_many_are_ready_of_how_many_within_which_bounds_and_why(tmp_path: Path) -> None:
    row = rows(scene(tmp_path, 1))["checkout"]

    assert (row.ready, row.wanted, row.minimum, row.maximum) == (15, 15, 3, 60)
    assert row.is_as_wanted is True
    assert row.why.startswith("15 replicas are needed")
    assert (row.one_run_least, row.one_run_most) == (8, 45)
    assert (row.owner, row.namespace, row.workload) == ("team-0", "team-0", "Deployment checkout")


def test_those_that_need_a_look_come_first_the_worst_of_them_before_all(tmp_path: Path) -> None:
    services = scene(tmp_path, 5)
    wall = reader(services).read(WallQuery())

    assert [row.service for row in wall.rows][:2] == ["search", "payments"]
    assert badges(wall.rows[0]) >= {"failed twice", "not as wanted"}
    assert badges(wall.rows[1]) >= {"paused", "waiting for approval"}
    assert wall.totals.approvals == 1
    assert wall.totals.not_as_wanted == 1


def test_a_service_that_lacks_a_pod_is_not_as_wanted_unless_a_run_is_on_its_way(tmp_path: Path) -> None:
    services = scene(tmp_path, 2)
    assert rows(services)["search"].is_as_wanted is False
    assert "not as wanted" in badges(rows(services)["search"])

    running = replace(
        a_run(1, NOON, RunOutcome.SUCCEEDED, "more"), outcome=RunOutcome.RUNNING, ended_at=None, run_id="now"
    )
    services.store.save(running)
    assert badges(rows(services)["search"]) & {"scaling", "not as wanted"} == {"scaling"}

    later = NOON + timedelta(minutes=1)
    services.store.save(
        replace(a_run(1, later, RunOutcome.SUCCEEDED, "400"), run_id="refused", outcome=RunOutcome.REFUSED)
    )
    row = rows(services)["search"]
    assert row.last is not None
    assert (row.last.run_id, "scaling" in badges(row)) == ("now", True)


@pytest.mark.parametrize(("minutes", "is_as_wanted"), [(6, False), (1, True)])
def test_what_was_decided_and_does_not_stand_after_five_minutes_is_told(
    tmp_path: Path, *, minutes: int, is_as_wanted: bool
) -> None:
    services = scene(tmp_path, 0)
    services.policy(0)
    decision = SweepDecision(
        policy="checkout", at=NOON - timedelta(minutes=minutes), before=15, planned=40, answer=40, reason="a rush"
    )
    services.store.save_decisions([decision], now=NOON)

    row = rows(services)["checkout"]
    assert row.is_as_wanted is is_as_wanted
    assert [badge.why for badge in row.badges] == (
        [] if is_as_wanted else ["15 of 15 pods are ready, and 40 were decided"]
    )


def test_a_broken_policy_is_a_row_of_its_own_and_takes_no_other_with_it(tmp_path: Path) -> None:
    services = scene(tmp_path, 3)
    (services.folder / "policies" / "search.yaml").write_text("kind: Nonsense")

    found = rows(services)

    assert set(found) == {"checkout", "search", "payments"}
    assert badges(found["search"]) >= {"policy broken"}
    assert "search.yaml" in found["search"].problem
    assert str(services.folder) not in found["search"].problem
    assert found["checkout"].ready == 15
    assert reader(services).read(WallQuery()).left_out[0].startswith("search: ")


def test_a_cluster_that_is_away_makes_its_services_unknown_with_its_words_and_never_zero(tmp_path: Path) -> None:
    services = scene(tmp_path, 3)
    services.cluster.away = AWAY
    wall = reader(services).read(WallQuery())

    assert {(row.ready, row.wanted, row.is_as_wanted) for row in wall.rows} == {(None, None, None)}
    assert {row.unknown for row in wall.rows} == {"no answer from the cluster."}
    assert wall.totals.unknown == 3
    assert all("unknown" in badges(row) for row in wall.rows)


def test_a_cluster_that_never_answers_keeps_no_page_waiting(tmp_path: Path) -> None:
    services = scene(tmp_path, 1)
    answers = threading.Event()
    listed = services.cluster.list

    def slow(kind: Kind, namespace: str, *, selector: str = "", fields: str = "") -> list[Json]:
        answers.wait(30)
        return listed(kind, namespace, selector=selector, fields=fields)

    services.cluster.list = slow  # type: ignore[method-assign]
    made = reader(services)
    made._looks._within = 0.05
    try:
        (row,) = made.read(WallQuery()).rows
        assert row.unknown == "the cluster did not answer within 0.05 s"
        assert WITHIN_SECONDS <= 2
    finally:
        answers.set()


def test_the_cluster_is_asked_by_lists_of_namespaces_however_many_services_there_are(tmp_path: Path) -> None:
    services = scene(tmp_path, 50)
    made = reader(services)
    made._policies._within = 600
    made.read(WallQuery())
    asked = list(services.cluster.lists)
    made.read(WallQuery())

    assert len(asked) == 5 * 3
    assert services.cluster.lists == asked, "a second look within five seconds asks nobody"


def test_a_store_that_is_away_is_a_banner_and_what_runs_is_shown_all_the_same(tmp_path: Path) -> None:
    services = scene(tmp_path, 1)
    made = services.surroundings()

    def away() -> object:
        raise TemporaryError("the store does not answer.", code="store_unavailable")

    ports = WallPorts(
        clock=made.clock,
        policies=made.policies,
        calendars=made.calendars,
        open_store=away,  # type: ignore[arg-type]
        open_ports=made.ports,
        paused_dags=made.starts.paused,
    )
    wall = WallReader(ports).read(WallQuery())

    assert wall.rows[0].ready == 15
    assert "The store of runs is away" in wall.banners[0].text


def test_a_raised_minimum_is_held_by_whom_until_when_and_counts_as_pods_held(tmp_path: Path) -> None:
    services = scene(tmp_path, 1)
    hold = FloorHold(
        run="run-1",
        owner="ann",
        reason="the sale",
        until=NOON + timedelta(hours=3),
        raised=AutoscalerBounds(18, 60),
        original=AutoscalerBounds(3, 60),
    )
    services.cluster.autoscalers.append(
        {
            "metadata": {"name": "checkout", "namespace": "team-0", "annotations": {labels.FLOOR: hold.to_text()}},
            "spec": {
                "minReplicas": 18,
                "maxReplicas": 60,
                "scaleTargetRef": {"kind": "Deployment", "name": "checkout"},
            },
        }
    )
    wall = reader(services).read(WallQuery())
    held = wall.rows[0].held

    assert held is not None
    assert (held.by, held.until, held.reason, held.pods) == ("ann", NOON + timedelta(hours=3), "the sale", 15)
    assert wall.totals.pods_held == 15
    assert wall.totals.held_money == pytest.approx(15 * 0.12)


def test_what_comes_next_is_the_event_that_asks_with_when_it_is_prepared(tmp_path: Path) -> None:
    wall = reader(scene(tmp_path, 2)).read(WallQuery())
    coming = {row.service: row.coming for row in wall.rows}

    assert coming["search"] is None
    event = coming["checkout"]
    assert event is not None
    assert (event.event, event.asks, event.start) == ("singles-day", "3.2x", NOON + timedelta(hours=5, minutes=20))
    assert event.prepared_at == event.start - timedelta(minutes=45)
    assert wall.totals.next_event == event


def test_today_is_counted_in_pod_hours_since_midnight_and_events_beside_it(tmp_path: Path) -> None:
    cost = rows(scene(tmp_path, 1))["checkout"].cost

    assert cost is not None
    assert 70 < cost.pod_hours < 12.5 * 18
    assert cost.event_pod_hours > 0
    assert cost.unknown_hours == pytest.approx(0, abs=0.01)
    assert cost.money == pytest.approx(cost.pod_hours * 0.12)


def test_what_nobody_decided_in_is_told_as_hours_and_counted_as_none(tmp_path: Path) -> None:
    services = scene(tmp_path, 0)
    services.policy(0)
    decision = SweepDecision(policy="checkout", at=NOON - timedelta(hours=1), before=3, planned=4, observed=4)
    services.store.save_decisions([decision], now=NOON)

    cost = rows(services)["checkout"].cost

    assert cost is not None
    assert cost.pod_hours == pytest.approx(4.0)
    assert cost.unknown_hours == pytest.approx(11.5)


def test_banners_tell_a_paused_sweep_a_broken_calendar_and_where_runs_are_kept(tmp_path: Path) -> None:
    services = scene(tmp_path, 1)
    services.starts.paused_dags = {"adjust_capacity"}
    (services.folder / "calendars" / "broken.yaml").write_text("kind: EventCalendar")

    told = {banner.text: banner.tone for banner in reader(services).read(WallQuery()).banners}

    assert any("adjust_capacity is paused" in text for text in told)
    assert [tone for text, tone in told.items() if "BROKEN CALENDAR" in text] == [Tone.BAD]
    assert any("memory of this machine" in text for text in told)


def test_a_halt_of_a_namespace_is_told_above_everything(tmp_path: Path) -> None:
    services = scene(tmp_path, 1)
    got = services.cluster.get

    def get(kind: Kind, namespace: str, name: str) -> Json:
        if kind is Kind.CONFIG_MAP:
            return {"metadata": {"namespace": namespace, "name": name}, "data": {"by": "ann", "why": "an incident"}}
        return got(kind, namespace, name)

    services.cluster.get = get  # type: ignore[method-assign]
    banner = reader(services).read(WallQuery()).banners[0]

    assert "HALTED by ann: an incident" in banner.text
    assert banner.tone is Tone.BAD


def test_a_thousand_services_come_in_pages_and_are_found_by_words(tmp_path: Path) -> None:
    services = scene(tmp_path, 1000)
    made = reader(services)
    made._policies._within = 600
    first = made.read(WallQuery())
    last = made.read(WallQuery(offset=980))

    assert (len(first.rows), first.matching, first.following) == (50, 1000, 50)
    assert (len(last.rows), last.following) == (20, None)
    assert first.totals == last.totals
    assert made.read(WallQuery(search="team-3 0123")).rows[0].service == name_of(123)
    assert made.read(WallQuery(search="PAUSED")).matching == 1


@pytest.mark.parametrize(("limit", "offset"), [(0, 0), (201, 0), (50, -1), (50, 100_001)])
def test_a_page_that_cannot_be_is_refused(limit: int, offset: int) -> None:
    with pytest.raises(InputError, match="allowed:"):
        WallQuery(limit=limit, offset=offset)


def test_a_wall_is_json_and_foreign_text_is_only_text_in_it(tmp_path: Path) -> None:
    record = reader(scene(tmp_path, 3)).read(WallQuery()).to_record()

    text = json.dumps(record)
    assert {item["service"] for item in json.loads(text)["items"]} == {"checkout", "search", "payments"}
    assert EVIL in json.loads(text)["items"][0]["last"]["reason"]
    assert record["next"] is None
    assert timedelta(minutes=15) == QUARTER
