"""Every label and annotation key that springtide reads or writes."""

from __future__ import annotations

from typing import Final

PREFIX: Final = "springtide.dev"

ASIDE_OF: Final = f"{PREFIX}/aside-of"
"""Label on a ReplicaSet that a run has set aside: the name of the Deployment that it was released from."""

ASIDE: Final = f"{PREFIX}/aside"
"""Annotation on a ReplicaSet that is set aside: the run, and all that is needed to give it back (JSON)."""

RUN: Final = f"{PREFIX}/run"
"""Annotation: the run that wrote the object last."""

GENERATION: Final = f"{PREFIX}/generation"
"""Annotation: the Lease generation that wrote the object last; an older one is refused (I-2)."""

SWITCHED_AT: Final = f"{PREFIX}/switched-at"
"""Annotation on the Service: when its selector was moved last (ISO 8601, UTC)."""

FLOOR: Final = f"{PREFIX}/floor"
"""Annotation on an autoscaler: who holds its minimum raised, why and until when, and what is given back (JSON)."""

STATE: Final = f"{PREFIX}/state"
"""Annotation on the Lease: what the run does, the snapshot, and the phase journal (JSON)."""

ABORT: Final = f"{PREFIX}/abort"
"""Annotation on the Lease: who asked that its run stops and rolls back, why and when (JSON)."""

MANAGED_BY: Final = "app.kubernetes.io/managed-by"
"""Kubernetes' own label on what a tool keeps; springtide changes no autoscaler and no rule without it."""

POD_TEMPLATE_HASH: Final = "pod-template-hash"
"""Kubernetes' own label that tells the pods of one ReplicaSet from another's."""

ROLLOUT_HASH: Final = "rollouts-pod-template-hash"
"""The same of Argo Rollouts; it also pins a Rollout's Services by it."""

TEMPLATE_HASHES: Final = frozenset({POD_TEMPLATE_HASH, ROLLOUT_HASH})
"""What controllers add to the templates of their ReplicaSets."""

REVISION: Final = "deployment.kubernetes.io/revision"
"""Kubernetes' own annotation: which ReplicaSet is the Deployment's present one."""

DESIRED_REPLICAS: Final = "deployment.kubernetes.io/desired-replicas"
"""Kubernetes' own annotation on a ReplicaSet: the replicas of its Deployment when it was scaled last."""

SERVICE_NAME: Final = "kubernetes.io/service-name"
"""Kubernetes' own label on an EndpointSlice."""
