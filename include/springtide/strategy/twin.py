"""The twin of a Deployment: the same pods under the other of two fixed names, told apart by one label.

The primary set has the form that its owner wrote. The alternate set differs by one label on its pods and in its
selector, which also gives its template another `pod-template-hash`; everything else is copied, so that
NetworkPolicies, budgets and monitors see no difference. Going back from the alternate set restores the first form.
"""

from __future__ import annotations

from copy import deepcopy

from springtide import labels
from springtide.kube.objects import Deployment, Json

_OURS = frozenset({labels.RUN, labels.GENERATION, labels.REVISION})


def twin_of(deployment: Deployment, *, name: str, replicas: int) -> Json:
    """Return the manifest of `deployment`'s twin; never anything that did not come from the live object."""
    metadata = deployment.raw["metadata"]
    copied = {key: deepcopy(metadata[key]) for key in ("labels", "ownerReferences") if metadata.get(key)}
    annotations = {key: value for key, value in deployment.annotations.items() if key not in _OURS}
    spec = deepcopy(deployment.spec) | {"replicas": replicas}
    spec.pop("paused", None)
    is_alternate = name.endswith(f"-{labels.ALTERNATE}") and labels.SET not in deployment.match_labels
    _mark(spec, is_alternate=is_alternate)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": copied | {"name": name, "annotations": annotations},
        "spec": spec,
    }


def is_twin(candidate: Deployment, deployment: Deployment) -> bool:
    """Say whether `candidate` runs what a twin of `deployment` would run."""
    wanted = twin_of(deployment, name=candidate.name, replicas=candidate.replicas)["spec"]
    return bool(candidate.spec["template"] == wanted["template"] and candidate.spec["selector"] == wanted["selector"])


def _mark(spec: Json, *, is_alternate: bool) -> None:
    for match in (
        spec["selector"].setdefault("matchLabels", {}),
        spec["template"]["metadata"].setdefault("labels", {}),
    ):
        match.pop(labels.SET, None)
        if is_alternate:
            match[labels.SET] = labels.ALTERNATE
