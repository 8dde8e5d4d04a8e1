"""Asking for a run and waiting for it: what is sent, what is sent again, and how each end is told."""

from __future__ import annotations

import json

import httpx
import pytest

from springtide.sdk import (
    Busy,
    Invalid,
    NotFound,
    NotLoggedIn,
    RunFailed,
    Server,
    Springtide,
    StillRunning,
    Unavailable,
)
from unit.sdk.conversation import (
    DONE,
    RUNNING,
    SERVER,
    STARTED,
    URL,
    Conversation,
    Talking,
    answer,
    asynchronously,
    both_clients,
    problem,
    synchronously,
)

GONE = httpx.ConnectError("refused")


class TestAsking:
    @both_clients
    def test_the_call_names_service_number_and_reason_in_the_caller_s_name(self, talk: Talking) -> None:
        told = Conversation([answer(STARTED, 202)])

        talk(told, SERVER, None, 12)

        (request,) = told.requests
        assert (request.method, request.url.path) == ("POST", "/af/springtide/scale/")
        assert dict(request.url.params) == {"name": "checkout", "pods": "12", "reason": "sale at noon"}
        assert request.headers["Authorization"] == "Bearer t0ken"

    @both_clients
    def test_what_nobody_answered_is_sent_again_with_the_same_key(self, talk: Talking) -> None:
        told = Conversation([GONE, httpx.ReadTimeout("slow"), answer(STARTED, 202)])

        talk(told, SERVER, None, 12)

        assert len({request.headers["Idempotency-Key"] for request in told.requests}) == 1
        assert told.pauses == [0.5, 1.0]

    def test_two_calls_have_two_keys_unless_the_caller_has_one(self) -> None:
        told = Conversation([answer(STARTED, 202)] * 3)
        with Springtide(SERVER, transport=httpx.MockTransport(told)) as springtide:
            springtide.scale("checkout", 12)
            springtide.scale("checkout", 12)
            springtide.scale("checkout", 12, key="mine", queue=True)

        keys = [request.headers["Idempotency-Key"] for request in told.requests]
        assert len(set(keys)) == 3
        assert keys[2] == "mine"
        assert told.requests[2].url.params["queue"] == "true"

    @both_clients
    def test_it_ends_after_the_retries(self, talk: Talking) -> None:
        told = Conversation([GONE] * 3)

        with pytest.raises(Unavailable, match="does not answer: refused") as raised:
            talk(told, SERVER, None, 12)

        assert raised.value.code == "server_unreachable"
        assert len(told.requests) == 3

    @both_clients
    def test_it_waits_as_long_as_the_server_asks(self, talk: Talking) -> None:
        busy = problem(429, "rate_limited", headers={"Retry-After": "7"})
        told = Conversation([busy, answer(STARTED, 202)])

        talk(told, SERVER, None, 12)

        assert told.pauses == [7]

    @both_clients
    def test_a_refusal_is_not_sent_again(self, talk: Talking) -> None:
        told = Conversation([problem(422, "pods_too_many", "pods: 400 is above 120.", field="pods")])

        with pytest.raises(Invalid) as raised:
            talk(told, SERVER, None, 400)

        error = raised.value
        assert (error.code, error.field, error.message) == ("pods_too_many", "pods", "pods: 400 is above 120.")
        assert told.pauses == []

    @both_clients
    def test_a_busy_service_leads_to_the_run_that_has_it(self, talk: Talking) -> None:
        run = {"run_id": "other", "link": "/dags/scale_service/runs/other"}
        told = Conversation([problem(409, "service_busy", run=run)])

        with pytest.raises(Busy) as raised:
            talk(told, SERVER, None, 12)

        assert raised.value.link == f"{URL}/dags/scale_service/runs/other"


class TestLoggingIn:
    SERVER = Server(url=URL, user="ann", password="secret", retries=2)

    @both_clients
    def test_user_and_password_are_changed_for_a_token(self, talk: Talking) -> None:
        told = Conversation([answer({"access_token": "fresh"}, 201), answer(STARTED, 202)])

        talk(told, self.SERVER, None, 12)

        login, call = told.requests
        assert (login.url.path, json.loads(login.content)) == (
            "/af/auth/token",
            {"username": "ann", "password": "secret"},
        )
        assert call.headers["Authorization"] == "Bearer fresh"

    @both_clients
    def test_a_token_that_is_over_is_changed_once(self, talk: Talking) -> None:
        token = answer({"access_token": "fresh"}, 201)
        over = problem(401, "token_invalid")
        told = Conversation([token, over, token, answer(STARTED, 202)])

        talk(told, self.SERVER, None, 12)

        assert len({request.headers.get("Idempotency-Key") for request in told.requests[1::2]}) == 1

    @both_clients
    def test_one_that_is_refused_again_is_an_error(self, talk: Talking) -> None:
        token = answer({"access_token": "fresh"}, 201)
        over = problem(401, "token_invalid")

        with pytest.raises(NotLoggedIn):
            talk(Conversation([token, over, token, over]), self.SERVER, None, 12)

    def test_no_secret_is_shown(self) -> None:
        assert "secret" not in repr(self.SERVER)
        assert "t0ken" not in repr(SERVER)


