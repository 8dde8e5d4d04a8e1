"""The small language of values: what is accepted, what it is worth, and that it dumps back to its text."""

from __future__ import annotations

import pickle
from copy import deepcopy
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

from springtide.policy.language.units import (
    MAX_OBJECT_NAME,
    Duration,
    Factor,
    Name,
    ObjectName,
    Percent,
    Pods,
    Quantity,
    UrlPath,
    Written,
    shown,
)


class Everything(BaseModel):
    """One field of each kind."""

    duration: Duration = Duration("5m")
    percent: Percent = Percent("5%")
    factor: Factor = Factor("3x")
    quantity: Quantity = Quantity("100m")
    pods: Pods = Pods("25%")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("5m", 300), ("1h30m", 5400), ("28d", 2_419_200), ("1d2h3m4s", 93_784), ("0s", 0), ("90s", 90)],
)
def test_a_duration_is_worth_what_it_says(text: str, seconds: int) -> None:
    assert Duration.read(text).total_seconds() == seconds


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Percent, "5%", 0.05),
        (Percent, "12.5%", 0.125),
        (Percent, "100%", 1.0),
        (Percent, "0%", 0.0),
        (Factor, "3x", 3.0),
        (Factor, "1.5x", 1.5),
        (Quantity, "100m", Decimal("0.1")),
        (Quantity, "2", Decimal(2)),
        (Quantity, "1Gi", Decimal(2**30)),
        (Quantity, 2, Decimal(2)),
        (Quantity, 0.5, Decimal("0.5")),
    ],
)
def test_a_number_with_a_unit_is_worth_what_it_says(kind: type[Written], text: object, value: object) -> None:
    assert kind.read(text) == value


WRONG: dict[type[Written], list[object]] = {
    Duration: ["", "5", "5 m", "1.5h", "-5m", "5M", "30m1h", "5m5m", "٣m", "5m\n", 30, 30.0, None, True, [], {}],
    Percent: ["5", "5 %", "-5%", "05%", "1e1%", "%", 5, 0.05, None],
    Factor: ["3", "x", "-3x", "3 x", "300%", 3],
    Quantity: ["", "m", "-100m", "100 m", "100mm", "1e3", "nan", True, None],
    Pods: ["", "0", "-1", "1.5", "25 %", True, 0, 2.5, None],
}


@pytest.mark.parametrize(("kind", "wrong"), [(kind, wrong) for kind, several in WRONG.items() for wrong in several])
def test_every_other_notation_is_a_type_error_that_says_what_is_expected(kind: type[Written], wrong: object) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(kind).validate_python(wrong)

    (error,) = caught.value.errors()
    assert error["type"] == "policy_type"
    assert kind.expected in error["msg"]


