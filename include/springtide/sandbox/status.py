"""The API's refusals: `ApiError` carries a Status object with what a real API server of Kubernetes 1.34 answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from springtide.sandbox.objects import Json, dump


class ApiError(Exception):
    """A request is refused; `status` is the Status object that is answered."""

    def __init__(self, code: int, reason: str, message: str, details: Json | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.status: Json = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            "reason": reason,
            **({"details": details} if details else {}),
            "code": code,
        }

    @property
    def reason(self) -> str:
        """The machine-readable reason, as `NotFound`."""
        return str(self.status["reason"])

    def has_cause(self, reason: str) -> bool:
        """Return whether one of the causes that are listed has this reason."""
        causes = (self.status.get("details") or {}).get("causes", ())
        return any(cause["reason"] == reason for cause in causes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What an error is about: its group, plural, kind and name."""

    group: str
    plural: str
    kind: str
    name: str = ""

    @property
    def qualified(self) -> str:
        """The plural with its group, as `deployments.apps`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def qualified_kind(self) -> str:
        """The kind with its group, as `Deployment.apps`."""
        return f"{self.kind}.{self.group}" if self.group else self.kind

    def details(self, *, kind: str | None = None, **more: Any) -> Json:
        """Return the details of a Status about this subject."""
        named = {"name": self.name} if self.name else {}
        grouped = {"group": self.group} if self.group else {}
        return {**named, **grouped, "kind": kind or self.plural, **more}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One field that validation refuses."""

    reason: str
    field: str
    value: Any = None
    detail: str = ""

    @property
    def message(self) -> str:
        """What a real API server says of such a field."""
        if self.reason == "FieldValueRequired":
            return f"Required value: {self.detail}" if self.detail else "Required value"
        if self.reason in {"FieldValueForbidden", "FieldValueTooLong"}:
            return f"{'Forbidden' if self.reason == 'FieldValueForbidden' else 'Too long'}: {self.detail}"
        # the rest shows the value that was given
        title = {
            "FieldValueInvalid": "Invalid value",
            "FieldValueNotFound": "Not found",
            "FieldValueNotSupported": "Unsupported value",
            "FieldValueDuplicate": "Duplicate value",
        }[self.reason]
        value = dump(self.value).decode()
        return f"{title}: {value}: {self.detail}" if self.detail else f"{title}: {value}"


def wrong(field: str, value: Any, detail: str) -> Cause:
    """Return the cause `Invalid value`."""
    return Cause(reason="FieldValueInvalid", field=field, value=value, detail=detail)


def required(field: str, detail: str = "") -> Cause:
    """Return the cause `Required value`."""
    return Cause(reason="FieldValueRequired", field=field, detail=detail)


def unsupported(field: str, value: Any, allowed: list[str]) -> Cause:
    """Return the cause `Unsupported value`."""
    listed = ", ".join(f'"{word}"' for word in allowed)
    detail = f"supported values: {listed}"
    return Cause(reason="FieldValueNotSupported", field=field, value=value, detail=detail)


def duplicate(field: str, value: Any) -> Cause:
    """Return the cause `Duplicate value`."""
    return Cause(reason="FieldValueDuplicate", field=field, value=value)


def missing(field: str, value: Any) -> Cause:
    """Return the cause `Not found`: a name that nothing has."""
    return Cause(reason="FieldValueNotFound", field=field, value=value)


def not_allowed(field: str, detail: str) -> Cause:
    """Return the cause `Forbidden`."""
    return Cause(reason="FieldValueForbidden", field=field, detail=detail)


def too_long(field: str, detail: str) -> Cause:
    """Return the cause `Too long`."""
    return Cause(reason="FieldValueTooLong", field=field, detail=detail)


def not_found(subject: Subject) -> ApiError:
    """Return 404 for an object."""
    return ApiError(404, "NotFound", f'{subject.qualified} "{subject.name}" not found', subject.details())


def no_such_resource() -> ApiError:
    """Return 404 for a path that is not served."""
    return ApiError(404, "NotFound", "the server could not find the requested resource", {})


def already_exists(subject: Subject) -> ApiError:
    """Return 409 for a second create."""
    return ApiError(409, "AlreadyExists", f'{subject.qualified} "{subject.name}" already exists', subject.details())


def conflict(subject: Subject, why: str) -> ApiError:
    """Return 409 for a lost compare-and-swap."""
    message = f'Operation cannot be fulfilled on {subject.qualified} "{subject.name}": {why}'
    return ApiError(409, "Conflict", message, subject.details())


MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


def uid_mismatch(subject: Subject, wanted: str, actual: str) -> ApiError:
    """Return 409 for a uid precondition that does not hold."""
    why = f"Precondition failed: UID in precondition: {wanted}, UID in object meta: {actual}"
    return conflict(subject, why)


def stale_deletion(subject: Subject, wanted: str, actual: str) -> ApiError:
    """Return 409 for a deletion whose resourceVersion precondition does not hold."""
    why = (
        f"the ResourceVersion in the precondition ({wanted}) does not match the ResourceVersion in record ({actual}). "
        "The object might have been modified"
    )
    return _refused_deletion(subject, why)


def mistaken_deletion(subject: Subject, wanted: str, actual: str) -> ApiError:
    """Return 409 for a deletion whose uid precondition does not hold."""
    why = (
        f"the UID in the precondition ({wanted}) does not match the UID in record ({actual}). "
        "The object might have been deleted and then recreated"
    )
    return _refused_deletion(subject, why)


def _refused_deletion(subject: Subject, why: str) -> ApiError:
    message = f'Operation cannot be fulfilled on {subject.qualified_kind} "{subject.name}": {why}'
    return ApiError(409, "Conflict", message, subject.details(kind=subject.kind))


def invalid(subject: Subject, causes: list[Cause]) -> ApiError:
    """Return 422 naming every field that is refused."""
    # the message names a cause once, the list as often as it was found
    errors = list(dict.fromkeys(f"{cause.field}: {cause.message}" for cause in causes))
    joined = errors[0] if len(errors) == 1 else f"[{', '.join(errors)}]"
    listed = [{"reason": cause.reason, "message": cause.message, "field": cause.field} for cause in causes]
    details = subject.details(kind=subject.kind, causes=listed)
    return ApiError(422, "Invalid", f'{subject.qualified_kind} "{subject.name}" is invalid: {joined}', details)


def forbidden(subject: Subject, why: str, **more: Any) -> ApiError:
    """Return 403 with the reason of an admission plugin or of the authorizer."""
    named = f' "{subject.name}"' if subject.name else ""
    return ApiError(403, "Forbidden", f"{subject.qualified}{named} is forbidden: {why}", subject.details(**more))


def denied(webhook: str, message: str) -> ApiError:
    """Return the no of an admission webhook, which chose no status of its own."""
    return ApiError(403, "Forbidden", f'admission webhook "{webhook}" denied the request: {message}')


def bad_request(message: str) -> ApiError:
    """Return 400."""
    return ApiError(400, "BadRequest", message)


def unauthorized() -> ApiError:
    """Return 401."""
    return ApiError(401, "Unauthorized", "Unauthorized")


def method_not_allowed() -> ApiError:
    """Return 405."""
    return ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {})


def unsupported_media_type(served: list[str]) -> ApiError:
    """Return 415 naming what is served."""
    message = f"the body of the request was in an unknown format - accepted media types include: {', '.join(served)}"
    return ApiError(415, "UnsupportedMediaType", message)


def rejected_patch() -> ApiError:
    """Return 422 for a JSON patch whose `test` failed or whose path is not there."""
    return ApiError(422, "Invalid", "the server rejected our request due to an error in our request", {})


def expired(wanted: int, oldest: int) -> ApiError:
    """Return 410 for a version that was compacted away."""
    return ApiError(410, "Expired", f"too old resource version: {wanted} ({oldest})")


def too_many_requests(retry_after: int) -> ApiError:
    """Return 429."""
    message = "the server has received too many requests and has asked us to try again later"
    return ApiError(429, "TooManyRequests", message, {"retryAfterSeconds": retry_after})


def unavailable(message: str) -> ApiError:
    """Return 503 for what cannot be reached."""
    return ApiError(503, "ServiceUnavailable", message)


def server_error(code: int) -> ApiError:
    """Return a 5xx with the words that go with its code."""
    known = {
        500: ("InternalError", "Internal error occurred: etcdserver: request timed out"),
        502: ("InternalError", 'an error on the server ("Bad Gateway") has prevented the request from succeeding'),
        503: ("ServiceUnavailable", "the server is currently unable to handle the request"),
        504: ("Timeout", "Timeout: request did not complete within the allotted timeout"),
    }
    reason, message = known.get(code, ("InternalError", f"an error on the server has prevented the request ({code})"))
    return ApiError(code, reason, message)
