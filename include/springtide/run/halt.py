"""One switch that stops all writes: who pulled it, why, and by which of its ways.

    SPRINGTIDE_HALT, or the Airflow variable springtide_halt      stops one installation
    ConfigMap springtide-halt in a workload's namespace           stops whoever scales there

The fence asks before each write. An answer counts for `FRESH_SECONDS`, so that a run does not ask twice as much as it
did: that long a write may still go out after the switch was pulled. A switch that cannot be read is never taken for one
that was not pulled. Only where the right to read it is missing it cannot be pulled, and the preflight says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from springtide.clock import Clock
from springtide.errors import ClusterRefused, Halted, NotFound
from springtide.kube.client import KubeReader
from springtide.kube.objects import Json, Kind

log = structlog.get_logger(__name__)

CONFIG_MAP: Final = "springtide-halt"
CODE: Final = "halted"

FRESH_SECONDS: Final = 5.0
"""How long one answer counts, by the monotonic clock."""

_LONGEST: Final = 500
"""Characters of somebody's words that messages repeat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """Who pulled the switch and why, in `words`, and by which way."""

    words: str
    source: str

    @classmethod
    def of_words(cls, text: str | None, source: str) -> Halt | None:
        """Return the halt that `text` asks for; None where it says nothing."""
        words = " ".join((text or "").split())[:_LONGEST]
        return cls(words=words, source=source) if words else None

    @classmethod
    def of_config_map(cls, raw: Json) -> Halt:
        """Return the halt of the ConfigMap: it halts by being there, whatever it holds."""
        data = raw.get("data") or {}
        source = f"ConfigMap {raw['metadata']['namespace']}/{CONFIG_MAP}"
        said = [str(data[key]) for key in ("by", "why") if data.get(key)]
        return cls.of_words(": ".join(said), source) or cls(words="somebody who does not say why", source=source)

    @property
    def banner(self) -> str:
        """The line that every answer shows."""
        return f"HALTED by {self.words} ({self.source}): nothing is written until somebody resumes"

    def __str__(self) -> str:
        return f"halted by {self.words} ({self.source})"

    def refusal(self, what: str) -> Halted:
        """Return the error of a write that is not done."""
        return Halted(
            f"{what}: {self}. Nothing is written until the halt is taken back: `springtide resume` for a ConfigMap, "
            "else empty the variable.",
            code=CODE,
            field="halt",
        )


def _nobody() -> Halt | None:
    """Answer that nobody has pulled the switch of this installation."""
    return None


class HaltSwitch:
    """Asks every way, and remembers each answer for `FRESH_SECONDS`; `asked` answers for this installation."""

    def __init__(self, asked: Callable[[], Halt | None] = _nobody) -> None:
        self._asked = asked
        self._answers: dict[str, tuple[float, Halt | None]] = {}

    def pulled(self, kube: KubeReader, clock: Clock, namespace: str) -> Halt | None:
        """Return who has halted the writes in `namespace`; None where nobody has.

        Raises:
            ClusterUnavailable: no answer in time.
            ClusterRefused: the ConfigMap may not be read for another reason than a missing right.
        """
        now = clock.monotonic()
        at, known = self._answers.get(namespace, (float("-inf"), None))
        if 0 <= now - at < FRESH_SECONDS:
            return known
        answer = self._asked() or _of_namespace(kube, namespace)
        self._answers[namespace] = (now, answer)  # as of before it was asked: a slow answer is no fresher for it
        return answer

    def require_running(self, kube: KubeReader, clock: Clock, namespace: str, what: str) -> None:
        """Return when nobody has halted the writes in `namespace`; `what` begins the message.

        Raises:
            Halted: somebody has.
            ClusterUnavailable, ClusterRefused: as `pulled` says.
        """
        halt = self.pulled(kube, clock, namespace)
        if halt is not None:
            raise halt.refusal(what)


def halt_in(kube: KubeReader, namespace: str) -> Halt | None:
    """Return who has halted the writes in `namespace` by its ConfigMap; None where nobody has.

    Raises:
        ClusterRefused, ClusterUnavailable: as the client says, also where the right to read it is missing.
    """
    try:
        return Halt.of_config_map(kube.get(Kind.CONFIG_MAP, namespace, CONFIG_MAP))
    except NotFound:
        return None


def _of_namespace(kube: KubeReader, namespace: str) -> Halt | None:
    try:
        return halt_in(kube, namespace)
    except ClusterRefused as error:
        if error.code != "rbac_missing":
            raise
        log.warning("halt_not_readable", namespace=namespace, message=error.message)
        return None
