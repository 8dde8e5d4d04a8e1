"""Calendar files: every error at once, with its line; the schema, the docs and the parser say the same."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from springtide.errors import PolicyError
from springtide.policy.calendar.files import load_calendar
from springtide.policy.calendar.freezes import FreezeImportSpec, FreezeSpec, OverrideSpec
from springtide.policy.calendar.model import (
    CalendarSpec,
    CapSpec,
    EventCalendar,
    EventSpec,
    HolidaySpec,
    ImportSpec,
    LearnSpec,
    PaceSpec,
    ServiceRequest,
)
from springtide.policy.language.keys import known
from springtide.policy.schema import calendar_schema, render

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests" / "golden" / "calendars"
VALID = sorted(GOLDEN.glob("valid/*.yaml"))
INVALID = sorted(GOLDEN.glob("invalid/*/*.yaml"))
DOCS = (ROOT / "docs" / "events-reference.md").read_text()
VALIDATOR = Draft202012Validator(calendar_schema())
PARTS = [
    CalendarSpec, EventSpec, ImportSpec, HolidaySpec, FreezeSpec, FreezeImportSpec, OverrideSpec,
    LearnSpec, PaceSpec, CapSpec, ServiceRequest,
]  # fmt: skip


def plain(path: Path) -> Any:
    """Return what another YAML 1.2 reader makes of `path`, with times as the text they are in the file."""
    yaml = YAML(typ="safe", pure=True)
    yaml.resolver.versioned_resolver  # noqa: B018  made on first use
    text = re.sub(r"(?<=[ \[])([0-9]{4}-[0-9]{2}-[0-9]{2}[0-9T:Z+-]*)(?=[,}\]\n])", r'"\1"', path.read_text())
    return json.loads(json.dumps(yaml.load(text), default=str))


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_valid_calendars_load_and_dump_to_what_they_were(path: Path) -> None:
    calendar = load_calendar(path)

    assert calendar.name == path.stem
    assert EventCalendar.model_validate(calendar.model_dump(mode="json", exclude_none=True)) == calendar


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_invalid_calendars_tell_all_that_is_wrong(path: Path) -> None:
    with pytest.raises(PolicyError) as caught:
        load_calendar(path)

    assert str(caught.value).replace(str(path), path.name) + "\n" == path.with_suffix(".txt").read_text()


def test_services_without_a_policy_are_told() -> None:
    with pytest.raises(PolicyError, match="there is no policy search; there are: checkout") as caught:
        load_calendar(GOLDEN / "valid" / "sale.yaml", services={"checkout"})

    assert caught.value.violations[0].line == 10


@given(st.data())
@settings(deadline=None, max_examples=200)
def test_a_damaged_calendar_is_a_calendar_or_its_errors(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    text = (GOLDEN / "valid" / "sale.yaml").read_text()
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(start + 30, len(text))))
    new = data.draw(st.sampled_from(["", "*x", "!t ", "no", "0", "-1", "[", "]: ", "\n", "\t", "{}", "null", "1e999"]))
    path = tmp_path_factory.mktemp("damaged") / "sale.yaml"
    path.write_text(text[:start] + new + text[end:])

    try:
        outcome: object = load_calendar(path)
    except PolicyError as error:
        outcome = error.violations[0].file

    assert isinstance(outcome, EventCalendar) or outcome == str(path)


class TestSchema:
    def test_the_committed_one_is_current(self) -> None:
        """`python -m springtide.policy.schema calendar > docs/calendar.schema.json` brings it up to date."""
        assert (ROOT / "docs" / "calendar.schema.json").read_text() == render(calendar_schema())

    def test_it_describes_every_key(self) -> None:
        Draft202012Validator.check_schema(calendar_schema())
        for name, part in calendar_schema()["$defs"].items():
            for key, field in part["properties"].items():
                assert field.get("description"), f"{name}.{key}"

    @pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
    def test_it_accepts_what_the_parser_accepts(self, path: Path) -> None:
        assert list(VALIDATOR.iter_errors(plain(path))) == []

    @pytest.mark.parametrize("path", sorted(GOLDEN.glob("invalid/shape/*.yaml")), ids=lambda path: path.stem)
    def test_it_refuses_wrong_shapes(self, path: Path) -> None:
        assert list(VALIDATOR.iter_errors(plain(path))) != []


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_the_docs_name_every_key_and_its_default(part: Any) -> None:
    for key, field in known(part):
        rows = re.findall(rf"^\| .*\b{key}\b.*\|$", DOCS, re.MULTILINE)
        assert rows, f"docs/events-reference.md does not name {part.__name__}.{key}"
        default = str(field.default)
        if isinstance(field.default, int | float) or hasattr(field.default, "text"):
            assert any(f"`{default}`" in row for row in rows), (
                f"docs/events-reference.md: {part.__name__}.{key} is {default}"
            )
