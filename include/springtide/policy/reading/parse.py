"""From a file to a policy: every error at once, each with its line, a stable code and what to do.

Codes: `policy_unreadable`, `policy_too_large`, `policy_too_deep`, `policy_unsafe_tag`, `policy_alias_refused`,
`policy_duplicate_key`, `policy_unknown_key`, `policy_missing_key`, `policy_type`, `policy_range`,
`policy_inconsistent`, `policy_name_mismatch`, `policy_duplicate_name`, `shared_workload`, and where one fits better
`name_invalid`, `derived_name_too_long`, `url_not_allowed`, `path_not_allowed`, `zero_refused`, `pods_negative`,
`pods_too_many`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from springtide.errors import PolicyError, Violation
from springtide.policy.reading.document import Document, document_in, read_document
from springtide.policy.reading.validation import validate
from springtide.policy.scaling.model import ScalingPolicy

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """A policy and the document that it was read from, which knows the line of each value."""

    policy: ScalingPolicy
    document: Document

    def violation(self, field: str, code: str, message: str) -> Violation:
        """Return an error at `field`, with the line where that stands."""
        return Violation(
            code=code,
            message=message,
            field=field,
            file=self.document.file,
            line=self.document.line(tuple(field.split("."))),
        )


def load_policy(path: Path) -> ScalingPolicy:
    """Return the policy that `path` holds.

    Raises:
        PolicyError: the file is refused; `violations` are all of its errors, in the order of the file.
    """
    return read_policy(path).policy


def read_policy(path: Path) -> PolicyFile:
    """Return the policy that `path` holds, with its document.

    Raises:
        PolicyError: as for `load_policy`.
    """
    return _policy_file(read_document(path))


def policy_in(raw: bytes, file: str) -> PolicyFile:
    """Return the policy that `raw` is, with its document; messages call it `file`.

    Raises:
        PolicyError: as for `load_policy`.
    """
    return _policy_file(document_in(raw, file))


def _policy_file(document: Document) -> PolicyFile:
    policy = validate(document, ScalingPolicy)
    if policy is None or document.violations:
        raise PolicyError(tuple(sorted(document.violations, key=in_order)))
    return PolicyFile(policy, document)


def in_order(violation: Violation) -> tuple[str, int]:
    """Return what errors are sorted by: the file, then the line."""
    return violation.file, violation.line or 0
