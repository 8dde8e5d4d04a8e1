"""Somebody edited what a run left behind: each run is contained and told, every other one ends in the same round."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import pytest

from springtide import labels
from springtide.errors import ClusterRefused, ClusterUnavailable, NotFound
from springtide.recovery.report import ReconcileReport, ReconcileStatus
from springtide.recovery.rounds import reconcile_round
from springtide.run.ports import Ports
from springtide.sandbox.kinds import KINDS
from springtide.sandbox.objects import Json, Ref
from springtide.sandbox.status import ApiError
from support.abandoned import CREATED, PROVEN, Abandoned, statuses
from support.simulation import NAMESPACE

Edit = Callable[[Abandoned, str], None]
WELL = "well"
JUNK: tuple[Any, ...] = (
    *(None, "", "x", "yesterday", "2026-11-25T00:00:00", "9" * 5000, "[" * 5000, "P1Y", "\u202e"),
    *(-1, 0, 10**30, 1.5, float("nan"), True, [], {}, [None], {"x": 1}),
)


def annotated(resource: str, key: str, text: str) -> Edit:
    """Write `text` into an annotation of the Service, the Deployment or the autoscaler of that name."""

    def edit(abandoned: Abandoned, name: str) -> None:
        abandoned.edit(resource, name, lambda thing: annotate(thing, key, text))

    return edit


def annotate(thing: Json, key: str, text: str) -> None:
    thing["metadata"].setdefault("annotations", {})[key] = text


def selects(selector: dict[str, str]) -> Edit:
    def edit(abandoned: Abandoned, name: str) -> None:
        abandoned.edit("services", name, lambda service: service["spec"].update(selector=selector))

    return edit


def noted(text: str) -> Edit:
    """Write `text` over what stands on the ReplicaSet that is set aside."""

    def edit(abandoned: Abandoned, name: str) -> None:
        abandoned.edit("replicasets", aside_of(abandoned, name), lambda thing: annotate(thing, labels.ASIDE, text))

    return edit


def aside_of(abandoned: Abandoned, name: str) -> str:
    sets = abandoned.world.store.select("replicasets", NAMESPACE)
    (found,) = [each for each in sets if each["metadata"].get("labels", {}).get(labels.ASIDE_OF) == name]
    return str(found["metadata"]["name"])


def without_lease(edit: Edit) -> Edit:
    """Delete the Lease as well: then what is set aside is all that tells of the run."""

    def edited(abandoned: Abandoned, name: str) -> None:
        edit(abandoned, name)
        delete("leases", f"springtide-{name}")(abandoned, name)

    return edited


def delete(resource: str, name: str | None = None) -> Edit:
    def edit(abandoned: Abandoned, service: str) -> None:
        abandoned.world.core.writes.delete(KINDS[resource], Ref(resource, NAMESPACE, name or service))

    return edit


def state_of(abandoned: Abandoned, name: str) -> Json:
    return dict(json.loads(abandoned.lease(name)["metadata"]["annotations"][labels.STATE]))


def stated(change: Callable[[Json], Any]) -> Edit:
    """Change the state that stands in the Lease."""

    def edit(abandoned: Abandoned, name: str) -> None:
        state = state_of(abandoned, name)
        change(state)
        write_state(abandoned, name, json.dumps(state))

    return edit


def write_state(abandoned: Abandoned, name: str, text: str) -> None:
    abandoned.edit("leases", f"springtide-{name}", lambda lease: annotate(lease, labels.STATE, text))


def held_by(holder: str) -> Edit:
    def edit(abandoned: Abandoned, name: str) -> None:
        abandoned.edit("leases", f"springtide-{name}", lambda lease: lease["spec"].update(holderIdentity=holder))

    return edit


def raw_state(text: str) -> Edit:
    return lambda abandoned, name: write_state(abandoned, name, text)


@dataclass(frozen=True)
class Broken:
    """One edit, and what the round must make of the run: its status, or the code of what it refuses to touch."""

    edit: Edit
    status: ReconcileStatus | None
    code: str = ""
    text: str = ""


PERSON = ReconcileStatus.NEEDS_ATTENTION
ENDED = ReconcileStatus.ENDED
BROKEN: dict[str, Broken] = {
    "switched-yesterday": Broken(annotated("services", labels.SWITCHED_AT, "yesterday"), PERSON, text="'yesterday'"),
    "switched-nowhere": Broken(
        annotated("services", labels.SWITCHED_AT, "2026-11-25T00:00:00"), PERSON, text="no time with its zone"
    ),
    "switched-empty": Broken(annotated("services", labels.SWITCHED_AT, ""), PERSON, text="no time with its zone"),
    "stamp-ahead": Broken(annotated("services", labels.GENERATION, "999"), ENDED),
    "stamp-endless": Broken(annotated("deployments", labels.GENERATION, "9" * 5000), ENDED),
    "stamp-huge": Broken(annotated("deployments", labels.GENERATION, str(2**31)), ENDED),
    "stamp-word": Broken(annotated("deployments", labels.GENERATION, "first"), ENDED),
    "selector-none": Broken(selects({}), PERSON, text="somebody changed its selector"),
    "selector-strange": Broken(selects({"app": "somebody"}), PERSON, text="somebody changed its selector"),
    "service-gone": Broken(delete("services"), PERSON, text="there is no Service"),
    "note-broken": Broken(noted("{"), ENDED),
    "note-deep-alone": Broken(without_lease(noted("[" * 100_000)), None, "aside_unreadable"),
    "note-number-alone": Broken(without_lease(noted("7")), None, "aside_unreadable"),
    "state-deep": Broken(raw_state("[" * 100_000), None, "lease_unreadable"),
    "state-digits": Broken(raw_state("9" * 5000), None, "lease_unreadable"),
    "state-of-another": Broken(
        stated(lambda state: state["plan"]["target"].update(namespace="kube-system")), None, "lease_unreadable"
    ),
    "state-other-run": Broken(stated(lambda state: state.update(run_id="cli-1")), None, "lease_unreadable"),
    "state-no-zone": Broken(stated(lambda state: state["journal"][0].update(at="2026-11-25T00:00:00")), ENDED),
    "state-endless-wait": Broken(
        stated(lambda state: state["settings"].update(propagation="99999999999d")), None, "lease_unreadable"
    ),
    "holder-strange": Broken(held_by("somebody"), None, "lease_unreadable"),
}


def told(report: ReconcileReport, name: str) -> str:
    """Return everything that the round says of the run of a service."""
    runs = [run.message for run in report.runs if run.deployment == name]
    return "\n".join([*runs, *(error.message for error in report.refused if name in f"{error.message} {error.field}")])


def test_every_broken_object_is_told_and_every_other_run_ends() -> None:
    abandoned = Abandoned((*BROKEN, WELL))
    note = aside_of(abandoned, "note-deep-alone"), aside_of(abandoned, "note-number-alone")
    for name, broken in BROKEN.items():
        broken.edit(abandoned, name)

    report = abandoned.round()

    made = statuses(report)
    assert made.pop(f"run-{WELL}") is ENDED
    assert made == {f"run-{name}": broken.status for name, broken in BROKEN.items() if broken.status is not None}
    refused = {str(error.field).removeprefix("springtide-"): error.code for error in report.refused}
    names = dict(zip(note, ("note-deep-alone", "note-number-alone"), strict=True))
    refused = {names.get(field, field): code for field, code in refused.items()}
    assert refused == {name: broken.code for name, broken in BROKEN.items() if broken.code}
    for name, broken in BROKEN.items():
        assert broken.text in told(report, name)
    assert abandoned.is_free(WELL)


ERRORS: tuple[Exception, ...] = (
    RuntimeError("out of order"),
    KeyError("metadata"),
    RecursionError("too deep"),
    ClusterRefused("it may not be read", code="rbac_missing"),
    ClusterUnavailable("it does not answer", code="cluster_unreachable"),
    NotFound("it is gone", code="not_found"),
)


@dataclass(frozen=True)
class Failing:
    """A client whose calls about one service raise."""

    kube: Any
    service: str
    error: Exception

    def __getattr__(self, name: str) -> Any:
        """Return the call, or one that raises where it names the service."""
        call = getattr(self.kube, name)

        def guarded(*arguments: Any, **options: Any) -> Any:
            if any(self.service in str(each) for each in (*arguments[1:], *options.values())):
                raise self.error
            return call(*arguments, **options)

        return guarded


def failing(ports: Ports, service: str, error: Exception) -> Ports:
    return replace(ports, kube=Failing(ports.kube, service, error))


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_a_service_whose_calls_raise_anything_keeps_no_other_from_its_end(error: Exception) -> None:
    abandoned = Abandoned(("broken", WELL))

    report = abandoned.round(ports=failing(abandoned.fleet.ports(), "broken", error))

    assert statuses(report)[f"run-{WELL}"] is ENDED
    assert abandoned.is_free(WELL)
    assert not abandoned.is_free("broken")
    assert ReconcileStatus.RETRY_LATER is statuses(report)["run-broken"]
    expected = str(error.args[0]) if not isinstance(error, NotFound) else "the next round looks again"
    assert expected in told(report, "broken")


def test_an_owner_that_nobody_can_ask_about_counts_as_alive_and_is_told() -> None:
    abandoned = Abandoned(("broken", WELL))

    def is_alive(run_id: str) -> bool:
        if run_id == "run-broken":
            raise RuntimeError("Airflow does not know what it has")
        return False

    report = reconcile_round(abandoned.fleet.ports(), [NAMESPACE], is_alive)

    assert statuses(report) == {"run-broken": ReconcileStatus.ALIVE, f"run-{WELL}": ENDED}
    (error,) = report.refused
    assert "run-broken" in error.message
    assert "Airflow does not know what it has" in error.message


def test_a_namespace_that_cannot_be_read_keeps_no_other_from_being_looked_into() -> None:
    abandoned = Abandoned((WELL,))
    ports = failing(abandoned.fleet.ports(), "closed", ClusterRefused("closed: no", code="rbac_missing"))

    report = reconcile_round(ports, ["closed", NAMESPACE], lambda _run: False)

    assert statuses(report) == {f"run-{WELL}": ENDED}
    assert [error.message for error in report.refused] == ["closed: no"]


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path to everything that stands in a document."""
    entries: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        entries = list(value.items())
    elif isinstance(value, list):
        entries = list(enumerate(value))
    return [path, *(leaf for key, each in entries for leaf in leaves(each, (*path, key)))]


