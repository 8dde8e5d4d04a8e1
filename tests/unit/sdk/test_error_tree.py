"""Which error an answer means, and where each stands in the tree."""

from __future__ import annotations

import pytest

from springtide import sdk
from springtide.sdk import (
    Busy,
    Conflict,
    Invalid,
    Misconfigured,
    NotAllowed,
    NotFound,
    NotLoggedIn,
    PermanentError,
    Server,
    ServerFault,
    SpringtideError,
    TemporaryError,
    TooManyRequests,
    Unavailable,
    UnexpectedAnswer,
)
from springtide.sdk.exchange import Lost, Reply
from springtide.sdk.problems import document_of, error_of

URL = "https://airflow.example"
LATER = {"retry-after": "5"}


def reply(status: int, text: str, headers: dict[str, str] | None = None) -> Reply:
    return Reply(status=status, text=text, headers=headers or {})


@pytest.mark.parametrize(
    ("status", "code", "headers", "kind"),
    [
        (400, "parameter_unknown", {}, Invalid),
        (401, "token_invalid", {}, NotLoggedIn),
        (403, "not_allowed", {}, NotAllowed),
        (404, "service_unknown", {}, NotFound),
        (405, "use_post", {}, Invalid),
        (409, "service_busy", {}, Busy),
        (409, "run_in_progress", {}, Busy),
        (409, "dag_paused", {}, Conflict),
        (409, "key_conflict", {}, Conflict),
        (413, "body_too_large", {}, Invalid),
        (415, "json_expected", {}, Invalid),
        (422, "pods_too_many", {}, Invalid),
        (429, "rate_limited", LATER, TooManyRequests),
        (500, "internal_error", {}, ServerFault),
        (503, "cluster_unreachable", LATER, Unavailable),
        (503, "rbac_missing", {}, Misconfigured),
        (418, "teapot", {}, UnexpectedAnswer),
    ],
)
def test_springtide_s_own_answers(status: int, code: str, headers: dict[str, str], kind: type[SpringtideError]) -> None:
    text = f'{{"code": "{code}", "detail": "What to do.", "field": "pods"}}'

    error = error_of(reply(status, text, headers), URL)

    assert type(error) is kind
    assert error is not None
    assert (error.code, error.message, error.field) == (code, "What to do.", "pods")
    assert isinstance(error, TemporaryError) == bool(headers)


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (None, Unavailable, "nothing came back"),
        (Lost("refused"), Unavailable, "does not answer: refused"),
        (reply(502, "<html>Bad Gateway</html>"), Unavailable, "answered 502"),
        (reply(401, '{"detail": "Not authenticated"}'), NotLoggedIn, "Not authenticated"),
        (reply(403, '{"detail": "Forbidden"}'), NotAllowed, "Forbidden"),
        (reply(404, '{"detail": "Not Found"}'), UnexpectedAnswer, "Is it Airflow's address"),
        (reply(302, ""), UnexpectedAnswer, "answered 302"),
    ],
    ids=["nothing", "lost", "proxy", "login", "right", "address", "redirect"],
)
def test_answers_of_others(answer: Reply | Lost | None, kind: type[SpringtideError], words: str) -> None:
    error = error_of(answer, URL)

    assert type(error) is kind
    assert words in str(error)


def test_a_page_is_no_answer() -> None:
    page = reply(200, "<html>Log in</html>")

    assert error_of(page, URL) is None
    with pytest.raises(UnexpectedAnswer, match="Is it Airflow's address"):
        document_of(page, URL)


@pytest.mark.parametrize(("advice", "seconds"), [("5", 5.0), ("86400", 60.0), ("soon", None), ("-1", None)])
def test_an_advice_to_wait_is_taken_within_bounds(advice: str, seconds: float | None) -> None:
    error = error_of(reply(429, '{"code": "rate_limited"}', {"retry-after": advice}), URL)

    assert isinstance(error, TooManyRequests)
    assert error.retry_after == seconds


def test_every_error_is_temporary_or_permanent() -> None:
    families = [kind for kind in vars(sdk).values() if isinstance(kind, type) and issubclass(kind, SpringtideError)]
    roots = {SpringtideError, TemporaryError, PermanentError}

    assert len(families) == 17
    assert [kind for kind in families if kind not in roots and kind.__base__ not in roots - {SpringtideError}] == []


class TestTheServer:
    def test_the_environment_names_it(self) -> None:
        environment = {"SPRINGTIDE_URL": "http://airflow:8080/", "SPRINGTIDE_USER": "ann", "SPRINGTIDE_PASSWORD": "x"}

        assert Server.from_env(environment) == Server(url="http://airflow:8080", user="ann", password="x")

    @pytest.mark.parametrize(
        ("environment", "code"),
        [
            ({}, "url_required"),
            ({"SPRINGTIDE_URL": "airflow:8080", "SPRINGTIDE_TOKEN": "t"}, "url_scheme"),
            ({"SPRINGTIDE_URL": "http://", "SPRINGTIDE_TOKEN": "t"}, "url_scheme"),
            ({"SPRINGTIDE_URL": "http://airflow:8080"}, "auth_required"),
            ({"SPRINGTIDE_URL": "http://airflow:8080", "SPRINGTIDE_USER": "ann"}, "auth_required"),
        ],
        ids=["nothing", "no scheme", "no host", "nobody", "no password"],
    )
    def test_what_is_missing_is_told(self, environment: dict[str, str], code: str) -> None:
        with pytest.raises(PermanentError) as raised:
            Server.from_env(environment)

        assert raised.value.code == code
