"""The folder of policies: how the command line, Airflow and the library find one, several or all of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from os.path import lexists
from pathlib import Path
from typing import TYPE_CHECKING, Final

from springtide.errors import InputError, PolicyError, Violation

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from springtide.policy.scaling.model import ScalingPolicy

_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_SUFFIXES: Final = (".yaml", ".yml")


def is_name(name: str) -> bool:
    """Say whether a policy may be called `name`, so that it never becomes a path."""
    return _NAME.fullmatch(name) is not None


def yaml_files(folder: Path) -> list[Path]:
    """Return the YAML files of `folder`, not of its subfolders, sorted.

    Raises:
        OSError: the folder cannot be read.
    """
    # a mounted ConfigMap keeps its versions in folders that start with dots
    return sorted(path for path in folder.iterdir() if path.suffix in _SUFFIXES and path.name[0] != ".")


@dataclass(frozen=True, slots=True)
class PolicyFolder:
    """The policies of one folder, not of its subfolders: `NAME.yaml` or `NAME.yml` holds the policy NAME.

    Nothing is remembered: each call reads the folder as it is then. Importing this module loads no parser, because
    Airflow asks for the names whenever it reads a DAG file.

    A policy that does not say whose customers it has (`demand.timezone`) is given the zone of the `calendars` in which
    its service has events; without a folder of them it is the one beside the policies. One that names no `mode` is
    given `mode`, what the installation says; what is no mode there raises `InputError` with the first such policy.
    """

    path: Path
    calendars: Path | None = None
    mode: str = "act"

    def names(self) -> list[str]:
        """Return the names of all policies, sorted, by the names of the files alone: nothing is opened.

        A folder that cannot be read has none.
        """
        return sorted({path.stem for path in self._paths()})

    def get(self, name: object) -> ScalingPolicy:
        """Return the policy `name`; errors in other policies' files do not stand in its way.

        Raises:
            InputError: `name` is none of `names()` (`service_unknown`); it never becomes a path.
            PolicyError: the file is refused, is not called as its policy, or there are two of that name.
        """
        paths = self.files_of(name) if isinstance(name, str) else []
        if not paths:
            raise self._unknown(name)
        if len(paths) > 1:
            raise PolicyError(tuple(_twins(paths)))
        return self.read(paths[0])

    def files_of(self, name: str) -> list[Path]:
        """Return the files of the policy `name`: one, where all is well; none where nothing may be called so."""
        # Not by a list of the folder: whoever asks for each of a thousand policies would read it a thousand times.
        if not is_name(name):
            return []
        paths = (self.path / f"{name}{suffix}" for suffix in _SUFFIXES)
        return [path for path in paths if lexists(path)]

    def read(self, path: Path) -> ScalingPolicy:
        """Return the policy of one of the folder's files.

        Raises:
            PolicyError: the file is refused, or is not called as its policy.
        """
        from springtide.policy.reading.consistency import misnamed
        from springtide.policy.reading.parse import read_policy

        file = read_policy(path)
        violations = tuple(misnamed(file))
        if violations:
            raise PolicyError(violations)
        return self._completed(file.policy)

    def all(self) -> dict[str, ScalingPolicy]:
        """Return every policy, by name and sorted.

        Raises:
            PolicyError: any file is refused, a file is not called as its policy, a name stands twice, two policies
                scale the same workload, or `after` names no policy; `violations` are all errors of all files.
        """
        from springtide.policy.reading.consistency import inconsistencies
        from springtide.policy.reading.parse import in_order, read_policy

        files = []
        violations: list[Violation] = []
        for path in self._files():
            try:
                files.append(read_policy(path))
            except PolicyError as error:
                violations.extend(error.violations)
        violations.extend(inconsistencies(files, self.names()))
        if violations:
            raise PolicyError(tuple(sorted(violations, key=in_order)))
        policies = (file.policy for file in files)
        return {policy.name: self._completed(policy) for policy in sorted(policies, key=lambda policy: policy.name)}

    def readable(self, naming: Collection[str] = ()) -> tuple[tuple[ScalingPolicy, ...], tuple[Violation, ...]]:
        """Return the policies that can be read, and the errors of the files that cannot.

        For what must not wait until the last file is right: most others want `all`. Of two files of one name none is
        taken, because nobody can say which is meant. With `naming`, files in which none of these words can stand are
        left out without being parsed: a run looks for who shares its workload, and parsing them all takes it longer
        than its own work where there are a hundred.

        Raises:
            PolicyError: the folder cannot be read.
        """
        from springtide.policy.reading.parse import load_policy

        policies: list[ScalingPolicy] = []
        violations: list[Violation] = []
        by_name: dict[str, list[Path]] = {}
        for path in self._files():
            by_name.setdefault(path.stem, []).append(path)
        for paths in by_name.values():
            if len(paths) > 1:
                violations.extend(_twins(paths))
                continue
            if naming and not _may_name(paths[0], naming):
                continue
            try:
                policies.append(self._with_mode(load_policy(paths[0])))
            except PolicyError as error:
                violations.extend(error.violations)
        return tuple(policies), tuple(violations)

    def _completed(self, policy: ScalingPolicy) -> ScalingPolicy:
        return self._with_mode(self._with_zone(policy))

    def _with_mode(self, policy: ScalingPolicy) -> ScalingPolicy:
        from springtide.policy.scaling.mode import ADVISE, installation_mode

        if policy.spec.mode is not None:
            return policy
        mode = installation_mode(self.mode)
        if mode != ADVISE:
            return policy
        return policy.model_copy(update={"spec": policy.spec.model_copy(update={"mode": mode})})

    def _with_zone(self, policy: ScalingPolicy) -> ScalingPolicy:
        demand = policy.spec.demand
        if demand is None or demand.timezone is not None:
            return policy
        from springtide.policy.reading.zones import common_zone

        try:
            calendars = yaml_files(self.calendars or self.path.absolute().parent / "calendars")
        except OSError:
            return policy  # without calendars nobody says whose days they are, and the plan tells
        zone = common_zone(policy.name, calendars)
        if zone is None:
            return policy
        spec = policy.spec.model_copy(update={"demand": demand.model_copy(update={"timezone": zone})})
        return policy.model_copy(update={"spec": spec})

    def _files(self) -> list[Path]:
        try:
            return yaml_files(self.path)
        except OSError as error:
            message = f"the folder of policies cannot be read: {error.strerror}"
            raise PolicyError(
                (Violation(code="policy_unreadable", message=message, field="file", file=str(self.path)),)
            ) from error

    def _paths(self) -> list[Path]:
        try:
            paths = yaml_files(self.path)
        except OSError:
            return []
        return [path for path in paths if is_name(path.stem)]

    def _unknown(self, name: object) -> InputError:
        names = self.names()
        near = get_close_matches(name, names, n=1) if isinstance(name, str) else []
        hint = f" (did you mean {near[0]}?)" if near else ""
        listed = ", ".join(names) or f"none, {self.path} holds no policy file"
        return InputError(
            f"service: there is no policy {str(name)[:80]!r} in {self.path}{hint}; there are: {listed}.",
            code="service_unknown",
            field="service",
        )


def _twins(paths: Iterable[Path]) -> Iterable[Violation]:
    first, *others = paths
    for path in others:
        message = f"{first.name} and {path.name} hold one policy: remove one of them"
        yield Violation(code="policy_duplicate_name", message=message, field="file", file=str(path))


def _may_name(path: Path, words: Collection[str]) -> bool:
    """Tell whether any of `words` may be what a value of the file says: by its text, or by an escape in it."""
    try:
        text = path.read_bytes()
    except OSError:
        return True  # who parses it says what is wrong with it
    return b"\\" in text or any(word.encode() in text for word in words)
