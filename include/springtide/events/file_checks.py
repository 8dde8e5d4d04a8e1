"""Policies and calendars of a repository, judged without a cluster: all errors of all files, and what is odd.

Files of both kinds may lie in one place or in several. Together they are one repository: a calendar's services and a
policy's `after` are looked up in all of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from springtide.errors import PolicyError, Violation
from springtide.events.calendars import Calendars, ExpandedCalendar
from springtide.events.leads import MeasuredRuns, leads_of
from springtide.policy.calendar.files import load_calendar
from springtide.policy.reading.consistency import inconsistencies
from springtide.policy.reading.document import Document, read_document
from springtide.policy.reading.folder import PolicyFolder, yaml_files
from springtide.policy.reading.parse import PolicyFile, read_policy
from springtide.policy.scaling.mode import ADVISE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from springtide.events.accounts import SourceAccount
    from springtide.policy.calendar.model import EventCalendar

CALENDARS: Final = "calendars"
POLICIES: Final = "policies"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChecks:
    """How many files of each kind were judged, and what was found, in the order of the files and their lines."""

    policies: int
    calendars: int
    errors: tuple[Violation, ...]
    warnings: tuple[Violation, ...]
    sources: tuple[SourceAccount, ...]
    """What every feed and every country's holidays hold, how much of it counts, and what is left out and why."""


@dataclass(slots=True, kw_only=True)
class _Repository:
    """The files of a repository by kind, the names of policies beside them that are not judged, and who advises."""

    policies: list[Path] = field(default_factory=list)
    calendars: list[Path] = field(default_factory=list)
    names_beside: set[str] = field(default_factory=set)
    advising: list[PolicyFile] = field(default_factory=list)
    errors: list[Violation] = field(default_factory=list)
    warnings: list[Violation] = field(default_factory=list)
    sources: list[SourceAccount] = field(default_factory=list)

    @property
    def names(self) -> set[str]:
        """Every policy that there is, whether or not it can be read."""
        return {path.stem for path in self.policies} | self.names_beside


def check_files(places: Iterable[Path], *, now: datetime) -> FileChecks:
    """Judge the files and folders `places`.

    Of a folder its own files count and those of `policies/` and `calendars/` below it. Where it has one of these two,
    its own files count only when they say that they are springtide's: they may be anything.
    """
    repository = _Repository()
    for place in places:
        _collect(place, repository)
    _check_policies(repository)
    _check_calendars(repository, now)
    return FileChecks(
        policies=len(repository.policies),
        calendars=len(repository.calendars),
        errors=tuple(dict.fromkeys(repository.errors)),
        warnings=tuple(repository.warnings),
        sources=tuple(repository.sources),
    )


def _collect(place: Path, repository: _Repository) -> None:
    if not place.is_dir():
        _sort_in([place], repository, all_count=True)
        beside = place.absolute().parent
        if place in repository.calendars:
            beside = beside.parent / POLICIES
        repository.names_beside |= set(PolicyFolder(beside).names())
        return
    below = [place / name for name in (POLICIES, CALENDARS) if (place / name).is_dir()]
    before = len(repository.policies) + len(repository.calendars)
    for folder in (place, *below):
        _sort_in(_files(folder, repository), repository, all_count=folder != place or not below)
    if len(repository.policies) + len(repository.calendars) == before:
        message = f"no policy and no calendar is here, nor in {POLICIES}/ or {CALENDARS}/ below"
        repository.errors.append(Violation(code="nothing_to_validate", message=message, field="file", file=str(place)))


def _files(folder: Path, repository: _Repository) -> list[Path]:
    try:
        return yaml_files(folder)
    except OSError as error:
        message = f"the folder cannot be read: {error.strerror}"
        repository.errors.append(Violation(code="policy_unreadable", message=message, field="file", file=str(folder)))
        return []


def _sort_in(paths: Sequence[Path], repository: _Repository, *, all_count: bool) -> None:
    policies: list[Path] = []
    calendars: list[Path] = []
    for path in dict.fromkeys(paths):
        kind = _kind(path)
        if kind is None:
            if not all_count:
                continue
            kind = CALENDARS if CALENDARS in path.absolute().parent.parts else POLICIES
        (calendars if kind == CALENDARS else policies).append(path)
    if policies and calendars:
        message = (
            f"{policies[0].name} is a policy and {calendars[0].name} a calendar: a run reads them from two folders"
        )
        repository.warnings.append(
            Violation(code="folder_mixed", message=message, field="file", file=str(policies[0].parent))
        )
    repository.policies += [path for path in policies if path not in repository.policies]
    repository.calendars += [path for path in calendars if path not in repository.calendars]


def _kind(path: Path) -> str | None:
    """Return what a file is: by its folder, else by what it says; None where neither tells."""
    folder = path.absolute().parent.name
    if folder in {POLICIES, CALENDARS}:
        return folder  # whatever the file says: this is how a run reads it
    document = _document(path)
    kind = document.data.get("kind") if document is not None and isinstance(document.data, dict) else None
    kinds = {"ScalingPolicy": POLICIES, "EventCalendar": CALENDARS}
    return kinds.get(kind) if isinstance(kind, str) else None


