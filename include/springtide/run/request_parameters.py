"""What somebody asks of a run, by name and value: judged here, whoever asked, and nothing is taken on trust."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from springtide.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from springtide.policy.reading.folder import PolicyFolder
    from springtide.run.ports import RunRequest

POLICY_STRATEGY: Final = "policy"
"""What stands for the strategy that the policy names."""

RELEASE: Final = "release"
"""What restores a raised minimum, in the place of a number."""

STRATEGIES: Final = (POLICY_STRATEGY, "blue_green", "in_place", "floor")
PARAMETERS: Final = ("service", "replicas", "strategy", "reason", "until", "dry_run", "override", "queue")
CHILD_PARAMETERS: Final = (*PARAMETERS, "event")
"""What sweeps and preparations give their own runs: whom a run is for decides what was approved for it."""

LONGEST_REASON: Final = 500
NO_REASON: Final = "no reason given"
"""What a run says whose request has none: nobody takes it for one."""

STALE_AFTER: Final = timedelta(hours=1)
"""A run that was due longer ago is over the past: what it would act on has gone by, and it writes nothing."""

LONGEST_HOLD: Final = timedelta(days=400)
"""How far ahead a floor may be held: as far as events are known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestOrigin:
    """Who asked for a run, by what, and for when it was due. A backfill is over the past whatever the time.

    `is_dated` says that somebody named the time at which it is due: one that is simply asked for, without a date, is
    due when it begins. `is_again` says that it began before and was cleared. `is_child` says that a sweep or a
    preparation has started it, which has looked at the freezes.
    """

    run_id: str
    requested_by: str
    trigger: str
    due: datetime
    is_backfill: bool = False
    is_child: bool = False
    is_dated: bool = True
    is_again: bool = False

    def is_past(self, now: datetime) -> bool:
        """Say whether the run is over a past interval: a backfill, or due more than an hour ago."""
        has_due_time = self.is_dated or self.is_again or self.is_child
        return self.is_backfill or (has_due_time and now - self.due > STALE_AFTER)

    def refusal_for_age(self, now: datetime) -> InputError | None:
        """Return why a run is refused that comes too late; None for one in time, a backfill, and what is cleared.

        A backfill is asked for the past, and a run that is cleared had its time: those only plan.
        """
        if self.is_backfill or self.is_again or not self.is_past(now):
            return None
        minutes = (now - self.due) // timedelta(minutes=1)
        return InputError(
            f"due {minutes} min ago ({self.due:%Y-%m-%d %H:%M} UTC); trigger it again. Nothing was planned or changed: "
            f"a request counts for {STALE_AFTER // timedelta(minutes=1)} min, and one without a logical date is due "
            "when it begins.",
            code="run_too_late",
            field="logical_date",
        )


def parse_request(
    asked: Mapping[str, object], folder: PolicyFolder, origin: RequestOrigin, now: datetime
) -> RunRequest:
    """Return the request that the parameters `asked` make. One over the past is a dry run: see `refusal_for_age`.

    Raises:
        InputError: a parameter is unknown, or its value not allowed; the message names it and says what is.
        PolicyError: the policy's file has errors.
    """
    from springtide.plan.guards import parse_replicas
    from springtide.run.freezes import parse_override
    from springtide.run.ports import RunRequest

    _require_known(asked, CHILD_PARAMETERS if origin.is_child else PARAMETERS)
    policy = folder.get(asked.get("service"))
    wanted = asked.get("replicas", "auto")
    return RunRequest(
        run_id=origin.run_id,
        policy=policy,
        replicas=None if wanted == RELEASE else parse_replicas(wanted, policy=policy),  # type: ignore[arg-type]
        is_release=wanted == RELEASE,
        strategy=_strategy(asked.get("strategy", POLICY_STRATEGY)),
        requested_by=origin.requested_by,
        reason=_reason(asked.get("reason", "")),
        trigger=origin.trigger,
        until=_until(asked.get("until"), now),
        override=parse_override(asked.get("override")),
        is_freeze_known=origin.is_child,
        event=_event(asked.get("event", "")),
        dry_run=_flag(asked.get("dry_run", False)) or origin.is_past(now),
        is_queued=_flag(asked.get("queue", False), "queue"),
    )


def _require_known(asked: Mapping[str, object], known: Sequence[str]) -> None:
    for name in asked:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"allowed: {', '.join(known)}."
            raise InputError(
                f"{_shown(name)}: there is no such parameter; {hint}", code="parameter_unknown", field="conf"
            )


def _strategy(value: object) -> str | None:
    if value not in STRATEGIES:
        raise InputError(
            f"strategy: unknown strategy {_shown(value)}; allowed: {', '.join(STRATEGIES)}.",
            code="strategy_unknown",
            field="strategy",
        )
    return None if value == POLICY_STRATEGY else str(value)


def _reason(value: object) -> str:
    if isinstance(value, str) and len(value) <= LONGEST_REASON and value.isprintable():
        return value or NO_REASON
    raise InputError(
        f"reason: {_shown(value)} is not one line of at most {LONGEST_REASON} printable characters.",
        code="reason_invalid",
        field="reason",
    )


def _until(value: object, now: datetime) -> datetime | None:
    if value in (None, ""):
        return None
    try:
        until = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        until = None
    if until is None or until.tzinfo is None or not now < until <= now + LONGEST_HOLD:
        raise InputError(
            f"until: {_shown(value)} is not an instant with its zone within the next {LONGEST_HOLD.days} days, such as "
            "2026-11-12T02:00:00+00:00.",
            code="until_invalid",
            field="until",
        )
    return until


def _event(value: object) -> str:
    if isinstance(value, str) and len(value) <= LONGEST_REASON and value.isprintable():
        return value
    raise InputError(f"event: {_shown(value)} is not the id of an event.", code="event_invalid", field="event")


def _flag(value: object, name: str = "dry_run") -> bool:
    if isinstance(value, bool):
        return value
    raise InputError(f"{name}: {_shown(value)} is neither true nor false.", code="flag_invalid", field=name)


def _shown(value: object) -> str:
    return repr(value)[:80]
