"""What a person wants to see of one run, as values: the page, REST, the command line and messages show the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from springtide.stored import Stored

Tone = Literal["good", "info", "warn", "bad", "muted"]
"""How something is to be taken, for whoever colours it; it is always said in words as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseView(Stored):
    """One attempt at one phase. `begin` and `end` are seconds of the run; `end` None while it goes on."""

    phase: str
    title: str
    status: str
    tone: Tone
    begin: float
    end: float | None
    message: str
    attempt: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseView(Stored):
    """Ready pods of before and of the run's own at one second of it, and how many of each have traffic."""

    at: float
    stable: int
    new: int
    stable_serving: int
    new_serving: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteView(Stored):
    """One write to the cluster: when, at which second of the run, and what for."""

    at: datetime
    second: float
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckView(Stored):
    """What one check said: of the preflight, or of the smoke test."""

    name: str
    status: str
    tone: Tone
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepView(Stored):
    """One step to the planned number: a model, their combination, or a guard with the number before and after."""

    step: str
    replicas: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanView(Stored):
    """From how many to how many, and every step to that number. `demand` is "" where no demand was asked for."""

    current: int
    replicas: int
    reason: str
    fingerprint: str
    demand: str
    steps: tuple[StepView, ...]
    preflight: tuple[CheckView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkView(Stored):
    """Where to go from here; `inside` says that the address is one of springtide's own pages, or of Airflow's."""

    title: str
    href: str
    inside: Literal["springtide", "airflow", ""] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AbortView(Stored):
    """Whether the run can be stopped now, and why not; `asked` says who has asked already, "" where nobody has."""

    is_possible: bool
    why_not: str = ""
    asked: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView(Stored):
    """One run, live or ended. Times within it are seconds since `started_at`.

    `change` is `6 → 8`, "" without a plan. `ends_in` are the seconds that it will most likely still take, None where it
    has ended or nobody knows; `ends_in_words` says so. `unknown` says what could not be read, and why.
    """

    run_id: str
    service: str
    workload: str
    strategy: str
    outcome: str
    outcome_words: str
    tone: Tone
    headline: str
    change: str
    is_live: bool
    is_refused: bool
    started_at: datetime
    ended_at: datetime | None
    seconds: float
    ends_in: float | None
    ends_in_words: str
    requested_by: str
    trigger: str
    reason: str
    approved: str
    what_to_do: str
    error_code: str
    error: str
    plan: PlanView | None
    phases: tuple[PhaseView, ...]
    course: tuple[CourseView, ...]
    smoke: tuple[CheckView, ...]
    smoke_at: float | None
    writes: tuple[WriteView, ...]
    abort: AbortView
    links: tuple[LinkView, ...]
    unknown: tuple[str, ...] = ()
