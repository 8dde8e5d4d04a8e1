"""A run as its caller sees it: which it is, how it stands, and what was planned. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from springtide.sdk.errors import RunFailed
from springtide.sdk.problems import absolute

GOING_ON: Final = frozenset({"queued", "running", ""})
AS_ASKED: Final = frozenset({"succeeded", "nothing_to_do", "planned_only"})
"""Outcomes of a run that did what it was asked for, or found it done, or was to plan only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedRun:
    """A run that was asked for. `link` is its page in Airflow."""

    run_id: str
    service: str
    link: str | None = None
    is_repeated: bool = False

    @classmethod
    def of(cls, record: Mapping[str, Any], url: str) -> Self:
        """Return the run that an answer of the server at `url` is about."""
        link = record.get("link")
        return cls(
            run_id=str(record["run_id"]),
            service=str(record.get("service") or ""),
            link=absolute(link, url) if isinstance(link, str) else None,
            is_repeated=bool(record.get("repeated")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """How a run stands. `record` is everything that the server says about it."""

    run_id: str
    outcome: str = "queued"
    headline: str = ""
    phase: str = ""
    link: str | None = None
    record: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, record: Mapping[str, Any], run: StartedRun) -> Self:
        """Return what the server's record says about `run`."""
        phases = [each for each in record.get("phases") or () if isinstance(each, Mapping)]
        return cls(
            run_id=run.run_id,
            outcome=str(record.get("outcome") or ""),
            headline=str(record.get("headline") or ""),
            phase=str(phases[-1].get("phase") or "") if phases else "",
            link=run.link,
            record=record,
        )

    def __str__(self) -> str:
        return self.headline or self.phase or self.outcome or "running"

    @property
    def is_ended(self) -> bool:
        """Whether the run is over."""
        return self.outcome not in GOING_ON

    def require_as_asked(self) -> None:
        """Return when the run ended as it was asked for.

        Raises:
            RunFailed: it ended otherwise.
        """
        if self.outcome in AS_ASKED:
            return
        words = self.headline or str(self.record.get("error") or "")
        raise RunFailed(
            f"{self.run_id} ended as {self.outcome}{': ' + words if words else ''}",
            code=str(self.record.get("error_code") or self.outcome),
            link=self.link,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run would do now. `record` is everything that the server says about it."""

    service: str
    current: int
    replicas: int
    reason: str
    record: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Self:
        """Return the plan of an answer."""
        return cls(
            service=str(record.get("policy") or ""),
            current=int(record["current"]),
            replicas=int(record["replicas"]),
            reason=str(record.get("reason") or ""),
            record=record,
        )
