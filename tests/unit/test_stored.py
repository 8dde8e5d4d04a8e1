"""Values as they are stored: read back equal, and refused by the name of the field that is wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from springtide.errors import InputError, PermanentError
from springtide.stored import Stored, dump, load, prepare_all


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, slots=True)
class Spot:
    at: datetime
    colour: Colour


@dataclass(frozen=True, slots=True)
class Sheet(Stored):
    name: str
    spots: tuple[Spot, ...]
    sizes: Mapping[str, float | int | str]
    width: float | None = None

    def __post_init__(self) -> None:
        if self.width is not None and self.width < 0:
            raise InputError(f"width {self.width} must not be below 0", code="out_of_range", field="width")


NOON = datetime(2026, 11, 11, 12, 0, tzinfo=UTC)
SHEET = Sheet("a", (Spot(NOON, Colour.RED),), {"one": 1, "half": 0.5, "text": "x"}, 2.5)


def refusal(record: object) -> PermanentError:
    with pytest.raises(PermanentError) as caught:
        load(Sheet, record)
    return caught.value


def test_the_stored_form_is_the_names_of_the_fields_in_json_types() -> None:
    record = SHEET.to_record()

    assert json.loads(json.dumps(record)) == record
    assert record["spots"] == [{"at": "2026-11-11T12:00:00Z", "colour": "red"}]
    assert set(record) == {"name", "spots", "sizes", "width"}


def test_what_is_read_back_is_the_same() -> None:
    again = Sheet.from_record(json.loads(json.dumps(SHEET.to_record())))

    assert again == SHEET
    assert [type(size) for size in again.sizes.values()] == [int, float, str]


def test_a_field_with_a_default_may_be_left_out() -> None:
    assert Sheet.from_record({"name": "a", "spots": [], "sizes": {}}).width is None


@pytest.mark.parametrize("text", ["2026-11-11T12:00:00+00:00", "2026-11-11T12:00:00Z", "2026-11-11T20:00:00+08:00"])
def test_a_moment_is_read_in_every_form_of_iso_8601(text: str) -> None:
    assert load(Sheet, SHEET.to_record() | {"spots": [{"at": text, "colour": "red"}]}) == SHEET


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"name": None}, "name", "field 'name' is wrong"),
        ({"sizes": ...}, "sizes", "field 'sizes' is missing"),
        ({"hue": 3}, "hue", "field 'hue' is not known"),
        ({"spots": [{"at": "noon", "colour": "red"}]}, "spots.0.at", "field 'spots.0.at' is wrong"),
        ({"spots": [{"at": "2026-11-11T12:00:00Z", "colour": "grey"}]}, "spots.0.colour", "'red' or 'blue'"),
        ({"spots": [{"at": "2026-11-11T12:00:00Z", "colour": "red", "x": 1}]}, "spots.0.x", "is not known"),
    ],
)
def test_a_wrong_record_is_refused_by_the_name_of_its_field(change: dict[str, Any], field: str, message: str) -> None:
    changed = SHEET.to_record() | change
    record = {name: value for name, value in changed.items() if value is not ...}

    error = refusal(record)

    assert (error.code, error.field) == ("record_unreadable", field)
    assert message in error.message
    assert "stored Sheet" in error.message


def test_every_wrong_field_is_told_up_to_a_handful() -> None:
    message = refusal({f"field{number}": number for number in range(9)}).message

    assert message.count("is not known") + message.count("is missing") == 5
    assert "and 7 more" in message  # nine that nobody knows, three that are missing


@pytest.mark.parametrize("record", [None, [], "text", 3])
def test_what_is_no_record_is_refused(record: object) -> None:
    assert "the whole is wrong" in refusal(record).message


def test_a_value_that_its_own_class_refuses_is_refused_in_those_words() -> None:
    with pytest.raises(InputError, match="width -1") as caught:
        load(Sheet, SHEET.to_record() | {"width": -1})

    assert caught.value.field == "width"


@given(
    at=st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=8)), timezone(timedelta(hours=-3.5))])),
    sizes=st.dictionaries(st.text(), st.integers() | st.floats(allow_nan=False) | st.text()),
    width=st.none() | st.floats(min_value=0, allow_nan=False),
)
def test_any_value_survives(at: datetime, sizes: dict[str, float | int | str], width: float | None) -> None:
    sheet = Sheet("a", (Spot(at, Colour.BLUE),), sizes, width)

    assert load(Sheet, json.loads(json.dumps(dump(sheet)))) == sheet


def test_what_is_prepared_is_not_made_ready_again(monkeypatch: pytest.MonkeyPatch) -> None:
    @dataclass(frozen=True)
    class Local(Stored):
        size: int

    prepare_all()

    def made(kind: type[Stored]) -> None:
        raise AssertionError(kind)

    monkeypatch.setattr("springtide.stored.TypeAdapter", made)
    assert Sheet.from_record(SHEET.to_record()) == SHEET
    with pytest.raises(AssertionError):  # nobody finds its class by name: it is made ready when it is used
        Local(1).to_record()