def put(value: Any, path: tuple[Any, ...], junk: Any) -> Any:
    """Return the document with `junk` at `path`."""
    if not path:
        return junk
    copied = dict(value) if isinstance(value, dict) else list(value)
    copied[path[0]] = put(copied[path[0]], path[1:], junk)
    return copied


def scribble(abandoned: Abandoned, name: str, luck: Random) -> None:
    """Edit one thing of a run at random: a field of its state, an annotation, a selector, what stands on its set."""
    state = state_of(abandoned, name)
    path = luck.choice(leaves(state))
    junk = luck.choice(JUNK)
    text = luck.choice([str(each) for each in JUNK])
    key = luck.choice([labels.RUN, labels.GENERATION, labels.SWITCHED_AT, labels.REVISION, labels.DESIRED_REPLICAS])
    edits: list[Edit] = [
        raw_state(json.dumps(put(state, path, junk))),
        raw_state(json.dumps(put(state, path, junk))),
        annotated(luck.choice(["services", "deployments"]), key, text),
        selects({"app": text[:20]}),
        noted(text),
        without_lease(noted(text)),
        lambda abandoned, name: abandoned.edit(
            "replicasets", aside_of(abandoned, name), lambda thing: annotate(thing, key, text)
        ),
        lambda abandoned, name: abandoned.edit(
            "leases", f"springtide-{name}", lambda lease: lease["spec"].update(leaseDurationSeconds=2**31 - 1)
        ),
    ]
    while True:
        try:
            luck.choice(edits)(abandoned, name)
        except (ApiError, TypeError, ValueError):
            continue  # what an API server refuses, nobody can have written
        else:
            return


QUICK = {"deadlines": {"ready": "20s", "switched": "20s", "removed": "20s"}}


@pytest.mark.parametrize("seed", range(4))
def test_whatever_somebody_scribbles_the_round_goes_on(seed: int) -> None:
    luck = Random(seed)
    names = tuple(f"scribbled-{number:02d}" for number in range(10))
    abandoned = Abandoned((*names, WELL), reach=(PROVEN, CREATED), waits=QUICK)
    for name in names:
        scribble(abandoned, name, luck)

    report = abandoned.round()

    assert statuses(report)[f"run-{WELL}"] is ENDED
    untold = [name for name in names if not is_over(abandoned, name) and not told(report, name)]
    assert untold == []


def is_over(abandoned: Abandoned, name: str) -> bool:
    """Say whether the run of a service has ended: its Lease is free, and nothing of it is set aside."""
    sets = abandoned.world.store.select("replicasets", NAMESPACE)
    aside = [each for each in sets if each["metadata"].get("labels", {}).get(labels.ASIDE_OF) == name]
    lease = abandoned.world.get("leases", NAMESPACE, f"springtide-{name}")
    return not aside and (lease is None or not lease["spec"].get("holderIdentity"))
