"""What a write was made for: its kind, its object, the version that it was read at."""

from __future__ import annotations

from dataclasses import replace

from springtide.sandbox.kinds import Kind
from springtide.sandbox.objects import Json
from springtide.sandbox.status import MODIFIED, ApiError, bad_request, conflict, invalid, uid_mismatch, wrong
from springtide.sandbox.writers import Writer


def same_kind(kind: Kind, body: Json) -> None:
    """Refuse a body of another kind than its path.

    Raises:
        ApiError: 400.
    """
    version = body.get("apiVersion") or kind.api_version
    name = body.get("kind") or kind.kind
    if (version, name) != (kind.api_version, kind.kind):
        raise bad_request(
            f"the API version in the data ({version}, Kind={name}) does not match the expected API version "
            f"({kind.api_version}, Kind={kind.kind})"
        )


def compare(kind: Kind, old: Json, wanted: Json, writer: Writer) -> None:
    """Refuse a write that was made for another version or another object.

    A PUT checks the uid as a precondition (409), a patch as an immutable field (422), the version first; `scale` checks
    the uid as a precondition in either case.

    Raises:
        ApiError: 400, 409 or 422, as a real API server.
    """
    before = old["metadata"]
    given = wanted.get("metadata") or {}
    subject = kind.subject(before["name"])
    if given.get("name", before["name"]) != before["name"]:
        raise bad_request(
            f"the name of the object ({given['name']}) does not match the name on the URL ({before['name']})"
        )
    uid = given.get("uid") or before["uid"]
    is_scale = writer.subresource == "scale"
    if uid != before["uid"] and (writer.replaces or is_scale):
        addressed = replace(subject, plural=f"{subject.plural}/scale") if is_scale else subject
        raise uid_mismatch(addressed, uid, before["uid"])
    _same_version(kind, before, given.get("resourceVersion"))
    if uid != before["uid"]:
        # a real API server validates the metadata twice and lists the cause twice
        raise invalid(subject, [wrong("metadata.uid", uid, "field is immutable")] * 2)


def _same_version(kind: Kind, before: Json, version: str | None) -> None:
    subject = kind.subject(before["name"])
    if version and not str(version).isdigit():
        raise ApiError(500, "", f'strconv.ParseUint: parsing "{version}": invalid syntax')
    if version and version != before["resourceVersion"]:
        raise conflict(subject, MODIFIED)
    if not version and not kind.blind_update:
        raise invalid(subject, [wrong("metadata.resourceVersion", "", "must be specified for an update")])
