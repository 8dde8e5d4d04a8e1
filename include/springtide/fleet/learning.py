"""Learns one day of many services, one after the other: an error stays with its own service.

What is learned is remembered service by service, so that the next attempt of the same task learns only what is left.
Whoever has a day learned again on purpose begins another chain of attempts, and all of it is learned anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

import structlog

from springtide import __version__
from springtide.clock import Clock
from springtide.errors import PermanentError, SpringtideError, TemporaryError
from springtide.fleet.memory import Memory
from springtide.fleet.ports import Policies

if TYPE_CHECKING:
    from springtide.policy.scaling.model import ScalingPolicy
    from springtide.training.whole_days import LearnedDay

log = structlog.get_logger(__name__)

WITHIN: Final = timedelta(minutes=30)
"""How long one attempt may take: then no other service begins, and the next attempt goes on with those."""

_SHOWN: Final = 10
"""Failures that the error of the whole names; each stands in the log."""

_KEY: Final = "learned"
_BEGUN: Final = ""
"""What stands in the place of a version while a service is learned, and after that failed."""


class Attempts:
    """What the attempts of one task have learned, by service; what another chain of attempts has learned is not known.

    `memory` outlives the process, so that a killed attempt is gone on with.
    """

    def __init__(self, memory: Memory, chain: str) -> None:
        kept = memory.get(_KEY)
        self._memory = memory
        self._chain = chain
        self._versions: dict[str, str] = dict(kept["versions"]) if kept and kept["chain"] == chain else {}

    def has_begun(self, service: str) -> bool:
        """Say whether an attempt has come to the service, whatever became of it."""
        return service in self._versions

    def has_learned(self, service: str, version: str) -> bool:
        """Say whether an attempt has learned the service from inputs of this version."""
        return self._versions.get(service) == version

    def begin(self, service: str) -> None:
        """Remember that the service is begun: where it kills the process, the next attempt takes the others first."""
        self.keep(service, _BEGUN)

    def keep(self, service: str, version: str) -> None:
        """Remember that the service is learned from inputs of this version: call it when its rows are kept."""
        self._versions[service] = version
        self._memory.set(_KEY, {"chain": self._chain, "versions": self._versions})


@dataclass(slots=True, kw_only=True)
class ServicesLearned:
    """What became of the services of one attempt; `before` are those that an earlier one has learned."""

    learned: dict[str, LearnedDay] = field(default_factory=dict)
    before: list[str] = field(default_factory=list)
    failed: dict[str, SpringtideError] = field(default_factory=dict)

    def to_record(self) -> dict[str, Any]:
        """Return what people see of it: JSON types only."""
        learned = {service: day.to_record() for service, day in self.learned.items()}
        return {"learned": learned, "learned_before": list(self.before)}

    def require_all(self) -> None:
        """Pass where each service is learned.

        Raises:
            TemporaryError: some are not, and another attempt may learn at least one of them (`days_not_learned`).
            PermanentError: some are not, and no attempt of the same will (`days_not_learned`).
        """
        if not self.failed:
            return
        missing = f"{self._missing()}. Correct what is said of each, then clear this task and it learns all of its own."
        delays = [error.retry_after for error in self.failed.values() if isinstance(error, TemporaryError)]
        if delays:
            raise TemporaryError(missing, code="days_not_learned", retry_after=max(delays))
        raise PermanentError(missing, code="days_not_learned")

    def _missing(self) -> str:
        there = len(self.learned) + len(self.before) + len(self.failed)
        shown = list(self.failed.items())[:_SHOWN]
        whys = [f"{service}: {error.message} ({error.code})" for service, error in shown]
        more = len(self.failed) - len(shown)
        whys += [f"and {more} more, which the log names"] if more else []
        return f"not learned: {len(self.failed)} of {there} services, the others are kept: {'; '.join(whys)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DayLearner:
    """Learns `day` of services: `learn` returns when what it learned is kept, and `tell` takes a line for each."""

    day: date
    policies: Policies
    learn: Callable[[ScalingPolicy], LearnedDay]
    clock: Clock
    tell: Callable[[str], None]

    def learn_all(self, services: Iterable[str], attempts: Attempts) -> ServicesLearned:
        """Learn each service that no attempt has learned yet; what fails is told and left for `require_all`."""
        all_of_them = ServicesLearned()
        end = self.clock.monotonic() + WITHIN.total_seconds()
        # What no attempt has come to comes first: what hangs, or kills the process, keeps the others out only once.
        for service in sorted(services, key=attempts.has_begun):
            try:
                learned = self._learned(service, attempts, end)
            except SpringtideError as error:
                all_of_them.failed[service] = error
                self.tell(f"{service}: not learned: {error.message} ({error.code})")
                continue
            if learned is None:
                all_of_them.before.append(service)
                continue
            all_of_them.learned[service] = learned
            self.tell(f"{service}: {learned}")
        if all_of_them.before:
            self.tell(f"learned by an earlier attempt: {', '.join(all_of_them.before)}")
        return all_of_them

    def _learned(self, service: str, attempts: Attempts, end: float) -> LearnedDay | None:
        """Return what the day taught; None where an attempt has learned it from the same inputs."""
        policy = self.policies.get(service)
        version = inputs_version(policy, self.day)
        if attempts.has_learned(service, version):
            return None
        if self.clock.monotonic() >= end:
            raise TemporaryError(
                f"it was not its turn within {WITHIN}: what is asked for the others answers too slowly. Give fewer "
                "services to one task (SPRINGTIDE_LEARN_CHUNK).",
                code="learning_late",
            )
        attempts.begin(service)
        learned = self._carefully(policy)
        attempts.keep(service, version)
        return learned

    def _carefully(self, policy: ScalingPolicy) -> LearnedDay:
        try:
            return self.learn(policy)
        except SpringtideError:
            raise
        except Exception as error:
            # A fault of ours, or of a library: it is this service's alone.
            log.exception("service_not_learned", service=policy.name)
            message = f"{type(error).__name__}: {str(error)[:200]}. It is springtide's own fault: the log says where."
            raise PermanentError(message, code="internal_error") from error


def inputs_version(policy: ScalingPolicy, day: date) -> str:
    """Return a name for what a day is learned by: the policy, the day, this springtide. It is the same everywhere."""
    inputs: Mapping[str, Any] = {
        "policy": policy.model_dump(mode="json"),
        "day": day.isoformat(),
        "springtide": __version__,
    }
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:12]
