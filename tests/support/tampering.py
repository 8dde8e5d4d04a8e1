"""A record of a run with one thing in it changed: what the checkers of invariants are fed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

from invariants import Evidence
from invariants.objects import Objects
from invariants.writes import body_of
from springtide import labels
from springtide.sandbox.history import Call, EndpointsAt
from springtide.sandbox.objects import Json, labels_of

Tamper = Callable[[Evidence], Evidence]
Chosen = Callable[[Call], bool]


DONE = {200, 201}


def is_switch(call: Call) -> bool:
    return labels.SWITCHED_AT.encode() in call.body and b'"spec"' in call.body


def is_shrink(call: Call) -> bool:
    return "/replicasets/" in call.path and call.path.endswith("/scale")


def is_resize(call: Call) -> bool:
    return call.path.endswith("/deployments/web/scale")


def is_release(call: Call) -> bool:
    return b'"ownerReferences": null' in call.body


def is_return(call: Call) -> bool:
    return f'"{labels.ASIDE_OF}": null'.encode() in call.body


def is_delete(call: Call) -> bool:
    return call.method == "DELETE"


def is_lease_write(call: Call) -> bool:
    return bool(call.write) and "/leases" in call.path


def dropped(chosen: Chosen) -> Tamper:
    """Return the record without the calls that are chosen."""
    return lambda e: replace(e, calls=tuple(call for call in e.calls if not chosen(call)))


def edited(chosen: Chosen, edit: Callable[[Json], object], *, last: bool = False) -> Tamper:
    """Return the record with another body in the first call that is chosen, or in the last."""

    def tamper(evidence: Evidence) -> Evidence:
        call_to_edit = [call for call in evidence.calls if chosen(call) and call.status in DONE][-1 if last else 0]
        document = body_of(call_to_edit)
        edit(document)
        return swapped(evidence, call_to_edit, replace(call_to_edit, body=json.dumps(document).encode()))

    return tamper


def changed(chosen: Chosen, **changes: object) -> Tamper:
    """Return the record with other facts in the first call that is chosen."""

    def tamper(evidence: Evidence) -> Evidence:
        call_to_change = next(call for call in evidence.calls if chosen(call) and call.status in DONE)
        return swapped(evidence, call_to_change, replace(call_to_change, **changes))  # type: ignore[arg-type]  # a field's own type

    return tamper


def swapped(evidence: Evidence, old: Call, new: Call) -> Evidence:
    return replace(evidence, calls=tuple(new if call is old else call for call in evidence.calls))


def slices_of(*ready: tuple[str, ...]) -> Tamper:
    """Return the record with these ready endpoints, one after the other."""
    return lambda e: replace(e, slices=tuple(endpoints_at(number, pods) for number, pods in enumerate(ready)))


def endpoints_at(time: float, ready: tuple[str, ...]) -> EndpointsAt:
    return EndpointsAt(time=time, namespace="shop", service="web", ready=ready, serving=(), not_ready=())


def seen(edit: Callable[[Objects], Objects], *, only_first: bool = False) -> Tamper:
    """Return the record in which the workload was another at every moment, or only when the run began."""

    def tamper(evidence: Evidence) -> Evidence:
        first, *rest = (replace(each, objects=edit(each.objects)) for each in evidence.moments)
        return replace(evidence, moments=(first, *(evidence.moments[1:] if only_first else rest)))

    return tamper


def left(edit: Callable[[Objects], Objects]) -> Tamper:
    """Return the record in which the run left another workload behind."""
    return lambda e: replace(e, after=edit(e.after))


def with_deployment(**spec: object) -> Callable[[Objects], Objects]:
    """Return the workload with other fields in its Deployment."""
    return lambda o: replace(o, deployments={name: merged(each, spec=spec) for name, each in o.deployments.items()})


def with_sets(chosen: Callable[[Json], bool], **changes: Json) -> Callable[[Objects], Objects]:
    """Return the workload with other fields in the ReplicaSets that are chosen."""
    return lambda o: replace(
        o,
        replica_sets={name: merged(each, **changes) if chosen(each) else each for name, each in o.replica_sets.items()},
    )


def merged(document: Json, **changes: Json) -> Json:
    return document | {part: {**document.get(part, {}), **fields} for part, fields in changes.items()}


def pinned_to(template_hash: str | None) -> Callable[[Objects], Objects]:
    """Return the workload with its Service pinned to a set."""
    selector = {"app": "web"} | ({labels.POD_TEMPLATE_HASH: template_hash} if template_hash else {})
    return lambda o: replace(o, service=merged(o.service or {}, spec={"selector": selector}))


def twice(objects: Objects) -> Objects:
    """Return the workload with a second ReplicaSet of the same template."""
    ((name, only),) = objects.replica_sets.items()
    return replace(objects, replica_sets={name: only, "double": merged(only, metadata={"name": "double"})})


def every(_set: Json) -> bool:
    return True


def is_aside(replica_set: Json) -> bool:
    return labels.ASIDE_OF in labels_of(replica_set)


def still_there(evidence: Evidence) -> Evidence:
    """Return the record in which the stable set stands aside until the end."""
    aside = {name: each for at in evidence.moments for name, each in at.objects.replica_sets.items() if is_aside(each)}
    return seen(lambda o: replace(o, replica_sets=aside | o.replica_sets))(evidence)


def journal(without: str) -> Callable[[Json], None]:
    """Take a phase out of the run that a write puts into the Lease."""

    def edit(document: Json) -> None:
        annotations = document["metadata"]["annotations"]
        state = json.loads(annotations[labels.STATE])
        state["journal"] = [each for each in state["journal"] if each["phase"] != without]
        annotations[labels.STATE] = json.dumps(state)

    return edit


def forgetting(phase: str) -> Tamper:
    """Return the record in which no write to the Lease ever said that `phase` was done."""

    def tamper(evidence: Evidence) -> Evidence:
        for call in evidence.calls:
            if is_lease_write(call) and labels.STATE.encode() in call.body:
                document = body_of(call)
                journal(phase)(document)
                evidence = swapped(evidence, call, replace(call, body=json.dumps(document).encode()))
        return evidence

    return tamper


def another_owner(document: Json) -> None:
    document["spec"]["holderIdentity"] = "run-2"


def taken_up_in_a_hurry(document: Json) -> None:
    document["spec"] |= {"holderIdentity": "reconcile:run-1", "leaseTransitions": 2}


def another_snapshot(document: Json) -> None:
    annotations = document["metadata"]["annotations"]
    state = json.loads(annotations[labels.STATE])
    state["snapshot"]["replicas"] = 99
    annotations[labels.STATE] = json.dumps(state)


def without_version(document: Json) -> None:
    document["metadata"].pop("resourceVersion")


def older(document: Json) -> None:
    document["metadata"]["annotations"][labels.GENERATION] = "0"


def again(chosen: Chosen) -> Tamper:
    """Return the record with a call that got no answer, sent once more at once."""

    def tamper(evidence: Evidence) -> Evidence:
        unanswered = next(call for call in evidence.calls if chosen(call))
        at = evidence.calls.index(unanswered)
        lost = replace(unanswered, status=None, fault="answer_timeout")
        return replace(evidence, calls=(*evidence.calls[:at], lost, *evidence.calls[at:]))

    return tamper


def after_the_end(evidence: Evidence) -> Evidence:
    """Return the record in which the first write of the run is done again when it has given its Lease back."""
    first = next(call for call in evidence.calls if labels.RUN.encode() in call.body and "/leases" not in call.path)
    end = max(call.revisions[1] for call in evidence.calls) + 1
    return replace(evidence, calls=(*evidence.calls, replace(first, revisions=(end, end))))


def on_metadata(**changes: object) -> Callable[[Json], object]:
    return lambda document: document["metadata"].update(changes)


def fields(**spec: object) -> Callable[[Json], object]:
    return lambda document: document["spec"].update(spec)
