"""Every error that springtide raises.

    SpringtideError             code, message, field
    ├── TemporaryError          try again after `retry_after`: nothing was decided
    │   ├── ClusterUnavailable      the API server did not answer, or asked to wait
    │   ├── DemandUnavailable       the metrics source did not answer
    │   └── UnknownOutcome          a write was sent and its answer lost: read, never resend
    └── PermanentError          a retry cannot help: fail now
        ├── InputError              what somebody wrote or asked for is refused
        ├── PolicyError             a file of an operator has errors: all of them, with lines
        ├── ClusterRefused          the API server said no (admission, quota, RBAC, invalid)
        ├── NotFound                the object is not there (any more)
        ├── Conflict                the object changed under a compare-and-swap
        ├── Fenced                  another run owns the workload
        ├── Halted                  somebody has pulled the switch that stops all writes
        ├── OtherCluster            the connection leads elsewhere than where the run was planned
        ├── DemandUnusable          the metrics answered with something that must not be acted on
        ├── WorkloadFailed          pods will not become ready; carries the pods' own words
        └── DeadlineExceeded        a wait was over before its condition came true

"Nothing to do" is no error: it is `PlanOutcome.NOTHING_TO_DO`.

`code` is stable and made for programs (`snake_case`); the message is made for people: it names the field, the value,
what is allowed and what to do next, and holds neither a stack trace nor a secret.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


class SpringtideError(Exception):
    """The root of the tree."""

    def __init__(self, message: str, *, code: str, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.field = field

    def to_record(self) -> dict[str, str | None]:
        """Return the form that the store, the API and `--output json` show."""
        return {"code": self.code, "field": self.field, "message": self.message}


class TemporaryError(SpringtideError):
    """Try the same again after `retry_after`."""

    def __init__(
        self, message: str, *, code: str, field: str | None = None, retry_after: timedelta = timedelta(seconds=5)
    ) -> None:
        super().__init__(message, code=code, field=field)
        self.retry_after = retry_after


class ClusterUnavailable(TemporaryError):
    """The API server did not answer in time, is overloaded, or broke the connection on a read."""


class DemandUnavailable(TemporaryError):
    """The metrics source did not answer in time."""


class UnknownOutcome(TemporaryError):
    """A write was sent and no answer came: settle it by reading (invariant I-15)."""


class PermanentError(SpringtideError):
    """Fail now: the same call would fail again."""


class InputError(PermanentError):
    """A request, an argument or the cluster's state is refused before anything is written."""


class ClusterRefused(PermanentError):
    """The API server refused the request; the message carries its words."""


class NotFound(PermanentError):
    """The object does not exist."""


class Conflict(PermanentError):
    """The object is not the one that was judged: read it again and judge again, never resend."""


class Fenced(PermanentError):
    """This run does not own the workload (any more); the message names the owner."""


class Halted(PermanentError):
    """Somebody has pulled the switch that stops all writes; the message says who, why and by which way."""


class OtherCluster(PermanentError):
    """The connection leads to another cluster than the run's; what the run did stands there, and is not undone here."""


class DemandUnusable(PermanentError):
    """Demand is empty, NaN, negative, stale or otherwise not to be acted on."""


class WorkloadFailed(PermanentError):
    """The pods will not become ready; the message carries what they say themselves."""


class DeadlineExceeded(PermanentError):
    """A wait ended before its condition came true; the message says what was still missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One error of a file that an operator wrote."""

    code: str
    message: str
    field: str
    file: str
    line: int | None = None

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{where}: {self.field}: {self.message} [{self.code}]"


class PolicyError(PermanentError):
    """A policy or calendar file is refused; `violations` holds every error of it, in the order of the file."""

    def __init__(self, violations: tuple[Violation, ...]) -> None:
        super().__init__("\n".join(map(str, violations)), code=violations[0].code, field=violations[0].field)
        self.violations = violations