class TestWaiting:
    @both_clients
    def test_each_change_is_told_until_it_has_ended(self, talk: Talking) -> None:
        told = Conversation(
            [answer(STARTED, 202), problem(404, "run_unknown"), answer(RUNNING), answer(RUNNING), answer(DONE)]
        )

        ended = talk(told, SERVER, 60, 12)

        assert ended is not None
        assert (ended.outcome, ended.link) == ("succeeded", f"{URL}{STARTED['link']}")
        assert told.progress == ["checkout 6 → 12", "checkout 6 → 12 in 41 s"]
        assert told.requests[1].url.path.endswith("/springtide/api/v1/runs/checkout__20261129T120000_ab12cd")

    @both_clients
    def test_a_run_that_ends_otherwise_is_an_error_with_its_words(self, talk: Talking) -> None:
        record = {
            "outcome": "rolled_back",
            "headline": "checkout 6 → 12, rolled back: the smoke test failed",
            "error_code": "smoke_failed",
            "error": "0 of 10 answered 200",
        }

        with pytest.raises(RunFailed, match="rolled back: the smoke test failed") as raised:
            talk(Conversation([answer(STARTED, 202), answer(record)]), SERVER, 60, 12)

        assert (raised.value.code, raised.value.link) == ("smoke_failed", f"{URL}{STARTED['link']}")

    @pytest.mark.parametrize("outcome", ["succeeded", "nothing_to_do", "planned_only"])
    @both_clients
    def test_what_was_asked_for_is_no_error(self, talk: Talking, outcome: str) -> None:
        ended = talk(Conversation([answer(STARTED, 202), answer({"outcome": outcome})]), SERVER, 60, 12)

        assert ended is not None
        assert ended.outcome == outcome

    @pytest.mark.parametrize("outcome", ["failed", "needs_attention", "halted", "refused", "something_new"])
    @both_clients
    def test_every_other_end_is_one(self, talk: Talking, outcome: str) -> None:
        with pytest.raises(RunFailed, match=outcome):
            talk(Conversation([answer(STARTED, 202), answer({"outcome": outcome})]), SERVER, 60, 12)

    @both_clients
    def test_the_wait_has_an_end_and_the_run_goes_on(self, talk: Talking) -> None:
        told = Conversation([answer(STARTED, 202), *[answer(RUNNING)] * 20])

        with pytest.raises(StillRunning, match="goes on after 10 s") as raised:
            talk(told, SERVER, 10, 12)

        assert raised.value.link == f"{URL}{STARTED['link']}"
        assert 10 <= told.clock() < 11

    @both_clients
    def test_a_server_that_is_away_for_a_while_ends_no_wait(self, talk: Talking) -> None:
        told = Conversation([answer(STARTED, 202), GONE, problem(503, "x", headers={"Retry-After": "5"}), answer(DONE)])

        ended = talk(told, SERVER, 60, 12)

        assert ended is not None
        assert ended.is_ended

    @both_clients
    def test_one_that_stays_away_is_told_at_the_end_of_the_wait(self, talk: Talking) -> None:
        with pytest.raises(StillRunning, match="The last look failed"):
            talk(Conversation([answer(STARTED, 202), *[GONE] * 20]), SERVER, 10, 12)

    @both_clients
    def test_an_address_that_is_not_there_is_no_queued_run(self, talk: Talking) -> None:
        with pytest.raises(NotFound):
            talk(Conversation([answer(STARTED, 202), problem(404, "page_unknown")]), SERVER, 60, 12)


def test_a_plan_starts_nothing() -> None:
    record = {"policy": "checkout", "current": 6, "replicas": 12, "reason": "12 are asked for"}
    told = Conversation([answer(record)])
    with Springtide(SERVER, transport=httpx.MockTransport(told)) as springtide:
        plan = springtide.plan("checkout", 12)

    assert (plan.current, plan.replicas, plan.reason) == (6, 12, "12 are asked for")
    assert told.requests[0].method == "GET"


def test_both_clients_say_the_same() -> None:
    asked = [Conversation([GONE, answer(STARTED, 202), answer(RUNNING), answer(DONE)]) for _ in range(2)]

    assert synchronously(asked[0], SERVER, 60) == asynchronously(asked[1], SERVER, 60)
    assert asked[0].pauses == asked[1].pauses
