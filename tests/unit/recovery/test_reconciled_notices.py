"""What people are told of runs that others left: their ends, once, and those that need somebody."""

from __future__ import annotations

import pytest

from springtide.notify.facts import run_key
from springtide.record.model import RunOutcome
from springtide.recovery.notices import reconciled_facts
from springtide.recovery.report import ReconciledRun, ReconcileReport, ReconcileStatus
from support.builders import policy


def facts(status: ReconcileStatus, outcome: RunOutcome, deployment: str = "web") -> list[tuple[str, ...]]:
    """Return kind, subject, key and tags of what is told of a run that a round found so."""
    run = ReconciledRun(
        namespace="shop", deployment=deployment, run_id="r1", status=status, outcome=outcome, message="both sets stay"
    )
    found = reconciled_facts(ReconcileReport((run,), ()), [policy()])
    return [(fact.kind, fact.subject, fact.key, *fact.to) for fact in found]


@pytest.mark.parametrize(
    ("status", "outcome", "kind"),
    [
        (ReconcileStatus.ENDED, RunOutcome.ROLLED_BACK, "rolled_back"),
        (ReconcileStatus.ENDED, RunOutcome.FAILED, "failed"),
        (ReconcileStatus.NEEDS_ATTENTION, RunOutcome.NEEDS_ATTENTION, "needs_attention"),
    ],
)
def test_the_end_of_a_run_has_the_key_that_its_own_report_would_have_given_it(
    status: ReconcileStatus, outcome: RunOutcome, kind: str
) -> None:
    assert facts(status, outcome) == [(kind, "web", run_key("r1", kind), "team-web")]


def test_a_run_that_stands_still_needs_somebody() -> None:
    ((kind, *_),) = facts(ReconcileStatus.STALLED, RunOutcome.RUNNING)

    assert kind == "needs_attention"


@pytest.mark.parametrize("status", [ReconcileStatus.ALIVE, ReconcileStatus.ELSEWHERE, ReconcileStatus.RETRY_LATER])
def test_a_run_that_is_left_to_its_owner_is_not_told_of(status: ReconcileStatus) -> None:
    assert facts(status, RunOutcome.RUNNING) == []


def test_a_success_that_a_round_finished_is_told_to_nobody_unasked() -> None:
    assert facts(ReconcileStatus.ENDED, RunOutcome.SUCCEEDED) == [("succeeded", "web", "succeeded:run:r1")]


def test_the_same_names_in_another_cluster_are_another_workload_with_other_people() -> None:
    there = ReconciledRun(
        namespace="shop",
        deployment="web",
        run_id="r1",
        status=ReconcileStatus.ENDED,
        outcome=RunOutcome.FAILED,
        message="both sets stay",
        cluster="emea",
    )

    (fact,) = reconciled_facts(ReconcileReport((there,), ()), [policy()])

    assert (fact.subject, fact.to) == ("shop/web in cluster emea", ("springtide",))


def test_a_run_of_no_readable_policy_goes_to_the_installation_under_the_name_of_its_workload() -> None:
    found = facts(ReconcileStatus.ENDED, RunOutcome.FAILED, deployment="gone")

    assert found == [("failed", "shop/gone", "failed:run:r1", "springtide")]