@pytest.mark.parametrize(
    ("kind", "text", "code"),
    [
        (Percent, "100.1%", "policy_inconsistent"),
        (Pods, "101%", "policy_inconsistent"),
        (Pods, "0%", "policy_range"),
        (Pods, 10_001, "policy_range"),
        (Duration, "3651d", "policy_range"),
    ],
)
def test_what_is_written_well_but_too_much_has_its_own_code(kind: type[Written], text: object, code: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(kind).validate_python(text)

    assert [error["type"] for error in caught.value.errors()] == [code]


@pytest.mark.parametrize(
    ("text", "whole", "pods"),
    [("25%", 8, 2), ("25%", 7, 1), ("25%", 1, 1), ("1%", 3, 1), ("100%", 5, 5), ("29%", 100, 29), ("3", 2, 3)],
)
def test_some_pods_of_a_set_are_rounded_down_but_at_least_one(text: str, whole: int, pods: int) -> None:
    assert Pods(text).of(whole) == pods


@given(st.integers(0, 3650), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
@settings(deadline=None)
def test_a_length_written_as_a_duration_is_that_length_again(days: int, hours: int, minutes: int, seconds: int) -> None:
    length = min(timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds), timedelta(days=3650))

    assert Duration.of(length) == length
    assert Duration.read(str(Duration.of(length))) == length


def test_values_dump_to_the_text_that_was_written() -> None:
    written = {"duration": "90s", "percent": "12.50%", "factor": "3.0x", "quantity": "1500m", "pods": "3"}

    values = Everything.model_validate(written)

    assert values.model_dump(mode="json") == written
    assert Everything.model_validate(values.model_dump(mode="json")) == values
    assert [f"{value}" for _, value in values] == list(written.values())


@pytest.mark.parametrize("value", [Duration("1h30m"), Percent("5%"), Factor("3x"), Quantity("100m"), Pods("25%")])
def test_values_survive_pickling_and_copying(value: Written) -> None:
    copies = [pickle.loads(pickle.dumps(value)), deepcopy(value)]

    assert copies == [value, value]
    assert [copy.text for copy in copies] == [value.text, value.text]
    assert len({value, *copies}) == 1


@pytest.mark.parametrize("name", ["a", "checkout", "checkout-2", "0", "x" * 63])
def test_names_that_kubernetes_allows_pass(name: str) -> None:
    assert TypeAdapter(Name).validate_python(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "", " ", "x" * 64, "Web_App", "../etc", "%2e%2e%2f", "a/b", "a;rm -rf /", "$(id)", "{{ conf }}", "{% for %}",
        'a"} or up{x="', "a,tier=db", "a\x00", "a\r\nb", "-a", "a-", "a.b", "a\n",
    ],
)  # fmt: skip
def test_every_other_name_is_refused_on_one_line(name: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Name).validate_python(name)

    (error,) = caught.value.errors()
    assert error["type"] == "name_invalid"
    assert error["msg"].isascii()
    assert error["msg"].isprintable()


@pytest.mark.parametrize("name", ["a", "web.v2", "0.a-b.c", "x" * 63, "x" * MAX_OBJECT_NAME])
def test_a_deployment_may_have_dots_in_its_name(name: str) -> None:
    assert TypeAdapter(ObjectName).validate_python(name) == name


@pytest.mark.parametrize(
    "name",
    ["", ".", "a.", ".a", "a..b", "a.-b", "a-.b", "A.b", "a/b", "a_b", "a.b\n", "../etc", 'a"} or up{x="', "a|b",
     "x" * (MAX_OBJECT_NAME + 1), "a." * 10_000],
)  # fmt: skip
def test_every_other_name_of_a_deployment_is_refused_on_one_line(name: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(ObjectName).validate_python(name)

    (error,) = caught.value.errors()
    assert (error["type"], error["msg"].isprintable()) == ("name_invalid", True)


@pytest.mark.parametrize(
    ("name", "code_points"), [("\u0441heckout", "U+0441"), ("a\u202eb", "U+202E"), ("a🚀", "U+1F680")]
)
def test_look_alikes_are_shown_as_code_points(name: str, code_points: str) -> None:
    with pytest.raises(ValidationError, match=code_points.replace("+", r"\+")):
        TypeAdapter(Name).validate_python(name)


@pytest.mark.parametrize("path", ["/", "/healthz", "/a/b?x=1&y=http://z", "/@x", "/%2e"])
def test_paths_of_the_own_service_pass(path: str) -> None:
    assert TypeAdapter(UrlPath).validate_python(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "", "healthz", "//evil", "http://localhost/", "file:///etc/passwd", "gopher://x", "/a b", "/a\nHost: evil",
        "/ü", "/a\\b", "/a#b", "http://user:secret@host/", "169.254.169.254", "/" + "x" * 1024,
    ],
)  # fmt: skip
def test_anything_that_could_lead_elsewhere_is_refused_without_echoing_it(path: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(UrlPath).validate_python(path)

    (error,) = caught.value.errors()
    assert error["type"] == "url_not_allowed"
    assert "secret" not in error["msg"]


@given(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.lists(st.text())))
@settings(deadline=None)
def test_whatever_was_given_is_shown_short_and_on_one_line(value: object) -> None:
    text = shown(value)

    assert text.isascii()
    assert text.isprintable()
    assert len(text) < 700  # 60 characters, each as its longest escape


def test_enormous_numbers_are_not_written_out() -> None:
    assert shown(10**10_000) == "an enormous number"
