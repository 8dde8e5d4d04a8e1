"""That somebody asked a run to stop and to roll back: a fact on the run's Lease, beside its journal.

It stands in an annotation of its own (`springtide.dev/abort`), written by compare-and-swap: what the run writes of its
own state leaves it there, and the next run that takes the Lease takes it off. It names its run, so it never counts for
another one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from springtide import labels
from springtide.errors import PermanentError
from springtide.run.lease import Lease
from springtide.stored import Stored, load

log = structlog.get_logger(__name__)

CODE: Final = "aborted"

_LONGEST: Final = 500
"""Characters of somebody's words that stand on the Lease, and that messages repeat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Abort(Stored):
    """Who asked that run `run_id` stops and rolls back, why, and when."""

    run_id: str
    by: str
    reason: str
    at: datetime

    @classmethod
    def of_words(cls, run_id: str, *, by: str, reason: str, at: datetime) -> Abort:
        """Return the request with its words on one line each, and cut short."""
        return cls(run_id=run_id, by=_line(by), reason=_line(reason), at=at)

    def __str__(self) -> str:
        return f"aborted by {self.by}: {self.reason}"

    def to_text(self) -> str:
        """Return the form that stands in the annotation."""
        return json.dumps(self.to_record(), separators=(",", ":"), ensure_ascii=False)

    @property
    def error(self) -> PermanentError:
        """The error that ends a phase of the run, so that the ordinary way back follows."""
        return PermanentError(f"{self}. The run stops and rolls back.", code=CODE, field="run")


def abort_of(lease: Lease, run_id: str) -> Abort | None:
    """Return who asked that run `run_id` stops; None where nobody did, or what stands there cannot be read."""
    text = lease.annotations.get(labels.ABORT)
    if not text:
        return None
    try:
        abort = load(Abort, json.loads(text))
    except (ValueError, RecursionError, PermanentError) as error:  # annotations are anybody's to write
        log.warning("abort_not_readable", lease=lease.name, message=str(error))
        return None
    return abort if abort.run_id == run_id else None


def _line(text: str) -> str:
    return " ".join(text.split())[:_LONGEST]
