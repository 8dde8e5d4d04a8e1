"""Kubernetes Events on a workload: `kubectl describe` shows what springtide did, beside what the controllers did.

They are told, and nothing is decided by them: no fence guards them, no failure of theirs is a run's, and a run that is
repeated tells nothing twice, for an Event's name is that of the run and of what it tells.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from types import MappingProxyType
from typing import Final, Protocol, runtime_checkable

import structlog

from springtide.errors import Conflict, SpringtideError
from springtide.kube.objects import Json, Kind
from springtide.workload import Workload, WorkloadKind

log = structlog.get_logger(__name__)

COMPONENT: Final = "springtide"
LONGEST_MESSAGE: Final = 1024
"""Characters: more are refused by the API server."""

_KINDS: Final = MappingProxyType(
    {
        WorkloadKind.DEPLOYMENT: (Kind.DEPLOYMENT, "apps/v1"),
        WorkloadKind.STATEFUL_SET: (Kind.STATEFUL_SET, "apps/v1"),
        WorkloadKind.ROLLOUT: (Kind.ROLLOUT, "argoproj.io/v1alpha1"),
    }
)


class ToldReason(StrEnum):
    """What is told of a run, in one word as Events have it."""

    STARTED = "ScalingStarted"
    SWITCHED = "EndpointsSwitched"
    SUCCEEDED = "ScalingSucceeded"
    ROLLED_BACK = "ScalingRolledBack"
    FAILED = "ScalingFailed"
    NEEDS_ATTENTION = "ScalingNeedsAttention"
    REFUSED = "ScalingRefused"

    @property
    def is_warning(self) -> bool:
        """Whether it is shown as one."""
        return self not in {ToldReason.STARTED, ToldReason.SWITCHED, ToldReason.SUCCEEDED}


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectEvent:
    """One Event about a workload."""

    workload: Workload
    run_id: str
    reason: ToldReason
    message: str
    at: datetime

    @property
    def name(self) -> str:
        """The same for the same run and reason, whoever tells it."""
        digest = sha256(f"{self.run_id}/{self.reason}".encode()).hexdigest()[:16]
        return f"{self.workload.deployment}.{digest}"

    def manifest(self, uid: str) -> Json:
        """Return it as the API server takes it, about the object with this uid."""
        at = f"{self.at:%Y-%m-%dT%H:%M:%SZ}"
        _, api_version = _KINDS[self.workload.kind]
        about = {
            "apiVersion": api_version,
            "kind": self.workload.kind.noun,
            "namespace": self.workload.namespace,
            "name": self.workload.deployment,
            "uid": uid,
        }
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": self.name, "namespace": self.workload.namespace},
            "involvedObject": about,
            "reason": self.reason.value,
            "message": shortened(self.message),
            "type": "Warning" if self.reason.is_warning else "Normal",
            "source": {"component": COMPONENT},
            "reportingComponent": COMPONENT,
            "reportingInstance": self.run_id[:128],
            "firstTimestamp": at,
            "lastTimestamp": at,
            "count": 1,
        }


def shortened(message: str) -> str:
    """Return `message` as far as an Event may hold it."""
    return message if len(message) <= LONGEST_MESSAGE else f"{message[: LONGEST_MESSAGE - 1]}…"


class ObjectEvents(Protocol):
    """Tells Events."""

    def tell(self, event: ObjectEvent) -> None:
        """Tell `event`; it never raises, and takes seconds at most."""
        ...


class NoObjectEvents:
    """Tells nothing: for what only plans, and for tests that are not about it."""

    def tell(self, event: ObjectEvent) -> None:
        """Do nothing."""


@runtime_checkable
class AnnouncesEvents(Protocol):
    """A client that keeps Events."""

    def announce(self, kind: Kind, event: ObjectEvent) -> None:
        """Look up the uid of the workload, an object of `kind`, and keep the Event; one attempt, seconds at most.

        Raises:
            Conflict: it is there already.
            SpringtideError: it could not be kept.
        """
        ...


class KeptObjectEvents:
    """Keeps Events by a client. The log is told what could not be kept; of a missing right once, and then no more."""

    def __init__(self, client: AnnouncesEvents) -> None:
        self._client = client
        self._is_refused = False

    def tell(self, event: ObjectEvent) -> None:
        """Keep the Event."""
        if self._is_refused:
            return
        kind, _ = _KINDS[event.workload.kind]
        try:
            self._client.announce(kind, event)
        except Conflict:
            log.debug("event_told_before", event_name=event.name)
        except SpringtideError as error:
            self._is_refused = error.code == "rbac_missing"
            log.warning("event_not_told", reason=event.reason.value, code=error.code, message=error.message)
        except Exception as error:  # noqa: BLE001  whatever is wrong with what is only told, the run goes on
            log.warning("event_not_told", reason=event.reason.value, code="internal_error", message=repr(error))
