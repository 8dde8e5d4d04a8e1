"""`springtide validate`: judges the files of a policy repository, for its CI and as a pre-commit hook."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from springtide.cli.answers import answering, print_record
from springtide.cli.exit_codes import ExitCode
from springtide.cli.options import Output
from springtide.clock import SystemClock
from springtide.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from springtide.errors import Violation
    from springtide.events.file_checks import FileChecks


class ValidationOutput(StrEnum):
    """How what was found is told."""

    TEXT = "text"
    JSON = "json"
    YAML = "yaml"
    GITHUB = "github"


_FORMS = {ValidationOutput.JSON: Output.JSON, ValidationOutput.YAML: Output.YAML}

PlacesArgument = Annotated[
    list[Path],
    typer.Argument(
        metavar="FOLDER...", exists=True, help="Folders or files; policies/ and calendars/ below a folder count too."
    ),
]
ValidationOption = Annotated[
    ValidationOutput,
    typer.Option("--output", "-o", help="For people, for programs, or as annotations of a GitHub workflow."),
]


def validate(places: PlacesArgument, *, output: ValidationOption = ValidationOutput.TEXT) -> None:
    """Check policies and calendars: every error of every file at once. Asks no cluster, and changes nothing.

    All FOLDERs together are one repository: the services of calendars and the `after` of policies must be in it.
    Exits with 1 when there is an error; a warning is none.
    """
    form = _FORMS.get(output, Output.TABLE)
    with answering(form):
        from springtide.events.file_checks import check_files

        checks = check_files(places, now=SystemClock().now())
        if form.is_for_programs:
            print_record(_record(checks), form)
        else:
            for line in _annotations(checks) if output is ValidationOutput.GITHUB else _lines(checks):
                typer.echo(line)
    if checks.errors:
        raise typer.Exit(ExitCode.FAILED)


def _lines(checks: FileChecks) -> Iterator[str]:
    yield from map(str, checks.errors)
    for violation in checks.warnings:
        yield f"{violation} (a warning)"
    for account in checks.sources:
        yield f"{account.calendar}: {account}"
    yield _summary(checks)


def _summary(checks: FileChecks) -> str:
    files = f"{counted(checks.policies, 'policy', 'policies')} and {counted(checks.calendars, 'calendar')}"
    problems = f"{counted(len(checks.errors), 'error')}, {counted(len(checks.warnings), 'warning')}"
    return f"{files}: {problems}"


def _record(checks: FileChecks) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "valid": not checks.errors,
        "policies": checks.policies,
        "calendars": checks.calendars,
        "errors": [asdict(violation) for violation in checks.errors],
        "warnings": [asdict(violation) for violation in checks.warnings],
        "sources": [account.to_record() for account in checks.sources],
    }


def _annotations(checks: FileChecks) -> Iterator[str]:
    """Yield GitHub's workflow commands: it shows each beside the line that it is about."""
    for command, violations in (("error", checks.errors), ("warning", checks.warnings)):
        for violation in violations:
            yield _annotation(command, violation)


def _annotation(command: str, violation: Violation) -> str:
    properties = {"file": violation.file, "line": str(violation.line or 1), "title": violation.code}
    listed = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{command} {listed}::{_data(f'{violation.field}: {violation.message}')}"


def _data(text: str) -> str:
    """Escape a message: a line end or a percent sign would end it, or be taken for an escape."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """Escape a property's value: there a colon and a comma have a meaning, too."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
