"""From files to policies: every error of every file at once, each with its line, a stable code and what to do.

Codes: `policy_unreadable`, `policy_too_large`, `policy_too_deep`, `policy_unsafe_tag`, `policy_alias_refused`,
`policy_duplicate_key`, `policy_unknown_key`, `policy_missing_key`, `policy_type`, `policy_range`,
`policy_inconsistent`, `policy_name_mismatch`, `policy_duplicate_name`, `shared_workload`, and where one fits better
`name_invalid`, `derived_name_too_long`, `url_not_allowed`, `path_not_allowed`, `zero_refused`, `pods_negative`,
`pods_too_many`.
"""

from __future__ import annotations

from difflib import get_close_matches
from graphlib import CycleError, TopologicalSorter
from pathlib import PurePath
from typing import TYPE_CHECKING

from pydantic_core import PydanticCustomError

from springtide.errors import InputError, PolicyError, Violation
from springtide.policy.document import Document, read_document
from springtide.policy.explain import validate
from springtide.policy.model import ScalingPolicy
from springtide.policy.units import dns_label

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

SUFFIXES = (".yaml", ".yml")

_Loaded = tuple[ScalingPolicy, Document]


def load_policy(path: Path) -> ScalingPolicy:
    """Return the policy that `path` holds.

    Raises:
        PolicyError: the file is refused; `violations` are all of its errors, in the order of the file.
    """
    return _load(path)[0]


def load_policies(directory: Path) -> dict[str, ScalingPolicy]:
    """Return all policies of `directory` (`*.yaml`, `*.yml`, not its subfolders), by name and sorted.

    Raises:
        PolicyError: any file is refused, a file is not called as its policy, a name stands twice, or two policies scale
            the same workload; `violations` are all errors of all files.
    """
    found: list[Violation] = []
    loaded: list[_Loaded] = []
    for path in _files(directory):
        try:
            loaded.append(_load(path))
        except PolicyError as error:
            found.extend(error.violations)
    found.extend(violation for one in loaded for violation in _misnamed(one))
    found.extend(_twice(loaded))
    found.extend(_wrong_order(loaded, {path.stem for path in _files(directory)}))
    if found:
        raise PolicyError(tuple(sorted(found, key=_order)))
    return {policy.name: policy for policy in sorted((policy for policy, _ in loaded), key=lambda one: one.name)}


def readable_policies(directory: Path) -> tuple[tuple[ScalingPolicy, ...], tuple[Violation, ...]]:
    """Return the policies of `directory` that can be read, and the errors of the files that cannot.

    For what must not wait until the last file is right: most others want `load_policies`.

    Raises:
        PolicyError: `directory` cannot be read.
    """
    read: list[ScalingPolicy] = []
    found: list[Violation] = []
    for path in _files(directory):
        try:
            read.append(load_policy(path))
        except PolicyError as error:
            found.extend(error.violations)
    return tuple(read), tuple(found)


def find_policy(directory: Path, name: str) -> ScalingPolicy:
    """Return the policy `name` of `directory`; errors in other policies' files do not stand in its way.

    Raises:
        InputError: `name` is no name (`name_invalid`), or there is no such policy (`service_unknown`).
        PolicyError: its file is refused, or `directory` cannot be read.
    """
    try:
        dns_label(name)
    except PydanticCustomError as error:
        raise InputError(f"name: {error.message()}.", code="name_invalid", field="name") from None
    paths = _files(directory)
    loaded = [_load(path) for path in paths if path.stem == name]
    found = [violation for one in loaded for violation in _misnamed(one)] + list(_twice(loaded))
    if found:
        raise PolicyError(tuple(found))
    if loaded:
        return loaded[0][0]
    names = sorted(path.stem for path in paths)
    near = get_close_matches(name, names, n=1)
    hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(names[:10]) or 'none'}."
    raise InputError(f"name: there is no policy {name} in {directory}. {hint}", code="service_unknown", field="name")


def _order(violation: Violation) -> tuple[str, int]:
    return violation.file, violation.line or 0


def _load(path: Path) -> _Loaded:
    document = read_document(path)
    policy = validate(document, ScalingPolicy)
    if policy is None or document.violations:
        raise PolicyError(tuple(sorted(document.violations, key=_order)))
    return policy, document


def _files(directory: Path) -> list[Path]:
    try:
        # a mounted ConfigMap keeps its versions in folders that start with dots
        return sorted(path for path in directory.iterdir() if path.suffix in SUFFIXES and path.name[0] != ".")
    except OSError as error:
        message = f"the folder of policies cannot be read: {error.strerror}"
        raise PolicyError(
            (Violation(code="policy_unreadable", message=message, field="file", file=str(directory)),)
        ) from error


def _misnamed(loaded: _Loaded) -> Iterator[Violation]:
    policy, document = loaded
    if PurePath(document.file).stem != policy.name:
        yield _at("metadata.name", "policy_name_mismatch", loaded, f"call the file {policy.name}.yaml, as its policy")


def _twice(loaded: Sequence[_Loaded]) -> Iterator[Violation]:
    """Yield what belongs to two policies: a name, a Deployment (or the name of its other set), a Service."""
    owners: dict[tuple[str, ...], str] = {}
    for one in loaded:
        policy, document = one
        target = policy.spec.target
        claims = {
            ("metadata.name", policy.name): "policy_duplicate_name",
            ("spec.target.deployment", target.namespace, target.deployment): "shared_workload",
            ("spec.target.deployment", target.namespace, target.alternate): "shared_workload",
            ("spec.target.service", target.namespace, target.service): "shared_workload",
        }
        told = set()
        for claim, code in claims.items():
            owner = owners.setdefault(claim, document.file)
            if owner != document.file and claim[0] not in told:
                told.add(claim[0])
                message = f"{'/'.join(claim[1:])} belongs to {owner} already: one policy for one workload"
                yield _at(claim[0], code, one, message)


def _wrong_order(loaded: Sequence[_Loaded], names: Collection[str]) -> Iterator[Violation]:
    """Yield each `after` that names no policy, and each that leads back to its own."""
    after = {policy.name: set(policy.spec.after) for policy, _ in loaded}
    for one in loaded:
        for name in one[0].spec.after:
            if name not in names:
                near = get_close_matches(name, names, n=1)
                hint = f"; did you mean {near[0]}?" if near else ""
                yield _at("spec.after", "service_unknown", one, f"there is no policy {name}{hint}")
    try:
        TopologicalSorter(after).prepare()
    except CycleError as error:
        circle = error.args[1]
        first = next(one for one in loaded if one[0].name == circle[0])
        yield _at("spec.after", "policy_inconsistent", first, f"it leads in a circle: {' → '.join(circle[::-1])}")


def _at(field: str, code: str, loaded: _Loaded, message: str) -> Violation:
    document = loaded[1]
    return Violation(
        code=code, message=message, field=field, file=document.file, line=document.line(tuple(field.split(".")))
    )
