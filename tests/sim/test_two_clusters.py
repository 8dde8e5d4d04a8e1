"""Two clusters: the same names in both are two services, and one that is away takes nothing of the other with it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from springtide.errors import ClusterUnavailable, InputError, PermanentError
from springtide.fleet.child_runs import ChildRun
from springtide.fleet.due import due_sweep
from springtide.fleet.expired import release_everywhere
from springtide.fleet.in_process import InProcessRuns
from springtide.fleet.looking import look_at_due
from springtide.fleet.orders import decided_orders
from springtide.labels import FLOOR, STATE
from springtide.plan.findings import FindingStatus
from springtide.plan.model import ScalingPlan
from springtide.record.model import RunOutcome
from springtide.recovery.report import ReconcileStatus
from springtide.recovery.rounds import Scope, reconcile_everywhere
from springtide.run import phases, pipeline
from springtide.run.admission import plan_capacity
from springtide.run.ports import Neighbours
from springtide.sandbox.faults import Crashed, Fault, FaultKind, FaultPlan, Match
from support.courses import autoscaler
from support.simulation import NAMESPACE
from support.two_clusters import ALPHA, SECOND, TwoClusters

ORDERS = {"name": "orders", "connections_per_replica": 10, "limit": 100, "reserve": 20}


def run(both: TwoClusters, cluster: str, replicas: int, run_id: str) -> RunOutcome:
    return pipeline.run(both.ports(cluster, run_id), both.here[cluster].request(replicas, run_id))


def crash(both: TwoClusters, cluster: str, run_id: str) -> None:
    """Let a run die after its fourth write."""
    world = both.here[cluster].world
    world.faults = FaultPlan().at(Match(write=4), Fault(FaultKind.CRASH_AFTER))
    with pytest.raises(Crashed):
        run(both, cluster, 4, run_id)
    world.faults = FaultPlan()
    world.settle()


def scopes(both: TwoClusters) -> tuple[Scope, ...]:
    return tuple(Scope(policies=(policy,)) for policy in both.policies)


def finding(plan: ScalingPlan, check: str) -> tuple[FindingStatus, str]:
    (found,) = [each for each in plan.findings if each.check == check]
    return found.status, found.message


class TestARun:
    def test_moves_its_own_cluster_alone(self) -> None:
        both = TwoClusters()

        assert run(both, ALPHA, 4, "run-1") is RunOutcome.SUCCEEDED

        assert (both.desired(ALPHA), both.desired(SECOND)) == (4, 2)
        assert both.writes(SECOND) == []
        assert both.lease(SECOND) is None

    def test_and_one_of_the_other_cluster_own_their_workloads_at_once(self) -> None:
        both = TwoClusters()
        crash(both, ALPHA, "run-1")

        assert run(both, SECOND, 5, "run-2") is RunOutcome.SUCCEEDED

        held = both.lease(ALPHA)
        assert held is not None
        assert held["spec"]["holderIdentity"] == "run-1"
        assert both.desired(SECOND) == 5

    def test_is_known_by_its_cluster_in_lease_and_record(self) -> None:
        both = TwoClusters()
        run(both, SECOND, 4, "run-1")

        lease = both.lease(SECOND)
        assert lease is not None
        state = json.loads(lease["metadata"]["annotations"][STATE])
        assert state["plan"]["target"]["cluster"] == SECOND
        assert both.here[ALPHA].store.get("run-1").target.cluster == SECOND

    def test_is_not_begun_once_its_policy_names_another_cluster(self) -> None:
        both = TwoClusters()
        request = both.here[ALPHA].request(4)
        plan = phases.calculate_capacity(both.ports(ALPHA), request)
        moved = replace(request, policy=both.get(SECOND).model_copy(update={"metadata": request.policy.metadata}))

        with pytest.raises(InputError) as caught:
            phases.create_instances(replace(both.ports(ALPHA), neighbours=Neighbours), moved, plan)

        assert caught.value.code == "plan_stale"
        assert "shop/web in cluster alpha, and now it would be shop/web in cluster second" in caught.value.message
        assert both.desired(ALPHA) == 2

    def test_of_the_same_numbers_in_the_other_cluster_is_another_plan(self) -> None:
        both = TwoClusters()
        plan = phases.calculate_capacity(both.ports(ALPHA), both.here[ALPHA].request(4))

        elsewhere = replace(plan, target=replace(plan.target, cluster=SECOND))
        assert plan.fingerprint != elsewhere.fingerprint


class TestWhatIsShared:
    def test_a_database_knows_no_clusters(self) -> None:
        both = TwoClusters(spec={"downstream": [ORDERS]})

        plan = plan_capacity(both.ports(ALPHA), both.here[ALPHA].request(5))

        status, message = finding(plan, "downstream")
        assert status is FindingStatus.REFUSED
        assert "alpha 7 replicas x 10 + second in cluster second 2 replicas x 10" in message

    def test_what_a_cluster_takes_that_is_away_is_not_known(self) -> None:
        both = TwoClusters(spec={"downstream": [ORDERS]}, away={SECOND})

        plan = plan_capacity(both.ports(ALPHA), both.here[ALPHA].request(4))

        status, message = finding(plan, "downstream")
        assert status is FindingStatus.NOT_CHECKED
        assert "the replicas of second in cluster second could not be read" in message

    def test_a_run_in_flight_in_the_other_cluster_counts_with_its_peak(self) -> None:
        both = TwoClusters(spec={"downstream": [ORDERS]}, strategy="in_place")
        crash(both, SECOND, "run-1")

        plan = plan_capacity(both.ports(ALPHA), both.here[ALPHA].request(4))

        assert "second in cluster second 4 replicas x 10, with run 'run-1' in flight" in finding(plan, "downstream")[1]

    def test_a_quota_is_of_one_cluster(self) -> None:
        both = TwoClusters(strategy="in_place")
        crash(both, SECOND, "run-1")
        quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "few", "namespace": NAMESPACE}}
        both.here[ALPHA].world.apply(quota | {"spec": {"hard": {"pods": "4"}}})
        both.here[ALPHA].world.settle()

        plan = plan_capacity(both.ports(ALPHA), both.here[ALPHA].request(4))

        assert finding(plan, "quota")[0] is FindingStatus.PASSED


class TestASweep:
    def test_goes_on_with_the_cluster_that_answers(self) -> None:
        both = TwoClusters(away={ALPHA}, strategy="in_place")
        fleet = both.fleet()
        due = due_sweep(fleet)

        look = look_at_due(fleet, due)
        orders = {order.service: order for order in decided_orders(fleet, due, look.seen, unseen=look.unseen)}

        assert list(look.seen) == [SECOND]
        assert orders[SECOND].steps
        assert "the API server does not answer" in orders[ALPHA].reason

    def test_runs_each_service_in_its_own_cluster(self) -> None:
        both = TwoClusters(strategy="in_place", away={ALPHA})
        with InProcessRuns(both.fleet(), requested_by="a test") as runs:
            for service, replicas in ((ALPHA, 3), (SECOND, 4)):
                run_id = f"sweep-{service}"
                runs.start(ChildRun(run_id=run_id, service=service, before=2, replicas=replicas, reason="a test"))
                runs.join(run_id)
            failure = runs.failure(f"sweep-{ALPHA}")

        assert "the API server does not answer" in failure
        assert (both.desired(ALPHA), both.desired(SECOND)) == (2, 4)


class TestARound:
    def test_ends_the_runs_of_the_cluster_that_answers_and_tells_of_the_other(self) -> None:
        both = TwoClusters()
        crash(both, ALPHA, "run-1")
        crash(both, SECOND, "run-2")
        both.away = {ALPHA}

        report = reconcile_everywhere(both.open_cluster, scopes(both), lambda _run: False)

        (ended,) = report.with_status(ReconcileStatus.ENDED)
        assert (ended.run_id, ended.cluster, str(ended.workload)) == ("run-2", SECOND, "shop/web in cluster second")
        (error,) = report.unanswered
        assert error.message.startswith("cluster alpha: ")
        assert both.desired(SECOND) == 2

    def test_ends_it_there_once_it_is_back(self) -> None:
        both = TwoClusters()
        crash(both, ALPHA, "run-1")
        both.away = {ALPHA}
        reconcile_everywhere(both.open_cluster, scopes(both), lambda _run: False)
        both.away = set()

        report = reconcile_everywhere(both.open_cluster, scopes(both), lambda _run: False)

        (ended,) = report.runs
        assert (ended.run_id, ended.cluster, ended.outcome) == ("run-1", ALPHA, RunOutcome.ROLLED_BACK)
        assert report.refused == ()

    def test_tells_of_a_cluster_that_cannot_be_opened(self) -> None:
        both = TwoClusters()
        crash(both, SECOND, "run-2")

        def opened(policy: object) -> object:
            if policy is both.get(ALPHA):
                raise InputError("there is no such connection", code="connection_missing")
            return both.open_cluster(both.get(SECOND))

        report = reconcile_everywhere(opened, scopes(both), lambda _run: False)  # type: ignore[arg-type]

        assert [run.run_id for run in report.runs] == ["run-2"]
        assert report.problems == ("cluster alpha: there is no such connection",)


class TestFloorsThatAreOver:
    def held(self) -> TwoClusters:
        both = TwoClusters(strategy="floor", settings={"expires": "2h"})
        for cluster, each in both.here.items():
            each.world.apply(autoscaler(2))
            each.world.settle()
            run(both, cluster, 4, f"raise-{cluster}")
            each.world.clock.sleep(3 * 3600)
        return both

    def minimums(self, both: TwoClusters) -> dict[str, int]:
        hpas = {name: each.world.get("horizontalpodautoscalers", NAMESPACE, "web") for name, each in both.here.items()}
        return {name: hpa["spec"]["minReplicas"] for name, hpa in hpas.items() if hpa is not None}

    def test_the_note_says_which_cluster_it_is_for(self) -> None:
        both = self.held()

        hpa = both.here[SECOND].world.get("horizontalpodautoscalers", NAMESPACE, "web")
        assert hpa is not None
        assert json.loads(hpa["metadata"]["annotations"][FLOOR])["cluster"] == SECOND

    def test_are_given_back_in_both(self) -> None:
        both = self.held()

        released = release_everywhere(both.open_cluster, both.policies, (), parent="over", requested_by="a test")

        assert [floor.service for floor in released] == [ALPHA, SECOND]
        assert self.minimums(both) == {ALPHA: 2, SECOND: 2}

    def test_are_given_back_where_the_other_cluster_is_away(self) -> None:
        both = self.held()
        both.away = {ALPHA}

        with pytest.raises(ClusterUnavailable) as caught:
            release_everywhere(both.open_cluster, both.policies, (), parent="over", requested_by="a test")

        assert caught.value.message.startswith("cluster alpha: ")
        assert self.minimums(both) == {ALPHA: 4, SECOND: 2}

    def test_one_that_nobody_can_give_back_is_told_beside_a_cluster_that_is_away(self) -> None:
        both = self.held()
        both.away = {ALPHA}
        hpa = both.here[SECOND].world.get("horizontalpodautoscalers", NAMESPACE, "web")
        assert hpa is not None
        metadata = hpa["metadata"] | {"annotations": {FLOOR: "somebody's"}}
        both.here[SECOND].world.apply(hpa | {"metadata": metadata}, manager="somebody")

        with pytest.raises(PermanentError) as caught:
            release_everywhere(both.open_cluster, both.policies, (), parent="over", requested_by="a test")

        permanent, temporary = caught.value.message.splitlines()
        assert permanent.startswith("cluster second: ")
        assert temporary.startswith("cluster alpha: ")