def _document(path: Path) -> Document | None:
    try:
        return read_document(path)
    except PolicyError:
        return None


def _check_policies(repository: _Repository) -> None:
    files: list[PolicyFile] = []
    for path in repository.policies:
        try:
            files.append(read_policy(path))
        except PolicyError as error:
            repository.errors.extend(error.violations)
    repository.advising += [file for file in files if file.policy.spec.mode == ADVISE]
    repository.errors.extend(inconsistencies(files, repository.names))
    order = {str(path): number for number, path in enumerate(repository.policies)}
    repository.errors.sort(key=lambda error: (order.get(error.file, -1), error.line or 0))


def _check_calendars(repository: _Repository, now: datetime) -> None:
    services = sorted(repository.names) or None
    views: dict[Path, ExpandedCalendar] = {}
    owners: dict[str, Path] = {}
    for path in repository.calendars:
        try:
            calendar = load_calendar(path, services=services)
            views[path] = ExpandedCalendar.of(calendar, path.parent, now=now)
        except PolicyError as error:
            repository.errors.extend(error.violations)
            continue
        if (owner := owners.setdefault(calendar.name, path)) != path:
            message = f"calendar {calendar.name} is {owner} already: one file for one calendar"
            repository.errors.append(
                Violation(code="policy_duplicate_name", message=message, field="metadata.name", file=str(path), line=1)
            )
        _account_for(path, views[path], repository)
    repository.warnings.extend(_frozen_events(views, now))
    repository.warnings.extend(_advised_events(views, repository, now))


def _account_for(path: Path, view: ExpandedCalendar, repository: _Repository) -> None:
    """Tell what became of the calendar's sources: an event that cannot be read is an error, what is odd a warning."""
    document = read_document(path)
    folder = str(path.parent)
    for account in view.accounts:
        line = document.line(_entry(view.calendar, account.kind, account.name))
        repository.errors += [_at(path, line, each) for each in account.violations(folder)]
        repository.warnings += [_at(path, line, each) for each in account.doubts(folder)]
    repository.sources += [
        account for account in view.accounts if account.kind in {"imports", "holidays", "freeze_imports"}
    ]


def _at(path: Path, line: int | None, violation: Violation) -> Violation:
    """Return `violation` where its reader finds it: a calendar may end in .yml, and its source has a line."""
    if Path(violation.file).suffix != ".yaml":  # it is the feed's, and says its own line
        return violation
    return replace(violation, file=str(path), line=violation.line or line)


def _frozen_events(views: dict[Path, ExpandedCalendar], now: datetime) -> Iterator[Violation]:
    """Yield each coming event that a freeze keeps from being prepared, once, with its first such occurrence."""
    together = Calendars(tuple(views.values()))
    leads = leads_of(together, MeasuredRuns(), now)
    paths = {view.calendar.name: path for path, view in views.items()}
    calendars = {view.calendar.name: view.calendar for view in views.values()}
    reported: set[tuple[str, str, str]] = set()
    for occurrence in together.occurrences:
        if occurrence.end <= now:
            continue
        prepared = occurrence.start - leads[occurrence.id].length
        for service in occurrence.asks:
            key = (occurrence.calendar, occurrence.event, service)
            reason = together.frozen(service, prepared, occurrence.event)
            if reason is None or key in reported:
                continue
            reported.add(key)
            path = paths[occurrence.calendar]
            calendar = calendars[occurrence.calendar]
            place = _entry(calendar, _kind_of(calendar, occurrence.event), occurrence.event)
            line = read_document(path).line(place)
            message = f"{occurrence.id} is not prepared at {prepared:%Y-%m-%d %H:%M} UTC: {reason}"
            yield Violation(
                code="event_frozen", message=message, field=f"spec.{place[1]}[{place[2]}]", file=str(path), line=line
            )


def _advised_events(views: dict[Path, ExpandedCalendar], repository: _Repository, now: datetime) -> Iterator[Violation]:
    """Yield each policy that only advises although events ask for its service, once, with the first that does."""
    coming = sorted(
        (occurrence for view in views.values() for occurrence in view.occurrences if occurrence.end > now),
        key=lambda occurrence: occurrence.start,
    )
    for file in repository.advising:
        asking = [occurrence.id for occurrence in coming if file.policy.name in occurrence.asks]
        if asking:
            message = f"{asking[0]} asks for it, and is planned only; write mode: act before that has to be ready"
            yield file.violation("spec.mode", "event_advised", message)


def _entry(calendar: EventCalendar, kind: str, name: str) -> tuple[str, str, int]:
    """Return the place of the source `name` in its calendar."""
    return "spec", kind, [entry.name for entry in getattr(calendar.spec, kind)].index(name)


def _kind_of(calendar: EventCalendar, name: str) -> str:
    spec = calendar.spec
    kinds = {"events": spec.events, "imports": spec.imports, "holidays": spec.holidays}
    return next(kind for kind, entries in kinds.items() if name in {entry.name for entry in entries})
